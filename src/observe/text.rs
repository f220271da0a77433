//! Events as lines of a log, for people who watch a connection live.
//!
//! ```text
//! #1 10.9.0.2:80 10.9.0.1:40312 LISTEN -> SYN_RCVD: a SYN arrived
//! #1 <- SYN seq=0 len=0 win=64240 (SYN_RCVD)
//! #1 -> SYN,ACK seq=0 ack=1 len=0 win=65535 (SYN_RCVD)
//! #1 -> PSH,ACK seq=1 ack=80 len=1448 win=65535 (ESTABLISHED): fast retransmission, after three duplicate acknowledgments
//! #1 cwnd=7240 ssthresh=7240 (fast recovery)
//! #1 <- ACK seq=80 ack=1 len=0 win=64240 sack=1449..4345 (ESTABLISHED)
//! #1 <- ACK seq=80 ack=1 len=0 win=64240 dropped: sequence old
//! #1 <- PSH,ACK seq=80 ack=1 len=1448 win=64240 ce (ESTABLISHED)
//! ```
//!
//! Sequence numbers are relative to the first of their side unless absolute ones are asked for.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};

use crate::device::impair::{Decision, Direction};
use crate::event::{
    Cause, ConnId, Event, LostBy, MtuBy, Phase, Reduction, Refusal, SegmentView, State, UndoneBy,
    Why,
};
use crate::wire::icmp::Notice;
use crate::wire::tcp::Flags;
use crate::wire::{SeqNum, ip};

/// How much somebody wants to see; each level includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verbosity {
    /// Every change of a connection's state.
    States,
    /// Every segment as well, sent, received or dropped, and the congestion window.
    Segments,
}

/// The level and the line of an event; `None` for those that belong in a plot and not in a log. The
/// line has no line break.
pub fn format(event: &Event, absolute: bool) -> Option<(Verbosity, String)> {
    let line = match event {
        Event::StateChanged { conn, local, remote, from, to, cause } => {
            let line = format!("{conn} {local} {remote} {from} -> {to}: {}", cause_words(*cause));
            return Some((Verbosity::States, line));
        }
        Event::Sent { conn, state, segment, why, .. } => {
            sent(*conn, *state, segment, *why, absolute)
        }
        Event::Received { conn, state, segment } => {
            format!("{conn} <- {} ({state})", segment_words(segment, absolute))
        }
        Event::Refused { conn, reason, segment, addresses } => {
            refused(*conn, *reason, segment.as_ref(), *addresses, absolute)
        }
        Event::CongestionWindow { conn, cwnd, ssthresh, phase } => {
            congestion_window(*conn, *cwnd, *ssthresh, *phase)
        }
        Event::Lost { conn, start, len, by } => lost(*conn, *start, *len, *by),
        Event::Reduced { conn, why } => format!("{conn} window reduced: {}", reduction_words(*why)),
        Event::Undone { conn, by } => format!("{conn} reduction undone: {}", undone_words(*by)),
        &Event::IcmpError { conn, report, by } => {
            format!("{conn} <- ICMP: {}", Notice { report, by })
        }
        Event::PathMtu { conn, mtu, mss, by } => {
            format!("{conn} path MTU {mtu}: mss={mss}, {}", mtu_words(*by))
        }
        Event::Impaired { outbound, effect, len, .. } => {
            let direction = if *outbound { Direction::Out } else { Direction::In };
            impaired(direction, *len, &effect.replace('_', " "))
        }
        Event::RttSample { .. }
        | Event::TimerFired { .. }
        | Event::TimerArmed { .. }
        | Event::TimerCancelled { .. }
        | Event::Limited { .. }
        | Event::AppRead { .. }
        | Event::AppWrote { .. } => return None,
    };
    Some((Verbosity::Segments, line))
}

