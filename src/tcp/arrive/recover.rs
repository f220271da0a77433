//! Losses found by SACK, RACK and tail-loss probes, and repaired in proportion to what arrives, as Linux
//! does it (RFC 8985, RFC 6675, RFC 6937, RFC 5682, RFC 3522, RFC 3708). For a peer without SACK
//! duplicate acknowledgments find them (RFC 6582); the rest is the same.
//!
//! ```text
//!   acknowledgment -> what has arrived -> over? undo? -> what is lost -> window -> timers
//! ```

use crate::context::Context;
use crate::event::{Event, LostBy, Reduction, TimerKind, UndoneBy};
use crate::tcp::arrive::news::News;
use crate::tcp::congestion::{Ack, Controller, Prr, Recovery, Signal};
use crate::tcp::fault;
use crate::tcp::loss::dupack::{Mode, THRESHOLD, Verdict};
use crate::tcp::loss::rack::Path;
use crate::tcp::loss::tlp::{self, Answer};
use crate::tcp::rate::DeliveryRate;
use crate::tcp::scoreboard::Found;
use crate::tcp::tcb::Tcb;
use crate::time::Instant;
use crate::wire::SeqNum;
use crate::wire::tcp::Segment;

impl Tcb {
    /// Whether losses are repaired here: the algorithm wants it so.
    pub(in crate::tcp) fn is_selective(&self) -> bool {
        self.congestion.recovery().is_selective()
    }

    /// Whether the peer's SACK blocks are made use of.
    pub(in crate::tcp) fn uses_sack(&self) -> bool {
        self.sack && self.is_selective()
    }

    /// An acknowledgment of nothing new in order from a peer with SACK.
    pub(super) fn no_new_ack(
        &mut self,
        cx: &mut Context<'_>,
        segment: &Segment,
        bare: bool,
        mut news: News,
    ) {
        if news.delivery.bytes > 0 || news.dsack.is_some() {
            self.count_delivered(false, &news);
            self.sample_rtt(cx, segment, false, &mut news);
            self.repair(cx, segment, news);
        } else if bare {
            self.answer_probe(cx, &news, true);
        }
    }

    /// Whatever follows from an acknowledgment that tells something new. Whether the retransmission timer
    /// starts anew.
    pub(super) fn repair(&mut self, cx: &mut Context<'_>, segment: &Segment, news: News) -> bool {
        let allowance = self.loss.allowance();
        let before = self.loss.mode();
        let verdict = match news.advanced {
            true => self.loss.on_new_ack(self.snd.una, news.acked, self.segment_size()),
            false => Verdict::Nothing,
        };
        let tsecr = self.timestamps.and(segment.options.timestamps).map(|ts| ts.tsecr);
        self.judge(cx, before, tsecr, &news);
        // Without SACK, duplicates have told of a part already (RFC 6937 3), but never of the first.
        let mss = self.segment_size();
        let delivered = match self.sack {
            true => news.delivery.bytes,
            false => {
                news.delivery.bytes.saturating_sub(allowance).max(mss.min(news.delivery.bytes))
            }
        };
        self.go_on(cx, verdict, delivered, news);
        !matches!(verdict, Verdict::Partial { first: false }) || self.sack
    }

    /// The same for a duplicate acknowledgment from a peer without SACK.
    pub(super) fn repair_unsaid(&mut self, cx: &mut Context<'_>, verdict: Verdict, news: News) {
        self.selective.new_first = false;
        if self.loss.sent_since(self.snd.nxt) {
            self.selective.frto = false; // RFC 5682 2.1 step 3a
            self.loss.on_new_data_arrived(self.segment_size());
        }
        let delivered = news.delivery.bytes;
        self.go_on(cx, verdict, delivered, news);
    }

