//! Pictures of a connection as curves over time.

use crate::observe::plot::{Band, Curve, Figure, Mark, Told};
use crate::time::{Duration, Instant};
use crate::wire::tcp::Flags;

use super::curves::{self, BINS};
use super::{Class, Moment, Name, Segment, Side, Trace, What, seconds};

/// Colours by what they stand for; those of `plot`.
const NEW: usize = 0;
const RACK: usize = 1;
const ACKED: usize = 2;
const SACKED: usize = 3;
const EDGE: usize = 4;
const DUPLICATES: usize = 5;
const GRAY: usize = 6;
const TIMEOUT: usize = 7;
const PROBE: usize = 8;

/// What is shown of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Sequence numbers over time, as tcptrace shows them.
    Sequence,
    /// Congestion window, slow-start threshold, bytes that are not acknowledged.
    Window,
    /// Round-trip times and the retransmission time-out.
    Rtt,
    /// How much was sent and acknowledged, and what held the sender back.
    Throughput,
}

impl Kind {
    /// All there are.
    pub const ALL: [Kind; 4] = [Kind::Sequence, Kind::Window, Kind::Rtt, Kind::Throughput];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Sequence => "sequence",
            Kind::Window => "window",
            Kind::Rtt => "rtt",
            Kind::Throughput => "throughput",
        }
    }
}

/// Draws one kind. Its horizontal axis begins at `from`.
pub fn figure(trace: &Trace, kind: Kind, from: Duration) -> Figure {
    let mut figure = match kind {
        Kind::Sequence => sequence(trace),
        Kind::Window => window(trace),
        Kind::Rtt => rtt(trace),
        Kind::Throughput => throughput(trace),
    };
    figure.curves.iter_mut().for_each(|curve| hold(curve, trace.end));
    "time (s)".clone_into(&mut figure.x);
    figure.from[0] = from.as_secs_f64();
    figure.bands.extend(gaps(trace));
    figure.remark = remark(trace, &figure);
    figure
}

/// Draws one kind of several traces over each other, each in a colour of its own: the congestion window, the round trips,
/// what was sent, or the rate at which it was acknowledged.
pub fn compared(traces: &[(&str, &Trace)], kind: Kind, (title, from): (&str, Duration)) -> Figure {
    let mut figure = Figure { title: title.to_owned(), ..Figure::default() };
    for (color, (name, trace)) in traces.iter().enumerate() {
        let one = match kind {
            Kind::Sequence => sent_text(trace),
            Kind::Window => window(trace),
            Kind::Rtt => rtt(trace),
            Kind::Throughput => throughput(trace),
        };
        let wanted = match kind {
            Kind::Sequence => "sent",
            Kind::Window => "cwnd",
            Kind::Rtt => "RTT measured",
            Kind::Throughput => "acknowledged",
        };
        let chosen = one.curves.into_iter().filter(|curve| curve.name == wanted);
        figure.curves.extend(chosen.map(|mut curve| {
            hold(&mut curve, trace.end);
            Curve { name: format!("{wanted}, {name}"), color, ..curve }
        }));
        figure.y = one.y;
    }
    "time (s)".clone_into(&mut figure.x);
    figure.from[0] = from.as_secs_f64();
    figure
}

/// What was sent when, as points.
fn sent_text(trace: &Trace) -> Figure {
    let own = segments(trace, trace.sender()).filter(|(_, segment, own)| *own && segment.len > 0);
    let points = own.map(|(at, segment, _)| (seconds(at), segment.seq as f64 / 1e3));
    let curves = vec![curve("sent", points, Mark::Dots, NEW)];
    Figure { y: "bytes since the SYN (KB)".to_owned(), curves, ..Figure::default() }
}

/// What holds until the next value holds to the end.
fn hold(curve: &mut Curve, until: Instant) {
    if let (Mark::Steps | Mark::Thin, Some(&(at, value))) = (curve.mark, curve.points.last())
        && at < seconds(until)
    {
        curve.points.push((seconds(until), value));
    }
}

