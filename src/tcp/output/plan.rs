//! What to send next, and if nothing, why not.
//!
//! ```text
//!   reset > SYN > lost ranges > new data and FIN > probe > pure acknowledgment > nothing
//! ```

use crate::event::{Limit, State, Why};
use crate::tcp::ack_policy::Due;
use crate::tcp::loss::dupack::Mode;
use crate::tcp::pacing;
use crate::tcp::snd::{BURST_SEGMENTS, Hold, MAX_BURST};
use crate::tcp::tcb::Tcb;
use crate::time::Instant;
use crate::wire::SeqNum;
use crate::wire::tcp::Flags;

/// The decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// Send this.
    Send(Transmission),
    /// Send nothing; this is the reason.
    Wait(Limit),
}

/// What to send: a small value that tests can look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transmission {
    /// First sequence number.
    pub seq: SeqNum,
    /// Bytes of text; may be several segments long.
    pub len: u32,
    /// Text of a full-sized segment, in bytes.
    pub segment_size: u16,
    /// SYN, FIN, RST and PSH; ACK is added where it belongs.
    pub flags: Flags,
    /// Whether all of it was sent before.
    pub again: bool,
    /// The reason.
    pub why: Why,
}

impl Transmission {
    /// A segment without text.
    fn bare(seq: SeqNum, flags: Flags, why: Why) -> Self {
        Transmission { seq, len: 0, segment_size: 0, flags, again: false, why }
    }

    /// How many segments it is.
    pub fn segments(&self) -> u32 {
        self.len.div_ceil(u32::from(self.segment_size).max(1)).max(1)
    }
}

impl Tcb {
    /// Decides; changes nothing.
    pub fn plan(&self, now: Instant) -> Plan {
        if self.reset_pending {
            return self.bare(self.snd.nxt, Flags::RST, Why::Reset);
        }
        if matches!(self.state, State::Closed | State::Listen | State::TimeWait) {
            return Plan::Wait(Limit::State);
        }
        if self.snd.syn_unacked() && (self.snd.syn_pending || !self.sends_early_now()) {
            return self.plan_syn();
        }
        if self.rcv.duplicate.is_some()
            && let Due::Now(why) = self.ack.due()
        {
            // A burst would report the duplicate in each of its segments (RFC 2883 4: once).
            return self.bare(self.snd.nxt, Flags::default(), why);
        }
        let limit = match self.plan_text(now) {
            Plan::Wait(limit) => limit,
            send => return send,
        };
        if let Some(why) = self.probe_pending {
            // A sequence number that was acknowledged makes the peer answer (RFC 9293 3.10.7.4
            // first) without giving it anything it must have room for.
            return self.bare(self.snd.una - 1, Flags::default(), why);
        }
        match self.ack.due() {
            Due::Now(why) => self.bare(self.snd.nxt, Flags::default(), why),
            Due::Nothing | Due::Delayed => Plan::Wait(limit),
        }
    }

    /// Whether a server sends before its SYN is acknowledged: not after a time-out, when it is not known any more whether
    /// anybody is there.
    fn sends_early_now(&self) -> bool {
        self.sends_early() && self.timeouts == 0
    }

    /// The acknowledgment that has to go before another segment is looked at.
    pub(super) fn plan_apart(&self) -> Option<Transmission> {
        let over = self.reset_pending || self.state == State::Closed;
        match self.ack.due() {
            Due::Now(why) if !over && self.ack.goes_apart(self.sack) => {
                Some(Transmission::bare(self.snd.nxt, Flags::default(), why))
            }
            _ => None,
        }
    }

    /// See [`Transmission::bare`].
    fn bare(&self, seq: SeqNum, flags: Flags, why: Why) -> Plan {
        Plan::Send(Transmission::bare(seq, flags, why))
    }

    fn plan_syn(&self) -> Plan {
        if self.snd.syn_pending {
            let asked = self.opening.as_ref().and_then(|opening| opening.why);
            let why = match self.timeouts {
                0 => asked.unwrap_or(Why::Handshake),
                nth => asked.unwrap_or(Why::HandshakeRetransmission(nth)),
            };
            let (seq, len) = (self.snd.iss, self.syn_text());
            let (segment_size, flags) = (len as u16, Flags::SYN);
            let syn = Transmission { seq, len, segment_size, flags, again: false, why };
            return Plan::Send(syn);
        }
        match self.ack.due() {
            Due::Now(why) if self.state != State::SynSent => {
                self.bare(self.snd.nxt, Flags::default(), why)
            }
            _ => Plan::Wait(Limit::Nothing),
        }
    }

