//! Text that arrived out of order, waiting for the gap before it to fill.
//!
//! ```text
//!   rcv.nxt ....gap.... [==== range ====] ..gap.. [== range ==]      right window edge
//!                        chunk chunk chunk          chunk
//! ```
//!
//! Positions are offsets in the stream, so nothing here wraps. What arrived first stays; of a
//! later segment only what fills gaps is kept. Memory is bounded: each chunk counts for its bytes
//! and an overhead, and beyond the capacity text is refused.

use std::collections::BTreeMap;

use arrayvec::ArrayVec;
use bytes::Bytes;

use crate::wire::shrink_to_fit;

/// What a chunk counts for beside its bytes.
const CHUNK_OVERHEAD: usize = 128;
/// Pieces up to this long are kept apart from what they came in.
const SMALL: usize = 256;
/// How many recently changed ranges are remembered: as many as SACK can report, and the one that fills the first gap
/// and is none any more when they are.
const RECENT: usize = 5;

/// A part of the stream: from `start` up to but not including `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// Offset of its first byte.
    pub start: u64,
    /// Offset after its last byte.
    pub end: u64,
}

/// There is no room for more out-of-order text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// A whole window of segments must fit with their overhead, one of single bytes need not.
fn charge_limit(capacity: u32) -> usize {
    2 * capacity as usize + 64 * CHUNK_OVERHEAD
}

/// The out-of-order queue of one connection.
#[derive(Debug, Default)]
pub struct Reassembly {
    /// Chunks by offset; they do not overlap.
    chunks: BTreeMap<u64, Bytes>,
    /// The maximal ranges that the chunks cover: start to end.
    ranges: BTreeMap<u64, u64>,
    /// An offset within each of the ranges that changed last, the latest first (RFC 2018 4).
    recent: ArrayVec<u64, RECENT>,
    charged: usize,
}

impl Reassembly {
    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// What holding all that waits costs, in bytes.
    pub fn memory(&self) -> usize {
        self.charged
    }

    /// Takes in text at `offset`. Says which part of it was there already, if any (the first such
    /// part, for D-SACK, RFC 2883 4); refuses it when that would cost more than a receive buffer of
    /// `capacity` bytes is worth.
    pub fn insert(
        &mut self,
        offset: u64,
        text: &Bytes,
        capacity: u32,
    ) -> Result<Option<Range>, Full> {
        if self.charged + text.len() + CHUNK_OVERHEAD > charge_limit(capacity) {
            return Err(Full);
        }
        let end = offset + text.len() as u64;
        let mut duplicate = None;
        let mut at = offset;
        while at < end {
            let covered = self.range_at(at);
            if let Some(range) = covered {
                let upto = range.end.min(end);
                duplicate.get_or_insert(Range { start: at, end: upto });
                at = upto;
                continue;
            }
            let next = self.ranges.range(at..).next().map_or(end, |(&start, _)| start.min(end));
            let mut piece = text.slice((at - offset) as usize..(next - offset) as usize);
            match piece.len() {
                // It may share memory with what has nothing to do with it.
                ..=SMALL => piece = Bytes::copy_from_slice(&piece),
                _ => shrink_to_fit(&mut piece, text.len()),
            }
            self.charged += piece.len() + CHUNK_OVERHEAD;
            self.chunks.insert(at, piece);
            at = next;
        }
        self.merge(offset, end);
        Ok(duplicate)
    }

    /// Makes one range of everything that touches `start..end`.
    fn merge(&mut self, start: u64, end: u64) {
        let mut merged = Range { start, end };
        while let Some((&from, &to)) =
            self.ranges.range(..=merged.end).next_back().filter(|&(_, &to)| to >= merged.start)
        {
            self.ranges.remove(&from);
            merged = Range { start: merged.start.min(from), end: merged.end.max(to) };
        }
        self.ranges.insert(merged.start, merged.end);
        self.recent.retain(|at| *at < merged.start || *at >= merged.end);
        self.recent.truncate(RECENT - 1);
        self.recent.insert(0, merged.start);
    }

    /// The range that holds `offset`.
    pub fn range_at(&self, offset: u64) -> Option<Range> {
        let (&start, &end) = self.ranges.range(..=offset).next_back()?;
        (offset < end).then_some(Range { start, end })
    }

    /// The ranges that changed last, the latest first; older ones may be missing.
    pub fn recent_ranges(&self) -> impl Iterator<Item = Range> + '_ {
        self.recent.iter().filter_map(|&at| self.range_at(at))
    }

    /// Takes the chunk that starts at or before `offset`, up to which everything has arrived; what
    /// lies before `offset` is cut off. `None` when there is still a gap.
    pub fn pop(&mut self, offset: u64) -> Option<Bytes> {
        while let Some(entry) = self.chunks.first_entry().filter(|entry| *entry.key() <= offset) {
            let (at, chunk) = entry.remove_entry();
            self.charged -= chunk.len() + CHUNK_OVERHEAD;
            let end = at + chunk.len() as u64;
            self.forget_before(end);
            if end > offset {
                return Some(chunk.slice((offset - at) as usize..));
            }
        }
        None
    }

    /// Shortens or removes the first range, whose bytes before `end` were taken.
    fn forget_before(&mut self, end: u64) {
        while let Some(entry) = self.ranges.first_entry().filter(|entry| *entry.key() < end) {
            let (start, range_end) = entry.remove_entry();
            if range_end > end {
                self.ranges.insert(end, range_end);
            }
            for at in self.recent.iter_mut().filter(|at| (start..end).contains(at)) {
                *at = end;
            }
        }
        let ranges = &self.ranges;
        self.recent.retain(|at| ranges.range(..=*at).next_back().is_some_and(|(_, &to)| *at < to));
    }
}

#[cfg(test)]
mod tests;
