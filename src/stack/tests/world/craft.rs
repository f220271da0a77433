//! Packets that no stack made.

use std::net::SocketAddr;

use bytes::Bytes;

use crate::device::gso;
use crate::wire::checksum::{Sum, replaced};
use crate::wire::ip::{self, Repr};
use crate::wire::tcp::{self, Flags, Segment};
use crate::wire::tcp_options::{Options, Timestamps};
use crate::wire::{HeaderBuf, SeqNum, icmp, udp};

fn repr(from: SocketAddr, to: SocketAddr, protocol: u8) -> Repr {
    Repr {
        src: from.ip(),
        dst: to.ip(),
        protocol,
        ttl: 64,
        dscp: 0,
        ecn: 0,
        identification: 1,
        dont_fragment: true,
    }
}

/// A segment without options.
pub(in crate::stack::tests) fn segment(
    from: SocketAddr,
    to: SocketAddr,
    seq: SeqNum,
    ack: SeqNum,
    flags: Flags,
) -> Segment {
    Segment {
        src_port: from.port(),
        dst_port: to.port(),
        seq,
        ack,
        flags,
        window: 1000,
        urgent: 0,
        options: Options::default(),
        ecn: 0,
        payload: Bytes::new(),
    }
}

/// The same with timestamps.
pub(in crate::stack::tests) fn stamped(segment: Segment, tsval: u32, tsecr: u32) -> Segment {
    let timestamps = Some(Timestamps { tsval, tsecr });
    Segment { options: Options { timestamps, ..segment.options }, ..segment }
}

/// The packet of a segment, with good checksums.
pub(in crate::stack::tests) fn tcp(from: SocketAddr, to: SocketAddr, segment: &Segment) -> Bytes {
    let mut transport = HeaderBuf::new();
    tcp::emit(segment, &mut transport);
    let repr = Repr { ecn: segment.ecn, ..repr(from, to, ip::TCP) };
    gso::packet(&repr, &transport, segment.payload.clone())
}

/// The packet marked "congestion experienced", if its transport is capable of ECN.
pub(in crate::stack::tests) fn marked(packet: &Bytes) -> Bytes {
    let mut bytes = packet.to_vec();
    if bytes[1] & ip::CE != 0 {
        let before = u16::from_be_bytes([bytes[0], bytes[1]]);
        bytes[1] |= ip::CE;
        let after = u16::from_be_bytes([bytes[0], bytes[1]]);
        let at = ip::IPV4_CHECKSUM_AT;
        let sum = u16::from_be_bytes([bytes[at], bytes[at + 1]]);
        bytes[at..at + 2].copy_from_slice(&replaced(sum, before, after).to_be_bytes());
    }
    bytes.into()
}

pub(in crate::stack::tests) fn udp(from: SocketAddr, to: SocketAddr, payload: &[u8]) -> Bytes {
    let mut transport = HeaderBuf::new();
    udp::emit(from.port(), to.port(), payload.len(), &mut transport);
    gso::packet(&repr(from, to, ip::UDP), &transport, Bytes::copy_from_slice(payload))
}

/// An ICMP message of any kind.
pub(in crate::stack::tests) fn icmp(
    from: SocketAddr,
    to: SocketAddr,
    kind_and_code: [u8; 2],
    payload: &[u8],
) -> Bytes {
    icmp_message(from, to, kind_and_code, 0, payload)
}

fn icmp_message(
    from: SocketAddr,
    to: SocketAddr,
    [kind, code]: [u8; 2],
    mtu: u16,
    payload: &[u8],
) -> Bytes {
    let [high, low] = mtu.to_be_bytes();
    let mut transport = HeaderBuf::new();
    icmp::emit(kind, code, [0, 0, high, low], &mut transport);
    gso::packet(&repr(from, to, ip::ICMP), &transport, Bytes::copy_from_slice(payload))
}

/// What a router in the middle says about `packet` to its sender: as much of it as it must quote.
pub(in crate::stack::tests) fn icmp_error(
    kind_and_code: [u8; 2],
    mtu: u16,
    packet: &[u8],
) -> Bytes {
    let from = SocketAddr::from(([10, 0, 0, 254], 0));
    let to = SocketAddr::new(ip::parse(packet).unwrap().src, 0);
    icmp_message(from, to, kind_and_code, mtu, &packet[..ip::IPV4_HEADER_LEN + 8])
}

/// Whether the packet may not be fragmented.
pub(in crate::stack::tests) fn dont_fragment(packet: &[u8]) -> bool {
    packet[6] & 0x40 != 0
}

/// A packet of a protocol that nobody speaks.
pub(in crate::stack::tests) fn unknown(from: SocketAddr, to: SocketAddr, protocol: u8) -> Bytes {
    gso::packet(&repr(from, to, protocol), &[0; 8], Bytes::new())
}

/// Makes the checksums of a packet right again, as far as it can still be read.
pub(in crate::stack::tests) fn fix_checksums(packet: &mut [u8]) {
    let header_len = usize::from(packet.first().map_or(0, |byte| byte & 15)) * 4;
    if header_len < ip::IPV4_HEADER_LEN || packet.len() < header_len {
        return;
    }
    let put = |bytes: &mut [u8], at: usize, value: u16| {
        bytes[at..at + 2].copy_from_slice(&value.to_be_bytes());
    };
    put(packet, ip::IPV4_CHECKSUM_AT, 0);
    let sum = Sum::new().add_bytes(&packet[..header_len]).finish();
    put(packet, ip::IPV4_CHECKSUM_AT, sum);
    let Ok(datagram) = ip::parse(packet) else {
        return;
    };
    let transport = &mut packet[datagram.payload];
    if datagram.protocol == ip::TCP && transport.len() >= tcp::HEADER_LEN {
        put(transport, tcp::CHECKSUM_AT, 0);
        let len = transport.len() as u32;
        let sum = Sum::pseudo_header(datagram.src, datagram.dst, ip::TCP, len);
        let sum = sum.add_bytes(transport).finish();
        put(transport, tcp::CHECKSUM_AT, sum);
    }
}
