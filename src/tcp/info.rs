//! A look at one connection, as `ss -ti` would show it.

use std::net::SocketAddr;

use crate::event::{ConnId, Glance, Limit, State, TimerKind};
use crate::tcp::congestion::Algorithm;
use crate::tcp::fast_open::SynText;
use crate::tcp::loss::dupack::Mode;
use crate::tcp::tcb::Tcb;
use crate::time::{Duration, Instant};
use crate::wire::icmp::Notice;

/// The state of a connection at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Info {
    /// Its number in events and logs.
    pub conn: ConnId,
    /// Our address.
    pub local: SocketAddr,
    /// The peer's address.
    pub remote: SocketAddr,
    /// Its state.
    pub state: State,
    /// Most payload bytes sent in one segment, options subtracted.
    pub mss: u16,
    /// What moves the congestion window.
    pub congestion: Algorithm,
    /// Congestion window, in bytes.
    pub cwnd: u32,
    /// Slow-start threshold, in bytes; `None` while it is infinite.
    pub ssthresh: Option<u32>,
    /// Smoothed round-trip time; `None` before the first sample.
    pub srtt: Option<Duration>,
    /// Variation of the round-trip time.
    pub rttvar: Duration,
    /// Retransmission time-out, with backoff.
    pub rto: Duration,
    /// The peer's window, in bytes.
    pub snd_wnd: u32,
    /// Our window, in bytes.
    pub rcv_wnd: u32,
    /// What the peer seems to put into a full-sized segment, in bytes; 0 before the first text.
    pub rcv_mss: u32,
    /// How long an acknowledgment waits for company now; zero before the first text.
    pub ato: Duration,
    /// Acknowledgments that will not wait.
    pub quick_acks: u8,
    /// Bytes sent that are believed to be on their way: neither acknowledged, nor reported by SACK, nor believed lost; SYN and
    /// FIN counted.
    pub in_flight: u32,
    /// Most bytes kept for the application to read, as it is tuned now.
    pub receive_limit: u32,
    /// The most that the application has read in a round trip, in bytes; a guess before the first.
    pub receive_space: u64,
    /// The round-trip time as the receiver sees it; `None` before the first sample.
    pub receive_rtt: Option<Duration>,
    /// Most bytes kept that were written and not acknowledged, as it is tuned now.
    pub send_limit: u32,
    /// Bytes written by the application and not acknowledged.
    pub send_queue: u32,
    /// Bytes received and not read by the application.
    pub receive_queue: u32,
    /// Bytes of text sent, retransmissions not counted.
    pub bytes_sent: u64,
    /// Bytes of text that the peer has acknowledged.
    pub bytes_acked: u64,
    /// Bytes of text received in order.
    pub bytes_received: u64,
    /// Segments retransmitted.
    pub retransmissions: u64,
    /// Both sides have agreed that routers may mark what is sent instead of dropping it (RFC 3168).
    pub ecn: bool,
    /// How often the congestion window was reduced for such marks, as far as 65,535.
    pub ecn_reductions: u64,
    /// The text that went with the SYN has arrived: the peer has acknowledged all of ours, or we have taken
    /// the peer's (RFC 7413; TCPI_OPT_SYN_DATA).
    pub syn_text: bool,
    /// What the network has reported since something was last acknowledged
    /// (RFC 9293 3.9.2.2 [SHLD-25]).
    pub soft_error: Option<Notice>,
    /// What TCP_INFO of Linux has beside that.
    pub details: Details,
}

