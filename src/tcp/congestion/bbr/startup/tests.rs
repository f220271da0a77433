use std::time::Duration;

use super::super::NO_LIMIT;
use super::super::tests::{MSS, Path, sample};
use super::*;
use crate::tcp::Profile;

#[test]
fn three_rounds_that_grow_by_less_than_a_quarter_are_the_end_5_3_1_2() {
    let mut full = FullBandwidth::default();
    for rate in [100, 125, 157, 160, 190, 197, 210, 215] {
        full.round(rate);
        assert!(!full.now, "{rate}");
    }
    full.round(230);
    assert!(full.now && full.reached);
    full.round(1000);
    assert!(full.now, "it is for who asked to begin anew");
    full.restart(230);
    assert!(!full.now && full.reached);
    for _ in 0..3 {
        full.round(230);
    }
    assert!(full.now);
}

#[test]
fn what_the_application_holds_back_is_no_plateau() {
    let mut path = Path::new(50, 40, 4000);
    path.application = Some(2_500_000);
    path.run(Duration::from_secs(4));
    assert_eq!(path.bbr.state, State::Startup);
    // It has 20 Mbit/s, and may send twice as much.
    let rate = path.bbr.model.max_bw();
    assert!((2_375_000..=6_250_000).contains(&rate), "{rate}");
}

#[test]
fn many_losses_end_startup_before_the_plateau_5_3_1_3() {
    let mut path = Path::new(50, 100, 100);
    path.loss = 500;
    path.run_until(|path| path.bbr.state == State::Drain);
    let model = &path.bbr.model;
    assert!(model.max_bw() < path.rate * 9 / 10);
    let held = model.bdp(model.max_bw(), 100).unwrap();
    assert!(model.inflight_longterm >= held && model.inflight_longterm < 3 * held);
    assert_eq!(path.bbr.repair.undo.probe, Some(State::Startup));
}

#[test]
fn few_losses_do_not_end_startup() {
    let mut path = Path::new(50, 100, 2000);
    path.loss = 10;
    path.run_until(|path| path.bbr.state == State::Drain);
    assert!(path.bbr.model.max_bw() > path.rate * 9 / 10);
    assert_eq!(path.bbr.model.inflight_longterm, NO_LIMIT);
}

#[test]
fn drain_ends_when_the_queue_is_empty_or_after_three_rounds_5_3_2() {
    for (in_flight, rounds, drained) in
        [(200_000, 3, false), (100_000, 1, true), (200_000, 4, true)]
    {
        let mut bbr = Bbr::new(MSS, Profile::Linux);
        bbr.state = State::Drain;
        bbr.full.reached = true;
        bbr.model.bw = 1_000_000;
        bbr.model.min_rtt = Some(Duration::from_millis(100));
        bbr.startup.drain_round = 7;
        bbr.model.rounds.count = 7 + rounds;
        bbr.check_drain_done(&Sample { in_flight, ..sample() });
        assert_eq!(bbr.state == State::Down, drained, "{in_flight}, {rounds}");
    }
}
