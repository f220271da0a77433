//! Single losses, one after the other, and what the wire shows of their repair.

use super::world::Side::{self, Client, Server};
use super::world::{Fate, World, deliver_all, drop_numbers, fate_of};
use crate::event::{Event, Phase, TimerKind, Why};
use crate::tcp::congestion::Algorithm;
use crate::time::Duration;
use crate::wire::tcp::Segment;

const SECOND: Duration = Duration::from_secs(1);
const MS: Duration = Duration::from_millis(1);

/// Thirty full segments.
const LEN: usize = 30 * 1448;

fn is_text(side: Side, segment: &Segment) -> bool {
    side == Server && !segment.payload.is_empty()
}

/// Thirty segments from the server with this congestion control; gives the world after the transfer and how
/// long it took.
fn thirty_under(algorithm: Algorithm, judge: super::world::Judge) -> (World, Duration) {
    let mut world = World::with_tcp(|config| config.congestion = algorithm);
    world.observe();
    // Each segment is a batch of its own, so that each is acknowledged as it arrives.
    world.pace = Duration::from_micros(100);
    let pair = world.open();
    world.pass(50 * MS);
    world.judge = judge;
    let start = world.now;
    world.transfer(&pair, Server, LEN, 100 * SECOND);
    let took = world.now - start;
    world.judge = deliver_all();
    world.close_both(&pair);
    world.assert_quiet_end();
    (world, took)
}

/// The same with losses found by SACK and RACK.
fn thirty(judge: super::world::Judge) -> (World, Duration) {
    thirty_under(Algorithm::Cubic, judge)
}

/// The same with losses found by duplicates.
fn thirty_by_duplicates(judge: super::world::Judge) -> (World, Duration) {
    thirty_under(Algorithm::NewReno, judge)
}

fn count(world: &World, side: Side, why: Why) -> usize {
    world.whys(side).into_iter().filter(|one| *one == why).count()
}

fn timeouts(world: &World) -> usize {
    let timeout = |(_, side, event): &(_, Side, Event)| {
        let fired = matches!(event, Event::TimerFired { timer: TimerKind::Retransmission, .. });
        fired && *side == Server
    };
    // A timer that fires finds something to send again, or it would have been stopped.
    world.events().iter().filter(|event| timeout(event)).count()
}

#[test]
fn every_single_loss_of_data_is_repaired() {
    for lost in 0..40 {
        let (world, took) = thirty(drop_numbers([lost], is_text));
        let again = world.texts_by(Server).count() - 30;
        let spurious = world.texts_by(Server).count() - 30 - usize::from(lost < 30);
        assert!(took < SECOND / 2, "segment {lost}: {took:?}");
        // Without SACK the end of the window after a time-out may be sent twice.
        assert!(again <= 4 && spurious <= 3, "segment {lost}: {again} sent again");
    }
}

#[test]
fn every_single_loss_of_an_acknowledgment_is_survived() {
    for lost in 0..40 {
        let (_, took) = thirty(drop_numbers([lost], |side, _| side == Client));
        assert!(took < SECOND / 2, "acknowledgment {lost}: {took:?}");
    }
}

#[test]
fn every_pair_of_early_losses_is_repaired() {
    for first in 0..12 {
        for second in first + 1..12 {
            let (_, took) = thirty(drop_numbers([first, second], is_text));
            assert!(took < SECOND, "segments {first} and {second}: {took:?}");
        }
    }
}

/// The segment and its retransmission both get lost.
#[test]
fn a_lost_retransmission_waits_for_the_timer() {
    let (world, took) = thirty_by_duplicates(first_text_lost(2));
    assert_eq!(
        (count(&world, Server, Why::FastRetransmit), count(&world, Server, Why::Rto(1))),
        (1, 1)
    );
    assert!(took < SECOND, "{took:?}");
}

/// Drops the first segment with text, and its retransmissions, so many times.
fn first_text_lost(times: u32) -> super::world::Judge {
    let mut lost = 0;
    let mut first = None;
    Box::new(move |side, segment| {
        if !is_text(side, segment) {
            return Fate::Deliver;
        }
        let target = *first.get_or_insert(segment.seq);
        if segment.seq == target && lost < times {
            lost += 1;
            return Fate::Drop;
        }
        Fate::Deliver
    })
}

/// RFC 8985 3.1: what was sent after a retransmission shows that it was lost.
#[test]
fn a_lost_retransmission_is_found_by_what_was_sent_after_it() {
    for times in 2..=3 {
        let (world, took) = thirty(first_text_lost(times));
        assert_eq!((timeouts(&world), world.texts_by(Server).count()), (0, 30 + times as usize));
        assert!(took < 200 * MS, "lost {times} times: {took:?}");
    }
}

