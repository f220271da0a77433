//! Sender and receiver in virtual time, over a link that is as bad as one likes: a function of what is asked for
//! and of the seed.
//!
//! ```text
//!   Sender -- Impairment (out) --> Receiver
//!          <-- Impairment (in) ---
//! ```

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use bytes::Bytes;
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

use super::codec::MAX_DATA;
use super::receiver::{self, Receiver};
use super::sender::{self, Ended, Sender};
use crate::device::impair::{Direction, Impairment, Spec, TooManyRules};
use crate::time::{Duration, Instant};

/// Events after which something is wrong, for each packet of the file.
const EVENTS_PER_PACKET: u64 = 100_000;

/// A transfer to be tried.
#[derive(Clone, Debug)]
pub struct Trial {
    /// Bytes of the file.
    pub size: usize,
    /// From which all chance comes, and what is in the file.
    pub seed: u64,
    /// What the link does.
    pub link: Spec,
    /// How the sender sends, and whether the receiver answers selectively.
    pub config: sender::Config,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// How it ended for the sender; `None`: it did not end.
    pub ended: Option<Ended>,
    /// Whether the receiver has the whole file.
    pub whole: bool,
    /// Whether what it has is what was sent, and no more.
    pub right: bool,
    /// When it ended, in virtual time.
    pub time: Duration,
    /// What the sender counted.
    pub sender: sender::Counts,
    /// What the receiver counted.
    pub receiver: receiver::Counts,
    /// Packets that the receiver could not read.
    pub corrupt: u64,
}

/// A kind of link, and what it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Case {
    /// What it is called.
    pub name: &'static str,
    /// The way it is bad: both, if it is not said.
    pub way: Option<Direction>,
    rule: &'static str,
}

impl Case {
    /// The rules of its link.
    pub fn rules(&self) -> String {
        let way = self.way.map_or_else(String::new, |way| format!("{way}:"));
        let rules = self.rule.split(' ').map(|rule| format!(" {way}{rule}"));
        format!("delay=10ms{}", rules.collect::<String>())
    }
}

/// Every kind of link, each bad one in both directions and in either.
pub fn cases() -> Vec<Case> {
    let bad = [
        ("50 % loss", "loss=50%"),
        ("corrupt", "corrupt=20%"),
        ("reorder", "reorder=20%:by=30ms"),
        ("duplicate", "duplicate=20%"),
        ("all of it", "loss=20% corrupt=10% reorder=10%:by=30ms duplicate=10%"),
    ];
    let mut cases = vec![Case { name: "no loss", way: None, rule: "loss=0%" }];
    for (name, rule) in bad {
        for way in [None, Some(Direction::Out), Some(Direction::In)] {
            cases.push(Case { name, way, rule });
        }
    }
    cases
}

impl Outcome {
    /// Whether all is well: the file is there, and the sender knows.
    ///
    /// # Errors
    /// What is not.
    pub fn verdict(&self) -> Result<(), &'static str> {
        match self {
            Outcome { ended: None, .. } => Err("it does not end"),
            Outcome { ended: Some(Ended::Silent | Ended::Stuck { .. }), .. } => {
                Err("the sender has given up")
            }
            Outcome { whole: false, .. } => Err("the sender has ended, and the file is not whole"),
            Outcome { right: false, .. } => Err("the file is another"),
            _ => Ok(()),
        }
    }
}

impl Trial {
    /// The file.
    pub fn file(&self) -> Vec<u8> {
        let mut file = vec![0; self.size];
        ChaCha8Rng::seed_from_u64(self.seed).fill_bytes(&mut file);
        file
    }

    /// Tries it.
    ///
    /// # Errors
    /// When the link would have too many rules.
    pub fn run(&self) -> Result<Outcome, TooManyRules> {
        let file = self.file();
        let mut world = World::new(self)?;
        let pieces = file.len().div_ceil(MAX_DATA).max(1);
        let mut pieces = (1..=pieces).map(|number| {
            let begin = (number - 1) * MAX_DATA;
            (&file[begin..file.len().min(begin + MAX_DATA)], number == pieces)
        });
        let most = (self.size / MAX_DATA + 2) as u64 * EVENTS_PER_PACKET;
        for _ in 0..most {
            while world.sender.has_room()
                && let Some((piece, last)) = pieces.next()
            {
                world.sender.push(piece, last);
            }
            if world.sender.ended().is_some() || !world.step() {
                break;
            }
        }
        let World { now, sender, receiver, got, whole, .. } = world;
        Ok(Outcome {
            ended: sender.ended(),
            whole,
            right: got == file,
            time: now - Instant::ZERO,
            sender: *sender.counts(),
            receiver: receiver.counts(ADDRESS),
            corrupt: receiver.corrupt(),
        })
    }
}

/// Where the sender is said to be.
const ADDRESS: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::new(10, 9, 0, 1), 41_000));

/// Both sides, the link between them, and what time it is.
struct World {
    now: Instant,
    sender: Sender,
    receiver: Receiver,
    out: Impairment,
    back: Impairment,
    got: Vec<u8>,
    whole: bool,
}

impl World {
    fn new(trial: &Trial) -> Result<World, TooManyRules> {
        let link = |way| {
            let mut link = Impairment::new(way, trial.seed);
            link.apply(Instant::ZERO, &trial.link).map(|()| link)
        };
        let receiving = receiver::Config {
            selective: trial.config.selective,
            // The sender's patience is what is tried.
            patience: Duration::from_secs(u32::MAX.into()),
            linger: Duration::from_secs(u32::MAX.into()),
            ..receiver::Config::default()
        };
        Ok(World {
            now: Instant::ZERO,
            sender: Sender::new(trial.config),
            receiver: Receiver::new(receiving),
            out: link(Direction::Out)?,
            back: link(Direction::In)?,
            got: Vec::new(),
            whole: false,
        })
    }

    /// Does everything that is due, and goes on to when something is due again; false when nothing ever is.
    fn step(&mut self) -> bool {
        while let Some(packet) = self.sender.transmit(self.now) {
            self.out.push(self.now, packet);
        }
        while let Some(packet) = self.out.pop(self.now) {
            self.arrive(&packet);
        }
        while let Some(answer) = self.back.pop(self.now) {
            self.sender.receive(self.now, &answer);
        }
        self.sender.expire(self.now);
        let due = [self.out.next_deadline(), self.back.next_deadline(), self.sender.deadline()];
        let Some(next) = due.into_iter().flatten().min() else {
            // What has arrived made room for more.
            return self.sender.has_room();
        };
        self.now = self.now.max(next);
        true
    }

    fn arrive(&mut self, packet: &Bytes) {
        let reaction = self.receiver.receive(self.now, ADDRESS, packet);
        if reaction.begun {
            self.got.clear();
        }
        for piece in &reaction.pieces {
            self.got.extend_from_slice(piece);
        }
        self.whole |= reaction.whole;
        if let Some(answer) = reaction.answer {
            self.back.push(self.now, answer);
        }
    }
}

#[cfg(test)]
mod tests;