/// The sentence below the title: what is missing in the picture.
fn remark(trace: &Trace, figure: &Figure) -> String {
    let points = figure.curves.iter().map(|curve| curve.points.len()).sum::<usize>();
    let empty = (points + figure.spans.len() == 0).then(|| match trace.from_wire {
        true => "nothing of this can be seen in these packets".to_owned(),
        false => "nothing of this is among these events".to_owned(),
    });
    let missing = trace.missing();
    let missing = (missing > 0).then(|| format!("{missing} events are missing here"));
    let sentences = [empty, missing, trace.remark()];
    sentences.into_iter().flatten().collect::<Vec<_>>().join("; ")
}

/// Where events are missing: from the last before to the first after them.
fn gaps(trace: &Trace) -> impl Iterator<Item = Band> {
    let least = seconds(trace.end) / 400.0;
    let holes = trace.moments.windows(2).filter(|pair| pair[0].what.missing() > 0);
    holes.map(move |pair| {
        let (from, to) = (seconds(pair[0].at), seconds(pair[1].at));
        let name = "events are missing".to_owned();
        Band { name, from, to: to.max(from + least), color: GRAY }
    })
}

/// Text that `sender` has sent, and what the other end says of it.
fn segments(trace: &Trace, sender: Side) -> impl Iterator<Item = (Instant, &Segment, bool)> {
    let at = |moment: &Moment| moment.at;
    trace.moments.iter().filter_map(move |moment| match (&moment.what, sender) {
        (What::Sent(segment), Side::Local) | (What::Received(segment), Side::Remote) => {
            Some((at(moment), segment, true))
        }
        (What::Received(segment), Side::Local) | (What::Sent(segment), Side::Remote) => {
            Some((at(moment), segment, false))
        }
        _ => None,
    })
}

/// Acknowledgments of what `sender` has sent, and the windows beyond them.
fn acks(trace: &Trace, sender: Side) -> impl Iterator<Item = (Instant, u64, &Segment)> {
    let theirs = segments(trace, sender)
        .filter(|(_, segment, own)| !own && !segment.flags.contains(Flags::RST));
    theirs.filter_map(|(at, segment, _)| Some((at, segment.ack?, segment)))
}

/// The same where it is known how large the windows are.
fn offered(trace: &Trace, sender: Side) -> impl Iterator<Item = (Instant, u64, u32)> {
    let known = !trace.unscaled[sender.other() as usize];
    let all = acks(trace, sender).filter(move |_| known);
    all.map(|(at, ack, segment)| (at, ack, segment.window))
}

fn sequence(trace: &Trace) -> Figure {
    let sender = trace.sender();
    let own = || segments(trace, sender).filter(|(_, segment, own)| *own && segment.len > 0);
    let end = |segment: &Segment| segment.seq.saturating_add(segment.len.into());
    let top = own().map(|(_, segment, _)| end(segment)).max().unwrap_or(0);
    let bottom = own().map(|(_, segment, _)| segment.seq).min().unwrap_or(0);
    let large = top > 2_000_000;
    let unit = move |bytes: u64| bytes as f64 / if large { 1e6 } else { 1e3 };
    // The window may be far beyond all that is sent, and with --from acknowledgments may be before it.
    let most = unit(top) + unit(top - bottom.min(top)) * 0.1;
    let least = if bottom > 1 { unit(bottom) } else { 0.0 };
    let point = move |at, bytes| (seconds(at), unit(bytes).clamp(least, most));
    let edges = offered(trace, sender).map(|(at, ack, window)| {
        let edge = unit(ack.saturating_add(window.into()));
        (seconds(at), if (least..=most).contains(&edge) { edge } else { f64::NAN })
    });
    let blocks = acks(trace, sender).flat_map(|(at, _, segment)| {
        let blocks = segment.sack.iter().flatten();
        blocks.flat_map(move |&(from, to)| [point(at, from), point(at, to)])
    });
    let acked = acks(trace, sender).map(|(at, ack, _)| point(at, ack));
    let spans = own().map(|(at, segment, _)| Told {
        at: seconds(at),
        ends: [unit(segment.seq), unit(end(segment))],
        color: color(segment),
        bold: color(segment) != NEW,
        words: told(at, segment),
    });
    let spans: Vec<Told> = spans.collect();
    let mut curves = vec![curve("window's edge", edges, Mark::Thin, EDGE)];
    curves.retain(is_seen);
    curves.extend([
        curve("out of order (SACK)", blocks, Mark::Spans, SACKED),
        curve("acknowledged", acked, Mark::Steps, ACKED),
    ]);
    let names = [
        ("sent", NEW),
        ("again: RACK", RACK),
        ("again: duplicates", DUPLICATES),
        ("again: time-out", TIMEOUT),
        ("probe", PROBE),
        ("again", GRAY),
    ];
    let used = names.iter().filter(|(_, color)| spans.iter().any(|span| span.color == *color));
    curves.extend(used.map(|(name, color)| curve(name, std::iter::empty(), Mark::Steps, *color)));
    let whose = match sender {
        Side::Local => "text sent",
        Side::Remote => "text that came",
    };
    Figure {
        title: format!("{}: {whose}", trace.title()),
        y: format!("bytes since the SYN ({})", if large { "MB" } else { "KB" }),
        curves,
        spans,
        from: [0.0, least],
        ..Figure::default()
    }
}

