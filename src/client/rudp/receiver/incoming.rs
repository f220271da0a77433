//! One sender, and how another file of the same address is told from the one that is known.
//!
//! A sender sends again what was not acknowledged, so whatever comes under a number that has come before must be what
//! came before. If it is not, it is of another file: of one whose sender was begun anew, which goes on, or a late packet
//! of one that is over, which does not. Which of the two is not known yet, so nothing is answered and nothing new taken
//! until the timer of a sender should have run out twice: a sender that was begun anew has sent its start again by then,
//! and the one that is known what it had on the way. A start begins another file when the one that is known is whole,
//! or was silent for as long.
//!
//! Where both files begin with the same packet, as when a course's `start` carries nothing, the start that comes again
//! begins a pass: what follows is compared, and acknowledged only as far as it has come again, so that the sender of
//! another file is told of nothing that it has not sent.
//!
//! ```text
//!   start again, the same    ack|1, then each that is the same as before: ack|2, ack|3, ...
//!     -> the first that is another       another file, of which what was the same is known
//!     -> the end of what is known        it was the sender that is known, and goes on
//!     -> more than a window              another file: a sender that is so far has heard of its start
//!     -> not the next in turn            ignored once; then it is taken for that of the sender that is known
//! ```

use std::collections::BTreeMap;

use bytes::Bytes;

use super::{Config, Counts, KEPT, SILENCE};
use crate::client::rudp::codec::{Answer, Kind};
use crate::time::{Duration, Instant};

/// Packets at the beginning that are kept to be compared: a start is sent again only as long as none of them was
/// acknowledged, and then no more are on the way. They take up to 94 kB.
const HEAD: usize = KEPT as usize + 1;

/// One sender.
#[derive(Clone, Debug)]
pub(super) struct Incoming {
    /// The packet expected next.
    next: u32,
    kept: BTreeMap<u32, (Kind, Bytes)>,
    /// The first packets of those that were delivered.
    head: Vec<(Kind, Bytes)>,
    again: Option<Again>,
    /// Until when nothing new is taken, for something has come that is of another file.
    doubted: Option<Instant>,
    whole: bool,
    refused: bool,
    /// When something has come from it, other than a start.
    heard: Instant,
    /// When it is not listened to any more, and the latest moment for that.
    until: Instant,
    limit: Instant,
    counts: Counts,
}

/// A start that has come again.
#[derive(Clone, Copy, Debug)]
struct Again {
    /// Packets that have come again since, in their order.
    claimed: u32,
    /// Whether one has come since that was not the next.
    gap: bool,
}

/// What a packet of a sender that is known is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Compared {
    /// Of the file that is known.
    Fits,
    /// It may be of another: as far as it has come again.
    Repeat(u32),
    /// Of another file, which begins with these packets.
    Other(Vec<(Kind, Bytes)>),
    /// It may be of another, of which nothing is known: not taken, and not answered.
    Foreign,
    /// Nothing is taken or said.
    Silence,
}

impl Incoming {
    /// A sender that begins at `now`, and has to say something new every `patience`.
    pub(super) fn new(now: Instant, patience: Duration) -> Incoming {
        Incoming {
            next: 0,
            kept: BTreeMap::new(),
            head: Vec::new(),
            again: None,
            doubted: None,
            whole: false,
            refused: false,
            heard: now,
            until: now + patience,
            limit: now + patience,
            counts: Counts::default(),
        }
    }

