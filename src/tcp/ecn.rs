//! Explicit congestion notification (RFC 3168 6.1): what a connection remembers of it.
//!
//! ```text
//!   sender    ECT(0)      router    CE       receiver: owes ECE until CWR comes (6.1.3)
//!     | ------ data --------- * ---- data ------> |
//!     | <----------- ACK with ECE --------------- |
//!   reduces once a window, owes CWR (6.1.2)       |
//!     | ------ new data with CWR ---------------> |
//!     | <----------- ACK ------------------------ |
//! ```
//!
//! What is done about it is in `arrive/ecn_echo` and `output/build`.

use std::fmt;
use std::str::FromStr;

use bitflags::bitflags;
use serde::{Deserialize, Serialize};

use crate::wire::SeqNum;
use crate::wire::tcp::Flags;

/// Whether connections use explicit congestion notification (RFC 3168), where the peer does too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Ecn {
    /// Never.
    Off,
    /// When the peer asks for it, without asking (as Linux: there are still paths that lose a SYN which
    /// asks).
    #[default]
    Accept,
    /// Ask for it, too. A SYN that is not answered is sent again without (RFC 3168 6.1.1.1).
    Request,
}

impl Ecn {
    /// All there are.
    pub const ALL: [Ecn; 3] = [Ecn::Off, Ecn::Accept, Ecn::Request];

    /// What `--ecn` calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Ecn::Off => "off",
            Ecn::Accept => "accept",
            Ecn::Request => "request",
        }
    }
}

impl fmt::Display for Ecn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// No setting of ECN has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("ECN cannot be {0:?}: choose one of off, accept, request")]
pub struct UnknownEcn(pub String);

impl FromStr for Ecn {
    type Err = UnknownEcn;

    fn from_str(name: &str) -> Result<Self, UnknownEcn> {
        let named = Ecn::ALL.into_iter().find(|ecn| ecn.name() == name);
        named.ok_or_else(|| UnknownEcn(name.to_owned()))
    }
}

/// What the SYNs of both sides have said (RFC 3168 6.1.1). Four facts, because a SYN may come or go
/// several times, and not always with the same flags.
///
/// The bit that once was NS is not looked at: a SYN that asks for accurate ECN with it gets the answer of
/// RFC 3168, and the peer falls back to that (RFC 9768 3.1.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Negotiation(Syns);

/// Which SYNs there have been.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Syns(u8);

bitflags! {
    impl Syns: u8 {
        const SENT_SETUP = 1;
        const SENT_PLAIN = 1 << 1;
        const RECEIVED_SETUP = 1 << 2;
        const RECEIVED_PLAIN = 1 << 3;
    }
}

impl Negotiation {
    /// A SYN with these flags is sent.
    pub fn sent(&mut self, flags: Flags) {
        self.0 |= if is_setup(flags) { Syns::SENT_SETUP } else { Syns::SENT_PLAIN };
    }

    /// A SYN with these flags has arrived.
    pub fn received(&mut self, flags: Flags) {
        self.0 |= if is_setup(flags) { Syns::RECEIVED_SETUP } else { Syns::RECEIVED_PLAIN };
    }

    /// The flags of ours on a SYN that acknowledges the peer's: once a SYN came or went without, on the
    /// way or by intention, there is no ECN any more.
    pub fn answer(self) -> Flags {
        let accepts = self.0.contains(Syns::RECEIVED_SETUP) && !self.said_no();
        if accepts { Flags::ECE } else { Flags::default() }
    }

    /// Whether what we send may be marked: both sides agree, and neither has sent a SYN that did not.
    pub fn may_be_marked(self) -> bool {
        self.echoes_marks() && !self.said_no()
    }

    /// Whether a SYN came or went that was no ECN-setup SYN.
    fn said_no(self) -> bool {
        self.0.intersects(Syns::SENT_PLAIN | Syns::RECEIVED_PLAIN)
    }

