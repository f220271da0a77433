use proptest::prelude::*;

use super::super::tests::{MSS, NOW, acked};
use super::*;

const RTT: Duration = Duration::from_millis(100);

/// A connection that has lost something when its window had so many segments, of which it has kept
/// seven tenths.
fn after_loss(segments: u32) -> Cubic {
    let mut cc = Cubic::new(MSS, Profile::Linux);
    cc.adopt(segments * MSS, Some(segments * MSS));
    cc.on_congestion(NOW, segments * MSS, Signal::Loss);
    cc
}

/// The stage of congestion avoidance.
fn epoch(cc: &Cubic) -> &Epoch {
    cc.state.epoch.as_ref().unwrap()
}

/// A round trip in which the whole window is acknowledged, one acknowledgment for two segments.
fn round(cc: &mut Cubic, now: &mut Instant, rtt: Duration) {
    let count = (cc.window() / (2 * MSS)).max(1);
    for _ in 0..count {
        *now += rtt / count;
        cc.on_ack(&Ack { now: *now, srtt: Some(rtt), ..acked(2 * MSS) });
    }
}

/// Windows in segments after each of so many seconds.
fn seconds(cc: &mut Cubic, rtt: Duration, count: u32) -> Vec<u32> {
    let mut now = NOW;
    let windows = (1..=count).map(|nth| {
        while now < NOW + Duration::from_secs(nth.into()) {
            round(cc, &mut now, rtt);
        }
        cc.window() / MSS
    });
    windows.collect()
}

#[test]
fn a_loss_or_a_mark_leaves_seven_tenths_rfc_9438_4_6() {
    let table = [
        (100, Signal::Loss, (70, 70)),
        (100, Signal::Ecn, (70, 70)),
        (10, Signal::Loss, (7, 7)),
        // To the nearest number of whole segments: 3.5 and 2.8.
        (5, Signal::Loss, (4, 4)),
        (4, Signal::Ecn, (3, 3)),
        (2, Signal::Loss, (2, 2)),
        (1, Signal::Loss, (2, 2)),
        (1, Signal::Ecn, (1, 2)),
    ];
    for (before, signal, (cwnd, ssthresh)) in table {
        // A receive window that holds the sender up is no reason for more.
        for in_flight in [0, before * MSS] {
            let mut cc = Cubic::new(MSS, Profile::Linux);
            assert_eq!(cc.recovery(), Recovery::Proportional);
            cc.adopt(before * MSS, None);
            cc.on_congestion(NOW, in_flight, signal);
            let expected = (cwnd * MSS, Some(ssthresh * MSS));
            assert_eq!((cc.window(), cc.ssthresh()), expected, "{before} {signal:?}");
            assert_eq!((cc.state.w_max, cc.state.cwnd_prior), (Some(before * MSS), before * MSS));
        }
    }
}

#[test]
fn a_flow_that_could_not_come_back_yields_rfc_9438_4_7() {
    let mut cc = after_loss(100);
    assert_eq!(cc.state.w_max, Some(100 * MSS));
    cc.on_congestion(NOW, 70 * MSS, Signal::Loss);
    assert_eq!((cc.state.w_max, cc.window()), (Some(70 * MSS * 17 / 20), 49 * MSS));
    // A window of as much as there was is no reason to yield.
    cc.state.window.cwnd = 70 * MSS * 17 / 20;
    cc.on_congestion(NOW, 100 * MSS, Signal::Loss);
    assert_eq!(cc.state.w_max, Some(70 * MSS * 17 / 20));
}

/// K = cbrt(0.3 W_max / 0.4): after a loss at 1000 segments, 9.09 s.
#[test]
fn k_is_the_time_back_to_the_plateau_rfc_9438_4_2() {
    for (segments, milliseconds) in [(1000, 9085), (100, 4217), (8000, 18_171), (100_000, 42_171)] {
        let mut cc = after_loss(segments);
        cc.on_ack(&acked(0));
        assert_eq!((epoch(&cc).k * 1000) >> TICK_BITS, milliseconds, "{segments}");
    }
}