/// What [`Info`] has for those who want to know exactly, in the terms of Linux's TCP_INFO.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Details {
    /// What is being done about losses.
    pub recovery: Recovery,
    /// Segments sent and not acknowledged, rounded up as the next three are (tcpi_unacked).
    pub segments_outstanding: u32,
    /// Segments of these that are believed lost and were not sent again.
    pub segments_lost: u32,
    /// Segments of these that the peer has although something before them is missing.
    pub segments_sacked: u32,
    /// Segments of these that are in flight and were sent more than once.
    pub segments_again: u32,
    /// Time-outs in a row.
    pub timeouts: u8,
    /// Probes in a row of a closed window or of an idle connection.
    pub probes: u8,
    /// How often the time-out in force was doubled.
    pub backoff: u8,
    /// How far the path has been seen to reorder, in segments; 3 where it was not seen to go further.
    pub reordering: u16,
    /// How often it was seen to reorder, as far as 65,535.
    pub reorderings: u32,
    /// Duplicates that the peer has reported (RFC 2883), as far as 65,535.
    pub dsacks: u32,
    /// Segments received and processed.
    pub segments_in: u32,
    /// Segments sent.
    pub segments_out: u32,
    /// Segments received with text.
    pub text_segments_in: u32,
    /// Segments sent with text.
    pub text_segments_out: u32,
    /// Segments that the peer has, as far as it has said so: SYN and FIN count, what is missing before them does not
    /// (tcpi_delivered).
    pub segments_delivered: u32,
    /// Bytes of text sent again.
    pub bytes_retransmitted: u64,
    /// Bytes written and never sent.
    pub unsent: u32,
    /// Why nothing more was sent when it last stopped.
    pub limit: Limit,
    /// How fast is sent, in bytes a second; `None`: as fast as the window allows.
    pub pacing_rate: Option<u64>,
    /// How fast the path has delivered lately, in bytes a second; `None` before the first sample.
    pub delivery_rate: Option<u64>,
    /// The application, not the path, was the limit of that.
    pub delivery_rate_app_limited: bool,
    /// Shortest round-trip time; `None` before the first sample.
    pub min_rtt: Option<Duration>,
    /// The largest segment that we have announced.
    pub advertised_mss: u16,
    /// The largest packet sent, in bytes.
    pub path_mtu: u16,
    /// Timestamps were agreed on.
    pub timestamps: bool,
    /// Selective acknowledgments were agreed on.
    pub sack: bool,
    /// The shifts of the windows that the peer offers and that we offer.
    pub window_scales: (u8, u8),
    /// How long there was something to send or to be acknowledged.
    pub busy: Duration,
    /// How long of that the peer's window kept it.
    pub peer_window_limited: Duration,
    /// How long of that a full send buffer kept the application.
    pub send_buffer_limited: Duration,
    /// How long ago text, a SYN or a FIN was last sent.
    pub since_sent: Duration,
    /// How long ago text was last received, or the connection opened.
    pub since_text_received: Duration,
    /// How long ago anything acceptable was last received.
    pub since_heard: Duration,
}

/// What is being done about losses, in the terms of Linux (tcpi_ca_state).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Recovery {
    /// Nothing is missing.
    #[default]
    Open,
    /// Something may be missing.
    Disorder,
    /// The window becomes smaller although nothing is missing.
    Reducing,
    /// What was found lost is sent again.
    Recovery,
    /// What a time-out has declared lost is sent again.
    Loss,
}

impl Recovery {
    /// Its name, in lower case.
    pub const fn name(self) -> &'static str {
        match self {
            Recovery::Open => "open",
            Recovery::Disorder => "disorder",
            Recovery::Reducing => "reducing",
            Recovery::Recovery => "recovery",
            Recovery::Loss => "loss",
        }
    }
}

impl Tcb {
    /// The timer that goes off next, and when.
    pub fn next_timer(&self) -> Option<(TimerKind, Instant)> {
        self.timers.next_timer()
    }

    /// A look at everything, as of the last time that anything was sent or received.
    pub fn info(&self) -> Info {
        self.info_at(self.last_sent.max(self.last_heard))
    }

