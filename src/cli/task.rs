//! `glasstcp task`: files, arithmetic and names from a server of tasks.
//!
//! ```text
//!   Args -> order::Tasks -> work::Work -> client::tasks::Asker, one a connection
//!                                      -> store::Store            what files become
//!                        -> table
//! ```

mod order;
mod store;
mod work;

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{bail, ensure};

use super::client;
use super::say;

/// Have a server do tasks: send files, calculate, find names
///
/// Asks a server such as 'glasstcp up --serve tasks' for any number of files, results and addresses, in the
/// order written. What arrives is checked by its length and its SHA-256, and a file is there only when it is
/// whole. At the end it prints what came of each task.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  glasstcp task 10.9.0.2 --file notes.txt -o downloads --link udp:127.0.0.1:0,127.0.0.1:7000
  glasstcp task 10.9.0.2 --calc '2^10+sqrt(16)' --calc '-2^2' --link udp:127.0.0.1:0,127.0.0.1:7000
  glasstcp task 10.9.0.2 --file big --transcript --cc reno --drop in:data:nth=9 --link udp:127.0.0.1:0,127.0.0.1:7000
  sudo glasstcp task 10.9.0.1 -p 5000 --calc 1+1 --netns glass
                                                     a server of the kernel in that namespace
  sudo glasstcp task 10.9.0.1 --query example.org --via glass0@glass

docs/tasks.md has the protocol.

Exit codes: 0 all is done, 1 something is not (a sentence says why; the rest is done all the same), 2 the
command line cannot be read.")]
pub struct Args {
    /// The host: an address, or a name with --dns
    #[arg(value_name = "HOST")]
    host: String,

    /// The port
    #[arg(short, long, value_name = "PORT", default_value_t = 12345)]
    port: u16,

    #[command(flatten)]
    tasks: order::Tasks,

    /// The folder in which files are stored
    #[arg(short, long, value_name = "DIR", default_value = ".")]
    output: PathBuf,

    /// So many connections at a time, of which each takes the next task that is left; with 1 all tasks go over
    /// the same
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    parallel: u16,

    #[command(flatten)]
    client: client::Args,
}

impl Args {
    /// Does all tasks, and prints what came of them.
    ///
    /// # Errors
    /// A sentence that says what to do, when one or more could not be done.
    pub fn run(self) -> anyhow::Result<()> {
        ensure!(self.port != 0, "port 0 is nowhere to connect to: give -p the port of the server");
        let tasks = self.tasks.0;
        let store = store::Store::open(self.output, &tasks)?;
        let parallel = usize::from(self.parallel);
        let (host, port) = (self.host, self.port);
        self.client.run(async |client| {
            let to = SocketAddr::new(client.resolve(&host).await?, port);
            let work = work::Work::new(client, to, &tasks, store);
            let rows = work.all(parallel).await;
            let printed = say(&work::table(&tasks, &rows));
            let failed = tasks.iter().zip(&rows).filter_map(|(task, row)| {
                let error = row.result.as_ref().err()?;
                Some(format!("{}: {error}", work::shown(task)))
            });
            let failed: Vec<String> = failed.collect();
            match &failed[..] {
                [] => printed,
                [only] if tasks.len() == 1 => bail!("{only}"),
                [first, ..] => {
                    bail!("{} of {} tasks are not done: {first}", failed.len(), tasks.len())
                }
            }
        })
    }
}

#[cfg(test)]
mod tests;
