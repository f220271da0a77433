//! `glasstcp rudp recv`.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use clap::value_parser;
use glasstcp::client::rudp::receiver::{self, Why};
use glasstcp::client::rudp::{Arrival, Target, receive};
use indicatif::ProgressBar;

use super::super::client::{Client, explain, seconds};
use super::super::serve::bind_error;
use super::{Side, speed};

/// Receive a file, or many
///
/// A file is written under another name, and gets its own when it is whole. The sender is answered for
/// --linger after its end, in case it has not heard that all is there.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("target").required(true).args(["output", "dir"])))]
pub struct Args {
    /// The port; 0 is any that is free
    #[arg(short, long, value_name = "PORT", default_value_t = 33122)]
    port: u16,

    /// Where to write the one file that is received
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Receive files of up to 64 senders at once into this folder, each under the address and the port of its
    /// sender, until a signal ends it
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,

    /// With --dir, end after so many whole files
    #[arg(long, value_name = "N", conflicts_with = "output", value_parser = value_parser!(u64).range(1..))]
    count: Option<u64>,

    /// Answer repeated ends until none has come for so long, in seconds; no longer than --timeout in all
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = seconds)]
    linger: Duration,

    #[command(flatten)]
    side: Side,
}

impl Args {
    /// Receives.
    pub fn run(self) -> anyhow::Result<()> {
        let Args { port, output, dir, count, linger, side } = self;
        let (target, senders) = match (output, dir) {
            (Some(file), _) => (Target::File(file), 1),
            (None, Some(folder)) => (Target::Folder(folder), receiver::Config::default().senders),
            (None, None) => bail!("say where to write: -o FILE or --dir DIR"),
        };
        let (Target::File(place) | Target::Folder(place)) = &target;
        target.check().with_context(|| format!("cannot write {}", place.display()))?;
        let (kernel, selective) = (side.kernel, side.selective);
        side.run(async |client: &Client| {
            let made = client.sockets.datagrams(port).await;
            let socket = made.map_err(|error| match kernel {
                true => anyhow!(bind_error(([0, 0, 0, 0], port).into(), &error)),
                false => explain(&format!("cannot receive on port {port}"), error),
            })?;
            let local = socket.local_addr().context("cannot tell the address of the socket")?;
            eprintln!("receiving on {local}");
            let patience = client.timeout;
            let config = receiver::Config { selective, senders, patience, linger };
            let mut hall = Hall::new(&target, count);
            let received = receive(&socket, &target, config, |arrival| hall.hear(arrival)).await;
            hall.bar.finish_and_clear();
            received.context("cannot receive")?;
            hall.failed.map_or(Ok(()), Err)
        })
    }
}

/// Where it is told what happens.
struct Hall<'a> {
    target: &'a Target,
    /// Files that are still to come, if that is known.
    left: Option<u64>,
    bar: ProgressBar,
    /// Why the one file is not there.
    failed: Option<anyhow::Error>,
}

impl<'a> Hall<'a> {
    fn new(target: &'a Target, count: Option<u64>) -> Hall<'a> {
        let (left, bar) = match target {
            Target::File(_) => (Some(1), super::spinner()),
            Target::Folder(_) => (count, ProgressBar::hidden()),
        };
        Hall { target, left, bar, failed: None }
    }

    /// Tells what happens; whether that was all.
    fn hear(&mut self, arrival: Arrival) -> bool {
        match arrival {
            Arrival::Begun(from) => eprintln!("a file from {from}"),
            Arrival::Progress(bytes) => self.bar.set_position(bytes),
            Arrival::Whole { from, path, sha256, bytes, took } => self.print(format!(
                "received {}: {}, from {from}\nsha256   {sha256}\n",
                path.display(),
                speed(bytes, took),
            )),
            Arrival::Unwritten(from, error) => {
                let (Target::File(place) | Target::Folder(place)) = self.target;
                let what = format!("cannot write the file of {from} to {}", place.display());
                return self.fail(anyhow::Error::new(error).context(what));
            }
            Arrival::Gone { gone, spoilt, corrupt, strangers } => {
                if !gone.whole {
                    return self.unfinished(&gone, spoilt);
                }
                let receiver::Counts { packets, early, duplicates, beyond, .. } = gone.counts;
                self.print(format!(
                    "packets  {packets}: {duplicates} duplicates, {early} early, {beyond} too far ahead; \
                     {corrupt} corrupt, {strangers} without a start\n"
                ));
                self.left = self.left.map(|left| left.saturating_sub(1));
                return self.left == Some(0);
            }
        }
        false
    }

    /// A file that does not come any more; whether that was all.
    fn unfinished(&mut self, gone: &receiver::Gone, spoilt: bool) -> bool {
        let (from, bytes) = (gone.from, gone.counts.bytes);
        let happened = match gone.why {
            Why::Over => "has fallen silent",
            Why::Anew => "has begun another file",
            Why::GaveWay => "was silent and has given way to another",
            Why::Enough => "was not done when there were enough",
        };
        let kept = match spoilt {
            true => "they have gone into the pipe and cannot be taken back",
            false => "nothing is kept of its file",
        };
        let error = anyhow!("{from} {happened} after {bytes} bytes: {kept}");
        // Who has sent a start and no more may be a stray.
        let was_under_way = gone.counts.packets > gone.counts.duplicates + 1;
        match gone.why {
            Why::Over if was_under_way => self.fail(error),
            _ if spoilt => self.fail(error),
            _ => {
                eprintln!("{error:#}");
                false
            }
        }
    }

    /// The one file is what it is for; of many it is one less.
    fn fail(&mut self, error: anyhow::Error) -> bool {
        match self.target {
            Target::File(_) => {
                self.failed.get_or_insert(error);
                true
            }
            Target::Folder(_) => {
                eprintln!("glasstcp: {error:#}");
                false
            }
        }
    }

    fn print(&self, text: String) {
        self.bar.suspend(|| {
            // Without standard output there is nobody to tell.
            let _ = io::Write::write_all(&mut io::stdout(), text.as_bytes());
        });
    }
}
