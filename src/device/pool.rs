//! Buffers that packets are read into, lent out without a copy, and used again when nobody else has a reference.
//!
//! ```text
//!   others   [ in use ][ free ][ in use ][ free ] ...     the first free one: still in the cache
//!                          |  ^
//!                          v  |
//!   current --read--> a quarter full? --yes--> Bytes (the buffer itself, kept in that place of `others`)
//!      ^                     |
//!      '-- used again ------ no, or none is free: Bytes (a copy)
//! ```
//!
//! Nothing is told when the last reference is dropped, on whatever thread: a buffer is looked at when another is
//! needed. So lending costs two counts and no allocation.

use bytes::{Bytes, BytesMut};
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
/// Buffers that are looked at for one that is free: so many from the beginning, and so many from where the search
/// before has ended.
const LOOKS: usize = 16;
/// Copies of packets up to this long share an allocation.
const SMALL: usize = 256;
/// That allocation: what a single byte that nobody reads can keep.
const SHARED: usize = 1024;

/// A bounded set of receive buffers of one size, for one device.
#[derive(Debug)]
pub struct Pool {
    current: BytesMut,
    /// Those that nobody else has a reference to are free.
    others: Vec<Bytes>,
    /// Most buffers, the current one included.
    limit: usize,
    /// Where the next search goes on.
    looked: usize,
    copies: BytesMut,
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
        Pool {
            current: buffer(size),
            others: (1..limit.min(PREPARED)).map(|_| buffer(size).freeze()).collect(),
            limit,
            looked: 0,
            copies: BytesMut::new(),
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
            return Ok(self.copy(len));
        }
        let Some((place, free)) = self.take() else {
            return Ok(self.copy(len));
        };
        let full = std::mem::replace(&mut self.current, free).freeze();
        let packet = full.slice(..len);
        self.others[place] = full;
        Ok(packet)
    }

    /// The first `len` bytes of the current buffer, apart from it.
    fn copy(&mut self, len: usize) -> Bytes {
        let packet = &self.current[..len];
        if len > SMALL {
            return Bytes::copy_from_slice(packet);
        }
        if self.copies.capacity() < len {
            self.copies.reserve(SHARED);
        }
        self.copies.extend_from_slice(packet);
        self.copies.split().freeze()
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

    /// A buffer that is not lent, made now if there is none and the limit allows, and its place.
    fn take(&mut self) -> Option<(usize, BytesMut)> {
        let count = self.others.len();
        let further = (0..count).map(|step| (self.looked + step) % count).take(LOOKS);
        let mut places = (0..count.min(LOOKS)).chain(further);
        if let Some(place) = places.find(|&place| self.others[place].is_unique()) {
            self.looked = place;
            let free = std::mem::take(&mut self.others[place]);
            return Some((place, free.into()));
        }
        self.looked = (self.looked + LOOKS) % count.max(1);
        (count + 1 < self.limit).then(|| {
            self.others.push(Bytes::new());
            (count, buffer(self.buffer_size()))
        })
    }
}

/// A new buffer with every page touched (a vector of zeros would be mapped on first use only).
fn buffer(size: usize) -> BytesMut {
    let mut buffer = BytesMut::from(Bytes::from(vec![0xff; size]));
    // From here on it knows how to be counted, and never again allocates for it.
    drop(buffer.split_off(size));
    buffer
}

#[cfg(test)]
mod tests;
