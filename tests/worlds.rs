//! Random worlds in the simulator: links that lose, reorder, duplicate, corrupt and change, windows that
//! shrink, applications that stall, close, half close and reset at random moments. After every step of every world the stacks
//! check themselves; what an application reads is what the other has written, from its beginning; what
//! nobody has broken off arrives whole; and in the end nothing is left.
//!
//! `GLASSTCP_SEED=n` repeats one world, `GLASSTCP_WORLDS=n` runs so many.

use std::cell::RefCell;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use bytes::Bytes;
use futures_util::future::{Either, select};
use futures_util::{FutureExt, pin_mut};
use glasstcp::device::impair::Spec;
use glasstcp::net::{Net, OwnedReadHalf, OwnedWriteHalf, TcpListener, TcpStream};
use glasstcp::sim::{Clock, Ended, Middlebox, World};
use glasstcp::stack::Config;
use glasstcp::tcp::congestion::Algorithm;
use glasstcp::tcp::{Ecn, Keepalive};
use glasstcp::time::{Duration, Instant};
use glasstcp::wire::checksum::replaced;
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use tokio::io::AsyncWriteExt;

/// Worlds in a run of `cargo test`; scripts/test has 2,000, in a quicker build.
const WORLDS: u64 = 200;
/// The first port of the server, and of the client.
const SERVER_PORT: u16 = 5000;
const CLIENT_PORT: u16 = 4000;
/// From here on the link is perfect, so that everything comes to its end.
const CALM: Duration = Duration::from_secs(60);
/// By then all tasks have ended: the longest retransmission time-out is two minutes, and there may be
/// some after each other.
const END: Duration = Duration::from_secs(3000);
/// After that everything is forgotten, TIME-WAIT and FIN-WAIT-2 too.
const FORGOTTEN: Duration = Duration::from_secs(2000);

/// Choices, from a seed.
struct Choice(ChaCha8Rng);

impl Choice {
    /// Evenly from `least` to `most`.
    fn number(&mut self, least: u64, most: u64) -> u64 {
        least + self.0.next_u64() % (most - least + 1)
    }

    /// Small numbers more often than large ones.
    fn small(&mut self, most: u64) -> u64 {
        let limit = self.number(0, most);
        self.number(0, limit)
    }

    /// Once in so many times.
    fn one_in(&mut self, times: u64) -> bool {
        self.number(1, times) == 1
    }

    fn of<T: Copy>(&mut self, values: &[T]) -> T {
        values[self.number(0, values.len() as u64 - 1) as usize]
    }
}

/// What one end does.
#[derive(Clone, Copy, Debug)]
struct Behaviour {
    /// Bytes it writes, at most so many at a time, with so long a pause after each.
    write: u64,
    write_size: u64,
    write_pause: Duration,
    /// Bytes it reads at a time, with so long a pause after each.
    read_size: u64,
    read_pause: Duration,
    /// It gives up after so long.
    quits: Option<Quit>,
}

#[derive(Clone, Copy, Debug)]
enum Quit {
    /// By closing, whatever has not been read or written.
    Close(Duration),
    /// By a reset.
    Reset(Duration),
}

/// A connection, and what either end does.
#[derive(Clone, Copy, Debug)]
struct Plan {
    number: u16,
    begins: Duration,
    client: Behaviour,
    server: Behaviour,
}

/// What came of one end.
#[derive(Debug, Default)]
struct Report {
    read: u64,
    ended: bool,
    error: Option<String>,
}

