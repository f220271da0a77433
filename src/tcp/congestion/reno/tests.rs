use super::super::tests::{MSS, NOW, acked};
use super::super::{Algorithm, Controller, Recovery, Signal};
use crate::tcp::Profile;

#[test]
fn a_loss_halves_and_avoidance_goes_on_rfc_5681_3_2() {
    let mut cc = Controller::new(Algorithm::Reno, MSS, Profile::Linux);
    assert_eq!(cc.recovery(), Recovery::FirstAck);
    cc.on_congestion(NOW, 10 * MSS, Signal::Loss);
    assert_eq!((cc.window(), cc.ssthresh()), (5 * MSS, Some(5 * MSS)));
    assert!(!cc.in_slow_start());
    for _ in 0..5 {
        assert_eq!(cc.window(), 5 * MSS);
        cc.on_ack(&acked(MSS));
    }
    assert_eq!(cc.window(), 6 * MSS);
}

#[test]
fn the_end_of_recovery_deflates_to_ssthresh_whatever_is_in_flight_rfc_5681_3_2_step_6() {
    for in_flight in [0, 2, 50] {
        let mut cc = Controller::new(Algorithm::Reno, MSS, Profile::Linux);
        cc.on_congestion(NOW, 8 * MSS, Signal::Loss);
        cc.on_recovered(NOW, in_flight * MSS);
        assert_eq!((cc.window(), cc.ssthresh()), (4 * MSS, Some(4 * MSS)));
    }
}

/// More counts as in flight than the window has, for some of it duplicates have shown to have left.
#[test]
fn each_loss_of_a_window_halves_it_again_rfc_5681_3_2() {
    let mut cc = Controller::new(Algorithm::Reno, MSS, Profile::Linux);
    cc.on_ack(&acked(6 * MSS));
    for (in_flight, window) in [(16, 8), (20, 4), (22, 2), (22, 2)] {
        cc.on_congestion(NOW, in_flight * MSS, Signal::Loss);
        cc.on_recovered(NOW, in_flight * MSS);
        assert_eq!((cc.window(), cc.ssthresh()), (window * MSS, Some(window * MSS)));
    }
    // And where less is in flight than the window has, it is that (RFC 5681 3.1).
    let mut cc = Controller::new(Algorithm::Reno, MSS, Profile::Linux);
    cc.on_congestion(NOW, 6 * MSS, Signal::Loss);
    assert_eq!(cc.window(), 3 * MSS);
}
