//! Sequence numbers: arithmetic modulo 2^32 (RFC 9293 3.4).

use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::{Add, AddAssign, Sub};

/// A TCP sequence number. It wraps, so it is not `Ord`: use [`SeqNum::before`], [`SeqNum::after`]
/// and [`SeqNum::within`], which are right for numbers less than 2^31 apart.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "[u8; 4]", into = "[u8; 4]")]
pub struct SeqNum(u32);

impl From<[u8; 4]> for SeqNum {
    fn from(bytes: [u8; 4]) -> Self {
        SeqNum(u32::from_ne_bytes(bytes))
    }
}

/// They are not small numbers, so that four bytes are fewer than what numbers take otherwise.
impl From<SeqNum> for [u8; 4] {
    fn from(seq: SeqNum) -> Self {
        seq.0.to_ne_bytes()
    }
}

impl SeqNum {
    /// The sequence number with this value.
    pub const fn new(value: u32) -> Self {
        SeqNum(value)
    }

    /// The value as it stands in a header.
    pub const fn value(self) -> u32 {
        self.0
    }

    /// Whether `self` comes strictly before `other`.
    pub const fn before(self, other: SeqNum) -> bool {
        (self.0.wrapping_sub(other.0) as i32) < 0
    }

    /// Whether `self` comes strictly after `other`.
    pub const fn after(self, other: SeqNum) -> bool {
        other.before(self)
    }

    /// Whether `self` is `other` or comes before it.
    pub const fn at_or_before(self, other: SeqNum) -> bool {
        !self.after(other)
    }

    /// Whether `self` is `other` or comes after it.
    pub const fn at_or_after(self, other: SeqNum) -> bool {
        !self.before(other)
    }

    /// Whether `self` lies in the half-open range of `len` numbers that starts at `start`.
    pub const fn within(self, start: SeqNum, len: u32) -> bool {
        self.0.wrapping_sub(start.0) < len
    }

    /// The later of the two.
    pub const fn max(self, other: SeqNum) -> SeqNum {
        if self.before(other) { other } else { self }
    }

    /// The earlier of the two.
    pub const fn min(self, other: SeqNum) -> SeqNum {
        if self.before(other) { self } else { other }
    }

    /// How far `self` lies after `earlier`; 0 when it does not.
    pub const fn since(self, earlier: SeqNum) -> u32 {
        if self.before(earlier) { 0 } else { self.0.wrapping_sub(earlier.0) }
    }
}

impl Add<u32> for SeqNum {
    type Output = SeqNum;
    fn add(self, rhs: u32) -> SeqNum {
        SeqNum(self.0.wrapping_add(rhs))
    }
}

impl AddAssign<u32> for SeqNum {
    fn add_assign(&mut self, rhs: u32) {
        *self = *self + rhs;
    }
}

impl Sub<u32> for SeqNum {
    type Output = SeqNum;
    fn sub(self, rhs: u32) -> SeqNum {
        SeqNum(self.0.wrapping_sub(rhs))
    }
}

/// The distance from `rhs` to `self`, modulo 2^32.
impl Sub for SeqNum {
    type Output = u32;
    fn sub(self, rhs: SeqNum) -> u32 {
        self.0.wrapping_sub(rhs.0)
    }
}

impl fmt::Debug for SeqNum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

#[cfg(test)]
mod tests;
