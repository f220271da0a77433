//! The load of `scripts/bench`, from sockets of the kernel, and the table made of what it measured.
//!
//! ```text
//! bench_client bulk-in    ADDR:PORT SECONDS [FLOWS]   sends as fast as it can    Gbit/s
//! bench_client bulk-out   ADDR:PORT SECONDS [FLOWS]   reads as fast as it can    Gbit/s
//! bench_client ping-pong  ADDR:PORT SECONDS     one byte to an echo and back     us, p50 and p99
//! bench_client churn      ADDR:PORT SECONDS     connect, 64 bytes, close; 32     a second
//! bench_client idle       ADDR:PORT COUNT PID BASE   idle connections to an echo   bytes each, us
//! bench_client crowd      ADDR PORTS COUNT SECONDS   as many to echoes: before and beside them   us, Gbit/s
//! bench_client hold       ADDR PORTS COUNT      as many, for crowd: until its input ends
//! bench_client resident   PID                   resident memory of a process     bytes
//! bench_client table      FILE                  the table of what was measured
//! ```
//!
//! Everything is bounded in time. The numbers go to standard output, one on a line.

use std::collections::HashMap;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use mio::{Events, Interest, Poll, Token};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use socket2::{Domain, Protocol, Socket, Type};

/// What the routes of the benchmark's namespaces ask for; another one paces or is held back.
const CONGESTION_CONTROL: &str = "cubic";
/// One call of the bulk rows, in bytes.
const CALL: usize = 128 << 10;
/// Before the bulk rows are timed: slow start.
const WARM_UP: Duration = Duration::from_millis(200);
/// No single step may take longer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Connections at a time in `churn`.
const PARALLEL: usize = 32;
/// Length of its requests and replies, in bytes.
const REQUEST: usize = 64;
/// Files that are left for other things than connections.
const SPARE: u64 = 64;
/// After so long without anything to do a connection of glasstcp takes as little as it can.
const REST: Duration = Duration::from_millis(2500);

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["table", file] => table(file),
        ["resident", pid] => {
            println!("{}", resident(pid.parse()?)?);
            Ok(())
        }
        ["idle", to, count, pid, base] => {
            idle(address(to)?, count.parse()?, pid.parse()?, base.parse()?)
        }
        ["crowd", to, ports, count, seconds] => {
            crowd(to.parse()?, ports, count.parse()?, duration(seconds)?)
        }
        ["hold", to, ports, count] => hold(to.parse()?, &numbers(ports)?, count.parse()?),
        [what @ ("bulk-in" | "bulk-out"), to, seconds, flows] => {
            bulk(what, address(to)?, duration(seconds)?, flows.parse()?)
        }
        [what, to, seconds] => {
            let (to, time) = (address(to)?, duration(seconds)?);
            match what {
                "bulk-in" | "bulk-out" => bulk(what, to, time, 1),
                "ping-pong" => ping_pong(&mut connect(to)?, time),
                "churn" => churn(to, time),
                _ => bail!("there is no load {what:?}: see the head of examples/bench_client.rs"),
            }
        }
        _ => bail!("give a load, an address and a time: see the head of examples/bench_client.rs"),
    }
}

fn numbers(ports: &str) -> anyhow::Result<Vec<u16>> {
    Ok(ports.split(',').map(str::parse).collect::<Result<_, _>>()?)
}

fn duration(seconds: &str) -> anyhow::Result<Duration> {
    Ok(Duration::try_from_secs_f64(seconds.parse()?)?)
}

fn address(text: &str) -> anyhow::Result<SocketAddr> {
    text.parse().with_context(|| format!("{text:?} is not ADDRESS:PORT"))
}

/// A connection that sends small segments at once, under the congestion control that is meant.
fn connect(to: SocketAddr) -> anyhow::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(to), Type::STREAM, Some(Protocol::TCP))?;
    socket.connect_timeout(&to.into(), PATIENCE).with_context(|| format!("cannot reach {to}"))?;
    socket.set_tcp_nodelay(true)?;
    let algorithm = socket.tcp_congestion()?;
    let algorithm = String::from_utf8_lossy(&algorithm).trim_end_matches('\0').to_owned();
    ensure!(
        algorithm == CONGESTION_CONTROL,
        "the kernel uses {algorithm} here: set the route to {CONGESTION_CONTROL} (ip route change ... congctl), as scripts/bench does"
    );
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// Moves as much as it can over each of `flows` connections for `time`, after the time of the warm-up, and prints what
/// all of it comes to.
fn bulk(what: &str, to: SocketAddr, time: Duration, flows: usize) -> anyhow::Result<()> {
    println!("{:.3}", bulk_rate(what, to, time, flows)?);
    Ok(())
}

