//! Files that tell of connections, for the commands that read them: events as lines of JSON, or captures.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use glasstcp::observe::trace::{Found, Span, Survey, Trace, events, wire};
use glasstcp::service::text::harmless_line;

/// Connections that are named beside the one that is shown.
const MOST_NAMED: usize = 5;
/// Bytes that are read at once.
const BUFFER: usize = 1 << 20;

/// Which connection of which file.
#[derive(Debug, clap::Args)]
pub struct Which {
    /// A file of events (lines of JSON) or a capture (pcap, pcapng)
    #[arg(value_name = "FILE")]
    pub file: PathBuf,

    /// The connection, by its number: that of its events, or which one it is in a capture [default: the one with
    /// most text]
    #[arg(long, value_name = "N")]
    conn: Option<u32>,

    /// The stack whose events these are, or the interface of the capture, where a file has several
    #[arg(long, value_name = "NAME")]
    at: Option<String>,

    /// Show a capture from the view of the other end
    #[arg(long)]
    turn: bool,

    /// Begin so many seconds after the first event of the connection
    #[arg(long, value_name = "SECONDS", default_value = "0", value_parser = seconds)]
    pub from: Duration,

    /// End so many seconds after the first event of the connection
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    to: Option<Duration>,
}

fn seconds(word: &str) -> Result<Duration, String> {
    let seconds = word.parse::<f64>().ok().and_then(|s| Duration::try_from_secs_f64(s).ok());
    seconds.ok_or_else(|| format!("'{word}' is no number of seconds"))
}

/// What is in a file, by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Events,
    Capture,
    Compressed,
    Nothing,
}

impl Format {
    fn of(begin: &[u8]) -> Format {
        match begin {
            [] => Format::Nothing,
            [0x0A, 0x0D, 0x0D, 0x0A, ..]
            | [0xA1, 0xB2, 0xC3, 0xD4, ..]
            | [0xD4, 0xC3, 0xB2, 0xA1, ..]
            | [0xA1, 0xB2, 0x3C, 0x4D, ..]
            | [0x4D, 0x3C, 0xB2, 0xA1, ..]
            | [0xA1, 0xB2, 0xCD, 0x34, ..]
            | [0x34, 0xCD, 0xB2, 0xA1, ..] => Format::Capture,
            // gzip, zstd, xz and bzip2.
            [0x1F, 0x8B, ..] | [0x28, 0xB5, 0x2F, 0xFD, ..] | [0xFD, b'7', b'z', ..] => {
                Format::Compressed
            }
            [b'B', b'Z', b'h', ..] => Format::Compressed,
            _ => Format::Events,
        }
    }
}

/// A file that was looked through once.
pub struct Recording {
    name: String,
    file: File,
    format: Format,
    /// The connections in it.
    pub survey: Survey,
}

impl Recording {
    /// Looks which connections a file tells of.
    ///
    /// # Errors
    /// When it cannot be read, or has neither events nor packets.
    pub fn open(path: &Path) -> anyhow::Result<Recording> {
        let name = path.display().to_string();
        let cannot = || format!("cannot read {name}");
        let mut file = open(path)?;
        let mut begin = Vec::new();
        (&mut file).take(8).read_to_end(&mut begin).with_context(cannot)?;
        let format = Format::of(&begin);
        let input = again(&mut file).with_context(cannot)?;
        let survey = match format {
            Format::Nothing => bail!("{name} is empty"),
            Format::Compressed => bail!("{name} is compressed: unpack it first"),
            Format::Events => events::survey(&mut { input }),
            Format::Capture => wire::survey(input),
        };
        let survey = survey.with_context(cannot)?;
        if survey.read == 0 && format == Format::Events {
            bail!(
                "{name} has neither events (lines of JSON, docs/events.md) nor packets (pcap, pcapng)"
            );
        }
        if survey.found.is_empty() {
            let notes: String = survey.notes.iter().map(|note| format!("; {note}")).collect();
            bail!("{name} tells of no TCP connection{}", harmless_line(&notes));
        }
        Ok(Recording { name, file, format, survey })
    }

