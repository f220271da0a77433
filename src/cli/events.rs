//! `glasstcp events`: what a running glasstcp does, as it does it.

use std::io::BufRead;

use anyhow::{Context, anyhow};
use glasstcp::control::{Reply, Request};
use glasstcp::observe::stream::Style;
use glasstcp::service::text::harmless_line;

use super::control::{SOMETHING_ELSE, Whom};

/// Show what a running glasstcp does, as it does it
///
/// Every segment with the reason for it, what was refused and why, changes of state, the congestion window, losses and
/// how they were found; from now on until Ctrl-C. A reader that is too slow misses events, and is told how many; the stack
/// waits for nobody.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sudo glasstcp events                        lines for people
  sudo glasstcp events --conn 7               of the connection that 'glasstcp ss' shows as #7
  sudo glasstcp events --json | jq 'select(.name == \"lost\")'

Exit codes: 0 the glasstcp has ended, or --count lines have come, or nobody reads them, 1 it cannot be done (one sentence says why), 2 the
command line cannot be read.")]
pub struct Args {
    #[command(flatten)]
    whom: Whom,

    /// Only of this connection, by its number
    #[arg(long, value_name = "N")]
    conn: Option<u32>,

    /// Lines of JSON, with every event (docs/events.md)
    #[arg(long)]
    json: bool,

    /// End after so many lines
    #[arg(long, value_name = "N")]
    count: Option<u64>,
}

impl Args {
    /// Asks, and prints what comes as it comes.
    pub fn run(self) -> anyhow::Result<()> {
        let style = if self.json { Style::Json } else { Style::Text };
        let (reply, lines) =
            self.whom.ask_for_lines(&Request::Events { conn: self.conn, style })?;
        let Reply::Done { .. } = reply else {
            return Err(anyhow!(SOMETHING_ELSE));
        };
        let most = self.count.map_or(usize::MAX, |count| count.try_into().unwrap_or(usize::MAX));
        for line in lines.lines().take(most) {
            let line = line.context("the connection to the running glasstcp is broken")?;
            if !super::say_if_read(&(harmless_line(&line) + "\n"))? {
                break;
            }
        }
        Ok(())
    }
}
