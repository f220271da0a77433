//! Two stacks, calls at both ends of several connections, misfortune on the link, and time that
//! passes or jumps. In [`forged`] somebody sends segments of his own into it.

use arbitrary::{Arbitrary, Unstructured};
use bytes::Bytes;
use glasstcp::stack::{Config, ConnKey, ListenerKey, SocketError};
use glasstcp::tcp::Keepalive;
use glasstcp::tcp::congestion::Algorithm;
use glasstcp::time::Duration;
use glasstcp::wire::tcp::{Flags, Segment};
use glasstcp::wire::tcp_options::{Options, SackBlock, Timestamps};
use glasstcp::wire::{Packet, SeqNum};

use super::craft;
use super::watch::{self, FlowId};
use super::world::{Client, Fate, MAX_CONNECTIONS, Pick, Server, Side, World, now};

/// Where the server listens.
const PORT: u16 = 80;
/// The first port of the client.
const PORTS: u16 = 4000;
/// Steps in one run.
const MAX_STEPS: usize = 256;
/// Losses that no connection may die of: a SYN is sent seven times.
const HARMLESS_LOSSES: usize = 6;
/// What an end may write: so many times what fits into one segment or one window, so that no run
/// takes long.
const MAX_FLIGHTS: u64 = 64;
/// Turns that the end of a run may take.
const MAX_TURNS: usize = 20_000;

const BUFFERS: [u32; 8] = [1, 7, 100, 1500, 5000, 20_000, 65_535, 100_000];
const MTUS: [u16; 8] = [68, 100, 296, 576, 1280, 1500, 9000, 65_535];
/// The usual one comes first: small numbers mean it.
const ALGORITHMS: [Algorithm; 3] = [Algorithm::NewReno, Algorithm::Reno, Algorithm::Tahoe];

/// Settings of one stack.
#[derive(Debug, Arbitrary)]
struct Setup {
    receive_buffer: u8,
    send_buffer: u8,
    mtu: u8,
    nodelay: bool,
}

impl Setup {
    fn config(&self, side: Side) -> Config {
        let mut config = side.config();
        config.tcp.receive_buffer = BUFFERS[usize::from(self.receive_buffer) % BUFFERS.len()];
        config.tcp.send_buffer = BUFFERS[usize::from(self.send_buffer) % BUFFERS.len()];
        config.tcp.nodelay = self.nodelay;
        config.mtu = MTUS[usize::from(self.mtu) % MTUS.len()];
        // What is left of that byte: another one would move all that follows in the seeds.
        let left = usize::from(self.mtu) / MTUS.len();
        config.tcp.congestion = ALGORITHMS[left % ALGORITHMS.len()];
        config
    }
}

#[derive(Debug, Arbitrary)]
enum Setting {
    Nodelay(bool),
    Keepalive(Option<u8>),
    Linger(Option<u8>),
    UserTimeout(Option<u8>),
}

/// A sequence number near the edge of something that its receiver looks at.
#[derive(Debug, Arbitrary)]
enum Seq {
    /// What it expects next.
    Next(i8),
    /// The right edge of the window it has offered.
    Edge(i8),
    /// What the other has sent.
    Sent(i8),
    /// So many before or after what it expects next.
    Far(i32),
}

/// An acknowledgment near an edge.
#[derive(Debug, Arbitrary)]
enum Ack {
    /// What the other has acknowledged last.
    Una(i8),
    /// What the receiver has sent.
    Sent(i8),
    /// So many before or after that.
    Far(i32),
}

/// A segment that no stack has sent.
#[derive(Debug, Arbitrary)]
struct Forged {
    to: Pick,
    seq: Seq,
    ack: Ack,
    flags: u8,
    window: u16,
    len: u16,
    /// Timestamps this much off what is expected.
    stamps: Option<(i8, i8)>,
    /// A SACK block from so many after the acknowledgment to so many more.
    sack: Option<(i16, i16)>,
    /// Options of a SYN.
    mss: Option<u16>,
    window_scale: Option<u8>,
}

