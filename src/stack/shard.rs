//! Several stacks that share their addresses, each with a queue of the device and a thread of its own.
//!
//! ```text
//!   queue 0 -> stack 0 -- nobody here --> stack 1 -- nobody here --> ... the last one answers
//!   queue 1 -> stack 1 -- nobody here --> ...                        --> stack 0
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

/// Which of several stacks one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// Its number, from 0.
    pub index: u16,
    /// How many there are, at least one.
    pub count: u16,
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
    /// How many have seen it.
    seen: u16,
}

impl Config {
    /// The same for each of `count` stacks that share the addresses, at least one. What all of them may hold together is
    /// divided, but for what one socket may.
    pub fn divided(self, count: u16) -> impl Iterator<Item = Config> {
        let count = count.max(1);
        let share = |whole: usize| whole.div_ceil(count.into());
        let limits = Limits {
            connections: share(self.limits.connections),
            time_wait: share(self.limits.time_wait),
            syn_queue: share(self.limits.syn_queue),
            tcp_memory: share(self.limits.tcp_memory),
            ..self.limits
        };
        let config = Config { limits, ..self };
        (0..count).map(move |index| Config { shard: Shard { index, count }, ..config.clone() })
    }
}

impl Stack {
    /// Takes over what another stack that shares the addresses had nobody for: part of the first half of a turn, before
    /// [`Stack::receive`].
    pub fn receive_strays(&mut self, now: Instant, strays: Vec<Stray>) {
        self.env.now = self.env.now.max(now);
        for Stray { packet, seen } in strays {
            self.env.counters.packets_taken_over += 1;
            self.receive_packet(packet, seen);
        }
    }

    /// What this stack had nobody for since it was asked, for the next one of those that share its addresses.
    pub fn take_strays(&mut self) -> Vec<Stray> {
        std::mem::take(&mut self.strays)
    }

    /// Drops what another stack had nobody for, because there is too much of it.
    pub fn refuse_strays(&mut self, strays: Vec<Stray>) {
        for _ in strays {
            self.env.counters.packets_taken_over += 1;
            self.env.context().refuse_packet(Refusal::ShardQueueFull, None);
        }
    }

    /// Passes a packet on that somebody else may be there for; whether it did. Before this one so many others have seen
    /// it.
    pub(super) fn pass_on(&mut self, datagram: &Datagram, packet: &Packet, seen: u16) -> bool {
        let seen = seen + 1;
        if seen >= self.config.shard.count || self.has_somebody_for(datagram, packet) {
            return false;
        }
        self.env.counters.packets_passed_on += 1;
        self.strays.push(Stray { packet: packet.clone(), seen });
        true
    }

    /// Whether a packet is for somebody here, or for whoever has it first.
    fn has_somebody_for(&mut self, datagram: &Datagram, packet: &Packet) -> bool {
        let transport = &packet.bytes[datagram.payload.clone()];
        let found = match datagram.protocol {
            ip::TCP => self.has_connection_for(datagram, packet),
            ip::UDP => ports(transport)
                .map(|(_, port)| self.udp.find(SocketAddr::new(datagram.dst, port)).is_some()),
            ip::ICMP => self.has_sender_of(datagram, transport),
            _ => None,
        };
        // What is wrong with others is said at once.
        found.unwrap_or(true)
    }

    /// Whether a segment belongs to a connection, or opens one; `None` if it is not to be understood.
    fn has_connection_for(&mut self, datagram: &Datagram, packet: &Packet) -> Option<bool> {
        let (remote, local) = ports(&packet.bytes[datagram.payload.clone()])?;
        let ends = Endpoints {
            local: SocketAddr::new(datagram.dst, local),
            remote: SocketAddr::new(datagram.src, remote),
        };
        if self.demux.find_for_segment(ends).is_some() {
            return Some(true);
        }
        let Some(listener) = self.demux.find_listener(ends.local) else {
            return Some(false);
        };
        let transport = part(packet.bytes.clone(), datagram.payload.clone());
        let segment = tcp::parse(transport, datagram.src, datagram.dst, packet.checksum).ok()?;
        let opens = check_listen(&segment).is_ok();
        Some(opens || self.brings_cookie(listener, ends, &segment))
    }

    /// Whether an ICMP message is about what somebody here has sent; `None` if it is about nothing that was sent.
    fn has_sender_of(&mut self, datagram: &Datagram, transport: &[u8]) -> Option<bool> {
        let message = icmp::parse(transport).ok()?;
        if message.report().is_none() {
            let is_reply = (message.kind, message.code) == (icmp::ECHO_REPLY, 0);
            let [i0, i1, ..] = message.rest;
            return is_reply.then(|| self.ping.has(u16::from_be_bytes([i0, i1])));
        }
        let quote = icmp::parse_quote(&transport[message.payload]).ok()?;
        let local = SocketAddr::new(quote.src, quote.src_port);
        match quote.protocol {
            _ if quote.src != datagram.dst => None,
            ip::TCP => {
                let remote = SocketAddr::new(quote.dst, quote.dst_port);
                Some(self.demux.find(Endpoints { local, remote }).is_some())
            }
            ip::UDP => Some(self.udp.find(local).is_some()),
            ip::ICMP => Some(self.ping.has((quote.seq.value() >> 16) as u16)),
            _ => None,
        }
    }
}
