use super::*;
use crate::event::{Cause, TimerKind};
use crate::tcp::Config;
use crate::tcp::testing::*;
use crate::wire::tcp::Segment;

/// What is planned, with a relative sequence number: sequence number, length, flags, reason.
type Brief = (u32, u32, Flags, Why);

const NONE: Flags = Flags::from_bits(0);

fn planned(rig: &Rig) -> Result<Brief, Limit> {
    match rig.tcb.plan(rig.now) {
        Plan::Send(Transmission { seq, len, flags, why, .. }) => {
            Ok((seq - rig.tcb.snd.iss, len, flags, why))
        }
        Plan::Wait(limit) => Err(limit),
    }
}

fn transmission(rig: &Rig) -> Transmission {
    match rig.tcb.plan(rig.now) {
        Plan::Send(transmission) => transmission,
        Plan::Wait(limit) => panic!("nothing is planned: {limit:?}"),
    }
}

fn new_data(seq: u32, len: u32, flags: Flags) -> Result<Brief, Limit> {
    Ok((seq, len, flags, Why::NewData))
}

/// An open connection whose peer offers `window` bytes and has never offered more than `max`.
fn with_window(window: u16, max: u16) -> Rig {
    let mut rig = Rig::open(Setup { window: max, scale: Some(0), ..Setup::default() });
    rig.setup.window = window;
    rig.ack_arrives();
    rig
}

fn with_config(change: impl FnOnce(&mut Config)) -> Rig {
    let mut setup = Setup::default();
    change(&mut setup.config);
    Rig::open(setup)
}

#[test]
fn planning_changes_nothing() {
    let mut rig = Rig::open(Setup::default());
    rig.write(30_000);
    let first = rig.tcb.plan(rig.now);
    assert_eq!(rig.tcb.plan(rig.now), first);
    assert_eq!(rig.tcb.in_flight(), 0);
}

// SYN.

#[test]
fn a_syn_then_nothing_then_the_syn_again_rfc_9293_3_10_1() {
    let mut rig = Rig::connecting(Setup::default());
    rig.write(100);
    assert_eq!(planned(&rig), Ok((0, 0, Flags::SYN, Why::Handshake)));
    rig.transmit();
    assert_eq!(planned(&rig), Err(Limit::Nothing));
    for nth in 1..=3 {
        rig.now = rig.tcb.next_deadline().unwrap();
        rig.with(|tcb, cx| tcb.expire(cx));
        assert_eq!(planned(&rig), Ok((0, 0, Flags::SYN, Why::HandshakeRetransmission(nth))));
        rig.transmit();
    }
}

#[test]
fn nothing_goes_out_in_closed_and_time_wait() {
    let mut rig = Rig::in_state(State::TimeWait);
    assert_eq!(planned(&rig), Err(Limit::State));
    rig = Rig::in_state(State::LastAck);
    rig.ack_arrives();
    assert_eq!(planned(&rig), Err(Limit::State));
}

#[test]
fn a_reset_comes_before_everything_rfc_9293_3_10_5() {
    let mut rig = Rig::open(Setup::default());
    rig.write(30_000);
    rig.with(|tcb, cx| tcb.reset(cx, Cause::UserAbort, None));
    assert_eq!(planned(&rig), Ok((1, 0, Flags::RST, Why::Reset)));
    rig.transmit();
    assert_eq!(planned(&rig), Err(Limit::State));
}

// Nagle (RFC 9293 3.7.4).

#[test]
fn nagle_holds_a_small_segment_while_a_small_one_is_unacknowledged_rfc_9293_3_7_4() {
    let mut rig = Rig::open(Setup::default());
    rig.write(100);
    assert_eq!(planned(&rig), new_data(1, 100, Flags::PSH), "nothing is outstanding");
    rig.transmit();
    rig.write(100);
    assert_eq!(planned(&rig), Err(Limit::Nagle));
    rig.write(FULL - 101);
    assert_eq!(planned(&rig), Err(Limit::Nagle), "one byte is missing");
    rig.write(1);
    assert_eq!(planned(&rig), new_data(101, FULL, Flags::PSH), "a full segment may go");
    rig.write(5);
    assert_eq!(planned(&rig), new_data(101, FULL, NONE), "what is full of it, without PSH");
    rig.transmit();
    assert_eq!(planned(&rig), Err(Limit::Nagle));
    rig.ack_arrives_of(101);
    let rest = new_data(101 + FULL, 5, Flags::PSH);
    assert_eq!(planned(&rig), rest, "the small one is acknowledged");
}

