//! From the smallest packets that IPv4 allows to the largest. That no packet is larger than the MTU
//! the link checks.

use super::link::{Ours, Side};
use super::world::{Setup, World, seconds};

fn over(mtu: u16, loss: u64, len: usize) {
    for client in Side::BOTH {
        for their_timestamps in [false, true] {
            let mut world = World::new(Setup { mtu, their_timestamps, ..Setup::default() });
            world.link.loss = loss;
            let conn = world.open(client);
            world.transfer(conn, [len, len], seconds(20_000));
            world.finish(conn);
        }
    }
}

#[test]
fn every_size_of_packet() {
    for mtu in [68, 80, 100, 576, 1280, 1500, 9000, 65_535] {
        over(mtu, 0, if mtu < 576 { 100_000 } else { 1 << 20 });
    }
}

#[test]
fn every_size_of_packet_with_losses() {
    for mtu in [68, 80, 100, 576, 9000, 65_535] {
        over(mtu, 5, if mtu < 576 { 20_000 } else { 500_000 });
    }
}

/// Their buffers hold many of our largest segments.
#[test]
fn large_packets_and_large_windows() {
    for client in Side::BOTH {
        let big = 1 << 20;
        let setup = Setup { mtu: 65_535, their_rx: big, their_tx: big, ..Setup::default() };
        let mut world = World::new(setup);
        let conn = world.open(client);
        world.transfer(conn, [8 * big, 8 * big], seconds(600));
        world.finish(conn);
    }
}

/// Named for a bug: where one segment was larger than a burst may be, the FIN was sent again as
/// nothing, without end.
#[test]
fn a_fin_is_lost_where_a_segment_is_a_burst() {
    for their_timestamps in [false, true] {
        let mut world = World::new(Setup { mtu: 65_535, their_timestamps, ..Setup::default() });
        let conn = world.open(Ours);
        let mut fins = 0;
        world.link.judge = Box::new(move |side, segment| {
            fins += u32::from(side == Ours && segment.fin);
            side == Ours && segment.fin && fins == 1
        });
        world.transfer(conn, [100_000, 1], seconds(60));
        world.finish(conn);
    }
}