fn color(segment: &Segment) -> usize {
    let class = segment.why.as_deref().map_or(Class::New, Class::of);
    match class {
        Class::Rack => RACK,
        Class::Duplicates => DUPLICATES,
        Class::Timeout => TIMEOUT,
        Class::Probe => PROBE,
        Class::Again => GRAY,
        Class::New if segment.again => GRAY,
        Class::New => NEW,
    }
}

/// What a segment says to who points at it.
fn told(at: Instant, segment: &Segment) -> String {
    let Segment { flags, seq, len, .. } = segment;
    let why = segment.why.as_deref().map_or_else(String::new, |why| format!(": {}", plain(why)));
    let again = if segment.again && why.is_empty() { ", sent before" } else { "" };
    format!("{:.6} s {flags} seq={seq} len={len}{again}{why}", seconds(at))
}

/// A name as words.
pub(super) fn plain(name: &str) -> String {
    name.replace('_', " ")
}

fn curve(name: &str, points: impl Iterator<Item = (f64, f64)>, mark: Mark, color: usize) -> Curve {
    Curve { name: name.to_owned(), points: points.collect(), mark, color }
}

fn window(trace: &Trace) -> Figure {
    let windows = trace.moments.iter().filter_map(|moment| match moment.what {
        What::Window(cwnd, ssthresh, _) => Some((moment.at, cwnd, ssthresh)),
        _ => None,
    });
    let [ssthresh, cwnd] = curves::windows("", windows, NEW);
    let mut largest = cwnd.points.iter().map(|point| point.1).fold(0.0, f64::max);
    let (mut sent, mut acked) = (None, None);
    let mut flight = Vec::new();
    for (at, segment, own) in segments(trace, trace.sender()) {
        let end = segment.seq.saturating_add(segment.len.into());
        match own {
            true => sent = sent.max(Some(end)),
            false => acked = acked.max(segment.ack),
        }
        // Before the first acknowledgment of a part of a connection it is not known.
        if let Some((sent, acked)) = sent.zip(acked) {
            flight.push((seconds(at), sent.saturating_sub(acked) as f64 / 1e3));
        }
    }
    largest = flight.iter().map(|point| point.1).fold(largest, f64::max);
    let windows_offered: Vec<(f64, f64)> = offered(trace, trace.sender())
        .map(|(at, _, window)| (seconds(at), curves::kb(window)))
        .map(|(at, kb)| (at, if kb <= largest * 1.3 { kb } else { f64::NAN }))
        .collect();
    let ssthresh = Curve { mark: Mark::Steps, color: RACK, ..ssthresh };
    let flight = curve("sent and not acknowledged", flight.into_iter(), Mark::Thin, GRAY);
    let offered = curve("window of the other end", windows_offered.into_iter(), Mark::Thin, EDGE);
    let curves = [offered, flight, ssthresh, cwnd];
    Figure {
        title: format!("{}: windows", trace.title()),
        y: "KB".to_owned(),
        curves: curves.into_iter().filter(is_seen).collect(),
        ..Figure::default()
    }
}

