//! Fifth: the ACK field (RFC 9293 3.10.7.4 fifth, RFC 5961 5, RFC 5681 3).

use crate::context::Context;
use crate::event::{Cause, Event, Refusal, State, TimerKind, Why};
use crate::tcp::arrive::InWindow;
use crate::tcp::arrive::news::News;
use crate::tcp::discard::Discard;
use crate::tcp::snd::Hold;
use crate::tcp::tcb::Tcb;
use crate::time::{Duration, Instant};
use crate::wire::SeqNum;
use crate::wire::tcp::Segment;

impl Tcb {
    pub(super) fn process_ack(
        &mut self,
        cx: &mut Context<'_>,
        segment: &InWindow<'_>,
    ) -> Result<(), Discard> {
        let Some(ack) = segment.ack() else {
            return Err(Discard::silent(Refusal::AckMissing));
        };
        let opens = self.state == State::SynReceived || self.syn_unacked();
        if opens {
            if !ack.after(self.snd.una) || ack.after(self.snd.nxt) {
                return Err(Discard::reset(Refusal::SynReceivedUnacceptable, ack));
            }
            self.complete_handshake(cx, segment, ack);
        }
        // RFC 5961 5.2.
        if ack.after(self.snd.nxt) {
            return Err(Discard::challenge(Refusal::AckBeyondSent));
        }
        if ack.before(self.snd.una - self.snd.max_wnd) {
            return Err(Discard::challenge(Refusal::AckTooOld));
        }
        if self.snd.hold == Hold::More {
            self.snd.hold = Hold::Usual; // as Linux: it waited for company, and this is as good
        }
        let flight = self.echoable();
        if !self.is_selective() {
            self.note_echo(cx, segment, ack, flight);
        }
        let window_before = self.snd.wnd;
        self.update_window(segment, ack);
        let mut news = self.news(cx.now, segment);
        if self.uses_sack() && !segment.options.sack.is_empty() {
            self.take_sack(cx, segment, ack, &mut news);
        }
        if ack.after(self.snd.una) {
            self.new_ack(cx, ack, segment, news);
            if opens {
                self.syn_answered(cx, segment, ack);
            }
        } else if self.uses_sack() {
            let bare = self.is_bare(segment, ack, window_before) && segment.options.sack.is_empty();
            self.no_new_ack(cx, segment, bare, news);
        } else if self.is_duplicate(segment, ack, window_before) {
            self.duplicate_ack(cx, news);
        }
        if self.is_selective() {
            // Only now it is known whether an earlier reduction is over.
            self.note_echo(cx, segment, ack, flight);
        }
        if self.snd.fin_acked() {
            self.fin_acked(cx);
        }
        Ok(())
    }

    /// Whether our SYN is not acknowledged although the application has already closed.
    fn syn_unacked(&self) -> bool {
        self.snd.syn_unacked() && self.snd.nxt.after(self.snd.iss)
    }

    /// SYN-RECEIVED becomes ESTABLISHED (or stays FIN-WAIT-1 when the application closed early).
    fn complete_handshake(&mut self, cx: &mut Context<'_>, segment: &InWindow<'_>, ack: SeqNum) {
        self.snd.wl1 = segment.seq;
        self.snd.wl2 = ack;
        self.set_window(self.snd.scale.expand(segment.window));
        if self.state == State::SynReceived {
            self.enter(cx, State::Established, Cause::SynAcked);
        }
        self.syn_acknowledged();
        if std::mem::take(&mut self.snd.syn_pending) {
            // Their SYN came with or before this; the SYN-ACK that would tell is not needed.
            self.ack.now(Why::Handshake);
        }
        self.opened(cx);
    }

    /// The time-outs of the SYN say nothing about those of data, but that it took too long for the
    /// first (RFC 6298 5.7).
    pub(super) fn syn_acknowledged(&mut self) {
        if self.timeouts > 0 {
            self.rtt.syn_timed_out();
        }
        self.backoff = 0;
    }

