//! Every way to open a connection, and to fail at it.

use std::collections::HashSet;
use std::sync::Arc;

use super::world::Side::{Client, Server};
use super::world::{
    Fate, PORT, Pair, World, config, craft, cx, drop_all, drop_numbers, fate_of, is, ready,
};
use crate::event::{Event, Refusal, State, Why};
use crate::stack::{ConnKey, SocketError};
use crate::tcp::Keepalive;
use crate::tcp::congestion::Algorithm;
use crate::time::{Duration, Instant};
use crate::wire::SeqNum;
use crate::wire::tcp::{Flags, Segment};

const SYN: Flags = Flags::SYN;
const ACK: Flags = Flags::ACK;

fn syn_ack() -> Flags {
    Flags::SYN | Flags::ACK
}

/// Data goes both ways, then both ends close, and nothing is left.
fn use_and_close(world: &mut World, pair: &Pair) {
    world.write_all(Client, pair.client, b"question");
    world.write_all(Server, pair.server, b"answer");
    world.pass(Duration::from_secs(5));
    world.expect(Server, pair.server, b"question");
    world.expect(Client, pair.client, b"answer");
    world.close_both(pair);
    world.assert_quiet_end();
}

#[test]
fn a_handshake_is_three_segments_with_all_options() {
    let mut world = World::new();
    let pair = world.open();
    assert_eq!(world.shape(0), ["C SYN", "S SYN,ACK", "C ACK"]);
    let [syn, answer, ack] = &world.trace[..] else { unreachable!() };
    let (syn, answer, ack) = (&syn.2, &answer.2, &ack.2);
    for opening in [syn, answer] {
        assert_eq!((opening.options.mss, opening.window), (Some(1460), 65_535));
        assert_eq!(opening.options.window_scale, Some(5), "a MiB needs five bits more");
        assert!(opening.options.sack_permitted);
    }
    let ts = |segment: &Segment| segment.options.timestamps.unwrap();
    assert_eq!(ts(syn).tsecr, 0);
    assert_eq!(ts(answer).tsecr, ts(syn).tsval);
    assert_eq!(ts(ack).tsecr, ts(answer).tsval);
    assert_eq!((answer.ack, ack.seq, ack.ack), (syn.seq + 1, syn.seq + 1, answer.seq + 1));
    assert_eq!((ack.options.mss, ack.options.window_scale), (None, None));
    assert_eq!(u32::from(ack.window) << 5, 1 << 20);
    assert_eq!(world.states(&pair), (State::Established, State::Established));
    assert_eq!(world.stack(Client).counters().tcp_active_opens, 1);
    assert_eq!(world.stack(Server).counters().tcp_passive_opens, 1);
    use_and_close(&mut world, &pair);
}

#[test]
fn a_lost_syn_is_sent_again_after_a_second() {
    let mut world = World::new();
    world.judge = drop_numbers([0], |_, segment| is(segment, SYN));
    let pair = world.open();
    assert_eq!(world.shape(0), ["C SYN", "C SYN", "S SYN,ACK", "C ACK"]);
    let gap = world.trace[1].0 - world.trace[0].0;
    assert!((1000..1002).contains(&gap.as_millis()), "{gap:?}");
    assert_eq!(world.trace[0].2.seq, world.trace[1].2.seq);
    use_and_close(&mut world, &pair);
}

#[test]
fn a_lost_syn_ack_is_sent_again() {
    let mut world = World::new();
    world.judge = drop_numbers([0], |_, segment| is(segment, syn_ack()));
    let pair = world.open();
    let answers: Vec<_> = world.sent_by(Server).map(|(_, segment)| segment.seq).collect();
    assert!(answers.len() >= 2 && answers.iter().all(|seq| *seq == answers[0]));
    assert_eq!(world.stack(Server).counters().tcp_passive_opens, 1, "one connection");
    use_and_close(&mut world, &pair);
}

