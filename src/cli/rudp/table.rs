//! `glasstcp rudp test`: every kind of link, in both modes, as a table.

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::value_parser;
use glasstcp::client::rudp::sender;
use glasstcp::client::rudp::trial::{Case, Outcome, Trial, cases};
use glasstcp::device::impair::Direction;
use glasstcp::device::impair::units::parse_size;

/// The largest file that is tried, in bytes; more shows nothing more.
const MAX_SIZE: u64 = 100 << 20;

/// Try the protocol over every kind of bad link, in virtual time
///
/// The sender and the receiver of the other two commands, and the links of 'glasstcp link', with a clock that
/// jumps: the same size and seed give the same table. It fails if a file does not arrive as it was sent.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// How long the file is, at most 100m
    #[arg(long, value_name = "SIZE", default_value = "200k", value_parser = parse_size)]
    size: u64,

    /// From which the file and all chance come
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// Packets that may be on the way, 1 to 64
    #[arg(long, value_name = "N", default_value = "5", value_parser = value_parser!(u64).range(1..=sender::MAX_WINDOW as u64))]
    window: u64,

    /// How long to wait for something new before everything goes again, in milliseconds
    #[arg(long, value_name = "MS", default_value = "500", value_parser = value_parser!(u64).range(1..=60_000))]
    rto: u64,
}

impl Args {
    /// Tries it.
    pub fn run(self) -> anyhow::Result<()> {
        if self.size > MAX_SIZE {
            bail!("--size {} is more than {MAX_SIZE}, which shows nothing more", self.size);
        }
        let mut rows = Vec::new();
        for case in cases() {
            for selective in [false, true] {
                rows.push((case, selective, self.attempt(&case, selective)?));
            }
        }
        let failed = rows.iter().filter(|(.., outcome)| outcome.verdict().is_err()).count();
        let mut text = table(&rows);
        let _ = writeln!(text, "{} of {} passed", rows.len() - failed, rows.len());
        crate::cli::say(&text)?;
        match failed {
            0 => Ok(()),
            _ => bail!("{failed} of {} have failed: the table says which", rows.len()),
        }
    }

    fn attempt(&self, case: &Case, selective: bool) -> anyhow::Result<Outcome> {
        let link = case.rules().parse().context("the rules of the link")?;
        let config = sender::Config {
            window: self.window as usize,
            rto: Duration::from_millis(self.rto),
            selective,
            ..sender::Config::default()
        };
        let size = usize::try_from(self.size).unwrap_or(usize::MAX);
        Ok(Trial { size, seed: self.seed, link, config }.run()?)
    }
}

const HEAD: [&str; 11] = [
    "link", "way", "answers", "time", "packets", "again", "fast", "RTOs", "corrupt", "dup.",
    "result",
];

fn table(rows: &[(Case, bool, Outcome)]) -> String {
    let cells = rows.iter().map(|(case, selective, outcome)| row(case, *selective, outcome));
    let rows: Vec<_> = [HEAD.map(str::to_owned)].into_iter().chain(cells).collect();
    let widths = std::array::from_fn::<_, { HEAD.len() }, _>(|column| {
        rows.iter().map(|row| row[column].len()).max().unwrap_or(0)
    });
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(widths).enumerate().map(|(column, (cell, width))| {
            // Words to the left, numbers to the right.
            match (3..HEAD.len() - 1).contains(&column) {
                true => format!("{cell:>width$}"),
                false => format!("{cell:<width$}"),
            }
        });
        text += cells.collect::<Vec<_>>().join("  ").trim_end();
        text.push('\n');
    }
    text
}

fn row(case: &Case, selective: bool, outcome: &Outcome) -> [String; HEAD.len()] {
    let Outcome { sender, receiver, .. } = outcome;
    let way = match case.way {
        None => "both",
        Some(Direction::Out) => "out",
        Some(Direction::In) => "in",
    };
    let result =
        outcome.verdict().map_or_else(|why| format!("FAIL: {why}"), |()| "PASS".to_owned());
    [
        case.name.to_owned(),
        way.to_owned(),
        if selective { "sack" } else { "ack" }.to_owned(),
        format!("{:.2} s", outcome.time.as_secs_f64()),
        sender.packets.to_string(),
        sender.again.to_string(),
        sender.fast.to_string(),
        sender.timeouts.to_string(),
        (outcome.corrupt + sender.corrupt).to_string(),
        receiver.duplicates.to_string(),
        result,
    ]
}
