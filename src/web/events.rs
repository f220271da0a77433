//! Server-sent events for one page: what there is, and what happens on the connection that it looks at.
//!
//! Of everything only the news are told. What is news is decided when the browser has taken what came before, so that for a
//! slow one there are fewer and larger messages, and nothing waits but the last two. Where more happens than anybody could
//! read it is looked less often, and only the end of it is told: to draw it all would take from the transfer that is looked at.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use super::payload::Tapped;
use super::reply::{Refused, Sender};
use super::rows::{FRESH, Row, Seen};
use super::{Shared, Source};
use crate::control::SocketStatus;
use crate::event::ConnId;
use crate::flight::{EVENTS, Recording};
use crate::observe::flight;
use crate::observe::stream::{Item, Style};
use crate::service::InfoSource;
use crate::tcp::Endpoints;
use crate::time;

/// How often it is looked what happens on a connection.
const TICK: Duration = Duration::from_millis(100);
/// How often where a connection has more to tell than is recorded in that time.
const BUSY_TICK: Duration = Duration::from_millis(500);
/// So many of the events between are told then, the last ones.
const BUSY_EVENTS: usize = 24;
/// The list takes at most so many bytes a second, so where a thousand connections change all the time it is told less often.
const LIST_RATE: f64 = 128e3;
/// How often it is told what was counted.
const COUNTERS: Duration = Duration::from_secs(1);
/// A browser that takes nothing for so long has gone, and others may have its place.
const PATIENCE: Duration = Duration::from_secs(30);
/// When there was nothing to tell for so long, that is told: it is found so that a browser has gone, or, there, that the stack has.
const SIGN_OF_LIFE: Duration = Duration::from_secs(5);

/// What a page wants to be told of.
pub(super) struct Wanted {
    /// Looks at the connection that carries it, where that can be seen.
    pub own: InfoSource,
    /// The connection that it looks at.
    pub conn: Option<ConnId>,
    /// What that one carries, or why that is not told.
    pub text: Option<Result<Tapped, Refused>>,
}

/// Tells a page until it goes.
pub(super) async fn tell(shared: Arc<Shared>, wanted: Wanted, out: Sender) {
    let Wanted { own, conn, text } = wanted;
    let mut told = Told::default();
    let mut page = Vec::new();
    message(&mut page, "run", &json(&Run { run: &shared.run }));
    if let Some(info) = own() {
        let ends = Endpoints { local: info.local, remote: info.remote };
        message(&mut page, "own", &json(&ends));
    }
    let text = text.and_then(|text| text.map_err(|why| refuse(&mut page, &why)).ok());
    let mut tick = interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut last = Instant::now();
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            () = out.closed() => return,
        }
        // Only when there is room for it is it looked what is new.
        let Ok(Ok(room)) = timeout(PATIENCE, out.reserve()).await else {
            return;
        };
        if own().is_some_and(|info| has_vanished(info.in_flight, info.details.since_heard)) {
            return;
        }
        let seen = match told.look_is_due() {
            true => Some(shared.cache.look(&shared.source).await),
            false => None,
        };
        if let Some(seen) = &seen {
            told.look(&mut page, seen);
        }
        if let Some(conn) = conn {
            told.connection(&mut page, &shared.source, seen.as_deref(), conn);
        }
        if let Some(text) = &text {
            text.tell(&mut page);
        }
        if page.is_empty() && last.elapsed() >= SIGN_OF_LIFE {
            message(&mut page, "alive", "{}");
        }
        if !page.is_empty() {
            last = Instant::now();
            room.send(Bytes::from(std::mem::take(&mut page)));
        }
    }
}

/// Whether nothing was heard for long of somebody who has something to acknowledge: TCP would try for a quarter of an hour.
fn has_vanished(in_flight: u32, since_heard: Duration) -> bool {
    in_flight > 0 && since_heard >= PATIENCE
}

/// Tells why it is not told what the connection carries.
fn refuse(page: &mut Vec<u8>, why: &Refused) {
    message(page, "payload", &json(&NoText { refused: why.to_string() }));
}