    /// A connection from the view of its other end.
    ///
    /// # Errors
    /// When that view is not in the file: events are those of one stack.
    pub fn turned(&self, found: &Found) -> anyhow::Result<Found> {
        match self.format {
            Format::Capture => Ok(found.clone().turned()),
            _ => bail!(
                "{} has events, which are what one end has seen: --turn is for captures; leave it out, or choose the other end by its name",
                self.name
            ),
        }
    }

    /// What it tells of one of its connections.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn trace(&mut self, found: &Found, span: Span) -> anyhow::Result<Trace> {
        let cannot = || format!("cannot read {}", self.name);
        let input = again(&mut self.file).with_context(cannot)?;
        let notes = self.survey.notes.clone();
        let trace = match self.format {
            Format::Capture => wire::trace(input, found, span, notes),
            _ => events::trace(&mut { input }, found, span, notes),
        };
        trace.with_context(cannot)
    }
}

/// The file from its beginning on.
fn again(file: &mut File) -> io::Result<BufReader<File>> {
    file.rewind()?;
    file.try_clone().map(|file| BufReader::with_capacity(BUFFER, file))
}

impl Which {
    /// Reads what the file tells of the connection, and says which one that is where there are several.
    ///
    /// # Errors
    /// When it cannot be read, or tells of no such connection.
    pub fn read(&self) -> anyhow::Result<Trace> {
        let name = self.file.display();
        if self.to.is_some_and(|to| to < self.from) {
            bail!("--to is before --from");
        }
        let mut recording = Recording::open(&self.file)?;
        let mut found = self.choose(&recording.survey)?;
        if self.turn {
            found = recording.turned(&found)?;
        }
        let span = Span { from: self.from, to: self.to.unwrap_or(Duration::MAX) };
        let trace = recording.trace(&found, span)?;
        for note in &trace.notes {
            eprintln!("{name}: {}", harmless_line(note));
        }
        if trace.moments.is_empty() {
            bail!(
                "{name} tells nothing of {} in that time: choose another --from or --to",
                trace.title()
            );
        }
        Ok(trace)
    }

    /// The connection that is asked for, or the one with most text.
    fn choose(&self, survey: &Survey) -> anyhow::Result<Found> {
        let name = self.file.display();
        let chosen = survey.choose(self.conn, self.at.as_deref());
        let Some(found) = chosen else {
            let there = list(&survey.found, None);
            return Err(match (self.conn, &self.at) {
                (Some(number), None) => {
                    anyhow!("{name} has no connection #{number}; it has {there}")
                }
                _ => anyhow!("{name} has no such connection; it has {there}"),
            });
        };
        if survey.found.len() > 1 && (self.conn.is_none() || self.at.is_none()) {
            let same = survey.found.iter().filter(|other| Some(other.number) == self.conn).count();
            if self.conn.is_none() || same > 1 {
                let others = list(&survey.found, Some(found));
                eprintln!("{}: {found}, with most text; the others: {others}", name);
            }
        }
        Ok(found.clone())
    }
}

/// Connections, but not too many.
pub fn list(found: &[Found], without: Option<&Found>) -> String {
    let others = || found.iter().filter(|found| Some(*found) != without);
    let words: Vec<String> =
        others().take(MOST_NAMED).map(|found| harmless_line(&found.to_string())).collect();
    let rest = others().count() - words.len();
    let more = if rest > 0 { format!("; and {rest} more (--conn N)") } else { String::new() };
    words.join("; ") + &more
}

/// A file that can be read twice; what comes from a pipe is kept in one.
fn open(path: &Path) -> anyhow::Result<File> {
    let name = path.display();
    let cannot = || format!("cannot read {name}");
    let mut file = File::open(path).with_context(cannot)?;
    let kind = file.metadata().with_context(cannot)?.file_type();
    if kind.is_file() {
        return Ok(file);
    }
    if kind.is_dir() {
        bail!("{name} is a folder: name a file of events or a capture");
    }
    if !kind.is_fifo() {
        bail!("{name} is neither a file nor a pipe");
    }
    let mut kept =
        tempfile::tempfile().context("cannot make a file for what comes from the pipe")?;
    io::copy(&mut file, &mut kept).with_context(cannot)?;
    kept.rewind().with_context(cannot)?;
    Ok(kept)
}

#[cfg(test)]
mod tests;