#[test]
fn a_lost_last_ack_is_made_good_by_the_syn_ack_again() {
    let mut world = World::new();
    world.judge = drop_numbers([0], |_, segment| is(segment, ACK));
    let pair = world.open();
    assert_eq!(world.shape(0), ["C SYN", "S SYN,ACK", "C ACK", "S SYN,ACK", "C ACK"]);
    assert_eq!(world.refused(Client, Refusal::SynChallenged), 1);
    use_and_close(&mut world, &pair);
}

#[test]
fn a_lost_last_ack_is_made_good_by_data() {
    let mut world = World::new();
    world.judge = drop_numbers([0], |_, segment| is(segment, ACK));
    let listener = world.listen();
    let client = world.connect();
    world.write_all(Client, client, b"hello");
    world.pass(Duration::from_millis(100));
    // The acknowledgment and the text both wait for the SYN-ACK; only the first of them is lost.
    let server = world.accept(listener);
    let pair = match server {
        Some(server) => Pair { client, server },
        None => world.accepted(listener, client),
    };
    world.pass(Duration::from_secs(2));
    world.expect(Server, pair.server, b"hello");
    world.close_both(&pair);
    world.assert_quiet_end();
}

/// Both ends connect to each other from fixed ports in the same moment.
fn cross(world: &mut World) -> Pair {
    let (client, server) = (Client.addr(4000), Server.addr(5000));
    let client_key = world.stack(Client).connect(Some(client), server, None).unwrap();
    let server_key = world.stack(Server).connect(Some(server), client, None).unwrap();
    Pair { client: client_key, server: server_key }
}

fn both_connected(world: &mut World, pair: &Pair) -> bool {
    world.connected(Client, pair.client) == Some(Ok(()))
        && world.connected(Server, pair.server) == Some(Ok(()))
}

#[test]
fn a_simultaneous_open_survives_every_loss_among_its_first_six_segments() {
    for lost in 0u32..64 {
        let mut world = World::new();
        let numbers: Vec<usize> = (0..6).filter(|bit| lost & (1 << bit) != 0).collect();
        world.judge = drop_numbers(numbers, |_, _| true);
        let pair = cross(&mut world);
        world.run(Duration::from_secs(60), |world| both_connected(world, &pair));
        assert_eq!(world.states(&pair), (State::Established, State::Established));
        use_and_close(&mut world, &pair);
    }
}

/// The application need not wait for a simultaneous open before it closes.
#[test]
fn a_simultaneous_open_can_be_closed_before_it_is_done() {
    let mut world = World::new();
    let pair = cross(&mut world);
    world.run(Duration::from_secs(1), |world| {
        world.state(Client, pair.client) == State::SynReceived
    });
    world.write_all(Client, pair.client, b"hi");
    world.shutdown(Client, pair.client);
    world.pass(Duration::from_secs(10));
    let mut got = Vec::new();
    assert!(world.drain(Server, pair.server, &mut got), "the end of the stream");
    assert_eq!(got, b"hi");
    world.close_both(&pair);
    world.assert_quiet_end();
}

#[test]
fn a_closed_port_refuses() {
    let mut world = World::new();
    let client = world.connect();
    world.pass(Duration::from_millis(50));
    assert_eq!(world.shape(0), ["C SYN", "S RST,ACK"]);
    assert_eq!(world.trace[1].2.ack, world.trace[0].2.seq + 1);
    assert_eq!(world.connected(Client, client), Some(Err(SocketError::Refused)));
    assert_eq!(world.write(Client, client, b"x"), Some(Err(SocketError::Refused)));
    assert_eq!(world.refused(Server, Refusal::TcpPortClosed), 1);
    world.close(Client, client);
    world.assert_quiet_end();
}

/// RFC 6298 5.7: a path that took longer than the first time-out is sent data with three seconds.
#[test]
fn a_retransmitted_syn_makes_the_first_timeout_longer() {
    let mut world = World::new();
    world.judge = drop_numbers([0], |_, segment| is(segment, syn_ack()));
    let listener = world.listen();
    world.connect();
    let mut server = None;
    world.run(Duration::from_secs(10), |world| {
        server = server.or_else(|| world.accept(listener));
        server.is_some()
    });
    let rto = world.info(Server, server.unwrap()).rto;
    assert!(rto <= Duration::from_secs(3), "{rto:?}");
}

