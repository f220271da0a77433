//! What it all comes to, at the end of a story.

use std::collections::BTreeMap;

use crate::time::{Duration, Instant};

use super::super::{Moment, Name, Side, Trace, What};
use super::{number, percent, span, words};

/// Reasons that are listed.
const MOST_REASONS: usize = 12;

/// The last lines of a story.
pub fn lines(trace: &Trace) -> Vec<String> {
    let mut lines = vec![match trace.missing() {
        0 => "In all:".to_owned(),
        missing => format!("In all, without the {} events that are missing:", number(missing)),
    }];
    let names = ["this end", "the other end"];
    for (side, name) in [Side::Local, Side::Remote].into_iter().zip(names) {
        let sums = trace.sums(side);
        let again = match sums.again {
            0 => "nothing again".to_owned(),
            again => format!(
                "{} of it again in {} ({})",
                bytes(sums.text_again),
                segments(again),
                percent(sums.text_again as f64 / sums.text.max(1) as f64)
            ),
        };
        let bursts = match sums.bursts {
            bursts if bursts == sums.segments => String::new(),
            1 => " in one burst".to_owned(),
            bursts => format!(" in {} bursts", number(bursts)),
        };
        lines.push(format!(
            "  {name} sent {}{bursts}, {} of text, {again}",
            segments(sums.segments),
            bytes(sums.text)
        ));
    }
    lines.extend(unseen(trace));
    let time = trace.whole - Instant::ZERO;
    let sums = trace.sums(trace.sender());
    let acked = sums.acked.saturating_sub(sums.begin.unwrap_or(0).max(1));
    if !time.is_zero() && acked > 0 {
        let rate = acked as f64 * 8.0 / time.as_secs_f64() / 1e6;
        lines.push(format!("  it took {}: {rate:.3} Mbit/s were acknowledged", span(time)));
    }
    lines.extend(round_trips(trace));
    lines.extend(limits(trace));
    lines.extend(reasons(&trace.moments));
    lines
}

/// What was acknowledged and is not in a capture: whoever made it has missed packets. What was lost before it came there,
/// and then was sent again, is not missing.
fn unseen(trace: &Trace) -> Option<String> {
    let unseen = trace.sums(trace.sender()).unseen;
    (trace.from_wire && unseen > 0).then(|| {
        format!(
            "  {} that were acknowledged are not in the file: it has not all packets",
            bytes(unseen)
        )
    })
}

fn bytes(count: u64) -> String {
    format!("{} bytes", number(count))
}

fn segments(count: u64) -> String {
    match count {
        1 => "1 segment".to_owned(),
        count => format!("{} segments", number(count)),
    }
}

/// The shortest and the longest round trip, and the median. Packets show those between where they were captured and the other end.
fn round_trips(trace: &Trace) -> Option<String> {
    let samples = trace.moments.iter().filter_map(|moment| match moment.what {
        What::Rtt(rtt, ..) => rtt,
        _ => None,
    });
    let mut samples: Vec<Duration> = samples.collect();
    samples.sort_unstable();
    let (first, last) = (samples.first()?, samples.last()?);
    let median = samples.get(samples.len() / 2)?;
    Some(format!(
        "  {} round trips were {}: {} at least, half of them at most {}, {} at most",
        number(samples.len() as u64),
        if trace.from_wire { "seen from where the packets were captured" } else { "measured" },
        span(*first),
        span(*median),
        span(*last)
    ))
}

/// What held this end back, and how much of the time.
fn limits(trace: &Trace) -> Option<String> {
    let changes = trace.moments.iter().filter_map(|moment| match &moment.what {
        What::Limited(by) => Some((moment.at, by)),
        _ => None,
    });
    let changes: Vec<(Instant, &Name)> = changes.collect();
    let first = changes.first()?.0;
    let whole = trace.end.since(first).as_secs_f64().max(f64::MIN_POSITIVE);
    let mut held: BTreeMap<&Name, Duration> = BTreeMap::new();
    let ends = changes.iter().skip(1).map(|(at, _)| *at).chain([trace.end]);
    for ((from, by), to) in changes.iter().zip(ends) {
        *held.entry(by).or_default() += to.since(*from);
    }
    let mut held: Vec<(&Name, Duration)> = held.into_iter().collect();
    held.sort_by_key(|(_, time)| std::cmp::Reverse(*time));
    let words = held.iter().map(|(by, time)| {
        format!("{} {}", words::limited_by(by), percent(time.as_secs_f64() / whole))
    });
    Some(format!("  it was held back by {}", words.collect::<Vec<_>>().join(", ")))
}

/// How often what was a reason to send.
fn reasons(moments: &[Moment]) -> Vec<String> {
    let mut counts: BTreeMap<&Name, u64> = BTreeMap::new();
    for moment in moments {
        if let What::Sent(segment) = &moment.what
            && let Some(why) = &segment.why
        {
            *counts.entry(why).or_default() += u64::from(segment.packets);
        }
    }
    let mut counts: Vec<(&Name, u64)> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let mut lines: Vec<String> = Vec::new();
    if !counts.is_empty() {
        lines.push("  why this end sent:".to_owned());
    }
    for (why, count) in counts.into_iter().take(MOST_REASONS) {
        lines.push(format!("    {:>9}  {}", number(count), words::why(why)));
    }
    lines
}
