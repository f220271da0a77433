//! A path in virtual time: one bottleneck with a queue, a fixed way there and back, and a sender that
//! paces, finds losses by what arrives later, and samples the rate of delivery as the draft has it (4.1).
//! What is lost is not sent again: there is always something else to send.

use std::collections::{BTreeMap, VecDeque};

use super::super::super::{Ack, CongestionControl, LostSegment, RateSample, Signal, Timeout};
use super::super::{Bbr, State};
use crate::tcp::Profile;
use crate::time::{Duration, Instant};

pub(in super::super) const MSS: u32 = 1460;
/// Later segments that have to arrive before one counts as lost.
const REORDERING: u64 = 3;

/// What is remembered of a segment that was sent.
#[derive(Clone, Debug)]
struct Sent {
    at: Instant,
    delivered: u64,
    delivered_at: Instant,
    first_sent_at: Instant,
    lost: u64,
    tx_in_flight: u32,
    app_limited: bool,
}

/// The path, with what goes over it.
#[derive(Debug)]
pub(in super::super) struct Path {
    pub(in super::super) now: Instant,
    pub(in super::super) bbr: Bbr,
    /// Bytes a second of the bottleneck.
    pub(in super::super) rate: u64,
    pub(in super::super) rtt: Duration,
    /// Bytes that the queue holds.
    pub(in super::super) queue_limit: u64,
    /// From how many on it marks.
    pub(in super::super) mark_above: u64,
    /// Lost by chance, of a thousand.
    pub(in super::super) loss: u64,
    /// Acknowledgments leave at multiples of this.
    pub(in super::super) slot: Duration,
    /// Bytes a second that the application writes; `None`: as much as there is room for.
    pub(in super::super) application: Option<u64>,
    /// A router's marks lead to `Signal::Ecn` once a window (RFC 3168), too.
    pub(in super::super) classic_ecn: bool,
    pub(in super::super) longest_queue: u64,
    pub(in super::super) dropped: u64,
    pub(in super::super) delivered: u64,
    pub(in super::super) rounds_seen: u64,
    /// Each state, and when it began.
    pub(in super::super) states: Vec<(Instant, State)>,
    chance: u64,
    free_at: Instant,
    acks: BTreeMap<Instant, Vec<(u64, bool)>>,
    sent: BTreeMap<u64, Sent>,
    losses_found: VecDeque<u64>,
    next: u64,
    next_send: Instant,
    first_sent_at: Instant,
    delivered_at: Instant,
    lost: u64,
    in_flight: u32,
    srtt: Option<Duration>,
    cwnd_limited: bool,
    app_limited: u64,
    written_at: Instant,
    written: u64,
    recover: Option<u64>,
    marked_until: u64,
}

impl Path {
    /// So many megabits a second, milliseconds there and back, and thousandths of the product of both in
    /// the queue.
    pub(in super::super) fn new(mbit: u64, rtt_ms: u64, queue: u64) -> Path {
        let rate = mbit * 125_000;
        let mut path = Path {
            now: Instant::from_millis(1000),
            bbr: Bbr::new(MSS, Profile::Linux),
            rate,
            rtt: Duration::from_millis(rtt_ms),
            queue_limit: rate * rtt_ms / 1000 * queue / 1000,
            mark_above: u64::MAX,
            loss: 0,
            slot: Duration::from_nanos(1),
            application: None,
            classic_ecn: false,
            longest_queue: 0,
            dropped: 0,
            delivered: 0,
            rounds_seen: 0,
            states: Vec::new(),
            chance: 0x9E37_79B9_7F4A_7C15,
            free_at: Instant::ZERO,
            acks: BTreeMap::new(),
            sent: BTreeMap::new(),
            losses_found: VecDeque::new(),
            next: 0,
            next_send: Instant::ZERO,
            first_sent_at: Instant::ZERO,
            delivered_at: Instant::ZERO,
            lost: 0,
            in_flight: 0,
            srtt: None,
            cwnd_limited: false,
            app_limited: 0,
            written_at: Instant::from_millis(1000),
            written: 0,
            recover: None,
            marked_until: 0,
        };
        path.note_state();
        path
    }

    /// From now on the application writes so many bytes a second.
    pub(in super::super) fn write_at(&mut self, rate: u64) {
        self.application = Some(rate);
        self.written_at = self.now;
        self.written = 0;
    }

