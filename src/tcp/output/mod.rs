//! Sending: `plan` decides (and can be asked without sending), `build` makes the segment, `ecn` marks it.

mod build;
mod ecn;
mod expire;
mod plan;

use bytes::Bytes;
use smallvec::SmallVec;

use crate::context::Context;
use crate::event::{Event, Limit, Reduction, TimerKind, Why};
use crate::tcp::busy::Doing;
use crate::tcp::loss::dupack::Mode;
use crate::tcp::tcb::Tcb;
use crate::time::Instant;
use crate::wire::tcp::Segment;

pub use plan::{Plan, Transmission};

/// A segment, or a burst of segments under one header, ready for the network layer.
#[derive(Debug)]
pub struct Outgoing {
    /// The header; its own payload is empty.
    pub header: Segment,
    /// The text, in slices.
    pub payload: SmallVec<[Bytes; 2]>,
    /// Length of the text, in bytes.
    pub payload_len: u32,
    /// Text of each segment when it is more than one, otherwise 0.
    pub segment_size: u16,
    /// Whether routers must not fragment it.
    pub dont_fragment: bool,
    /// Why it is sent.
    pub why: Why,
}

impl Tcb {
    /// The next thing to send, or `None` when nothing may be sent now; then the timers are set.
    pub fn poll_output(&mut self, cx: &mut Context<'_>) -> Option<Outgoing> {
        self.restart_after_idle(cx);
        match self.plan(cx.now) {
            Plan::Send(transmission) => Some(self.build(cx, transmission)),
            Plan::Wait(limit) => {
                self.settle(cx, limit);
                None
            }
        }
    }

    /// The acknowledgment that has to go before another segment of the same batch is looked at, if one is owed:
    /// duplicates are counted (RFC 5681 4.2).
    pub fn acknowledge_apart(&mut self, cx: &mut Context<'_>) -> Option<Outgoing> {
        self.plan_apart().map(|transmission| self.build(cx, transmission))
    }

    /// RFC 5681 4.1: a window that was not used for a whole time-out says nothing any more.
    fn restart_after_idle(&mut self, cx: &mut Context<'_>) {
        let idle = self.snd.outstanding() == 0 && self.snd.unsent() > 0;
        let (idle_for, rto) = (cx.now.since(self.last_sent), self.rto().as_duration());
        if idle && idle_for > rto {
            let before = self.congestion.window();
            self.congestion.on_idle_restart(idle_for, rto);
            self.last_sent = cx.now;
            if before != self.congestion.window() {
                self.emit_reduction(cx, Reduction::Idle);
            }
        }
    }

    /// Nothing more can be sent: set the timers that will make it possible.
    fn settle(&mut self, cx: &mut Context<'_>, limit: Limit) {
        match limit {
            Limit::Pacing => self.timers.arm(TimerKind::Pacing, self.pacer.next()),
            Limit::Nothing | Limit::Nagle | Limit::Cork if self.scoreboard.lost() == 0 => {
                self.app_limited();
            }
            _ => {}
        }
        self.validate_window(cx, limit);
        self.busy.note(cx.now, self.doing(limit));
        if self.limit != limit {
            self.limit = limit;
            let conn = self.conn;
            cx.emit(move || Event::Limited { conn, by: limit });
        }
        if limit == Limit::State {
            return;
        }
        if self.snd.outstanding() > 0 {
            self.timers.cancel(TimerKind::Persist);
            self.arm_retransmission(cx.now);
        } else if matches!(limit, Limit::PeerWindow | Limit::SillyWindow) {
            let at = self.give_up_by(cx.now, cx.now + self.rto().as_duration());
            self.timers.arm_if_idle(TimerKind::Persist, at);
        } else if limit == Limit::Cork {
            let at = cx.now + self.rto().as_duration();
            self.timers.arm_if_idle(TimerKind::Persist, at);
        } else {
            self.timers.cancel(TimerKind::Persist);
        }
    }

    /// What keeps the sender, which has nothing to send now because of `limit`.
    fn doing(&self, limit: Limit) -> Doing {
        let opening = self.snd.syn_unacked() && self.snd.buffer.len() == 0;
        let outstanding = self.snd.outstanding() > 0 && !opening;
        match limit {
            Limit::State => Doing::Nothing,
            Limit::PeerWindow | Limit::SillyWindow => Doing::PeerWindow,
            Limit::Nothing if !outstanding => Doing::Nothing,
            Limit::Nothing if self.send_room() == 0 => Doing::SendBuffer,
            _ => Doing::Sending,
        }
    }

    /// A window that the application has not needed for a whole time-out becomes smaller (RFC 2861 3.2). One
    /// whose send buffer was full was held back by us.
    fn validate_window(&mut self, cx: &mut Context<'_>, limit: Limit) {
        let (flight, cwnd) = (self.flight(), self.cwnd());
        let full = limit == Limit::CongestionWindow || flight >= cwnd;
        let (una, nxt) = (self.snd.place_of(self.snd.una), self.snd.place_of(self.snd.nxt));
        self.usage.note(cx.now, flight, full, una, nxt);
        let idle = matches!(limit, Limit::Nothing | Limit::Nagle | Limit::Cork)
            && self.loss.mode() == Mode::Open;
        if idle && !full && self.send_room() > 0 {
            let rto = self.rto().as_duration();
            if let Some(used) = self.usage.take_underused(cx.now, rto) {
                self.congestion.on_underused(used);
                if cwnd != self.cwnd() {
                    self.emit_reduction(cx, Reduction::Unused);
                }
            }
        }
    }

    /// The window has become smaller although nothing says that it was too large.
    fn emit_reduction(&self, cx: &mut Context<'_>, why: Reduction) {
        let conn = self.conn;
        cx.emit(|| Event::Reduced { conn, why });
        self.emit_window(cx);
    }

    /// The application has given less than the window would take.
    fn app_limited(&mut self) {
        let flight = self.flight();
        if flight < self.cwnd() {
            self.delivery_rate.on_app_limited(flight);
        }
    }

    /// Starts the retransmission timer unless it runs (RFC 6298 5.1).
    pub(in crate::tcp) fn arm_retransmission(&mut self, now: Instant) {
        if !self.timers.is_armed(TimerKind::Retransmission) {
            let at = self.give_up_by(now, now + self.rto().as_duration());
            self.timers.arm(TimerKind::Retransmission, at);
        }
    }

    /// `at`, or the end of the user time-out when that comes first.
    fn give_up_by(&mut self, now: Instant, at: Instant) -> Instant {
        let since = *self.unanswered_since.get_or_insert(now);
        match self.config.user_timeout {
            Some(timeout) => at.min((since + timeout).max(now)),
            None => at,
        }
    }

    /// Whether the user time-out has run out (RFC 9293 3.8.3).
    fn user_timeout_over(&self, now: Instant) -> bool {
        match (self.config.user_timeout, self.unanswered_since) {
            (Some(timeout), Some(since)) => now.since(since) >= timeout,
            _ => false,
        }
    }

    /// Asks for a segment that the peer must answer.
    fn request_probe(&mut self, why: Why) {
        self.probe_pending = Some(why);
    }
}
