use bytes::Bytes;

use super::*;
use crate::event::TimerKind;
use crate::event::Why;
use crate::tcp::discard::Reply;
use crate::tcp::testing::*;
use crate::tcp::{Config, Error, Profile};
use crate::wire::tcp_options::Timestamps;

/// The window of the rig: from 1 up to but not including this.
const EDGE: u32 = 60_001;

const SYNCHRONIZED: [State; 7] = [
    State::Established,
    State::FinWait1,
    State::FinWait2,
    State::CloseWait,
    State::Closing,
    State::LastAck,
    State::SynReceived,
];

fn in_state(state: State) -> Rig {
    if state != State::SynReceived {
        return Rig::in_state(state);
    }
    let mut rig = Rig::syn_sent(Setup::default());
    let syn = rig.syn(None);
    rig.arrive(syn).unwrap();
    rig.transmit();
    assert_eq!(rig.tcb.state(), State::SynReceived);
    rig
}

fn with_tsval(segment: Segment, tsval: u32) -> Segment {
    let mut segment = segment;
    let tsecr = segment.options.timestamps.unwrap().tsecr;
    segment.options.timestamps = Some(Timestamps { tsval, tsecr });
    segment
}

fn without_timestamps(segment: Segment) -> Segment {
    let mut segment = segment;
    segment.options.timestamps = None;
    segment
}

/// A connection whose receive buffer of 4,000 bytes is full and whose window is closed.
fn zero_window() -> Rig {
    let config = Config { receive_buffer: 4_000, ..Config::default() };
    let mut rig = Rig::open(Setup { config, ..Setup::default() });
    for _ in 0..4 {
        rig.text_arrives(1_000);
    }
    assert_eq!(rig.transmit_one().window, 0);
    rig
}

// RFC 7323 5: protection against wrapped sequence numbers.

#[test]
fn an_older_timestamp_is_refused_in_every_state_rfc_7323_5_3_r1() {
    for state in SYNCHRONIZED {
        let mut rig = in_state(state);
        let recent = rig.tcb.timestamps.unwrap().recent;
        let old = with_tsval(rig.ack(), recent.wrapping_sub(1));
        assert_eq!(rig.refused(old), (Refusal::Paws, Reply::Challenge), "{state}");
        assert_eq!(rig.transmit_one().why, Why::Challenge, "{state}");
        let far = with_tsval(rig.ack(), recent.wrapping_sub(i32::MAX as u32));
        assert_eq!(rig.refused(far).0, Refusal::Paws, "{state}");
    }
}

#[test]
fn old_text_is_acknowledged_and_not_taken_in_rfc_7323_5_3_r1() {
    let mut rig = Rig::open(Setup::default());
    rig.now += ms(50);
    rig.text_arrives(10);
    let old = with_tsval(rig.text(11, 10), rig.peer_tsval() - 1);
    assert_eq!(rig.refused(old), (Refusal::Paws, Reply::Ack));
    assert_eq!(rig.transmit_one().ack, 11);
    rig.read(1, 10);
}

#[test]
fn the_same_and_newer_timestamps_pass_across_the_wrap_rfc_7323_5_2() {
    let mut rig = Rig::open(Setup::default());
    // The peer's clock wraps within this time.
    for _ in 0..40 {
        rig.text_arrives(1);
        assert_eq!(rig.tcb.timestamps.unwrap().recent, rig.peer_tsval());
        rig.sleep(s(10));
    }
    assert!(rig.peer_tsval() < 1 << 24, "it has wrapped");
}

#[test]
fn resets_are_exempt_rfc_7323_5_2() {
    for times in [None, Some(Timestamps { tsval: 1, tsecr: 0 })] {
        let mut rig = Rig::open(Setup::default());
        let mut rst = rig.rst(1);
        rst.options.timestamps = times;
        rig.arrive(rst).unwrap();
        assert_eq!((rig.tcb.state(), rig.tcb.error()), (State::Closed, Some(Error::Reset)));
    }
}

