use super::*;
use crate::event::{Event, Reduction, Why};
use crate::tcp::congestion::Algorithm;
use crate::tcp::discard::Reply;
use crate::tcp::loss::dupack::Mode;
use crate::tcp::testing::*;
use crate::tcp::{Config, Details, Info, Profile, RttEstimator};
use crate::wire::tcp::Flags;
use crate::wire::tcp_options::Timestamps;

/// A connection with ten full segments in flight: 1 up to 10,001.
fn ten_in_flight() -> Rig {
    ten_in_flight_under(Algorithm::NewReno)
}

fn ten_in_flight_under(congestion: Algorithm) -> Rig {
    let config = Config { congestion, ..Setup::default().config };
    let mut rig = Rig::open(Setup { config, ..Setup::default() });
    rig.write(50_000);
    let sent: u32 = rig.transmit().iter().map(|sent| sent.len).sum();
    assert_eq!(sent, 10 * FULL);
    rig.forget_events();
    rig
}

fn no_timestamps() -> Setup {
    Setup { timestamps: false, mss: Some(FULL as u16), ..Setup::default() }
}

#[test]
fn a_segment_without_ack_is_dropped_rfc_9293_3_10_7_4_fifth() {
    let mut rig = Rig::open(Setup::default());
    let text = Segment { flags: Flags::PSH, ..rig.text(1, 10) };
    assert_eq!(rig.refused(text), (Refusal::AckMissing, Reply::Nothing));
    assert!(!rig.tcb.can_receive());
    rig.silent();
}

#[test]
fn acknowledgments_of_what_was_never_sent_are_challenged_rfc_5961_5_2() {
    let mut rig = ten_in_flight();
    for ack in [10_002, 10_001 + (1 << 30)] {
        let text = Segment { ack: rig.ours(ack), ..rig.text(1, 10) };
        assert_eq!(rig.refused(text), (Refusal::AckBeyondSent, Reply::Challenge));
        assert_eq!(rig.transmit_one().why, Why::Challenge);
    }
    assert_eq!(rig.tcb.in_flight(), 10 * FULL);
    assert!(!rig.tcb.can_receive(), "the text of such a segment is not taken in");
}

#[test]
fn acknowledgments_older_than_the_largest_window_are_challenged_rfc_5961_5_2() {
    // Otherwise the peer has one of at most 64,000 bytes; here it tells of 8,000.
    let setup = Setup { window: 2_000, scale: Some(2), ..Setup::default() };
    let mut rig = Rig::open(setup);
    for _ in 0..2 {
        rig.write(8_000);
        rig.transmit();
        rig.ack_arrives();
    }
    assert_eq!(rig.tcb.snd.max_wnd, 8_000);
    let ancient = Segment { ack: rig.ours(16_001 - 8_001), ..rig.text(1, 10) };
    assert_eq!(rig.refused(ancient), (Refusal::AckTooOld, Reply::Challenge));
    assert!(!rig.tcb.can_receive());
    // The largest window counts, not the present one.
    rig.arrive(Segment { window: 1, ..rig.ack() }).unwrap();
    let old = Segment { ack: rig.ours(16_001 - 8_000), ..rig.text(1, 10) };
    rig.arrive(old).unwrap();
    rig.read(1, 10);
}

#[test]
fn acknowledged_text_makes_room_and_counts() {
    let mut rig = ten_in_flight();
    rig.ack_arrives_of(2_501);
    let info = rig.tcb.info();
    assert_eq!((info.bytes_acked, info.in_flight, info.send_queue), (2_500, 7_500, 47_500));
    rig.ack_arrives_of(1); // an old one changes nothing
    let segments_in = info.details.segments_in + 1;
    let details = Details { segments_in, ..info.details.clone() };
    assert_eq!(rig.tcb.info(), Info { details, ..info });
}

// RFC 9293 3.10.7.4 fifth: SND.WL1 and SND.WL2.