    pub(super) fn set_window(&mut self, window: u32) {
        self.snd.wnd = window;
        self.snd.max_wnd = self.snd.max_wnd.max(window);
    }

    /// SND.WL1 and SND.WL2 keep old segments from changing the window. Whatever acknowledges more is
    /// not old, even when it is a retransmission: the window before it began at another octet, and
    /// would now reach too far (as Linux; RFC 9293 3.10.7.4 looks at the sequence number alone).
    fn update_window(&mut self, segment: &InWindow<'_>, ack: SeqNum) {
        let snd = &self.snd;
        let newer = ack.after(snd.una)
            || snd.wl1.before(segment.seq)
            || (snd.wl1 == segment.seq && snd.wl2.at_or_before(ack));
        if !newer || ack.before(snd.una) {
            return;
        }
        self.snd.wl1 = segment.seq;
        self.snd.wl2 = ack;
        self.set_window(self.snd.scale.expand(segment.window));
        if self.timers.is_armed(TimerKind::Persist) || self.snd.wnd == 0 {
            // The peer is alive (RFC 9293 3.8.6.1 [MUST-37]); whether it still blocks us is for the next transmission to say.
            // But nobody is left to care for an orphan: a peer that never opens its window must not
            // keep it for ever.
            if !self.is_detached() {
                self.timeouts = 0;
                self.unanswered_since = None;
            }
            if self.snd.window_left() > 0 {
                self.backoff = 0;
                self.timers.cancel(TimerKind::Persist);
            }
        }
    }

    /// `ack` acknowledges something new.
    pub(super) fn new_ack(
        &mut self,
        cx: &mut Context<'_>,
        ack: SeqNum,
        segment: &Segment,
        mut news: News,
    ) {
        let of_syn = self.snd.syn_unacked();
        news.acked = self.snd.acknowledge(ack);
        news.advanced = true;
        if let Some(sent) = self.echo_sent(cx.now, segment) {
            news.delivery.answers_no_later(sent);
        }
        self.scoreboard.acknowledge(self.snd.place_of(ack), &mut news.delivery);
        self.count_delivered(of_syn, &news);
        self.ecn.acknowledged(ack);
        self.totals.bytes_acked += u64::from(news.acked);
        if self.urgent.is_some() {
            self.urgent_acknowledged();
        }
        self.sample_rtt(cx, segment, of_syn, &mut news);
        self.timeouts = 0;
        self.soft_error = None;
        self.path_probe_answered(cx);
        let restart = match self.is_selective() {
            true => self.repair(cx, segment, news),
            false => self.repair_by_duplicates(cx, news),
        };
        self.tune_send_buffer(cx.memory);
        self.rearm_retransmission(cx.now, restart);
    }

    /// Counts the segments that have arrived, of which our SYN is one.
    pub(super) fn count_delivered(&mut self, syn: bool, news: &News) {
        let segments = news.delivery.segments + u32::from(syn);
        self.totals.delivered = self.totals.delivered.wrapping_add(segments);
    }

    /// RFC 6298 5.2 and 5.3.
    fn rearm_retransmission(&mut self, now: Instant, restart: bool) {
        if self.snd.outstanding() == 0 {
            self.timers.cancel(TimerKind::Retransmission);
            self.unanswered_since = None;
        } else if restart {
            self.unanswered_since = Some(now);
            self.timers.cancel(TimerKind::Retransmission);
            self.arm_retransmission(now);
        }
    }