#[test]
fn one_loss_in_the_middle_is_repaired_without_a_timeout() {
    for lost in 0..20 {
        let (world, took) = thirty_by_duplicates(drop_numbers([lost], is_text));
        assert_eq!(timeouts(&world), 0, "segment {lost}");
        assert_eq!(count(&world, Server, Why::FastRetransmit), 1);
        assert!(took < 100 * MS, "segment {lost}: {took:?}");
        let recovery = |(_, _, event): &(_, _, Event)| {
            matches!(event, Event::CongestionWindow { phase: Phase::FastRecovery, .. })
        };
        assert!(world.events().iter().any(recovery));
    }
}

/// RFC 6582: each partial acknowledgment shows the next hole.
#[test]
fn two_losses_in_one_window_are_repaired_without_a_timeout() {
    let (world, _) = thirty_by_duplicates(drop_numbers([2, 5], is_text));
    assert_eq!(timeouts(&world), 0);
    let whys = world.whys(Server);
    assert!(whys.contains(&Why::FastRetransmit) && whys.contains(&Why::PartialAck));
}

/// RFC 6675, RFC 8985: whatever is lost of a window goes again once, and no timer is needed for it; at the
/// very end a probe finds it.
#[test]
fn whatever_is_lost_of_a_window_goes_again_once() {
    let some: Vec<Vec<usize>> = (0..30)
        .map(|n| vec![n])
        .chain((0..29).map(|n| vec![n, n + 1]))
        .chain([
            vec![2, 5],
            vec![0, 9, 20],
            (0..5).collect(),
            (10..20).collect(),
            (20..30).collect(),
        ])
        .chain([vec![0, 2, 4, 6, 8], (5..10).collect()])
        .collect();
    for lost in some {
        let (world, took) = thirty(drop_numbers(lost.clone(), is_text));
        assert_eq!(timeouts(&world), 0, "{lost:?}");
        assert_eq!(world.texts_by(Server).count(), 30 + lost.len(), "{lost:?}");
        assert!(took < 200 * MS, "{lost:?}: {took:?}");
    }
}

/// Where nothing is ever overtaken, no reduction is wrong: one repair begins while retransmissions of the
/// last one are on their way, and their echoes are no sign of the original.
#[test]
fn losses_alone_undo_nothing() {
    for seed in 0..40 {
        let mut world = World::with_tcp(|config| {
            config.congestion = if seed % 2 == 0 { Algorithm::Cubic } else { Algorithm::Bbr };
        });
        world.observe();
        world.pace = Duration::from_micros(100);
        let pair = world.open();
        world.pass(50 * MS);
        let mut random = super::world::Random::new(seed);
        world.judge = Box::new(move |side, segment| {
            let drop = is_text(side, segment) && random.chance(10);
            if drop { Fate::Drop } else { Fate::Deliver }
        });
        world.transfer(&pair, Server, 20 * LEN, 1000 * SECOND);
        let undone = |(_, _, event): &(_, _, Event)| matches!(event, Event::Undone { .. });
        assert_eq!(world.events().iter().filter(|event| undone(event)).count(), 0, "seed {seed}");
    }
}

/// Fewer than three duplicate acknowledgments prove nothing (RFC 5681 3.2).
#[test]
fn little_reordering_retransmits_nothing() {
    let late = Fate::Late(Duration::from_micros(250));
    let mut world = World::new();
    world.pace = Duration::from_micros(100);
    let pair = world.open();
    world.judge = fate_of(late, [3, 10, 17], is_text);
    world.transfer(&pair, Server, LEN, SECOND);
    assert_eq!(world.info(Server, pair.server).retransmissions, 0);
    let sacked = world.sent_by(Client).filter(|(_, seg)| !seg.options.sack.is_empty()).count();
    assert!((3..=9).contains(&sacked), "{sacked} acknowledgments with blocks");
}

