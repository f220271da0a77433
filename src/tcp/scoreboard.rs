//! What was sent and has not been acknowledged: which of it has arrived, which is believed lost, and
//! when each part was last sent (RFC 2018 5, RFC 6675 3, RFC 8985 5).
//!
//! ```text
//!   snd.una                                                            snd.nxt
//!     | out | lost | sacked | out (again) | sacked | lost | out | out | out |     runs, by place
//!       #7    #7      #7        #12          #8       #9    #10   #10   #11       last sent with
//!
//!   #7 #8 #9 #10 #11 #12                                                          transmissions, by time
//! ```
//!
//! Places in the sequence space are counted from the beginning of the connection (the SYN has place
//! 0), so they never wrap. Every question costs the logarithm of the number of runs, and every run is
//! judged once for each time it was sent: what a peer reports in small pieces costs it no less than us.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

use crate::tcp::rate::Snapshot;
use crate::time::Instant;

/// Beyond so many runs, blocks that would cut one in two are not taken in: a peer must not make us
/// keep a record for every byte. A window of 32 MiB in usual segments has a third of it.
const MAX_RUNS: usize = 1 << 16;

/// In place of the number of a transmission that is forgotten.
const FORGOTTEN: u64 = u64::MAX;

/// What is known of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    /// In the network, as far as is known.
    Out,
    /// Believed lost, and not sent again since.
    Lost,
    /// The peer has it (RFC 2018).
    Sacked,
}

/// Neighbouring octets of which the same is known.
#[derive(Clone, Copy, Debug)]
struct Run {
    len: u32,
    /// The transmission that sent it last.
    sent_with: u64,
    status: Status,
    /// It was sent more than once.
    again: bool,
}

/// One time that something was sent, be it a segment or a burst.
#[derive(Clone, Copy, Debug)]
struct Transmission {
    start: u64,
    len: u32,
    /// Octets of it that are not known to have arrived and were not sent again.
    live: u32,
    at: Instant,
    snapshot: Snapshot,
}

impl Transmission {
    /// How many of its segments end after `start` and not after `end`.
    fn segments(&self, start: u64, end: u64) -> u32 {
        let size = match self.snapshot.segment_size {
            0 => self.len.max(1),
            size => size,
        };
        let (start, end) = ((start - self.start) as u32, (end - self.start) as u32);
        end / size - start / size + u32::from(end == self.len && !end.is_multiple_of(size))
    }
}

/// The newest transmission of which something has arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Newest {
    /// Its number, counted in order of time.
    pub number: u64,
    /// Place after the last octet of it that has arrived.
    pub end: u64,
    /// When it was sent.
    pub at: Instant,
    /// Whether that was not the first time.
    pub again: bool,
    /// What the connection had come to then.
    pub snapshot: Snapshot,
}

/// What one acknowledgment says has arrived.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delivery {
    /// Octets newly known to have arrived.
    pub bytes: u32,
    /// Segments of which the last octet has.
    pub segments: u32,
    /// Those of them that were reported by SACK.
    pub sacked: u32,
    /// Those of them that were believed lost, and were not sent again.
    pub not_lost: u32,
    /// The newest transmission among what has arrived, but for what was sent again just now.
    pub newest: Option<Newest>,
    /// When the first and the last of what was sent only once was sent.
    pub once: Option<(Instant, Instant)>,
    /// Place after the first octets of what was sent only once; 0 when nothing was.
    pub once_end: u64,
    /// Something of it was sent more than once, so that nothing says which copy arrived (Karn).
    pub again: bool,
    /// It shows that the path reorders: something sent only once has arrived after what lies beyond it.
    pub reordered: bool,
    /// Where the first of that begins.
    pub reordered_from: u64,
    /// Place up to which SACK had reported anything before.
    sacked_before: u64,
    /// What was sent again later than this cannot be what has arrived.
    credible: Instant,
}

impl Delivery {
    /// What was sent again after `sent` is not what it answers either.
    pub fn answers_no_later(&mut self, sent: Instant) {
        self.credible = self.credible.min(sent);
    }
}

