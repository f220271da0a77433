//! `glasstcp plot`: pictures of a connection.

use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail};
use glasstcp::observe::trace::ladder::{Ladder, MOST_ARROWS};
use glasstcp::observe::trace::{Trace, figures, seconds};
use glasstcp::service::text::harmless_line;

use super::packets::cannot_write;
use super::recording::Which;

/// Draw pictures of a connection, from a file of events or a capture
///
/// sequence shows every segment over time as tcptrace does, in SVG with its reason for who points at it; window the
/// congestion window, its threshold and what is in flight; rtt round-trip times and the retransmission time-out; throughput
/// how much was sent and acknowledged, and what held the sender back; ladder both hosts, with an arrow for each segment.
/// Without events a capture tells only what is on the wire.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  glasstcp plot events.jsonl                          all kinds but ladder, beside the file
  glasstcp plot capture.pcap --kind sequence -o out.svg
  glasstcp plot events.jsonl --kind ladder --to 0.2   the first 200 ms, segment by segment

Exit codes: 0 done, 1 it cannot be done (one sentence says why), 2 the command line cannot be read.")]
pub struct Args {
    #[command(flatten)]
    which: Which,

    /// What to draw; several with commas between [default: all but ladder]
    #[arg(long, value_name = "KIND,...", value_delimiter = ',')]
    kind: Vec<Kind>,

    /// Where to write a picture of one kind; a PNG takes rsvg-convert [default: FILE.KIND.svg]
    #[arg(short, long, value_name = "OUT.svg|OUT.png")]
    output: Option<PathBuf>,
}

/// What is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Kind {
    /// Sequence numbers over time
    Sequence,
    /// Congestion window, threshold and flight
    Window,
    /// Round-trip times
    Rtt,
    /// Throughput, and what limits it
    Throughput,
    /// Both hosts, and an arrow for each segment
    Ladder,
}

impl Kind {
    /// Its name, and how it is drawn where it is one of curves.
    fn as_figure(self) -> (&'static str, Option<figures::Kind>) {
        let figure = match self {
            Kind::Sequence => figures::Kind::Sequence,
            Kind::Window => figures::Kind::Window,
            Kind::Rtt => figures::Kind::Rtt,
            Kind::Throughput => figures::Kind::Throughput,
            Kind::Ladder => return ("ladder", None),
        };
        (figure.name(), Some(figure))
    }
}

impl Args {
    /// Reads, draws, and says what was written.
    pub fn run(self) -> anyhow::Result<()> {
        let mut kinds = self.kind.clone();
        if kinds.is_empty() {
            kinds = vec![Kind::Sequence, Kind::Window, Kind::Rtt, Kind::Throughput];
        }
        if let Some(output) = &self.output {
            if kinds.len() > 1 {
                bail!(
                    "-o names one picture, and these are {}: choose one with --kind",
                    kinds.len()
                );
            }
            form(output)?;
        }
        let trace = self.which.read()?;
        for kind in kinds {
            let (name, figure) = kind.as_figure();
            let path = self.output.clone().unwrap_or_else(|| {
                let mut beside = self.which.file.clone().into_os_string();
                beside.push(format!(".{name}.svg"));
                beside.into()
            });
            let svg = match figure {
                Some(figure) => figures::figure(&trace, figure, self.which.from).svg(),
                None => ladder(&trace),
            };
            let picture = match form(&path)? {
                Form::Svg => svg.into_bytes(),
                Form::Png => png(&svg)?,
            };
            write(&path, &picture)?;
            super::say(&format!("{}: {name} of {}\n", path.display(), trace.title()))?;
        }
        Ok(())
    }
}

/// The form of a picture, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Svg,
    Png,
}

/// What makes pixels of a picture: letters would take a font, which it finds.
const CONVERTER: &str = "rsvg-convert";

/// The form that a name asks for.
fn form(path: &Path) -> anyhow::Result<Form> {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("svg") => Ok(Form::Svg),
        Some("png") => Ok(Form::Png),
        _ if path.exists() && !path.is_file() && !path.is_dir() => Ok(Form::Svg),
        _ => bail!("pictures are SVG or PNG: {} should end in .svg or .png", path.display()),
    }
}

/// A picture as PNG.
fn png(svg: &str) -> anyhow::Result<Vec<u8>> {
    let mut command = Command::new(CONVERTER);
    command.args(["-f", "png"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = match command.spawn() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => bail!(
            "a PNG takes {CONVERTER}, which is not installed (Debian, Ubuntu: librsvg2-bin): install it, or give a name that ends in .svg"
        ),
        child => child.context(format!("cannot run {CONVERTER}"))?,
    };
    // It reads everything before it writes; should it end before that, it says why.
    let given = child.stdin.take().map(|mut stdin| stdin.write_all(svg.as_bytes()));
    let output = child.wait_with_output().context(format!("cannot run {CONVERTER}"))?;
    if !output.status.success() || given.is_none_or(|given| given.is_err()) {
        bail!(
            "{CONVERTER} has failed: {}",
            harmless_line(&String::from_utf8_lossy(&output.stderr))
        );
    }
    Ok(output.stdout)
}

fn ladder(trace: &Trace) -> String {
    let ladder = Ladder::new(trace);
    if ladder.left_out > 0 {
        eprintln!(
            "the ladder has the first {MOST_ARROWS} arrows, up to {:.6} s, and not {} more: choose others with --from and --to",
            seconds(ladder.until),
            ladder.left_out
        );
    }
    ladder.svg()
}

/// Writes a file whole or not at all: under another name first, where it becomes a file.
///
/// # Errors
/// When it cannot be written.
pub fn write(path: &Path, picture: &[u8]) -> anyhow::Result<()> {
    let cannot = || cannot_write(path);
    if fs::metadata(path).is_ok_and(|there| !there.is_file()) {
        let mut file = OpenOptions::new().write(true).open(path).with_context(cannot)?;
        return file.write_all(picture).with_context(cannot);
    }
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    // As any new file: what the umask leaves of it.
    let builder = builder.prefix(".glasstcp-").permissions(Permissions::from_mode(0o666));
    // The name that it has meanwhile is nobody's business: of errors only what has happened is told.
    let plain = |error: io::Error| io::Error::from(error.kind());
    let mut file = builder.tempfile_in(folder).map_err(plain).with_context(cannot)?;
    file.as_file_mut().write_all(picture).with_context(cannot)?;
    file.persist(path).map_err(|error| error.error).with_context(cannot)?;
    Ok(())
}

#[cfg(test)]
mod tests;
