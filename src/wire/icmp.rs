//! ICMPv4 (RFC 792): echo, and the errors a host sends and understands.

use super::checksum::Sum;
use super::{HeaderBuf, Malformed};

/// Length of the header, in bytes.
pub const HEADER_LEN: usize = 8;
/// Offset of the checksum field.
pub const CHECKSUM_AT: usize = 2;

/// Type of an echo reply.
pub const ECHO_REPLY: u8 = 0;
/// Type of a destination unreachable.
pub const DESTINATION_UNREACHABLE: u8 = 3;
/// Type of an echo request.
pub const ECHO_REQUEST: u8 = 8;
/// Code of [`DESTINATION_UNREACHABLE`]: no such protocol here.
pub const PROTOCOL_UNREACHABLE: u8 = 2;
/// Code of [`DESTINATION_UNREACHABLE`]: nobody on that port.
pub const PORT_UNREACHABLE: u8 = 3;

/// A received ICMP message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The type.
    pub kind: u8,
    /// The code.
    pub code: u8,
    /// The four bytes after the checksum (identifier and sequence number of an echo).
    pub rest: [u8; 4],
    /// The bytes after the header, as a range of `transport`.
    pub payload: std::ops::Range<usize>,
}

/// Reads and verifies an ICMP message.
pub fn parse(transport: &[u8]) -> Result<Message, Malformed> {
    let Some((header, _)) = transport.split_first_chunk::<HEADER_LEN>() else {
        return Err(Malformed::IcmpTruncated);
    };
    if !Sum::new().add_bytes(transport).is_valid() {
        return Err(Malformed::IcmpChecksum);
    }
    let [kind, code, _, _, rest @ ..] = *header;
    Ok(Message { kind, code, rest, payload: HEADER_LEN..transport.len() })
}

/// Appends an ICMP header, checksum zero (see [`super::Burst`]).
pub fn emit(kind: u8, code: u8, rest: [u8; 4], out: &mut HeaderBuf) {
    out.extend([kind, code, 0, 0]);
    out.extend(rest);
}

#[cfg(test)]
mod tests;
