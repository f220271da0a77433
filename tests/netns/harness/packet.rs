//! Packets made by hand, to be sent as they are or spoiled first.

use std::net::Ipv4Addr;

/// An IPv4 packet without options around `payload`.
pub fn ipv4(src: &str, dst: &str, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let address = |text: &str| text.parse::<Ipv4Addr>().expect("an address").octets();
    let mut packet = vec![0x45, 0, 0, 0, 0x12, 0x34, 0x40, 0, 64, protocol, 0, 0];
    packet.extend(address(src));
    packet.extend(address(dst));
    packet.extend(payload);
    let len = packet.len() as u16;
    packet[2..4].copy_from_slice(&len.to_be_bytes());
    seal_ipv4(&mut packet);
    packet
}

/// An ICMP message around `payload`, in an IPv4 packet.
pub fn icmp(src: &str, dst: &str, kind: u8, code: u8, payload: &[u8]) -> Vec<u8> {
    let mut message = vec![kind, code, 0, 0, 0, 0, 0, 0];
    message.extend(payload);
    let sum = checksum(0, &message);
    message[2..4].copy_from_slice(&sum.to_be_bytes());
    ipv4(src, dst, 1, &message)
}

/// A TCP segment from port 40,000 without options, in an IPv4 packet.
pub fn tcp(src: &str, dst: &str, port: u16, seq: u32, flags: u8, payload: &[u8]) -> Vec<u8> {
    let mut segment = 40_000_u16.to_be_bytes().to_vec();
    segment.extend(port.to_be_bytes());
    segment.extend(seq.to_be_bytes());
    segment.extend([0, 0, 0, 0, 0x50, flags, 0x20, 0, 0, 0, 0, 0]);
    segment.extend(payload);
    let mut packet = ipv4(src, dst, 6, &segment);
    seal_tcp(&mut packet);
    packet
}

/// Computes the IPv4 header checksum anew.
pub fn seal_ipv4(packet: &mut [u8]) {
    packet[10..12].fill(0);
    let sum = checksum(0, &packet[..20]);
    packet[10..12].copy_from_slice(&sum.to_be_bytes());
}

/// Computes the TCP checksum of a packet without IP options anew.
pub fn seal_tcp(packet: &mut [u8]) {
    packet[36..38].fill(0);
    let pseudo_header = 6 + (packet.len() as u32 - 20);
    let addresses = u32::from(!checksum(0, &packet[12..20]));
    let sum = checksum(pseudo_header + addresses, &packet[20..]);
    packet[36..38].copy_from_slice(&sum.to_be_bytes());
}

/// The Internet checksum (RFC 1071), written to be plainly right.
fn checksum(start: u32, bytes: &[u8]) -> u16 {
    let words = bytes.chunks(2).map(|pair| {
        let low = pair.get(1).copied().unwrap_or(0);
        u32::from(u16::from_be_bytes([pair[0], low]))
    });
    let mut sum = start + words.sum::<u32>();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}
