//! The transmission control block: everything one connection knows (RFC 9293 3.3.1).

use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};

use serde::{Deserialize, Serialize};

use crate::context::Context;
use crate::event::{Cause, ConnId, Limit, State, TimerKind};
use crate::tcp::ack_policy::AckPolicy;
use crate::tcp::black_hole::BlackHole;
use crate::tcp::busy::Busy;
use crate::tcp::challenge::ChallengeLimit;
use crate::tcp::congestion::Controller;
use crate::tcp::ecn::EcnState;
use crate::tcp::fast_open::{Opening, SynText};
use crate::tcp::fault;
use crate::tcp::loss::Selective;
use crate::tcp::loss::dupack::DupAck;
use crate::tcp::mss::Mss;
use crate::tcp::pacing::{self, Pacer};
use crate::tcp::rate::DeliveryRate;
use crate::tcp::rcv::ReceiveSpace;
use crate::tcp::receive_tuning::{Bounds, ReceiveTuning};
use crate::tcp::rtt::{Rto, RttEstimator};
use crate::tcp::scoreboard::Scoreboard;
use crate::tcp::snd::SendSpace;
use crate::tcp::timers::Timers;
use crate::tcp::urgent::Urgent;
use crate::tcp::usage::Usage;
use crate::tcp::window_scale::WindowScale;
use crate::tcp::{Config, Error};
use crate::time::Instant;
use crate::wire::SeqNum;
use crate::wire::icmp::Notice;
use crate::wire::tcp_options::Timestamps;

/// The two ends of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoints {
    /// Our address.
    pub local: SocketAddr,
    /// The peer's address.
    pub remote: SocketAddr,
}

/// What the timestamps option needs (RFC 7323 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimestampState {
    /// TS.Recent: what to echo.
    pub recent: u32,
    /// When it was last renewed; after 24 days it proves nothing (RFC 7323 5.5).
    pub renewed: Instant,
}

/// How far the application is done with the connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Attachment {
    /// It may still read.
    #[default]
    Attached,
    /// It waits for nothing more, but may read what arrives.
    ReadShut,
    /// It has let go: nobody will ever read again.
    Detached,
}

/// Figures that nothing depends on.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Totals {
    /// Bytes of text sent for the first time.
    pub bytes_sent: u64,
    /// Bytes of text acknowledged.
    pub bytes_acked: u64,
    /// Segments sent again.
    pub retransmissions: u32,
    /// Bytes of text sent again.
    pub bytes_again: u64,
    /// Segments received, and those of them with text.
    pub segments_in: u32,
    /// See `segments_in`.
    pub texts_in: u32,
    /// Segments sent, and those of them with text.
    pub segments_out: u32,
    /// See `segments_out`.
    pub texts_out: u32,
    /// Segments that have arrived, as far as the peer has said so.
    pub delivered: u32,
    /// Reductions of the window for marks; this and the next two stop at the most that they can be.
    pub ecn_reductions: u16,
    /// Duplicates that the peer has reported.
    pub dsacks: u16,
    /// How often the path was seen to reorder.
    pub reorderings: u16,
    /// How far at most, in segments.
    pub reordering: u16,
}

fn receive_bounds(config: &Config, own_mss: Mss) -> Bounds {
    let (initial, max) = (config.first_receive_buffer(), config.most_received());
    Bounds { initial, max, mss: own_mss.bytes().into() }
}

/// What stands in the place of the settings until a parked connection has its own again.
fn no_config() -> Arc<Config> {
    static NONE: LazyLock<Arc<Config>> = LazyLock::new(Arc::default);
    NONE.clone()
}

