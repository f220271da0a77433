//! What the application has written and the peer has not yet acknowledged.
//!
//! ```text
//!   start            (acknowledged up to here)                 end
//!     |[chunk]|[chunk]|[chunk .......]|[tail: small writes ]----|
//! ```
//!
//! Chunks are shared, never copied: `gather` hands out slices of them. Small writes gather in a
//! tail, so that many of them travel as one slice.

use bytes::{Bytes, BytesMut};
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::tcp::queue::Queue;

/// Writes smaller than this are copied into the tail.
const SMALL: usize = 8 << 10;
/// What is allocated for the first small write, unless it is longer.
const FIRST: usize = 512;
/// What is allocated for a tail that goes on.
const TAIL: usize = 16 << 10;
/// What is allocated for one copy of a large write at most.
const COPY: usize = 64 << 10;
/// Copies kept to be used again, at most.
const SPARE: usize = 16;
/// What a chunk counts for beside its bytes, so that tiny chunks cannot cost more than they show.
const CHUNK_OVERHEAD: usize = 64;
/// Most slices in one burst: beyond it, `writev` costs more than it saves.
const MAX_SLICES: usize = 16;

#[derive(Debug)]
struct Chunk {
    /// Offset of its first byte in the stream.
    at: u64,
    bytes: Bytes,
}

/// The bytes of the stream from `start`, the first unacknowledged one, to `end`.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct SendBuffer {
    #[serde(skip)]
    chunks: Queue<Chunk>,
    #[serde(skip)]
    tail: BytesMut,
    /// Empty, with room for about [`COPY`] bytes each; none while everything is acknowledged.
    #[serde(skip)]
    spare: Vec<BytesMut>,
    start: u64,
    end: u64,
}

impl SendBuffer {
    /// Offset of the first byte that is not acknowledged.
    pub fn start(&self) -> u64 {
        self.start
    }

    /// Offset after the last byte written.
    pub fn end(&self) -> u64 {
        self.end
    }

    /// Bytes written and not acknowledged.
    pub fn len(&self) -> usize {
        (self.end - self.start) as usize
    }

    /// What holding them costs, in bytes.
    pub fn memory(&self) -> usize {
        let spare = self.tail.capacity() - self.tail.len() + self.spare.len() * COPY;
        self.len() + self.chunks.len() * CHUNK_OVERHEAD + spare
    }

    /// What the bytes count for against a capacity.
    pub fn charge(&self) -> u32 {
        u32::try_from(self.len() + self.chunks.len() * CHUNK_OVERHEAD).unwrap_or(u32::MAX)
    }

    /// How many more bytes fit when at most `capacity` may be held.
    pub fn room(&self, capacity: u32) -> usize {
        capacity.saturating_sub(self.charge()) as usize
    }

    /// Copies from `data` what there is room for and says how much that was.
    pub fn push(&mut self, data: &[u8], capacity: u32) -> usize {
        let taken = data.len().min(self.room(capacity));
        for piece in data[..taken].chunks(COPY) {
            if piece.len() < SMALL {
                self.push_small(piece);
            } else {
                self.push_copy(piece);
            }
        }
        taken
    }

    /// Splits off the front of `data` what there is room for, without a copy, and says how much.
    pub fn push_bytes(&mut self, data: &mut Bytes, capacity: u32) -> usize {
        let taken = data.len().min(self.room(capacity));
        let piece = data.split_to(taken);
        if piece.len() < SMALL {
            self.push_small(&piece);
        } else {
            self.push_chunk(piece);
        }
        taken
    }

    fn push_small(&mut self, data: &[u8]) {
        if self.tail.capacity() - self.tail.len() < data.len() {
            // One small write alone, as a request or a reply is, takes what it needs.
            let first = self.len() == 0;
            self.freeze_tail();
            self.tail.reserve(if first { data.len().max(FIRST) } else { TAIL });
        }
        self.tail.extend_from_slice(data);
        self.end += data.len() as u64;
    }

    /// A copy in memory that an acknowledged copy has left: memory touched for the first time costs
    /// more than the copy.
    fn push_copy(&mut self, data: &[u8]) {
        let mut copy = self.spare.pop().unwrap_or_default();
        copy.extend_from_slice(data);
        self.push_chunk(copy.freeze());
    }

    fn push_chunk(&mut self, bytes: Bytes) {
        self.freeze_tail();
        let at = self.end;
        self.end += bytes.len() as u64;
        self.chunks.push_back(Chunk { at, bytes });
    }

    /// Makes the tail's bytes a chunk; what is left of its allocation stays the tail.
    fn freeze_tail(&mut self) {
        if !self.tail.is_empty() {
            let bytes = self.tail.split().freeze();
            self.chunks.push_back(Chunk { at: self.end - bytes.len() as u64, bytes });
        }
    }

    /// Forgets everything before `offset`, which has been acknowledged.
    pub fn acknowledge(&mut self, offset: u64) {
        assert!(self.start <= offset && offset <= self.end, "acknowledged what was never written");
        self.start = offset;
        if offset == self.end {
            self.chunks.clear();
            self.tail.clear();
            self.spare = Vec::new();
            return;
        }
        let passed = |chunk: &Chunk| chunk.at + chunk.bytes.len() as u64 <= offset;
        while self.chunks.front().is_some_and(passed)
            && let Some(chunk) = self.chunks.pop_front()
        {
            self.keep(chunk.bytes);
        }
    }

    /// Gives back the memory that was kept for the next writes.
    pub fn drop_spare(&mut self) {
        self.spare = Vec::new();
        if self.len() == 0 {
            self.chunks = Queue::default();
            self.tail = BytesMut::new();
        }
    }

    /// Keeps the memory of a chunk for the next copy, if it is about that size and nobody else has it.
    fn keep(&mut self, bytes: Bytes) {
        if bytes.len() >= COPY / 2
            && self.spare.len() < SPARE
            && let Ok(mut memory) = bytes.try_into_mut()
        {
            memory.clear();
            self.spare.push(memory);
        }
    }

    /// Appends slices of up to `len` bytes from `offset` on to `out`, and says how many bytes they
    /// hold: fewer than `len` only when they would take too many slices.
    pub fn gather(&mut self, offset: u64, len: u32, out: &mut SmallVec<[Bytes; 2]>) -> u32 {
        let end = offset + u64::from(len);
        assert!(self.start <= offset && end <= self.end, "sending what is not there");
        let tail_at = self.end - self.tail.len() as u64;
        if end > tail_at {
            self.freeze_tail();
        }
        let chunks = self.chunks.iter_after(|c| c.at + c.bytes.len() as u64 <= offset);
        let mut at = offset;
        for chunk in chunks.take(MAX_SLICES) {
            if at == end {
                break;
            }
            let from = (at - chunk.at) as usize;
            let to = chunk.bytes.len().min((end - chunk.at) as usize);
            out.push(chunk.bytes.slice(from..to));
            at += (to - from) as u64;
        }
        (at - offset) as u32
    }
}

#[cfg(test)]
mod tests;
