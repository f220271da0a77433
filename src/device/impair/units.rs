//! Rates, times, sizes and shares as tc(8) writes them.

use super::spec::Size;
use crate::time::Duration;
use std::fmt;

/// A share of packets: 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub struct Share(f64);

impl Share {
    /// No packet at all.
    pub const NONE: Share = Share(0.0);
    /// Every packet.
    pub const ALL: Share = Share(1.0);

    /// `None` when `share` does not lie between 0 and 1.
    pub fn new(share: f64) -> Option<Share> {
        (0.0..=1.0).contains(&share).then_some(Share(share))
    }

    /// Between 0 and 1.
    pub const fn value(self) -> f64 {
        self.0
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A product of floats may be off in its last digits: the shortest that reads as the same.
        let percent = self.0 * 100.0;
        let near = [0, 1, -1, 2, -2].map(|ulps| percent.to_bits().wrapping_add_signed(ulps));
        let rounded = (percent * 1e6).round() / 1e6;
        let mut candidates = [rounded].into_iter().chain(near.map(f64::from_bits));
        let same = |percent: &f64| percent * PER_CENT == self.0;
        write!(f, "{}%", candidates.find(same).unwrap_or(percent))
    }
}

/// What a share of one per cent is.
const PER_CENT: f64 = 0.01;

/// What a value may look like, for messages.
pub(super) const RATE: &str =
    "a rate such as 10mbit, 500kbit, 1gbit or 125kbps (bytes), or 'unlimited'; under 1bit only 0";
pub(super) const TIME: &str = "a time such as 50ms, 1.5s or 200us; under 1ns only 0";
pub(super) const SHARE: &str = "a share such as 1% or 0.05%, at most 100%";
pub(super) const SIZE: &str = "a size such as 64kb, 1mb or 1500b; under 1b only 0";
pub(super) const QUEUE_SIZE: &str =
    "packets such as 100p, a size such as 64kb, or times the bandwidth-delay product such as 1bdp";

/// The units of rates in bits per second (tc(8), RATES): powers of 1000, with an i of 1024; those
/// that end in `bps` count bytes.
const RATES: &[(&str, f64)] = &[
    ("", 1.0),
    ("bit", 1.0),
    ("kbit", 1e3),
    ("mbit", 1e6),
    ("gbit", 1e9),
    ("tbit", 1e12),
    ("kibit", 1024.0),
    ("mibit", 1_048_576.0),
    ("gibit", 1_073_741_824.0),
    ("tibit", 1_099_511_627_776.0),
    ("bps", 8.0),
    ("kbps", 8e3),
    ("mbps", 8e6),
    ("gbps", 8e9),
    ("tbps", 8e12),
    ("kibps", 8192.0),
    ("mibps", 8_388_608.0),
    ("gibps", 8_589_934_592.0),
    ("tibps", 8_796_093_022_208.0),
];

/// The units of times in nanoseconds (tc(8), TIMES), and minutes; a bare number counts microseconds.
const TIMES: &[(&str, f64)] = &[
    ("", 1e3),
    ("m", 6e10),
    ("min", 6e10),
    ("s", 1e9),
    ("sec", 1e9),
    ("secs", 1e9),
    ("ms", 1e6),
    ("msec", 1e6),
    ("msecs", 1e6),
    ("us", 1e3),
    ("usec", 1e3),
    ("usecs", 1e3),
    ("ns", 1.0),
    ("nsec", 1.0),
    ("nsecs", 1.0),
];

/// The units of sizes in bytes (tc(8), SIZES): powers of 1024.
const SIZES: &[(&str, f64)] = &[
    ("", 1.0),
    ("b", 1.0),
    ("k", 1024.0),
    ("kb", 1024.0),
    ("m", 1_048_576.0),
    ("mb", 1_048_576.0),
    ("g", 1_073_741_824.0),
    ("gb", 1_073_741_824.0),
    ("kbit", 128.0),
    ("mbit", 131_072.0),
    ("gbit", 134_217_728.0),
];

