//! Closed windows, and windows that open a little.

use super::world::Side::{Client, Server};
use super::world::{Fate, Pair, World, deliver_all, drop_numbers, pattern};
use crate::event::{Cause, Event, Limit, State, Why};
use crate::stack::SocketError;
use crate::time::{Duration, Instant};

const SECOND: Duration = Duration::from_secs(1);

/// A connection whose server reads nothing, to which the client has written 30,000 bytes.
fn stalled(buffer: u32) -> (World, Pair, Vec<u8>) {
    let mut world = World::with_tcp(|config| config.receive_buffer = buffer);
    world.observe();
    let pair = world.open();
    let data = pattern(30_000);
    world.write_all(Client, pair.client, &data);
    world.pass(3 * SECOND);
    assert_eq!(world.info(Server, pair.server).receive_queue, buffer);
    assert_eq!(world.info(Client, pair.client).snd_wnd, 0);
    (world, pair, data)
}

fn read_all(world: &mut World, pair: &Pair, len: usize) -> Vec<u8> {
    let mut got = Vec::new();
    world.run(300 * SECOND, |world| {
        world.drain(Server, pair.server, &mut got);
        got.len() >= len
    });
    got
}

/// When the client probed.
fn probes(world: &World) -> Vec<Instant> {
    let probe = |(at, side, event): (Instant, _, Event)| match event {
        Event::Sent { why: Why::ZeroWindowProbe, .. } if side == Client => Some(at),
        _ => None,
    };
    world.events().into_iter().filter_map(probe).collect()
}

#[test]
fn a_closed_window_is_probed_for_as_long_as_the_peer_answers() {
    let (mut world, pair, data) = stalled(10_000);
    world.pass(3600 * SECOND);
    let times = probes(&world);
    let gaps: Vec<Duration> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!((30..45).contains(&times.len()), "{} probes in an hour", times.len());
    for pair in gaps.windows(2) {
        let doubled = (pair[0] * 2).min(120 * SECOND);
        assert!(pair[1].abs_diff(doubled) < Duration::from_millis(20), "{gaps:?}");
    }
    assert_eq!(world.states(&pair), (State::Established, State::Established));
    assert!(world.texts_by(Client).all(|(at, _)| at < times[0]), "probes carry no text");
    assert_eq!(read_all(&mut world, &pair, data.len()), data);
    world.close_both(&pair);
    world.assert_quiet_end();
}

#[test]
fn an_opened_window_is_told_at_once() {
    let (mut world, pair, data) = stalled(10_000);
    world.pass(100 * SECOND);
    let before = world.now;
    let mark = world.trace.len();
    assert_eq!(read_all(&mut world, &pair, data.len()), data);
    assert!(world.now - before < Duration::from_millis(60));
    assert_eq!(world.shape(mark)[0], "S ACK");
    assert!(world.whys(Server).contains(&Why::WindowUpdate));
    world.close_both(&pair);
    world.assert_quiet_end();
}

#[test]
fn a_lost_window_update_is_found_by_a_probe() {
    let (mut world, pair, data) = stalled(10_000);
    world.judge = drop_numbers([0], |side, _| side == Server);
    world.pass(Duration::from_millis(1));
    let mut got = Vec::new();
    world.drain(Server, pair.server, &mut got);
    world.pass(Duration::from_millis(20));
    assert_eq!(world.info(Client, pair.client).snd_wnd, 0, "the update was lost");
    let rest = data.len() - got.len();
    got.extend(read_all(&mut world, &pair, rest));
    assert_eq!(got, data);
    assert!(!probes(&world).is_empty());
    world.close_both(&pair);
    world.assert_quiet_end();
}

#[test]
fn a_peer_that_no_longer_answers_probes_is_given_up() {
    let (mut world, pair, _) = stalled(10_000);
    world.pass(1000 * SECOND);
    world.judge = Box::new(|side, _| if side == Server { Fate::Drop } else { Fate::Deliver });
    world.run(3000 * SECOND, |world| world.state(Client, pair.client) == State::Closed);
    assert_eq!(world.read(Client, pair.client), Some(Err(SocketError::TimedOut)));
    let limit = |(_, _, event): &(_, _, Event)| {
        matches!(event, Event::StateChanged { cause: Cause::RetransmissionLimit, .. })
    };
    assert!(world.events().iter().any(limit));
    world.judge = deliver_all();
    world.close_both(&pair);
    world.assert_quiet_end();
}

