//! Everything the stack lets others see, in one flat enum, each thing with its reason.
//!
//! Events are made only when somebody observes (see [`crate::context::Context::emit`]). Refusals are
//! also counted, whether anybody observes or not: no drop is anonymous.
//!
//! The names that `observe::json` writes are those of the variants here; programs read them, so a variant
//! that gets another name keeps its old one there (`docs/events.md`).

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use serde::Serialize;

use crate::time::{Duration, Instant};
use crate::wire::icmp::Report;
use crate::wire::tcp::Flags;
use crate::wire::tcp_options::SackBlocks;
use crate::wire::{Malformed, SeqNum};

/// Sees every event, at the time of the turn in which it happened. It must be quick and must not
/// block: it runs under the stack's lock.
pub trait Observer {
    /// Called once for each event.
    fn observe(&mut self, now: Instant, event: &Event);
}

/// The number of a connection in events and logs, counted from 1; never reused while it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnId(pub u32);

impl fmt::Display for ConnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// The states of a connection (RFC 9293 3.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// No connection.
    Closed,
    /// Waiting for a connection request.
    Listen,
    /// A request was sent, none received.
    SynSent,
    /// A request was received and sent, not yet confirmed.
    SynReceived,
    /// Open.
    Established,
    /// We closed; neither our FIN was acknowledged nor theirs received.
    FinWait1,
    /// We closed and our FIN was acknowledged.
    FinWait2,
    /// The peer closed, we have not yet.
    CloseWait,
    /// Both closed at once; our FIN is not acknowledged.
    Closing,
    /// The peer closed, then we did; our FIN is not acknowledged.
    LastAck,
    /// Waiting until old duplicates have died.
    TimeWait,
}

impl State {
    /// All eleven, in the order of RFC 9293 3.3.2.
    pub const ALL: [State; 11] = [
        State::Listen,
        State::SynSent,
        State::SynReceived,
        State::Established,
        State::FinWait1,
        State::FinWait2,
        State::CloseWait,
        State::Closing,
        State::LastAck,
        State::TimeWait,
        State::Closed,
    ];