    /// What is lost, and what becomes of the window and of the timers.
    fn go_on(&mut self, cx: &mut Context<'_>, verdict: Verdict, delivered: u32, news: News) {
        let window = (self.cwnd(), self.congestion.ssthresh());
        let mode = self.loss.mode();
        let now = cx.now;
        if news.delivery.reordered {
            self.note_reordering(news.delivery.reordered_from);
        }
        let lost = if self.sack {
            self.selective.rack.on_delivery(now, &news.delivery);
            self.find_lost(cx)
        } else if matches!(verdict, Verdict::Enter | Verdict::Partial { .. }) {
            self.mark_first_lost(cx)
        } else {
            0
        };
        if lost > 0 {
            self.lost_found(cx, news.flight_size, news.prior_in_flight);
        }
        self.answer_probe(cx, &news, false);
        let in_flight = self.flight();
        if let Some(prr) = &mut self.selective.prr {
            prr.on_ack(delivered, in_flight, news.advanced && lost == 0);
        }
        let mut known = news.delivery;
        known.bytes = delivered;
        let rate = self.delivery_rate.on_delivery(now, &known, self.rtt.min());
        let recovering = self.loss.mode().is_reduction();
        let limited = self.was_window_limited();
        // What was reported by SACK before is no sign of room for more: it left the path long ago. Where the path reorders
        // far, every report counts at once, for there what lies beyond a gap says no less than what fills it (as Linux).
        let acked = if self.reorders_far() { delivered } else { news.acked.min(delivered) };
        self.congestion.on_ack(&Ack {
            now,
            acked,
            delivered,
            lost,
            prior_in_flight: news.prior_in_flight,
            in_flight,
            rtt: news.rtt,
            srtt: self.rtt.srtt(),
            window_limited: limited,
            una: self.snd.place_of(self.snd.una),
            nxt: self.snd.place_of(self.snd.nxt),
            recovering,
            ece: news.ece,
            rate,
        });
        if window != (self.cwnd(), self.congestion.ssthresh()) || mode != self.loss.mode() {
            self.emit_window(cx);
        }
        self.schedule_probe(now);
    }

    /// Something has arrived, at this place, after what lies beyond it.
    fn note_reordering(&mut self, from: u64) {
        let extent = self.scoreboard.sacked_end().saturating_sub(from);
        let segments = extent.div_ceil(self.full_segment().into()).min(300) as u16;
        self.totals.reordering = self.totals.reordering.max(segments);
        self.totals.reorderings = self.totals.reorderings.saturating_add(1);
    }

    /// Whether what arrives out of order is nothing unusual on this path: three duplicates would have meant a loss.
    fn reorders_far(&self) -> bool {
        u32::from(self.totals.reordering) > THRESHOLD
    }

    /// Whether the window was full, or is under repair: otherwise it must not grow.
    pub(super) fn was_window_limited(&self) -> bool {
        let (cwnd, slow_start) = (self.congestion.window(), self.congestion.in_slow_start());
        self.loss.mode() != Mode::Open || self.usage.allows_growth(cwnd, slow_start)
    }

    /// Whether a repair is over, or was wrong; `before` is where it stood before this acknowledgment.
    fn judge(&mut self, cx: &mut Context<'_>, before: Mode, tsecr: Option<u32>, news: &News) {
        self.selective.new_first = false;
        if news.dsack.is_some() {
            self.note_dsack(cx, news);
        }
        if !news.advanced && before != Mode::RtoRecovery {
            return;
        }
        let over = before != Mode::Open && self.loss.mode() == Mode::Open;
        let una = self.snd.place_of(self.snd.una);
        self.selective.undo.take_if(|undo| undo.is_past(una));
        if before == Mode::RtoRecovery && self.selective.frto && self.frto(cx, over, news) {
            return;
        }
        // A duplicate echoes what arrived last in order, whatever has let it be sent (RFC 7323 4.3).
        let eifel = news.advanced && tsecr.is_some_and(|ecr| self.selective.answers_original(ecr));
        if self.scoreboard.again() == 0 {
            self.selective.again_since = None;
        }
        if before != Mode::Open && eifel && self.selective.undo.is_some() {
            self.undo(cx, UndoneBy::Eifel);
        } else if over {
            self.recovered(cx, before);
        }
    }

