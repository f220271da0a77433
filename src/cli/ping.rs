//! `glasstcp ping`: is somebody there, and how long does an answer take?
//!
//! ```text
//!   every -i seconds: Board::send -> Probe::ask -> task -> socket
//!   Probe::news -> Board: answered, failed, expired -> a line each -> Stats -> the summary
//! ```

mod board;
mod line;
mod probe;
mod stats;
mod trouble;

use std::io::{self, ErrorKind, Write};
use std::net::SocketAddr;
use std::pin::pin;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::anyhow;
use tokio::time::{MissedTickBehavior, interval, sleep_until};

use super::client::{self, Client, explain, seconds};
use board::{Board, Verdict};
use probe::{News, Probe, Target, Way};
use stats::time;
use trouble::{About, Trouble};

/// Ask another host again and again, and print how long each answer takes
///
/// Sends numbered lines over a TCP connection, to '--serve ping' of another glasstcp or to any program that
/// sends lines back as they are or in upper case. What is not answered is named, with who said why. A connection
/// that has gone is opened anew. At the end, also by Ctrl-C, it prints what ping(8) prints.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  glasstcp ping 10.9.0.2 --link udp:127.0.0.1:0,127.0.0.1:7000    without root, to 'up --link' there
  sudo glasstcp ping 10.9.0.1 --icmp --netns glass                the kernel's own answer to a ping
  sudo glasstcp ping 10.9.0.1 --connect -p 22 --netns glass       is the port open, and how far is it?
  sudo glasstcp ping 10.9.1.7 -c 5 --via glass0@glass             over the stack of 'glasstcp up --netns glass'

Exit codes: 0 something was answered, 1 nothing was, 2 it cannot be done (one sentence says why), or the
command line cannot be read.")]
pub struct Args {
    /// The host: an address, or a name with --dns
    #[arg(value_name = "HOST")]
    host: String,

    /// The port
    #[arg(short, long, default_value_t = 12_001)]
    port: u16,

    /// Stop after so many requests
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,

    /// From one request to the next, in seconds
    #[arg(short, long, value_name = "SECONDS", default_value = "1", value_parser = seconds)]
    interval: Duration,

    /// Bytes of a request, up to 65000 [default: 64, of which 8 are the header of ICMP]
    #[arg(short, long, value_name = "BYTES", value_parser = clap::value_parser!(u32).range(1..=65_000))]
    size: Option<u32>,

    /// How long to wait for an answer, in seconds
    #[arg(short = 'W', long, value_name = "SECONDS", default_value = "1", value_parser = seconds)]
    wait: Duration,

    /// A datagram over UDP for each request
    #[arg(short, long, conflicts_with_all = ["icmp", "connect"])]
    udp: bool,

    /// ICMP echo requests, which every host answers
    #[arg(long, conflicts_with_all = ["connect", "via", "port"])]
    icmp: bool,

    /// Only open a connection and close it, for each request: any open port will do
    #[arg(long)]
    connect: bool,

    /// How many routers an ICMP request may pass
    #[arg(short, long, value_name = "N", default_value_t = 64, requires = "icmp", value_parser = clap::value_parser!(u8).range(1..))]
    ttl: u8,

    #[command(flatten)]
    client: client::Args,
}

/// How much longer one waits for what ends by itself when the time is over.
const GRACE: Duration = Duration::from_secs(2);

/// What to do.
#[derive(Clone, Copy, Debug)]
struct Plan {
    way: Way,
    to: SocketAddr,
    size: usize,
    count: Option<u64>,
    interval: Duration,
    wait: Duration,
}

impl Args {
    /// Pings, and says how it went as ping(8) does.
    pub fn run(self) -> ExitCode {
        match self.ping() {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => ExitCode::from(1),
            Err(error) => super::fail(&error, 2),
        }
    }

    /// Whether anything was answered.
    fn ping(self) -> anyhow::Result<bool> {
        let way = match (self.udp, self.icmp, self.connect) {
            (true, ..) => Way::Udp,
            (_, true, _) => Way::Icmp { ttl: self.ttl },
            (_, _, true) => Way::Open,
            _ => Way::Tcp,
        };
        let header = if self.icmp { glasstcp::wire::icmp::HEADER_LEN } else { 0 };
        let size = self.size.map_or(64, |size| size as usize).saturating_sub(header);
        let Args { host, port, count, interval, wait, .. } = self;
        self.client.run(async |client| {
            let to = SocketAddr::new(client.resolve(&host).await?, port);
            let plan = Plan { way, to, size, count, interval, wait };
            match run(client, plan, &mut io::stdout()).await {
                // Who stops reading, as `head` does, has read enough.
                Err(error) if is_broken_pipe(&error) => Ok(true),
                done => done,
            }
        })
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let error: Option<&io::Error> = error.downcast_ref();
    error.is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}

/// Pings until it has been told to stop, or has asked often enough; whether anything was answered.
async fn run(client: &Client, plan: Plan, out: &mut impl Write) -> anyhow::Result<bool> {
    let Plan { to, size, wait, .. } = plan;
    let target = Target { to, size, patience: wait, silence: client.timeout };
    let probe = Probe::start(&client.sockets, plan.way, target).await;
    let probe = probe.map_err(|error| explain("cannot make a socket", error))?;
    writeln!(out, "{}", plan.headline())?;
    let start = Instant::now();
    // Where each request has a connection of its own, that ends in time and says why.
    let patience = if plan.way == Way::Open { wait + GRACE } else { wait };
    let mut ping = Ping { plan, probe, board: Board::new(patience, start), out };
    ping.until_done(client).await?;
    let Ping { board, out, .. } = ping;
    let asked = plan.asked();
    out.write_all(board.stats.summary(&asked, start.elapsed()).as_bytes())?;
    out.flush()?;
    Ok(board.stats.any_answer())
}

impl Plan {
    /// Whom it asks, for people.
    fn asked(&self) -> String {
        self.to.ip().to_string()
    }

