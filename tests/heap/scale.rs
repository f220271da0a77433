//! A million connections in one process: what each takes, and that all of them live.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::task::{Context, Poll, Waker};

use glasstcp::device::gso;
use glasstcp::stack::{Address, Config, ConnKey, ListenerKey, Stack};
use glasstcp::tcp::{self, Keepalive};
use glasstcp::time::{Duration, Instant};
use glasstcp::wire::{Packet, RxBatch, TxBatch};

use super::allocator;

const SERVER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 9, 0, 1)), 80);
/// Connections from one address.
const EACH: usize = 50_000;
/// How often the server probes an idle client.
const IDLE: Duration = Duration::from_secs(100);

/// Time between a thousand that are opened and the next: 20,000 in a second.
const PAUSE: Duration = Duration::from_millis(50);

/// Two stacks and a clock; a packet takes a millisecond.
struct World {
    client: Stack,
    server: Stack,
    listener: ListenerKey,
    now: Instant,
    /// What the clients and the server hold.
    pairs: Vec<(ConnKey, ConnKey)>,
}

fn cx() -> Context<'static> {
    Context::from_waker(Waker::noop())
}

/// The address from which the connection of this number comes.
fn source(nth: usize) -> SocketAddr {
    let host = u8::try_from(nth / EACH).expect("addresses enough");
    SocketAddr::from(([10, 9, 1, host], (10_000 + nth % EACH) as u16))
}

impl World {
    fn new(count: usize) -> World {
        let config = Config::new(SERVER.ip(), 16, [1; 32]);
        let keepalive = Some(Keepalive { idle: IDLE, ..Keepalive::default() });
        let tcp = tcp::Config { keepalive, ..config.tcp.clone() };
        let mut server = Stack::new(Config { tcp, ..config.clone() });
        let listener = server.listen(SERVER, 4096).expect("the port is free");
        let own = |host| Address { ip: source(host * EACH).ip(), prefix_len: 16 };
        let addresses = (0..count.div_ceil(EACH)).map(own).collect();
        let client = Stack::new(Config { addresses, seed: [2; 32], ..config });
        let now = Instant::from_millis(1000);
        World { client, server, listener, now, pairs: Vec::with_capacity(count) }
    }

    /// Opens `count` more connections at the same time.
    fn open(&mut self, count: usize) {
        let first = self.pairs.len();
        let opened: Vec<ConnKey> = (first..first + count)
            .map(|nth| self.client.connect(Some(source(nth)), SERVER, None).expect("it opens"))
            .collect();
        self.exchange();
        for client in opened {
            let Poll::Ready(Ok((server, _))) = self.server.poll_accept(self.listener, &mut cx())
            else {
                panic!("a handshake did not end");
            };
            self.pairs.push((client, server));
        }
    }

    /// Carries packets until both have nothing to say.
    fn exchange(&mut self) {
        while carry(&mut self.client, &mut self.server, &mut self.now)
            + carry(&mut self.server, &mut self.client, &mut self.now)
            > 0
        {}
    }

    /// Lets time pass, with all that timers send and what is answered.
    fn sleep(&mut self, time: Duration) {
        let until = self.now + time;
        loop {
            let next = [self.client.next_deadline(), self.server.next_deadline()];
            let Some(at) = next.into_iter().flatten().min().filter(|&at| at <= until) else {
                break;
            };
            self.now = self.now.max(at);
            self.exchange();
        }
        self.now = until;
    }

    /// Lets somebody wait for text at each end.
    fn wait_on_all(&mut self) {
        for &(client, server) in &self.pairs {
            assert!(self.client.poll_receive(client, 9, &mut cx()).is_pending());
            assert!(self.server.poll_receive(server, 9, &mut cx()).is_pending());
            assert_eq!(self.client.poll_connected(client, &mut cx()), Poll::Ready(Ok(())));
        }
    }

    /// A byte from the client of this number to its server, and one back.
    fn ping(&mut self, nth: usize) {
        let (client, server) = self.pairs[nth];
        assert_eq!(self.client.poll_send(client, b"?", &mut cx()), Poll::Ready(Ok(1)));
        self.exchange();
        let asked = self.server.poll_receive(server, 9, &mut cx());
        assert!(matches!(asked, Poll::Ready(Ok(text)) if text == "?"[..]));
        assert_eq!(self.server.poll_send(server, b"!", &mut cx()), Poll::Ready(Ok(1)));
        self.exchange();
        let answer = self.client.poll_receive(client, 9, &mut cx());
        assert!(matches!(answer, Poll::Ready(Ok(text)) if text == "!"[..]));
    }

    /// Segments that the server has taken so far.
    fn received(&self) -> u64 {
        self.server.counters().tcp_segments_accepted
    }
}

/// Runs what is due with `from` and takes all that it sends to `to`; how many packets that was.
fn carry(from: &mut Stack, to: &mut Stack, now: &mut Instant) -> usize {
    drop(from.receive(*now, &mut RxBatch::new()));
    let mut tx = TxBatch::new();
    let (mut rx, mut count) = (RxBatch::new(), 0);
    loop {
        let more = from.transmit(*now, &mut tx);
        for burst in tx.drain(..) {
            gso::cut_whole(burst, |packet| rx.push_back(Packet::new(packet)));
        }
        count += rx.len();
        drop(to.receive(*now + Duration::from_millis(1), &mut rx));
        if !more {
            break;
        }
    }
    if count > 0 {
        *now += Duration::from_millis(1);
    }
    count
}

/// Bytes that each of `count` connections takes at each end when nothing happens any more.
fn idle_bytes(count: usize) -> (World, isize) {
    let mut world = World::new(count);
    world.open(1);
    world.ping(0);
    let before = allocator::now().bytes;
    while world.pairs.len() < count {
        world.open(1000.min(count - world.pairs.len()));
        world.sleep(PAUSE);
    }
    world.sleep(Duration::from_secs(3));
    // Who waits for something does not wake anybody up.
    world.wait_on_all();
    let bytes = (allocator::now().bytes - before) / (2 * count as isize);
    println!("{count} connections: {bytes} bytes at each end when idle");
    (world, bytes)
}

/// All of them in one process with both ends, and their keepalive timers run.
fn idle_connections_take_little_and_live(count: usize) {
    let (mut world, bytes) = idle_bytes(count);
    assert!(bytes <= 640, "{bytes} bytes");
    let before = world.received();
    world.sleep(IDLE);
    let answered = world.received() - before;
    assert!(answered >= count as u64, "of {count} clients {answered} have answered a probe");
    for nth in (0..count).step_by(count / 100) {
        world.ping(nth);
    }
    assert_eq!(world.client.connection_count(), count);
    assert_eq!(world.server.connection_count(), count);
    world.client.check_invariants();
    world.server.check_invariants();
}

#[test]
fn an_idle_connection_takes_640_bytes_at_most() {
    idle_connections_take_little_and_live(5000);
}

/// Some 15 seconds in an optimised build.
#[test]
#[ignore = "takes long: scripts/test runs it in an optimised build"]
fn a_million_connections_fit_in_1_gib() {
    idle_connections_take_little_and_live(1_000_000);
    println!("both ends together have never taken more than {} MiB", allocator::now().most >> 20);
    assert!(allocator::now().most < 1 << 30, "{} MiB", allocator::now().most >> 20);
}
