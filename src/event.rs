//! Everything the stack lets others see, in one flat enum, each thing with its reason.
//!
//! Events are made only when somebody observes or the flight recorder is on (see [`crate::context::Context::emit`]). Refusals are
//! also counted, whether anybody observes or not: no drop is anonymous.
//!
//! The names that `observe::json` writes are those of the variants here; programs read them, so a variant
//! that gets another name keeps its old one there (`docs/events.md`).

mod packet;
mod reason;
mod refusal;

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use crate::time::{Duration, Instant};
use crate::wire::SeqNum;
use crate::wire::icmp::Report;
use crate::wire::tcp::Flags;
use crate::wire::tcp_options::SackBlocks;

pub use packet::{Glance, PacketView};
pub use reason::{Limit, LostBy, MtuBy, Reduction, UndoneBy, Why};
pub(crate) use refusal::counted;
pub use refusal::{Refusal, Refusals};

/// Sees every event, at the time of the turn in which it happened. It must be quick and must not
/// block: it runs under the stack's lock.
pub trait Observer {
    /// Called once for each event.
    fn observe(&mut self, now: Instant, event: &Event);

    /// Whether [`Observer::packet`] is to be called; asked for once.
    fn wants_packets(&self) -> bool {
        false
    }

    /// Called for each packet: when it was processed, or when it goes to the device.
    fn packet(&mut self, _now: Instant, _packet: &PacketView<'_>) {}
}

/// The number of a connection in events and logs, counted from 1; never reused while it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ConnId(pub u32);

impl fmt::Display for ConnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// The states of a connection (RFC 9293 3.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
    /// What a SYN cookie has kept came back with an acknowledgment (RFC 4987 3.6).
    SynCookie,
    /// There is no room for another connection.
    NoRoom,
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
    /// Somebody else than the application ended it.
    Killed,
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
        /// How many packets it is cut into.
        packets: u16,
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
        /// Who says so.
        by: IpAddr,
    },
    /// The path takes only smaller segments from now on (RFC 1191), or as large ones as before.
    PathMtu {
        /// The connection.
        conn: ConnId,
        /// The largest packet, in bytes.
        mtu: u16,
        /// Text of a full-sized segment, in bytes.
        mss: u32,
        /// What has shown that.
        by: MtuBy,
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
    /// A timer of a connection was set to go off at another time than before.
    TimerArmed {
        /// The connection.
        conn: ConnId,
        /// Which.
        timer: TimerKind,
        /// When it goes off.
        at: Instant,
    },
    /// A timer of a connection was stopped before it went off.
    TimerCancelled {
        /// The connection.
        conn: ConnId,
        /// Which.
        timer: TimerKind,
    },
    /// Sending stopped, for another reason than the last time.
    Limited {
        /// The connection.
        conn: ConnId,
        /// The reason; that there is nothing to send when the application has given nothing more.
        by: Limit,
    },
    /// The application has read what was received.
    AppRead {
        /// The connection.
        conn: ConnId,
        /// How much, in bytes.
        len: u32,
    },
    /// The application has given something to send.
    AppWrote {
        /// The connection.
        conn: ConnId,
        /// How much, in bytes.
        len: u32,
    },
    /// A link that is not perfect has done something to a packet.
    Impaired {
        /// Whether the stack has sent it.
        outbound: bool,
        /// What was done: the name of an effect of `device::impair`.
        effect: &'static str,
        /// Source and destination, where they can be read.
        addresses: Option<(IpAddr, IpAddr)>,
        /// How long it is, in bytes.
        len: u32,
    },
}

impl Event {
    /// The connection that it is about, if it is about one.
    // Copies, no references: where it is known which event it is the compiler then makes nothing of the rest.
    #[inline(always)]
    pub const fn conn(&self) -> Option<ConnId> {
        match *self {
            Event::Sent { conn, .. } | Event::Refused { conn, .. } => conn,
            Event::Received { conn, .. }
            | Event::StateChanged { conn, .. }
            | Event::CongestionWindow { conn, .. }
            | Event::Lost { conn, .. }
            | Event::Reduced { conn, .. }
            | Event::Undone { conn, .. }
            | Event::IcmpError { conn, .. }
            | Event::PathMtu { conn, .. }
            | Event::RttSample { conn, .. }
            | Event::TimerFired { conn, .. }
            | Event::TimerArmed { conn, .. }
            | Event::TimerCancelled { conn, .. }
            | Event::Limited { conn, .. }
            | Event::AppRead { conn, .. }
            | Event::AppWrote { conn, .. } => Some(conn),
            Event::Impaired { .. } => None,
        }
    }
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

impl TimerKind {
    /// The name that it has in events.
    pub const fn name(self) -> &'static str {
        match self {
            TimerKind::Retransmission => "retransmission",
            TimerKind::Reordering => "reordering",
            TimerKind::TailLossProbe => "tail_loss_probe",
            TimerKind::Pacing => "pacing",
            TimerKind::Persist => "persist",
            TimerKind::DelayedAck => "delayed_ack",
            TimerKind::Keepalive => "keepalive",
            TimerKind::Close => "close",
        }
    }
}
