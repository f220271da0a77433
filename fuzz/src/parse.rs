//! Every parser of `wire` on a packet, as it is and with its checksums mended.

use std::net::{IpAddr, Ipv4Addr};

use bytes::Bytes;
use glasstcp::wire::ip::Repr;
use glasstcp::wire::tcp_options::Options;
use glasstcp::wire::{Checksum, HeaderBuf, icmp, ip, tcp, tcp_options, udp};

use super::craft;

const SRC: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
const DST: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2));

/// Reads `data` as everything it could be.
pub fn run(data: &[u8]) {
    check_options(&data[..data.len().min(40)]);
    check_packet(&Bytes::copy_from_slice(data));
    let mut mended = data.to_vec();
    craft::fix_checksums(&mut mended);
    check_packet(&mended.into());
    let transport = Bytes::copy_from_slice(data);
    for protocol in [ip::TCP, ip::UDP, ip::ICMP] {
        check_transport(&transport, protocol, SRC, DST);
    }
}

fn check_packet(packet: &Bytes) {
    let Ok(datagram) = ip::parse(packet) else { return };
    assert!(datagram.header_len >= ip::IPV4_HEADER_LEN && datagram.header_len <= 60);
    assert_eq!(datagram.payload.start, datagram.header_len);
    let transport = packet.slice(datagram.payload.clone()); // panics if it is not in bounds
    let mut bytes = HeaderBuf::new();
    let repr = Repr {
        src: datagram.src,
        dst: datagram.dst,
        protocol: datagram.protocol,
        ttl: datagram.ttl,
        dscp: datagram.dscp,
        ecn: datagram.ecn,
        identification: datagram.identification,
        dont_fragment: true,
    };
    ip::emit(&repr, 0, &mut bytes);
    // The protocol that no transport has: the checksum of the payload is left alone.
    let again = craft::packet(&Repr { protocol: 255, ..repr }, &[], transport.clone());
    let expected = ip::Datagram {
        protocol: 255,
        fragment: None,
        header_len: ip::IPV4_HEADER_LEN,
        payload: ip::IPV4_HEADER_LEN..ip::IPV4_HEADER_LEN + transport.len(),
        ..datagram
    };
    // Options are not emitted, so it is never longer than it was.
    assert_eq!(ip::parse(&again), Ok(expected));
    check_transport(&transport, repr.protocol, repr.src, repr.dst);
}

fn check_transport(transport: &Bytes, protocol: u8, src: IpAddr, dst: IpAddr) {
    let (ttl, dscp, ecn, identification, dont_fragment) = (64, 0, 0, 0, false);
    let repr = Repr { src, dst, protocol, ttl, dscp, ecn, identification, dont_fragment };
    // What is built is verified as a packet that came from outside.
    let rebuilt = |header: &HeaderBuf, payload: Bytes| {
        let packet = craft::packet(&repr, header, payload);
        packet.slice(ip::parse(&packet).expect("what we built can be read").payload)
    };
    let mut header = HeaderBuf::new();
    match protocol {
        ip::TCP => check_tcp(transport, src, dst, rebuilt),
        ip::UDP => {
            let verified = udp::parse(transport, src, dst, Checksum::Unverified);
            let Ok(datagram) = udp::parse(transport, src, dst, Checksum::Verified) else {
                return assert!(verified.is_err(), "a checksum makes no datagram good");
            };
            let payload = transport.slice(datagram.payload.clone());
            udp::emit(datagram.src_port, datagram.dst_port, payload.len(), &mut header);
            if payload.len() + 28 <= 65_535 {
                let again = rebuilt(&header, payload);
                assert_eq!(udp::parse(&again, src, dst, Checksum::Unverified), Ok(datagram));
            }
        }
        ip::ICMP => {
            let Ok(message) = icmp::parse(transport) else { return };
            let payload = transport.slice(message.payload.clone());
            check_quote(&payload);
            icmp::emit(message.kind, message.code, message.rest, &mut header);
            assert_eq!(icmp::parse(&rebuilt(&header, payload)), Ok(message));
        }
        _ => {}
    }
}

/// What an ICMP error quotes reads as the whole packet would.
fn check_quote(quoted: &[u8]) {
    let (Ok(quote), Ok(whole)) = (icmp::parse_quote(quoted), ip::parse(quoted)) else { return };
    assert_eq!((quote.src, quote.dst), (whole.src, whole.dst));
    assert_eq!((quote.protocol, quote.total_len.into()), (whole.protocol, whole.payload.end));
}

fn check_tcp(
    transport: &Bytes,
    src: IpAddr,
    dst: IpAddr,
    rebuilt: impl Fn(&HeaderBuf, Bytes) -> Bytes,
) {
    let verified = tcp::parse(transport.clone(), src, dst, Checksum::Unverified);
    let Ok(segment) = tcp::parse(transport.clone(), src, dst, Checksum::Verified) else {
        return assert!(verified.is_err(), "a checksum makes no segment good");
    };
    assert!(verified.is_err() || verified.as_ref() == Ok(&segment));
    let mut header = HeaderBuf::new();
    tcp::emit(&segment, &mut header);
    assert_eq!(header.len(), tcp::HEADER_LEN + segment.options.len());
    // Our options are never longer than 40 bytes, but padding may make them longer than they were.
    if header.len() + segment.payload.len() + ip::IPV4_HEADER_LEN > 65_535 {
        return;
    }
    let again = rebuilt(&header, segment.payload.clone());
    let again = tcp::parse(again, src, dst, Checksum::Unverified).expect("what we built is good");
    assert_same_options(&segment.options, &again.options);
    let options = segment.options.clone();
    assert_eq!(tcp::Segment { options, ..again }, segment);
}

fn check_options(area: &[u8]) {
    let options = tcp_options::parse(area);
    assert!(options.len() <= 40 && options.len().is_multiple_of(4));
    let mut out = HeaderBuf::new();
    options.emit(&mut out);
    assert_eq!(out.len(), options.len());
    assert_same_options(&options, &tcp_options::parse(&out));
}

/// Of SACK blocks the last may find no room.
fn assert_same_options(before: &Options, after: &Options) {
    assert!(before.sack.starts_with(&after.sack), "{before:?} became {after:?}");
    assert!(after.sack.len() + 1 >= before.sack.len(), "{before:?} became {after:?}");
    let sack = before.sack.clone();
    assert_eq!(&Options { sack, ..after.clone() }, before);
}