    /// Everything that was outstanding when the repair began is acknowledged.
    fn recovered(&mut self, cx: &mut Context<'_>, mode: Mode) {
        self.selective.prr = None;
        self.selective.frto = false;
        if matches!(mode, Mode::PathMtu | Mode::SynText) {
            return;
        }
        if mode != Mode::Reducing {
            self.selective.rack.on_recovered();
        }
        let nxt = self.snd.place_of(self.snd.nxt);
        if let Some(undo) = &mut self.selective.undo {
            if mode == Mode::FastRecovery && undo.nothing_again() {
                return self.undo(cx, UndoneBy::NothingMissing);
            }
            undo.repaired(nxt);
        }
        let in_flight = self.in_flight();
        self.congestion.on_recovered(cx.now, in_flight);
        self.emit_window(cx);
    }

    /// F-RTO (RFC 5682 2.1, with SACK as Linux does it). Whether it has found the time-out wrong.
    fn frto(&mut self, cx: &mut Context<'_>, over: bool, news: &News) -> bool {
        let recover = self.snd.place_of(self.loss.recover());
        // Without SACK, what was acknowledged with a retransmission may have waited for that.
        let end = if self.sack || !news.delivery.again { news.delivery.once_end } else { 0 };
        // Step 3b: something has arrived that was sent before the time-out, and only then.
        if end > 0 && end <= recover + 1 {
            self.undo(cx, UndoneBy::Frto);
            return true;
        }
        if self.loss.sent_since(self.snd.nxt) {
            // Step 3a: what arrives is what was sent again.
            self.selective.frto &= news.delivery.sacked == 0;
        } else if news.advanced && !over {
            // Step 2b: new data tells more than a retransmission would.
            let can_send = self.snd.unsent() > 0 && self.snd.window_left() > 0;
            self.selective.frto = can_send;
            self.selective.new_first = can_send;
        }
        false
    }

    /// Something that was sent again has arrived twice (RFC 3708, RFC 8985 6.2 step 4).
    fn note_dsack(&mut self, cx: &mut Context<'_>, news: &News) {
        let Some((start, end)) = news.dsack else {
            return;
        };
        let (una, nxt) = (self.snd.place_of(self.snd.una), self.snd.place_of(self.snd.nxt));
        let of_probe = self.selective.probe.is_some_and(|probe| probe.again == Some(start));
        if of_probe {
            return; // it says nothing of the order
        }
        let segments = (end.saturating_sub(start) as u32).div_ceil(self.full_segment()).max(1);
        self.selective.needless = self.selective.needless.saturating_add(segments);
        if self.selective.needless > self.totals.retransmissions {
            return; // the network doubles packets, or the peer makes them up
        }
        self.selective.rack.on_needless(una, nxt);
        if let Some(undo) = &mut self.selective.undo
            && undo.on_dsack(start, end)
            && undo.all_needless()
            && una >= self.selective.undone
        {
            self.selective.undone = nxt;
            self.undo(cx, UndoneBy::Dsack);
        }
    }

    /// The last reduction was wrong (RFC 4015 3.2): the window is what it was before it.
    fn undo(&mut self, cx: &mut Context<'_>, by: UndoneBy) {
        self.congestion.on_undo(cx.now);
        if matches!(by, UndoneBy::Eifel | UndoneBy::NothingMissing) {
            // What a D-SACK would say a round trip later.
            let (una, nxt) = (self.snd.place_of(self.snd.una), self.snd.place_of(self.snd.nxt));
            self.selective.rack.on_needless(una, nxt);
        }
        self.selective.prr = None;
        self.selective.undo = None;
        self.selective.frto = false;
        self.scoreboard.mark_found();
        self.loss.on_undo();
        let conn = self.conn;
        cx.emit(|| Event::Undone { conn, by });
        self.emit_window(cx);
    }

