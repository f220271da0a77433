use super::*;

fn at(micros: u64) -> Instant {
    Instant::from_nanos(micros * 1000)
}

/// A megabyte a second: a segment of 1,000 bytes takes a millisecond.
const RATE: u64 = 1_000_000;

#[test]
fn what_is_sent_takes_its_time() {
    let mut pacer = Pacer::default();
    assert_eq!(pacer.next(), Instant::ZERO, "the first goes at once");
    pacer.on_sent(Instant::ZERO, 1000, RATE);
    assert_eq!(pacer.next(), at(1000));
    pacer.on_sent(at(1000), 2500, RATE);
    assert_eq!(pacer.next(), at(3500));
    // What goes before its time, as a probe does, is added to the end.
    pacer.on_sent(at(2000), 1000, RATE);
    assert_eq!(pacer.next(), at(4500));
}

#[test]
fn lateness_is_made_up_for_by_half_at_most() {
    for (late, next) in
        [(0, 2000), (100, 2000), (499, 2000), (500, 2000), (501, 2001), (9000, 10_500)]
    {
        let mut pacer = Pacer::default();
        pacer.on_sent(Instant::ZERO, 1000, RATE);
        pacer.on_sent(at(1000 + late), 1000, RATE);
        assert_eq!(pacer.next(), at(next), "{late} us late");
    }
}

#[test]
fn timers_that_are_always_a_little_late_do_not_lower_the_rate() {
    let mut pacer = Pacer::default();
    let mut now = Instant::ZERO;
    for _ in 0..1000 {
        now = pacer.next() + Duration::from_micros(400);
        pacer.on_sent(now, 1000, RATE);
    }
    assert_eq!(pacer.next().as_millis(), 1000);
    assert!(now < at(1_000_000 + 400));
}

#[test]
fn extremes_neither_panic_nor_wait_for_ever() {
    let mut pacer = Pacer::default();
    pacer.on_sent(Instant::ZERO, u32::MAX, 0);
    assert_eq!(pacer.next(), Instant::ZERO + Duration::from_secs(u32::MAX.into()));
    let mut pacer = Pacer::default();
    pacer.on_sent(at(1), u32::MAX, u64::MAX);
    assert_eq!(pacer.next(), at(1));
    pacer.on_sent(at(1), 0, 1);
    assert_eq!(pacer.next(), at(1));
}

#[test]
fn a_burst_is_what_goes_in_a_millisecond() {
    assert_eq!(burst(0), 0);
    assert_eq!(burst(2_500_000), 2500);
    assert_eq!(burst(125_000_000), 125_000, "a gigabit a second");
    assert_eq!(burst(u64::MAX), u32::MAX);
}

#[test]
fn on_a_short_path_more_may_go_at_once() {
    let micros = Duration::from_micros;
    // At 100 KB in a second nothing is due in a millisecond but 120 bytes.
    let burst = |rtt| unpaced_burst(100_000, Duration::from_secs(1), rtt, false) - 120;
    for (rtt, bytes) in [(512, 32_768), (1024, 16_384), (8191, 2), (8192, 1), (8704, 0)] {
        assert_eq!(burst(micros(rtt)), bytes, "{rtt} us");
    }
    assert_eq!(burst(Duration::MAX), 0);
    for rtt in [0, 511] {
        assert_eq!(unpaced_burst(1000, micros(rtt), micros(rtt), false), 1 << 16, "{rtt} us");
    }
}

#[test]
fn without_pacing_a_burst_is_what_a_window_comes_to_in_a_millisecond() {
    let ms = Duration::from_millis;
    for (cwnd, rtt, slow_start) in [(10_000, 100, true), (1 << 20, 20, false), (1 << 30, 10, true)]
    {
        let rate = rate(cwnd, Some(ms(rtt)), slow_start).unwrap();
        assert_eq!(unpaced_burst(cwnd, ms(rtt), ms(rtt), slow_start), burst(rate), "{cwnd} {rtt}");
    }
    assert_eq!(unpaced_burst(u32::MAX, Duration::ZERO, ms(10), true), u32::MAX);
}

#[test]
fn the_rate_is_a_window_a_round_trip_and_a_margin() {
    let ms = Duration::from_millis;
    assert_eq!(rate(100_000, None, true), None);
    assert_eq!(rate(100_000, Some(ms(100)), true), Some(2_000_000));
    assert_eq!(rate(100_000, Some(ms(100)), false), Some(1_200_000));
    assert_eq!(rate(1 << 30, Some(ms(1)), false), Some((1 << 30) * 1200));
    // It is never nothing, and a round trip of nothing is one of a nanosecond.
    assert_eq!(rate(1, Some(Duration::from_secs(1 << 20)), false), Some(1));
    assert_eq!(rate(1, Some(Duration::ZERO), true), Some(2_000_000_000));
    assert_eq!(
        rate(u32::MAX, Some(Duration::ZERO), true),
        Some(u64::from(u32::MAX) * 2_000_000_000)
    );
}