#[test]
fn the_window_follows_the_newest_segment_only_rfc_9293_3_10_7_4_fifth() {
    let mut rig = ten_in_flight();
    let with = |rig: &Rig, at: u32, ack: u32, window| Segment {
        seq: PEER_ISS + at,
        window,
        ..rig.ack_of(ack)
    };
    let mut window_after = |at, ack, window| {
        let segment = with(&rig, at, ack, window);
        rig.arrive(segment).unwrap();
        rig.tcb.snd.wnd
    };
    assert_eq!(window_after(1, 1, 5_000), 20_000, "the same numbers update it");
    assert_eq!(window_after(1, 3_001, 6_000), 24_000, "a higher acknowledgment updates it");
    assert_eq!(window_after(1, 2_001, 1), 24_000, "a lower acknowledgment does not");
    assert_eq!(window_after(50, 3_001, 7_000), 28_000, "a higher sequence number updates it");
    assert_eq!(window_after(1, 3_001, 1), 28_000, "a lower sequence number does not");
    assert_eq!(window_after(1, 4_001, 2), 8, "unless it acknowledges more");
    assert_eq!(window_after(50, 4_001, 0), 0, "and it may close");
    assert_eq!(rig.tcb.snd.max_wnd, 64_000);
}

#[test]
fn a_window_that_shrinks_below_what_was_sent_is_survived_rfc_9293_3_8_6_must_34() {
    let mut rig = ten_in_flight();
    rig.arrive(Segment { window: 500, ..rig.ack_of(4_001) }).unwrap();
    assert_eq!(rig.tcb.snd.window_left(), 0);
    rig.silent();
    rig.arrive(Segment { window: 16_000, ..rig.ack_of(4_001) }).unwrap();
    assert!(!rig.transmit().is_empty());
}

#[test]
fn windows_are_scaled_but_never_those_of_a_syn_rfc_7323_2_2() {
    let mut rig = Rig::syn_sent(Setup { scale: Some(3), window: 9_000, ..Setup::default() });
    let syn_ack = rig.syn(Some(1));
    rig.arrive(syn_ack).unwrap();
    assert_eq!(rig.tcb.snd.wnd, 9_000);
    rig.ack_arrives();
    assert_eq!(rig.tcb.snd.wnd, 72_000);
}

#[test]
fn a_shift_above_14_is_taken_as_14_rfc_7323_2_3() {
    let rig = Rig::open(Setup { scale: Some(255), ..Setup::default() });
    assert_eq!(rig.tcb.snd.scale.shift(), 14);
}

// RFC 6298 and RFC 7323 4: samples.

#[test]
fn each_acknowledgment_of_what_was_sent_once_gives_a_sample_rfc_6298_3() {
    let mut rig = Rig::open(no_timestamps());
    rig.write(2_000);
    rig.transmit();
    rig.now += ms(70);
    rig.ack_arrives_of(1_001);
    rig.now += ms(10);
    rig.ack_arrives_of(2_001);
    rig.ack_arrives_of(2_001);
    assert_eq!(rig.samples(), [ms(70), ms(80)]);
}

#[test]
fn karn_no_sample_from_a_retransmitted_segment_rfc_6298_3() {
    let mut rig = Rig::open(no_timestamps());
    rig.write(500);
    rig.transmit();
    let rto = rig.tcb.info().rto;
    assert_eq!(rig.sleep(rto).last().unwrap().why, Why::Rto(1));
    rig.now += ms(5);
    rig.ack_arrives();
    assert_eq!(rig.samples(), []);
    // The next new segment is timed again.
    rig.write(500);
    rig.transmit();
    rig.now += ms(60);
    rig.ack_arrives();
    assert_eq!(rig.samples(), [ms(60)]);
}

#[test]
fn karn_no_sample_across_a_fast_retransmit_rfc_6298_3() {
    let mut rig = Rig::open(no_timestamps());
    rig.write(10_000);
    rig.transmit();
    rig.now += ms(50);
    rig.duplicates_arrive(1, 3);
    assert_eq!(rig.transmit_one().why, Why::FastRetransmit);
    rig.now += ms(50);
    rig.ack_arrives();
    assert_eq!(rig.samples(), []);
}

#[test]
fn karn_no_sample_from_a_retransmitted_syn_rfc_6298_3() {
    let mut rig = Rig::syn_sent(no_timestamps());
    rig.sleep(ms(1_050));
    let syn_ack = rig.syn(Some(1));
    rig.arrive(syn_ack).unwrap();
    assert_eq!(rig.samples(), []);
    assert_eq!(rig.tcb.info().rto, s(3), "RFC 6298 5.7");
}

