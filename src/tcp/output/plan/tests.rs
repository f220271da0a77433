use super::*;
use crate::event::{Cause, TimerKind};
use crate::tcp::testing::*;
use crate::tcp::{Config, SendFlags};
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
        (2_999, 8_000, 5_000, new_data(1, 2_000, Flags::PSH)),
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
    assert_eq!(planned(&rig), new_data(5_001, 2_000, Flags::PSH));
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
    assert_eq!(planned(&rig), new_data(1, 5 * FULL, Flags::PSH), "RFC 6928: ten segments");
    rig.transmit();
    assert_eq!(planned(&rig), Err(Limit::CongestionWindow));
    rig.ack_arrives_of(1 + FULL);
    assert_eq!(planned(&rig), new_data(10_001, 2 * FULL, Flags::PSH), "slow start");
}

#[test]
fn a_part_of_a_segment_of_room_is_not_used_rfc_5681_3_1() {
    let mut rig = with_config(|config| config.nodelay = true);
    rig.write(500);
    rig.transmit();
    rig.write(50_000);
    // 9,500 bytes are allowed: nine segments.
    assert_eq!(planned(&rig), new_data(501, 5 * FULL, Flags::PSH));
    rig.transmit();
    assert_eq!(planned(&rig), Err(Limit::CongestionWindow));
}

#[test]
fn a_burst_of_new_data_is_at_most_half_the_window() {
    let mut rig = Rig::open(Setup { window: 65_535, scale: Some(8), ..Setup::default() });
    rig.write(300_000);
    let half = rig.tcb.cwnd() / FULL / 2 * FULL;
    assert_eq!(planned(&rig), new_data(1, half, Flags::PSH));
}

