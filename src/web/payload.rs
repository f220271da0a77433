//! What a connection carries, where that may be shown.

use std::sync::Arc;

use bytes::Bytes;
use serde::Serialize;

use super::Shared;
use super::events::{json, message};
use super::reply::Sender;
use crate::event::ConnId;
use crate::observe::capture::{Captured, Tap};
use crate::observe::stream::{Item, Queue};

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

impl Told {
    fn of(item: &Item<Captured>) -> Option<Told> {
        let packet = match item {
            Item::One(packet) => packet,
            Item::Lost(lost) => return Some(Told::Lost { lost: *lost }),
        };
        let text = packet.text()?;
        let shown = text.parts.iter().copied().flatten().take(MAX_SHOWN);
        Some(Told::Text {
            time_ns: text.at.as_nanos(),
            direction: if text.outbound { "out" } else { "in" },
            seq: text.seq.value(),
            len: text.parts.iter().map(|part| part.len()).sum(),
            hex: shown.map(|byte| format!("{byte:02x}")).collect(),
        })
    }
}

/// Tells a page what a connection carries from now on, until it goes.
pub(super) async fn tell(shared: Arc<Shared>, conn: ConnId, out: Sender) {
    let queue = Arc::<Queue<Captured>>::default();
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
        for told in items.iter().filter_map(Told::of) {
            message(&mut page, "packet", &json(&told));
        }
        if !page.is_empty() && out.send(Bytes::from(page)).await.is_err() {
            return;
        }
    }
}
