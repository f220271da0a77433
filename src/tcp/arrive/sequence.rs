//! First: is it in the window? (RFC 9293 3.10.7.4 first, RFC 7323 5.3)

use std::mem;
use std::ops::Deref;

use bytes::{Buf, Bytes};

use crate::context::Context;
use crate::event::{Refusal, State};
use crate::tcp::discard::Discard;
use crate::tcp::tcb::Tcb;
use crate::time::{Duration, Instant};
use crate::wire::tcp::{Flags, Segment};
use crate::wire::tcp_options::SackBlock;
use crate::wire::{SeqNum, shrink_to_fit};

/// After this a timestamp proves nothing any more (RFC 7323 5.5).
const PAWS_EXPIRY: Duration = Duration::from_secs(24 * 24 * 3600);

/// A segment whose text and FIN lie within the window; what lay outside was cut off.
#[derive(Debug)]
pub(crate) struct InWindow<'a> {
    segment: &'a mut Segment,
    /// The sequence number just after the text: that of the FIN, if there is one.
    pub(super) text_end: SeqNum,
    /// Something was cut off, of which the peer must hear.
    pub(super) cut: bool,
}

impl<'a> InWindow<'a> {
    fn new(segment: &'a mut Segment, cut: bool) -> Self {
        let text_end = segment.seq + segment.payload.len() as u32;
        InWindow { segment, text_end, cut }
    }

    /// Takes the text out.
    pub(super) fn take_text(&mut self) -> Bytes {
        mem::take(&mut self.segment.payload)
    }
}

impl Deref for InWindow<'_> {
    type Target = Segment;
    fn deref(&self) -> &Segment {
        self.segment
    }
}

/// Where a segment lies, seen from the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// All of it before the window.
    Before,
    /// At least a part of it inside.
    Inside,
    /// All of it after the window.
    After,
}

impl Place {
    /// RFC 9293 3.10.7.4 first, table 6. An empty segment just after the window counts as inside, as
    /// in Linux: it is one of an honest peer that filled it.
    pub(super) fn of(segment: &Segment, nxt: SeqNum, window: u32) -> Place {
        let (seq, end) = (segment.seq, segment.seq_end());
        let empty = seq == end;
        if if empty { end.before(nxt) } else { end.at_or_before(nxt) } {
            return Place::Before;
        }
        let right = nxt + window;
        let after = if empty { seq.after(right) } else { seq.at_or_after(right) };
        // A window of zero still has its edge: what stands there is a probe.
        if after && !(window == 0 && seq == nxt) { Place::After } else { Place::Inside }
    }
}

/// Whether a clock that showed `tsval` was read before it showed `recent` (RFC 7323 5.3 R1).
pub(super) fn is_older(tsval: u32, recent: u32) -> bool {
    (tsval.wrapping_sub(recent) as i32) < 0
}

