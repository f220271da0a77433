//! Every way to end a connection.

use super::world::Side::{Client, Server};
use super::world::{
    Fate, Pair, World, craft, deliver_all, drop_all, drop_numbers, fate_of, is, pattern,
};
use crate::event::{Cause, Event, Refusal, State, Why};
use crate::stack::SocketError;
use crate::tcp::Keepalive;
use crate::time::Duration;
use crate::wire::tcp::Flags;

const RST_ACK: Flags = Flags::from_bits(Flags::RST.bits() | Flags::ACK.bits());

/// An open connection, and how many segments that took.
fn opened() -> (World, Pair, usize) {
    let mut world = World::new();
    world.observe();
    let pair = world.open();
    world.pass(Duration::from_millis(50));
    let mark = world.trace.len();
    (world, pair, mark)
}

/// The changes of state of `side` since it was open.
fn journey(world: &World, side: super::world::Side) -> Vec<(State, Cause)> {
    let change = |(_, by, event)| match event {
        Event::StateChanged { to, cause, .. } if by == side => Some((to, cause)),
        _ => None,
    };
    let all = world.events().into_iter().filter_map(change);
    all.skip_while(|(state, _)| *state != State::Established).skip(1).collect()
}

#[test]
fn the_client_closes_first() {
    let (mut world, pair, mark) = opened();
    world.close(Client, pair.client);
    world.pass(Duration::from_millis(50));
    assert_eq!(world.state(Server, pair.server), State::CloseWait);
    world.expect(Server, pair.server, b"");
    world.close(Server, pair.server);
    world.pass(Duration::from_millis(50));
    assert_eq!(world.shape(mark), ["C FIN,ACK", "S ACK", "S FIN,ACK", "C ACK"]);
    assert_eq!((world.stack(Client).time_wait.len(), world.stack(Server).time_wait.len()), (1, 0));
    world.assert_quiet_end();
    assert_eq!(
        journey(&world, Client),
        [
            (State::FinWait1, Cause::UserClose),
            (State::FinWait2, Cause::FinAcked),
            (State::TimeWait, Cause::FinArrived),
            (State::Closed, Cause::TimeWaitOver),
        ]
    );
    assert_eq!(
        journey(&world, Server),
        [
            (State::CloseWait, Cause::FinArrived),
            (State::LastAck, Cause::UserClose),
            (State::Closed, Cause::FinAcked),
        ]
    );
}

#[test]
fn the_server_closes_first() {
    let (mut world, pair, mark) = opened();
    world.close(Server, pair.server);
    world.pass(Duration::from_millis(50));
    world.close(Client, pair.client);
    world.pass(Duration::from_millis(50));
    assert_eq!(world.shape(mark), ["S FIN,ACK", "C ACK", "C FIN,ACK", "S ACK"]);
    assert_eq!((world.stack(Client).time_wait.len(), world.stack(Server).time_wait.len()), (0, 1));
    world.assert_quiet_end();
}

/// Any of the segments of an orderly close may be lost, once or twice.
#[test]
fn every_close_survives_every_loss() {
    for order in 0..3 {
        for lost in 0u32..64 {
            let (mut world, pair, _) = opened();
            let numbers: Vec<usize> = (0..6).filter(|bit| lost & (1 << bit) != 0).collect();
            world.judge = drop_numbers(numbers, |_, _| true);
            match order {
                0 => world.close(Client, pair.client),
                1 => world.close(Server, pair.server),
                _ => world.close_both(&pair),
            }
            world.pass(Duration::from_millis(u64::from(lost) * 10));
            world.close_both(&pair);
            world.assert_quiet_end();
            for side in [Client, Server] {
                let end = journey(&world, side).last().copied().unwrap();
                assert_eq!(end.0, State::Closed);
                let fine = matches!(end.1, Cause::TimeWaitOver | Cause::FinAcked);
                assert!(fine, "order {order}, lost {lost:06b}: {side:?} ended by {:?}", end.1);
            }
        }
    }
}

