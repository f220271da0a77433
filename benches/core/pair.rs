//! Two stacks with nothing between them, whose exchange is recorded, and what one of them does when it is repeated to it
//! alone: the same seed gives the same numbers.

use std::net::{Ipv4Addr, SocketAddr};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use glasstcp::device::gso;
use glasstcp::stack::{Address, Config, ConnKey, ListenerKey, Stack};
use glasstcp::time::{Duration, Instant};
use glasstcp::wire::{Packet, RxBatch, TxBatch};

const CLIENT: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
/// The side that listens.
pub const SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
const PORT: u16 = 80;
/// Further addresses of the client, and connections from each.
const HOSTS: usize = 20;
const EACH: usize = 50_000;
/// Connections that are opened in one step.
const AT_ONCE: usize = 2000;
/// Text of a full-sized segment, with timestamps.
const SEGMENT: usize = 1448;
/// Text of a burst.
const BURST: usize = 44 * SEGMENT;
/// Steps until windows and buffers are large enough for what is done in one.
const WARM: usize = 200;
/// Time between two steps.
const STEP: Duration = Duration::from_micros(50);

/// One of the two.
#[derive(Clone, Copy, PartialEq)]
pub enum Ends {
    Client,
    Server,
}

/// What the client does in each step, once everybody is connected.
#[derive(Clone, Copy, PartialEq)]
enum Work {
    /// It sends two segments.
    Upload,
    /// It sends a burst.
    Bursts,
    /// It opens a connection, asks, and closes it when the answer is there.
    Visits,
}

/// What arrived at one moment on either side.
#[derive(Clone, Default)]
struct Step {
    client: Vec<Bytes>,
    server: Vec<Bytes>,
}

/// An exchange.
pub struct Recording {
    work: Work,
    connections: usize,
    /// Steps before the work began, and those in which it became what it is then on.
    idle: usize,
    warm: usize,
    /// Pieces of work that are done in a step.
    done: usize,
    steps: Vec<Step>,
}

/// A side to which an exchange is being repeated.
pub struct Prepared<'a> {
    recording: &'a Recording,
    side: Side,
    next: usize,
}

/// A stack and those who use it.
struct Side {
    stack: Stack,
    now: Instant,
    listener: Option<ListenerKey>,
    connections: Vec<ConnKey>,
    tx: TxBatch,
}

/// One of the client's further addresses.
fn host(nth: usize) -> Ipv4Addr {
    Ipv4Addr::new(10, 0, 1, 1 + nth as u8)
}

fn cx() -> Context<'static> {
    Context::from_waker(Waker::noop())
}

impl Side {
    fn new(ends: Ends) -> Side {
        let (own, seed) = match ends {
            Ends::Client => (CLIENT, [1; 32]),
            Ends::Server => (SERVER, [2; 32]),
        };
        let mut config = Config::new(own.into(), 24, seed);
        if ends == Ends::Client {
            // One address has not ports enough for a million.
            let others = (0..HOSTS).map(|nth| Address { ip: host(nth).into(), prefix_len: 16 });
            config.addresses.extend(others);
        }
        let mut stack = Stack::new(config);
        let listener = (ends == Ends::Server).then(|| {
            let any = SocketAddr::new(SERVER.into(), PORT);
            stack.listen(any, 1 << 16).expect("the port is free")
        });
        let (now, connections) = (Instant::from_millis(1000), Vec::new());
        Side { stack, now, listener, connections, tx: TxBatch::new() }
    }

    fn connect(&mut self) {
        self.connect_from(None);
    }

    /// Opens more, until there are so many: not all at the same time, or answers would be dropped as in a flood.
    fn connect_some(&mut self, count: usize) {
        let opened = self.connections.len();
        for nth in opened..count.min(opened + AT_ONCE) {
            let port = 10_000 + (nth % EACH) as u16;
            self.connect_from(Some(SocketAddr::new(host(nth / EACH).into(), port)));
        }
    }

    fn connect_from(&mut self, local: Option<SocketAddr>) {
        let to = SocketAddr::new(SERVER.into(), PORT);
        let key = self.stack.connect(local, to, None).expect("there are ports enough");
        self.connections.push(key);
    }

    /// The first half of a turn.
    fn receive(&mut self, packets: &[Bytes]) {
        self.now += STEP;
        let mut rx: RxBatch = packets.iter().cloned().map(Packet::new).collect();
        drop(self.stack.receive(self.now, &mut rx));
        let Some(listener) = self.listener else { return };
        while let Poll::Ready(Ok((key, _))) = self.stack.poll_accept(listener, &mut cx()) {
            self.connections.push(key);
        }
    }

    /// Reads whatever is there; how much that was, and whether the stream has ended.
    fn read(&mut self, key: ConnKey) -> (usize, bool) {
        let mut read = 0;
        loop {
            match self.stack.poll_receive(key, usize::MAX, &mut cx()) {
                Poll::Ready(Ok(text)) if text.is_empty() => return (read, true),
                Poll::Ready(Ok(text)) => read += text.len(),
                Poll::Ready(Err(_)) | Poll::Pending => return (read, false),
            }
        }
    }

    /// The second half of a turn: the bursts are counted, and left in `tx`.
    fn transmit(&mut self) -> usize {
        self.tx.clear();
        while self.stack.transmit(self.now, &mut self.tx) {}
        self.tx.len()
    }

    fn packets(&mut self) -> Vec<Bytes> {
        let mut packets = Vec::new();
        for burst in self.tx.drain(..) {
            gso::cut_whole(burst, |packet| packets.push(packet));
        }
        packets
    }