    /// A look at everything now.
    pub fn info_at(&self, now: Instant) -> Info {
        Info {
            conn: self.conn,
            local: self.ends.local,
            remote: self.ends.remote,
            state: self.state,
            mss: self.segment_size() as u16,
            congestion: self.congestion.algorithm(),
            cwnd: self.cwnd(),
            ssthresh: self.congestion.ssthresh(),
            srtt: self.rtt.srtt(),
            rttvar: self.rtt.rttvar(),
            rto: self.rto().as_duration(),
            snd_wnd: self.snd.wnd,
            rcv_wnd: self.rcv.window(),
            rcv_mss: self.ack.full_size(),
            ato: self.ack.delay(&self.config, self.rtt.srtt()),
            quick_acks: self.ack.quick_left(),
            in_flight: self.in_flight(),
            receive_limit: self.receive_tuning.capacity(),
            receive_space: self.receive_tuning.space(),
            receive_rtt: self.receive_tuning.rtt(),
            send_limit: self.send_limit(),
            send_queue: self.snd.buffer.len() as u32,
            receive_queue: self.rcv.buffer.len() as u32,
            bytes_sent: self.totals.bytes_sent,
            bytes_acked: self.totals.bytes_acked,
            bytes_received: self.rcv.offset,
            retransmissions: self.totals.retransmissions.into(),
            ecn: self.ecn.negotiation.may_be_marked(),
            ecn_reductions: self.totals.ecn_reductions.into(),
            syn_text: self.syn_text == SynText::Taken,
            soft_error: self.soft_error,
            details: self.details(now),
        }
    }

    /// The same in short, for who looks with each packet.
    pub fn glance(&self) -> Glance {
        Glance {
            conn: self.conn,
            state: self.state,
            cwnd: self.cwnd(),
            ssthresh: self.congestion.ssthresh(),
            srtt: self.rtt.srtt(),
            rto: self.rto().as_duration(),
            in_flight: self.flight(),
            limit: self.limit,
        }
    }

    fn details(&self, now: Instant) -> Details {
        let segments = |bytes: u32| bytes.div_ceil(self.full_segment());
        let outstanding = self.snd.outstanding();
        let times = self.busy.times(now);
        let scales = (self.snd.scale.shift(), self.rcv.scale.shift());
        let rate = self.delivery_rate.latest();
        let remote = self.ends.remote.ip();
        Details {
            recovery: self.recovery(),
            segments_outstanding: segments(outstanding),
            segments_lost: segments(self.scoreboard.lost()),
            segments_sacked: segments(self.scoreboard.sacked()),
            segments_again: segments(self.scoreboard.again()),
            timeouts: if outstanding > 0 { self.timeouts } else { 0 },
            probes: if outstanding > 0 { 0 } else { self.timeouts.max(self.keepalives) },
            backoff: self.backoff,
            reordering: self.totals.reordering.max(3),
            reorderings: self.totals.reorderings.into(),
            dsacks: self.totals.dsacks.into(),
            segments_in: self.totals.segments_in,
            segments_out: self.totals.segments_out,
            text_segments_in: self.totals.texts_in,
            text_segments_out: self.totals.texts_out,
            segments_delivered: self.totals.delivered,
            bytes_retransmitted: self.totals.bytes_again,
            unsent: if self.state == State::Closed { 0 } else { self.snd.unsent() },
            limit: self.limit,
            pacing_rate: self.pacing_rate(),
            delivery_rate: rate.map(|(rate, _)| rate),
            delivery_rate_app_limited: rate.is_some_and(|(_, limited)| limited),
            min_rtt: self.rtt.srtt().map(|_| self.rtt.min()),
            advertised_mss: self.own_mss.bytes(),
            path_mtu: self.mss.mtu(remote),
            timestamps: self.timestamps.is_some(),
            sack: self.sack,
            window_scales: scales,
            busy: times.busy,
            peer_window_limited: times.peer_window,
            send_buffer_limited: times.send_buffer,
            since_sent: now.since(self.last_sent),
            since_text_received: now.since(self.ack.last_text()),
            since_heard: now.since(self.last_heard),
        }
    }

    fn recovery(&self) -> Recovery {
        match self.loss.mode() {
            Mode::FastRecovery | Mode::GoBackN => Recovery::Recovery,
            Mode::RtoRecovery => Recovery::Loss,
            Mode::Reducing => Recovery::Reducing,
            Mode::Open | Mode::PathMtu | Mode::SynText
                if self.scoreboard.sacked() > 0 || self.loss.allowance() > 0 =>
            {
                Recovery::Disorder
            }
            Mode::Open | Mode::PathMtu | Mode::SynText => Recovery::Open,
        }
    }
}
