use super::*;

#[test]
fn ten_in_five_seconds() {
    let mut limit = ChallengeLimit::default();
    let now = Instant::from_millis(100);
    assert_eq!((0..50).filter(|_| limit.allow(now)).count(), 10);
    assert!(!limit.allow(Instant::from_millis(4_999)));
    assert!(limit.allow(Instant::from_millis(5_100)));
}

#[test]
fn ten_more_when_the_clock_has_come_round() {
    let mut limit = ChallengeLimit::default();
    let round = 1 << 32;
    let now = Instant::from_millis(round - 1_000);
    assert_eq!((0..50).filter(|_| limit.allow(now)).count(), 10);
    assert!(!limit.allow(Instant::from_millis(round + 3_999)));
    assert!(limit.allow(Instant::from_millis(round + 4_000)));
}
