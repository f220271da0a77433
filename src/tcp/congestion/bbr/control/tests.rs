use super::super::super::{Ack, CongestionControl, RateSample};
use super::super::tests::{MSS, sample};
use super::*;
use crate::tcp::Profile;

#[test]
fn the_first_rate_is_that_of_the_window_in_a_round_trip_5_6_2() {
    let mut bbr = Bbr::new(MSS, Profile::Linux);
    assert_eq!(bbr.pacing_rate(), Some(14_600_000 * 277 / 100));
    // It becomes what the first round trip allows, although it only rises afterwards.
    let ack = Ack {
        acked: MSS,
        delivered: MSS,
        srtt: Some(Duration::from_millis(100)),
        ..Ack::default()
    };
    bbr.on_ack(&ack);
    assert_eq!(bbr.pacing_rate(), Some(146_000 * 277 / 100));
    bbr.on_ack(&Ack { srtt: Some(Duration::from_millis(1)), ..ack });
    assert_eq!(bbr.pacing_rate(), Some(146_000 * 277 / 100));
}

#[test]
fn it_is_a_hundredth_less_than_the_bandwidth_and_falls_only_when_the_pipe_was_full() {
    let mut bbr = Bbr::new(MSS, Profile::Linux);
    bbr.pacing_rate = 0;
    bbr.model.bw = 1_000_000;
    bbr.set_pacing(277);
    assert_eq!(bbr.paced(), 2_742_300);
    bbr.set_pacing(100);
    assert_eq!(bbr.paced(), 2_742_300);
    bbr.full.reached = true;
    bbr.set_pacing(125);
    assert_eq!(bbr.paced(), 1_237_500);
    bbr.model.bw = 10;
    bbr.set_pacing(100);
    assert_eq!(bbr.paced(), 1460, "a segment a second at least");
    bbr.model.bw = 0;
    bbr.set_pacing(50);
    assert_eq!(bbr.pacing_rate, 9, "nothing follows from nothing");
}

#[test]
fn three_bursts_fit_and_a_probe_has_two_segments_more() {
    let mut bbr = Bbr::new(MSS, Profile::Linux);
    assert_eq!(
        bbr.inflight(1_000_000),
        3 * 40_442,
        "without a round trip the first window, or the bursts"
    );
    bbr.pacing_rate = 100_000;
    assert_eq!(bbr.inflight(1_000_000), 14_600);
    bbr.model.min_rtt = Some(Duration::from_millis(1));
    assert_eq!(bbr.inflight(1_000_000), 6 * 1460);
    bbr.state = State::Up;
    assert_eq!(bbr.inflight(1_000_000), 8 * 1460);
    bbr.model.min_rtt = Some(Duration::from_millis(100));
    assert_eq!(bbr.inflight(1_000_000), 100_000 + 2 * 1460);
    bbr.pacing_rate = u64::MAX;
    assert_eq!(bbr.inflight(1_000_000), 3 * 65_536 + 2 * 1460);
}

/// In `state`, with 100 000 bytes in the path.
fn bbr(state: State, full: bool) -> Bbr {
    let mut bbr = Bbr::new(MSS, Profile::Linux);
    bbr.state = state;
    bbr.full.reached = full;
    bbr.pacing_rate = 1_000_000;
    bbr.model.bw = 1_000_000;
    bbr.model.delivered = 1_000_000;
    bbr.model.min_rtt = Some(Duration::from_millis(100));
    bbr
}

#[test]
fn the_window_grows_by_what_is_acknowledged_and_falls_at_once_5_6_4_6() {
    let mut bbr = bbr(State::Cruise, true);
    bbr.cwnd = 199_000;
    for cwnd in [199_600, 200_000, 200_000] {
        bbr.set_cwnd(&Sample { newly_acked: 600, ..sample() });
        assert_eq!(bbr.cwnd, cwnd);
    }
    bbr.model.bw = 500_000;
    bbr.set_cwnd(&sample());
    assert_eq!(bbr.cwnd, 100_000);
    bbr.cwnd = 1460;
    bbr.set_cwnd(&Sample { newly_acked: 1460, ..sample() });
    assert_eq!(bbr.cwnd, 4 * 1460, "four segments at least");
}

#[test]
fn before_the_pipe_was_full_it_never_falls() {
    let mut bbr = bbr(State::Startup, false);
    for (cwnd, delivered, after) in
        [(199_000, 1_000_000, 200_500), (250_000, 1_000_000, 250_000), (250_000, 14_599, 251_500)]
    {
        bbr.cwnd = cwnd;
        bbr.model.delivered = delivered;
        bbr.set_cwnd(&Sample { newly_acked: 1500, ..sample() });
        assert_eq!(bbr.cwnd, after);
    }
}

#[test]
fn each_state_has_its_bounds() {
    let bounds = [
        (State::Startup, 120_000),
        (State::Drain, 120_000),
        (State::Down, 100_000),
        (State::Cruise, 85_000),
        (State::Refill, 100_000),
        (State::Up, 100_000),
        (State::ProbeRtt, 50_000),
    ];
    for (state, bound) in bounds {
        let mut bbr = bbr(state, true);
        bbr.cwnd = 300_000;
        bbr.model.inflight_longterm = 100_000;
        bbr.model.inflight_shortterm = 120_000;
        bbr.probe_rtt.cwnd = 50_000;
        bbr.set_cwnd(&sample());
        assert_eq!(bbr.cwnd, bound, "{state:?}");
        bbr.model.inflight_shortterm = 1;
        bbr.set_cwnd(&sample());
        assert_eq!(bbr.cwnd, 4 * 1460, "{state:?}");
    }
}

#[test]
fn saved_up_acknowledgments_make_room() {
    let mut bbr = bbr(State::Cruise, true);
    let rate = RateSample {
        delivered: 100_000,
        interval: Duration::from_millis(100),
        prior_delivered: 0,
        total_delivered: 100_000,
        lost: 0,
        tx_in_flight: 100_000,
        app_limited: false,
    };
    bbr.cwnd = 240_000;
    let rtt = Some(Duration::from_millis(100));
    bbr.on_ack(&Ack {
        delivered: 30_000,
        in_flight: 50_000,
        rtt,
        rate: Some(rate),
        ..Ack::default()
    });
    assert_eq!(bbr.cwnd, 230_000);
}
