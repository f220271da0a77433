use super::*;

const MSS: u32 = 1460;

fn acked(bytes: u32) -> Acked {
    Acked { bytes, window_limited: true }
}

#[test]
fn initial_windows_of_rfc_6928() {
    for (mss, window) in [(1460, 14_600), (536, 5360), (8960, 17_920), (48, 480)] {
        assert_eq!(NewReno::new(mss).window(), window, "mss {mss}");
        let mut cc = NewReno::new(MSS);
        cc.on_handshake(mss);
        assert_eq!((cc.window(), cc.ssthresh()), (window, None), "mss {mss}");
    }
}

#[test]
fn slow_start_doubles_a_round() {
    let mut cc = NewReno::new(MSS);
    for _ in 0..10 {
        cc.on_ack(acked(MSS));
    }
    assert_eq!(cc.window(), 20 * MSS);
    assert!(cc.in_slow_start());
}

#[test]
fn an_idle_window_does_not_grow() {
    let mut cc = NewReno::new(MSS);
    cc.on_ack(Acked { bytes: MSS, window_limited: false });
    assert_eq!(cc.window(), 10 * MSS);
}

#[test]
fn loss_halves_and_avoidance_grows_one_segment_a_round() {
    let mut cc = NewReno::new(MSS);
    cc.on_loss(10 * MSS);
    assert_eq!((cc.window(), cc.ssthresh()), (5 * MSS, Some(5 * MSS)));
    cc.on_recovered(5 * MSS);
    assert_eq!(cc.window(), 5 * MSS);
    for _ in 0..5 {
        cc.on_ack(acked(MSS));
    }
    assert_eq!(cc.window(), 6 * MSS);
}

#[test]
fn a_timeout_starts_again_from_one_segment_and_keeps_the_threshold_when_repeated() {
    let mut cc = NewReno::new(MSS);
    cc.on_rto(10 * MSS, false);
    assert_eq!((cc.window(), cc.ssthresh()), (MSS, Some(5 * MSS)));
    cc.on_rto(MSS, true);
    assert_eq!(cc.ssthresh(), Some(5 * MSS));
    cc.on_ack(acked(10 * MSS));
    assert_eq!(cc.window(), 2 * MSS);
}

#[test]
fn the_end_of_recovery_allows_no_burst() {
    let mut cc = NewReno::new(MSS);
    cc.on_loss(100 * MSS);
    cc.on_recovered(2 * MSS);
    assert_eq!(cc.window(), 3 * MSS);
    cc.on_idle_restart();
    assert_eq!(cc.window(), 3 * MSS);
}

#[test]
fn smaller_segments_leave_their_number_as_it_was_rfc_5681_3_1() {
    let mut cc = NewReno::new(1000);
    cc.on_smaller_mss(500);
    assert_eq!((cc.window(), cc.ssthresh()), (5000, None));
    cc.on_rto(5000, false);
    cc.on_smaller_mss(499);
    assert_eq!(cc.window(), 499, "never less than one");
    let mut cc = NewReno { cwnd: MAX_WINDOW, ..NewReno::new(65_000) };
    cc.on_smaller_mss(500);
    assert_eq!(cc.window(), 8_259_552);
}