/// Whether anything of a curve is within the picture.
fn is_seen(curve: &Curve) -> bool {
    curve.points.iter().any(|point| !point.1.is_nan())
}

fn rtt(trace: &Trace) -> Figure {
    let times = |which: fn(&What) -> Option<Duration>| {
        trace.moments.iter().filter_map(move |moment| Some((moment.at, which(&moment.what)?)))
    };
    let rto = times(|what| if let What::Rtt(_, _, rto) = what { *rto } else { None });
    let srtt = times(|what| if let What::Rtt(_, srtt, _) = what { *srtt } else { None });
    let samples = times(|what| if let What::Rtt(rtt, ..) = what { *rtt } else { None });
    let curves = [
        curves::times("RTO".to_owned(), rto, Mark::Thin, RACK),
        curves::times("RTT measured".to_owned(), samples, Mark::Dots, EDGE),
        curves::times("srtt".to_owned(), srtt, Mark::Steps, NEW),
    ];
    Figure {
        title: format!("{}: round-trip times", trace.title()),
        y: "ms".to_owned(),
        curves: curves.into_iter().filter(|curve| !curve.points.is_empty()).collect(),
        ..Figure::default()
    }
}

fn throughput(trace: &Trace) -> Figure {
    let sender = trace.sender();
    let begin = trace.moments.first().map_or(Instant::ZERO, |moment| moment.at);
    // The last moment belongs to the last bin.
    let whole = (begin, trace.end + Duration::from_nanos(1));
    let mut sum = 0;
    let sent = segments(trace, sender).filter(|(_, _, own)| *own).map(|(at, segment, _)| {
        sum += u64::from(segment.len);
        (at, sum)
    });
    let sent = curves::rates(sent, whole);
    let first = acks(trace, sender).map(|(_, ack, _)| ack).next().unwrap_or(0);
    let acked = acks(trace, sender).map(|(at, ack, _)| (at, ack.saturating_sub(first)));
    let acked = curves::rates(acked, whole);
    let bin = (whole.1.since(whole.0) / BINS).as_secs_f64() * 1e3;
    Figure {
        title: format!("{}: throughput", trace.title()),
        y: format!("Mbit/s, over {bin:.3} ms each"),
        curves: vec![
            curve("sent", sent.into_iter(), Mark::Thin, RACK),
            curve("acknowledged", acked.into_iter(), Mark::Steps, NEW),
        ],
        bands: limits(trace),
        ..Figure::default()
    }
}

/// What held the sender back from when to when.
fn limits(trace: &Trace) -> Vec<Band> {
    let changes = trace.moments.iter().filter_map(|moment| match &moment.what {
        What::Limited(by) => Some((moment.at, by)),
        _ => None,
    });
    let changes: Vec<(Instant, &Name)> = changes.collect();
    let ends = changes.iter().skip(1).map(|(at, _)| *at).chain([trace.end]);
    let bands = changes.iter().zip(ends).map(|((from, by), to)| {
        let (name, color) = limit(by);
        Band { name, from: seconds(*from), to: seconds(to), color }
    });
    bands.collect()
}

/// The name and the colour of a limit.
fn limit(by: &str) -> (String, usize) {
    let (name, color) = match by {
        "nothing" => ("application", GRAY),
        "congestion_window" => ("congestion window", ACKED),
        "peer_window" => ("peer's window", TIMEOUT),
        "pacing" => ("pacing", EDGE),
        "nagle" => ("Nagle", SACKED),
        "cork" => ("cork", PROBE),
        "silly_window" => ("silly window", DUPLICATES),
        other => return (plain(other), NEW),
    };
    (name.to_owned(), color)
}

#[cfg(test)]
mod tests;
