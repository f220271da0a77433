//! Events of a stack in a file, written by a thread of its own, so that the stack never waits for a disk.
//!
//! ```text
//!   FILE       what happened last, up to a size
//!   FILE.1     what happened before that
//! ```

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::Context;
use glasstcp::net::{Watchers, Watching};
use glasstcp::observe::stream::{Item, Queue, Style, Tap};
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::libc;
use tokio::runtime::Builder;

/// How long the disk may take for what is left at the end.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often to look meanwhile whether it is done.
const LOOK: Duration = Duration::from_millis(5);

/// A file that is being written. End it with [`EventFile::end`], or what came last may be missing.
pub struct EventFile {
    queue: Arc<Queue>,
    watching: Observed,
    thread: JoinHandle<()>,
}

/// What has the stack observed, until it is taken out by whoever comes first: the end, or a disk that is full.
type Observed = Arc<Mutex<Option<Watching>>>;

/// The file, and what is told of it.
struct Writer {
    path: PathBuf,
    /// Bytes that it may have; `None` for what is no file, and never makes way for another.
    most: Option<u64>,
    file: File,
    written: u64,
}

impl EventFile {
    /// Makes the file, which may have `most` bytes, or empties it, and has every event from now on written to it.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn start(path: &Path, most: u64, watchers: &Watchers) -> anyhow::Result<EventFile> {
        let mut writer = Writer::open(path, most)
            .with_context(|| format!("cannot write events to {}", path.display()))?;
        let runtime = Builder::new_current_thread().build().context("cannot start a runtime")?;
        let queue = Arc::<Queue>::default();
        let tap = Tap { queue: Arc::clone(&queue), conn: None };
        let watching = Observed::default();
        let (items, observed) = (Arc::clone(&queue), Arc::clone(&watching));
        let write = move || runtime.block_on(async { writer.write_all(&items, &observed).await });
        let thread = thread::Builder::new()
            .name("events".to_owned())
            .spawn(write)
            .context("cannot start a thread")?;
        {
            // Should the thread fail at once, it finds what it has to take out.
            let mut observed = lock(&watching);
            *observed = Some(watchers.add(Box::new(tap)));
        }
        Ok(EventFile { queue, watching, thread })
    }

    /// Has what is left written, but waits no longer for it than a few seconds.
    pub fn end(self) {
        unobserve(&self.watching);
        self.queue.close();
        let end = Instant::now() + PATIENCE;
        while !self.thread.is_finished() && Instant::now() < end {
            thread::sleep(LOOK);
        }
    }
}

fn lock(observed: &Observed) -> MutexGuard<'_, Option<Watching>> {
    observed.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Has the stack observed for this file no more.
fn unobserve(observed: &Observed) {
    let watching = lock(observed).take();
    drop(watching);
}

impl Writer {
    /// A file is emptied; to a pipe nobody may read yet, and then this is an error: it does not wait.
    fn open(path: &Path, most: u64) -> io::Result<Writer> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).custom_flags(libc::O_NONBLOCK);
        let file = options.open(path)?;
        // From now on it is waited for, on the thread that writes.
        fcntl(&file, FcntlArg::F_SETFL(OFlag::empty()))?;
        let most = file.metadata()?.is_file().then_some(most);
        Ok(Writer { path: path.to_owned(), most, file, written: 0 })
    }

    /// Writes what comes to its end. When that fails it says so once, and there is nobody to write for any more.
    async fn write_all(&mut self, queue: &Queue, observed: &Observed) {
        loop {
            let items = queue.next().await;
            if items.is_empty() {
                return;
            }
            if let Err(error) = self.write(&items) {
                let path = self.path.display();
                log::warn!(
                    "cannot write events to {path}: {error}; it ends here, and all else goes on"
                );
                return unobserve(observed);
            }
        }
    }

    fn write(&mut self, items: &[Item]) -> io::Result<()> {
        let mut text = Vec::new();
        items.iter().try_for_each(|item| Style::Json.write(&mut text, item))?;
        let after = self.written + text.len() as u64;
        if self.written > 0 && self.most.is_some_and(|most| after > most) {
            self.make_way()?;
        }
        let before = self.written;
        self.written += text.len() as u64;
        self.file.write_all(&text).inspect_err(|_| {
            if self.most.is_some() {
                // Whole lines are what is read; if that fails too, half a line is left.
                let _ = self.file.set_len(before);
            }
        })
    }

    /// Begins another file in place of this one.
    fn make_way(&mut self) -> io::Result<()> {
        let mut before = self.path.clone().into_os_string();
        before.push(".1");
        match fs::rename(&self.path, before) {
            // Somebody has taken it away.
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        (self.file, self.written) = (File::create(&self.path)?, 0);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
