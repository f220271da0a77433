//! One direction of a link that is not perfect: rate, queue, delay, loss, and packets chosen exactly.
//!
//! ```text
//!                                           .-- sent --.      .---- on the way ----.
//!   push -> exact rules -> waiting (queue) -> one packet -> lost? corrupted? twice? -> pop
//!                                           '-- rate --'      '-- delay, jitter ---'
//! ```
//!
//! It knows no device and no clock: packets and the time go in, packets come out when their time has
//! come. What happens depends on the packets, the times and the seed alone. A link has one for each
//! [`Direction`].
//!
//! ```
//! use bytes::Bytes;
//! use glasstcp::device::impair::{Direction, Impairment, Spec};
//! use glasstcp::time::Instant;
//!
//! let spec: Spec = "delay=20ms, out:rate=1mbit".parse()?;
//! let mut link = Impairment::new(Direction::Out, 1);
//! link.apply(Instant::ZERO, &spec)?;
//! link.push(Instant::ZERO, Bytes::from_static(&[0; 1250]));
//! // 10,000 bits at a million a second, and then the way.
//! assert_eq!(link.next_deadline(), Some(Instant::from_millis(10)));
//! assert_eq!(link.pop(Instant::from_millis(29)), None);
//! assert_eq!(link.pop(Instant::from_millis(30)).map(|packet| packet.len()), Some(1250));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod dice;
mod exact;
mod journal;
mod queue;
mod spec;
mod ticket;
pub mod units;
mod way;
mod words;

use std::collections::VecDeque;

use bytes::Bytes;

use crate::time::{Duration, Instant};

use journal::Journal;
use queue::Bottleneck;
use ticket::{Ticket, mark};
use way::Way;

pub use journal::{Counters, Decision, Effect, Tally};
pub use spec::{
    Action, Change, Class, Codel, Direction, Exact, Jitter, Loss, Queue, Reorder, Rule, Setting,
    Size, Spec, SpecError, Which,
};
pub use units::Share;

/// Most bytes that one direction holds, lest a long delay eats all memory; each packet counts for
/// [`PACKET_OVERHEAD`] bytes more than it has.
const MAX_HELD_BYTES: u64 = 256 << 20;
const PACKET_OVERHEAD: u64 = 128;
/// Most rules of one direction, in force and to come.
const MAX_RULES: usize = 1000;

/// There would be too many rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "that would be more than {MAX_RULES} rules for one direction: begin with 'clear', or say it with fewer"
)]
pub struct TooManyRules;

/// One direction of a link.
#[derive(Clone, Debug)]
pub struct Impairment {
    direction: Direction,
    /// What comes into force later, in order of time.
    schedule: VecDeque<(Instant, Change)>,
    /// What is in force: the latest of each property, and all exact rules.
    in_force: Vec<Change>,
    rules: exact::Rules,
    bottleneck: Bottleneck,
    way: Way,
    journal: Journal,
}

impl Impairment {
    /// A perfect link. From `seed` comes everything that happens by chance.
    pub fn new(direction: Direction, seed: u64) -> Self {
        Impairment {
            direction,
            schedule: VecDeque::new(),
            in_force: Vec::new(),
            rules: exact::Rules::default(),
            bottleneck: Bottleneck::default(),
            way: Way::new(direction, seed),
            journal: Journal::default(),
        }
    }

    /// Lets those rules come into force that are for this direction: at `now`, or as much later as
    /// they say. A `clear` for now takes away too what was to come later.
    ///
    /// # Errors
    /// When there would be too many rules; then nothing is changed.
    pub fn apply(&mut self, now: Instant, spec: &Spec) -> Result<(), TooManyRules> {
        self.check_room(spec)?;
        self.advance(now);
        for rule in self.own(spec) {
            if rule.clears_all() {
                self.schedule.clear();
            }
            let at = now + rule.at;
            let place = self.schedule.partition_point(|(other, _)| *other <= at);
            self.schedule.insert(place, (at, rule.change.clone()));
        }
        self.advance(now);
        Ok(())
    }

    /// Whether the rules could be applied.
    ///
    /// # Errors
    /// When there would be too many.
    pub fn check_room(&self, spec: &Spec) -> Result<(), TooManyRules> {
        let before = self.in_force.len() + self.schedule.len();
        let count = self.own(spec).fold(before, |count, rule| match rule.clears_all() {
            true => 0,
            false => count + 1,
        });
        if count > MAX_RULES { Err(TooManyRules) } else { Ok(()) }
    }