#[test]
fn half_closed_data_flows_on_for_long() {
    let (mut world, pair, _) = opened();
    world.write_all(Client, pair.client, b"request");
    world.shutdown(Client, pair.client);
    world.pass(Duration::from_secs(1));
    assert_eq!(world.states(&pair), (State::FinWait2, State::CloseWait));
    assert_eq!(world.write(Client, pair.client, b"x"), Some(Err(SocketError::BrokenPipe)));
    let mut got = Vec::new();
    assert!(world.drain(Server, pair.server, &mut got), "the end of the stream");
    assert_eq!(got, b"request");
    for _ in 0..50 {
        world.stream(&pair, Server, 20_000);
        world.pass(Duration::from_secs(100));
    }
    assert_eq!(world.states(&pair), (State::FinWait2, State::CloseWait));
    world.transfer(&pair, Server, 100_000, Duration::from_secs(10));
    world.close_both(&pair);
    world.assert_quiet_end();
}

#[test]
fn a_lost_fin_is_sent_again() {
    let (mut world, pair, mark) = opened();
    world.judge = drop_numbers([0], |_, segment| segment.fin());
    world.close(Client, pair.client);
    world.pass(Duration::from_secs(2));
    assert_eq!(world.shape(mark), ["C FIN,ACK", "C FIN,ACK", "S ACK"]);
    assert_eq!(world.trace[mark].2.seq, world.trace[mark + 1].2.seq);
    assert!(world.whys(Client).contains(&Why::TailLossProbe));
    world.close(Server, pair.server);
    world.assert_quiet_end();
}

#[test]
fn a_lost_ack_of_the_fin_is_sent_again() {
    let (mut world, pair, mark) = opened();
    world.judge = drop_numbers([0], |side, segment| side == Server && is(segment, Flags::ACK));
    world.close(Client, pair.client);
    world.pass(Duration::from_secs(2));
    assert_eq!(world.shape(mark), ["C FIN,ACK", "S ACK", "C FIN,ACK", "S ACK"]);
    assert_eq!(world.refused(Server, Refusal::SequenceOld), 1);
    world.close(Server, pair.server);
    world.assert_quiet_end();
}

/// The record in TIME-WAIT answers the FIN that comes again, and its time starts anew.
#[test]
fn time_wait_answers_a_lost_last_ack_and_starts_anew() {
    let (mut world, pair, mark) = opened();
    world.close(Client, pair.client);
    world.pass(Duration::from_millis(50));
    world.judge = drop_numbers([0, 1, 2], |side, _| side == Client);
    world.close(Server, pair.server);
    world.pass(Duration::from_millis(11));
    let first = world.now;
    assert_eq!(world.stack(Client).time_wait.len(), 1);
    world.run(Duration::from_secs(10), |world| world.stack(Server).connections.is_empty());
    let fins = world.sent_by(Server).filter(|(_, segment)| segment.fin()).count();
    assert_eq!(fins, 4, "the original and three more");
    assert_eq!(world.refused(Client, Refusal::TimeWaitSegment), 3);
    let last = world.trace.last().unwrap().0;
    world.pass(Duration::from_secs(60) - (world.now - first));
    assert_eq!(world.stack(Client).time_wait.len(), 1, "it started anew");
    world.run(Duration::from_secs(60), |world| world.stack(Client).time_wait.is_empty());
    let waited = world.now - last;
    assert!((60_000..60_001).contains(&waited.as_millis()), "{waited:?}");
    assert!(world.shape(mark).len() >= 7);
    world.assert_quiet_end();
}

#[test]
fn a_fin_follows_data_in_flight() {
    let (mut world, pair, mark) = opened();
    let data = pattern(5000);
    world.write_all(Client, pair.client, &data);
    world.close(Client, pair.client);
    world.pass(Duration::from_millis(4));
    let sizes = ["C ACK 1448", "C ACK 1448", "C ACK 1448", "C FIN,PSH,ACK 656"];
    assert_eq!(world.shape(mark), sizes, "one burst, the FIN on its last segment");
    let mut got = Vec::new();
    world.run(Duration::from_secs(5), |world| world.drain(Server, pair.server, &mut got));
    assert_eq!(got, data);
    world.close(Server, pair.server);
    world.assert_quiet_end();
}

