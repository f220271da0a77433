//! A hierarchical timer wheel: arming, moving, cancelling and firing cost the same however many
//! timers there are (Varghese and Lauck, 1987).
//!
//! ```text
//!   level 0: 64 slots of one tick (65.5 us)      due when their tick comes
//!   level 1: 64 slots of 64 ticks (4.2 ms)       spread over level 0 when their time comes
//!   ...      8 levels reach the end of time
//! ```
//!
//! A timer lies on the level of the highest six bits in which its tick differs from the present
//! one, so no slot ever holds timers of different rounds. Timers never fire early, and less than a
//! tick late.

use crate::time::{Duration, Instant};

const TICK_SHIFT: u32 = 16;
/// A timer of a stack goes off less than so long after its time, and never before it.
pub const TICK: Duration = Duration::from_nanos(1 << TICK_SHIFT);
const LEVELS: usize = 8;
const SLOTS: usize = 64;
const NONE: u32 = u32::MAX;

/// Names a timer; valid until [`Wheel::remove`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimerId(u32);

#[derive(Debug)]
struct Node<T> {
    token: T,
    tick: u64,
    next: u32,
    prev: u32,
    /// `level * SLOTS + slot` while armed, otherwise [`NONE`].
    place: u32,
}

/// Timers that hand back a token of type `T`.
#[derive(Debug)]
pub struct Wheel<T> {
    nodes: Vec<Node<T>>,
    free: Vec<u32>,
    heads: [u32; LEVELS * SLOTS],
    occupied: [u64; LEVELS],
    /// The present tick: everything before it has fired.
    current: u64,
}

impl<T> Default for Wheel<T> {
    fn default() -> Self {
        Wheel {
            nodes: Vec::new(),
            free: Vec::new(),
            heads: [NONE; LEVELS * SLOTS],
            occupied: [0; LEVELS],
            current: 0,
        }
    }
}

impl<T: Copy> Wheel<T> {
    /// A new timer, not armed, that will hand back `token`.
    pub fn insert(&mut self, token: T) -> TimerId {
        let node = Node { token, tick: 0, next: NONE, prev: NONE, place: NONE };
        if let Some(index) = self.free.pop() {
            self.nodes[index as usize] = node;
            TimerId(index)
        } else {
            self.nodes.push(node);
            TimerId((self.nodes.len() - 1) as u32)
        }
    }

    /// A timer that will hand back `token`: `old`, armed as it is, if there is one.
    pub fn insert_or_hand_over(&mut self, old: Option<TimerId>, token: T) -> TimerId {
        let Some(id) = old else {
            return self.insert(token);
        };
        self.nodes[id.0 as usize].token = token;
        id
    }

    /// How many timers there are, armed or not.
    pub fn len(&self) -> usize {
        self.nodes.len() - self.free.len()
    }

    /// Forgets a timer.
    pub fn remove(&mut self, id: TimerId) {
        self.unlink(id.0);
        self.free.push(id.0);
    }

    /// Lets the timer fire at `at` or earlier: one that is already armed for an earlier time stays,
    /// and its owner looks again when it fires. So moving a deadline back costs nothing.
    pub fn arm(&mut self, id: TimerId, at: Instant) {
        let tick = at.as_nanos().div_ceil(1 << TICK_SHIFT).max(self.current);
        let node = &self.nodes[id.0 as usize];
        if node.place != NONE && node.tick <= tick {
            return;
        }
        self.unlink(id.0);
        self.nodes[id.0 as usize].tick = tick;
        self.link(id.0);
    }

    /// Takes one timer that is due at `now`; call until it gives `None`.
    pub fn expire(&mut self, now: Instant) -> Option<T> {
        let target = now.as_nanos() >> TICK_SHIFT;
        loop {
            let Some((level, slot, tick)) = self.earliest().filter(|&(_, _, tick)| tick <= target)
            else {
                self.current = self.current.max(target);
                return None;
            };
            self.current = tick;
            let place = level * SLOTS + slot;
            if level == 0 {
                let index = self.heads[place];
                self.unlink(index);
                return Some(self.nodes[index as usize].token);
            }
            while self.heads[place] != NONE {
                let index = self.heads[place];
                self.unlink(index);
                self.link(index);
            }
        }
    }

    /// When [`Wheel::expire`] has to be called again at the latest; it may then find that nothing
    /// is due yet.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.earliest().map(|(_, _, tick)| Instant::from_nanos(tick << TICK_SHIFT))
    }

    /// Level, slot and first tick of the earliest slot that holds a timer.
    fn earliest(&self) -> Option<(usize, usize, u64)> {
        (0..LEVELS).find_map(|level| {
            let shift = 6 * level as u32;
            let here = (self.current >> shift) % SLOTS as u64;
            let ahead = self.occupied[level] & (u64::MAX << here);
            if ahead == 0 {
                return None;
            }
            let slot = u64::from(ahead.trailing_zeros());
            let round = self.current >> shift >> 6 << 6;
            let tick = (round | slot) << shift;
            Some((level, slot as usize, tick.max(self.current)))
        })
    }

    fn link(&mut self, index: u32) {
        let tick = self.nodes[index as usize].tick;
        let differs = tick ^ self.current;
        let level = if differs == 0 { 0 } else { (63 - differs.leading_zeros()) as usize / 6 };
        let slot = (tick >> (6 * level)) as usize % SLOTS;
        let place = level * SLOTS + slot;
        let next = std::mem::replace(&mut self.heads[place], index);
        if next != NONE {
            self.nodes[next as usize].prev = index;
        }
        self.occupied[level] |= 1 << slot;
        let node = &mut self.nodes[index as usize];
        (node.next, node.prev, node.place) = (next, NONE, place as u32);
    }

    fn unlink(&mut self, index: u32) {
        let Node { next, prev, place, .. } = self.nodes[index as usize];
        if place == NONE {
            return;
        }
        let place = place as usize;
        if prev == NONE {
            self.heads[place] = next;
        } else {
            self.nodes[prev as usize].next = next;
        }
        if next != NONE {
            self.nodes[next as usize].prev = prev;
        }
        if self.heads[place] == NONE {
            self.occupied[place / SLOTS] &= !(1 << (place % SLOTS));
        }
        self.nodes[index as usize].place = NONE;
    }
}

#[cfg(test)]
mod tests;
