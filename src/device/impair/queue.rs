//! The bottleneck: a queue before a link of a certain rate.
//!
//! ```text
//!   offer -> waiting (limit, marks, CoDel) -> sending (one packet, length / rate) -> finish
//! ```

use std::collections::VecDeque;

use super::journal::{Effect, Journal};
use super::spec::{Codel, Queue, Size};
use super::ticket::{Ticket, mark};
use crate::time::{Duration, Instant};

/// The queue and the link behind it.
#[derive(Clone, Debug, Default)]
pub(super) struct Bottleneck {
    /// Bits per second; `None`: as fast as can be.
    rate: Option<u64>,
    config: Queue,
    waiting: VecDeque<(Instant, Ticket)>,
    waiting_bytes: u64,
    /// The largest packet so far: CoDel lets a queue of no more be (RFC 8289 5.4, MAXPACKET).
    largest: u64,
    sending: Option<Sending>,
    codel: CodelState,
}

/// A packet that is being sent.
#[derive(Clone, Debug)]
struct Sending {
    ticket: Ticket,
    /// When it is through.
    done: Instant,
    /// The rate at which that is.
    rate: Option<u64>,
}

impl Bottleneck {
    /// Packets and bytes that wait; what is being sent does not count.
    pub(super) fn backlog(&self) -> (usize, u64) {
        (self.waiting.len(), self.waiting_bytes)
    }

    /// Bytes of all packets in here.
    pub(super) fn held_bytes(&self) -> u64 {
        self.waiting_bytes + self.sending.as_ref().map_or(0, |sending| sending.ticket.len())
    }

    /// How many there are.
    pub(super) fn held_packets(&self) -> usize {
        self.waiting.len() + usize::from(self.sending.is_some())
    }

    /// What is waiting is sent at the new rate, and so is the rest of what is being sent; only at a rate of
    /// nothing that ends as it began.
    pub(super) fn set_rate(&mut self, now: Instant, rate: Option<u64>, journal: &mut Journal) {
        self.rate = rate;
        match &mut self.sending {
            None => self.start(now, journal),
            Some(_) if rate == Some(0) => {}
            Some(sending) => {
                let left = sending.done.since(now).as_nanos();
                let left = match (sending.rate, rate) {
                    (Some(old), Some(new)) => left * u128::from(old) / u128::from(new),
                    _ => 0,
                };
                sending.done = now + Duration::from_nanos(u64::try_from(left).unwrap_or(u64::MAX));
                sending.rate = rate;
            }
        }
    }

    pub(super) fn set_queue(&mut self, config: Queue) {
        self.config = config;
        self.codel = CodelState::default();
    }

    /// Takes a packet that arrives at `now`, or drops it. `delay`, of the link behind, is what sizes in
    /// bandwidth-delay products are made of.
    pub(super) fn offer(
        &mut self,
        now: Instant,
        mut ticket: Ticket,
        delay: Duration,
        journal: &mut Journal,
    ) {
        if !self.waiting.is_empty() {
            let full = |size| self.exceeds(size, ticket.len(), delay);
            if full(self.config.limit) {
                return journal.note(now, Effect::QueueFull, &ticket.packet);
            }
            if self.config.mark.is_some_and(full) {
                mark(now, &mut ticket.packet, journal);
            }
        }
        self.waiting_bytes += ticket.len();
        self.largest = self.largest.max(ticket.len());
        self.waiting.push_back((now, ticket));
        if self.sending.is_none() {
            self.start(now, journal);
        }
    }

    /// Whether there would be more than `size` with `more` bytes in another packet.
    fn exceeds(&self, size: Size, more: u64, delay: Duration) -> bool {
        let bytes = match size {
            Size::Packets(packets) => return self.waiting.len() as u64 >= packets,
            Size::Bytes(bytes) => bytes,
            Size::BandwidthDelay(times) => {
                let rtt = 2.0 * delay.as_secs_f64();
                // Without a rate nothing waits, so that it does not matter what a product is.
                (times * self.rate.unwrap_or(0) as f64 / 8.0 * rtt) as u64
            }
        };
        self.waiting_bytes + more > bytes
    }

    /// When what is being sent will be through.
    pub(super) fn next(&self) -> Option<Instant> {
        self.sending.as_ref().map(|sending| sending.done)
    }

