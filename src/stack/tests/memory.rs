//! Buffers that adapt, and the memory of all connections together.

use super::world::Side::{self, Client, Server};
use super::world::{Fate, Pair, World, cx, pattern, random_loss, ready};
use crate::event::{Event, Limit, Refusal};
use crate::tcp;
use crate::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const MS: Duration = Duration::from_millis(1);

/// Buffers and acknowledgments as they are unless told otherwise.
fn adapting(config: &mut tcp::Config) {
    let default = tcp::Config::default();
    config.receive_buffer = default.receive_buffer;
    config.receive_buffer_initial = default.receive_buffer_initial;
    config.send_buffer = default.send_buffer;
    config.send_buffer_initial = default.send_buffer_initial;
    config.quick_ack = true;
}

/// A path of 1 Gbit/s and 100 ms.
fn fast_and_far(change: impl Fn(&mut tcp::Config)) -> World {
    let mut world = World::with_tcp(change);
    world.delay = 50 * MS;
    world.pace = Duration::from_micros(12);
    world.observe();
    world
}

/// How often `side` had to wait for the window of the other.
fn waits_for_the_window(world: &World, side: Side) -> usize {
    let waits = |(_, by, event): &(_, Side, Event)| {
        let limits = [Limit::PeerWindow, Limit::SillyWindow];
        *by == side && matches!(event, Event::Limited { by, .. } if limits.contains(by))
    };
    world.events().iter().filter(|event| waits(event)).count()
}

/// 12.5 MB are in flight over such a path, and neither buffer begins with more than 64 KiB.
#[test]
fn a_fast_reader_never_keeps_a_far_sender_waiting() {
    const LEN: usize = 30_000_000;
    let mut times = Vec::new();
    for adapts in [false, true] {
        let change = |config: &mut tcp::Config| {
            // Where one write ends and the next begins must not matter.
            config.nodelay = true;
            match adapts {
                true => adapting(config),
                false => config.fix_buffers(64 << 20),
            }
        };
        let mut world = fast_and_far(change);
        let pair = world.open();
        let begun = world.now;
        world.stream(&pair, Client, LEN);
        times.push((world.now - begun).as_secs_f64());
        assert_eq!(waits_for_the_window(&world, Client), 0, "adapts: {adapts}");
        let (sender, receiver) = (world.info(Client, pair.client), world.info(Server, pair.server));
        assert!(sender.cwnd > 12_500_000, "{}", sender.cwnd);
        if adapts {
            assert!(receiver.receive_limit > 12_500_000, "{}", receiver.receive_limit);
            assert!(sender.send_limit > 12_500_000, "{}", sender.send_limit);
            let rtt = receiver.receive_rtt.unwrap();
            assert!((90 * MS..400 * MS).contains(&rtt), "{rtt:?}");
        }
    }
    assert!(times[1] < times[0] * 1.02, "{times:?}");
}

/// The same in the other direction, where it is the queue that makes the round trip.
#[test]
fn a_reader_over_a_short_path_gets_what_it_needs() {
    let mut world = World::with_tcp(adapting);
    world.pace = Duration::from_micros(12);
    world.observe();
    let pair = world.open();
    world.stream(&pair, Server, 10_000_000);
    assert_eq!(waits_for_the_window(&world, Server), 0);
    let info = world.info(Client, pair.client);
    // 1.25 MB are in flight, and as much again waits for the link.
    assert!((1_250_000..=32 << 20).contains(&info.receive_limit), "{}", info.receive_limit);
}

/// 100 KB a second are 10 KB a round trip: no reason for a large window.
#[test]
fn a_slow_reader_gets_no_large_window() {
    let mut world = fast_and_far(adapting);
    let pair = world.open();
    let data = pattern(1 << 20);
    let (mut written, mut read) = (0, 0);
    while read < data.len() {
        if written < data.len()
            && let Some(taken) = world.write(Client, pair.client, &data[written..])
        {
            written += taken.unwrap();
        }
        if let Some(chunk) = world.read_at_most(Server, pair.server, 1000) {
            let chunk = chunk.unwrap();
            assert!(data[read..].starts_with(&chunk));
            read += chunk.len();
        }
        world.pass(10 * MS);
        let info = world.info(Server, pair.server);
        assert!(info.receive_limit <= 65_535 && info.receive_queue <= 65_535);
    }
    assert!(waits_for_the_window(&world, Client) > 0);
    assert!(world.info(Client, pair.client).send_limit < 300_000);
}

