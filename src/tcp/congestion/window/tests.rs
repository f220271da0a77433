use super::*;

#[test]
fn the_window_stays_within_what_a_receiver_can_offer_rfc_7323_2_3() {
    let mut window = Window::new(65_000);
    window.grow(u32::MAX, true);
    assert_eq!(window.cwnd, MAX_WINDOW);
    window.resize(500);
    assert_eq!(window.cwnd, 8_259_552);
}

/// RFC 5681 3.1, equation 4.
#[test]
fn half_of_what_was_in_flight_but_two_segments_at_least() {
    for (in_flight, ssthresh) in [(20_000, 10_000), (4001, 2000), (4000, 2000), (3999, 2000)] {
        let mut window = Window::new(1000);
        assert_eq!(window.lower_ssthresh(in_flight), ssthresh);
        assert_eq!((window.cwnd, window.ssthresh), (10_000, Some(ssthresh)));
        window.halve(in_flight);
        assert_eq!((window.cwnd, window.ssthresh), (ssthresh, Some(ssthresh)));
    }
}

#[test]
fn what_was_counted_before_a_loss_is_forgotten() {
    let mut window = Window::new(1000);
    window.halve(8000);
    window.grow(3999, true);
    window.halve(8000);
    window.grow(3999, true);
    assert_eq!(window.cwnd, 4000);
    window.grow(1, true);
    assert_eq!(window.cwnd, 5000);
}
