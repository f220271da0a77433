//! Chance, from a seed.

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

use super::spec;
use super::units::Share;

/// A generator for one purpose. Each purpose has its own stream of the same seed, so that no impairment
/// changes which of the packets that come to it another one hits.
#[derive(Clone, Debug)]
pub(super) struct Dice(ChaCha8Rng);

impl Dice {
    pub(super) fn new(seed: u64, stream: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(stream);
        Dice(rng)
    }

    /// True for that share of all throws.
    pub(super) fn hits(&mut self, share: Share) -> bool {
        // 53 bits are what a float can tell apart; 0 is never hit, and 1 always.
        let throw = (self.0.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
        throw < share.value()
    }

    /// Evenly from 0 up to, not including, `end`, which is at least 1.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        ((u128::from(self.0.next_u64()) * u128::from(end)) >> 64) as u64
    }
}

/// Random loss: the chain of Gilbert and Elliott.
#[derive(Clone, Debug)]
pub(super) struct Loss {
    spec: spec::Loss,
    bad: bool,
    dice: Dice,
}

impl Loss {
    pub(super) fn new(dice: Dice) -> Self {
        Loss { spec: spec::Loss::default(), bad: false, dice }
    }

    /// Begins anew, in the good state.
    pub(super) fn set(&mut self, spec: spec::Loss) {
        (self.spec, self.bad) = (spec, false);
    }

    /// Whether the next packet is lost.
    pub(super) fn strikes(&mut self) -> bool {
        let leave = if self.bad { self.spec.r } else { self.spec.p };
        self.bad ^= self.dice.hits(leave);
        self.dice.hits(if self.bad { self.spec.bad } else { self.spec.good })
    }
}
