//! What sockets of POSIX can do beside reading and writing.

use std::task::Poll;
use std::time::Duration;

use super::world::Side::{Client, Server};
use super::world::{PORT, Pair, World, cx, pattern};
use crate::event::State;
use crate::stack::SocketError;
use crate::tcp::{self, SendFlags};
use crate::wire::tcp::Flags;

const PATIENCE: Duration = Duration::from_secs(100);

#[test]
fn what_waits_in_the_buffers_can_be_asked_for() {
    let mut world = World::new();
    let pair = world.open();
    world.write_all(Client, pair.client, &pattern(5000));
    let ask = |world: &mut World| {
        let client = world.stack(Client);
        let sent = (client.unacknowledged(pair.client), client.unsent(pair.client));
        (sent, world.stack(Server).unread(pair.server))
    };
    assert_eq!(ask(&mut world), ((Ok(5000), Ok(5000)), Ok(0)));
    world.turn();
    assert_eq!(ask(&mut world), ((Ok(5000), Ok(0)), Ok(0)));
    world.pass(Duration::from_millis(100));
    assert_eq!(ask(&mut world), ((Ok(0), Ok(0)), Ok(5000)));
    let dropped = world.stack(Server).poll_discard(pair.server, 4990, &mut cx());
    assert!(matches!(dropped, Poll::Ready(Ok(4990))), "{dropped:?}");
    world.expect(Server, pair.server, &pattern(5000)[4990..]);
    assert!(world.stack(Server).poll_discard(pair.server, 1, &mut cx()).is_pending());
}

#[test]
fn a_close_that_lingers_can_wait_for_the_last_acknowledgment() {
    let mut world = World::new();
    let pair = world.open();
    world.write_all(Client, pair.client, &pattern(5000));
    world.shutdown(Client, pair.client);
    let finished = |world: &mut World| world.stack(Client).poll_finished(pair.client, &mut cx());
    assert_eq!(finished(&mut world), Poll::Pending);
    assert_eq!(world.stack(Client).tables().wakers, 1);
    world.run(PATIENCE, |world| finished(world).is_ready());
    assert_eq!(world.state(Client, pair.client), State::FinWait2);

    let pair = world.open_another();
    world.write_all(Client, pair.client, b"x");
    world.abort(Client, pair.client);
    let finished = world.stack(Client).poll_finished(pair.client, &mut cx());
    assert_eq!(finished, Poll::Ready(Err(SocketError::Aborted)));
}

#[test]
fn a_socket_that_is_disconnected_keeps_its_settings() {
    let mut world = World::new();
    let pair = world.open();
    world.stack(Client).set_nodelay(pair.client, true).unwrap();
    let config = world.stack(Client).disconnect(pair.client).unwrap();
    assert!(config.nodelay);
    assert_eq!(world.stack(Client).disconnect(pair.client), Err(SocketError::NotConnected));
    let reset = Some(SocketError::Reset);
    world.run(PATIENCE, |world| world.stack(Server).connection_error(pair.server) == reset);

    // In SYN-SENT nobody has to be told.
    let mark = world.trace.len();
    let opening = world.stack(Client).connect(None, Server.addr(PORT + 1), Some(config)).unwrap();
    assert!(world.stack(Client).disconnect(opening).unwrap().nodelay);
    world.turn();
    assert_eq!(world.trace.len(), mark);

    let listener = world.stack(Server).listen(Server.addr(PORT + 2), 5).unwrap();
    let (local, _) = world.stack(Server).disconnect_listener(listener).unwrap();
    assert_eq!(local, Server.addr(PORT + 2));
    assert!(world.stack(Server).disconnect_listener(listener).is_err());
}

#[test]
fn writes_of_which_more_is_to_follow_make_one_segment() {
    let mut world = World::new();
    let pair = world.open();
    world.stack(Client).set_nodelay(pair.client, true).unwrap();
    let mark = world.trace.len();
    let more = SendFlags { more: true, ..SendFlags::default() };
    for _ in 0..3 {
        let written = world.stack(Client).poll_send_with(pair.client, b"part", more, &mut cx());
        assert!(matches!(written, Poll::Ready(Ok(4))));
        world.pass(Duration::from_millis(10));
    }
    assert_eq!(world.trace.len(), mark);
    world.write_all(Client, pair.client, b"end");
    world.pass(Duration::from_millis(10));
    assert_eq!(world.trace[mark].2.payload, "partpartpartend");
    // To turn off the delay, though it is off, sends what waits.
    let written = world.stack(Client).poll_send_with(pair.client, b"part", more, &mut cx());
    assert!(written.is_ready());
    world.stack(Client).set_nodelay(pair.client, true).unwrap();
    world.pass(Duration::from_millis(10));
    world.expect(Server, pair.server, b"partpartpartendpart");
}

/// TCP_DEFER_ACCEPT: the connection comes with its first text.
#[test]
fn a_listener_can_wait_for_the_first_text() {
    let mut world = World::new();
    let config = tcp::Config {
        defer_accept: Some(Duration::from_secs(3)),
        ..world.stack(Server).config().tcp.clone()
    };
    let listener = world.stack(Server).listen_with(Server.addr(PORT), 16, Some(config)).unwrap();
    let client = world.connect();
    world.pass(Duration::from_millis(500));
    assert_eq!(world.connected(Client, client), Some(Ok(())));
    assert_eq!(world.accept(listener), None);
    world.write_all(Client, client, b"hello");
    world.pass(Duration::from_millis(50));
    let server = world.accept(listener).unwrap();
    world.expect(Server, server, b"hello");

    // One that says nothing comes when the time is over: by the acknowledgment of another SYN-ACK.
    let silent = world.connect();
    let begun = world.now;
    let mark = world.trace.len();
    let mut accepted = None;
    world.run(PATIENCE, |world| {
        accepted = accepted.or_else(|| world.accept(listener));
        accepted.is_some()
    });
    let waited = world.now - begun;
    assert!((Duration::from_secs(3)..Duration::from_secs(4)).contains(&waited), "{waited:?}");
    let syn_acks = world.trace[mark..]
        .iter()
        .filter(|(_, _, segment)| segment.flags == Flags::SYN | Flags::ACK);
    assert_eq!(syn_acks.count(), 2, "while it waits it does not ask again and again");
    assert_eq!(world.connected(Client, silent), Some(Ok(())));
}