#[test]
fn after_24_days_an_old_timestamp_proves_nothing_rfc_7323_5_5() {
    let days = Duration::from_secs(24 * 86_400);
    let mut rig = Rig::open(Setup::default());
    let recent = rig.tcb.timestamps.unwrap().recent;
    rig.now += days - ms(1);
    let old = with_tsval(rig.text(1, 5), recent.wrapping_sub(7));
    assert_eq!(rig.refused(old.clone()).0, Refusal::Paws);
    rig.now += ms(1);
    rig.arrive(old).unwrap();
    rig.read(1, 5);
    assert_eq!(rig.tcb.timestamps.unwrap().recent, recent.wrapping_sub(7));
    assert_eq!(rig.tcb.timestamps.unwrap().renewed, rig.now);
}

#[test]
fn a_missing_timestamp_is_dropped_in_silence_rfc_7323_3_2() {
    for state in SYNCHRONIZED {
        let mut rig = in_state(state);
        rig.configure(|config| config.profile = Profile::Rfc);
        let ack = without_timestamps(rig.ack());
        assert_eq!(rig.refused(ack), (Refusal::TimestampMissing, Reply::Nothing), "{state}");
        rig.silent();
    }
    // As Linux, which has it that a router may have taken it away.
    let mut rig = Rig::open(Setup::default());
    let text = without_timestamps(rig.text(1, 4));
    rig.arrive(text).unwrap();
    rig.read(1, 4);
    // Where they were not agreed on, nobody misses them and nobody reads them.
    let mut rig = Rig::open(Setup { timestamps: false, ..Setup::default() });
    let mut text = rig.text(1, 4);
    text.options.timestamps = Some(Timestamps { tsval: 5, tsecr: 5 });
    rig.arrive(text).unwrap();
    let text = rig.text(5, 4);
    rig.arrive(text).unwrap();
    rig.read(1, 8);
    assert_eq!(rig.sleep(ms(50))[0].options.timestamps, None);
}

#[test]
fn an_acknowledgment_of_what_was_never_sent_leaves_ts_recent_alone_rfc_5961_5_2() {
    let mut rig = Rig::open(Setup::default());
    let recent = rig.tcb.timestamps.unwrap().recent;
    let ack = rig.ours(9_999);
    let forged = with_tsval(Segment { ack, ..rig.ack() }, recent.wrapping_add(200_000));
    rig.arrive(forged).unwrap_err();
    assert_eq!(rig.tcb.timestamps.unwrap().recent, recent);
}

#[test]
fn ts_recent_follows_only_segments_that_span_the_last_acknowledgment_rfc_7323_4_3() {
    let mut rig = Rig::open(Setup::default());
    rig.now += ms(10);
    let first = rig.peer_tsval();
    rig.text_arrives(100); // the acknowledgment is delayed
    rig.now += ms(10);
    rig.text_arrives(100);
    let echoed = |rig: &Rig| rig.tcb.timestamps.unwrap().recent;
    assert_eq!(echoed(&rig), first, "the earlier of two that are acknowledged together");
    assert_eq!(rig.sleep(ms(40))[0].options.timestamps.unwrap().tsecr, first);
    rig.now += ms(10);
    let hole = rig.text(900, 100);
    rig.arrive(hole).unwrap();
    assert_eq!(echoed(&rig), first, "out of order: not");
    rig.transmit();
    rig.text_arrives(10);
    assert_eq!(echoed(&rig), rig.peer_tsval());
}

// RFC 9293 3.10.7.4 first: sequence numbers.

#[test]
fn old_segments_without_text_are_challenged_rfc_9293_3_10_7_4() {
    for state in SYNCHRONIZED {
        let mut rig = in_state(state);
        // What a keepalive looks like (RFC 9293 3.8.4).
        let before = rig.peer_nxt - 1;
        let probe = Segment { seq: PEER_ISS + before, ..rig.ack() };
        assert_eq!(rig.refused(probe), (Refusal::SequenceOld, Reply::Challenge), "{state}");
        let answer = rig.transmit_one();
        assert_eq!((answer.ack, answer.len), (rig.peer_nxt, 0), "{state}");
    }
}