/// The rest of the window after the first burst is planned as ever, so the application of it all is no later.
#[test]
fn a_burst_is_two_segments_or_a_millisecond_on_a_long_path() {
    // Ten segments in 100 ms, and twice as many when slow start goes on: 200 bytes a millisecond.
    let mut rig = with_config(|config| config.burst_segments = 2);
    rig.write(50_000);
    assert_eq!(planned(&rig), new_data(1, 2 * FULL, Flags::PSH));
    let sent: Vec<u32> = rig.transmit().iter().map(|sent| sent.len).collect();
    assert_eq!(sent, [2 * FULL; 5]);
    // A window of 1 MiB: 2 segments a millisecond beside what a short path would allow, which this one is not.
    let mut rig = with_config(|config| config.burst_segments = 2);
    rig.tcb.congestion =
        crate::tcp::congestion::Controller::new(Default::default(), FULL, Default::default());
    rig.tcb.congestion.adopt(160 * FULL, None);
    rig.write(50_000);
    assert_eq!(planned(&rig), new_data(1, 3 * FULL, Flags::PSH));
    rig.tcb.config = std::sync::Arc::new(Config { burst_segments: 7, ..(*rig.tcb.config).clone() });
    assert_eq!(planned(&rig), new_data(1, 7 * FULL, Flags::PSH));
    // None is no bound.
    rig.tcb.config = std::sync::Arc::new(Config { burst_segments: 0, ..(*rig.tcb.config).clone() });
    assert_eq!(planned(&rig), new_data(1, 3 * FULL, Flags::PSH));
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
                    let flags = if plan.len > size { Flags::PSH } else { NONE };
                    assert_eq!((plan.len % size, plan.flags), (0, flags));
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
fn the_fin_rides_on_the_last_data_rfc_9293_3_10_4() {
    let mut rig = Rig::open(Setup::default());
    rig.write(12_000);
    rig.with(|tcb, cx| tcb.shutdown_write(cx));
    assert_eq!(planned(&rig), new_data(1, 5_000, Flags::PSH), "not before the last");
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
    assert_eq!(planned(&rig), Ok((1, FULL, NONE, Why::FastRetransmit)));
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
    assert_eq!(planned(&rig), Ok((1, FULL, NONE, Why::FastRetransmit)));
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
    assert_eq!(planned(&rig), Ok((1, FULL, NONE, Why::Rto(1))));
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
    assert_eq!(planned(&rig), Ok((1_001, FULL, NONE, Why::RtoRecovery)));
}

#[test]
fn a_second_time_out_starts_over_rfc_6298_5_5() {
    let mut rig = Rig::open(Setup::default());
    rig.write(10_000);
    rig.transmit();
    for nth in 1..=4 {
        rig.now = rig.tcb.next_deadline().unwrap();
        rig.with(|tcb, cx| tcb.expire(cx));
        assert_eq!(planned(&rig), Ok((1, FULL, NONE, Why::Rto(nth))));
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

// More is to come (TCP_CORK, MSG_MORE).

const MORE: SendFlags = SendFlags { more: true, urgent: false };

fn corked() -> Rig {
    let mut setup = Setup::default();
    setup.config.cork = true;
    Rig::open(setup)
}

#[test]
fn a_cork_holds_what_fills_no_segment() {
    let mut rig = corked();
    rig.write(40);
    assert_eq!(planned(&rig), Err(Limit::Cork), "although nothing is in flight");
    rig.write(FULL);
    assert_eq!(planned(&rig), new_data(1, FULL, NONE));
    rig.transmit();
    rig.ack_arrives();
    assert_eq!(planned(&rig), Err(Limit::Cork), "an acknowledgment does not pull it");
    rig.configure(|config| config.cork = false);
    assert_eq!(planned(&rig), new_data(1 + FULL, 40, Flags::PSH));
}

/// As Linux: the timer that otherwise probes a window, which is the retransmission time-out.
#[test]
fn a_cork_holds_for_a_time_out_and_no_longer() {
    let mut rig = corked();
    rig.write(40);
    rig.silent();
    let rto = rig.tcb.info().rto;
    assert!(rto >= ms(200));
    assert!(rig.sleep(rto - ms(1)).is_empty());
    let sent = rig.sleep(ms(2));
    assert_eq!(sent.len(), 1);
    assert_eq!((sent[0].brief(), sent[0].flags), ((1, 40, Why::NewData), Flags::PSH | Flags::ACK));
    rig.ack_arrives();
    assert_eq!(rig.tcb.info().details.timeouts, 0, "it says nothing of the path");
    rig.write(40);
    assert_eq!(planned(&rig), Err(Limit::Cork), "only what waited so long");
}

#[test]
fn the_end_and_no_delay_pull_the_cork() {
    let mut rig = corked();
    rig.write(40);
    rig.with(|tcb, cx| tcb.shutdown_write(cx));
    assert_eq!(planned(&rig), new_data(1, 40, Flags::PSH | Flags::FIN));

    let mut rig = corked();
    rig.write(40);
    rig.tcb.push();
    assert_eq!(planned(&rig), new_data(1, 40, Flags::PSH));
    rig.transmit();
    rig.write(40);
    assert_eq!(planned(&rig), Err(Limit::Cork), "as in Linux, for once");
}

#[test]
fn what_more_is_to_follow_waits_for_it() {
    let mut rig = Rig::open(Setup::default());
    rig.configure(|config| config.nodelay = true);
    rig.write_with(100, MORE);
    assert_eq!(planned(&rig), Err(Limit::Cork));
    rig.write(5);
    assert_eq!(planned(&rig), new_data(1, 105, Flags::PSH));
    rig.transmit();
    rig.write_with(3, MORE);
    assert_eq!(planned(&rig), Err(Limit::Cork));
    rig.ack_arrives();
    assert_eq!(planned(&rig), new_data(106, 3, NONE), "an acknowledgment is company enough");
}

#[test]
fn what_more_is_to_follow_does_not_wait_longer_than_a_time_out() {
    let mut rig = Rig::open(Setup::default());
    rig.write_with(100, MORE);
    rig.silent();
    let sent = rig.sleep(rig.tcb.info().rto);
    assert_eq!(sent.len(), 1);
    assert_eq!((sent[0].len, sent[0].flags), (100, Flags::PSH | Flags::ACK));
}

// PSH (RFC 9293 3.9.1.2 [MUST-60, MUST-61]).

#[test]
fn the_end_of_a_write_and_of_a_burst_has_psh_rfc_9293_3_9_1_2_must_61() {
    let mut rig = Rig::open(Setup { window: FULL as u16, scale: None, ..Setup::default() });
    rig.write(2 * FULL);
    assert_eq!(planned(&rig), new_data(1, FULL, NONE), "one segment in the middle of a write");
    rig.transmit();
    let more = Segment { window: 16_000, ..rig.ack() };
    rig.arrive(more).unwrap();
    assert_eq!(planned(&rig), new_data(1 + FULL, FULL, Flags::PSH), "its end");
    rig.transmit();
    rig.ack_arrives();

    let mut rig = Rig::open(Setup { window: 4 * FULL as u16, scale: None, ..Setup::default() });
    rig.write(5 * FULL);
    assert_eq!(planned(&rig), new_data(1, 4 * FULL, Flags::PSH), "as Linux, for the receiver");
}

/// A peer that gathers text until PSH must not starve (as Linux).
#[test]
fn psh_comes_once_in_half_the_largest_window_even_if_more_is_always_to_follow() {
    let mut rig = Rig::open(Setup { window: 1000, scale: Some(0), ..Setup::default() });
    let mut marks = Vec::new();
    for nth in 0..20 {
        rig.write_with(100, MORE);
        rig.tcb.push();
        for sent in rig.transmit() {
            if sent.flags.contains(Flags::PSH) {
                marks.push(nth);
            }
        }
        rig.ack_arrives();
    }
    assert_eq!(marks, [5, 11, 17]);
}

/// What is sent again looks as it did: with PSH where a write ended, though more was written since, and where a burst
/// is one again; not where pieces of bursts fill a gap.
#[test]
fn what_goes_again_has_psh_where_it_had_it() {
    let lose = |segments: std::ops::Range<u32>| {
        let mut rig = Rig::open(Setup { window: 65_535, scale: Some(8), ..Setup::default() });
        rig.tcb.config = std::sync::Arc::new(Config { burst_segments: 2, ..config() });
        for _ in 0..2 {
            rig.write(5 * FULL);
        }
        // Bursts of 2, 2, 2, 2 and 2 segments; the first write ends in the middle of the third.
        assert_eq!(rig.transmit().len(), 5);
        let (start, end) = (1 + segments.start * FULL, 1 + segments.end * FULL);
        rig.tcb.scoreboard.mark_lost(start.into(), end.into(), |_| {});
        let sent = rig.tcb.again(rig.ours(start), end - start, FULL, Why::Rack);
        let Plan::Send(sent) = sent else { panic!("nothing is planned") };
        sent.flags
    };
    assert_eq!(lose(0..2), Flags::PSH, "the first burst");
    assert_eq!(lose(1..2), NONE, "its end alone");
    assert_eq!(lose(1..3), NONE, "pieces of two bursts");
    assert_eq!(lose(1..4), Flags::PSH, "of which the second is whole");
    assert_eq!(lose(9..10), Flags::PSH, "the end of the last write");
    // A write of one segment, and then another.
    let mut rig = Rig::open(Setup::default());
    for _ in 0..2 {
        rig.write(FULL);
        rig.transmit();
    }
    rig.tcb.scoreboard.mark_lost(1, u64::from(1 + FULL), |_| {});
    let sent = rig.tcb.again(rig.ours(1), FULL, FULL, Why::Rack);
    assert!(matches!(sent, Plan::Send(Transmission { flags: Flags::PSH, .. })));
}

#[test]
fn what_goes_again_has_psh_where_a_write_ended() {
    let mut rig = Rig::open(Setup::default());
    rig.write(FULL + 10);
    rig.transmit();
    rig.sleep(s(10));
    assert_eq!(rig.tcb.push_flag(10 + u64::from(FULL), 10, FULL), Flags::PSH);
    assert_eq!(rig.tcb.push_flag(FULL.into(), FULL, FULL), NONE);
}
