//! Whether a reduction of the window was wrong: nothing was lost, only late (RFC 3522, RFC 4015, RFC
//! 3708).

use serde::{Deserialize, Serialize};

/// Most stretches that are remembered. With more of them in one repair no D-SACK undoes it.
const MOST: usize = 64;

/// What is remembered of a repair until it is known whether it was needed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undo {
    /// Places sent again, once for each time, of which no copy is known to have been needless.
    again: Vec<(u64, u64)>,
    /// There were more stretches of them than are remembered.
    forgotten: bool,
    /// Something was sent again.
    any: bool,
    /// The repair is over: what it has sent again has arrived, and how often, when this place is acknowledged.
    until: Option<u64>,
}

impl Undo {
    /// What lies from place `start` to `end` is sent again.
    pub fn on_retransmission(&mut self, start: u64, end: u64) {
        self.any = true;
        match self.again.last_mut() {
            Some(last) if last.1 == start => last.1 = end,
            _ => self.remember(start, end),
        }
    }

    fn remember(&mut self, start: u64, end: u64) {
        match self.again.len() < MOST {
            true => self.again.push((start, end)),
            false => self.forgotten = true,
        }
    }

    /// A D-SACK says that what lies from `start` to `end` has arrived twice (RFC 3708 2). Whether that is of
    /// something that was sent again; otherwise the network has doubled it.
    pub fn on_dsack(&mut self, start: u64, end: u64) -> bool {
        let overlaps = |&(from, to): &(u64, u64)| from < end && start < to;
        let Some(at) = self.again.iter().position(overlaps) else {
            return false;
        };
        let (from, to) = self.again.swap_remove(at);
        let (left, right) = (from.max(start), to.min(end));
        for (from, to) in [(from, left), (right, to)] {
            if from < to {
                self.remember(from, to);
            }
        }
        self.on_dsack(start, left);
        self.on_dsack(right, end);
        true
    }

    /// Whether everything that was sent again was so in vain (RFC 3708).
    pub fn all_needless(&self) -> bool {
        self.any && self.again.is_empty() && !self.forgotten
    }

    /// Whether nothing was sent again at all.
    pub fn nothing_again(&self) -> bool {
        !self.any
    }

    /// The repair is over, when everything up to place `nxt` was sent.
    pub fn repaired(&mut self, nxt: u64) {
        self.until = Some(nxt);
    }

    /// Whether a round trip has passed since, with which everything up to `una` is acknowledged: what arrives
    /// twice from now on says nothing of it.
    pub fn is_past(&self, una: u64) -> bool {
        self.until.is_some_and(|until| una > until)
    }
}

#[cfg(test)]
mod tests;
