use super::*;
use proptest::prelude::*;

const REPR: Repr = Repr {
    src: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
    dst: IpAddr::V4(Ipv4Addr::new(198, 51, 100, 7)),
    protocol: TCP,
    ttl: 64,
    dscp: 0,
    ecn: 0,
    identification: 0x1234,
    dont_fragment: true,
};

/// Fills in the header checksum, as the cut of a burst does.
fn seal(packet: &mut [u8]) {
    let len = usize::from(packet[0] & 0xf) * 4;
    packet[IPV4_CHECKSUM_AT..][..2].fill(0);
    let sum = Sum::new().add_bytes(&packet[..len]).finish();
    packet[IPV4_CHECKSUM_AT..][..2].copy_from_slice(&sum.to_be_bytes());
}

fn packet(repr: &Repr, payload: &[u8]) -> Vec<u8> {
    let mut header = HeaderBuf::new();
    emit(repr, payload.len(), &mut header);
    let mut packet = [&header[..], payload].concat();
    seal(&mut packet);
    packet
}

/// A packet whose header carries `options`, a multiple of four bytes.
fn with_options(options: &[u8], payload: &[u8]) -> Vec<u8> {
    let plain = packet(&REPR, payload);
    let mut packet = [&plain[..IPV4_HEADER_LEN], options, payload].concat();
    packet[0] = 0x40 | ((IPV4_HEADER_LEN + options.len()) / 4) as u8;
    let total = packet.len() as u16;
    packet[IPV4_TOTAL_LEN_AT..][..2].copy_from_slice(&total.to_be_bytes());
    seal(&mut packet);
    packet
}

fn with_fragment_field(word: u16) -> Vec<u8> {
    let mut packet = packet(&REPR, b"part of a datagram");
    packet[6..8].copy_from_slice(&word.to_be_bytes());
    seal(&mut packet);
    packet
}

fn any_repr() -> impl Strategy<Value = Repr> {
    let numbers = (any::<u8>(), any::<u8>(), 0u8..64, 0u8..4, any::<u16>(), any::<bool>());
    (any::<[u8; 4]>(), any::<[u8; 4]>(), numbers).prop_map(
        |(src, dst, (protocol, ttl, dscp, ecn, identification, dont_fragment))| Repr {
            src: IpAddr::from(src),
            dst: IpAddr::from(dst),
            protocol,
            ttl,
            dscp,
            ecn,
            identification,
            dont_fragment,
        },
    )
}

proptest! {
    /// RFC 791 3.1.
    #[test]
    fn what_is_emitted_is_read_back(
        repr in any_repr(),
        payload in proptest::collection::vec(any::<u8>(), 0..100),
    ) {
        let packet = packet(&repr, &payload);
        let read = parse(&packet).unwrap();
        prop_assert_eq!((read.src, read.dst), (repr.src, repr.dst));
        prop_assert_eq!((read.protocol, read.ttl, read.ecn), (repr.protocol, repr.ttl, repr.ecn));
        prop_assert_eq!((read.dscp, read.identification), (repr.dscp, repr.identification));
        prop_assert_eq!(packet[6], if repr.dont_fragment { 0x40 } else { 0 });
        prop_assert_eq!((read.fragment, read.header_len), (None, IPV4_HEADER_LEN));
        prop_assert_eq!(&packet[read.payload], &payload[..]);
    }

    #[test]
    fn random_bytes_never_panic_and_ranges_lie_within(
        mut bytes in proptest::collection::vec(any::<u8>(), 0..120),
        plausible in any::<bool>(),
    ) {
        if plausible && !bytes.is_empty() {
            bytes[0] = 0x40 | bytes[0] & 0xf;
        }
        let header_len = bytes.first().map_or(0, |&first| usize::from(first & 0xf) * 4);
        if plausible && header_len >= IPV4_HEADER_LEN && bytes.len() >= header_len {
            seal(&mut bytes);
        }
        if let Ok(read) = parse(&bytes) {
            prop_assert!(read.header_len >= IPV4_HEADER_LEN);
            prop_assert_eq!(read.payload.start, read.header_len);
            prop_assert!(read.payload.start <= read.payload.end);
            prop_assert!(read.payload.end <= bytes.len());
        }
    }

    /// RFC 1122 3.2.1.2 [MUST]. (Flips of the header length change what is summed; they have a
    /// test of their own.)
    #[test]
    fn a_flipped_bit_in_the_header_never_passes(
        repr in any_repr(),
        payload in proptest::collection::vec(any::<u8>(), 0..100),
        bit in (0usize..IPV4_HEADER_LEN * 8).prop_filter("header length", |bit| !(4..8).contains(bit)),
    ) {
        let mut packet = packet(&repr, &payload);
        packet[bit / 8] ^= 0x80 >> (bit % 8);
        prop_assert!(parse(&packet).is_err());
    }
}

