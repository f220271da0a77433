//! Which sent bytes are believed lost.
//!
//! ```text
//!   snd.una            next            lost_end             snd.nxt
//!      |  in flight     | lost, to be sent again |  in flight  |
//! ```
//!
//! Without SACK the lost part is one range: a segment at snd.una after duplicate acknowledgments,
//! everything after a time-out. SACK-driven recovery will make it many; the questions asked of it
//! (`next_lost`, `lost`) stay.

use crate::wire::SeqNum;

/// The lost range that still has to be retransmitted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scoreboard {
    next: SeqNum,
    lost_end: SeqNum,
}

impl Scoreboard {
    /// Believes `start..end` lost and not yet retransmitted; replaces what was believed before.
    pub fn mark_lost(&mut self, start: SeqNum, end: SeqNum) {
        *self = Scoreboard { next: start, lost_end: end };
    }

    /// The first lost sequence number and how many follow it.
    pub fn next_lost(&self) -> Option<(SeqNum, u32)> {
        let len = self.lost_end.since(self.next);
        (len > 0).then_some((self.next, len))
    }

    /// Lost and not retransmitted, so not in flight; in sequence space.
    pub fn lost(&self) -> u32 {
        self.lost_end.since(self.next)
    }

    /// Everything before `end` was retransmitted.
    pub fn retransmitted(&mut self, end: SeqNum) {
        self.next = end;
    }

    /// Everything before `una` was acknowledged.
    pub fn acknowledged(&mut self, una: SeqNum) {
        self.next = self.next.max(una);
        self.lost_end = self.lost_end.max(una);
    }
}

#[cfg(test)]
mod tests;
