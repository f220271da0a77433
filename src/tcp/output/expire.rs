//! What happens when a timer of a connection goes off (RFC 9293 3.10.8).

use crate::context::Context;
use crate::event::{Cause, Event, LostBy, Reduction, State, TimerKind, Why};
use crate::tcp::Error;
use crate::tcp::congestion::Timeout;
use crate::tcp::loss::Selective;
use crate::tcp::loss::dupack::Mode;
use crate::tcp::tcb::Tcb;
use crate::time::Instant;

impl Tcb {
    /// Runs every timer that is due.
    pub fn expire(&mut self, cx: &mut Context<'_>) {
        while let Some(timer) = self.timers.take_due(cx.now) {
            let timer = self.probe_before(timer, cx.now);
            let conn = self.conn;
            cx.emit(|| Event::TimerFired { conn, timer });
            match timer {
                TimerKind::Retransmission => self.retransmission_timeout(cx),
                TimerKind::Reordering => self.reordering_timeout(cx),
                TimerKind::TailLossProbe => self.probe_timeout(cx),
                TimerKind::Pacing => {}
                TimerKind::Persist => self.persist_timeout(cx),
                TimerKind::DelayedAck => {
                    let rto = self.rto().as_duration();
                    self.ack.delay_over(&self.config, rto);
                }
                TimerKind::Keepalive => self.keepalive_timeout(cx),
                TimerKind::Close => self.close_timeout(cx),
            }
        }
    }

    /// A tail-loss probe comes no later than the time-out, and takes its place (RFC 8985 7.2).
    fn probe_before(&mut self, timer: TimerKind, now: Instant) -> TimerKind {
        let probe = TimerKind::TailLossProbe;
        let waits = self.timers.is_armed(probe) && !self.user_timeout_over(now);
        if timer != TimerKind::Retransmission || !waits {
            return timer;
        }
        self.timers.cancel(probe);
        self.timers.tell_no_change(probe);
        probe
    }

    /// RFC 6298 5.4 to 5.7, RFC 9293 3.8.3.
    fn retransmission_timeout(&mut self, cx: &mut Context<'_>) {
        let opening = self.snd.syn_unacked();
        let limit = if opening {
            self.config.syn_retransmission_limit
        } else {
            self.config.retransmission_limit
        };
        if self.user_timeout_over(cx.now) {
            return self.reset(cx, Cause::UserTimeout, Some(self.timed_out()));
        }
        if self.timeouts >= limit {
            return self.reset(cx, Cause::RetransmissionLimit, Some(self.timed_out()));
        }
        self.timeouts += 1;
        self.backoff = self.backoff.saturating_add(1);
        self.snd.syn_pending |= opening;
        // A client that lacks our SYN has dropped what was sent after it.
        let early = opening && self.sends_early() && self.snd.outstanding() > 1;
        if opening && !early {
            return;
        }
        let fresh = !matches!(self.loss.mode(), Mode::FastRecovery | Mode::RtoRecovery);
        if !opening {
            self.suspect_size(cx);
        }
        self.lower_window(cx);
        self.ecn.reduced(self.snd.nxt, false);
        self.loss.on_rto(self.snd.nxt);
        if self.is_selective() {
            let before = std::mem::take(&mut self.selective);
            self.selective = Selective {
                rack: before.rack,
                undo: if fresh { Some(Box::default()) } else { before.undo },
                // RFC 5682 2.1 step 1: nothing was sent again before, or only by the timer.
                frto: !opening && (fresh || self.timeouts > 1),
                again_since: before.again_since,
                undone: before.undone,
                needless: before.needless,
                ..Selective::default()
            };
            self.timers.cancel(TimerKind::Reordering);
            self.timers.cancel(TimerKind::TailLossProbe);
            self.mark_timed_out(cx);
        } else {
            self.mark_all_lost(cx, LostBy::Timeout);
        }
        self.emit_window(cx);
    }

    /// What was overtaken has had time enough to arrive (RFC 8985 6.3).
    fn reordering_timeout(&mut self, cx: &mut Context<'_>) {
        let in_flight = self.flight();
        if self.find_lost(cx) > 0 {
            let before = self.loss.mode();
            self.lost_found(cx, self.snd.outstanding(), in_flight);
            self.begin_gently(cx, before);
        }
    }