    /// RACK: what is lost by now (RFC 8985 6.2 step 5). Gives how many bytes are found.
    pub(in crate::tcp) fn find_lost(&mut self, cx: &mut Context<'_>) -> u32 {
        self.timers.cancel(TimerKind::Reordering);
        let Some(&newest) = self.selective.rack.newest() else {
            return 0;
        };
        let repairing = matches!(self.loss.mode(), Mode::FastRecovery | Mode::RtoRecovery);
        let patience = self.selective.rack.patience(Path {
            min_rtt: self.rtt.min(),
            srtt: self.rtt.srtt().unwrap_or_default(),
            suspicious: repairing || self.scoreboard.sacked() > 2 * self.full_segment(),
        });
        let (now, before) = (cx.now, self.scoreboard.lost());
        let Tcb { scoreboard, congestion, delivery_rate, conn, .. } = self;
        let found = tell(congestion, delivery_rate, cx, *conn, LostBy::Rack);
        let is_over = |at: Instant| now.since(at) >= patience;
        let waits = scoreboard.mark_overtaken(&newest, is_over, found);
        if let Some(sent) = waits {
            self.timers.arm(TimerKind::Reordering, sent + patience);
        }
        self.scoreboard.lost() - before
    }

    /// The segment at snd.una is lost (without SACK no more is known). Gives how many bytes that are.
    pub(super) fn mark_first_lost(&mut self, cx: &mut Context<'_>) -> u32 {
        let len = self.segment_size().min(self.snd.outstanding());
        self.mark_lost(cx, self.snd.una + len, LostBy::Duplicates)
    }

    /// Everything outstanding is lost.
    pub(in crate::tcp) fn mark_all_lost(&mut self, cx: &mut Context<'_>, by: LostBy) {
        self.mark_lost(cx, self.snd.nxt, by);
    }

    fn mark_lost(&mut self, cx: &mut Context<'_>, end: SeqNum, by: LostBy) -> u32 {
        let (start, end) = (self.snd.place_of(self.snd.una), self.snd.place_of(end));
        let before = self.scoreboard.lost();
        let Tcb { scoreboard, congestion, delivery_rate, conn, .. } = self;
        let found = tell(congestion, delivery_rate, cx, *conn, by);
        scoreboard.mark_lost(start, end, found);
        self.scoreboard.lost() - before
    }

    /// The retransmission timer went off: what was sent long enough ago is lost (RFC 8985 6.3).
    pub(in crate::tcp) fn mark_timed_out(&mut self, cx: &mut Context<'_>) {
        if self.scoreboard.is_reneged() {
            let (conn, by) = (self.conn, LostBy::Reneged);
            let found = |start, len| cx.emit(|| Event::Lost { conn, start, len, by });
            self.scoreboard.renege(found); // RFC 2018 8
        }
        let (size, old) = (self.full_segment(), cx.now - self.selective.rack.rtt());
        let Tcb { scoreboard, congestion, delivery_rate, conn, .. } = self;
        let found = tell(congestion, delivery_rate, cx, *conn, LostBy::Timeout);
        scoreboard.mark_timed_out(size, old, found);
    }

    /// Something is lost: the repair begins, unless it goes on already.
    pub(in crate::tcp) fn lost_found(
        &mut self,
        cx: &mut Context<'_>,
        flight_size: u32,
        in_flight: u32,
    ) {
        match self.loss.mode() {
            Mode::Open if self.only_path_probe_lost() => return,
            Mode::Open | Mode::PathMtu => {
                self.selective.undo = Some(Box::default());
                self.lower(cx, [flight_size, in_flight], Signal::Loss, Reduction::Loss);
                self.ecn.reduced(self.snd.nxt, false);
            }
            // The window was answered for already.
            Mode::Reducing => self.selective.undo = None,
            _ => return,
        }
        self.loss.enter(self.congestion.recovery(), self.snd.una, self.snd.nxt);
        self.emit_window(cx);
    }

