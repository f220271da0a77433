//! Windows that are tiny, closed for long, or whose opening is lost.

use super::link::{Ours, Side, Theirs};
use super::world::{Half, Setup, World, pattern, seconds};

fn tiny(ours: u32, theirs: usize, lens: [usize; 2], loss: u64) {
    for client in Side::BOTH {
        for their_timestamps in [false, true] {
            let mut setup = Setup { their_rx: theirs, their_timestamps, ..Setup::default() };
            setup.ours.receive_buffer = ours;
            let mut world = World::new(setup);
            world.link.loss = loss;
            let conn = world.open(client);
            world.transfer(conn, lens, seconds(20_000));
            world.finish(conn);
        }
    }
}

#[test]
fn their_window_is_tiny() {
    tiny(1 << 20, 1, [2_000, 0], 0);
    tiny(1 << 20, 64, [50_000, 0], 0);
    tiny(1 << 20, 500, [200_000, 0], 0);
    tiny(1 << 20, 1500, [200_000, 0], 0);
}

#[test]
fn our_window_is_tiny() {
    tiny(1, 65_535, [0, 2_000], 0);
    tiny(64, 65_535, [0, 50_000], 0);
    tiny(500, 65_535, [0, 200_000], 0);
    tiny(1500, 65_535, [0, 200_000], 0);
}

#[test]
fn both_windows_are_tiny() {
    for (ours, theirs) in [(1, 1), (1, 500), (500, 1), (64, 64), (500, 500), (2000, 2000)] {
        let len = 500 * ours.min(theirs);
        tiny(ours as u32, theirs, [len, len], 0);
    }
}

#[test]
fn windows_are_tiny_and_packets_are_lost() {
    for size in [1, 64, 500, 3000] {
        tiny(size as u32, size, [100 * size, 100 * size], 10);
    }
}

/// Nobody reads for an hour, then all at once; with the announcement of that lost, too.
#[test]
fn a_window_is_closed_for_an_hour() {
    for from in Side::BOTH {
        for loses_update in [false, true] {
            for their_timestamps in [false, true] {
                let mut setup = Setup { their_rx: 4000, their_timestamps, ..Setup::default() };
                setup.ours.receive_buffer = 4000;
                let mut world = World::new(setup);
                let conn = world.open(Ours);
                let data = pattern(50_000, from);
                let mut written = world.write(from, conn, &data);
                world.pass(seconds(3600));
                assert_eq!(world.ours.connection_count(), 1, "patience");

                let mut updates = 0;
                world.link.judge = Box::new(move |side, segment| {
                    updates += u32::from(side != from && segment.window > 0);
                    loses_update && side != from && updates == 1
                });
                let mut received = Vec::new();
                world.run(seconds(600), |world| {
                    written += world.write(from, conn, &data[written..]);
                    world.drain(from.other(), conn, &mut received);
                    received.len() == data.len()
                });
                assert_eq!(received, data);
                world.transfer(conn, [10_000, 10_000], seconds(600));
                world.finish(conn);
            }
        }
    }
}

/// The reader takes a byte now and then (RFC 9293 3.8.6.2.2: no silly windows).
#[test]
fn a_slow_reader_makes_no_silly_windows() {
    let mut setup = Setup::default();
    setup.ours.receive_buffer = 8000;
    let mut world = World::new(setup);
    let conn = world.open(Ours);
    let data = pattern(20_000, Theirs);
    assert_eq!(world.write(Theirs, conn, &data), data.len());
    let mut received = Vec::new();
    world.pass(seconds(1));
    let before = world.ours.counters().tcp_segments_received;
    while received.len() < data.len() {
        match world.read(Ours, conn, 10) {
            Ok(chunk) => received.extend_from_slice(&chunk),
            Err(half) => assert_eq!(half, Half::Open),
        }
        world.pass(10 * world.link.delay);
    }
    assert_eq!(received, data);
    let segments = world.ours.counters().tcp_segments_received - before;
    assert!(segments < 100, "{segments} segments for 12,000 bytes");
}

/// A FIN waits for a window to open.
#[test]
fn a_fin_behind_a_closed_window() {
    for from in Side::BOTH {
        let mut setup = Setup { their_rx: 1000, ..Setup::default() };
        setup.ours.receive_buffer = 1000;
        let mut world = World::new(setup);
        let conn = world.open(Ours);
        assert_eq!(world.write(from, conn, &pattern(1000, from)), 1000);
        world.pass(seconds(1));
        world.shutdown(from, conn);
        world.pass(seconds(100));
        let mut received = Vec::new();
        world.run(seconds(300), |world| {
            world.drain(from.other(), conn, &mut received) == Half::Ended
        });
        assert_eq!(received, pattern(1000, from));
        world.shutdown(from.other(), conn);
        world.run(seconds(5), |world| world.read(from, conn, 1) == Err(Half::Ended));
        world.finish(conn);
    }
}
