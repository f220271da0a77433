//! The memory that pieces of files take which are on their way to readers, of all connections together.
//!
//! ```text
//!   Room -- take --> Place --- filled --> Bytes, which hyper or a service writes
//!     ^                                     |
//!     '------- given back when dropped -----'
//! ```
//!
//! A reader that does not read holds a piece for as long as it is waited for, so the sum has a limit. Each piece may
//! take a share of what is left, so that there is always something left: who comes when many do not read gets small
//! pieces, which is slower, but not nothing.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

#[cfg(test)]
mod tests;

/// Bytes that all pieces may have together, but for the least ones.
const ALL: usize = 64 << 20;
/// The part of what is left that one piece may take.
const SHARE: usize = 64;
/// The least that a piece may have, in bytes, though nothing be left.
const LEAST: usize = 8 << 10;

/// The memory for pieces.
#[derive(Clone, Debug)]
pub struct Room(Arc<Semaphore>);

/// The memory for one of them.
#[derive(Debug)]
pub(super) struct Place {
    /// What is there already.
    pub text: Vec<u8>,
    len: usize,
    /// What it takes of the room; nothing when nothing was left.
    taken: Option<OwnedSemaphorePermit>,
}

/// Tells when a piece is gone for which there was no room.
pub(super) type Gone = oneshot::Receiver<()>;

impl Default for Room {
    fn default() -> Room {
        Room::new(ALL)
    }
}

impl Room {
    /// So many bytes for all pieces together.
    pub(super) fn new(bytes: usize) -> Room {
        Room(Arc::new(Semaphore::new(bytes)))
    }

    /// Memory for the next piece, which may have `most` bytes and will have less where much is taken. Each connection
    /// may have one at a time for which there was no room. It is allocated here, and not by the thread that fills it:
    /// an allocator keeps what each of many threads has had.
    pub(super) fn take(&self, most: usize) -> Place {
        let share = self.0.available_permits() / SHARE;
        let len = most.min(share.max(LEAST));
        // A piece is far smaller than what fits into 32 bits; another thread may have been faster.
        let taken = Arc::clone(&self.0).try_acquire_many_owned(len as u32).ok();
        let len = if taken.is_some() { len } else { len.min(LEAST) };
        Place { text: Vec::with_capacity(len), len, taken }
    }
}

impl Place {
    /// How many bytes the piece may have.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// What is there, which gives the memory back when it is dropped, and what tells of that if there was no room for it.
    pub(super) fn piece(self) -> (Bytes, Option<Gone>) {
        let (told, gone) = match &self.taken {
            Some(_) => (None, None),
            None => {
                let (told, gone) = oneshot::channel();
                (Some(told), Some(gone))
            }
        };
        (Bytes::from_owner(Held { text: self.text, _taken: self.taken, _told: told }), gone)
    }
}

/// A piece and what is given back with it.
struct Held {
    text: Vec<u8>,
    _taken: Option<OwnedSemaphorePermit>,
    /// Its end is what is told.
    _told: Option<oneshot::Sender<()>>,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.text
    }
}