#[derive(Debug, Arbitrary)]
enum Step {
    Connect,
    /// Both ends call each other at once.
    Cross,
    Accept,
    Write(Pick, u16),
    WriteChunk(Pick, u16),
    Read(Pick, u16),
    Drain(Pick),
    Shutdown(Pick),
    Close(Pick),
    Abort(Pick),
    Set(Pick, Setting),
    Fate(bool, Fate),
    /// The next packets of one side are lost.
    Outage(bool, u8),
    Event,
    Pass(u16),
    /// The clock goes on, and nobody has looked.
    Jump(u16),
    Forge(Forged),
}

/// How far an end has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    Open,
    Ended,
    Failed(SocketError),
}

#[derive(Debug)]
struct End {
    key: ConnKey,
    written: u64,
    read: u64,
    reading: Reading,
}

/// One connection.
#[derive(Debug)]
struct Connection {
    ports: [u16; 2],
    ends: [Option<End>; 2],
    /// Something was done that may cost data: an abort, a close, a time-out.
    excused: bool,
}

impl Connection {
    /// The stream that `from` sends.
    fn flow(&self, from: Side) -> FlowId {
        (from, self.ports[from as usize], self.ports[from.other() as usize])
    }
}

struct Run {
    world: World,
    listener: ListenerKey,
    connections: Vec<Connection>,
    /// What an end may write.
    quota: u64,
    /// Somebody forges.
    forger: bool,
    /// How often the clock has jumped: each time a retransmission may be spent on nothing.
    jumps: usize,
    /// Somebody has forged a SYN: the numbers of streams may have moved.
    moved: bool,
}

/// Nobody forges anything: everything written arrives.
pub fn honest(data: &[u8]) {
    run(data, false);
}

/// Somebody forges segments: nothing but invariants, memory and an end can be asked for, and that
/// the bytes are right, for the forger knows them too.
pub fn forged(data: &[u8]) {
    run(data, true);
}

fn run(data: &[u8], forger: bool) {
    let mut input = Unstructured::new(data);
    let Ok([client, server]) = <[Setup; 2]>::arbitrary(&mut input) else { return };
    let mut run = Run::new([client.config(Client), server.config(Server)], forger);
    let trace = std::env::var_os("FUZZ_TRACE").is_some();
    for _ in 0..MAX_STEPS {
        if input.is_empty() {
            break;
        }
        let Ok(step) = Step::arbitrary(&mut input) else { break };
        if trace {
            eprintln!("{:?} {step:?}", run.world.now);
        }
        run.step(step);
    }
    run.finish();
}

impl Run {
    fn new(configs: [Config; 2], forger: bool) -> Run {
        let of = |config: &Config| config.tcp.receive_buffer.min(u32::from(config.mtu) - 60).into();
        let flight = configs.iter().map(of).min().unwrap_or(1);
        let quota = MAX_FLIGHTS * u64::min(flight, 1500);
        let mut world = World::new(configs);
        world.watch.lenient = forger;
        let listener = world.stack(Server).listen(Server.addr(PORT), 16).expect("a free port");
        let mut run =
            Run { world, listener, connections: Vec::new(), quota, forger, jumps: 0, moved: false };
        run.connect(false);
        run
    }

    fn connect(&mut self, cross: bool) {
        if self.connections.len() == MAX_CONNECTIONS {
            return;
        }
        let own = PORTS + self.connections.len() as u16;
        let peer = if cross { own + 1000 } else { PORT };
        let ports = [own, peer];
        let mut open = |from: Side| {
            let local = from.addr(ports[from as usize]);
            let remote = from.other().addr(ports[from.other() as usize]);
            let key = self.world.stack(from).connect(Some(local), remote, None);
            End { key: key.expect("free ports"), written: 0, read: 0, reading: Reading::Open }
        };
        let ends = [Some(open(Client)), cross.then(|| open(Server))];
        self.connections.push(Connection { ports, ends, excused: false });
        self.world.opened += 1;
        self.world.turn();
    }

