//! `glasstcp rudp`: files over UDP, by a course's protocol, and the harness that tries it.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::client;

mod recv;
mod send;
mod table;

/// Send a file over UDP, and receive it whole, over links that lose, reorder, duplicate and corrupt
///
/// Packets are text, start|0|DATA|CRC, data|1|DATA|CRC, end|2|DATA|CRC, and are answered with ack|3|CRC, or
/// selectively with sack|1;2|CRC: see docs/rudp.md. Over a stack of glasstcp's own, that of a running one (--via), or
/// the kernel's sockets (--kernel).
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  glasstcp rudp recv -p 5000 -o copy --link udp:127.0.0.1:7000
  glasstcp rudp send FILE 10.9.0.1 5000 --link udp:127.0.0.1:0,127.0.0.1:7000 --stack-addr 10.9.0.2
  glasstcp rudp send FILE 127.0.0.1 33122 --kernel     to a program of the course's
  glasstcp rudp test                                   every kind of bad link, in virtual time

Exit codes: 0 done, 1 it cannot be done (one sentence says why), 2 the command line cannot be read.")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Send(send::Args),
    Recv(recv::Args),
    Test(table::Args),
}

/// What both sides may be told.
#[derive(Debug, clap::Args)]
#[group(id = "side")]
struct Side {
    /// Selective answers: they name what has arrived beyond the next packet, and that is not sent again
    #[arg(short = 'k', long)]
    selective: bool,

    /// Over a UDP socket of the kernel
    #[arg(long, conflicts_with_all = ["stack", "via"])]
    kernel: bool,

    #[command(flatten)]
    client: client::Args,
}

impl Args {
    /// Does what is asked for.
    ///
    /// # Errors
    /// A sentence that says what to do.
    pub fn run(self) -> anyhow::Result<()> {
        match self.command {
            Command::Send(args) => args.run(),
            Command::Recv(args) => args.run(),
            Command::Test(args) => args.run(),
        }
    }
}

impl Side {
    /// Does `work` with sockets as they were asked for.
    fn run(
        self,
        work: impl AsyncFnOnce(&client::Client) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        if self.kernel { self.client.run_over_kernel(work) } else { self.client.run(work) }
    }
}

/// How much came in which time, and how fast that was.
fn speed(bytes: u64, took: Duration) -> String {
    let seconds = took.as_secs_f64();
    let rate = if seconds > 0.0 { bytes as f64 * 8.0 / seconds / 1e6 } else { 0.0 };
    format!("{bytes} bytes in {seconds:.3} s, {rate:.2} Mbit/s")
}

/// Shows how much there is, if somebody looks, where nobody knows how much there will be.
fn spinner() -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {bytes} {bytes_per_sec}");
    ProgressBar::no_length().with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()))
}

#[cfg(test)]
mod tests;