/// The longest time that means anything here: over this, arithmetic on instants would saturate.
const MAX_TIME_NS: f64 = 1e9 * 86_400.0 * 365.0;

/// A number that is not negative and its unit, in lower case.
fn number(word: &str) -> Option<(f64, String)> {
    let digits = word.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(word.len());
    let (number, unit) = word.split_at(digits);
    // `f64` would also take a lone "." or "1.2.3"? It takes neither, and no exponent gets here.
    Some((number.parse().ok()?, unit.to_ascii_lowercase()))
}

fn scaled(word: &str, units: &[(&str, f64)]) -> Option<f64> {
    let (number, unit) = number(word)?;
    let &(_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    Some(number * factor).filter(|value| value.is_finite())
}

/// As many whole units as that, at most `most`. Nothing is zero but what is written so.
fn whole(word: &str, units: &[(&str, f64)], most: f64) -> Option<u64> {
    let value = scaled(word, units).filter(|&value| value == 0.0 || value >= 1.0)?;
    (value <= most).then_some(value.round() as u64)
}

/// Bits per second.
pub(super) fn rate(word: &str) -> Option<u64> {
    // Beyond this a packet takes less than the clock can tell.
    whole(word, RATES, 1e15)
}

pub(super) fn time(word: &str) -> Option<Duration> {
    whole(word, TIMES, MAX_TIME_NS).map(Duration::from_nanos)
}

/// Bytes.
pub(super) fn size(word: &str) -> Option<u64> {
    whole(word, SIZES, 1e15)
}

pub(super) fn queue_size(word: &str) -> Option<Size> {
    let word = word.to_ascii_lowercase();
    if let Some(times) = word.strip_suffix("bdp") {
        let times: f64 = if times.is_empty() { 1.0 } else { times.parse().ok()? };
        return (0.0..=1e6).contains(&times).then_some(Size::BandwidthDelay(times));
    }
    let packets = ["packets", "packet", "p"].iter().find_map(|unit| word.strip_suffix(unit));
    match packets {
        Some(number) => count(number).map(Size::Packets),
        None => size(&word).map(Size::Bytes),
    }
}

/// A bare number counts per cent, as in tc(8).
pub(super) fn share(word: &str) -> Option<Share> {
    scaled(word, &[("%", PER_CENT), ("", PER_CENT)]).and_then(Share::new)
}

pub(super) fn count(word: &str) -> Option<u64> {
    word.parse().ok()
}

/// A word that is no value of its kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{word}' is not {what}")]
pub struct UnitError {
    word: String,
    what: String,
}

/// [`None`] as an error that shows the word and what is allowed.
fn or_say<T>(value: Option<T>, word: &str, what: &str) -> Result<T, UnitError> {
    value.ok_or_else(|| UnitError { word: word.to_owned(), what: what.to_owned() })
}

/// Reads a rate in bits per second; `None`: unlimited.
///
/// # Errors
/// A sentence that says what is allowed.
pub fn parse_rate(word: &str) -> Result<Option<u64>, UnitError> {
    if word == "unlimited" {
        return Ok(None);
    }
    or_say(rate(word).map(Some), word, RATE)
}

/// Reads a time.
///
/// # Errors
/// A sentence that says what is allowed.
pub fn parse_time(word: &str) -> Result<Duration, UnitError> {
    or_say(time(word), word, TIME)
}

/// Reads a size in bytes.
///
/// # Errors
/// A sentence that says what is allowed.
pub fn parse_size(word: &str) -> Result<u64, UnitError> {
    or_say(size(word), word, SIZE)
}

/// Reads a share.
///
/// # Errors
/// A sentence that says what is allowed.
pub fn parse_share(word: &str) -> Result<Share, UnitError> {
    or_say(share(word), word, SHARE)
}

/// Reads the limit of a queue.
///
/// # Errors
/// A sentence that says what is allowed.
pub fn parse_queue_size(word: &str) -> Result<Size, UnitError> {
    or_say(queue_size(word), word, QUEUE_SIZE)
}

#[cfg(test)]
mod tests;
