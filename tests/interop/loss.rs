//! Losses, reordering and duplicates.

use glasstcp::time::Duration;

use super::link::{Ours, Side, Theirs};
use super::world::{Setup, World, seconds};

const MIB: usize = 1 << 20;

fn through(change: impl Fn(&mut World), lens: [usize; 2], limit: u64) {
    for client in Side::BOTH {
        for their_timestamps in [false, true] {
            for seed in 1..=2 {
                let mut world = World::new(Setup { their_timestamps, ..Setup::default() });
                world.link.seed(seed);
                world.link.spacing = Duration::from_micros(seed % 2 * 100);
                change(&mut world);
                let conn = world.open(client);
                world.transfer(conn, lens, seconds(limit));
                world.finish(conn);
            }
        }
    }
}

#[test]
fn one_percent_is_lost() {
    through(|world| world.link.loss = 1, [MIB, 0], 600);
    through(|world| world.link.loss = 1, [0, MIB], 600);
    through(|world| world.link.loss = 1, [MIB, MIB], 600);
}

#[test]
fn five_percent_are_lost() {
    through(|world| world.link.loss = 5, [MIB, 0], 1000);
    through(|world| world.link.loss = 5, [0, MIB], 3000);
    through(|world| world.link.loss = 5, [MIB, MIB], 3000);
}

#[test]
fn twenty_percent_are_lost() {
    through(|world| world.link.loss = 20, [MIB / 4, 0], 3000);
    through(|world| world.link.loss = 20, [0, MIB / 4], 20_000);
    through(|world| world.link.loss = 20, [MIB / 4, MIB / 4], 20_000);
}

#[test]
fn packets_overtake_each_other() {
    through(|world| world.link.late = 10, [MIB, MIB], 600);
    through(|world| world.link.late = 50, [MIB, MIB], 600);
}

#[test]
fn packets_arrive_twice() {
    through(|world| world.link.twice = 10, [MIB, MIB], 600);
    through(|world| world.link.twice = 100, [MIB, MIB], 600);
}

#[test]
fn everything_at_once() {
    let change = |world: &mut World| {
        world.link.loss = 5;
        world.link.late = 10;
        world.link.twice = 10;
    };
    through(change, [MIB / 2, MIB / 2], 5000);
}

/// Each packet of a short conversation is lost once, whichever it is.
#[test]
fn any_one_packet_is_lost() {
    for client in Side::BOTH {
        for from in Side::BOTH {
            for nth in 0..12 {
                let mut world = World::new(Setup::default());
                let mut seen = 0;
                world.link.judge = Box::new(move |side, _| {
                    seen += u32::from(side == from);
                    side == from && seen == nth + 1
                });
                let conn = world.open(client);
                world.transfer(conn, [3000, 3000], seconds(60));
                world.finish(conn);
            }
        }
    }
}

/// Only acknowledgments are lost, a third of them: little is sent again.
#[test]
fn lost_acknowledgments_do_little_harm() {
    let mut world = World::new(Setup::default());
    world.link.spacing = Duration::from_micros(100);
    let conn = world.open(Ours);
    let mut random = 1u32;
    world.link.judge = Box::new(move |side, segment| {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        side == Theirs && !segment.fin && random < u32::MAX / 3
    });
    world.transfer(conn, [MIB, 0], seconds(120));
    let again = world.ours.info(conn.ours).unwrap().retransmissions;
    assert!(again < 50, "{again} segments were sent again");
    world.finish(conn);
}

/// Named for a bug: smoltcp goes back in its sequence numbers when it retransmits. Its windows were
/// not believed then, although its acknowledgments were, and we sent beyond them (which the link
/// notices).
#[test]
fn they_go_back_in_their_numbers_while_their_window_shrinks() {
    for seed in 1..=20 {
        let mut setup = Setup { their_rx: 10_000, their_tx: 300_000, ..Setup::default() };
        setup.ours.receive_buffer = 3000;
        let mut world = World::new(setup);
        world.link.seed(seed);
        world.link.loss = 20;
        world.link.delay = Duration::from_millis(50);
        let conn = world.open(Ours);
        world.transfer(conn, [150_000, 50_000], seconds(5000));
        world.link.loss = 0;
        world.finish(conn);
    }
}
