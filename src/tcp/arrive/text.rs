//! Seventh: the text (RFC 9293 3.10.7.4 seventh).

use crate::context::Context;
use crate::event::{Cause, Refusal, Why};
use crate::tcp::Error;
use crate::tcp::arrive::InWindow;
use crate::tcp::discard::Discard;
use crate::tcp::reassembly::Full;
use crate::tcp::tcb::Tcb;

impl Tcb {
    pub(super) fn process_text(
        &mut self,
        cx: &mut Context<'_>,
        segment: &mut InWindow<'_>,
    ) -> Result<(), Discard> {
        if segment.cut {
            self.ack.now(Why::AckNow);
        }
        if segment.payload.is_empty() {
            return Ok(());
        }
        if !self.can_take_text() {
            return Err(Discard::ack(Refusal::TextAfterFin));
        }
        if self.is_detached() {
            // RFC 9293 3.6.1, RFC 1122 4.2.2.13: nobody will read it, so say so.
            self.reset(cx, Cause::DataAfterClose, Some(Error::Aborted));
            return Err(Discard::silent(Refusal::TextAfterClose));
        }
        self.note_mark(segment);
        if segment.seq == self.rcv.nxt && !self.rcv.has_gap() {
            let len = segment.payload.len() as u32;
            self.rcv.buffer.push(segment.take_text());
            self.rcv.advance(len);
            self.ack.text_arrived(len, self.segment_size());
            return Ok(());
        }
        self.queue_text(cx, segment);
        Ok(())
    }

    /// Out of order, or filling a gap: acknowledged at once (RFC 5681 4.2).
    fn queue_text(&mut self, cx: &mut Context<'_>, segment: &mut InWindow<'_>) {
        self.ack.now(Why::AckNow);
        let offset = self.rcv.offset_of(segment.seq);
        let capacity = self.config.receive_buffer;
        match self.rcv.reassembly().insert(offset, &segment.payload, capacity) {
            Ok(duplicate) => {
                if let Some(range) = duplicate.filter(|_| self.sack) {
                    self.rcv.note_duplicate(range);
                }
                self.rcv.drain_reassembly();
            }
            Err(Full) if segment.seq == self.rcv.nxt => {
                // What comes next in order must not be refused for the sake of what comes later.
                self.rcv.drop_reassembly();
                let len = segment.payload.len() as u32;
                self.rcv.buffer.push(segment.take_text());
                self.rcv.advance(len);
                cx.refuse(Some(self.conn), Refusal::ReassemblyFull, None);
            }
            Err(Full) => {
                let view = self.view_received(segment);
                cx.refuse(Some(self.conn), Refusal::ReassemblyFull, Some(view));
            }
        }
    }
}

#[cfg(test)]
mod tests;
