//! Each test is named for a bug that there was.

use crate::event::State;
use crate::tcp::discard::{Discard, Reply};
use crate::tcp::testing::*;
use crate::tcp::{Error, Profile};
use crate::time::Duration;
use crate::wire::tcp::{Flags, Segment};
use bytes::Bytes;

fn crossed() -> Rig {
    let mut rig = Rig::syn_sent(Setup::default());
    let syn = rig.syn(None);
    rig.arrive(syn).unwrap();
    rig.transmit();
    rig
}

/// RFC 7323 2.2: the window of a segment with SYN is never scaled.
#[test]
fn the_window_of_a_crossing_syn_ack_is_not_scaled() {
    let mut rig = crossed();
    let syn_ack = rig.syn(Some(1));
    rig.arrive(syn_ack).unwrap();
    assert_eq!(rig.tcb.snd.wnd, 16_000);
}

/// RFC 7323 2.2: also when text came with it.
#[test]
fn the_window_of_a_syn_ack_with_text_is_not_scaled() {
    let mut rig = Rig::syn_sent(Setup::default());
    let syn_ack = rig.syn(Some(1));
    rig.arrive(Segment { payload: stream(1, 20), ..syn_ack }).unwrap();
    assert_eq!(rig.tcb.snd.wnd, 16_000);
}

/// RFC 9293 figure 8: SYN and SYN-ACK of the peer come in one batch; its SYN must be acknowledged.
#[test]
fn a_syn_and_a_syn_ack_in_one_batch_are_acknowledged() {
    let mut rig = Rig::syn_sent(Setup::default());
    let syn = rig.syn(None);
    rig.arrive(syn).unwrap();
    let syn_ack = rig.syn(Some(1));
    rig.arrive(syn_ack).unwrap();
    let sent = rig.sleep(ms(500));
    assert!(!sent.is_empty(), "nothing acknowledges the peer's SYN");
}

/// RFC 6298 5.5: 1 s, 2 s, 4 s; 5.7's three seconds are for the data after the handshake.
#[test]
fn a_syn_backs_off_from_one_second() {
    let mut rig = Rig::connecting(Setup::default());
    let mut last = rig.transmit_one().at;
    let mut gaps = Vec::new();
    for again in rig.sleep(s(70)) {
        gaps.push(again.at.since(last).as_secs());
        last = again.at;
    }
    assert_eq!(gaps, [1, 2, 4, 8, 16, 32]);
}

/// RFC 9293 3.7.4: small_end falls 2^31 behind snd.una, and then looks unacknowledged.
#[test]
fn nagle_does_not_stall_after_two_gigabytes() {
    let setup = Setup { timestamps: false, window: 65_535, scale: Some(14), ..Setup::default() };
    let mut rig = Rig::open(setup);
    rig.configure(|config| config.send_buffer = 1 << 30);
    let size = u64::from(rig.tcb.info().mss);
    let chunk = Bytes::from(vec![0; (size * 50_000) as usize]);
    let mut total = 0;
    while total < (1u64 << 31) + 1_000_000 {
        let mut data = chunk.clone();
        total += rig.tcb.send_bytes(&mut data).unwrap() as u64;
        while rig.tcb.info().send_queue > 0 {
            while rig.with(|tcb, cx| tcb.poll_output(cx)).is_some() {}
            rig.ack_arrives();
        }
    }
    // All is acknowledged; one last byte must go out.
    assert_eq!(rig.tcb.info().in_flight, 0);
    rig.tcb.send(b"x").unwrap();
    let sent = rig.with(|tcb, cx| tcb.poll_output(cx));
    assert!(sent.is_some(), "held by Nagle with nothing in flight: {:?}", rig.tcb.plan(rig.now));
}