    /// Takes out what is through at [`Bottleneck::next`], and sends the next packet.
    pub(super) fn finish(&mut self, journal: &mut Journal) -> Option<(Instant, Ticket)> {
        let Sending { ticket, done, .. } = self.sending.take()?;
        self.start(done, journal);
        Some((done, ticket))
    }

    /// Begins to send the first packet that waits, if the link runs at all.
    fn start(&mut self, now: Instant, journal: &mut Journal) {
        if self.rate == Some(0) {
            return;
        }
        let next = match self.config.codel {
            Some(codel) => self.dequeue_by_codel(now, codel, journal),
            None => self.pop(),
        };
        if let Some((since, ticket)) = next {
            journal.waited(&ticket.packet, now - since);
            let done = now + self.time_to_send(ticket.len());
            self.sending = Some(Sending { ticket, done, rate: self.rate });
        }
    }

    fn time_to_send(&self, len: u64) -> Duration {
        let nanos = |rate: u64| u128::from(len) * 8 * 1_000_000_000 / u128::from(rate);
        let nanos = self.rate.map_or(0, nanos);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    fn pop(&mut self) -> Option<(Instant, Ticket)> {
        let (since, ticket) = self.waiting.pop_front()?;
        self.waiting_bytes -= ticket.len();
        Some((since, ticket))
    }

    /// The next packet that CoDel lets through (RFC 8289 5.5, `dequeue`).
    fn dequeue_by_codel(
        &mut self,
        now: Instant,
        codel: Codel,
        journal: &mut Journal,
    ) -> Option<(Instant, Ticket)> {
        let (mut next, mut late) = self.pop_judged(now, codel);
        if self.codel.dropping {
            self.codel.dropping = late;
            while self.codel.dropping && now >= self.codel.drop_next {
                self.codel.count += 1;
                let through = self.strike(now, codel, &mut next, &mut late, journal);
                self.codel.dropping = late;
                if late {
                    self.codel.advance(self.codel.drop_next, codel);
                }
                if through {
                    break;
                }
            }
        } else if late {
            self.strike(now, codel, &mut next, &mut late, journal);
            self.codel.begin(now, codel);
        }
        next
    }

    /// Drops the packet and takes the next in its place; or marks it, which lets it through.
    fn strike(
        &mut self,
        now: Instant,
        codel: Codel,
        next: &mut Option<(Instant, Ticket)>,
        late: &mut bool,
        journal: &mut Journal,
    ) -> bool {
        if let Some((_, ticket)) = next {
            if codel.ecn && mark(now, &mut ticket.packet, journal) {
                return true;
            }
            journal.note(now, Effect::CodelDropped, &ticket.packet);
        }
        (*next, *late) = self.pop_judged(now, codel);
        false
    }

    /// The first packet that waits, and whether packets have been late for long enough to drop it
    /// (RFC 8289 5.6, `dodequeue`).
    fn pop_judged(&mut self, now: Instant, codel: Codel) -> (Option<(Instant, Ticket)>, bool) {
        let next = self.pop();
        let in_time = |(since, _): &(Instant, Ticket)| now.since(*since) < codel.target;
        if next.as_ref().is_none_or(in_time) || self.waiting_bytes <= self.largest {
            self.codel.first_above = None;
            return (next, false);
        }
        let since = *self.codel.first_above.get_or_insert(now + codel.interval);
        (next, now >= since)
    }
}

/// What CoDel remembers (RFC 8289 5.3).
#[derive(Clone, Debug, Default)]
struct CodelState {
    /// When packets will have been late for an interval; `None` while they are not late.
    first_above: Option<Instant>,
    /// When to drop the next.
    drop_next: Instant,
    /// Packets dropped since this began, and when the last time began.
    count: u32,
    last_count: u32,
    dropping: bool,
}

impl CodelState {
    /// The first drop (RFC 8289 5.5): not from scratch when the last time is not long ago.
    fn begin(&mut self, now: Instant, codel: Codel) {
        self.dropping = true;
        let recent = now.since(self.drop_next) < 16 * codel.interval;
        let delta = self.count - self.last_count;
        self.count = if delta > 1 && recent { delta } else { 1 };
        self.last_count = self.count;
        self.advance(now, codel);
    }

    /// The control law (RFC 8289 5.5): the next drop comes sooner the more there were.
    fn advance(&mut self, from: Instant, codel: Codel) {
        self.drop_next = from + codel.interval.div_f64(f64::from(self.count).sqrt());
    }
}