#[test]
fn what_is_out_of_order_is_sacked() {
    let mut world = World::new();
    world.pace = Duration::from_micros(100);
    let pair = world.open();
    world.judge = drop_numbers([2, 5], is_text);
    world.transfer(&pair, Server, 9 * 1448, SECOND);
    let base = world.texts_by(Server).next().unwrap().1.seq;
    let blocks: Vec<(u32, Vec<(u32, u32)>)> = world
        .sent_by(Client)
        .filter(|(_, seg)| !seg.options.sack.is_empty())
        .map(|(_, seg)| {
            let block = |b: &crate::wire::tcp_options::SackBlock| {
                ((b.left - base) / 1448, (b.right - base) / 1448)
            };
            ((seg.ack - base) / 1448, seg.options.sack.iter().map(block).collect())
        })
        .collect();
    // The block that changed last comes first (RFC 2018 4).
    assert_eq!(blocks[0], (2, vec![(3, 4)]));
    assert_eq!(blocks[1], (2, vec![(3, 5)]));
    assert_eq!(blocks[2], (2, vec![(6, 7), (3, 5)]));
    assert_eq!(blocks[3], (2, vec![(6, 8), (3, 5)]));
}

/// RFC 2883: a duplicate is reported once, as the first block.
#[test]
fn duplicates_are_reported_by_d_sack() {
    let mut world = World::new();
    world.pace = Duration::from_micros(100);
    let pair = world.open();
    world.judge = fate_of(Fate::Twice, [4, 9], is_text);
    world.transfer(&pair, Server, 12 * 1448, SECOND);
    let reports: Vec<_> = world
        .sent_by(Client)
        .filter(|(_, seg)| !seg.options.sack.is_empty())
        .map(|(_, seg)| (seg.ack, seg.options.sack[0], seg.options.sack.len()))
        .collect();
    assert_eq!(reports.len(), 2, "{reports:?}");
    for (ack, block, count) in reports {
        assert_eq!((block.right - block.left, count), (1448, 1));
        assert!(block.right.at_or_before(ack), "below the acknowledgment, so a duplicate");
    }
    assert_eq!(world.info(Server, pair.server).retransmissions, 0);
}

#[test]
fn everything_twice_arrives_once() {
    let (world, took) = thirty(Box::new(|_, _| Fate::Twice));
    assert!(took < SECOND / 2, "{took:?}");
    assert!(world.texts_by(Server).count() <= 60);
}

/// After a time-out everything outstanding counts as lost, and slow start begins with one segment.
#[test]
fn a_timeout_starts_with_one_segment() {
    let mut world = World::with_tcp(|config| config.congestion = Algorithm::NewReno);
    world.observe();
    let pair = world.open();
    world.pass(50 * MS);
    world.judge = drop_numbers((0..10).collect::<Vec<_>>(), is_text);
    world.transfer(&pair, Server, LEN, 10 * SECOND);
    let times: Vec<_> = world.texts_by(Server).map(|(at, _)| at).collect();
    assert!(times[10] - times[9] >= 200 * MS);
    assert!(times[11] > times[10], "one segment first");
    assert_eq!(world.whys(Server).iter().filter(|why| **why == Why::Rto(1)).count(), 1);
}

/// Karn: acknowledgments of retransmissions must not be taken for fast round trips.
#[test]
fn the_round_trip_time_stays_honest_through_losses() {
    let mut world = World::new();
    world.delay = 100 * MS;
    let pair = world.open();
    world.judge = super::world::random_loss(5, 10);
    world.transfer(&pair, Server, 20 * LEN, 1000 * SECOND);
    let srtt = world.info(Server, pair.server).srtt.unwrap();
    assert!(srtt > 150 * MS && srtt < 600 * MS, "{srtt:?}");
    assert!(world.info(Client, pair.client).bytes_received == 20 * LEN as u64);
}

/// Ten segments that arrive at once, less the first; gives how often the gap was acknowledged.
fn duplicates_of_a_burst(sack: bool) -> usize {
    let mut world = World::with_tcp(|config| {
        config.sack = sack;
        config.pacing = false;
    });
    world.observe();
    let pair = world.open();
    world.pass(50 * MS);
    world.judge = drop_numbers([0], is_text);
    let before = world.sent_by(Client).last().unwrap().1.ack;
    world.transfer(&pair, Server, 10 * 1448, SECOND);
    assert_eq!(timeouts(&world), 0, "duplicates have shown it");
    world.sent_by(Client).filter(|(_, segment)| segment.ack == before).count() - 1
}

/// One acknowledgment for all of a batch would hide from a sender without SACK that something is lost.
#[test]
fn each_segment_of_a_batch_beyond_a_gap_is_acknowledged_rfc_5681_4_2() {
    assert_eq!(duplicates_of_a_burst(false), 9);
}

/// What a later one reports with SACK, it reports better (as Linux).
#[test]
fn with_sack_three_duplicates_go_apart_and_the_rest_of_a_batch_shares_one() {
    assert_eq!(duplicates_of_a_burst(true), 3 + 1);
}