/// A FIN that arrives before what precedes it waits.
#[test]
fn a_fin_may_arrive_before_the_data() {
    let (mut world, pair, _) = opened();
    let late = Fate::Late(Duration::from_millis(20));
    world.judge = fate_of(late, [0, 2], |_, segment| !segment.payload.is_empty());
    let data = pattern(5000);
    world.write_all(Client, pair.client, &data);
    world.close(Client, pair.client);
    world.pass(Duration::from_millis(6));
    assert_eq!(world.state(Server, pair.server), State::Established);
    let mut got = Vec::new();
    world.run(Duration::from_secs(5), |world| world.drain(Server, pair.server, &mut got));
    assert_eq!(got, data);
    assert_eq!(world.state(Server, pair.server), State::CloseWait);
    world.close(Server, pair.server);
    world.assert_quiet_end();
}

/// RFC 2525 2.17: who will not read says so.
#[test]
fn closing_with_unread_data_resets() {
    let (mut world, pair, _) = opened();
    world.write_all(Client, pair.client, b"never read");
    world.pass(Duration::from_millis(100));
    let mark = world.trace.len();
    world.close(Server, pair.server);
    world.pass(Duration::from_millis(50));
    assert_eq!(world.shape(mark), ["S RST,ACK"]);
    assert_eq!(world.read(Client, pair.client), Some(Err(SocketError::Reset)));
    assert_eq!(world.write(Client, pair.client, b"x"), Some(Err(SocketError::Reset)));
    assert_eq!(world.stack(Server).counters().tcp_resets_sent, 1);
    world.close(Client, pair.client);
    world.assert_quiet_end();
}

#[test]
fn data_for_a_closed_reader_resets() {
    let (mut world, pair, _) = opened();
    world.close(Server, pair.server);
    world.pass(Duration::from_millis(50));
    let mark = world.trace.len();
    world.write_all(Client, pair.client, b"anybody there?");
    world.pass(Duration::from_millis(50));
    assert_eq!(world.shape(mark), ["C PSH,ACK 14", "S RST,ACK"]);
    assert_eq!(world.refused(Server, Refusal::TextAfterClose), 1);
    let mut got = Vec::new();
    assert!(world.drain(Client, pair.client, &mut got), "the FIN came before the reset");
    assert_eq!(world.write(Client, pair.client, b"x"), Some(Err(SocketError::Reset)));
    world.close(Client, pair.client);
    world.assert_quiet_end();
}

#[test]
fn lingering_for_no_time_resets() {
    let (mut world, pair, mark) = opened();
    world.stack(Client).set_linger(pair.client, Some(Duration::ZERO)).unwrap();
    world.write_all(Client, pair.client, b"lost");
    world.close(Client, pair.client);
    world.pass(Duration::from_millis(50));
    assert_eq!(world.shape(mark), ["C RST,ACK"]);
    assert_eq!(world.read(Server, pair.server), Some(Err(SocketError::Reset)));
    world.close(Server, pair.server);
    world.assert_quiet_end();
}

#[test]
fn what_is_not_done_when_linger_is_over_is_reset() {
    let (mut world, pair, _) = opened();
    world.stack(Client).set_linger(pair.client, Some(Duration::from_secs(3))).unwrap();
    world.judge = drop_all();
    world.write_all(Client, pair.client, b"not acknowledged");
    world.close(Client, pair.client);
    world.pass(Duration::from_millis(2999));
    assert_eq!(world.stack(Client).connections.len(), 1);
    world.judge = deliver_all();
    let mark = world.trace.len();
    world.pass(Duration::from_millis(20));
    // The reset lies beyond the lost data, so it is challenged, and the answer to that is exact.
    assert_eq!(world.shape(mark), ["C RST,ACK", "S ACK", "C RST"]);
    assert_eq!(journey(&world, Client).last(), Some(&(State::Closed, Cause::LingerTimeout)));
    assert_eq!(world.stack(Client).connections.len(), 0);
    assert_eq!(world.read(Server, pair.server), Some(Err(SocketError::Reset)));
    assert_eq!(world.refused(Server, Refusal::ResetChallenged), 1);
    world.close(Server, pair.server);
    world.assert_quiet_end();
}

