//! A peer without SACK, under CUBIC: duplicates find losses (RFC 6582), and the window comes down in
//! proportion (RFC 6937).

use super::*;

fn no_sack() -> Setup {
    Setup { sack: false, ..setup(Algorithm::Cubic) }
}

#[test]
fn the_third_duplicate_begins_the_repair_rfc_5681_3_2() {
    let mut rig = flying_with(no_sack(), 50_000);
    rig.now += ms(100);
    rig.duplicates_arrive(1, 2);
    assert_eq!(sum(&rig.transmit()), 2 * FULL, "limited transmit, RFC 3042");
    rig.duplicates_arrive(1, 1);
    let sent = rig.transmit();
    assert_eq!(sent[0].brief(), (1, FULL, Why::FastRetransmit));
    assert_eq!(sum(&sent), FULL);
    assert_eq!(
        (rig.tcb.loss.mode(), rig.reductions()),
        (Mode::FastRecovery, vec![Reduction::Loss])
    );
    let ssthresh = windows(&rig).1.unwrap();
    assert!((7_000..=8_400).contains(&ssthresh), "{ssthresh}");
}

#[test]
fn each_partial_acknowledgment_shows_the_next_loss_rfc_6582_3_2() {
    for lost in [vec![0], vec![0, 1], vec![0, 4, 8], vec![2, 3, 4], vec![1, 3, 5, 7]] {
        for len in [IW, 60_000] {
            let gone = lost.clone();
            let mut way =
                Way::losing(Rig::open(no_sack()), move |n, nth| gone.contains(&n) && nth == 0);
            way.rig.write(len);
            way.run(s(3));
            assert!(way.is_done(), "{lost:?}");
            let again: Vec<_> = way.again().iter().map(|again| again.0).collect();
            assert_eq!(again, lost, "of {len}");
            assert_eq!(way.rig.reductions(), [Reduction::Loss], "{lost:?} of {len}");
            assert!(!way.rig.fired().contains(&TimerKind::Retransmission), "{lost:?} of {len}");
        }
    }
}

#[test]
fn what_is_in_flight_comes_down_to_ssthresh_rfc_6937_3() {
    let mut way = Way::losing(Rig::open(no_sack()), |n, nth| n == 0 && nth == 0);
    way.rig.write(60_000);
    way.run(ms(199));
    let ssthresh = windows(&way.rig).1.unwrap();
    assert_eq!(way.rig.tcb.loss.mode(), Mode::FastRecovery);
    assert!(way.rig.tcb.flight() <= ssthresh && way.rig.tcb.flight() + 2 * FULL >= ssthresh);
    way.run(ms(2));
    assert_eq!(way.rig.tcb.loss.mode(), Mode::Open);
    // The acknowledgment that ends it may be one of congestion avoidance already.
    assert!((ssthresh..=ssthresh + FULL).contains(&windows(&way.rig).0));
}

/// What was repaired was delivered as well: each counts once (RFC 6937 3).
#[test]
fn every_segment_counts_as_delivered_once_rfc_6937_3() {
    let mut way = Way::losing(Rig::open(no_sack()), |n, nth| [0, 5].contains(&n) && nth == 0);
    way.rig.write(60_000);
    way.run(s(3));
    assert!(way.is_done());
    let now = way.rig.now;
    let delivered = way.rig.tcb.delivery_rate.on_sent(now, 0, 1).delivered;
    assert_eq!(delivered, 60_000);
}

#[test]
fn a_window_that_is_lost_is_repaired_after_a_time_out_rfc_6298_5() {
    let mut way = Way::losing(Rig::open(no_sack()), |n, nth| n < 10 && nth == 0);
    way.rig.write(30_000);
    way.run(s(5));
    assert!(way.is_done());
    assert_eq!((way.rig.reductions(), way.rig.undone()), (vec![Reduction::Timeout], vec![]));
    assert_eq!(way.rig.tcb.info().retransmissions, 10, "{:?}", way.again());
}