/// A queue for one is full with one, and that is no flood (as Linux): the peer, which takes the connection for open, is
/// still asked once more before the time is over.
#[test]
fn a_listener_for_one_can_wait_for_text_as_well() {
    let mut world = World::new();
    let config = tcp::Config {
        defer_accept: Some(Duration::from_secs(3)),
        syn_retransmission_limit: 1,
        ..world.stack(Server).config().tcp.clone()
    };
    let listener = world.stack(Server).listen_with(Server.addr(PORT), 1, Some(config)).unwrap();
    let client = world.connect();
    let mut server = None;
    world.run(PATIENCE, |world| {
        server = server.or_else(|| world.accept(listener));
        server.is_some()
    });
    let pair = Pair { client, server: server.expect("it is given when the time is over") };
    assert_eq!(world.states(&pair), (State::Established, State::Established));
}

#[test]
fn what_a_listener_announces_is_its_own() {
    let mut world = World::new();
    let mut config = world.stack(Server).config().tcp.clone();
    assert!(config.limit_segments(Some(1000)) && !config.limit_segments(Some(40)));
    config.fix_receive_buffer(30_000);
    config.syn_retransmission_limit = 1;
    let listener = world.stack(Server).listen_with(Server.addr(PORT), 16, Some(config)).unwrap();
    let client = world.connect();
    let pair = world.accepted(listener, client);
    let (_, _, syn_ack) = world.trace.iter().find(|(_, side, _)| *side == Server).unwrap();
    assert_eq!((syn_ack.options.mss, syn_ack.window), (Some(1000), 30_000));
    let (client, server) = (world.info(Client, pair.client), world.info(Server, pair.server));
    assert_eq!((client.mss, server.mss), (988, 988), "both send no larger ones");
    assert_eq!(server.details.advertised_mss, 1000);
    world.stack(Server).configure_listener(listener, |config| config.oob_inline = true).unwrap();
    let client = world.connect();
    let pair = world.accepted(listener, client);
    assert!(world.stack(Server).tcp_config(pair.server).unwrap().oob_inline);
}

#[test]
fn a_writer_is_woken_when_little_is_left_to_be_sent() {
    let mut world = World::with_tcp(|config| config.notsent_low = Some(10_000));
    let pair = world.open();
    let mut written = 0;
    while let Some(Ok(taken)) = world.write(Client, pair.client, &[1; 200_000]) {
        written += taken;
        assert!(written < 200_000, "it never has to wait");
    }
    assert_eq!(world.stack(Client).tables().wakers, 1);
    world.run(PATIENCE, |world| {
        while let Some(Ok(chunk)) = world.read(Server, pair.server) {
            assert!(!chunk.is_empty());
        }
        world.stack(Client).tables().wakers == 0
    });
    let unsent = world.info(Client, pair.client).details.unsent;
    assert!(unsent < 5_000, "{unsent} bytes wait");
}

/// The figures of TCP_INFO.
#[test]
fn the_figures_add_up() {
    let mut world = World::new();
    let pair = world.open();
    world.transfer(&pair, Client, 200_000, PATIENCE);
    world.pass(Duration::from_secs(1));
    let (client, server) = (world.info(Client, pair.client), world.info(Server, pair.server));
    assert_eq!(client.details.text_segments_out, server.details.text_segments_in);
    assert!(client.details.text_segments_out >= 200_000 / 1448);
    assert!(client.details.segments_out >= client.details.text_segments_out);
    assert!(
        client.details.segments_in > 3
            && server.details.segments_out >= client.details.segments_in - 2
    );
    assert_eq!(
        (client.details.bytes_retransmitted, client.details.segments_lost, client.details.dsacks),
        (0, 0, 0)
    );
    assert_eq!(client.details.recovery, tcp::Recovery::Open);
    assert!(client.details.min_rtt.unwrap() >= Duration::from_millis(10));
    assert!(client.details.delivery_rate.unwrap() > 100_000);
    assert!(client.details.busy >= Duration::from_millis(30), "{:?}", client.details.busy);
    assert_eq!(client.details.peer_window_limited, Duration::ZERO);
    assert_eq!((client.details.path_mtu, client.details.advertised_mss), (1500, 1460));
    assert!(client.details.timestamps && client.details.sack);
    let busy = client.details.busy;
    world.pass(Duration::from_secs(5));
    let later = world.info(Client, pair.client);
    assert_eq!(later.details.busy, busy, "nothing was to be done since");
    assert!(later.details.since_sent >= Duration::from_secs(5), "{:?}", later.details.since_sent);
}

#[test]
fn the_peers_window_is_told_from_other_reasons_to_wait() {
    let mut world = World::with_tcp(|config| config.fix_receive_buffer(5_000));
    let pair = world.open();
    world.write_all(Client, pair.client, &pattern(20_000));
    world.pass(Duration::from_secs(2));
    let waits = world.info(Client, pair.client);
    assert!(waits.details.peer_window_limited > Duration::from_millis(1800), "{waits:?}");
    assert!(waits.details.busy >= waits.details.peer_window_limited);
    assert!(waits.details.backoff > 0 && waits.details.timeouts == 0, "{waits:?}");
}
