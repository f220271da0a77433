//! What each algorithm makes of losses in a window, step by step.

use super::world::Side::{self, Server};
use super::world::{World, deliver_all, drop_numbers, random_loss};
use crate::event::{Event, Why};
use crate::tcp::congestion::Algorithm::{self, NewReno, Reno, Tahoe};
use crate::time::Duration;
use crate::wire::tcp::Segment;

/// Text of a full-sized segment.
const FULL: u32 = 1448;

fn is_text(side: Side, segment: &Segment) -> bool {
    side == Server && !segment.payload.is_empty()
}

/// Forty segments from the server, each of which arrives but for those of these numbers.
fn forty(algorithm: Algorithm, lost: &[usize]) -> World {
    let mut world = World::with_tcp(|config| config.congestion = algorithm);
    world.observe();
    // Each segment is a batch of its own, so that each is acknowledged as it arrives.
    world.pace = Duration::from_micros(100);
    let pair = world.open();
    assert_eq!(world.info(Server, pair.server).congestion, algorithm, "that of its listener");
    world.pass(Duration::from_millis(50));
    world.judge = drop_numbers(lost, is_text);
    world.stream(&pair, Server, 40 * FULL as usize);
    world.judge = deliver_all();
    world.close_both(&pair);
    world.assert_quiet_end();
    world
}

/// What the server has decided, in segments: what it sent again and why, as `4..6 GoBackN`, and
/// cwnd and ssthresh with what they mean, as `3/6 SlowStart`.
fn steps(world: &World) -> Vec<String> {
    let base = world.texts_by(Server).next().unwrap().1.seq;
    let segments = |bytes: u32| f64::from(bytes) / f64::from(FULL);
    let step = |(_, side, event): (_, Side, Event)| match event {
        _ if side != Server => None,
        Event::Sent { why: Why::NewData, .. } => None,
        Event::Sent { segment, why, .. } if segment.len > 0 => {
            let first = (segment.seq - base) / FULL;
            Some(format!("{first}..{} {why:?}", first + segment.len / FULL))
        }
        Event::CongestionWindow { cwnd, ssthresh: None, .. } => Some(segments(cwnd).to_string()),
        Event::CongestionWindow { cwnd, ssthresh: Some(ssthresh), phase, .. } => {
            Some(format!("{}/{} {phase:?}", segments(cwnd), segments(ssthresh)))
        }
        _ => None,
    };
    world.events().into_iter().filter_map(step).collect()
}

/// What was sent again how often: fast retransmissions, time-outs, and segments in all.
fn repairs(world: &World) -> (usize, usize, usize) {
    let whys = world.whys(Server);
    let count = |which: fn(&Why) -> bool| whys.iter().filter(|why| which(why)).count();
    let fast = count(|why| matches!(why, Why::FastRetransmit | Why::Rack | Why::TailLossProbe));
    let timeouts = count(|why| matches!(why, Why::Rto(_)));
    (fast, timeouts, world.texts_by(Server).count() - 40)
}

/// When the third segment is found lost, twelve are in flight, so ssthresh is six.
const ONE: [usize; 1] = [2];
const THREE: [usize; 3] = [2, 4, 6];

#[test]
fn tahoe_begins_anew_with_one_segment() {
    let world = forty(Tahoe, &ONE);
    assert_eq!(repairs(&world), (1, 0, 1));
    let expected = [
        "10",
        "12",
        "1/6 SlowStart",
        "2..3 FastRetransmit",
        // Its acknowledgment covers all that had arrived, and counts as one.
        "2/6 SlowStart",
        "3/6 SlowStart",
        "4/6 SlowStart",
        "5/6 SlowStart",
        "6/6 CongestionAvoidance",
        "7/6 CongestionAvoidance",
        "8/6 CongestionAvoidance",
    ];
    assert_eq!(steps(&world), expected);
}

/// It sends again what had arrived, too: the 6th, 8th and 9th, but not the 4th, of which an
/// acknowledgment has told by then.
#[test]
fn tahoe_goes_back_to_the_first_of_three_losses() {
    let world = forty(Tahoe, &THREE);
    assert_eq!(repairs(&world), (1, 0, 6));
    let expected = [
        "10",
        "12",
        "1/6 SlowStart",
        "2..3 FastRetransmit",
        "2/6 SlowStart",
        "4..6 GoBackN",
        "3/6 SlowStart",
        "6..9 GoBackN",
        "4/6 SlowStart",
        "5/6 SlowStart",
        "6/6 CongestionAvoidance",
        "7/6 CongestionAvoidance",
        "8/6 CongestionAvoidance",
    ];
    assert_eq!(steps(&world), expected);
}

