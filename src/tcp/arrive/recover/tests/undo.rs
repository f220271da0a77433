//! Reductions that were wrong (RFC 5682, RFC 3522, RFC 3708, RFC 4015).

use super::*;

/// The path stands still for so long, and nothing is lost.
fn late(len: u32, by: u64) -> Way {
    late_with(setup(Algorithm::Cubic), len, by)
}

fn late_with(setup: Setup, len: u32, by: u64) -> Way {
    let mut way = Way::new(Rig::open(setup));
    let until = way.rig.now + ms(by);
    way.fate = Box::new(move |piece| Some(until.since(piece.at)));
    way.rig.write(len);
    way
}

/// The timer went off once, and it is as if it had not.
fn undone(way: &Way, by: UndoneBy) {
    let rig = &way.rig;
    assert!(rig.reductions().contains(&Reduction::Timeout), "{:?}", rig.reductions());
    assert_eq!(rig.undone(), [by]);
    let (cwnd, ssthresh) = windows(rig);
    assert!(cwnd >= IW && ssthresh.is_none(), "{cwnd}, {ssthresh:?}");
    assert_eq!(rig.tcb.loss.mode(), Mode::Open);
}

#[test]
fn a_time_out_for_a_path_that_is_only_late_is_undone_by_eifel_rfc_3522_3_2() {
    let mut way = late(IW, 800);
    way.run(s(3));
    assert!(way.is_done());
    undone(&way, UndoneBy::Eifel);
    assert!(way.again().len() < 5, "only what the timers have sent: {:?}", way.again());
}

fn no_timestamps() -> Setup {
    Setup { timestamps: false, mss: Some(FULL as u16), ..setup(Algorithm::Cubic) }
}

#[test]
fn without_timestamps_f_rto_finds_it_with_new_data_to_send_rfc_5682_2_1_step_3b() {
    let mut way = late_with(no_timestamps(), 50_000, 800);
    way.run(s(5));
    assert!(way.is_done());
    undone(&way, UndoneBy::Frto);
    assert!(way.again().len() < 5, "{:?}", way.again());
}

#[test]
fn and_without_new_data_dsacks_say_it_rfc_5682_2_1_step_2b_rfc_3708() {
    let mut way = late_with(no_timestamps(), IW, 800);
    way.run(s(5));
    assert!(way.is_done());
    undone(&way, UndoneBy::Dsack);
}

/// A time-out with SACK blocks by hand; without timestamps only F-RTO can tell.
fn timed_out(setup: Setup, len: u32) -> Rig {
    let mut rig = flying_with(setup, len);
    // A tail-loss probe goes before it.
    rig.tcb.timers.cancel(TimerKind::TailLossProbe);
    let rto = rig.tcb.rto().as_duration();
    let sent = rig.sleep(rto);
    assert_eq!(sent[0].brief(), (1, FULL, Why::Rto(1)));
    assert_eq!(sent.len(), 1);
    rig
}

#[test]
fn after_the_first_acknowledgment_new_data_goes_rfc_5682_2_1_step_2b() {
    let mut rig = timed_out(no_timestamps(), 50_000);
    rig.now += ms(100);
    rig.ack_arrives_of(1 + FULL);
    let sent = rig.transmit();
    let new = [(10_001, FULL, Why::NewData), (11_001, FULL, Why::NewData)];
    assert_eq!(sent.iter().map(|burst| burst.brief()).collect::<Vec<_>>(), new);
    // Step 3b: what was sent only before the time-out arrives.
    rig.now += ms(10);
    rig.ack_arrives_of(1 + 2 * FULL);
    assert_eq!((rig.undone(), windows(&rig).1), (vec![UndoneBy::Frto], None));
    assert!(windows(&rig).0 >= IW);
}

