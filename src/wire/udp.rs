//! UDP (RFC 768).

use std::net::IpAddr;

use super::checksum::Sum;
use super::{Checksum, HeaderBuf, Malformed, ip};

/// Length of the header, in bytes.
pub const HEADER_LEN: usize = 8;
/// Offset of the checksum field.
pub const CHECKSUM_AT: usize = 6;

/// The values of a received UDP header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Datagram {
    /// Source port; 0 means that no answer is wanted.
    pub src_port: u16,
    /// Destination port.
    pub dst_port: u16,
    /// The bytes of the payload, as a range of `transport`.
    pub payload: std::ops::Range<usize>,
}

/// Reads and verifies a UDP datagram; a checksum of zero means that there is none.
pub fn parse(
    transport: &[u8],
    src: IpAddr,
    dst: IpAddr,
    checksum: Checksum,
) -> Result<Datagram, Malformed> {
    let Some((header, _)) = transport.split_first_chunk::<HEADER_LEN>() else {
        return Err(Malformed::UdpTruncated);
    };
    let word = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
    let len = usize::from(word(4));
    if len < HEADER_LEN || len > transport.len() {
        return Err(Malformed::UdpLength);
    }
    if word(CHECKSUM_AT) != 0 && checksum == Checksum::Unverified {
        let sum = Sum::pseudo_header(src, dst, ip::UDP, len as u32).add_bytes(&transport[..len]);
        if !sum.is_valid() {
            return Err(Malformed::UdpChecksum);
        }
    }
    Ok(Datagram { src_port: word(0), dst_port: word(2), payload: HEADER_LEN..len })
}

/// Appends a UDP header for `payload_len` bytes, checksum zero (see [`super::Burst`]).
pub fn emit(src_port: u16, dst_port: u16, payload_len: usize, out: &mut HeaderBuf) {
    out.extend(src_port.to_be_bytes());
    out.extend(dst_port.to_be_bytes());
    out.extend(((HEADER_LEN + payload_len) as u16).to_be_bytes());
    out.extend([0, 0]);
}

#[cfg(test)]
mod tests;
