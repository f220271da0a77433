//! Tail-loss probes (RFC 8985 7).

use super::*;

fn armed(rig: &Rig) -> bool {
    rig.tcb.timers.is_armed(TimerKind::TailLossProbe)
}

#[test]
fn the_timer_of_the_probe_runs_while_something_is_out_rfc_8985_7_2() {
    let mut rig = Rig::open(setup(Algorithm::Cubic));
    assert!(!armed(&rig));
    rig.write(IW);
    rig.transmit();
    assert!(armed(&rig), "new data");
    rig.now += ms(100);
    rig.ack_arrives_of(1 + FULL);
    rig.transmit();
    assert!(armed(&rig), "an acknowledgment");
    rig.ack_arrives();
    rig.transmit();
    assert!(!armed(&rig), "nothing is out");
}

#[test]
fn no_probe_while_more_is_known_rfc_8985_7_2() {
    // Something lies beyond a gap.
    let mut rig = flying(IW);
    rig.now += ms(100);
    sack(&mut rig, 1, &[octets(5..6)]);
    assert!(!armed(&rig));
    rig.silent();
    // A loss is repaired.
    sack(&mut rig, 1, &[octets(5..9)]);
    rig.transmit();
    assert!(rig.tcb.loss.mode() == Mode::FastRecovery && !armed(&rig));
    // After a time-out.
    let mut rig = flying(IW);
    rig.sleep(s(1));
    assert!(rig.tcb.loss.mode() == Mode::RtoRecovery && !armed(&rig));
    // Without SACK, and under those that know no SACK.
    assert!(!armed(&flying_with(Setup { sack: false, ..setup(Algorithm::Cubic) }, IW)));
    assert!(!armed(&flying_with(setup(Algorithm::NewReno), IW)));
    let mut rig = Rig::open(setup(Algorithm::Bbr));
    rig.write(IW);
    rig.transmit();
    assert!(armed(&rig));
}

#[test]
fn the_probe_is_the_last_segment_again_and_goes_once_rfc_8985_7_3() {
    let mut rig = flying(IW);
    let (began, srtt) = (rig.now, rig.tcb.rtt.srtt());
    let sent = rig.sleep(tlp::timeout(srtt, false, None));
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].brief(), (9_001, FULL, Why::TailLossProbe));
    assert_eq!(sent[0].at, began + tlp::timeout(srtt, false, None));
    assert!(!armed(&rig) && rig.tcb.selective.probe.is_some());
    assert_eq!((windows(&rig), rig.reductions()), ((IW, None), vec![]));
    // The next is a time-out, counted from the probe.
    let rto = rig.tcb.rto().as_duration();
    assert!(rig.sleep(rto - ms(1)).is_empty());
    assert_eq!(rig.sleep(ms(1))[0].why, Why::Rto(1));
    assert_eq!(rig.tcb.selective.probe, None);
}

#[test]
fn the_probe_is_rather_new_data_rfc_8985_7_3() {
    // The window is full, so something is left.
    let mut rig = flying(20_000);
    let sent = rig.sleep(ms(250));
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].brief(), (10_001, FULL, Why::TailLossProbeNew));
    assert_eq!(rig.tcb.info().retransmissions, 0);
    assert_eq!(rig.tcb.in_flight(), 11 * FULL, "whatever the window says");
    // Its acknowledgment says nothing of a loss.
    rig.ack_arrives();
    assert_eq!((rig.tcb.selective.probe, rig.reductions()), (None, vec![]));
    // Where the peer's window has no room, it is the last one again.
    let mut rig = flying_with(Setup { window: IW as u16 / 4, ..setup(Algorithm::Cubic) }, 20_000);
    assert_eq!(rig.sleep(ms(250))[0].brief(), (9_001, FULL, Why::TailLossProbe));
}

#[test]
fn a_fin_at_the_tail_is_probed_for_rfc_8985_7_3() {
    let mut rig = Rig::open(setup(Algorithm::Cubic));
    rig.write(1_500);
    rig.shutdown();
    let sent = rig.sleep(ms(250));
    assert_eq!(sent[0].brief(), (1_001, 500, Why::TailLossProbe));
    assert!(sent[0].flags.contains(Flags::FIN));
    let mut rig = Rig::open(setup(Algorithm::Cubic));
    rig.shutdown();
    let sent = rig.sleep(ms(250));
    assert_eq!(sent[0].brief(), (1, 0, Why::TailLossProbe));
    assert!(sent[0].flags.contains(Flags::FIN));
}

/// RFC 8985 7.2: where the time-out would come first, the probe takes its place.
#[test]
fn the_probe_comes_before_the_time_out_rfc_8985_7_2() {
    let mut rig = Rig::open(setup(Algorithm::Cubic));
    // Twice the round trip is more than the time-out, which is a steady round trip and 200 ms.
    for _ in 0..60 {
        rig.write(FULL);
        rig.transmit();
        rig.now += ms(400);
        rig.ack_arrives();
    }
    let rto = rig.tcb.rto().as_duration();
    assert!(tlp::timeout(rig.tcb.rtt.srtt(), false, None) > rto);
    rig.write(4 * FULL);
    rig.transmit();
    rig.forget_events();
    let sent = rig.sleep(rto);
    assert_eq!(sent[0].why, Why::TailLossProbe, "{sent:?}");
    assert!(!rig.fired().contains(&TimerKind::Retransmission));
    // And it runs for as long again.
    assert!(rig.sleep(rto - ms(1)).is_empty());
    assert_eq!(rig.sleep(ms(1))[0].why, Why::Rto(1));
}

