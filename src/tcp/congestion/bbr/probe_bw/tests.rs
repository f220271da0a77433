use super::super::tests::{MSS, Path, sample};
use super::*;
use crate::tcp::Profile;

const SEGMENT: u64 = MSS as u64;

/// In `state`, with 100 000 bytes in the path.
fn bbr(state: State) -> Bbr {
    let mut bbr = Bbr::new(MSS, Profile::Linux);
    bbr.state = state;
    bbr.full.reached = true;
    bbr.cwnd = 200_000;
    bbr.pacing_rate = 1_000_000;
    bbr.model.update_max_bw(&Sample { rate: 1_000_000, app_limited: false, ..sample() });
    bbr.model.bound_bandwidth();
    bbr.model.min_rtt = Some(Duration::from_millis(100));
    bbr
}

#[test]
fn the_wait_is_two_to_three_seconds_and_differs() {
    let mut probe = ProbeBw::new();
    let (mut rounds, mut sum, mut least, mut most) = (0, 0, u128::MAX, 0);
    for step in 0..1000 {
        probe.pick_wait(Instant::from_millis(step), step * 1460);
        rounds += probe.rounds_since;
        let millis = probe.wait.as_millis();
        assert!((2000..3000).contains(&millis));
        (sum, least, most) = (sum + millis, least.min(millis), most.max(millis));
    }
    assert!((400..600).contains(&rounds), "{rounds}");
    assert!((2_450_000..2_550_000).contains(&sum), "{sum}");
    assert!(least < 2020 && most > 2980);
}

#[test]
fn the_next_probe_comes_with_the_time_or_when_reno_would_have_filled_the_path_5_3_3_5() {
    let mut bbr = bbr(State::Cruise);
    bbr.probe.cycle_stamp = Instant::from_millis(1000);
    bbr.probe.wait = Duration::from_millis(2500);
    for (now, rounds, time) in
        [(3500, 0, false), (3501, 0, true), (1000, 62, false), (1000, 63, true)]
    {
        bbr.probe.rounds_since = rounds;
        assert_eq!(bbr.is_time_to_probe(Instant::from_millis(now)), time, "{now}, {rounds}");
    }
    // 20 segments.
    bbr.model.min_rtt = Some(Duration::from_micros(29_200));
    for (rounds, time) in [(19, false), (20, true)] {
        bbr.probe.rounds_since = rounds;
        assert_eq!(bbr.is_time_to_probe(Instant::from_millis(1000)), time);
    }
}

#[test]
fn the_bound_is_raised_by_twice_as_many_segments_each_round_5_3_3_3() {
    let mut bbr = bbr(State::Refill);
    bbr.cwnd = 64 * SEGMENT;
    bbr.model.inflight_longterm = bbr.cwnd;
    bbr.start_up(0);
    let mut sample = Sample { newly_acked: SEGMENT, cwnd_limited: true, ..sample() };
    for growth in [1, 2, 4, 8] {
        let before = bbr.model.inflight_longterm;
        for acks in 0..64 {
            bbr.model.rounds.start = acks == 63;
            bbr.cwnd = bbr.model.inflight_longterm;
            bbr.raise_longterm(&sample);
        }
        let raised = (bbr.model.inflight_longterm - before) / SEGMENT;
        assert!(raised.abs_diff(growth) <= growth / 4, "{raised} instead of {growth}");
    }
    let before = bbr.model.inflight_longterm;
    sample.cwnd_limited = false;
    bbr.raise_longterm(&sample);
    bbr.cwnd = before - 1;
    bbr.raise_longterm(&Sample { cwnd_limited: true, ..sample });
    assert_eq!(bbr.model.inflight_longterm, before, "only a bound that is met is raised");
}

#[test]
fn more_that_went_well_raises_the_bound_in_any_state() {
    let mut bbr = bbr(State::Cruise);
    bbr.model.inflight_longterm = 50_000;
    for (tx_in_flight, lost, bound) in
        [(40_000, 0, 50_000), (60_000, 1201, 50_000), (60_000, 1200, 60_000)]
    {
        bbr.adapt_longterm(&Sample { tx_in_flight, lost, ..sample() });
        assert_eq!(bbr.model.inflight_longterm, bound, "{tx_in_flight}, {lost}");
    }
}

