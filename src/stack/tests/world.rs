//! A pair of stacks joined by a link that a test controls.

mod checker;
pub(super) mod craft;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;

use crate::device::gso;
use crate::event::{Event, Observer, Refusal, State, Why};
use crate::stack::{Config, ConnKey, ListenerKey, SocketError, Stack};
use crate::tcp::{self, Info};
use crate::time::{Duration, Instant};
use crate::wire::tcp::{Flags, Segment};
use crate::wire::{Burst, Packet, RxBatch, TxBatch, icmp, ip, tcp as tcp_wire};

use checker::Checker;

pub(super) const PORT: u16 = 80;

/// One of the two stacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Side {
    Client,
    Server,
}

use Side::{Client, Server};

impl Side {
    pub(super) const BOTH: [Side; 2] = [Client, Server];

    pub(super) fn other(self) -> Side {
        match self {
            Client => Server,
            Server => Client,
        }
    }

    pub(super) fn ip(self) -> IpAddr {
        Ipv4Addr::new(10, 0, 0, 1 + self as u8).into()
    }

    pub(super) fn addr(self, port: u16) -> SocketAddr {
        SocketAddr::new(self.ip(), port)
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
    /// Arrives marked "congestion experienced", if its transport is capable of ECN.
    Mark,
}

/// Decides about a TCP packet sent by a side.
pub(super) type Judge = Box<dyn FnMut(Side, &Segment) -> Fate>;

/// What the observers of both stacks saw.
type Events = Arc<Mutex<Vec<(Instant, Side, Event)>>>;

struct Collector {
    side: Side,
    events: Events,
}

impl Observer for Collector {
    fn observe(&mut self, now: Instant, event: &Event) {
        self.events.lock().unwrap().push((now, self.side, event.clone()));
    }
}

pub(super) struct World {
    pub(super) now: Instant,
    stacks: [Stack; 2],
    /// Arrival, number (so that packets of one time keep their order), receiver, packet.
    wire: BinaryHeap<Reverse<(Instant, u64, Side, Bytes)>>,
    sent: u64,
    pub(super) delay: Duration,
    /// How long each packet occupies the wire of its direction: zero, an infinitely fast one.
    pub(super) pace: Duration,
    /// Until when the wire of each direction is occupied.
    busy: [Instant; 2],
    pub(super) judge: Judge,
    /// The MTU of the link in the middle: the router before it drops larger packets and says so.
    pub(super) middle: u16,
    /// Everything sent, in order.
    pub(super) trace: Vec<(Instant, Side, Segment)>,
    /// Every packet sent, in order, when a test wants them.
    pub(super) packets: Option<Vec<(Side, Bytes)>>,
    /// Packets that were not TCP.
    pub(super) others: Vec<(Side, Bytes)>,
    events: Events,
    /// `None` when what others forge may make an honest stack contradict itself.
    pub(super) checker: Option<Checker>,
}

/// Both ends of one connection between the two.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pair {
    pub(super) client: ConnKey,
    pub(super) server: ConnKey,
}

impl Pair {
    pub(super) fn of(&self, side: Side) -> ConnKey {
        match side {
            Client => self.client,
            Server => self.server,
        }
    }
}

/// Nothing adapts, so that tests can count: acknowledgments are only delayed, and buffers have the size
/// that they are given.
pub(super) fn config(side: Side) -> Config {
    let mut config = Config::new(side.ip(), 24, [side as u8; 32]);
    config.tcp.quick_ack = false;
    config.tcp.burst_segments = u8::MAX;
    config.tcp.fix_buffers(1 << 20);
    // Whatever else a test sets them to, they are fixed.
    config.tcp.receive_buffer_initial = u32::MAX;
    config.tcp.send_buffer_initial = u32::MAX;
    config
}

pub(super) fn cx() -> Context<'static> {
    Context::from_waker(Waker::noop())
}