fn link(choice: &mut Choice) -> String {
    let mut rules = vec![format!("delay={}us", choice.small(100_000))];
    if !choice.one_in(4) {
        rules.push(format!("rate={}kbit", choice.of(&[200, 1000, 5000, 20_000, 100_000])));
        let queues =
            ["1p", "3p", "20p", "100p", "1bdp", "5kb", "50p:codel", "50p:codel:ecn", "20p:mark=3p"];
        rules.push(format!("queue={}", choice.of(&queues)));
    }
    if choice.one_in(3) {
        let ordered = choice.of(&["", ":ordered"]);
        rules.push(format!("jitter={}us{ordered}", choice.small(50_000)));
    }
    for (property, most) in [("loss", 100), ("duplicate", 100), ("corrupt", 50), ("reorder", 200)] {
        if choice.one_in(2) {
            let tenths = choice.small(most);
            let more = match property {
                "loss" if choice.one_in(2) => ":burst=4".to_owned(),
                "reorder" => format!(":by={}us", choice.small(40_000)),
                _ => String::new(),
            };
            let direction = choice.of(&["", "out:", "in:"]);
            rules.push(format!("{direction}{property}={}.{}%{more}", tenths / 10, tenths % 10));
        }
    }
    for _ in 0..choice.small(3) {
        let at = choice.number(0, 20_000);
        match choice.number(0, 2) {
            // The route changes.
            0 => rules.push(format!("at={at}ms:delay={}us", choice.small(300_000))),
            1 => rules.push(format!("at={at}ms:rate={}kbit", choice.number(100, 10_000))),
            _ => {
                let direction = choice.of(&["", "out:", "in:"]);
                let back = at + choice.small(4000);
                rules.push(format!("{direction}at={at}ms:drop:any"));
                rules.push(format!("at={back}ms:clear"));
            }
        }
    }
    rules.push(format!("at={}s:clear", CALM.as_secs()));
    rules.join(" ")
}

fn behaviour(choice: &mut Choice) -> Behaviour {
    let pause = |choice: &mut Choice, most| {
        let millis = if choice.one_in(3) { choice.small(most) } else { 0 };
        Duration::from_millis(millis)
    };
    let quits = choice.one_in(5).then(|| {
        let after = Duration::from_millis(choice.small(5000));
        if choice.one_in(2) { Quit::Close(after) } else { Quit::Reset(after) }
    });
    // A byte at a time is slow for whoever runs this, so it is not for long.
    let write_size = choice.of(&[1, 100, 1448, 5000, 64_000]);
    Behaviour {
        write: choice.small(60_000.min(write_size * 400)),
        write_size,
        write_pause: pause(choice, 30),
        read_size: choice.of(&[1, 700, 4096, 65_536]),
        read_pause: pause(choice, 20),
        quits,
    }
}

fn config(choice: &mut Choice, last: u8) -> Config {
    let mut config = Config::new(IpAddr::from([10, 0, 0, last]), 24, [0; 32]);
    config.mtu = choice.of(&[296, 576, 1280, 1500, 1500, 9000]);
    config.tcp.receive_buffer = choice.of(&[500, 3000, 20_000, 100_000, 1 << 20]);
    config.tcp.send_buffer = choice.of(&[500, 3000, 20_000, 100_000, 1 << 20]);
    config.tcp.nodelay = choice.one_in(2);
    // A reset may be lost, and whoever only waits to read would never learn of it.
    let (idle, interval) = (Duration::from_secs(200), Duration::from_secs(20));
    config.tcp.keepalive = Some(Keepalive { idle, interval, count: 5 });
    config.tcp.congestion = choice.of(&Algorithm::ALL);
    config.tcp.ecn = choice.of(&Ecn::ALL);
    config
}

