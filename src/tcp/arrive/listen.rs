//! A segment for a listener (RFC 9293 3.10.7.2), and the small record of a half-open connection.
//!
//! ```text
//!   SYN --> HalfOpen (SYN-RECEIVED, SYN-ACK sent) --acceptable ACK--> Tcb in SYN-RECEIVED,
//!                                                     which processes that same ACK itself
//! ```

use std::sync::Arc;

use bitflags::bitflags;
use bytes::Bytes;

use crate::context::Context;
use crate::event::{ConnId, Refusal, SegmentView, State};
use crate::tcp::arrive::sequence::{Place, is_older};
use crate::tcp::challenge::ChallengeLimit;
use crate::tcp::discard::Discard;
use crate::tcp::ecn::{Ecn, EcnState, Negotiation};
use crate::tcp::isn::Secrets;
use crate::tcp::mss::Mss;
use crate::tcp::rtt::Rto;
use crate::tcp::syn_options::SynOptions;
use crate::tcp::tcb::{Endpoints, Tcb};
use crate::tcp::window_scale::WindowScale;
use crate::tcp::{Config, Numbering, PackedEnds, Profile, syn_cookie};
use crate::time::{Instant, RecentInstant};
use crate::wire::SeqNum;
use crate::wire::tcp::{Flags, Segment};
use crate::wire::tcp_options::{Options, Timestamps};

/// A connection in SYN-RECEIVED behind a listener, in 52 bytes: a flood makes many of them.
#[derive(Clone, Debug)]
pub struct HalfOpen {
    /// Its number in events.
    pub conn: ConnId,
    ends: PackedEnds,
    /// Our initial sequence number.
    pub iss: SeqNum,
    /// The peer's.
    pub irs: SeqNum,
    /// How often the SYN-ACK was retransmitted.
    pub retransmissions: u8,
    /// What the SYN offered, as far as the settings allow it.
    peer: SynOptions,
    timestamp_offset: u32,
    ecn: Negotiation,
    /// When the SYN-ACK was sent: two minutes ago at most, but for a timer that is late.
    sent: RecentInstant,
    course: Course,
    answers: ChallengeLimit,
}

/// What has happened to a half-open connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Course(u8);

bitflags! {
    impl Course: u8 {
        /// The SYN-ACK was sent more than once, so an answer gives no sample (Karn, RFC 6298 3).
        const SENT_AGAIN = 1;
        /// It was answered, but the listener waits for text.
        const ANSWERED = 1 << 1;
    }
}

/// What a segment means to a half-open connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The SYN again: send the SYN-ACK again.
    AnswerAgain,
    /// The handshake is complete: make a control block and let it process the segment.
    Complete,
    /// A reset: forget it.
    Forget,
}

/// Checks a segment that arrived for a listener: `Ok` for a SYN to answer (RFC 9293 3.10.7.2).
pub fn check_listen(segment: &Segment) -> Result<(), Discard> {
    if segment.rst() {
        return Err(Discard::silent(Refusal::TcpStrayReset));
    }
    if let Some(ack) = segment.ack() {
        return Err(Discard::reset(Refusal::TcpPortClosed, ack));
    }
    if !segment.syn() {
        return Err(Discard::silent(Refusal::ListenNoSyn));
    }
    // SYN with FIN is no way to open (RFC 9293 leaves it open; Linux drops it as well).
    if segment.fin() {
        return Err(Discard::silent(Refusal::ListenBadFlags));
    }
    Ok(())
}

impl HalfOpen {
    /// Both addresses.
    pub fn ends(&self) -> Endpoints {
        self.ends.get()
    }

    /// The record that a SYN makes.
    pub fn new(
        cx: &Context<'_>,
        conn: ConnId,
        ends: Endpoints,
        syn: &Segment,
        secrets: &Secrets,
    ) -> Self {
        let (iss, timestamp_offset) = secrets.initial_numbers(cx.now, ends.local, ends.remote);
        let mut record = HalfOpen {
            conn,
            ends: ends.into(),
            iss,
            irs: syn.seq,
            retransmissions: 0,
            peer: SynOptions::from(&syn.options),
            timestamp_offset,
            ecn: Negotiation::default(),
            sent: RecentInstant::new(cx.now),
            course: Course::empty(),
            answers: ChallengeLimit::default(),
        };
        record.note_ecn(syn);
        record
    }

