//! What a connection carries, where that may be shown.

use std::sync::Arc;

use bytes::Bytes;
use serde::Serialize;
use tokio::time::timeout;

use super::Shared;
use super::events::{PATIENCE, json, message};
use super::reply::Sender;
use crate::event::{ConnId, Event, Observer, PacketView};
use crate::observe::capture::{Captured, Filter};
use crate::observe::stream::{Item, Queue};
use crate::time::Instant;

/// Text of one packet that is shown, in bytes.
const MAX_SHOWN: usize = 1024;

/// What a segment carries, or how many were not looked at in time.
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

/// Puts the beginnings of texts into a queue.
struct Tap {
    queue: Arc<Queue<Shown>>,
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
        let len = text.parts.iter().map(|part| part.len()).sum::<usize>();
        self.queue.push(len.min(MAX_SHOWN), || Shown {
            at: text.at,
            outbound: text.outbound,
            seq: text.seq.value(),
            len,
            bytes: text.parts.iter().copied().flatten().take(MAX_SHOWN).copied().collect(),
        });
    }
}

impl From<&Item<Shown>> for Told {
    fn from(item: &Item<Shown>) -> Told {
        match item {
            Item::One(shown) => Told::Text {
                time_ns: shown.at.as_nanos(),
                direction: if shown.outbound { "out" } else { "in" },
                seq: shown.seq,
                len: shown.len,
                hex: shown.bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
            },
            Item::Lost(lost) => Told::Lost { lost: *lost },
        }
    }
}

/// Tells a page what a connection carries from now on, until it goes.
pub(super) async fn tell(shared: Arc<Shared>, conn: ConnId, out: Sender) {
    let queue = Arc::<Queue<Shown>>::default();
    let Ok(filter) = format!("conn {}", conn.0).parse() else {
        return;
    };
    let tap = Tap { queue: Arc::clone(&queue), filter };
    let _watching = shared.source.watchers.add(Box::new(tap));
    loop {
        let items = tokio::select! {
            items = queue.next() => items,
            () = out.closed() => return,
        };
        let mut page = Vec::new();
        for told in items.iter().map(Told::from) {
            message(&mut page, "packet", &json(&told));
        }
        if !matches!(timeout(PATIENCE, out.send(Bytes::from(page))).await, Ok(Ok(()))) {
            return;
        }
    }
}
