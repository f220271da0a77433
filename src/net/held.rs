//! What a handle has taken from the stack and nobody has read yet.

use std::collections::VecDeque;
use std::fmt;
use std::mem;

use bytes::{Buf, Bytes};
use tokio::io::ReadBuf;

/// Chunks that there is always room for once there was one: a batch of full-sized segments.
const KEPT: usize = 64;

/// Chunks in the order of the stream. It lives in the half that reads, which is the only one to touch
/// it, and so needs no lock. A single chunk is kept without an allocation.
#[derive(Default)]
pub(super) struct Held {
    /// Empty only if nothing is held.
    front: Bytes,
    rest: VecDeque<Bytes>,
}

impl Held {
    /// Most bytes that are taken from the stack at a time: one burst.
    pub const MAX: usize = 64 << 10;

    pub fn is_empty(&self) -> bool {
        self.front.is_empty()
    }

    /// Bytes that are held.
    pub fn len(&self) -> usize {
        self.front.len() + self.rest.iter().map(Bytes::len).sum::<usize>()
    }

    /// The front of what is held; empty only if nothing is.
    pub fn text(&self) -> &[u8] {
        &self.front
    }

    /// Appends a chunk. It may be empty, for the end of the stream, only while nothing is held.
    pub fn push(&mut self, chunk: Bytes) {
        if self.is_empty() {
            self.front = chunk;
        } else {
            self.rest.push_back(chunk);
        }
    }

    /// Takes `len` bytes off the front chunk.
    ///
    /// # Panics
    /// If it has not as many.
    pub fn consume(&mut self, len: usize) {
        self.front.advance(len);
        if self.front.is_empty() {
            self.next();
        }
    }

    /// Takes what is next, at most `max` bytes, without a copy.
    pub fn take(&mut self, max: usize) -> Bytes {
        if self.front.len() <= max { self.next() } else { self.front.split_to(max) }
    }

    /// Moves to `buf` as much as fits.
    pub fn read(&mut self, buf: &mut ReadBuf<'_>) {
        while !self.is_empty() && buf.remaining() > 0 {
            let len = self.front.len().min(buf.remaining());
            buf.put_slice(&self.front[..len]);
            self.consume(len);
        }
    }

    /// Takes the front chunk; the one behind it is the front then.
    fn next(&mut self) -> Bytes {
        let next = self.rest.pop_front().unwrap_or_default();
        if next.is_empty() {
            self.rest.shrink_to(KEPT);
        }
        mem::replace(&mut self.front, next)
    }
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Held").field("len", &self.len()).finish_non_exhaustive()
    }
}