    /// The record that a SYN cookie has stood for, which `ack` brings back; `None` if it is none.
    pub fn from_cookie(
        cx: &Context<'_>,
        conn: ConnId,
        ends: Endpoints,
        ack: &Segment,
        secrets: &Secrets,
    ) -> Option<Self> {
        let (irs, iss) = (ack.seq - 1, ack.ack()? - 1);
        let mss = secrets.open_syn_cookie(cx.now, ends, irs, iss)?;
        let timestamps = ack.options.timestamps;
        let kept = timestamps.map(|ts| syn_cookie::read_stamp(ts.tsecr));
        let (window_scale, sack_permitted) = kept.unwrap_or_default();
        let mss = Some(mss);
        let peer = Options { mss, window_scale, sack_permitted, timestamps, ..Options::default() };
        Some(HalfOpen {
            conn,
            ends: ends.into(),
            iss,
            irs,
            retransmissions: 0,
            peer: SynOptions::from(&peer),
            timestamp_offset: secrets.initial_numbers(cx.now, ends.local, ends.remote).1,
            ecn: Negotiation::default(),
            // When it was sent, nobody knows.
            sent: RecentInstant::new(cx.now),
            course: Course::SENT_AGAIN,
            answers: ChallengeLimit::default(),
        })
    }

    /// The SYN-ACK after which the record can be forgotten (see `tcp::syn_cookie`).
    pub fn cookie(self, now: Instant, config: &Config, own_mss: Mss, secrets: &Secrets) -> Segment {
        let plain = HalfOpen { ecn: Negotiation::default(), ..self };
        let mut segment = plain.syn_ack(now, config, own_mss);
        segment.seq = secrets.syn_cookie(now, plain.ends(), plain.irs, plain.peer.mss());
        let scale = plain.peer.window_scale();
        let Options { timestamps, window_scale, sack_permitted, .. } = &mut segment.options;
        match timestamps {
            Some(ts) => ts.tsval = syn_cookie::stamp(ts.tsval, scale, *sack_permitted),
            None => (*window_scale, *sack_permitted) = (None, false),
        }
        segment
    }

    /// Takes up only what the settings allow of what the SYN offered.
    pub fn limit(&mut self, config: &Config) {
        self.peer.limit(config);
    }

    /// How events show a segment received for it.
    pub fn view_received(&self, segment: &Segment) -> SegmentView {
        let (scale, seq_base, ack_base) = (WindowScale::NONE, self.irs, self.iss);
        self.ends().view(segment, Numbering { scale, seq_base, ack_base })
    }

    /// How the numbers are to be read of a segment sent for it.
    pub(crate) fn numbering(&self, segment: &Segment, config: &Config) -> Numbering {
        let scale = if segment.syn() { WindowScale::NONE } else { self.own_scale(config) };
        Numbering { scale, seq_base: self.iss, ack_base: self.irs }
    }

    /// The shift of the windows that we offer, but for that of the SYN-ACK.
    fn own_scale(&self, config: &Config) -> WindowScale {
        let scale = self.peer.window_scale();
        scale.map(|_| WindowScale::for_buffer(config.most_received())).unwrap_or_default()
    }

    /// Takes the place of a connection in TIME-WAIT: our numbers go on after its last one
    /// (RFC 1122 4.2.2.13).
    pub fn start_after(&mut self, snd_nxt: SeqNum) {
        if !self.iss.after(snd_nxt) {
            self.iss = snd_nxt + 65_537;
        }
    }

    /// Each SYN is answered with what all of them, so far, have said of ECN (RFC 3168 6.1.1).
    fn note_ecn(&mut self, syn: &Segment) {
        self.ecn.received(syn.flags);
        self.ecn.sent(Flags::ACK | self.ecn.answer());
    }

