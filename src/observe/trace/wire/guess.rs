//! What packets seem to be: sent for the first time, again, overtaken on the way, or a probe; and what they tell of the
//! round trip.

use std::collections::BTreeMap;

use crate::time::{Duration, Instant};
use crate::wire::tcp::Flags;
use crate::wire::tcp_options::Timestamps;

use super::super::holes::{Brought, Holes};
use super::super::{Segment, Side};

/// Duplicate acknowledgments after which something is sent again (RFC 5681 3.2).
const DUPLICATES: u32 = 3;
/// Segments whose round trip is awaited.
const MOST_AWAITED: usize = 10_000;
/// A packet that others have overtaken is no later than that behind them, where nothing is known of the path.
const OVERTAKEN: Duration = Duration::from_millis(3);
/// No time-out is shorter in any system that is common.
const SHORTEST_TIMEOUT: Duration = Duration::from_millis(200);
/// A sender that numbers its packets is not farther than that ahead of, and behind, one of the same flight.
const NEAR_AHEAD: u16 = 64;
const NEAR_BEHIND: u16 = 1000;

/// What tells when a packet was sent.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Mark {
    pub at: Instant,
    /// Identification of its IP header; 0 without one.
    pub id: u16,
    pub timestamps: Option<Timestamps>,
}

impl Mark {
    /// Whether it was sent before `later` was, as far as its timestamps and its identification tell.
    fn is_before(&self, later: &Mark) -> Option<bool> {
        let times = self.timestamps.zip(later.timestamps);
        let ticks = times.map_or(0, |(own, other)| other.tsval.wrapping_sub(own.tsval) as i32);
        if ticks != 0 {
            return Some(ticks > 0);
        }
        if self.id == 0 || later.id == 0 {
            return None;
        }
        match (later.id.wrapping_sub(self.id), self.id.wrapping_sub(later.id)) {
            (1..=NEAR_AHEAD, _) => Some(true),
            (_, 1..=NEAR_BEHIND) => Some(false),
            _ => None,
        }
    }
}

/// What a segment seems to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Said {
    /// The name of the reason.
    pub why: &'static str,
    /// Bytes of text from its beginning on that seem to have been lost.
    pub lost: u32,
}

/// What is done about a loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Repair {
    Fast,
    Timeout,
}

/// What is known of both directions, for guesses about the local end.
#[derive(Default)]
pub(super) struct Guess {
    seen: [Holes<Mark>; 2],
    /// Where all that the local end has sent ends, what of it was acknowledged, and up to where something has arrived.
    end: u64,
    acked: u64,
    sacked: u64,
    /// Acknowledgments of the same, and the window that the last one offered.
    duplicates: u32,
    window: Option<u32>,
    /// By where they end: where segments begin that were sent once, and when they were.
    awaited: BTreeMap<u64, (u64, Instant)>,
    /// By where they end: where segments begin that were sent again, and when that was the last time.
    again: BTreeMap<u64, (u64, Mark)>,
    /// When the local end has last sent text or got an acknowledgment of more.
    stirred: Instant,
    rtt: Option<Duration>,
    /// Who has sent the first SYN, and when; `None` behind it: a second time.
    opening: Option<(Side, Option<Instant>)>,
    /// The round trip of the handshake, wherever it was captured.
    path: Option<Duration>,
    /// What is being repaired, up to where.
    repair: Option<(Repair, u64)>,
}

impl Guess {
    /// Something that the local end has sent; nothing is said of what is simply new.
    pub fn sent(&mut self, mark: Mark, segment: &Segment) -> Option<Said> {
        self.opened(Side::Local, mark.at, segment);
        let occupied = occupied(segment);
        let end = segment.seq.saturating_add(occupied);
        if let Some(why) = self.probe(segment, end) {
            return Some(Said { why, lost: 0 });
        }
        if occupied == 0 {
            return None;
        }
        let brought = self.put(Side::Local, mark, segment);
        let said = if segment.seq >= self.end {
            self.await_answer(segment.seq, end, mark.at);
            None
        } else if self.is_overtaken(&mark, segment, &brought) {
            self.await_answer(segment.seq, end, mark.at);
            Some(Said { why: "seems_reordered", lost: 0 })
        } else {
            Some(self.sent_again(mark, segment, end))
        };
        self.end = self.end.max(end);
        self.stirred = mark.at;
        said
    }

