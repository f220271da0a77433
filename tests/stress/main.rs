//! Many tasks and threads at once over two stacks with real drivers: transfers of random sizes in
//! random pieces, futures and calls that are given up in the middle, drops, resets, half-closes,
//! halves that part and meet again. Every byte is checked. At the end of a round nothing is left: no
//! connection, timer, waker or task, and no memory.
//!
//! Every wait is bounded: when nothing moves for a minute, a dog prints who does what and the state of
//! both stacks, and ends the program.
//!
//! ```text
//! GLASSTCP_STRESS_SECONDS=n   how long (10)
//! GLASSTCP_SEED=n             which plans; printed at the start (what the threads make of them
//!                             differs from run to run)
//! ```

mod plan;
mod tasks;
mod threads;
mod watch;

use std::env;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use glasstcp::blocking;
use glasstcp::device::memory::{self, Memory};
use glasstcp::net::{Net, TcpListener};
use glasstcp::runtime;
use glasstcp::stack::{Config, Stack, Tables};
use tokio::runtime::Runtime;

use plan::Dice;
use watch::{Board, bytes_in_use};

const SERVER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2));

/// Ports where tasks and threads answer.
const TASKS: u16 = 7;
const THREADS: u16 = 8;
/// Connections of a round by tasks and by threads, and pairs of UDP sockets.
const BY_TASKS: u64 = 240;
const BY_THREADS: u64 = 40;
const DATAGRAMS: u64 = 8;
/// Tasks and threads that accept from one listener.
const ACCEPTORS: u64 = 4;
/// How long to wait for what may be lost.
const MOMENT: Duration = Duration::from_millis(5);
/// What a program may come to hold for good after its first round, in bytes: a thread's or a
/// runtime's own, never that of a connection, of which there are hundreds a round.
const KEPT: isize = 64 << 10;

/// Two stacks, and what all tasks and threads of a round need to know.
pub struct World {
    seed: u64,
    /// The stacks end in the middle, so anything may fail; but all must end.
    violent: bool,
    server: Net,
    client: Net,
    board: Arc<Board>,
}

/// What drives a stack.
enum Driving {
    Task(tokio::task::JoinHandle<io::Result<()>>),
    Thread(JoinHandle<io::Result<()>>),
}

impl Driving {
    fn start(ip: IpAddr, device: Memory, dice: &mut Dice, runtime: &Runtime) -> (Net, Driving) {
        let mut config = Config::new(ip, 24, [dice.below(256) as u8; 32]);
        config.tcp.receive_buffer = 4096 << dice.below(9);
        config.tcp.send_buffer = 4096 << dice.below(9);
        config.tcp.nodelay = dice.one_in(2);
        // Short, that a round need not wait for it.
        config.time_wait = Duration::from_millis(20);
        config.tcp.fin_wait_2_timeout = Duration::from_secs(2);
        let stack = Stack::new(config);
        if dice.one_in(2) {
            let (net, thread) = blocking::start(stack, device).unwrap();
            return (net, Driving::Thread(thread));
        }
        let _inside = runtime.enter();
        let (net, driver) = runtime::start(stack, device).unwrap();
        (net, Driving::Task(runtime.spawn(driver)))
    }

    fn join(self, runtime: &Runtime) {
        match self {
            Driving::Task(task) => runtime.block_on(task).unwrap().unwrap(),
            Driving::Thread(thread) => thread.join().unwrap().unwrap(),
        }
    }
}

/// One round, from nothing to nothing.
fn round(seed: u64, violent: bool) {
    let mut dice = Dice::new(seed, u64::MAX);
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap();
    let (one, other) = memory::pair(1500);
    let (server, server_driving) = Driving::start(SERVER, one, &mut dice, &runtime);
    let (client, client_driving) = Driving::start(CLIENT, other, &mut dice, &runtime);
    let title = format!("seed {seed}");
    let (board, watching) = Board::watched(title, [server.clone(), client.clone()]);
    let world = Arc::new(World { seed, violent, server, client, board });
    exchange(&world, &runtime, &mut dice);

    if !violent {
        for net in [&world.server, &world.client] {
            // The dog waits with us.
            while net.tables() != Tables::default() {
                thread::sleep(Duration::from_millis(1));
            }
        }
    }
    world.server.stop();
    world.client.stop();
    server_driving.join(&runtime);
    client_driving.join(&runtime);
    while runtime.metrics().num_alive_tasks() > 0 {
        thread::sleep(Duration::from_millis(1));
    }
    world.board.end();
    watching.join().unwrap();
    assert_eq!(Arc::strong_count(&world), 1, "somebody still holds the world");
}