/// Concave to the plateau, flat there, convex behind it: W_cubic(t) = 0.4 (t - 9.09)^3 + 1000.
#[test]
fn a_long_fat_path_sees_the_curve_rfc_9438_4_4_4_5() {
    let windows = seconds(&mut after_loss(1000), RTT, 18);
    for (nth, window) in windows.iter().enumerate() {
        let expected = 0.4 * (nth as f64 + 1.0 - 9.085).powi(3) + 1000.0;
        let window = f64::from(*window);
        assert!((window - expected).abs() < 0.012 * expected, "{nth}: {window}, {expected}");
    }
    let steps: Vec<_> = windows.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(steps[..7].is_sorted_by(|a, b| a > b), "concave: {steps:?}");
    assert!(steps[7..9].iter().all(|step| *step <= 1), "the plateau: {steps:?}");
    assert!(steps[9..].is_sorted_by(|a, b| a < b), "convex: {steps:?}");
}

#[test]
fn the_curve_does_not_depend_on_the_round_trip_rfc_9438_3_3() {
    let near = seconds(&mut after_loss(2000), Duration::from_millis(50), 16);
    let far = seconds(&mut after_loss(2000), Duration::from_millis(150), 16);
    for (near, far) in near.iter().zip(&far) {
        assert!(near.abs_diff(*far) * 50 < *near, "{near} {far}");
    }
}

/// alpha_cubic a round trip up to where the loss was, then one.
#[test]
fn a_short_path_sees_reno_rfc_9438_4_3() {
    let mut cc = after_loss(20);
    let (mut now, rtt) = (NOW, Duration::from_millis(5));
    let rounds = [16, 18, 20, 22, 24, 26].map(|segments| {
        let mut count = 0;
        while cc.window() < segments * MSS {
            round(&mut cc, &mut now, rtt);
            count += 1;
        }
        count
    });
    // 2 / (9/17) is 3.8.
    assert!(rounds[..3].iter().all(|rounds| (3..=5).contains(rounds)), "{rounds:?}");
    assert!(rounds[3..].iter().all(|rounds| (1..=3).contains(rounds)), "{rounds:?}");
    assert!((11..=13).contains(&rounds[..3].iter().sum()), "{rounds:?}");
    assert!((6..=7).contains(&rounds[3..].iter().sum()), "{rounds:?}");
}

#[test]
fn the_target_is_half_more_than_the_window_at_most_rfc_9438_4_2() {
    let mut cc = after_loss(100);
    cc.on_ack(&acked(0));
    let mut now = NOW + Duration::from_secs(1000);
    for _ in 0..3 {
        let before = cc.state.window.cwnd;
        cc.on_ack(&Ack { now, srtt: Some(RTT), ..acked(before) });
        assert_eq!(cc.state.window.cwnd, before + before / 2);
        now += RTT;
    }
}

#[test]
fn after_a_timeout_a_stage_begins_convex_rfc_9438_4_8() {
    let mut cc = after_loss(100);
    cc.on_rto(NOW, 70 * MSS, Timeout::First);
    assert_eq!((cc.window(), cc.ssthresh(), cc.state.w_max), (MSS, Some(49 * MSS), None));
    (0..48).for_each(|_| cc.on_ack(&acked(2 * MSS)));
    assert_eq!(cc.window(), 49 * MSS);
    cc.on_ack(&acked(MSS));
    assert_eq!((epoch(&cc).k, epoch(&cc).plateau), (0, 49 * MSS));
    assert_eq!((cc.state.w_max, cc.state.cwnd_prior), (Some(49 * MSS), 70 * MSS));
}

