use super::*;
use proptest::prelude::*;
use std::net::{Ipv4Addr, Ipv6Addr};

const SRC: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
const DST: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 7));

fn datagram_between(src: IpAddr, dst: IpAddr, ports: (u16, u16), payload: &[u8]) -> Vec<u8> {
    let mut header = HeaderBuf::new();
    emit(ports.0, ports.1, payload.len(), &mut header);
    let mut bytes = [&header[..], payload].concat();
    let sum = Sum::pseudo_header(src, dst, ip::UDP, bytes.len() as u32).add_bytes(&bytes);
    bytes[CHECKSUM_AT..][..2].copy_from_slice(&sum.finish_nonzero().to_be_bytes());
    bytes
}

fn datagram(payload: &[u8]) -> Vec<u8> {
    datagram_between(SRC, DST, (1024, 53), payload)
}

fn read(bytes: &[u8]) -> Result<Datagram, Malformed> {
    parse(bytes, SRC, DST, Checksum::Unverified)
}

proptest! {
    /// RFC 768; the pseudo-header of RFC 8200 8.1 for IPv6.
    #[test]
    fn what_is_emitted_is_read_back(
        src in any::<[u8; 16]>(),
        dst in any::<[u8; 16]>(),
        six in any::<bool>(),
        ports in any::<(u16, u16)>(),
        payload in proptest::collection::vec(any::<u8>(), 0..1500),
    ) {
        let address = |bytes: [u8; 16]| match six {
            true => IpAddr::V6(Ipv6Addr::from(bytes)),
            false => IpAddr::from([bytes[0], bytes[1], bytes[2], bytes[3]]),
        };
        let (src, dst) = (address(src), address(dst));
        let bytes = datagram_between(src, dst, ports, &payload);
        let got = parse(&bytes, src, dst, Checksum::Unverified).unwrap();
        prop_assert_eq!((got.src_port, got.dst_port), ports);
        prop_assert_eq!(&bytes[got.payload], &payload[..]);
    }

    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        for checksum in [Checksum::Unverified, Checksum::Verified] {
            if let Ok(got) = parse(&bytes, SRC, DST, checksum) {
                prop_assert_eq!(got.payload.start, HEADER_LEN);
                prop_assert!(got.payload.start <= got.payload.end);
                prop_assert!(got.payload.end <= bytes.len());
            }
        }
    }
}

#[test]
fn every_single_bit_flip_is_detected_at_even_and_odd_lengths() {
    for payload in [&b""[..], b"x", b"even", b"an odd number"] {
        let good = datagram(payload);
        assert!(read(&good).is_ok());
        for bit in 0..good.len() * 8 {
            let mut bytes = good.clone();
            bytes[bit / 8] ^= 0x80 >> (bit % 8);
            let error = read(&bytes).unwrap_err();
            let length = (32..48).contains(&bit);
            let named = error == Malformed::UdpChecksum || length && error == Malformed::UdpLength;
            assert!(named, "bit {bit}: {error:?}");
        }
    }
}

#[test]
fn the_checksum_covers_the_addresses() {
    let bytes = datagram(b"hello");
    let other = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 8));
    let got = parse(&bytes, SRC, other, Checksum::Unverified);
    assert_eq!(got, Err(Malformed::UdpChecksum));
    assert!(parse(&bytes, SRC, other, Checksum::Verified).is_ok(), "the device vouched for it");
}

#[test]
fn a_checksum_of_zero_means_none_rfc_768() {
    let mut bytes = datagram(b"hello");
    bytes[CHECKSUM_AT..][..2].fill(0);
    bytes[HEADER_LEN] ^= 0xff;
    let got = read(&bytes).unwrap();
    assert_eq!(&bytes[got.payload], b"\x97ello");
}

#[test]
fn a_computed_checksum_of_zero_is_sent_as_all_ones_rfc_768() {
    // Two bytes of payload that complement everything else.
    let rest = datagram(&[0, 0]);
    let complement = [rest[CHECKSUM_AT], rest[CHECKSUM_AT + 1]];
    let bytes = datagram(&complement);
    assert_eq!(bytes[CHECKSUM_AT..][..2], [0xff, 0xff]);
    assert!(read(&bytes).is_ok());
}

#[test]
fn a_datagram_cut_anywhere_is_an_error() {
    let good = datagram(b"seven b");
    for len in 0..good.len() {
        let expected =
            if len < HEADER_LEN { Malformed::UdpTruncated } else { Malformed::UdpLength };
        assert_eq!(read(&good[..len]), Err(expected), "{len} bytes");
    }
}

#[test]
fn lengths_below_the_header_or_beyond_the_packet_are_refused() {
    for len in [0u16, 1, 7, 12, 65_535] {
        let mut bytes = datagram(b"abc");
        bytes[4..6].copy_from_slice(&len.to_be_bytes());
        for checksum in [Checksum::Unverified, Checksum::Verified] {
            assert_eq!(parse(&bytes, SRC, DST, checksum), Err(Malformed::UdpLength), "{len}");
        }
    }
}

#[test]
fn what_follows_the_length_is_not_payload() {
    let mut bytes = datagram(b"abc");
    bytes.extend(b"not part of it");
    let got = read(&bytes).unwrap();
    assert_eq!(&bytes[got.payload], b"abc");
}
