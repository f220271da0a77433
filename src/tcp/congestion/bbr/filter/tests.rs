use proptest::prelude::*;

use super::*;

#[test]
fn what_is_older_than_the_window_is_forgotten() {
    let mut filter = WindowedMax::<3>::new();
    assert_eq!((filter.max(3), filter.newest()), (0, 0));
    for (tick, value, newest, max) in [
        (0, 9, 9, 9),
        (1, 5, 5, 9),
        (2, 7, 7, 9),
        (3, 1, 1, 7),
        (3, 3, 3, 7),
        (5, 2, 2, 3),
        (9, 1, 1, 1),
    ] {
        filter.advance(tick);
        filter.record(value);
        assert_eq!((filter.newest(), filter.max(3)), (newest, max), "tick {tick}");
        assert_eq!(filter.now(), tick);
    }
}

proptest! {
    #[test]
    fn it_is_what_a_list_of_all_values_gives(
        steps in proptest::collection::vec((0u64..14, 0u64..100), 1..60),
        window in 1usize..=10,
    ) {
        let mut filter = WindowedMax::<10>::new();
        let (mut all, mut now) = (Vec::new(), 0);
        for (passed, value) in steps {
            now += passed;
            filter.advance(now);
            filter.record(value);
            all.push((now, value));
            let recent = all.iter().filter(|(tick, _)| tick + window as u64 > now);
            prop_assert_eq!(filter.max(window), recent.map(|&(_, value)| value).max().unwrap());
        }
    }
}