    fn accept(&mut self) {
        let listener = self.listener;
        while let Some(accepted) = now(|cx| self.world.stack(Server).poll_accept(listener, cx)) {
            let (key, from) = accepted.expect("it listens");
            let known = |connection: &&mut Connection| {
                connection.ports == [from.port(), PORT]
                    && connection.ends[1].is_none()
                    && from.ip() == Client.addr(0).ip()
            };
            match self.connections.iter_mut().find(known) {
                Some(connection) => {
                    let end = End { key, written: 0, read: 0, reading: Reading::Open };
                    connection.ends[1] = Some(end);
                }
                None => {
                    assert!(self.moved, "a connection that nobody opened: {from}");
                    self.world.stack(Server).close(key);
                }
            }
        }
    }

    /// The end, with its stack and the streams that go out of it and into it.
    fn end(&mut self, pick: Pick) -> Option<(&mut World, &mut End, [FlowId; 2], &mut bool)> {
        let connection = self.connections.get_mut(pick.nth())?;
        let side = pick.side();
        let flows = [connection.flow(side), connection.flow(side.other())];
        let end = connection.ends[side as usize].as_mut()?;
        Some((&mut self.world, end, flows, &mut connection.excused))
    }

    fn write(&mut self, pick: Pick, len: u16, chunk: bool) {
        let quota = self.quota;
        let Some((world, end, [flow, _], _)) = self.end(pick) else { return };
        let len = quota.saturating_sub(end.written).min(len.into()) as u16;
        let text = watch::text(flow, end.written, len.into());
        let stack = world.stack(pick.side());
        let written = if chunk {
            let mut text = Bytes::from(text);
            let before = text.len();
            let written = now(|cx| stack.poll_send_chunk(end.key, &mut text, cx));
            if let Some(Ok(written)) = written {
                assert_eq!(written + text.len(), before);
            }
            written
        } else {
            now(|cx| stack.poll_send(end.key, &text, cx))
        };
        if let Some(Ok(written)) = written {
            assert!(written <= len.into() && (written > 0 || len == 0));
            end.written += written as u64;
        }
        world.turn();
    }

    /// Reads once; whether there was something.
    fn read(&mut self, pick: Pick, max: usize) -> bool {
        let moved = self.moved;
        let Some((world, end, [_, flow], _)) = self.end(pick) else { return false };
        let stack = world.stack(pick.side());
        let mut peeked = [0; 16];
        let len = now(|cx| stack.poll_peek(end.key, &mut peeked, cx));
        let got = now(|cx| stack.poll_receive(end.key, max, cx));
        match &got {
            Some(Ok(chunk)) => {
                assert!(chunk.len() <= max.max(1));
                let Some(Ok(len)) = len else { panic!("a peek gave {len:?}, a read gave data") };
                let common = len.min(chunk.len());
                assert_eq!(chunk[..common], peeked[..common], "a peek is not what is read");
                assert!(moved || *chunk == watch::text(flow, end.read, chunk.len()), "other bytes");
                end.read += chunk.len() as u64;
                if chunk.is_empty() {
                    assert!(!matches!(end.reading, Reading::Failed(_)), "an end after an error");
                    end.reading = Reading::Ended;
                } else {
                    assert_eq!(end.reading, Reading::Open, "data after the end");
                }
            }
            Some(Err(error)) => {
                assert_ne!(end.reading, Reading::Ended, "an error after the end");
                end.reading = Reading::Failed(*error);
            }
            None => assert_eq!(end.reading, Reading::Open, "nothing after the end"),
        }
        matches!(got, Some(Ok(chunk)) if !chunk.is_empty())
    }