/// Byte `at` of what one end of a connection writes.
fn byte(number: u16, client: bool, at: u64) -> u8 {
    let stream = u64::from(number) * 2 + u64::from(client) + 1;
    (((at + 1) * stream).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8
}

async fn write(
    mut half: OwnedWriteHalf,
    clock: &Clock,
    (number, client): (u16, bool),
    plan: Behaviour,
) -> io::Result<()> {
    let mut sent = 0;
    while sent < plan.write {
        let len = plan.write_size.min(plan.write - sent);
        let chunk: Bytes = (sent..sent + len).map(|at| byte(number, client, at)).collect();
        half.write_chunk(chunk).await?;
        sent += len;
        clock.sleep(plan.write_pause).await;
    }
    half.shutdown().await
}

async fn read(
    mut half: OwnedReadHalf,
    clock: &Clock,
    (number, client): (u16, bool),
    (plan, report): (Behaviour, &RefCell<Report>),
) -> io::Result<()> {
    while let Some(chunk) = half.read_chunk(plan.read_size as usize).await? {
        for (at, &read) in (report.borrow().read..).zip(&chunk[..]) {
            assert_eq!(read, byte(number, !client, at), "byte {at} of connection {number}");
        }
        report.borrow_mut().read += chunk.len() as u64;
        clock.sleep(plan.read_pause).await;
    }
    report.borrow_mut().ended = true;
    Ok(())
}

/// One end, from the open connection to its end.
async fn talk(
    stream: TcpStream,
    clock: Clock,
    who: (u16, bool),
    plan: Behaviour,
    report: Rc<RefCell<Report>>,
) -> io::Result<()> {
    if let Some(Quit::Reset(_)) = plan.quits {
        stream.set_linger(Some(Duration::ZERO))?;
    }
    let (reading, writing) = stream.into_split();
    let both = async {
        let (read, written) = futures_util::future::join(
            read(reading, &clock, who, (plan, &report)),
            write(writing, &clock, who, plan),
        )
        .await;
        read.and(written)
    };
    match plan.quits {
        None => both.await,
        Some(Quit::Close(after) | Quit::Reset(after)) => {
            let patience = clock.sleep(after);
            pin_mut!(both, patience);
            match select(both, patience).await {
                Either::Left((result, _)) => result,
                // Both halves are dropped, and with them the connection.
                Either::Right(_) => Ok(()),
            }
        }
    }
}

async fn client(net: Net, clock: Clock, plan: Plan, report: Rc<RefCell<Report>>) {
    clock.sleep(plan.begins).await;
    let to = SocketAddr::from(([10, 0, 0, 2], SERVER_PORT + plan.number));
    let from = SocketAddr::from(([10, 0, 0, 1], CLIENT_PORT + plan.number));
    let opened = TcpStream::connect_with(&net, to, Some(from), None).await;
    let result = match opened {
        Ok(stream) => {
            talk(stream, clock, (plan.number, true), plan.client, Rc::clone(&report)).await
        }
        Err(error) => Err(error),
    };
    report.borrow_mut().error = result.err().map(|error| error.to_string());
}

async fn server(net: Net, clock: Clock, plan: Plan, report: Rc<RefCell<Report>>) {
    let listener = TcpListener::bind(&net, ([0, 0, 0, 0], SERVER_PORT + plan.number)).await;
    let listener = listener.expect("a free port");
    let opened = {
        let patience = clock.sleep(Duration::from_secs(400));
        let accepted = listener.accept().boxed_local();
        pin_mut!(patience);
        match select(accepted, patience).await {
            Either::Left((accepted, _)) => accepted,
            Either::Right(_) => Err(io::ErrorKind::TimedOut.into()),
        }
    };
    let result = match opened {
        Ok((stream, _)) => {
            talk(stream, clock, (plan.number, false), plan.server, Rc::clone(&report)).await
        }
        Err(error) => Err(error),
    };
    report.borrow_mut().error = result.err().map(|error| error.to_string());
}

/// A middlebox that shrinks windows, now more, now less, so that what is in flight lies beyond them, and the
/// receiver knows nothing of it (RFC 9293 3.8.6 [MUST-34], RFC 7323 2.4).
fn shrinker(seed: u64) -> Middlebox {
    let mut choice = Choice(ChaCha8Rng::seed_from_u64(seed));
    let (mut until, mut eighths) = (Instant::ZERO, 8);
    Box::new(move |now, packet| {
        if now >= Instant::ZERO + CALM {
            return packet;
        }
        if now >= until {
            until = now + Duration::from_millis(choice.small(3000));
            eighths = choice.of(&[0, 1, 3, 7, 8, 8]);
        }
        if eighths == 8 { packet } else { with_window(&packet, |window| window * eighths / 8) }
    })
}

/// The same TCP segment with another window, its checksum mended.
fn with_window(packet: &[u8], change: impl Fn(u32) -> u32) -> Bytes {
    let (window_at, checksum_at) = (20 + 14, 20 + 16);
    let mut bytes = packet.to_vec();
    let word = |bytes: &[u8], at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
    let (before, checksum) = (word(&bytes, window_at), word(&bytes, checksum_at));
    let after = change(before.into()) as u16;
    let checksum = replaced(checksum, before, after);
    bytes[window_at..window_at + 2].copy_from_slice(&after.to_be_bytes());
    bytes[checksum_at..checksum_at + 2].copy_from_slice(&checksum.to_be_bytes());
    bytes.into()
}

/// One world, from its seed to its end.
fn live(seed: u64) -> u64 {
    let mut choice = Choice(ChaCha8Rng::seed_from_u64(seed));
    let spec = link(&mut choice);
    let mut world = World::new(seed);
    let (one, near) = world.add_host("client", config(&mut choice, 1));
    let (two, far) = world.add_host("server", config(&mut choice, 2));
    let parsed: Spec = spec.parse().unwrap_or_else(|error| panic!("{error}"));
    let (out, back) = world.join(one, two, &parsed);
    world.check_every_step();
    let mut connections = Vec::new();
    for number in 0..choice.number(1, 3) as u16 {
        let begins = Duration::from_millis(choice.small(2000));
        let (client_does, server_does) = (behaviour(&mut choice), behaviour(&mut choice));
        let plan = Plan { number, begins, client: client_does, server: server_does };
        let reports: [Rc<RefCell<Report>>; 2] = Default::default();
        world.spawn(server(far.clone(), world.clock(), plan, Rc::clone(&reports[1])));
        world.spawn(client(near.clone(), world.clock(), plan, Rc::clone(&reports[0])));
        connections.push((plan, reports));
    }
    for direction in [out, back] {
        if choice.one_in(3) {
            world.set_middlebox(direction, shrinker(choice.0.next_u64()));
        }
    }
    let ended = world.run(Instant::ZERO + END);
    let story = || format!("{spec}\n{connections:#?}\nat {}", world.clock().now());
    assert_eq!(ended, Ended::Done, "tasks are left\n{}", story());
    for (plan, [at_client, at_server]) in &connections {
        let ends = [(plan.client, plan.server, at_client), (plan.server, plan.client, at_server)];
        let broken_off = plan.client.quits.is_some() || plan.server.quits.is_some();
        for (_, other, report) in ends {
            let report = report.borrow();
            assert!(report.read <= other.write, "more than was written\n{}", story());
            if !broken_off {
                assert_eq!(report.error, None, "{}", story());
                assert!(report.ended && report.read == other.write, "not all\n{}", story());
            }
        }
    }
    let clock = world.clock();
    world.spawn(async move { clock.sleep(FORGOTTEN).await });
    assert_eq!(world.run(Instant::FAR_FUTURE), Ended::Done);
    for net in [&near, &far] {
        let tables = net.tables();
        assert_eq!(net.connection_count(), 0, "{tables:?} {spec}");
        assert_eq!(tables.time_wait, 0, "{tables:?}");
    }
    world.events()
}

#[test]
fn random_worlds_end_well() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse().expect(name));
    let (first, count) = match number("GLASSTCP_SEED") {
        Some(seed) => (seed, 1),
        None => (0, number("GLASSTCP_WORLDS").unwrap_or(WORLDS)),
    };
    let (next, events) = (AtomicU64::new(first), AtomicU64::new(0));
    let failed = AtomicBool::new(false);
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while !failed.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + count {
                        return;
                    }
                    match catch_unwind(AssertUnwindSafe(|| live(seed))) {
                        Ok(more) => _ = events.fetch_add(more, Ordering::Relaxed),
                        Err(_) => {
                            failed.store(true, Ordering::Relaxed);
                            let again = "cargo test --test worlds";
                            eprintln!("to repeat it: GLASSTCP_SEED={seed} {again}");
                        }
                    }
                }
            });
        }
    });
    assert!(!failed.load(Ordering::Relaxed), "a world did not end well; see above");
    println!("{count} worlds, {} events", events.load(Ordering::Relaxed));
}