#[test]
fn what_a_syn_ack_has_said_stands_when_the_listener_is_configured() {
    let mut world = World::new();
    let listener = world.listen();
    let sizes = [500, 600, 700].map(Some);
    world.judge =
        Box::new(|side, seg| if side == Client && !seg.syn() { Fate::Drop } else { Fate::Deliver });
    let clients = sizes.map(|size| {
        let change = |config: &mut crate::tcp::Config| config.max_segment = size;
        world.stack(Server).configure_listener(listener, change).unwrap();
        let two = [(); 2].map(|()| world.connect());
        world.pass(Duration::from_millis(50));
        two
    });
    let stack = world.stack(Server);
    assert_eq!((stack.half_open.len(), stack.offered.len()), (6, 3), "each is kept once");
    world.judge = super::world::deliver_all();
    let mut servers = Vec::new();
    world.run(Duration::from_secs(60), |world| {
        servers.extend(world.accept(listener));
        servers.len() == 6
    });
    assert_eq!(world.stack(Server).offered.len(), 0);
    let said = |key: &ConnKey| world.info(Server, *key).details.advertised_mss;
    let mut said: Vec<u16> = servers.iter().map(said).collect();
    said.sort_unstable();
    assert_eq!(said, [500, 500, 600, 600, 700, 700]);
    clients.as_flattened().iter().for_each(|key| world.close(Client, *key));
    servers.iter().for_each(|key| world.close(Server, *key));
    world.assert_quiet_end();
}

/// As on Linux: what counts is what is set when the handshake ends.
#[test]
fn settings_of_the_listener_are_inherited() {
    let keepalive =
        Keepalive { idle: Duration::from_secs(60), interval: Duration::from_secs(10), count: 3 };
    let mut world = World::new();
    let listener = world.listen();
    let client = world.connect();
    let before = world.accepted(listener, client);
    let change = |config: &mut crate::tcp::Config| {
        (config.nodelay, config.keepalive) = (true, Some(keepalive));
        config.congestion = Algorithm::Tahoe;
    };
    world.stack(Server).configure_listener(listener, change).unwrap();
    let [first, second] = [(); 2].map(|()| {
        let client = world.connect();
        world.accepted(listener, client)
    });
    let config = |world: &mut World, pair: &Pair| {
        world.stack(Server).connections[pair.server].tcb.config().clone()
    };
    assert_eq!(*config(&mut world, &before), world.stack(Server).config().tcp);
    let shared = config(&mut world, &first);
    assert_eq!((shared.nodelay, shared.keepalive), (true, Some(keepalive)));
    assert_eq!(shared.congestion, Algorithm::Tahoe);
    for pair in [&first, &second] {
        assert_eq!(world.info(Server, pair.server).congestion, Algorithm::Tahoe);
    }
    assert!(Arc::ptr_eq(&shared, &config(&mut world, &second)), "one for all");
    world.stack(Server).set_nodelay(first.server, false).unwrap();
    assert!(config(&mut world, &second).nodelay, "and a change is for one");

    let mark = world.trace.len();
    world.pass(Duration::from_secs(70));
    assert_eq!(world.shape(mark), ["S ACK", "C ACK", "S ACK", "C ACK"], "idle peers are probed");
    for pair in [before, first, second] {
        world.close_both(&pair);
    }
    world.assert_quiet_end();
}

#[test]
fn a_half_open_connection_is_forgotten_after_seven_syn_acks() {
    let mut world = World::new();
    world.listen();
    world.judge = Box::new(|side, _| if side == Server { Fate::Drop } else { Fate::Deliver });
    let client = world.connect();
    world.pass(Duration::from_millis(50));
    assert_eq!(world.stack(Server).half_open.len(), 1);
    world.abort(Client, client);
    world.close(Client, client);
    world.pass(Duration::from_secs(130));
    assert_eq!(world.stack(Server).half_open.len(), 0);
    assert_eq!(world.sent_by(Server).count(), 7);
    world.assert_quiet_end();
}