#[test]
fn lingering_does_no_harm_to_an_orderly_close() {
    let (mut world, pair, mark) = opened();
    world.stack(Client).set_linger(pair.client, Some(Duration::from_secs(3))).unwrap();
    world.write_all(Client, pair.client, b"all of it");
    world.close(Client, pair.client);
    world.pass(Duration::from_secs(10));
    world.expect(Server, pair.server, b"all of it");
    world.close(Server, pair.server);
    world.assert_quiet_end();
    assert!(!world.shape(mark).iter().any(|line| line.contains("RST")));
}

#[test]
fn an_abort_resets_in_every_state_that_is_open() {
    for state in [State::Established, State::FinWait2, State::CloseWait] {
        let (mut world, pair, _) = opened();
        match state {
            State::FinWait2 => world.shutdown(Client, pair.client),
            State::CloseWait => world.shutdown(Server, pair.server),
            _ => {}
        }
        world.pass(Duration::from_millis(50));
        assert_eq!(world.state(Client, pair.client), state);
        let mark = world.trace.len();
        world.abort(Client, pair.client);
        assert_eq!(world.write(Client, pair.client, b"x"), Some(Err(SocketError::Aborted)));
        world.pass(Duration::from_millis(50));
        assert_eq!(world.shape(mark), ["C RST,ACK"]);
        assert_eq!(world.state(Server, pair.server), State::Closed);
        world.close_both(&pair);
        world.assert_quiet_end();
    }
}

#[test]
fn an_abort_before_the_answer_sends_nothing() {
    let mut world = World::new();
    world.listen();
    world.judge = drop_all();
    let client = world.connect();
    world.pass(Duration::from_millis(50));
    world.abort(Client, client);
    world.close(Client, client);
    world.pass(Duration::from_millis(50));
    assert_eq!(world.shape(0), ["C SYN"]);
    world.assert_quiet_end();
}

/// RFC 1337: otherwise an old reset could end TIME-WAIT early.
#[test]
fn a_reset_in_time_wait_is_ignored() {
    let (mut world, pair, _) = opened();
    let (client, server) = (world.info(Client, pair.client).local, Server.addr(80));
    world.close(Client, pair.client);
    world.pass(Duration::from_millis(50));
    world.close(Server, pair.server);
    world.pass(Duration::from_millis(50));
    let last = world.trace.last().unwrap().2.clone();
    let mark = world.trace.len();
    let reset = craft::segment(server, client, last.ack, last.seq, RST_ACK);
    world.inject(Client, craft::tcp(server, client, &reset));
    world.pass(Duration::from_millis(50));
    assert_eq!(world.refused(Client, Refusal::TimeWaitReset), 1);
    assert_eq!(world.stack(Client).time_wait.len(), 1);
    assert_eq!(world.trace.len(), mark, "no answer");
    world.assert_quiet_end();
}

/// Nobody can read any more, and the peer does not close: it is not waited for without end.
#[test]
fn an_orphan_in_fin_wait_2_is_given_up() {
    let (mut world, pair, mark) = opened();
    world.close(Client, pair.client);
    world.pass(Duration::from_secs(59));
    assert_eq!(world.stack(Client).connections.len(), 1);
    world.pass(Duration::from_secs(2));
    assert_eq!(world.stack(Client).connections.len(), 0);
    assert_eq!(journey(&world, Client).last(), Some(&(State::Closed, Cause::FinWait2Timeout)));
    assert_eq!(world.shape(mark), ["C FIN,ACK", "S ACK"]);
    world.write_all(Server, pair.server, b"too late");
    world.pass(Duration::from_millis(50));
    assert_eq!(world.write(Server, pair.server, b"x"), Some(Err(SocketError::Reset)));
    world.close(Server, pair.server);
    world.assert_quiet_end();
}