/// A number with commas between thousands.
pub fn grouped(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The line of something that a link has done to a packet, without a line break.
pub fn decision(direction: Direction, decision: &Decision) -> String {
    impaired(direction, decision.packet.len() as u32, &decision.effect.words())
}

fn impaired(direction: Direction, len: u32, words: &str) -> String {
    format!("link ({direction}): {len} bytes, {words}")
}

fn sent(
    conn: Option<ConnId>,
    state: State,
    segment: &SegmentView,
    why: Why,
    absolute: bool,
) -> String {
    let who = who(conn, segment.local, segment.remote, "->");
    let state = conn.map_or(String::new(), |_| format!(" ({state})"));
    let why = why_words(why).map_or(String::new(), |words| format!(": {words}"));
    format!("{who} {}{state}{why}", segment_words(segment, absolute))
}

fn refused(
    conn: Option<ConnId>,
    reason: Refusal,
    segment: Option<&SegmentView>,
    addresses: Option<(IpAddr, IpAddr)>,
    absolute: bool,
) -> String {
    let reason = reason.name().replace('_', " ");
    match (segment, conn, addresses) {
        (Some(segment), _, _) => {
            let who = who(conn, segment.local, segment.remote, "<-");
            let segment = segment_words(segment, absolute);
            format!("{who} {segment} dropped: {reason}")
        }
        (None, Some(conn), _) => format!("{conn} dropped: {reason}"),
        (None, None, Some((from, to))) => format!("- {to} <- {from} dropped: {reason}"),
        (None, None, None) => format!("- dropped: {reason}"),
    }
}

fn lost(conn: ConnId, start: u64, len: u32, by: LostBy) -> String {
    let by = match by {
        LostBy::Duplicates => "by duplicate acknowledgments",
        LostBy::Rack => "by what arrived after it",
        LostBy::Timeout => "by the time-out",
        LostBy::PathMtu => "too large for the path",
        LostBy::SynText => "sent with the SYN and not taken",
        LostBy::Reneged => "by the peer, which had reported it",
    };
    format!("{conn} lost: seq={start} len={len}, {by}")
}

fn mtu_words(by: MtuBy) -> &'static str {
    match by {
        MtuBy::Router => "a router says",
        MtuBy::BlackHole => "the time-outs suggest",
        MtuBy::Probe => "a probe has arrived",
    }
}

fn reduction_words(why: Reduction) -> &'static str {
    match why {
        Reduction::Loss => "something was lost",
        Reduction::TailLoss => "a tail-loss probe has repaired a loss",
        Reduction::Timeout => "a time-out",
        Reduction::Ecn => "a mark of congestion",
        Reduction::Idle => "a silence",
        Reduction::Unused => "it was not needed",
    }
}

fn undone_words(by: UndoneBy) -> &'static str {
    match by {
        UndoneBy::Eifel => "the original was only late, says its timestamp",
        UndoneBy::Dsack => "everything sent again arrived twice",
        UndoneBy::Frto => "what was sent before the time-out arrives",
        UndoneBy::NothingMissing => "everything arrived before it was sent again",
    }
}

fn congestion_window(conn: ConnId, cwnd: u32, ssthresh: Option<u32>, phase: Phase) -> String {
    let ssthresh = ssthresh.map_or(Cow::Borrowed("infinite"), |bytes| bytes.to_string().into());
    format!("{conn} cwnd={cwnd} ssthresh={ssthresh} ({})", phase_words(phase))
}

pub(super) fn phase_words(phase: Phase) -> &'static str {
    match phase {
        Phase::SlowStart => "slow start",
        Phase::CongestionAvoidance => "congestion avoidance",
        Phase::FastRecovery => "fast recovery",
        Phase::Reducing => "reduction",
        Phase::RtoRecovery => "recovery from a time-out",
    }
}

/// Who speaks to whom: the number of the connection, or both addresses where there is none.
fn who(conn: Option<ConnId>, local: SocketAddr, remote: SocketAddr, arrow: &str) -> String {
    match conn {
        Some(conn) => format!("{conn} {arrow}"),
        None => format!("- {local} {arrow} {remote}"),
    }
}

