//! What arrives while a connection opens fast (RFC 7413 4.1.3, 4.2.2), on either side.

use std::sync::Arc;

use crate::context::Context;
use crate::event::{LostBy, Refusal, Why};
use crate::tcp::arrive::listen::HalfOpen;
use crate::tcp::arrive::sequence::is_older;
use crate::tcp::fast_open::{FirstSyn, Learned, Opening, SynText};
use crate::tcp::tcb::Tcb;
use crate::tcp::{Config, Mss};
use crate::time::Instant;
use crate::wire::SeqNum;
use crate::wire::tcp::Segment;
use crate::wire::tcp_options::FastOpen;

impl HalfOpen {
    /// The control block of a server that opens fast: it has taken the text of `syn`, as much as the window of
    /// a SYN has room for, and its SYN with ACK is still to be sent, the first time with `option`.
    pub fn into_fast_tcb(
        self,
        now: Instant,
        config: Arc<Config>,
        own_mss: Mss,
        syn: &Segment,
        option: Option<Box<FastOpen>>,
    ) -> Box<Tcb> {
        let iss = self.iss;
        let offered = config.clone();
        let mut tcb = self.into_tcb(now, config, &offered, own_mss);
        tcb.snd.nxt = iss;
        tcb.snd.syn_pending = true;
        tcb.syn_sent = None;
        tcb.snd.wl1 = syn.seq;
        // The window of a SYN is never scaled (RFC 7323 2.2).
        tcb.set_window(syn.window.into());
        let first = Some(FirstSyn { option, room: 0 });
        tcb.opening = Some(Box::new(Opening { first, passive: true, ..Opening::default() }));
        let len = syn.payload.len().min(tcb.config.syn_window().into());
        if len > 0 {
            tcb.rcv.buffer.push(syn.payload.slice(..len));
            tcb.rcv.advance(len as u32);
            tcb.syn_text = SynText::Taken;
        }
        tcb
    }
}

impl Tcb {
    /// The SYN that has opened it fast comes again: the peer has not got the answer, and will get it again
    /// (as Linux, and as a listener does). Whether `segment` was that.
    pub(super) fn take_syn_again(&mut self, cx: &mut Context<'_>, segment: &Segment) -> bool {
        let again = self.sends_early()
            && self.snd.syn_unacked()
            && segment.syn()
            && segment.seq == self.rcv.irs
            && !(segment.rst() || segment.fin() || segment.ack().is_some());
        if !again {
            return false;
        }
        if let (Some(state), Some(ts)) = (&mut self.timestamps, segment.options.timestamps)
            && !is_older(ts.tsval, state.recent)
        {
            state.recent = ts.tsval;
        }
        if !self.challenge.allow(cx.now) {
            cx.refuse(Some(self.conn), Refusal::ChallengeLimited, None);
        } else if let Some(opening) = &mut self.opening {
            opening.why = Some(Why::HandshakeAnswer);
            self.snd.syn_pending = true;
        }
        true
    }

    /// Our SYN was answered by `segment`, which acknowledges it up to `ack`: what that means for the next
    /// connection, and for text that went with it (RFC 7413 4.1.3). What is not acknowledged goes again at
    /// once, as ordinary text.
    pub(super) fn syn_answered(&mut self, cx: &mut Context<'_>, segment: &Segment, ack: SeqNum) {
        let left = ack.before(self.snd.nxt);
        if let Some(opening) = self.opening.as_mut().filter(|opening| !opening.passive) {
            let answer = segment.options.fast_open.as_ref();
            // Nobody has asked for any other (as Linux).
            let cookie = answer.filter(|one| opening.asked.is_some() && !one.cookie.is_request());
            let unanswered = cookie.is_none() && self.syn_text == SynText::None && !opening.again;
            opening.learned = Some(Learned {
                mss: segment.options.mss.unwrap_or(Mss::DEFAULT.bytes()),
                cookie: cookie.cloned(),
                lost: opening.again && cookie.is_none() && left,
                ignored: opening.asked.filter(|_| unanswered),
            });
        }
        if self.syn_text == SynText::Sent {
            self.syn_text = if left { SynText::NotTaken } else { SynText::Taken };
            if left {
                self.send_all_again(cx, LostBy::SynText);
            } else {
                // They were one segment.
                self.totals.delivered = self.totals.delivered.wrapping_sub(1);
            }
        }
    }
}

#[cfg(test)]
mod tests;