#[test]
fn old_text_is_acknowledged_at_once_with_d_sack_rfc_2883_4_1() {
    let mut rig = Rig::open(Setup::default());
    rig.text_arrives(1_000);
    rig.text_arrives(1_000);
    rig.transmit();
    let again = rig.text(501, 700);
    assert_eq!(rig.refused(again), (Refusal::SequenceOld, Reply::Ack));
    let answer = rig.transmit_one();
    assert_eq!((answer.ack, answer.sack()), (2_001, vec![(501, 1_201)]));
    rig.text_arrives(1);
    assert!(rig.sleep(ms(40))[0].sack().is_empty(), "a duplicate is reported once");
    rig.read(1, 2_001);
}

#[test]
fn without_sack_no_duplicate_is_reported() {
    let mut rig = Rig::open(Setup { sack: false, ..Setup::default() });
    rig.text_arrives(1_000);
    let again = rig.text(1, 1_000);
    assert_eq!(rig.refused(again).0, Refusal::SequenceOld);
    let overlap = rig.text(501, 1_000);
    rig.arrive(overlap).unwrap();
    let hole = rig.text(5_000, 1);
    rig.arrive(hole).unwrap();
    let answer = rig.transmit_one();
    assert_eq!((answer.ack, answer.sack()), (1_501, vec![]));
}

#[test]
fn what_lies_beyond_the_window_is_refused_rfc_9293_3_10_7_4() {
    let mut rig = Rig::open(Setup::default());
    let beyond = rig.text(EDGE, 1);
    assert_eq!(rig.refused(beyond), (Refusal::SequenceBeyondWindow, Reply::Ack));
    assert_eq!(rig.transmit_one().ack, 1);
    let fin = rig.fin(EDGE);
    assert_eq!(rig.refused(fin), (Refusal::SequenceBeyondWindow, Reply::Ack));
    let empty = Segment { seq: PEER_ISS + EDGE + 1, ..rig.ack() };
    assert_eq!(rig.refused(empty), (Refusal::SequenceBeyondWindow, Reply::Challenge));
    // An honest peer that filled the window acknowledges from there.
    let edge = Segment { seq: PEER_ISS + EDGE, ..rig.ack() };
    rig.arrive(edge).unwrap();
    let last = rig.text(EDGE - 1, 1);
    rig.arrive(last).unwrap();
    assert_eq!(rig.transmit_one().sack(), [(EDGE - 1, EDGE)]);
}

#[test]
fn half_the_sequence_space_away_is_refused_either_way() {
    let mut rig = Rig::open(Setup::default());
    let ahead = Segment { seq: PEER_ISS + (1 << 31), ..rig.text(1, 9) };
    rig.arrive(ahead).unwrap_err();
    let behind = Segment { seq: PEER_ISS - ((1 << 31) - 20), ..rig.text(1, 9) };
    rig.arrive(behind).unwrap_err();
    assert!(!rig.tcb.can_receive());
}

#[test]
fn the_left_is_trimmed_and_reported_rfc_2883_4_1() {
    let mut rig = Rig::open(Setup::default());
    rig.text_arrives(1_000);
    rig.transmit();
    let overlap = rig.text(601, 1_000);
    rig.arrive(overlap).unwrap();
    let answer = rig.transmit_one();
    assert_eq!((answer.ack, answer.why), (1_601, Why::AckNow));
    assert_eq!(answer.sack(), [(601, 1_001)]);
    rig.read(1, 1_600);
}

#[test]
fn the_right_is_trimmed_with_its_fin_and_said_so() {
    let mut rig = Rig::open(Setup::default());
    let long = Segment { flags: Flags::FIN | Flags::ACK, ..rig.text(1, EDGE + 99) };
    rig.arrive(long).unwrap();
    assert_eq!(rig.refusals.of(Refusal::TextBeyondWindow), 1);
    assert_eq!(rig.tcb.state(), State::Established, "the FIN lay beyond the window");
    let answer = rig.transmit_one();
    assert_eq!((answer.ack, answer.window, answer.why), (EDGE, 0, Why::AckNow));
    rig.read(1, EDGE - 1);
}