    /// The name that ss(8) and netstat(8) print, with an underscore.
    pub const fn name(self) -> &'static str {
        match self {
            State::Closed => "CLOSED",
            State::Listen => "LISTEN",
            State::SynSent => "SYN_SENT",
            State::SynReceived => "SYN_RCVD",
            State::Established => "ESTABLISHED",
            State::FinWait1 => "FIN_WAIT_1",
            State::FinWait2 => "FIN_WAIT_2",
            State::CloseWait => "CLOSE_WAIT",
            State::Closing => "CLOSING",
            State::LastAck => "LAST_ACK",
            State::TimeWait => "TIME_WAIT",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What made a connection change its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The application asked for a connection.
    Connect,
    /// A SYN arrived.
    SynArrived,
    /// A SYN that acknowledges ours arrived.
    SynAckArrived,
    /// Our SYN was acknowledged.
    SynAcked,
    /// The peer's FIN arrived, in order.
    FinArrived,
    /// Our FIN was acknowledged.
    FinAcked,
    /// The application closed or shut down its sending half.
    UserClose,
    /// The application aborted, or closed with data unread (RFC 2525 2.17).
    UserAbort,
    /// The peer reset the connection.
    ResetArrived,
    /// An ICMP error says that it cannot be opened (RFC 9293 3.9.2.2).
    IcmpError,
    /// Data arrived for which nobody is left to read (RFC 9293 3.6.1).
    DataAfterClose,
    /// Too many retransmissions without an answer (RFC 9293 3.8.3).
    RetransmissionLimit,
    /// The user time-out ran out (RFC 9293 3.8.3).
    UserTimeout,
    /// Keepalive probes were not answered.
    KeepaliveLimit,
    /// The time set by linger ran out.
    LingerTimeout,
    /// Nothing arrived for too long after both the application and our FIN were done.
    #[serde(rename = "fin_wait_2_timeout")]
    FinWait2Timeout,
    /// Twice the maximum segment lifetime is over.
    TimeWaitOver,
    /// A new connection took the place of one in TIME-WAIT (RFC 6191).
    TimeWaitReused,
    /// The whole stack is ending.
    StackShutdown,
}

/// Why a segment was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(tag = "why", content = "count", rename_all = "snake_case")]
pub enum Why {
    /// To open: SYN, or SYN with ACK.
    Handshake,
    /// To open, again: the nth retransmission.
    HandshakeRetransmission(u8),
    /// To open, again: the peer's SYN came again.
    HandshakeAnswer,
    /// Data never sent before.
    NewData,
    /// The end of our data.
    Fin,
    /// Three duplicate acknowledgments (RFC 5681 3.2).
    FastRetransmit,
    /// Something sent later has arrived, and long enough ago (RACK, RFC 8985 6).
    Rack,
    /// Nothing was answered for two round trips: is the tail lost? Its last segment again (TLP, RFC 8985 7).
    TailLossProbe,
    /// The same with data never sent before.
    TailLossProbeNew,
    /// A partial acknowledgment during fast recovery (RFC 6582 3.2).
    PartialAck,
    /// It was sent after what a fast retransmission has repaired (Tahoe has no fast recovery).
    GoBackN,
    /// The retransmission timer, for the nth time in a row.
    Rto(u8),
    /// Still repairing what the last retransmission time-out declared lost.
    RtoRecovery,
    /// It was larger than the path takes (RFC 1191 6.4).
    PathMtu,
    /// The window is closed; is it still? (RFC 9293 3.8.6.1)
    ZeroWindowProbe,
    /// Is anybody still there? (RFC 9293 3.8.4)
    Keepalive,
    /// An acknowledgment that could not wait.
    AckNow,
    /// An acknowledgment that could have waited, sent at once all the same: the peer has just begun, or
    /// begun again, or the application has read a small segment that it will hardly answer.
    AckQuick,
    /// An acknowledgment whose delay is over.
    AckDelayed,
    /// The receive window has opened.
    WindowUpdate,
    /// A challenge acknowledgment (RFC 5961).
    Challenge,
    /// A reset.
    Reset,
}

/// Why nothing, or nothing more, may be sent now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// There is nothing to send.
    Nothing,
    /// The state does not allow it.
    State,
    /// The congestion window is full.
    CongestionWindow,
    /// The peer's window is full.
    PeerWindow,
    /// Nagle's algorithm waits for an acknowledgment (RFC 9293 3.7.4).
    Nagle,
    /// Sender's silly-window avoidance waits for more window (RFC 9293 3.8.6.2.1).
    SillyWindow,
    /// It is not yet time for the next burst.
    Pacing,
}

/// How something was found lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LostBy {
    /// Three duplicate acknowledgments, or a partial one (RFC 5681 3.2, RFC 6582 3.2).
    Duplicates,
    /// Something sent later has arrived, and long enough ago (RFC 8985 6).
    Rack,
    /// The retransmission timer (RFC 6298).
    Timeout,
    /// It was larger than the path takes (RFC 1191 6.4).
    PathMtu,
}

/// Why the congestion window is lowered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reduction {
    /// Something was found lost.
    Loss,
    /// A tail-loss probe has repaired a loss (RFC 8985 7.4.2).
    TailLoss,
    /// The retransmission timer went off.
    Timeout,
    /// The peer reports a mark of congestion (RFC 3168 6.1.2).
    Ecn,
}

/// What shows that a reduction was wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum UndoneBy {
    /// An echoed timestamp is that of the original (RFC 3522).
    Eifel,
    /// Everything that was sent again has arrived twice (RFC 3708).
    Dsack,
    /// After a time-out something has arrived that was sent only before it (RFC 5682).
    Frto,
    /// Everything has arrived before anything was sent again.
    NothingMissing,
}