/// One connection. It lives in the states from SYN-SENT on; LISTEN, SYN-RECEIVED behind a listener
/// and TIME-WAIT have smaller records.
#[derive(Debug, Serialize, Deserialize)]
pub struct Tcb {
    pub(crate) conn: ConnId,
    pub(crate) ends: Endpoints,
    pub(crate) state: State,
    #[serde(skip, default = "no_config")]
    pub(crate) config: Arc<Config>,
    pub(crate) snd: SendSpace,
    pub(crate) rcv: ReceiveSpace,
    /// What we can receive, and announced.
    pub(crate) own_mss: Mss,
    /// What we may send, options not subtracted.
    pub(crate) mss: Mss,
    /// Routers may not fragment what we send (RFC 1191 3).
    pub(crate) dont_fragment: bool,
    /// Whether the path swallows what is too large.
    pub(crate) black_hole: BlackHole,
    /// SACK was agreed on (or, in SYN-SENT, is offered).
    pub(crate) sack: bool,
    /// Timestamps were agreed on (or, in SYN-SENT, are offered).
    pub(crate) timestamps: Option<TimestampState>,
    /// Added to our clock in timestamps.
    pub(crate) timestamp_offset: u32,
    pub(crate) rtt: RttEstimator,
    /// How often the time-out in force was doubled: kept until there is a new sample (Karn; RFC 6298
    /// 5.7), for acknowledgments of retransmissions say little about the path.
    pub(crate) backoff: u8,
    /// Time-outs in a row without any answer.
    pub(crate) timeouts: u8,
    /// When something was last retransmitted: older echoes are of the original.
    pub(crate) retransmitted_at: Instant,
    /// When our SYN was sent, if it was sent once and is not acknowledged (Karn).
    pub(crate) syn_sent: Option<Instant>,
    /// What there is to remember while it opens fast.
    #[serde(skip)]
    pub(crate) opening: Option<Box<Opening>>,
    /// What became of the text that went with the SYN.
    pub(crate) syn_text: SynText,
    pub(crate) congestion: Controller,
    pub(crate) loss: DupAck,
    pub(crate) selective: Selective,
    pub(crate) scoreboard: Scoreboard,
    pub(crate) delivery_rate: DeliveryRate,
    pub(crate) pacer: Pacer,
    /// Explicit congestion notification (RFC 3168).
    pub(crate) ecn: EcnState,
    pub(crate) ack: AckPolicy,
    /// How large the receive buffer is.
    pub(crate) receive_tuning: ReceiveTuning,
    /// How large the send buffer is, in bytes.
    pub(crate) send_limit: u32,
    pub(crate) timers: Timers,
    pub(crate) challenge: ChallengeLimit,
    pub(crate) attachment: Attachment,
    /// Why it ended, when it did not end well.
    #[serde(skip)]
    pub(crate) error: Option<Error>,
    /// The application has asked for it.
    pub(crate) error_taken: bool,
    /// Urgent data, if there is any.
    #[serde(skip)]
    pub(crate) urgent: Option<Box<Urgent>>,
    /// What the network has reported since something was last acknowledged; it is the error if time
    /// runs out (RFC 5461 2.2).
    #[serde(skip)]
    pub(crate) soft_error: Option<Notice>,
    /// A reset has to be sent, with this sequence number.
    pub(crate) reset_pending: bool,
    /// A probe of a closed window, or a keepalive, has to be sent.
    #[serde(skip)]
    pub(crate) probe_pending: Option<crate::event::Why>,
    /// When anything last arrived from the peer.
    pub(crate) last_heard: Instant,
    /// Since when data has been waiting for an acknowledgment without progress.
    pub(crate) unanswered_since: Option<Instant>,
    /// When data was last sent.
    pub(crate) last_sent: Instant,
    /// Keepalive probes without an answer.
    pub(crate) keepalives: u8,
    /// Why nothing more was sent when it last stopped.
    pub(crate) limit: Limit,
    /// How much of the congestion window is used.
    pub(crate) usage: Usage,
    /// For how long there was something to send.
    pub(crate) busy: Busy,
    pub(crate) totals: Totals,
}

