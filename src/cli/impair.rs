//! `glasstcp impair`: changes the link of a running glasstcp, and shows how it is.

use std::io;
use std::path::{Path, PathBuf};

use anyhow::{anyhow, bail};
use glasstcp::control::{self, LaneStatus, LinkStatus, Reply, Request};
use glasstcp::device::impair::Spec;
use glasstcp::service::text::{harmless_line, harmless_lines};

/// Change the link of a running glasstcp, and show how it is
///
/// Rules are added to those in force: a later one about the same property overrules an earlier one, and
/// 'clear' takes everything away. Without rules it only shows what is in force and what was counted.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sudo glasstcp impair                                what is in force, and what it did
  sudo glasstcp impair delay=50ms out:loss=2%         both ways longer; one of fifty is lost going out
  sudo glasstcp impair clear rate=10mbit queue=20p    only this from now on
  sudo glasstcp impair drop:data:nth=3                the third segment with text from now on, each way
  sudo glasstcp impair clear                          a perfect link again

For 'glasstcp up', out is what the stack sends; for 'glasstcp link', from left to right, or from the
clients to the server. docs/link.md has the language.

Exit codes: 0 done, 1 it cannot be done (one sentence says why), 2 the command line cannot be read.")]
pub struct Args {
    /// The control socket of the one that is meant, if several run
    #[arg(long, value_name = "SOCKET")]
    control: Option<PathBuf>,

    /// What is to come into force
    #[arg(value_name = "RULE")]
    rules: Vec<Spec>,
}

impl Args {
    /// Asks, and prints the answer.
    pub fn run(self) -> anyhow::Result<()> {
        let path = self.control.map_or_else(only_one, Ok)?;
        let rules: Vec<_> = self.rules.into_iter().flat_map(|spec| spec.rules).collect();
        let spec = (!rules.is_empty()).then(|| Spec { rules }.to_string());
        let reply = control::ask(&path, &Request::Impair { spec });
        match reply.map_err(|error| anyhow!(ask_error(&path, &error)))? {
            Reply::Link(link) => super::say(&harmless_lines(&format(&link))),
            Reply::Error(sentence) => Err(anyhow!(harmless_line(&sentence))),
            Reply::Open { .. } | Reply::Failed(_) => Err(anyhow!("it has answered something else")),
        }
    }
}

/// The only socket there is.
fn only_one() -> anyhow::Result<PathBuf> {
    let mut running = control::running();
    match running.len() {
        0 => bail!(
            "no glasstcp runs here whose link could be changed: start one with 'glasstcp up' or 'glasstcp link', or name its socket with --control (as root, if it was started as root)"
        ),
        1 => Ok(running.remove(0)),
        _ => {
            let all: Vec<_> = running.iter().map(|path| path.display().to_string()).collect();
            bail!("several run here: choose one with --control, of {}", all.join(", "))
        }
    }
}

/// Why nobody answers at `path`, and what to do.
fn ask_error(path: &Path, error: &io::Error) -> String {
    let path = path.display();
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
            format!("no glasstcp listens on {path}: look whether it still runs")
        }
        io::ErrorKind::PermissionDenied => {
            format!("not permitted to use {path}: use the user who has started it, or sudo")
        }
        io::ErrorKind::WouldBlock => {
            format!("the glasstcp at {path} does not answer: it is stopped, or others keep it busy")
        }
        _ => format!("no answer from {path}: {error}"),
    }
}

/// Both directions, a paragraph each.
pub fn format(link: &LinkStatus) -> String {
    format!("{}{}", lane("out", &link.out), lane("in", &link.back))
}

fn lane(name: &str, lane: &LaneStatus) -> String {
    let rules = if lane.rules.is_empty() { "perfect" } else { &lane.rules };
    let LaneStatus { arrived, delivered, waiting, waited_mean_us, waited_max_us, .. } = lane;
    let mut text = format!(
        "{name}: {rules}\n  {} packets in ({} bytes), {} out ({} bytes), {} waiting\n",
        arrived.packets, arrived.bytes, delivered.packets, delivered.bytes, waiting.packets,
    );
    if *waited_max_us > 0.0 {
        let (mean, most) = (waited_mean_us / 1e3, waited_max_us / 1e3);
        text += &format!("  waited {mean:.3} ms in the mean, {most:.3} ms at most\n");
    }
    let effects = lane.effects.iter().map(|(name, n)| format!("{n} {}", name.replace('_', " ")));
    let effects: Vec<_> = effects.collect();
    if !effects.is_empty() {
        text += &format!("  {}\n", effects.join(", "));
    }
    text
}

#[cfg(test)]
mod tests;
