use std::time::Duration;

use proptest::prelude::*;

use super::*;

fn at(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

/// A scoreboard on which `segments` of 100 octets each were sent, one a millisecond, from place 1 on.
fn sent(segments: u64) -> Scoreboard {
    let mut board = Scoreboard::default();
    for n in 0..segments {
        board.on_sent(1 + n * 100, 100, at(n), Snapshot { delivered: n, ..Snapshot::default() });
    }
    board
}

/// The places of a segment.
fn segment(n: u64) -> (u64, u64) {
    (1 + n * 100, 101 + n * 100)
}

fn sack(board: &mut Scoreboard, segments: std::ops::Range<u64>) -> Delivery {
    let mut delivery = board.delivery(Instant::FAR_FUTURE);
    assert!(board.sack(segment(segments.start).0, segment(segments.end).0, &mut delivery));
    delivery
}

fn acknowledge(board: &mut Scoreboard, segments: u64) -> Delivery {
    let mut delivery = board.delivery(Instant::FAR_FUTURE);
    board.acknowledge(segment(segments).0, &mut delivery);
    delivery
}

/// What RACK finds when everything sent `patience_ms` ago or earlier is late, at `now_ms`.
fn overtaken(board: &mut Scoreboard, newest: &Newest, now_ms: u64, patience_ms: u64) -> Vec<u64> {
    let mut found = Vec::new();
    let patience = Duration::from_millis(patience_ms);
    let is_over = |sent| at(now_ms).since(sent) >= patience;
    board.mark_overtaken(newest, is_over, |lost| found.push((lost.start - 1) / 100));
    found
}

#[test]
fn lost_ranges_are_sent_again_in_order_and_shrink_with_acknowledgments() {
    let mut board = sent(30);
    assert_eq!(board.next_lost(), None);
    board.mark_lost(1, 3001, |_| {});
    assert_eq!((board.next_lost(), board.lost()), (Some((1, 3000)), 3000));
    board.on_sent(1, 1000, at(50), Snapshot::default());
    assert_eq!(board.next_lost(), Some((1001, 2000)));
    assert_eq!(acknowledge(&mut board, 25).bytes, 2500);
    assert_eq!((board.next_lost(), board.lost()), (Some((2501, 500)), 500));
    acknowledge(&mut board, 30);
    assert_eq!((board.next_lost(), board.lost()), (None, 0));
    board.check_invariants(3001, 3001);
    assert!(board.is_empty());
}

/// RFC 2018 5, RFC 6675 4: what was reported counts once, wherever it is reported again.
#[test]
fn what_is_reported_counts_once() {
    let mut board = sent(10);
    let delivery = sack(&mut board, 2..4);
    assert_eq!((delivery.bytes, delivery.sacked, board.sacked()), (200, 200, 200));
    assert_eq!(sack(&mut board, 2..4), board.delivery(Instant::FAR_FUTURE));
    assert_eq!(sack(&mut board, 1..6).bytes, 300);
    assert_eq!(sack(&mut board, 3..5), board.delivery(Instant::FAR_FUTURE));
    let delivery = acknowledge(&mut board, 3);
    assert_eq!((delivery.bytes, board.sacked()), (100, 300), "one of the three was missing");
    board.check_invariants(301, 1001);
    // What was never sent and what is acknowledged is ignored.
    let mut delivery = board.delivery(Instant::FAR_FUTURE);
    assert!(board.sack(0, 100, &mut delivery) && board.sack(1001, 9000, &mut delivery));
    assert_eq!(delivery, board.delivery(Instant::FAR_FUTURE));
}

/// RFC 8985 6.2 step 5.
#[test]
fn what_was_overtaken_is_lost_when_its_time_is_over() {
    let mut board = sent(10);
    let newest = sack(&mut board, 5..6).newest.unwrap();
    assert_eq!((newest.at, newest.end, newest.again), (at(5), 601, false));
    // At 103 ms those sent at 0 to 3 ms are 100 ms old.
    assert_eq!(overtaken(&mut board, &newest, 103, 100), [0, 1, 2, 3]);
    assert_eq!(overtaken(&mut board, &newest, 103, 100), [0; 0], "judged once");
    assert_eq!(overtaken(&mut board, &newest, 300, 100), [4], "6 to 9 were sent after it");
    assert_eq!(board.next_lost(), Some((1, 500)));
    board.check_invariants(1, 1001);
}

#[test]
fn the_first_that_is_waited_for_is_told() {
    let mut board = sent(10);
    sack(&mut board, 1..2);
    let newest = sack(&mut board, 5..6).newest.unwrap();
    let left = board.mark_overtaken(&newest, |sent| sent <= at(0), |_| {});
    assert_eq!(left, Some(at(2)), "the second has arrived");
    let left = board.mark_overtaken(&newest, |_| true, |_| {});
    assert_eq!((left, board.lost()), (None, 400));
}

/// What is lost already, as after a time-out, is not what is waited for.
#[test]
fn what_is_lost_hides_nothing_that_is_waited_for() {
    let mut board = sent(4);
    board.mark_lost(1, 101, |_| {});
    let newest = sack(&mut board, 2..3).newest.unwrap();
    assert_eq!(board.mark_overtaken(&newest, |_| false, |_| {}), Some(at(1)));
}

#[test]
fn a_retransmission_is_judged_by_its_own_time() {
    let mut board = sent(4);
    let newest = sack(&mut board, 1..2).newest.unwrap();
    assert_eq!(overtaken(&mut board, &newest, 100, 100), [0]);
    board.on_sent(1, 100, at(100), Snapshot::default());
    assert_eq!(board.lost(), 0);
    // What was sent before it shows nothing, what was sent after it does.
    let newest = sack(&mut board, 2..4).newest.unwrap();
    assert_eq!(overtaken(&mut board, &newest, 1000, 100), [0; 0]);
    board.on_sent(401, 100, at(101), Snapshot::default());
    let newest = sack(&mut board, 4..5).newest.unwrap();
    assert_eq!(overtaken(&mut board, &newest, 1000, 100), [0]);
    board.on_sent(1, 100, at(1000), Snapshot::default());
    let delivery = acknowledge(&mut board, 5);
    let newest = delivery.newest.unwrap();
    assert_eq!(
        (newest.at, newest.again, delivery.again, delivery.once),
        (at(1000), true, true, None)
    );
}

/// Of one burst, only what stands before that which arrived was sent before it.
#[test]
fn a_burst_is_judged_in_the_order_of_its_segments() {
    let mut board = Scoreboard::default();
    board.on_sent(1, 1000, at(0), Snapshot::default());
    let newest = sack(&mut board, 4..5).newest.unwrap();
    assert_eq!((newest.end, overtaken(&mut board, &newest, 100, 100)), (501, vec![0]));
    assert_eq!(board.lost(), 400);
    let newest = sack(&mut board, 7..8).newest.unwrap();
    assert_eq!(overtaken(&mut board, &newest, 100, 100), [5]);
    assert_eq!((board.lost(), board.next_lost()), (600, Some((1, 400))));
    board.check_invariants(1, 1001);
}

#[test]
fn reordering_is_seen_on_what_was_sent_once() {
    let mut board = sent(6);
    assert!(!sack(&mut board, 3..4).reordered);
    assert!(sack(&mut board, 2..3).reordered);
    assert!(!sack(&mut board, 5..6).reordered);
    // One acknowledgment that tells of both says nothing of their order.
    let mut board = sent(6);
    let mut delivery = board.delivery(Instant::FAR_FUTURE);
    board.sack(201, 301, &mut delivery);
    board.acknowledge(101, &mut delivery);
    assert!(!delivery.reordered);
    // A retransmission that arrives late is no reordering.
    board.mark_lost(101, 201, |_| {});
    board.on_sent(101, 100, at(9), Snapshot::default());
    assert!(!acknowledge(&mut board, 3).reordered);
}

/// RFC 2018 8.
#[test]
fn a_peer_that_throws_away_what_it_reported_is_believed() {
    let mut board = sent(5);
    sack(&mut board, 1..3);
    assert!(!board.is_reneged());
    acknowledge(&mut board, 1);
    assert!(board.is_reneged(), "it would have acknowledged it");
    board.renege(|_, _| ());
    assert!(!board.is_reneged());
    assert_eq!((board.sacked(), board.next_lost()), (0, Some((101, 200))));
    board.check_invariants(101, 501);
    assert_eq!(acknowledge(&mut board, 3).bytes, 200);
    board.check_invariants(301, 501);
}

/// RFC 8985 6.3.
#[test]
fn a_time_out_takes_the_first_and_what_is_old_for_lost() {
    let mut board = sent(10);
    sack(&mut board, 3..4);
    let mut found = Vec::new();
    board.mark_timed_out(100, at(4), |lost| found.push(lost.start));
    assert_eq!(found, [1, 101, 201, 401]);
    let mut board = sent(10);
    board.mark_timed_out(100, Instant::ZERO - Duration::from_secs(1), |_| {});
    assert_eq!(board.lost(), 100);
    board.mark_found();
    assert_eq!((board.lost(), board.next_lost()), (0, None));
    board.check_invariants(1, 1001);
}

#[test]
fn the_tail_is_what_a_probe_sends_again() {
    let mut board = sent(3);
    assert_eq!(board.last_out(100, 0), Some((201, 100)));
    assert_eq!(board.last_out(30, 0), Some((291, 10)));
    assert_eq!(board.last_out(99, 1), Some((201, 100)), "the FIN goes with its segment");
    sack(&mut board, 2..3);
    assert_eq!(board.last_out(100, 0), None, "it has arrived");
    assert_eq!(Scoreboard::default().last_out(100, 0), None);
    board.on_sent(301, 1, at(9), Snapshot::default());
    assert_eq!(board.last_out(100, 1), Some((301, 1)), "a FIN alone");
}

/// SACK Panic (CVE-2019-11477) and the like: 10,000 holes that are reported in small pieces, again and
/// again, and filled one by one. With a walk over all of them for each this would take minutes.
#[test]
fn ten_thousand_holes_are_quick() {
    const HOLES: u64 = 10_000;
    let mut board = Scoreboard::default();
    for n in 0..HOLES / 16 {
        board.on_sent(1 + n * 3200, 3200, at(n), Snapshot::default());
    }
    let mut delivery = board.delivery(Instant::FAR_FUTURE);
    for n in (0..HOLES).rev() {
        // Each acknowledgment repeats three blocks.
        for block in [n, n + 1, HOLES / 2] {
            board.sack(101 + block * 200, 201 + block * 200, &mut delivery);
        }
        if let Some(newest) = delivery.newest {
            board.mark_overtaken(&newest, |_| true, |_| {});
        }
    }
    assert_eq!(board.lost() + board.sacked(), board.next_end() as u32 - 1);
    board.check_invariants(1, board.next_end());
    for n in 0..HOLES {
        assert_eq!(board.next_lost(), Some((1 + n * 200, 100)));
        board.on_sent(1 + n * 200, 100, at(HOLES + n), Snapshot::default());
    }
    for n in 0..HOLES {
        board.acknowledge(1 + (n + 1) * 200, &mut delivery);
    }
    board.check_invariants(board.next_end(), board.next_end());
}

/// A part of a segment is not taken in, so that what is sent again are segments.
#[test]
fn only_whole_segments_are_taken_in() {
    let mut board = Scoreboard::default();
    let snapshot = Snapshot { segment_size: 100, ..Snapshot::default() };
    board.on_sent(1, 1000, at(0), snapshot);
    let mut delivery = board.delivery(Instant::ZERO);
    for (start, end) in
        [(2, 3), (1, 100), (150, 201), (199, 202), (950, 1000), (901, 999), (1000, 1001)]
    {
        assert!(board.sack(start, end, &mut delivery));
        assert_eq!((board.sacked(), board.runs.len()), (0, 1), "{start} to {end}");
    }
    // The second and the third of the segments, and not the one after them.
    assert!(board.sack(60, 350, &mut delivery));
    assert_eq!((board.sacked(), board.runs.len()), (200, 3));
    // The last one, whose FIN is not reported.
    assert!(board.sack(901, 1000, &mut delivery));
    assert_eq!(board.sacked(), 299);
    // From an acknowledgment in the middle of a segment on, the segments are where they were.
    board.acknowledge(450, &mut delivery);
    assert!(board.sack(460, 601, &mut delivery));
    assert_eq!(board.sacked(), 199);
    board.check_invariants(450, 1001);
}

/// A segment counts when its last octet arrives, in whatever pieces it is reported.
#[test]
fn each_segment_is_counted_once() {
    let mut board = Scoreboard::default();
    let snapshot = Snapshot { segment_size: 100, ..Snapshot::default() };
    board.on_sent(1, 450, at(0), snapshot);
    let count = |board: &mut Scoreboard, una| {
        let mut delivery = board.delivery(Instant::FAR_FUTURE);
        board.acknowledge(una, &mut delivery);
        delivery.segments
    };
    assert_eq!([51, 101, 250, 251].map(|una| count(&mut board, una)), [0, 1, 1, 0]);
    // The third in the middle of which they are; then what was reported counts no second time.
    let mut delivery = board.delivery(Instant::FAR_FUTURE);
    assert!(board.sack(401, 451, &mut delivery));
    assert_eq!(delivery.segments, 1);
    assert_eq!([301, 451].map(|una| count(&mut board, una)), [1, 1]);
    // Of unknown size it is one; and one again when it goes again.
    board.on_sent(451, 300, at(1), Snapshot::default());
    board.mark_lost(451, 751, |_| {});
    board.on_sent(451, 300, at(2), Snapshot::default());
    assert_eq!([600, 751].map(|una| count(&mut board, una)), [0, 1]);
}

#[test]
fn pieces_end_where_transmissions_do() {
    let mut board = Scoreboard::default();
    let pushed = |pushed| Snapshot { pushed, ..Snapshot::default() };
    board.on_sent(1, 200, at(0), pushed(true));
    board.on_sent(201, 200, at(0), pushed(false));
    assert_eq!(board.last_piece(1, 201), (200, true));
    assert_eq!(board.last_piece(1, 150), (149, false), "it does not end there");
    assert_eq!(board.last_piece(101, 301), (100, false));
    assert_eq!(board.last_piece(101, 401), (200, false));
    // What has another fate is another piece.
    board.mark_lost(301, 401, |_| {});
    assert_eq!(board.last_piece(101, 401), (100, false));
    assert_eq!(Scoreboard::default().last_piece(1, 2), (0, false));
}

/// A peer that reports single octets is not given a record for each.
#[test]
fn the_number_of_runs_is_bounded() {
    let mut board = Scoreboard::default();
    for n in 0..20 {
        board.on_sent(1 + n * 65_000, 65_000, at(0), Snapshot::default());
    }
    let mut delivery = board.delivery(Instant::FAR_FUTURE);
    let taken = (0..600_000).filter(|n| board.sack(2 + n * 2, 3 + n * 2, &mut delivery)).count();
    assert!(taken < MAX_RUNS && board.runs.len() <= MAX_RUNS + 2, "{taken}, {}", board.runs.len());
    board.check_invariants(1, 1_300_001);
}

impl Scoreboard {
    fn next_end(&self) -> u64 {
        self.end().unwrap_or(2_000_001)
    }
}

/// One octet, as a naive scoreboard has it.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Octet {
    /// When it was sent last, and with which number.
    sent: (u64, u64),
    again: bool,
    sacked: bool,
    lost: bool,
    /// It was reported and thrown away.
    reneged: bool,
}

