//! Recordings of the flight recorder, in the forms of events: a first line that says what it is, and then they.

use std::io::{self, Write};
use std::net::SocketAddr;

use serde::Serialize;

use super::stream::{Item, Style};
use crate::flight::{Recording, Trouble};

/// Writes a recording, in small pieces, so `out` should have a buffer.
///
/// # Errors
/// Those of `out`.
pub fn write(out: &mut impl Write, style: Style, recording: &Recording) -> io::Result<()> {
    match style {
        Style::Json => {
            serde_json::to_writer(&mut *out, &Head::from(recording))?;
            out.write_all(b"\n")?;
        }
        Style::Text => text_head(out, recording)?,
    }
    for (at, event) in &recording.events {
        style.write(out, &Item::One((*at, event.clone())))?;
    }
    Ok(())
}

/// The first line of JSON, in the envelope of an event.
#[derive(Serialize)]
struct Head {
    time_ns: u64,
    conn: u32,
    name: &'static str,
    data: Data,
}

#[derive(Serialize)]
struct Data {
    #[serde(skip_serializing_if = "Option::is_none")]
    local: Option<SocketAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    remote: Option<SocketAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trouble: Option<&'static str>,
    events: usize,
    gone: u64,
}

impl From<&Recording> for Head {
    fn from(recording: &Recording) -> Head {
        let Recording { conn, ends, trouble, at, gone, events, .. } = recording;
        let (local, remote) = ends.unzip();
        let data = Data {
            local,
            remote,
            trouble: trouble.map(Trouble::name),
            events: events.len(),
            gone: *gone,
        };
        Head { time_ns: at.as_nanos(), conn: conn.0, name: "flight_record", data }
    }
}

fn text_head(out: &mut impl Write, recording: &Recording) -> io::Result<()> {
    let Recording { conn, ends, trouble, gone, events, .. } = recording;
    let ends = ends.map_or(String::new(), |(local, remote)| format!(" {local} {remote}"));
    let trouble = trouble.map_or(String::new(), |trouble| format!(", kept for its {trouble}"));
    let gone = if *gone > 0 { format!(" ({gone} before them are gone)") } else { String::new() };
    writeln!(out, "{conn}{ends}: the last {} events{gone}{trouble}", events.len())
}

#[cfg(test)]
mod tests;
