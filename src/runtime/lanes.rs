//! The two directions of a link that is not perfect, shared by what moves the packets and by who changes
//! the link meanwhile.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use std::task::{Context, Waker};

use bytes::Bytes;

use super::clock::Clock;
use crate::device::impair::{Counters, Decision, Direction, Impairment, Spec, TooManyRules};
use crate::sync::{Mutex, MutexGuard};
use crate::time::Instant;

/// Changes a link that packets move through, and tells how it is. Cloning gives another handle to the same
/// link.
#[derive(Clone)]
pub struct LinkHandle {
    shared: Arc<Shared>,
    clock: Clock,
}

/// How one direction of a link is.
#[derive(Clone, Debug)]
pub struct LaneReport {
    /// What is in force, and what comes later.
    pub spec: Spec,
    /// What was counted so far.
    pub counters: Counters,
    /// Packets and bytes that wait in the queue.
    pub backlog: (usize, u64),
}

/// Sees what moves through a link, and what is done to it. It is called under the lock of the link, so it
/// must not use a [`LinkHandle`] of it.
pub trait LinkWatch {
    /// A packet goes into the link, or comes out of it.
    fn packet(&mut self, now: Instant, passage: Passage, packet: &Bytes);
    /// Something was done to a packet.
    fn decision(&mut self, direction: Direction, decision: &Decision);
}

/// Where a packet is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passage {
    /// It goes into this direction.
    Enters(Direction),
    /// It comes out of it.
    Leaves(Direction),
}

struct Shared {
    /// False: both directions are perfect and empty, and nobody need ask them.
    active: AtomicBool,
    lanes: Mutex<Lanes>,
}

/// Both directions.
pub(super) struct Lanes {
    out: Impairment,
    back: Impairment,
    watch: Option<Box<dyn LinkWatch + Send>>,
    /// Who moves the packets, while it sleeps.
    mover: Option<Waker>,
}

impl LinkHandle {
    /// A perfect link. From `seed` comes everything that happens on it by chance.
    pub fn new(seed: u64) -> LinkHandle {
        let lanes = Lanes {
            out: Impairment::new(Direction::Out, seed),
            back: Impairment::new(Direction::In, seed),
            watch: None,
            mover: None,
        };
        let shared = Shared { active: AtomicBool::new(false), lanes: Mutex::new(lanes) };
        LinkHandle { shared: Arc::new(shared), clock: Clock::new() }
    }

    /// Lets the rules come into force: now, or as much later as they say.
    ///
    /// # Errors
    /// When there would be too many rules; then nothing is changed.
    pub fn apply(&self, spec: &Spec) -> Result<(), TooManyRules> {
        let mut lanes = self.lanes();
        let now = self.clock.now();
        // Both or none.
        lanes.back.check_room(spec)?;
        lanes.out.apply(now, spec)?;
        lanes.back.apply(now, spec)?;
        self.shared.active.store(true, Ordering::Relaxed);
        // What is due next may be due earlier now.
        let mover = lanes.mover.take();
        drop(lanes);
        if let Some(mover) = mover {
            mover.wake();
        }
        Ok(())
    }

    /// Lets `watch` see everything from now on, or nobody.
    pub fn set_watch(&self, watch: Option<Box<dyn LinkWatch + Send>>) {
        let mut lanes = self.lanes();
        lanes.out.record(watch.is_some());
        lanes.back.record(watch.is_some());
        lanes.watch = watch;
    }

    /// Spares the first `len` bytes of every packet when a bit is turned over.
    pub fn spare_header(&self, len: usize) {
        let mut lanes = self.lanes();
        lanes.out.spare_header(len);
        lanes.back.spare_header(len);
    }

    /// How both directions are, out and in.
    pub fn report(&self) -> [LaneReport; 2] {
        let mut lanes = self.lanes();
        let now = self.clock.now();
        [Direction::Out, Direction::In].map(|direction| {
            // This may have packets pass their queue.
            let spec = lanes.lane(direction).spec(now);
            lanes.show_decisions(direction);
            let lane = lanes.lane(direction);
            LaneReport { spec, counters: lane.counters().clone(), backlog: lane.backlog() }
        })
    }

    /// Packets that are on their way out.
    pub fn outgoing(&self) -> usize {
        self.lanes().out.held_packets()
    }

    /// Whether packets must go through the link at all: false while that would do nothing to them.
    pub fn is_active(&self) -> bool {
        self.shared.active.load(Ordering::Relaxed)
    }

    /// Lets packets pass by the link if it does nothing to them.
    pub(super) fn rest_if_perfect(&self, lanes: &Lanes) {
        if lanes.out.is_perfect() && lanes.back.is_perfect() {
            self.shared.active.store(false, Ordering::Relaxed);
        }
    }

    /// Both directions; a panic of another thread cannot leave them half changed.
    pub(super) fn lanes(&self) -> MutexGuard<'_, Lanes> {
        self.shared.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for LinkHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LinkHandle").finish_non_exhaustive()
    }
}

impl Lanes {
    fn lane(&mut self, direction: Direction) -> &mut Impairment {
        match direction {
            Direction::Out => &mut self.out,
            Direction::In => &mut self.back,
        }
    }

    /// A packet goes in.
    pub(super) fn push(&mut self, now: Instant, direction: Direction, packet: Bytes) {
        if let Some(watch) = &mut self.watch {
            watch.packet(now, Passage::Enters(direction), &packet);
        }
        self.lane(direction).push(now, packet);
        self.show_decisions(direction);
    }

    /// The next packet that has come through by `now`.
    pub(super) fn pop(&mut self, now: Instant, direction: Direction) -> Option<Bytes> {
        let packet = self.lane(direction).pop(now);
        self.show_decisions(direction);
        let packet = packet?;
        if let Some(watch) = &mut self.watch {
            watch.packet(now, Passage::Leaves(direction), &packet);
        }
        Some(packet)
    }

    fn show_decisions(&mut self, direction: Direction) {
        let Some(mut watch) = self.watch.take() else {
            return;
        };
        for decision in self.lane(direction).take_decisions() {
            watch.decision(direction, &decision);
        }
        self.watch = Some(watch);
    }

    /// When something happens next, in each direction of which what comes out has a place to go to.
    pub(super) fn next_deadline(&self, open: impl Fn(Direction) -> bool) -> Instant {
        let next = |lane: &Impairment, direction| {
            lane.next_deadline().filter(|_| open(direction)).unwrap_or(Instant::FAR_FUTURE)
        };
        next(&self.out, Direction::Out).min(next(&self.back, Direction::In))
    }

    /// The same, for a mover that goes to sleep until then; it is woken when the link is changed.
    pub(super) fn fall_asleep(
        &mut self,
        cx: &Context<'_>,
        open: impl Fn(Direction) -> bool,
    ) -> Instant {
        self.mover = Some(cx.waker().clone());
        self.next_deadline(open)
    }
}