impl Octet {
    fn sent(now: u64, number: u64, again: bool) -> Octet {
        Octet { sent: (now, number), again, sacked: false, lost: false, reneged: false }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Send(u64),
    Sack(u64, u64),
    Acknowledge(u64),
    /// RACK, with so much patience.
    Judge(u64),
    /// Sends the first that is lost again, at most so much of it.
    Repair(u64),
    Timeout(u64),
    Found,
    Renege,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1u64..40).prop_map(Step::Send),
        6 => (0u64..120, 1u64..30).prop_map(|(at, len)| Step::Sack(at, len)),
        2 => (0u64..25).prop_map(Step::Acknowledge),
        4 => (0u64..12).prop_map(Step::Judge),
        4 => (1u64..30).prop_map(Step::Repair),
        1 => (0u64..12).prop_map(Step::Timeout),
        1 => Just(Step::Found),
        1 => Just(Step::Renege),
    ]
}

/// Octet by octet, with a walk over all of them for each question.
#[derive(Default)]
struct Naive {
    octets: BTreeMap<u64, Octet>,
    newest: Option<((u64, u64), u64)>,
}

impl Naive {
    /// Takes what has arrived in, and gives how much that is.
    fn arrived(&mut self, places: impl Iterator<Item = u64>) -> u32 {
        let mut bytes = 0;
        for place in places {
            let Some(octet) = self.octets.get_mut(&place).filter(|octet| !octet.sacked) else {
                continue;
            };
            bytes += 1;
            octet.sacked = true;
            octet.lost = false;
            let newest = (octet.sent, place + 1);
            self.newest = Some(self.newest.map_or(newest, |known| known.max(newest)));
        }
        bytes
    }

