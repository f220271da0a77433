//! First: is it in the window? (RFC 9293 3.10.7.4 first, RFC 7323 5.3)

use std::ops::Deref;

use crate::context::Context;
use crate::event::{Refusal, State, Why};
use crate::tcp::discard::Discard;
use crate::tcp::tcb::Tcb;
use crate::time::{Duration, Instant};
use crate::wire::tcp::{Flags, Segment};
use crate::wire::tcp_options::SackBlock;

/// After this a timestamp proves nothing any more (RFC 7323 5.5).
const PAWS_EXPIRY: Duration = Duration::from_secs(24 * 24 * 3600);

/// A segment whose text and FIN lie within the window; what lay outside was cut off.
#[derive(Debug)]
pub(crate) struct InWindow(Segment);

impl Deref for InWindow {
    type Target = Segment;
    fn deref(&self) -> &Segment {
        &self.0
    }
}

impl Tcb {
    /// Refuses what is old or lies beyond the window, and trims the rest to the window.
    pub(super) fn check_sequence(
        &mut self,
        cx: &mut Context<'_>,
        segment: Segment,
    ) -> Result<InWindow, Discard> {
        let segment = self.without_expected_syn(segment);
        self.check_paws(cx.now, &segment)?;
        let (nxt, window) = (self.rcv.nxt, self.rcv.window());
        let (seq, end) = (segment.seq, segment.seq_end());
        if segment.rst() {
            // RFC 5961 3.2: judged by its first octet alone; a window of zero has its edge.
            return if seq.within(nxt, window.max(1)) {
                Ok(InWindow(segment))
            } else {
                Err(Discard::silent(Refusal::ResetOutsideWindow))
            };
        }
        let old = if seq == end { end.before(nxt) } else { end.at_or_before(nxt) };
        if old {
            // The last segment again: its echo tells the peer's clock of this copy (as Linux).
            if end == nxt {
                self.note_timestamp(cx.now, &segment);
            }
            return Err(self.old_segment(&segment));
        }
        // An empty segment just after the window is one of an honest peer that filled it.
        let beyond =
            if seq == end { seq.after(nxt + window) } else { seq.at_or_after(nxt + window) };
        if beyond && !(window == 0 && seq == nxt) {
            return Err(if segment.syn() {
                Discard::challenge(Refusal::SynChallenged)
            } else if seq == end {
                Discard::challenge(Refusal::SequenceBeyondWindow)
            } else {
                Discard::ack(Refusal::SequenceBeyondWindow)
            });
        }
        self.note_timestamp(cx.now, &segment);
        Ok(InWindow(self.trim(cx, segment)))
    }

    /// In a simultaneous open the peer's SYN-ACK repeats the SYN that we already have: only its
    /// acknowledgment is new (RFC 9293 3.5, figure 8).
    fn without_expected_syn(&self, segment: Segment) -> Segment {
        let repeats = self.state == State::SynReceived
            && segment.syn()
            && segment.seq == self.rcv.irs
            && segment.ack() == Some(self.snd.nxt);
        if !repeats {
            return segment;
        }
        // The window of a SYN is never scaled (RFC 7323 2.2), that of the rest would be.
        let window = self.snd.scale.field(segment.window.into());
        Segment {
            seq: segment.seq + 1,
            flags: segment.flags.without(Flags::SYN),
            window,
            ..segment
        }
    }

    /// Protection against wrapped sequence numbers (RFC 7323 5.3 R1; resets are exempt, and so is a
    /// SYN, which is challenged whatever it carries).
    fn check_paws(&mut self, now: Instant, segment: &Segment) -> Result<(), Discard> {
        let Some(state) = self.timestamps.filter(|_| !segment.rst() && !segment.syn()) else {
            return Ok(());
        };
        let Some(ts) = segment.options.timestamps else {
            return Err(Discard::silent(Refusal::TimestampMissing));
        };
        let older = (ts.tsval.wrapping_sub(state.recent) as i32) < 0;
        if older && now.since(state.renewed) < PAWS_EXPIRY {
            return Err(if segment.payload.is_empty() {
                Discard::challenge(Refusal::Paws)
            } else {
                Discard::ack(Refusal::Paws)
            });
        }
        Ok(())
    }

    /// TS.Recent follows segments that span the last acknowledgment sent (RFC 7323 4.3).
    fn note_timestamp(&mut self, now: Instant, segment: &Segment) {
        if let (Some(state), Some(ts)) = (&mut self.timestamps, segment.options.timestamps)
            && segment.seq.at_or_before(self.rcv.last_ack_sent)
        {
            state.recent = ts.tsval;
            state.renewed = now;
        }
    }

    /// All of it was received before: acknowledge again, for our acknowledgment may have been lost.
    fn old_segment(&mut self, segment: &Segment) -> Discard {
        if segment.payload.is_empty() && !segment.syn() && !segment.fin() {
            return Discard::challenge(Refusal::SequenceOld);
        }
        if self.sack && !segment.payload.is_empty() {
            self.rcv.duplicate = Some(SackBlock {
                left: segment.seq,
                right: segment.seq + segment.payload.len() as u32,
            });
        }
        if segment.syn() {
            return Discard::challenge(Refusal::SynChallenged);
        }
        Discard::ack(Refusal::SequenceOld)
    }

    /// Cuts off what was received before and what lies beyond the window.
    fn trim(&mut self, cx: &mut Context<'_>, mut segment: Segment) -> Segment {
        let nxt = self.rcv.nxt;
        if segment.syn() {
            return segment; // refused as a whole by the fourth step
        }
        let before = nxt.since(segment.seq);
        if before > 0 && segment.seq_len() > 0 {
            if self.sack {
                self.rcv.duplicate = Some(SackBlock { left: segment.seq, right: nxt });
            }
            self.ack.now(Why::AckNow);
            let cut = (before as usize).min(segment.payload.len());
            segment.payload = segment.payload.slice(cut..);
            segment.seq = nxt;
        }
        // A FIN needs no room: some peers (smoltcp for one) send it although the window is closed
        // or filled by the text before it, and may give up when it is refused.
        let room = self.rcv.adv.since(segment.seq) as usize;
        if segment.payload.len() > room {
            let whole = self.view_received(&segment);
            segment.payload.truncate(room);
            segment.flags = segment.flags.without(Flags::FIN);
            self.ack.now(Why::AckNow);
            cx.refuse(Some(self.conn), Refusal::TextBeyondWindow, Some(whole));
        }
        segment
    }
}

#[cfg(test)]
mod tests;