fn segment_words(segment: &SegmentView, absolute: bool) -> String {
    let (seq, ack) = if absolute {
        (segment.seq.value(), segment.ack.value())
    } else {
        (segment.seq - segment.seq_base, segment.ack - segment.ack_base)
    };
    let ack =
        if segment.flags.contains(Flags::ACK) { format!(" ack={ack}") } else { String::new() };
    let SegmentView { flags, len, window, .. } = segment;
    let base = if absolute { SeqNum::default() } else { segment.ack_base };
    let blocks = segment.sack.iter().map(|block| {
        let (left, right) = (block.left - base, block.right - base);
        format!("{left}..{right}")
    });
    let blocks = blocks.collect::<Vec<_>>().join(",");
    let sack = if blocks.is_empty() { blocks } else { format!(" sack={blocks}") };
    let ce = if segment.ecn == ip::CE { " ce" } else { "" };
    format!("{flags} seq={seq}{ack} len={len} win={window}{sack}{ce}")
}

/// What the flags, the length and the state do not already say about why a segment was sent.
fn why_words(why: Why) -> Option<Cow<'static, str>> {
    let words = match why {
        Why::Handshake | Why::NewData | Why::Fin | Why::AckNow | Why::Reset => return None,
        Why::HandshakeRetransmission(n) => {
            return Some(format!("retransmission {n} of the handshake").into());
        }
        Why::HandshakeAnswer => "the peer's SYN came again",
        Why::SynCookie => "SYN cookie, there is no room to remember it",
        Why::Rto(n) => {
            return Some(format!("retransmission, after time-out {n} in a row").into());
        }
        Why::FastRetransmit => "fast retransmission, after three duplicate acknowledgments",
        Why::Rack => "retransmission, what was sent later has arrived",
        Why::TailLossProbe => "tail-loss probe, the last segment again",
        Why::TailLossProbeNew => "tail-loss probe",
        Why::PartialAck => "retransmission, after a partial acknowledgment",
        Why::GoBackN => "retransmission, everything since the loss goes again",
        Why::RtoRecovery => "retransmission, declared lost by the last time-out",
        Why::PathMtu => "retransmission, it was larger than the path takes",
        Why::SynText => "retransmission, it went with the SYN and was not taken",
        Why::PathMtuProbe => "does the path take this size?",
        Why::ZeroWindowProbe => "zero-window probe",
        Why::Keepalive => "keepalive probe",
        Why::AckQuick => "quick acknowledgment",
        Why::AckDelayed => "delayed acknowledgment",
        Why::WindowUpdate => "window update",
        Why::Challenge => "challenge acknowledgment",
    };
    Some(words.into())
}

fn cause_words(cause: Cause) -> &'static str {
    match cause {
        Cause::Connect => "the application connects",
        Cause::SynArrived => "a SYN arrived",
        Cause::SynCookie => "a SYN cookie came back",
        Cause::NoRoom => "there is no room for it",
        Cause::SynAckArrived => "a SYN with the acknowledgment of ours arrived",
        Cause::SynAcked => "our SYN was acknowledged",
        Cause::FinArrived => "a FIN arrived",
        Cause::FinAcked => "our FIN was acknowledged",
        Cause::UserClose => "the application closes",
        Cause::UserAbort => "the application aborts",
        Cause::Killed => "somebody else than the application ends it",
        Cause::ResetArrived => "a reset arrived",
        Cause::IcmpError => "an ICMP error says that it cannot be opened",
        Cause::DataAfterClose => "data arrived that nobody is left to read",
        Cause::RetransmissionLimit => "too many retransmissions without an answer",
        Cause::UserTimeout => "the user time-out ran out",
        Cause::KeepaliveLimit => "keepalive probes were not answered",
        Cause::LingerTimeout => "the linger time ran out",
        Cause::FinWait2Timeout => "the peer did not close for too long",
        Cause::TimeWaitOver => "twice the maximum segment lifetime is over",
        Cause::TimeWaitReused => "a new connection takes its place",
        Cause::StackShutdown => "the stack ends",
    }
}

#[cfg(test)]
mod tests;
