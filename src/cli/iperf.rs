//! `glasstcp iperf`: how fast it is to a server of iperf3's, and from there.
//!
//! ```text
//!   Args -> client::iperf::Iperf::run -> Seen, Report -> text, or json
//! ```

mod json;
mod text;

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{anyhow, bail, ensure};
use glasstcp::client::iperf::{
    Iperf, IperfError, OMIT_MAX, PARALLEL_MAX, PORT, Params, Report, Seen, TIME_MAX,
};
use glasstcp::device::impair::units::parse_size;

use super::client::{self, Client, sentence};
use super::say;

/// Measure how fast it is to an iperf3 server, and from there
///
/// Speaks iperf3's protocol (TCP) with a stock 'iperf3 -s', or 'glasstcp up --serve iperf3', over a stack of its own,
/// that of a running glasstcp (--via), or the kernel's sockets (--kernel). What each side has counted is printed in the
/// end; segments sent again and the congestion window where they are seen: over a stack of its own.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sudo glasstcp iperf 10.9.0.1 --netns glass         'iperf3 -s' of the kernel in that namespace
  sudo glasstcp iperf 10.9.0.1 -R -P 8 --netns glass
  glasstcp iperf 10.9.0.2 --bidir -t 2 --link udp:127.0.0.1:0,127.0.0.1:7000
  glasstcp iperf 127.0.0.1 -n 1g -J --kernel         as iperf3 itself does it

Sizes are in powers of 1024, rates in powers of 1000, as iperf3 has them. Ctrl-C ends a test, prints what was counted
by then, and is a failure.

Exit codes: 0 done, 1 it cannot be done (one sentence says why), 2 the command line cannot be read.")]
pub struct Args {
    /// The host: an address, or a name with --dns
    #[arg(value_name = "HOST")]
    host: String,

    /// The port
    #[arg(short, long, value_name = "PORT", default_value_t = PORT)]
    port: u16,

    /// So many seconds; 0 for as long as it takes [default: 10]
    #[arg(short, long, value_name = "SECONDS", conflicts_with = "bytes", value_parser = clap::value_parser!(u32).range(..=i64::from(TIME_MAX)))]
    time: Option<u32>,

    /// Until so many bytes are moved in one direction, over all connections together, instead of a time
    #[arg(short = 'n', long, value_name = "SIZE", value_parser = bytes)]
    bytes: Option<u64>,

    /// So many connections in each direction
    #[arg(short = 'P', long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=i64::from(PARALLEL_MAX)))]
    parallel: u32,

    /// The server sends
    #[arg(short = 'R', long)]
    reverse: bool,

    /// Both send, over connections of their own
    #[arg(long, conflicts_with = "reverse")]
    bidir: bool,

    /// Bytes of one write; of ours at most 64k
    #[arg(short, long, value_name = "SIZE", default_value = "128k", value_parser = length)]
    length: u32,

    /// So many seconds at the beginning do not count
    #[arg(short = 'O', long, value_name = "SECONDS", default_value_t = 0, value_parser = clap::value_parser!(u32).range(..=i64::from(OMIT_MAX)))]
    omit: u32,

    /// Print what was moved every so many seconds; 0 for only in the end
    #[arg(short, long, value_name = "SECONDS", default_value = "1", value_parser = interval)]
    interval: Duration,

    /// Print one document of JSON in the end, with the names that iperf3 has
    #[arg(short = 'J', long)]
    json: bool,

    /// Over sockets of the kernel
    #[arg(long, conflicts_with_all = ["stack", "via"])]
    kernel: bool,

    #[command(flatten)]
    client: client::Args,
}

/// How long a test lasts when nothing else is asked for, in seconds.
const TIME: u32 = 10;
/// The longest write, in bytes (as iperf3).
const LENGTH_MAX: u64 = 1 << 20;
/// The shortest and the longest interval, in seconds (as iperf3).
const INTERVALS: std::ops::RangeInclusive<f64> = 0.1..=60.0;

