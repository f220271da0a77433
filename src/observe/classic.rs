//! The log of a classic course's simulation: what the sender of each client does, a line each.
//!
//! ```text
//! 0.100192 client 1: send seq=1 len=1448 cwnd=14480 ssthresh=infinite
//! 0.202675 client 1: ack=1449 cwnd=15928 ssthresh=infinite
//! 0.353158 client 2: packet lost seq=44889 len=1448 (queue full)
//! 0.510886 client 2: ack=44889 (duplicate 2) cwnd=59368 ssthresh=infinite
//! 0.513286 client 2: slow start -> fast recovery cwnd=29684 ssthresh=29684
//! 0.513286 client 2: ack=44889 (duplicate 3) cwnd=29684 ssthresh=29684
//! 0.513286 client 2: 3 duplicate ACKs -> fast retransmit seq=44889 len=1448 cwnd=29684 ssthresh=29684
//! 0.722918 client 1: send seq=43441 len=560 FIN cwnd=57920 ssthresh=infinite
//! 0.948764 client 2: timeout -> retransmit seq=76745 len=1448 cwnd=1448 ssthresh=22444
//! ```
//!
//! A burst of segments is shown as the packets that it becomes, which must be shown too. Numbers count from the
//! SYN and wrap as on the wire.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::net::SocketAddr;

use bytes::Bytes;

use super::text;
use crate::device::impair::{Direction, Effect};
use crate::event::{Event, Phase, SegmentView, Why};
use crate::wire::tcp::{Flags, Segment};
use crate::wire::{Checksum, SeqNum, ip, tcp};

/// Bursts of a client that may wait for their packets; they come in the same turn.
const MOST_BURSTS: usize = 1024;

/// One client, seen from its sender.
#[derive(Clone, Debug, Default)]
pub struct Client {
    cwnd: u32,
    ssthresh: Option<u32>,
    phase: Option<Phase>,
    /// Its own address, once it has sent something.
    local: Option<SocketAddr>,
    /// The number of its SYN.
    base: SeqNum,
    /// The largest acknowledgment so far, and how often it came again.
    acked: (u32, u32),
    /// Where what was sent ends.
    sent: u32,
    /// What was handed over and has not been seen as packets.
    bursts: VecDeque<(u32, u32, Why)>,
}

impl Client {
    /// The lines of an event of its stack.
    pub fn event(&mut self, event: &Event) -> Vec<String> {
        match event {
            Event::StateChanged { from, to, .. } => vec![format!("{from} -> {to}")],
            Event::Sent { segment, why, .. } => self.sent(segment, *why),
            Event::Received { segment, .. } => self.received(segment),
            Event::CongestionWindow { cwnd, ssthresh, phase, .. } => {
                (self.cwnd, self.ssthresh) = (*cwnd, *ssthresh);
                match self.phase.replace(*phase) {
                    Some(before) if before != *phase => {
                        let (before, after) =
                            (text::phase_words(before), text::phase_words(*phase));
                        vec![format!("{before} -> {after}{}", self.window())]
                    }
                    _ => Vec::new(),
                }
            }
            _ => Vec::new(),
        }
    }

    fn sent(&mut self, segment: &SegmentView, why: Why) -> Vec<String> {
        (self.local, self.base) = (Some(segment.local), segment.seq_base);
        if segment.len > 0 {
            let seq = segment.seq - segment.seq_base;
            self.bursts.push_back((seq, segment.len, why));
            if self.bursts.len() > MOST_BURSTS {
                self.bursts.pop_front();
            }
            return Vec::new();
        }
        let words = why_words(why);
        let kind = segment.flags;
        let interesting = [Flags::SYN, Flags::FIN, Flags::RST];
        let seq = segment.seq - segment.seq_base;
        if interesting.iter().any(|&flag| kind.contains(flag)) {
            vec![format!("{words} {kind} seq={seq}")]
        } else {
            Vec::new()
        }
    }

    fn received(&mut self, segment: &SegmentView) -> Vec<String> {
        if !segment.flags.contains(Flags::ACK) || segment.flags.contains(Flags::SYN) {
            return Vec::new();
        }
        let ack = segment.ack - segment.ack_base;
        let (last, again) = self.acked;
        let waits = self.sent.wrapping_sub(ack).cast_signed() > 0;
        let duplicate = ack == last && segment.len == 0 && waits;
        self.acked = (ack, if duplicate { again + 1 } else { 0 });
        let which = if duplicate { format!(" (duplicate {})", again + 1) } else { String::new() };
        vec![format!("ack={ack}{which}{}", self.window())]
    }

