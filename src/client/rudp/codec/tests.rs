use proptest::prelude::*;

use super::*;

fn bytes(text: &[u8]) -> Bytes {
    Bytes::copy_from_slice(text)
}

/// As Python writes them: `b'data|1|a|b|%d' % binascii.crc32(b'data|1|a|b|')`.
#[test]
fn packets_are_as_others_write_them() {
    assert_eq!(piece(Kind::Start, 0, b"hello"), "start|0|hello|1374653333");
    assert_eq!(piece(Kind::Data, 1, b"a|b|"), "data|1|a|b||3904625180");
    assert_eq!(piece(Kind::End, 2, b""), "end|2||3331401388");
    assert_eq!(Answer { next: 3, beyond: None }.packet(), "ack|3|2968308176");
    assert_eq!(Answer { next: 3, beyond: Some(vec![5, 6]) }.packet(), "sack|3;5,6|2211952226");
    assert_eq!(Answer { next: 3, beyond: Some(vec![]) }.packet(), "sack|3;|1752933153");
}

#[test]
fn what_is_written_is_read() {
    let read = parse(&bytes(b"data|1|a|b||3904625180"));
    assert_eq!(read, Ok(Packet::Piece { kind: Kind::Data, seq: 1, data: bytes(b"a|b|") }));
    let answer = Answer { next: 3, beyond: Some(vec![5, 6]) };
    assert_eq!(parse(&answer.packet()), Ok(Packet::Answer(answer)));
    // Without the semicolon too, as some write it when there is nothing beyond.
    let read = parse(&seal(b"sack|3|".to_vec()));
    assert_eq!(read, Ok(Packet::Answer(Answer { next: 3, beyond: Some(vec![]) })));
}

#[test]
fn the_longest_packet_is_as_long_as_it_may_be() {
    let longest = piece(Kind::Start, u32::MAX, &[b'|'; MAX_DATA]);
    assert!(longest.len() <= MAX_PACKET && longest.len() >= MAX_PACKET - 9, "{}", longest.len());
    assert!(parse(&longest).is_ok());
    let all = Answer { next: u32::MAX, beyond: Some(vec![u32::MAX; 1000]) }.packet();
    assert!(all.len() <= MAX_PACKET && parse(&all).is_ok(), "{}", all.len());
}

#[test]
fn what_is_wrong_is_told_apart() {
    for (body, expected) in [
        ("nonsense|0|x|", Malformed::Form),
        ("data|-1|x|", Malformed::Form),
        ("data|+1|x|", Malformed::Form),
        ("data||x|", Malformed::Form),
        ("data|4294967296|x|", Malformed::Form),
        ("data|1|", Malformed::Form),
        ("data|", Malformed::Form),
        ("|", Malformed::Form),
        ("ack|", Malformed::Form),
        ("ack|3;4|", Malformed::Form),
        ("sack|3;4,|", Malformed::Form),
        ("sack|;4|", Malformed::Form),
        ("sack|3;4;5|", Malformed::Form),
    ] {
        assert_eq!(parse(&seal(body.into())), Err(expected), "{body}");
    }
    for text in ["", "data", "data|1|x|", "data|1|x|12", "data|1|x|3904625180", "ack|3|+2968308176"]
    {
        assert_eq!(parse(&bytes(text.as_bytes())), Err(Malformed::Checksum), "{text}");
    }
    let long = seal([b"data|1|".as_slice(), &[0; MAX_PACKET], b"|"].concat());
    assert_eq!(parse(&long), Err(Malformed::TooLong));
}

proptest! {
    #[test]
    fn any_piece_comes_back(
        kind in prop_oneof![Just(Kind::Start), Just(Kind::Data), Just(Kind::End)],
        seq: u32,
        data in prop::collection::vec(prop_oneof![Just(b'|'), any::<u8>()], 0..=MAX_DATA),
    ) {
        let packet = piece(kind, seq, &data);
        prop_assert!(packet.len() <= MAX_PACKET);
        prop_assert_eq!(parse(&packet), Ok(Packet::Piece { kind, seq, data: data.into() }));
    }

    #[test]
    fn any_answer_comes_back(next: u32, beyond in prop::option::of(prop::collection::vec(any::<u32>(), 0..=MAX_BEYOND))) {
        let answer = Answer { next, beyond };
        prop_assert_eq!(parse(&answer.packet()), Ok(Packet::Answer(answer)));
    }

    #[test]
    fn noise_does_no_harm(noise in prop::collection::vec(prop_oneof![Just(b'|'), Just(b';'), Just(b','), b'0'..=b'9', any::<u8>()], 0..200)) {
        let _ = parse(&bytes(&noise));
        // And behind a checksum that is right.
        let _ = parse(&seal(noise));
    }

    /// CRC-32 finds every single bit that is turned over, wherever it is.
    #[test]
    fn a_bit_that_is_turned_over_is_found(
        data in prop::collection::vec(any::<u8>(), 0..100),
        place: prop::sample::Index,
    ) {
        let mut packet = piece(Kind::Data, 7, &data).to_vec();
        let bit = place.index(packet.len() * 8);
        packet[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(parse(&packet.into()).is_err());
    }
}