    /// The same for what was sent before, at least in part.
    fn sent_again(&mut self, mark: Mark, segment: &Segment, end: u64) -> Said {
        let why = self.reason(mark.at, segment, end);
        if end > self.end {
            self.await_answer(self.end, end, mark.at);
        }
        let old_end = end.min(self.end);
        // What was sent twice says nothing of the round trip (RFC 6298 3).
        taken(&mut self.awaited, segment.seq, old_end);
        taken(&mut self.again, segment.seq, old_end);
        if self.again.len() < MOST_AWAITED {
            self.again.insert(old_end, (segment.seq, mark));
        }
        let old = u32::try_from(old_end - segment.seq).unwrap_or(u32::MAX).min(segment.len);
        Said { why, lost: if why == "seems_tail_loss_probe" { 0 } else { old } }
    }

    /// Something that came from the remote end: the round trip that it shows, and the name of what it is, where it is not
    /// simply new.
    pub fn received(
        &mut self,
        mark: Mark,
        segment: &Segment,
    ) -> (Option<Duration>, Option<&'static str>) {
        self.opened(Side::Remote, mark.at, segment);
        let brought = self.put(Side::Remote, mark, segment);
        let late = segment.len > 0 && self.is_overtaken(&mark, segment, &brought);
        let why = late.then_some("seems_reordered");
        let Some(ack) = segment.ack else { return (None, why) };
        let rtt = self.round_trip(&mark, ack, segment);
        if ack > self.acked {
            self.acked = ack;
            self.duplicates = 0;
            self.stirred = mark.at;
            self.repair.take_if(|(_, until)| *until <= ack);
        } else if ack == self.acked && segment.len == 0 && is_plain(segment) && self.end > ack {
            // One that brings another window and nothing else is no duplicate (RFC 5681 2, RFC 6675 2).
            let same = self.window == Some(segment.window) || segment.sack.is_some();
            self.duplicates = self.duplicates.saturating_add(u32::from(same));
        }
        let [syn, reset] = [Flags::SYN, Flags::RST].map(|flag| segment.flags.contains(flag));
        if !syn && !reset && ack >= self.acked {
            self.window = Some(segment.window);
        }
        if let Some(rtt) = rtt {
            self.rtt = Some(self.rtt.map_or(rtt, |old| (old * 7 + rtt) / 8));
        }
        (rtt, why)
    }

    /// How long it is from one end to the other and back, by the handshake.
    fn opened(&mut self, side: Side, at: Instant, segment: &Segment) {
        let syn = segment.flags.contains(Flags::SYN);
        let acks = segment.flags.contains(Flags::ACK);
        match (&mut self.opening, syn && !acks) {
            (None, true) => self.opening = Some((side, Some(at))),
            (Some((_, when)), true) => *when = None,
            (Some((whose, when)), false) if *whose == side && acks => {
                self.path = self.path.or(when.take().map(|when| at.since(when)));
            }
            _ => {}
        }
    }

    fn put(&mut self, side: Side, mark: Mark, segment: &Segment) -> Brought<Mark> {
        let seen = &mut self.seen[side as usize];
        let from = segment.text_begin();
        if segment.flags.contains(Flags::SYN) {
            seen.begin(from);
        }
        match segment.len {
            0 => Brought { fresh: 0, below: 0, behind: None },
            len => seen.put(from, from.saturating_add(len.into()), mark),
        }
    }

    /// Whether it lies in a hole and was sent before what came behind that. Where nothing else tells, what comes within a round
    /// trip cannot be an answer to the hole.
    fn is_overtaken(&self, mark: &Mark, segment: &Segment, brought: &Brought<Mark>) -> bool {
        let Some(behind) = &brought.behind else { return false };
        let soon = mark.at.since(behind.at) < self.path.unwrap_or(OVERTAKEN);
        brought.fresh == u64::from(segment.len) && mark.is_before(behind).unwrap_or(soon)
    }

