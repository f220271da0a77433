//! `glasstcp events`: what a running glasstcp has done lately, or what it does, as it does it.

use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixStream;

use anyhow::{Context, anyhow};
use glasstcp::control::{Reply, Request};
use glasstcp::observe::stream::Style;
use glasstcp::service::text::harmless_line;

use super::control::{SOMETHING_ELSE, Whom, say_ended};

/// Show what happened last on the connections of a running glasstcp, or what happens
///
/// Every segment with the reason for it, what was refused and why, changes of state, the congestion window, losses and
/// how they were found. Without -f the last 256 of each connection, which are always kept; with it from now on until Ctrl-C.
/// A reader that is too slow misses events, and is told how many; the stack waits for nobody.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sudo glasstcp events --conn 7               what happened last on the connection that 'glasstcp ss' shows as #7
  sudo glasstcp events -f                     what happens, in lines for people
  sudo glasstcp events -f --json | jq 'select(.name == \"lost\")'

Exit codes: 0 all was shown, or the glasstcp has ended, or --count lines have come, or nobody reads them, 1 it cannot be done (one sentence says why), 2 the
command line cannot be read.")]
pub struct Args {
    #[command(flatten)]
    whom: Whom,

    /// Follow: what happens from now on
    #[arg(short, long)]
    follow: bool,

    /// Only of this connection, by its number
    #[arg(long, value_name = "N")]
    conn: Option<u32>,

    /// Lines of JSON, with every event (docs/events.md)
    #[arg(long, conflicts_with = "text")]
    json: bool,

    /// Lines for people, as without --json
    #[arg(long)]
    text: bool,

    /// End after so many lines
    #[arg(long, value_name = "N")]
    count: Option<u64>,
}

impl Args {
    /// Asks, and prints what comes as it comes.
    pub fn run(self) -> anyhow::Result<()> {
        let style = if self.json { Style::Json } else { Style::Text };
        let conn = self.conn;
        let request = match self.follow {
            true => Request::Events { conn, style },
            false => Request::Recorded { conn, style },
        };
        let (reply, lines) = self.whom.ask_for_lines(&request)?;
        let Reply::Done { .. } = reply else {
            return Err(anyhow!(SOMETHING_ELSE));
        };
        let all = print(lines, self.count.unwrap_or(u64::MAX))?;
        if all && self.follow {
            say_ended();
        }
        Ok(())
    }
}

/// Printed in one go, in bytes.
const PART: usize = 64 << 10;

/// Prints at most so many lines: what has come at once, as soon as nothing more is there. True when no more will come.
fn print(mut lines: BufReader<UnixStream>, mut left: u64) -> anyhow::Result<bool> {
    let mut text = String::new();
    while left > 0 {
        let mut line = Vec::new();
        let len = lines.read_until(b'\n', &mut line);
        if len.context("the connection to the running glasstcp is broken")? == 0 {
            return Ok(true);
        }
        let line = String::from_utf8_lossy(&line);
        text += &harmless_line(line.strip_suffix('\n').unwrap_or(&line));
        text.push('\n');
        left -= 1;
        let more = left > 0 && !lines.buffer().is_empty() && text.len() < PART;
        if !more && !super::say_if_read(&std::mem::take(&mut text))? {
            break;
        }
    }
    Ok(false)
}
