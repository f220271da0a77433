//! What each side of each connection does, all of it drawn from one seed.

use std::time::Duration;

use bytes::Bytes;
use rand_chacha::ChaCha12Rng;
use rand_core::{Rng, SeedableRng};

/// Random numbers of one place.
pub struct Dice(ChaCha12Rng);

impl Dice {
    /// The numbers of a place: the same for the same seed and name.
    pub fn new(seed: u64, place: u64) -> Dice {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        bytes[8..16].copy_from_slice(&place.to_le_bytes());
        Dice(ChaCha12Rng::from_seed(bytes))
    }

    /// A number below `n`.
    pub fn below(&mut self, n: usize) -> usize {
        (self.0.next_u64() % n as u64) as usize
    }

    /// True once in `n` times.
    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    /// From 1 to 2^`bits`, each order of magnitude as likely as the others.
    pub fn size(&mut self, bits: usize) -> usize {
        let magnitude = 1 << self.below(bits);
        magnitude + self.below(magnitude)
    }

    /// From nothing to two milliseconds.
    pub fn moment(&mut self) -> Duration {
        Duration::from_micros(self.below(2000) as u64)
    }
}

/// How a side ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// A FIN after the last byte, then reading to the end.
    HalfClose,
    /// Reading to the end, and a FIN after that. Only clients do it: one has to be the first.
    ReadFirst,
    /// Dropped after so many bytes were written, whatever is still under way.
    Drop(usize),
    /// The same with a reset.
    Abort(usize),
}

/// Which side of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    Client,
    Server,
}

/// What one side does.
#[derive(Clone, Debug)]
pub struct Plan {
    pub seed: u64,
    pub number: u64,
    pub side: Side,
    /// Bytes it writes, if nothing comes between; those of the client begin with its number.
    pub amount: usize,
    pub ending: Ending,
}

impl Plan {
    pub fn new(seed: u64, number: u64, side: Side) -> Plan {
        let mut dice = Dice::new(seed, number << 4 | side as u64);
        let amount = 8 + dice.size(19);
        let ending = match dice.below(10) {
            0 => Ending::Drop(dice.below(amount)),
            1 => Ending::Abort(dice.below(amount)),
            2 | 3 if side == Side::Client => Ending::ReadFirst,
            _ => Ending::HalfClose,
        };
        Plan { seed, number, side, amount, ending }
    }

    /// The other side's.
    pub fn other(&self) -> Plan {
        let side = if self.side == Side::Client { Side::Server } else { Side::Client };
        Plan::new(self.seed, self.number, side)
    }

    /// Random numbers for one direction of this side.
    pub fn dice(&self, direction: u64) -> Dice {
        Dice::new(self.seed, self.number << 4 | (self.side as u64) << 2 | 8 | direction)
    }

    /// How much it writes before it lets go.
    pub fn writes(&self) -> usize {
        match self.ending {
            Ending::Drop(cut) | Ending::Abort(cut) => cut,
            Ending::HalfClose | Ending::ReadFirst => self.amount,
        }
    }

    /// It leaves nothing out.
    pub fn is_whole(&self) -> bool {
        matches!(self.ending, Ending::HalfClose | Ending::ReadFirst)
    }

    /// What this side sends from `from` to `to`.
    pub fn text(&self, from: usize, to: usize) -> Bytes {
        (from..to).map(|at| self.byte(at)).collect()
    }

    /// Fails unless `data` is what this side sends from `from` on.
    pub fn check(&self, from: usize, data: &[u8]) {
        let wrong = (from..).zip(data).find(|&(at, &byte)| byte != self.byte(at));
        if let Some((at, byte)) = wrong {
            panic!("{self:?}: {byte} arrived in the place of byte {at}, {}", self.byte(at));
        }
        assert!(from + data.len() <= self.amount, "{self:?}: more arrived than was sent");
    }

    fn byte(&self, at: usize) -> u8 {
        if self.side == Side::Client && at < 8 {
            return self.number.to_le_bytes()[at];
        }
        let mixed = (at as u64 + 1)
            .wrapping_mul(((2 * self.number + 1 + (self.side as u64)) << 40) | 0x9e37_79b9);
        (mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8
    }
}

/// What one side saw of a connection.
#[derive(Debug)]
pub struct Outcome {
    /// Bytes that arrived, all as they should be.
    pub read: usize,
    /// The end of the stream was seen.
    pub ended: bool,
    /// What went wrong in either direction.
    pub errors: Vec<String>,
}

impl Outcome {
    /// Where neither side leaves anything out, all must have arrived.
    pub fn check(&self, plan: &Plan) {
        let other = plan.other();
        if plan.is_whole() && other.is_whole() {
            let well = self.ended && self.errors.is_empty() && self.read == other.amount;
            assert!(well, "{plan:?} of {other:?}: {self:?}");
        }
    }
}