#[test]
fn a_probe_that_went_too_far_sets_the_bound_once_and_ends_5_5_10_2() {
    let mut bbr = bbr(State::Up);
    bbr.probe.is_sample = true;
    bbr.inflight_is_too_high(110_000, false, Instant::from_millis(7));
    assert_eq!((bbr.state, bbr.model.inflight_longterm), (State::Down, 110_000));
    assert!(!bbr.probe.is_sample && bbr.probe.previous_too_high);
    assert_eq!(bbr.repair.undo.probe, Some(State::Up));
    // Never below seven tenths of what should be in flight, and never by what the application sent.
    bbr.inflight_is_too_high(10_000, false, Instant::from_millis(7));
    assert_eq!(bbr.model.inflight_longterm, 70_000);
    bbr.inflight_is_too_high(200_000, true, Instant::from_millis(7));
    assert_eq!(bbr.model.inflight_longterm, 70_000);
}

#[test]
fn after_it_the_next_one_only_touches_the_bound_and_then_comes_another_5_3_3_4() {
    let mut bbr = bbr(State::Refill);
    bbr.probe.previous_too_high = true;
    bbr.model.inflight_longterm = 100_000;
    bbr.start_up(1_000_000);
    bbr.model.rounds.start = false;
    bbr.update_probe_bw(&Sample { in_flight: 99_999, ..sample() });
    assert_eq!(bbr.state, State::Up);
    bbr.update_probe_bw(&Sample { in_flight: 100_000, ..sample() });
    assert_eq!((bbr.state, bbr.probe.previous_too_high), (State::Down, false));
    bbr.model.rounds.start = true;
    bbr.update_probe_bw(&Sample { in_flight: 120_000, ..sample() });
    assert_eq!((bbr.state, bbr.probe.ack_phase), (State::Refill, AckPhase::Refilling));
    bbr.update_probe_bw(&sample());
    bbr.model.rounds.start = false;
    bbr.update_probe_bw(&Sample { in_flight: 120_000, ..sample() });
    assert_eq!(bbr.state, State::Up);
}

#[test]
fn a_bound_that_holds_the_rate_back_does_not_end_a_probe() {
    let mut bbr = bbr(State::Up);
    let sample = Sample { cwnd_limited: true, ..sample() };
    bbr.full.now = true;
    bbr.model.inflight_longterm = bbr.cwnd;
    assert!(!bbr.is_time_to_go_down(&sample) && !bbr.full.now);
    bbr.full.now = true;
    bbr.model.inflight_longterm = bbr.cwnd + 1;
    assert!(bbr.is_time_to_go_down(&sample));
}

#[test]
fn cruise_begins_when_there_is_room_for_others_and_no_queue() {
    let mut bbr = bbr(State::Down);
    for (bound, in_flight, time) in [
        (NO_LIMIT, 100_001, false),
        (NO_LIMIT, 100_000, true),
        (80_000, 68_001, false),
        (80_000, 68_000, true),
    ] {
        bbr.model.inflight_longterm = bound;
        assert_eq!(bbr.is_time_to_cruise(&Sample { in_flight, ..sample() }), time);
    }
}

#[test]
fn the_states_follow_each_other() {
    let mut path = Path::new(20, 40, 2000);
    path.run(Duration::from_secs(30));
    for pair in path.states.windows(2) {
        let (from, to) = (pair[0].1, pair[1].1);
        let known = match from {
            State::Startup => to == State::Drain,
            State::Drain => matches!(to, State::Down | State::Cruise),
            State::Down => matches!(to, State::Cruise | State::Refill),
            State::Cruise => to == State::Refill,
            State::Refill => to == State::Up,
            State::Up => to == State::Down,
            State::ProbeRtt => to == State::Cruise,
        };
        assert!(known || to == State::ProbeRtt, "{from:?} to {to:?}");
    }
    let ups: Vec<_> = path.states.iter().filter(|(_, state)| *state == State::Up).collect();
    assert!((6..=13).contains(&ups.len()), "{}", ups.len());
}
