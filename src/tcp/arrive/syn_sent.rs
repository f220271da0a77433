//! SEGMENT ARRIVES in SYN-SENT (RFC 9293 3.10.7.3).

use crate::context::Context;
use crate::event::{Cause, Refusal, State, TimerKind, Why};
use crate::tcp::Error;
use crate::tcp::discard::Discard;
use crate::tcp::tcb::Tcb;
use crate::time::Instant;
use crate::wire::tcp::{Flags, Segment};

impl Tcb {
    pub(super) fn segment_arrives_in_syn_sent(
        &mut self,
        cx: &mut Context<'_>,
        segment: &mut Segment,
    ) -> Result<(), Discard> {
        // First, the ACK bit.
        let acked = segment.ack();
        if let Some(ack) = acked
            && (ack.at_or_before(self.snd.iss) || ack.after(self.snd.nxt))
        {
            return Err(if segment.rst() {
                Discard::silent(Refusal::SynSentBadReset)
            } else {
                Discard::reset(Refusal::SynSentBadAck, ack)
            });
        }
        // Second, the RST bit; RFC 5961 3.2 leaves SYN-SENT as it was.
        if segment.rst() {
            if acked.is_none() {
                return Err(Discard::silent(Refusal::SynSentBadReset));
            }
            self.finish(cx, Cause::ResetArrived, Some(Error::Refused));
            return Ok(());
        }
        // Fourth, the SYN bit.
        if !segment.syn() {
            return Err(Discard::silent(Refusal::SynSentNoSyn));
        }
        self.check_echo(cx.now, segment)?;
        self.synchronize(segment.seq);
        // Our SYN has offered this much, of which the peer may make use before it hears from us again.
        self.rcv.adv = self.rcv.nxt + u32::from(self.config.syn_window());
        self.negotiate(&segment.options, cx.now, self.timeouts);
        self.ecn.negotiation.received(segment.flags);
        // The window of a SYN is never scaled (RFC 7323 2.2).
        self.snd.wl1 = segment.seq;
        self.set_window(segment.window.into());
        if let Some(ack) = acked {
            self.snd.wl2 = ack;
            self.syn_acknowledged();
            let news = self.news(cx.now, segment);
            self.new_ack(cx, ack, segment, news);
            self.syn_answered(cx, segment, ack);
            self.enter(cx, State::Established, Cause::SynAckArrived);
            self.opened(cx);
            self.ack.now(Why::Handshake);
        } else {
            self.open_from_both_ends(cx);
        }
        // Text and FIN on the SYN are processed like those of any segment.
        if !segment.payload.is_empty() || segment.fin() {
            let capacity = self.receive_tuning.capacity();
            self.rcv.open_window(capacity, self.own_mss.bytes().into());
            if self.state == State::Established {
                segment.seq += 1;
                segment.flags =
                    segment.flags.without(Flags::SYN | Flags::ECE | Flags::CWR | Flags::URG);
                segment.window = self.snd.scale.field(segment.window.into());
                return self.segment_arrives(cx, segment);
            }
        }
        Ok(())
    }

    /// Simultaneous open: our SYN goes out again, with an acknowledgment, and without text.
    fn open_from_both_ends(&mut self, cx: &mut Context<'_>) {
        if let Some(opening) = &mut self.opening {
            opening.first = None;
        }
        self.enter(cx, State::SynReceived, Cause::SynArrived);
        self.snd.syn_pending = true;
        self.backoff = 0;
        self.timeouts = 0;
        self.timers.cancel(TimerKind::Retransmission);
    }

    /// The connection is open.
    pub(super) fn opened(&mut self, cx: &mut Context<'_>) {
        self.ack.opened(cx.now);
        if let Some(keepalive) = self.config.keepalive {
            self.timers.arm(TimerKind::Keepalive, cx.now + keepalive.idle);
        }
        // The one to begin with (RFC 6928).
        self.emit_window(cx);
    }
}

/// What makes sure that an answer is one to this connection, and not to an earlier one.
impl Tcb {
    /// Refuses an acknowledgment that echoes a time at which our SYN was not out (RFC 7323 4; as Linux, which takes zero
    /// for a peer that echoes nothing).
    fn check_echo(&self, now: Instant, segment: &Segment) -> Result<(), Discard> {
        let (Some(_), Some(ts), Some(ack)) =
            (self.timestamps, segment.options.timestamps, segment.ack())
        else {
            return Ok(());
        };
        let first = self.unanswered_since.unwrap_or(now);
        let longest = self.tsval(now).wrapping_sub(self.tsval(first));
        if ts.tsecr == 0 || self.tsval(now).wrapping_sub(ts.tsecr) <= longest {
            return Ok(());
        }
        Err(Discard::reset(Refusal::SynSentBadEcho, ack))
    }
}

#[cfg(test)]
mod tests;
