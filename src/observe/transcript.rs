//! Events as the transcript that courses on TCP ask for: states, segments, windows in segments, and what each
//! loss leads to.
//!
//! ```text
//! [  0.000012] CLIENT CLOSED -> SYN_SENT
//! [  0.000020] CLIENT send SYN seq=0 win=65535
//! [  0.000310] CLIENT recv SYN,ACK seq=0 ack=1 win=65535
//! [  0.020417] CLIENT cwnd=12 MSS ssthresh=infinite  slow start
//! [  0.020901] CLIENT recv ACK seq=34 ack=2897 win=64240 (duplicate 3)
//! [  0.020903] CLIENT 3 duplicate ACKs -> fast retransmit seq=2897 len=1448
//! [  0.421100] CLIENT timeout -> retransmit seq=2897 len=1448 RTO=0.400 s
//! [  0.421200] CLIENT drop (out): ACK seq=2897 len=1448, rule dropped
//! ```
//!
//! The second connection of a stack is `CLIENT#2`, and so on. Sequence numbers count from the SYN, times from
//! the first event.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use crate::device::impair::{Decision, Direction};
use crate::event::{Cause, ConnId, Event, Phase, SegmentView, State, Why};
use crate::time::{Duration, Instant};
use crate::wire::tcp::{self, Flags};
use crate::wire::{Checksum, SeqNum, ip};

use super::text;

#[cfg(test)]
mod tests;

/// Before a round trip was measured (RFC 6298 2.1), and when the SYN had to be sent again (5.7).
const RTO_FIRST: Duration = Duration::from_secs(1);
const RTO_AFTER_SYN: Duration = Duration::from_secs(3);
/// The longest time-out of this stack.
const RTO_MAX: Duration = Duration::from_secs(120);

/// Makes the lines; what it has seen of each connection gives them their meaning.
#[derive(Debug)]
pub struct Transcript {
    /// Text of a full-sized segment, in bytes, as long as a path has not shown another.
    mss: u32,
    began: Option<Instant>,
    seen: BTreeMap<ConnId, Seen>,
    /// The connection that was closed last: what has closed it is told after that.
    closed: Option<(ConnId, Seen)>,
}

/// What was seen of a connection.
#[derive(Debug)]
struct Seen {
    role: &'static str,
    mss: u32,
    rto: Duration,
    /// Ours and the peer's address and initial sequence number.
    local: (SocketAddr, SeqNum),
    remote: (SocketAddr, SeqNum),
    /// The last acknowledgment and its window, and how often the same has come again.
    acked: (u32, u32),
    duplicates: u32,
    /// Where what was sent ends, in relative numbers.
    sent: u32,
}

impl Transcript {
    /// A transcript of connections whose full-sized segments have `mss` bytes of text.
    pub fn new(mss: u32) -> Transcript {
        Transcript { mss: mss.max(1), began: None, seen: BTreeMap::new(), closed: None }
    }

    /// The line of an event, without a line break; `None` for one that is not shown.
    pub fn line(&mut self, now: Instant, event: &Event) -> Option<String> {
        let time = self.time(now);
        let (conn, words) = match event {
            Event::StateChanged { conn, local, remote, from, to, cause } => {
                self.begin(*conn, (*local, *remote), *cause);
                let who = self.who(Some(*conn));
                if *to == State::Closed {
                    self.closed = self.seen.remove(conn).map(|seen| (*conn, seen));
                }
                return Some(format!("[{time}] {who} {from} -> {to}"));
            }
            Event::Sent { conn, segment, why, .. } => (*conn, self.sent(*conn, segment, *why)),
            Event::Received { conn, segment, .. } => (Some(*conn), self.received(*conn, segment)),
            Event::Refused { conn, reason, segment, .. } => {
                let segment = segment.as_ref().map_or_else(String::new, |segment| {
                    format!(" {}", segment_words(segment, self.mss(*conn)))
                });
                (*conn, format!("drop{segment}: {}", reason.name().replace('_', " ")))
            }
            Event::CongestionWindow { conn, cwnd, ssthresh, phase } => {
                (Some(*conn), self.window(*conn, *cwnd, *ssthresh, *phase))
            }
            Event::PathMtu { conn, mss, .. } => {
                self.seen.get_mut(conn)?.mss = *mss;
                (Some(*conn), format!("the path takes less: MSS={mss}"))
            }
            Event::RttSample { conn, rto, .. } => {
                self.seen.get_mut(conn)?.rto = *rto;
                return None;
            }
            Event::Undone { conn, .. } | Event::IcmpError { conn, .. } => {
                let (_, line) = text::format(event, false)?;
                (Some(*conn), line.trim_start_matches(&format!("{conn} ")).to_owned())
            }
            // What they lead to is shown: a segment sent again, a smaller window.
            _ => return None,
        };
        Some(format!("[{time}] {} {words}", self.who(conn)))
    }

