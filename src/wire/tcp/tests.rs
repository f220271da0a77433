use super::*;
use crate::wire::tcp_options::{SackBlock, Timestamps};
use proptest::prelude::*;
use std::net::{Ipv4Addr, Ipv6Addr};

const SRC: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
const DST: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 7));

/// Fills in the checksum, as the cut of a burst does.
fn seal(bytes: &mut [u8], src: IpAddr, dst: IpAddr) {
    bytes[CHECKSUM_AT..][..2].fill(0);
    let sum = Sum::pseudo_header(src, dst, ip::TCP, bytes.len() as u32).add_bytes(bytes).finish();
    bytes[CHECKSUM_AT..][..2].copy_from_slice(&sum.to_be_bytes());
}

fn bytes_between(segment: &Segment, src: IpAddr, dst: IpAddr) -> Vec<u8> {
    let mut header = HeaderBuf::new();
    emit(segment, &mut header);
    let mut bytes = [&header[..], &segment.payload].concat();
    seal(&mut bytes, src, dst);
    bytes
}

fn bytes_of(segment: &Segment) -> Vec<u8> {
    bytes_between(segment, SRC, DST)
}

fn read(bytes: &[u8]) -> Result<Segment, Malformed> {
    parse(Bytes::copy_from_slice(bytes), SRC, DST, Checksum::Unverified)
}

fn segment(payload: &'static [u8]) -> Segment {
    Segment {
        src_port: 49_152,
        dst_port: 80,
        seq: SeqNum::new(0xffff_fff0),
        ack: SeqNum::new(7),
        flags: Flags::ACK | Flags::PSH,
        window: 502,
        urgent: 0,
        options: Options {
            timestamps: Some(Timestamps { tsval: 1, tsecr: 2 }),
            ..Options::default()
        },
        ecn: 0,
        payload: Bytes::from_static(payload),
    }
}

fn any_options() -> impl Strategy<Value = Options> {
    let block = any::<(u32, u32)>()
        .prop_map(|(left, right)| SackBlock { left: SeqNum::new(left), right: SeqNum::new(right) });
    let times = any::<Option<(u32, u32)>>()
        .prop_map(|times| times.map(|(tsval, tsecr)| Timestamps { tsval, tsecr }));
    let blocks = proptest::collection::vec(block, 0..=4);
    (any::<Option<u16>>(), any::<Option<u8>>(), any::<bool>(), times, blocks).prop_map(
        |(mss, window_scale, sack_permitted, timestamps, blocks)| {
            let mut options =
                Options { mss, window_scale, sack_permitted, timestamps, ..Options::default() };
            let room = (36 - options.len()) / 8;
            options.sack = blocks.into_iter().take(room).collect();
            options
        },
    )
}

fn any_segment() -> impl Strategy<Value = Segment> {
    let numbers = any::<(u32, u32, u8, u16, u16)>();
    let payload = proptest::collection::vec(any::<u8>(), 0..200);
    (1..=u16::MAX, 1..=u16::MAX, numbers, any_options(), payload).prop_map(
        |(src_port, dst_port, (seq, ack, flags, window, urgent), options, payload)| Segment {
            src_port,
            dst_port,
            seq: SeqNum::new(seq),
            ack: SeqNum::new(ack),
            flags: Flags::from_bits(flags),
            window,
            urgent,
            options,
            ecn: 0,
            payload: payload.into(),
        },
    )
}

proptest! {
    /// RFC 9293 3.1.
    #[test]
    fn what_is_emitted_is_read_back(
        segment in any_segment(),
        addresses in any::<([u8; 16], [u8; 16])>(),
        six in any::<bool>(),
    ) {
        let address = |bytes: [u8; 16]| match six {
            true => IpAddr::V6(Ipv6Addr::from(bytes)),
            false => IpAddr::from([bytes[0], bytes[1], bytes[2], bytes[3]]),
        };
        let (src, dst) = (address(addresses.0), address(addresses.1));
        let bytes = Bytes::from(bytes_between(&segment, src, dst));
        prop_assert_eq!(parse(bytes, src, dst, Checksum::Unverified).unwrap(), segment);
    }

    #[test]
    fn every_flipped_bit_is_detected(
        segment in any_segment(),
        at in any::<proptest::sample::Index>(),
    ) {
        let mut bytes = bytes_of(&segment);
        let bit = at.index(bytes.len() * 8);
        bytes[bit / 8] ^= 0x80 >> (bit % 8);
        let error = read(&bytes).unwrap_err();
        let offset = (96..100).contains(&bit);
        prop_assert!(error == Malformed::TcpChecksum || offset && error == Malformed::TcpDataOffset);
    }

    #[test]
    fn random_bytes_never_panic(
        mut bytes in proptest::collection::vec(any::<u8>(), 0..100),
        sealed in any::<bool>(),
    ) {
        if sealed && bytes.len() >= HEADER_LEN {
            seal(&mut bytes, SRC, DST);
        }
        let whole = Bytes::from(bytes);
        for checksum in [Checksum::Unverified, Checksum::Verified] {
            if let Ok(got) = parse(whole.clone(), SRC, DST, checksum) {
                prop_assert!(got.payload.len() + HEADER_LEN <= whole.len());
                prop_assert!(got.src_port != 0 && got.dst_port != 0);
            }
        }
    }
}

