//! Data over a path that loses nothing: sequence numbers, sizes, acknowledgments, Nagle, slow start.

use super::world::Side::{self, Client, Server};
use super::world::{Pair, World, random_loss};
use crate::event::Why;
use crate::time::{Duration, Instant};

const SECOND: Duration = Duration::from_secs(1);
const MS: Duration = Duration::from_millis(1);

#[test]
fn data_flows_both_ways_at_once() {
    let mut world = World::new();
    let pair = world.open();
    world.duplex(&pair, [3_000_000, 2_000_001], 100 * SECOND);
    world.pass(50 * MS);
    for side in Side::BOTH {
        let info = world.info(side, pair.of(side));
        assert_eq!((info.retransmissions, info.send_queue), (0, 0));
    }
    assert_eq!(world.info(Client, pair.client).bytes_received, 2_000_001);
    assert_eq!(world.info(Client, pair.client).bytes_acked, 3_000_000);
    world.close_both(&pair);
    world.assert_quiet_end();
}

/// A world at this time with a connection from port 4000.
fn opened_at(now: Instant) -> (World, Pair) {
    let mut world = World::new();
    world.now = now;
    world.turn();
    let listener = world.listen();
    let client = world.connect_from(4000);
    let pair = world.accepted(listener, client);
    (world, pair)
}

/// When to open the connection so that the initial sequence number of `side` is `before` short of
/// zero: it goes up by one every 4 us.
fn before_wrap(side: Side, before: u32) -> Instant {
    let start = Instant::from_millis(1000);
    let (world, _) = opened_at(start);
    let (_, first) = world.sent_by(side).next().unwrap();
    let ticks = 0u32.wrapping_sub(before).wrapping_sub(first.seq.value());
    start + Duration::from_micros(4) * ticks
}

#[test]
fn sequence_numbers_wrap() {
    for side in Side::BOTH {
        for before in [0, 1, 2, 1448, 1449, 1450, 5000, 100_000] {
            for loss in [0, 10] {
                let (mut world, pair) = opened_at(before_wrap(side, before));
                world.judge = random_loss(before.into(), loss);
                world.duplex(&pair, [150_000, 150_000], 500 * SECOND);
                world.judge = super::world::deliver_all();
                world.close_both(&pair);
                world.assert_quiet_end();
                let seqs: Vec<u32> = world.sent_by(side).map(|(_, seg)| seg.seq.value()).collect();
                assert_eq!(seqs[0], 0u32.wrapping_sub(before));
                assert!(seqs.iter().any(|seq| *seq < 200_000), "it was really crossed");
            }
        }
    }
}

#[test]
fn the_clock_of_timestamps_wraps() {
    let start = Instant::from_millis(1000);
    let (world, _) = opened_at(start);
    let first = world.trace[0].2.options.timestamps.unwrap().tsval;
    let ms = 0u32.wrapping_sub(500).wrapping_sub(first);
    let (mut world, pair) = opened_at(start + MS * ms);
    for _ in 0..20 {
        world.stream(&pair, Client, 20_000);
        world.pass(100 * MS);
    }
    let stamps = world.sent_by(Client).map(|(_, seg)| seg.options.timestamps.unwrap().tsval);
    let stamps: Vec<u32> = stamps.collect();
    assert!(stamps.iter().any(|ts| *ts > u32::MAX / 2) && stamps.iter().any(|ts| *ts < 10_000));
    assert_eq!(world.info(Client, pair.client).retransmissions, 0);
    world.close_both(&pair);
    world.assert_quiet_end();
}

#[test]
fn any_two_buffers_get_along() {
    let sizes = [(1, 300), (2, 500), (100, 10_000), (1000, 50_000), (65_535, 400_000)];
    let sizes = sizes.into_iter().chain([(65_536, 400_000), (1 << 20, 3_000_000)]);
    for (buffer, len) in sizes {
        for send in [1, 1000, 1 << 20] {
            let mut world = World::with_tcp(|config| {
                config.receive_buffer = buffer;
                config.send_buffer = send;
            });
            let pair = world.open();
            // A send buffer of one byte costs a delayed acknowledgment for each.
            let len = if send == 1 { len.min(500) } else { len };
            world.transfer(&pair, Client, len, 1000 * SECOND);
            world.transfer(&pair, Server, len, 1000 * SECOND);
            world.close_both(&pair);
            world.assert_quiet_end();
        }
    }
}

