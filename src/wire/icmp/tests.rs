use std::net::Ipv4Addr;

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

/// A packet of TCP or UDP from 10.9.0.2 as far as its transport header goes.
fn packet(repr: &ip::Repr, transport: &[u8]) -> Vec<u8> {
    let mut header = HeaderBuf::new();
    ip::emit(repr, 1000, &mut header);
    [&header[..], transport].concat()
}

const REPR: ip::Repr = ip::Repr {
    src: IpAddr::V4(Ipv4Addr::new(10, 9, 0, 2)),
    dst: IpAddr::V4(Ipv4Addr::new(10, 9, 0, 1)),
    protocol: ip::TCP,
    ttl: 64,
    dscp: 0,
    ecn: 0,
    identification: 1,
    dont_fragment: true,
};

/// RFC 792, RFC 1122 3.2.2.1, RFC 1812 5.2.7.1.
#[test]
fn what_each_type_and_code_reports() {
    use Report::*;
    let mtu = FragmentationNeeded { mtu: 1400 };
    let unreachable = [
        NetworkUnreachable,
        HostUnreachable,
        ProtocolUnreachable,
        PortUnreachable,
        mtu,
        HostUnreachable,
        NetworkUnknown,
        HostUnknown,
        HostUnknown,
        NetworkProhibited,
        HostProhibited,
        NetworkUnreachable,
        HostUnreachable,
        Prohibited,
        Prohibited,
        Prohibited,
    ];
    for kind in 0..=255 {
        for code in 0..=255 {
            let bytes = message(kind, code, [0, 0, 5, 120], &[]);
            let expected = match kind {
                3 => unreachable.get(usize::from(code)).copied(),
                11 => Some(TimeExceeded),
                12 => Some(ParameterProblem),
                _ => None,
            };
            assert_eq!(parse(&bytes).unwrap().report(), expected, "type {kind}, code {code}");
        }
    }
}

proptest! {
    #[test]
    fn the_beginning_of_a_packet_is_read_back(
        (src, dst) in any::<([u8; 4], [u8; 4])>(),
        protocol in any::<u8>(),
        (src_port, dst_port) in any::<(u16, u16)>(),
        seq in any::<u32>(),
        more in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        let repr = ip::Repr { src: src.into(), dst: dst.into(), protocol, ..REPR };
        let mut transport = [src_port.to_be_bytes(), dst_port.to_be_bytes()].concat();
        transport.extend(seq.to_be_bytes());
        transport.extend(more);
        let quote = Quote {
            src: repr.src,
            dst: repr.dst,
            protocol,
            total_len: 1020,
            src_port,
            dst_port,
            seq: SeqNum::new(seq),
            header_len: ip::IPV4_HEADER_LEN,
        };
        prop_assert_eq!(parse_quote(&packet(&repr, &transport)), Ok(quote));
    }

    #[test]
    fn random_quotes_never_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
        let _ = parse_quote(&bytes);
        if let Some(first) = bytes.first_mut() {
            *first = 0x40 | (*first & 15);
        }
        let _ = parse_quote(&bytes);
    }
}

#[test]
fn a_quote_has_a_header_and_eight_octets() {
    let whole = packet(&REPR, &[7; 8]);
    for len in 0..whole.len() {
        let expected = if len < ip::IPV4_HEADER_LEN {
            Malformed::IcmpQuoteHeader
        } else {
            Malformed::IcmpQuoteTruncated
        };
        assert_eq!(parse_quote(&whole[..len]), Err(expected), "{len} bytes");
    }
    for first in [0x60, 0x44, 0x4f] {
        let mut bytes = whole.clone();
        bytes[0] = first;
        assert_eq!(parse_quote(&bytes), Err(Malformed::IcmpQuoteHeader), "{first:#x}");
    }
}

#[test]
fn a_quoted_header_may_have_options_and_any_checksum() {
    let mut bytes = packet(&REPR, &[0; 12]);
    bytes[0] = 0x46;
    bytes[24..].copy_from_slice(&[0, 80, 1, 0, 0, 0, 0, 9]);
    bytes[ip::IPV4_CHECKSUM_AT] = 0x55;
    let quote = parse_quote(&bytes).unwrap();
    assert_eq!((quote.src_port, quote.dst_port, quote.seq), (80, 256, SeqNum::new(9)));
}

#[test]
fn only_a_first_fragment_has_ports() {
    for (field, expected) in [
        (0x2000u16, None),
        (0x4000, None),
        (0x0001, Some(Malformed::IcmpQuoteFragment)),
        (0x3fff, Some(Malformed::IcmpQuoteFragment)),
    ] {
        let mut bytes = packet(&REPR, &[7; 8]);
        bytes[6..8].copy_from_slice(&field.to_be_bytes());
        assert_eq!(parse_quote(&bytes).err(), expected, "{field:#x}");
    }
}