/// Starts everybody and waits for all.
fn exchange(world: &Arc<World>, runtime: &Runtime, dice: &mut Dice) {
    let listener = blocking::TcpListener::bind(&world.server, (SERVER, THREADS)).unwrap();
    let accepting: Vec<_> = (0..ACCEPTORS)
        .map(|_| {
            let (world, listener) = (Arc::clone(world), listener.try_clone().unwrap());
            thread::spawn(move || threads::serve(&world, &listener))
        })
        .collect();
    drop(listener);
    let bound = runtime.block_on(TcpListener::bind(&world.server, (SERVER, TASKS))).unwrap();
    let bound = Arc::new(bound);
    let serving: Vec<_> = (0..ACCEPTORS)
        .map(|name| runtime.spawn(tasks::serve(Arc::clone(world), Arc::clone(&bound), name)))
        .collect();
    drop(bound);

    let port = |dice: &mut Dice| if dice.one_in(4) { THREADS } else { TASKS };
    let mut calling: Vec<_> = (0..BY_TASKS)
        .map(|number| runtime.spawn(tasks::client(Arc::clone(world), number, port(dice))))
        .collect();
    calling.extend(
        (0..DATAGRAMS).map(|n| runtime.spawn(tasks::datagrams(Arc::clone(world), 1 << 32 | n))),
    );
    let blocked: Vec<_> = (0..BY_THREADS)
        .map(|number| {
            let (world, port) = (Arc::clone(world), port(dice));
            thread::spawn(move || threads::client(&world, BY_TASKS + number, port))
        })
        .collect();
    if world.violent {
        thread::sleep(Duration::from_millis(dice.below(300) as u64));
        match dice.below(4) {
            0 => world.server.stop(),
            1 => world.client.stop(),
            2 => world.server.abort_all(),
            _ => {}
        }
        world.client.shutdown();
        world.client.abort_all();
    }
    calling.into_iter().for_each(|task| runtime.block_on(task).unwrap());
    blocked.into_iter().for_each(|thread| thread.join().unwrap());
    // Those that answer may have something left to do; the dog waits with us.
    let busy = |tables: Tables| tables.connections + tables.half_open > 0;
    while !world.violent && busy(world.server.tables()) {
        thread::sleep(Duration::from_millis(1));
    }
    world.server.shutdown();
    accepting.into_iter().for_each(|thread| thread.join().unwrap());
    serving.into_iter().for_each(|task| runtime.block_on(task).unwrap());
    while world.board.left() > 0 {
        thread::sleep(Duration::from_millis(1));
    }
}

fn number(name: &str, default: u64) -> u64 {
    env::var(name).map_or(default, |text| text.parse().expect(name))
}

#[test]
fn whatever_happens_nothing_is_lost_and_nothing_is_left() {
    // A task that fails must not leave the others waiting for it.
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        report(panic);
        std::process::exit(101);
    }));
    let nanos = std::time::UNIX_EPOCH.elapsed().unwrap().subsec_nanos();
    let first = number("GLASSTCP_SEED", nanos.into());
    let duration = Duration::from_secs(number("GLASSTCP_STRESS_SECONDS", 10));
    eprintln!("stress: GLASSTCP_SEED={first}, for {duration:?}");
    let start = Instant::now();
    let (mut seed, mut settled) = (first, None);
    // At least one round of each kind.
    while seed < first + 2 || start.elapsed() < duration {
        round(seed, seed % 2 == 1);
        let in_use = bytes_in_use();
        let before = *settled.get_or_insert(in_use);
        assert!(in_use < before + KEPT, "seed {seed}: {before} bytes in use became {in_use}");
        seed += 1;
    }
    eprintln!("stress: {} rounds, {} bytes in use", seed - first, bytes_in_use());
}
