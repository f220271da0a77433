use proptest::prelude::*;

use super::*;
use crate::tcp::Mss;
use crate::tcp::congestion::Algorithm;
use crate::tcp::testing::{FULL, Rig, Setup, config, ms, s};

fn with(algorithm: Algorithm) -> Setup {
    Setup { config: Config { congestion: algorithm, ..config() }, ..Setup::default() }
}

/// Sends and receives some segments of text, all of which is acknowledged and read.
fn exchange(rig: &mut Rig, segments: u32) {
    rig.write(segments * FULL);
    rig.transmit();
    rig.now += ms(30);
    rig.ack_arrives();
    rig.text_arrives(200);
    rig.tcb.receive(usize::MAX).unwrap();
    rig.sleep(ms(200));
}

/// Where it rests, it comes back from few bytes as it was.
pub(crate) fn comes_back_as_it_was(tcb: &Tcb) {
    if tcb.rests() {
        let parked = Parked::of(tcb);
        assert_eq!(format!("{:?}", parked.tcb()), format!("{tcb:?}"));
    }
}

#[test]
fn it_takes_few_bytes() {
    for algorithm in Algorithm::ALL {
        let mut rig = Rig::open(with(algorithm));
        exchange(&mut rig, 4);
        let parked = Parked::of(&rig.tcb);
        let most = if algorithm == Algorithm::Bbr { 528 } else { 384 };
        assert!(parked.bytes.len() <= most, "{algorithm}: {} bytes", parked.bytes.len());
    }
}

#[test]
fn it_rests_when_all_is_acknowledged_read_and_sent() {
    let mut rig = Rig::open(Setup::default());
    exchange(&mut rig, 1);
    let quiet_from = rig.tcb.quiet_from();
    assert!(rig.tcb.rests() && quiet_from > rig.now && quiet_from <= rig.now + s(1));

    rig.write(10);
    assert!(!rig.tcb.rests(), "it is to be sent");
    rig.transmit();
    assert!(!rig.tcb.rests(), "it is not acknowledged");
    rig.ack_arrives();
    assert!(rig.tcb.rests());

    rig.text_arrives(10);
    rig.sleep(ms(500));
    assert!(!rig.tcb.rests(), "it is not read");
    rig.tcb.receive(usize::MAX).unwrap();
    assert!(rig.tcb.rests());

    rig.fin_arrives();
    rig.transmit();
    assert!(!rig.tcb.rests(), "it ends");
}

/// A device whose packets are shorter than what others may ask for (RFC 791 3.1).
#[test]
fn it_comes_back_with_segments_as_small_as_they_were() {
    for size in [Mss::of_mtu(68, [10, 9, 0, 1].into()), Mss::MIN, Mss::DEFAULT] {
        let mut rig = Rig::open(Setup::default());
        (rig.tcb.own_mss, rig.tcb.mss) = (size, size);
        let back = Parked::of(&rig.tcb).tcb();
        assert_eq!((back.own_mss, back.mss), (size, size));
    }
}

/// What a repair leaves to be judged by what is acknowledged next is no reason to stay awake.
#[test]
fn it_rests_after_a_loss_in_the_last_flight() {
    for algorithm in Algorithm::ALL {
        let mut rig = Rig::open(with(algorithm));
        exchange(&mut rig, 4);
        rig.write(2 * FULL);
        rig.transmit();
        rig.sleep(s(1));
        assert!(rig.tcb.retransmissions() > 0, "{algorithm}");
        rig.ack_arrives();
        rig.transmit();
        assert!(rig.tcb.rests(), "{algorithm}: {:?}", rig.tcb);
    }
}

proptest! {
    /// Beside this, every step of every test in `tcp` is followed by the same comparison.
    #[test]
    fn it_comes_back_as_it_was(segments in proptest::collection::vec(1u32..9, 1..6), which in 0..5usize) {
        let mut rig = Rig::open(with(Algorithm::ALL[which]));
        for count in segments {
            exchange(&mut rig, count);
            prop_assert!(rig.tcb.rests());
            rig.tcb = Parked::of(&rig.tcb).tcb();
        }
    }
}
