mod black_hole;
mod path;
mod probe;
mod random;
mod undo;
mod without_sack;

use super::*;
use crate::event::Why;
use crate::tcp::Config;
use crate::tcp::congestion::Algorithm;
use crate::tcp::testing::*;
use crate::time::Duration;
use crate::wire::tcp::Flags;
use crate::wire::tcp_options::{SackBlock, Timestamps};
use path::Path as Way;

/// A window under CUBIC: ten segments.
const IW: u32 = 10 * FULL;

fn setup(congestion: Algorithm) -> Setup {
    let setup = Setup::default();
    Setup { config: Config { congestion, ..setup.config }, ..setup }
}

/// A connection under CUBIC that has `len` bytes to send, of which the first ten segments are in flight.
fn flying(len: u32) -> Rig {
    flying_with(setup(Algorithm::Cubic), len)
}

fn flying_with(setup: Setup, len: u32) -> Rig {
    let mut rig = Rig::open(setup);
    rig.write(len);
    let sent: u32 = rig.transmit().iter().map(|sent| sent.len).sum();
    assert_eq!(sent, len.min(IW));
    rig.forget_events();
    rig
}

/// The octets of segments, counted from 0.
fn octets(segments: std::ops::Range<u32>) -> (u32, u32) {
    (1 + segments.start * FULL, 1 + segments.end * FULL)
}

/// An acknowledgment of `ack` that reports blocks.
fn sack_of(rig: &Rig, ack: u32, blocks: &[(u32, u32)]) -> Segment {
    let mut segment = rig.ack_of(ack);
    let block = |&(from, to): &(u32, u32)| SackBlock { left: rig.ours(from), right: rig.ours(to) };
    segment.options.sack = blocks.iter().map(block).collect();
    segment
}

/// It arrives.
fn sack(rig: &mut Rig, ack: u32, blocks: &[(u32, u32)]) {
    let segment = sack_of(rig, ack, blocks);
    rig.arrive(segment).unwrap();
}

fn windows(rig: &Rig) -> (u32, Option<u32>) {
    (rig.tcb.congestion.window(), rig.tcb.congestion.ssthresh())
}

fn sum(sent: &[Sent]) -> u32 {
    sent.iter().map(|sent| sent.len).sum()
}

#[test]
fn each_report_lets_a_new_segment_out_rfc_3042_rfc_6675_5() {
    let mut rig = flying(50_000);
    rig.now += ms(100);
    sack(&mut rig, 1, &[octets(1..2)]);
    assert_eq!(rig.transmit_one().brief(), (10_001, FULL, Why::NewData));
    sack(&mut rig, 1, &[octets(1..3)]);
    assert_eq!(rig.transmit_one().brief(), (11_001, FULL, Why::NewData));
    assert_eq!((rig.tcb.in_flight(), rig.tcb.cwnd()), (IW, IW));
    assert_eq!(rig.tcb.loss.mode(), Mode::Open);
    sack(&mut rig, 1, &[octets(1..3)]);
    rig.silent();
}

#[test]
fn the_third_report_shows_a_loss_at_once_rfc_8985_6_2() {
    let mut rig = flying(50_000);
    rig.now += ms(100);
    sack(&mut rig, 1, &[octets(1..4)]);
    let sent = rig.transmit();
    assert_eq!(sent[0].brief(), (1, FULL, Why::Rack));
    assert_eq!((rig.tcb.loss.mode(), windows(&rig)), (Mode::FastRecovery, (7_000, Some(7_000))));
    assert_eq!(rig.reductions(), [Reduction::Loss]);
    // 10 - 3 - 1 in flight; three delivered and three sent, but no more than ssthresh.
    assert_eq!((sum(&sent), rig.tcb.in_flight()), (FULL, 7 * FULL));
}

/// Each octet counts once, and at once where reports out of order are nothing unusual (as Linux).
#[test]
fn on_a_path_that_reorders_far_the_window_grows_with_every_report() {
    let mut rig = flying(100_000);
    rig.now += ms(20);
    sack(&mut rig, 1, &[octets(9..10)]);
    assert_eq!(windows(&rig), (IW, None), "it is not known yet");
    // What was sent before arrives after it: the path reorders by seven segments.
    sack(&mut rig, 1, &[octets(3..4), octets(9..10)]);
    assert_eq!((rig.tcb.info().details.reordering, windows(&rig).0), (7, IW + FULL));
    sack(&mut rig, 1 + IW, &[]);
    assert_eq!(windows(&rig).0, IW + 9 * FULL);
}

