//! Events of a stack in a file, written by a thread of its own, so that the stack never waits for a disk.
//!
//! ```text
//!   FILE       what happened last, up to a size
//!   FILE.1     what happened before that
//! ```

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::Context;
use glasstcp::net::{Watchers, Watching};
use glasstcp::observe::stream::{Item, Queue, Style, Tap};
use tokio::runtime::Builder;

/// How long the disk may take for what is left at the end.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often to look meanwhile whether it is done.
const LOOK: Duration = Duration::from_millis(5);

/// A file that is being written. End it with [`EventFile::end`], or what came last may be missing.
pub struct EventFile {
    queue: Arc<Queue>,
    watching: Watching,
    thread: JoinHandle<()>,
}

/// The file, and what is told of it.
struct Writer {
    path: PathBuf,
    /// Bytes that it may have.
    most: u64,
    file: BufWriter<File>,
    written: u64,
}

impl EventFile {
    /// Makes the file, which may have `most` bytes, or empties it, and has every event from now on written to it.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn start(path: &Path, most: u64, watchers: &Watchers) -> anyhow::Result<EventFile> {
        let file = File::create(path)
            .with_context(|| format!("cannot write events to {}", path.display()))?;
        let runtime = Builder::new_current_thread().build().context("cannot start a runtime")?;
        let queue = Arc::<Queue>::default();
        let tap = Tap { queue: Arc::clone(&queue), conn: None };
        let file = BufWriter::new(file);
        let mut writer = Writer { path: path.to_owned(), most, file, written: 0 };
        let items = Arc::clone(&queue);
        let write = move || runtime.block_on(async { writer.write_all(&items).await });
        let thread = thread::Builder::new()
            .name("events".to_owned())
            .spawn(write)
            .context("cannot start a thread")?;
        Ok(EventFile { queue, watching: watchers.add(Box::new(tap)), thread })
    }

    /// Has what is left written, but waits no longer for it than a few seconds.
    pub fn end(self) {
        drop(self.watching);
        self.queue.close();
        let end = Instant::now() + PATIENCE;
        while !self.thread.is_finished() && Instant::now() < end {
            thread::sleep(LOOK);
        }
    }
}

impl Writer {
    /// Writes what comes to its end. When that fails it says so once, and goes on without a file.
    async fn write_all(&mut self, queue: &Queue) {
        let mut failed = false;
        loop {
            let items = queue.next().await;
            if items.is_empty() {
                return;
            }
            if failed {
                continue;
            }
            if let Err(error) = self.write(&items) {
                failed = true;
                let path = self.path.display();
                log::warn!(
                    "cannot write events to {path}: {error}; it ends here, and all else goes on"
                );
            }
        }
    }

    fn write(&mut self, items: &[Item]) -> io::Result<()> {
        let mut text = Vec::new();
        items.iter().try_for_each(|item| Style::Json.write(&mut text, item))?;
        if self.written > 0 && self.written + text.len() as u64 > self.most {
            self.file.flush()?;
            let mut before = self.path.clone().into_os_string();
            before.push(".1");
            fs::rename(&self.path, before)?;
            (self.file, self.written) = (BufWriter::new(File::create(&self.path)?), 0);
        }
        self.written += text.len() as u64;
        // Who looks at the file sees whole lines.
        self.file.write_all(&text)?;
        self.file.flush()
    }
}

#[cfg(test)]
mod tests;