/// RFC 6582 3.2 step 2: behind the repair of the last of four losses three segments go again in vain,
/// and the duplicate acknowledgments that answer them show no loss.
#[test]
fn tahoe_goes_back_once_a_window() {
    let world = forty(Tahoe, &[2, 4, 6, 8]);
    assert_eq!(repairs(&world), (1, 0, 9));
    assert!(steps(&world).contains(&"9..12 GoBackN".to_owned()));
}

#[test]
fn reno_halves_the_window_and_goes_on() {
    let world = forty(Reno, &ONE);
    assert_eq!(repairs(&world), (1, 0, 1));
    let expected = [
        "10",
        "12",
        "6/6 FastRecovery",
        "2..3 FastRetransmit",
        "6/6 CongestionAvoidance",
        "7/6 CongestionAvoidance",
        "8/6 CongestionAvoidance",
        "9/6 CongestionAvoidance",
    ];
    assert_eq!(steps(&world), expected);
}

/// The acknowledgment of the first hole ends the recovery, and the deflated window lets nothing out
/// that could bring three duplicates for the second (RFC 6582 1).
#[test]
fn reno_waits_for_the_timer_after_three_losses() {
    let world = forty(Reno, &THREE);
    assert_eq!(repairs(&world), (1, 1, 4));
    let expected = [
        "10",
        "12",
        "6/6 FastRecovery",
        "2..3 FastRetransmit",
        "6/6 CongestionAvoidance",
        // Fourteen are outstanding, but no more than six can still be on their way.
        "1/3 RtoRecovery",
        "4..5 Rto(1)",
        "2/3 RtoRecovery",
        "6..8 RtoRecovery",
        "3/3 CongestionAvoidance",
        "4/3 CongestionAvoidance",
        "5/3 CongestionAvoidance",
        "6/3 CongestionAvoidance",
        "7/3 CongestionAvoidance",
    ];
    assert_eq!(steps(&world), expected);
}

/// From a window of 22 enough goes out in recovery to show the second hole, not the third.
#[test]
fn reno_halves_a_large_window_for_each_loss() {
    let world = forty(Reno, &[12, 14, 17]);
    assert_eq!(repairs(&world), (2, 1, 3));
    let expected = [
        "20",
        "22",
        "11/11 FastRecovery",
        "12..13 FastRetransmit",
        "11/11 CongestionAvoidance",
        "5.5/5.5 FastRecovery",
        "14..15 FastRetransmit",
        "5.5/5.5 CongestionAvoidance",
        "1/2.75 RtoRecovery",
        "17..18 Rto(1)",
        "2/2.75 SlowStart",
    ];
    assert_eq!(steps(&world)[5..], expected);
}

#[test]
fn new_reno_halves_the_window_and_goes_on() {
    let world = forty(NewReno, &ONE);
    assert_eq!(repairs(&world), (1, 0, 1));
    let expected = [
        "10",
        "12",
        "6/6 FastRecovery",
        "2..3 FastRetransmit",
        // RFC 6582 3.2 step 3, option 1: four are in flight, and one more may go.
        "5/6 SlowStart",
        "7/6 CongestionAvoidance",
        "8/6 CongestionAvoidance",
        "9/6 CongestionAvoidance",
    ];
    assert_eq!(steps(&world), expected);
}

#[test]
fn new_reno_repairs_three_losses_in_one_recovery() {
    let world = forty(NewReno, &THREE);
    assert_eq!(repairs(&world), (1, 0, 3));
    let expected = [
        "10",
        "12",
        "6/6 FastRecovery",
        "2..3 FastRetransmit",
        "4..5 PartialAck",
        "6..7 PartialAck",
        "3/6 SlowStart",
        "5/6 SlowStart",
        "7/6 CongestionAvoidance",
        "8/6 CongestionAvoidance",
        "9/6 CongestionAvoidance",
    ];
    assert_eq!(steps(&world), expected);
}

#[test]
fn every_pair_of_losses_in_the_first_window_is_repaired() {
    for algorithm in Algorithm::ALL {
        for first in 0..9 {
            for second in first + 1..10 {
                let (fast, timeouts, again) = repairs(&forty(algorithm, &[first, second]));
                let place = format!("{algorithm}, {first} and {second}: {again} sent again");
                assert!(fast >= 1 && timeouts <= 1 && (2..=6).contains(&again), "{place}");
                // All but Reno need no timer.
                assert!(timeouts == 0 || algorithm == Reno, "{place}");
            }
        }
    }
}

#[test]
fn everything_arrives_through_10_percent_loss_both_ways() {
    for algorithm in Algorithm::ALL {
        for seed in 0..10 {
            let mut world = World::with_tcp(|config| config.congestion = algorithm);
            world.judge = random_loss(seed, 10);
            let pair = world.open();
            world.transfer(&pair, Server, 300 * FULL as usize, Duration::from_secs(1000));
            world.judge = deliver_all();
            world.close_both(&pair);
            world.assert_quiet_end();
        }
    }
}
