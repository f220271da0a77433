//! Packets of a batch that follow on each other: what their headers have in common is looked at once.
//!
//! ```text
//!   packet          the usual way: demux, all the steps of SEGMENT ARRIVES
//!   its followers   the same addresses, ports, acknowledgment, window and options, and the next
//!                   sequence number: checksums, and their text
//! ```
//!
//! A kernel does the same when it puts segments together as they arrive (generic receive offload). What says anything
//! else goes the usual way.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use bytes::{Buf, Bytes};

use crate::event::{Event, SegmentView};
use crate::stack::{Owner, Stack};
use crate::tcp::{Endpoints, Follower};
use crate::wire::checksum::Sum;
use crate::wire::tcp::{Flags, Segment};
use crate::wire::tcp_options::{self, Options};
use crate::wire::{Checksum, HeaderBuf, Packet, RxBatch, SeqNum, append, ip};

/// Where things lie in the headers of a packet without options of IP.
const TOTAL_LEN: usize = ip::IPV4_TOTAL_LEN_AT;
const TCP: usize = ip::IPV4_HEADER_LEN;
const SEQ: usize = TCP + 4;
const ACK: usize = TCP + 8;
const FLAGS: usize = TCP + 13;
const WINDOW: usize = TCP + 14;
const OPTIONS: usize = TCP + 20;

/// The headers of a packet on which others may follow.
pub(super) struct Head {
    headers: HeaderBuf,
    /// The sequence number of its text, and that after it.
    seq: SeqNum,
    next: SeqNum,
}

impl Head {
    /// Those of a segment with text and without any flag but ACK and PSH.
    pub(super) fn of(packet: &Packet) -> Option<Head> {
        let bytes = &packet.bytes[..];
        let plain = bytes.len() > OPTIONS
            && bytes[0] == 0x45
            && bytes[1] & ip::CE != ip::CE
            && bytes[6] & 0x3f == 0
            && bytes[7] == 0
            && bytes[9] == ip::TCP
            && is_plain(bytes[FLAGS]);
        if !plain {
            return None;
        }
        let len = TCP + usize::from(bytes[TCP + 12] >> 4) * 4;
        let total = usize::from(u16::from_be_bytes([bytes[TOTAL_LEN], bytes[TOTAL_LEN + 1]]));
        if len < OPTIONS || total != bytes.len() || total <= len {
            return None;
        }
        let mut headers = HeaderBuf::new();
        append(&mut headers, &bytes[..len]);
        let seq = seq(bytes);
        Some(Head { headers, seq, next: seq + (total - len) as u32 })
    }

    /// Whether `packet` has the same headers but for what must differ, and its checksums are right.
    fn is_followed_by(&self, packet: &Packet) -> bool {
        let (bytes, head) = (&packet.bytes[..], &self.headers[..]);
        if bytes.len() <= head.len() {
            return false;
        }
        let same = |range: std::ops::Range<usize>| bytes[range.clone()] == head[range];
        let len = bytes.len() as u16;
        same(0..2)
            && bytes[TOTAL_LEN..TOTAL_LEN + 2] == len.to_be_bytes()
            && same(6..10)
            && same(12..SEQ)
            && seq(bytes) == self.next
            && same(SEQ + 4..FLAGS)
            && is_plain(bytes[FLAGS])
            && same(WINDOW..TCP + 16)
            && same(TCP + 18..head.len())
            && Sum::new().add_bytes(&bytes[..TCP]).is_valid()
            && (packet.checksum == Checksum::Verified || self.sum(&bytes[TCP..]).is_valid())
    }

    /// A segment with these headers, this sequence number and no text.
    fn segment(&self, seq: SeqNum, pushed: bool) -> Segment {
        let ends = self.ends();
        let header = &self.headers;
        Segment {
            src_port: ends.remote.port(),
            dst_port: ends.local.port(),
            seq,
            ack: number(header, ACK),
            flags: if pushed { Flags::ACK | Flags::PSH } else { Flags::ACK },
            window: u16::from_be_bytes([header[WINDOW], header[WINDOW + 1]]),
            urgent: 0,
            options: Options::default(),
            ecn: header[1] & ip::CE,
            payload: Bytes::new(),
        }
    }

    fn sum(&self, segment: &[u8]) -> Sum {
        let ends = self.ends();
        let (src, dst) = (ends.remote.ip(), ends.local.ip());
        Sum::pseudo_header(src, dst, ip::TCP, segment.len() as u32).add_bytes(segment)
    }

    fn ends(&self) -> Endpoints {
        let head = &self.headers;
        let address = |at: usize| -> IpAddr {
            Ipv4Addr::new(head[at], head[at + 1], head[at + 2], head[at + 3]).into()
        };
        let port = |at: usize| u16::from_be_bytes([head[at], head[at + 1]]);
        Endpoints {
            local: SocketAddr::new(address(16), port(TCP + 2)),
            remote: SocketAddr::new(address(12), port(TCP)),
        }
    }
}

/// Whether it has ACK, and nothing else but perhaps PSH.
fn is_plain(flags: u8) -> bool {
    Flags::from_bits(flags).without(Flags::PSH) == Flags::ACK
}

fn seq(bytes: &[u8]) -> SeqNum {
    number(bytes, SEQ)
}

fn number(bytes: &[u8], at: usize) -> SeqNum {
    SeqNum::new(u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]))
}

impl Stack {
    /// Takes those packets from the front of `rx` that follow on the one with these headers, which was just received.
    pub(super) fn receive_followers(&mut self, mut head: Head, rx: &mut RxBatch) {
        if !rx.front().is_some_and(|next| head.is_followed_by(next)) {
            return;
        }
        let Some(Owner::Connection(key)) = self.demux.find_for_segment(head.ends()) else {
            return;
        };
        let Some(connection) = self.connections.get_mut(key) else {
            return;
        };
        let tcb = connection.tcb.whole();
        let options = tcp_options::parse(&head.headers[OPTIONS..]);
        let (options_len, header_len) = (options.len(), head.headers.len());
        let tsecr = options.timestamps.map(|timestamps| timestamps.tsecr);
        let (now, first, mut pushed_any) = (self.env.now, head.next, false);
        while let Some(next) = rx.front()
            && head.is_followed_by(next)
            && tcb.may_follow(head.seq, head.next, next.bytes.len() - header_len)
            && let Some(Packet { bytes: mut text, .. }) = rx.pop_front()
        {
            let counters = &mut self.env.counters;
            counters.packets_received += 1;
            counters.bytes_received += text.len() as u64;
            counters.tcp_segments_received += 1;
            counters.tcp_segments_accepted += 1;
            let (seq, pushed) = (head.next, Flags::from_bits(text[FLAGS]).contains(Flags::PSH));
            pushed_any |= pushed;
            text.advance(header_len);
            (head.seq, head.next) = (seq, head.next + text.len() as u32);
            tcb.text_follows(now, Follower { seq, text, pushed, options_len, tsecr });
        }
        if head.next != first {
            // Who records sees them as one.
            let (conn, state) = (tcb.conn(), tcb.state());
            self.env.context().emit(|| {
                let segment = SegmentView {
                    len: head.next - first,
                    ..tcb.view_received(&head.segment(first, pushed_any))
                };
                Event::Received { conn, state, segment }
            });
        }
        self.after(key);
    }
}

#[cfg(test)]
mod tests;