    /// The timer of RACK has begun a repair: nothing has arrived for which more than one segment could go
    /// (as Linux).
    pub(in crate::tcp) fn begin_gently(&mut self, cx: &mut Context<'_>, before: Mode) {
        let in_flight = self.flight();
        if let Some(prr) = self.selective.prr.as_mut().filter(|_| before != self.loss.mode()) {
            prr.force(in_flight);
            self.emit_window(cx);
        }
    }

    /// The window becomes smaller although nothing is missing, once a window of data; for `sizes` see
    /// [`Tcb::lower`].
    pub(in crate::tcp) fn reduce(
        &mut self,
        cx: &mut Context<'_>,
        sizes: [u32; 2],
        signal: Signal,
        why: Reduction,
    ) {
        if matches!(self.loss.mode(), Mode::Open | Mode::PathMtu) {
            self.selective.undo = None;
            self.lower(cx, sizes, signal, why);
            self.loss.on_reduction(self.snd.nxt);
            self.emit_window(cx);
        }
    }

    /// `flight_size` is all that is outstanding, `in_flight` what of it has not left the path.
    fn lower(
        &mut self,
        cx: &mut Context<'_>,
        [flight_size, in_flight]: [u32; 2],
        signal: Signal,
        why: Reduction,
    ) {
        self.congestion.on_congestion(cx.now, flight_size, signal);
        if self.congestion.recovery() == Recovery::Proportional && !fault::NO_PRR {
            let ssthresh = self.congestion.ssthresh().unwrap_or(in_flight);
            self.selective.prr = Some(Prr::new(ssthresh, in_flight, self.full_segment()));
        }
        let conn = self.conn;
        cx.emit(|| Event::Reduced { conn, why });
    }

    /// A tail-loss probe may be answered (RFC 8985 7.4.2).
    fn answer_probe(&mut self, cx: &mut Context<'_>, news: &News, bare: bool) {
        let Some(probe) = self.selective.probe else {
            return;
        };
        let una = self.snd.place_of(self.snd.una);
        let answer = probe.answer(una, news.dsack, bare);
        if answer != Answer::Open {
            self.selective.probe = None;
        }
        if answer == Answer::Repaired {
            let sizes = [news.flight_size, news.prior_in_flight];
            self.reduce(cx, sizes, Signal::Loss, Reduction::TailLoss);
        }
    }

    /// Sets or stops the timer of the tail-loss probe (RFC 8985 7.2).
    pub(in crate::tcp) fn schedule_probe(&mut self, now: Instant) {
        // One that is due, and could not be sent yet, is for what was outstanding before this.
        self.selective.probe_due = false;
        let fit = self.uses_sack()
            && matches!(self.loss.mode(), Mode::Open | Mode::Reducing)
            && self.snd.outstanding() > 0
            && !self.snd.syn_unacked()
            && self.scoreboard.sacked() == 0
            && self.selective.probe.is_none();
        if !fit {
            return self.timers.cancel(TimerKind::TailLossProbe);
        }
        // A FIN counts as another: nobody waits with its acknowledgment.
        let one = self.snd.outstanding() <= self.full_segment();
        let timeout = tlp::timeout(self.rtt.srtt(), one, self.config.peer_ack_delay);
        self.timers.arm(TimerKind::TailLossProbe, now + timeout);
    }
}

/// Tells everybody of something that is found lost.
fn tell<'a>(
    congestion: &'a mut Controller,
    rate: &'a mut DeliveryRate,
    cx: &'a mut Context<'_>,
    conn: crate::event::ConnId,
    by: LostBy,
) -> impl FnMut(Found) {
    let now = cx.now;
    move |found| {
        congestion.on_segment_lost(&rate.on_lost(now, &found));
        cx.emit(|| Event::Lost { conn, start: found.start, len: found.len, by });
    }
}

#[cfg(test)]
mod tests;
