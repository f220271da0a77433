//! Events from lines of JSON, as `docs/events.md` has them. What is unknown is skipped, so that files of other
//! versions can be read.

use std::borrow::Cow;
use std::io::{self, BufRead};

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::time::{Duration, Instant};

use super::lines::{self, Read};
use super::survey::{Census, beyond, ends};
use super::{Builder, Found, LONGEST_NAME, Names, Segment, Span, Survey, Trace, What, unwrapped};

/// The envelope. An empty name stands for none.
#[derive(Deserialize)]
struct Line<'a> {
    #[serde(default)]
    time_ns: Option<u64>,
    #[serde(default, borrow)]
    host: Cow<'a, str>,
    #[serde(default)]
    conn: Option<u32>,
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(default, borrow)]
    data: Data<'a>,
}

/// The same without its data.
#[derive(Deserialize)]
struct Unknown {
    #[serde(rename = "name")]
    _name: String,
    #[serde(default, rename = "data")]
    _data: IgnoredAny,
}

/// All fields that are of use here.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Data<'a> {
    #[serde(borrow)]
    local: Cow<'a, str>,
    #[serde(borrow)]
    remote: Cow<'a, str>,
    #[serde(borrow)]
    state: Cow<'a, str>,
    #[serde(borrow)]
    flags: Cow<'a, str>,
    seq_relative: Option<u64>,
    ack_relative: Option<u64>,
    len: u64,
    packets: u64,
    gone: u64,
    window: u64,
    sack_relative: Vec<(u64, u64)>,
    #[serde(borrow)]
    why: Cow<'a, str>,
    count: u64,
    #[serde(borrow)]
    reason: Cow<'a, str>,
    #[serde(borrow)]
    from: Cow<'a, str>,
    #[serde(borrow)]
    to: Cow<'a, str>,
    #[serde(borrow)]
    cause: Cow<'a, str>,
    cwnd: u64,
    ssthresh: Option<u64>,
    #[serde(borrow)]
    phase: Cow<'a, str>,
    start_relative: u64,
    #[serde(borrow)]
    found_by: Cow<'a, str>,
    #[serde(borrow)]
    reduced_for: Cow<'a, str>,
    #[serde(borrow)]
    shown_by: Cow<'a, str>,
    #[serde(borrow)]
    report: Cow<'a, str>,
    #[serde(borrow)]
    reporter: Cow<'a, str>,
    mtu: u64,
    mss: u64,
    #[serde(borrow)]
    known_by: Cow<'a, str>,
    rtt_ns: Option<u64>,
    srtt_ns: Option<u64>,
    rto_ns: Option<u64>,
    #[serde(borrow)]
    timer: Cow<'a, str>,
    #[serde(borrow)]
    by: Cow<'a, str>,
}

/// Gives every event of a file to `each`, and how many lines there were, and how many of them were none.
fn read(input: &mut impl BufRead, mut each: impl FnMut(Line<'_>)) -> io::Result<(u64, u64)> {
    let mut bytes = Vec::new();
    let (mut events, mut unreadable) = (0, 0);
    loop {
        match lines::next(input, &mut bytes)? {
            Read::End => return Ok((events, unreadable)),
            Read::TooLong => unreadable += 1,
            Read::Line => match serde_json::from_slice::<Line<'_>>(&bytes) {
                Ok(line) => {
                    events += 1;
                    each(line);
                }
                Err(_) if bytes.trim_ascii().is_empty() => {}
                // An event of another version, whose data may be anything.
                Err(_) if serde_json::from_slice::<Unknown>(&bytes).is_ok() => events += 1,
                Err(_) => unreadable += 1,
            },
        }
    }
}

/// Where an event happened, for people: a name may have anything in it.
fn place(host: &str) -> Option<String> {
    (!host.is_empty())
        .then(|| host.chars().filter(|c| !c.is_control()).take(LONGEST_NAME).collect())
}

/// Which connections a file of events tells of.
///
/// # Errors
/// When it cannot be read.
pub fn survey(input: &mut impl BufRead) -> io::Result<Survey> {
    let mut census = Census::new();
    let (events, unreadable) = read(input, |line| {
        let Some(number) = line.conn else { return };
        let host = line.host.into_owned();
        let place = place(&host);
        let found = census.entry((host, number), |_| Found {
            number,
            place,
            ends: None,
            text: [0, 0],
            moments: 0,
        });
        let Some(found) = found else { return };
        found.moments += 1;
        if found.ends.is_none() {
            found.ends = ends(&line.data.local, &line.data.remote);
        }
        match &*line.name {
            "sent" => found.text[0] = found.text[0].saturating_add(line.data.len),
            "received" => found.text[1] = found.text[1].saturating_add(line.data.len),
            _ => {}
        }
    })?;
    let mut notes = Vec::new();
    if unreadable > 0 {
        notes.push(format!("{unreadable} lines are no events and were skipped"));
    }
    notes.extend(beyond(census.beyond, "events"));
    Ok(Survey { found: census.finish(), read: events, notes })
}

