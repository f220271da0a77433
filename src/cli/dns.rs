//! `glasstcp dns`: what a DNS server says of a name.

use std::fmt::Write as _;
use std::io::Write as _;

use anyhow::{Context, anyhow};
use clap::ValueEnum;
use glasstcp::client::dns::{Kind, Resolver};
use tokio::time::Instant;

use super::client::{self, unanswered};

/// Ask a DNS server for a name
///
/// Prints the records, aliases first, each with the seconds for which it may be kept, and how the
/// answer came: over UDP, or over TCP when it was too long for a datagram.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sudo glasstcp dns www.example.org --dns 10.9.0.1 --netns glass
  sudo glasstcp dns www.example.org --type AAAA --dns 10.9.0.1:5353 --via glass0@glass

Exit codes: 0 done, 1 it cannot be done (one sentence says why), 2 the command line cannot be read.")]
pub struct Args {
    /// The name
    #[arg(value_name = "NAME")]
    name: String,

    /// Which of its records
    #[arg(
        short = 't',
        long = "type",
        value_name = "TYPE",
        default_value = "A",
        ignore_case = true
    )]
    kind: Wanted,

    #[command(flatten)]
    client: client::Args,
}

/// The kinds of records by their names.
#[derive(Clone, Copy, Debug, ValueEnum)]
#[value(rename_all = "UPPER")]
enum Wanted {
    /// Addresses of IPv4
    A,
    /// Addresses of IPv6
    Aaaa,
    /// The name that it is another one for
    Cname,
}

impl Args {
    /// Asks and prints the answer.
    ///
    /// # Errors
    /// A sentence that says what to do.
    pub fn run(self) -> anyhow::Result<()> {
        let Args { name, kind, client } = self;
        let kind = match kind {
            Wanted::A => Kind::A,
            Wanted::Aaaa => Kind::Aaaa,
            Wanted::Cname => Kind::Cname,
        };
        client.run(async |client| {
            let server = client
                .dns
                .ok_or_else(|| anyhow!("there is nobody to ask: say who with --dns SERVER"))?;
            let (sockets, timeout) = (client.sockets.clone(), client.timeout);
            let begun = Instant::now();
            let answers = Resolver { sockets, server, timeout }.lookup(&name, kind).await;
            let answers = answers.map_err(unanswered)?;
            let mut text = String::new();
            for record in &answers.records {
                // Writing to a string cannot fail.
                let _ = writeln!(text, "{record}");
            }
            let (way, elapsed) = (answers.way, begun.elapsed().as_secs_f64() * 1e3);
            let _ = writeln!(text, ";; from {server} over {way} in {elapsed:.1} ms");
            std::io::stdout().write_all(text.as_bytes()).context("cannot write the answer")
        })
    }
}
