//! A look at one connection, as `ss -ti` would show it.

use std::net::SocketAddr;

use crate::event::{ConnId, Phase, State};
use crate::tcp::congestion::Algorithm;
use crate::time::{Duration, Instant};
use crate::wire::icmp::Notice;

/// What a connection knows of losses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repair {
    /// Where congestion control and the repair stand.
    pub phase: Phase,
    /// Duplicate acknowledgments since something was last acknowledged.
    pub duplicates: u32,
    /// Bytes that the peer has although some before them are missing.
    pub sacked: u32,
    /// Bytes believed lost and not sent again.
    pub lost: u32,
    /// Bytes sent again and in flight.
    pub again: u32,
    /// Time-outs in a row without an answer.
    pub timeouts: u8,
    /// How often the time-out in force was doubled.
    pub backoff: u8,
}

/// What both SYNs have agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Agreed {
    /// The largest segment that we have announced, in bytes.
    pub own_mss: u16,
    /// Selective acknowledgments (RFC 2018).
    pub sack: bool,
    /// Timestamps (RFC 7323 3).
    pub timestamps: bool,
    /// Shift of our windows (RFC 7323 2).
    pub own_scale: u8,
    /// Shift of the peer's windows.
    pub peer_scale: u8,
}

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
    /// Bytes sent and not acknowledged, SYN and FIN counted.
    pub in_flight: u32,
    /// What is known of losses.
    pub repair: Repair,
    /// What the SYNs have agreed on, as far as it is known.
    pub agreed: Agreed,
    /// The shortest round trip; zero before the first sample.
    pub min_rtt: Duration,
    /// Bytes written by the application and never sent.
    pub unsent: u32,
    /// Bytes of text that the peer is known to have, in whatever order they came.
    pub delivered: u64,
    /// Probes without an answer, of a closed window or of a peer that is silent.
    pub probes: u8,
    /// When text was last sent, or the connection opened.
    pub last_sent: Instant,
    /// When text last arrived, or the connection was opened.
    pub last_received: Instant,
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
    /// How often the congestion window was reduced for such marks.
    pub ecn_reductions: u64,
    /// What the network has reported since something was last acknowledged
    /// (RFC 9293 3.9.2.2 [SHLD-25]).
    pub soft_error: Option<Notice>,
}