#[test]
fn a_window_is_used_to_its_end() {
    for (buffer, scale) in [(65_536, 1), (1 << 20, 5), (8 << 20, 8)] {
        let mut world = World::with_tcp(|config| {
            config.receive_buffer = buffer;
            config.send_buffer = 16 << 20;
        });
        let pair = world.open();
        assert_eq!(world.trace[0].2.options.window_scale, Some(scale));
        world.write_all(Client, pair.client, &vec![7; buffer as usize + 100_000]);
        world.pass(SECOND);
        let info = world.info(Server, pair.server);
        assert!(info.receive_queue > buffer - 1448 && info.receive_queue <= buffer);
        let mut got = Vec::new();
        world.run(10 * SECOND, |world| {
            world.drain(Server, pair.server, &mut got);
            got.len() == buffer as usize + 100_000
        });
        world.close_both(&pair);
        world.assert_quiet_end();
    }
}

/// RFC 6928: ten segments at first, then twice as many each round trip.
#[test]
fn slow_start_begins_with_ten_segments_and_doubles() {
    let mut world = World::new();
    let pair = world.open();
    world.pass(50 * MS);
    let start = world.now;
    world.write_all(Server, pair.server, &vec![0; 1 << 20]);
    world.pass(45 * MS);
    let mut rounds = [0; 5];
    for (at, segment) in world.texts_by(Server) {
        assert_eq!(segment.payload.len(), 1448);
        rounds[(at - start).as_millis() as usize / 10] += 1;
    }
    assert_eq!(rounds, [10, 20, 40, 80, 160]);
}

#[test]
fn after_a_long_silence_the_window_is_small_again() {
    let mut world = World::new();
    let pair = world.open();
    world.stream(&pair, Server, 500_000);
    assert!(world.info(Server, pair.server).cwnd > 200_000);
    world.pass(60 * SECOND);
    let mark = world.trace.len();
    world.write_all(Server, pair.server, &vec![0; 500_000]);
    world.turn();
    assert_eq!(world.trace.len() - mark, 10);
}

#[test]
fn nagle_gathers_small_writes_and_nodelay_does_not() {
    for nodelay in [false, true] {
        let mut world = World::new();
        let pair = world.open();
        world.pass(50 * MS);
        world.stack(Client).set_nodelay(pair.client, nodelay).unwrap();
        let mark = world.trace.len();
        for _ in 0..10 {
            world.write_all(Client, pair.client, &[1; 100]);
            world.pass(MS);
        }
        world.pass(200 * MS);
        if nodelay {
            let texts = world.texts_by(Client).count();
            assert_eq!(texts, 10);
        } else {
            // The first goes at once; the rest waits for its acknowledgment, which is delayed.
            let shape = ["C PSH,ACK 100", "S ACK", "C PSH,ACK 900", "S ACK"];
            assert_eq!(world.shape(mark), shape);
            let waited = world.trace[mark + 2].0 - world.trace[mark].0;
            assert!((50..52).contains(&waited.as_millis()), "{waited:?}");
        }
    }
}

/// Minshall: a small segment after full ones waits for nothing.
#[test]
fn the_end_of_a_large_write_is_not_held_back() {
    let mut world = World::new();
    let pair = world.open();
    world.pass(50 * MS);
    let mark = world.trace.len();
    world.write_all(Client, pair.client, &[1; 2 * 1448 + 10]);
    world.turn();
    assert_eq!(world.shape(mark), ["C ACK 1448", "C ACK 1448", "C PSH,ACK 10"]);
}

#[test]
fn about_every_second_full_segment_is_acknowledged() {
    let mut world = World::new();
    world.pace = Duration::from_micros(100);
    let pair = world.open();
    world.pass(50 * MS);
    let mark = world.trace.len();
    world.stream(&pair, Client, 200 * 1448);
    world.pass(100 * MS);
    let acks = world.trace[mark..].iter().filter(|(_, side, _)| *side == Server).count();
    assert!((98..=115).contains(&acks), "{acks} acknowledgments for 200 segments");
}

#[test]
fn a_single_small_segment_is_acknowledged_after_40_ms() {
    let mut world = World::new();
    world.observe();
    let pair = world.open();
    world.pass(50 * MS);
    let mark = world.trace.len();
    world.write_all(Client, pair.client, b"x");
    world.pass(200 * MS);
    assert_eq!(world.shape(mark), ["C PSH,ACK 1", "S ACK"]);
    let waited = world.trace[mark + 1].0 - world.trace[mark].0;
    assert!((45..46).contains(&waited.as_millis()), "{waited:?}");
    assert_eq!(world.whys(Server).last(), Some(&Why::AckDelayed));
}

#[test]
fn an_answer_carries_the_acknowledgment() {
    let mut world = World::new();
    let pair = world.open();
    world.pass(50 * MS);
    let mark = world.trace.len();
    world.write_all(Client, pair.client, b"question");
    world.run(SECOND, |world| world.read(Server, pair.server).is_some());
    world.write_all(Server, pair.server, b"answer");
    world.pass(20 * MS);
    assert_eq!(world.shape(mark), ["C PSH,ACK 8", "S PSH,ACK 6"]);
    world.pass(100 * MS);
    assert_eq!(world.shape(mark).last().unwrap(), "C ACK");
}