#[test]
fn timestamps_tell_which_copy_arrived_rfc_7323_4_1() {
    // On a path of 20 ms: the copy whose clock is echoed, how long after the retransmission, and
    // whether that is a sample from the copy. An echo of the first that comes later was sent for the
    // second: the acknowledgment of the first was lost.
    for (echo_first, after, sample) in [(true, 5, true), (true, 25, false), (false, 25, true)] {
        let mut rig = Rig::open(Setup::default());
        rig.tcb.rtt = RttEstimator::default();
        rig.tcb.rtt.sample(Profile::Linux, rig.now, ms(20), 1, 1);
        rig.write(500);
        let first = rig.transmit_one();
        let again = rig.sleep(ms(221)).remove(0);
        assert_eq!(again.why, Why::Rto(1));
        rig.now = again.at + ms(after);
        let copy = if echo_first { &first } else { &again };
        let tsecr = copy.options.timestamps.unwrap().tsval;
        let expected = rig.tcb.tsval(rig.now).wrapping_sub(tsecr);
        let mut ack = rig.ack();
        ack.options.timestamps = Some(Timestamps { tsval: rig.peer_tsval(), tsecr });
        rig.arrive(ack).unwrap();
        let samples = if sample { vec![ms(expected.into())] } else { vec![] };
        assert_eq!(rig.samples(), samples);
        assert_eq!(rig.tcb.backoff, 0, "the path answers within the time-out");
    }
}

#[test]
fn an_echo_of_what_was_never_sent_is_no_sample() {
    for tsecr in [0, 1 << 31] {
        let mut rig = Rig::open(Setup::default());
        let before = rig.tcb.info().srtt;
        rig.write(500);
        rig.transmit();
        rig.sleep(ms(400));
        let mut ack = rig.ack();
        let ours = rig.tcb.tsval(rig.now);
        let tsecr = if tsecr == 0 { 0 } else { ours.wrapping_add(5_000) };
        ack.options.timestamps = Some(Timestamps { tsval: rig.peer_tsval(), tsecr });
        rig.arrive(ack).unwrap();
        assert_eq!((rig.samples(), rig.tcb.info().srtt), (vec![], before));
    }
}

#[test]
fn the_timer_restarts_with_each_new_acknowledgment_and_stops_with_the_last_rfc_6298_5() {
    let mut rig = ten_in_flight();
    let armed = |rig: &Rig| rig.tcb.next_deadline();
    let rto = |rig: &Rig| rig.tcb.info().rto;
    rig.now += ms(100);
    rig.ack_arrives_of(1_001);
    assert_eq!(armed(&rig), Some(rig.now + rto(&rig)));
    let until = armed(&rig);
    rig.now += ms(10);
    rig.ack_arrives_of(1_001);
    assert_eq!(armed(&rig), until, "a duplicate does not restart it");
    rig.ack_arrives_of(10_001);
    assert_eq!(armed(&rig), None);
}

// RFC 5681 3.2 and RFC 6582: duplicates.

#[test]
fn only_true_duplicates_count_rfc_5681_2() {
    let mut rig = ten_in_flight();
    for _ in 0..5 {
        let text = rig.text(rig.peer_nxt, 10);
        rig.peer_nxt += 10;
        rig.arrive(Segment { ack: rig.ours(1), ..text }).unwrap();
    }
    for window in [15_000, 14_000, 13_000, 12_000] {
        rig.arrive(Segment { window, ..rig.ack_of(1) }).unwrap();
    }
    assert_eq!(rig.tcb.loss.mode(), Mode::Open, "text and changes of the window do not count");
    rig.ack_arrives_of(10_001);
    assert_eq!(rig.tcb.in_flight(), 0);
    rig.duplicates_arrive(10_001, 5);
    assert_eq!(rig.tcb.loss.mode(), Mode::Open, "nothing is outstanding");
}