    /// The line of something that the link has done to a packet, without a line break.
    pub fn decision(&mut self, direction: Direction, decision: &Decision) -> String {
        let time = self.time(decision.at);
        let effect = decision.effect.words();
        let packet = self.packet(direction, &decision.packet);
        let (conn, words) =
            packet.unwrap_or_else(|| (None, format!("{} bytes", decision.packet.len())));
        let verb = if is_loss(&effect) { "drop" } else { "link" };
        format!("[{time}] {} {verb} ({direction}): {words}, {effect}", self.who(conn))
    }

    fn time(&mut self, now: Instant) -> String {
        let began = *self.began.get_or_insert(now);
        format!("{:>10.6}", now.since(began).as_secs_f64())
    }

    fn who(&self, conn: Option<ConnId>) -> String {
        let role = conn.and_then(|conn| self.seen(conn)).map_or("STACK", |seen| seen.role);
        match conn {
            Some(conn) if conn.0 > 1 => format!("{role}{conn}"),
            _ => role.to_owned(),
        }
    }

    fn mss(&self, conn: Option<ConnId>) -> u32 {
        conn.and_then(|conn| self.seen(conn)).map_or(self.mss, |seen| seen.mss)
    }

    fn seen(&self, conn: ConnId) -> Option<&Seen> {
        let closed = self.closed.as_ref().filter(|(closed, _)| *closed == conn);
        self.seen.get(&conn).or(closed.map(|(_, seen)| seen))
    }

    fn seen_mut(&mut self, conn: ConnId) -> Option<&mut Seen> {
        let closed = self.closed.as_mut().filter(|(closed, _)| *closed == conn);
        self.seen.get_mut(&conn).or(closed.map(|(_, seen)| seen))
    }

    /// A connection begins with its first change of state.
    fn begin(&mut self, conn: ConnId, (local, remote): (SocketAddr, SocketAddr), cause: Cause) {
        let zero = SeqNum::default();
        self.seen.entry(conn).or_insert(Seen {
            role: if cause == Cause::Connect { "CLIENT" } else { "SERVER" },
            mss: self.mss,
            rto: RTO_FIRST,
            local: (local, zero),
            remote: (remote, zero),
            acked: (0, 0),
            duplicates: 0,
            sent: 0,
        });
    }

    fn sent(&mut self, conn: Option<ConnId>, segment: &SegmentView, why: Why) -> String {
        let words = segment_words(segment, self.mss(conn));
        let Some(seen) = conn.and_then(|conn| self.seen_mut(conn)) else {
            return format!("send {words}");
        };
        seen.local.1 = segment.seq_base;
        seen.remote.1 = segment.ack_base;
        let flags = u32::from(segment.flags.contains(Flags::SYN))
            + u32::from(segment.flags.contains(Flags::FIN));
        let seq = segment.seq - segment.seq_base;
        seen.sent = seen.sent.max(seq.wrapping_add(segment.len + flags));
        let place = format!("seq={seq} len={}", segment.len);
        let rto = |first: Duration, times: u8| {
            let factor = 1u32.checked_shl(times.into()).unwrap_or(u32::MAX);
            format!("RTO={:.3} s", first.saturating_mul(factor).min(RTO_MAX).as_secs_f64())
        };
        match why {
            Why::HandshakeRetransmission(times) => {
                seen.rto = RTO_AFTER_SYN;
                format!("timeout -> retransmit {words} {}", rto(RTO_FIRST, times))
            }
            Why::Rto(times) => format!("timeout -> retransmit {place} {}", rto(seen.rto, times)),
            Why::RtoRecovery | Why::GoBackN => format!("lost as well -> retransmit {place}"),
            Why::FastRetransmit => format!("3 duplicate ACKs -> fast retransmit {place}"),
            Why::PartialAck => format!("partial ACK -> retransmit {place}"),
            Why::Rack => format!("later segments have arrived (SACK) -> retransmit {place}"),
            Why::TailLossProbe => format!("no ACK for two round trips -> probe {place}"),
            Why::PathMtu => format!("too large for the path -> retransmit {place}"),
            Why::SynText => format!("not taken with the SYN -> retransmit {place}"),
            Why::AckDelayed => format!("send {words} (delayed)"),
            Why::ZeroWindowProbe => format!("send {words} (zero-window probe)"),
            Why::Keepalive => format!("send {words} (keepalive)"),
            _ => format!("send {words}"),
        }
    }

