//! Both stacks, the link and the clock, and what tests do with them.

use std::net::SocketAddr;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use glasstcp::device::gso;
use glasstcp::event::State;
use glasstcp::stack::{self, ConnKey, ListenerKey, SocketError, Stack};
use glasstcp::time::{Duration, Instant};
use glasstcp::wire::{Burst, Packet, RxBatch, TxBatch};
use smoltcp::iface::SocketHandle;
use smoltcp::socket::tcp;
use smoltcp::wire::Ipv4Address;

use super::link::{Link, Ours, Side, Theirs};
use super::peer::{Peer, THEIR_IP};

pub const OUR_IP: Ipv4Address = Ipv4Address::new(10, 0, 0, 1);
/// Where the server listens.
pub const PORT: u16 = 80;
/// From where a client connects that chooses.
pub const CLIENT_PORT: u16 = 50_000;

/// Steps of one world.
const MAX_STEPS: u64 = 5_000_000;
/// Bursts that we may send in one turn.
const MAX_BURSTS: usize = 10_000;
/// Polls that smoltcp may want at one time; beyond them it waits for something else.
const MAX_SPINS: u32 = 20;

/// How a world is made.
#[derive(Clone)]
pub struct Setup {
    pub mtu: u16,
    /// Settings of our connections.
    pub ours: glasstcp::tcp::Config,
    /// Their receive and send buffers.
    pub their_rx: usize,
    pub their_tx: usize,
    pub their_timestamps: bool,
}

impl Default for Setup {
    fn default() -> Self {
        Setup {
            mtu: 1500,
            ours: glasstcp::tcp::Config::default(),
            their_rx: 65_535,
            their_tx: 65_535,
            their_timestamps: false,
        }
    }
}

pub struct World {
    pub now: Instant,
    pub ours: Stack,
    pub theirs: Peer,
    pub link: Link,
    setup: Setup,
    steps: u64,
    spins: u32,
}

/// One connection as both sides know it.
#[derive(Clone, Copy)]
pub struct Conn {
    pub ours: ConnKey,
    pub theirs: SocketHandle,
}

/// How the receiving half of a socket stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Half {
    Open,
    /// The other side closed, everything was read.
    Ended,
    /// Ours with this error, or theirs without a reason.
    Failed(Option<SocketError>),
}

pub fn cx() -> Context<'static> {
    Context::from_waker(Waker::noop())
}

pub fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub fn our_address(port: u16) -> SocketAddr {
    SocketAddr::new(OUR_IP.into(), port)
}

pub fn their_address(port: u16) -> SocketAddr {
    SocketAddr::new(THEIR_IP.into(), port)
}