    /// Two round trips without an answer: the next segment, or the last one again, will show what is
    /// missing (RFC 8985 7.3).
    fn probe_timeout(&mut self, cx: &mut Context<'_>) {
        self.selective.probe_due = self.plan_probe().is_some();
        self.timers.cancel(TimerKind::Retransmission);
        self.arm_retransmission(cx.now);
    }

    /// The time-out tells congestion control of a loss, unless that is known: of the same data, because a mark
    /// in the same window was answered, or because fast recovery repairs one loss after the other for longer
    /// than the timer runs. (Whether what goes again
    /// then was lost a second time, for which RFC 5681 4.3 would lower ssthresh again, nobody knows; Linux
    /// does not either.)
    fn lower_window(&mut self, cx: &mut Context<'_>) {
        let outstanding = self.snd.outstanding();
        let (in_flight, loss) = match self.loss.mode() {
            // "No more than" (RFC 5681 3.1, equation 4): where Reno's recovery ended early, what has left
            // since is still outstanding.
            Mode::Open | Mode::PathMtu | Mode::SynText => {
                let first =
                    if self.ecn.answers_mark() { Timeout::Answered } else { Timeout::First };
                (outstanding.min(self.congestion.window()), first)
            }
            Mode::Reducing => (outstanding, Timeout::Answered),
            mode => {
                // What was sent again was lost (RFC 5681 4.3). Since the first loss no more than ssthresh
                // was in flight, although more is outstanding: recovery lets new data go as old leaves.
                let most = self.congestion.ssthresh().unwrap_or(outstanding);
                let repairing =
                    mode == Mode::FastRecovery && (self.loss.partial_seen() || self.is_selective());
                let loss = if repairing { Timeout::Again } else { Timeout::First };
                (outstanding.min(most), loss)
            }
        };
        let loss = if self.timeouts > 1 { Timeout::Again } else { loss };
        self.congestion.on_rto(cx.now, in_flight, loss);
        let conn = self.conn;
        cx.emit(|| Event::Reduced { conn, why: Reduction::Timeout });
    }

    /// RFC 9293 3.8.6.1: probe for ever as long as the peer answers.
    fn persist_timeout(&mut self, cx: &mut Context<'_>) {
        if self.is_corked() && self.snd.window_left() > 0 {
            // What was to come has not come for long enough.
            self.snd.pushed = self.snd.buffer.end() as u32;
            return self.request_probe(Why::ZeroWindowProbe);
        }
        if self.user_timeout_over(cx.now) {
            return self.reset(cx, Cause::UserTimeout, Some(self.timed_out()));
        }
        if self.timeouts >= self.config.retransmission_limit {
            return self.reset(cx, Cause::RetransmissionLimit, Some(self.timed_out()));
        }
        self.timeouts += 1;
        self.backoff = self.backoff.saturating_add(1);
        self.request_probe(Why::ZeroWindowProbe);
    }

    /// RFC 9293 3.8.4.
    fn keepalive_timeout(&mut self, cx: &mut Context<'_>) {
        let Some(keepalive) = self.config.keepalive else {
            return;
        };
        if self.snd.outstanding() > 0 {
            // Retransmissions find a dead peer by themselves.
            return self.timers.arm(TimerKind::Keepalive, cx.now + keepalive.idle);
        }
        if cx.now.since(self.last_heard) < keepalive.idle {
            return self.timers.arm(TimerKind::Keepalive, self.last_heard + keepalive.idle);
        }
        if self.keepalives >= keepalive.count {
            return self.reset(cx, Cause::KeepaliveLimit, Some(self.timed_out()));
        }
        self.keepalives += 1;
        self.request_probe(Why::Keepalive);
        self.timers.arm(TimerKind::Keepalive, cx.now + keepalive.interval);
    }

    /// Why nothing was answered, as far as it is known (RFC 5461 2.2).
    fn timed_out(&self) -> Error {
        self.soft_error.map_or(Error::TimedOut, Error::Reported)
    }

    fn close_timeout(&mut self, cx: &mut Context<'_>) {
        if self.state == State::FinWait2 {
            self.finish(cx, Cause::FinWait2Timeout, None);
        } else {
            self.reset(cx, Cause::LingerTimeout, Some(Error::Aborted));
        }
    }
}
