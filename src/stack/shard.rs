//! Several stacks that share their addresses, each with a queue of the device and a thread of its own.
//!
//! ```text
//!   queue 0 -> stack 0 -- nobody here --> the one whose port it is -- nobody there --> ... the last one answers
//! ```
//!
//! A connection stays where its SYN came from, or where it was opened: the kernel sends what belongs to it through the
//! queue that it was last heard on. When it has forgotten that, a segment comes through another queue; so what a
//! stack has nobody for it passes on, unanswered, until all of them have seen it. A port that is chosen says who
//! has chosen it: no two stacks choose the same.

use std::net::SocketAddr;

use crate::event::Refusal;
use crate::stack::receive::part;
use crate::stack::{Config, Limits, Stack};
use crate::tcp::{Endpoints, check_listen};
use crate::time::Instant;
use crate::wire::ip::{self, Datagram};
use crate::wire::{Packet, icmp, ports, tcp};

/// How many stacks may share their addresses.
pub const MAX_SHARDS: u16 = u64::BITS as u16;

/// The stack that has the sockets of which there is one for all: those of UDP and ping.
const FIRST: u16 = 0;

/// Which of several stacks one is; [`Config::divided`] makes those that are not [`Shard::ALONE`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// Its number, from 0.
    pub(crate) index: u16,
    /// How many there are, 1 to [`MAX_SHARDS`].
    pub(crate) count: u16,
}

impl Shard {
    /// The only one.
    pub const ALONE: Shard = Shard { index: 0, count: 1 };

    /// The number of the stack that has this port when nobody says otherwise.
    pub fn index_of_port(self, port: u16) -> u16 {
        port % self.count
    }
}

/// A packet that a stack has nobody for, on its way to those that share its addresses.
#[derive(Debug)]
pub struct Stray {
    packet: Packet,
    /// Who has seen it, a bit for each.
    seen: u64,
    to: u16,
}

impl Stray {
    /// The number of the stack that is to see it next.
    pub fn to(&self) -> u16 {
        self.to
    }

    /// The length of the packet, in bytes.
    pub fn packet_len(&self) -> usize {
        self.packet.bytes.len()
    }
}

impl Config {
    /// The same for each of `count` stacks that share the addresses, 1 to [`MAX_SHARDS`]. What all of them may hold
    /// together is divided, but for what one socket may: each share is rounded up.
    pub fn divided(self, count: u16) -> impl Iterator<Item = Config> {
        let count = count.clamp(1, MAX_SHARDS);
        let share = |whole: usize| whole.div_ceil(count.into());
        let limits = Limits {
            connections: share(self.limits.connections),
            time_wait: share(self.limits.time_wait),
            syn_queue: share(self.limits.syn_queue),
            tcp_memory: share(self.limits.tcp_memory),
            flight_memory: share(self.limits.flight_memory),
            ..self.limits
        };
        let config = Config { limits, ..self };
        (0..count).map(move |index| Config { shard: Shard { index, count }, ..config.clone() })
    }
}

impl Stack {
    /// Takes over what another stack that shares the addresses had nobody for: part of the first half of a turn, before
    /// [`Stack::receive`].
    pub fn receive_strays(&mut self, now: Instant, strays: impl IntoIterator<Item = Stray>) {
        self.env.now = self.env.now.max(now);
        for Stray { packet, seen, .. } in strays {
            self.env.counters.packets_taken_over += 1;
            self.receive_and_show(packet, seen);
        }
    }

    /// What this stack had nobody for since it was asked, for others that share its addresses.
    pub fn take_strays(&mut self) -> Vec<Stray> {
        std::mem::take(&mut self.strays)
    }

    /// Counts what another stack had nobody for and this one has no time for.
    pub fn refuse_strays(&mut self, count: usize) {
        for _ in 0..count {
            self.env.counters.packets_taken_over += 1;
            self.env.context().refuse_packet(Refusal::ShardQueueFull, None);
        }
    }

