use crate::event::Why;
use crate::tcp::testing::{ECN_SETUP, FULL, Rig, Sent, Setup, ms, s};
use crate::tcp::{Config, Ecn};
use crate::wire::ip::{CE, ECT_0};
use crate::wire::tcp::{Flags, Segment};

fn with(ecn: Ecn) -> Setup {
    let setup = Setup::default();
    Setup { config: Config { ecn, ..setup.config }, ..setup }
}

fn ecn_flags(flags: Flags) -> Flags {
    Flags::from_bits(flags.bits() & ECN_SETUP.bits())
}

fn kinds(sent: &[Sent]) -> Vec<(Why, Flags, u8)> {
    sent.iter().map(|sent| (sent.why, ecn_flags(sent.flags), sent.ecn)).collect()
}

const NONE: Flags = Flags::from_bits(0);

/// RFC 3168 6.1.1, 6.1.1.1.
#[test]
fn only_the_first_syn_asks() {
    let mut rig = Rig::connecting(with(Ecn::Request));
    assert_eq!(kinds(&rig.transmit()), [(Why::Handshake, ECN_SETUP, 0)]);
    let again = rig.sleep(s(4));
    let expected = [1, 2].map(|nth| (Why::HandshakeRetransmission(nth), NONE, 0));
    assert_eq!(kinds(&again), expected);
    for ecn in [Ecn::Off, Ecn::Accept] {
        let mut rig = Rig::connecting(with(ecn));
        assert_eq!(kinds(&rig.transmit()), [(Why::Handshake, NONE, 0)]);
    }
}

/// RFC 3168 6.1.4, 6.1.5: neither pure acknowledgments nor what is sent again.
#[test]
fn only_new_data_may_be_marked() {
    for mut rig in [Rig::open(Setup::ecn()), Rig::accepted(Setup::ecn())] {
        rig.text_arrives(2 * FULL);
        assert_eq!(kinds(&rig.transmit()), [(Why::AckNow, NONE, 0)]);
        rig.write(3 * FULL);
        let sent = rig.transmit_one();
        assert_eq!((sent.why, sent.len, sent.ecn), (Why::NewData, 3 * FULL, ECT_0));
        let again = rig.sleep(ms(500));
        assert_eq!(kinds(&again), [(Why::Rto(1), NONE, 0)]);
        rig.ack_arrives();
        let fin = rig.shutdown();
        assert_eq!(kinds(&fin), [(Why::Fin, NONE, 0)]);
    }
}

/// RFC 3168 6.1.6, and no part of ECN is on a reset.
#[test]
fn probes_and_resets_are_not_capable() {
    let mut rig = Rig::open(Setup::ecn());
    rig.write(FULL);
    rig.transmit_one();
    let closed = Segment { window: 0, ..rig.ack() };
    rig.arrive(closed).unwrap();
    rig.write(FULL);
    let probes = rig.sleep(s(2));
    assert!(!probes.is_empty());
    for probe in &probes {
        assert_eq!((probe.why, probe.ecn, probe.len), (Why::ZeroWindowProbe, 0, 0));
    }
    let marked = Segment { ecn: CE, ..rig.text(1, 10) };
    rig.arrive(marked).unwrap();
    let reset = rig.close();
    assert_eq!(kinds(&reset), [(Why::Reset, NONE, 0)]);
}

/// RFC 3168 6.1.2: whatever the window was reduced for, the first new data says so.
#[test]
fn the_first_new_data_after_a_reduction_says_so() {
    let mut rig = Rig::open(Setup::ecn());
    rig.write(30 * FULL);
    rig.transmit();
    rig.duplicates_arrive(1, 3);
    let sent = rig.transmit();
    assert_eq!(kinds(&sent), [(Why::FastRetransmit, NONE, 0)]);
    rig.ack_arrives();
    let sent = rig.transmit();
    assert_eq!(kinds(&sent)[0], (Why::NewData, Flags::CWR, ECT_0));
    assert!(sent[1..].iter().all(|sent| ecn_flags(sent.flags) == NONE), "{sent:?}");
    // A time-out.
    let sent = rig.sleep(s(1));
    assert_eq!(kinds(&sent)[0], (Why::Rto(1), NONE, 0));
    rig.ack_arrives();
    assert_eq!(kinds(&rig.transmit())[0], (Why::NewData, Flags::CWR, ECT_0));
    assert_eq!(rig.echoes(), 0);
}