/// RFC 9293 3.4: sequence numbers wrap, and after half of their space the first one looks later than all.
#[test]
fn the_text_is_right_after_four_gigabytes() {
    // A prime, so that text from a wrong place does not look right.
    const PERIOD: u64 = 65_521;
    let period: Vec<u8> = (0..PERIOD).map(|at| ((at * at) >> 7) as u8).collect();
    let text = Bytes::from(period.repeat(400));
    let setup = Setup { timestamps: false, window: 65_535, scale: Some(14), ..Setup::default() };
    let mut rig = Rig::open(setup);
    rig.configure(|config| config.send_buffer = 1 << 30);
    let mut sent = 0;
    while sent < (1u64 << 32) + 100_000_000 {
        let mut data = text.clone();
        assert_eq!(rig.tcb.send_bytes(&mut data), Ok(text.len()));
        while rig.tcb.info().send_queue > 0 {
            while let Some(outgoing) = rig.with(|tcb, cx| tcb.poll_output(cx)) {
                assert_eq!(outgoing.header.seq - rig.ours(1), sent as u32, "after {sent} bytes");
                assert!(outgoing.payload_len > 0, "after {sent} bytes");
                for part in &outgoing.payload {
                    let begin = (sent % PERIOD) as usize;
                    assert!(part == &text[begin..begin + part.len()], "after {sent} bytes");
                    sent += part.len() as u64;
                }
            }
            rig.tcb.check_invariants();
            rig.ack_arrives();
        }
    }
}

/// RFC 9293 3.8.6.1 [SHLD-30]: the interval between probes grows although the peer answers.
#[test]
fn probes_back_off_although_the_peer_answers() {
    let mut rig = Rig::open(Setup { window: 0, ..Setup::default() });
    rig.write(5_000);
    rig.transmit();
    let mut last = rig.now;
    let mut gaps = Vec::new();
    for _ in 0..6 {
        let until = rig.tcb.next_deadline().unwrap();
        let probe = rig.sleep(until.since(rig.now)).remove(0);
        gaps.push(probe.at.since(last).as_millis());
        last = probe.at;
        rig.ack_arrives_of(1);
        rig.silent();
    }
    assert_eq!(gaps, [300, 600, 1_200, 2_400, 4_800, 9_600]);
}

/// RFC 5681 3.2 step 2: what limited transmit sent MUST NOT count in ssthresh.
#[test]
fn limited_transmit_does_not_raise_ssthresh() {
    let mut rig = Rig::open(Setup::default());
    rig.write(50_000);
    rig.transmit();
    for _ in 0..3 {
        rig.duplicates_arrive(1, 1);
        rig.transmit();
    }
    assert_eq!(rig.tcb.info().ssthresh, Some(5 * FULL));
}

/// RFC 5681 4.2, RFC 9293 3.10.7.4 eighth: the last gap before a FIN that came early is filled.
#[test]
fn text_that_completes_an_early_fin_is_acknowledged_at_once() {
    let mut rig = Rig::open(Setup::default());
    let fin = rig.fin(101);
    rig.arrive(fin).unwrap();
    rig.transmit();
    let text = rig.text(1, 100);
    rig.arrive(text).unwrap();
    assert_eq!(rig.tcb.state(), State::CloseWait);
    assert_eq!(rig.transmit_one().ack, 102);
}

/// RFC 9293 3.8.3: the user time-out also holds after some progress.
#[test]
fn the_user_time_out_is_exact_after_progress() {
    let mut setup = Setup::default();
    setup.config.user_timeout = Some(ms(200));
    let mut rig = Rig::open(setup);
    rig.write(2_000);
    rig.transmit();
    rig.now += ms(100);
    rig.ack_arrives_of(1_001);
    let progress = rig.now;
    rig.transmit();
    assert!(rig.tcb.next_deadline().unwrap() <= progress + ms(200));
}

/// RFC 5961 3.2, RFC 9293 3.10.7.4 second: in the window but not exact is challenged here too.
#[test]
fn a_reset_in_the_window_of_a_half_open_connection_is_challenged() {
    let mut rig = Rig::syn_sent(Setup::default());
    let half = rig.half_open();
    let rst = rig.rst(2);
    let got = half.segment_arrives(&rst, 60_000, Profile::Linux);
    assert!(matches!(got, Err(Discard { reply: Reply::Challenge, .. })), "{got:?}");
}