#[test]
fn the_first_two_duplicates_let_new_segments_out_rfc_3042() {
    let mut rig = ten_in_flight();
    rig.duplicates_arrive(1, 1);
    assert_eq!(rig.transmit_one().brief(), (10_001, FULL, Why::NewData));
    rig.duplicates_arrive(1, 1);
    assert_eq!(rig.transmit_one().brief(), (11_001, FULL, Why::NewData));
    assert_eq!(rig.tcb.info().cwnd, 10 * FULL);
}

#[test]
fn the_third_duplicate_retransmits_at_once_rfc_5681_3_2() {
    let mut rig = ten_in_flight();
    rig.duplicates_arrive(1, 3);
    assert_eq!(rig.transmit()[0].brief(), (1, FULL, Why::FastRetransmit));
    let info = rig.tcb.info();
    assert_eq!((info.ssthresh, info.cwnd), (Some(5 * FULL), 5 * FULL));
    assert_eq!(info.retransmissions, 1);
}

#[test]
fn new_data_goes_out_as_segments_leave_in_fast_recovery_rfc_5681_3_2() {
    let mut rig = ten_in_flight();
    rig.duplicates_arrive(1, 3);
    assert_eq!(rig.transmit().len(), 1);
    // cwnd 5 + 3 allowed, 10 in flight: two more have to leave before one goes.
    rig.duplicates_arrive(1, 2);
    rig.silent();
    rig.duplicates_arrive(1, 1);
    assert_eq!(rig.transmit_one().brief(), (10_001, FULL, Why::NewData));
}

#[test]
fn partial_acknowledgments_retransmit_the_next_hole_rfc_6582_3_2() {
    let mut rig = ten_in_flight();
    rig.duplicates_arrive(1, 3);
    rig.transmit();
    rig.now += ms(100);
    rig.ack_arrives_of(3_001);
    assert_eq!(rig.transmit()[0].brief(), (3_001, FULL, Why::PartialAck));
    let first = rig.tcb.next_deadline().unwrap();
    rig.now += ms(100);
    rig.ack_arrives_of(6_001);
    assert_eq!(rig.transmit()[0].brief(), (6_001, FULL, Why::PartialAck));
    assert_eq!(rig.tcb.next_deadline().unwrap(), first, "only the first one restarts the timer");
    assert_eq!(rig.tcb.loss.mode(), Mode::FastRecovery);
    rig.ack_arrives();
    assert_eq!(rig.tcb.loss.mode(), Mode::Open);
    let info = rig.tcb.info();
    assert!(info.cwnd <= 5 * FULL && Some(info.cwnd) <= info.ssthresh, "no burst: {info:?}");
}

#[test]
fn reno_ends_fast_recovery_with_the_first_new_acknowledgment_rfc_5681_3_2_step_6() {
    let mut rig = ten_in_flight_under(Algorithm::Reno);
    rig.duplicates_arrive(1, 5);
    assert_eq!(rig.transmit_one().brief(), (1, FULL, Why::FastRetransmit));
    rig.duplicates_arrive(1, 2);
    // cwnd 5 + 7 allowed, 10 in flight.
    assert_eq!(rig.transmit_one().brief(), (10_001, 2 * FULL, Why::NewData));
    rig.ack_arrives_of(3_001);
    assert_eq!((rig.tcb.loss.mode(), rig.tcb.loss.allowance()), (Mode::Open, 0));
    assert_eq!(rig.tcb.info().cwnd, 5 * FULL);
    // The hole at 3,001 is not known: 9 in flight, and the window has room for 5.
    rig.silent();
    rig.duplicates_arrive(3_001, 3);
    assert_eq!(rig.transmit_one().brief(), (3_001, FULL, Why::FastRetransmit));
    let info = rig.tcb.info();
    assert_eq!((info.cwnd, info.ssthresh), (2_500, Some(2_500)));
}

