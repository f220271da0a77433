//! What stands before each packet: the header of virtio-net (virtio 1.3, 5.1.6), in the byte order of this machine.
//!
//! ```text
//!   flags | gso_type | hdr_len | gso_size | csum_start | csum_offset | IP header ...
//!     1        1          2         2           2             2
//! ```

use crate::device::gso::{self, Checksums};
use crate::wire::tcp::{self, Flags};
use crate::wire::{Burst, Checksum};

/// Its length, in bytes.
pub const LEN: usize = 10;

/// The checksum that starts at `csum_start`, of which the sum of the pseudo-header is there, is still to be taken.
const NEEDS_CSUM: u8 = 1;
/// Whoever gave the packet has verified its checksum.
const DATA_VALID: u8 = 2;

/// Not more than one packet.
const GSO_NONE: u8 = 0;
/// Segments of TCP over IPv4.
const GSO_TCPV4: u8 = 1;
/// Segments of TCP over IPv6.
const GSO_TCPV6: u8 = 4;
/// Added where the first of the segments has CWR, and the others must not.
const GSO_ECN: u8 = 0x80;

/// The header before a packet to the kernel, which is made of `burst`.
pub fn emit(burst: &Burst, checksums: Checksums) -> [u8; LEN] {
    let whole = u32::from(burst.segment_size) >= burst.payload_len || burst.segment_size == 0;
    let flags_at = usize::from(burst.ip_header_len) + tcp::FLAGS_AT;
    let cwr = Flags::from_bits(burst.header[flags_at.min(burst.header.len() - 1)]);
    let ecn = if cwr.contains(Flags::CWR) { GSO_ECN } else { 0 };
    let (gso_type, gso_size) =
        if whole { (GSO_NONE, 0) } else { (GSO_TCPV4 | ecn, burst.segment_size) };
    let partial = checksums == Checksums::Partial;
    let at = gso::checksum_at(burst.protocol)
        .filter(|_| partial && gso::can_be_partial(burst.protocol))
        .map(|at| (NEEDS_CSUM, u16::from(burst.ip_header_len), at as u16));
    let (flags, csum_start, csum_offset) = at.unwrap_or_default();
    let mut header = [0; LEN];
    header[0] = flags;
    header[1] = gso_type;
    header[2..4].copy_from_slice(&(burst.header.len() as u16).to_ne_bytes());
    header[4..6].copy_from_slice(&gso_size.to_ne_bytes());
    header[6..8].copy_from_slice(&csum_start.to_ne_bytes());
    header[8..10].copy_from_slice(&csum_offset.to_ne_bytes());
    header
}

/// What the header before a packet from the kernel says: whether its checksum has to be verified, and how much text
/// each of its segments has, 0 for a packet that is none of several.
pub fn parse(header: [u8; LEN]) -> (Checksum, u16) {
    let checksum = match header[0] & (NEEDS_CSUM | DATA_VALID) {
        0 => Checksum::Unverified,
        _ => Checksum::Verified,
    };
    let segment_size = match header[1] & !GSO_ECN {
        GSO_TCPV4 | GSO_TCPV6 => u16::from_ne_bytes([header[4], header[5]]),
        _ => 0,
    };
    (checksum, segment_size)
}

/// A header for a packet that is finished: nothing is to be done.
pub const FINISHED: [u8; LEN] = [0; LEN];

#[cfg(test)]
mod tests;
