//! A segment for which there is no connection (RFC 9293 3.10.7.1).

use crate::wire::SeqNum;
use crate::wire::tcp::{Flags, Segment};

/// Sequence number, acknowledgment number and flags of the reset that answers `segment`
/// (RFC 9293 3.5.2 group 1); `None` for a reset, which is never answered.
pub fn reset_for(segment: &Segment) -> Option<(SeqNum, SeqNum, Flags)> {
    if segment.rst() {
        return None;
    }
    Some(match segment.ack() {
        Some(ack) => (ack, SeqNum::default(), Flags::RST),
        None => (SeqNum::default(), segment.seq_end(), Flags::RST | Flags::ACK),
    })
}

#[cfg(test)]
mod tests;