    fn received(&mut self, conn: ConnId, segment: &SegmentView) -> String {
        let words = segment_words(segment, self.mss(Some(conn)));
        let Some(seen) = self.seen_mut(conn) else {
            return format!("recv {words}");
        };
        // Of what arrives the sender is the peer.
        seen.remote.1 = segment.seq_base;
        let now = (segment.ack - segment.ack_base, segment.window);
        let empty = segment.len == 0 && segment.flags == Flags::ACK;
        // RFC 5681 2: nothing new, while something is outstanding. Another window in between is no duplicate, and
        // those before it count.
        let is_duplicate = empty && now == seen.acked && seen.sent > now.0;
        if now.0 != seen.acked.0 {
            seen.duplicates = 0;
        }
        seen.duplicates += u32::from(is_duplicate);
        seen.acked = now;
        match is_duplicate {
            false => format!("recv {words}"),
            true => format!("recv {words} (duplicate {})", seen.duplicates),
        }
    }

    fn window(&self, conn: ConnId, cwnd: u32, ssthresh: Option<u32>, phase: Phase) -> String {
        let mss = self.mss(Some(conn));
        let ssthresh = ssthresh
            .map_or_else(|| "infinite".to_owned(), |bytes| format!("{} MSS", segments(bytes, mss)));
        let phase = match phase {
            Phase::SlowStart => "slow start",
            Phase::CongestionAvoidance => "congestion avoidance",
            Phase::FastRecovery => "fast recovery",
            Phase::Reducing => "reduction",
            Phase::RtoRecovery => "recovery from a timeout",
        };
        format!("cwnd={} MSS ssthresh={ssthresh}  {phase}", segments(cwnd, mss))
    }

    /// A TCP segment on the link, by the numbers of the connection that it belongs to.
    fn packet(
        &self,
        direction: Direction,
        packet: &bytes::Bytes,
    ) -> Option<(Option<ConnId>, String)> {
        let datagram = ip::parse(packet).ok()?;
        let text = packet.slice(datagram.payload.clone());
        let segment = tcp::parse(text, datagram.src, datagram.dst, Checksum::Verified).ok()?;
        let from = SocketAddr::new(datagram.src, segment.src_port);
        let to = SocketAddr::new(datagram.dst, segment.dst_port);
        let (local, remote) = match direction {
            Direction::Out => (from, to),
            Direction::In => (to, from),
        };
        let found =
            self.seen.iter().find(|(_, seen)| (seen.local.0, seen.remote.0) == (local, remote));
        let base = found.map_or(SeqNum::default(), |(_, seen)| match direction {
            Direction::Out => seen.local.1,
            Direction::In => seen.remote.1,
        });
        let (flags, len) = (segment.flags, segment.payload.len());
        let words = format!("{flags} seq={} len={len}", segment.seq - base);
        Some((found.map(|(conn, _)| *conn), words))
    }
}

/// Whether what was done to a packet has taken it away.
fn is_loss(effect: &str) -> bool {
    ["lost", "dropped", "full", "overflow"].iter().any(|end| effect.ends_with(end))
}

/// So many segments, with a half where it is not a whole number.
fn segments(bytes: u32, mss: u32) -> String {
    match bytes % mss {
        0 => (bytes / mss).to_string(),
        _ => format!("{:.2}", f64::from(bytes) / f64::from(mss)),
    }
}

fn segment_words(segment: &SegmentView, mss: u32) -> String {
    let SegmentView { flags, len, window, .. } = segment;
    let mut words = format!("{flags} seq={}", segment.seq - segment.seq_base);
    if flags.contains(Flags::ACK) {
        words += &format!(" ack={}", segment.ack - segment.ack_base);
    }
    if *len > 0 {
        words += &format!(" len={len}");
    }
    if *len > mss {
        words += &format!(" ({} segments)", len.div_ceil(mss));
    }
    words + &format!(" win={window}")
}