    fn lost(&self) -> Vec<u64> {
        self.octets.iter().filter(|(_, octet)| octet.lost).map(|(&place, _)| place).collect()
    }
}

proptest! {
    /// Pipe, what is lost, what is sent next and RACK are what a naive scoreboard says (RFC 6675 4, RFC
    /// 8985 6.2).
    #[test]
    fn it_is_as_the_naive_one_says(steps in prop::collection::vec(step(), 1..80)) {
        let (mut board, mut naive) = (Scoreboard::default(), Naive::default());
        let (mut una, mut nxt, mut number) = (1, 1, 0);
        let mut newest: Option<Newest> = None;
        for (now, step) in steps.into_iter().enumerate() {
            let now = now as u64;
            let mut delivery = board.delivery(Instant::FAR_FUTURE);
            match step {
                Step::Send(len) => {
                    board.on_sent(nxt, len as u32, at(now), Snapshot::default());
                    let octet = Octet::sent(now, number, false);
                    naive.octets.extend((nxt..nxt + len).map(|place| (place, octet)));
                    (nxt, number) = (nxt + len, number + 1);
                }
                Step::Sack(from, len) => {
                    let (start, end) = (una + from, una + from + len);
                    board.sack(start, end, &mut delivery);
                    prop_assert_eq!(naive.arrived(start..end), delivery.bytes);
                }
                Step::Acknowledge(len) => {
                    una = (una + len).min(nxt);
                    board.acknowledge(una, &mut delivery);
                    prop_assert_eq!(naive.arrived(0..una), delivery.bytes);
                    naive.octets = naive.octets.split_off(&una);
                }
                Step::Judge(patience) => {
                    let Some(newest) = newest else { continue };
                    let is_over = |sent: Instant| at(now).since(sent) >= Duration::from_millis(patience);
                    board.mark_overtaken(&newest, is_over, |_| {});
                    let ((_, last), end) = naive.newest.unwrap();
                    for (&place, octet) in &mut naive.octets {
                        let before = (octet.sent.1, place + 1) <= (last, end);
                        octet.lost |= before && !octet.sacked && is_over(at(octet.sent.0));
                    }
                }
                Step::Repair(most) => {
                    let lost = naive.lost();
                    let Some((start, len)) = board.next_lost() else {
                        prop_assert!(lost.is_empty());
                        continue;
                    };
                    prop_assert_eq!(start, lost[0]);
                    let together = lost.iter().zip(start..).take_while(|(a, b)| **a == *b).count();
                    prop_assert_eq!(len as usize, together);
                    let len = u64::from(len).min(most);
                    board.on_sent(start, len as u32, at(now), Snapshot::default());
                    let octet = Octet::sent(now, number, true);
                    naive.octets.extend((start..start + len).map(|place| (place, octet)));
                    number += 1;
                }
                Step::Timeout(old) if nxt > una => {
                    let before = at(now) - Duration::from_millis(old);
                    board.mark_timed_out(10, before, |_| {});
                    for (&place, octet) in &mut naive.octets {
                        let old = at(octet.sent.0) <= before;
                        octet.lost |= !octet.sacked && (place < una + 10 || old);
                    }
                }
                Step::Found => {
                    board.mark_found();
                    naive.octets.values_mut().for_each(|octet| octet.lost &= octet.reneged);
                }
                Step::Renege if board.is_reneged() => {
                    board.renege(|_, _| ());
                    for octet in naive.octets.values_mut().filter(|octet| octet.sacked) {
                        octet.sacked = false;
                        (octet.lost, octet.again, octet.reneged) = (true, true, true);
                    }
                }
                Step::Timeout(_) | Step::Renege => {}
            }
            if let Some(one) = delivery.newest
                && newest.is_none_or(|known| (known.number, known.end) < (one.number, one.end))
            {
                newest = Some(one);
            }
            board.check_invariants(una, nxt);
            prop_assert_eq!(board.lost() as usize, naive.lost().len());
            let sacked = naive.octets.values().filter(|octet| octet.sacked).count();
            prop_assert_eq!(board.sacked() as usize, sacked);
        }
    }
}