#[test]
fn a_stack_that_shuts_down_closes_everything_in_order() {
    let mut world = World::new();
    world.observe();
    let listener = world.listen();
    let pairs: Vec<Pair> = (0..3)
        .map(|nth| {
            let client = world.connect_from(4000 + nth);
            world.accepted(listener, client)
        })
        .collect();
    let data = pattern(50_000);
    world.write_all(Server, pairs[0].server, &data);
    world.stack(Server).shutdown();
    let refused = world.stack(Server).connect(None, Client.addr(1), None);
    assert_eq!(refused, Err(SocketError::StackGone));
    let late = world.connect_from(5000);
    let mut got = Vec::new();
    world.run(Duration::from_secs(10), |world| world.drain(Client, pairs[0].client, &mut got));
    assert_eq!(got, data);
    assert_eq!(world.connected(Client, late), Some(Err(SocketError::Refused)));
    pairs.iter().for_each(|pair| world.close_both(pair));
    world.close(Client, late);
    world.assert_quiet_end();
    assert_eq!(world.stack(Server).counters().tcp_resets_sent, 1, "only for the late one");
}

/// What the record in TIME-WAIT sends is shown as its control block would have shown it.
#[test]
fn time_wait_shows_relative_numbers_and_the_scaled_window() {
    let (mut world, pair, _) = opened();
    world.write_all(Client, pair.client, b"12345");
    world.close(Client, pair.client);
    world.pass(Duration::from_millis(50));
    world.expect(Server, pair.server, b"12345");
    world.close(Server, pair.server);
    world.pass(Duration::from_millis(50));
    let shown = world.events().into_iter().rev().find_map(|(_, by, event)| match event {
        Event::Sent { state: State::TimeWait, segment, .. } if by == Client => Some(segment),
        _ => None,
    });
    let shown = shown.expect("it has acknowledged the FIN");
    assert_eq!(shown.seq - shown.seq_base, 7, "after SYN, five bytes and FIN");
    assert_eq!(shown.ack - shown.ack_base, 2, "after SYN and FIN");
    let field = world.sent_by(Client).map(|(_, segment)| segment.window).last().unwrap();
    assert_eq!(shown.window, u32::from(field) << 5, "a buffer of 1 MiB takes a shift of 5");
}

/// From some moment on nothing arrives any more: every connection comes to its end.
#[test]
fn a_peer_that_vanishes_is_given_up() {
    type Prepare = fn(&mut World, &Pair);
    let cases: [(&str, Prepare); 5] = [
        ("sending", |world, pair| world.write_all(Client, pair.client, &pattern(100_000))),
        ("closing", |world, pair| world.shutdown(Client, pair.client)),
        ("closed", |world, pair| world.close(Client, pair.client)),
        ("last ack", |world, pair| {
            world.judge = deliver_all();
            world.close(Server, pair.server);
            world.pass(Duration::from_millis(50));
            world.judge = drop_all();
            world.close(Client, pair.client);
        }),
        ("both closing", |world, pair| world.close_both(pair)),
    ];
    for (name, prepare) in cases {
        let (mut world, pair, _) = opened();
        world.judge = drop_all();
        prepare(&mut world, &pair);
        let start = world.now;
        world.run(Duration::from_secs(2000), |world| {
            let stack = world.stack(Client);
            stack.connection_count() == 0 || stack.next_deadline().is_none()
        });
        let took = (world.now - start).as_secs();
        assert!((900..1200).contains(&took), "{name}: {took} s");
        let end = journey(&world, Client).last().copied();
        assert_eq!(end, Some((State::Closed, Cause::RetransmissionLimit)), "{name}");
        if name == "sending" {
            assert_eq!(world.read(Client, pair.client), Some(Err(SocketError::TimedOut)));
            let times: Vec<_> = world.whys(Client);
            assert!(times.contains(&Why::Rto(15)) && !times.contains(&Why::Rto(16)));
        }
        world.close_both(&pair);
        world.assert_quiet_end();
    }
}

