use std::cell::{Cell, RefCell};
use std::hash::{DefaultHasher, Hasher};
use std::net::SocketAddr;
use std::rc::Rc;

use tokio::io::AsyncWriteExt;

use super::*;
use crate::net::{TcpListener, TcpStream};
use crate::time::Duration;

const PORT: u16 = 5001;

fn ip(last: u8) -> IpAddr {
    [10, 0, 0, last].into()
}

fn config(last: u8) -> Config {
    Config::new(ip(last), 24, [0; 32])
}

fn spec(text: &str) -> Spec {
    text.parse().unwrap()
}

/// Byte `n` of every stream in these tests.
fn byte(n: u64) -> u8 {
    (n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8
}

async fn send(net: Net, to: IpAddr, bytes: u64) {
    let mut stream = TcpStream::connect(&net, SocketAddr::new(to, PORT)).await.unwrap();
    let mut sent = 0;
    while sent < bytes {
        let len = (bytes - sent).min(50_000);
        stream.write_chunk((sent..sent + len).map(byte).collect()).await.unwrap();
        sent += len;
    }
    stream.shutdown().await.unwrap();
    assert_eq!(stream.read_chunk(1).await.unwrap(), None);
}

/// Takes one connection, checks its stream and says how long it was.
async fn receive(net: Net, total: Rc<Cell<u64>>) {
    let listener = TcpListener::bind(&net, ([0, 0, 0, 0], PORT)).await.unwrap();
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut received = 0;
    while let Some(chunk) = stream.read_chunk(1 << 16).await.unwrap() {
        for &read in &chunk[..] {
            assert_eq!(read, byte(received), "byte {received}");
            received += 1;
        }
    }
    total.set(total.get() + received);
}

/// Two hosts and a link, and a transfer from the first to the second.
fn pair(seed: u64, link: &str, bytes: u64) -> (World, Rc<Cell<u64>>) {
    let mut world = World::new(seed);
    let (one, sender) = world.add_host("host", config(1));
    let (two, receiver) = world.add_host("host", config(2));
    world.join(one, two, &spec(link));
    world.check_every_step();
    let total = Rc::new(Cell::new(0));
    world.spawn(receive(receiver, Rc::clone(&total)));
    world.spawn(send(sender, ip(2), bytes));
    (world, total)
}

/// Keeps a hash of everything seen.
#[derive(Default)]
struct Digest(Rc<RefCell<DefaultHasher>>, Rc<Cell<u64>>);

impl Tap for Digest {
    fn packet(&mut self, now: Instant, at: Vantage, _: &str, packet: &Bytes) {
        let mut hasher = self.0.borrow_mut();
        hasher.write_u64(now.as_nanos());
        hasher.write(format!("{at:?}").as_bytes());
        hasher.write(packet);
        self.1.set(self.1.get() + 1);
    }

    fn link(&mut self, _: Instant, _: LinkId, _: &mut Impairment) {}
}

const SECONDS: Instant = Instant::from_millis(300_000);

#[test]
fn a_transfer_takes_the_time_that_the_link_asks_for() {
    let (mut world, total) = pair(1, "rate=8mbit delay=10ms queue=1000p", 1_000_000);
    assert_eq!(world.run(SECONDS), Ended::Done);
    assert_eq!(total.get(), 1_000_000);
    // A million bytes and 52 of header for each 1,448 take 1.036 s, and slow start some round trips.
    let seconds = world.clock().now().as_nanos() as f64 / 1e9;
    assert!((1.04..1.3).contains(&seconds), "{seconds}");
    assert!(world.events() > 1000);
}

#[test]
fn a_bad_link_only_makes_it_slower() {
    let bad = "rate=20mbit delay=15ms queue=50p loss=2% duplicate=2% corrupt=1% reorder=2%:by=3ms";
    let (mut world, total) = pair(7, bad, 300_000);
    assert_eq!(world.run(SECONDS), Ended::Done);
    assert_eq!(total.get(), 300_000);
}

#[test]
fn the_same_seed_gives_the_same_packets_at_the_same_times() {
    let run = |seed| {
        let (mut world, _) = pair(seed, "rate=20mbit delay=5ms jitter=2ms loss=3%", 200_000);
        let (digest, count) = (Rc::default(), Rc::default());
        world.set_tap(Box::new(Digest(Rc::clone(&digest), Rc::clone(&count))));
        assert_eq!(world.run(SECONDS), Ended::Done);
        let digest: u64 = digest.borrow().finish();
        (digest, count.get(), world.clock().now(), world.events())
    };
    let first = run(1);
    assert!(first.1 > 400);
    assert_eq!(run(1), first);
    assert_ne!(run(2).0, first.0);
}

#[test]
fn flows_share_a_bottleneck_between_routers() {
    let mut world = World::new(3);
    let (left, right) = (world.add_router(), world.add_router());
    let (out, back) = world.join(left, right, &spec("rate=10mbit delay=10ms queue=60p"));
    world.route(left, None, out);
    world.route(right, None, back);
    let total = Rc::new(Cell::new(0));
    for n in 0..3 {
        let (sender, sending) = world.add_host("host", config(10 + n));
        let (receiver, receiving) = world.add_host("host", config(100 + n));
        let (_, to_sender) = world.join(sender, left, &spec("delay=1ms"));
        let (_, to_receiver) = world.join(receiver, right, &spec("delay=1ms"));
        world.route(left, Some(ip(10 + n)), to_sender);
        world.route(right, Some(ip(100 + n)), to_receiver);
        world.spawn(receive(receiving, Rc::clone(&total)));
        world.spawn(send(sending, ip(100 + n), 400_000));
    }
    assert_eq!(world.run(SECONDS), Ended::Done);
    assert_eq!(total.get(), 1_200_000);
    let seconds = world.clock().now().as_nanos() as f64 / 1e9;
    assert!((0.99..2.5).contains(&seconds), "{seconds}");
    let counters = world.link(out).counters();
    assert!(counters.waited_max > Duration::from_millis(10), "they met in the queue");
    let on_the_way = counters.queued.packets - counters.delivered.packets;
    assert!(on_the_way <= 3, "one for each flow when the last has ended: {on_the_way}");
}

#[test]
fn a_link_can_be_changed_from_outside() {
    let (mut world, total) = pair(1, "rate=1mbit delay=10ms", 1_000_000);
    assert_eq!(world.run(Instant::from_millis(1000)), Ended::TimeLimit);
    assert_eq!((world.clock().now(), total.get()), (Instant::from_millis(1000), 0));
    let now = world.clock().now();
    world.link_mut(LinkId(0)).apply(now, &spec("rate=100mbit")).unwrap();
    assert_eq!(world.run(SECONDS), Ended::Done);
    assert!(world.clock().now() < Instant::from_millis(1600), "{}", world.clock().now());
}

#[test]
fn a_dead_link_ends_at_the_limit_or_with_the_connection() {
    let mut world = World::new(1);
    let (one, net) = world.add_host("host", config(1));
    let (two, _) = world.add_host("host", config(2));
    let (nowhere, _) = world.join(one, two, &spec("loss=100%"));
    let failed = Rc::new(Cell::new(false));
    let flag = Rc::clone(&failed);
    world.spawn(async move {
        let error = TcpStream::connect(&net, SocketAddr::new(ip(2), PORT)).await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
        flag.set(true);
    });
    assert_eq!(world.run(Instant::from_millis(50_000)), Ended::TimeLimit);
    assert_eq!(world.run(SECONDS), Ended::Done);
    assert!(failed.get());
    // RFC 6298 5.5: a SYN and six more, 1, 2, 4 ... seconds apart, and the last is waited for too.
    assert_eq!(world.clock().now().as_millis(), 127_000);
    assert_eq!(world.link(nowhere).counters().arrived.packets, 7);
}

#[test]
fn a_world_in_which_nothing_can_happen_says_so() {
    let mut world = World::new(1);
    world.spawn(std::future::pending());
    assert_eq!(world.run(SECONDS), Ended::Stuck);
    let mut world = World::new(1);
    world.spawn_service(std::future::pending());
    assert_eq!(world.run(SECONDS), Ended::Done);
}

#[test]
fn tasks_sleep_in_virtual_time() {
    let mut world = World::new(1);
    let order = Rc::new(RefCell::new(Vec::new()));
    for (name, millis) in [("c", 30_000), ("a", 10), ("b", 20_000), ("a2", 10), ("now", 0)] {
        let (clock, order) = (world.clock(), Rc::clone(&order));
        world.spawn(async move {
            clock.sleep(Duration::from_millis(millis)).await;
            order.borrow_mut().push((name, clock.now().as_millis()));
        });
    }
    let clock = world.clock();
    drop(clock.sleep(Duration::from_secs(900)));
    assert_eq!(world.run(SECONDS), Ended::Done);
    let expected = [("now", 0), ("a", 10), ("a2", 10), ("b", 20_000), ("c", 30_000)];
    assert_eq!(*order.borrow(), expected);
}

#[test]
fn a_middlebox_changes_what_passes() {
    let (mut world, total) = pair(1, "delay=10ms", 1000);
    let seen = Rc::new(Cell::new(0));
    let count = Rc::clone(&seen);
    // The second packet to the server, which ends the handshake, comes out as nothing that can be read.
    let change = move |now: Instant, packet: Bytes| {
        assert!(now < SECONDS);
        count.set(count.get() + 1);
        if count.get() == 2 { Bytes::from_static(&[0]) } else { packet }
    };
    world.set_middlebox(LinkId(0), Box::new(change));
    assert_eq!(world.run(SECONDS), Ended::Done);
    assert_eq!((total.get(), seen.get() > 3), (1000, true));
    assert_eq!(world.link(LinkId(0)).counters().arrived.packets, seen.get());
}
