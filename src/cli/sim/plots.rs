//! The pictures of simulations: algorithms on one seed in one picture, or flows that share a link.

use std::fs;
use std::path::Path;

use anyhow::Context;
use glasstcp::observe::plot::{Curve, Figure, Mark};
use glasstcp::observe::trace::curves;
use glasstcp::observe::trace::seconds;
use glasstcp::sim::{Scenario, Series, is_retransmission};
use glasstcp::time::{Duration, Instant};

use super::{Done, Job, clients};

/// Flows that one picture shows.
pub(super) const MOST_FLOWS: usize = 7;

/// Draws everything about the jobs, which have the same seed, into `folder`.
///
/// # Errors
/// When a file cannot be written.
pub fn draw(folder: &Path, scenario: &Scenario, done: &[(Job, &Done)]) -> anyhow::Result<()> {
    let title = |what: &str| match scenario.title.as_str() {
        "" => what.to_owned(),
        title => format!("{title}: {what}"),
    };
    let figure = |what: &str, y: &str| Figure {
        title: title(what),
        x: "time (s)".to_owned(),
        y: y.to_owned(),
        ..Figure::default()
    };
    let mut windows = figure("congestion window and slow-start threshold", "KB");
    let mut rates = figure("throughput of the receiver", "Mbit/s");
    let mut queue = figure("queue before the link", "packets");
    let mut rtts = figure("round-trip time measured, and retransmission time-out", "ms");
    let mut color = 0;
    for (job, done) in done {
        for (number, flow) in done.outcome.flows.iter().enumerate().take(MOST_FLOWS) {
            let Some(series) = &flow.sender.series else { continue };
            let name = match done.outcome.flows.len() {
                1 => job.congestion.to_string(),
                _ => format!("{} {}", job.congestion, number + 1),
            };
            windows.curves.extend(window_curves(&name, series, color));
            rtts.curves.extend(rtt_curves(&name, series, color));
            rates.curves.push(rate_curve(&name, series, done.outcome.time, color));
            let sequence = sequence_figure(figure(&format!("{name}, text sent"), "MB"), series);
            write(folder, &format!("sequence-{}", name.replace(' ', "-")), &sequence)?;
            color += 1;
        }
        if done.outcome.flows.len() > 1 {
            let name = job.congestion.to_string();
            let end = done.outcome.time;
            let windows =
                figure(&format!("{name}, congestion windows of all clients"), "cwnd (KB)");
            let windows = clients::windows(windows, &done.outcome.flows, end);
            write(folder, &format!("clients-{name}"), &windows)?;
            let shares =
                figure(&format!("{name}, who got how much of the link"), "% of the goodput");
            let shares = clients::shares(shares, &done.outcome.flows, end);
            write(folder, &format!("share-{name}"), &shares)?;
        }
        let points =
            done.queue.iter().map(|&(at, packets)| (seconds(at), packets as f64)).collect();
        let name = job.congestion.to_string();
        queue.curves.push(Curve { name, points, mark: Mark::Steps, color: queue.curves.len() });
    }
    for (name, figure) in
        [("cwnd", windows), ("throughput", rates), ("queue", queue), ("rtt", rtts)]
    {
        write(folder, name, &figure)?;
    }
    Ok(())
}

fn write(folder: &Path, name: &str, figure: &Figure) -> anyhow::Result<()> {
    let path = folder.join(format!("{name}.svg"));
    fs::write(&path, figure.svg()).with_context(|| format!("cannot write {}", path.display()))
}

fn window_curves(name: &str, series: &Series, color: usize) -> [Curve; 2] {
    curves::windows(name, series.windows.iter().copied(), color)
}

fn rtt_curves(name: &str, series: &Series, color: usize) -> [Curve; 2] {
    let rtts = || series.rtts.iter();
    let rtos = rtts().map(|&(at, _, _, rto)| (at, rto));
    [
        curves::times(format!("RTO {name}"), rtos, Mark::Thin, color),
        curves::times(
            format!("RTT {name}"),
            rtts().map(|&(at, rtt, ..)| (at, rtt)),
            Mark::Dots,
            color,
        ),
    ]
}

/// What was acknowledged in each bin.
fn rate_curve(name: &str, series: &Series, end: Duration, color: usize) -> Curve {
    let acked = series.acks.iter().map(|&(at, ack, _)| (at, ack));
    let points = curves::rates(acked, (Instant::ZERO, Instant::ZERO + end));
    Curve { name: name.to_owned(), points, mark: Mark::Steps, color }
}

/// Sequence numbers of what was sent, of what was acknowledged, and of what arrived out of order.
fn sequence_figure(mut figure: Figure, series: &Series) -> Figure {
    let mb = |bytes: u64| bytes as f64 / 1e6;
    let sent = |again: bool| {
        let chosen = series.sent.iter().filter(move |(.., why)| is_retransmission(*why) == again);
        chosen.map(|&(at, seq, ..)| (seconds(at), mb(seq))).collect()
    };
    let acks = series.acks.iter();
    let edge = acks.clone().map(|&(at, ack, window)| (seconds(at), mb(ack + u64::from(window))));
    let acked = acks.map(|&(at, ack, _)| (seconds(at), mb(ack)));
    let top =
        series.sent.iter().map(|&(_, seq, len, _)| mb(seq + u64::from(len))).fold(0.0, f64::max);
    let sacked = series.sacks.iter().flat_map(|&(at, from, to)| {
        let at = seconds(at);
        [(at, mb(from)), (at, mb(to))]
    });
    let curve =
        |name: &str, points, mark, color| Curve { name: name.to_owned(), points, mark, color };
    figure.curves = vec![
        // The window may be far beyond all that is sent.
        curve("window's edge", edge.filter(|point| point.1 <= top * 1.2).collect(), Mark::Thin, 6),
        curve("out of order (SACK)", sacked.collect(), Mark::Spans, 3),
        curve("acknowledged", acked.collect(), Mark::Steps, 2),
        curve("sent", sent(false), Mark::Dots, 0),
        curve("sent again", sent(true), Mark::Crosses, 1),
    ];
    figure
}