impl Tcb {
    /// A control block that has neither sent nor received anything. It is large, so it is made where it
    /// stays.
    pub(crate) fn new(
        conn: ConnId,
        ends: Endpoints,
        config: Arc<Config>,
        iss: SeqNum,
        own_mss: Mss,
        now: Instant,
    ) -> Box<Self> {
        let scale = WindowScale::for_buffer(config.most_received());
        let mss = Mss::DEFAULT.min(own_mss);
        let bounds = receive_bounds(&config, own_mss);
        let place = Box::new_uninit();
        let tcb = Tcb {
            conn,
            ends,
            state: State::Closed,
            snd: SendSpace::new(iss),
            rcv: ReceiveSpace::new(SeqNum::default(), scale),
            own_mss,
            mss,
            dont_fragment: true,
            black_hole: BlackHole::default(),
            sack: config.sack,
            timestamps: None,
            timestamp_offset: 0,
            rtt: RttEstimator::default(),
            backoff: 0,
            timeouts: 0,
            retransmitted_at: now,
            syn_sent: None,
            opening: None,
            syn_text: SynText::None,
            congestion: Controller::new(config.congestion, mss.bytes().into(), config.profile),
            loss: DupAck::new(iss),
            selective: Selective::default(),
            scoreboard: Scoreboard::default(),
            delivery_rate: DeliveryRate::default(),
            pacer: Pacer::default(),
            ecn: EcnState::default(),
            ack: AckPolicy::default(),
            receive_tuning: ReceiveTuning::new(bounds, now),
            send_limit: config.first_send_buffer(),
            timers: Timers::default(),
            challenge: ChallengeLimit::default(),
            attachment: Attachment::Attached,
            error: None,
            error_taken: false,
            urgent: None,
            soft_error: None,
            reset_pending: false,
            probe_pending: None,
            last_heard: now,
            unanswered_since: None,
            last_sent: now,
            keepalives: 0,
            limit: Limit::State,
            usage: Usage::default(),
            busy: Busy::default(),
            totals: Totals::default(),
            config,
        };
        Box::write(place, tcb)
    }

    /// The number of this connection in events.
    pub fn conn(&self) -> ConnId {
        self.conn
    }

    /// Both addresses.
    pub fn endpoints(&self) -> Endpoints {
        self.ends
    }

    /// The state.
    pub fn state(&self) -> State {
        self.state
    }

    /// The largest segment that we can receive, options not subtracted.
    pub fn own_mss(&self) -> Mss {
        self.own_mss
    }

    /// The settings.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Why it ended, when it did not end well.
    pub fn error(&self) -> Option<Error> {
        self.error
    }

    /// Whether the application has let go of it.
    pub fn is_detached(&self) -> bool {
        self.attachment == Attachment::Detached
    }

    /// Whether a reset still has to be sent.
    pub fn has_reset_to_send(&self) -> bool {
        self.reset_pending
    }

    /// Segments sent again, SYNs included.
    pub fn retransmissions(&self) -> u64 {
        self.totals.retransmissions.into()
    }

