//! What can be chosen for a connection.

use crate::tcp::congestion::Algorithm;
use crate::tcp::ecn::Ecn;
use crate::tcp::fast_open::FastConnect;
use crate::time::Duration;

/// Settings of a connection; a listener hands its own to those it accepts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Most bytes ever kept for the application to read; the window offered never exceeds it, and its
    /// scale follows from it. 1 to 2^30; 32 MiB, which fills 1 Gbit/s over 100 ms twice.
    pub receive_buffer: u32,
    /// Bytes with which the receive buffer begins; it grows with what the application reads in a round
    /// trip. As much as `receive_buffer`, or more, makes a buffer of a fixed size (SO_RCVBUF).
    /// At least 1; 64 KiB less one, the largest window that a SYN can offer.
    pub receive_buffer_initial: u32,
    /// Most bytes ever kept that were written and not yet acknowledged. At least 1; 32 MiB.
    pub send_buffer: u32,
    /// Bytes with which the send buffer begins; it grows with the congestion window. As much as
    /// `send_buffer`, or more, makes a buffer of a fixed size (SO_SNDBUF). At least 1; 64 KiB.
    pub send_buffer_initial: u32,
    /// What moves the congestion window (RFC 5681).
    pub congestion: Algorithm,
    /// Spread what a window allows over the round trip. BBR does so in any case.
    pub pacing: bool,
    /// Send small segments at once (turn off Nagle's algorithm, RFC 9293 3.7.4).
    pub nodelay: bool,
    /// Offer selective acknowledgments, and take them up where they are offered (RFC 2018).
    pub sack: bool,
    /// Whether routers may mark what is sent instead of dropping it (RFC 3168).
    pub ecn: Ecn,
    /// Whether the SYN may have text with it, where that is asked for (RFC 7413).
    pub fast_connect: FastConnect,
    /// Probe an idle connection (RFC 9293 3.8.4); `None`, the default, never does.
    pub keepalive: Option<Keepalive>,
    /// How long sent data may stay unacknowledged before the connection is given up
    /// (RFC 9293 3.8.3); `None` leaves it to `retransmission_limit`.
    pub user_timeout: Option<Duration>,
    /// What closing does: `None` sends what is left in the background; zero resets; otherwise what
    /// is not done by then is reset (SO_LINGER).
    pub linger: Option<Duration>,
    /// How often data is retransmitted before the connection is given up.
    pub retransmission_limit: u8,
    /// How often a SYN or a SYN with ACK is retransmitted before it is given up.
    pub syn_retransmission_limit: u8,
    /// How long an acknowledgment waits for company at first (RFC 9293 3.8.6.3: under 500 ms). The
    /// delay adapts to the time between segments and is never shorter than this; 40 ms, as Linux.
    pub ack_delay: Duration,
    /// How long it may come to wait (under 500 ms, too); 200 ms, as Linux. As much as `ack_delay`
    /// keeps the delay fixed.
    pub ack_delay_max: Duration,
    /// Acknowledge at once where it helps the peer: at the beginning of a connection, after a silence,
    /// and when the application has read a small segment and does not answer. `false` leaves nothing
    /// but the delay, as TCP_QUICKACK set to 0 does in Linux.
    pub quick_ack: bool,
    /// How long a connection in FIN-WAIT-2 that nobody can read from waits for the peer's FIN.
    pub fin_wait_2_timeout: Duration,
    /// Whether segments become smaller after time-outs in a row, in case the path swallows large ones (RFC 4821 7.7), as
    /// sysctl net.ipv4.tcp_mtu_probing 1 does in Linux.
    pub black_hole_detection: bool,
}

/// When and how often to probe an idle connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keepalive {
    /// Idle time before the first probe; two hours by RFC 9293 3.8.4.
    pub idle: Duration,
    /// Time between probes.
    pub interval: Duration,
    /// Probes without an answer before the connection is given up.
    pub count: u8,
}

impl Default for Keepalive {
    fn default() -> Self {
        Keepalive { idle: Duration::from_secs(7200), interval: Duration::from_secs(75), count: 9 }
    }
}

impl Default for Config {
    fn default() -> Self {
        Config {
            receive_buffer: 32 << 20,
            receive_buffer_initial: u16::MAX.into(),
            send_buffer: 32 << 20,
            send_buffer_initial: 64 << 10,
            congestion: Algorithm::default(),
            pacing: false,
            nodelay: false,
            sack: true,
            ecn: Ecn::default(),
            fast_connect: FastConnect::default(),
            keepalive: None,
            user_timeout: None,
            linger: None,
            retransmission_limit: 15,
            syn_retransmission_limit: 6,
            ack_delay: Duration::from_millis(40),
            ack_delay_max: Duration::from_millis(200),
            quick_ack: true,
            fin_wait_2_timeout: Duration::from_secs(60),
            black_hole_detection: true,
        }
    }
}

impl Config {
    /// Buffers of `bytes` bytes that neither grow nor shrink, as SO_RCVBUF and SO_SNDBUF make them.
    pub fn fix_buffers(&mut self, bytes: u32) {
        self.receive_buffer = bytes;
        self.receive_buffer_initial = bytes;
        self.send_buffer = bytes;
        self.send_buffer_initial = bytes;
    }

    /// The receive buffer at the beginning, in bytes.
    pub(crate) fn first_receive_buffer(&self) -> u32 {
        self.receive_buffer_initial.min(self.receive_buffer)
    }

    /// The send buffer at the beginning, in bytes.
    pub(crate) fn first_send_buffer(&self) -> u32 {
        self.send_buffer_initial.min(self.send_buffer)
    }

    /// The window of a SYN, which is never scaled (RFC 7323 2.2).
    pub(crate) fn syn_window(&self) -> u16 {
        u16::try_from(self.first_receive_buffer()).unwrap_or(u16::MAX)
    }
}
