//! Buffers that packets are read into, lent out without a copy and taken back when the last
//! reference is dropped.
//!
//! ```text
//!   free (last in, first out: still in the cache)
//!    |  ^
//!    |  '---------------- drop of the last Bytes, on any thread, in any order
//!    v                                   |
//!   current --read--> a quarter full? --yes--> Bytes (the buffer itself)
//!      ^                     |
//!      '-- used again ------ no, or every buffer is lent: Bytes (a copy)
//! ```

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use rustix::io::Errno;

use crate::wire::{Packet, RxBatch};

/// Most bytes that all buffers of a pool take together.
const MAX_POOL_BYTES: usize = 64 << 20;
/// Fewest buffers a pool may have, however large they are.
const MIN_BUFFERS: usize = 64;
/// Buffers that are made and touched at the start: the first touch of memory is slow.
const PREPARED: usize = 64;
/// Room beyond the MTU, in bytes.
const SLACK: usize = 128;
/// A packet that fills less than this part of its buffer is copied.
const FILL_DIVISOR: usize = 4;

/// A bounded set of receive buffers of one size, for one device.
#[derive(Debug)]
pub struct Pool {
    current: Box<[u8]>,
    made: usize,
    limit: usize,
    free: Arc<FreeList>,
}

impl Pool {
    /// A pool for packets of up to `mtu` bytes, of up to 64 MiB.
    pub fn new(mtu: u16) -> Self {
        Pool::of_size(usize::from(mtu) + SLACK)
    }

    /// A pool of buffers of at least `size` bytes, of up to 64 MiB.
    pub fn of_size(size: usize) -> Self {
        Pool::with_limit(size, (MAX_POOL_BYTES / size).max(MIN_BUFFERS))
    }

    /// A pool of at most `limit` buffers (at least 1) of at least `size` bytes, which are made whole cache lines.
    pub fn with_limit(size: usize, limit: usize) -> Self {
        let size = size.next_multiple_of(64);
        let limit = limit.max(1);
        let prepared = limit.min(PREPARED);
        Pool {
            current: buffer(size),
            made: prepared,
            limit,
            free: Arc::new(FreeList(Mutex::new((1..prepared).map(|_| buffer(size)).collect()))),
        }
    }

    /// Size of each buffer, in bytes.
    pub fn buffer_size(&self) -> usize {
        self.current.len()
    }

    /// Lets `read` fill a buffer and hands over the packet it read: in that buffer, or as a copy
    /// when it is small or when every other buffer is lent. On an error the buffer is kept.
    ///
    /// # Panics
    /// When `read` claims to have read more than the buffer holds.
    pub fn receive<E>(
        &mut self,
        read: impl FnOnce(&mut [u8]) -> Result<usize, E>,
    ) -> Result<Bytes, E> {
        let len = read(&mut self.current)?;
        assert!(len <= self.current.len(), "read beyond the buffer");
        if len * FILL_DIVISOR < self.current.len() {
            return Ok(Bytes::copy_from_slice(&self.current[..len]));
        }
        let Some(next) = self.take() else {
            return Ok(Bytes::copy_from_slice(&self.current[..len]));
        };
        Ok(Bytes::from_owner(Lent {
            buffer: std::mem::replace(&mut self.current, next),
            len,
            home: Arc::clone(&self.free),
        }))
    }

    /// Appends to `rx` what `packet` makes of each of up to `max` reads, and says how many it has made; fewer mean that there
    /// is nothing more to be read now.
    ///
    /// # Errors
    /// Those of `read`, but that there is nothing now.
    pub(super) fn receive_batch(
        &mut self,
        rx: &mut RxBatch,
        max: usize,
        mut read: impl FnMut(&mut [u8]) -> Result<usize, Errno>,
        mut packet: impl FnMut(Bytes) -> Option<Packet>,
    ) -> Result<usize, Errno> {
        let mut count = 0;
        while count < max {
            match self.receive(&mut read) {
                Ok(bytes) => {
                    let made = packet(bytes);
                    count += usize::from(made.is_some());
                    rx.extend(made);
                }
                Err(Errno::AGAIN) => break,
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno),
            }
        }
        Ok(count)
    }

    /// A buffer that is not lent, made now if the limit allows.
    fn take(&mut self) -> Option<Box<[u8]>> {
        if let Some(buffer) = self.free.lock().pop() {
            return Some(buffer);
        }
        (self.made < self.limit).then(|| {
            self.made += 1;
            buffer(self.buffer_size())
        })
    }
}

/// The buffers that wait to be used again.
#[derive(Debug)]
struct FreeList(Mutex<Vec<Box<[u8]>>>);

impl FreeList {
    /// The list; a panic of another thread cannot leave it half changed.
    fn lock(&self) -> MutexGuard<'_, Vec<Box<[u8]>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A buffer with a packet in it, on loan until dropped.
struct Lent {
    buffer: Box<[u8]>,
    len: usize,
    home: Arc<FreeList>,
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.buffer[..self.len]
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.home.lock().push(std::mem::take(&mut self.buffer));
    }
}

/// A new buffer with every page touched (a vector of zeros would be mapped on first use only).
fn buffer(size: usize) -> Box<[u8]> {
    vec![0xff; size].into_boxed_slice()
}

#[cfg(test)]
mod tests;