    /// What the handshake has come to, as far as the settings allow it.
    fn ecn(&self, config: &Config) -> Negotiation {
        if config.ecn == Ecn::Off { Negotiation::default() } else { self.ecn }
    }

    /// The SYN-ACK, offering of each option only what the SYN offered (RFC 7323 2.2, RFC 2018 2),
    /// and of SACK and ECN only what the settings allow.
    pub fn syn_ack(&self, now: Instant, config: &Config, own_mss: Mss) -> Segment {
        let scale = WindowScale::for_buffer(config.most_received());
        let tsval = (now.as_millis() as u32).wrapping_add(self.timestamp_offset);
        Segment {
            src_port: self.ends().local.port(),
            dst_port: self.ends().remote.port(),
            seq: self.iss,
            ack: self.irs + 1,
            flags: Flags::SYN | Flags::ACK | self.ecn(config).answer(),
            window: config.syn_window(),
            urgent: 0,
            options: Options {
                mss: Some(config.own_mss(own_mss).bytes()),
                window_scale: self.peer.window_scale().map(|_| scale.shift()),
                sack_permitted: config.sack && self.peer.sack_permitted(),
                timestamps: self.peer.tsval().map(|tsecr| Timestamps { tsval, tsecr }),
                order: config.profile.option_order(),
                ..Options::default()
            },
            ecn: 0,
            payload: Bytes::new(),
        }
    }

    /// The acknowledgment that answers an unacceptable segment.
    pub fn challenge_ack(&self, now: Instant, config: &Config) -> Segment {
        let syn_ack = self.syn_ack(now, config, Mss::DEFAULT);
        Segment {
            seq: self.iss + 1,
            flags: Flags::ACK,
            window: self.own_scale(config).field(syn_ack.window.into()),
            options: Options { timestamps: syn_ack.options.timestamps, ..Options::default() },
            ..syn_ack
        }
    }

    /// When the SYN-ACK is to be sent again (RFC 6298 5.5), `now` being after it was sent.
    pub fn next_deadline(&self, now: Instant, config: &Config) -> Instant {
        let rto = Rto::INITIAL.backed_off(self.retransmissions).at_most(config.rto_max);
        self.sent.before(now) + rto.as_duration()
    }

    /// The SYN-ACK was sent again because time ran out.
    pub fn timed_out(&mut self, now: Instant) {
        self.retransmissions += 1;
        self.course |= Course::SENT_AGAIN;
        self.sent = RecentInstant::new(now);
    }

    /// Whether the acknowledgment `segment`, with which the connection would be open, is to be ignored because a
    /// listener with these settings waits for text (TCP_DEFER_ACCEPT). The peer is not asked for it again before the
    /// time is over.
    pub fn defers(&mut self, segment: &Segment, config: &Config) -> bool {
        let bare = segment.payload.is_empty() && !segment.fin();
        let defers = bare && self.retransmissions < config.accept_retransmissions();
        if defers {
            self.course |= Course::ANSWERED;
        }
        defers
    }

    fn is_answered(&self) -> bool {
        self.course.contains(Course::ANSWERED)
    }

    /// Whether it was answered, and still is to wait for text: however often the SYN-ACK was sent, the peer is there.
    pub fn is_deferred(&self, config: &Config) -> bool {
        self.is_answered() && self.retransmissions < config.accept_retransmissions()
    }

    /// Whether the SYN-ACK need not be sent again although time has run out. Once more it is sent before that is over, so
    /// that the peer, which takes the connection for open, can answer.
    pub fn waits_for_text(&self, config: &Config) -> bool {
        self.is_answered() && self.retransmissions + 1 < config.accept_retransmissions()
    }

    /// Whether a segment that neither opens nor closes it may be answered once more (RFC 5961 7).
    pub fn may_answer(&mut self, now: Instant) -> bool {
        self.answers.allow(now)
    }