    /// What the server does with what has come: it reads, and answers a request of a visit.
    fn serve(&mut self, work: Work) {
        match work {
            Work::Upload | Work::Bursts => {
                if let Some(&key) = self.connections.first() {
                    self.read(key);
                }
            }
            Work::Visits => {
                let mut nth = 0;
                while let Some(&key) = self.connections.get(nth) {
                    let (read, ended) = self.read(key);
                    if read > 0 {
                        let answered = self.stack.poll_send(key, &[7; 64], &mut cx());
                        assert_eq!(answered, Poll::Ready(Ok(64)));
                    }
                    if ended {
                        self.stack.close(key);
                        self.connections.swap_remove(nth);
                    } else {
                        nth += 1;
                    }
                }
            }
        }
    }

    /// What the client does in a step.
    fn ask(&mut self, work: Work) {
        match work {
            Work::Upload => self.write(2 * SEGMENT),
            Work::Bursts => self.write(BURST),
            Work::Visits => {
                let mut nth = 0;
                while let Some(&key) = self.connections.get(nth) {
                    if self.read(key).0 > 0 {
                        self.stack.close(key);
                        self.connections.swap_remove(nth);
                    } else {
                        nth += 1;
                    }
                }
                self.connect();
                let key = self.connections[self.connections.len() - 1];
                // It goes when the connection is open.
                let _ = self.stack.poll_connected(key, &mut cx());
                for &key in &self.connections {
                    let info = self.stack.info(key);
                    let fresh = info.is_some_and(|info| {
                        info.state == glasstcp::event::State::Established && info.bytes_sent == 0
                    });
                    if fresh {
                        let asked = self.stack.poll_send(key, &[7; 64], &mut cx());
                        assert_eq!(asked, Poll::Ready(Ok(64)));
                    }
                }
            }
        }
    }

    fn write(&mut self, len: usize) {
        let key = self.connections[0];
        let mut text = Bytes::from_static(&[7; BURST]).slice(..len);
        // At first there may be no room for all of it.
        let _ = self.stack.poll_send_chunk(key, &mut text, &mut cx());
    }
}

impl Recording {
    /// `ops` segments from the client to the server, beside so many connections in all.
    pub fn of_upload(ops: usize, connections: usize) -> Recording {
        Recording::of(Work::Upload, connections, ops / 2, 2)
    }

    /// So many bursts from the client to the server.
    pub fn of_download(ops: usize) -> Recording {
        Recording::of(Work::Bursts, 1, ops, 1)
    }

    /// So many connections that are opened, used and closed.
    pub fn of_visits(ops: usize) -> Recording {
        Recording::of(Work::Visits, 0, ops, 1)
    }

    fn of(work: Work, connections: usize, steps: usize, done: usize) -> Recording {
        let mut recording =
            Recording { work, connections, idle: 0, warm: WARM, done, steps: Vec::new() };
        let (mut client, mut server) = (Side::new(Ends::Client), Side::new(Ends::Server));
        while server.connections.len() < connections || recording.steps.len() < 4 {
            recording.step(&mut client, &mut server, |client| client.connect_some(connections));
        }
        recording.idle = recording.steps.len();
        for _ in 0..WARM + steps {
            recording.step(&mut client, &mut server, |client| client.ask(work));
        }
        recording
    }

    /// Both take what was sent to them in the step before.
    fn step(&mut self, client: &mut Side, server: &mut Side, ask: impl FnOnce(&mut Side)) {
        let step = Step { client: server.packets(), server: client.packets() };
        client.receive(&step.client);
        ask(client);
        client.transmit();
        server.receive(&step.server);
        server.serve(self.work);
        server.transmit();
        self.steps.push(step);
    }

    /// The longest packet that the server was sent.
    pub fn longest_packet(&self) -> Bytes {
        let packets = self.steps.iter().flat_map(|step| &step.server);
        packets.max_by_key(|packet| packet.len()).expect("there are packets").clone()
    }

    /// One of the two, as it was when the work began.
    pub fn prepare(&self, ends: Ends) -> Prepared<'_> {
        let mut prepared = Prepared { recording: self, side: Side::new(ends), next: 0 };
        for nth in 0..self.idle + self.warm {
            match ends {
                Ends::Server => prepared.receive_step(),
                Ends::Client => prepared.send_step(nth >= self.idle),
            }
        }
        prepared
    }

    /// Repeats the server's part of so many pieces of work.
    pub fn receive(&self, ops: usize) {
        self.prepare(Ends::Server).receive(ops);
    }

    /// Repeats the client's.
    pub fn send(&self, ops: usize) {
        self.prepare(Ends::Client).send(ops);
    }
}

impl Prepared<'_> {
    /// See [`Recording::receive`].
    pub fn receive(&mut self, ops: usize) {
        (0..ops / self.recording.done).for_each(|_| self.receive_step());
    }

    /// See [`Recording::send`].
    pub fn send(&mut self, ops: usize) {
        (0..ops / self.recording.done).for_each(|_| self.send_step(true));
    }

    fn receive_step(&mut self) {
        let step = &self.recording.steps[self.next];
        self.next += 1;
        self.side.receive(&step.server);
        self.side.serve(self.recording.work);
        self.side.transmit();
    }

    fn send_step(&mut self, works: bool) {
        let step = &self.recording.steps[self.next];
        self.next += 1;
        self.side.receive(&step.client);
        match works {
            true => self.side.ask(self.recording.work),
            false => self.side.connect_some(self.recording.connections),
        }
        self.side.transmit();
    }
}