#[test]
fn full_segments_in_flight_hold_nothing_back_in_minshalls_form_rfc_9293_3_7_4() {
    let mut rig = Rig::open(Setup::default());
    rig.write(2 * FULL);
    rig.transmit();
    rig.write(10);
    assert_eq!(planned(&rig), new_data(1 + 2 * FULL, 10, Flags::PSH));
}

#[test]
fn nodelay_and_fin_release_a_held_segment_rfc_9293_3_7_4_must_17() {
    for (nodelay, close) in [(true, false), (false, true), (true, true)] {
        let mut rig = Rig::open(Setup::default());
        rig.write(100);
        rig.transmit();
        rig.write(50);
        assert_eq!(planned(&rig), Err(Limit::Nagle));
        rig.configure(|config| config.nodelay = nodelay);
        let mut flags = Flags::PSH;
        if close {
            rig.with(|tcb, cx| tcb.shutdown_write(cx));
            flags |= Flags::FIN;
        }
        assert_eq!(planned(&rig), new_data(101, 50, flags));
    }
}

#[test]
fn a_segment_held_by_nagle_still_acknowledges() {
    let mut rig = Rig::open(Setup::default());
    rig.write(100);
    rig.transmit();
    rig.write(50);
    for _ in 0..2 {
        let text = Segment { ack: rig.ours(1), ..rig.text(rig.peer_nxt, FULL) };
        rig.peer_nxt += FULL;
        rig.arrive(text).unwrap();
    }
    assert_eq!(planned(&rig), Ok((101, 0, NONE, Why::AckNow)));
}

// The peer's window (RFC 9293 3.8.6).

#[test]
fn the_peers_window_decides_rfc_9293_3_8_6_2_1_must_38() {
    let silly = Err(Limit::SillyWindow);
    // window, largest window so far, bytes written, what is planned
    let table = [
        (0, 8_000, 100, Err(Limit::PeerWindow)),
        (0, 8_000, 5_000, Err(Limit::PeerWindow)),
        (1, 8_000, 2, silly),
        (999, 8_000, 5_000, silly),
        (999, 8_000, 999, new_data(1, 999, Flags::PSH)),
        (1_000, 8_000, 5_000, new_data(1, 1_000, NONE)),
        (2_999, 8_000, 5_000, new_data(1, 2_000, NONE)),
        (2_999, 8_000, 2_500, new_data(1, 2_500, Flags::PSH)),
        (5_000, 8_000, 5_000, new_data(1, 5_000, Flags::PSH)),
        // Half of a small maximum must do.
        (299, 600, 5_000, silly),
        (300, 600, 5_000, new_data(1, 300, NONE)),
        (599, 600, 5_000, new_data(1, 599, NONE)),
        (300, 600, 300, new_data(1, 300, Flags::PSH)),
        (1, 1, 5_000, new_data(1, 1, NONE)),
    ];
    for (window, max, written, expected) in table {
        let mut rig = with_window(window, max);
        rig.write(written);
        let case = format!("window {window} of {max}, {written} bytes");
        assert_eq!(planned(&rig), expected, "{case}");
    }
}

#[test]
fn the_window_counts_from_what_was_acknowledged_rfc_9293_3_8_6() {
    let mut rig = with_window(5_000, 5_000);
    rig.write(8_000);
    assert_eq!(rig.transmit().iter().map(|sent| sent.len).sum::<u32>(), 5_000);
    assert_eq!(planned(&rig), Err(Limit::PeerWindow));
    rig.ack_arrives_of(2_001);
    assert_eq!(planned(&rig), new_data(5_001, 2_000, NONE));
}

