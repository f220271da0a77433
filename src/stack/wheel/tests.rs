use super::*;
use crate::time::Duration;
use proptest::prelude::*;
use std::collections::BTreeMap;

fn drain(wheel: &mut Wheel<u32>, now: Instant) -> Vec<u32> {
    let mut fired: Vec<u32> = std::iter::from_fn(|| wheel.expire(now)).collect();
    fired.sort_unstable();
    fired
}

#[test]
fn fires_when_due_and_not_before() {
    let mut wheel = Wheel::default();
    let id = wheel.insert(7u32);
    let at = Instant::from_millis(40);
    wheel.arm(id, at);
    assert_eq!(wheel.expire(at - Duration::from_nanos(1)), None);
    assert_eq!(wheel.expire(at + Duration::from_micros(66)), Some(7));
    assert_eq!(wheel.expire(at + Duration::from_secs(100)), None);
    assert_eq!(wheel.next_deadline(), None);
}

#[test]
fn moving_a_deadline_back_is_lazy_and_forward_is_not() {
    let mut wheel = Wheel::default();
    let id = wheel.insert(1u32);
    wheel.arm(id, Instant::from_millis(100));
    wheel.arm(id, Instant::from_millis(900));
    assert_eq!(drain(&mut wheel, Instant::from_millis(101)), [1]);
    wheel.arm(id, Instant::from_millis(900));
    wheel.arm(id, Instant::from_millis(200));
    assert_eq!(drain(&mut wheel, Instant::from_millis(201)), [1]);
    assert_eq!(wheel.next_deadline(), None);
}

#[test]
fn a_removed_timer_never_fires_and_its_place_is_used_again() {
    let mut wheel = Wheel::default();
    let first = wheel.insert(1u32);
    wheel.arm(first, Instant::from_millis(1));
    wheel.remove(first);
    let second = wheel.insert(2u32);
    wheel.arm(second, Instant::from_millis(5));
    assert_eq!(drain(&mut wheel, Instant::from_millis(10)), [2]);
    assert_eq!(wheel.nodes.len(), 1);
}

#[test]
fn a_timer_that_is_handed_over_stays_armed() {
    let mut wheel = Wheel::default();
    let first = wheel.insert_or_hand_over(None, 1u32);
    wheel.arm(first, Instant::from_millis(1));
    assert_eq!(wheel.insert_or_hand_over(Some(first), 2), first);
    assert_eq!((wheel.len(), drain(&mut wheel, Instant::from_millis(2))), (1, vec![2]));
}

proptest! {
    /// Against a sorted map: every timer fires once, in the first look at or after its time
    /// (within one tick), and following `next_deadline` finds them all.
    #[test]
    fn behaves_as_a_sorted_map(
        steps in proptest::collection::vec((0u64..20, 1u64..5_000_000_000, 0u64..400_000_000), 1..200),
    ) {
        let mut wheel = Wheel::default();
        let ids: Vec<TimerId> = (0..20u32).map(|token| wheel.insert(token)).collect();
        let mut model: BTreeMap<u32, u64> = BTreeMap::new();
        let mut now = 0u64;
        for (timer, delay, step) in steps {
            let at = now + delay;
            wheel.arm(ids[timer as usize], Instant::from_nanos(at));
            model.entry(timer as u32).and_modify(|d| *d = (*d).min(at)).or_insert(at);
            let target = now + step;
            while let Some(next) = wheel.next_deadline().filter(|n| n.as_nanos() <= target) {
                now = now.max(next.as_nanos());
                for token in drain(&mut wheel, Instant::from_nanos(now)) {
                    let due = model.remove(&token);
                    prop_assert!(due.is_some_and(|due| due <= now && now - due <= 1 << TICK_SHIFT));
                }
            }
            now = target;
            drain(&mut wheel, Instant::from_nanos(now)).iter().for_each(|token| {
                model.remove(token);
            });
            prop_assert!(model.values().all(|due| due + (1 << TICK_SHIFT) > now));
        }
    }
}
