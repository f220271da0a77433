//! Eighth: the FIN bit (RFC 9293 3.10.7.4 eighth).

use crate::context::Context;
use crate::event::{Cause, State, Why};
use crate::tcp::arrive::InWindow;
use crate::tcp::tcb::Tcb;

impl Tcb {
    /// Notes the peer's FIN, and acts on it once everything before it has arrived.
    pub(super) fn process_fin(&mut self, cx: &mut Context<'_>, segment: &InWindow<'_>) {
        if segment.fin() && self.can_take_text() {
            self.rcv.fin = Some(segment.text_end);
        }
        if segment.fin() || self.rcv.fin == Some(self.rcv.nxt) {
            self.ack.now(Why::AckNow);
        }
        if self.rcv.fin != Some(self.rcv.nxt) {
            return;
        }
        self.rcv.fin = None;
        self.rcv.finished = true;
        self.rcv.nxt += 1;
        self.rcv.adv = self.rcv.adv.max(self.rcv.nxt);
        self.rcv.drop_reassembly();
        match self.state {
            State::Established => self.enter(cx, State::CloseWait, Cause::FinArrived),
            // Our FIN is not acknowledged, or the fifth step had moved on to FIN-WAIT-2.
            State::FinWait1 => self.enter(cx, State::Closing, Cause::FinArrived),
            State::FinWait2 => self.enter_time_wait(cx, Cause::FinArrived),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
