//! What has arrived in order and the application has not yet read.
//!
//! Chunks are handed over as they came from the device. When small ones pile up they are copied
//! into a shared tail, so that a thousand tiny segments do not hold a thousand buffers.

use bytes::{Bytes, BytesMut};

use crate::tcp::queue::Queue;

/// Chunks smaller than this join a tail when others are already waiting.
const SMALL: usize = 256;
/// What is allocated for a tail.
const TAIL: usize = 4 << 10;

/// What a chunk counts for beside its bytes.
const CHUNK_OVERHEAD: usize = 64;

/// In-order bytes waiting for the application.
#[derive(Debug, Default)]
pub struct RecvBuffer {
    chunks: Queue<Bytes>,
    tail: BytesMut,
    len: usize,
}

impl RecvBuffer {
    /// Bytes waiting.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes that [`RecvBuffer::pop`] can give in one piece.
    pub fn front_len(&self) -> usize {
        self.chunks.front().map_or(self.tail.len(), Bytes::len)
    }

    /// What holding them costs, in bytes.
    pub fn memory(&self) -> usize {
        let spare = self.tail.capacity() - self.tail.len();
        self.len + self.chunks.len() * CHUNK_OVERHEAD + spare
    }

    /// Appends a chunk.
    pub fn push(&mut self, chunk: Bytes) {
        let first = self.is_empty();
        self.len += chunk.len();
        if chunk.len() < SMALL && !first {
            if self.tail.capacity() - self.tail.len() < chunk.len() {
                self.freeze_tail();
                self.tail.reserve(TAIL);
            }
            self.tail.extend_from_slice(&chunk);
        } else if !chunk.is_empty() {
            self.freeze_tail();
            self.chunks.push_back(chunk);
        }
    }

    fn freeze_tail(&mut self) {
        if !self.tail.is_empty() {
            self.chunks.push_back(self.tail.split().freeze());
        }
    }

    /// Takes the next bytes, at most `max`, without a copy; `None` when nothing waits.
    pub fn pop(&mut self, max: usize) -> Option<Bytes> {
        if self.chunks.is_empty() {
            self.freeze_tail();
        }
        let front = self.chunks.front_mut()?;
        let taken = if front.len() <= max { self.chunks.pop_front()? } else { front.split_to(max) };
        self.len -= taken.len();
        Some(taken)
    }

    /// Gives back the memory that was kept for what comes next.
    pub fn drop_spare(&mut self) {
        if self.is_empty() {
            *self = RecvBuffer::default();
        }
    }

    /// Copies the next bytes after the first `skip` to `buf`, as many as there are and fit, and leaves them
    /// waiting.
    pub fn peek(&self, mut skip: usize, buf: &mut [u8]) -> usize {
        let mut copied = 0;
        for chunk in self.chunks.iter().map(|chunk| &chunk[..]).chain([&self.tail[..]]) {
            let (passed, chunk) = chunk.split_at(skip.min(chunk.len()));
            skip -= passed.len();
            let len = chunk.len().min(buf.len() - copied);
            buf[copied..copied + len].copy_from_slice(&chunk[..len]);
            copied += len;
        }
        copied
    }

    /// One of the bytes that wait, counted from the next one.
    pub fn octet(&self, at: usize) -> Option<u8> {
        let mut octet = [0];
        (self.peek(at, &mut octet) == 1).then_some(octet[0])
    }
}

#[cfg(test)]
mod tests;
