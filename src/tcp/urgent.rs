//! Urgent data (RFC 9293 3.8.5, sixth step of 3.10.7.4). New applications should not use it (RFC 6093 5); it is here
//! for those that do, as Linux has it: the pointer is that of the octet after the last urgent one.
//!
//! ```text
//!   we write   |.... text ....|u|          URG, in every segment, until u is acknowledged
//!   we read    |.... text ....|u|.. text   a read stops before u; unless it is to be in line, u is left out,
//!                             mark         and is read by itself
//! ```
//!
//! There is one mark at most, and it only moves forward: a peer that sends many pointers costs nothing more.

use crate::event::{State, Why};
use crate::tcp::arrive::InWindow;
use crate::tcp::tcb::Tcb;
use crate::tcp::user::Refused;
use crate::wire::SeqNum;

/// What is known of urgent data; it is there only while there is any.
#[derive(Debug, Default)]
pub(crate) struct Urgent {
    /// Offset in our stream after the last octet that was written as urgent.
    end: Option<u64>,
    mark: Option<Mark>,
}

/// Where the peer's urgent data ends.
#[derive(Clone, Copy, Debug)]
struct Mark {
    /// Offset in its stream of the last urgent octet.
    at: u64,
    /// The octet was read.
    taken: bool,
}

impl Tcb {
    /// What was written last is urgent. A peer whose window is closed is told all the same.
    pub(crate) fn urge(&mut self) {
        let end = self.snd.buffer.end();
        self.urgent.get_or_insert_default().end = Some(end);
        if self.snd.window_left() == 0 && !self.snd.syn_unacked() {
            self.ack.now(Why::AckNow);
        }
    }

    /// Whether urgent text is not acknowledged.
    pub(crate) fn is_urgent(&self) -> bool {
        self.urgent.as_ref().is_some_and(|urgent| urgent.end.is_some())
    }

    /// The urgent pointer of a segment that begins with `seq`, if it has one. What lies too far ahead is told of
    /// as far as the field goes.
    pub(crate) fn urgent_pointer(&self, seq: SeqNum) -> Option<u16> {
        let left = self.urgent.as_ref()?.end? - self.snd.buffer.start();
        let end = self.snd.una + u32::from(self.snd.syn_unacked()) + left as u32;
        match end.since(seq) {
            0 => None,
            ahead => Some(u16::try_from(ahead).unwrap_or(u16::MAX)),
        }
    }

    /// More of our text was acknowledged.
    pub(crate) fn urgent_acknowledged(&mut self) {
        let start = self.snd.buffer.start();
        if let Some(urgent) = &mut self.urgent {
            urgent.end = urgent.end.filter(|&end| end > start);
        }
        self.drop_urgent();
    }

    fn drop_urgent(&mut self) {
        if self.urgent.as_ref().is_some_and(|urgent| urgent.end.is_none() && urgent.mark.is_none())
        {
            self.urgent = None;
        }
    }

    /// Sixth: the URG bit (RFC 9293 3.10.7.4 sixth).
    pub(crate) fn process_urgent(&mut self, segment: &InWindow<'_>) {
        // Whoever takes the pointer for that of the urgent octet itself may send 0.
        let seq = segment.seq + u32::from(segment.urgent.saturating_sub(1));
        if !self.can_take_text() || seq.before(self.rcv.nxt) {
            return;
        }
        let at = self.rcv.offset_of(seq);
        if let Some(mark) = self.mark() {
            if at <= mark.at {
                return; // an older pointer, or the same again
            }
            // The octet at the mark was not meant to be read in its place, and is not to be now.
            self.skip_octet(mark);
        }
        self.urgent.get_or_insert_default().mark = Some(Mark { at, taken: false });
    }

    fn mark(&self) -> Option<Mark> {
        self.urgent.as_ref()?.mark
    }

    /// Offset in the peer's stream of the next octet to be read.
    fn read_to(&self) -> u64 {
        self.rcv.offset - self.rcv.buffer.len() as u64
    }

    /// Whether reading has come to the urgent octet (SIOCATMARK).
    pub fn at_mark(&self) -> bool {
        self.mark().is_some_and(|mark| mark.at == self.read_to())
    }

    /// Whether the urgent octet has arrived and was not read by itself.
    pub fn has_urgent(&self) -> bool {
        self.mark().is_some_and(|mark| !mark.taken && mark.at < self.rcv.offset)
    }

    /// Bytes that wait before the urgent octet if there is one to stop at, otherwise all that wait (SIOCINQ).
    pub fn unread(&self) -> u32 {
        match self.mark().filter(|mark| !self.config.oob_inline && mark.at < self.rcv.offset) {
            Some(mark) => (mark.at - self.read_to()) as u32,
            None => self.rcv.buffer.len() as u32,
        }
    }

    /// The urgent octet by itself, `None` when none will come; `peek` leaves it for the next time.
    pub fn receive_urgent(&mut self, peek: bool) -> Result<Option<u8>, Refused> {
        let mark = self.mark().filter(|mark| !mark.taken && !self.config.oob_inline);
        let mark = mark.ok_or(Refused::NotUrgent)?;
        let failed = self.state == State::Closed && !self.rcv.finished;
        if mark.at >= self.rcv.offset || failed {
            return self.check_end().map(|()| None);
        }
        let octet = self.rcv.buffer.octet((mark.at - self.read_to()) as usize);
        if let Some(urgent) = self.urgent.as_mut().filter(|_| !peek) {
            urgent.mark = Some(Mark { taken: true, ..mark });
        }
        Ok(octet)
    }

    /// How much of the text that waits may be read or looked at in one go, and how much of it is left out before
    /// that.
    pub(crate) fn readable(&self) -> (usize, usize) {
        let waiting = self.rcv.buffer.len();
        match self.mark() {
            Some(mark) if mark.at > self.read_to() => {
                (0, waiting.min((mark.at - self.read_to()) as usize))
            }
            Some(_) if !self.config.oob_inline && waiting > 0 => (1, waiting - 1),
            _ => (0, waiting),
        }
    }

    /// Leaves the urgent octet out if it comes next, also when nothing is behind it (as Linux): it was not wanted.
    pub(crate) fn skip_urgent(&mut self) {
        if let Some(mark) = self.mark() {
            self.skip_octet(mark);
        }
    }

    fn skip_octet(&mut self, mark: Mark) {
        if !self.config.oob_inline && mark.at == self.read_to() && !self.rcv.buffer.is_empty() {
            self.rcv.buffer.pop(1);
            self.pass_mark();
        }
    }

    /// What lies behind what was read is no mark any more.
    pub(crate) fn pass_mark(&mut self) {
        let read_to = self.read_to();
        if let Some(urgent) = &mut self.urgent {
            urgent.mark = urgent.mark.filter(|mark| mark.at >= read_to);
        }
        self.drop_urgent();
    }
}

#[cfg(test)]
mod tests;