/// A TCP segment as events show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentView {
    /// Our address.
    pub local: SocketAddr,
    /// The peer's address.
    pub remote: SocketAddr,
    /// Sequence number as on the wire.
    pub seq: SeqNum,
    /// Acknowledgment number as on the wire.
    pub ack: SeqNum,
    /// Control bits.
    pub flags: Flags,
    /// Length of the text, in bytes.
    pub len: u32,
    /// Window, in bytes, scaled.
    pub window: u32,
    /// SACK blocks, first the most recent (RFC 2018 3).
    pub sack: SackBlocks,
    /// The two ECN bits of its IP header (RFC 3168 5).
    pub ecn: u8,
    /// Initial sequence number of the sender of this segment, to show relative numbers.
    pub seq_base: SeqNum,
    /// Initial sequence number of its receiver.
    pub ack_base: SeqNum,
}

/// Something observable.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// A segment (or a burst of segments under one header) was handed to the device.
    Sent {
        /// The connection, if there is one.
        conn: Option<ConnId>,
        /// The state of the connection after it.
        state: State,
        /// The segment.
        segment: SegmentView,
        /// Why it was sent.
        why: Why,
    },
    /// A segment for a connection was received and processed.
    Received {
        /// The connection.
        conn: ConnId,
        /// The state of the connection after it.
        state: State,
        /// The segment.
        segment: SegmentView,
    },
    /// A packet or segment was refused, at least in part.
    Refused {
        /// The connection it was for, if there is one.
        conn: Option<ConnId>,
        /// The reason.
        reason: Refusal,
        /// The segment, where a connection could read it.
        segment: Option<SegmentView>,
        /// Source and destination, where they could be read and no connection did.
        addresses: Option<(IpAddr, IpAddr)>,
    },
    /// A connection changed its state.
    StateChanged {
        /// The connection.
        conn: ConnId,
        /// Our address.
        local: SocketAddr,
        /// The peer's address.
        remote: SocketAddr,
        /// The state before.
        from: State,
        /// The state after.
        to: State,
        /// What made it change.
        cause: Cause,
    },
    /// The congestion window or the slow-start threshold changed.
    CongestionWindow {
        /// The connection.
        conn: ConnId,
        /// The congestion window, in bytes.
        cwnd: u32,
        /// The slow-start threshold, in bytes; `None` while it is infinite.
        ssthresh: Option<u32>,
        /// What it means.
        phase: Phase,
    },
    /// Something is found lost.
    Lost {
        /// The connection.
        conn: ConnId,
        /// Where it begins, counted from our SYN.
        start: u64,
        /// How long it is, in bytes.
        len: u32,
        /// How it was found.
        by: LostBy,
    },
    /// The congestion window is lowered, once for all losses of a window.
    Reduced {
        /// The connection.
        conn: ConnId,
        /// Why.
        why: Reduction,
    },
    /// The last reduction is taken back: nothing was lost.
    Undone {
        /// The connection.
        conn: ConnId,
        /// What shows it.
        by: UndoneBy,
    },
    /// An ICMP error about something that the connection has sent was believed (RFC 9293 3.9.2.2).
    IcmpError {
        /// The connection.
        conn: ConnId,
        /// What it reports.
        report: Report,
    },
    /// The path takes only smaller segments from now on (RFC 1191).
    PathMtu {
        /// The connection.
        conn: ConnId,
        /// The largest packet, in bytes.
        mtu: u16,
        /// Text of a full-sized segment, in bytes.
        mss: u32,
    },
    /// A round-trip time was measured (RFC 6298 2).
    RttSample {
        /// The connection.
        conn: ConnId,
        /// The sample.
        rtt: Duration,
        /// The smoothed round-trip time after it.
        srtt: Duration,
        /// The retransmission time-out after it.
        rto: Duration,
    },
    /// A timer of a connection went off.
    TimerFired {
        /// The connection.
        conn: ConnId,
        /// Which.
        timer: TimerKind,
    },
    /// Sending stopped for a reason other than that there is nothing to send.
    Limited {
        /// The connection.
        conn: ConnId,
        /// The reason.
        by: Limit,
    },
}

