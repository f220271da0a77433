//! What all algorithms have in common; what a loss does is in the tests of each.

use proptest::prelude::*;

use super::*;

pub(super) const MSS: u32 = 1460;

pub(super) const NOW: Instant = Instant::ZERO;

/// So many bytes were acknowledged while the window was full.
pub(super) fn acked(bytes: u32) -> Ack {
    Ack { acked: bytes, delivered: bytes, window_limited: true, ..Ack::default() }
}

/// One of each on a fresh path.
fn each() -> impl Iterator<Item = Controller> {
    Algorithm::ALL.into_iter().map(|algorithm| Controller::new(algorithm, MSS, Profile::Linux))
}

/// One of each that does as RFC 5681 says where others do something else.
fn classic() -> impl Iterator<Item = Controller> {
    [Algorithm::Tahoe, Algorithm::Reno, Algorithm::NewReno]
        .into_iter()
        .map(|algorithm| Controller::new(algorithm, MSS, Profile::Linux))
}

/// Those that a loss alone tells how much the path holds.
fn by_loss() -> impl Iterator<Item = Controller> {
    each().filter(|cc| cc.algorithm() != Algorithm::Bbr)
}

#[test]
fn each_is_what_was_asked_for() {
    for algorithm in Algorithm::ALL {
        assert_eq!(Controller::new(algorithm, MSS, Profile::Linux).algorithm(), algorithm);
    }
}