#[test]
fn tahoe_goes_back_and_skips_what_is_acknowledged_meanwhile() {
    let mut rig = ten_in_flight_under(Algorithm::Tahoe);
    rig.duplicates_arrive(1, 3);
    assert_eq!(rig.transmit_one().brief(), (1, FULL, Why::FastRetransmit));
    let info = rig.tcb.info();
    assert_eq!((info.cwnd, info.ssthresh, info.in_flight), (FULL, Some(5 * FULL), FULL));
    // Nothing is inflated, and it does not begin anew.
    rig.duplicates_arrive(1, 7);
    rig.silent();
    rig.ack_arrives_of(4_001);
    assert_eq!(rig.transmit_one().brief(), (4_001, 2 * FULL, Why::GoBackN));
    rig.ack_arrives_of(8_001);
    assert_eq!(rig.tcb.info().cwnd, 3 * FULL);
    let sent: Vec<_> = rig.transmit().iter().map(Sent::brief).collect();
    assert_eq!(sent, [(8_001, 2 * FULL, Why::GoBackN), (10_001, FULL, Why::NewData)]);
    rig.ack_arrives_of(10_001);
    assert_eq!(rig.tcb.loss.mode(), Mode::Open);
    // RFC 6582 3.2 step 2: what has gone again in vain is answered by duplicates.
    rig.duplicates_arrive(10_001, 6);
    assert!(rig.transmit().iter().all(|sent| sent.why == Why::NewData));
    assert_eq!(rig.tcb.info().cwnd, 4 * FULL);
}

#[test]
fn a_time_out_in_fast_recovery_is_no_news_rfc_6582_3_2() {
    let mut rig = ten_in_flight();
    rig.duplicates_arrive(1, 9);
    rig.transmit();
    rig.ack_arrives_of(1 + FULL);
    rig.transmit();
    assert_eq!(rig.tcb.info().ssthresh, Some(5 * FULL));
    // More is outstanding by now than at the loss, for duplicates have let new data go.
    assert!(rig.tcb.info().in_flight > 10 * FULL);
    let rto = rig.tcb.info().rto;
    assert!(matches!(rig.sleep(rto)[0].why, Why::Rto(1)));
    let info = rig.tcb.info();
    assert_eq!((info.cwnd, info.ssthresh), (FULL, Some(5 * FULL)));
}

#[test]
fn a_time_out_after_recovery_halves_the_window_and_not_what_has_left_rfc_5681_3_1() {
    let mut rig = ten_in_flight_under(Algorithm::Reno);
    rig.duplicates_arrive(1, 9);
    rig.transmit();
    rig.ack_arrives_of(1 + FULL);
    let info = rig.tcb.info();
    assert_eq!((rig.tcb.loss.mode(), info.cwnd), (Mode::Open, 5 * FULL));
    assert!(info.in_flight > 10 * FULL);
    rig.sleep(info.rto);
    assert_eq!(rig.tcb.info().ssthresh, Some(5 * FULL / 2));
}

#[test]
fn the_loss_of_a_retransmission_lowers_the_threshold_twice_rfc_5681_4_3() {
    for algorithm in [Algorithm::Tahoe, Algorithm::Reno, Algorithm::NewReno] {
        let mut rig = ten_in_flight_under(algorithm);
        rig.duplicates_arrive(1, 9);
        rig.transmit();
        let rto = rig.tcb.info().rto;
        rig.sleep(rto);
        let info = rig.tcb.info();
        assert_eq!((info.cwnd, info.ssthresh), (FULL, Some(5 * FULL / 2)), "{algorithm}");
    }
}

#[test]
fn a_fast_retransmission_that_is_lost_waits_for_the_timer_rfc_5681_3_2() {
    for algorithm in [Algorithm::Tahoe, Algorithm::Reno, Algorithm::NewReno] {
        let mut rig = ten_in_flight_under(algorithm);
        rig.duplicates_arrive(1, 3);
        rig.transmit();
        let rto = rig.tcb.info().rto;
        assert_eq!(rig.sleep(rto)[0].brief(), (1, FULL, Why::Rto(1)), "{algorithm}");
        assert_eq!(rig.tcb.loss.mode(), Mode::RtoRecovery);
        assert_eq!(rig.tcb.info().cwnd, FULL);
    }
}

#[test]
fn duplicates_after_a_time_out_start_no_fast_recovery_rfc_6582_3_2() {
    let mut rig = ten_in_flight();
    let rto = rig.tcb.info().rto;
    assert_eq!(rig.sleep(rto)[0].why, Why::Rto(1));
    rig.duplicates_arrive(1, 6);
    assert_eq!(rig.tcb.loss.mode(), Mode::RtoRecovery);
    rig.silent();
    rig.ack_arrives_of(10_001);
    rig.transmit();
    rig.duplicates_arrive(10_001, 6);
    assert_eq!(rig.tcb.loss.mode(), Mode::Open);
}