#[test]
fn one_report_is_waited_on_for_a_quarter_of_the_round_trip_rfc_8985_6_2() {
    let mut rig = flying(IW);
    rig.now += ms(100);
    let arrived = rig.now;
    sack(&mut rig, 1, &[octets(1..2)]);
    rig.silent();
    let sent = rig.sleep(ms(200));
    assert_eq!((sent[0].brief(), sent[0].at), ((1, FULL, Why::Rack), arrived + ms(25)));
    assert_eq!(rig.fired()[0], TimerKind::Reordering);
    assert_eq!(rig.tcb.loss.mode(), Mode::FastRecovery);
}

/// Nothing has arrived then for which all of it could go (RFC 6937 3; as Linux, one segment goes).
#[test]
fn what_the_timer_of_rack_finds_does_not_leave_in_a_burst_rfc_6937_3() {
    let mut rig = flying(IW);
    rig.now += ms(100);
    sack(&mut rig, 1, &[octets(6..7)]);
    rig.silent();
    let sent = rig.sleep(ms(30));
    assert_eq!(rig.fired(), [TimerKind::Reordering]);
    assert_eq!(rig.tcb.scoreboard.lost() + sum(&sent), 6 * FULL);
    assert_eq!(sent[0].brief(), (1, FULL, Why::Rack));
    assert_eq!(sum(&sent), FULL, "{sent:?}");
    // Then a segment or two for each that arrives.
    sack(&mut rig, 1, &[octets(6..8)]);
    assert_eq!(sum(&rig.transmit()), FULL);
    sack(&mut rig, 1 + FULL, &[octets(6..8)]);
    assert_eq!(sum(&rig.transmit()), 2 * FULL);
}

#[test]
fn one_loss_costs_a_round_trip_and_three_tenths_of_the_window_rfc_9438_4_6() {
    let mut way = Way::losing(Rig::open(setup(Algorithm::Cubic)), |n, nth| n == 3 && nth == 0);
    way.rig.write(40_000);
    way.run(ms(190));
    assert_eq!(way.again(), [(3, Why::Rack)]);
    assert_eq!(way.rig.tcb.loss.mode(), Mode::FastRecovery);
    way.run(s(1));
    assert!(way.is_done());
    assert_eq!((way.rig.reductions(), way.rig.undone()), (vec![Reduction::Loss], vec![]));
    assert!(!way.rig.fired().contains(&TimerKind::Retransmission));
    assert_eq!(way.rig.tcb.loss.mode(), Mode::Open);
    assert_eq!(way.rig.tcb.selective.prr, None);
}

#[test]
fn any_half_of_a_window_is_repaired_without_a_time_out_rfc_6675() {
    let halves: [fn(u32, u32) -> bool; 4] = [
        |n, nth| n < 5 && nth == 0,
        |n, nth| (n % 2 == 0) && n < 10 && nth == 0,
        |n, nth| (2..7).contains(&n) && nth == 0,
        |n, nth| [0, 1, 4, 5, 8].contains(&n) && nth == 0,
    ];
    for (which, half) in halves.into_iter().enumerate() {
        let mut way = Way::losing(Rig::open(setup(Algorithm::Cubic)), half);
        way.rig.write(60_000);
        way.run(s(2));
        assert!(way.is_done(), "{which}");
        assert_eq!(way.rig.tcb.info().retransmissions, 5, "{which}: {:?}", way.again());
        assert_eq!(way.rig.reductions(), [Reduction::Loss], "{which}");
        assert!(!way.rig.fired().contains(&TimerKind::Retransmission), "{which}");
    }
}