    /// The line of a packet that leaves it; `None` when it carries no text.
    pub fn packet(&mut self, packet: &[u8]) -> Option<String> {
        let (segment, ..) = parse(packet)?;
        let len = segment.payload.len() as u32;
        let seq = segment.seq - self.base;
        if len == 0 {
            return None;
        }
        let inside = |burst: &(u32, u32, Why)| seq.wrapping_sub(burst.0) < burst.1;
        let why = self.bursts.iter().position(inside).map(|at| {
            let (start, whole, why) = self.bursts[at];
            if seq.wrapping_sub(start) + len >= whole {
                self.bursts.remove(at);
            }
            why
        });
        let end = seq.wrapping_add(len);
        if end.wrapping_sub(self.sent).cast_signed() > 0 {
            self.sent = end;
        }
        let words = why_words(why.unwrap_or(Why::NewData));
        let fin = if segment.flags.contains(Flags::FIN) { " FIN" } else { "" };
        Some(format!("{words} seq={seq} len={len}{fin}{}", self.window()))
    }

    /// The line of what the link does to a packet from it, or to it; `None` when it is another client's.
    pub fn link(&self, direction: Direction, effect: Effect, packet: &[u8]) -> Option<String> {
        let (segment, from, to) = parse(packet)?;
        let own = if direction == Direction::Out { from } else { to };
        if self.local.is_none_or(|local| local != own) {
            return None;
        }
        let what = match direction {
            Direction::Out => {
                let seq = segment.seq - self.base;
                format!("packet {} seq={seq} len={}", what_happened(effect), segment.payload.len())
            }
            Direction::In => {
                let ack = segment.ack - self.base;
                format!("acknowledgment {} ack={ack}", what_happened(effect))
            }
        };
        let why = if is_loss(effect) { format!(" ({})", effect.words()) } else { String::new() };
        Some(what + &why)
    }

    /// Nothing before the connection is open, and has one.
    fn window(&self) -> String {
        if self.phase.is_none() {
            return String::new();
        }
        let ssthresh: Cow<'_, str> =
            self.ssthresh.map_or("infinite".into(), |bytes| bytes.to_string().into());
        format!(" cwnd={} ssthresh={ssthresh}", self.cwnd)
    }
}

/// The TCP segment in a packet, where it comes from and where it goes.
fn parse(packet: &[u8]) -> Option<(Segment, SocketAddr, SocketAddr)> {
    let datagram = ip::parse(packet).ok().filter(|datagram| datagram.protocol == ip::TCP)?;
    let transport = Bytes::copy_from_slice(&packet[datagram.payload.clone()]);
    // What the link has corrupted is shown too.
    let segment = tcp::parse(transport, datagram.src, datagram.dst, Checksum::Verified).ok()?;
    let from = SocketAddr::new(datagram.src, segment.src_port);
    let to = SocketAddr::new(datagram.dst, segment.dst_port);
    Some((segment, from, to))
}

fn is_loss(effect: Effect) -> bool {
    matches!(
        effect,
        Effect::RuleDropped | Effect::QueueFull | Effect::CodelDropped | Effect::Overflow
    )
}

fn what_happened(effect: Effect) -> String {
    if is_loss(effect) { "lost".to_owned() } else { effect.words() }
}

/// What is done, and what has led to it.
fn why_words(why: Why) -> Cow<'static, str> {
    let because = match why {
        Why::Rto(1) => "timeout".into(),
        Why::Rto(n) => format!("timeout {n} in a row").into(),
        Why::FastRetransmit => return "3 duplicate ACKs -> fast retransmit".into(),
        Why::PartialAck => "partial ACK".into(),
        Why::Rack => "later ones have arrived".into(),
        Why::TailLossProbe => "no ACK for two round trips".into(),
        Why::RtoRecovery => "lost before the timeout".into(),
        Why::GoBackN => "sent since the loss".into(),
        Why::PathMtu => "too large for the path".into(),
        Why::SynText => "not taken with the SYN".into(),
        Why::HandshakeRetransmission(n) => format!("timeout {n} in a row").into(),
        Why::HandshakeAnswer => "SYN again".into(),
        _ => Cow::Borrowed(""),
    };
    if because.is_empty() { "send".into() } else { format!("{because} -> retransmit").into() }
}

#[cfg(test)]
mod tests;
