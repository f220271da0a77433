//! A pair of stacks joined by a link that a test controls.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;

use crate::device::gso;
use crate::event::State;
use crate::stack::{Config, ConnKey, ListenerKey, SocketError, Stack};
use crate::tcp::{self, Info};
use crate::time::{Duration, Instant};
use crate::wire::tcp::Segment;
use crate::wire::{Packet, RxBatch, TxBatch, ip, tcp as tcp_wire};

pub(super) const PORT: u16 = 80;

/// One of the two stacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Side {
    Client,
    Server,
}

use Side::{Client, Server};

impl Side {
    pub(super) fn other(self) -> Side {
        match self {
            Client => Server,
            Server => Client,
        }
    }

    pub(super) fn ip(self) -> IpAddr {
        Ipv4Addr::new(10, 0, 0, 1 + self as u8).into()
    }
}

/// What becomes of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Deliver,
    Drop,
    /// Arrives this much later than it would.
    Late(Duration),
    /// Arrives twice.
    Twice,
}

/// Decides about a packet sent by a side; `None` when it is not TCP.
pub(super) type Judge = Box<dyn FnMut(Side, &Segment) -> Fate>;

pub(super) struct World {
    pub(super) now: Instant,
    stacks: [Stack; 2],
    /// Arrival, number (so that packets of one time keep their order), receiver, packet.
    wire: BinaryHeap<Reverse<(Instant, u64, Side, Bytes)>>,
    sent: u64,
    pub(super) delay: Duration,
    pub(super) judge: Judge,
    /// Everything sent, in order.
    pub(super) trace: Vec<(Instant, Side, Segment)>,
}

/// Waits of one connection between the two.
pub(super) struct Pair {
    pub(super) client: ConnKey,
    pub(super) server: ConnKey,
}

pub(super) fn config(side: Side) -> Config {
    Config::new(side.ip(), 24, [side as u8; 32])
}

fn cx() -> Context<'static> {
    Context::from_waker(Waker::noop())
}

