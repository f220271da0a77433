use super::*;

#[test]
fn a_recent_instant_is_kept_to_a_quarter_of_a_microsecond() {
    assert_eq!(size_of::<RecentInstant>(), 4);
    // The second of them is just before the four bytes come round.
    for at in [0, (1 << 32) * 250 - 249, 10_000_000_249, u64::MAX / 2] {
        for age in [0, 1, 250, 120_000_000_000, 1_073_000_000_000] {
            let (kept, now) = (Instant::from_nanos(at), Instant::from_nanos(at + age));
            assert_eq!(RecentInstant::new(kept).before(now).as_nanos(), at / 250 * 250, "{age}");
        }
    }
}
