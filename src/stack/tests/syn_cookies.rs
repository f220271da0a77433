//! A SYN queue that is full, and connections all the same (RFC 4987 3.6).

use super::world::Side::{Client, Server};
use super::world::{Fate, PORT, Pair, World, craft, pattern};
use crate::event::{Cause, Event, Refusal, State, Why};
use crate::stack::ListenerKey;
use crate::tcp::SYN_COOKIE_LIFETIME;
use crate::time::Duration;
use crate::wire::SeqNum;
use crate::wire::tcp::Flags;

const SECOND: Duration = Duration::from_secs(1);

/// A listener with room for one half-open connection, which somebody has who will never answer.
fn full(world: &mut World, backlog: usize) -> ListenerKey {
    let listener = world.stack(Server).listen(Server.addr(PORT), backlog).unwrap();
    for nth in 0..backlog as u16 {
        let from = ([10, 0, 0, 77], 7000 + nth).into();
        let syn =
            craft::segment(from, Server.addr(PORT), SeqNum::new(1), SeqNum::default(), Flags::SYN);
        world.inject(Server, craft::tcp(from, Server.addr(PORT), &syn));
    }
    world.turn();
    assert_eq!(world.stack(Server).half_open.len(), backlog);
    listener
}

/// Cookies sent, received, and what was none.
fn cookies(world: &mut World) -> [u64; 3] {
    let counters = world.stack(Server).counters();
    let [sent, received] = [counters.tcp_syn_cookies_sent, counters.tcp_syn_cookies_received];
    [sent, received, counters.tcp_syn_cookies_failed]
}

fn use_it(world: &mut World, pair: &Pair) {
    world.duplex(pair, [300_000, 300_000], 60 * SECOND);
}

#[test]
fn a_connection_is_made_of_what_comes_back() {
    let mut world = World::new();
    world.observe();
    let listener = full(&mut world, 1);
    let client = world.connect();
    let pair = world.accepted(listener, client);
    assert_eq!(cookies(&mut world), [1, 1, 0]);
    assert_eq!(world.stack(Server).half_open.len(), 1, "the one that was there");
    let (ours, theirs) = (world.info(Server, pair.server), world.info(Client, pair.client));
    for info in [&ours, &theirs] {
        assert!(info.details.sack && info.details.timestamps, "{info:?}");
    }
    let (snd, rcv) = ours.details.window_scales;
    assert_eq!((rcv, snd), theirs.details.window_scales);
    assert_eq!(ours.mss, theirs.mss);
    assert!(world.whys(Server).contains(&Why::SynCookie));
    let came = |(_, side, event): &(_, _, Event)| {
        let cause = Cause::SynCookie;
        *side == Server
            && matches!(event, Event::StateChanged { to: State::SynReceived, cause: why, .. } if *why == cause)
    };
    assert!(world.events().iter().any(came));
    use_it(&mut world, &pair);
}

#[test]
fn without_timestamps_it_has_neither_sack_nor_scaled_windows() {
    let mut world = World::with_tcp(|config| config.timestamps = false);
    let listener = full(&mut world, 1);
    let client = world.connect();
    let pair = world.accepted(listener, client);
    for (side, key) in [(Server, pair.server), (Client, pair.client)] {
        let details = world.info(side, key).details;
        assert_eq!((details.sack, details.window_scales), (false, (0, 0)));
    }
    use_it(&mut world, &pair);
}

#[test]
fn what_is_lost_goes_again() {
    let mut world = World::new();
    let listener = full(&mut world, 1);
    let mut seen = [0; 2];
    world.judge = Box::new(move |side, segment| {
        // The first cookie, and the first acknowledgment of one.
        let seen = &mut seen[usize::from(side == Client)];
        let counts = side == Server || !segment.syn();
        *seen += u32::from(counts);
        if counts && *seen == 1 { Fate::Drop } else { Fate::Deliver }
    });
    let client = world.connect();
    world.run(10 * SECOND, |world| world.connected(Client, client) == Some(Ok(())));
    world.write_all(Client, client, &pattern(100));
    let mut server = None;
    world.run(10 * SECOND, |world| {
        server = world.accept(listener);
        server.is_some()
    });
    world.expect(Server, server.unwrap(), &pattern(100));
    assert_eq!(cookies(&mut world), [2, 1, 0]);
}

#[test]
fn what_is_no_cookie_is_reset_and_so_is_an_old_one() {
    let mut world = World::new();
    full(&mut world, 1);
    let from = ([10, 0, 0, 78], 7000).into();
    let ack = |seq, ack| {
        let (seq, ack) = (SeqNum::new(seq), SeqNum::new(ack));
        let segment = craft::segment(from, Server.addr(PORT), seq, ack, Flags::ACK);
        craft::tcp(from, Server.addr(PORT), &segment)
    };
    world.inject(Server, ack(2, 77));
    world.turn();
    assert_eq!(cookies(&mut world), [0, 0, 0], "none is expected");

    let syn =
        craft::segment(from, Server.addr(PORT), SeqNum::new(1), SeqNum::default(), Flags::SYN);
    world.inject(Server, craft::tcp(from, Server.addr(PORT), &syn));
    world.turn();
    let cookie = world.sent_by(Server).last().map(|(_, segment)| segment.seq.value()).unwrap();
    world.inject(Server, ack(2, 77));
    world.turn();
    assert_eq!(cookies(&mut world), [1, 0, 1]);
    assert_eq!(world.refused(Server, Refusal::TcpPortClosed), 2);
    world.pass(SYN_COOKIE_LIFETIME);
    world.inject(Server, ack(2, cookie + 1));
    world.turn();
    assert_eq!(world.refused(Server, Refusal::TcpPortClosed), 3);
    assert_eq!(world.stack(Server).connections.len(), 0);
}

#[test]
fn a_cookie_that_finds_the_accept_queue_full_comes_again() {
    let mut world = World::new();
    let listener = full(&mut world, 2);
    let clients: Vec<_> = (0..3).map(|nth| world.connect_from(4000 + nth)).collect();
    world.pass(SECOND / 10);
    for &client in &clients {
        assert_eq!(world.connected(Client, client), Some(Ok(())));
        world.write_all(Client, client, &pattern(100));
    }
    world.pass(SECOND / 10);
    assert_eq!(world.stack(Server).half_open.len(), 2, "it keeps no room");
    assert!(world.refused(Server, Refusal::AcceptQueueFull) > 0);
    let mut servers = Vec::new();
    world.run(20 * SECOND, |world| {
        servers.extend(world.accept(listener));
        servers.len() == 3
    });
    for server in servers {
        world.expect(Server, server, &pattern(100));
    }
}

#[test]
fn without_them_a_syn_is_dropped() {
    let mut world = World::with(|_, config| config.syn_cookies = false);
    full(&mut world, 1);
    world.connect();
    world.pass(SECOND / 10);
    assert_eq!(world.refused(Server, Refusal::SynQueueFull), 1);
    assert_eq!(cookies(&mut world), [0, 0, 0]);
}
