//! What there is, looked at once for all who want to know.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::Source;
use super::events::json;
use crate::control::{self, LinkStatus};
use crate::event::{ConnId, State};
use crate::runtime::back_of_the_queue;
use crate::stack::Entry;
use crate::tcp::{Endpoints, Info};
use crate::time;

/// How many connections a page is told of at most: those on which something has happened last.
const MAX_ROWS: usize = 2000;
/// How old what is told may be.
pub(super) const FRESH: Duration = Duration::from_millis(500);
/// Looking takes at most this share of the time, however much there is.
const SHARE: u32 = 10;

/// What there was when somebody looked last.
#[derive(Default)]
pub(super) struct Cache(Mutex<Option<Kept>>);

struct Kept {
    at: Instant,
    took: Duration,
    seen: Arc<Seen>,
}

/// What there is.
pub(super) struct Seen {
    /// When it was looked at, by the clock of events.
    pub at: time::Instant,
    /// How many connections there are, in any state.
    pub total: usize,
    /// Those that are told of, by number.
    pub rows: BTreeMap<u32, Row>,
    /// What was counted.
    pub counters: BTreeMap<String, u64>,
    /// How the link is, where there is one, as JSON.
    pub link: Option<String>,
}

/// A connection.
pub(super) struct Row {
    pub ends: Endpoints,
    /// As JSON, without its ends.
    pub text: Arc<str>,
}

/// A connection in a list.
#[derive(Serialize)]
struct Brief<'a> {
    conn: u32,
    state: &'static str,
    #[serde(skip)]
    ends: Endpoints,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    tcp: Option<Figures<'a>>,
}

/// What a list shows; names and units are those of `glasstcp ss --json`.
#[derive(Serialize)]
struct Figures<'a> {
    congestion: &'a str,
    limited_by: &'a str,
    cwnd: u32,
    srtt_us: Option<u64>,
    bytes_acked: u64,
    bytes_received: u64,
    retransmissions: u64,
}

impl Cache {
    /// What there is, as it was a moment ago at most.
    pub async fn look(&self, source: &Source) -> Arc<Seen> {
        // Who looks holds it, and others wait for what comes of that.
        let mut last = self.0.lock().await;
        if let Some(Kept { at, took, seen }) = &*last
            && at.elapsed() < FRESH.max(*took * SHARE)
        {
            return Arc::clone(seen);
        }
        let begun = Instant::now();
        let seen = Arc::new(Seen::now(source).await);
        let at = Instant::now();
        *last = Some(Kept { at, took: at - begun, seen: Arc::clone(&seen) });
        seen
    }
}

impl Seen {
    /// Looks at all, a few at a time.
    async fn now(source: &Source) -> Seen {
        let at = source.net.time();
        let (mut all, mut total) = (Vec::new(), 0);
        let mut listing = source.net.list();
        while let Some(entries) = listing.next_batch() {
            for (quiet, brief) in entries.iter().filter_map(brief) {
                total += 1;
                if let Some(row) = Row::of(&brief) {
                    all.push((quiet, brief.conn, row));
                }
            }
            if all.len() >= 2 * MAX_ROWS {
                keep_busiest(&mut all);
            }
            back_of_the_queue().await;
        }
        keep_busiest(&mut all);
        let link = source.link.as_ref().map(LinkStatus::of);
        Seen {
            at,
            total,
            rows: all.into_iter().map(|(_, conn, row)| (conn, row)).collect(),
            counters: (source.counters)().into_iter().collect(),
            link: link.and_then(|link| serde_json::to_string(&link).ok()),
        }
    }
}

/// Keeps those on which something has happened last.
fn keep_busiest(all: &mut Vec<(Quiet, u32, Row)>) {
    if all.len() > MAX_ROWS {
        all.select_nth_unstable_by_key(MAX_ROWS, |&(quiet, conn, _)| (quiet, conn));
        all.truncate(MAX_ROWS);
    }
}

impl Row {
    fn of(brief: &Brief<'_>) -> Option<Row> {
        let text = serde_json::to_string(brief).ok()?;
        Some(Row { ends: brief.ends, text: text.into() })
    }

    /// As JSON with its ends, for whoever does not know them yet.
    pub fn whole(&self) -> String {
        let ends = json(&self.ends);
        format!("{},{}", ends.trim_end_matches('}'), self.text.trim_start_matches('{'))
    }
}

/// For how long nothing has happened on a connection, after all those that come before: open, half-open, in TIME-WAIT.
type Quiet = (u8, time::Duration);

/// A connection, and where it stands among those that are told of.
fn brief(entry: &Entry) -> Option<(Quiet, Brief<'_>)> {
    let of = |conn: ConnId, ends: Endpoints, state| Brief {
        conn: conn.0,
        state: control::state_name(state),
        ends,
        tcp: None,
    };
    Some(match entry {
        Entry::Connection { info, .. } => {
            let quiet = info.details.since_heard.min(info.details.since_sent);
            let ends = Endpoints { local: info.local, remote: info.remote };
            ((0, quiet), Brief { tcp: Some(Figures::of(info)), ..of(info.conn, ends, info.state) })
        }
        Entry::HalfOpen { conn, ends } => {
            ((1, time::Duration::ZERO), of(*conn, *ends, State::SynReceived))
        }
        Entry::TimeWait { conn, ends, .. } => {
            ((2, time::Duration::ZERO), of(*conn, *ends, State::TimeWait))
        }
        Entry::Listener { .. } | Entry::Udp { .. } => return None,
    })
}

impl Figures<'_> {
    fn of(info: &Info) -> Figures<'_> {
        let micros = |time: time::Duration| time.as_micros() as u64;
        Figures {
            congestion: info.congestion.name(),
            limited_by: info.details.limit.short(),
            cwnd: info.cwnd,
            srtt_us: info.srtt.map(micros),
            bytes_acked: info.bytes_acked,
            bytes_received: info.bytes_received,
            retransmissions: info.retransmissions,
        }
    }
}

#[cfg(test)]
mod tests;