#[test]
fn slow_start_stops_at_the_threshold_however_much_is_acknowledged() {
    let mut cc = Cubic::new(MSS, Profile::Linux);
    cc.adopt(10 * MSS, Some(15 * MSS));
    cc.on_ack(&acked(10 * MSS));
    assert_eq!(cc.window(), 15 * MSS);
    assert!(!cc.in_slow_start());
}

/// Windows in segments at the beginning of each round of the first slow start, and its end; the round
/// trip takes as many milliseconds as is said for each round.
fn first_slow_start(cc: &mut Cubic, rtts: &[u64]) -> Vec<u32> {
    let (mut una, mut next, mut end) = (0, 0, u64::from(cc.window()));
    let mut windows = vec![cc.window() / MSS];
    for rtt in rtts {
        let rtt = Some(Duration::from_millis(*rtt));
        while una < end && cc.in_slow_start() {
            let nxt = una + u64::from(cc.window());
            una += u64::from(MSS);
            cc.on_ack(&Ack { rtt, srtt: rtt, una, nxt, ..acked(MSS) });
            next = nxt;
        }
        windows.push(cc.window() / MSS);
        end = next;
    }
    windows
}

/// Twice as much in each round up to that in which the round trip has grown, then a quarter more in each
/// of five. (Less by two segments, which are sent in answer to what ends the round.)
#[test]
fn hystart_ends_the_first_slow_start_rfc_9406_rfc_9438_4_10() {
    let mut cc = Cubic::new(MSS, Profile::Linux);
    let windows = first_slow_start(&mut cc, &[40, 40, 40, 60, 60, 60, 60, 60, 60]);
    assert_eq!(windows, [10, 20, 38, 74, 97, 121, 151, 189, 236, 236]);
    let end = cc.state.window.cwnd;
    assert_eq!((cc.state.window.ssthresh, cc.state.cwnd_prior), (Some(end), end));
    // What comes then is convex from there, and as fast as Reno.
    cc.on_ack(&acked(end));
    assert_eq!((epoch(&cc).k, cc.state.window.cwnd), (0, end + MSS));
    // The growth was a mistake: twice as much again.
    let mut cc = Cubic::new(MSS, Profile::Linux);
    let windows = first_slow_start(&mut cc, &[40, 40, 40, 60, 50, 50]);
    // The first eight samples have to show that.
    assert_eq!(windows, [10, 20, 38, 74, 97, 188, 374]);
    assert_eq!(cc.ssthresh(), None);
}

#[test]
fn hystart_is_for_the_first_slow_start_only_rfc_9406_4_3() {
    let mut cc = Cubic::new(MSS, Profile::Linux);
    cc.adopt(10 * MSS, Some(1000 * MSS));
    let windows = first_slow_start(&mut cc, &[40, 40, 40, 60, 70, 80]);
    assert_eq!(windows, [10, 20, 38, 74, 146, 290, 578]);
}

#[test]
fn a_reduction_that_was_wrong_is_undone_rfc_9438_4_9() {
    let mut cc = after_loss(100);
    let mut now = NOW;
    (0..20).for_each(|_| round(&mut cc, &mut now, RTT));
    let before = cc.state.clone();
    let reductions: [fn(&mut Cubic, Instant); 3] = [
        |cc, now| cc.on_congestion(now, cc.window(), Signal::Loss),
        |cc, now| cc.on_rto(now, cc.window(), Timeout::First),
        |cc, now| {
            cc.on_congestion(now, cc.window(), Signal::Loss);
            cc.on_rto(now, cc.window(), Timeout::Again);
            cc.on_rto(now, cc.window(), Timeout::Again);
        },
    ];
    for reduction in reductions {
        reduction(&mut cc, now);
        assert!(cc.window() < before.window.cwnd && cc.state.epoch.is_none());
        now += RTT;
        cc.on_undo(now);
        assert_eq!(cc.state.window.cwnd, before.window.cwnd);
        assert_eq!(cc.state.window.ssthresh, before.window.ssthresh);
        assert_eq!((cc.state.w_max, cc.state.cwnd_prior), (before.w_max, before.cwnd_prior));
        let (after, before) = (epoch(&cc), before.epoch.as_ref().unwrap());
        assert_eq!((after.start, after.k, after.w_est), (before.start, before.k, before.w_est));
    }
}