fn bulk_rate(what: &str, to: SocketAddr, time: Duration, flows: usize) -> anyhow::Result<f64> {
    let streams = (0..flows).map(|_| connect(to)).collect::<anyhow::Result<Vec<_>>>()?;
    let rates = std::thread::scope(|scope| {
        let spawn = |stream| scope.spawn(move || flow(what == "bulk-in", stream, time));
        let threads: Vec<_> = streams.into_iter().map(spawn).collect();
        let ended = |thread: std::thread::ScopedJoinHandle<'_, _>| thread.join().expect("no panic");
        threads.into_iter().map(ended).collect::<anyhow::Result<Vec<f64>>>()
    })?;
    Ok(rates.iter().sum())
}

/// One connection of them: its Gbit/s.
fn flow(send: bool, mut stream: TcpStream, time: Duration) -> anyhow::Result<f64> {
    let mut data = vec![b'x'; CALL];
    let mut step = || if send { stream.write(&data) } else { stream.read(&mut data) };
    let start = Instant::now();
    while start.elapsed() < WARM_UP {
        ensure!(step()? > 0, "the connection ended too early");
    }
    let (start, mut bytes) = (Instant::now(), 0);
    while start.elapsed() < time {
        let moved = step()?;
        ensure!(moved > 0, "the connection ended too early");
        bytes += moved;
    }
    Ok(bytes as f64 * 8.0 / start.elapsed().as_secs_f64() / 1e9)
}

/// Sends one byte, waits for it, and again; prints the median and the 99th percentile.
fn ping_pong(stream: &mut TcpStream, time: Duration) -> anyhow::Result<()> {
    for part in round_trips(stream, time, &[50, 99])? {
        println!("{part:.2}");
    }
    Ok(())
}

/// So many hundredths of the round trips take no longer than that, in us.
fn round_trips(
    stream: &mut TcpStream,
    time: Duration,
    parts: &[usize],
) -> anyhow::Result<Vec<f64>> {
    let (start, mut byte, mut times) = (Instant::now(), [7], Vec::with_capacity(1 << 20));
    while start.elapsed() < time {
        let sent = Instant::now();
        stream.write_all(&byte)?;
        stream.read_exact(&mut byte)?;
        times.push(sent.elapsed());
    }
    times.sort_unstable();
    let part = |part: usize| times[times.len() * part / 100].as_secs_f64() * 1e6;
    Ok(parts.iter().map(|&hundredths| part(hundredths)).collect())
}

/// Where a connection of `churn` stands.
struct Visit {
    stream: mio::net::TcpStream,
    asked: bool,
    answered: usize,
}

/// Opens connections, 32 at a time; each sends a request, reads the echo and closes.
fn churn(to: SocketAddr, time: Duration) -> anyhow::Result<()> {
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(4 * PARALLEL);
    let mut visits = Vec::new();
    for at in 0..PARALLEL {
        visits.push(visit(to, at, &poll)?);
    }
    let (start, mut done) = (Instant::now(), 0u64);
    while start.elapsed() < time {
        poll.poll(&mut events, Some(PATIENCE))?;
        ensure!(!events.is_empty(), "no connection has moved for {} s", PATIENCE.as_secs());
        for event in &events {
            let Token(at) = event.token();
            if go_on(&mut visits[at]).with_context(|| format!("connection {done} to {to}"))? {
                done += 1;
                visits[at] = visit(to, at, &poll)?;
            }
        }
    }
    println!("{:.0}", done as f64 / start.elapsed().as_secs_f64());
    Ok(())
}

fn visit(to: SocketAddr, at: usize, poll: &Poll) -> anyhow::Result<Visit> {
    let mut stream = mio::net::TcpStream::connect(to)?;
    poll.registry().register(&mut stream, Token(at), Interest::READABLE | Interest::WRITABLE)?;
    Ok(Visit { stream, asked: false, answered: 0 })
}

/// Does what can be done; whether the visit is over.
fn go_on(visit: &mut Visit) -> io::Result<bool> {
    let mut buffer = [0; REQUEST];
    if !visit.asked {
        match visit.stream.write(&buffer) {
            Ok(REQUEST) => visit.asked = true,
            Ok(_) => return Err(ErrorKind::WriteZero.into()),
            // Not connected yet.
            Err(error)
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::NotConnected) =>
            {
                return Ok(false);
            }
            Err(error) => return Err(error),
        }
    }
    while visit.answered < REQUEST {
        match visit.stream.read(&mut buffer) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(count) => visit.answered += count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}

/// Opens `count` connections, lets each echo a byte, and prints by how much the resident memory of
/// process `pid` is above `base` for each, and the round-trip time of one of them beside the others.
fn idle(to: SocketAddr, count: usize, pid: u32, base: u64) -> anyhow::Result<()> {
    let mut streams = gather(&[to], count)?;
    let grown = resident(pid)?.saturating_sub(base);
    println!("{:.0}", grown as f64 / count as f64);
    ping_pong(&mut streams[count / 2], Duration::from_millis(500))
}