    /// Whether a packet is of the file that is known.
    pub(super) fn compare(&mut self, now: Instant, seq: u32, kind: Kind, data: &Bytes) -> Compared {
        let before = self.head.get(seq as usize).or_else(|| self.kept.get(&seq));
        let is_another = before.is_some_and(|(what, text)| (*what, text) != (kind, data));
        // After the end there is nothing.
        let is_beyond = self.whole && seq >= self.next;
        if is_another || is_beyond {
            return self.contradicted(now, seq, kind);
        }
        if self.refused {
            return Compared::Silence;
        }
        if kind == Kind::Start && self.next > 1 {
            self.again = Some(Again { claimed: 1, gap: false });
            self.had();
            return Compared::Repeat(1);
        }
        let in_doubt = self.doubted.is_some_and(|until| now < until);
        if in_doubt && self.again.is_none_or(|again| seq > again.claimed) {
            return Compared::Foreign;
        }
        let Some(again) = &mut self.again else {
            return self.fits(now, kind);
        };
        // What has been claimed stays: one that is another may still come.
        if seq > again.claimed && std::mem::replace(&mut again.gap, true) {
            return self.fits(now, kind);
        }
        let claimed = again.claimed + u32::from(seq == again.claimed);
        if claimed >= self.next {
            self.again = None;
            return self.fits(now, kind);
        }
        if claimed as usize >= HEAD {
            return self.contradicted(now, seq, kind);
        }
        again.claimed = claimed;
        self.had();
        Compared::Repeat(claimed)
    }

    /// It is of the sender that is known. A start alone holds no place, however often it comes.
    fn fits(&mut self, now: Instant, kind: Kind) -> Compared {
        if kind != Kind::Start {
            self.heard = now;
        }
        Compared::Fits
    }

    /// A packet that is of another file begins that, or brings the one that is known into doubt.
    fn contradicted(&mut self, now: Instant, seq: u32, kind: Kind) -> Compared {
        // A start that is another has nothing in common.
        let common = self.again.map_or(0, |again| again.claimed).min(seq) as usize;
        let begins = kind == Kind::Start || common > 0;
        let gives_way = self.whole || self.refused || now.since(self.heard) >= SILENCE;
        if begins && gives_way {
            return Compared::Other(self.head[..common].to_vec());
        }
        // Which of the two was late nobody can tell: it has to come again.
        self.kept.remove(&seq);
        self.doubted = Some(now + SILENCE);
        Compared::Foreign
    }

    /// One more that has come before.
    fn had(&mut self) {
        self.counts.packets += 1;
        self.counts.duplicates += 1;
    }

    /// Takes a packet: what is to be delivered.
    pub(super) fn take(
        &mut self,
        config: &Config,
        now: Instant,
        (seq, kind, data): (u32, Kind, Bytes),
    ) -> Vec<Bytes> {
        let mut pieces = Vec::new();
        if seq < self.next || self.whole || self.kept.contains_key(&seq) {
            self.had();
            // Only an end that comes again holds it up: what else comes late was overtaken.
            if self.whole && kind == Kind::End {
                self.until = self.limit.min(now + config.linger);
            }
            return pieces;
        }
        self.counts.packets += 1;
        if seq - self.next > KEPT {
            self.counts.beyond += 1;
            return pieces;
        }
        self.until = now + config.patience;
        self.counts.early += u64::from(seq > self.next);
        // A late end of another file would cut this one off: an end is taken in its turn alone.
        if kind == Kind::End && seq > self.next {
            return pieces;
        }
        self.kept.insert(seq, (kind, data));
        while let Some((kind, data)) = self.kept.remove(&self.next).filter(|_| !self.whole) {
            self.whole = kind == Kind::End;
            self.next = self.next.wrapping_add(1);
            self.counts.bytes += data.len() as u64;
            if self.head.len() < HEAD {
                self.head.push((kind, data.clone()));
            }
            if !data.is_empty() {
                pieces.push(data);
            }
        }
        if self.whole {
            self.kept.clear();
            self.until = now + config.linger;
            self.limit = now + config.linger.max(config.patience);
        }
        pieces
    }

    /// What has arrived.
    pub(super) fn answer(&self, selective: bool) -> Bytes {
        let beyond = selective.then(|| self.kept.keys().copied().collect());
        Answer { next: self.next, beyond }.packet()
    }

    /// From now on it is neither heard nor answered.
    pub(super) fn refuse(&mut self) {
        self.refused = true;
        self.kept.clear();
    }

    pub(super) fn is_refused(&self) -> bool {
        self.refused
    }

    pub(super) fn is_whole(&self) -> bool {
        self.whole
    }

    pub(super) fn heard(&self) -> Instant {
        self.heard
    }

    pub(super) fn until(&self) -> Instant {
        self.until
    }

    pub(super) fn counts(&self) -> Counts {
        self.counts
    }
}