#[test]
fn it_is_undone_once_and_never_makes_the_window_smaller_rfc_9438_4_9() {
    let mut cc = after_loss(100);
    cc.state.window.cwnd = 500 * MSS;
    cc.on_undo(NOW);
    assert_eq!(cc.window(), 500 * MSS);
    cc.state.window.cwnd = 9 * MSS;
    cc.on_undo(NOW);
    assert_eq!(cc.window(), 9 * MSS);
}

#[test]
fn a_wrong_reduction_of_the_first_slow_start_leaves_it_the_first() {
    let mut cc = Cubic::new(MSS, Profile::Linux);
    cc.on_rto(NOW, 10 * MSS, Timeout::First);
    cc.on_undo(NOW);
    assert_eq!((cc.window(), cc.ssthresh()), (10 * MSS, None));
}

/// The same window in the end, whether there was a pause or not.
#[test]
fn time_in_which_the_window_is_not_needed_does_not_count_rfc_9438_4_2_5_8() {
    let pauses: [fn(&mut Cubic, &mut Instant); 3] = [
        |_, _| {},
        // Nothing is sent.
        |cc, now| {
            *now += Duration::from_secs(7);
            cc.on_sent(*now, 0, true);
        },
        // Less is sent than there could be.
        |cc, now| {
            for _ in 0..70 {
                *now += RTT;
                cc.on_sent(*now, 0, false);
                cc.on_ack(&Ack { now: *now, window_limited: false, ..acked(MSS) });
            }
        },
    ];
    let windows = pauses.map(|pause| {
        let (mut cc, mut now) = (after_loss(1000), NOW);
        (0..20).for_each(|_| round(&mut cc, &mut now, RTT));
        let before = cc.window();
        pause(&mut cc, &mut now);
        assert_eq!(cc.window(), before);
        (0..20).for_each(|_| round(&mut cc, &mut now, RTT));
        cc.window()
    });
    assert_eq!(windows, [windows[0]; 3]);
}

#[test]
fn from_a_window_that_was_not_used_a_new_stage_begins_rfc_2861_3() {
    let (idle, rto) = (Duration::from_secs(9), Duration::from_millis(300));
    let mut cc = after_loss(100);
    cc.on_ack(&acked(0));
    cc.on_idle_restart(idle, rto);
    assert_eq!((cc.window(), cc.ssthresh()), (10 * MSS, Some(70 * MSS)));
    cc.on_ack(&acked(60 * MSS));
    assert_eq!((cc.window(), cc.state.w_max), (70 * MSS, Some(100 * MSS)));
    assert!(cc.state.epoch.is_none());
    // Only the half is used.
    cc.on_ack(&acked(0));
    assert!(cc.state.epoch.is_some());
    cc.on_underused(36 * MSS);
    assert_eq!((cc.window(), cc.ssthresh()), (53 * MSS, Some(70 * MSS)));
    assert!(cc.state.epoch.is_none());
    // A window that a pause does not make smaller stays in its stage.
    cc.adopt(10 * MSS, Some(MSS));
    cc.on_ack(&acked(0));
    cc.on_idle_restart(idle, rto);
    assert!(cc.state.epoch.is_some());
}

#[test]
fn the_window_does_not_grow_while_a_loss_is_repaired() {
    let mut cc = after_loss(100);
    for _ in 0..50 {
        cc.on_ack(&Ack { recovering: true, ..acked(10 * MSS) });
    }
    cc.on_recovered(NOW, 10 * MSS);
    assert_eq!(cc.window(), 70 * MSS);
}

