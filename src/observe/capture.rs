//! Packets between a stack and its device, each with what the stack thought of it, for Wireshark.
//!
//! ```text
//!   stack -- Tap, under its lock --> stream::Queue --> Recorder: a packet of a pcapng file, with a comment
//! ```
//!
//! A comment is words that a filter finds (`frame.comment contains "why=rack"`), such as
//! `ESTABLISHED conn=#3 cwnd=14480 ssthresh=inf srtt=20.1ms rto=220.1ms inflight=11584 why=new-data limited-by=cwnd`.
//! `docs/wireshark.md` lists them.

mod filter;

use std::io;
use std::sync::Arc;

use smallvec::{SmallVec, smallvec};

use super::pcapng::{self, Direction, Interface, Writer};
use super::stream::{Item, Queue};
use crate::device::gso::{self, Checksums};
use crate::event::{ConnId, Event, Glance, Observer, PacketView, Refusal, State, Why};
use crate::time::{Duration, Instant};
use crate::wire::{Burst, Packet, SeqNum, ip};

pub use filter::{Filter, FilterError};

/// The names of the interfaces: of what the stack has received and sent, and of what a link has done something to.
const STACK: &str = "stack";
const LINK: &str = "link";

/// How many blocks a file begins with, before the first packet.
pub const HEAD_BLOCKS: u64 = 3;

/// A packet, and what was known about it.
#[derive(Clone, Debug)]
pub struct Captured {
    /// When it was seen.
    pub at: Instant,
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    Received {
        packet: Packet,
        conn: Option<(ConnId, State)>,
        glance: Option<Glance>,
        refused: Option<Refusal>,
    },
    Sent {
        burst: Box<Burst>,
        glance: Option<Glance>,
        sent: Option<Sent>,
    },
    Impaired {
        outbound: bool,
        packet: bytes::Bytes,
        effect: &'static str,
    },
}

type Sent = (Option<ConnId>, State, Why);

/// What a segment carries.
#[derive(Clone, Debug, PartialEq)]
pub struct Text<'a> {
    /// When it was seen.
    pub at: Instant,
    /// The stack has sent it.
    pub outbound: bool,
    /// The sequence number of its first byte.
    pub seq: SeqNum,
    /// Its bytes, in order.
    pub parts: SmallVec<[&'a [u8]; 2]>,
}

impl<'a> Text<'a> {
    fn new(
        at: Instant,
        outbound: bool,
        seq: u32,
        parts: SmallVec<[&'a [u8]; 2]>,
    ) -> Option<Text<'a>> {
        let has_some = parts.iter().any(|part| !part.is_empty());
        has_some.then_some(Text { at, outbound, seq: SeqNum::new(seq), parts })
    }
}

/// Puts packets into a queue: all, or those that a filter lets through.
pub struct Tap {
    /// Where.
    pub queue: Arc<Queue<Captured>>,
    /// Which.
    pub filter: Filter,
}

impl Observer for Tap {
    fn observe(&mut self, _: Instant, _: &Event) {}

    fn wants_packets(&self) -> bool {
        true
    }

    fn packet(&mut self, now: Instant, view: &PacketView<'_>) {
        if self.filter.lets_through(view) {
            let len = match view {
                PacketView::Received { packet, .. } => packet.bytes.len(),
                PacketView::Sent { burst, .. } => burst.payload_len as usize,
                PacketView::Impaired { packet, .. } => packet.len(),
            };
            self.queue.push(len, || Captured::new(now, view));
        }
    }
}

impl From<&PacketView<'_>> for Kind {
    fn from(view: &PacketView<'_>) -> Kind {
        match *view {
            PacketView::Received { packet, conn, glance, refused } => {
                Kind::Received { packet: packet.clone(), conn, glance: glance.cloned(), refused }
            }
            PacketView::Sent { burst, glance, sent } => {
                Kind::Sent { burst: Box::new(burst.clone()), glance: glance.cloned(), sent }
            }
            PacketView::Impaired { outbound, packet, effect } => {
                Kind::Impaired { outbound, packet: packet.clone(), effect }
            }
        }
    }
}

impl Captured {
    /// A packet that was seen at `now`.
    pub fn new(now: Instant, view: &PacketView<'_>) -> Captured {
        Captured { at: now, kind: view.into() }
    }

    /// What is known about it, in words; empty where that is nothing.
    pub fn comment(&self) -> String {
        let mut words = Vec::new();
        match &self.kind {
            Kind::Received { conn, glance, refused, .. } => {
                words.extend(thoughts(glance.as_ref(), *conn));
                words.extend(refused.map(|reason| format!("refused={}", hyphens(reason.name()))));
            }
            Kind::Sent { burst, glance, sent } => {
                let conn = sent.and_then(|(conn, state, _)| Some((conn?, state)));
                words.extend(thoughts(glance.as_ref(), conn));
                words.extend(sent.map(|(_, _, why)| why_words(why)));
                let size = u32::from(burst.segment_size);
                if size > 0 && burst.payload_len > size {
                    words.push(format!("packets={}", burst.payload_len.div_ceil(size)));
                }
                words.extend(
                    glance.as_ref().map(|glance| format!("limited-by={}", glance.limit.short())),
                );
            }
            Kind::Impaired { effect, .. } => words.push(format!("impaired={}", hyphens(effect))),
        }
        words.join(" ")
    }

