//! Which requests are waited for, and what an answer is the answer to.
//!
//! ```text
//!   send -> outstanding -- answered in time -> received
//!                       -- failed: errors --> given up -- answered -> late
//!                       -- expired ---------> given up -- answered -> late
//! ```

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::stats::Stats;

/// Requests that were given up and of which a late answer is still known as one.
const GIVEN_UP: usize = 4096;
/// Requests that are waited for at the same time.
pub const OUTSTANDING: usize = 1 << 15;

/// A request to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// Its number, from 1.
    pub seq: u64,
    /// When it is sent, in microseconds since the beginning.
    pub micros: u64,
}

/// What an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The right one, in time.
    InTime(Duration),
    /// The right one, after it had been given up.
    Late(Duration),
    /// To a request that had been answered.
    Duplicate,
    /// Not what was sent.
    Corrupt,
    /// To nothing that was ever sent.
    Stray,
}

/// All requests.
pub struct Board {
    /// How long an answer may take.
    patience: Duration,
    start: Instant,
    outstanding: BTreeMap<u64, Instant>,
    given_up: BTreeMap<u64, Instant>,
    /// How they fare.
    pub stats: Stats,
}

impl Board {
    /// Without requests.
    pub fn new(patience: Duration, start: Instant) -> Board {
        let (outstanding, given_up) = (BTreeMap::new(), BTreeMap::new());
        Board { patience, start, outstanding, given_up, stats: Stats::default() }
    }

    /// The next request.
    pub fn send(&mut self, now: Instant) -> Request {
        self.stats.transmitted += 1;
        let seq = self.stats.transmitted;
        self.outstanding.insert(seq, now);
        Request { seq, micros: self.micros(now) }
    }

    fn micros(&self, at: Instant) -> u64 {
        at.duration_since(self.start).as_micros() as u64
    }

    /// An answer has come, which says when the request was sent, and is `whole` or not.
    pub fn answered(&mut self, request: Request, whole: bool, at: Instant) -> Verdict {
        let waited = self.outstanding.get(&request.seq);
        let Some(&sent) = waited.or_else(|| self.given_up.get(&request.seq)) else {
            return self.unexpected(request.seq);
        };
        if !whole || request.micros != self.micros(sent) {
            self.outstanding.remove(&request.seq);
            self.stats.corrupted += 1;
            return Verdict::Corrupt;
        }
        let rtt = at.duration_since(sent);
        if self.outstanding.remove(&request.seq).is_some() {
            self.stats.received(rtt);
            return Verdict::InTime(rtt);
        }
        self.given_up.remove(&request.seq);
        self.stats.late += 1;
        Verdict::Late(rtt)
    }

    fn unexpected(&mut self, seq: u64) -> Verdict {
        if seq == 0 || seq > self.stats.transmitted {
            return Verdict::Stray;
        }
        self.stats.duplicates += 1;
        Verdict::Duplicate
    }

    /// Something came that answers nothing.
    pub fn garbage(&mut self) {
        self.stats.corrupted += 1;
    }

    /// An error was reported about a request, which is waited for no longer; whether it is news.
    pub fn failed(&mut self, seq: u64) -> bool {
        let news = self.give_up(seq);
        self.stats.errors += u64::from(news);
        news
    }

    /// Those that are waited for up to `seq`.
    pub fn waiting_up_to(&self, seq: u64) -> Vec<u64> {
        self.outstanding.range(..=seq).map(|(&seq, _)| seq).collect()
    }

    /// Gives up those that have waited for too long, and says which.
    pub fn expire(&mut self, now: Instant) -> Vec<u64> {
        let over = |(_, sent): &(&u64, &Instant)| now.duration_since(**sent) >= self.patience;
        let over: Vec<u64> = self.outstanding.iter().filter(over).map(|(&seq, _)| seq).collect();
        over.into_iter().filter(|&seq| self.give_up(seq)).collect()
    }

    /// Waits for it no longer; an answer would be late. Whether that is news.
    pub fn give_up(&mut self, seq: u64) -> bool {
        let Some(sent) = self.outstanding.remove(&seq) else {
            return false;
        };
        self.given_up.insert(seq, sent);
        if self.given_up.len() > GIVEN_UP {
            self.given_up.pop_first();
        }
        true
    }

    /// When the first one will have waited for too long.
    pub fn deadline(&self) -> Option<Instant> {
        let (_, sent) = self.outstanding.first_key_value()?;
        Some(*sent + self.patience)
    }

    /// Whether no more may be waited for: half of those that the 16 bits of an echo request tell apart.
    pub fn is_full(&self) -> bool {
        self.outstanding.len() >= OUTSTANDING
    }

    /// Whether none is waited for.
    pub fn is_settled(&self) -> bool {
        self.outstanding.is_empty()
    }
}

#[cfg(test)]
mod tests;
