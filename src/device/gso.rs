//! Generic segmentation: cuts a [`Burst`] into IP packets for devices that cannot do it themselves.
//!
//! ```text
//!   header | ------------- payload (chunks) ------------- |
//!          '-- segment --'-- segment --'---- the rest ----'
//!      id      n             n + 1            n + 2
//!      seq     s             s + size         s + 2 * size
//!      flags   CWR           -                FIN, PSH
//! ```
//!
//! The payload is not copied: each packet is a list of slices that starts with its header.

use std::convert::Infallible;
use std::io::IoSlice;
use std::net::{IpAddr, Ipv4Addr};

use arrayvec::ArrayVec;
use bytes::{Buf, Bytes, BytesMut};
use etherparse::TcpSlice;
use smallvec::SmallVec;

use crate::wire::checksum::Sum;
use crate::wire::tcp::Flags;
use crate::wire::{Burst, Checksum, HeaderBuf, Packet, append, icmp, ip, tcp, udp};

/// Most slices of one packet, its header counted; payload in more chunks is copied together.
pub const MAX_PARTS: usize = 32;

/// Offset of the length field of a UDP header.
const UDP_LEN_AT: usize = 4;
/// Offset of the source and of the destination address in an IPv4 header.
const IPV4_SRC_AT: usize = 12;
const IPV4_DST_AT: usize = 16;

/// What the transport checksums are of packets that a device takes whole, and cuts itself if it has to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Checksums {
    /// Only the sum of the pseudo-header, to which whoever has to send the packet on adds the rest. A kernel that
    /// keeps the packet never does.
    #[default]
    Partial,
    /// Those of all bytes, as they would be on a wire.
    Full,
}