    /// Passes a packet on that another stack may have somebody for; whether it did. Those of `seen` have seen it.
    pub(super) fn pass_on(&mut self, datagram: &Datagram, packet: &Packet, seen: u64) -> bool {
        let Shard { index, count } = self.config.shard;
        let seen = seen | 1 << index;
        let others = (1..count).map(|step| (index + step) % count);
        let mut unseen = others.filter(|other| seen & 1 << other == 0).peekable();
        if unseen.peek().is_none() {
            return false;
        }
        let Some(home) = self.elsewhere(datagram, packet) else {
            return false;
        };
        let Some(to) = unseen.clone().find(|&other| other == home).or_else(|| unseen.next()) else {
            return false;
        };
        self.env.counters.packets_passed_on += 1;
        self.strays.push(Stray { packet: packet.clone(), seen, to });
        true
    }

    /// The stack that is likely to have somebody for a packet that is for nobody here; `None` if it is for somebody, or for
    /// whoever has it first, as is what cannot be understood.
    fn elsewhere(&mut self, datagram: &Datagram, packet: &Packet) -> Option<u16> {
        let transport = &packet.bytes[datagram.payload.clone()];
        let (found, home) = match datagram.protocol {
            ip::TCP => self.has_connection_for(datagram, packet)?,
            ip::UDP => {
                let (_, port) = ports(transport)?;
                (self.udp.find(SocketAddr::new(datagram.dst, port)).is_some(), FIRST)
            }
            ip::ICMP => self.has_sender_of(datagram, transport)?,
            _ => return None,
        };
        (!found).then_some(home)
    }

    /// Whether a segment belongs to a connection, or opens one, and where that would be otherwise; `None` if it is not to
    /// be understood.
    fn has_connection_for(&mut self, datagram: &Datagram, packet: &Packet) -> Option<(bool, u16)> {
        let (remote, local) = ports(&packet.bytes[datagram.payload.clone()])?;
        let ends = Endpoints {
            local: SocketAddr::new(datagram.dst, local),
            remote: SocketAddr::new(datagram.src, remote),
        };
        let home = self.config.shard.index_of_port(local);
        if self.demux.find_for_segment(ends).is_some() {
            return Some((true, home));
        }
        let Some(listener) = self.demux.find_listener(ends.local) else {
            return Some((false, home));
        };
        let transport = part(packet.bytes.clone(), datagram.payload.clone());
        let segment = tcp::parse(transport, datagram.src, datagram.dst, packet.checksum).ok()?;
        let opens = check_listen(&segment).is_ok();
        Some((opens || self.brings_cookie(listener, ends, &segment), home))
    }

    /// Whether an ICMP message is about what somebody here has sent, and where that would be otherwise; `None` if it is
    /// about nothing that was sent.
    fn has_sender_of(&mut self, datagram: &Datagram, transport: &[u8]) -> Option<(bool, u16)> {
        let message = icmp::parse(transport).ok()?;
        if message.report().is_none() {
            let is_reply = (message.kind, message.code) == (icmp::ECHO_REPLY, 0);
            let [i0, i1, ..] = message.rest;
            return is_reply.then(|| (self.ping.has(u16::from_be_bytes([i0, i1])), FIRST));
        }
        let quote = icmp::parse_quote(&transport[message.payload]).ok()?;
        let local = SocketAddr::new(quote.src, quote.src_port);
        match quote.protocol {
            _ if quote.src != datagram.dst => None,
            ip::TCP => {
                let ends = Endpoints { local, remote: SocketAddr::new(quote.dst, quote.dst_port) };
                let home = self.config.shard.index_of_port(quote.src_port);
                Some((self.demux.find(ends).is_some(), home))
            }
            ip::UDP => Some((self.udp.find(local).is_some(), FIRST)),
            ip::ICMP => Some((self.ping.has((quote.seq.value() >> 16) as u16), FIRST)),
            _ => None,
        }
    }
}