/// Half of a large window at random: pipe never exceeds the window, and each goes again once.
#[test]
fn half_of_a_hundred_segments_is_repaired_in_some_round_trips_rfc_6675_rfc_6937() {
    let lost = |n: u32, nth: u32| nth == 0 && (100..200).contains(&n) && (n * n + n / 3) % 7 < 3;
    let count = (0..300).filter(|&n| lost(n, 0)).count() as u64;
    let mut rig = Rig::open(Setup { scale: Some(6), ..setup(Algorithm::Cubic) });
    rig.tcb.congestion.adopt(100 * FULL, Some(100 * FULL));
    let mut way = Way::losing(rig, lost);
    way.rig.write(400 * FULL);
    way.run(s(3));
    assert!(way.is_done());
    assert_eq!(way.rig.tcb.info().retransmissions, count);
    assert_eq!(way.rig.reductions(), [Reduction::Loss]);
    assert!(!way.rig.fired().contains(&TimerKind::Retransmission));
}

#[test]
fn a_retransmission_that_is_lost_is_sent_again_without_a_time_out_rfc_8985_3_3() {
    for times in 1..4 {
        let mut way =
            Way::losing(Rig::open(setup(Algorithm::Cubic)), move |n, nth| n == 2 && nth < times);
        way.rig.write(60_000);
        way.run(s(2));
        assert!(way.is_done(), "{times}");
        assert_eq!(way.again(), vec![(2, Why::Rack); times as usize]);
        assert!(!way.rig.fired().contains(&TimerKind::Retransmission), "{times}");
        assert_eq!(way.rig.reductions().len(), 1, "one recovery, one reduction");
    }
}

/// Within a quarter of the shortest round trip nothing is taken for lost (RFC 8985 3.3.2).
#[test]
fn some_reordering_is_no_loss_rfc_8985_3_3_2() {
    let mut way = Way::new(Rig::open(setup(Algorithm::Cubic)));
    way.fate = Box::new(|piece| Some(if piece.number() % 7 == 2 { ms(20) } else { ms(0) }));
    way.rig.write(30_000);
    way.run(ms(130));
    // The first time it is not known that the path reorders.
    way.rig.forget_events();
    way.run(s(2));
    way.rig.forget_events();
    way.sent.clear();
    way.rig.write(60_000);
    way.run(s(2));
    assert!(way.is_done());
    assert_eq!((way.again(), way.rig.reductions()), (vec![], vec![]));
}

#[test]
fn what_the_peer_throws_away_is_sent_again_after_a_time_out_rfc_2018_8() {
    let mut rig = flying(IW);
    rig.now += ms(100);
    sack(&mut rig, 1, &[octets(1..10)]);
    assert_eq!(rig.transmit_one().brief(), (1, FULL, Why::Rack));
    // It acknowledges the first and has forgotten the rest.
    rig.now += ms(100);
    sack(&mut rig, 1 + FULL, &[]);
    assert_eq!((rig.tcb.scoreboard.sacked(), rig.tcb.in_flight()), (9 * FULL, 0));
    let mut way = Way::new(rig);
    way.run(s(3));
    assert!(way.is_done());
    assert_eq!(way.rig.fired()[0], TimerKind::Retransmission);
    assert_eq!(way.again()[0], (1, Why::Rto(1)));
    assert_eq!(way.again().iter().filter(|again| again.0 == 1).count(), 1);
    // What is thrown away in the middle is found when all before it is there.
    let mut rig = flying(IW);
    rig.now += ms(100);
    sack(&mut rig, 1, &[octets(4..6), octets(1..2)]);
    rig.transmit();
    let mut way = Way::new(rig);
    way.run(s(10));
    assert!(way.is_done(), "{:?}", way.rig.tcb.scoreboard);
}

// Blocks that no honest peer sends.

