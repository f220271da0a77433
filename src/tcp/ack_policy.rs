//! When to acknowledge (RFC 9293 3.8.6.3, RFC 5681 4.2).
//!
//! At once for more than one full-sized segment, for anything out of order and for a FIN. Otherwise
//! it depends on what kind of conversation it seems to be, as Linux judges it:
//!
//! ```text
//!   quick         the next 2 to 16 at once: the peer is in slow start and needs them.
//!                 At the beginning, after a silence longer than the RTO, after a duplicate.
//!   interactive   with the answer: the application has sent text soon after text had arrived.
//!                 Until an answer fails to come within the delay.
//!   neither       when the delay is over, or when the application has read a small segment.
//! ```
//!
//! The delay (`ato`) adapts to the time between segments, so that an acknowledgment waits for a second
//! segment if one may be expected. One acknowledgment a batch is sent, for it is built after all segments
//! of a batch were processed; only what is due for a gap goes before the next segment is looked at.

use serde::{Deserialize, Serialize};

use crate::event::Why;
use crate::tcp::Config;
use crate::tcp::loss::dupack::THRESHOLD;
use crate::tcp::mss::Mss;
use crate::time::{Duration, Instant};

/// Acknowledgments that are quick in a row at most: as long as a slow start is worth it (as Linux).
pub const MOST_QUICK: u8 = 16;
/// Text of the smallest segment that is taken for a full-sized one: that of the smallest MSS, less
/// timestamps.
const LEAST_FULL: u32 = Mss::MIN.bytes() as u32 - 12;

/// What is owed to the peer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Due {
    /// Nothing.
    #[default]
    Nothing,
    /// An acknowledgment that may wait for company; the delayed-ACK timer runs.
    Delayed,
    /// An acknowledgment now.
    Now(Why),
}

/// In-order text that arrived.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    /// When.
    pub now: Instant,
    /// Its bytes.
    pub len: u32,
    /// What a full-sized segment would hold if this is one: its bytes and its options, less timestamps.
    pub size: u32,
    /// What the peer may put into one segment at most.
    pub most: u32,
    /// Text of our own full-sized segments: the first guess at what the peer's hold.
    pub guess: u32,
    /// It has PSH, FIN or URG: it may be the end of a write, and not full-sized.
    pub pushed: bool,
    /// The window offered.
    pub window: u32,
    /// The retransmission time-out: a longer silence makes the peer begin anew (RFC 5681 4.1).
    pub rto: Duration,
}

/// Small segments since the last acknowledgment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum Pushed {
    #[default]
    None,
    Once,
    Twice,
}

/// What has arrived since the last acknowledgment, and what kind of conversation it is.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct AckPolicy {
    #[serde(skip)]
    due: Due,
    unacknowledged: u32,
    /// What the peer uses as a full size, as far as it can be seen; 0 before the first text.
    full_size: u32,
    /// Size of the last segment that looked full-sized and was smaller.
    last_size: u32,
    /// Acknowledgments that will be quick.
    quick: u8,
    /// The application answers.
    interactive: bool,
    pushed: Pushed,
    /// What is due is for text out of order, or that has filled a gap.
    of_gap: bool,
    /// So many acknowledgments of such text were sent since text last came in order.
    of_gap_sent: u8,
    /// How long an acknowledgment waits, before bounds; zero before the first text.
    ato: Duration,
    /// When text last arrived.
    last_text: Instant,
}

impl AckPolicy {
    /// Whether nothing is to be acknowledged.
    pub fn is_quiet(&self) -> bool {
        self.due == Due::Nothing
    }

    /// What is owed.
    pub fn due(&self) -> Due {
        self.due
    }

    /// Acknowledgments that will be quick.
    pub fn quick_left(&self) -> u8 {
        self.quick
    }

    /// What the peer seems to put into a full-sized segment, in bytes.
    pub fn full_size(&self) -> u32 {
        self.full_size
    }

    /// Text arrived that is out of order, or fills a gap (RFC 5681 4.2).
    pub fn gap_seen(&mut self) {
        self.now(Why::AckNow);
        self.of_gap = true;
    }

    /// Whether what is due has to go before anything else of a batch is looked at: from the number of them a sender
    /// without SACK sees the loss, and what has left the path. With `sack` the next one tells as much, and those that
    /// mean a loss are enough, as in Linux.
    pub fn goes_apart(&self, sack: bool) -> bool {
        self.of_gap && (!sack || u32::from(self.of_gap_sent) < THRESHOLD)
    }

    /// In-order text arrived.
    pub fn text_arrived(&mut self, config: &Config, text: &Arrival) {
        self.of_gap_sent = 0;
        let first = self.full_size == 0;
        if first {
            let guess = text.guess.min(Mss::DEFAULT.bytes().into()).min(text.window / 2);
            self.full_size = guess.max(LEAST_FULL.min(text.guess));
        }
        self.measure(text);
        self.adapt(config, text, first);
        self.last_text = text.now;
        self.unacknowledged = self.unacknowledged.saturating_add(text.len);
        if self.unacknowledged > self.full_size {
            // RFC 9293 3.8.6.3 [SHLD-18], RFC 5681 4.2.
            self.now(Why::AckNow);
        } else if config.quick_ack && self.quick > 0 && !self.interactive {
            self.now(Why::AckQuick);
        } else if self.due == Due::Nothing {
            self.due = Due::Delayed;
        }
    }