/// Something that is found lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// Where it begins.
    pub start: u64,
    /// Its octets.
    pub len: u32,
    /// What the connection had come to when it was sent.
    pub snapshot: Snapshot,
}

/// The scoreboard.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Scoreboard {
    /// Everything from snd.una to snd.nxt, by its first place.
    #[serde(skip)]
    runs: BTreeMap<u64, Run>,
    /// Where the lost runs begin.
    #[serde(skip)]
    lost_at: BTreeSet<u64>,
    /// In order of time; the first one has the number `first`.
    #[serde(skip)]
    sent: VecDeque<Transmission>,
    first: u64,
    /// Transmissions before this one need not be judged again.
    judged: u64,
    sacked: u32,
    lost: u32,
    /// In flight, and not for the first time.
    again: u32,
    /// Place after the last octet that was reported by SACK.
    sacked_end: u64,
}

impl Scoreboard {
    /// Whether nothing is out, and no transmission remembered.
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty() && self.sent.is_empty()
    }

    /// Octets believed lost and not sent again, so not in flight.
    pub fn lost(&self) -> u32 {
        self.lost
    }

    /// Octets that the peer has although some before them are missing, so not in flight either.
    pub fn sacked(&self) -> u32 {
        self.sacked
    }

    /// Place after the last octet that was reported by SACK.
    pub fn sacked_end(&self) -> u64 {
        self.sacked_end
    }

    /// To be filled by what one acknowledgment says. What was sent again later than `credible` is not
    /// what it answers, for the path takes longer: that was an earlier copy (RFC 8985 6.2 step 2).
    pub fn delivery(&self, credible: Instant) -> Delivery {
        Delivery { sacked_before: self.sacked_end, credible, ..Delivery::default() }
    }

    /// Octets in flight that were sent more than once.
    pub fn again(&self) -> u32 {
        self.again
    }

    /// Whether what lies at snd.una was reported by SACK: an honest peer would have acknowledged it, so
    /// this one has thrown it away (RFC 2018 8).
    pub fn is_reneged(&self) -> bool {
        self.runs.first_key_value().is_some_and(|(_, run)| run.status == Status::Sacked)
    }

    /// The first lost octet and how many neighbours are lost as well.
    pub fn next_lost(&self) -> Option<(u64, u32)> {
        let mut starts = self.lost_at.iter();
        let start = *starts.next()?;
        let mut len = self.runs.get(&start)?.len;
        for &next in starts {
            let Some(run) = self.runs.get(&next).filter(|_| next == start + u64::from(len)) else {
                break;
            };
            // A burst has 16 bits of length; more is not asked for.
            if len > u32::from(u16::MAX) {
                break;
            }
            len += run.len;
        }
        Some((start, len))
    }

    /// The last segment, if it is in flight: of what was sent in segments of `size` octets, and after
    /// them a FIN (`fin` is 1) or none (0).
    pub fn last_out(&self, size: u32, fin: u32) -> Option<(u64, u32)> {
        let (&start, run) = self.runs.iter().next_back()?;
        let text = run.len.saturating_sub(fin);
        let rest = if text % size == 0 { size.min(text) } else { text % size };
        let len = rest + fin.min(run.len);
        (run.status == Status::Out).then(|| (start + u64::from(run.len - len), len))
    }

    /// How many of the last octets of `start..end` were last sent with one transmission, and have one fate; and whether a
    /// write ended with them.
    pub fn last_piece(&self, start: u64, end: u64) -> (u32, bool) {
        let Some((&at, run)) = self.runs.range(..end).next_back() else {
            return (0, false);
        };
        let ends = |sent: &Transmission| sent.start + u64::from(sent.len) == end;
        let pushed = self.sent_with(run).is_some_and(|sent| sent.snapshot.pushed && ends(sent));
        ((end - at.max(start)) as u32, pushed)
    }

    /// The transmission that sent a run last; `None` when it is forgotten.
    fn sent_with(&self, run: &Run) -> Option<&Transmission> {
        let index = run.sent_with.checked_sub(self.first)?;
        self.sent.get(usize::try_from(index).ok()?)
    }

    /// `len` octets at `start` are being sent, for the first time or again.
    pub fn on_sent(&mut self, start: u64, len: u32, at: Instant, snapshot: Snapshot) {
        let number = self.first + self.sent.len() as u64;
        self.sent.push_back(Transmission { start, len, live: len, at, snapshot });
        let end = start + u64::from(len);
        let again = self.end().is_some_and(|known| start < known);
        if again {
            self.split(start);
            self.split(end);
            while let Some((&at, _)) = self.runs.range(start..end).next() {
                self.take_out(at);
            }
        }
        self.again += if again { len } else { 0 };
        self.runs.insert(start, Run { len, sent_with: number, status: Status::Out, again });
        self.forget_old();
    }

    /// Everything before `una` was acknowledged.
    pub fn acknowledge(&mut self, una: u64, delivery: &mut Delivery) {
        self.split(una);
        while let Some((&start, _)) = self.runs.first_key_value().filter(|(start, _)| **start < una)
        {
            self.deliver(start, delivery);
        }
        self.sacked_end = self.sacked_end.max(una);
        self.forget_old();
    }

    /// The peer has `start..end` (RFC 2018 4); what lies outside of what was sent is ignored, and so is a
    /// part of a segment at either end: a peer that reports single octets must not make us send single
    /// octets. Whether it was taken in.
    pub fn sack(&mut self, start: u64, end: u64, delivery: &mut Delivery) -> bool {
        if self.runs.len() >= MAX_RUNS {
            return false;
        }
        let (Some((&una, _)), Some(nxt)) = (self.runs.first_key_value(), self.end()) else {
            return true;
        };
        let (start, end) = (self.aligned(start.max(una), true), self.aligned(end.min(nxt), false));
        if start >= end || self.covers(start, end) {
            return true;
        }
        self.split(start);
        self.split(end);
        let mut at = start;
        while let Some((&place, &run)) = self.runs.range(at..end).next() {
            at = place + u64::from(run.len);
            if run.status != Status::Sacked {
                self.deliver(place, delivery);
                delivery.sacked += run.len;
                self.sacked += run.len;
                self.runs.insert(place, Run { status: Status::Sacked, ..run });
            }
        }
        self.sacked_end = self.sacked_end.max(end);
        self.merge(start, end);
        self.forget_old();
        true
    }

    /// The end of the segment that lies across `place` if `up`, otherwise its beginning; `place` where none
    /// does.
    fn aligned(&self, place: u64, up: bool) -> u64 {
        let Some((&start, run)) = self.runs.range(..place).next_back() else {
            return place;
        };
        let end = start + u64::from(run.len);
        let sent = self.sent_with(run).filter(|sent| sent.snapshot.segment_size > 0 && place < end);
        let Some(sent) = sent else {
            return place;
        };
        if !up && place + 1 == sent.start + u64::from(sent.len) {
            return place; // what follows may be a FIN, which some peers do not report
        }
        let size = u64::from(sent.snapshot.segment_size);
        match (place - sent.start) % size {
            0 => place,
            beyond if up => (place + size - beyond).min(end),
            beyond => (place - beyond).max(start),
        }
    }

    /// Whether all of `start..end` is known to have arrived already.
    fn covers(&self, start: u64, end: u64) -> bool {
        self.runs.range(..=start).next_back().is_some_and(|(place, run)| {
            run.status == Status::Sacked && place + u64::from(run.len) >= end
        })
    }

    /// Makes one run of everything reported by SACK that touches `start..end`.
    fn merge(&mut self, start: u64, end: u64) {
        let before = self.runs.range(..start).next_back().filter(|(place, run)| {
            run.status == Status::Sacked && **place + u64::from(run.len) == start
        });
        let from = before.map_or(start, |(&place, _)| place);
        let after = self.runs.get(&end).filter(|run| run.status == Status::Sacked);
        let to = after.map_or(end, |run| end + u64::from(run.len));
        let Some(&first) = self.runs.get(&from) else {
            return;
        };
        while let Some((&place, _)) = self.runs.range(from + 1..to).next() {
            self.runs.remove(&place);
        }
        self.runs.insert(from, Run { len: (to - from) as u32, ..first });
    }

    /// Believes lost whatever is in flight of `start..end`, and gives each part to `found`.
    pub fn mark_lost(&mut self, start: u64, end: u64, found: impl FnMut(Found)) {
        self.split(start);
        self.split(end);
        self.mark(start, end, |_| true, found);
    }

    /// RACK (RFC 8985 6.2 step 5): believes lost what was sent before `newest` and so long ago that
    /// `is_over` says that its time is over. Gives when the first was sent of what has some time left.
    pub fn mark_overtaken(
        &mut self,
        newest: &Newest,
        is_over: impl Fn(Instant) -> bool,
        mut found: impl FnMut(Found),
    ) -> Option<Instant> {
        self.judged = self.judged.max(self.first);
        let mut number = self.judged;
        while number <= newest.number {
            let transmission = *self.sent.get((number - self.first) as usize)?;
            let all = transmission.start + u64::from(transmission.len);
            // Of a burst only what stands before that which has arrived was sent before it.
            let end = if number < newest.number { all } else { all.min(newest.end) };
            if transmission.live > 0 {
                if is_over(transmission.at) {
                    self.mark(transmission.start, end, |run| run.sent_with == number, &mut found);
                } else {
                    let mut left = self.runs.range(transmission.start..end);
                    let waits = |run: &Run| run.sent_with == number && run.status == Status::Out;
                    if left.any(|(_, run)| waits(run)) {
                        return Some(transmission.at);
                    }
                }
            }
            number += 1;
            if number <= newest.number {
                self.judged = number;
            }
        }
        None
    }

    /// Marks the runs within `start..end` that are in flight and for which `which` holds.
    fn mark(
        &mut self,
        start: u64,
        end: u64,
        which: impl Fn(&Run) -> bool,
        mut found: impl FnMut(Found),
    ) {
        for (&place, run) in self.runs.range_mut(start..end) {
            if run.status == Status::Out && which(run) {
                run.status = Status::Lost;
                self.lost += run.len;
                self.again -= if run.again { run.len } else { 0 };
                self.lost_at.insert(place);
                let snapshot = match self.sent.get((run.sent_with - self.first) as usize) {
                    Some(transmission) => transmission.snapshot,
                    None => Snapshot::default(),
                };
                found(Found { start: place, len: run.len, snapshot });
            }
        }
    }

    /// After a time-out, what was sent before `before` is believed lost, and the first segment, of `size`
    /// octets, in any case (RFC 8985 6.3).
    pub fn mark_timed_out(&mut self, size: u32, before: Instant, mut found: impl FnMut(Found)) {
        let (Some((&una, _)), Some(nxt)) = (self.runs.first_key_value(), self.end()) else {
            return;
        };
        let head = (una + u64::from(size)).min(nxt);
        self.mark_lost(una, head, &mut found);
        let old = self.sent.iter().take_while(|sent| sent.at <= before).count() as u64;
        let old = self.first + old;
        self.mark(head, nxt, |run| run.sent_with < old, found);
    }

    /// Forgets everything reported by SACK, for the peer may have thrown it away (RFC 2018 8): it is
    /// believed lost. `found` is told of each run: where it begins, and how long it is.
    pub fn renege(&mut self, mut found: impl FnMut(u64, u32)) {
        for (&place, run) in &mut self.runs {
            if run.status == Status::Sacked {
                run.status = Status::Lost;
                self.lost += run.len;
                self.lost_at.insert(place);
                // The transmissions that brought it are forgotten; it counts with the next one.
                run.again = true;
                run.sent_with = FORGOTTEN;
                found(place, run.len);
            }
        }
        self.sacked = 0;
    }

    /// Nothing was lost after all: what was believed to be is in flight, and is judged anew.
    pub fn mark_found(&mut self) {
        let Scoreboard { runs, lost_at, lost, again, .. } = self;
        lost_at.retain(|place| match runs.get_mut(place) {
            Some(run) if run.sent_with != FORGOTTEN => {
                run.status = Status::Out;
                *lost -= run.len;
                *again += if run.again { run.len } else { 0 };
                false
            }
            // The peer has thrown it away.
            _ => true,
        });
        self.judged = self.first;
    }

    /// Place after the last octet sent.
    fn end(&self) -> Option<u64> {
        self.runs.last_key_value().map(|(place, run)| place + u64::from(run.len))
    }

    /// Lets a run begin at `place`, if one lies across it.
    fn split(&mut self, place: u64) {
        let Some((&start, run)) = self.runs.range_mut(..place).next_back() else {
            return;
        };
        let len = (place - start) as u32;
        if len >= run.len {
            return;
        }
        let rest = Run { len: run.len - len, ..*run };
        run.len = len;
        self.runs.insert(place, rest);
        if rest.status == Status::Lost {
            self.lost_at.insert(place);
        }
    }

    /// The run that begins at `start` no longer counts for its transmission, nor for anything else.
    fn take_out(&mut self, start: u64) -> Option<Run> {
        let run = self.runs.remove(&start)?;
        match run.status {
            Status::Out => self.again -= if run.again { run.len } else { 0 },
            Status::Lost => {
                self.lost -= run.len;
                self.lost_at.remove(&start);
            }
            Status::Sacked => {
                self.sacked -= run.len;
                return Some(run);
            }
        }
        if let Some(sent) = run
            .sent_with
            .checked_sub(self.first)
            .and_then(|index| self.sent.get_mut(usize::try_from(index).ok()?))
        {
            sent.live -= run.len;
        }
        Some(run)
    }

    /// Takes the run that begins at `start` out, for it has arrived.
    fn deliver(&mut self, start: u64, delivery: &mut Delivery) {
        let Some(run) = self.take_out(start).filter(|run| run.status != Status::Sacked) else {
            return;
        };
        let end = start + u64::from(run.len);
        delivery.bytes += run.len;
        delivery.again |= run.again;
        if run.status == Status::Lost && !run.again {
            delivery.not_lost += run.len;
        }
        let Some(&sent) = self.sent_with(&run) else {
            return;
        };
        delivery.segments += sent.segments(start, end);
        if !run.again {
            let (first, last) = delivery.once.unwrap_or((sent.at, sent.at));
            delivery.once = Some((first.min(sent.at), last.max(sent.at)));
            let known = if delivery.once_end == 0 { end } else { delivery.once_end };
            delivery.once_end = known.min(end);
            if end <= delivery.sacked_before {
                let from = if delivery.reordered { delivery.reordered_from } else { start };
                (delivery.reordered, delivery.reordered_from) = (true, from.min(start));
            }
        }
        if run.again && sent.at > delivery.credible {
            return;
        }
        let newer = |newest: Newest| (newest.number, newest.end) < (run.sent_with, end);
        if delivery.newest.is_none_or(newer) {
            delivery.newest = Some(Newest {
                number: run.sent_with,
                end,
                at: sent.at,
                again: run.again,
                snapshot: sent.snapshot,
            });
        }
    }

    /// Drops the transmissions at the front of which nothing is left.
    fn forget_old(&mut self) {
        while self.sent.front().is_some_and(|sent| sent.live == 0) {
            self.sent.pop_front();
            self.first += 1;
        }
    }

    /// What must always hold, for everything from `una` to `nxt`.
    pub fn check_invariants(&self, una: u64, nxt: u64) {
        let mut at = una;
        let (mut sacked, mut lost, mut again) = (0, 0, 0);
        for (&place, run) in &self.runs {
            assert_eq!(place, at, "a gap in the scoreboard");
            assert!(run.len > 0, "an empty run");
            at += u64::from(run.len);
            match run.status {
                Status::Sacked => sacked += run.len,
                Status::Lost => lost += run.len,
                Status::Out => {
                    assert!(run.sent_with >= self.first, "sent with nothing");
                    again += if run.again { run.len } else { 0 };
                }
            }
            assert_eq!(run.status == Status::Lost, self.lost_at.contains(&place));
        }
        assert_eq!(at, nxt, "the scoreboard ends elsewhere than what was sent");
        let counted = (self.sacked, self.lost, self.again);
        assert_eq!((sacked, lost, again), counted, "miscounted");
        let live: u64 = self.sent.iter().map(|sent| u64::from(sent.live)).sum();
        assert!(live <= nxt - una, "more live than outstanding");
    }
}

#[cfg(test)]
mod tests;
