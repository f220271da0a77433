//! Everything that a stack has, looked at a few at a time.

use std::vec;

use super::Net;
use crate::stack::{Entry, EntryKey, Stack};
use crate::tcp::Endpoints;
use crate::time::Instant;

/// How many are looked at under one lock, so that nobody waits for it for long: some 10 us.
const BATCH: usize = 8;

/// All sockets of a stack, and what is left of some: what there was when it was begun and still is when its turn comes.
#[derive(Debug)]
pub struct Listing {
    /// What is left of each shard.
    parts: Vec<(Net, vec::IntoIter<EntryKey>)>,
}

impl Net {
    /// Begins a list of all sockets, listeners and connections, those included that nobody has any more.
    pub fn list(&self) -> Listing {
        let keys = |part: Net| {
            let keys = part.lock().stack.entry_keys();
            (part, keys.into_iter())
        };
        Listing { parts: self.parts().map(keys).collect() }
    }

    /// What there is between these ends, now: a connection, or what will be or was one.
    pub fn between(&self, ends: Endpoints) -> Option<Entry> {
        let look = |stack: &mut Stack| stack.entry(stack.entry_key(ends)?);
        self.parts().find_map(|part| part.call(look).ok()?)
    }

    /// The time of its clock, by which events are told.
    pub fn time(&self) -> Instant {
        self.now()
    }

    /// Ends a connection from outside, as its application could with a reset (ss -K); false if there is none between
    /// these ends.
    pub fn kill(&self, ends: Endpoints) -> bool {
        self.parts().any(|part| part.call(|stack| stack.kill(ends)).unwrap_or(false))
    }
}

impl Listing {
    /// How the next ones are, now; `None` at the end. Between two calls others have their turn.
    pub fn next_batch(&mut self) -> Option<Vec<Entry>> {
        let (net, keys) = self.parts.iter_mut().find(|(_, keys)| keys.len() > 0)?;
        let keys: Vec<_> = keys.take(BATCH).collect();
        let look = |stack: &mut Stack| keys.iter().filter_map(|&key| stack.entry(key)).collect();
        // A stack that has ended has nothing.
        Some(net.call(look).unwrap_or_default())
    }
}
