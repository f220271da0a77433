//! The link between the two stacks: delay, and whatever misfortune a test wants.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use bytes::Bytes;
use glasstcp::time::{Duration, Instant};
use smoltcp::wire::{IpProtocol, Ipv4Packet, PrettyPrinter, TcpPacket};

use super::watch::Watch;

/// The two ends of the link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// glasstcp.
    Ours,
    /// smoltcp.
    Theirs,
}

pub use Side::{Ours, Theirs};

impl Side {
    pub const BOTH: [Side; 2] = [Ours, Theirs];

    pub fn other(self) -> Side {
        match self {
            Ours => Theirs,
            Theirs => Ours,
        }
    }
}

/// Kinds of TCP options.
const END_OF_OPTIONS: u8 = 0;
const NOP: u8 = 1;
const MSS: u8 = 2;

/// Packets on their way at once.
const MAX_FLYING: usize = 20_000;
/// Packets that a failing test prints.
const REMEMBERED: usize = 60;

/// Decides by its contents whether a packet is lost.
pub type Judge = Box<dyn FnMut(Side, &Segment) -> bool>;

/// What tests look at in a TCP segment.
#[derive(Clone, Copy, Debug, Default)]
pub struct Segment {
    pub syn: bool,
    pub fin: bool,
    pub rst: bool,
    pub window: u16,
}

pub struct Link {
    pub delay: Duration,
    /// Time that a packet takes up on the link; when it is zero, all packets of a moment arrive
    /// together.
    pub spacing: Duration,
    /// Of a hundred packets in each direction, so many are lost, ...
    pub loss: u64,
    /// ... so many are overtaken by those of the next `late_by`, ...
    pub late: u64,
    pub late_by: Duration,
    /// ... and so many arrive twice.
    pub twice: u64,
    /// Packets that this is true for are lost.
    pub judge: Judge,
    /// Takes window scaling, SACK and timestamps out of every SYN, as an old peer or an old
    /// middlebox would.
    pub strips_options: bool,
    mtu: usize,
    random: u64,
    sent: u64,
    /// When the link is free again, in each direction.
    free: [Instant; 2],
    flying: BinaryHeap<Reverse<(Instant, u64, Side, Bytes)>>,
    watch: Watch,
    remembered: VecDeque<(Instant, Side, bool, Bytes)>,
}

impl Link {
    pub fn new(mtu: usize) -> Link {
        Link {
            delay: Duration::from_millis(5),
            spacing: Duration::ZERO,
            loss: 0,
            late: 0,
            late_by: Duration::from_millis(12),
            twice: 0,
            judge: Box::new(|_, _| false),
            strips_options: false,
            mtu,
            random: 1,
            sent: 0,
            free: [Instant::ZERO; 2],
            flying: BinaryHeap::new(),
            watch: Watch::default(),
            remembered: VecDeque::new(),
        }
    }

    /// Other misfortunes for another seed, the same for the same.
    pub fn seed(&mut self, seed: u64) {
        self.random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    }

    fn happens(&mut self, percent: u64) -> bool {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 33) % 100 < percent
    }

    /// Takes a packet; checks that it fits and, when it is ours, that it is impeccable.
    pub fn send(&mut self, now: Instant, from: Side, packet: Bytes) {
        assert!(packet.len() <= self.mtu, "{from:?} sent {} bytes", packet.len());
        let packet = if self.strips_options { without_options(packet) } else { packet };
        assert!(self.flying.len() < MAX_FLYING, "a storm of packets");
        let segment = self.watch.check(from, &packet);
        let judged = segment.is_some_and(|segment| (self.judge)(from, &segment));
        let lost = self.happens(self.loss) || judged;
        if self.remembered.len() == REMEMBERED {
            self.remembered.pop_front();
        }
        self.remembered.push_back((now, from, lost, packet.clone()));
        let late = if self.happens(self.late) { self.late_by } else { Duration::ZERO };
        let copies = if self.happens(self.twice) { 2 } else { 1 };
        let free = &mut self.free[from as usize];
        *free = now.max(*free) + self.spacing;
        let arrival = *free + self.delay + late;
        for _ in 0..if lost { 0 } else { copies } {
            self.sent += 1;
            self.flying.push(Reverse((arrival, self.sent, from.other(), packet.clone())));
        }
    }

    pub fn next_arrival(&self) -> Option<Instant> {
        self.flying.peek().map(|Reverse((at, ..))| *at)
    }

    /// The next packet that has arrived, and where.
    pub fn receive(&mut self, now: Instant) -> Option<(Side, Bytes)> {
        self.next_arrival().filter(|&at| at <= now)?;
        self.flying.pop().map(|Reverse((_, _, to, packet))| (to, packet))
    }
}

/// The packet with every option but the MSS overwritten, when it is a SYN.
fn without_options(packet: Bytes) -> Bytes {
    let mut packet = packet.to_vec();
    let mut ip = Ipv4Packet::new_unchecked(&mut packet[..]);
    let (src, dst) = (ip.src_addr().into(), ip.dst_addr().into());
    if ip.next_header() == IpProtocol::Tcp {
        let mut tcp = TcpPacket::new_unchecked(ip.payload_mut());
        if tcp.syn() {
            let options = tcp.options_mut();
            let mut at = 0;
            while at < options.len() && options[at] != END_OF_OPTIONS {
                let len = if options[at] == NOP { 1 } else { usize::from(options[at + 1]) };
                if options[at] != MSS {
                    options[at..at + len].fill(NOP);
                }
                at += len;
            }
            tcp.fill_checksum(&src, &dst);
        }
    }
    packet.into()
}

impl Drop for Link {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        for (at, from, lost, packet) in &self.remembered {
            let printed = PrettyPrinter::<Ipv4Packet<&[u8]>>::new("", &packet);
            let line = printed.to_string().replace('\n', " ");
            eprintln!("{at} {from:?}{} {line}", if *lost { " LOST" } else { "" });
        }
    }
}
