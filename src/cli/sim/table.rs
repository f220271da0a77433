//! What came of simulations, as a table.

use std::fmt::Write;

use glasstcp::device::impair::Effect;
use glasstcp::sim::{CrossTally, Ended, FlowOutcome, Outcome, Scenario};
use glasstcp::time::Duration;

use super::Job;

const HEAD: [&str; 11] = [
    "cc",
    "seed",
    "flow",
    "goodput",
    "time",
    "sent again",
    "RTOs",
    "fast",
    "ECN",
    "spurious",
    "RTT p50/p99",
];

/// A line for each flow; for several flows one more for all of them.
pub fn format(scenario: &Scenario, jobs: &[Job], outcomes: &[&Outcome]) -> String {
    let mut rows = vec![HEAD.map(str::to_owned)];
    for (job, outcome) in jobs.iter().zip(outcomes) {
        for (number, flow) in outcome.flows.iter().enumerate() {
            rows.push(row(job, number + 1, flow, outcome.time));
        }
    }
    let mut text = String::new();
    if !scenario.title.is_empty() {
        text += &format!("{}\n{}\n\n", scenario.title, scenario.about.trim());
    }
    let widths: [usize; HEAD.len()] =
        std::array::from_fn(|column| rows.iter().map(|row| row[column].len()).max().unwrap_or(0));
    for row in rows {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:>width$}"));
        let line = cells.collect::<Vec<_>>().join("  ");
        text += line.trim_end();
        text.push('\n');
    }
    for (job, outcome) in jobs.iter().zip(outcomes) {
        text += &summary(job, outcome);
    }
    text
}

fn row(job: &Job, number: usize, flow: &FlowOutcome, end: Duration) -> [String; HEAD.len()] {
    let sender = &flow.sender;
    let rtts = sender.rtt_percentiles.map(|rtts| rtts.map(millis));
    let [p50, p99] = rtts.unwrap_or_else(|| ["-".to_owned(), "-".to_owned()]);
    let completed = flow.progress.completed;
    [
        job.congestion.to_string(),
        job.seed.to_string(),
        number.to_string(),
        bits(flow.goodput(end)),
        completed.map_or("-".to_owned(), |at| format!("{:.3} s", at.as_nanos() as f64 / 1e9)),
        sender.retransmissions.to_string(),
        sender.timeouts.to_string(),
        sender.fast_retransmits.to_string(),
        sender.ecn_reductions.to_string(),
        flow.receiver.duplicates.to_string(),
        format!("{p50}/{p99} ms"),
    ]
}

/// What happened on the link, and how it was shared.
fn summary(job: &Job, outcome: &Outcome) -> String {
    let mut text = format!("\n{} seed {}: ", job.congestion, job.seed);
    if outcome.flows.len() > 1 {
        // Writing to a string does not fail; the same below.
        let _ = write!(text, "fairness {:.3} (Jain); ", outcome.fairness(Duration::ZERO));
    }
    let out = &outcome.link[0];
    let waited = out.waited.as_secs_f64() * 1e3 / out.queued.packets.max(1) as f64;
    let _ = write!(
        text,
        "link {} packets, waited {waited:.3} ms in the mean, {} ms at most",
        out.arrived.packets,
        millis(out.waited_max)
    );
    for effect in Effect::ALL {
        let count = out.count(*effect) + outcome.link[1].count(*effect);
        if count > 0 {
            let _ = write!(text, ", {count} {}", effect.words());
        }
    }
    let _ = writeln!(text, "; {} events", outcome.events);
    for (number, cross) in (1..).zip(&outcome.cross) {
        let CrossTally { sent, arrived } = cross;
        let _ = writeln!(text, "cross traffic {number}: {sent} packets, {arrived} arrived");
    }
    text
}

/// How fast it went.
pub fn speed(outcomes: &[&Outcome], took: Duration) -> String {
    let events: u64 = outcomes.iter().map(|outcome| outcome.events).sum();
    let simulated: Duration = outcomes.iter().map(|outcome| outcome.time).sum();
    let rate = events as f64 / took.as_secs_f64() / 1e6;
    format!(
        "{:.3} s simulated in {:.3} s: {events} events, {rate:.2} million a second",
        simulated.as_secs_f64(),
        took.as_secs_f64()
    )
}

/// Why not every flow was completed.
pub fn why_incomplete(scenario: &Scenario, outcome: &Outcome) -> String {
    let failed = outcome.flows.iter().find_map(|flow| flow.progress.failed.as_ref());
    match (failed, outcome.ended) {
        (Some(why), _) => format!("a transfer failed: {why}"),
        (None, Ended::TimeLimit) => {
            let limit = scenario.time_limit.as_secs_f64();
            format!("not all was transferred within {limit} s (--time-limit)")
        }
        (None, _) => "the transfer stands still and nothing will ever move it".to_owned(),
    }
}

fn millis(time: Duration) -> String {
    format!("{:.3}", time.as_secs_f64() * 1e3)
}

fn bits(rate: f64) -> String {
    let (value, unit) = match rate {
        rate if rate >= 1e9 => (rate / 1e9, "Gbit/s"),
        rate if rate >= 1e6 => (rate / 1e6, "Mbit/s"),
        rate => (rate / 1e3, "kbit/s"),
    };
    format!("{value:.2} {unit}")
}
