use std::time::Duration;

use super::*;

/// Bytes a second, so that a millisecond has 1000.
const BW: u64 = 1_000_000;
const CWND: u64 = 100_000;

/// Acknowledgments of so many bytes every so many milliseconds for a while.
fn steady(
    aggregation: &mut Aggregation,
    now: &mut Instant,
    (bytes, millis): (u64, u64),
    count: u64,
) {
    for _ in 0..count {
        *now += Duration::from_millis(millis);
        aggregation.update((0, *now), bytes, (BW, CWND), true);
    }
}

#[test]
fn what_comes_as_fast_as_the_path_is_one_acknowledgment_ahead() {
    for (bytes, millis) in [(1000, 1), (10_000, 10), (40_000, 40)] {
        let (mut aggregation, mut now) = (Aggregation::new(), Instant::from_millis(5));
        steady(&mut aggregation, &mut now, (bytes, millis), 50);
        assert_eq!(aggregation.extra(), bytes);
    }
}

#[test]
fn a_burst_is_what_it_has_beyond_the_bandwidth_and_no_more_than_the_window() {
    let (mut aggregation, mut now) = (Aggregation::new(), Instant::from_millis(5));
    steady(&mut aggregation, &mut now, (1000, 1), 10);
    steady(&mut aggregation, &mut now, (4000, 1), 5);
    assert_eq!(aggregation.extra(), 16_000);
    steady(&mut aggregation, &mut now, (1_000_000, 1), 1);
    assert_eq!(aggregation.extra(), CWND);
}

#[test]
fn it_is_remembered_for_ten_round_trips_and_in_startup_for_one() {
    for (full, rounds) in [(true, 10), (false, 1)] {
        let (mut aggregation, mut now) = (Aggregation::new(), Instant::from_millis(5));
        aggregation.update((3, now), 50_000, (BW, CWND), full);
        now += Duration::from_millis(60);
        for round in 4..3 + rounds {
            aggregation.update((round, now), 1000, (BW, CWND), full);
            assert_eq!(aggregation.extra(), 50_000, "round {round}");
            now += Duration::from_millis(1);
        }
        aggregation.update((3 + rounds, now), 1000, (BW, CWND), full);
        assert_eq!(aggregation.extra(), 1000);
    }
}

#[test]
fn before_there_is_a_bandwidth_nothing_is_too_much() {
    let mut aggregation = Aggregation::new();
    for round in 0..5 {
        aggregation.update((round, Instant::from_millis(round)), 5000, (0, CWND), false);
        assert_eq!(aggregation.extra(), 0);
    }
}

#[test]
fn a_silence_is_no_expectation() {
    let (mut aggregation, mut now) = (Aggregation::new(), Instant::from_millis(5));
    steady(&mut aggregation, &mut now, (1000, 1), 10);
    now += Duration::from_secs(5);
    aggregation.restart(now);
    steady(&mut aggregation, &mut now, (8000, 1), 1);
    assert_eq!(aggregation.extra(), 8000);
}
