//! How far a transfer is, while it runs and in the end.

use std::path::Path;

use anyhow::anyhow;
use glasstcp::client::http::{Done, HttpError, Seen};
use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::time::Instant;

use super::client::sentence;

/// What a bar looks like when the end is known, and when not.
const BAR: &str = "{bar:30} {bytes}/{total_bytes} {bytes_per_sec} {eta} left";
const OPEN: &str = "{spinner} {bytes} {bytes_per_sec}";

/// A bar on standard error, or nothing.
#[derive(Clone)]
pub struct Progress {
    bar: ProgressBar,
    begun: Instant,
    headers: bool,
}

impl Progress {
    /// A bar if `shown`; with `headers` also the heads of replies are printed.
    pub fn new(shown: bool, headers: bool) -> Progress {
        let target =
            if shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target);
        Progress { bar, begun: Instant::now(), headers }
    }

    /// Shows what has come.
    pub fn see(&self, seen: Seen<'_>) {
        match seen {
            Seen::Head(head) if self.headers => {
                let mut text = format!("{:?} {}\n", head.version(), head.status());
                for (name, value) in head.headers() {
                    text += &format!("{name}: {}\n", printable(value.as_bytes()));
                }
                self.bar.suspend(|| eprintln!("{text}"));
            }
            Seen::Head(_) => {}
            Seen::Length { had, whole } => {
                let style = ProgressStyle::with_template(whole.map_or(OPEN, |_| BAR));
                self.bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
                if let Some(whole) = whole {
                    self.bar.set_length(whole);
                }
                self.bar.reset_eta();
                self.bar.set_position(had);
            }
            Seen::Moved(bytes) => self.bar.set_position(bytes),
        }
    }

    /// Says on standard error what was done with the file, how fast and what its sum is.
    pub fn end(&self, what: &str, done: &Done) {
        self.bar.finish_and_clear();
        let elapsed = self.begun.elapsed().as_secs_f64();
        let moved = done.len - done.had;
        let rate = HumanBytes((moved as f64 / elapsed.max(1e-6)) as u64);
        let had = match done.had {
            0 => String::new(),
            had => format!(" ({had} of them were there)"),
        };
        eprintln!("{what} {} bytes{had} in {elapsed:.3} s, {rate}/s", done.len);
        eprintln!("sha256 {}", done.hex());
    }
}

/// Text of a peer, without what a terminal would obey.
fn printable(text: &[u8]) -> String {
    let printed = |byte: u8| match byte {
        b' '..=b'~' => char::from(byte).to_string(),
        _ => format!("\\x{byte:02x}"),
    };
    text.iter().map(|&byte| printed(byte)).collect()
}

/// Why it cannot be done, and what to do.
pub fn explain(error: HttpError) -> anyhow::Error {
    match error {
        HttpError::Dial(error) => sentence(error),
        other => other.into(),
    }
}

/// The same for what is fetched.
pub fn explain_fetching(error: HttpError) -> anyhow::Error {
    match error {
        HttpError::Short(..) | HttpError::Cut(_) => {
            anyhow!(
                "{error}; with -o FILE --continue what comes is kept, and the next try goes on from there"
            )
        }
        other => explain(other),
    }
}

/// Whether a path stands for standard output.
pub fn is_stdout(path: Option<&Path>) -> bool {
    path.is_none_or(|path| path == Path::new("-"))
}

#[cfg(test)]
mod tests;
