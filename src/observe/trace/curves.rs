//! Curves that pictures of simulations and of files have in common.

use crate::observe::plot::{Curve, Mark};
use crate::time::{Duration, Instant};

use super::seconds;

/// Bins in which throughput is counted.
pub const BINS: u32 = 120;

/// Slow-start threshold and congestion window, in KB; `name` stands behind what each is.
pub fn windows(
    name: &str,
    windows: impl Iterator<Item = (Instant, u32, Option<u32>)> + Clone,
    color: usize,
) -> [Curve; 2] {
    let thresholds =
        windows.clone().filter_map(|(at, _, ssthresh)| Some((seconds(at), kb(ssthresh?))));
    [
        Curve {
            name: named("ssthresh", name),
            points: thresholds.collect(),
            mark: Mark::Thin,
            color,
        },
        Curve {
            name: named("cwnd", name),
            points: windows.map(|(at, cwnd, _)| (seconds(at), kb(cwnd))).collect(),
            mark: Mark::Steps,
            color,
        },
    ]
}

/// One curve of times, in milliseconds.
pub fn times(
    name: String,
    times: impl Iterator<Item = (Instant, Duration)>,
    mark: Mark,
    color: usize,
) -> Curve {
    let points = times.map(|(at, time)| (seconds(at), time.as_secs_f64() * 1e3)).collect();
    Curve { name, points, mark, color }
}

/// How much of something that is counted up there was in each bin, in Mbit/s: from what it had come to by when.
pub fn rates(
    counted: impl Iterator<Item = (Instant, u64)>,
    (from, to): (Instant, Instant),
) -> Vec<(f64, f64)> {
    let bin = (to.since(from) / BINS).max(Duration::from_nanos(1));
    let mut points = Vec::new();
    let (mut before, mut count) = (0, 0);
    let mut counted = counted.peekable();
    for number in 1..=BINS {
        let until = from + bin * number;
        while let Some((_, more)) = counted.next_if(|(at, _)| *at < until) {
            count = more.max(count);
        }
        let rate = (count - before) as f64 * 8.0 / bin.as_secs_f64() / 1e6;
        points.push((seconds(until - bin), rate));
        before = count;
    }
    points
}

/// Bytes in KB.
pub fn kb(bytes: u32) -> f64 {
    f64::from(bytes) / 1e3
}

fn named(what: &str, name: &str) -> String {
    format!("{what} {name}").trim_end().to_owned()
}