#[test]
fn the_override_lets_a_silly_segment_out_rfc_9293_3_8_6_2_1() {
    let mut rig = with_window(100, 8_000);
    rig.write(5_000);
    rig.tcb.probe_pending = Some(Why::ZeroWindowProbe);
    assert_eq!(planned(&rig), new_data(1, 100, NONE));
}

#[test]
fn a_closed_window_is_probed_with_an_acknowledged_number_rfc_9293_3_8_6_1() {
    let mut rig = with_window(0, 8_000);
    rig.write(5_000);
    rig.tcb.probe_pending = Some(Why::ZeroWindowProbe);
    assert_eq!(planned(&rig), Ok((0, 0, NONE, Why::ZeroWindowProbe)));
}

// Congestion control (RFC 5681).

#[test]
fn the_congestion_window_decides_rfc_5681_3_1() {
    let mut rig = Rig::open(Setup::default());
    rig.write(50_000);
    assert_eq!(planned(&rig), new_data(1, 10 * FULL, NONE), "RFC 6928: ten segments");
    rig.transmit();
    assert_eq!(planned(&rig), Err(Limit::CongestionWindow));
    rig.ack_arrives_of(1 + FULL);
    assert_eq!(planned(&rig), new_data(10_001, 2 * FULL, NONE), "slow start");
}

#[test]
fn a_part_of_a_segment_of_room_is_not_used_rfc_5681_3_1() {
    let mut rig = with_config(|config| config.nodelay = true);
    rig.write(500);
    rig.transmit();
    rig.write(50_000);
    // 9,500 bytes are allowed: nine segments.
    assert_eq!(planned(&rig), new_data(501, 9 * FULL, NONE));
    rig.transmit();
    assert_eq!(planned(&rig), Err(Limit::CongestionWindow));
}

#[test]
fn bursts_are_whole_multiples_of_the_segment_size() {
    for mss in [48, 536, 1_012] {
        let setup = Setup { window: 65_535, scale: Some(8), mss: Some(mss), ..Setup::default() };
        let mut rig = Rig::open(setup);
        let size = u32::from(mss) - 12;
        let mut largest = 0;
        let longest = (MAX_BURST / size).min(BURST_SEGMENTS) * size;
        // Slow start lets bursts grow to the longest there is.
        while largest < longest {
            assert_eq!(rig.tcb.send(&[0; 300_000]), Ok(300_000));
            while let Plan::Send(plan) = rig.tcb.plan(rig.now) {
                assert_eq!(u32::from(plan.segment_size), size);
                if rig.tcb.snd.unsent() > plan.len {
                    assert_eq!((plan.len % size, plan.flags), (0, NONE));
                }
                assert!(plan.len <= longest, "{} bytes in one packet", plan.len);
                largest = largest.max(plan.len);
                rig.with(|tcb, cx| tcb.poll_output(cx)).unwrap();
            }
            while rig.tcb.in_flight() > 0 || rig.tcb.snd.unsent() > 0 {
                rig.ack_arrives();
                while rig.with(|tcb, cx| tcb.poll_output(cx)).is_some() {}
            }
        }
    }
}

// PSH and FIN (RFC 9293 3.9.1.2, 3.10.4).

#[test]
fn psh_only_when_the_buffer_empties_rfc_9293_3_9_1_2_must_61() {
    let mut rig = Rig::open(Setup::default());
    rig.write(12_000);
    let sent = rig.transmit();
    assert!(sent.iter().all(|sent| !sent.flags.contains(Flags::PSH)));
    rig.ack_arrives();
    let last = rig.transmit().pop().unwrap();
    assert_eq!((last.seq + last.len, last.flags), (12_001, Flags::PSH | Flags::ACK));
}

#[test]
fn the_fin_rides_on_the_last_data_rfc_9293_3_10_4() {
    let mut rig = Rig::open(Setup::default());
    rig.write(12_000);
    rig.with(|tcb, cx| tcb.shutdown_write(cx));
    assert_eq!(planned(&rig), new_data(1, 10_000, NONE), "not before the last");
    rig.transmit();
    rig.ack_arrives();
    assert_eq!(planned(&rig), new_data(10_001, 2_000, Flags::PSH | Flags::FIN));
    rig.transmit();
    assert_eq!(planned(&rig), Err(Limit::Nothing));
}