#[test]
fn the_loss_was_real_when_the_new_data_arrives_first_rfc_5682_2_1_step_3a() {
    let mut rig = timed_out(no_timestamps(), 50_000);
    rig.now += ms(100);
    rig.ack_arrives_of(1 + FULL);
    assert_eq!(rig.transmit()[0].why, Why::NewData);
    rig.now += ms(100);
    sack(&mut rig, 1 + FULL, &[octets(10..11)]);
    let sent = rig.transmit();
    assert_eq!((sent[0].seq, sent[0].why), (1 + FULL, Why::RtoRecovery));
    assert_eq!(rig.undone(), []);
    // What is acknowledged then says no more.
    rig.now += ms(100);
    sack(&mut rig, 1 + 2 * FULL, &[octets(10..12)]);
    assert_eq!((rig.undone(), rig.tcb.loss.mode()), (vec![], Mode::RtoRecovery));
}

#[test]
fn without_new_data_the_repair_goes_on_rfc_5682_2_1_step_2b() {
    for setup in [no_timestamps(), Setup { sack: false, ..no_timestamps() }] {
        let mut rig = timed_out(setup, IW);
        rig.now += ms(100);
        rig.ack_arrives_of(1 + FULL);
        let sent = rig.transmit();
        assert_eq!(sent[0].brief(), (1 + FULL, 2 * FULL, Why::RtoRecovery));
        rig.now += ms(100);
        rig.ack_arrives_of(1 + 3 * FULL);
        assert_eq!(rig.undone(), []);
    }
}

/// The first was lost and all else was there: it is a real loss, and without SACK nothing else could
/// have said so.
#[test]
fn an_acknowledgment_of_everything_is_no_sign_without_sack_rfc_5682_2_1_step_2a() {
    let mut rig = timed_out(Setup { sack: false, ..no_timestamps() }, IW);
    rig.now += ms(100);
    rig.ack_arrives();
    assert_eq!((rig.undone(), rig.tcb.loss.mode()), (vec![], Mode::Open));
    assert_eq!(windows(&rig).1, Some(7_000));
}

#[test]
fn a_time_out_in_fast_recovery_is_no_case_for_f_rto_rfc_5682_2_1_step_1() {
    let mut rig = flying_with(no_timestamps(), IW);
    rig.now += ms(100);
    sack(&mut rig, 1, &[octets(2..5)]);
    assert_eq!(rig.transmit()[0].brief(), (1, 2 * FULL, Why::Rack));
    let rto = rig.tcb.rto().as_duration();
    rig.sleep(rto);
    assert_eq!((rig.tcb.loss.mode(), rig.tcb.selective.frto), (Mode::RtoRecovery, false));
}

/// An acknowledgment of nothing new echoes what arrived last in order (RFC 7323 4.3), which was sent
/// before anything was lost: it answers no retransmission (RFC 3522 3.2 step 4).
#[test]
fn the_echo_of_a_duplicate_says_nothing_rfc_3522_3_2() {
    let mut rig = flying(50_000);
    let old = rig.tcb.tsval(rig.now);
    rig.now += ms(100);
    sack(&mut rig, 1, &[octets(1..5)]);
    assert_eq!(rig.transmit()[0].brief(), (1, FULL, Why::Rack));
    // That is lost as well, and so is all that would show it.
    let rto = rig.tcb.rto().as_duration();
    assert_eq!(rig.sleep(rto)[0].brief(), (1, FULL, Why::Rto(1)));
    rig.now += ms(10);
    let mut late = sack_of(&rig, 1, &[octets(1..6)]);
    late.options.timestamps = Some(Timestamps { tsval: rig.peer_tsval(), tsecr: old });
    rig.arrive(late).unwrap();
    assert_eq!((rig.undone(), rig.tcb.loss.mode()), (vec![], Mode::RtoRecovery));
}

#[test]
fn a_fast_recovery_for_a_segment_that_is_only_late_is_undone_by_eifel_rfc_4015_3_2() {
    let mut way = Way::new(Rig::open(setup(Algorithm::Cubic)));
    way.fate =
        Box::new(|piece| Some(ms(if piece.number() == 0 && piece.nth == 0 { 60 } else { 0 })));
    way.rig.write(50_000);
    way.run(s(3));
    assert!(way.is_done());
    assert_eq!(way.again(), [(0, Why::Rack)]);
    assert_eq!(
        (way.rig.reductions(), way.rig.undone()),
        (vec![Reduction::Loss], vec![UndoneBy::Eifel])
    );
    assert!(windows(&way.rig).0 >= IW && windows(&way.rig).1.is_none());
}

