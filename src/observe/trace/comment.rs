//! What our own captures say of each packet, in words:
//! `ESTABLISHED conn=#3 cwnd=14600 ssthresh=inf srtt=20.1ms rto=220ms why=new-data limited-by=cwnd`.

use crate::event::State;
use crate::time::Duration;

/// The words of a comment that are of use here; `None` for what it does not say.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Words {
    /// The state of the host where it was seen.
    pub state: Option<State>,
    /// Congestion window, in bytes.
    pub cwnd: Option<u32>,
    /// Slow-start threshold, in bytes; `Some(None)` when it is infinite.
    pub ssthresh: Option<Option<u32>>,
    /// The smoothed round-trip time.
    pub srtt: Option<Duration>,
    /// The retransmission time-out.
    pub rto: Option<Duration>,
    /// Why it was sent, as events name it.
    pub why: Option<String>,
    /// Which one it is of those in a row.
    pub count: Option<u32>,
    /// How many packets the device makes of it.
    pub packets: Option<u32>,
    /// What holds the sender back, as events name it.
    pub limited_by: Option<String>,
}

/// Reads a comment; whatever it does not know it skips.
pub fn read(comment: &str) -> Words {
    let mut words = Words::default();
    for word in comment.split_ascii_whitespace() {
        let Some((key, value)) = word.split_once('=') else {
            words.state = words.state.or(super::state(word));
            continue;
        };
        let value = value.trim_end_matches([',', ';']);
        match key {
            "cwnd" => words.cwnd = bytes(value),
            "ssthresh" => {
                words.ssthresh = match value {
                    "inf" | "infinite" => Some(None),
                    _ => bytes(value).map(Some),
                };
            }
            "srtt" => words.srtt = time(value),
            "rto" => words.rto = time(value),
            "why" => words.why = Some(name(value)),
            "count" => words.count = bytes(value),
            "packets" => words.packets = bytes(value),
            "limited-by" | "limited_by" => words.limited_by = Some(limit(value)),
            _ => {}
        }
    }
    words
}

fn bytes(value: &str) -> Option<u32> {
    value.parse().ok()
}

/// `20.1ms`, also `150us` and `1.5s`.
fn time(value: &str) -> Option<Duration> {
    let unit = value.find(|c: char| c.is_ascii_alphabetic())?;
    let (number, unit) = value.split_at(unit);
    let scale = match unit {
        "s" => 1.0,
        "ms" => 1e-3,
        "us" => 1e-6,
        "ns" => 1e-9,
        _ => return None,
    };
    Duration::try_from_secs_f64(number.parse::<f64>().ok()? * scale).ok()
}

/// A name with hyphens as events have it.
fn name(value: &str) -> String {
    value.replace('-', "_")
}

/// The same for a limit, of which short names may be used.
fn limit(value: &str) -> String {
    match value {
        "cwnd" => "congestion_window".to_owned(),
        "rwnd" | "window" => "peer_window".to_owned(),
        "app" | "application" => "nothing".to_owned(),
        other => name(other),
    }
}

#[cfg(test)]
mod tests;
