//! Second and fourth: RST and SYN on an open connection (RFC 9293 3.10.7.4, RFC 5961).

use crate::context::Context;
use crate::event::{Cause, Refusal, State};
use crate::tcp::Error;
use crate::tcp::arrive::InWindow;
use crate::tcp::discard::Discard;
use crate::tcp::fault;
use crate::tcp::tcb::Tcb;

impl Tcb {
    /// Only a reset at exactly rcv.nxt ends the connection; one elsewhere in the window is
    /// challenged (RFC 5961 3.2). True when the connection has ended.
    pub(super) fn check_reset(
        &mut self,
        cx: &mut Context<'_>,
        segment: &InWindow<'_>,
    ) -> Result<bool, Discard> {
        if !segment.rst() {
            return Ok(false);
        }
        if segment.seq != self.rcv.nxt && !fault::LOOSE_RESETS {
            return Err(Discard::challenge(Refusal::ResetChallenged));
        }
        let error = match self.state {
            // A simultaneous open: our own open is refused.
            State::SynReceived if !self.sends_early() => Some(Error::Refused),
            // Both sides are done, nothing is lost.
            State::Closing | State::LastAck if self.snd.buffer.len() == 0 => None,
            _ => Some(Error::Reset),
        };
        self.finish(cx, Cause::ResetArrived, error);
        Ok(true)
    }

    /// A SYN on an open connection is challenged, wherever it lies (RFC 5961 4.2).
    pub(super) fn check_syn(&mut self, segment: &InWindow<'_>) -> Result<(), Discard> {
        if segment.syn() {
            return Err(Discard::challenge(Refusal::SynChallenged));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
