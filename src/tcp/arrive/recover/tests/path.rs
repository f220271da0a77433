//! A path to a peer that takes and answers every segment by the rules.

use std::collections::{BTreeMap, HashMap};

use super::*;

/// A segment on its way there.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    pub(super) seq: u32,
    pub(super) len: u32,
    pub(super) at: Instant,
    /// How often something was sent from `seq` on before.
    pub(super) nth: u32,
    fin: bool,
    tsval: u32,
}

impl Piece {
    /// Where it lies among full-sized segments.
    pub(super) fn number(&self) -> u32 {
        (self.seq - 1) / FULL
    }
}

#[derive(Debug)]
enum Arrival {
    There(Piece),
    Here(Segment),
}

/// What the peer has.
#[derive(Debug, Default)]
struct Peer {
    /// Beyond a gap: where it begins and ends.
    ranges: BTreeMap<u32, u32>,
    nxt: u32,
    /// TS.Recent.
    recent: Option<u32>,
}

impl Peer {
    /// Gives the blocks to report (RFC 2018 4, RFC 2883 4).
    fn take(&mut self, piece: &Piece) -> Vec<(u32, u32)> {
        let (mut start, mut end) = (piece.seq, piece.seq + piece.len + u32::from(piece.fin));
        // RFC 7323 4.3.
        let newer = |recent: u32| piece.tsval.wrapping_sub(recent) < 1 << 31;
        if start <= self.nxt && self.recent.is_none_or(newer) {
            self.recent = Some(piece.tsval);
        }
        let mut blocks = Vec::new();
        let known = self.ranges.iter().any(|(&from, &to)| from <= start && end <= to);
        if end <= self.nxt || known {
            blocks.push((start, end));
        }
        while let Some((&from, &to)) = self.ranges.range(..=end).next_back() {
            if to < start {
                break;
            }
            self.ranges.remove(&from);
            (start, end) = (start.min(from), end.max(to));
        }
        if start <= self.nxt {
            self.nxt = self.nxt.max(end);
        } else {
            blocks.push((start, end));
            self.ranges.insert(start, end);
        }
        let others = self.ranges.iter().rev().map(|(&from, &to)| (from, to));
        blocks.extend(others.filter(|range| range.0 != start));
        blocks.truncate(3);
        blocks
    }
}

/// How much longer a segment takes; `None`: it is lost.
type Fate = Box<dyn FnMut(&Piece) -> Option<Duration>>;

/// A connection over a path of 100 ms there and back.
pub(super) struct Path {
    pub(super) rig: Rig,
    peer: Peer,
    underway: BTreeMap<(Instant, u64), Arrival>,
    number: u64,
    nth: HashMap<u32, u32>,
    /// All that was sent.
    pub(super) sent: Vec<Sent>,
    /// What becomes of a segment.
    pub(super) fate: Fate,
    /// What becomes of an acknowledgment up to there.
    pub(super) fate_back: Box<dyn FnMut(u32) -> Option<Duration>>,
}

impl Path {
    /// The peer has all that is acknowledged and nothing else.
    pub(super) fn new(rig: Rig) -> Path {
        let peer = Peer { nxt: rig.tcb.snd.una - rig.tcb.snd.iss, ..Peer::default() };
        Path {
            rig,
            peer,
            underway: BTreeMap::new(),
            number: 0,
            nth: HashMap::new(),
            sent: Vec::new(),
            fate: Box::new(|_| Some(Duration::ZERO)),
            fate_back: Box::new(|_| Some(Duration::ZERO)),
        }
    }

    /// `lost` says which segments are lost, by their place among full-sized ones and by how often they
    /// were sent before.
    pub(super) fn losing(rig: Rig, lost: impl Fn(u32, u32) -> bool + 'static) -> Path {
        let mut path = Path::new(rig);
        path.fate =
            Box::new(move |piece| (!lost(piece.number(), piece.nth)).then_some(Duration::ZERO));
        path
    }

    fn put(&mut self, at: Instant, arrival: Arrival) {
        self.underway.insert((at, self.number), arrival);
        self.number += 1;
    }

    fn send(&mut self) {
        for sent in self.rig.transmit() {
            let size = if sent.segment_size == 0 { sent.len } else { sent.segment_size.into() };
            let fin = sent.flags.contains(Flags::FIN);
            let mut at = 0;
            while at < sent.len || (fin && at == 0 && sent.len == 0) {
                let len = size.min(sent.len - at);
                let seq = sent.seq + at;
                let nth = self.nth.entry(seq).and_modify(|nth| *nth += 1).or_insert(0);
                let tsval = sent.options.timestamps.map_or(0, |ts| ts.tsval);
                let fin = fin && at + len == sent.len;
                let piece = Piece { seq, len, at: sent.at, nth: *nth, fin, tsval };
                if let Some(later) = (self.fate)(&piece) {
                    self.put(sent.at + ms(50) + later, Arrival::There(piece));
                }
                at += len.max(1);
            }
            self.sent.push(sent);
        }
    }

    /// The peer answers.
    fn answer(&mut self, piece: &Piece) {
        let blocks = self.peer.take(piece);
        let mut ack = self.rig.ack_of(self.peer.nxt);
        if let (Some(ts), Some(recent)) = (&mut ack.options.timestamps, self.peer.recent) {
            ts.tsecr = recent;
        }
        if self.rig.setup.sack {
            ack.options.sack = blocks
                .iter()
                .map(|&(from, to)| SackBlock {
                    left: self.rig.ours(from),
                    right: self.rig.ours(to),
                })
                .collect();
        }
        if let Some(later) = (self.fate_back)(self.peer.nxt) {
            self.put(self.rig.now + ms(50) + later, Arrival::Here(ack));
        }
    }

    /// Lets time pass.
    pub(super) fn run(&mut self, time: Duration) {
        let end = self.rig.now + time;
        self.send();
        for _ in 0..100_000 {
            let deadline = self.rig.tcb.next_deadline().unwrap_or(Instant::FAR_FUTURE);
            let next = self.underway.keys().next().map_or(Instant::FAR_FUTURE, |&(at, _)| at);
            if deadline.min(next) > end {
                self.rig.now = end;
                return;
            }
            self.rig.now = self.rig.now.max(deadline.min(next));
            if next <= deadline {
                match self.underway.pop_first().unwrap().1 {
                    Arrival::There(piece) => self.answer(&piece),
                    // One that was overtaken may be refused (RFC 7323 5.3).
                    Arrival::Here(segment) => drop(self.rig.arrive(segment)),
                }
            } else {
                self.rig.with(|tcb, cx| tcb.expire(cx));
            }
            self.send();
        }
        panic!("it never comes to rest");
    }

    /// Whether all that was written has been acknowledged.
    pub(super) fn is_done(&self) -> bool {
        self.rig.tcb.snd.buffer.len() == 0
    }

    /// What was sent again and why, by its place among full-sized segments.
    pub(super) fn again(&self) -> Vec<(u32, Why)> {
        let new = |why| matches!(why, Why::NewData | Why::TailLossProbeNew | Why::Fin);
        let again = self.sent.iter().filter(|sent| sent.len > 0 && !new(sent.why));
        again.map(|sent| ((sent.seq - 1) / FULL, sent.why)).collect()
    }
}
