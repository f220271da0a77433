use super::*;
use proptest::prelude::*;

fn message(kind: u8, code: u8, rest: [u8; 4], payload: &[u8]) -> Vec<u8> {
    let mut header = HeaderBuf::new();
    emit(kind, code, rest, &mut header);
    let mut bytes = [&header[..], payload].concat();
    let sum = Sum::new().add_bytes(&bytes).finish();
    bytes[CHECKSUM_AT..][..2].copy_from_slice(&sum.to_be_bytes());
    bytes
}

proptest! {
    /// RFC 792.
    #[test]
    fn what_is_emitted_is_read_back(
        kind in any::<u8>(),
        code in any::<u8>(),
        rest in any::<[u8; 4]>(),
        payload in proptest::collection::vec(any::<u8>(), 0..1500),
    ) {
        let bytes = message(kind, code, rest, &payload);
        let got = parse(&bytes).unwrap();
        prop_assert_eq!((got.kind, got.code, got.rest), (kind, code, rest));
        prop_assert_eq!(&bytes[got.payload], &payload[..]);
    }

    #[test]
    fn every_flipped_bit_is_detected(
        payload in proptest::collection::vec(any::<u8>(), 0..80),
        at in any::<proptest::sample::Index>(),
    ) {
        let mut bytes = message(ECHO_REQUEST, 0, [1, 2, 3, 4], &payload);
        let bit = at.index(bytes.len() * 8);
        bytes[bit / 8] ^= 0x80 >> (bit % 8);
        prop_assert_eq!(parse(&bytes), Err(Malformed::IcmpChecksum));
    }

    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        if let Ok(got) = parse(&bytes) {
            prop_assert_eq!(got.payload, HEADER_LEN..bytes.len());
        }
    }
}

#[test]
fn every_single_bit_flip_is_detected_at_even_and_odd_lengths() {
    for payload in [&b""[..], b"x", b"even", b"an odd number"] {
        let good = message(ECHO_REQUEST, 0, [0, 1, 0, 2], payload);
        for bit in 0..good.len() * 8 {
            let mut bytes = good.clone();
            bytes[bit / 8] ^= 0x80 >> (bit % 8);
            assert_eq!(parse(&bytes), Err(Malformed::IcmpChecksum), "bit {bit}");
        }
    }
}

#[test]
fn a_message_cut_anywhere_is_an_error() {
    let good = message(ECHO_REQUEST, 0, [0, 1, 0, 2], b"payload");
    for len in 0..good.len() {
        let expected =
            if len < HEADER_LEN { Malformed::IcmpTruncated } else { Malformed::IcmpChecksum };
        assert_eq!(parse(&good[..len]), Err(expected), "{len} bytes");
    }
}
