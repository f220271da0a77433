//! Text that follows on a segment that was just processed, in a packet that says nothing else: of all the steps only the
//! seventh has something to do (header prediction, as V. Jacobson described it in 1990).

use bytes::Bytes;

use crate::event::State;
use crate::tcp::arrive::text::TextHeader;
use crate::tcp::tcb::Tcb;
use crate::time::Instant;
use crate::wire::SeqNum;

/// A segment with the acknowledgment, the window and the options of the one before it, and without any flag but ACK and
/// PSH.
#[derive(Debug)]
pub struct Follower {
    /// Its sequence number.
    pub seq: SeqNum,
    /// Its text.
    pub text: Bytes,
    /// Whether it has PSH.
    pub pushed: bool,
    /// Length of its options, in bytes.
    pub options_len: usize,
    /// The timestamp that it echoes.
    pub tsecr: Option<u32>,
}

impl Tcb {
    /// Whether `len` bytes of text at `seq`, in a segment that follows on the one at `before`, the last one processed, only
    /// have to be kept.
    pub fn may_follow(&self, before: SeqNum, seq: SeqNum, len: usize) -> bool {
        self.state == State::Established
            && self.snd.wl1 == before // whose window was taken, which is the same
            && self.opening.is_none()
            && self.urgent.is_none()
            && seq == self.rcv.nxt
            && !self.rcv.has_gap()
            && self.rcv.duplicate.is_none()
            && (1..=self.rcv.window() as usize).contains(&len)
            && !self.is_detached()
            && !self.is_read_shut()
            && !self.ack.goes_apart(self.sack)
    }

    /// Takes the text of a segment that [may follow](Tcb::may_follow).
    pub fn text_follows(&mut self, now: Instant, segment: Follower) {
        let Follower { seq, text, pushed, options_len, tsecr } = segment;
        self.totals.segments_in = self.totals.segments_in.wrapping_add(1);
        self.totals.texts_in = self.totals.texts_in.wrapping_add(1);
        self.last_heard = now;
        self.snd.wl1 = seq;
        let len = text.len() as u32;
        self.rcv.buffer.push(text);
        self.rcv.advance(len);
        self.note_text(now, &TextHeader { len, pushed, options_len, tsecr });
    }
}