#[test]
fn a_tail_that_is_lost_is_repaired_without_a_time_out_rfc_8985_7() {
    // So many at the end of twenty.
    for tail in 1..8 {
        let lost = move |n: u32, nth: u32| (20 - tail..20).contains(&n) && nth == 0;
        let mut way = Way::losing(Rig::open(setup(Algorithm::Cubic)), lost);
        way.rig.write(20 * FULL);
        way.run(s(2));
        assert!(way.is_done(), "{tail}");
        assert_eq!(way.again()[0], (19, Why::TailLossProbe), "{tail}");
        assert!(!way.rig.fired().contains(&TimerKind::Retransmission), "{tail}");
        assert_eq!(way.rig.tcb.info().retransmissions, u64::from(tail), "each once");
        if tail > 1 {
            assert_eq!(way.rig.reductions(), [Reduction::Loss], "{tail}: RACK has seen it");
        }
    }
}

/// All of ten is out, the last is lost and repaired by a probe.
fn repaired_by_a_probe() -> Rig {
    let mut rig = flying(IW);
    rig.now += ms(100);
    rig.ack_arrives_of(9_001);
    assert_eq!(rig.sleep(ms(250))[0].brief(), (9_001, FULL, Why::TailLossProbe));
    rig.now += ms(100);
    rig.ack_arrives_of(10_001);
    assert!(rig.tcb.selective.probe.is_some(), "a duplicate may follow");
    assert_eq!(rig.reductions(), []);
    rig
}

#[test]
fn a_loss_that_the_probe_has_repaired_lowers_the_window_rfc_8985_7_4_2() {
    let mut rig = repaired_by_a_probe();
    let window = windows(&rig).0;
    rig.write(window);
    rig.transmit();
    rig.now += ms(100);
    // However much the first acknowledgment after it covers.
    rig.ack_arrives();
    assert_eq!((rig.reductions(), rig.tcb.selective.probe), (vec![Reduction::TailLoss], None));
    let left = (window * 7 / 10 + FULL / 2) / FULL * FULL;
    assert_eq!(windows(&rig), (left, Some(left)));
}

/// The application of the peer reads, which tells nothing of the probe.
#[test]
fn an_update_of_the_window_is_no_duplicate_rfc_8985_7_4_2() {
    let mut rig = repaired_by_a_probe();
    rig.arrive(Segment { window: 9_000, ..rig.ack() }).unwrap();
    assert!(rig.tcb.selective.probe.is_some());
    rig.write(FULL);
    rig.transmit();
    rig.now += ms(100);
    rig.ack_arrives();
    assert_eq!(rig.reductions(), [Reduction::TailLoss]);
}

#[test]
fn a_dsack_or_a_duplicate_says_that_the_probe_was_needless_rfc_8985_7_4_2() {
    for dsack in [true, false] {
        let mut rig = repaired_by_a_probe();
        if dsack {
            sack(&mut rig, 10_001, &[octets(9..10)]);
        } else {
            rig.duplicates_arrive(10_001, 1);
        }
        assert_eq!(rig.tcb.selective.probe, None);
        rig.write(5 * FULL);
        rig.transmit();
        rig.now += ms(100);
        rig.ack_arrives();
        assert_eq!((rig.reductions(), windows(&rig).1), (vec![], None));
        // It says nothing of the order of segments (RFC 8985 6.2 step 4; as Linux).
        let path = Path { min_rtt: ms(100), srtt: ms(100), suspicious: true };
        assert_eq!(rig.tcb.selective.rack.patience(path), rig.tcb.selective.rack.rtt());
    }
}

#[test]
fn a_probe_whose_answer_is_only_late_costs_nothing_rfc_8985_7_4_2() {
    let mut way = Way::new(Rig::open(setup(Algorithm::Cubic)));
    way.fate_back = Box::new(|ack| Some(if ack > 9_000 { ms(250) } else { ms(0) }));
    way.rig.write(IW);
    way.run(s(2));
    assert_eq!(way.again(), [(9, Why::TailLossProbe)]);
    way.rig.write(IW);
    way.fate_back = Box::new(|_| Some(ms(0)));
    way.run(s(2));
    assert!(way.is_done());
    assert_eq!((way.rig.reductions(), windows(&way.rig).1), (vec![], None));
}

#[test]
fn a_probe_that_could_not_be_sent_is_for_what_was_outstanding_then() {
    let mut rig = flying(IW);
    rig.now = rig.tcb.next_deadline().unwrap();
    rig.with(|tcb, cx| tcb.expire(cx));
    assert_eq!(rig.fired(), [TimerKind::TailLossProbe]);
    // The device is full, and meanwhile everything is acknowledged.
    rig.ack_arrives();
    rig.silent();
    rig.now += s(5);
    rig.write(10);
    assert_eq!(rig.transmit_one().brief(), (IW + 1, 10, Why::NewData));
}
