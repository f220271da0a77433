//! The pictures of many clients that share a link.

use glasstcp::observe::plot::{Curve, Figure, Mark};
use glasstcp::observe::trace::curves::kb;
use glasstcp::observe::trace::seconds;
use glasstcp::sim::{FlowOutcome, Series};
use glasstcp::time::{Duration, Instant};

use super::plots::MOST_FLOWS;

/// Points of the mean.
const MEANS: u32 = 240;
/// The colours of what is many, and of what it comes to.
const PALE: usize = 4;
const BOLD: usize = 0;

/// The congestion windows of all clients; of more than have colours, all in one, and their mean.
pub fn windows(mut figure: Figure, flows: &[FlowOutcome], end: Duration) -> Figure {
    let all: Vec<&Series> = flows.iter().filter_map(|flow| flow.sender.series.as_ref()).collect();
    let few = all.len() <= MOST_FLOWS;
    for (number, series) in all.iter().enumerate() {
        let name = match (few, number) {
            (true, _) => format!("client {}", number + 1),
            (false, 0) => format!("each of {} clients", all.len()),
            (false, _) => String::new(),
        };
        let points = series.windows.iter().map(|&(at, cwnd, _)| (seconds(at), kb(cwnd))).collect();
        let (mark, color) = if few { (Mark::Steps, number) } else { (Mark::Thin, PALE) };
        figure.curves.push(Curve { name, points, mark, color });
    }
    if !few {
        let name = "mean".to_owned();
        let points = mean(&all, end);
        figure.curves.push(Curve { name, points, mark: Mark::Steps, color: BOLD });
    }
    figure
}

/// The mean of the windows of those that still send.
fn mean(all: &[&Series], end: Duration) -> Vec<(f64, f64)> {
    let bin = (end / MEANS).max(Duration::from_nanos(1));
    let times = (0..=MEANS).map(|number| Instant::ZERO + bin * number);
    let mean = |at: Instant| {
        let windows = all.iter().filter_map(|series| {
            let after = series.windows.partition_point(|(when, ..)| *when <= at);
            let last = after.checked_sub(1).filter(|_| after < series.windows.len());
            last.map(|last| kb(series.windows[last].1))
        });
        let (count, sum) = windows.fold((0_u32, 0.0), |(count, sum), kb| (count + 1, sum + kb));
        (count > 0).then(|| (seconds(at), sum / f64::from(count)))
    };
    times.filter_map(mean).collect()
}

/// How much of the goodput each client got, and what would be even.
pub fn shares(mut figure: Figure, flows: &[FlowOutcome], end: Duration) -> Figure {
    let rates: Vec<f64> = flows.iter().map(|flow| flow.goodput(end)).collect();
    let sum = rates.iter().sum::<f64>().max(f64::MIN_POSITIVE);
    let shares = (1..).zip(&rates).map(|(number, rate)| (f64::from(number), rate / sum * 100.0));
    let even = 100.0 / flows.len() as f64;
    let name = |name: &str| name.to_owned();
    "client".clone_into(&mut figure.x);
    figure.curves = vec![
        Curve { name: name("share"), points: shares.collect(), mark: Mark::Bars, color: PALE },
        Curve {
            name: name("an even share"),
            points: vec![(0.0, even), (flows.len() as f64 + 0.4, even)],
            mark: Mark::Steps,
            color: 1,
        },
    ];
    figure
}
