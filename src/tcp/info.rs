//! A look at one connection, as `ss -ti` would show it.

use std::net::SocketAddr;

use crate::event::{ConnId, State};
use crate::tcp::congestion::Algorithm;
use crate::time::Duration;
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
    /// Bytes sent and not acknowledged, SYN and FIN counted.
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
    /// How often the congestion window was reduced for such marks.
    pub ecn_reductions: u64,
    /// The text that went with the SYN has arrived: the peer has acknowledged all of ours, or we have taken
    /// the peer's (RFC 7413; TCPI_OPT_SYN_DATA).
    pub syn_text: bool,
    /// What the network has reported since something was last acknowledged
    /// (RFC 9293 3.9.2.2 [SHLD-25]).
    pub soft_error: Option<Notice>,
}