/// What a page knows.
#[derive(Default)]
struct Told {
    rows: HashMap<u32, Arc<str>>,
    total: usize,
    /// When all was looked at.
    seen: Option<Instant>,
    /// When the list was told, and how long after that it may be told again.
    listed: Option<(Instant, Duration)>,
    counters: BTreeMap<String, u64>,
    counted: Option<Instant>,
    link: Option<String>,
    /// The ends of the connection that it looks at.
    ends: Option<Endpoints>,
    status: Option<String>,
    /// Entries of its recording.
    entries: Option<u64>,
    /// When that was looked at.
    looked: Option<Instant>,
    /// More has happened on it than would be recorded between two looks.
    is_busy: bool,
}

/// Which run of the stack it is: connections are numbered anew in each.
#[derive(Serialize)]
struct Run<'a> {
    run: &'a str,
}

/// Why it is not told what the connection carries.
#[derive(Serialize)]
struct NoText {
    refused: String,
}

/// News of the counters.
#[derive(Serialize)]
struct Counters<'a> {
    time_ns: u64,
    counters: BTreeMap<&'a str, u64>,
}

/// That there is no such connection any more.
#[derive(Serialize)]
struct Closed {
    closed: bool,
}

impl Told {
    fn look_is_due(&self) -> bool {
        self.seen.is_none_or(|at| at.elapsed() >= FRESH)
    }

    /// Tells of the connections, of the link, and of what was counted.
    fn look(&mut self, page: &mut Vec<u8>, seen: &Seen) {
        self.seen = Some(Instant::now());
        if self.listed.is_none_or(|(at, pause)| at.elapsed() >= pause) {
            self.list(page, seen);
        }
        if let Some(link) = seen.link.as_ref().filter(|link| self.link.as_ref() != Some(link)) {
            message(page, "link", &at_time(seen.at, link));
            self.link = Some(link.clone());
        }
        if self.counted.is_none_or(|at| at.elapsed() >= COUNTERS) {
            self.counters(page, seen);
        }
    }

    /// Tells of the connections that are new, have changed or are gone.
    fn list(&mut self, page: &mut Vec<u8>, seen: &Seen) {
        let first = self.listed.is_none();
        let before = page.len();
        let news = |(conn, row): (&u32, &Row)| match self.rows.get(conn) {
            None => Some(row.whole()),
            Some(known) => (*known != row.text).then(|| row.text.to_string()),
        };
        let news: Vec<_> = seen.rows.iter().filter_map(news).collect();
        let gone = self.rows.keys().filter(|conn| !seen.rows.contains_key(conn));
        let gone: Vec<_> = gone.map(u32::to_string).collect();
        if first || !news.is_empty() || !gone.is_empty() || self.total != seen.total {
            let (time_ns, total, shown) = (seen.at.as_nanos(), seen.total, seen.rows.len());
            let (rows, gone) = (news.join(","), gone.join(","));
            let list = format!(
                r#"{{"time_ns":{time_ns},"total":{total},"shown":{shown},"rows":[{rows}],"gone":[{gone}]}}"#
            );
            message(page, "sockets", &list);
        }
        let took = Duration::from_secs_f64((page.len() - before) as f64 / LIST_RATE);
        let pause = if took > FRESH { took } else { Duration::ZERO };
        self.listed = Some((Instant::now(), pause));
        self.rows = seen.rows.iter().map(|(conn, row)| (*conn, Arc::clone(&row.text))).collect();
        self.total = seen.total;
    }

    fn counters(&mut self, page: &mut Vec<u8>, seen: &Seen) {
        self.counted = Some(Instant::now());
        let is_new = |(name, count): &(&String, &u64)| self.counters.get(*name) != Some(count);
        let counters = seen.counters.iter().filter(is_new);
        let counters: BTreeMap<_, _> = counters.map(|(name, count)| (&**name, *count)).collect();
        if !counters.is_empty() {
            let news = Counters { time_ns: seen.at.as_nanos(), counters };
            message(page, "counters", &json(&news));
            self.counters.clone_from(&seen.counters);
        }
    }