    /// Whether the peer may believe that its data can be marked, so that marks have to be echoed. Where a
    /// SYN was sent again without the flags it must not, but Linux does.
    pub fn echoes_marks(self) -> bool {
        self.0.contains(Syns::SENT_SETUP | Syns::RECEIVED_SETUP)
    }
}

/// Whether a SYN with these flags is an ECN-setup SYN, or an ECN-setup SYN-ACK (RFC 3168 6.1.1). A SYN-ACK
/// with both flags comes from a host that reflects what it does not know.
fn is_setup(flags: Flags) -> bool {
    let both = Flags::ECE | Flags::CWR;
    if flags.contains(Flags::ACK) {
        flags.contains(Flags::ECE) && !flags.contains(Flags::CWR)
    } else {
        flags.contains(both)
    }
}

/// What data has brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrived {
    /// Nothing that the peer has to hear of at once.
    Nothing,
    /// A first mark, or word that the peer's window is smaller: it may be so small that the peer waits for
    /// an acknowledgment (as Linux).
    AckNow,
}

/// The state of a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EcnState {
    /// What the handshake has come to.
    pub negotiation: Negotiation,
    /// A mark has arrived, and nothing with CWR since: acknowledgments carry ECE (RFC 3168 6.1.3).
    owes_ece: bool,
    /// The window was reduced, and no new data was sent since: the next carries CWR (RFC 3168 6.1.2).
    owes_cwr: bool,
    /// Up to where an echo is of a window that was answered.
    answered: Option<SeqNum>,
    /// That answer was to a mark and not to a loss.
    by_mark: bool,
}

impl EcnState {
    /// For a connection with such a handshake.
    pub fn new(negotiation: Negotiation) -> Self {
        EcnState { negotiation, ..EcnState::default() }
    }

    /// Text in the window has arrived, `marked` "congestion experienced", in a segment with these flags.
    /// CWR first: the mark is of this segment, which was sent after what CWR tells of (RFC 3168 6.1.3).
    pub fn text_arrived(&mut self, flags: Flags, marked: bool) -> Arrived {
        if !self.negotiation.echoes_marks() {
            return Arrived::Nothing;
        }
        let reduced = flags.contains(Flags::CWR);
        if reduced {
            self.owes_ece = false;
        }
        let first = marked && !self.owes_ece;
        self.owes_ece |= marked;
        if first || reduced { Arrived::AckNow } else { Arrived::Nothing }
    }

    /// Whether acknowledgments carry ECE now.
    pub fn owes_ece(&self) -> bool {
        self.owes_ece
    }

    /// Whether a segment with these flags, no SYN, echoes a mark.
    pub fn is_echo(&self, flags: Flags) -> bool {
        flags.contains(Flags::ECE) && self.negotiation.may_be_marked()
    }

    /// Whether an echo that comes with `ack` is of a window that nothing was reduced for. What begins at
    /// the end of an answered one carries CWR: only when a part of it was acknowledged has the receiver
    /// seen that, and an echo is of another mark (RFC 3168 6.1.2).
    pub fn is_unanswered(&self, ack: SeqNum) -> bool {
        self.answered.is_none_or(|end| ack.after(end))
    }

    /// The window was reduced while everything up to `nxt` was sent: for a mark, or for a loss.
    pub fn reduced(&mut self, nxt: SeqNum, by_mark: bool) {
        self.answered = Some(nxt);
        self.by_mark = by_mark;
        self.owes_cwr = self.negotiation.may_be_marked();
    }

    /// Everything before `una` was acknowledged.
    pub fn acknowledged(&mut self, una: SeqNum) {
        if self.is_unanswered(una) {
            self.answered = None;
            self.by_mark = false;
        }
    }

    /// Whether a window is being answered in which something was marked: it is not to grow meanwhile, and
    /// a loss in it was answered with the mark.
    pub fn answers_mark(&self) -> bool {
        self.by_mark
    }

    /// New data is being sent; whether it carries CWR.
    pub fn take_cwr(&mut self) -> bool {
        std::mem::take(&mut self.owes_cwr)
    }
}

#[cfg(test)]
mod tests;
