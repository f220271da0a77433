//! Whether something goes wrong with a connection.

use std::fmt;

use super::mark::Mark;
use crate::event::{Cause, Refusal, State, Why};
use crate::time::{Duration, Instant};
use crate::wire::SeqNum;

/// What may go wrong with a connection. Each is told of once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Trouble {
    /// Several retransmission time-outs in a row.
    Timeouts,
    /// The peer has reset it.
    Reset,
    /// It was given up: nobody answers any more.
    GivenUp,
    /// Many segments were refused.
    Refused,
    /// Nothing goes on although something is to be sent.
    Stalled,
}

impl Trouble {
    /// Its name, as in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Trouble::Timeouts => "timeouts",
            Trouble::Reset => "reset",
            Trouble::GivenUp => "given_up",
            Trouble::Refused => "refused",
            Trouble::Stalled => "stalled",
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Time-outs in a row that are worth a recording.
const TIMEOUTS: u8 = 3;
/// Refused segments of a connection that are.
const REFUSED: u8 = 16;
/// So long something was tried again and again, and nothing new was acknowledged, received or sent.
const STALL: Duration = Duration::from_secs(10);

/// What was seen of a connection so far.
#[derive(Clone, Copy)]
pub(super) struct Watch {
    /// Since when something is tried again, and nothing new has gone either way; and what was acknowledged then.
    trying: Option<(Instant, SeqNum)>,
    refused: u8,
    /// It is or was open, or we have begun it: what becomes of the requests of others is no trouble.
    open: bool,
    /// The peer's reset, of which the segment itself is told of next.
    reset: bool,
    told: u8,
}

impl Watch {
    /// Of a connection that is open, or that we have begun; or of the request of a peer.
    pub(super) fn new(open: bool) -> Watch {
        Watch { trying: None, refused: 0, open, reset: false, told: 0 }
    }

    /// Whether the connection is or was open, or we have begun it.
    pub(super) fn has_been_open(self) -> bool {
        self.open
    }

    /// Looks at what the next event was; whether something has gone wrong that was not told of.
    #[inline(always)]
    pub(super) fn look(&mut self, at: Instant, mark: Mark) -> Option<Trouble> {
        let found = match mark {
            Mark::Sent { why, segment, .. } => self.sent(at, segment.seq(), why),
            Mark::Received { segment, .. } => {
                if let Some((_, acked)) = self.trying
                    && (segment.has_text() || segment.ack().after(acked))
                {
                    self.trying = None;
                }
                std::mem::take(&mut self.reset).then_some(Trouble::Reset)
            }
            Mark::Refused(reason) | Mark::RefusedSegment { reason, .. } => self.refused(reason),
            Mark::State { to, cause, .. } => {
                self.open |= !matches!(to, State::Closed | State::Listen | State::SynReceived);
                self.changed(cause)
            }
            _ => None,
        };
        found.filter(|_| self.open).and_then(|found| self.once(found))
    }

    /// What is tried again begins where all before is acknowledged; what asks for a window is the octet before that
    /// (RFC 9293 3.8.6.1).
    fn sent(&mut self, at: Instant, seq: SeqNum, why: Why) -> Option<Trouble> {
        match why {
            Why::NewData | Why::TailLossProbeNew | Why::Fin | Why::Handshake => {
                self.trying = None;
                None
            }
            Why::HandshakeRetransmission(count) => (count >= TIMEOUTS).then_some(Trouble::Timeouts),
            Why::Rto(_) | Why::ZeroWindowProbe => {
                let acked = if why == Why::ZeroWindowProbe { seq + 1 } else { seq };
                let (since, _) = *self.trying.get_or_insert((at, acked));
                let many = matches!(why, Why::Rto(count) if count >= TIMEOUTS);
                let long = (at.since(since) >= STALL).then_some(Trouble::Stalled);
                if many { Some(Trouble::Timeouts) } else { long }
            }
            _ => None,
        }
    }

    /// Duplicates are ordinary where packets are lost.
    fn refused(&mut self, reason: Refusal) -> Option<Trouble> {
        if matches!(reason, Refusal::SequenceOld | Refusal::TimeWaitSegment) {
            return None;
        }
        self.refused = self.refused.saturating_add(1);
        (self.refused >= REFUSED).then_some(Trouble::Refused)
    }

    fn changed(&mut self, cause: Cause) -> Option<Trouble> {
        match cause {
            Cause::ResetArrived => {
                self.reset = true;
                None
            }
            Cause::RetransmissionLimit
            | Cause::UserTimeout
            | Cause::KeepaliveLimit
            | Cause::IcmpError => Some(Trouble::GivenUp),
            _ => None,
        }
    }

    /// The same, the first time.
    fn once(&mut self, trouble: Trouble) -> Option<Trouble> {
        let bit = 1 << trouble as u8;
        let first = self.told & bit == 0;
        self.told |= bit;
        first.then_some(trouble)
    }
}