    /// Bytes that the bottleneck has still to send.
    pub(in super::super) fn queue(&self) -> u64 {
        let wait = self.free_at.since(self.now).as_nanos();
        (u128::from(self.rate) * wait / 1_000_000_000) as u64
    }

    /// What the path holds without a queue.
    pub(in super::super) fn bdp(&self) -> u64 {
        self.rate * self.rtt.as_millis() as u64 / 1000
    }

    /// So much time passes; what is delivered in it, in thousandths of what the bottleneck could.
    pub(in super::super) fn run(&mut self, time: Duration) -> u64 {
        let (end, before) = (self.now + time, self.delivered);
        self.longest_queue = 0;
        while self.step(end) {}
        let could = u128::from(self.rate) * time.as_nanos() / 1_000_000_000;
        (u128::from(self.delivered - before) * 1000 / could) as u64
    }

    /// Until `done`, or for ten minutes.
    pub(in super::super) fn run_until(&mut self, done: impl Fn(&Path) -> bool) {
        let end = self.now + Duration::from_secs(600);
        while !done(self) {
            assert!(self.step(end), "it never happened; {:?}", self.states);
        }
    }

    /// The next that happens, before `end`.
    fn step(&mut self, end: Instant) -> bool {
        let send = self.may_send_at();
        let ack = self.acks.keys().next().copied().unwrap_or(Instant::FAR_FUTURE);
        let next = send.min(ack);
        if next > end || next == Instant::FAR_FUTURE {
            if next == Instant::FAR_FUTURE && self.in_flight > 0 {
                self.time_out();
                return true;
            }
            self.now = end;
            return false;
        }
        self.now = self.now.max(next);
        if ack <= send {
            self.acknowledge();
        } else {
            self.send();
        }
        self.note_state();
        true
    }

    fn may_send_at(&mut self) -> Instant {
        if self.in_flight + MSS > self.bbr.window() {
            self.cwnd_limited = true;
            return Instant::FAR_FUTURE;
        }
        let ready = match self.application {
            None => self.now,
            Some(rate) => {
                let nanos =
                    u128::from(self.written + u64::from(MSS)) * 1_000_000_000 / u128::from(rate);
                self.written_at + Duration::from_nanos(nanos as u64)
            }
        };
        if ready > self.now && self.next_send <= self.now {
            self.app_limited = (self.delivered + u64::from(self.in_flight)).max(1);
        }
        ready.max(self.next_send).max(self.now)
    }

    fn send(&mut self) {
        let idle = self.in_flight == 0 && self.application.is_some();
        self.bbr.on_sent(self.now, self.in_flight, idle);
        if self.in_flight == 0 {
            self.first_sent_at = self.now;
            self.delivered_at = self.now;
        }
        self.in_flight += MSS;
        self.written += u64::from(MSS);
        let rate = self.bbr.pacing_rate().unwrap();
        self.next_send = self.now + Duration::from_nanos(u64::from(MSS) * 1_000_000_000 / rate);
        let sent = Sent {
            at: self.now,
            delivered: self.delivered,
            delivered_at: self.delivered_at,
            first_sent_at: self.first_sent_at,
            lost: self.lost,
            tx_in_flight: self.in_flight,
            app_limited: self.app_limited > 0,
        };
        self.sent.insert(self.next, sent);
        self.enter_queue(self.next);
        self.next += 1;
    }

    fn enter_queue(&mut self, number: u64) {
        let queue = self.queue();
        self.longest_queue = self.longest_queue.max(queue);
        self.chance ^= self.chance << 13;
        self.chance ^= self.chance >> 7;
        self.chance ^= self.chance << 17;
        if queue + u64::from(MSS) > self.queue_limit || self.chance % 1000 < self.loss {
            self.dropped += 1;
            return;
        }
        let takes = Duration::from_nanos(u64::from(MSS) * 1_000_000_000 / self.rate);
        self.free_at = self.free_at.max(self.now) + takes;
        let slot = self.slot.as_nanos() as u64;
        let arrives = (self.free_at + self.rtt).as_nanos().div_ceil(slot) * slot;
        let acks = self.acks.entry(Instant::from_nanos(arrives)).or_default();
        acks.push((number, queue > self.mark_above));
    }