/// Cuts `burst` and calls `send` for each packet, in order, with the slices that make it up: first
/// the whole header, then the payload. Lengths, identification, flags and checksums are final.
///
/// When `send` fails, cutting stops, the error is returned, and `burst` is left with exactly what
/// was not accepted: it can be cut later as if it had been made so. After `Ok` its contents are
/// sent and it is good for nothing any more.
pub fn cut<E>(
    burst: &mut Burst,
    mut send: impl FnMut(&[IoSlice<'_>]) -> Result<(), E>,
) -> Result<(), E> {
    let step = usize::from(burst.segment_size);
    if step == 0 {
        return send_whole(burst, send);
    }
    let total = burst.payload_len as usize;
    let mut cursor = Cursor::new(&burst.payload);
    let mut sent = 0;
    for index in 0u32.. {
        let len = step.min(total - sent);
        let last = sent + len == total;
        let mut header = packet_header(burst, index, sent, len, last);
        let result = cursor.gather(len, |payload| {
            fill_checksums(burst.ip_header_len, burst.protocol, &mut header, payload);
            send_parts(&header, payload, &mut send)
        });
        if let Err(error) = result {
            skip(burst, index, sent);
            return Err(error);
        }
        sent += len;
        if last {
            break;
        }
    }
    Ok(())
}

/// The same, with each packet copied into one piece.
pub fn cut_whole(mut burst: Burst, mut take: impl FnMut(Bytes)) {
    let cut = cut(&mut burst, |parts| {
        take(join(parts));
        Ok::<(), Infallible>(())
    });
    let Ok(()) = cut;
}

/// A packet that was cut, in one piece.
pub fn join(parts: &[IoSlice<'_>]) -> Bytes {
    let mut packet = BytesMut::with_capacity(parts.iter().map(|part| part.len()).sum());
    parts.iter().for_each(|part| packet.extend_from_slice(part));
    packet.freeze()
}

/// Calls `take` with the packets of the wire that a received one stands for, their checksums filled in if a device has
/// left them out: what links that are not perfect carry. One that cannot be cut is left as it is.
pub fn split(packet: Packet, mut take: impl FnMut(Bytes)) {
    let Packet { bytes, checksum, segment_size } = packet;
    if segment_size == 0 && checksum == Checksum::Unverified {
        return take(bytes);
    }
    match as_burst(&bytes, segment_size) {
        Some(burst) => cut_whole(burst, take),
        None => take(bytes),
    }
}

/// The burst that a received packet would be if we sent it; `None` for what has no transport header to be seen.
fn as_burst(packet: &Bytes, segment_size: u16) -> Option<Burst> {
    let datagram = ip::parse(packet).ok().filter(|datagram| datagram.fragment.is_none())?;
    let transport = packet.get(datagram.payload.clone())?;
    let transport_len = match datagram.protocol {
        ip::TCP => TcpSlice::from_slice(transport).ok()?.header_len(),
        ip::UDP if transport.len() >= udp::HEADER_LEN => udp::HEADER_LEN,
        _ => return None,
    };
    let payload = packet.slice(datagram.payload.start + transport_len..datagram.payload.end);
    let mut header = HeaderBuf::new();
    append(&mut header, &packet[..datagram.header_len + transport_len]);
    let (network, transport) = header.split_at_mut(datagram.header_len);
    put(network, ip::IPV4_CHECKSUM_AT, 0);
    put(transport, checksum_at(datagram.protocol)?, 0);
    Some(Burst {
        header,
        ip_header_len: datagram.header_len as u8,
        protocol: datagram.protocol,
        payload_len: payload.len() as u32,
        payload: SmallVec::from_iter([payload]),
        segment_size,
    })
}

/// One packet, with its checksums; `transport` is the header after that of IP.
pub fn packet(repr: &ip::Repr, transport: &[u8], payload: Bytes) -> Bytes {
    let mut header = HeaderBuf::new();
    ip::emit(repr, transport.len() + payload.len(), &mut header);
    append(&mut header, transport);
    let burst = Burst {
        header,
        ip_header_len: ip::IPV4_HEADER_LEN as u8,
        protocol: repr.protocol,
        payload_len: payload.len() as u32,
        payload: SmallVec::from_iter([payload]),
        segment_size: 0,
    };
    let mut packet = Bytes::new();
    cut_whole(burst, |whole| packet = whole);
    packet
}

/// A burst that is one packet lacks nothing but its checksums.
fn send_whole<E>(
    burst: &mut Burst,
    mut send: impl FnMut(&[IoSlice<'_>]) -> Result<(), E>,
) -> Result<(), E> {
    whole(burst, Checksums::Full, |header, payload| send_parts(header, payload, &mut send))
}

/// Calls `send` with `burst` in one piece, for a device that cuts it itself: first the header with its
/// checksums, of which that of the IP header is final, then the payload. The checksums are taken out again
/// when it fails, and the burst stays as it was.
pub fn whole<E>(
    burst: &mut Burst,
    checksums: Checksums,
    send: impl FnOnce(&HeaderBuf, &[&[u8]]) -> Result<(), E>,
) -> Result<(), E> {
    let Burst { header, ip_header_len, protocol, payload, payload_len, .. } = burst;
    let result = Cursor::new(payload).gather(*payload_len as usize, |payload| {
        match checksums {
            Checksums::Partial if can_be_partial(*protocol) => {
                let len = header.len() + *payload_len as usize - usize::from(*ip_header_len);
                begin_checksums(*ip_header_len, *protocol, header, len);
            }
            _ => fill_checksums(*ip_header_len, *protocol, header, payload),
        }
        send(header, payload)
    });
    if result.is_err() {
        let (network, transport) = header.split_at_mut((*ip_header_len).into());
        put(network, ip::IPV4_CHECKSUM_AT, 0);
        if let Some(at) = checksum_at(*protocol) {
            put(transport, at, 0);
        }
    }
    result
}

/// Takes the first `packets` packets, `bytes` of payload together, off the front of `burst`.
fn skip(burst: &mut Burst, packets: u32, bytes: usize) {
    if packets == 0 {
        return;
    }
    let len = burst.payload_len as usize - bytes;
    burst.header = packet_header(burst, packets, bytes, len, true);
    burst.payload_len = len as u32;
    let mut rest = bytes;
    burst.payload.retain(|chunk| {
        let taken = rest.min(chunk.len());
        chunk.advance(taken);
        rest -= taken;
        !chunk.is_empty()
    });
}

/// The header of packet `index`, whose `len` bytes of payload start `offset` bytes into the burst:
/// complete but for the checksums.
fn packet_header(burst: &Burst, index: u32, offset: usize, len: usize, last: bool) -> HeaderBuf {
    let mut header = HeaderBuf::new();
    append(&mut header, &burst.header);
    let ip_len = usize::from(burst.ip_header_len);
    let packet_len = header.len() + len;
    let (network, transport) = header.split_at_mut(ip_len);
    put(network, ip::IPV4_TOTAL_LEN_AT, packet_len as u16);
    let id = word(network, ip::IPV4_ID_AT).wrapping_add(index as u16);
    put(network, ip::IPV4_ID_AT, id);
    match burst.protocol {
        ip::TCP => {
            let seq = &mut transport[tcp::SEQ_AT..tcp::SEQ_AT + 4];
            let value = u32::from_be_bytes([seq[0], seq[1], seq[2], seq[3]]);
            seq.copy_from_slice(&value.wrapping_add(offset as u32).to_be_bytes());
            let mut flags = Flags::from_bits(transport[tcp::FLAGS_AT]);
            if index > 0 {
                flags = flags.without(Flags::CWR);
            }
            if !last {
                flags = flags.without(Flags::FIN | Flags::PSH);
            }
            transport[tcp::FLAGS_AT] = flags.bits();
        }
        ip::UDP => put(transport, UDP_LEN_AT, (packet_len - ip_len) as u16),
        _ => {}
    }
    header
}

/// Fills in the checksum of the IP header and the one of the transport header.
fn fill_checksums(ip_header_len: u8, protocol: u8, header: &mut HeaderBuf, payload: &[&[u8]]) {
    let (network, transport) = header.split_at_mut(ip_header_len.into());
    fill_ip_checksum(network);
    let Some(at) = checksum_at(protocol) else {
        return;
    };
    let len = transport.len() + payload.iter().map(|part| part.len()).sum::<usize>();
    // A transport header is of even length, so the payload starts at an even offset.
    let start = pseudo_header(network, protocol, len);
    let sum = start.add_bytes(transport).add_parts(payload.iter().copied());
    let checksum = match protocol {
        ip::UDP => sum.finish_nonzero(),
        _ => sum.finish(),
    };
    put(transport, at, checksum);
}

/// The same, but of the transport, of `len` bytes, only the pseudo-header is summed.
fn begin_checksums(ip_header_len: u8, protocol: u8, header: &mut HeaderBuf, len: usize) {
    let (network, transport) = header.split_at_mut(ip_header_len.into());
    fill_ip_checksum(network);
    if let Some(at) = checksum_at(protocol) {
        put(transport, at, !pseudo_header(network, protocol, len).finish());
    }
}

fn fill_ip_checksum(network: &mut [u8]) {
    let checksum = Sum::new().add_bytes(network).finish();
    put(network, ip::IPV4_CHECKSUM_AT, checksum);
}

/// The sum of the pseudo-header, where the protocol has one.
fn pseudo_header(network: &[u8], protocol: u8, len: usize) -> Sum {
    match protocol {
        ip::ICMP => Sum::new(),
        _ => {
            let src = address(network, IPV4_SRC_AT);
            Sum::pseudo_header(src, address(network, IPV4_DST_AT), protocol, len as u32)
        }
    }
}

/// Whether a device can complete the checksum of a transport header.
pub const fn can_be_partial(protocol: u8) -> bool {
    matches!(protocol, ip::TCP | ip::UDP)
}

/// Where a transport header has its checksum.
pub(super) const fn checksum_at(protocol: u8) -> Option<usize> {
    match protocol {
        ip::TCP => Some(tcp::CHECKSUM_AT),
        ip::UDP => Some(udp::CHECKSUM_AT),
        ip::ICMP => Some(icmp::CHECKSUM_AT),
        _ => None,
    }
}

/// Calls `send` with the header and the payload as one list.
fn send_parts<E>(
    header: &[u8],
    payload: &[&[u8]],
    send: &mut impl FnMut(&[IoSlice<'_>]) -> Result<(), E>,
) -> Result<(), E> {
    let mut parts = ArrayVec::<IoSlice<'_>, MAX_PARTS>::new();
    parts.push(IoSlice::new(header));
    parts.extend(payload.iter().map(|part| IoSlice::new(part)));
    send(&parts)
}

/// Walks over the chunks of a payload, packet by packet.
struct Cursor<'a> {
    chunks: std::slice::Iter<'a, Bytes>,
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    fn new(chunks: &'a [Bytes]) -> Self {
        Cursor { chunks: chunks.iter(), rest: &[] }
    }

    /// Calls `f` with the next `len` bytes as slices, at most `MAX_PARTS - 1` of them.
    fn gather<R>(&mut self, len: usize, f: impl FnOnce(&[&[u8]]) -> R) -> R {
        let mut parts = ArrayVec::<&[u8], { MAX_PARTS - 1 }>::new();
        let mut left = len;
        while left > 0 {
            let Some(part) = self.next(left) else { break };
            left -= part.len();
            if parts.try_push(part).is_ok() {
                continue;
            }
            let mut copy = parts.concat();
            copy.extend_from_slice(part);
            while let Some(part) = self.next(left) {
                left -= part.len();
                copy.extend_from_slice(part);
            }
            return f(&[&copy]);
        }
        f(&parts)
    }

    /// The next slice, not empty, of at most `max` bytes; `None` at the end or when `max` is 0.
    fn next(&mut self, max: usize) -> Option<&'a [u8]> {
        while self.rest.is_empty() {
            self.rest = self.chunks.next()?;
        }
        let (part, rest) = self.rest.split_at(max.min(self.rest.len()));
        self.rest = rest;
        (!part.is_empty()).then_some(part)
    }
}

/// The 16-bit word at an offset.
fn word(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

/// Writes the 16-bit word at an offset.
fn put(bytes: &mut [u8], at: usize, value: u16) {
    bytes[at..at + 2].copy_from_slice(&value.to_be_bytes());
}

/// The IPv4 address at an offset.
fn address(bytes: &[u8], at: usize) -> IpAddr {
    Ipv4Addr::new(bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]).into()
}

#[cfg(test)]
mod tests;
