//! Whether a reduction of the window was wrong: nothing was lost, only late (RFC 3522, RFC 4015, RFC
//! 3708).

/// What is remembered of a repair until it is known whether it was needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Undo {
    /// Place where the repair began: what lies before it was not sent again for it.
    start: u64,
    /// Segments sent again of which no copy is known to have been needless.
    again: u32,
    /// Something was sent again.
    any: bool,
}

impl Undo {
    /// A repair of what lies at `start` and beyond begins; nothing was sent again.
    pub fn new(start: u64) -> Self {
        Undo { start, again: 0, any: false }
    }

    /// `segments` are sent again.
    pub fn on_retransmission(&mut self, segments: u32) {
        self.any = true;
        self.again = self.again.saturating_add(segments);
    }

    /// A D-SACK covers `segments` up to the place `end` (RFC 3708).
    pub fn on_dsack(&mut self, end: u64, segments: u32) {
        if end > self.start {
            self.again = self.again.saturating_sub(segments);
        }
    }

    /// Whether everything that was sent again was so in vain (RFC 3708).
    pub fn all_needless(&self) -> bool {
        self.any && self.again == 0
    }

    /// Whether nothing was sent again at all.
    pub fn nothing_again(&self) -> bool {
        !self.any
    }
}

#[cfg(test)]
mod tests;