    fn headline(&self) -> String {
        let Plan { to, size, .. } = self;
        match self.way {
            Way::Tcp => format!("PING {to} over TCP: lines of {size} bytes"),
            Way::Open => format!("PING {to} by opening connections"),
            Way::Udp => format!("PING {to} over UDP: {size} bytes of data"),
            Way::Icmp { .. } => format!("PING {} by ICMP: {size} bytes of data", to.ip()),
        }
    }
}

/// What goes on.
struct Ping<'a, W> {
    plan: Plan,
    probe: Probe,
    board: Board,
    out: &'a mut W,
}

impl<W: Write> Ping<'_, W> {
    async fn until_done(&mut self, client: &Client) -> anyhow::Result<()> {
        let mut tick = interval(self.plan.interval);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut stopped = pin!(client.stopped());
        loop {
            let sent = self.board.stats.transmitted;
            let more = self.plan.count.is_none_or(|count| sent < count);
            if !more && self.board.is_settled() {
                return Ok(());
            }
            let deadline = self.board.deadline();
            let over = sleep_until(deadline.unwrap_or_else(Instant::now).into());
            tokio::select! {
                // What has come has come, even if its time is over by now.
                biased;
                () = &mut stopped => return Ok(()),
                news = self.probe.news() => {
                    let gone = || anyhow!("the network stack has ended: start again");
                    self.hear(news.ok_or_else(gone)?)?;
                }
                () = over, if deadline.is_some() => self.give_up()?,
                _ = tick.tick(), if more && !self.board.is_full() => self.ask()?,
            }
        }
    }

    fn ask(&mut self) -> io::Result<()> {
        let request = self.board.send(Instant::now());
        match self.probe.ask(request) {
            Ok(()) => Ok(()),
            Err(trouble) => self.fail(request.seq, &trouble),
        }
    }

    fn give_up(&mut self) -> io::Result<()> {
        let reason = self.probe.reason();
        for seq in self.board.expire(Instant::now()) {
            if reason != Trouble::Silence {
                self.board.stats.errors += 1;
            }
            writeln!(self.out, "{}", About(seq, &reason))?;
        }
        Ok(())
    }

    /// Tells of a failure, unless the request has been answered or given up.
    fn fail(&mut self, seq: u64, trouble: &Trouble) -> io::Result<()> {
        let news = match trouble {
            Trouble::Silence => self.board.give_up(seq),
            _ => self.board.failed(seq),
        };
        if news {
            writeln!(self.out, "{}", About(seq, trouble))?;
        }
        Ok(())
    }

    fn hear(&mut self, news: News) -> io::Result<()> {
        match news {
            News::Failed(seq, trouble) => self.fail(seq, &trouble)?,
            News::Broken(up_to, trouble) => {
                for seq in self.board.waiting_up_to(up_to) {
                    self.fail(seq, &trouble)?;
                }
            }
            News::Over(sentence) => return Err(io::Error::other(sentence)),
            News::Garbage(len) => {
                self.board.garbage();
                let from = self.plan.to.ip();
                writeln!(self.out, "{len} bytes from {from}: not an answer (corrupt)")?;
            }
            News::Answer { request, whole, len, ttl, at } => {
                let verdict = self.board.answered(request, whole, at);
                let ttl = ttl.map_or_else(String::new, |ttl| format!(" ttl={ttl}"));
                let end = match verdict {
                    Verdict::InTime(rtt) => format!("{ttl} time={}", time(rtt)),
                    Verdict::Late(rtt) => format!("{ttl} time={} (late)", time(rtt)),
                    Verdict::Duplicate => format!("{ttl} (DUP!)"),
                    Verdict::Corrupt => format!("{ttl} (corrupt)"),
                    Verdict::Stray => return Ok(()),
                };
                let to = self.plan.to;
                let begin = match self.plan.way {
                    Way::Open => format!("connected to {to}"),
                    _ => format!("{len} bytes from {}", to.ip()),
                };
                writeln!(self.out, "{begin}: seq={}{end}", request.seq)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
