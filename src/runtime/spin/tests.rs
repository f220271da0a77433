use super::*;

const TIME: Duration = Duration::from_micros(20);

fn at(micros: u64) -> Instant {
    Instant::ZERO + Duration::from_micros(micros)
}

/// Looks every 5 us from `begin` on until it gives up; how long that took.
fn in_vain(spin: &mut Spin, begin: u64) -> u64 {
    (0..).map(|n| 5 * n).find(|passed| !spin.again(at(begin + passed))).unwrap()
}

#[test]
fn it_looks_for_so_long_and_not_longer() {
    let mut spin = Spin::new(TIME);
    assert_eq!(in_vain(&mut spin, 1000), 20);
    assert_eq!(in_vain(&mut spin, 5000), 20, "after each time there was something to do");
    assert_eq!(in_vain(&mut Spin::new(Duration::ZERO), 0), 0);
}

#[test]
fn what_is_never_worth_it_is_tried_now_and_then() {
    let mut spin = Spin::new(TIME);
    let tried = (0..10_000).filter(|n| in_vain(&mut spin, n * 1000) > 0).count();
    assert_eq!(tried as u32, ENOUGH + (10_000 - ENOUGH) / NOW_AND_THEN);
    // Once that finds something, it is worth it again.
    while !spin.again(at(0)) {}
    spin.found();
    assert!(spin.again(at(0)));
}

#[test]
fn what_is_found_at_once_says_nothing() {
    let mut spin = Spin::new(TIME);
    for n in 0..ENOUGH.into() {
        assert_eq!(in_vain(&mut spin, n * 1000), 20);
    }
    // There was something before anybody had to look again.
    spin.found();
    assert_eq!(in_vain(&mut spin, 100_000), 0);
}