    /// All acknowledgments that arrive now are one.
    fn acknowledge(&mut self) {
        let (_, numbers) = self.acks.pop_first().unwrap();
        let numbers: Vec<_> =
            numbers.into_iter().filter(|(number, _)| self.sent.contains_key(number)).collect();
        let Some(&(newest, _)) = numbers.last() else { return };
        let prior_in_flight = self.in_flight;
        let marked = numbers.iter().any(|&(_, marked)| marked);
        let acked = numbers.len() as u32 * MSS;
        let sent = self.sent[&newest].clone();
        numbers.iter().for_each(|(number, _)| _ = self.sent.remove(number));
        self.delivered += u64::from(acked);
        self.in_flight -= acked;
        self.delivered_at = self.now;
        self.first_sent_at = sent.at;
        if self.app_limited > 0 && self.delivered > self.app_limited {
            self.app_limited = 0;
        }
        let rtt = self.now.since(sent.at);
        self.srtt = Some(self.srtt.map_or(rtt, |srtt| (srtt * 7 + rtt) / 8));
        let lost = self.find_losses(newest);
        self.congestion(newest, lost > 0, marked);
        let interval = sent.at.since(sent.first_sent_at).max(self.now.since(sent.delivered_at));
        let rate = RateSample {
            delivered: self.delivered - sent.delivered,
            interval,
            prior_delivered: sent.delivered,
            total_delivered: self.delivered,
            lost: self.lost - sent.lost,
            tx_in_flight: sent.tx_in_flight,
            app_limited: sent.app_limited,
        };
        let ack = Ack {
            now: self.now,
            acked,
            delivered: acked,
            lost,
            prior_in_flight,
            in_flight: self.in_flight,
            rtt: Some(rtt),
            srtt: self.srtt,
            window_limited: std::mem::take(&mut self.cwnd_limited),
            una: self.delivered,
            nxt: self.delivered + u64::from(self.in_flight),
            recovering: self.recover.is_some(),
            ece: marked,
            rate: (interval >= self.rtt).then_some(rate),
        };
        self.bbr.on_ack(&ack);
        self.rounds_seen += u64::from(self.bbr.model.rounds.start);
        self.check();
    }

    fn find_losses(&mut self, newest: u64) -> u32 {
        let missing = self.sent.range(..newest.saturating_sub(REORDERING - 1));
        self.losses_found.extend(missing.map(|(&number, _)| number));
        self.lose()
    }

    fn lose(&mut self) -> u32 {
        let mut bytes = 0;
        while let Some(number) = self.losses_found.pop_front() {
            let sent = self.sent.remove(&number).unwrap();
            self.lost += u64::from(MSS);
            self.in_flight -= MSS;
            bytes += MSS;
            self.bbr.on_segment_lost(&LostSegment {
                now: self.now,
                bytes: MSS,
                tx_in_flight: sent.tx_in_flight,
                lost: self.lost - sent.lost,
                prior_delivered: sent.delivered,
                app_limited: sent.app_limited,
            });
        }
        bytes
    }

    fn congestion(&mut self, newest: u64, lost: bool, marked: bool) {
        if self.recover.is_some_and(|recover| newest >= recover) {
            self.recover = None;
            self.bbr.on_recovered(self.now, self.in_flight);
        }
        if lost && self.recover.is_none() {
            self.recover = Some(self.next);
            self.bbr.on_congestion(self.now, self.in_flight, Signal::Loss);
        }
        if marked && self.classic_ecn && newest >= self.marked_until {
            self.marked_until = self.next;
            self.bbr.on_congestion(self.now, self.in_flight, Signal::Ecn);
        }
    }

    /// Nothing arrives any more.
    fn time_out(&mut self) {
        self.now += Duration::from_secs(1);
        self.losses_found.extend(self.sent.keys().copied());
        let in_flight = self.in_flight;
        self.lose();
        self.recover = Some(self.next);
        self.bbr.on_rto(self.now, in_flight, Timeout::First);
        assert_eq!(self.bbr.window(), MSS);
    }

    /// What holds at any time.
    fn check(&self) {
        assert!(self.bbr.window() >= 4 * MSS);
        assert!(self.bbr.pacing_rate().unwrap() > 0);
    }

    fn note_state(&mut self) {
        let state = self.bbr.state;
        if self.states.last().is_none_or(|&(_, last)| last != state) {
            self.states.push((self.now, state));
        }
    }

    /// When it was last in `state`, and for how long; the state must be over.
    pub(in super::super) fn last(&self, state: State) -> Option<(Instant, Duration)> {
        let mut pairs = self.states.windows(2).rev();
        let pair = pairs.find(|pair| pair[0].1 == state)?;
        Some((pair[0].0, pair[1].0.since(pair[0].0)))
    }
}