/// What congestion control is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Exponential growth (RFC 5681 3.1).
    SlowStart,
    /// Linear growth (RFC 5681 3.1).
    CongestionAvoidance,
    /// Fast recovery (RFC 5681 3.2, RFC 6582).
    FastRecovery,
    /// The window is lowered although nothing is missing.
    Reducing,
    /// After a retransmission time-out.
    RtoRecovery,
}

/// The timers of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TimerKind {
    /// Retransmission (RFC 6298).
    Retransmission,
    /// A segment that was overtaken may still arrive (RFC 8985 6.3).
    Reordering,
    /// A probe for a loss at the tail (RFC 8985 7).
    TailLossProbe,
    /// The next paced burst.
    Pacing,
    /// Zero-window probing (RFC 9293 3.8.6.1), also the override of silly-window avoidance.
    Persist,
    /// Delayed acknowledgment (RFC 9293 3.8.6.3).
    DelayedAck,
    /// Keepalive (RFC 9293 3.8.4).
    Keepalive,
    /// The end of a close: FIN-WAIT-2 without an application, or linger.
    Close,
}

/// An enum of which each variant is a counter with a name.
macro_rules! counted {
    ($(#[$meta:meta])* $kind:ident: $($(#[doc = $doc:literal])+ $variant:ident = $name:literal,)+) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $kind {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl $kind {
            /// All there are.
            pub const ALL: &'static [$kind] = &[$($kind::$variant,)+];

            /// The name of its counter.
            pub const fn name(self) -> &'static str {
                match self { $($kind::$variant => $name,)+ }
            }
        }
    };
}
pub(crate) use counted;

