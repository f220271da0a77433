use super::super::tests::{MSS, Path};
use super::super::{CongestionControl, Signal, State};
use super::*;
use crate::tcp::Profile;

const SHORT: Option<Duration> = Some(Duration::from_millis(1));

#[test]
fn the_share_is_smoothed_over_sixteen_rounds_and_cuts_by_a_third_at_most() {
    let mut ecn = Ecn::new();
    assert_eq!(ecn.cut(90_000), None);
    ecn.note(1000, true);
    ecn.round(SHORT);
    assert_eq!(ecn.cut(90_000), None, "before it was eligible nothing counts");
    ecn.note(1000, true);
    let cut = ecn.cut(90_000).unwrap();
    assert!(cut.abs_diff(60_000) < 10, "{cut}");
    assert_eq!(ecn.cut(90_000), None, "once a round");
    for _ in 0..16 {
        ecn.note(750, false);
        ecn.note(250, true);
        ecn.round(SHORT);
    }
    // 1/4 + 3/4 * (15/16)^16
    let share = ecn.alpha * 1000 / ONE;
    assert!((510..=530).contains(&share), "{share}");
    for _ in 0..200 {
        ecn.note(1000, false);
        ecn.round(SHORT);
    }
    assert!(ecn.alpha < ONE / 100);
}

#[test]
fn shares_say_nothing_on_a_long_path() {
    let mut ecn = Ecn::new();
    for _ in 0..5 {
        ecn.note(1000, true);
        assert!(!ecn.round(Some(Duration::from_micros(5001))));
        assert!(!ecn.is_too_much());
    }
    assert_eq!(ecn.cut(1000), None);
}

#[test]
fn two_rounds_with_half_of_it_marked_are_the_end_of_startup() {
    for (rounds, over) in [
        (&[50, 50][..], true),
        (&[49, 60], false),
        (&[60, 10, 60], false),
        (&[90, 20, 60, 60], true),
    ] {
        let mut ecn = Ecn::new();
        let mut last = false;
        for &marked in rounds {
            ecn.note(marked, true);
            ecn.note(100 - marked, false);
            last = ecn.round(SHORT);
        }
        assert_eq!(last, over, "{rounds:?}");
    }
}

#[test]
fn a_mark_of_rfc_3168_cuts_once_and_not_twice() {
    let mut bbr = Bbr::new(MSS, Profile::Linux);
    bbr.state = State::Cruise;
    bbr.full.reached = true;
    bbr.cwnd = 100_000;
    bbr.model.latest.bw = 900;
    bbr.model.bw_shortterm = 1000;
    bbr.ecn.eligible = true;
    bbr.on_congestion(Instant::ZERO, 90_000, Signal::Ecn);
    assert_eq!(bbr.window(), 70_000);
    assert_eq!(bbr.model.bw_shortterm, 900, "what was delivered");
    bbr.ecn.note(1000, true);
    bbr.adapt_shortterm();
    assert_eq!(bbr.model.inflight_shortterm, 70_000);
    bbr.ecn.note(1000, true);
    bbr.adapt_shortterm();
    assert!(bbr.model.inflight_shortterm < 50_000);
}

#[test]
fn a_mark_ends_a_probe() {
    let mut bbr = Bbr::new(MSS, Profile::Linux);
    bbr.state = State::Up;
    bbr.probe.is_sample = true;
    bbr.full.reached = true;
    bbr.cwnd = 100_000;
    bbr.on_congestion(Instant::from_millis(1), 90_000, Signal::Ecn);
    assert_eq!(
        (bbr.state, bbr.model.inflight_longterm, bbr.window()),
        (State::Down, 90_000, 70_000)
    );
}

#[test]
fn marks_keep_the_queue_short_and_the_path_busy() {
    for (rtt, classic) in [(2, false), (2, true), (40, true)] {
        let mut path = Path::new(50, rtt, 4000);
        path.mark_above = path.bdp() / 2;
        path.classic_ecn = classic;
        path.run(Duration::from_secs(3));
        let share = path.run(Duration::from_secs(10));
        assert!(share > 800, "{rtt} ms, {classic}: {share}");
        assert!(path.longest_queue < path.bdp() * 5 / 4, "{}", path.longest_queue);
        assert_eq!(path.dropped, 0);
    }
}
