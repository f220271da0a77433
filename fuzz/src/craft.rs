//! Packets that no stack made, and the checksums of others by somebody else's arithmetic.

use std::net::SocketAddrV4;

use bytes::Bytes;
use glasstcp::device::gso;
use glasstcp::wire::ip::{self, Repr};
use glasstcp::wire::tcp::{self, Segment};
use glasstcp::wire::{Burst, HeaderBuf};
use smoltcp::wire::{Icmpv4Packet, IpProtocol, Ipv4Packet, TcpPacket, UdpPacket};

/// The packets of a burst, complete.
pub fn cut(mut burst: Burst) -> Vec<Bytes> {
    let mut packets = Vec::new();
    let Ok(()) = gso::cut(&mut burst, |parts| {
        packets.push(parts.iter().flat_map(|part| part.iter().copied()).collect());
        Ok::<(), std::convert::Infallible>(())
    });
    packets
}

/// The packet of one transport header and payload.
pub fn packet(repr: &Repr, transport: &[u8], payload: Bytes) -> Bytes {
    let mut header = HeaderBuf::new();
    ip::emit(repr, transport.len() + payload.len(), &mut header);
    header.extend(transport.iter().copied());
    let burst = Burst {
        header,
        ip_header_len: ip::IPV4_HEADER_LEN as u8,
        protocol: repr.protocol,
        payload_len: payload.len() as u32,
        payload: [payload].into_iter().collect(),
        segment_size: 0,
    };
    cut(burst).remove(0)
}

/// An IP header between two addresses.
pub fn repr(from: SocketAddrV4, to: SocketAddrV4, protocol: u8) -> Repr {
    Repr {
        src: (*from.ip()).into(),
        dst: (*to.ip()).into(),
        protocol,
        ttl: 64,
        dscp: 0,
        ecn: 0,
        identification: 1,
        dont_fragment: true,
    }
}

/// The packet of a segment, with good checksums.
pub fn segment(from: SocketAddrV4, to: SocketAddrV4, segment: &Segment) -> Bytes {
    let mut transport = HeaderBuf::new();
    tcp::emit(segment, &mut transport);
    let repr = Repr { ecn: segment.ecn, ..repr(from, to, ip::TCP) };
    packet(&repr, &transport, segment.payload.clone())
}

/// Makes the checksums of a packet right, as far as it can be read.
pub fn fix_checksums(bytes: &mut [u8]) {
    let Ok(mut ip) = Ipv4Packet::new_checked(bytes) else { return };
    ip.fill_checksum();
    let (src, dst) = (ip.src_addr().into(), ip.dst_addr().into());
    let protocol = ip.next_header();
    let transport = ip.payload_mut();
    match protocol {
        IpProtocol::Tcp => {
            if let Ok(mut tcp) = TcpPacket::new_checked(transport) {
                tcp.fill_checksum(&src, &dst);
            }
        }
        IpProtocol::Udp => {
            if let Ok(mut udp) = UdpPacket::new_checked(transport) {
                udp.fill_checksum(&src, &dst);
            }
        }
        IpProtocol::Icmp => {
            if let Ok(mut icmp) = Icmpv4Packet::new_checked(transport) {
                icmp.fill_checksum();
            }
        }
        _ => {}
    }
}