#[test]
fn slow_start_counts_bytes_when_the_window_was_full_rfc_3465_2_1() {
    let mut rig = ten_in_flight();
    rig.ack_arrives_of(4_001);
    assert_eq!(rig.tcb.info().cwnd, 14 * FULL);
    // An application that sends little learns nothing about the path (RFC 7661's concern).
    let mut rig = Rig::open(Setup::default());
    for _ in 0..20 {
        rig.write(100);
        rig.transmit();
        rig.ack_arrives();
    }
    assert_eq!(rig.tcb.info().cwnd, 10 * FULL);
}

#[test]
fn our_fin_is_acknowledged_only_by_its_own_number_rfc_9293_3_10_7_4_fifth() {
    let mut rig = Rig::open(Setup::default());
    rig.write(10);
    rig.shutdown();
    rig.ack_arrives_of(11);
    assert_eq!(rig.tcb.state(), State::FinWait1);
    rig.ack_arrives_of(12);
    assert_eq!(rig.tcb.state(), State::FinWait2);
    assert_eq!(rig.tcb.info().bytes_acked, 10, "a FIN is no text");
}

#[test]
fn acknowledgments_complete_each_close_rfc_9293_3_10_7_4_fifth() {
    let cases = [
        (State::FinWait1, State::FinWait2),
        (State::Closing, State::TimeWait),
        (State::LastAck, State::Closed),
    ];
    for (from, to) in cases {
        let mut rig = Rig::in_state(from);
        rig.ack_arrives();
        assert_eq!(rig.changes(), [(from, to, Cause::FinAcked)]);
        assert_eq!(rig.tcb.error(), None);
        assert_eq!(rig.tcb.next_deadline(), None);
        rig.silent();
    }
}

#[test]
fn the_time_out_follows_the_samples_rfc_6298_2() {
    let mut rig = Rig::open(no_timestamps());
    // The handshake took 100 ms: srtt 100, rttvar 50. One late answer, and then it is calm.
    assert_eq!(rig.tcb.info().rto, ms(300));
    rig.write(10);
    rig.transmit();
    rig.now += ms(299);
    rig.ack_arrives();
    let mut last = rig.tcb.info().rto;
    assert!(last > ms(400), "{last:?}");
    for _ in 0..40 {
        rig.write(10);
        rig.transmit();
        rig.now += ms(100);
        rig.ack_arrives();
        assert!(rig.tcb.info().rto <= last);
        last = rig.tcb.info().rto;
    }
    assert!(
        (ms(300)..ms(303)).contains(&last),
        "steady: 200 ms above the round trip, not {last:?}"
    );
}

/// Karn, RFC 6298 3: what says nothing of the path leaves the time-out doubled.
#[test]
fn an_echo_of_nothing_leaves_the_backoff() {
    let mut rig = Rig::open(Setup::default());
    rig.write(3 * FULL);
    rig.transmit();
    rig.tcb.timers.cancel(TimerKind::TailLossProbe);
    rig.sleep(Duration::from_secs(4));
    let backoff = rig.tcb.backoff;
    assert!(backoff > 1);
    let mut ack = rig.ack_of(1 + FULL);
    ack.options.timestamps.as_mut().unwrap().tsecr = 0;
    rig.arrive(ack).unwrap();
    assert_eq!(rig.tcb.backoff, backoff);
}

#[test]
fn a_window_that_is_idle_shrinks_for_a_reason_rfc_5681_4_1() {
    let mut rig = Rig::open(Setup { scale: Some(6), ..Setup::default() });
    rig.tcb.congestion.adopt(100 * FULL, Some(100 * FULL));
    rig.write(100 * FULL);
    rig.transmit();
    rig.now += ms(100);
    rig.ack_arrives();
    rig.forget_events();
    rig.now += Duration::from_secs(10);
    rig.write(10);
    rig.transmit();
    let conn = rig.tcb.conn;
    assert!(rig.events().contains(&Event::Reduced { conn, why: Reduction::Idle }));
}
