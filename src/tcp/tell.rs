//! What a connection tells of itself: to observers as events, and to the flight recorder what that keeps of them.

use crate::context::Context;
use crate::event::{Cause, Event, Phase, SegmentView, State, Why};
use crate::flight::Kept;
use crate::tcp::loss::dupack::Mode;
use crate::tcp::window_scale::WindowScale;
use crate::tcp::{Endpoints, Tcb};
use crate::wire::SeqNum;
use crate::wire::tcp::Segment;

/// How the numbers of a segment are to be read.
#[derive(Clone, Copy)]
pub(crate) struct Numbering {
    /// What its window is expanded by.
    pub scale: WindowScale,
    /// From where relative sequence numbers are counted.
    pub seq_base: SeqNum,
    /// From where relative acknowledgment numbers are.
    pub ack_base: SeqNum,
}

impl Endpoints {
    /// How events show a segment between them.
    pub(crate) fn view(&self, segment: &Segment, numbering: Numbering) -> SegmentView {
        let Numbering { scale, seq_base, ack_base } = numbering;
        SegmentView {
            local: self.local,
            remote: self.remote,
            seq: segment.seq,
            ack: segment.ack,
            flags: segment.flags,
            len: segment.payload.len() as u32,
            window: scale.expand(segment.window),
            sack: segment.options.sack.clone(),
            ecn: segment.ecn,
            seq_base,
            ack_base,
        }
    }
}

impl Tcb {
    /// Changes the state and says so.
    pub(crate) fn enter(&mut self, cx: &mut Context<'_>, to: State, cause: Cause) {
        let from = std::mem::replace(&mut self.state, to);
        let (conn, ends) = (self.conn, &self.ends);
        let kept = move || Some(Kept::state_changed(conn, from, to, cause));
        cx.emit_kept(kept, move || Event::StateChanged {
            conn,
            local: ends.local,
            remote: ends.remote,
            from,
            to,
            cause,
        });
    }

    /// Tells the observer what congestion control has come to.
    pub(crate) fn emit_window(&self, cx: &mut Context<'_>) {
        cx.emit(move || Event::CongestionWindow {
            conn: self.conn,
            cwnd: self.cwnd(),
            ssthresh: self.congestion.ssthresh(),
            phase: match self.loss.mode() {
                Mode::FastRecovery => Phase::FastRecovery,
                Mode::RtoRecovery => Phase::RtoRecovery,
                Mode::Reducing => Phase::Reducing,
                _ if self.congestion.in_slow_start() => Phase::SlowStart,
                Mode::Open | Mode::GoBackN | Mode::PathMtu | Mode::SynText => {
                    Phase::CongestionAvoidance
                }
            },
        });
    }

    /// Tells the observer which timers were set or stopped since the last time. The recorder does without, so nothing
    /// is looked at for it alone.
    pub(crate) fn emit_timers(&mut self, cx: &mut Context<'_>) {
        if !cx.is_observed() {
            return self.timers.forget_changes();
        }
        let conn = self.conn;
        for (timer, at) in self.timers.take_changes() {
            cx.emit(|| match at {
                Some(at) => Event::TimerArmed { conn, timer, at },
                None => Event::TimerCancelled { conn, timer },
            });
        }
    }

    /// How events show a received segment.
    pub fn view_received(&self, segment: &Segment) -> SegmentView {
        self.ends.view(segment, self.received(segment))
    }

    /// How events show a segment of `len` bytes that is being sent.
    pub(crate) fn view_sent(&self, segment: &Segment, len: u32) -> SegmentView {
        SegmentView { len, ..self.ends.view(segment, self.sent(segment)) }
    }

    /// What the recorder keeps of a received segment that had `len` bytes of text.
    #[inline(always)]
    pub(crate) fn kept_received(&self, segment: &Segment, len: u32) -> Option<Kept> {
        let window = self.received(segment).scale.expand(segment.window);
        Some(Kept::received((self.conn, self.state), segment, (len, window)))
    }

    /// What the recorder keeps of a segment of `len` bytes that is being sent, as so many packets.
    #[inline(always)]
    pub(crate) fn kept_sent(
        &self,
        segment: &Segment,
        len: u32,
        why: Why,
        packets: u16,
    ) -> Option<Kept> {
        let window = self.sent(segment).scale.expand(segment.window);
        Some(Kept::sent((self.conn, self.state, why), segment, (len, window), packets))
    }

    #[inline(always)]
    fn received(&self, segment: &Segment) -> Numbering {
        let scale = if segment.syn() { WindowScale::NONE } else { self.snd.scale };
        let seq_base = if segment.syn() { segment.seq } else { self.rcv.irs };
        Numbering { scale, seq_base, ack_base: self.snd.iss }
    }

    #[inline(always)]
    fn sent(&self, segment: &Segment) -> Numbering {
        let scale = if segment.syn() { WindowScale::NONE } else { self.rcv.scale };
        Numbering { scale, seq_base: self.snd.iss, ack_base: self.rcv.irs }
    }
}
