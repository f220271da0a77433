use std::time::Duration;

use super::super::tests::{MSS, Path};
use super::super::{Ack, CongestionControl, Sample, Signal, Timeout};
use super::*;
use crate::tcp::Profile;
use crate::time::Instant;

fn lost(bytes: u32, tx_in_flight: u32, lost: u64) -> LostSegment {
    let now = Instant::from_millis(1);
    // Sent lately.
    LostSegment { now, bytes, tx_in_flight, lost, prior_delivered: u64::MAX, app_limited: false }
}

/// Cruising, with 100 000 bytes in the path.
fn cruising() -> Bbr {
    let mut path = Path::new(8, 100, 4000);
    path.run_until(|path| path.bbr.state == State::Cruise && path.bbr.cwnd > 190_000);
    path.bbr
}

#[test]
fn two_percent_are_the_limit_and_two_fifths_more_without_a_queue() {
    for (rtt_ms, limit) in [(None, 2), (Some(100), 42), (Some(106), 42), (Some(107), 2)] {
        let mut bbr = Bbr::new(1000, Profile::Linux);
        bbr.model.min_rtt = Some(Duration::from_millis(100));
        let rtt = rtt_ms.map(Duration::from_millis);
        bbr.model.take_latest(&Sample::new(&Ack { rtt, ..Ack::default() }, 0));
        for (bytes, in_flight, too_much) in [
            (0, 0, false),
            (1, 0, true),
            (limit * 1000, 100_000, false),
            (limit * 1000 + 1, 100_000, true),
            (u64::MAX, u64::MAX, true),
        ] {
            assert_eq!(bbr.is_too_much(bytes, in_flight), too_much, "{rtt:?}");
        }
    }
}

#[test]
fn the_part_of_a_burst_that_went_well_counts_5_5_10_2() {
    for (bytes, tx_in_flight, all, at) in [
        // One more segment would have been within the limit.
        (1000, 101_000, 1000, 100_000 + 2040),
        // A burst of which the first 2040 bytes would have been.
        (10_000, 110_000, 10_000, 100_000 + 2040),
        (10_000, 110_000, 11_000, 100_000 + 1020),
        // It was too much before it.
        (10_000, 110_000, 12_000, 100_000),
        (10_000, 110_000, 90_000, 100_000),
        // What cannot be.
        (10_000, 5000, 100, 0),
    ] {
        assert_eq!(inflight_at_loss(&lost(bytes, tx_in_flight, all)), at, "{bytes}, {all}");
    }
}

#[test]
fn a_loss_lowers_the_short_term_bounds_once_a_round_trip_and_a_probe_raises_them() {
    let mut path = Path::new(20, 40, 2000);
    path.run_until(|path| path.bbr.state == State::Cruise);
    path.run(Duration::from_millis(200));
    path.bbr.on_segment_lost(&lost(MSS, 100_000, MSS.into()));
    assert!(!path.bbr.model.latest.loss, "a loss where no queue is says nothing");
    path.bbr.model.recent.shortest = [Some(path.rtt * 2); 2];
    path.bbr.on_segment_lost(&lost(MSS, 100_000, MSS.into()));
    path.run(Duration::from_millis(100));
    let model = &path.bbr.model;
    assert!(model.inflight_shortterm < 200_000 && model.inflight_longterm == NO_LIMIT);
    assert!(model.bw > path.rate * 9 / 10, "what was delivered is kept: {}", model.bw);
    path.run_until(|path| path.bbr.state == State::Refill);
    assert_eq!(path.bbr.model.inflight_shortterm, NO_LIMIT);
}