    fn drain(&mut self, pick: Pick) {
        while self.read(pick, usize::MAX) {}
        self.world.turn();
    }

    fn set(&mut self, pick: Pick, setting: Setting) {
        let Some((world, end, _, excused)) = self.end(pick) else { return };
        let (stack, key) = (world.stack(pick.side()), end.key);
        let seconds = |value: Option<u8>| value.map(|value| Duration::from_secs(value.into()));
        // It is refused when the connection is gone.
        let _ = match setting {
            Setting::Nodelay(nodelay) => stack.set_nodelay(key, nodelay),
            Setting::Keepalive(idle) => {
                *excused = true;
                let keepalive = idle.map(|idle| Keepalive {
                    idle: Duration::from_secs(u64::from(idle).max(1)),
                    interval: Duration::from_secs(10),
                    count: 3,
                });
                stack.set_keepalive(key, keepalive)
            }
            Setting::Linger(time) => {
                *excused = true;
                stack.set_linger(key, seconds(time))
            }
            Setting::UserTimeout(time) => {
                *excused = true;
                stack.set_user_timeout(key, seconds(time))
            }
        };
        world.turn();
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Connect => self.connect(false),
            Step::Cross => self.connect(true),
            Step::Accept => self.accept(),
            Step::Write(pick, len) => self.write(pick, len, false),
            Step::WriteChunk(pick, len) => self.write(pick, len, true),
            Step::Read(pick, max) => {
                self.read(pick, max.into());
                self.world.turn();
            }
            Step::Drain(pick) => self.drain(pick),
            Step::Shutdown(pick) => self.shutdown(pick),
            Step::Close(pick) => self.close(pick),
            Step::Abort(pick) => {
                let Some((world, end, _, excused)) = self.end(pick) else { return };
                *excused = true;
                world.stack(pick.side()).abort(end.key);
                world.turn();
            }
            Step::Set(pick, setting) => self.set(pick, setting),
            Step::Fate(side, fate) => self.world.fates[usize::from(side)].push_back(fate),
            Step::Outage(side, count) => {
                let fates = &mut self.world.fates[usize::from(side)];
                fates.extend((0..count % 32).map(|_| Fate::Drop));
            }
            Step::Event => {
                self.world.step();
            }
            Step::Pass(millis) => self.world.pass(Duration::from_millis(millis.into())),
            Step::Jump(seconds) => {
                self.jumps += 1;
                self.world.now += Duration::from_secs(seconds.into());
                self.world.turn();
            }
            Step::Forge(forged) if self.forger => self.forge(&forged),
            Step::Forge(_) => {}
        }
    }

    fn shutdown(&mut self, pick: Pick) {
        let Some((world, end, _, excused)) = self.end(pick) else { return };
        let stack = world.stack(pick.side());
        // In SYN-SENT it ends the connection.
        *excused |= now(|cx| stack.poll_connected(end.key, cx)).is_none();
        let _ = stack.shutdown_write(end.key); // refused when the connection is gone
        world.turn();
    }

    fn close(&mut self, pick: Pick) {
        let Some((world, end, _, excused)) = self.end(pick) else { return };
        *excused = true;
        world.stack(pick.side()).close(end.key);
        self.connections[pick.nth()].ends[pick.side() as usize] = None;
        self.world.turn();
    }

    fn forge(&mut self, forged: &Forged) {
        let Some(connection) = self.connections.get(forged.to.nth()) else { return };
        let (to, from) = (forged.to.side(), forged.to.side().other());
        let (stream, back) = (connection.flow(from), connection.flow(to));
        let (theirs, ours) = (self.world.watch.flow(stream), self.world.watch.flow(back));
        let near = |base: SeqNum, by: i32| SeqNum::new(base.value().wrapping_add_signed(by));
        let seq = match forged.seq {
            Seq::Next(by) => near(ours.ack, by.into()),
            Seq::Edge(by) => near(ours.edge, by.into()),
            Seq::Sent(by) => near(theirs.end, by.into()),
            Seq::Far(by) => near(ours.ack, by),
        };
        let ack = match forged.ack {
            Ack::Una(by) => near(theirs.ack, by.into()),
            Ack::Sent(by) => near(ours.end, by.into()),
            Ack::Far(by) => near(ours.end, by),
        };
        let flags = Flags::from_bits(forged.flags);
        self.moved |= flags.contains(Flags::SYN);
        let mut options =
            Options { mss: forged.mss, window_scale: forged.window_scale, ..Options::default() };
        if let (Some((by, echo)), Some(stamps)) = (forged.stamps, ours.timestamps) {
            options.timestamps = Some(Timestamps {
                tsval: stamps.tsecr.wrapping_add_signed(by.into()),
                tsecr: stamps.tsval.wrapping_add_signed(echo.into()),
            });
        }
        if let Some((left, len)) = forged.sack {
            let left = near(ack, left.into());
            options.sack.push(SackBlock { left, right: near(left, len.into()) });
        }
        let offset = seq - (theirs.iss + 1);
        let room = 65_535 - 40 - options.len();
        let text = watch::text(stream, offset.into(), usize::from(forged.len).min(room));
        let segment = Segment {
            src_port: stream.1,
            dst_port: stream.2,
            seq,
            ack,
            flags,
            window: forged.window,
            urgent: 0,
            options,
            ecn: 0,
            payload: text.into(),
        };
        let packet = craft::segment(from.v4(stream.1), to.v4(stream.2), &segment);
        self.world.receive(to, [Packet::new(packet)].into());
        self.world.turn();
    }

    /// The link is good from now on: everything still comes to its end.
    fn finish(mut self) {
        self.world.fates = Default::default();
        self.world.turns = 0;
        let every = || (0..2 * MAX_CONNECTIONS as u8).map(Pick);
        let end = self.world.now + Duration::from_secs(5000);
        loop {
            self.accept();
            for pick in every() {
                self.drain(pick);
                let connected = self.end(pick).is_some_and(|(world, end, ..)| {
                    now(|cx| world.stack(pick.side()).poll_connected(end.key, cx)).is_some()
                });
                if connected {
                    self.shutdown(pick);
                }
            }
            let ends =
                self.connections.iter().flat_map(|connection| connection.ends.iter().flatten());
            if ends.into_iter().all(|end| end.reading != Reading::Open) || !self.world.step() {
                break;
            }
            assert!(self.world.now < end && self.world.turns < MAX_TURNS, "it goes on for ever");
        }
        if !self.forger {
            self.check_delivery();
        }
        every().for_each(|pick| self.close(pick));
        self.accept();
        let listener = self.listener;
        self.world.stack(Server).close_listener(listener);
        self.world.turn();
        while self.world.step() {
            assert!(self.world.now < end + Duration::from_secs(5000), "it never ends");
            assert!(self.world.turns < 2 * MAX_TURNS, "too much happens");
        }
        for side in Side::BOTH {
            assert_eq!(self.world.stack(side).connection_count(), 0);
        }
    }

    /// Without a reason to fail nothing has failed, and where a stream has ended all of it has
    /// arrived.
    fn check_delivery(&self) {
        for connection in &self.connections {
            for side in Side::BOTH {
                let Some(end) = &connection.ends[side as usize] else { continue };
                let peer = connection.ends[side.other() as usize].as_ref();
                match end.reading {
                    Reading::Ended => {
                        let written = peer.map(|peer| peer.written);
                        assert!(
                            written.is_none_or(|written| end.read == written),
                            "{side:?} has read {} of {written:?} bytes to the end",
                            end.read
                        );
                    }
                    reading => {
                        let spoiled = self.world.spoiled + self.jumps > HARMLESS_LOSSES;
                        assert!(connection.excused || spoiled, "{side:?}: {reading:?}");
                    }
                }
            }
        }
    }
}