impl Tcb {
    /// Refuses what is old or lies beyond the window, and trims the rest to the window.
    pub(super) fn check_sequence<'a>(
        &mut self,
        cx: &mut Context<'_>,
        segment: &'a mut Segment,
    ) -> Result<InWindow<'a>, Discard> {
        self.drop_expected_syn(segment);
        self.check_paws(cx.now, segment)?;
        let (nxt, window) = (self.rcv.nxt, self.rcv.window());
        if segment.rst() {
            // RFC 5961 3.2: judged by its first octet alone; a window of zero has its edge.
            return if segment.seq.within(nxt, window.max(1)) {
                Ok(InWindow::new(segment, false))
            } else {
                Err(Discard::silent(Refusal::ResetOutsideWindow))
            };
        }
        match Place::of(segment, nxt, window) {
            Place::Inside => {
                self.note_timestamp(cx.now, segment);
                let cut = self.trim(cx, segment);
                Ok(InWindow::new(segment, cut))
            }
            Place::Before => {
                // The last segment again: its echo tells the peer's clock of this copy (as Linux).
                if segment.seq_end() == nxt {
                    self.note_timestamp(cx.now, segment);
                }
                Err(self.old_segment(segment))
            }
            Place::After if segment.syn() => Err(Discard::challenge(Refusal::SynChallenged)),
            Place::After if segment.seq_len() == 0 => {
                Err(Discard::challenge(Refusal::SequenceBeyondWindow))
            }
            Place::After => Err(Discard::ack(Refusal::SequenceBeyondWindow)),
        }
    }

    /// In a simultaneous open the peer's SYN-ACK repeats the SYN that we already have: only its
    /// acknowledgment is new (RFC 9293 3.5, figure 8); of text that went with ours it may be one of a part.
    fn drop_expected_syn(&mut self, segment: &mut Segment) {
        let repeats = self.state == State::SynReceived
            && segment.syn()
            && segment.seq == self.rcv.irs
            && segment
                .ack()
                .is_some_and(|ack| ack.after(self.snd.una) && ack.at_or_before(self.snd.nxt));
        if repeats {
            segment.seq += 1;
            self.ecn.negotiation.received(segment.flags);
            // Without SYN its flags of ECN would mean something else.
            segment.flags = segment.flags.without(Flags::SYN | Flags::ECE | Flags::CWR);
            // The window of a SYN is never scaled (RFC 7323 2.2), that of the rest would be.
            segment.window = self.snd.scale.field(segment.window.into());
        }
    }

    /// Protection against wrapped sequence numbers (RFC 7323 5.3 R1; resets are exempt, and so is a
    /// SYN, which is challenged whatever it carries).
    fn check_paws(&mut self, now: Instant, segment: &Segment) -> Result<(), Discard> {
        let Some(state) = self.timestamps.filter(|_| !segment.rst() && !segment.syn()) else {
            return Ok(());
        };
        let Some(ts) = segment.options.timestamps else {
            return match self.config.profile.takes_unstamped() {
                true => Ok(()),
                false => Err(Discard::silent(Refusal::TimestampMissing)),
            };
        };
        if is_older(ts.tsval, state.recent) && now.since(state.renewed) < PAWS_EXPIRY {
            return Err(if segment.payload.is_empty() {
                Discard::challenge(Refusal::Paws)
            } else {
                Discard::ack(Refusal::Paws)
            });
        }
        Ok(())
    }

    /// TS.Recent follows segments that span the last acknowledgment sent (RFC 7323 4.3), but for those that
    /// acknowledge what was never sent: the fifth step will refuse them, and what they say is not believed.
    fn note_timestamp(&mut self, now: Instant, segment: &Segment) {
        if let (Some(state), Some(ts)) = (&mut self.timestamps, segment.options.timestamps)
            && segment.seq.at_or_before(self.rcv.last_ack_sent)
            && !segment.ack().is_some_and(|ack| ack.after(self.snd.nxt))
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

    /// Cuts off what was received before and what lies beyond the window; whether there was any.
    fn trim(&mut self, cx: &mut Context<'_>, segment: &mut Segment) -> bool {
        let nxt = self.rcv.nxt;
        let len = segment.payload.len();
        if segment.syn() {
            return false; // refused as a whole by the fourth step
        }
        let before = nxt.since(segment.seq);
        if before > 0 {
            if self.sack {
                self.rcv.duplicate = Some(SackBlock { left: segment.seq, right: nxt });
            }
            let old = (before as usize).min(segment.payload.len());
            segment.payload.advance(old);
            segment.seq = nxt;
            match u16::try_from(before).ok().and_then(|cut| segment.urgent.checked_sub(cut)) {
                Some(left @ 1..) => segment.urgent = left,
                _ => segment.flags = segment.flags.without(Flags::URG), // it was received before
            }
        }
        // A FIN needs no room: some peers (smoltcp for one) send it although the window is closed
        // or filled by the text before it, and may give up when it is refused.
        let room = self.rcv.adv.since(segment.seq) as usize;
        let beyond = segment.payload.len() > room;
        if beyond {
            let whole = self.view_received(segment);
            segment.payload.truncate(room);
            segment.flags = segment.flags.without(Flags::FIN);
            cx.refuse(Some(self.conn), Refusal::TextBeyondWindow, Some(whole));
        }
        // The window counts what is left, so nothing else may stay in memory.
        shrink_to_fit(&mut segment.payload, len);
        before > 0 || beyond
    }
}

#[cfg(test)]
mod tests;