#[test]
fn smaller_segments_begin_a_new_stage() {
    let mut cc = after_loss(100);
    cc.on_ack(&acked(0));
    cc.on_congestion(NOW, cc.window(), Signal::Loss);
    cc.on_mss(MSS / 2);
    assert_eq!(cc.window(), 49 * MSS / 2);
    cc.on_undo(NOW);
    assert_eq!(cc.window(), 70 * MSS / 2);
    assert!(cc.state.epoch.is_none());
    cc.on_ack(&acked(MSS));
    assert_eq!(cc.window(), 36 * MSS, "slow start to what the path holds");
}

#[test]
fn the_curve_reaches_the_largest_window_with_the_smallest_segments() {
    let mut epoch = Epoch::new(NOW, 1, 1 << 30, 1);
    let hour = Duration::from_secs(3600);
    assert!(epoch.next_window(NOW + hour, Duration::MAX, 1 << 30, 1 << 30, 1) > 1 << 30);
    assert!(epoch.curve(Duration::ZERO, 1) < 5, "where it began, but for rounding");
    assert!(epoch.curve(Duration::MAX, 65_535) < 1 << 60);
}

#[test]
fn cube_roots() {
    for root in [1u64, 2, 3, 10, 1000, 65_535, 1 << 31, (1 << 42) - 1] {
        let cube = u128::from(root).pow(3);
        assert_eq!([cube - 1, cube, cube + 1].map(cube_root), [root - 1, root, root]);
    }
    assert_eq!(cube_root(u128::MAX), (1 << 42) - 1);
}

/// RFC 9438 as it stands: in segments, seconds and floating point.
struct Model {
    cwnd: f64,
    ssthresh: f64,
    w_max: Option<f64>,
    cwnd_prior: f64,
    /// epoch_start, K, W_max and W_est of the stage.
    stage: Option<(f64, f64, f64, f64)>,
}

impl Model {
    fn new(cwnd: f64) -> Self {
        Model { cwnd, ssthresh: cwnd, w_max: None, cwnd_prior: 0.0, stage: None }
    }

    /// `seen` is the window that there is, and W_est. It decides what is a matter of rounding: whether the estimate has
    /// come to cwnd_prior, and whether the curve is above the estimate.
    fn ack(&mut self, now: f64, rtt: f64, acked: f64, seen: (f64, f64)) {
        if self.cwnd < self.ssthresh {
            // After a time-out one segment for each acknowledgment.
            self.cwnd = (self.cwnd + acked.min(1.0)).min(self.ssthresh);
            return;
        }
        let cwnd = self.cwnd;
        let (start, k, w_max, w_est) = self.stage.unwrap_or_else(|| {
            let w_max = *self.w_max.get_or_insert(cwnd);
            (now, ((w_max - cwnd).max(0.0) / 0.4).cbrt(), w_max.max(cwnd), cwnd)
        });
        let w_cubic = |t: f64| 0.4 * (t - k).powi(3) + w_max;
        let t = now - start;
        let mut found = Vec::new();
        for larger in at_least(w_est, self.cwnd_prior) {
            let alpha = if larger { 1.0 } else { 3.0 * (1.0 - 0.7) / (1.0 + 0.7) };
            let w_est = w_est + alpha * acked / cwnd;
            for cubic in at_least(w_cubic(t), w_est) {
                let target = w_cubic(t + rtt).clamp(cwnd, 1.5 * cwnd);
                let by_curve = cwnd + (target - cwnd) / cwnd * acked;
                found.push((if cubic { by_curve } else { cwnd.max(w_est) }, w_est));
            }
        }
        let (cwnd, w_est) =
            nearest(found, |(window, w_est)| (window - seen.0).abs() + (w_est - seen.1).abs());
        self.cwnd = cwnd;
        self.stage = Some((start, k, w_max, w_est));
    }

