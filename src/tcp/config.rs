//! What can be chosen for a connection.

use crate::tcp::congestion::Algorithm;
use crate::tcp::ecn::Ecn;
use crate::tcp::fast_open::FastConnect;
use crate::tcp::{Mss, Profile, Rto};
use crate::time::Duration;

/// What TCP_MAXSEG may be in Linux.
const MAX_SEGMENTS: std::ops::RangeInclusive<u16> = 88..=32_767;

/// Settings of a connection; a listener hands its own to those it accepts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Whose habits the connection has, where they are no settings of their own; [`Config::of`] has those, too.
    pub profile: Profile,
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
    /// What the IP header of everything says that is sent for the connection.
    pub ip: IpSettings,
    /// Segments that may go in one burst however slow the path is (tcp_min_tso_segs). More go where more are sent in a
    /// millisecond, or the round trip is short; never more than half the congestion window, 64, or 64 KiB. At least 1; 2.
    pub burst_segments: u8,
    /// Send small segments at once (turn off Nagle's algorithm, RFC 9293 3.7.4).
    pub nodelay: bool,
    /// Send full-sized segments only, for more is to come (TCP_CORK). What does not fill one waits until this is
    /// off again, or for one retransmission time-out (200 ms at least) if nothing else is in flight.
    pub cork: bool,
    /// Largest segment to announce and to send, options not subtracted (TCP_MAXSEG, RFC 9293 3.7.1); `None`: what the
    /// device takes. It counts when a connection is opened. 88 to 32,767 as in Linux; the bounds are those of
    /// [`Config::limit_segments`].
    pub max_segment: Option<u16>,
    /// Largest window ever offered, in bytes (TCP_WINDOW_CLAMP); `None`: the receive buffer decides.
    pub window_clamp: Option<u32>,
    /// A socket is writable only while fewer bytes than this wait to be sent for the first time (TCP_NOTSENT_LOWAT),
    /// and a write takes no more than a burst beyond it; `None`: the send buffer decides.
    pub notsent_low: Option<u32>,
    /// A listener gives a connection to the application only with its first text, or after this time
    /// (TCP_DEFER_ACCEPT), counted in retransmissions of the SYN-ACK; `None`: at once.
    pub defer_accept: Option<Duration>,
    /// Deliver urgent text in line, in its place (SO_OOBINLINE, RFC 6093 4); otherwise the last urgent octet is kept
    /// out of the stream and is read by itself.
    pub oob_inline: bool,
    /// Offer selective acknowledgments, and take them up where they are offered (RFC 2018).
    pub sack: bool,
    /// Offer timestamps, and take them up where they are offered (RFC 7323 3).
    pub timestamps: bool,
    /// Offer to scale windows, and do so where the peer offers it, too (RFC 7323 2).
    pub window_scaling: bool,
    /// Whether routers may mark what is sent instead of dropping it (RFC 3168).
    pub ecn: Ecn,
    /// Whether the SYN may have text with it, where that is asked for (RFC 7413).
    pub fast_connect: FastConnect,
    /// Probe an idle connection (RFC 9293 3.8.4); `None`, the default, never does.
    pub keepalive: Option<Keepalive>,
    /// What `keepalive` is set to when it is turned on without times (TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT).
    pub keepalive_times: Keepalive,
    /// How long sent data may stay unacknowledged before the connection is given up
    /// (RFC 9293 3.8.3); `None` leaves it to `retransmission_limit`.
    pub user_timeout: Option<Duration>,
    /// What closing does: `None` sends what is left in the background; zero resets; otherwise what
    /// is not done by then is reset (SO_LINGER).
    pub linger: Option<Duration>,
    /// How often data is retransmitted before the connection is given up.
    pub retransmission_limit: u8,
    /// How often a SYN or a SYN with ACK is retransmitted before it is given up (TCP_SYNCNT).
    pub syn_retransmission_limit: u8,
    /// The longest retransmission time-out, however often it was doubled; at most, and as a rule, two minutes. See
    /// [`Config::limit_rto`].
    pub rto_max: Duration,
    /// How long an acknowledgment waits for company at first (RFC 9293 3.8.6.3: under 500 ms). The
    /// delay adapts to the time between segments and is never shorter than this; 40 ms, as Linux.
    pub ack_delay: Duration,
    /// How long it may come to wait (under 500 ms, too); 200 ms, as Linux. As much as `ack_delay`
    /// keeps the delay fixed.
    pub ack_delay_max: Duration,
    /// How long the peer is taken to keep the acknowledgment of a single segment, so that a tail-loss probe waits that
    /// long beyond two round trips. The RFC (8985 7.2) and Linux have 200 ms; `None`, the default, goes by what stacks in
    /// use do, which is less: a round trip and 50 ms at least.
    pub peer_ack_delay: Option<Duration>,
    /// Acknowledge at once where it helps the peer: at the beginning of a connection, after a silence,
    /// and when the application has read a small segment and does not answer. `false` leaves nothing
    /// but the delay, as TCP_QUICKACK set to 0 does in Linux.
    pub quick_ack: bool,
    /// How long a connection in FIN-WAIT-2 that nobody can read from waits for the peer's FIN (TCP_LINGER2).
    pub fin_wait_2_timeout: Duration,
    /// Whether segments become smaller after time-outs in a row, in case the path swallows large ones (RFC 4821 7.7), as
    /// sysctl net.ipv4.tcp_mtu_probing 1 does in Linux.
    pub black_hole_detection: bool,
}

