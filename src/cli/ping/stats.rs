//! The figures at the end, in ping(8)'s form.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

/// Round-trip times that the percentiles are of: the last ones, where there were more.
const KEPT: usize = 100_000;

/// How requests fared.
#[derive(Clone, Debug, Default)]
pub struct Stats {
    /// Requests.
    pub transmitted: u64,
    /// Of them, answered in time and rightly.
    pub received: u64,
    /// Answered after they had been given up.
    pub late: u64,
    /// Answers to what had been answered.
    pub duplicates: u64,
    /// Answers that were not the request.
    pub corrupted: u64,
    /// Requests about which an error was reported.
    pub errors: u64,
    rtt: Rtt,
}

impl Stats {
    /// A right answer came in time.
    pub fn received(&mut self, rtt: Duration) {
        self.received += 1;
        self.rtt.add(rtt);
    }

    /// Whether anything was answered at all.
    pub fn any_answer(&self) -> bool {
        self.received + self.late > 0
    }

    /// The lines that ping(8) prints at its end, for requests to `to` that took so long together.
    pub fn summary(&self, to: &str, time: Duration) -> String {
        let mut extra = String::new();
        for (count, name) in [
            (self.late, "late"),
            (self.duplicates, "duplicates"),
            (self.corrupted, "corrupted"),
            (self.errors, "errors"),
        ] {
            if count > 0 {
                extra += &format!(", +{count} {name}");
            }
        }
        let mut text = format!(
            "\n--- {to} ping statistics ---\n{} packets transmitted, {} received{extra}, {}% packet loss, time {}ms\n",
            self.transmitted,
            self.received,
            percent(self.transmitted - self.received, self.transmitted),
            time.as_millis(),
        );
        if let Some(figures) = self.rtt.figures() {
            text += &figures.to_string();
        }
        text
    }
}

/// A share of a hundred, with as many digits as C's `%g` gives it.
fn percent(part: u64, whole: u64) -> String {
    let percent = 100.0 * part as f64 / whole.max(1) as f64;
    let digits = match percent {
        percent if percent >= 100.0 => 3,
        percent if percent >= 10.0 => 4,
        percent if percent >= 1.0 => 5,
        _ => 6,
    };
    let text = format!("{percent:.digits$}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Round-trip times, in nanoseconds.
#[derive(Clone, Debug, Default)]
struct Rtt {
    count: u128,
    sum: u128,
    sum_of_squares: u128,
    min: u64,
    max: u64,
    last: VecDeque<u64>,
}

impl Rtt {
    fn add(&mut self, rtt: Duration) {
        // More than an hour is no round trip; so the squares of as many as can be sent fit.
        let ns = rtt.min(Duration::from_secs(3600)).as_nanos() as u64;
        self.min = if self.count == 0 { ns } else { self.min.min(ns) };
        self.max = self.max.max(ns);
        self.count += 1;
        self.sum += u128::from(ns);
        self.sum_of_squares += u128::from(ns) * u128::from(ns);
        if self.last.len() >= KEPT {
            self.last.pop_front();
        }
        self.last.push_back(ns);
    }

    fn figures(&self) -> Option<Figures> {
        let average = self.sum.checked_div(self.count)?;
        // The mean of the squares less the square of the mean, over one denominator: exact until the root.
        let variance =
            (self.count * self.sum_of_squares - self.sum * self.sum) / (self.count * self.count);
        let mut sorted: Vec<u64> = self.last.iter().copied().collect();
        sorted.sort_unstable();
        Some(Figures {
            min: self.min,
            average: average as u64,
            max: self.max,
            deviation: variance.isqrt() as u64,
            median: percentile(&sorted, 50)?,
            almost_all: percentile(&sorted, 99)?,
        })
    }
}

/// The smallest of `sorted` that at least so many of a hundred do not exceed (nearest rank).
fn percentile(sorted: &[u64], of_a_hundred: usize) -> Option<u64> {
    let rank = (sorted.len() * of_a_hundred).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied()
}

/// In nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Figures {
    min: u64,
    average: u64,
    max: u64,
    deviation: u64,
    median: u64,
    almost_all: u64,
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |ns: u64| format!("{:.3}", ns as f64 / 1e6);
        let Figures { min, average, max, deviation, median, almost_all } = *self;
        let [min, average, max, deviation] = [min, average, max, deviation].map(ms);
        writeln!(f, "rtt min/avg/max/mdev = {min}/{average}/{max}/{deviation} ms")?;
        writeln!(f, "p50/p99 = {}/{} ms", ms(median), ms(almost_all))
    }
}

/// A round-trip time in milliseconds, with as many digits as ping(8) gives it.
pub fn time(rtt: Duration) -> String {
    let ms = rtt.as_secs_f64() * 1e3;
    let digits = match ms {
        ms if ms >= 99.95 => 0,
        ms if ms >= 9.995 => 1,
        ms if ms >= 1.0 => 2,
        _ => 3,
    };
    format!("{ms:.digits$} ms")
}

#[cfg(test)]
mod tests;