    /// The peer's full size grows with its segments. It shrinks when two in a row are smaller and alike,
    /// and do not seem to be the ends of writes.
    fn measure(&mut self, text: &Arrival) {
        let last_size = std::mem::take(&mut self.last_size);
        if text.len >= self.full_size {
            self.full_size = text.len.min(text.most).max(1);
            if text.pushed {
                self.pushed = self.pushed.max(Pushed::Once);
            }
            return;
        }
        let full = text.size >= Mss::DEFAULT.bytes().into() || !text.pushed;
        if full && text.size >= LEAST_FULL.min(text.most) {
            self.last_size = text.size;
            if text.size == last_size {
                self.full_size = text.size.min(text.most);
                return;
            }
        }
        let again = self.pushed > Pushed::None;
        self.pushed = if again { Pushed::Twice } else { Pushed::Once };
    }

    /// The delay follows the time between segments; it becomes shorter only slowly.
    fn adapt(&mut self, config: &Config, text: &Arrival, first: bool) {
        let least = config.ack_delay;
        let gap = text.now.since(self.last_text);
        if first {
            self.ato = least;
            self.be_quick(text.window);
        } else if gap <= least / 2 {
            self.ato = self.ato / 2 + least / 2;
        } else if gap < self.ato {
            self.ato = (self.ato / 2 + gap).min(text.rto);
        } else if gap > text.rto {
            self.be_quick(text.window);
        }
    }

    /// As many quick ones as fill half the window, at least two.
    fn be_quick(&mut self, window: u32) {
        let fill = (window / (2 * self.full_size.max(1))).clamp(2, MOST_QUICK.into());
        self.quick = self.quick.max(fill as u8);
    }

    /// The peer sends what it has sent before, or seems to be in trouble otherwise: it needs
    /// acknowledgments soon, and answers of the application say nothing about that.
    pub fn enter_quick(&mut self, config: &Config, window: u32) {
        self.be_quick(window);
        self.interactive = false;
        self.ato = config.ack_delay;
    }

    /// When text last arrived, or the connection was opened.
    pub fn last_text(&self) -> Instant {
        self.last_text
    }

    /// The connection is open.
    pub fn opened(&mut self, now: Instant) {
        self.last_text = now;
    }

    /// Whether acknowledgments go with answers.
    pub fn is_interactive(&self) -> bool {
        self.interactive
    }

    /// Has them go with answers, or not; then what waits goes now.
    pub fn set_interactive(&mut self, interactive: bool) {
        self.interactive = interactive;
        if !interactive && self.due == Due::Delayed {
            self.now(Why::AckQuick);
        }
    }

    /// An acknowledgment must go out now; the first reason stands.
    pub fn now(&mut self, why: Why) {
        if !matches!(self.due, Due::Now(_)) {
            self.due = Due::Now(why);
        }
    }

    /// How long an acknowledgment may wait for company, over a path with this round-trip time.
    pub fn delay(&self, config: &Config, srtt: Option<Duration>) -> Duration {
        let most = config.ack_delay_max.max(config.ack_delay);
        // Longer than a round trip it would keep a sender waiting that has nothing else to wait for.
        let bound = srtt.map_or(most, |srtt| most.min(srtt.max(config.ack_delay)));
        self.ato.min(bound)
    }

    /// The delay is over, or nearly; nothing has come that could carry the acknowledgment.
    pub fn delay_over(&mut self, config: &Config, rto: Duration) {
        if self.due != Due::Delayed {
            return;
        }
        self.now(Why::AckDelayed);
        if self.interactive {
            self.interactive = false;
            self.ato = config.ack_delay;
        } else {
            // Wait longer the next time, so that two segments share one.
            self.ato = self.ato.saturating_mul(2).min(rto);
        }
    }

    /// The delay will be over so soon that the timer is not worth it.
    pub fn delay_nearly_over(&mut self) {
        if self.due == Due::Delayed {
            self.now(Why::AckDelayed);
        }
    }

    /// The application has read all there is. When that ended with a small segment, and it does not
    /// answer as a rule, there is nothing to wait for.
    pub fn drained(&mut self, config: &Config) {
        let enough = if self.interactive { Pushed::Twice } else { Pushed::Once };
        if config.quick_ack && self.due == Due::Delayed && self.pushed >= enough {
            self.now(Why::AckQuick);
        }
    }

    /// Text of ours was sent. Soon after text had arrived, it looks like an answer; and what was written before the
    /// connection was open, and goes in the moment in which it is, like a request (as Linux).
    pub fn text_sent(&mut self, now: Instant) {
        let request = self.full_size == 0 && now == self.last_text;
        if request || now.since(self.last_text) < self.ato {
            self.interactive = true;
        }
    }

    /// A segment with an acknowledgment was sent.
    pub fn sent(&mut self, config: &Config) {
        if self.due != Due::Nothing && self.quick > 0 {
            self.quick -= 1;
            if self.quick == 0 {
                self.ato = config.ack_delay;
            }
        }
        if std::mem::take(&mut self.of_gap) {
            self.of_gap_sent = self.of_gap_sent.saturating_add(1);
        }
        self.due = Due::Nothing;
        self.unacknowledged = 0;
        self.pushed = Pushed::None;
    }
}

#[cfg(test)]
mod tests;