/// With a lower limit they stop doubling sooner, and it takes as long until the connection is given up.
#[test]
fn a_limit_of_the_time_out_makes_for_more_of_them() {
    let (mut world, pair, mark) = opened();
    world.stack(Client).set_rto_max(pair.client, Duration::from_secs(5)).unwrap();
    world.judge = drop_all();
    world.write_all(Client, pair.client, b"x");
    let start = world.now;
    world.run(Duration::from_secs(2000), |world| {
        world.write(Client, pair.client, b"") == Some(Err(SocketError::TimedOut))
    });
    assert!((900..1200).contains(&(world.now - start).as_secs()), "{:?}", world.now - start);
    let sent = world.trace[mark..].iter().filter(|(_, _, seg)| !seg.payload.is_empty());
    let times: Vec<_> = sent.map(|(at, ..)| *at).collect();
    let gaps: Vec<_> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let is_limit = |gap: &Duration| gap.abs_diff(Duration::from_secs(5)) < Duration::from_millis(1);
    let (growing, limited) = gaps.split_at(gaps.iter().position(is_limit).unwrap());
    assert!(growing.len() < 8 && growing.iter().all(|gap| *gap < Duration::from_secs(5)));
    assert!(limited.iter().all(is_limit), "{gaps:?}");
}

/// The gaps between retransmissions double up to two minutes (RFC 6298 5.5).
#[test]
fn retransmissions_back_off() {
    let (mut world, pair, mark) = opened();
    world.judge = drop_all();
    world.write_all(Client, pair.client, b"x");
    world.run(Duration::from_secs(2000), |world| {
        world.write(Client, pair.client, b"") == Some(Err(SocketError::TimedOut))
    });
    let sent = world.trace[mark..].iter().filter(|(_, _, seg)| !seg.payload.is_empty());
    let times: Vec<_> = sent.map(|(at, ..)| *at).collect();
    // After the first comes a tail-loss probe, which is no time-out (RFC 8985 7.3).
    assert_eq!(times.len(), 17);
    let gaps: Vec<_> = times[1..].windows(2).map(|pair| pair[1] - pair[0]).collect();
    for (before, after) in gaps.iter().zip(&gaps[1..]) {
        let doubled = (*before * 2).min(Duration::from_secs(120));
        assert!(after.abs_diff(doubled) < Duration::from_millis(2), "{gaps:?}");
    }
    assert!(gaps[0] >= Duration::from_millis(200));
    world.close_both(&pair);
    world.assert_quiet_end();
}

#[test]
fn keepalive_finds_a_dead_idle_peer_and_not_a_living_one() {
    let keepalive =
        Keepalive { idle: Duration::from_secs(60), interval: Duration::from_secs(10), count: 3 };
    let (mut world, pair, mark) = opened();
    world.stack(Client).set_keepalive(pair.client, Some(keepalive)).unwrap();
    world.pass(Duration::from_secs(3700));
    assert_eq!(world.states(&pair), (State::Established, State::Established));
    let shape = world.shape(mark);
    assert!((118..=124).contains(&shape.len()), "a probe and an answer a minute: {}", shape.len());
    assert!(shape.chunks_exact(2).all(|pair| pair == ["C ACK", "S ACK"]));
    world.judge = drop_all();
    let mark = world.trace.len();
    let start = world.now;
    world.run(Duration::from_secs(200), |world| world.state(Client, pair.client) == State::Closed);
    assert!(world.now - start <= Duration::from_secs(91));
    assert_eq!(world.shape(mark), ["C ACK", "C ACK", "C ACK", "C RST,ACK"]);
    assert_eq!(world.read(Client, pair.client), Some(Err(SocketError::TimedOut)));
    assert_eq!(journey(&world, Client).last(), Some(&(State::Closed, Cause::KeepaliveLimit)));
    world.close_both(&pair);
    world.assert_quiet_end();
}