counted! {
    /// Why a packet, a segment or a part of one was not accepted. Each is a counter.
    #[non_exhaustive]
    Refusal:
    /// Shorter than an IP header.
    IpTruncated = "ip_truncated",
    /// Not a version of IP that is enabled.
    IpVersion = "ip_version",
    /// Bad IP header length.
    IpHeaderLength = "ip_header_length",
    /// Bad IP total length.
    IpTotalLength = "ip_total_length",
    /// Bad IP header checksum.
    IpChecksum = "ip_checksum",
    /// A fragment: reassembly is not offered.
    IpFragment = "ip_fragment",
    /// Addressed to somebody else.
    IpNotForUs = "ip_not_for_us",
    /// Addressed to a broadcast or multicast address.
    IpBroadcast = "ip_broadcast",
    /// A source address that no host may use (RFC 1122 3.2.1.3).
    IpMartianSource = "ip_martian_source",
    /// Source and destination are both ours (the LAND attack).
    IpLand = "ip_land",
    /// A protocol nobody here speaks; answered with protocol unreachable.
    IpProtocol = "ip_protocol",
    /// Shorter than an ICMP header.
    IcmpTruncated = "icmp_truncated",
    /// Bad ICMP checksum.
    IcmpChecksum = "icmp_checksum",
    /// An ICMP message that this stack does not act on; errors about UDP are, for its sockets are not
    /// connected.
    IcmpIgnored = "icmp_ignored",
    /// A source quench (RFC 9293 3.9.2.2 [MUST-55], RFC 6633).
    IcmpSourceQuench = "icmp_source_quench",
    /// An ICMP error that quotes no readable IP header.
    IcmpQuoteHeader = "icmp_quote_header",
    /// An ICMP error that quotes less than eight octets after the IP header.
    IcmpQuoteTruncated = "icmp_quote_truncated",
    /// An ICMP error that quotes a later fragment.
    IcmpQuoteFragment = "icmp_quote_fragment",
    /// An ICMP error that quotes a packet from somebody else.
    IcmpQuoteForeign = "icmp_quote_foreign",
    /// An ICMP error that quotes a segment of no connection.
    IcmpQuoteStray = "icmp_quote_stray",
    /// An ICMP error that quotes a segment which is not in flight (RFC 5927 4.1).
    IcmpQuoteSequence = "icmp_quote_sequence",
    /// Fragmentation needed for a size that the connection does not exceed (RFC 5927 7).
    IcmpMtuNotSmaller = "icmp_mtu_not_smaller",
    /// An ICMP error that would have been sent but for the rate limit.
    IcmpRateLimited = "icmp_rate_limited",
    /// Shorter than a UDP header.
    UdpTruncated = "udp_truncated",
    /// Bad UDP length.
    UdpLength = "udp_length",
    /// Bad UDP checksum.
    UdpChecksum = "udp_checksum",
    /// Nobody on that UDP port; answered with port unreachable.
    UdpPortClosed = "udp_port_closed",
    /// The socket's receive queue is full.
    UdpQueueFull = "udp_queue_full",
    /// Shorter than a TCP header.
    TcpTruncated = "tcp_truncated",
    /// Bad TCP data offset.
    TcpDataOffset = "tcp_data_offset",
    /// Bad TCP checksum.
    TcpChecksum = "tcp_checksum",
    /// TCP port zero.
    TcpPortZero = "tcp_port_zero",
    /// No connection and nobody listening; answered with a reset (RFC 9293 3.10.7.1).
    TcpPortClosed = "tcp_port_closed",
    /// A reset for no connection (RFC 9293 3.10.7.1).
    TcpStrayReset = "tcp_stray_reset",
    /// A listener got a segment that is neither a SYN, an ACK nor a reset (RFC 9293 3.10.7.2).
    ListenNoSyn = "listen_no_syn",
    /// A listener got a SYN with flags that no SYN carries.
    ListenBadFlags = "listen_bad_flags",
    /// Text on a SYN for a listener: it is not kept, the peer sends it again (RFC 9293 3.10.7.2).
    ListenText = "listen_text",
    /// The queue of half-open connections is full.
    SynQueueFull = "syn_queue_full",
    /// The queue of connections to accept is full.
    AcceptQueueFull = "accept_queue_full",
    /// The table of connections is full.
    ConnectionLimit = "connection_limit",
    /// A segment for a half-open connection that neither opens nor closes it.
    SynReceivedUnacceptable = "syn_received_unacceptable",
    /// An old segment for a connection in TIME-WAIT.
    TimeWaitSegment = "time_wait_segment",
    /// A reset for a connection in TIME-WAIT is ignored (RFC 1337).
    TimeWaitReset = "time_wait_reset",
    /// An acknowledgment in SYN-SENT for something we never sent.
    SynSentBadAck = "syn_sent_bad_ack",
    /// A reset in SYN-SENT that does not acknowledge our SYN.
    SynSentBadReset = "syn_sent_bad_reset",
    /// A segment in SYN-SENT without SYN.
    SynSentNoSyn = "syn_sent_no_syn",
    /// All of it was received before (RFC 9293 3.10.7.4).
    SequenceOld = "sequence_old",
    /// It lies beyond the window (RFC 9293 3.10.7.4).
    SequenceBeyondWindow = "sequence_beyond_window",
    /// Its timestamp is older than the last one (RFC 7323 5.3).
    Paws = "paws",
    /// Timestamps were agreed on and it carries none (RFC 7323 3.2).
    TimestampMissing = "timestamp_missing",
    /// A reset outside the window (RFC 5961 3.2).
    ResetOutsideWindow = "reset_outside_window",
    /// A reset inside the window but not at its edge: challenged (RFC 5961 3.2).
    ResetChallenged = "reset_challenged",
    /// A SYN on an open connection: challenged (RFC 5961 4.2).
    SynChallenged = "syn_challenged",
    /// No ACK bit on a connection (RFC 9293 3.10.7.4).
    AckMissing = "ack_missing",
    /// It acknowledges something we have not sent (RFC 5961 5.2).
    AckBeyondSent = "ack_beyond_sent",
    /// It acknowledges far less than a window ago (RFC 5961 5.2).
    AckTooOld = "ack_too_old",
    /// Text after the peer's own FIN.
    TextAfterFin = "text_after_fin",
    /// Text for which nobody is left to read; answered with a reset.
    TextAfterClose = "text_after_close",
    /// A part of the text lies beyond the window.
    TextBeyondWindow = "text_beyond_window",
    /// Out-of-order text for which the reassembly queue has no room.
    ReassemblyFull = "reassembly_full",
    /// A SACK block that would cut what was sent into more pieces than are kept apart.
    SackTooFine = "sack_too_fine",
    /// Out-of-order text while all connections together hold more than they may; what had arrived out of
    /// order before it is dropped with it (RFC 2018 8).
    TcpMemory = "tcp_memory",
    /// A challenge acknowledgment that the limit of the connection held back.
    ChallengeLimited = "challenge_limited",
}

