//! Two stacks in virtual time, joined by a link that drops, delays, doubles and spoils.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use glasstcp::stack::{Config, Stack};
use glasstcp::time::{Duration, Instant};
use glasstcp::wire::{Checksum, Packet, RxBatch, TxBatch, ip, tcp};

use super::craft;
use super::memory;
use super::watch::Watch;

/// One of the two stacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    Client,
    Server,
}

pub use Side::{Client, Server};

impl Side {
    pub const BOTH: [Side; 2] = [Client, Server];

    pub fn other(self) -> Side {
        match self {
            Client => Server,
            Server => Client,
        }
    }

    /// Its address with a port.
    pub fn v4(self, port: u16) -> SocketAddrV4 {
        SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, 1 + self as u8), port)
    }

    pub fn addr(self, port: u16) -> SocketAddr {
        self.v4(port).into()
    }

    /// Settings with its address and a seed of its own.
    pub fn config(self) -> Config {
        Config::new(IpAddr::V4(*self.v4(0).ip()), 24, [self as u8; 32])
    }
}

/// Connections at once.
pub const MAX_CONNECTIONS: usize = 4;

/// One end of one of the connections there are.
#[derive(Clone, Copy, Debug, arbitrary::Arbitrary)]
pub struct Pick(pub u8);

impl Pick {
    pub fn side(self) -> Side {
        if self.0 & 1 == 0 { Client } else { Server }
    }

    pub fn nth(self) -> usize {
        usize::from(self.0 >> 1) % MAX_CONNECTIONS
    }
}

/// What becomes of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, arbitrary::Arbitrary)]
pub enum Fate {
    Deliver,
    Drop,
    Twice,
    /// So many milliseconds later.
    Late(u8),
    /// One bit is flipped, which every checksum sees.
    Flip(u16),
}

/// A packet on its way.
struct Flying {
    at: Instant,
    to: Side,
    bytes: Bytes,
}

/// What the harness and the tables of two small stacks may hold beside what connections do.
const TABLES: usize = 96 << 10;
/// What a connection may hold beside its buffers: a control block, tails and chunks.
const CONNECTION: usize = 8 << 10;

pub struct World {
    pub now: Instant,
    stacks: [Stack; 2],
    /// Sorted by arrival; packets of one time keep their order.
    flying: VecDeque<Flying>,
    pub delay: Duration,
    /// What becomes of the next packets of each side; afterwards all are delivered.
    pub fates: [VecDeque<Fate>; 2],
    pub watch: Watch,
    /// Nothing that is sent arrives any more.
    pub deaf: bool,
    /// Packets that did not arrive as they were sent.
    pub spoiled: usize,
    /// Turns so far.
    pub turns: usize,
    /// What one connection of each side may hold in buffers.
    buffers: [usize; 2],
    /// Connections that were ever opened.
    pub opened: usize,
    held_before: isize,
}