/// What a file of events tells of one connection.
///
/// # Errors
/// When it cannot be read.
pub fn trace(
    input: &mut impl BufRead,
    found: &Found,
    span: Span,
    notes: Vec<String>,
) -> io::Result<Trace> {
    let mut builder = Builder::new(found.clone(), false, span);
    let mut reader = Reader::default();
    let mut last = None;
    read(input, |line| {
        if line.name == "events_lost" {
            // It has no time of its own, and may concern any connection; before the first event it concerns nobody.
            if let Some(last) = last {
                builder.add(last, What::Missing(line.data.count));
            }
            return;
        }
        let ours = line.conn == Some(found.number) && place(&line.host) == found.place;
        let Some(time) = line.time_ns.filter(|_| ours) else { return };
        let at = Instant::from_nanos(time);
        last = Some(at);
        if line.name == "flight_record" {
            builder.trace.gone = builder.trace.gone.saturating_add(line.data.gone);
        }
        if let Some(what) = reader.what(&line.name, line.data) {
            builder.add(at, what);
        }
    })?;
    Ok(builder.finish(notes))
}

/// Makes moments of events; it keeps where the numbers of both ends are.
#[derive(Default)]
struct Reader {
    names: Names,
    /// The last sequence number of each end, the local one first, and the last of each that was acknowledged; `None` before
    /// the first, which is taken as it is: a file may begin anywhere.
    last: [Option<u64>; 2],
    acked: [Option<u64>; 2],
}

impl Reader {
    /// `None` for an event that is not known.
    fn what(&mut self, name: &str, data: Data<'_>) -> Option<What> {
        let names = &mut self.names;
        Some(match name {
            "sent" => What::Sent(self.segment(0, &data)),
            "received" => What::Received(self.segment(1, &data)),
            "refused" => {
                let reason = names.get(&data.reason);
                // Its numbers may be anything, and move nothing.
                let (last, acked) = (self.last, self.acked);
                let segment = (!data.flags.is_empty()).then(|| Box::new(self.segment(1, &data)));
                (self.last, self.acked) = (last, acked);
                What::Refused(reason, segment)
            }
            "state_changed" => {
                What::State(names.get(&data.from), names.get(&data.to), names.get(&data.cause))
            }
            "congestion_window" => {
                let phase = names.some(&data.phase);
                What::Window(bounded(data.cwnd), data.ssthresh.map(bounded), phase)
            }
            "lost" => What::Lost(data.start_relative, bounded(data.len), names.get(&data.found_by)),
            "reduced" => What::Reduced(names.get(&data.reduced_for)),
            "undone" => What::Undone(names.get(&data.shown_by)),
            "icmp_error" => What::IcmpError(names.get(&data.report), names.get(&data.reporter)),
            "path_mtu" => {
                What::PathMtu(bounded(data.mtu), bounded(data.mss), names.get(&data.known_by))
            }
            "rtt_sample" => {
                let time = |ns: Option<u64>| ns.map(Duration::from_nanos);
                What::Rtt(time(data.rtt_ns), time(data.srtt_ns), time(data.rto_ns))
            }
            "timer_fired" => What::TimerFired(names.get(&data.timer)),
            "limited" => What::Limited(names.get(&data.by)),
            _ => return None,
        })
    }

    /// The segment of an event, sent by the end of that index.
    fn segment(&mut self, sender: usize, data: &Data<'_>) -> Segment {
        let near = self.last[sender].or(self.acked[sender]);
        let seq = data.seq_relative.unwrap_or(0) as u32;
        let seq = near.map_or(seq.into(), |near| unwrapped(seq, near));
        self.last[sender] = Some(seq);
        let near = self.acked[1 - sender].or(self.last[1 - sender]);
        let ack = data.ack_relative.map(|ack| ack as u32);
        let ack = ack.map(|ack| near.map_or(ack.into(), |near| unwrapped(ack, near)));
        self.acked[1 - sender] = ack.or(self.acked[1 - sender]);
        let near = ack.or(near).unwrap_or(0);
        let edge = |number: u64| unwrapped(number as u32, near);
        let sack = data.sack_relative.iter().map(|&(from, to)| (edge(from), edge(to)));
        let sack: Box<[(u64, u64)]> = sack.take(4).collect();
        Segment {
            flags: super::flags(&data.flags),
            seq,
            ack,
            len: bounded(data.len),
            packets: bounded(data.packets).max(1),
            window: bounded(data.window),
            sack: (!sack.is_empty()).then_some(sack),
            state: super::state(&data.state),
            why: self.names.some(&data.why),
            count: bounded(data.count),
            again: false,
            offers: None,
        }
    }
}

fn bounded(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