    /// A sample from what was sent only once (Karn, RFC 6298 3); when something was sent again, the
    /// echoed timestamp tells which copy was answered (RFC 7323 4).
    pub(super) fn sample_rtt(
        &mut self,
        cx: &mut Context<'_>,
        segment: &Segment,
        of_syn: bool,
        news: &mut News,
    ) {
        let rtt = match (self.syn_sent.take_if(|_| of_syn), news.delivery.once) {
            (Some(sent), _) => Some(cx.now.since(sent)),
            (None, Some((first, last))) if !news.delivery.again => {
                news.rtt = Some(cx.now.since(last));
                Some(cx.now.since(first))
            }
            (None, _) if news.advanced => match self.echo_age(cx.now, segment) {
                Some(age) => self.echoed_rtt(cx.now, age),
                None => return,
            },
            (None, _) => return,
        };
        self.backoff = 0;
        let Some(rtt) = rtt else { return };
        let (una, nxt) = (self.snd.place_of(self.snd.una), self.snd.place_of(self.snd.nxt));
        self.rtt.sample(self.config.profile, cx.now, rtt, una, nxt);
        let (conn, estimator) = (self.conn, &self.rtt);
        cx.emit(move || Event::RttSample {
            conn,
            rtt,
            srtt: estimator.srtt().unwrap_or(rtt),
            rto: estimator.rto().as_duration(),
        });
    }

    /// How many milliseconds ago was sent what it echoes; `None`: nothing that we have sent.
    fn echo_age(&self, now: Instant, segment: &Segment) -> Option<u32> {
        let echo = self.timestamps.and(segment.options.timestamps)?.tsecr;
        let age = self.tsval(now).wrapping_sub(echo);
        // A peer that echoes nonsense must not set our time-out.
        (age < 1 << 24).then_some(age)
    }

    /// What an echo of this age, in milliseconds, says of the round trip after a retransmission. An echo of it, or of
    /// something later, is a sample. An older echo is of the original: when it comes sooner after the
    /// retransmission than an answer to that could, the path has become slow, and it is a sample
    /// too; otherwise the first acknowledgment was lost, and as a sample it would hold the whole
    /// time-out.
    fn echoed_rtt(&self, now: Instant, age: u32) -> Option<Duration> {
        let answers_it = age <= self.tsval(now).wrapping_sub(self.tsval(self.retransmitted_at));
        let too_soon = now.since(self.retransmitted_at) < self.rtt.min();
        (answers_it || too_soon).then(|| Duration::from_millis(age.into()))
    }

    /// The end of the millisecond in which was sent what a new acknowledgment echoes (RFC 8985 6.2 step 2).
    fn echo_sent(&self, now: Instant, segment: &Segment) -> Option<Instant> {
        let echo = self.timestamps.and(segment.options.timestamps)?.tsecr;
        let age = self.tsval(now).wrapping_sub(echo);
        let sent = now.as_millis().checked_sub(age.into())?;
        Some(Instant::from_nanos(sent * 1_000_000 + 999_999))
    }

    /// RFC 5681 2: the definition of a duplicate acknowledgment.
    fn is_duplicate(&self, segment: &InWindow<'_>, ack: SeqNum, window_before: u32) -> bool {
        self.snd.outstanding() > 0 && self.is_bare(segment, ack, window_before)
    }

    /// The same, whether anything is outstanding or not.
    fn is_bare(&self, segment: &InWindow<'_>, ack: SeqNum, window_before: u32) -> bool {
        ack == self.snd.una
            && segment.payload.is_empty()
            && !segment.fin()
            && self.snd.wnd == window_before
    }

    /// Our FIN was acknowledged.
    fn fin_acked(&mut self, cx: &mut Context<'_>) {
        match self.state {
            State::FinWait1 => {
                self.enter(cx, State::FinWait2, Cause::FinAcked);
                if self.is_detached() {
                    self.arm_fin_wait_2(cx.now);
                }
            }
            State::Closing => self.enter_time_wait(cx, Cause::FinAcked),
            State::LastAck => self.finish(cx, Cause::FinAcked, None),
            _ => {}
        }
    }

    /// From here on the stack keeps a small record; the control block only serves what is unread.
    pub(super) fn enter_time_wait(&mut self, cx: &mut Context<'_>, cause: Cause) {
        self.timers.cancel_all();
        self.enter(cx, State::TimeWait, cause);
    }
}

#[cfg(test)]
mod tests;