/// Bytes in which neighbours, blocks and the two directions can be told apart.
pub fn pattern(len: usize, from: Side) -> Vec<u8> {
    let salt = from as u32 * 0x55;
    (0..len as u32).map(|at| ((at + salt).wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

pub fn our_stack(setup: &Setup, seed: u8) -> Stack {
    let mut config = stack::Config::new(OUR_IP.into(), 24, [seed; 32]);
    config.mtu = setup.mtu;
    config.tcp = setup.ours.clone();
    Stack::new(config)
}

impl World {
    pub fn new(setup: Setup) -> World {
        let now = Instant::from_millis(1000);
        World {
            now,
            ours: our_stack(&setup, 3),
            theirs: Peer::new(setup.mtu.into(), now),
            link: Link::new(setup.mtu.into()),
            setup,
            steps: 0,
            spins: 0,
        }
    }

    /// Lets both sides do what they have to do now.
    pub fn turn(&mut self) {
        self.steps += 1;
        assert!(self.steps < MAX_STEPS, "too many steps");
        let mut rx = RxBatch::new();
        while let Some((to, packet)) = self.link.receive(self.now) {
            match to {
                Ours => rx.push_back(Packet::new(packet)),
                Theirs => self.theirs.device.arrived.push_back(packet),
            }
        }
        let mut tx = TxBatch::new();
        // Stack::turn, with an eye on how much it sends.
        self.ours.receive(self.now, &mut rx).notify();
        while self.ours.transmit(self.now, &mut tx) {
            assert!(tx.len() < MAX_BURSTS, "a turn without end: {:?}", tx.iter().rev().take(3));
        }
        self.ours.check_invariants();
        let due = self.ours.next_deadline().filter(|&at| at <= self.now);
        assert_eq!(due, None, "a timer is due after the turn that should have run it");
        tx.into_iter().for_each(|burst| self.send_burst(burst));
        self.theirs.poll(self.now);
        for packet in std::mem::take(&mut self.theirs.device.to_send) {
            self.link.send(self.now, Theirs, packet);
        }
    }

    /// Cuts what we send and puts it on the link.
    fn send_burst(&mut self, mut burst: Burst) {
        gso::cut(&mut burst, |parts| {
            let packet: Vec<u8> = parts.iter().flat_map(|part| part.to_vec()).collect();
            self.link.send(self.now, Ours, packet.into());
            Ok::<(), ()>(())
        })
        .expect("the link takes everything");
    }

    /// Jumps to the next event, at most to `end`; false when nothing will ever happen again.
    fn advance(&mut self, end: Instant) -> bool {
        let mut theirs = self.theirs.poll_at(self.now);
        let want_now = self.ours.has_output() || theirs.is_some_and(|at| at <= self.now);
        self.spins += 1;
        if want_now && self.spins < MAX_SPINS {
            return true;
        }
        self.spins = 0;
        // smoltcp can want to be polled at once for ever (for a FIN that waits for a window, say).
        theirs = theirs.map(|at| at.max(self.now + Duration::from_millis(1)));
        let events = [theirs, self.ours.next_deadline(), self.link.next_arrival()];
        let Some(next) = events.into_iter().flatten().min() else {
            return false;
        };
        // Their clock counts microseconds: what is due within one is due at its end.
        let next = Instant::from_nanos(next.as_nanos().next_multiple_of(1000));
        self.now = next.min(end).max(self.now);
        true
    }

    /// Steps until `done`; panics when nothing happens any more, or after `limit`.
    pub fn run(&mut self, limit: Duration, mut done: impl FnMut(&mut World) -> bool) {
        let end = self.now + limit;
        loop {
            self.turn();
            if done(self) {
                return;
            }
            assert!(self.now < end, "not done after {limit:?}");
            assert!(self.advance(end), "nothing will ever happen again");
        }
    }

    /// Lets `time` pass.
    pub fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            self.turn();
            if self.now >= end {
                return;
            }
            if !self.advance(end) {
                self.now = end;
            }
        }
    }

    pub fn our_listener(&mut self) -> ListenerKey {
        self.ours.listen(our_address(PORT), 16).unwrap()
    }

    pub fn accept(&mut self, listener: ListenerKey) -> Option<ConnKey> {
        match self.ours.poll_accept(listener, &mut cx()) {
            Poll::Ready(accepted) => Some(accepted.unwrap().0),
            Poll::Pending => None,
        }
    }

    /// How our own open stands; `None` while it is not decided.
    pub fn connected(&mut self, key: ConnKey) -> Option<Result<(), SocketError>> {
        match self.ours.poll_connected(key, &mut cx()) {
            Poll::Ready(result) => Some(result),
            Poll::Pending => None,
        }
    }

    pub fn their_socket(&mut self) -> SocketHandle {
        let Setup { their_rx, their_tx, their_timestamps, .. } = self.setup;
        self.theirs.tcp_socket(their_rx, their_tx, their_timestamps)
    }

    pub fn their_listener(&mut self) -> SocketHandle {
        let handle = self.their_socket();
        self.theirs.tcp(handle).listen(PORT).unwrap();
        handle
    }

    pub fn their_connect(&mut self, handle: SocketHandle, from: u16, to: u16) {
        let socket = self.theirs.sockets.get_mut::<tcp::Socket>(handle);
        socket.connect(self.theirs.interface.context(), (OUR_IP, to), from).unwrap();
    }

    /// A connection opened by `client`, open on both sides.
    pub fn open(&mut self, client: Side) -> Conn {
        let conn = match client {
            Ours => {
                let theirs = self.their_listener();
                let ours = self.ours.connect(None, their_address(PORT), None).unwrap();
                Conn { ours, theirs }
            }
            Theirs => {
                let listener = self.our_listener();
                let theirs = self.their_socket();
                self.their_connect(theirs, CLIENT_PORT, PORT);
                let mut ours = None;
                self.run(seconds(600), |world| {
                    ours = world.accept(listener);
                    ours.is_some()
                });
                self.ours.close_listener(listener);
                Conn { ours: ours.unwrap(), theirs }
            }
        };
        self.run(seconds(600), |world| {
            world.connected(conn.ours) == Some(Ok(()))
                && world.their_state(conn) == tcp::State::Established
        });
        conn
    }

    pub fn our_state(&self, conn: Conn) -> State {
        self.ours.info(conn.ours).expect("there is such a connection").state
    }

    pub fn their_state(&mut self, conn: Conn) -> tcp::State {
        self.theirs.tcp(conn.theirs).state()
    }

    /// Writes what there is room for; how much that was.
    pub fn write(&mut self, from: Side, conn: Conn, data: &[u8]) -> usize {
        match from {
            Ours => match self.ours.poll_send(conn.ours, data, &mut cx()) {
                Poll::Ready(taken) => taken.unwrap(),
                Poll::Pending => 0,
            },
            Theirs => self.theirs.tcp(conn.theirs).send_slice(data).unwrap(),
        }
    }

    /// Reads at most `max` bytes.
    pub fn read(&mut self, at: Side, conn: Conn, max: usize) -> Result<Bytes, Half> {
        match at {
            Ours => match self.ours.poll_receive(conn.ours, max, &mut cx()) {
                Poll::Ready(Ok(chunk)) if chunk.is_empty() => Err(Half::Ended),
                Poll::Ready(Ok(chunk)) => Ok(chunk),
                Poll::Ready(Err(error)) => Err(Half::Failed(Some(error))),
                Poll::Pending => Err(Half::Open),
            },
            Theirs => {
                let mut chunk = vec![0; max.min(65_536)];
                match self.theirs.tcp(conn.theirs).recv_slice(&mut chunk) {
                    Ok(0) => Err(Half::Open),
                    Ok(len) => Ok(Bytes::from(chunk).slice(..len)),
                    Err(tcp::RecvError::Finished) => Err(Half::Ended),
                    Err(tcp::RecvError::InvalidState) => Err(Half::Failed(None)),
                }
            }
        }
    }

    /// Reads all there is.
    pub fn drain(&mut self, at: Side, conn: Conn, out: &mut Vec<u8>) -> Half {
        loop {
            match self.read(at, conn, usize::MAX) {
                Ok(chunk) => out.extend_from_slice(&chunk),
                Err(half) => return half,
            }
        }
    }

    /// Closes the sending half.
    pub fn shutdown(&mut self, from: Side, conn: Conn) {
        match from {
            Ours => self.ours.shutdown_write(conn.ours).unwrap(),
            Theirs => self.theirs.tcp(conn.theirs).close(),
        }
    }

    /// Sends so many bytes from each side (ours first), closes each direction after its last byte,
    /// and reads all on both sides; what is read is at every step a prefix of what was written.
    pub fn transfer(&mut self, conn: Conn, lens: [usize; 2], limit: Duration) {
        let mut streams = Side::BOTH.map(|from| Stream::new(from, lens[from as usize]));
        self.run(limit, |world| {
            let mut ended = true;
            for stream in &mut streams {
                ended &= stream.step(world, conn);
            }
            let waits = world.ours.info(conn.ours).is_some_and(|info| info.send_queue > 0);
            let goes_on = world.ours.has_output() || world.ours.next_deadline().is_some();
            assert!(!waits || goes_on, "our data waits and no timer runs");
            ended
        });
    }

    /// Both directions are closed: forgets the connection, lets TIME-WAIT pass, and makes sure that
    /// nothing is left and nobody has anything more to say.
    pub fn finish(&mut self, conn: Conn) {
        self.ours.close(conn.ours);
        self.pass(seconds(200));
        assert_eq!(self.their_state(conn), tcp::State::Closed);
        assert_eq!(self.ours.connection_count(), 0);
        assert_eq!(self.ours.next_deadline(), None);
        assert_eq!(self.link.next_arrival(), None);
    }
}

/// One direction of a connection.
struct Stream {
    from: Side,
    data: Vec<u8>,
    written: usize,
    closed: bool,
    received: usize,
}

impl Stream {
    fn new(from: Side, len: usize) -> Stream {
        Stream { from, data: pattern(len, from), written: 0, closed: false, received: 0 }
    }

    /// Writes and reads what is possible now; true at the end of the stream.
    fn step(&mut self, world: &mut World, conn: Conn) -> bool {
        if self.written < self.data.len() {
            self.written += world.write(self.from, conn, &self.data[self.written..]);
        } else if !self.closed {
            self.closed = true;
            world.shutdown(self.from, conn);
        }
        let mut chunk = Vec::new();
        let half = world.drain(self.from.other(), conn, &mut chunk);
        assert!(self.data[self.received..].starts_with(&chunk), "what arrives is what was sent");
        self.received += chunk.len();
        match half {
            Half::Open => false,
            Half::Ended => {
                assert_eq!(self.received, self.data.len());
                true
            }
            Half::Failed(error) => panic!("{:?} cannot read: {error:?}", self.from.other()),
        }
    }
}
