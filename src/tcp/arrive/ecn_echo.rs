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

    /// What an echo in the next acknowledgment can be of: bytes of text. When nothing was in flight before it, there is
    /// nothing that it could be of.
    pub(super) fn echoable(&self) -> u32 {
        if self.snd.syn_unacked() { 0 } else { self.snd.outstanding() }
    }

    /// An acknowledgment of `ack` is processed, before which `flight` bytes could have been marked: if it echoes a
    /// mark in a window of which congestion control knows nothing yet, that is told now.
    pub(super) fn note_echo(
        &mut self,
        cx: &mut Context<'_>,
        segment: &InWindow<'_>,
        ack: SeqNum,
        flight: u32,
    ) {
        let current = flight > 0 && ack.at_or_after(self.snd.una);
        if current && self.ecn.is_echo(segment.flags) && self.ecn.is_unanswered(ack) {
            self.ecn_echo(cx, flight);
        }
    }

    /// A router has marked what it would otherwise have dropped: the answer is that to one loss, once a
    /// window of data (RFC 3168 6.1.2). Where nothing is in flight any more, nothing has to come down.
    fn ecn_echo(&mut self, cx: &mut Context<'_>, flight: u32) {
        self.totals.ecn_reductions = self.totals.ecn_reductions.saturating_add(1);
        if self.is_selective() && self.snd.outstanding() > 0 {
            let sizes = [self.snd.outstanding(), self.flight()];
            self.reduce(cx, sizes, Signal::Ecn, Reduction::Ecn);
        } else {
            let in_flight = if self.is_selective() { flight } else { self.in_flight() };
            self.congestion.on_congestion(cx.now, in_flight, Signal::Ecn);
            let conn = self.conn;
            cx.emit(|| Event::Reduced { conn, why: Reduction::Ecn });
            self.emit_window(cx);
        }
        self.ecn.reduced(self.snd.nxt, true);
    }
}

#[cfg(test)]
mod tests;