#[test]
fn the_user_timeout_ends_what_is_not_acknowledged_in_time() {
    for timeout in [1, 30, 400] {
        let timeout = Duration::from_secs(timeout);
        let (mut world, pair, _) = opened();
        world.stack(Client).set_user_timeout(pair.client, Some(timeout)).unwrap();
        world.pass(Duration::from_secs(1000));
        assert_eq!(world.state(Client, pair.client), State::Established, "idle is no offence");
        world.judge = drop_all();
        world.write_all(Client, pair.client, b"hello?");
        let start = world.now;
        world.run(Duration::from_secs(500), |world| {
            world.state(Client, pair.client) == State::Closed
        });
        let took = world.now - start;
        assert!(took >= timeout && took < timeout + Duration::from_millis(2), "{took:?}");
        assert_eq!(world.read(Client, pair.client), Some(Err(SocketError::TimedOut)));
        assert_eq!(journey(&world, Client).last(), Some(&(State::Closed, Cause::UserTimeout)));
        world.close_both(&pair);
        world.assert_quiet_end();
    }
}

/// The first to close waits for the FIN of the peer; when the peer's whole life since then was
/// lost, its retransmitted FIN still ends both well.
#[test]
fn closing_through_a_long_silence_ends_well() {
    let (mut world, pair, _) = opened();
    world.judge = drop_all();
    world.shutdown(Client, pair.client);
    world.shutdown(Server, pair.server);
    world.pass(Duration::from_secs(100));
    assert_eq!(world.states(&pair), (State::FinWait1, State::FinWait1));
    world.judge = deliver_all();
    world.pass(Duration::from_secs(300));
    world.expect(Client, pair.client, b"");
    world.expect(Server, pair.server, b"");
    world.close_both(&pair);
    world.assert_quiet_end();
    for side in [Client, Server] {
        assert_eq!(journey(&world, side).last().unwrap().0, State::Closed);
        assert_eq!(world.stack(side).counters().tcp_resets_sent, 0);
    }
}

#[test]
fn fins_that_cross_leave_both_in_time_wait() {
    let (mut world, pair, mark) = opened();
    world.close_both(&pair);
    world.pass(Duration::from_millis(50));
    assert_eq!(world.shape(mark), ["C FIN,ACK", "S FIN,ACK", "C ACK", "S ACK"]);
    assert_eq!((world.stack(Client).time_wait.len(), world.stack(Server).time_wait.len()), (1, 1));
    world.assert_quiet_end();
    let both = [
        (State::FinWait1, Cause::UserClose),
        (State::Closing, Cause::FinArrived),
        (State::TimeWait, Cause::FinAcked),
        (State::Closed, Cause::TimeWaitOver),
    ];
    assert_eq!((journey(&world, Client), journey(&world, Server)), (both.into(), both.into()));
}

#[test]
fn aborting_everything_leaves_nothing() {
    let mut world = World::new();
    let listener = world.listen();
    let pairs: Vec<Pair> = (0..5)
        .map(|nth| {
            let client = world.connect_from(4000 + nth);
            world.accepted(listener, client)
        })
        .collect();
    world.write_all(Server, pairs[0].server, &pattern(500_000));
    world.shutdown(Server, pairs[1].server);
    world.shutdown(Client, pairs[2].client);
    world.pass(Duration::from_millis(20));
    let unanswered = world.stack(Server).connect(None, Client.addr(99), None).unwrap();
    world.stack(Server).shutdown();
    world.stack(Server).abort_all();
    world.pass(Duration::from_millis(50));
    assert_eq!(world.stack(Server).connection_count(), 0);
    for pair in &pairs {
        assert_eq!(world.state(Client, pair.client), State::Closed);
    }
    pairs.iter().for_each(|pair| world.close_both(pair));
    world.close(Server, unanswered);
    world.assert_quiet_end();
}