#[test]
fn duplicated_segments_of_the_handshake_do_no_harm() {
    let mut world = World::new();
    world.judge = Box::new(|_, _| Fate::Twice);
    let pair = world.open();
    assert_eq!(world.stack(Server).counters().tcp_passive_opens, 1);
    assert_eq!(world.states(&pair), (State::Established, State::Established));
    use_and_close(&mut world, &pair);
}

/// Opens `count` connections at once from ports 4000 on.
fn connect_many(world: &mut World, count: u16) -> Vec<ConnKey> {
    (0..count).map(|nth| world.connect_from(4000 + nth)).collect()
}

#[test]
fn the_syn_queue_is_bounded_and_those_refused_come_later() {
    let mut world = World::with(|_, config| config.syn_cookies = false);
    let listener = world.stack(Server).listen(Server.addr(PORT), 2).unwrap();
    world.judge =
        Box::new(|side, seg| if side == Client && !seg.syn() { Fate::Drop } else { Fate::Deliver });
    let clients = connect_many(&mut world, 5);
    world.pass(Duration::from_millis(500));
    assert_eq!(world.stack(Server).half_open.len(), 2);
    assert_eq!(world.refused(Server, Refusal::SynQueueFull), 3);
    let answered: HashSet<u16> = world.sent_by(Server).map(|(_, seg)| seg.dst_port).collect();
    assert_eq!(answered, HashSet::from([4000, 4001]));
    world.judge = super::world::deliver_all();
    let mut servers = Vec::new();
    world.run(Duration::from_secs(60), |world| {
        servers.extend(world.accept(listener));
        servers.len() == 5
    });
    assert!(clients.iter().all(|key| world.connected(Client, *key) == Some(Ok(()))));
    clients.iter().for_each(|key| world.close(Client, *key));
    servers.iter().for_each(|key| world.close(Server, *key));
    world.assert_quiet_end();
}

#[test]
fn a_syn_that_finds_the_accept_queue_full_waits_outside() {
    let mut world = World::new();
    let listener = world.stack(Server).listen(Server.addr(PORT), 2).unwrap();
    let mut clients = connect_many(&mut world, 2);
    world.pass(Duration::from_millis(50));
    clients.push(world.connect_from(5000));
    world.pass(Duration::from_millis(500));
    assert_eq!(world.refused(Server, Refusal::AcceptQueueFull), 1);
    assert_eq!(world.connected(Client, clients[2]), None);
    let mut servers = vec![world.accept(listener).unwrap(), world.accept(listener).unwrap()];
    world.run(Duration::from_secs(5), |world| {
        servers.extend(world.accept(listener));
        servers.len() == 3
    });
    clients.iter().for_each(|key| world.close(Client, *key));
    servers.iter().for_each(|key| world.close(Server, *key));
    world.assert_quiet_end();
}

/// The third connection is open for the client, yet the server has no place for it.
#[test]
fn an_ack_that_finds_the_accept_queue_full_completes_later() {
    let mut world = World::new();
    let listener = world.stack(Server).listen(Server.addr(PORT), 2).unwrap();
    world.judge = Box::new(|side, segment| match (side, segment.src_port) {
        (Client, 4001) if is(segment, ACK) => Fate::Late(Duration::from_millis(50)),
        (Client, 5000) if is(segment, ACK) => Fate::Late(Duration::from_millis(100)),
        _ => Fate::Deliver,
    });
    let mut clients = connect_many(&mut world, 2);
    world.pass(Duration::from_millis(20));
    clients.push(world.connect_from(5000));
    world.pass(Duration::from_millis(200));
    assert_eq!(world.refused(Server, Refusal::AcceptQueueFull), 1);
    assert_eq!(world.connected(Client, clients[2]), Some(Ok(())));
    world.write_all(Client, clients[2], b"early");
    let mut servers = vec![world.accept(listener).unwrap(), world.accept(listener).unwrap()];
    world.run(Duration::from_secs(10), |world| {
        servers.extend(world.accept(listener));
        servers.len() == 3
    });
    world.pass(Duration::from_secs(5));
    world.expect(Server, servers[2], b"early");
    clients.iter().for_each(|key| world.close(Client, *key));
    servers.iter().for_each(|key| world.close(Server, *key));
    world.assert_quiet_end();
}