#[test]
fn a_fin_after_the_data_goes_alone_whatever_the_congestion_window_rfc_9293_3_10_4() {
    let mut rig = Rig::open(Setup::default());
    rig.write(10_000);
    rig.transmit();
    rig.with(|tcb, cx| tcb.shutdown_write(cx));
    assert_eq!(planned(&rig), Ok((10_001, 0, Flags::FIN, Why::Fin)));
}

#[test]
fn a_fin_needs_room_in_the_peers_window_rfc_9293_3_4() {
    for (window, with_text) in [(500, false), (501, true)] {
        let mut rig = with_window(window, 8_000);
        rig.write(500);
        rig.with(|tcb, cx| tcb.shutdown_write(cx));
        let flags = if with_text { Flags::PSH | Flags::FIN } else { Flags::PSH };
        assert_eq!(planned(&rig), new_data(1, 500, flags));
        rig.transmit();
        let after = if with_text { Limit::Nothing } else { Limit::PeerWindow };
        assert_eq!(planned(&rig), Err(after));
    }
    let mut rig = with_window(0, 8_000);
    rig.with(|tcb, cx| tcb.shutdown_write(cx));
    assert_eq!(planned(&rig), Err(Limit::PeerWindow));
}

// Retransmissions (RFC 5681 3.2, RFC 6298 5).

#[test]
fn a_fast_retransmit_goes_out_whatever_cwnd_says_rfc_5681_3_2() {
    let mut rig = Rig::open(Setup::default());
    rig.write(10_000);
    rig.transmit();
    rig.duplicates_arrive(1, 3);
    assert!(rig.tcb.in_flight() > rig.tcb.congestion.window());
    assert_eq!(planned(&rig), Ok((1, FULL, Flags::PSH, Why::FastRetransmit)));
    assert!(transmission(&rig).again);
    rig.transmit();
    assert_eq!(planned(&rig), Err(Limit::Nothing));
}

#[test]
fn lost_data_goes_before_new_data() {
    let mut rig = Rig::open(Setup::default());
    rig.write(50_000);
    rig.transmit();
    rig.duplicates_arrive(1, 9);
    assert_eq!(planned(&rig), Ok((1, FULL, Flags::PSH, Why::FastRetransmit)));
    let sent = rig.transmit();
    assert_eq!(sent[1].why, Why::NewData);
}

#[test]
fn after_a_time_out_all_is_sent_again_within_cwnd_rfc_6298_5_4() {
    let mut rig = Rig::open(Setup::default());
    rig.write(10_000);
    rig.transmit();
    rig.now = rig.tcb.next_deadline().unwrap();
    rig.with(|tcb, cx| tcb.expire(cx));
    assert_eq!(planned(&rig), Ok((1, FULL, Flags::PSH, Why::Rto(1))));
    rig.transmit_one();
    assert_eq!(planned(&rig), Err(Limit::CongestionWindow));
    // Slow start again: two, then as many as were acknowledged.
    rig.ack_arrives_of(1_001);
    assert_eq!(planned(&rig), Ok((1_001, 2 * FULL, Flags::PSH, Why::RtoRecovery)));
    rig.transmit_one();
    assert_eq!(planned(&rig), Err(Limit::CongestionWindow));
    rig.ack_arrives_of(2_001);
    assert_eq!(planned(&rig), Ok((3_001, 2 * FULL, Flags::PSH, Why::RtoRecovery)));
    assert!(transmission(&rig).again);
    // What turns out to have arrived is not sent again.
    rig.ack_arrives_of(8_001);
    assert_eq!(planned(&rig), Ok((8_001, 2 * FULL, Flags::PSH, Why::RtoRecovery)));
}

