//! A packet in the emulator, and how its bytes are changed.

use bytes::{Bytes, BytesMut};

use super::journal::{Effect, Journal};
use crate::time::{Duration, Instant};
use crate::wire::checksum::replaced;
use crate::wire::ip;

/// A packet, and what exact rules want of its way.
#[derive(Clone, Debug)]
pub(super) struct Ticket {
    pub(super) packet: Bytes,
    /// How much longer it travels.
    pub(super) extra: Duration,
    /// Whether it arrives twice.
    pub(super) twice: bool,
}

impl Ticket {
    pub(super) fn len(&self) -> u64 {
        self.packet.len() as u64
    }
}

/// Offset of the octet in an IPv4 header whose last two bits are ECN's (RFC 3168 23.1).
const TOS_AT: usize = 1;
/// ECN: congestion experienced; also the mask of its two bits.
const CE: u8 = 0b11;

/// Marks a packet "congestion experienced", if its transport is capable of ECN (RFC 3168 5), and says
/// whether it is marked now.
pub(super) fn mark(now: Instant, packet: &mut Bytes, journal: &mut Journal) -> bool {
    let is_ipv4 = packet.len() >= ip::IPV4_HEADER_LEN && packet[0] >> 4 == 4;
    if !is_ipv4 || packet[TOS_AT] & CE == 0 {
        return false;
    }
    if packet[TOS_AT] & CE == CE {
        return true;
    }
    journal.note(now, Effect::Marked, packet);
    let mut bytes = BytesMut::from(std::mem::take(packet));
    let before = u16::from_be_bytes([bytes[0], bytes[TOS_AT]]);
    bytes[TOS_AT] |= CE;
    let after = u16::from_be_bytes([bytes[0], bytes[TOS_AT]]);
    let at = ip::IPV4_CHECKSUM_AT..ip::IPV4_CHECKSUM_AT + 2;
    let checksum = u16::from_be_bytes([bytes[at.start], bytes[at.start + 1]]);
    bytes[at].copy_from_slice(&replaced(checksum, before, after).to_be_bytes());
    *packet = bytes.freeze();
    true
}

/// Turns over the bit with that number.
pub(super) fn flip(packet: &mut Bytes, bit: u64) {
    let mut bytes = BytesMut::from(std::mem::take(packet));
    bytes[(bit / 8) as usize] ^= 0x80 >> (bit % 8);
    *packet = bytes.freeze();
}
