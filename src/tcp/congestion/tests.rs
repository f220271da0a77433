//! What all algorithms have in common; what a loss does is in the tests of each.

use super::*;

pub(super) const MSS: u32 = 1460;

pub(super) const NOW: Instant = Instant::ZERO;

/// So many bytes were acknowledged while the window was full.
pub(super) fn acked(bytes: u32) -> Ack {
    Ack { acked: bytes, delivered: bytes, window_limited: true, ..Ack::default() }
}

/// One of each on a fresh path.
fn each() -> impl Iterator<Item = Box<dyn CongestionControl>> {
    Algorithm::ALL.into_iter().map(|algorithm| new_controller(algorithm, MSS))
}

/// Those that a loss alone tells how much the path holds.
fn classic() -> impl Iterator<Item = Box<dyn CongestionControl>> {
    each().filter(|cc| cc.algorithm() != Algorithm::Bbr)
}

#[test]
fn each_is_what_was_asked_for() {
    for algorithm in Algorithm::ALL {
        assert_eq!(new_controller(algorithm, MSS).algorithm(), algorithm);
    }
}

#[test]
fn initial_windows_of_rfc_6928() {
    for mut cc in each() {
        for (mss, window) in [(1460, 14_600), (536, 5360), (8960, 17_920), (48, 480)] {
            assert_eq!(new_controller(cc.algorithm(), mss).window(), window, "mss {mss}");
            cc.on_rto(NOW, 0, false);
            cc.on_handshake(mss);
            assert_eq!((cc.window(), cc.ssthresh()), (window, None), "mss {mss}");
        }
    }
}

#[test]
fn slow_start_doubles_a_round_rfc_5681_3_1() {
    for mut cc in classic() {
        for _ in 0..10 {
            cc.on_ack(&acked(MSS));
        }
        assert_eq!(cc.window(), 20 * MSS);
        assert!(cc.in_slow_start());
    }
}

#[test]
fn an_idle_window_does_not_grow() {
    for mut cc in classic() {
        cc.on_ack(&Ack { window_limited: false, ..acked(MSS) });
        assert_eq!(cc.window(), 10 * MSS);
    }
}

#[test]
fn a_timeout_starts_again_from_one_segment_and_keeps_the_threshold_when_repeated_rfc_5681_3_1() {
    for mut cc in classic() {
        cc.on_rto(NOW, 10 * MSS, false);
        assert_eq!((cc.window(), cc.ssthresh()), (MSS, Some(5 * MSS)));
        cc.on_rto(NOW, MSS, true);
        assert_eq!(cc.ssthresh(), Some(5 * MSS));
        // RFC 3465 2.3: after a time-out an acknowledgment counts as one segment.
        cc.on_ack(&acked(10 * MSS));
        assert_eq!(cc.window(), 2 * MSS);
    }
}

#[test]
fn avoidance_grows_one_segment_a_round_rfc_5681_3_1() {
    for mut cc in classic() {
        cc.on_rto(NOW, 4 * MSS, false);
        assert_eq!(cc.ssthresh(), Some(2 * MSS));
        for (count, window) in [(1, 2), (1, 2), (1, 3), (2, 3), (1, 4), (3, 4), (1, 5)] {
            (0..count).for_each(|_| cc.on_ack(&acked(MSS)));
            assert_eq!(cc.window(), window * MSS);
        }
        assert!(!cc.in_slow_start());
    }
}

#[test]
fn after_a_pause_the_window_is_not_above_that_of_a_fresh_path_rfc_5681_4_1() {
    for mut cc in classic() {
        cc.on_ack(&acked(30 * MSS));
        assert_eq!(cc.window(), 40 * MSS);
        cc.on_idle_restart(Duration::from_secs(1), Duration::from_millis(300));
        assert_eq!(cc.window(), 10 * MSS);
        cc.on_rto(NOW, 10 * MSS, false);
        cc.on_idle_restart(Duration::from_secs(1), Duration::from_millis(300));
        assert_eq!(cc.window(), MSS);
    }
}

#[test]
fn smaller_segments_leave_their_number_as_it_was_rfc_5681_3_1() {
    for mut cc in each() {
        cc.on_handshake(1000);
        cc.on_smaller_mss(500);
        assert_eq!((cc.window(), cc.ssthresh()), (5000, None));
        cc.on_rto(NOW, 5000, false);
        cc.on_smaller_mss(499);
        assert_eq!(cc.window(), 499, "never less than one");
    }
}

#[test]
fn another_algorithm_goes_on_with_the_window_that_is_there() {
    for mut cc in classic() {
        cc.adopt(33 * MSS, Some(20 * MSS));
        assert_eq!((cc.window(), cc.ssthresh()), (33 * MSS, Some(20 * MSS)));
        cc.adopt(1, None);
        assert_eq!((cc.window(), cc.ssthresh()), (MSS, None));
    }
}