/// Ready or not; the waker is nobody's.
pub fn now<T>(call: impl FnOnce(&mut Context<'_>) -> Poll<T>) -> Option<T> {
    match call(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

impl World {
    pub fn new(configs: [Config; 2]) -> World {
        let held_before = memory::held();
        let buffers = configs.each_ref().map(|config| {
            // Out of order as much again as twice the window (see `tcp::reassembly`).
            config.tcp.send_buffer as usize + 3 * config.tcp.receive_buffer as usize
        });
        let mut world = World {
            now: Instant::from_millis(1000),
            stacks: configs.map(Stack::new),
            flying: VecDeque::new(),
            delay: Duration::from_millis(5),
            fates: Default::default(),
            watch: Watch::default(),
            deaf: false,
            spoiled: 0,
            turns: 0,
            buffers,
            opened: 0,
            held_before,
        };
        world.turn();
        world
    }

    pub fn stack(&mut self, side: Side) -> &mut Stack {
        &mut self.stacks[side as usize]
    }

    /// Lets both stacks do what they have to do now, and checks everything.
    pub fn turn(&mut self) {
        self.turns += 1;
        for side in Side::BOTH {
            let mut rx = RxBatch::new();
            let mut later = VecDeque::new();
            for flying in self.flying.drain(..) {
                if flying.to == side && flying.at <= self.now {
                    rx.push_back(Packet::new(flying.bytes));
                } else {
                    later.push_back(flying);
                }
            }
            self.flying = later;
            self.receive(side, rx);
        }
        self.check_memory();
    }

    /// Puts packets before a stack and sends what it answers.
    pub fn receive(&mut self, side: Side, mut rx: RxBatch) {
        let mut tx = TxBatch::new();
        let now = self.now;
        let stack = self.stack(side);
        stack.turn(now, &mut rx, &mut tx).notify();
        stack.check_invariants();
        assert!(!stack.has_output(), "a turn leaves nothing to do now");
        for packet in tx.into_iter().flat_map(craft::cut) {
            self.send(side, packet);
        }
    }

    /// What a stack sends is good, and meets its fate.
    fn send(&mut self, from: Side, packet: Bytes) {
        assert!(packet.len() <= self.stack(from).config().mtu.into(), "larger than the MTU");
        let datagram = ip::parse(&packet).expect("we send good packets");
        assert_eq!(datagram.payload.end, packet.len());
        if datagram.protocol == ip::TCP {
            let transport = packet.slice(datagram.payload);
            let segment = tcp::parse(transport, datagram.src, datagram.dst, Checksum::Unverified)
                .expect("we send good segments");
            self.watch.check(from, &segment);
        }
        let fate = self.fates[from as usize].pop_front().unwrap_or(Fate::Deliver);
        let at = self.now + self.delay;
        self.spoiled += usize::from(matches!(fate, Fate::Drop | Fate::Flip(_)));
        match fate {
            Fate::Deliver => self.fly(at, from.other(), packet),
            Fate::Drop => {}
            Fate::Twice => {
                self.fly(at, from.other(), packet.clone());
                self.fly(at, from.other(), packet);
            }
            Fate::Late(by) => self.fly(at + Duration::from_millis(by.into()), from.other(), packet),
            Fate::Flip(bit) => {
                let mut bytes = packet.to_vec();
                let bit = usize::from(bit) % (bytes.len() * 8);
                bytes[bit / 8] ^= 1 << (bit % 8);
                self.fly(at, from.other(), bytes.into());
            }
        }
    }

    /// Puts a packet on its way.
    pub fn fly(&mut self, at: Instant, to: Side, bytes: Bytes) {
        if self.deaf {
            return;
        }
        let place = self.flying.partition_point(|other| other.at <= at);
        self.flying.insert(place, Flying { at, to, bytes });
    }

    /// The stacks and the packets on their way hold no more than they may.
    fn check_memory(&self) {
        let connections: usize = self.buffers.iter().map(|one| one + CONNECTION).sum();
        let flying: usize = self.flying.iter().map(|flying| flying.bytes.len() + 256).sum();
        let allowed = TABLES + self.opened * connections + 2 * flying;
        let held = memory::held() - self.held_before;
        assert!(held <= allowed as isize, "{held} bytes are held, {allowed} may be");
    }

    /// When something happens next.
    pub fn next_event(&self) -> Option<Instant> {
        let arrival = self.flying.front().map(|flying| flying.at);
        self.stacks.iter().filter_map(Stack::next_deadline).chain(arrival).min()
    }

    /// Jumps to the next event; false when nothing will ever happen again.
    pub fn step(&mut self) -> bool {
        let Some(next) = self.next_event() else { return false };
        self.now = self.now.max(next);
        self.turn();
        true
    }

    /// Lets time pass, from event to event.
    pub fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(next) = self.next_event().filter(|next| *next <= end) {
            self.now = self.now.max(next);
            self.turn();
        }
        self.now = end;
        self.turn();
    }
}