pub(super) fn ready<T>(poll: Poll<T>) -> Option<T> {
    match poll {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

/// The packets of a burst, complete.
pub(super) fn cut(burst: Burst) -> Vec<Bytes> {
    let mut packets = Vec::new();
    gso::cut_whole(burst, |packet| packets.push(packet));
    packets
}

impl World {
    pub(super) fn new() -> World {
        World::of(config(Client), config(Server))
    }

    pub(super) fn with_tcp(change: impl Fn(&mut tcp::Config)) -> World {
        World::with(|_, config| change(&mut config.tcp))
    }

    pub(super) fn with(change: impl Fn(Side, &mut Config)) -> World {
        let (mut client, mut server) = (config(Client), config(Server));
        change(Client, &mut client);
        change(Server, &mut server);
        World::of(client, server)
    }

    pub(super) fn of(client: Config, server: Config) -> World {
        let mut world = World {
            now: Instant::from_millis(1000),
            stacks: [Stack::new(client), Stack::new(server)],
            wire: BinaryHeap::new(),
            sent: 0,
            delay: Duration::from_millis(5),
            pace: Duration::ZERO,
            busy: [Instant::ZERO; 2],
            judge: deliver_all(),
            middle: u16::MAX,
            trace: Vec::new(),
            packets: None,
            others: Vec::new(),
            events: Events::default(),
            checker: Some(Checker::default()),
        };
        world.turn();
        world
    }

    pub(super) fn stack(&mut self, side: Side) -> &mut Stack {
        &mut self.stacks[side as usize]
    }

    /// Lets both observers write down what they see from now on.
    pub(super) fn observe(&mut self) {
        for side in Side::BOTH {
            let events = self.events.clone();
            self.stack(side).set_observer(Some(Box::new(Collector { side, events })));
        }
    }

    pub(super) fn events(&self) -> Vec<(Instant, Side, Event)> {
        self.events.lock().unwrap().clone()
    }

    /// Why `side` sent segments, in order.
    pub(super) fn whys(&self, side: Side) -> Vec<Why> {
        let why = |(_, by, event): (Instant, Side, Event)| match event {
            Event::Sent { why, .. } if by == side => Some(why),
            _ => None,
        };
        self.events().into_iter().filter_map(why).collect()
    }

    pub(super) fn refused(&mut self, side: Side, reason: Refusal) -> u64 {
        self.stack(side).counters().refusals.of(reason)
    }

    /// Lets both stacks do what they have to do now.
    pub(super) fn turn(&mut self) {
        for side in Side::BOTH {
            let mut rx = RxBatch::new();
            let mut later = Vec::new();
            while self.wire.peek().is_some_and(|Reverse((at, ..))| *at <= self.now) {
                let Some(Reverse(entry)) = self.wire.pop() else { break };
                if entry.2 == side {
                    rx.push_back(Packet::new(entry.3));
                } else {
                    later.push(Reverse(entry));
                }
            }
            self.wire.extend(later);
            let mut tx = TxBatch::new();
            let now = self.now;
            let stack = &mut self.stacks[side as usize];
            stack.turn(now, &mut rx, &mut tx).notify();
            stack.check_invariants();
            for burst in tx {
                cut(burst).into_iter().for_each(|packet| self.send(side, packet));
            }
        }
    }

    fn send(&mut self, from: Side, mut packet: Bytes) {
        assert!(packet.len() <= self.stack(from).config().mtu.into(), "larger than the MTU");
        let datagram = ip::parse(&packet).expect("we send only good packets");
        let mut fate = Fate::Deliver;
        if datagram.protocol == ip::TCP {
            let transport = packet.slice(datagram.payload);
            let checksum = crate::wire::Checksum::Unverified;
            let mut segment = tcp_wire::parse(transport, datagram.src, datagram.dst, checksum)
                .expect("we send only good segments");
            segment.ecn = datagram.ecn;
            if let Some(checker) = &mut self.checker {
                checker.check(from, &segment);
            }
            fate = (self.judge)(from, &segment);
            self.trace.push((self.now, from, segment));
        } else {
            self.others.push((from, packet.clone()));
        }
        if let Some(packets) = &mut self.packets {
            packets.push((from, packet.clone()));
        }
        if packet.len() > self.middle.into() && craft::dont_fragment(&packet) {
            let too_large = [icmp::DESTINATION_UNREACHABLE, icmp::FRAGMENTATION_NEEDED];
            let error = craft::icmp_error(too_large, self.middle, &packet);
            self.sent += 1;
            self.wire.push(Reverse((self.now + self.delay, self.sent, from, error)));
            return;
        }
        let sent = self.now.max(self.busy[from as usize]) + self.pace;
        self.busy[from as usize] = sent;
        let mut at = sent + self.delay;
        let copies = match fate {
            Fate::Drop => 0,
            Fate::Twice => 2,
            Fate::Deliver => 1,
            Fate::Mark => {
                packet = craft::marked(&packet);
                1
            }
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

    /// Puts a packet before the stack of `to`, as if it had just arrived.
    pub(super) fn inject(&mut self, to: Side, packet: Bytes) {
        self.sent += 1;
        self.wire.push(Reverse((self.now, self.sent, to, packet)));
    }

    /// When something happens next.
    pub(super) fn next_event(&self) -> Option<Instant> {
        let arrival = self.wire.peek().map(|Reverse((at, ..))| *at);
        self.stacks.iter().filter_map(Stack::next_deadline).chain(arrival).min()
    }

    /// Jumps to the next event; false when nothing will ever happen again.
    pub(super) fn step(&mut self) -> bool {
        self.turn();
        let Some(next) = self.next_event() else {
            return false;
        };
        self.now = self.now.max(next);
        self.turn();
        true
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
        while let Some(next) = self.next_event().filter(|next| *next <= end) {
            self.now = self.now.max(next);
            self.turn();
        }
        self.now = end;
        self.turn();
    }

    pub(super) fn listen(&mut self) -> ListenerKey {
        self.stack(Server).listen(Server.addr(PORT), 16).unwrap()
    }

    pub(super) fn connect(&mut self) -> ConnKey {
        self.stack(Client).connect(None, Server.addr(PORT), None).unwrap()
    }

    /// Opens from this port of the client, with its own address as `Ok`.
    pub(super) fn connect_from(&mut self, port: u16) -> ConnKey {
        let local = Some(Client.addr(port));
        self.stack(Client).connect(local, Server.addr(PORT), None).unwrap()
    }

    pub(super) fn accept(&mut self, listener: ListenerKey) -> Option<ConnKey> {
        ready(self.stack(Server).poll_accept(listener, &mut cx())).map(|got| got.unwrap().0)
    }

    /// A connection, open on both sides.
    pub(super) fn open(&mut self) -> Pair {
        let listener = self.listen();
        let client = self.connect();
        self.accepted(listener, client)
    }

    /// The same while there is a listener already.
    pub(super) fn open_another(&mut self) -> Pair {
        let listener = self.stack(Server).listeners.keys().next().expect("there is a listener");
        let client = self.connect();
        self.accepted(listener, client)
    }

    /// Waits until `client` is connected and accepted.
    pub(super) fn accepted(&mut self, listener: ListenerKey, client: ConnKey) -> Pair {
        let mut server = None;
        self.run(Duration::from_secs(300), |world| {
            server = server.or_else(|| world.accept(listener));
            server.is_some() && world.connected(Client, client) == Some(Ok(()))
        });
        Pair { client, server: server.unwrap() }
    }

    pub(super) fn connected(
        &mut self,
        side: Side,
        key: ConnKey,
    ) -> Option<Result<(), SocketError>> {
        ready(self.stack(side).poll_connected(key, &mut cx()))
    }

    pub(super) fn write(
        &mut self,
        side: Side,
        key: ConnKey,
        data: &[u8],
    ) -> Option<Result<usize, SocketError>> {
        ready(self.stack(side).poll_send(key, data, &mut cx()))
    }

    /// Writes all of `data`, for which there must be room.
    pub(super) fn write_all(&mut self, side: Side, key: ConnKey, data: &[u8]) {
        assert_eq!(self.write(side, key, data), Some(Ok(data.len())));
    }

    pub(super) fn read(&mut self, side: Side, key: ConnKey) -> Option<Result<Bytes, SocketError>> {
        self.read_at_most(side, key, usize::MAX)
    }

    pub(super) fn read_at_most(
        &mut self,
        side: Side,
        key: ConnKey,
        max: usize,
    ) -> Option<Result<Bytes, SocketError>> {
        ready(self.stack(side).poll_receive(key, max, &mut cx()))
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

    /// Reads `data`, which must be there, and nothing else.
    pub(super) fn expect(&mut self, side: Side, key: ConnKey, data: &[u8]) {
        let mut got = Vec::new();
        self.drain(side, key, &mut got);
        assert!(got == data, "{side:?} got {} bytes and not those expected", got.len());
    }

    /// Reads once, which must give `data`.
    pub(super) fn expect_piece(&mut self, side: Side, key: ConnKey, data: &[u8]) {
        assert_eq!(self.read(side, key), Some(Ok(Bytes::copy_from_slice(data))));
    }

    pub(super) fn shutdown(&mut self, side: Side, key: ConnKey) {
        self.stack(side).shutdown_write(key).unwrap();
    }

    pub(super) fn close(&mut self, side: Side, key: ConnKey) {
        self.stack(side).close(key);
    }

    pub(super) fn abort(&mut self, side: Side, key: ConnKey) {
        self.stack(side).abort(key);
    }

    /// Closes both ends at once.
    pub(super) fn close_both(&mut self, pair: &Pair) {
        self.close(Client, pair.client);
        self.close(Server, pair.server);
    }

    pub(super) fn info(&mut self, side: Side, key: ConnKey) -> Info {
        self.stack(side).info(key).expect("there is such a connection")
    }

    pub(super) fn state(&mut self, side: Side, key: ConnKey) -> State {
        self.info(side, key).state
    }

    /// The states of both ends.
    pub(super) fn states(&mut self, pair: &Pair) -> (State, State) {
        (self.state(Client, pair.client), self.state(Server, pair.server))
    }

    /// What was sent since the first `from` segments, as `C SYN,ACK 17`; without text, no number.
    pub(super) fn shape(&self, from: usize) -> Vec<String> {
        let line = |(_, side, segment): &(Instant, Side, Segment)| {
            let name = if *side == Client { 'C' } else { 'S' };
            match segment.payload.len() {
                0 => format!("{name} {}", segment.flags),
                len => format!("{name} {} {len}", segment.flags),
            }
        };
        self.trace[from..].iter().map(line).collect()
    }

    /// The segments that `side` has sent, with when.
    pub(super) fn sent_by(&self, side: Side) -> impl Iterator<Item = (Instant, &Segment)> {
        self.trace.iter().filter(move |(_, by, _)| *by == side).map(|(at, _, seg)| (*at, seg))
    }

    /// Those of them that carry text.
    pub(super) fn texts_by(&self, side: Side) -> impl Iterator<Item = (Instant, &Segment)> {
        self.sent_by(side).filter(|(_, segment)| !segment.payload.is_empty())
    }

    /// Sends `len` bytes from `from` and a FIN, and reads them on the other side; what is read is
    /// at every step a prefix of what was written.
    pub(super) fn transfer(&mut self, pair: &Pair, from: Side, len: usize, limit: Duration) {
        let (sender, receiver) = (pair.of(from), pair.of(from.other()));
        let data = pattern(len);
        let (mut written, mut received, mut closed) = (0, Vec::new(), false);
        self.run(limit, |world| {
            while written < len
                && let Some(taken) = world.write(from, sender, &data[written..])
            {
                written += taken.unwrap();
            }
            if written == len && !std::mem::replace(&mut closed, true) {
                world.shutdown(from, sender);
            }
            let before = received.len();
            let end = world.drain(from.other(), receiver, &mut received);
            assert!(data[before..].starts_with(&received[before..]), "what arrives was sent");
            end
        });
        assert_eq!(received.len(), len);
    }

    /// Sends `lens` bytes of the client and of the server at the same time, each followed by a FIN.
    pub(super) fn duplex(&mut self, pair: &Pair, lens: [usize; 2], limit: Duration) {
        let data = lens.map(pattern);
        let (mut written, mut got) = ([0; 2], [Vec::new(), Vec::new()]);
        let (mut closed, mut ended) = ([false; 2], [false; 2]);
        self.run(limit, |world| {
            for side in Side::BOTH {
                let (own, peer) = (side as usize, side.other() as usize);
                while written[own] < lens[own]
                    && let Some(taken) =
                        world.write(side, pair.of(side), &data[own][written[own]..])
                {
                    written[own] += taken.unwrap();
                }
                if written[own] == lens[own] && !std::mem::replace(&mut closed[own], true) {
                    world.shutdown(side, pair.of(side));
                }
                let before = got[own].len();
                ended[own] = world.drain(side, pair.of(side), &mut got[own]);
                assert!(data[peer][before..].starts_with(&got[own][before..]));
            }
            ended == [true; 2]
        });
        assert_eq!([got[1].len(), got[0].len()], lens);
    }

    /// Sends and reads `len` bytes without closing.
    pub(super) fn stream(&mut self, pair: &Pair, from: Side, len: usize) {
        let (sender, receiver) = (pair.of(from), pair.of(from.other()));
        let data = pattern(len);
        let (mut written, mut received) = (0, Vec::new());
        self.run(Duration::from_secs(1000), |world| {
            while written < len
                && let Some(taken) = world.write(from, sender, &data[written..])
            {
                written += taken.unwrap();
            }
            assert!(!world.drain(from.other(), receiver, &mut received), "nobody has closed");
            received.len() >= len
        });
        assert!(received == data, "what arrives is what was sent");
    }

    /// After both ends were let go: every connection comes to its end, nothing but TIME-WAIT is
    /// left then, and after its time nothing at all.
    pub(super) fn assert_quiet_end(&mut self) {
        let over = |stack: &Stack| stack.connections.is_empty() && stack.half_open.is_empty();
        self.run(Duration::from_secs(4000), |world| world.stacks.iter().all(over));
        while !self.wire.is_empty() {
            self.step();
        }
        for stack in &self.stacks {
            assert!(over(stack));
            assert_eq!(stack.offered.len(), 0, "nobody holds settings any more");
            assert_eq!(stack.demux.len(), stack.time_wait.len(), "only TIME-WAIT is left");
            assert_eq!(stack.next_deadline().is_some(), !stack.time_wait.is_empty());
        }
        let before = self.trace.len();
        self.pass(Duration::from_millis(60_100));
        assert_eq!(self.shape(before), [""; 0], "silence");
        for stack in &self.stacks {
            assert_eq!((stack.time_wait.len(), stack.demux.len()), (0, 0));
            assert_eq!(stack.next_deadline(), None);
            assert!(!stack.has_output());
        }
        assert!(self.wire.is_empty());
    }
}

/// Bytes in which neighbours and blocks can be told apart.
pub(super) fn pattern(len: usize) -> Vec<u8> {
    (0..len as u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

/// A generator for tests: the same numbers for the same seed.
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Random {
        Random(seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }

    /// A number from 0 up to but not including `end`.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    pub(super) fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    pub(super) fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len() as u64) as usize]
    }
}

pub(super) fn deliver_all() -> Judge {
    Box::new(|_, _| Fate::Deliver)
}

pub(super) fn drop_all() -> Judge {
    Box::new(|_, _| Fate::Drop)
}

/// A judge that drops each packet with this probability, the same for the same seed.
pub(super) fn random_loss(seed: u64, percent: u64) -> Judge {
    let mut random = Random::new(seed);
    Box::new(move |_, _| if random.chance(percent) { Fate::Drop } else { Fate::Deliver })
}

/// A judge with a fate for those segments, counted from 0 among those for which `which` holds,
/// whose number is in `numbers`.
pub(super) fn fate_of(
    fate: Fate,
    numbers: impl Into<Vec<usize>>,
    which: impl Fn(Side, &Segment) -> bool + 'static,
) -> Judge {
    let numbers = numbers.into();
    let mut count = 0;
    Box::new(move |side, segment| {
        if !which(side, segment) {
            return Fate::Deliver;
        }
        count += 1;
        if numbers.contains(&(count - 1)) { fate } else { Fate::Deliver }
    })
}

/// A judge that drops some of the segments for which `which` holds, as [`fate_of`] counts them.
pub(super) fn drop_numbers(
    numbers: impl Into<Vec<usize>>,
    which: impl Fn(Side, &Segment) -> bool + 'static,
) -> Judge {
    fate_of(Fate::Drop, numbers, which)
}

/// Whether exactly these control bits are set, PSH aside.
pub(super) fn is(segment: &Segment, flags: Flags) -> bool {
    segment.flags.without(Flags::PSH) == flags
}
