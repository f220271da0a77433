use super::*;
use crate::tcp::testing::*;

#[test]
fn the_reset_looks_like_one_of_the_connection_rfc_9293_3_5_2_group_1() {
    let rig = Rig::open(Setup::default());
    let (none, there) = (SeqNum::default(), rig.ours(1));
    let bits = |bits: Flags, len| Segment { flags: bits, ..rig.text(9, len) };
    let end = |len| PEER_ISS + 9 + len;
    let answer = |segment| reset_for(&segment);
    let without_ack = Flags::RST | Flags::ACK;

    assert_eq!(answer(bits(Flags::ACK, 5)), Some((there, none, Flags::RST)));
    assert_eq!(answer(bits(Flags::SYN | Flags::ACK, 0)), Some((there, none, Flags::RST)));
    assert_eq!(answer(bits(Flags::SYN, 0)), Some((none, end(1), without_ack)));
    assert_eq!(answer(bits(Flags::FIN, 5)), Some((none, end(6), without_ack)));
    assert_eq!(answer(bits(Flags::default(), 5)), Some((none, end(5), without_ack)));
}

#[test]
fn a_reset_is_never_answered_rfc_9293_3_10_7_1() {
    let rig = Rig::open(Setup::default());
    for flags in [Flags::RST, Flags::RST | Flags::ACK, Flags::from_bits(0xff)] {
        assert_eq!(reset_for(&Segment { flags, ..rig.text(1, 5) }), None);
    }
}
