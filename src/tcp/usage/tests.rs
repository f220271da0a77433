use super::*;

fn at(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

const RTO: Duration = Duration::from_millis(300);

/// Several acknowledgments may be processed before anything is sent: the first of them must not take the
/// word from the others.
#[test]
fn a_window_that_was_full_may_grow_for_a_round_trip() {
    let mut usage = Usage::default();
    usage.note(at(0), 10_000, true, 1, 10_001);
    assert!(usage.allows_growth(10_000, false) && usage.allows_growth(19_000, false));
    // Less is in flight later in the same round trip.
    usage.note(at(50), 4000, false, 6001, 10_001);
    assert!(usage.allows_growth(10_000, false));
    usage.note(at(100), 4000, false, 10_001, 14_001);
    assert!(!usage.allows_growth(10_000, false));
}

#[test]
fn in_slow_start_half_of_it_is_enough() {
    let mut usage = Usage::default();
    usage.note(at(0), 6000, false, 1, 6001);
    assert!(usage.allows_growth(11_999, true));
    assert!(!usage.allows_growth(12_000, true) && !usage.allows_growth(11_999, false));
    // The most of the round trip counts.
    usage.note(at(10), 7000, false, 2001, 9001);
    usage.note(at(20), 1000, false, 8001, 9001);
    assert!(usage.allows_growth(13_999, true));
}

/// RFC 2861 3.2.
#[test]
fn what_was_used_is_told_once_a_time_out() {
    let mut usage = Usage::default();
    usage.note(at(0), 10_000, true, 1, 10_001);
    usage.note(at(100), 3000, false, 10_001, 13_001);
    usage.note(at(200), 2000, false, 13_001, 15_001);
    assert_eq!(usage.take_underused(at(299), RTO), None);
    assert_eq!(usage.take_underused(at(300), RTO), Some(3000));
    assert_eq!(usage.take_underused(at(301), RTO), None);
    usage.note(at(400), 1000, false, 15_001, 16_001);
    usage.note(at(500), 9000, true, 16_001, 25_001);
    assert_eq!(usage.take_underused(at(700), RTO), None, "it was full at 500 ms");
}