/// What a client notices of quick acknowledgments: Nagle's algorithm does not make it wait.
#[test]
fn quick_acknowledgments_spare_small_writes_the_delay() {
    let mut world = World::with_tcp(|config| config.quick_ack = true);
    world.observe();
    let pair = world.open();
    world.pass(50 * MS);
    let mark = world.trace.len();
    for _ in 0..2 {
        world.write_all(Client, pair.client, b"part");
        world.turn();
    }
    world.pass(15 * MS);
    assert_eq!(world.shape(mark), ["C PSH,ACK 4", "S ACK", "C PSH,ACK 4", "S ACK"]);
    assert_eq!(world.whys(Server).last(), Some(&Why::AckQuick));
    world.expect(Server, pair.server, b"partpart");
    world.pass(50 * MS);
    // Whoever answers acknowledges with the answer from then on.
    for _ in 0..3 {
        let mark = world.trace.len();
        world.write_all(Client, pair.client, b"question");
        world.pass(6 * MS);
        world.expect(Server, pair.server, b"question");
        world.pass(2 * MS);
        world.write_all(Server, pair.server, b"answer");
        world.pass(20 * MS);
        world.expect(Client, pair.client, b"answer");
        world.pass(100 * MS);
        let shape = world.shape(mark);
        assert_eq!(shape[0], "C PSH,ACK 8");
        assert_eq!(shape[1..].iter().filter(|line| *line == "S PSH,ACK 6").count(), 1);
    }
    let mark = world.trace.len();
    world.write_all(Client, pair.client, b"question");
    world.pass(8 * MS);
    assert_eq!(world.shape(mark), ["C PSH,ACK 8"], "it waits for the answer");
}

#[test]
fn the_smoothed_round_trip_time_is_that_of_the_path() {
    for delay in [1, 20, 300, 2000] {
        let mut world = World::new();
        world.delay = MS * delay;
        let pair = world.open();
        world.stream(&pair, Server, 300_000);
        world.pass(10 * SECOND);
        let info = world.info(Server, pair.server);
        let (rtt, srtt) = (MS * 2 * delay, info.srtt.unwrap());
        assert!(srtt >= rtt && srtt < rtt + 45 * MS, "{delay} ms: {srtt:?}");
        assert!(info.rto >= srtt + 200 * MS || info.rto >= 200 * MS);
    }
}

/// Every packet fits the MTU of its sender (which the world checks) and the MSS of its receiver.
#[test]
fn any_two_mtus_get_along() {
    let mtus = [68, 88, 100, 296, 576, 1500, 9000, 65_535];
    for client in mtus {
        for server in mtus {
            let mut world = World::with(|side, config| {
                config.mtu = if side == Client { client } else { server };
            });
            world.judge = random_loss(7, 3);
            let pair = world.open();
            world.duplex(&pair, [30_000, 30_000], 2000 * SECOND);
            world.judge = super::world::deliver_all();
            world.close_both(&pair);
            world.assert_quiet_end();
            let least = usize::from(client.min(server));
            for (_, _, segment) in &world.trace {
                let len = segment.payload.len() + segment.options.len();
                assert!(len <= (least - 40).max(48), "MTUs {client} and {server}: {len}");
            }
        }
    }
}

/// Only one segment of a burst may be larger than what is left of 64 KiB.
#[test]
fn the_largest_mtu_carries_bulk_data() {
    let mut world = World::with(|_, config| config.mtu = 65_535);
    let pair = world.open();
    world.stream(&pair, Server, 5_000_000);
    let largest = world.texts_by(Server).map(|(_, seg)| seg.payload.len()).max();
    assert!(largest > Some(60_000));
    world.judge = random_loss(3, 10);
    world.transfer(&pair, Client, 5_000_000, 1000 * SECOND);
    world.judge = super::world::deliver_all();
    world.close_both(&pair);
    world.assert_quiet_end();
}

/// Small segments must not mean that each window waits for the delayed acknowledgment.
#[test]
fn small_segments_are_acknowledged_without_waiting() {
    for mtu in [68, 100, 296, 576] {
        let mut world = World::with(|_, config| config.mtu = mtu);
        world.observe();
        world.pace = Duration::from_micros(100);
        let pair = world.open();
        world.stream(&pair, Server, 20_000);
        let texts = world.texts_by(Server).count();
        let acks = world.sent_by(Client).count();
        assert!(acks >= texts / 2, "MTU {mtu}: {acks} acknowledgments of {texts} segments");
    }
}
