//! The memory that all connections together hold, and what that means for each.
//!
//! ```text
//!   0 --------------- half --------------- two thirds --------------- the limit ------->
//!     plenty          plenty until it was scarce       scarce         exhausted
//!                     scarce until it was plenty
//! ```
//!
//! As Linux's tcp_mem. Every change of a connection adds the difference it makes, so nothing ever looks at all
//! connections; the levels take effect for each when something happens to it.

use crate::context::Memory;

/// What is held, against what may be.
#[derive(Debug)]
pub(super) struct MemoryUse {
    used: usize,
    limit: usize,
    scarce: bool,
}

impl MemoryUse {
    /// Nothing is held; `limit` bytes may be.
    pub(super) fn new(limit: usize) -> Self {
        MemoryUse { used: 0, limit, scarce: false }
    }

    /// Bytes held.
    pub(super) fn used(&self) -> usize {
        self.used
    }

    /// How much there is.
    pub(super) fn level(&self) -> Memory {
        match self.scarce {
            _ if self.used > self.limit => Memory::Exhausted,
            true => Memory::Scarce,
            false => Memory::Plenty,
        }
    }

    /// Somebody who was charged with `charged` bytes holds `held` now, and is charged with those. Whether memory
    /// has become scarce by that.
    pub(super) fn settle(&mut self, charged: &mut usize, held: usize) -> bool {
        self.used = self.used - *charged + held;
        *charged = held;
        let was_scarce = self.scarce;
        self.scarce =
            if was_scarce { self.used >= self.limit / 2 } else { self.used > self.limit / 3 * 2 };
        self.scarce && !was_scarce
    }
}

#[cfg(test)]
mod tests;