/// What was offered is never taken back, whatever happens to memory; the checker of the world looks
/// at each segment.
#[test]
fn the_right_edge_never_goes_back_under_pressure() {
    for seed in 0..10 {
        let mut world = World::with(|side, config| {
            adapting(&mut config.tcp);
            if side == Server {
                config.limits.tcp_memory = 300_000;
            }
        });
        world.judge = random_loss(seed, 5);
        let pair = world.open();
        world.duplex(&pair, [2_000_000, 2_000_000], 1000 * SECOND);
        world.close_both(&pair);
        world.judge = super::world::deliver_all();
        world.assert_quiet_end();
        assert_eq!(world.stack(Server).tcp_memory(), 0);
    }
}

fn several(world: &mut World, count: usize) -> Vec<Pair> {
    let listener = world.listen();
    let mut pairs = Vec::new();
    for _ in 0..count {
        let client = world.connect();
        pairs.push(world.accepted(listener, client));
    }
    pairs
}

/// Each server reads what its client has written.
fn expect_all(world: &mut World, pairs: &[Pair], data: &[u8]) {
    for pair in pairs {
        let mut got = Vec::new();
        world.run(1000 * SECOND, |world| {
            world.drain(Server, pair.server, &mut got);
            got.len() == data.len()
        });
        assert_eq!(got, data);
    }
}

/// Sixteen connections whose server does not read: what they hold together is bounded, and all of it is
/// delivered in the end.
#[test]
fn receivers_that_do_not_read_share_a_limit() {
    const LIMIT: usize = 400_000;
    let mut world = World::with(|side, config| {
        adapting(&mut config.tcp);
        if side == Server {
            config.limits.tcp_memory = LIMIT;
        }
    });
    let pairs = several(&mut world, 16);
    let data = pattern(60_000);
    for pair in &pairs {
        world.write_all(Client, pair.client, &data);
        world.pass(200 * MS);
    }
    world.pass(10 * SECOND);
    let used = world.stack(Server).tcp_memory();
    // Each may still fill the window of its SYN-ACK, but nobody gets a new one.
    assert!(used > LIMIT / 2 && used < 16 * 75_000, "{used}");
    expect_all(&mut world, &pairs, &data);
    world.pass(SECOND);
    assert_eq!(world.stack(Server).tcp_memory(), 0);
}

/// Writers beyond the limit wait, and each that has something out goes on when it is acknowledged.
#[test]
fn writers_share_a_limit_and_all_finish() {
    const LIMIT: usize = 500_000;
    let mut world = World::with(|side, config| {
        adapting(&mut config.tcp);
        if side == Client {
            config.limits.tcp_memory = LIMIT;
        }
    });
    let pairs = several(&mut world, 24);
    let data = pattern(300_000);
    let (mut written, mut got) = (vec![0; pairs.len()], vec![Vec::new(); pairs.len()]);
    let mut most = 0;
    world.run(1000 * SECOND, |world| {
        for (nth, pair) in pairs.iter().enumerate() {
            while written[nth] < data.len()
                && let Some(taken) = world.write(Client, pair.client, &data[written[nth]..])
            {
                written[nth] += taken.unwrap();
            }
            world.drain(Server, pair.server, &mut got[nth]);
        }
        most = most.max(world.stack(Client).tcp_memory());
        got.iter().all(|got| got.len() == data.len())
    });
    assert!(got.iter().all(|got| *got == data));
    // The last one to write below the limit may have gone a buffer beyond, and each has its least, in an
    // allocation for small writes.
    assert!(most < LIMIT + 70_000 + 24 * 20_000, "{most}");
}