#[test]
fn both_ends_are_trimmed_at_once() {
    let mut rig = Rig::open(Setup::default());
    rig.text_arrives(100);
    let long = rig.text(51, EDGE + 99);
    rig.arrive(long).unwrap();
    assert_eq!(rig.transmit_one().ack, EDGE);
    rig.read(1, EDGE - 1);
}

/// The window counts bytes: of a segment that lies mostly outside, only what it counts is kept.
#[test]
fn what_is_cut_off_does_not_stay_in_memory() {
    let mut rig = Rig::open(Setup::default());
    rig.text_arrives(1000);
    let mut segment = rig.text(1, 1300);
    let owned = Bytes::from(segment.payload.to_vec());
    segment.payload = owned.clone();
    rig.arrive(segment).unwrap();
    assert!(owned.is_unique(), "the 300 new bytes are a copy");
    rig.read(1, 1300);
}

#[test]
fn a_fin_needs_no_room_but_its_text_does() {
    for (len, closes) in [(EDGE - 2, true), (EDGE - 1, true), (EDGE, false)] {
        let mut rig = Rig::open(Setup::default());
        let text = Segment { flags: Flags::FIN | Flags::ACK, ..rig.text(1, len) };
        rig.arrive(text).unwrap();
        assert_eq!(rig.tcb.state() == State::CloseWait, closes, "{len} bytes");
        rig.transmit();
        rig.read(1, len.min(EDGE - 1));
    }
}

// RFC 9293 3.10.7.4 first: a window of zero.

#[test]
fn a_closed_window_takes_no_text_but_answers_probes_rfc_9293_3_8_6_1() {
    let mut rig = zero_window();
    let probe = rig.text(4_001, 1);
    rig.arrive(probe).unwrap();
    assert_eq!(rig.refusals.of(Refusal::TextBeyondWindow), 1);
    let answer = rig.transmit_one();
    assert_eq!((answer.ack, answer.window), (4_001, 0));
    let fin = rig.fin(4_001);
    rig.arrive(fin).unwrap();
    assert_eq!(rig.tcb.state(), State::CloseWait, "a FIN needs no room");
    assert_eq!(rig.transmit_one().ack, 4_002);
    rig.read(1, 4_000);
}

#[test]
fn a_closed_window_takes_acknowledgments_and_resets_rfc_9293_3_10_7_4() {
    let mut rig = zero_window();
    rig.write(500);
    assert_eq!(rig.transmit_one().len, 500);
    // Even one that carries text for which there is no room.
    let text = rig.text(4_001, 100);
    rig.arrive(text).unwrap();
    assert_eq!(rig.tcb.in_flight(), 0);
    assert!(!rig.tcb.timers.is_armed(TimerKind::Retransmission));
    let rst = rig.rst(4_002);
    assert_eq!(rig.refused(rst), (Refusal::ResetOutsideWindow, Reply::Nothing));
    let rst = rig.rst(4_001);
    rig.arrive(rst).unwrap();
    assert_eq!(rig.tcb.error(), Some(Error::Reset));
}

#[test]
fn a_closed_window_refuses_what_lies_beyond_rfc_9293_3_10_7_4() {
    let mut rig = zero_window();
    let empty = Segment { seq: PEER_ISS + 4_002, ..rig.ack() };
    assert_eq!(rig.refused(empty), (Refusal::SequenceBeyondWindow, Reply::Challenge));
    let text = rig.text(4_002, 1);
    assert_eq!(rig.refused(text), (Refusal::SequenceBeyondWindow, Reply::Ack));
    let old = rig.text(4_000, 1);
    assert_eq!(rig.refused(old), (Refusal::SequenceOld, Reply::Ack));
}

#[test]
fn reading_opens_the_window_by_steps_and_says_so_rfc_9293_3_8_6_2_2_must_39() {
    let mut rig = zero_window();
    rig.tcb.receive(1_000).unwrap();
    rig.tcb.receive(11).unwrap();
    rig.silent();
    rig.tcb.receive(1).unwrap();
    let update = rig.transmit_one();
    assert_eq!((update.why, update.window), (Why::WindowUpdate, MSS));
}