/// A closed control block has no timer.
#[test]
fn closing_with_linger_before_the_handshake_leaves_no_timer() {
    let mut setup = Setup::default();
    setup.config.linger = Some(s(5));
    let mut rig = Rig::syn_sent(setup);
    rig.close();
    assert_eq!((rig.tcb.state(), rig.tcb.next_deadline()), (State::Closed, None));
}

/// The same in TIME-WAIT, where the stack's record has the timer.
#[test]
fn closing_with_linger_in_time_wait_leaves_no_timer() {
    let mut setup = Setup::default();
    setup.config.linger = Some(s(5));
    let mut rig = Rig::in_state_with(State::TimeWait, setup);
    rig.close();
    assert_eq!(rig.tcb.next_deadline(), None);
}

/// RFC 9293 3.8.6 [SHLD-17, MUST-35, MUST-37]: the peer shrank its window to nothing, and answers.
#[test]
fn a_window_that_shrank_to_zero_does_not_time_the_connection_out() {
    let mut rig = Rig::open(Setup::default());
    rig.write(1_000);
    rig.transmit();
    rig.setup.window = 0;
    for _ in 0..40 {
        rig.ack_arrives_of(1);
        let Some(at) = rig.tcb.next_deadline() else { break };
        rig.sleep(at.since(rig.now));
    }
    assert_eq!(rig.tcb.state(), State::Established);
}

/// RFC 9293 3.5.1 and RFC 5961 4.2: a peer that restarted without timestamps must get a challenge,
/// or it can never open a connection from that port (RFC 7323 3.2 only says SHOULD drop).
#[test]
fn a_syn_without_timestamps_is_challenged() {
    let mut rig = Rig::open(Setup::default());
    let mut syn = rig.syn(None);
    syn.seq = PEER_ISS + 123_456_789;
    syn.options.timestamps = None;
    let got = rig.arrive(syn);
    assert!(matches!(got, Err(Discard { reply: Reply::Challenge, .. })), "{got:?}");
}

/// Segments that are refused as spoofed do not keep a dead peer's connection alive.
#[test]
fn refused_segments_do_not_put_keepalive_off() {
    let mut setup = Setup::default();
    setup.config.keepalive =
        Some(crate::tcp::Keepalive { idle: s(100), interval: s(10), count: 3 });
    let mut rig = Rig::open(setup);
    for _ in 0..20 {
        rig.sleep(s(50));
        let spoofed = Segment { flags: Flags::RST, ..rig.rst(1_000_000) };
        let _ = rig.arrive(spoofed);
    }
    assert_eq!(rig.tcb.state(), State::Closed);
}

/// RFC 2883 4: a duplicate is reported in one acknowledgment, not in every segment of a burst.
#[test]
fn a_duplicate_is_reported_once_although_data_waits() {
    let mut rig = Rig::open(Setup::default());
    let text = rig.text(1, 5);
    rig.arrive(text.clone()).unwrap();
    let discard = rig.arrive(text).unwrap_err();
    rig.with(|tcb, cx| tcb.answer(cx, discard.reply));
    rig.write(20_000);
    let sent = rig.transmit();
    assert!(sent.len() > 1 && sent[0].len == 0);
    let reports = sent.iter().filter(|sent| !sent.options.sack.is_empty());
    assert_eq!(reports.count(), 1);
}

/// A peer that answers every probe but never opens its window cannot keep what the application has
/// let go of.
#[test]
fn an_orphan_with_a_closed_window_ends() {
    let mut rig = Rig::open(Setup { window: 0, ..Setup::default() });
    rig.write(500);
    rig.transmit();
    rig.close();
    for _ in 0..200 {
        if rig.tcb.state() == State::Closed {
            break;
        }
        rig.sleep(Duration::from_secs(100));
        let answer = Segment { window: 0, ..rig.ack() };
        // Once it is closed nobody is there to take it.
        if rig.tcb.state() != State::Closed {
            rig.arrive(answer).unwrap();
        }
    }
    assert_eq!(rig.tcb.error(), Some(Error::TimedOut));
}