/// SegmentSmack (CVE-2018-5390): single bytes out of order, each with a gap before it.
#[test]
fn tiny_segments_out_of_order_cost_little() {
    let mut world = World::with(|side, config| {
        adapting(&mut config.tcp);
        config.mtu = 68 + 20 * side as u16;
    });
    world.checker = None;
    let pair = world.open();
    let data = pattern(60_000);
    world.write_all(Client, pair.client, &data[..60_000]);
    // Every second segment is lost, so that nothing but gaps arrives.
    let mut nth = 0u32;
    world.judge = Box::new(move |side, segment| {
        nth += u32::from(side == Client);
        let lost = side == Client && nth % 2 == 1 && !segment.payload.is_empty();
        if lost { Fate::Drop } else { Fate::Deliver }
    });
    for _ in 0..2_000 {
        world.step();
        let used = world.stack(Server).tcp_memory();
        assert!(used <= 2 * 65_535 + 64 * 128 + 65_535, "{used}");
    }
    world.judge = super::world::deliver_all();
    let mut got = Vec::new();
    world.run(1000 * SECOND, |world| {
        world.drain(Server, pair.server, &mut got);
        got.len() == data.len()
    });
    assert_eq!(got, data);
}

/// Beyond the hard limit nothing is kept that has arrived out of order; what is next in order is.
#[test]
fn out_of_order_text_goes_first() {
    let mut world = World::with(|side, config| {
        config.limits.tcp_memory = if side == Server { 30_000 } else { 1 << 30 };
    });
    let pair = world.open();
    let other = world.connect();
    world.pass(50 * MS);
    let listener = world.stack(Server).listeners.keys().next().unwrap();
    let other_server = ready(world.stack(Server).poll_accept(listener, &mut cx())).unwrap();
    // One connection fills the memory of the server: nobody reads it.
    world.write_all(Client, pair.client, &pattern(40_000));
    world.pass(SECOND);
    assert!(world.stack(Server).tcp_memory() > 30_000);
    // Of the other the first segment is lost.
    world.judge = super::world::drop_numbers([0], |side, segment| {
        side == Client && !segment.payload.is_empty()
    });
    let data = pattern(5_000);
    world.write_all(Client, other, &data);
    world.pass(20 * MS);
    assert!(world.refused(Server, Refusal::TcpMemory) >= 2);
    assert_eq!(world.info(Server, other_server.unwrap().0).receive_queue, 0);
    let mut got = Vec::new();
    world.run(100 * SECOND, |world| {
        world.drain(Server, other_server.unwrap().0, &mut got);
        got.len() == data.len()
    });
    assert_eq!(got, data);
}

/// Peers that send all but what is next in order, and then nothing: they keep others from memory for a second.
#[test]
fn text_behind_gaps_is_given_up_when_others_need_the_memory() {
    const LIMIT: usize = 80_000;
    let mut world = World::with(|side, config| {
        if side == Server {
            config.limits.tcp_memory = LIMIT;
        }
    });
    let pairs = several(&mut world, 12);
    let data = pattern(50_000);
    let first_of = |segment: &crate::wire::tcp::Segment| segment.payload.starts_with(&pattern(100));
    world.judge = Box::new(move |side, segment| match side == Client && first_of(segment) {
        true => Fate::Drop,
        false => Fate::Deliver,
    });
    for pair in &pairs {
        world.write_all(Client, pair.client, &data);
    }
    world.pass(200 * MS);
    assert!(world.stack(Server).tcp_memory() > LIMIT / 2);
    assert_eq!(world.stack(Server).counters().tcp_memory_pressures, 1);
    world.judge = super::world::drop_all();
    world.pass(3 * SECOND);
    assert!(world.stack(Server).tcp_memory() < LIMIT / 2);
    assert!(world.stack(Server).counters().tcp_out_of_order_reclaimed > 0);

    // Whoever was made to forget gets it again.
    world.judge = super::world::deliver_all();
    expect_all(&mut world, &pairs, &data);
    // What is kept for the next text goes when it rests.
    world.pass(3 * SECOND);
    assert_eq!(world.stack(Server).tcp_memory(), 0);
}