    /// The name of a probe: one byte, or none, where nothing new can be said.
    fn probe(&self, segment: &Segment, end: u64) -> Option<&'static str> {
        let closed = self.window == Some(0);
        if !is_plain(segment) || segment.len > 1 {
            return None;
        }
        let before_all = segment.seq.saturating_add(1) == self.end && self.acked >= self.end;
        match (closed, before_all) {
            (true, true) => Some("zero_window_probe"),
            // A byte that there is no room for (RFC 9293 3.8.6.1), perhaps for the second time.
            (true, false) if segment.len == 1 && segment.seq == self.acked && end >= self.end => {
                Some("zero_window_probe")
            }
            (false, true) => Some("keepalive"),
            _ => None,
        }
    }

    /// Why something may have been sent again.
    fn reason(&mut self, at: Instant, segment: &Segment, end: u64) -> &'static str {
        let silence = at.since(self.stirred);
        let rtt = self.rtt.unwrap_or(SHORTEST_TIMEOUT / 2);
        let long = silence >= (rtt * 2).max(SHORTEST_TIMEOUT * 3 / 4);
        // Nothing later can have arrived, and the timer would begin with the first.
        let is_tail = end == self.end && silence >= rtt * 3 / 2 && self.duplicates < DUPLICATES;
        let is_first = segment.seq <= self.acked;
        let repairs = self.repair.map(|(repair, _)| repair);
        if segment.flags.contains(Flags::SYN) {
            return "handshake_retransmission";
        }
        if is_tail && repairs.is_none() && (!is_first || silence < rtt + SHORTEST_TIMEOUT) {
            return "seems_tail_loss_probe";
        }
        if long {
            self.repair = Some((Repair::Timeout, self.end));
            return "seems_timeout";
        }
        let arrived_later = self.duplicates >= DUPLICATES || self.sacked >= end;
        match repairs {
            Some(Repair::Timeout) => "seems_again",
            None if !arrived_later => "seems_again",
            _ => {
                self.repair.get_or_insert((Repair::Fast, self.end));
                "seems_fast"
            }
        }
    }

    fn await_answer(&mut self, from: u64, end: u64, at: Instant) {
        if self.awaited.len() < MOST_AWAITED {
            self.awaited.insert(end, (from, at));
        }
    }

    /// The round trip of what an acknowledgment says for the first time: of what was sent once, or of what was sent again when
    /// the timestamp that it echoes is of that (RFC 6298 3, RFC 7323 4).
    fn round_trip(&mut self, mark: &Mark, ack: u64, segment: &Segment) -> Option<Duration> {
        let mut once: Option<Instant> = None;
        let mut twice: Option<Mark> = None;
        let blocks = segment.sack.iter().flatten().copied();
        let mut highest = self.sacked;
        for (from, to) in std::iter::once((self.acked, ack)).chain(blocks) {
            let to = to.min(self.end);
            for at in taken(&mut self.awaited, from, to) {
                once = Some(once.map_or(at, |first| first.min(at)));
            }
            for again in taken(&mut self.again, from, to) {
                twice = twice.filter(|last| last.at >= again.at).or(Some(again));
            }
            highest = highest.max(to);
        }
        self.sacked = highest;
        match twice {
            None => once.map(|sent| mark.at.since(sent)),
            Some(again) => {
                let echo = mark.timestamps.zip(again.timestamps);
                let answers = echo.is_some_and(|(own, sent)| own.tsecr == sent.tsval);
                answers.then(|| mark.at.since(again.at))
            }
        }
    }
}

/// Takes out what lies between these two, all of it or a part; of parts the rest stays.
fn taken<T: Copy>(pieces: &mut BTreeMap<u64, (u64, T)>, from: u64, to: u64) -> Vec<T> {
    if from >= to {
        return Vec::new();
    }
    let within = pieces.range(from.saturating_add(1)..);
    let within = within.take_while(|(_, (begin, _))| *begin < to);
    let ends: Vec<u64> = within.map(|(end, _)| *end).collect();
    let mut found = Vec::new();
    for end in ends {
        let Some((begin, what)) = pieces.remove(&end) else { continue };
        if end > to {
            pieces.insert(end, (to, what));
        }
        if begin < from {
            pieces.insert(from, (begin, what));
        }
        found.push(what);
    }
    found
}

/// Whether it neither opens nor closes.
fn is_plain(segment: &Segment) -> bool {
    ![Flags::SYN, Flags::FIN, Flags::RST].iter().any(|flag| segment.flags.contains(*flag))
}

/// Numbers that a segment takes.
fn occupied(segment: &Segment) -> u64 {
    let flags = [Flags::SYN, Flags::FIN].map(|flag| u64::from(segment.flags.contains(flag)));
    u64::from(segment.len) + flags[0] + flags[1]
}

#[cfg(test)]
mod tests;