    /// The text of a TCP segment that the stack has sent or received, if it has some.
    pub fn text(&self) -> Option<Text<'_>> {
        match &self.kind {
            Kind::Sent { burst, .. } => {
                let tcp = burst.header.get(usize::from(burst.ip_header_len)..)?;
                let seq = etherparse::TcpHeaderSlice::from_slice(tcp).ok()?.sequence_number();
                let parts = burst.payload.iter().map(|part| &part[..]).collect();
                Text::new(self.at, true, seq, parts)
            }
            Kind::Received { packet, .. } => {
                let sliced = etherparse::LaxSlicedPacket::from_ip(&packet.bytes).ok()?;
                let Some(etherparse::TransportSlice::Tcp(tcp)) = sliced.transport else {
                    return None;
                };
                Text::new(self.at, false, tcp.sequence_number(), smallvec![tcp.payload()])
            }
            Kind::Impaired { .. } => None,
        }
    }

    fn direction(&self) -> Direction {
        match self.kind {
            Kind::Sent { .. } | Kind::Impaired { outbound: true, .. } => Direction::Outbound,
            Kind::Received { .. } | Kind::Impaired { outbound: false, .. } => Direction::Inbound,
        }
    }

    /// The bytes of the packet, its checksums filled in, and how long it is. Of one that a link has done something to
    /// after the stack has shown it there is only the IP header, lest it looks as if it was sent twice.
    fn bytes(&self) -> (SmallVec<[bytes::Bytes; 1]>, usize) {
        let mut whole = SmallVec::new();
        match &self.kind {
            Kind::Received { packet, .. } => {
                let one = Packet { segment_size: 0, ..packet.clone() };
                gso::split(one, |bytes| whole.push(bytes));
            }
            Kind::Sent { burst, .. } => {
                let Ok(()) =
                    gso::whole(&mut burst.as_ref().clone(), Checksums::Full, |header, payload| {
                        let parts = [&header[..]].into_iter().chain(payload.iter().copied());
                        whole.push(parts.collect::<Vec<_>>().concat().into());
                        Ok::<(), std::convert::Infallible>(())
                    });
            }
            Kind::Impaired { outbound: true, packet, .. } => {
                let header = packet.slice(..packet.len().min(ip::IPV4_HEADER_LEN));
                return (SmallVec::from_iter([header]), packet.len());
            }
            Kind::Impaired { packet, .. } => whole.push(packet.clone()),
        }
        let len = whole.iter().map(bytes::Bytes::len).sum();
        (whole, len)
    }
}

/// Writes captured packets as a pcapng file, into memory: [`Recorder::take`] gives what there is.
pub struct Recorder {
    file: Writer<Vec<u8>>,
    stack: Interface,
    link: Interface,
    /// When the last packet was.
    last: Instant,
    /// Those that are missing.
    lost: u64,
}

impl Recorder {
    /// Begins a file with [`HEAD_BLOCKS`] blocks. `origin` is the time from 1970-01-01 00:00 UTC to [`Instant::ZERO`].
    ///
    /// # Errors
    /// None that is known: nothing is too long.
    pub fn new(origin: Duration) -> io::Result<Recorder> {
        let mut file = Writer::new(Vec::new(), origin)?;
        let (stack, link) = (file.interface(STACK)?, file.interface(LINK)?);
        Ok(Recorder { file, stack, link, last: Instant::ZERO, lost: 0 })
    }

    /// Adds a packet, of which at most `most` bytes are kept, or says that some are missing here.
    ///
    /// # Errors
    /// When a packet is longer than such a file can say.
    pub fn write(&mut self, item: &Item<Captured>, most: usize) -> io::Result<()> {
        match item {
            Item::One(captured) => self.packet(captured, most),
            Item::Lost(count) => {
                self.lost += count;
                self.file.dropped(self.stack, self.last, self.lost)
            }
        }
    }

    fn packet(&mut self, captured: &Captured, most: usize) -> io::Result<()> {
        self.last = captured.at;
        let (parts, len) = captured.bytes();
        let comment = captured.comment();
        let interface = match captured.kind {
            Kind::Impaired { .. } => self.link,
            _ => self.stack,
        };
        for bytes in parts {
            self.file.packet(&pcapng::Packet {
                interface,
                at: captured.at,
                direction: captured.direction(),
                bytes: &bytes[..bytes.len().min(most)],
                len,
                comment: Some(&comment[..]).filter(|comment| !comment.is_empty()),
            })?;
        }
        Ok(())
    }

    /// What was written since the last time.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(self.file.get_mut())
    }
}

/// What is known of a connection, in words.
fn thoughts(glance: Option<&Glance>, conn: Option<(ConnId, State)>) -> Option<String> {
    let record = conn.map(|(conn, state)| format!("{} conn={conn}", state.name()));
    glance.map(words_of).or(record)
}

/// What a connection thinks, in words.
fn words_of(glance: &Glance) -> String {
    let Glance { conn, state, cwnd, ssthresh, srtt, rto, in_flight, limit: _ } = glance;
    let ssthresh = ssthresh.map_or_else(|| "inf".to_owned(), |bytes| bytes.to_string());
    let srtt = srtt.map_or(String::new(), |srtt| format!(" srtt={}", millis(srtt)));
    let (state, rto) = (state.name(), millis(*rto));
    format!(
        "{state} conn={conn} cwnd={cwnd} ssthresh={ssthresh}{srtt} rto={rto} inflight={in_flight}"
    )
}

fn why_words(why: Why) -> String {
    let count = match why {
        Why::HandshakeRetransmission(count) | Why::Rto(count) => format!(" count={count}"),
        _ => String::new(),
    };
    format!("why={}{count}", hyphens(why.name()))
}

fn hyphens(name: &str) -> String {
    name.replace('_', "-")
}

fn millis(time: Duration) -> String {
    format!("{}ms", time.as_micros() as f64 / 1000.0)
}

#[cfg(test)]
mod tests;