    /// The rules that are for this direction.
    fn own<'a>(&self, spec: &'a Spec) -> impl Iterator<Item = &'a Rule> + use<'a> {
        let own = self.direction;
        spec.rules.iter().filter(move |rule| rule.direction.is_none_or(|way| way == own))
    }

    /// Spares the first `len` bytes of every packet when a bit is turned over.
    pub fn spare_header(&mut self, len: usize) {
        self.way.spared = len;
    }

    /// What is in force at `now`, in the order in which it came, and after it what comes later.
    pub fn spec(&mut self, now: Instant) -> Spec {
        self.advance(now);
        let in_force = self.in_force.iter().map(|change| (Duration::ZERO, change));
        let later = self.schedule.iter().map(|(at, change)| (at.since(now), change));
        let direction = Some(self.direction);
        let rule = |(at, change): (_, &Change)| Rule { direction, at, change: change.clone() };
        Spec { rules: in_force.chain(later).map(rule).collect() }
    }

    /// Whether every packet comes out as soon as it goes in, now and for as long as nothing is applied,
    /// and none is in here.
    pub fn is_perfect(&self) -> bool {
        self.held_packets() == 0 && self.in_force.is_empty() && self.schedule.is_empty()
    }

    /// Packets that have gone in and not come out.
    pub fn held_packets(&self) -> usize {
        self.bottleneck.held_packets() + self.way.held_packets()
    }

    /// Whether [`Impairment::take_decisions`] says from now on what was done to which packet.
    pub fn record(&mut self, record: bool) {
        self.journal.decisions = record.then(VecDeque::new);
    }

    /// What was done to packets since the last call; nothing unless it is recorded.
    pub fn take_decisions(&mut self) -> impl Iterator<Item = Decision> {
        self.journal.decisions.as_mut().map(std::mem::take).unwrap_or_default().into_iter()
    }

    /// A packet arrives.
    pub fn push(&mut self, now: Instant, packet: Bytes) {
        self.advance(now);
        self.journal.arrived(&packet);
        let mut ticket = Ticket { packet, extra: Duration::ZERO, twice: false };
        let watching = !self.rules.is_empty() || self.awaits_rules();
        if watching && !self.apply_rules(now, &mut ticket) {
            return;
        }
        let packets = self.held_packets() + 1;
        let bytes = self.bottleneck.held_bytes() + self.way.held_bytes() + ticket.len();
        if bytes + packets as u64 * PACKET_OVERHEAD > MAX_HELD_BYTES {
            return self.journal.note(now, Effect::Overflow, &ticket.packet);
        }
        self.bottleneck.offer(now, ticket, self.way.delay, &mut self.journal);
        self.advance(now);
    }

    /// The next packet that has arrived at the other end by `now`.
    pub fn pop(&mut self, now: Instant) -> Option<Bytes> {
        self.advance(now);
        let packet = self.way.pop(now)?;
        self.journal.delivered(&packet);
        Some(packet)
    }

    /// When to call [`Impairment::pop`] again: something arrives or changes. `None`: not before the
    /// next packet.
    pub fn next_deadline(&self) -> Option<Instant> {
        let change = self.schedule.front().map(|(at, _)| *at);
        [change, self.bottleneck.next(), self.way.next()].into_iter().flatten().min()
    }

    /// What was counted so far.
    pub fn counters(&self) -> &Counters {
        &self.journal.counters
    }

    /// Packets and bytes that wait in the queue.
    pub fn backlog(&self) -> (usize, u64) {
        self.bottleneck.backlog()
    }

    /// Whether exact rules are to come, which must have seen how streams began.
    fn awaits_rules(&self) -> bool {
        self.schedule.iter().any(|(_, change)| matches!(change, Change::Exact(_)))
    }

    /// Does what the rules say; false when the packet is dropped.
    fn apply_rules(&mut self, now: Instant, ticket: &mut Ticket) -> bool {
        let packet = ticket.packet.clone();
        for action in self.rules.actions(&packet) {
            match action {
                Action::Drop => {
                    self.journal.note(now, Effect::RuleDropped, &packet);
                    return false;
                }
                Action::Delay(by) => {
                    self.journal.note(now, Effect::RuleDelayed, &packet);
                    ticket.extra += by;
                }
                Action::Duplicate => ticket.twice = true,
                Action::Corrupt => self.way.corrupt(now, &mut ticket.packet, &mut self.journal),
                Action::Mark => {
                    mark(now, &mut ticket.packet, &mut self.journal);
                }
            }
        }
        true
    }

    /// Does everything that is due by `now`, in order of time.
    fn advance(&mut self, now: Instant) {
        loop {
            let change = self.schedule.front().map(|(at, _)| *at).filter(|at| *at <= now);
            let sent = self.bottleneck.next().filter(|done| *done <= now);
            match (change, sent) {
                (Some(change), sent) if sent.is_none_or(|sent| change <= sent) => {
                    if let Some((at, change)) = self.schedule.pop_front() {
                        self.change(at, change);
                    }
                }
                (_, Some(_)) => {
                    if let Some((done, ticket)) = self.bottleneck.finish(&mut self.journal) {
                        self.way.enter(done, ticket, &mut self.journal);
                    }
                }
                _ => return,
            }
        }
    }

    fn change(&mut self, at: Instant, change: Change) {
        match &change {
            Change::Clear => {
                self.in_force.clear();
                self.rules.clear();
                if !self.awaits_rules() {
                    self.rules.forget_streams();
                }
                self.bottleneck.set_queue(Queue::default());
                self.bottleneck.set_rate(at, None, &mut self.journal);
                self.way.clear();
                return;
            }
            Change::Exact(exact) => self.rules.add(exact.clone()),
            Change::Set(setting) => {
                self.in_force.retain(|other| !other.is_same_property(setting));
                self.set(at, setting);
            }
        }
        self.in_force.push(change);
    }

    fn set(&mut self, at: Instant, setting: &Setting) {
        match *setting {
            Setting::Rate(rate) => self.bottleneck.set_rate(at, rate, &mut self.journal),
            Setting::Queue(queue) => self.bottleneck.set_queue(queue),
            Setting::Delay(delay) => self.way.delay = delay,
            Setting::Jitter(jitter) => self.way.jitter = jitter,
            Setting::Loss(loss) => self.way.loss.set(loss),
            Setting::Reorder(reorder) => self.way.reorder = reorder,
            Setting::Duplicate(share) => self.way.duplicate = share,
            Setting::Corrupt(share) => self.way.corrupt = share,
        }
    }
}

#[cfg(test)]
mod tests;
