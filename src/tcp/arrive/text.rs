//! Seventh: the text (RFC 9293 3.10.7.4 seventh).

use crate::context::{Context, Memory};
use crate::event::{Cause, Refusal, TimerKind, Why};
use crate::tcp::Error;
use crate::tcp::ack_policy::{Arrival, Due};
use crate::tcp::arrive::InWindow;
use crate::tcp::discard::Discard;
use crate::tcp::reassembly::Full;
use crate::tcp::tcb::Tcb;
use crate::time::{Duration, Instant};
use crate::wire::tcp::Flags;

/// What the header says of text that was taken.
pub(super) struct TextHeader {
    /// Its bytes.
    pub len: u32,
    /// Whether it may be the end of a write.
    pub pushed: bool,
    /// Length of the options, in bytes.
    pub options_len: usize,
    /// The timestamp that it echoes.
    pub tsecr: Option<u32>,
}

impl TextHeader {
    fn of(segment: &InWindow<'_>, len: u32) -> TextHeader {
        let ends = Flags::PSH | Flags::FIN | Flags::URG;
        TextHeader {
            len,
            pushed: segment.flags != segment.flags.without(ends),
            options_len: segment.options.len(),
            tsecr: segment.options.timestamps.map(|timestamps| timestamps.tsecr),
        }
    }
}

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
        self.totals.texts_in = self.totals.texts_in.wrapping_add(1);
        if !self.can_take_text() {
            return Err(Discard::ack(Refusal::TextAfterFin));
        }
        if self.is_detached() || (self.is_read_shut() && self.snd.closed) {
            // RFC 9293 3.6.1, RFC 1122 4.2.2.13: nobody will read it, so say so.
            self.reset(cx, Cause::DataAfterClose, Some(Error::Aborted));
            return Err(Discard::silent(Refusal::TextAfterClose));
        }
        self.note_mark(segment);
        if segment.seq == self.rcv.nxt && !self.rcv.has_gap() {
            let len = segment.payload.len() as u32;
            self.rcv.buffer.push(segment.take_text());
            self.rcv.advance(len);
            self.note_text(cx.now, &TextHeader::of(segment, len));
            return Ok(());
        }
        self.queue_text(cx, segment);
        Ok(())
    }

    /// Text in order was taken from a segment: it will be acknowledged, now or later.
    pub(super) fn note_text(&mut self, now: Instant, header: &TextHeader) {
        let timestamps = if self.timestamps.is_some() { 12 } else { 0 };
        let TextHeader { len, pushed, options_len, tsecr } = *header;
        let arrival = Arrival {
            now,
            len,
            size: (len + options_len as u32).saturating_sub(timestamps),
            most: u32::from(self.own_mss.bytes()).saturating_sub(timestamps),
            guess: self.full_segment(),
            pushed,
            window: self.rcv.window(),
            rto: self.rto().as_duration(),
        };
        self.ack.text_arrived(&self.config, &arrival);
        self.sample_receive_rtt(now, tsecr, len);
        if self.ack.due() == Due::Delayed {
            self.arm_ack_delay(now);
        }
    }

    /// The round-trip time as a receiver sees it: from the echo in a full-sized segment, or from the time
    /// that a window's worth of text takes.
    fn sample_receive_rtt(&mut self, now: Instant, tsecr: Option<u32>, len: u32) {
        match (self.timestamps, tsecr) {
            (Some(_), Some(tsecr)) if len >= self.ack.full_size() => {
                let age = self.tsval(now).wrapping_sub(tsecr);
                // A peer that echoes nonsense must not set our clock.
                if age < 1 << 24 {
                    self.receive_tuning.echo_arrived(tsecr, Duration::from_millis(age.into()));
                }
            }
            (Some(_), _) => {}
            (None, _) => {
                let (arrived, window) = (self.rcv.offset, self.rcv.window());
                self.receive_tuning.text_arrived(now, arrived, window);
            }
        }
    }

    /// Lets the delayed-ACK timer run, from the first segment on. When it would go off within a quarter
    /// of the delay, it is not waited for (as Linux).
    fn arm_ack_delay(&mut self, now: Instant) {
        let delay = self.ack.delay(&self.config, self.rtt.srtt());
        if self.timers.goes_off_by(TimerKind::DelayedAck, now + delay / 4) {
            return self.ack.delay_nearly_over();
        }
        self.timers.arm_no_later(TimerKind::DelayedAck, now + delay);
    }

    /// Out of order, or filling a gap: acknowledged at once (RFC 5681 4.2).
    fn queue_text(&mut self, cx: &mut Context<'_>, segment: &mut InWindow<'_>) {
        self.ack.gap_seen();
        if cx.memory == Memory::Exhausted && segment.seq != self.rcv.nxt {
            // The peer keeps it until it is acknowledged, whatever was reported of it (RFC 2018 8).
            self.rcv.drop_reassembly();
            let view = self.view_received(segment);
            return cx.refuse(Some(self.conn), Refusal::TcpMemory, Some(view));
        }
        let offset = self.rcv.offset_of(segment.seq);
        let capacity = self.receive_tuning.capacity();
        let nxt = self.rcv.nxt;
        match self.rcv.reassembly().insert(offset, &segment.payload, capacity) {
            Ok(duplicate) => {
                // Of several such stretches the first is reported, which may lie before the window (RFC 2883 4.2.2).
                if let Some(range) = duplicate.filter(|_| self.sack && !segment.begins_old) {
                    self.rcv.note_duplicate(range);
                }
                self.rcv.drain_reassembly();
                if self.rcv.nxt != nxt {
                    let len = segment.payload.len() as u32;
                    self.note_text(cx.now, &TextHeader::of(segment, len));
                }
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
