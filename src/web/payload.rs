//! What a connection carries, where that may be shown.

use std::collections::VecDeque;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use tokio::sync::OwnedSemaphorePermit;

use super::Source;
use super::events::{json, message};
use crate::event::{ConnId, Event, Observer, PacketView};
use crate::net::Watching;
use crate::observe::capture::{Captured, Filter};
use crate::time::Instant;

/// Text of one packet that is shown, in bytes.
const MAX_SHOWN: usize = 1024;
/// Packets that are shown of those that come between two looks, the last ones: more than anybody reads.
const MAX_PACKETS: usize = 32;

/// What a segment carries, or how many more came before it.
#[derive(Serialize)]
#[serde(untagged)]
enum Told {
    Text {
        time_ns: u64,
        direction: &'static str,
        seq: u32,
        len: usize,
        /// The beginning, each byte in two digits.
        hex: String,
    },
    Lost {
        lost: u64,
    },
}

/// The beginning of what a segment carries. It is a copy: a packet that somebody is slow to look at keeps no buffer.
struct Shown {
    at: Instant,
    outbound: bool,
    seq: u32,
    len: usize,
    bytes: Vec<u8>,
}

/// What has come since it was looked last.
#[derive(Default)]
struct Waiting {
    shown: VecDeque<Shown>,
    /// So many more came before that are not kept.
    lost: u64,
}

impl Waiting {
    /// Room for the bytes of one more; where there are enough the first goes, and leaves its own.
    fn room(&mut self) -> Vec<u8> {
        if self.shown.len() < MAX_PACKETS {
            return Vec::new();
        }
        self.lost += 1;
        let mut bytes = self.shown.pop_front().map(|first| first.bytes).unwrap_or_default();
        bytes.clear();
        bytes
    }
}

/// Keeps the beginnings of texts.
struct Tap {
    waiting: Arc<Mutex<Waiting>>,
    filter: Filter,
}

impl Observer for Tap {
    fn observe(&mut self, _: Instant, _: &Event) {}

    fn wants_packets(&self) -> bool {
        true
    }

    fn packet(&mut self, now: Instant, view: &PacketView<'_>) {
        if !self.filter.lets_through(view) {
            return;
        }
        let captured = Captured::new(now, view);
        let Some(text) = captured.text() else { return };
        let mut waiting = lock(&self.waiting);
        let mut bytes = waiting.room();
        bytes.extend(text.parts.iter().copied().flatten().take(MAX_SHOWN));
        waiting.shown.push_back(Shown {
            at: text.at,
            outbound: text.outbound,
            seq: text.seq.value(),
            len: text.parts.iter().map(|part| part.len()).sum(),
            bytes,
        });
    }
}

/// What a connection carries, from now until it is dropped.
pub(super) struct Tapped {
    waiting: Arc<Mutex<Waiting>>,
    _watching: Watching,
    /// Of those who may be told so.
    _place: OwnedSemaphorePermit,
}

impl Tapped {
    /// What a connection of a stack carries, for somebody who has a place.
    pub fn new(source: &Source, conn: ConnId, place: OwnedSemaphorePermit) -> Option<Tapped> {
        let waiting = Arc::<Mutex<Waiting>>::default();
        let filter = format!("conn {}", conn.0).parse().ok()?;
        let tap = Tap { waiting: Arc::clone(&waiting), filter };
        Some(Tapped { waiting, _watching: source.watchers.add(Box::new(tap)), _place: place })
    }

    /// Tells what has come since this was asked last.
    pub fn tell(&self, page: &mut Vec<u8>) {
        let Waiting { shown, lost } = mem::take(&mut *lock(&self.waiting));
        let lost = (lost > 0).then_some(Told::Lost { lost });
        for told in lost.into_iter().chain(shown.iter().map(Told::from)) {
            message(page, "packet", &json(&told));
        }
    }
}

/// What waits, even where somebody has panicked: there is nothing in it that could be half done.
fn lock(waiting: &Mutex<Waiting>) -> MutexGuard<'_, Waiting> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

impl From<&Shown> for Told {
    fn from(shown: &Shown) -> Told {
        Told::Text {
            time_ns: shown.at.as_nanos(),
            direction: if shown.outbound { "out" } else { "in" },
            seq: shown.seq,
            len: shown.len,
            hex: shown.bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
        }
    }
}

#[cfg(test)]
mod tests;