#[test]
fn closing_a_listener_resets_who_waits_and_keeps_who_was_accepted() {
    let mut world = World::new();
    let listener = world.listen();
    let accepted = world.connect_from(4000);
    let pair = world.accepted(listener, accepted);
    let waiting = world.connect_from(4001);
    world.pass(Duration::from_millis(50));
    world.judge = drop_numbers([0], |_, segment| is(segment, ACK));
    let half_open = world.connect_from(4002);
    world.pass(Duration::from_millis(50));
    assert_eq!(world.stack(Server).half_open.len(), 1);
    world.stack(Server).close_listener(listener);
    world.pass(Duration::from_millis(50));
    assert_eq!(world.stack(Server).half_open.len(), 0);
    assert_eq!(world.read(Client, waiting), Some(Err(SocketError::Reset)));
    assert_eq!(world.connected(Client, half_open), Some(Ok(())), "it has not heard of it");
    world.write_all(Client, half_open, b"x");
    let late = world.connect_from(4003);
    world.pass(Duration::from_millis(50));
    assert_eq!(world.read(Client, half_open), Some(Err(SocketError::Reset)));
    assert_eq!(world.connected(Client, late), Some(Err(SocketError::Refused)));
    assert_eq!(
        ready(world.stack(Server).poll_accept(listener, &mut cx())),
        Some(Err(SocketError::StackGone))
    );
    [waiting, half_open, late].into_iter().for_each(|key| world.close(Client, key));
    use_and_close(&mut world, &pair);
}

#[test]
fn ephemeral_ports_are_unique_and_can_run_out() {
    let mut world = World::new();
    let mut ports = HashSet::new();
    let mut last = None;
    while let Ok(key) = world.stack(Client).connect(None, Server.addr(PORT), None) {
        let port = world.info(Client, key).local.port();
        assert!((32_768..=60_999).contains(&port) && ports.insert(port));
        last = Some(key);
    }
    assert_eq!(ports.len(), 28_232);
    let refused = world.stack(Client).connect(None, Server.addr(PORT), None);
    assert_eq!(refused, Err(SocketError::Exhausted));
    let other = world.stack(Client).connect(None, Server.addr(PORT + 1), None);
    assert!(other.is_ok(), "another destination has ports of its own");
    let port = world.info(Client, last.unwrap()).local.port();
    world.close(Client, last.unwrap());
    let key = world.connect();
    assert_eq!(world.info(Client, key).local.port(), port, "the one that became free");
}

#[test]
fn a_fixed_port_is_taken_once() {
    let mut world = World::new();
    world.connect_from(4000);
    let local = Some(Client.addr(4000));
    let again = world.stack(Client).connect(local, Server.addr(PORT), None);
    assert_eq!(again, Err(SocketError::AddrInUse));
    let foreign = Some(Server.addr(4000));
    let refused = world.stack(Client).connect(foreign, Server.addr(PORT), None);
    assert_eq!(refused, Err(SocketError::AddrNotAvailable));
}

/// RFC 9293 3.4.1: the initial sequence numbers of one pair of addresses go up with time.
#[test]
fn initial_sequence_numbers_of_one_tuple_go_up() {
    let mut world = World::new();
    let mut seen: Vec<(Instant, SeqNum)> = Vec::new();
    for _ in 0..10 {
        let key = world.connect_from(4000);
        world.pass(Duration::from_millis(300));
        assert_eq!(world.connected(Client, key), Some(Err(SocketError::Refused)));
        world.close(Client, key);
        let (at, _, syn) = &world.trace[world.trace.len() - 2];
        seen.push((*at, syn.seq));
    }
    for pair in seen.windows(2) {
        let ticks = (pair[1].0 - pair[0].0).as_micros() / 4;
        assert_eq!(u128::from(pair[1].1 - pair[0].1), ticks);
    }
}