/// What shows a test to whoever has asked for it.
enum Output {
    Text(text::Text),
    Json(Box<json::Json>),
}

impl Args {
    /// Measures, and prints what came of it.
    ///
    /// # Errors
    /// A sentence that says what to do.
    pub fn run(self) -> anyhow::Result<()> {
        ensure!(self.port != 0, "port 0 is nowhere to connect to: give -p the port of the server");
        let (params, json, kernel) = (self.params(), self.json, self.kernel);
        let interval = Some(self.interval).filter(|interval| !interval.is_zero());
        let (host, port) = (self.host, self.port);
        let work = async |client: &Client| {
            let to = SocketAddr::new(client.resolve(&host).await?, port);
            let (sockets, patience) = (client.sockets.clone(), client.timeout);
            let mut output = match json {
                true => Output::Json(Box::new(json::Json::new(to, &params))),
                false => Output::Text(text::Text::new(to, &params)),
            };
            let test = Iperf { sockets, to, patience, params, interval };
            let done = test.run(client.stopped(), |seen| output.see(&seen)).await;
            output.end(&done)?;
            match done {
                Ok(Report { theirs: Some(_), .. }) => Ok(()),
                Ok(_) => bail!("ended by a signal"),
                Err(error) => Err(explain(to, error)),
            }
        };
        if kernel { self.client.run_over_kernel(work) } else { self.client.run(work) }
    }

    /// What the server is asked for.
    fn params(&self) -> Params {
        let time = self.time.unwrap_or(if self.bytes.is_some() { 0 } else { TIME });
        Params {
            tcp: true,
            omit: self.omit,
            time,
            num: self.bytes.unwrap_or(0),
            parallel: self.parallel,
            reverse: self.reverse,
            bidirectional: self.bidir,
            len: self.length,
            client_version: version(),
            ..Params::default()
        }
    }
}

impl Output {
    fn see(&mut self, seen: &Seen<'_>) {
        match self {
            Output::Text(text) => text.see(seen),
            Output::Json(json) => json.see(seen),
        }
    }

    /// Prints what is left to be printed.
    fn end(self, done: &Result<Report, IperfError>) -> anyhow::Result<()> {
        match (self, done) {
            (Output::Json(json), done) => say(&format!("{:#}\n", json.end(done))),
            (Output::Text(text), Ok(report)) => text.end(report),
            (Output::Text(_), Err(_)) => Ok(()),
        }
    }
}

/// What this is, as the server is told.
fn version() -> String {
    concat!("glasstcp ", env!("CARGO_PKG_VERSION")).to_owned()
}

/// Why it cannot be done, and what to do.
fn explain(to: SocketAddr, error: IperfError) -> anyhow::Error {
    match error {
        IperfError::Dial(error) => sentence(error),
        other => anyhow!("{to}: {other}"),
    }
}

/// How much is moved.
fn bytes(text: &str) -> Result<u64, String> {
    let size = parse_size(text).map_err(|error| error.to_string())?;
    Some(size).filter(|&size| size > 0).ok_or_else(|| "give 1 byte at least".to_owned())
}

/// How much is written at a time.
fn length(text: &str) -> Result<u32, String> {
    let size = Some(bytes(text)?).filter(|&size| size <= LENGTH_MAX);
    let size = size.and_then(|size| u32::try_from(size).ok());
    size.ok_or_else(|| "give at most 1m".to_owned())
}

/// An interval, or none.
fn interval(text: &str) -> Result<Duration, String> {
    let seconds: Option<f64> = text.parse().ok();
    let seconds = seconds.filter(|seconds| *seconds == 0.0 || INTERVALS.contains(seconds));
    let interval = seconds.map(Duration::from_secs_f64);
    interval.ok_or_else(|| "give a number of seconds from 0.1 to 60, or 0".to_owned())
}

#[cfg(test)]
mod tests;