    /// Something of the stream, new or again.
    fn plan_text(&self, now: Instant) -> Plan {
        if self.selective.probe_due
            && let Some(probe) = self.plan_probe()
        {
            return probe;
        }
        let plan = match self.plan_lost() {
            // F-RTO: rather new data, which tells more (RFC 5682 2.1 step 2b).
            Some(again) if self.selective.new_first => match self.plan_new() {
                Plan::Wait(_) => again,
                new => new,
            },
            Some(again) => again,
            None => self.plan_new(),
        };
        match plan {
            Plan::Send(_) if now < self.pacer.next() && self.pacing_rate().is_some() => {
                Plan::Wait(Limit::Pacing)
            }
            plan => plan,
        }
    }

    /// A tail-loss probe (RFC 8985 7.3): one segment of new data, whatever the congestion window says, or
    /// else the last one again.
    pub(super) fn plan_probe(&self) -> Option<Plan> {
        let size = self.segment_size();
        let new = self.snd.unsent().min(self.snd.window_left()).min(size);
        if new > 0 && (new == size || new == self.snd.unsent()) {
            let flags = self.push_flag(self.sent_end() + u64::from(new), new, size);
            return Some(self.new_data(new, size, flags, Why::TailLossProbeNew));
        }
        let (start, len) = self.scoreboard.last_out(size, self.snd.fin.is_some().into())?;
        Some(self.again(self.snd.seq_at(start), len, size, Why::TailLossProbe))
    }

    /// How much more may be in flight by congestion control, in bytes. A SYN takes no room.
    pub(in crate::tcp) fn congestion_room(&self) -> u32 {
        let syn = u32::from(self.snd.syn_unacked());
        self.cwnd().saturating_add(syn).saturating_sub(self.flight())
    }

    /// Most text of one burst: as many segments as fit one, at most [`BURST_SEGMENTS`], and no more than what goes in a
    /// millisecond, at the rate of `pacing` or without that at the one which the window comes to, if the path is not short.
    fn burst(&self, size: u32, pacing: Option<u64>) -> u32 {
        if self.is_urgent() {
            return size; // each segment has a pointer of its own
        }
        let most = (MAX_BURST / size).min(BURST_SEGMENTS) * size;
        let least = u32::from(self.config.burst_segments.max(1)) * size;
        let due = match (pacing, self.rtt.srtt()) {
            (Some(rate), _) => pacing::burst(rate),
            (None, Some(srtt)) => {
                let slow_start = self.congestion.in_slow_start();
                pacing::unpaced_burst(self.cwnd(), srtt, self.rtt.min(), slow_start)
            }
            (None, None) => most,
        };
        due.max(least).min(most)
    }

    /// Lost ranges come first. Where duplicates alone find losses, the one segment that they found goes
    /// out whatever the window (RFC 5681 3.2 step 3), and so does what the timer has asked for; otherwise
    /// the window decides.
    fn plan_lost(&self) -> Option<Plan> {
        let (start, len) = self.scoreboard.next_lost()?;
        let (seq, size) = (self.snd.seq_at(start), self.segment_size());
        let by_timer = self.loss.mode() == Mode::RtoRecovery
            && seq == self.snd.una
            && self.timeouts > 0
            && self.is_selective();
        let room = match self.loss.mode() {
            _ if by_timer => self.congestion_room().max(size),
            Mode::FastRecovery | Mode::Open if !self.is_selective() => len,
            _ => self.congestion_room(),
        };
        let room = if room < len { room / size * size } else { len };
        if room == 0 {
            return Some(Plan::Wait(Limit::CongestionWindow));
        }
        let why = match self.loss.mode() {
            Mode::RtoRecovery if seq == self.snd.una && self.timeouts > 0 => {
                Why::Rto(self.timeouts)
            }
            Mode::RtoRecovery => Why::RtoRecovery,
            Mode::PathMtu => Why::PathMtu,
            Mode::SynText => Why::SynText,
            Mode::GoBackN if self.loss.partial_seen() => Why::GoBackN,
            _ if self.uses_sack() => Why::Rack,
            Mode::FastRecovery if self.loss.partial_seen() => Why::PartialAck,
            _ => Why::FastRetransmit,
        };
        Some(self.again(seq, room.min(self.burst(size, self.pacing_rate())), size, why))
    }

    /// `len` octets at `seq` are sent again.
    fn again(&self, seq: SeqNum, len: u32, size: u32, why: Why) -> Plan {
        let end = seq + len;
        let fin = self.snd.fin.is_some_and(|fin| fin.before(end));
        let text_end = self.snd.offset_of(end);
        let text = (text_end - self.snd.offset_of(seq)) as u32;
        // A burst of before is one again, and ends with PSH; pieces of several fill a gap, and do not (as Linux).
        let (start, stop) = (self.snd.place_of(seq), self.snd.place_of(end));
        let (piece, pushed) = self.scoreboard.last_piece(start, stop);
        let push = match pushed && text > 0 {
            true => Flags::PSH,
            false => self.push_flag(text_end, text.min(piece), size),
        };
        Plan::Send(Transmission {
            seq,
            len: text,
            segment_size: size as u16,
            flags: push | if fin { Flags::FIN } else { Flags::default() },
            again: true,
            why,
        })
    }

