//! What the network reports about something we sent: ICMP errors (RFC 9293 3.9.2.2), believed with
//! the caution of RFC 5927, and through them the path MTU (RFC 1191).
//!
//! An error is *soft* when sending again may help, and *hard* when not; only an open is given up for
//! a hard one, and an established connection for none.

use crate::context::Context;
use crate::event::{Cause, Event, LostBy, MtuBy, Refusal, State, TimerKind, Why};
use crate::tcp::fast_open::SynText;
use crate::tcp::tcb::Tcb;
use crate::tcp::{Error, Mss};
use crate::time::Instant;
use crate::wire::icmp::{Notice, Quote, Report};

/// Smaller path MTUs are not believed to be worth it: segments keep this size, and routers may
/// fragment them (as Linux; RFC 1191 3).
const MIN_PATH_MTU: u16 = 552;

/// MTUs that links really have, for routers that do not name theirs (RFC 1191 7.1).
const PLATEAUS: [u16; 7] = [32_000, 17_914, 8166, 4352, 2002, 1492, 1006];

impl Tcb {
    /// An ICMP error reports something about a segment of this connection, of which it quotes the
    /// beginning.
    pub fn icmp_error_arrives(
        &mut self,
        cx: &mut Context<'_>,
        notice: Notice,
        quote: &Quote,
    ) -> Result<(), Refusal> {
        // RFC 5927 4.1: whoever cannot see our segments does not know what is in flight.
        if !quote.seq.within(self.snd.una, self.snd.outstanding()) {
            return Err(Refusal::IcmpQuoteSequence);
        }
        let Notice { report, by } = notice;
        if let Report::FragmentationNeeded { mtu } = report {
            return self.path_is_smaller(cx, mtu, quote.total_len);
        }
        let conn = self.conn;
        cx.emit(|| Event::IcmpError { conn, report, by });
        if report.is_hard() && matches!(self.state, State::SynSent | State::SynReceived) {
            // RFC 9293 3.9.2.2 [SHLD-26]
            self.finish(cx, Cause::IcmpError, Some(Error::Reported(notice)));
        } else {
            // RFC 9293 3.9.2.2 [MUST-56], RFC 5927 5.2.
            self.soft_error = Some(notice);
        }
        Ok(())
    }

    /// A router takes only packets up to `mtu` bytes (it may say 0 for that); it had one with
    /// `quoted_len` bytes.
    fn path_is_smaller(
        &mut self,
        cx: &mut Context<'_>,
        mtu: u16,
        quoted_len: u16,
    ) -> Result<(), Refusal> {
        let mtu = if mtu == 0 { self.next_plateau(quoted_len) } else { mtu };
        let may_fragment = mtu < MIN_PATH_MTU;
        let mtu = mtu.max(MIN_PATH_MTU);
        let mss = Mss::of_mtu(mtu, self.ends.remote.ip()).min(self.mss);
        // It never grows. Of the many errors that a window of large segments gives rise to, all but
        // the first end here.
        let news = mss < self.mss || (may_fragment && self.dont_fragment);
        if self.snd.syn_unacked() && !self.sends_early() {
            return self.syn_is_too_large(cx.now, mtu);
        }
        if !news {
            return Err(Refusal::IcmpMtuNotSmaller);
        }
        self.dont_fragment &= !may_fragment;
        self.size_is_known();
        if mss < self.mss {
            self.change_mss(cx, mss, MtuBy::Router);
        }
        self.send_all_again(cx, LostBy::PathMtu);
        Ok(())
    }

    /// A SYN fits everywhere, unless it has text. Then one without goes out at once, which tells the peer
    /// what fits (as Linux).
    fn syn_is_too_large(&mut self, now: Instant, mtu: u16) -> Result<(), Refusal> {
        let fits = Mss::of_mtu(mtu, self.ends.remote.ip());
        let opening = self.opening.as_mut().filter(|opening| !opening.again);
        let with_text = self.syn_text == SynText::Sent && self.timeouts == 0;
        let Some(opening) = opening.filter(|_| with_text && fits < self.own_mss) else {
            return Err(Refusal::IcmpMtuNotSmaller);
        };
        opening.why = Some(Why::PathMtu);
        self.snd.syn_pending = true;
        self.own_mss = fits;
        self.mss = self.mss.min(fits);
        self.timers.cancel(TimerKind::Retransmission);
        self.arm_retransmission(now);
        Ok(())
    }

    /// The largest usual MTU below the size of the packet that was too large (RFC 1191 5). Where the
    /// quoted length is wrong, as some routers have it, no segment was larger than ours are.
    fn next_plateau(&self, quoted_len: u16) -> u16 {
        let largest = self.mss.mtu(self.ends.remote.ip()).min(quoted_len);
        PLATEAUS.into_iter().find(|&mtu| mtu < largest).unwrap_or(MIN_PATH_MTU)
    }

    /// Everything in flight goes again, in segments of the size that fits and within the congestion window,
    /// which is not reduced: nothing was lost by congestion (RFC 1191 6.4).
    pub(super) fn send_all_again(&mut self, cx: &mut Context<'_>, by: LostBy) {
        match by {
            LostBy::SynText => self.loss.on_text_not_taken(self.snd.nxt),
            _ => self.loss.on_smaller_path(self.snd.nxt),
        }
        self.selective.prr = None;
        self.mark_all_lost(cx, by);
        self.timers.cancel(TimerKind::Retransmission);
        self.arm_retransmission(cx.now);
        self.emit_window(cx);
    }
}

#[cfg(test)]
mod tests;