#[test]
fn initial_windows_of_rfc_6928() {
    for mut cc in each() {
        for (mss, window) in [(1460, 14_600), (536, 5360), (8960, 17_920), (48, 480)] {
            assert_eq!(
                Controller::new(cc.algorithm(), mss, Profile::Linux).window(),
                window,
                "mss {mss}"
            );
            cc.on_rto(NOW, 0, Timeout::First);
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
    for mut cc in by_loss() {
        cc.on_ack(&Ack { window_limited: false, ..acked(MSS) });
        assert_eq!(cc.window(), 10 * MSS);
    }
}

#[test]
fn a_timeout_starts_again_from_one_segment_and_keeps_the_threshold_when_repeated_rfc_5681_3_1() {
    for mut cc in by_loss() {
        // RFC 9438 4.8: CUBIC keeps more.
        let kept = if cc.algorithm() == Algorithm::Cubic { 7 } else { 5 };
        cc.on_rto(NOW, 10 * MSS, Timeout::First);
        assert_eq!((cc.window(), cc.ssthresh()), (MSS, Some(kept * MSS)));
        cc.on_rto(NOW, MSS, Timeout::Again);
        assert_eq!((cc.window(), cc.ssthresh()), (MSS, Some(kept * MSS)));
        // RFC 3465 2.3: after a time-out an acknowledgment counts as one segment.
        cc.on_ack(&acked(10 * MSS));
        assert_eq!(cc.window(), 2 * MSS);
    }
}

#[test]
fn avoidance_grows_one_segment_a_round_rfc_5681_3_1() {
    for mut cc in classic() {
        cc.on_rto(NOW, 4 * MSS, Timeout::First);
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
        cc.on_rto(NOW, 10 * MSS, Timeout::First);
        cc.on_idle_restart(Duration::from_secs(1), Duration::from_millis(300));
        assert_eq!(cc.window(), MSS);
    }
}

#[test]
fn smaller_segments_leave_their_number_as_it_was_rfc_5681_3_1() {
    for mut cc in each() {
        cc.on_handshake(1000);
        cc.on_mss(500);
        assert_eq!((cc.window(), cc.ssthresh()), (5000, None));
        cc.on_rto(NOW, 5000, Timeout::First);
        cc.on_mss(499);
        assert_eq!(cc.window(), 499, "never less than one");
    }
}

#[test]
fn another_algorithm_goes_on_with_the_window_that_is_there() {
    for mut cc in by_loss() {
        cc.adopt(33 * MSS, Some(20 * MSS));
        assert_eq!((cc.window(), cc.ssthresh()), (33 * MSS, Some(20 * MSS)));
        cc.adopt(1, None);
        assert_eq!((cc.window(), cc.ssthresh()), (MSS, None));
    }
}

/// Whatever a connection may tell an algorithm.
#[derive(Clone, Debug)]
enum Call {
    Handshake(u16),
    Adopt(u32, Option<u32>),
    Sent(u32, bool),
    Ack(Box<Ack>),
    Lost(u32),
    Congestion(u32, Signal),
    Rto(u32, Timeout),
    Recovered(u32),
    Undo,
    Idle(Duration, Duration),
    Underused(u32),
    SmallerMss(u16),
}

fn duration() -> impl Strategy<Value = Duration> {
    prop_oneof![
        8 => (0u64..2_000_000_000).prop_map(Duration::from_nanos),
        1 => Just(Duration::ZERO),
        1 => Just(Duration::MAX),
    ]
}

/// Bytes: mostly as many as windows have, sometimes up to what a receiver can offer (RFC 7323 2.3).
fn bytes() -> impl Strategy<Value = u32> {
    prop_oneof![4 => 0u32..1_000_000, 1 => 0u32..=1 << 30]
}

fn ack() -> impl Strategy<Value = Ack> {
    let times = (proptest::option::of(duration()), proptest::option::of(duration()));
    let flags = (any::<bool>(), proptest::bool::weighted(0.1), any::<bool>());
    (bytes(), 0u64..1 << 40, bytes(), times, flags).prop_map(
        |(acked, una, out, (rtt, srtt), flags)| {
            let (window_limited, recovering, ece) = flags;
            let (nxt, delivered) = (una + u64::from(out), acked);
            Ack {
                acked,
                delivered,
                rtt,
                srtt,
                una,
                nxt,
                window_limited,
                recovering,
                ece,
                ..Ack::default()
            }
        },
    )
}

fn call() -> impl Strategy<Value = Call> {
    let timeout = prop_oneof![Just(Timeout::First), Just(Timeout::Answered), Just(Timeout::Again)];
    let signal = prop_oneof![Just(Signal::Loss), Just(Signal::Ecn)];
    prop_oneof![
        1 => (1u16..).prop_map(Call::Handshake),
        1 => (0u32..=1 << 30, proptest::option::of(0u32..=1 << 30)).prop_map(|(w, s)| Call::Adopt(w, s)),
        4 => (bytes(), any::<bool>()).prop_map(|(bytes, idle)| Call::Sent(bytes, idle)),
        30 => ack().prop_map(|ack| Call::Ack(Box::new(ack))),
        1 => bytes().prop_map(Call::Lost),
        3 => (bytes(), signal).prop_map(|(bytes, signal)| Call::Congestion(bytes, signal)),
        2 => (bytes(), timeout).prop_map(|(bytes, loss)| Call::Rto(bytes, loss)),
        2 => bytes().prop_map(Call::Recovered),
        2 => Just(Call::Undo),
        2 => (duration(), duration()).prop_map(|(idle, rto)| Call::Idle(idle, rto)),
        2 => bytes().prop_map(Call::Underused),
        1 => (1u16..).prop_map(Call::SmallerMss),
    ]
}

/// Makes the call; returns the text of a full-sized segment after it.
fn make(cc: &mut dyn CongestionControl, now: Instant, call: &Call, mss: u32) -> u32 {
    match call.clone() {
        Call::Handshake(mss) => {
            cc.on_handshake(mss.into());
            return mss.into();
        }
        Call::Adopt(window, ssthresh) => cc.adopt(window, ssthresh),
        Call::Sent(in_flight, idle) => cc.on_sent(now, in_flight, idle),
        Call::Ack(ack) => cc.on_ack(&Ack { now, ..*ack }),
        Call::Lost(bytes) => cc.on_segment_lost(&LostSegment {
            now,
            bytes,
            tx_in_flight: bytes,
            lost: bytes.into(),
            prior_delivered: 0,
            app_limited: false,
        }),
        Call::Congestion(in_flight, signal) => cc.on_congestion(now, in_flight, signal),
        Call::Rto(in_flight, loss) => cc.on_rto(now, in_flight, loss),
        Call::Recovered(in_flight) => cc.on_recovered(now, in_flight),
        Call::Undo => cc.on_undo(now),
        Call::Idle(idle, rto) => cc.on_idle_restart(idle, rto),
        Call::Underused(used) => cc.on_underused(used),
        Call::SmallerMss(smaller) => {
            let mss = mss.min(smaller.into());
            cc.on_mss(mss);
            return mss;
        }
    }
    mss
}

proptest! {
    /// No sequence of calls is a bug of the caller, and at any time one full-sized segment may be sent.
    #[test]
    fn whatever_happens_a_segment_fits(
        calls in proptest::collection::vec((duration(), call()), 0..200),
    ) {
        for mut cc in each() {
            let (mut now, mut mss) = (NOW, MSS);
            for (wait, call) in &calls {
                now += *wait;
                mss = make(&mut *cc, now, call, mss);
                // Beyond 2^30 by what makes it whole segments.
                let (window, most) = (cc.window(), (1 << 30) + mss / 2);
                prop_assert!((mss..=most).contains(&window), "{}: {window} after {call:?}", cc.algorithm());
            }
        }
    }
}
