use super::SeqNum;

#[test]
fn order_holds_across_the_wrap() {
    let high = SeqNum::new(u32::MAX - 1);
    let low = high + 5;
    assert_eq!(low.value(), 3);
    assert!(high.before(low) && low.after(high));
    assert!(!high.after(low) && !high.before(high));
    assert!(high.at_or_before(high) && high.at_or_after(high));
    assert_eq!(high.max(low), low);
    assert_eq!(high.min(low), high);
    assert_eq!(low - high, 5);
    assert_eq!(low.since(high), 5);
    assert_eq!(high.since(low), 0);
}

#[test]
fn within_is_half_open() {
    let start = SeqNum::new(u32::MAX);
    assert!(start.within(start, 1));
    assert!(!start.within(start, 0));
    assert!((start + 9).within(start, 10));
    assert!(!(start + 10).within(start, 10));
    assert!(!(start - 1).within(start, 10));
}
