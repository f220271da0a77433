use super::*;

#[test]
fn errors_come_in_bounded_bursts() {
    let mut limit = ErrorLimit::default();
    let at = |millis| Instant::from_millis(millis);
    assert_eq!((0..100).filter(|_| limit.allow(at(1))).count(), 50);
    assert!(limit.allow(at(2)));
    assert!(!limit.allow(at(2)));
    assert_eq!((0..100).filter(|_| limit.allow(at(5000))).count(), 50);
}