#[test]
fn the_user_timeout_ends_a_window_nobody_answers_for() {
    let (mut world, pair, _) = stalled(10_000);
    world.stack(Client).set_user_timeout(pair.client, Some(50 * SECOND)).unwrap();
    world.pass(500 * SECOND);
    assert_eq!(world.state(Client, pair.client), State::Established, "the peer answers");
    world.judge = Box::new(|side, _| if side == Server { Fate::Drop } else { Fate::Deliver });
    world.run(300 * SECOND, |world| world.state(Client, pair.client) == State::Closed);
    world.judge = deliver_all();
    world.close_both(&pair);
    world.assert_quiet_end();
}

/// The FIN waits for room like any octet, and the application need not wait for it.
#[test]
fn a_fin_waits_for_the_window() {
    let (mut world, pair, data) = stalled(10_000);
    world.close(Client, pair.client);
    world.pass(500 * SECOND);
    let mut got = Vec::new();
    world.run(300 * SECOND, |world| world.drain(Server, pair.server, &mut got));
    assert_eq!(got, data);
    world.close(Server, pair.server);
    world.assert_quiet_end();
    assert_eq!(world.stack(Client).counters().tcp_resets_sent, 0);
}

#[test]
fn a_fin_alone_finds_a_window_of_zero() {
    let mut world = World::with_tcp(|config| config.receive_buffer = 5000);
    let pair = world.open();
    let data = pattern(5000);
    world.write_all(Client, pair.client, &data);
    world.pass(SECOND);
    world.shutdown(Client, pair.client);
    world.pass(100 * SECOND);
    assert_eq!(world.state(Server, pair.server), State::Established);
    let mut got = Vec::new();
    world.run(300 * SECOND, |world| world.drain(Server, pair.server, &mut got));
    assert_eq!(got, data);
    world.close_both(&pair);
    world.assert_quiet_end();
}

/// RFC 9293 3.8.6.2.2: a reader of single bytes must not make the sender send single bytes.
#[test]
fn a_reader_of_single_bytes_causes_no_flood() {
    for buffer in [1000, 4000, 65_536] {
        let mut world = World::with_tcp(|config| config.receive_buffer = buffer);
        let pair = world.open();
        let len = 3 * buffer as usize;
        let data = pattern(len);
        world.write_all(Client, pair.client, &data);
        world.pass(SECOND);
        let mark = world.trace.len();
        let mut got = Vec::new();
        let end = world.now + 60 * SECOND;
        while got.len() < len && world.now < end {
            if let Some(byte) = world.read_at_most(Server, pair.server, 1) {
                got.extend_from_slice(&byte.unwrap());
            }
            world.pass(Duration::from_micros(100));
        }
        assert_eq!(got, data);
        let step = 1448.min(buffer as usize / 2);
        let segments = world.trace.len() - mark;
        assert!(segments < 4 * len / step + 20, "{buffer}: {segments} segments");
        let texts: Vec<usize> = world.texts_by(Client).map(|(_, seg)| seg.payload.len()).collect();
        let small = texts.iter().filter(|text| **text < step / 2).count();
        assert!(small <= 3, "{buffer}: {small} small segments of {}", texts.len());
        world.close_both(&pair);
        world.assert_quiet_end();
    }
}

/// RFC 9293 3.8.6.2.1: what is left of the window is not worth a segment while others are out.
#[test]
fn a_sender_does_not_use_a_silly_window() {
    let mut world = World::with_tcp(|config| config.receive_buffer = 4000);
    world.observe();
    let pair = world.open();
    world.pass(SECOND / 10);
    let mark = world.trace.len();
    world.write_all(Client, pair.client, &pattern(20_000));
    world.turn();
    assert_eq!(world.shape(mark), ["C ACK 1448", "C PSH,ACK 1448"], "and not the 1,104 that fit");
    let silly = |(_, _, event): &(_, _, Event)| {
        matches!(event, Event::Limited { by: Limit::SillyWindow, .. })
    };
    assert!(world.events().iter().any(silly));
    let got = read_all(&mut world, &pair, 20_000);
    assert_eq!(got, pattern(20_000));
    world.close_both(&pair);
    world.assert_quiet_end();
}

/// A window that is never worth a segment is used when the override timer has fired.
#[test]
fn a_silly_window_is_used_after_a_while() {
    let mut world = World::with_tcp(|config| config.receive_buffer = 4000);
    let pair = world.open();
    world.write_all(Client, pair.client, &pattern(20_000));
    world.pass(5 * SECOND);
    assert_eq!(world.info(Server, pair.server).receive_queue, 4000, "filled to the last byte");
    assert_eq!(read_all(&mut world, &pair, 20_000), pattern(20_000));
    world.close_both(&pair);
    world.assert_quiet_end();
}
