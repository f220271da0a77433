//! Which bytes of a stream were seen, and where there are holes.

use std::collections::BTreeMap;

/// Holes that are kept; of more the lowest counts as filled.
const MOST: usize = 10_000;

/// What was seen of a stream; each hole keeps what was seen behind it first.
#[derive(Clone, Debug, Default)]
pub struct Holes<M> {
    /// The lowest byte that was seen, and where the highest ends.
    reach: Option<(u64, u64)>,
    holes: BTreeMap<u64, (u64, M)>,
}

/// What a piece of a stream brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Brought<M> {
    /// Bytes that were not seen before.
    pub fresh: u64,
    /// Bytes of it below the highest that was seen before.
    pub below: u64,
    /// What was seen behind the hole in which it lies.
    pub behind: Option<M>,
}

impl<M: Copy> Holes<M> {
    /// Has it begin there, when nothing was seen so far.
    pub fn begin(&mut self, at: u64) {
        self.reach.get_or_insert((at, at));
    }

    /// Takes note of the bytes from `from` up to but not including `to`.
    pub fn put(&mut self, from: u64, to: u64, mark: M) -> Brought<M> {
        let to = to.max(from);
        let Some((low, high)) = self.reach else {
            self.reach = Some((from, to));
            return Brought { fresh: to - from, below: 0, behind: None };
        };
        self.reach = Some((low.min(from), high.max(to)));
        let below = to.min(high).saturating_sub(from);
        if to < low {
            self.dig(to, low, mark);
        }
        if from > high {
            self.dig(high, from, mark);
        }
        let outside = to.min(low).saturating_sub(from) + to.saturating_sub(from.max(high));
        let (filled, behind) = self.fill(from, to);
        Brought { fresh: outside + filled, below, behind }
    }

    fn dig(&mut self, from: u64, to: u64, mark: M) {
        self.holes.insert(from, (to, mark));
        if self.holes.len() > MOST {
            self.holes.pop_first();
        }
    }

    /// How many bytes of holes lie there, and what was seen behind the first of these holes.
    fn fill(&mut self, from: u64, to: u64) -> (u64, Option<M>) {
        let (mut filled, mut behind) = (0, None);
        while let Some((&start, &(end, mark))) = self.holes.range(..to).next_back() {
            if end <= from {
                break;
            }
            self.holes.remove(&start);
            if end > to {
                self.holes.insert(to, (end, mark));
            }
            filled += end.min(to) - start.max(from);
            behind = Some(mark);
            if start < from {
                self.holes.insert(start, (from, mark));
                break;
            }
        }
        (filled, behind)
    }

    /// Bytes of holes below `end`, and what lies between the highest that was seen and `end`.
    pub fn unseen(&self, end: u64) -> u64 {
        let holes = self.holes.range(..end);
        let holes = holes.map(|(start, (to, _))| to.min(&end) - start).sum::<u64>();
        holes + self.reach.map_or(0, |(_, high)| end.saturating_sub(high))
    }
}

#[cfg(test)]
mod tests;