    /// New data and our FIN.
    fn plan_new(&self) -> Plan {
        let (unsent, fin) = (self.snd.unsent(), self.snd.fin_unsent());
        if unsent == 0 && !fin {
            return Plan::Wait(Limit::Nothing);
        }
        let size = self.segment_size();
        let window = self.snd.window_left();
        if unsent == 0 {
            // The FIN alone; like an octet of text it needs room in the peer's window.
            let transmission = self.new_data(0, size, Flags::FIN, Why::Fin);
            return if window > 0 { transmission } else { Plan::Wait(Limit::PeerWindow) };
        }
        if let Some(probe) = self.plan_path_probe(window.min(self.congestion_room())) {
            return probe;
        }
        // Half of the window at most, so that the peer acknowledges the one while the other is sent (as Linux); what is
        // paced is cut smaller in any case.
        let pacing = self.pacing_rate();
        let half = match pacing {
            Some(_) => u32::MAX,
            None => (self.cwnd() / size / 2).max(1) * size,
        };
        let allowed = unsent.min(window).min(self.congestion_room());
        let allowed = allowed.min(self.burst(size, pacing)).min(half);
        let text = if allowed == unsent {
            self.hold_back_small(unsent, size, fin)
        } else {
            self.whole_segments(allowed, unsent, size)
        };
        let text = match text {
            Ok(text) => text,
            Err(limit) => return Plan::Wait(limit),
        };
        let mut flags = self.push_flag(self.sent_end() + u64::from(text), text, size);
        if text == unsent && fin && window > text {
            flags |= Flags::FIN;
        }
        self.new_data(text, size, flags, Why::NewData)
    }

    /// Offset in the stream after all that was sent.
    fn sent_end(&self) -> u64 {
        self.snd.buffer.end() - u64::from(self.snd.unsent())
    }

    /// PSH for text up to `end` if a write ends there, or if it is a burst: then its last segment has it, so
    /// that the receiver hands it on whole (both as Linux).
    fn push_flag(&self, end: u64, len: u32, size: u32) -> Flags {
        let burst = len > size && self.config.profile.pushes_bursts();
        let push = len > 0 && (burst || self.snd.ends_write(end));
        if push { Flags::PSH } else { Flags::default() }
    }

    fn new_data(&self, len: u32, size: u32, flags: Flags, why: Why) -> Plan {
        let (seq, segment_size) = (self.snd.nxt, size as u16);
        Plan::Send(Transmission { seq, len, segment_size, flags, again: false, why })
    }

    /// Everything could go; Nagle's algorithm keeps a last small segment back while an earlier
    /// small one is not acknowledged (RFC 9293 3.7.4, in Minshall's form, as Linux has it). While there is
    /// more to come it waits in any case, but no longer than a time-out.
    fn hold_back_small(&self, unsent: u32, size: u32, fin: bool) -> Result<u32, Limit> {
        let small = unsent % size;
        if small == 0 || fin || self.snd.hold == Hold::Push || self.is_urgent() {
            return Ok(unsent);
        }
        let limit = if self.is_corked() && self.probe_pending.is_none() {
            Limit::Cork
        } else if !self.config.nodelay && self.snd.small_end.after(self.snd.una) {
            Limit::Nagle
        } else {
            return Ok(unsent);
        };
        if unsent > small { Ok(unsent - small) } else { Err(limit) }
    }

    /// Whether the application says that there is more to come.
    pub(super) fn is_corked(&self) -> bool {
        match self.snd.hold {
            Hold::Usual => self.config.cork,
            Hold::More => true,
            Hold::Push => false,
        }
    }

    /// Only a part may go: whole segments, unless the peer's window is so small that half of its
    /// maximum must do (RFC 9293 3.8.6.2.1 [MUST-38]), or the override timer has fired.
    fn whole_segments(&self, allowed: u32, unsent: u32, size: u32) -> Result<u32, Limit> {
        let whole = allowed / size * size;
        if whole > 0 {
            return Ok(whole);
        }
        let window = self.snd.window_left();
        if self.congestion_room() < size.min(unsent) {
            return Err(Limit::CongestionWindow);
        }
        if window == 0 {
            return Err(Limit::PeerWindow);
        }
        if window >= self.snd.max_wnd / 2 || self.probe_pending.is_some() {
            return Ok(allowed);
        }
        Err(Limit::SillyWindow)
    }
}

#[cfg(test)]
mod tests;
