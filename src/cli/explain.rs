//! `glasstcp explain`: the story of a connection in words.

use glasstcp::observe::trace::story;
use glasstcp::service::text::harmless_line;

use super::recording::Which;

/// Tell the story of a connection in words, from a file of events or a capture
///
/// How it was opened, what slow start came to, each loss with how it was found and what the window did, time-outs,
/// closed windows, refusals, how it ended, and what it all comes to; with times, and the clauses of the RFCs. From packets
/// alone, reasons and states are guesses.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  glasstcp explain events.jsonl              what 'glasstcp up --events events.jsonl' has written
  glasstcp explain --conn 3 capture.pcapng   the third connection of a capture by tcpdump or Wireshark

Exit codes: 0 done, 1 it cannot be done (one sentence says why), 2 the command line cannot be read.")]
pub struct Args {
    #[command(flatten)]
    which: Which,

    /// Everything, line by line; otherwise what repeats is summed up, and of more than 200 things those in the middle are left out
    #[arg(long)]
    all: bool,
}

impl Args {
    /// Reads, and tells.
    pub fn run(self) -> anyhow::Result<()> {
        let trace = self.which.read()?;
        let mut text = String::new();
        for told in story::tell(&trace, self.all) {
            for line in told.lines() {
                text += &harmless_line(line);
                text.push('\n');
            }
        }
        super::say(&text)
    }
}