#[test]
fn blocks_of_what_was_never_sent_or_is_no_block_change_nothing_rfc_2018_4() {
    let wrong: [(u32, u32); 14] = [
        (2_001, 1_001),
        (2_001, 2_001),
        (10_001, 11_001),
        (9_001, 10_002),
        (9_001, 50_001),
        (1, 10_002),
        (1, 1 << 30),
        (0, 1_001),
        (u32::MAX, 2_001),
        (u32::MAX - 5_000, 5_000),
        (1_001, u32::MAX / 2),
        (1_001, 1_001 + (1 << 31)),
        (1_001, 1_002 + (1 << 31)),
        (10_000, 0),
    ];
    for block in wrong {
        let mut rig = flying(50_000);
        rig.now += ms(100);
        for _ in 0..10 {
            // As the second: the first may be a D-SACK.
            sack(&mut rig, 1, &[(5_001, 5_001), block, block]);
        }
        assert_eq!(rig.tcb.scoreboard.sacked(), 0, "{block:?}");
        assert_eq!((rig.tcb.loss.mode(), rig.tcb.in_flight()), (Mode::Open, IW), "{block:?}");
        assert_eq!(windows(&rig), (IW, None), "{block:?}");
        rig.silent();
        rig.now += ms(10);
        rig.ack_arrives();
        rig.transmit();
        assert_eq!(rig.tcb.info().bytes_acked, u64::from(IW));
    }
}

#[test]
fn blocks_that_overlap_or_repeat_count_once_rfc_2018_4() {
    let four = [octets(5..6); 4];
    let overlap = [(5_001, 6_001), (5_501, 7_001), (4_501, 5_002), (4_501, 7_001)];
    // A half of a segment does not count.
    for (blocks, octets) in [(four, FULL), (overlap, 2 * FULL)] {
        let mut rig = flying(50_000);
        rig.now += ms(100);
        for _ in 0..5 {
            // The first of four that repeat looks like a D-SACK.
            sack(&mut rig, 1, &blocks[1..]);
            sack(&mut rig, 1, &blocks);
        }
        assert_eq!(rig.tcb.scoreboard.sacked(), octets);
        rig.transmit();
        let mut way = Way::new(rig);
        way.run(s(10));
        assert!(way.is_done());
    }
}

/// All but the first octet of each segment, as SACK Panic did (CVE-2019-11477 to 11479).
#[test]
fn blocks_of_single_octets_are_survived() {
    let mut rig = flying(50_000);
    rig.now += ms(100);
    for n in 0..400 {
        let at = 2 + n * 2;
        sack(&mut rig, 1, &[(at, at + 1), (at + 4, at + 5), (at + 2, at + 3)]);
        if n % 50 == 0 {
            rig.transmit();
        }
    }
    rig.transmit();
    let mut way = Way::new(rig);
    way.run(s(60));
    assert!(way.is_done());
}

#[test]
fn a_dsack_of_nothing_sensible_undoes_nothing_rfc_3708() {
    let wrong = [(u32::MAX - 1000, 0), (0, 1), (0, 0), (1 << 30, (1 << 30) + 1)];
    for block in wrong {
        let mut rig = flying(50_000);
        rig.now += ms(100);
        sack(&mut rig, 1, &[octets(1..5)]);
        rig.transmit();
        for _ in 0..20 {
            sack(&mut rig, 1, &[block, octets(1..5)]);
        }
        assert_eq!((rig.undone(), rig.tcb.loss.mode()), (vec![], Mode::FastRecovery), "{block:?}");
    }
}

/// RFC 6582 3.2 step 2 is of an old repair; a mark has repaired nothing.
#[test]
fn a_loss_in_a_window_with_a_mark_is_repaired_and_answered_once_rfc_3168_6_1_2() {
    for sacks in [true, false] {
        let ecn = Setup::ecn();
        let config = Config { congestion: Algorithm::Cubic, ..ecn.config };
        let mut rig = flying_with(Setup { config, sack: sacks, ..ecn }, 50_000);
        rig.now += ms(100);
        let echo = Segment { flags: Flags::ACK | Flags::ECE, ..rig.ack_of(1 + FULL) };
        rig.arrive(echo).unwrap();
        assert_eq!((rig.reductions(), rig.tcb.loss.mode()), (vec![Reduction::Ecn], Mode::Reducing));
        rig.transmit();
        let before = windows(&rig);
        if sacks {
            sack(&mut rig, 1 + FULL, &[octets(2..5)]);
        } else {
            rig.duplicates_arrive(1 + FULL, 3);
        }
        let sent = rig.transmit();
        assert!(sent.iter().any(|sent| sent.seq == 1 + FULL), "SACK {sacks}: {sent:?}");
        assert_eq!(windows(&rig), before);
        assert_eq!(rig.reductions(), [Reduction::Ecn]);
    }
}
