//! The only way anything enters the core: the time, randomness, the observer, and how scarce memory is.

use std::net::IpAddr;

use rand_chacha::ChaCha12Rng;
use rand_core::Rng;

use crate::event::{ConnId, Event, Observer, Refusal, Refusals, SegmentView};
use crate::flight::{Flight, Kept};
use crate::time::Instant;

/// How much memory there is for what connections hold, seen from the stack.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Memory {
    /// Buffers may grow.
    #[default]
    Plenty,
    /// No buffer grows, and those that have grown go back to where they began.
    Scarce,
    /// More is held than should be: what is not needed goes, and windows are small.
    Exhausted,
}

/// What one step of the core may use from outside: a fixed `now`, a seeded generator, and at most
/// one observer and one flight recorder. Below the driver nothing reads a clock or ambient randomness.
pub struct Context<'a> {
    /// The time of this turn, read once by the driver.
    pub now: Instant,
    /// How much memory there is.
    pub memory: Memory,
    rng: &'a mut ChaCha12Rng,
    refusals: &'a mut Refusals,
    observer: Option<&'a mut (dyn Observer + Send + 'static)>,
    flight: Option<&'a mut Flight>,
}

impl<'a> Context<'a> {
    /// A context for one turn.
    #[inline(always)]
    pub fn new(
        now: Instant,
        rng: &'a mut ChaCha12Rng,
        refusals: &'a mut Refusals,
        observer: Option<&'a mut (dyn Observer + Send + 'static)>,
    ) -> Self {
        Context { now, memory: Memory::Plenty, rng, refusals, observer, flight: None }
    }

    /// With a recorder that keeps every event.
    #[inline(always)]
    pub fn recorded(self, flight: Option<&'a mut Flight>) -> Self {
        Context { flight, ..self }
    }

    /// Tells the recorder and the observer; without either, `event` is never built.
    #[inline(always)]
    pub fn emit(&mut self, event: impl Fn() -> Event + Copy) {
        self.emit_kept(|| Kept::of(&event()), event);
    }

    /// The same of what nearly every segment makes: `kept` is what the recorder keeps of `event`, made without the rest
    /// of it. Both own what they are made of (`move`), lest that be laid out in memory first.
    #[inline(always)]
    pub(crate) fn emit_kept(
        &mut self,
        kept: impl Fn() -> Option<Kept>,
        event: impl Fn() -> Event + Copy,
    ) {
        if let Some(flight) = self.flight.as_deref_mut()
            && let Some(kept) = kept()
        {
            debug_assert_eq!(Kept::of(&event()), Some(kept));
            flight.record(self.now, kept, event);
        }
        if self.observer.is_some() {
            self.show(event);
        }
    }

    /// Tells the observer. Apart, as mostly there is none.
    #[cold]
    #[inline(never)]
    fn show(&mut self, event: impl Fn() -> Event) {
        if let Some(observer) = self.observer.as_deref_mut() {
            observer.observe(self.now, &event());
        }
    }

    /// Whether anybody wants events: what only serves to make one need not be made otherwise.
    pub fn wants_events(&self) -> bool {
        self.observer.is_some() || self.flight.is_some()
    }

    /// Whether anybody watches beside the recorder, which keeps less.
    pub fn is_observed(&self) -> bool {
        self.observer.is_some()
    }

    /// Counts what a connection refused and tells the observer.
    pub fn refuse(&mut self, conn: Option<ConnId>, reason: Refusal, segment: Option<SegmentView>) {
        self.refusals.count(reason);
        self.emit(|| Event::Refused { conn, reason, segment: segment.clone(), addresses: None });
    }

    /// Counts a packet, from and to these addresses, that no connection took, and tells the
    /// observer.
    pub fn refuse_packet(&mut self, reason: Refusal, addresses: Option<(IpAddr, IpAddr)>) {
        self.refusals.count(reason);
        self.emit(|| Event::Refused { conn: None, reason, segment: None, addresses });
    }

    /// Thirty-two random bits.
    pub fn random_u32(&mut self) -> u32 {
        self.rng.next_u32()
    }
}
