//! Events and packets on their way from a stack to somebody slower: a viewer, or a file.
//!
//! ```text
//!   stack -- Tap, under its lock --> Queue (bounded; what finds no room is counted) --> who reads, on a task or a thread
//! ```
//!
//! Who does not read keeps the queue full, and nothing else waits.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use tokio::time::timeout;

use super::{json, text};
use crate::event::{ConnId, Event, Observer};
use crate::time::{Duration, Instant};

/// So many may wait: of events some 2 MiB.
const MAX_WAITING: usize = 8192;
/// Bytes beside that which they may keep: of packets, a quarter of the buffers that a device has to receive in.
const MAX_HELD: usize = 16 << 20;
/// So many are taken at a time.
const BATCH: usize = 256;
/// A reader that has just taken some leaves the next ones to gather for so long, unless there are enough of them: to wake it for each
/// would cost whoever makes them (`docs/performance.md`, what watching costs).
pub const GATHER: Duration = Duration::from_millis(10);
/// So many bytes are enough.
const ENOUGH_HELD: usize = MAX_HELD / 8;

/// What waits for one reader.
pub struct Queue<T> {
    waiting: Mutex<Waiting<T>>,
    some: Notify,
}

struct Waiting<T> {
    /// Each with the bytes that it keeps beside its own.
    items: VecDeque<(usize, Item<T>)>,
    held: usize,
    /// How many found no room since the last one that did.
    lost: u64,
    /// Nothing more will come.
    closed: bool,
    /// Its reader has found nothing, and waits for the next one.
    hungry: bool,
}

impl<T> Waiting<T> {
    fn is_enough(&self) -> bool {
        self.closed || self.items.len() >= BATCH || self.held >= ENOUGH_HELD
    }
}

/// What a reader is told of.
#[derive(Clone, Debug)]
pub enum Item<T> {
    /// One of them.
    One(T),
    /// So many had no room between those before and after.
    Lost(u64),
}

/// An event, and when it was.
pub type Timed = (Instant, Event);

impl<T> Default for Queue<T> {
    fn default() -> Self {
        let (items, closed, hungry) = (VecDeque::new(), false, true);
        let waiting = Waiting { items, held: 0, lost: 0, closed, hungry };
        Queue { waiting: Mutex::new(waiting), some: Notify::new() }
    }
}

impl<T> Queue<T> {
    fn lock(&self) -> MutexGuard<'_, Waiting<T>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts one in that keeps so many bytes beside its own, if there is room, and counts it otherwise.
    pub fn push(&self, held: usize, one: impl FnOnce() -> T) {
        let mut waiting = self.lock();
        if waiting.items.len() >= MAX_WAITING || waiting.held + held > MAX_HELD {
            waiting.lost += 1;
            return;
        }
        let was_enough = waiting.is_enough();
        let lost = mem::take(&mut waiting.lost);
        waiting.items.extend((lost > 0).then_some((0, Item::Lost(lost))));
        waiting.items.push_back((held, Item::One(one())));
        waiting.held += held;
        let wake = mem::take(&mut waiting.hungry) || waiting.is_enough() && !was_enough;
        drop(waiting);
        if wake {
            self.some.notify_one();
        }
    }

    /// The next ones, when there are any; none after [`Queue::close`], when all were taken. The runtime has to have time.
    pub async fn next(&self) -> Vec<Item<T>> {
        // Enough may have been told of before.
        let gathered = async {
            while self.may_gather() {
                self.some.notified().await;
            }
        };
        let _ = timeout(GATHER, gathered).await;
        loop {
            if let Some(next) = self.take() {
                return next;
            }
            self.some.notified().await;
        }
    }

    /// Whether more should come before they are taken.
    fn may_gather(&self) -> bool {
        let waiting = self.lock();
        !waiting.hungry && !waiting.is_enough()
    }

    /// Says that nothing more will come.
    pub fn close(&self) {
        self.lock().closed = true;
        self.some.notify_one();
    }

    /// Those there are now; `None` when there are none and more may come.
    fn take(&self) -> Option<Vec<Item<T>>> {
        let mut waiting = self.lock();
        let waiting = &mut *waiting;
        let count = waiting.items.len().min(BATCH);
        let taken = waiting.items.drain(..count);
        let held = &mut waiting.held;
        let mut next: Vec<_> =
            taken.inspect(|(bytes, _)| *held -= bytes).map(|(_, item)| item).collect();
        if waiting.items.is_empty() {
            let lost = mem::take(&mut waiting.lost);
            next.extend((lost > 0).then_some(Item::Lost(lost)));
        }
        waiting.hungry = next.is_empty();
        (!next.is_empty() || waiting.closed).then_some(next)
    }
}

/// Puts events into a queue: all, or those of one connection.
pub struct Tap {
    /// Where.
    pub queue: Arc<Queue<Timed>>,
    /// Of which.
    pub conn: Option<ConnId>,
}

impl Observer for Tap {
    fn observe(&mut self, now: Instant, event: &Event) {
        if self.conn.is_none() || event.conn() == self.conn {
            self.queue.push(0, || (now, event.clone()));
        }
    }
}

/// How events are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Style {
    /// A line of JSON for each (`docs/events.md`).
    #[default]
    Json,
    /// A line for people for most.
    Text,
}

impl Style {
    /// Writes what comes of an item, with its line break; in small pieces, so `out` should have a buffer.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(self, out: &mut impl Write, item: &Item<Timed>) -> io::Result<()> {
        match (self, item) {
            (Style::Json, Item::One((now, event))) => json::write(out, *now, None, event)?,
            (Style::Json, Item::Lost(count)) => {
                writeln!(out, r#"{{"name":"events_lost","data":{{"count":{count}}}}}"#)?;
            }
            (Style::Text, Item::One((now, event))) => {
                if let Some((_, line)) = text::format(event, false) {
                    writeln!(out, "{} {line}", seconds(*now))?;
                }
            }
            (Style::Text, Item::Lost(count)) => {
                writeln!(out, "({count} events are left out: nobody has read them in time)")?;
            }
        }
        Ok(())
    }
}

/// Seconds since the origin of the clock, with microseconds.
fn seconds(now: Instant) -> String {
    let micros = now.as_nanos() / 1000;
    format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}

#[cfg(test)]
mod tests;