#[test]
fn every_single_bit_flip_is_detected_at_even_and_odd_lengths_rfc_9293_3_1_must_3() {
    for payload in [&b""[..], b"x", b"even", b"an odd number"] {
        let good = bytes_of(&segment(payload));
        assert!(read(&good).is_ok());
        for bit in 0..good.len() * 8 {
            let mut bytes = good.clone();
            bytes[bit / 8] ^= 0x80 >> (bit % 8);
            let error = read(&bytes).unwrap_err();
            let offset = (96..100).contains(&bit) && error == Malformed::TcpDataOffset;
            assert!(error == Malformed::TcpChecksum || offset, "bit {bit}: {error:?}");
        }
    }
}

#[test]
fn the_checksum_covers_the_addresses() {
    let bytes = Bytes::from(bytes_of(&segment(b"text")));
    let other = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2));
    let got = parse(bytes.clone(), other, DST, Checksum::Unverified);
    assert_eq!(got, Err(Malformed::TcpChecksum));
    assert!(parse(bytes, other, DST, Checksum::Verified).is_ok(), "the device vouched for it");
}

#[test]
fn a_segment_cut_anywhere_is_an_error_or_fails_its_checksum() {
    let good = Bytes::from(bytes_of(&segment(b"some text")));
    let header = good.len() - b"some text".len();
    for len in 0..good.len() {
        let expected = match len {
            0..HEADER_LEN => Malformed::TcpTruncated,
            _ if len < header => Malformed::TcpDataOffset,
            _ => Malformed::TcpChecksum,
        };
        let cut = good.slice(..len);
        assert_eq!(
            parse(cut.clone(), SRC, DST, Checksum::Unverified),
            Err(expected),
            "{len} bytes"
        );
        let vouched = parse(cut, SRC, DST, Checksum::Verified);
        match vouched {
            Ok(got) => assert_eq!(got.payload, b"some text"[..len - header]),
            Err(error) => assert_eq!(error, expected),
        }
    }
}

#[test]
fn data_offsets_below_five_words_or_beyond_the_segment_are_refused() {
    for words in (0..5).chain(11..16) {
        let mut bytes = bytes_of(&segment(b"12345678"));
        bytes[12] = words << 4;
        seal(&mut bytes, SRC, DST);
        assert_eq!(read(&bytes), Err(Malformed::TcpDataOffset), "{words} words");
    }
}

#[test]
fn port_zero_is_refused() {
    for (src_port, dst_port) in [(0, 80), (49_152, 0), (0, 0)] {
        let bytes = bytes_of(&Segment { src_port, dst_port, ..segment(b"") });
        assert_eq!(read(&bytes), Err(Malformed::TcpPortZero));
    }
}

#[test]
fn the_reserved_bits_are_ignored_rfc_9293_3_1() {
    let plain = segment(b"text");
    let mut bytes = bytes_of(&plain);
    bytes[12] |= 0x0f;
    seal(&mut bytes, SRC, DST);
    assert_eq!(read(&bytes), Ok(plain));
}

#[test]
fn the_payload_is_a_slice_not_a_copy() {
    let bytes = Bytes::from(bytes_of(&segment(b"text")));
    let got = parse(bytes.clone(), SRC, DST, Checksum::Unverified).unwrap();
    assert_eq!(got.payload.as_ptr(), bytes[bytes.len() - 4..].as_ptr());
}

#[test]
fn syn_and_fin_take_sequence_space_rfc_9293_3_3_1() {
    let of = |flags| Segment { flags, ..segment(b"abc") };
    assert_eq!(of(Flags::ACK).seq_len(), 3);
    assert_eq!(of(Flags::SYN).seq_len(), 4);
    assert_eq!(of(Flags::SYN | Flags::FIN).seq_len(), 5);
    let across = Segment { seq: SeqNum::new(u32::MAX), ..of(Flags::FIN) };
    assert_eq!(across.seq_end(), SeqNum::new(3));
    assert_eq!(of(Flags::SYN).ack(), None);
    assert_eq!(of(Flags::ACK).ack(), Some(SeqNum::new(7)));
}

#[test]
fn flags_read_as_words() {
    assert_eq!(Flags::default().to_string(), "none");
    assert_eq!((Flags::SYN | Flags::ACK).to_string(), "SYN,ACK");
    let all = Flags::from_bits(0xff);
    assert_eq!(all.to_string(), "FIN,SYN,RST,PSH,ACK,URG,ECE,CWR");
    assert_eq!(all.without(Flags::from_bits(0xfe)), Flags::FIN);
    assert!(!Flags::SYN.contains(Flags::SYN | Flags::ACK));
}