/// Opens `count` connections to these echoes in turn, and lets each echo a byte.
fn gather(to: &[SocketAddr], count: usize) -> anyhow::Result<Vec<TcpStream>> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    ensure!(hard > count as u64 + SPARE, "only {hard} files may be open here: raise 'ulimit -Hn'");
    let mut streams = Vec::with_capacity(count);
    let mut byte = [7];
    for &to in to.iter().cycle().take(count) {
        let mut stream = connect(to)?;
        stream.write_all(&byte)?;
        stream.read_exact(&mut byte)?;
        streams.push(stream);
    }
    std::thread::sleep(REST);
    Ok(streams)
}

/// Connections that another process of this program holds, for one may not have so many; they are closed with it.
struct Held(Child);

impl Held {
    fn new(to: IpAddr, ports: &str, count: usize) -> anyhow::Result<Held> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["hold", &to.to_string(), ports, &count.to_string()]);
        Ok(Held(command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?))
    }

    /// Waits until all are open.
    fn wait(&mut self) -> anyhow::Result<()> {
        let mut told = [0];
        let out = self.0.stdout.as_mut().context("its output is not here")?;
        out.read_exact(&mut told).context("some connections could not be opened")
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // The end of its input is the end of it.
        drop(self.0.stdin.take());
        if let Err(error) = self.0.wait() {
            eprintln!("a process that holds connections does not end: {error}");
        }
    }
}

/// Holds `count` connections until the input ends.
fn hold(to: IpAddr, ports: &[u16], count: usize) -> anyhow::Result<()> {
    let echoes: Vec<SocketAddr> = ports.iter().map(|&port| (to, port).into()).collect();
    let _streams = gather(&echoes, count)?;
    println!("open");
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink())?;
    Ok(())
}

/// Prints the median round-trip time of an echo on the first of `ports`, and what is sent in bulk to port 9, with nobody else
/// there; then the same beside `count` connections to the echoes on all of the ports.
fn crowd(to: IpAddr, ports: &str, count: usize, time: Duration) -> anyhow::Result<()> {
    let echo = (to, *numbers(ports)?.first().context("give a port")?).into();
    let measure = || {
        let p50 = round_trips(&mut connect(echo)?, time, &[50])?[0];
        Ok::<_, anyhow::Error>([p50, bulk_rate("bulk-in", (to, 9).into(), time, 1)?])
    };
    let alone = measure()?;
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    let each = usize::try_from(hard.saturating_sub(SPARE + 1))?.max(1);
    let parts = (0..count).step_by(each).map(|at| each.min(count - at));
    let mut idle = parts.map(|part| Held::new(to, ports, part)).collect::<Result<Vec<_>, _>>()?;
    idle.iter_mut().try_for_each(Held::wait)?;
    for value in alone.into_iter().chain(measure()?) {
        println!("{value:.2}");
    }
    Ok(())
}

/// Resident memory of a process, in bytes.
fn resident(pid: u32) -> anyhow::Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))
        .with_context(|| format!("there is no process {pid}"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()).context("no VmRSS")?;
    Ok(kib.parse::<u64>()? * 1024)
}

/// The table of a file whose lines are ROW, COLUMN and VALUE with tabs between: medians, and in
/// brackets how many times better the first column is. Rows and columns stand as they first appear.
fn table(file: &str) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {file}"))?;
    let (mut rows, mut columns) = (Vec::new(), Vec::new());
    let mut values: HashMap<(&str, &str), Vec<f64>> = HashMap::new();
    for line in text.lines() {
        let [row, column, value] = line.split('\t').collect::<Vec<_>>()[..] else {
            bail!("{line:?} in {file} is not ROW, COLUMN and VALUE");
        };
        for (list, name) in [(&mut rows, row), (&mut columns, column)] {
            if !list.contains(&name) {
                list.push(name);
            }
        }
        values.entry((row, column)).or_default().push(value.parse()?);
    }
    println!("| | {} |", columns.join(" | "));
    println!("|---|{}", "---|".repeat(columns.len()));
    for row in rows {
        let medians =
            columns.iter().map(|column| values.get_mut(&(row, *column)).map(|of| median(of)));
        let medians: Vec<Option<f64>> = medians.collect();
        let cells = medians.iter().enumerate().map(|(at, &cell)| match (cell, medians[0]) {
            (Some(theirs), Some(ours)) if at > 0 => {
                format!("{} ({:.2})", three_digits(theirs), better(row, ours, theirs))
            }
            (Some(value), _) => three_digits(value),
            (None, _) => "-".to_owned(),
        });
        println!("| {row} | {} |", cells.collect::<Vec<_>>().join(" | "));
    }
    Ok(())
}

/// How many times better `ours` is: where the row is of a time or of memory, less is better.
fn better(row: &str, ours: f64, theirs: f64) -> f64 {
    let less = row.ends_with(", us") || row.ends_with(", bytes");
    if less { theirs / ours } else { ours / theirs }
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 { values[middle] } else { (values[middle - 1] + values[middle]) / 2.0 }
}

/// As many digits as mean something.
fn three_digits(value: f64) -> String {
    let places = if value >= 100.0 { 0 } else { usize::from(value < 10.0) + 1 };
    format!("{value:.places$}")
}
