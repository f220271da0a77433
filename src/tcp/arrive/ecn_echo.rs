//! Marks of routers, and the peer's word of them (RFC 3168 6.1.2, 6.1.3).

use crate::context::Context;
use crate::event::{Event, Reduction, Why};
use crate::tcp::arrive::InWindow;
use crate::tcp::congestion::Signal;
use crate::tcp::ecn::Arrived;
use crate::tcp::tcb::Tcb;
use crate::wire::SeqNum;
use crate::wire::ip;

impl Tcb {
    /// Text of ours to keep has arrived: notes its mark and the peer's CWR. What lies outside of the
    /// window never comes here, for anybody may have sent it (RFC 3168 6.1.5).
    pub(super) fn note_mark(&mut self, segment: &InWindow<'_>) {
        let marked = segment.ecn == ip::CE;
        if self.ecn.text_arrived(segment.flags, marked) == Arrived::AckNow {
            self.ack.now(Why::AckNow);
        }
    }

    /// An acknowledgment of `ack` is about to be processed: if it echoes a mark in a window of which
    /// congestion control knows nothing yet, that is told now. When nothing is in flight there is nothing
    /// that the echo could be of.
    pub(super) fn note_echo(&mut self, cx: &mut Context<'_>, segment: &InWindow<'_>, ack: SeqNum) {
        let flying = self.snd.outstanding() > 0 && !self.snd.syn_unacked();
        let current = flying && ack.at_or_after(self.snd.una);
        if current && self.ecn.is_echo(segment.flags) && self.ecn.is_unanswered(ack) {
            self.ecn_echo(cx);
        }
    }

    /// A router has marked what it would otherwise have dropped: the answer is that to one loss, once a
    /// window of data (RFC 3168 6.1.2).
    fn ecn_echo(&mut self, cx: &mut Context<'_>) {
        self.totals.ecn_reductions = self.totals.ecn_reductions.saturating_add(1);
        if self.is_selective() {
            let sizes = [self.snd.outstanding(), self.flight()];
            self.reduce(cx, sizes, Signal::Ecn, Reduction::Ecn);
        } else {
            self.congestion.on_congestion(cx.now, self.in_flight(), Signal::Ecn);
            let conn = self.conn;
            cx.emit(|| Event::Reduced { conn, why: Reduction::Ecn });
            self.emit_window(cx);
        }
        self.ecn.reduced(self.snd.nxt, true);
    }
}

#[cfg(test)]
mod tests;
