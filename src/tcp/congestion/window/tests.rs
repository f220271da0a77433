use super::*;

#[test]
fn the_window_stays_within_what_a_receiver_can_offer_rfc_7323_2_3() {
    let mut window = Window::new(65_000, Profile::Linux);
    window.grow(u32::MAX, true);
    assert_eq!(window.cwnd, MAX_WINDOW);
    window.resize(500);
    assert_eq!(window.cwnd, 8_259_552);
}

/// RFC 5681 3.1, equation 4.
#[test]
fn half_of_what_was_in_flight_but_two_segments_at_least() {
    for (in_flight, ssthresh) in [(20_000, 10_000), (4001, 2000), (4000, 2000), (3999, 2000)] {
        let mut window = Window::new(1000, Profile::Linux);
        assert_eq!(window.lower_ssthresh(in_flight), ssthresh);
        assert_eq!((window.cwnd, window.ssthresh), (10_000, Some(ssthresh)));
        window.halve(in_flight);
        assert_eq!((window.cwnd, window.ssthresh), (ssthresh, Some(ssthresh)));
    }
}

#[test]
fn what_was_counted_before_a_loss_is_forgotten() {
    let mut window = Window::new(1000, Profile::Linux);
    window.halve(8000);
    window.grow(3999, true);
    window.halve(8000);
    window.grow(3999, true);
    assert_eq!(window.cwnd, 4000);
    window.grow(1, true);
    assert_eq!(window.cwnd, 5000);
}

/// Half for each whole time-out; the floor is the initial window, or the window where that is smaller.
#[test]
fn a_pause_halves_the_window_for_each_timeout_rfc_2861_3_1() {
    let rto = Duration::from_millis(300);
    let table = [
        (300, 200, 100, 150),
        (599, 200, 100, 150),
        (600, 200, 50, 150),
        (1500, 200, 10, 150),
        (u64::MAX, 200, 10, 150),
        (600, 30, 10, 22),
        (600, 7, 7, 20),
    ];
    for (idle_ms, cwnd, left, ssthresh) in table {
        let mut window = Window { cwnd: cwnd * 1000, ..Window::new(1000, Profile::Linux) };
        window.ssthresh = Some(20_000);
        window.decay_idle(Duration::from_millis(idle_ms), rto);
        assert_eq!(window.cwnd, left * 1000, "{idle_ms} ms, {cwnd}");
        assert_eq!(
            window.ssthresh.map(|bytes| bytes / 1000),
            Some(ssthresh),
            "{idle_ms} ms, {cwnd}"
        );
    }
    let mut window = Window { cwnd: 80_000, ..Window::new(1000, Profile::Linux) };
    window.decay_idle(rto, rto);
    assert_eq!((window.cwnd, window.ssthresh), (40_000, None));
    window.decay_idle(rto, Duration::ZERO);
    assert_eq!(window.cwnd, 10_000);
}

#[test]
fn a_window_that_is_not_used_shrinks_half_the_way_rfc_2861_3_2() {
    let table = [
        (100, 40, 70, 75),
        (100, 0, 55, 75),
        (100, 99, 99_500 / 1000, 75),
        (100, 100, 100, 20),
        (100, 200, 100, 20),
        (10, 0, 10, 20),
    ];
    for (cwnd, used, left, ssthresh) in table {
        let mut window = Window { cwnd: cwnd * 1000, ..Window::new(1000, Profile::Linux) };
        window.ssthresh = Some(20_000);
        window.decay_unused(used * 1000);
        assert_eq!(window.cwnd / 1000, left, "{used} of {cwnd}");
        assert_eq!(window.ssthresh, Some(ssthresh * 1000), "{used} of {cwnd}");
    }
}