    /// The SYN came again, and is answered again: with the clock of this copy, lest the peer measure
    /// from the first one (RFC 7323 4.3).
    pub fn syn_again(&mut self, syn: &Segment) {
        self.course |= Course::SENT_AGAIN;
        self.note_ecn(syn);
        if let (Some(recent), Some(ts)) = (self.peer.tsval(), syn.options.timestamps)
            && is_older(recent, ts.tsval)
        {
            self.peer.set_tsval(ts.tsval);
        }
    }

    /// What `segment` means (RFC 9293 3.10.7.4 for SYN-RECEIVED, RFC 5961 3.2); `window` was offered.
    pub fn segment_arrives(
        &self,
        segment: &Segment,
        window: u32,
        profile: Profile,
    ) -> Result<Step, Discard> {
        if segment.rst() {
            return match segment.seq - (self.irs + 1) {
                0 => Ok(Step::Forget),
                at if at < window => Err(Discard::challenge(Refusal::ResetChallenged)),
                _ => Err(Discard::silent(Refusal::ResetOutsideWindow)),
            };
        }
        if segment.syn() {
            let again = segment.seq == self.irs && segment.ack().is_none() && !segment.fin();
            let discard = Discard::challenge(Refusal::SynReceivedUnacceptable);
            return if again { Ok(Step::AnswerAgain) } else { Err(discard) };
        }
        // A bad acknowledgment is reset wherever the segment stands (RFC 9293 3.5.2 group 2).
        if let Some(ack) = segment.ack().filter(|&ack| ack != self.iss + 1) {
            return Err(Discard::reset(Refusal::SynReceivedUnacceptable, ack));
        }
        self.check_timestamp(segment, profile)?;
        if Place::of(segment, self.irs + 1, window) != Place::Inside {
            return Err(Discard::challenge(Refusal::SynReceivedUnacceptable));
        }
        match segment.ack() {
            None => Err(Discard::silent(Refusal::AckMissing)),
            Some(_) => Ok(Step::Complete),
        }
    }

    /// What is old, or lacks the timestamp agreed on, completes nothing (RFC 7323 3.2, 5.3 R1).
    fn check_timestamp(&self, segment: &Segment, profile: Profile) -> Result<(), Discard> {
        match (self.peer.tsval(), segment.options.timestamps) {
            (Some(_), None) if !profile.takes_unstamped() => {
                Err(Discard::silent(Refusal::TimestampMissing))
            }
            (Some(recent), Some(ts)) if is_older(ts.tsval, recent) => {
                Err(Discard::challenge(Refusal::Paws))
            }
            _ => Ok(()),
        }
    }

    /// The control block, in SYN-RECEIVED with the SYN-ACK sent, ready to process the segment that
    /// completes the handshake. The SYN-ACK was made from the settings `offered`, which may have changed
    /// since; what it said stands.
    pub fn into_tcb(
        self,
        now: Instant,
        config: Arc<Config>,
        offered: &Config,
        own_mss: Mss,
    ) -> Box<Tcb> {
        let own_mss = offered.own_mss(own_mss);
        let mut tcb = Tcb::new(self.conn, self.ends(), config, self.iss, own_mss, now);
        tcb.state = State::SynReceived;
        tcb.ecn = EcnState::new(self.ecn(offered));
        tcb.timestamp_offset = self.timestamp_offset;
        tcb.sack = offered.sack;
        tcb.rcv.scale = WindowScale::for_buffer(offered.most_received());
        tcb.synchronize(self.irs);
        tcb.negotiate(&self.peer.get(), now, self.retransmissions);
        tcb.rcv.adv = tcb.rcv.nxt + u32::from(offered.syn_window());
        tcb.snd.nxt = self.iss + 1;
        tcb.snd.syn_pending = false;
        if self.retransmissions > 0 {
            tcb.rtt.syn_timed_out();
        }
        tcb.syn_sent = (!self.course.contains(Course::SENT_AGAIN)).then(|| self.sent.before(now));
        tcb
    }
}

#[cfg(test)]
mod tests;
