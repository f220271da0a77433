//! A loss, from when it is found until all that was under way then is acknowledged.

use crate::time::Instant;

use super::super::{Name, Segment};
use super::{number, span, words};

/// Ways of finding losses that one episode lists.
const MOST_WAYS: usize = 4;

/// What is known of a loss so far.
#[derive(Clone, Debug)]
pub struct Episode {
    /// When the first was found.
    pub began: Instant,
    /// Where what was sent then ends.
    pub end: u64,
    /// Where the first loss begins.
    from: Option<u64>,
    pieces: u64,
    bytes: u64,
    ways: Vec<Name>,
    again: u64,
    again_bytes: u64,
    /// The window before, the threshold after, and why it was lowered.
    before: Option<u32>,
    threshold: Option<u32>,
    reduced: Vec<Name>,
    /// Whether the window goes down with what is delivered.
    gradual: bool,
}

impl Episode {
    /// Begins one, when as much was sent as up to `end`, and the window was `before`.
    pub fn new(began: Instant, end: u64, before: Option<u32>) -> Episode {
        Episode {
            began,
            end,
            from: None,
            pieces: 0,
            bytes: 0,
            ways: Vec::new(),
            again: 0,
            again_bytes: 0,
            before,
            threshold: None,
            reduced: Vec::new(),
            gradual: false,
        }
    }

    /// Something is found lost.
    pub fn lost(&mut self, from: u64, len: u32, by: &Name) {
        self.from = Some(self.from.map_or(from, |first| first.min(from)));
        self.pieces += 1;
        self.bytes = self.bytes.saturating_add(len.into());
        if !self.ways.contains(by) && self.ways.len() < MOST_WAYS {
            self.ways.push(by.clone());
        }
    }

    /// The window is lowered.
    pub fn reduced(&mut self, why: &Name) {
        if !self.reduced.contains(why) && self.reduced.len() < MOST_WAYS {
            self.reduced.push(why.clone());
        }
    }

    /// The window is another one.
    pub fn window(&mut self, cwnd: u32, ssthresh: Option<u32>, phase: Option<&str>) {
        if self.threshold.is_none() && !self.reduced.is_empty() {
            self.threshold = ssthresh;
        }
        let recovers = phase == Some("fast_recovery");
        self.gradual |= recovers && self.threshold.is_some_and(|threshold| cwnd > threshold);
    }

    /// Something is sent again.
    pub fn sent_again(&mut self, segment: &Segment) {
        self.again += u64::from(segment.packets);
        self.again_bytes = self.again_bytes.saturating_add(segment.len.into());
    }

    /// Whether the retransmission timer has found it.
    pub fn is_timeout(&self) -> bool {
        self.ways.iter().any(|way| way.contains("timeout"))
    }

    /// What there is to tell when it ends, with the window then; `None` when it did not end.
    pub fn words(&self, ended: Option<(Instant, Option<u32>)>) -> String {
        let mut parts = Vec::new();
        let ways: Vec<String> = self.ways.iter().map(|way| words::found_by(way)).collect();
        parts.push(match self.from {
            Some(from) => format!(
                "loss of {} bytes{} from {} on, found {}",
                number(self.bytes),
                if self.pieces > 1 { format!(" in {} pieces", self.pieces) } else { String::new() },
                number(from),
                ways.join(", and ")
            ),
            None => "something is lost".to_owned(),
        });
        let reasons: Vec<String> = self.reduced.iter().map(|why| words::reduced_for(why)).collect();
        if let Some(threshold) = self.threshold {
            parts.push(format!(
                "the threshold becomes {} bytes{}",
                number(threshold.into()),
                self.rule(threshold)
            ));
        } else if !reasons.is_empty() {
            parts.push(format!("the window is lowered {}", reasons.join(", and ")));
        }
        if self.gradual {
            parts.push("the window goes down with what is delivered (PRR, RFC 9937)".to_owned());
        }
        if self.again > 0 {
            let plural = if self.again == 1 { "segment" } else { "segments" };
            let bytes = number(self.again_bytes);
            parts.push(format!("{} {plural} ({bytes} bytes) sent again", number(self.again)));
        }
        parts.push(match ended {
            Some((at, cwnd)) => {
                let window = cwnd.map_or_else(String::new, |cwnd| {
                    format!(", with a window of {} bytes", number(cwnd.into()))
                });
                format!("all acknowledged {} later{window}", span(at.since(self.began)))
            }
            None => "that is not the end of it here".to_owned(),
        });
        parts.join("; ")
    }

    /// By which rule the threshold was chosen, as far as the numbers tell.
    fn rule(&self, threshold: u32) -> String {
        let Some(before) = self.before.filter(|before| *before > 0) else { return String::new() };
        let share = f64::from(threshold) / f64::from(before);
        let rule = match share {
            0.66..=0.74 => ": as CUBIC does (RFC 9438 4.6)",
            0.42..=0.58 => ": half, as NewReno does (RFC 5681 3.1, RFC 6582)",
            _ => "",
        };
        format!(", {share:.2} of the window of {}{rule}", number(before.into()))
    }
}