    /// When a timer goes off next.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.timers.next()
    }

    /// Ends the connection at once. What was received stays readable.
    pub(crate) fn finish(&mut self, cx: &mut Context<'_>, cause: Cause, error: Option<Error>) {
        self.error = self.error.or(error);
        self.timers.cancel_all();
        self.snd.buffer = Default::default();
        self.scoreboard = Scoreboard::default();
        self.rcv.drop_reassembly();
        self.probe_pending = None;
        self.enter(cx, State::Closed, cause);
    }

    /// Ends the connection with a reset, where the peer may know of it (RFC 9293 3.10.5).
    pub(crate) fn reset(&mut self, cx: &mut Context<'_>, cause: Cause, error: Option<Error>) {
        self.reset_pending = match self.state {
            State::SynReceived
            | State::Established
            | State::FinWait1
            | State::FinWait2
            | State::CloseWait => true,
            // The peer would wait for ever for what it will not get.
            State::Closing | State::LastAck => self.snd.buffer.len() > 0 || self.snd.fin.is_none(),
            _ => false,
        };
        self.finish(cx, cause, error);
    }

    /// Sequence space believed to be in the network.
    pub fn in_flight(&self) -> u32 {
        self.snd.outstanding() - self.scoreboard.lost() - self.scoreboard.sacked()
    }

    /// The same less what duplicate acknowledgments say has left: what counts against the window.
    pub(crate) fn flight(&self) -> u32 {
        self.in_flight().saturating_sub(self.loss.allowance())
    }

    /// The congestion window in force: while a reduction goes on, what it has come to.
    pub(crate) fn cwnd(&self) -> u32 {
        match self.selective.prr {
            Some(prr) => prr.window().max(self.full_segment()),
            None => self.congestion.window(),
        }
    }

    /// How fast to send, in bytes a second; `None`: as fast as the window allows.
    pub(crate) fn pacing_rate(&self) -> Option<u64> {
        let rate = self.congestion.pacing_rate();
        if rate.is_none() && self.config.pacing {
            return pacing::rate(self.cwnd(), self.rtt.srtt(), self.congestion.in_slow_start());
        }
        rate
    }

    /// Text in a full-sized segment now: the MSS less the options it will carry (RFC 6691).
    pub(crate) fn segment_size(&self) -> u32 {
        let sack = if self.sack && self.rcv.has_sack_blocks() {
            match self.rcv.sack_blocks(self.max_sack_blocks()).len() as u32 {
                0 => 0,
                blocks => 4 + 8 * blocks,
            }
        } else {
            0
        };
        self.full_segment().saturating_sub(sack).max(1)
    }

    /// Text in a full-sized segment that reports no blocks: the unit in which congestion control counts,
    /// whatever the options of single segments (RFC 5681 2, SMSS).
    pub(crate) fn full_segment(&self) -> u32 {
        let timestamps = if self.timestamps.is_some() { 12 } else { 0 };
        u32::from(self.mss.bytes()).saturating_sub(timestamps).max(1)
    }

    /// Blocks that a segment may carry: as many as its options have room for, and where segments
    /// are tiny only so many that text still fits.
    pub(crate) fn max_sack_blocks(&self) -> usize {
        let (timestamps, most) = if self.timestamps.is_some() { (12, 3) } else { (0, 4) };
        let room = usize::from(self.mss.bytes()).saturating_sub(timestamps + 4 + 1);
        most.min(room / 8)
    }

    /// The retransmission time-out in force.
    pub(crate) fn rto(&self) -> Rto {
        let backoff = self.backoff.saturating_add(u8::from(fault::SLOW_RTO));
        self.rtt.rto().backed_off(backoff).at_most(self.config.rto_max)
    }

    /// The bounds of the receive buffer.
    pub(crate) fn receive_bounds(&self) -> Bounds {
        receive_bounds(&self.config, self.own_mss)
    }

    /// Our timestamp clock: milliseconds (RFC 7323 5.4).
    pub(crate) fn tsval(&self, now: Instant) -> u32 {
        (now.as_millis() as u32).wrapping_add(self.timestamp_offset)
    }

    pub(crate) fn timestamps_option(&self, now: Instant) -> Option<Timestamps> {
        let state = self.timestamps?;
        Some(Timestamps { tsval: self.tsval(now), tsecr: state.recent })
    }

    /// Whether text waits behind a gap.
    pub fn has_gap(&self) -> bool {
        self.rcv.has_gap()
    }

    /// Gives back the memory that empty buffers keep for what comes next.
    pub fn drop_spare(&mut self) {
        self.snd.buffer.drop_spare();
        self.rcv.buffer.drop_spare();
    }

    /// Forgets what waits behind a gap, reported or not (RFC 2018 8): the peer sends it again.
    pub fn drop_out_of_order(&mut self) {
        self.rcv.drop_reassembly();
    }

    /// What holding all that was written and all that has arrived costs, in bytes.
    pub fn memory(&self) -> usize {
        self.snd.buffer.memory() + self.rcv.memory()
    }

    /// What must always hold; run after every step of a simulation.
    pub fn check_invariants(&self) {
        if self.state == State::Closed {
            return;
        }
        let snd = &self.snd;
        assert!(snd.una.at_or_before(snd.nxt), "snd.una is beyond snd.nxt");
        if cfg!(debug_assertions) {
            let una = snd.place_of(snd.una).max(1);
            self.scoreboard.check_invariants(una, snd.place_of(snd.nxt).max(una));
        }
        assert!(self.rcv.nxt.at_or_before(self.rcv.adv), "rcv.nxt is beyond the window offered");
        let waits = snd.outstanding() > 0 && self.state != State::TimeWait;
        let armed = self.timers.is_armed(TimerKind::Retransmission);
        assert!(!waits || armed, "outstanding data and no retransmission timer: {:?}", self.state);
        let written = snd.buffer.len() as u32;
        assert!(snd.unsent() <= written, "more unsent than written");
        let cwnd = self.cwnd();
        assert!(cwnd >= self.full_segment(), "a window of {cwnd}, in which no full segment fits");
    }
}

#[cfg(test)]
mod tests;