    /// Tells how a connection is, and what has happened on it.
    fn connection(
        &mut self,
        page: &mut Vec<u8>,
        source: &Source,
        seen: Option<&Seen>,
        conn: ConnId,
    ) {
        if self.is_busy && self.looked.is_some_and(|at| at.elapsed() < BUSY_TICK) {
            return;
        }
        let since = self.looked.replace(Instant::now()).map_or(TICK, |at| at.elapsed());
        let net = &source.net;
        self.recording(page, net.recording(conn, self.entries.unwrap_or(0)), since);
        if self.ends.is_none() {
            self.ends = seen.and_then(|seen| seen.rows.get(&conn.0)).map(|row| row.ends);
        }
        // Of one that is neither recorded nor listed nothing is known, though it may well live.
        let Some(ends) = self.ends else { return };
        let entry = net.between(ends);
        let status = entry.map(SocketStatus::from).filter(|status| status.conn == Some(conn.0));
        let status = match status {
            Some(status) => json(&status),
            None => json(&Closed { closed: true }),
        };
        if self.status.as_ref() != Some(&status) {
            message(page, "status", &at_time(net.time(), &status));
            self.status = Some(status);
        }
    }

    /// Tells what has happened since it was looked; where nothing is recorded any more there is nothing to be busy with.
    fn recording(&mut self, page: &mut Vec<u8>, recording: Option<Recording>, since: Duration) {
        let known = self.entries.is_some();
        self.is_busy = known && recording.as_ref().is_some_and(|one| is_much(one, since));
        let Some(mut recording) = recording else { return };
        if self.is_busy {
            leave_last(&mut recording);
        }
        self.record(page, &recording);
    }

    fn record(&mut self, page: &mut Vec<u8>, recording: &Recording) {
        let known = self.entries.replace(recording.entries);
        self.ends = recording.ends.map(|(local, remote)| Endpoints { local, remote }).or(self.ends);
        let mut lines = Vec::new();
        // Nothing fails that is written to memory.
        let _ = match known {
            None => flight::write(&mut lines, Style::Json, recording),
            Some(_) => news(&mut lines, recording),
        };
        if !lines.is_empty() {
            message(page, "record", &String::from_utf8_lossy(&lines));
        }
    }
}

/// Whether more has happened in a time than would be recorded between two looks.
fn is_much(recording: &Recording, since: Duration) -> bool {
    let count = (recording.gone as f64) + (recording.events.len() as f64);
    count * TICK.as_secs_f64() > EVENTS as f64 * since.as_secs_f64()
}

/// Leaves only the last events; the others count as those that were not kept.
fn leave_last(recording: &mut Recording) {
    let more = recording.events.len().saturating_sub(BUSY_EVENTS);
    recording.events.drain(..more);
    recording.gone += more as u64;
}

/// Writes the events of a recording that goes on, and how many are left out before them.
fn news(out: &mut Vec<u8>, recording: &Recording) -> io::Result<()> {
    if recording.gone > 0 {
        Style::Json.write(out, &Item::Lost(recording.gone))?;
    }
    for event in &recording.events {
        Style::Json.write(out, &Item::One(event.clone()))?;
    }
    Ok(())
}

/// An object of JSON that is not empty, with a time before its other fields.
fn at_time(at: time::Instant, object: &str) -> String {
    let rest = object.strip_prefix('{').unwrap_or_default();
    format!(r#"{{"time_ns":{},{rest}"#, at.as_nanos())
}

/// Writes a message of some lines.
pub(super) fn message(page: &mut Vec<u8>, name: &str, data: &str) {
    page.extend_from_slice(format!("event: {name}\n").as_bytes());
    for line in data.lines() {
        page.extend_from_slice(b"data: ");
        page.extend_from_slice(line.as_bytes());
        page.push(b'\n');
    }
    page.push(b'\n');
}

/// A value in one line; nothing that is told has a map whose keys are no text, which alone could fail.
pub(super) fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

#[cfg(test)]
mod tests;