#[test]
fn every_single_bit_flip_in_the_header_is_named_rfc_1122_3_2_1_2() {
    let good = packet(&REPR, b"some payload, long enough for the longest header there is....");
    assert!(parse(&good).is_ok());
    for bit in 0..IPV4_HEADER_LEN * 8 {
        let mut packet = good.clone();
        packet[bit / 8] ^= 0x80 >> (bit % 8);
        let error = parse(&packet).unwrap_err();
        let expected: &[Malformed] = match bit {
            0..4 => &[Malformed::IpVersion],
            4..8 => &[Malformed::IpHeaderLength, Malformed::IpChecksum],
            16..32 => &[Malformed::IpTotalLength, Malformed::IpChecksum],
            _ => &[Malformed::IpChecksum],
        };
        assert!(expected.contains(&error), "bit {bit}: {error:?}");
    }
}

#[test]
fn a_packet_cut_anywhere_is_an_error() {
    for good in [packet(&REPR, b"payload"), with_options(&[1; 8], b"payload")] {
        let header_len = parse(&good).unwrap().header_len;
        for len in 0..good.len() {
            let expected = match len {
                0..IPV4_HEADER_LEN => Malformed::IpTruncated,
                _ if len < header_len => Malformed::IpHeaderLength,
                _ => Malformed::IpTotalLength,
            };
            assert_eq!(parse(&good[..len]), Err(expected), "{len} bytes");
        }
    }
}

#[test]
fn other_versions_are_refused() {
    for version in (0..16).filter(|&version| version != 4) {
        let mut packet = packet(&REPR, b"");
        packet[0] = version << 4 | 5;
        seal(&mut packet);
        assert_eq!(parse(&packet), Err(Malformed::IpVersion), "{version}");
    }
}

#[test]
fn header_lengths_below_five_words_or_beyond_the_packet_are_refused() {
    for words in (0..5).chain(8..16) {
        let mut packet = packet(&REPR, b"12345678901");
        packet[0] = 0x40 | words;
        assert_eq!(parse(&packet), Err(Malformed::IpHeaderLength), "{words} words");
    }
}

#[test]
fn total_lengths_below_the_header_or_beyond_the_packet_are_refused() {
    for total in [0u16, 19, 24, 65_535] {
        let mut packet = packet(&REPR, b"abc");
        packet[IPV4_TOTAL_LEN_AT..][..2].copy_from_slice(&total.to_be_bytes());
        seal(&mut packet);
        assert_eq!(parse(&packet), Err(Malformed::IpTotalLength), "{total}");
    }
    // It may not even cut into the options.
    let mut packet = with_options(&[1; 4], b"");
    packet[IPV4_TOTAL_LEN_AT + 1] = 23;
    seal(&mut packet);
    assert_eq!(parse(&packet), Err(Malformed::IpTotalLength));
}

#[test]
fn link_padding_after_the_total_length_is_left_out() {
    let mut padded = packet(&REPR, b"abc");
    padded.extend([0xee; 23]);
    let read = parse(&padded).unwrap();
    assert_eq!(&padded[read.payload], b"abc");
}

#[test]
fn the_payload_starts_after_the_options_rfc_791_3_1() {
    for words in 1..=10 {
        let options: Vec<u8> = (0..words * 4).map(|at| at as u8 | 1).collect();
        let packet = with_options(&options, b"text");
        let read = parse(&packet).unwrap();
        assert_eq!(read.header_len, IPV4_HEADER_LEN + options.len());
        assert_eq!(&packet[read.payload], b"text");
        for at in 0..options.len() {
            let mut flipped = packet.clone();
            flipped[IPV4_HEADER_LEN + at] ^= 0x10;
            assert_eq!(parse(&flipped), Err(Malformed::IpChecksum), "the checksum covers options");
        }
    }
}

#[test]
fn fragments_are_reported_in_bytes_rfc_791_3_2() {
    let fragment = |word| parse(&with_fragment_field(word)).unwrap().fragment;
    assert_eq!(fragment(0x0000), None);
    assert_eq!(fragment(0x4000), None, "DF alone is no fragment");
    assert_eq!(fragment(0x2000), Some(Fragment { offset: 0, more: true }));
    assert_eq!(fragment(0x2001), Some(Fragment { offset: 8, more: true }));
    assert_eq!(fragment(0x00b9), Some(Fragment { offset: 1480, more: false }));
    assert_eq!(fragment(0x1fff), Some(Fragment { offset: 65_528, more: false }));
}

#[test]
fn a_burst_longer_than_a_packet_writes_its_length_modulo_2_to_the_16() {
    let mut header = HeaderBuf::new();
    emit(&REPR, 65_535, &mut header);
    assert_eq!(header[IPV4_TOTAL_LEN_AT..][..2], 19u16.to_be_bytes());
    assert_eq!(header[IPV4_CHECKSUM_AT..][..2], [0, 0]);
}
