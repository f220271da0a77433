use super::super::tests::{MSS, NOW, acked};
use super::super::{Algorithm, Controller, Recovery, Signal};
use crate::tcp::Profile;

#[test]
fn a_loss_is_as_a_timeout_rfc_5681_3_1() {
    let mut cc = Controller::new(Algorithm::Tahoe, MSS, Profile::Linux);
    assert_eq!(cc.recovery(), Recovery::None);
    cc.on_congestion(NOW, 10 * MSS, Signal::Loss);
    assert_eq!((cc.window(), cc.ssthresh()), (MSS, Some(5 * MSS)));
    assert!(cc.in_slow_start());
}

/// RFC 3465 2.3: the acknowledgment of the lost segment covers what came after it, too.
#[test]
fn slow_start_again_up_to_the_half_then_avoidance() {
    let mut cc = Controller::new(Algorithm::Tahoe, MSS, Profile::Linux);
    cc.on_congestion(NOW, 8 * MSS, Signal::Loss);
    for (bytes, window) in [(8, 2), (1, 3), (1, 4), (1, 4), (1, 4), (1, 4), (1, 5)] {
        cc.on_ack(&acked(bytes * MSS));
        assert_eq!(cc.window(), window * MSS);
    }
}

#[test]
fn each_loss_halves_what_is_in_flight_then_rfc_5681_3_1() {
    let mut cc = Controller::new(Algorithm::Tahoe, MSS, Profile::Linux);
    for (in_flight, ssthresh) in [(20, 10), (8, 4), (3, 2), (1, 2)] {
        cc.on_congestion(NOW, in_flight * MSS, Signal::Loss);
        assert_eq!((cc.window(), cc.ssthresh()), (MSS, Some(ssthresh * MSS)));
    }
}