#[test]
fn a_recovery_that_is_over_is_undone_by_dsacks_rfc_3708() {
    let mut way = Way::new(Rig::open(no_timestamps()));
    way.fate =
        Box::new(|piece| Some(ms(if piece.number() < 2 && piece.nth == 0 { 60 } else { 0 })));
    way.rig.write(IW);
    way.run(s(3));
    assert!(way.is_done());
    assert_eq!(way.again().len(), 2);
    assert_eq!(
        (way.rig.reductions(), way.rig.undone()),
        (vec![Reduction::Loss], vec![UndoneBy::Dsack])
    );
    assert!(windows(&way.rig).0 >= IW && windows(&way.rig).1.is_none());
}

#[test]
fn one_dsack_of_two_that_went_again_undoes_nothing_rfc_3708() {
    let mut rig = flying_with(no_timestamps(), IW);
    rig.now += ms(100);
    sack(&mut rig, 1, &[octets(2..6)]);
    rig.transmit();
    sack(&mut rig, 1, &[octets(2..10)]);
    rig.transmit();
    assert_eq!(rig.tcb.info().retransmissions, 2);
    rig.now += ms(100);
    rig.ack_arrives();
    assert_eq!(rig.tcb.loss.mode(), Mode::Open);
    sack(&mut rig, 10_001, &[octets(0..1)]);
    assert_eq!(rig.undone(), []);
    sack(&mut rig, 10_001, &[octets(1..2)]);
    assert_eq!((rig.undone(), windows(&rig)), (vec![UndoneBy::Dsack], (IW, None)));
    // Once.
    sack(&mut rig, 10_001, &[octets(1..2)]);
    assert_eq!(rig.undone().len(), 1);
}

/// The network has made two of one that was acknowledged before the repair began.
#[test]
fn a_dsack_of_something_older_undoes_nothing_rfc_3708() {
    let mut rig = flying_with(no_timestamps(), 50_000);
    rig.now += ms(100);
    rig.ack_arrives_of(1 + 3 * FULL);
    rig.transmit();
    sack(&mut rig, 1 + 3 * FULL, &[octets(4..8)]);
    assert!(rig.transmit().iter().any(|sent| sent.why == Why::Rack));
    sack(&mut rig, 1 + 3 * FULL, &[octets(1..2), octets(4..8)]);
    assert_eq!((rig.undone(), rig.tcb.loss.mode()), (vec![], Mode::FastRecovery));
}

#[test]
fn what_arrives_before_anything_went_again_was_never_missing() {
    let mut rig = flying(50_000);
    rig.now += ms(100);
    sack(&mut rig, 1, &[octets(1..4)]);
    assert_eq!((rig.tcb.loss.mode(), windows(&rig).0), (Mode::FastRecovery, 7_000));
    // Before there is a chance to send.
    sack(&mut rig, 10_001, &[]);
    assert_eq!((rig.undone(), rig.tcb.loss.mode()), (vec![UndoneBy::NothingMissing], Mode::Open));
    assert_eq!(windows(&rig).1, None);
    assert!(windows(&rig).0 >= IW);
}

#[test]
fn a_dsack_of_what_was_never_sent_undoes_nothing_rfc_2883_4() {
    const FAR: u32 = 1 << 30;
    let mut rig = flying(50_000);
    rig.now += ms(100);
    sack(&mut rig, 1, &[octets(1..5)]);
    assert_eq!(rig.transmit()[0].brief(), (1, FULL, Why::Rack));
    sack(&mut rig, 1, &[(FAR, FAR + 1000), (FAR, FAR + 1000)]);
    // Sent, and not sent again.
    sack(&mut rig, 1, &[octets(2..3), octets(1..5)]);
    // More than can have been in flight, the one that went again in the middle of it.
    sack(&mut rig, 1001, &[(1u32.wrapping_sub(FAR), 1001), octets(1..5)]);
    assert_eq!((rig.undone(), rig.tcb.loss.mode()), (vec![], Mode::FastRecovery));
}

