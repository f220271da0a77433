//! Why a segment goes no further, and what is answered.

use crate::event::Refusal;
use crate::wire::SeqNum;

/// A refused segment. Made where a check fails, handled at one place in the stack: counted, told
/// to the observer, answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Discard {
    /// The named reason.
    pub reason: Refusal,
    /// The answer.
    pub reply: Reply,
}

/// The answer to a refused segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// None.
    Nothing,
    /// The present acknowledgment, at once.
    Ack,
    /// The same as a challenge: within the limit of the connection (RFC 5961 7).
    Challenge,
    /// A reset with this sequence number (RFC 9293 3.5.2).
    Reset(SeqNum),
}

impl Discard {
    /// Refused without an answer.
    pub fn silent(reason: Refusal) -> Self {
        Discard { reason, reply: Reply::Nothing }
    }

    /// Refused, answered with an acknowledgment.
    pub fn ack(reason: Refusal) -> Self {
        Discard { reason, reply: Reply::Ack }
    }

    /// Refused, answered with a limited acknowledgment.
    pub fn challenge(reason: Refusal) -> Self {
        Discard { reason, reply: Reply::Challenge }
    }

    /// Refused, answered with a reset.
    pub fn reset(reason: Refusal, seq: SeqNum) -> Self {
        Discard { reason, reply: Reply::Reset(seq) }
    }
}