/// Round trips after Drain, which has answered for them.
#[test]
fn losses_in_the_queue_of_startup_do_not_lower_the_short_term_bounds() {
    let mut path = Path::new(20, 40, 2000);
    path.run_until(|path| path.bbr.state == State::Cruise);
    path.run(Duration::from_millis(200));
    let bbr = &mut path.bbr;
    bbr.model.recent.shortest = [Some(path.rtt * 2); 2];
    let delivered = bbr.model.delivered;
    let sent_when = |prior_delivered| LostSegment { prior_delivered, ..lost(MSS, 100_000, 50_000) };
    // Sent before the end of Drain, and between that and when the last of those losses was found: of what is lost
    // since then, they are a part.
    for prior in [0, 1, delivered - 1] {
        bbr.on_segment_lost(&sent_when(prior));
        assert!(!bbr.model.latest.loss, "{prior}");
    }
    // What is sent later tells of what the path does now, and does not move that bound.
    for prior in [delivered, delivered + 1] {
        bbr.model.latest.loss = false;
        bbr.model.delivered += 1000;
        bbr.on_segment_lost(&sent_when(prior));
        assert!(bbr.model.latest.loss, "{prior}");
    }
}

#[test]
fn the_repair_leaves_the_window_as_it_was_5_6_4_4() {
    let mut bbr = cruising();
    let before = bbr.window();
    bbr.on_segment_lost(&lost(MSS, 100_000, MSS.into()));
    bbr.on_congestion(Instant::ZERO, 100_000, Signal::Loss);
    assert!(bbr.repair.active);
    bbr.on_rto(Instant::ZERO, 100_000, Timeout::Again);
    assert_eq!(bbr.window(), MSS);
    bbr.on_recovered(Instant::ZERO, 0);
    assert_eq!((bbr.window(), bbr.repair.active), (before, false));
    // What is over is not restored again.
    bbr.cwnd = 50_000;
    bbr.on_recovered(Instant::ZERO, 0);
    assert_eq!(bbr.window(), 50_000);
}

#[test]
fn losses_that_were_none_leave_the_model_as_it_was_5_5_11() {
    let mut bbr = cruising();
    let before = (bbr.model.bw_shortterm, bbr.model.inflight_shortterm, bbr.window());
    bbr.on_segment_lost(&lost(MSS, 100_000, MSS.into()));
    bbr.on_congestion(Instant::ZERO, 100_000, Signal::Loss);
    bbr.adapt_shortterm();
    bbr.bound_cwnd();
    assert!(bbr.model.bw_shortterm < NO_LIMIT);
    // A second round trip with losses does not overwrite what was kept.
    bbr.on_segment_lost(&lost(MSS, 100_000, MSS.into()));
    bbr.adapt_shortterm();
    bbr.on_recovered(Instant::ZERO, 0);
    bbr.on_undo(Instant::ZERO);
    let after = (bbr.model.bw_shortterm, bbr.model.inflight_shortterm, bbr.window());
    assert_eq!((after, bbr.state), (before, State::Cruise));
}

#[test]
fn a_probe_that_ended_by_losses_that_were_none_begins_anew() {
    for (probe, state, full) in
        [(State::Up, State::Refill, true), (State::Startup, State::Startup, false)]
    {
        let mut bbr = cruising();
        bbr.state = probe;
        bbr.probe.is_sample = probe == State::Up;
        let many = lost(MSS, 100_000, 5000);
        bbr.on_segment_lost(&many);
        if probe == State::Startup {
            bbr.repair.undo.probe = Some(State::Startup);
            bbr.queue_is_too_long();
            bbr.state = State::Drain;
        }
        bbr.on_congestion(Instant::ZERO, 100_000, Signal::Loss);
        assert!(bbr.model.inflight_longterm < NO_LIMIT && bbr.state != probe);
        let mut in_probe_rtt = bbr.clone();
        bbr.on_undo(Instant::ZERO);
        assert_eq!((bbr.state, bbr.full.reached), (state, full));
        assert_eq!(bbr.model.inflight_longterm, NO_LIMIT);
        assert!(bbr.repair.undo.probe.is_none());
        // ProbeRTT goes on, and finds its way afterwards.
        in_probe_rtt.state = State::ProbeRtt;
        in_probe_rtt.on_undo(Instant::ZERO);
        assert_eq!((in_probe_rtt.state, in_probe_rtt.full.reached), (State::ProbeRtt, full));
    }
}
