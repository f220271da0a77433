//! What waits for one of several stacks that share their addresses: packets that others had nobody for.

use std::collections::VecDeque;
use std::sync::PoisonError;

use crate::stack::Stray;
use crate::sync::{Mutex, MutexGuard};

/// Packets that may wait.
const MAX_PACKETS: usize = 4096;
/// Their bytes, less than one packet's above this.
const MAX_BYTES: usize = 4 << 20;
/// Packets that are taken at a time: a batch, so that those of the own queue have their turn.
const BATCH: usize = 64;

/// A queue with a lock of its own, which nobody holds for longer than a packet takes to be put in or taken out.
#[derive(Default)]
pub(super) struct Inbox(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    strays: VecDeque<Stray>,
    bytes: usize,
    /// How many have found no room since they were last taken.
    refused: usize,
}

impl Inbox {
    /// Puts one in, if there is room.
    pub fn push(&self, stray: Stray) {
        let mut waiting = self.lock();
        if waiting.strays.len() >= MAX_PACKETS || waiting.bytes >= MAX_BYTES {
            waiting.refused += 1;
        } else {
            waiting.bytes += stray.packet_len();
            waiting.strays.push_back(stray);
        }
    }

    /// Takes a batch out, and says how many have found no room.
    pub fn take(&self) -> (Vec<Stray>, usize) {
        let mut waiting = self.lock();
        let count = waiting.strays.len().min(BATCH);
        let batch: Vec<_> = waiting.strays.drain(..count).collect();
        waiting.bytes -= batch.iter().map(Stray::packet_len).sum::<usize>();
        (batch, std::mem::take(&mut waiting.refused))
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.lock().strays.is_empty()
    }

    /// Nothing under the lock can panic.
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
