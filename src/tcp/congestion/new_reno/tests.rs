use super::super::tests::{MSS, NOW, acked};
use super::super::{Algorithm, Controller, Recovery, Signal};
use crate::tcp::Profile;

#[test]
fn loss_halves_and_avoidance_grows_one_segment_a_round_rfc_5681_3_2() {
    let mut cc = Controller::new(Algorithm::NewReno, MSS, Profile::Linux);
    assert_eq!(cc.recovery(), Recovery::Full);
    cc.on_congestion(NOW, 10 * MSS, Signal::Loss);
    assert_eq!((cc.window(), cc.ssthresh()), (5 * MSS, Some(5 * MSS)));
    cc.on_recovered(NOW, 5 * MSS);
    assert_eq!(cc.window(), 5 * MSS);
    for _ in 0..5 {
        cc.on_ack(&acked(MSS));
    }
    assert_eq!(cc.window(), 6 * MSS);
}

#[test]
fn the_end_of_recovery_allows_no_burst_rfc_6582_3_2_step_3() {
    for (in_flight, window) in [(0, 2), (1, 2), (2, 3), (48, 49), (49, 50), (90, 50)] {
        let mut cc = Controller::new(Algorithm::NewReno, MSS, Profile::Linux);
        cc.on_congestion(NOW, 100 * MSS, Signal::Loss);
        cc.on_recovered(NOW, in_flight * MSS);
        assert_eq!((cc.window(), cc.ssthresh()), (window * MSS, Some(50 * MSS)));
    }
}
