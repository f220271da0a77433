//! Bytes in both directions over a good link.

use glasstcp::time::Duration;

use super::link::{Link, Ours, Side};
use super::world::{Setup, World, seconds};

const MIB: usize = 1 << 20;

fn transfers(setup: Setup, strips_options: bool) {
    transfers_over(setup, |link| link.strips_options = strips_options);
}

fn transfers_over(setup: Setup, change: impl Fn(&mut Link)) {
    for client in Side::BOTH {
        for lens in [[0, 0], [1, 0], [0, 1], [MIB, 0], [0, MIB], [MIB, MIB]] {
            let mut world = World::new(setup.clone());
            change(&mut world.link);
            let conn = world.open(client);
            world.transfer(conn, lens, seconds(120));
            world.pass(seconds(1)); // for the last acknowledgment
            let info = world.ours.info(conn.ours).unwrap();
            assert_eq!(info.bytes_acked, lens[0] as u64);
            assert_eq!(info.bytes_received, lens[1] as u64);
            assert_eq!(info.retransmissions, 0, "nothing was lost");
            world.finish(conn);
        }
    }
}

#[test]
fn a_megabyte_each_way_and_both_ways() {
    transfers(Setup::default(), false);
}

/// Packets arrive one by one, so that acknowledgments set the pace.
#[test]
fn over_a_link_of_a_hundred_megabits() {
    let spacing = Duration::from_micros(120);
    transfers_over(Setup::default(), |link| link.spacing = spacing);
}

#[test]
fn with_timestamps() {
    transfers(Setup { their_timestamps: true, ..Setup::default() }, false);
}

#[test]
fn without_any_option_but_the_mss() {
    transfers(Setup { their_timestamps: true, ..Setup::default() }, true);
}

#[test]
fn with_windows_that_need_scaling() {
    let big = 4 << 20;
    let mut setup = Setup { their_rx: big, their_tx: big, ..Setup::default() };
    setup.ours.receive_buffer = big as u32;
    setup.ours.send_buffer = big as u32;
    transfers(setup, false);
}

#[test]
fn timestamps_are_agreed_on_only_when_both_offer_them() {
    for (their_timestamps, strips_options) in [(false, false), (true, false), (true, true)] {
        for client in Side::BOTH {
            let mut world = World::new(Setup { their_timestamps, ..Setup::default() });
            world.link.strips_options = strips_options;
            let conn = world.open(client);
            let agreed = their_timestamps && !strips_options;
            assert_eq!(world.theirs.tcp(conn.theirs).timestamp_enabled(), agreed, "{client:?}");
            let mss = world.ours.info(conn.ours).unwrap().mss;
            assert_eq!(mss, if agreed { 1448 } else { 1460 });
        }
    }
}

#[test]
fn small_writes_arrive_without_nagle_and_with() {
    for nodelay in [false, true] {
        let mut world = World::new(Setup::default());
        let conn = world.open(Ours);
        world.ours.set_nodelay(conn.ours, nodelay).unwrap();
        world.theirs.tcp(conn.theirs).set_nagle_enabled(!nodelay);
        let (mut asked, mut answered) = (Vec::new(), Vec::new());
        for round in 0..50 {
            let begun = world.now;
            for byte in 0..10 {
                assert_eq!(world.write(Ours, conn, &[round, byte]), 2);
            }
            world.run(seconds(5), |world| {
                let before = asked.len();
                world.drain(Ours.other(), conn, &mut asked);
                let fresh = asked[before..].to_vec();
                assert_eq!(world.write(Ours.other(), conn, &fresh), fresh.len());
                world.drain(Ours, conn, &mut answered);
                answered.len() == asked.len() && asked.len() == 20 * (usize::from(round) + 1)
            });
            assert!(world.now.since(begun) < seconds(1), "an echo took too long");
        }
        assert_eq!(asked, answered);
    }
}