/// What can be chosen of the IP header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IpSettings {
    /// Time to live, in hops (IP_TTL, RFC 9293 3.9.2 [MUST-49]); at least 1, for 0 is taken as 1; 64.
    pub ttl: u8,
    /// The Differentiated Services codepoint: how the network is asked to treat the packets (IP_TOS shifted right by
    /// two, RFC 9293 3.9.1.9 [MUST-48, SHLD-21, SHLD-22]). 0 to 63; 0.
    pub dscp: u8,
}

impl Default for IpSettings {
    fn default() -> Self {
        IpSettings { ttl: crate::wire::ip::TTL, dscp: 0 }
    }
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
            profile: Profile::Linux,
            receive_buffer: 32 << 20,
            receive_buffer_initial: u16::MAX.into(),
            send_buffer: 32 << 20,
            send_buffer_initial: 64 << 10,
            congestion: Algorithm::default(),
            pacing: false,
            ip: IpSettings::default(),
            burst_segments: 2,
            nodelay: false,
            cork: false,
            max_segment: None,
            window_clamp: None,
            notsent_low: None,
            defer_accept: None,
            oob_inline: false,
            sack: true,
            timestamps: true,
            window_scaling: true,
            ecn: Ecn::default(),
            fast_connect: FastConnect::default(),
            keepalive: None,
            keepalive_times: Keepalive::default(),
            user_timeout: None,
            linger: None,
            retransmission_limit: 15,
            syn_retransmission_limit: 6,
            rto_max: Rto::MAX.as_duration(),
            ack_delay: Duration::from_millis(40),
            ack_delay_max: Duration::from_millis(200),
            peer_ack_delay: None,
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

    /// A receive buffer of `bytes` bytes, at least one, that neither grows nor shrinks (SO_RCVBUF).
    pub fn fix_receive_buffer(&mut self, bytes: u32) {
        let bytes = bytes.clamp(1, 1 << 30);
        (self.receive_buffer, self.receive_buffer_initial) = (bytes, bytes);
    }

    /// A send buffer of `bytes` bytes, at least one, that neither grows nor shrinks (SO_SNDBUF).
    pub fn fix_send_buffer(&mut self, bytes: u32) {
        let bytes = bytes.max(1);
        (self.send_buffer, self.send_buffer_initial) = (bytes, bytes);
    }

    /// Sets `max_segment`; whether the value is one that Linux takes, too.
    pub fn limit_segments(&mut self, bytes: Option<u16>) -> bool {
        let fits = bytes.is_none_or(|bytes| MAX_SEGMENTS.contains(&bytes));
        if fits {
            self.max_segment = bytes;
        }
        fits
    }

    /// Probes an idle connection at the times that are set, or not (SO_KEEPALIVE).
    pub fn turn_keepalive(&mut self, on: bool) {
        self.keepalive = on.then_some(self.keepalive_times);
    }

    /// Sets when and how often an idle connection is probed, if it is at all.
    pub fn time_keepalive(&mut self, times: Keepalive) {
        self.keepalive_times = times;
        self.keepalive = self.keepalive.map(|_| times);
    }

    /// The largest receive buffer that has a use, in bytes.
    pub(crate) fn most_received(&self) -> u32 {
        self.receive_buffer.min(self.window_clamp.unwrap_or(u32::MAX)).max(1)
    }

    /// Makes no retransmission time-out longer than `max`, and none shorter than the minimum, as TCP_RTO_MAX_MS does in
    /// Linux: a path that loses much, and is not congested, is repaired sooner. RFC 6298 2.5 would have a maximum of
    /// 60 s at least. What is lost may then be sent again more often, as often as makes for the same time until the
    /// connection is given up (RFC 9293 3.8.3), and at most 255 times.
    pub fn limit_rto(&mut self, max: Duration) {
        self.rto_max = max.clamp(Rto::MIN.as_duration(), Rto::MAX.as_duration());
        let time = |first: Duration, limit: u8| {
            let rto = |times| Rto::clamped(first, self.profile).backed_off(times).as_duration();
            (0..=limit).map(rto).sum::<Duration>()
        };
        let times = |time: Duration, limit: u8| {
            let times = time.as_millis().div_ceil(self.rto_max.as_millis());
            limit.max(u8::try_from(times).unwrap_or(u8::MAX))
        };
        let (min, initial) = (Rto::MIN.as_duration(), Rto::INITIAL.as_duration());
        let (data, syn) = (self.retransmission_limit, self.syn_retransmission_limit);
        self.retransmission_limit = times(time(min, data), data);
        self.syn_retransmission_limit = times(time(initial, syn), syn);
    }

    /// The receive buffer at the beginning, in bytes.
    pub(crate) fn first_receive_buffer(&self) -> u32 {
        self.receive_buffer_initial.min(self.most_received())
    }

    /// What is announced as the largest segment over a device that takes `device`.
    pub(crate) fn own_mss(&self, device: Mss) -> Mss {
        self.max_segment.map_or(device, |most| device.at_most(most))
    }

    /// How often a SYN-ACK would be sent in the time for which an accept is put off (as Linux counts it).
    pub(crate) fn accept_retransmissions(&self) -> u8 {
        let Some(time) = self.defer_accept.filter(|time| !time.is_zero()) else {
            return 0;
        };
        let (mut count, mut passed) = (1, Rto::INITIAL.as_duration());
        while time > passed && count < u8::MAX {
            passed += Rto::INITIAL.backed_off(count).as_duration();
            count += 1;
        }
        count
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

#[cfg(test)]
mod tests;