/// RFC 3708 2: the scoreboard decides whether it was a retransmission; and ten seconds later it was none.
#[test]
fn what_the_network_doubles_undoes_no_real_reduction() {
    let mut way = Way::losing(Rig::open(setup(Algorithm::Cubic)), |n, nth| n == 3 && nth == 0);
    way.rig.write(40_000);
    way.run(s(11));
    assert!(way.is_done());
    way.rig.write(30_000);
    way.run(ms(500));
    assert_eq!((way.is_done(), way.rig.tcb.info().retransmissions), (true, 1));
    let windows_before = windows(&way.rig);
    assert!(windows_before.1.is_some());
    for once in [octets(50..51), octets(3..4)] {
        sack(&mut way.rig, 70_001, &[once]);
    }
    assert_eq!((way.rig.undone(), windows(&way.rig)), (vec![], windows_before));
}

/// With each undo everything lost is judged anew, so that a peer must not have it as often as it likes.
#[test]
fn a_second_reduction_in_one_window_is_not_undone_by_dsacks() {
    let mut rig = flying(50_000);
    rig.now += ms(100);
    sack(&mut rig, 1, &[octets(1..5)]);
    assert_eq!(rig.transmit()[0].brief(), (1, FULL, Why::Rack));
    for _ in 0..3 {
        sack(&mut rig, 1, &[octets(0..1), octets(0..5)]);
        rig.transmit();
        rig.now += ms(300);
        sack(&mut rig, 1, &[octets(5..6), octets(1..5)]);
        rig.transmit();
    }
    assert!(rig.undone().len() <= 1, "{:?}", rig.undone());
}

/// RFC 3168 6.1.2: the mark was real, whatever becomes of the time-out after it.
#[test]
fn a_time_out_that_was_wrong_leaves_the_answer_to_a_mark() {
    let ecn = Setup::ecn();
    let config = Config { congestion: Algorithm::Cubic, ..ecn.config };
    let mut rig = flying_with(Setup { config, ..ecn }, 50_000);
    rig.now += ms(100);
    let original = rig.ack_of(1 + FULL).options.timestamps.unwrap().tsecr;
    let echo = Segment { flags: Flags::ACK | Flags::ECE, ..rig.ack_of(1 + FULL) };
    rig.arrive(echo).unwrap();
    rig.transmit();
    assert_eq!((rig.reductions(), rig.tcb.loss.mode()), (vec![Reduction::Ecn], Mode::Reducing));
    let marked = windows(&rig).1;
    rig.tcb.timers.cancel(TimerKind::TailLossProbe);
    rig.sleep(s(1));
    assert!(rig.reductions().contains(&Reduction::Timeout));
    // The path was only late.
    let mut ack = rig.ack_of(1 + 5 * FULL);
    ack.options.timestamps.as_mut().unwrap().tsecr = original;
    rig.arrive(ack).unwrap();
    assert_eq!((rig.undone().len(), windows(&rig).1), (1, marked));
}

#[test]
fn a_mark_in_the_repair_of_a_smaller_path_lowers_the_window_rfc_3168_6_1_2() {
    let ecn = Setup::ecn();
    let config = Config { congestion: Algorithm::Cubic, ..ecn.config };
    let mut rig = flying_with(Setup { config, ..ecn }, 50_000);
    rig.now += ms(100);
    rig.tcb.loss.on_smaller_path(rig.tcb.snd.nxt);
    let echo = Segment { flags: Flags::ACK | Flags::ECE, ..rig.ack_of(1 + FULL) };
    rig.arrive(echo).unwrap();
    assert_eq!((rig.reductions(), windows(&rig)), (vec![Reduction::Ecn], (7_000, Some(7_000))));
    assert_eq!(rig.tcb.info().ecn_reductions, 1);
}
