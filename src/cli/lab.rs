//! `glasstcp lab`: the classic lessons about TCP.

mod folder;
mod live;
mod show;
mod words;

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context, anyhow, bail};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use glasstcp::lab::{self, Done, LABS, Lab};
use glasstcp::observe::grade::Verdict;

use folder::Folder;
use words::Text;

/// Take a classic lesson about TCP: what happens, what to look for, and questions
///
/// Each lab runs in the simulator, in virtual time, and is the same each time; with --live some run over a real TUN
/// device, with the kernel's TCP at the other end. It says what will happen, shows it segment by segment, checks what it
/// has claimed, writes events, packets and pictures to a folder, and asks.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  glasstcp lab                          which labs there are
  glasstcp lab handshake
  glasstcp lab slow-start --answers     with the answers, counted on this very run
  glasstcp lab cubic-bbr --web          and both runs side by side in a browser
  glasstcp lab sack --out ~/tcp/sack    its files to another folder than ./lab-sack
  sudo glasstcp lab close --live        over a real device, in a network namespace of its own

docs/labs has them printed, with pictures.

Exit codes: 0 everything claimed was seen, 1 something was not or it cannot be done (one sentence says why), 2 the command
line cannot be read.")]
pub struct Args {
    /// Which lab; without one they are listed
    #[arg(value_name = "NAME", value_parser = names())]
    name: Option<&'static Lab>,

    /// Print the answers to the questions too
    #[arg(long, requires = "name")]
    answers: bool,

    /// Where to write events, packets and pictures [default: lab-NAME]
    #[arg(long, value_name = "DIR", requires = "name")]
    out: Option<PathBuf>,

    /// Open what was recorded in the page that replays it, at an address of this machine, until Ctrl-C
    #[arg(long, requires = "name", value_name = "ADDRESS:PORT", num_args = 0..=1, default_missing_value = "127.0.0.1:0", value_parser = super::serve::address)]
    web: Option<SocketAddr>,

    /// Run it over a real TUN device with the kernel at the other end, in a network namespace of its own (root)
    #[arg(long, requires = "name")]
    live: bool,
}

/// The list is there for the help and for the shells, which complete from it.
fn names() -> impl TypedValueParser<Value = &'static Lab> {
    PossibleValuesParser::new(LABS.iter().map(|lab| lab.name))
        .try_map(|name| lab::find(&name).ok_or("there is no such lab"))
}

impl Args {
    /// Lists the labs, or takes one.
    pub fn run(self) -> anyhow::Result<()> {
        let Some(lab) = self.name else { return super::say(&list()) };
        let live = match (&lab.live, self.live) {
            (_, false) => None,
            (lab::Live::Offered(run), true) => Some(*run),
            (lab::Live::Not(why), true) => bail!("{} is not offered with --live: {why}", lab.name),
        };
        let folder = self.out.clone().unwrap_or_else(|| format!("lab-{}", lab.name).into());
        // Before anything runs, so that nobody waits in vain.
        let mut folder = Folder::open(&folder)?;
        let mut text = Text::default();
        words::before(&mut text, lab, live);
        super::say(&text.take())?;
        let (done, watch) = match live {
            Some(run) => {
                let (recorded, watch) = live::run(lab, run)?;
                (Done::live(lab, recorded)?, Some(watch))
            }
            None => {
                let done = lab.simulate().with_context(|| format!("cannot run {}", lab.name))?;
                (done, None)
            }
        };
        words::ladders(&mut text, &done)?;
        let all_seen = words::seen(&mut text, &done)?;
        write(&done, &mut folder)?;
        words::files(&mut text, &done, &folder);
        words::questions(&mut text, &done, self.answers)?;
        super::say(&text.take())?;
        drop(watch);
        if let Some(at) = self.web {
            show::run(at, &done)?;
        }
        match all_seen {
            true => Ok(()),
            false => Err(anyhow!("not everything that {} claims was seen", lab.name)),
        }
    }
}

/// A line for each lab.
fn list() -> String {
    let width = LABS.iter().map(|lab| lab.name.len()).max().unwrap_or(0);
    let line = |lab: &&Lab| {
        let live = if matches!(lab.live, lab::Live::Offered(_)) { "live" } else { "" };
        format!("{:<width$}  {live:<4}  {}\n", lab.name, lab.summary)
    };
    let lines: String = LABS.iter().map(line).collect();
    format!(
        "{lines}\nglasstcp lab NAME takes one; those that say 'live' can run over a real device, too: --live\n"
    )
}

/// Writes all files.
fn write(done: &Done, folder: &mut Folder) -> anyhow::Result<()> {
    for run in &done.runs {
        folder.write(&format!("{}.events.jsonl", run.name), &run.events)?;
        folder.write(&format!("{}.pcapng", run.name), &run.packets)?;
        // A run that is only there to be compared with has none of its own.
        let rules = done.rules(run.name);
        if !rules.is_empty() {
            folder.write(&format!("{}.rules", run.name), rules.as_bytes())?;
        }
    }
    for drawing in done.pictures()? {
        folder.write(&format!("{}.svg", drawing.name), drawing.svg.as_bytes())?;
    }
    folder.finish()
}

/// Whether a verdict is good enough.
fn is_seen(verdict: Verdict) -> bool {
    verdict == Verdict::Pass
}

#[cfg(test)]
mod tests;
