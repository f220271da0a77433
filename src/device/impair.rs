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
//! link.apply(Instant::ZERO, &spec);
//! link.push(Instant::ZERO, Bytes::from_static(&[0; 1250]));
//! // 10,000 bits at a million a second, and then the way.
//! assert_eq!(link.next_deadline(), Some(Instant::from_millis(10)));
//! assert_eq!(link.pop(Instant::from_millis(29)), None);
//! assert_eq!(link.pop(Instant::from_millis(30)).map(|packet| packet.len()), Some(1250));
//! # Ok::<(), glasstcp::device::impair::SpecError>(())
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

/// Most bytes that one direction holds, lest a long delay eats all memory.
const MAX_HELD_BYTES: u64 = 256 << 20;

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
    /// they say.
    pub fn apply(&mut self, now: Instant, spec: &Spec) {
        self.advance(now);
        for rule in &spec.rules {
            if rule.direction.is_some_and(|direction| direction != self.direction) {
                continue;
            }
            let at = now + rule.at;
            let place = self.schedule.partition_point(|(other, _)| *other <= at);
            self.schedule.insert(place, (at, rule.change.clone()));
        }
        self.advance(now);
    }

    /// Spares the first `len` bytes of every packet when a bit is turned over.
    pub fn spare_header(&mut self, len: usize) {
        self.way.spared = len;
    }

    /// What is in force, in the order in which it came, and after it what comes later.
    pub fn spec(&self, now: Instant) -> Spec {
        let in_force = self.in_force.iter().map(|change| (Duration::ZERO, change));
        let later = self.schedule.iter().map(|(at, change)| (at.since(now), change));
        let direction = Some(self.direction);
        let rule = |(at, change): (_, &Change)| Rule { direction, at, change: change.clone() };
        Spec { rules: in_force.chain(later).map(rule).collect() }
    }

    /// Whether every packet comes out as soon as it goes in, now and for as long as nothing is applied,
    /// and none is in here.
    pub fn is_perfect(&self) -> bool {
        let empty = self.bottleneck.held_bytes() + self.way.held_bytes() == 0;
        empty && self.in_force.is_empty() && self.schedule.is_empty()
    }

    /// From now on [`Impairment::take_decisions`] says what was done to which packet.
    pub fn record(&mut self) {
        self.journal.decisions.get_or_insert_default();
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
        // Rules that come later must have seen how streams began.
        let exact = |(_, change): &(Instant, Change)| matches!(change, Change::Exact(_));
        let watching = !self.rules.is_empty() || self.schedule.iter().any(exact);
        if watching && !self.apply_rules(now, &mut ticket) {
            return;
        }
        if self.bottleneck.held_bytes() + self.way.held_bytes() + ticket.len() > MAX_HELD_BYTES {
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