#[test]
fn after_a_time_out_only_whole_segments_go_out_rfc_6298_5_4() {
    let mut rig = Rig::open(Setup::default());
    rig.write(10_000);
    rig.transmit();
    rig.now = rig.tcb.next_deadline().unwrap();
    rig.with(|tcb, cx| tcb.expire(cx));
    rig.transmit_one();
    rig.ack_arrives_of(701);
    assert_eq!((rig.tcb.congestion.window(), rig.tcb.in_flight()), (1_700, 300));
    assert_eq!(planned(&rig), Ok((1_001, FULL, Flags::PSH, Why::RtoRecovery)));
}

#[test]
fn a_second_time_out_starts_over_rfc_6298_5_5() {
    let mut rig = Rig::open(Setup::default());
    rig.write(10_000);
    rig.transmit();
    for nth in 1..=4 {
        rig.now = rig.tcb.next_deadline().unwrap();
        rig.with(|tcb, cx| tcb.expire(cx));
        assert_eq!(planned(&rig), Ok((1, FULL, Flags::PSH, Why::Rto(nth))));
        rig.transmit_one();
    }
}

#[test]
fn a_lost_fin_goes_with_the_lost_text_before_it() {
    let mut rig = Rig::open(Setup::default());
    rig.write(500);
    rig.with(|tcb, cx| tcb.shutdown_write(cx));
    rig.transmit_one();
    rig.now = rig.tcb.next_deadline().unwrap();
    rig.with(|tcb, cx| tcb.expire(cx));
    assert_eq!(planned(&rig), Ok((1, 500, Flags::PSH | Flags::FIN, Why::Rto(1))));
}

// Pure acknowledgments (RFC 9293 3.8.6.3).

#[test]
fn every_pure_acknowledgment_has_its_reason() {
    let mut rig = Rig::open(Setup::default());
    assert_eq!(planned(&rig), Err(Limit::Nothing));

    rig.text_arrives(10);
    assert_eq!(planned(&rig), Err(Limit::Nothing), "it may wait");
    rig.now = rig.tcb.next_deadline().unwrap();
    rig.with(|tcb, cx| tcb.expire(cx));
    assert_eq!(planned(&rig), Ok((1, 0, NONE, Why::AckDelayed)));
    rig.transmit();

    let hole = rig.text(500, 10);
    rig.arrive(hole).unwrap();
    assert_eq!(planned(&rig), Ok((1, 0, NONE, Why::AckNow)));
    rig.transmit();

    let rst = rig.rst(20);
    rig.arrive(rst).unwrap_err();
    assert_eq!(planned(&rig), Ok((1, 0, NONE, Why::Challenge)));
    rig.transmit();

    rig.tcb.probe_pending = Some(Why::Keepalive);
    assert_eq!(planned(&rig), Ok((0, 0, NONE, Why::Keepalive)));
    rig.transmit();
    assert_eq!(planned(&rig), Err(Limit::Nothing));

    let config = Config { receive_buffer: 4_000, ..Config::default() };
    let mut rig = Rig::open(Setup { config, ..Setup::default() });
    (0..4).for_each(|_| rig.text_arrives(1_000));
    rig.transmit();
    rig.read(1, 4_000);
    assert_eq!(planned(&rig), Ok((1, 0, NONE, Why::WindowUpdate)));
}

#[test]
fn data_goes_instead_of_a_pure_acknowledgment_rfc_9293_3_8_6_3() {
    let mut rig = Rig::open(Setup::default());
    (0..2).for_each(|_| rig.text_arrives(FULL));
    rig.write(10);
    assert_eq!(planned(&rig), new_data(1, 10, Flags::PSH));
    rig.transmit_one();
    assert!(!rig.tcb.timers.is_armed(TimerKind::DelayedAck));
}

#[test]
fn an_acknowledgment_goes_out_when_data_may_not() {
    let mut rig = with_window(0, 8_000);
    rig.write(100);
    (0..2).for_each(|_| rig.text_arrives(FULL));
    assert_eq!(planned(&rig), Ok((1, 0, NONE, Why::AckNow)));
    rig.transmit_one();
    assert_eq!(planned(&rig), Err(Limit::PeerWindow));
}
