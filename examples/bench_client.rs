//! The load of `scripts/bench`, from sockets of the kernel, and the table made of what it measured.
//!
//! ```text
//! bench_client bulk-in    ADDR:PORT SECONDS     sends as fast as it can          Gbit/s
//! bench_client bulk-out   ADDR:PORT SECONDS     reads as fast as it can          Gbit/s
//! bench_client ping-pong  ADDR:PORT SECONDS     one byte to an echo and back     us, p50 and p99
//! bench_client churn      ADDR:PORT SECONDS     connect, 64 bytes, close; 32     a second
//! bench_client idle       ADDR:PORT COUNT PID BASE   idle connections to an echo   bytes each, us
//! bench_client resident   PID                   resident memory of a process     bytes
//! bench_client table      FILE                  the table of what was measured
//! ```
//!
//! Everything is bounded in time. The numbers go to standard output, one on a line.

use std::collections::HashMap;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
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
        [what, to, seconds] => {
            let (to, time) = (address(to)?, Duration::try_from_secs_f64(seconds.parse()?)?);
            match what {
                "bulk-in" => bulk_in(to, time),
                "bulk-out" => bulk_out(to, time),
                "ping-pong" => ping_pong(&mut connect(to)?, time),
                "churn" => churn(to, time),
                _ => bail!("there is no load {what:?}: see the head of examples/bench_client.rs"),
            }
        }
        _ => bail!("give a load, an address and a time: see the head of examples/bench_client.rs"),
    }
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

/// Calls `step` for the time of the warm-up, then for `time`, and prints what the bytes it moved
/// meanwhile come to.
fn bulk(time: Duration, mut step: impl FnMut() -> io::Result<usize>) -> anyhow::Result<()> {
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
    println!("{:.3}", bytes as f64 * 8.0 / start.elapsed().as_secs_f64() / 1e9);
    Ok(())
}

fn bulk_in(to: SocketAddr, time: Duration) -> anyhow::Result<()> {
    let mut stream = connect(to)?;
    let data = vec![b'x'; CALL];
    bulk(time, || stream.write(&data))
}

fn bulk_out(to: SocketAddr, time: Duration) -> anyhow::Result<()> {
    let mut stream = connect(to)?;
    let mut data = vec![0; CALL];
    bulk(time, || stream.read(&mut data))
}

/// Sends one byte, waits for it, and again; prints the median and the 99th percentile.
fn ping_pong(stream: &mut TcpStream, time: Duration) -> anyhow::Result<()> {
    let (start, mut byte, mut times) = (Instant::now(), [7], Vec::with_capacity(1 << 20));
    while start.elapsed() < time {
        let sent = Instant::now();
        stream.write_all(&byte)?;
        stream.read_exact(&mut byte)?;
        times.push(sent.elapsed());
    }
    times.sort_unstable();
    for part in [50, 99] {
        println!("{:.2}", times[times.len() * part / 100].as_secs_f64() * 1e6);
    }
    Ok(())
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
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    ensure!(hard > count as u64 + 16, "only {hard} files may be open here: raise 'ulimit -Hn'");
    let mut streams = Vec::with_capacity(count);
    let mut byte = [7];
    for _ in 0..count {
        let mut stream = connect(to)?;
        stream.write_all(&byte)?;
        stream.read_exact(&mut byte)?;
        streams.push(stream);
    }
    std::thread::sleep(Duration::from_millis(300));
    let grown = resident(pid)?.saturating_sub(base);
    println!("{:.0}", grown as f64 / count as f64);
    ping_pong(&mut streams[count / 2], Duration::from_millis(500))
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
