//! Exact rules: which packet is meant.

use std::collections::HashMap;
use std::net::Ipv4Addr;

use etherparse::{Ipv4HeaderSlice, TcpHeaderSlice, UdpHeaderSlice};
use smallvec::SmallVec;

use super::spec::{Action, Class, Exact, Which};
use crate::wire::{SeqNum, ip};

/// Streams whose beginning is remembered, for `byte=`; later ones are not known by their bytes.
const MAX_STREAMS: usize = 1 << 16;

/// The rules in force in one direction.
#[derive(Clone, Debug, Default)]
pub(super) struct Rules {
    rules: Vec<Active>,
    streams: HashMap<Stream, SeqNum>,
}

#[derive(Clone, Debug)]
struct Active {
    rule: Exact,
    /// Packets that fitted so far.
    seen: u64,
}

/// One direction of a TCP connection: addresses and ports, source first.
type Stream = (Ipv4Addr, u16, Ipv4Addr, u16);

/// As much of a packet as rules ask for. What cannot be read is of no class but `any`.
#[derive(Clone, Copy, Debug, Default)]
struct View {
    protocol: Option<u8>,
    ports: Option<(u16, u16)>,
    tcp: Option<Tcp>,
}

#[derive(Clone, Copy, Debug)]
struct Tcp {
    stream: Stream,
    syn: bool,
    ack: bool,
    fin: bool,
    rst: bool,
    seq: SeqNum,
    len: u32,
}

impl Rules {
    pub(super) fn add(&mut self, rule: Exact) {
        self.rules.push(Active { rule, seen: 0 });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.rules.clear();
    }

    /// Nobody will ask for their bytes.
    pub(super) fn forget_streams(&mut self) {
        self.streams.clear();
    }

    /// What is to be done to the packet, by all rules that mean it, in their order. Each rule counts every
    /// packet that fits it, whatever the others do to it.
    pub(super) fn actions(&mut self, packet: &[u8]) -> SmallVec<[Action; 2]> {
        let view = View::of(packet);
        let first = view.tcp.and_then(|tcp| self.first_byte(&tcp));
        let actions = self.rules.iter_mut().filter_map(|active| {
            if !view.fits(&active.rule, first) {
                return None;
            }
            active.seen += 1;
            let meant = match &active.rule.which {
                Which::All => true,
                Which::Nth(range) => range.contains(&active.seen),
                Which::Every(number) => active.seen.is_multiple_of(*number),
            };
            meant.then_some(active.rule.action)
        });
        actions.collect()
    }

    /// The sequence number of byte 0 of the stream, as its SYN says.
    fn first_byte(&mut self, tcp: &Tcp) -> Option<SeqNum> {
        if tcp.syn && (self.streams.len() < MAX_STREAMS || self.streams.contains_key(&tcp.stream)) {
            self.streams.insert(tcp.stream, tcp.seq + 1);
        }
        self.streams.get(&tcp.stream).copied()
    }
}

impl View {
    fn of(packet: &[u8]) -> View {
        let Ok(header) = Ipv4HeaderSlice::from_slice(packet) else {
            return View::default();
        };
        let protocol = Some(header.protocol().0);
        let end = usize::from(header.total_len()).min(packet.len());
        let transport = packet.get(header.slice().len()..end).unwrap_or_default();
        if header.fragments_offset().value() > 0 {
            return View { protocol, ..View::default() };
        }
        match header.protocol().0 {
            ip::TCP => {
                let Ok(tcp) = TcpHeaderSlice::from_slice(transport) else {
                    return View { protocol, ..View::default() };
                };
                let ports = (tcp.source_port(), tcp.destination_port());
                let (src, dst) = (header.source_addr(), header.destination_addr());
                let tcp = Tcp {
                    stream: (src, ports.0, dst, ports.1),
                    syn: tcp.syn(),
                    ack: tcp.ack(),
                    fin: tcp.fin(),
                    rst: tcp.rst(),
                    seq: SeqNum::new(tcp.sequence_number()),
                    len: (transport.len() - tcp.slice().len()) as u32,
                };
                View { protocol, ports: Some(ports), tcp: Some(tcp) }
            }
            ip::UDP => {
                let udp = UdpHeaderSlice::from_slice(transport).ok();
                let ports = udp.map(|udp| (udp.source_port(), udp.destination_port()));
                View { protocol, ports, tcp: None }
            }
            _ => View { protocol, ..View::default() },
        }
    }

    fn fits(&self, rule: &Exact, first: Option<SeqNum>) -> bool {
        let tcp = |fits: fn(&Tcp) -> bool| self.tcp.as_ref().is_some_and(fits);
        let class = match rule.class {
            Class::Any => true,
            Class::Syn => tcp(|tcp| tcp.syn && !tcp.ack),
            Class::SynAck => tcp(|tcp| tcp.syn && tcp.ack),
            Class::Ack => tcp(|tcp| tcp.ack && tcp.len == 0 && !tcp.syn && !tcp.fin && !tcp.rst),
            Class::Data => tcp(|tcp| tcp.len > 0),
            Class::Fin => tcp(|tcp| tcp.fin),
            Class::Rst => tcp(|tcp| tcp.rst),
            Class::Tcp => self.protocol == Some(ip::TCP),
            Class::Udp => self.protocol == Some(ip::UDP),
            Class::Icmp => self.protocol == Some(ip::ICMP),
        };
        let port = rule
            .port
            .is_none_or(|port| self.ports.is_some_and(|(src, dst)| src == port || dst == port));
        let byte = rule.byte.is_none_or(|byte| {
            let carries = |(tcp, first): (Tcp, SeqNum)| (first + byte).within(tcp.seq, tcp.len);
            self.tcp.zip(first).is_some_and(carries)
        });
        class && port && byte
    }
}