/// A connection that the server closed first, so that the server is in TIME-WAIT.
fn server_in_time_wait(world: &mut World, listener: crate::stack::ListenerKey) {
    let client = world.connect_from(4000);
    let pair = world.accepted(listener, client);
    world.close(Server, pair.server);
    world.pass(Duration::from_millis(50));
    world.close(Client, pair.client);
    world.pass(Duration::from_millis(50));
    assert_eq!(world.stack(Server).time_wait.len(), 1);
    assert_eq!(world.stack(Client).connections.len(), 0);
}

/// RFC 6191: a newer timestamp is proof enough.
#[test]
fn a_new_connection_takes_the_place_of_one_in_time_wait() {
    let mut world = World::new();
    let listener = world.listen();
    server_in_time_wait(&mut world, listener);
    let mark = world.trace.len();
    let client = world.connect_from(4000);
    let pair = world.accepted(listener, client);
    assert_eq!(world.shape(mark), ["C SYN", "S SYN,ACK", "C ACK"]);
    assert_eq!(world.stack(Server).time_wait.len(), 0);
    use_and_close(&mut world, &pair);
}

/// What a peer without timestamps at an address that nobody has says to the server, and hears.
struct Stranger {
    seq: SeqNum,
    ack: SeqNum,
}

impl Stranger {
    fn addr() -> std::net::SocketAddr {
        ([10, 0, 0, 77], 7000).into()
    }

    /// Sends a segment and gives what the server has answered, if anything.
    fn say(&mut self, world: &mut World, flags: Flags) -> Option<Segment> {
        let mark = world.trace.len();
        let to = Server.addr(PORT);
        let segment = craft::segment(Self::addr(), to, self.seq, self.ack, flags);
        self.seq = segment.seq_end();
        world.inject(Server, craft::tcp(Self::addr(), to, &segment));
        world.turn();
        let answer = world.trace[mark..].last().map(|(_, _, segment)| segment.clone());
        if let Some(answer) = &answer {
            self.ack = answer.seq_end();
        }
        answer
    }
}

/// RFC 1122 4.2.2.13: without timestamps, a sequence number beyond the last one is.
#[test]
fn without_timestamps_a_later_sequence_number_ends_time_wait() {
    let mut world = World::new();
    let listener = world.listen();
    let mut stranger = Stranger { seq: SeqNum::new(u32::MAX - 1), ack: SeqNum::default() };
    assert!(is(&stranger.say(&mut world, SYN).unwrap(), syn_ack()));
    assert_eq!(stranger.say(&mut world, ACK), None);
    let server = world.accept(listener).unwrap();
    world.close(Server, server);
    world.turn();
    let fin = world.trace.last().unwrap().2.clone();
    assert!(is(&fin, Flags::FIN | ACK));
    stranger.ack = fin.seq_end();
    let last = stranger.say(&mut world, Flags::FIN | ACK).unwrap();
    assert!(is(&last, ACK));
    assert_eq!(world.stack(Server).time_wait.len(), 1);

    let end = stranger.seq;
    stranger.seq = end - 1000;
    let answer = stranger.say(&mut world, SYN).unwrap();
    assert!(is(&answer, ACK), "an old duplicate is acknowledged");
    assert_eq!((answer.ack, world.stack(Server).time_wait.len()), (end, 1));

    stranger.seq = end + 1000;
    let answer = stranger.say(&mut world, SYN).unwrap();
    assert!(is(&answer, syn_ack()));
    assert!(answer.seq.after(last.seq), "its numbers go on after the old ones");
    assert_eq!(world.stack(Server).time_wait.len(), 0);
    stranger.say(&mut world, ACK);
    let server = world.accept(listener).unwrap();
    assert_eq!(world.state(Server, server), State::Established);
}