fn ready<T>(poll: Poll<T>) -> Option<T> {
    match poll {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

impl World {
    pub(super) fn new() -> World {
        World::of(config(Client), config(Server))
    }

    pub(super) fn with_tcp(change: impl Fn(&mut tcp::Config)) -> World {
        let (mut client, mut server) = (config(Client), config(Server));
        change(&mut client.tcp);
        change(&mut server.tcp);
        World::of(client, server)
    }

    pub(super) fn of(client: Config, server: Config) -> World {
        World {
            now: Instant::from_millis(1000),
            stacks: [Stack::new(client), Stack::new(server)],
            wire: BinaryHeap::new(),
            sent: 0,
            delay: Duration::from_millis(5),
            judge: Box::new(|_, _| Fate::Deliver),
            trace: Vec::new(),
        }
    }

    pub(super) fn stack(&mut self, side: Side) -> &mut Stack {
        &mut self.stacks[side as usize]
    }

    /// Lets both stacks do what they have to do now.
    pub(super) fn turn(&mut self) {
        for side in [Client, Server] {
            let mut rx = RxBatch::new();
            let due = |Reverse((at, _, to, _)): &Reverse<(Instant, u64, Side, Bytes)>| {
                *at <= self.now && *to == side
            };
            let mut later = Vec::new();
            while let Some(entry) = self.wire.pop() {
                if entry.0.0 > self.now {
                    later.push(entry);
                    break;
                }
                if due(&entry) {
                    rx.push_back(Packet::new(entry.0.3));
                } else {
                    later.push(entry);
                }
            }
            self.wire.extend(later);
            let mut tx = TxBatch::new();
            let now = self.now;
            let stack = &mut self.stacks[side as usize];
            stack.turn(now, &mut rx, &mut tx).notify();
            stack.check_invariants();
            for mut burst in tx {
                let mut packets = Vec::new();
                gso::cut(&mut burst, |parts| {
                    let bytes: Vec<u8> = parts.iter().flat_map(|part| part.to_vec()).collect();
                    packets.push(Bytes::from(bytes));
                    Ok::<(), ()>(())
                })
                .unwrap();
                packets.into_iter().for_each(|packet| self.send(side, packet));
            }
        }
    }

    fn send(&mut self, from: Side, packet: Bytes) {
        let datagram = ip::parse(&packet).expect("we send only good packets");
        let mut fate = Fate::Deliver;
        if datagram.protocol == ip::TCP {
            let transport = packet.slice(datagram.payload);
            let checksum = crate::wire::Checksum::Unverified;
            let segment = tcp_wire::parse(&transport, datagram.src, datagram.dst, checksum)
                .expect("we send only good segments");
            fate = (self.judge)(from, &segment);
            self.trace.push((self.now, from, segment));
        }
        let mut at = self.now + self.delay;
        let copies = match fate {
            Fate::Drop => 0,
            Fate::Twice => 2,
            Fate::Deliver => 1,
            Fate::Late(by) => {
                at += by;
                1
            }
        };
        for _ in 0..copies {
            self.sent += 1;
            self.wire.push(Reverse((at, self.sent, from.other(), packet.clone())));
        }
    }

    /// Puts a packet on the wire as if `from` had sent it.
    pub(super) fn inject(&mut self, from: Side, packet: Bytes) {
        self.sent += 1;
        self.wire.push(Reverse((self.now, self.sent, from.other(), packet)));
    }

    /// Jumps to the next event; false when nothing will ever happen again.
    pub(super) fn step(&mut self) -> bool {
        self.turn();
        let arrival = self.wire.peek().map(|Reverse((at, ..))| *at);
        let timers = self.stacks.iter().filter_map(Stack::next_deadline);
        match timers.chain(arrival).min() {
            Some(next) => {
                self.now = self.now.max(next);
                self.turn();
                true
            }
            None => false,
        }
    }

    /// Steps until `done`; panics when nothing happens any more, or after `limit`.
    pub(super) fn run(&mut self, limit: Duration, mut done: impl FnMut(&mut World) -> bool) {
        let end = self.now + limit;
        self.turn();
        while !done(self) {
            assert!(self.step(), "nothing will ever happen again");
            assert!(self.now < end, "not done after {limit:?}");
        }
    }

    /// Lets `time` pass.
    pub(super) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        self.turn();
        loop {
            let arrival = self.wire.peek().map(|Reverse((at, ..))| *at);
            let timers = self.stacks.iter().filter_map(Stack::next_deadline);
            match timers.chain(arrival).min().filter(|next| *next <= end) {
                Some(next) => {
                    self.now = self.now.max(next);
                    self.turn();
                }
                None => break,
            }
        }
        self.now = end;
        self.turn();
    }

    pub(super) fn listen(&mut self) -> ListenerKey {
        let local = SocketAddr::new(Server.ip(), PORT);
        self.stack(Server).listen(local, 16).unwrap()
    }

    pub(super) fn connect(&mut self) -> ConnKey {
        let remote = SocketAddr::new(Server.ip(), PORT);
        self.stack(Client).connect(None, remote, None).unwrap()
    }

    pub(super) fn accept(&mut self, listener: ListenerKey) -> Option<ConnKey> {
        ready(self.stack(Server).poll_accept(listener, &mut cx())).map(|got| got.unwrap().0)
    }

    /// A connection, open on both sides.
    pub(super) fn open(&mut self) -> Pair {
        let listener = self.listen();
        let client = self.connect();
        let mut server = None;
        self.run(Duration::from_secs(300), |world| {
            server = server.or_else(|| world.accept(listener));
            server.is_some() && world.connected(client) == Some(Ok(()))
        });
        Pair { client, server: server.unwrap() }
    }

    pub(super) fn connected(&mut self, key: ConnKey) -> Option<Result<(), SocketError>> {
        ready(self.stack(Client).poll_connected(key, &mut cx()))
    }

    pub(super) fn write(
        &mut self,
        side: Side,
        key: ConnKey,
        data: &[u8],
    ) -> Option<Result<usize, SocketError>> {
        ready(self.stack(side).poll_send(key, data, &mut cx()))
    }

    pub(super) fn read(&mut self, side: Side, key: ConnKey) -> Option<Result<Bytes, SocketError>> {
        ready(self.stack(side).poll_receive(key, usize::MAX, &mut cx()))
    }

    /// Reads all there is now; true at the end of the stream.
    pub(super) fn drain(&mut self, side: Side, key: ConnKey, out: &mut Vec<u8>) -> bool {
        loop {
            match self.read(side, key) {
                Some(Ok(chunk)) if chunk.is_empty() => return true,
                Some(Ok(chunk)) => out.extend_from_slice(&chunk),
                Some(Err(error)) => panic!("{side:?} cannot read: {error}"),
                None => return false,
            }
        }
    }

    pub(super) fn info(&mut self, side: Side, key: ConnKey) -> Info {
        self.stack(side).info(key).expect("there is such a connection")
    }

    pub(super) fn state(&mut self, side: Side, key: ConnKey) -> State {
        self.info(side, key).state
    }

    /// Sends `len` bytes from `from` and a FIN, and reads them on the other side; what is read is
    /// at every step a prefix of what was written.
    pub(super) fn transfer(&mut self, pair: &Pair, from: Side, len: usize, limit: Duration) {
        let (sender, receiver) = match from {
            Client => (pair.client, pair.server),
            Server => (pair.server, pair.client),
        };
        let data = pattern(len);
        let (mut written, mut received, mut closed) = (0, Vec::new(), false);
        self.run(limit, |world| {
            while written < len
                && let Some(taken) = world.write(from, sender, &data[written..])
            {
                written += taken.unwrap();
            }
            if written == len && !std::mem::replace(&mut closed, true) {
                world.stack(from).shutdown_write(sender).unwrap();
            }
            let end = world.drain(from.other(), receiver, &mut received);
            assert!(data.starts_with(&received), "what arrives is what was sent");
            end
        });
        assert_eq!(received.len(), len);
    }
}

/// Bytes in which neighbours and blocks can be told apart.
pub(super) fn pattern(len: usize) -> Vec<u8> {
    (0..len as u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

/// A judge that drops each packet with this probability, the same for the same seed.
pub(super) fn random_loss(seed: u64, percent: u32) -> Judge {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    Box::new(move |_, _| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        if (state >> 33) % 100 < u64::from(percent) { Fate::Drop } else { Fate::Deliver }
    })
}