    /// `seen` is the new W_max; it decides whether the window has come to the old one.
    fn loss(&mut self, seen: f64) {
        let back = self.w_max.map_or(vec![true], |w_max| at_least(self.cwnd, w_max));
        let found =
            back.into_iter().map(|back| self.cwnd * if back { 1.0 } else { (1.0 + 0.7) / 2.0 });
        self.w_max = Some(nearest(found.collect(), |w_max| (w_max - seen).abs()));
        self.cwnd_prior = self.cwnd;
        self.ssthresh = (self.cwnd * 0.7).max(2.0);
        self.cwnd = self.ssthresh;
        self.stage = None;
    }

    fn timeout(&mut self) {
        self.cwnd_prior = self.cwnd;
        self.ssthresh = (self.cwnd * 0.7).max(2.0);
        self.cwnd = 1.0;
        self.w_max = None;
        self.stage = None;
    }
}

/// Whether `a` is as large as `b`; both answers where rounding may decide.
fn at_least(a: f64, b: f64) -> Vec<bool> {
    if (a - b).abs() < 0.02 + 0.0005 * b { vec![true, false] } else { vec![a >= b] }
}

fn nearest<T: Copy>(found: Vec<T>, apart: impl Fn(T) -> f64) -> T {
    found.into_iter().min_by(|a, b| apart(*a).total_cmp(&apart(*b))).unwrap()
}

/// How a round ends.
#[derive(Clone, Copy, Debug)]
enum End {
    Well,
    Loss,
    Timeout,
}

fn end() -> impl Strategy<Value = End> {
    prop_oneof![
        20 => Just(End::Well),
        2 => Just(End::Loss),
        1 => Just(End::Timeout),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// After each acknowledgment and each loss, to a twentieth of a segment and a thousandth.
    #[test]
    fn the_window_is_that_of_the_rfc(
        segments in 2u32..3000,
        rtt_ms in 1u64..300,
        rounds in proptest::collection::vec((0u64..50, 1u32..40, end()), 1..200),
    ) {
        let mut cc = Cubic::new(MSS, Profile::Linux);
        cc.adopt(segments * MSS, Some(segments * MSS));
        let mut model = Model::new(segments.into());
        let mut now = NOW;
        let close = |cc: &Cubic, model: &Model| {
            let window = f64::from(cc.state.window.cwnd) / f64::from(MSS);
            let apart = (window - model.cwnd).abs();
            prop_assert!(apart < 0.05 + 0.001 * model.cwnd, "{window}, and not {}", model.cwnd);
            Ok(())
        };
        for (jitter, stretch, end) in rounds {
            let rtt = Duration::from_millis(rtt_ms + jitter);
            let window = cc.state.window.cwnd;
            let count = (window / (stretch * MSS)).clamp(1, 100);
            let bytes = window / count;
            for _ in 0..count {
                now += rtt / count;
                cc.on_ack(&Ack { now, srtt: Some(rtt), ..acked(bytes) });
                let seconds = now.as_nanos() as f64 / 1e9;
                let acked = f64::from(bytes) / f64::from(MSS);
                let w_est = cc.state.epoch.as_ref().map_or(0, |epoch| epoch.w_est);
                let seen = [f64::from(cc.state.window.cwnd), w_est as f64].map(|seen| seen / f64::from(MSS));
                model.ack(seconds, rtt.as_secs_f64(), acked, seen.into());
                close(&cc, &model)?;
            }
            match end {
                End::Well => {}
                End::Loss => {
                    cc.on_congestion(now, cc.window(), Signal::Loss);
                    let w_max = f64::from(cc.state.w_max.unwrap()) / f64::from(MSS);
                    model.loss(w_max);
                }
                End::Timeout => {
                    cc.on_rto(now, cc.window(), Timeout::First);
                    model.timeout();
                    // Slow start may come to it exactly.
                    let ssthresh = f64::from(cc.state.window.ssthresh.unwrap()) / f64::from(MSS);
                    prop_assert!((ssthresh - model.ssthresh).abs() < 0.05 + 0.001 * ssthresh);
                    model.ssthresh = ssthresh;
                }
            }
            close(&cc, &model)?;
        }
    }
}