impl Refusal {
    /// Whether it stands for a whole packet: each one received is either taken or counted under
    /// exactly one of these. The others tell of a part of a segment that was taken otherwise, or of
    /// an answer that was held back.
    pub const fn is_whole(self) -> bool {
        !matches!(
            self,
            Refusal::ListenText
                | Refusal::TextBeyondWindow
                | Refusal::ReassemblyFull
                | Refusal::SackTooFine
                | Refusal::TcpMemory
                | Refusal::ChallengeLimited
                | Refusal::IcmpRateLimited
        )
    }
}

impl From<Malformed> for Refusal {
    fn from(malformed: Malformed) -> Refusal {
        match malformed {
            Malformed::IpTruncated => Refusal::IpTruncated,
            Malformed::IpVersion => Refusal::IpVersion,
            Malformed::IpHeaderLength => Refusal::IpHeaderLength,
            Malformed::IpTotalLength => Refusal::IpTotalLength,
            Malformed::IpChecksum => Refusal::IpChecksum,
            Malformed::TcpTruncated => Refusal::TcpTruncated,
            Malformed::TcpDataOffset => Refusal::TcpDataOffset,
            Malformed::TcpChecksum => Refusal::TcpChecksum,
            Malformed::TcpPortZero => Refusal::TcpPortZero,
            Malformed::UdpTruncated => Refusal::UdpTruncated,
            Malformed::UdpLength => Refusal::UdpLength,
            Malformed::UdpChecksum => Refusal::UdpChecksum,
            Malformed::IcmpTruncated => Refusal::IcmpTruncated,
            Malformed::IcmpChecksum => Refusal::IcmpChecksum,
            Malformed::IcmpQuoteHeader => Refusal::IcmpQuoteHeader,
            Malformed::IcmpQuoteTruncated => Refusal::IcmpQuoteTruncated,
            Malformed::IcmpQuoteFragment => Refusal::IcmpQuoteFragment,
        }
    }
}

/// How often each refusal happened.
#[derive(Clone, Debug)]
pub struct Refusals([u64; Refusal::ALL.len()]);

impl Default for Refusals {
    fn default() -> Self {
        Refusals([0; Refusal::ALL.len()])
    }
}

impl Refusals {
    /// Counts one more.
    pub fn count(&mut self, reason: Refusal) {
        self.0[reason as usize] += 1;
    }

    /// How many packets were refused as a whole (see [`Refusal::is_whole`]).
    pub fn whole(&self) -> u64 {
        self.nonzero().filter(|(reason, _)| reason.is_whole()).map(|(_, n)| n).sum()
    }

    /// How often `reason` happened.
    pub fn of(&self, reason: Refusal) -> u64 {
        self.0[reason as usize]
    }

    /// The reasons that happened, with how often.
    pub fn nonzero(&self) -> impl Iterator<Item = (Refusal, u64)> + '_ {
        Refusal::ALL.iter().map(|&reason| (reason, self.of(reason))).filter(|&(_, n)| n > 0)
    }
}