/// An old SYN from the same tuple, delivered during the life of a later connection.
#[test]
fn an_old_duplicate_syn_is_challenged() {
    let mut world = World::new();
    world.judge = fate_of(Fate::Late(Duration::from_secs(3)), [0], |_, seg| is(seg, SYN));
    let listener = world.listen();
    let client = world.connect();
    let pair = world.accepted(listener, client);
    world.pass(Duration::from_secs(5));
    assert!(
        world.refused(Server, Refusal::SynChallenged) + world.refused(Server, Refusal::Paws) > 0
    );
    use_and_close(&mut world, &pair);
}

/// A half-open connection shows what it sends as its control block would.
#[test]
fn a_half_open_connection_shows_relative_numbers_and_the_scaled_window() {
    let mut world = World::new();
    world.observe();
    world.checker = None;
    world.judge = fate_of(Fate::Drop, [0], |_, seg| is(seg, syn_ack()));
    world.listen();
    world.connect_from(4000);
    world.pass(Duration::from_millis(50));
    let answer = world.sent_by(Server).map(|(_, segment)| segment.clone()).last().unwrap();
    assert_eq!(answer.flags, syn_ack());
    let (from, to) = (Client.addr(4000), Server.addr(PORT));
    let beyond = craft::segment(from, to, answer.ack + (1 << 30), answer.seq + 1, Flags::ACK);
    let echoed = answer.options.timestamps.unwrap();
    let beyond = craft::stamped(beyond, echoed.tsecr, echoed.tsval);
    world.inject(Server, craft::tcp(from, to, &beyond));
    world.turn();
    let field = world.sent_by(Server).map(|(_, segment)| segment.window).last().unwrap();
    let shown = |wanted| {
        let sent = |(_, by, event)| match event {
            Event::Sent { why, segment, .. } if by == Server && why == wanted => Some(segment),
            _ => None,
        };
        let view = world.events().into_iter().find_map(sent).unwrap();
        (view.seq - view.seq_base, view.ack - view.ack_base, view.window)
    };
    assert_eq!(shown(Why::Handshake), (0, 1, 65_535), "the window of a SYN is never scaled");
    assert_eq!(shown(Why::Challenge), (1, 1, u32::from(field) << 5));
}

#[test]
fn options_are_only_answered_when_offered() {
    let mut world = World::of(config(Client), config(Server));
    world.listen();
    let mut stranger = Stranger { seq: SeqNum::new(1), ack: SeqNum::default() };
    let answer = stranger.say(&mut world, SYN).unwrap();
    assert_eq!(answer.options.mss, Some(1460));
    assert_eq!((answer.options.window_scale, answer.options.timestamps), (None, None));
    assert!(!answer.options.sack_permitted);
}

#[test]
fn an_open_without_an_answer_ends_after_seven_syns() {
    let mut world = World::new();
    world.judge = drop_all();
    let client = world.connect();
    world.run(Duration::from_secs(200), |world| {
        world.connected(Client, client) == Some(Err(SocketError::TimedOut))
    });
    let times: Vec<Instant> = world.trace.iter().map(|(at, ..)| *at).collect();
    let gaps: Vec<u64> = times.windows(2).map(|pair| (pair[1] - pair[0]).as_secs()).collect();
    assert_eq!(gaps, [1, 2, 4, 8, 16, 32]);
    let end = world.now - times[6];
    assert_eq!(end.as_secs(), 64, "the last SYN is waited for as well");
    assert!(world.trace.iter().all(|(_, _, segment)| is(segment, SYN)));
    assert_eq!(world.stack(Client).counters().tcp_retransmissions, 6);
    world.close(Client, client);
    world.assert_quiet_end();
}

#[test]
fn syns_that_cross_make_one_connection() {
    let mut world = World::new();
    let pair = cross(&mut world);
    world.run(Duration::from_secs(1), |world| both_connected(world, &pair));
    assert_eq!(world.shape(0), ["C SYN", "S SYN", "C SYN,ACK", "S SYN,ACK"]);
    for side in [Client, Server] {
        let info = world.info(side, pair.of(side));
        assert_eq!(
            (info.state, info.snd_wnd),
            (State::Established, 65_535 >> 5 << 5),
            "not scaled"
        );
    }
    use_and_close(&mut world, &pair);
}
