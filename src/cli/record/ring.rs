//! A file that is written by a thread of its own, so that the stack never waits for a disk, and makes way for the next.
//!
//! ```text
//!   FILE       what happened last, up to a size
//!   FILE.1     what happened before that, and so on
//! ```

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::Context;
use glasstcp::event::Observer;
use glasstcp::net::{Watchers, Watching};
use glasstcp::observe::stream::{Item, Queue};
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::libc;
use tokio::runtime::Builder;

/// How long the disk may take for what is left at the end.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often to look meanwhile whether it is done.
const LOOK: Duration = Duration::from_millis(5);
/// Bytes that are written in one go.
const PART: usize = 1 << 20;

/// A file, and what makes way for it.
pub struct Ring {
    path: PathBuf,
    /// Bytes that it may have; `None` for what is no file, and never makes way for another.
    most: Option<u64>,
    /// How many others there may be.
    keep: u32,
    /// What each begins with.
    head: Vec<u8>,
    file: File,
    written: u64,
    /// What comes next, in whole pieces.
    next: Vec<u8>,
}

impl Ring {
    /// A file that begins with `head` and may have `most` bytes, and `keep` others that have made way. It is emptied; to
    /// a pipe nobody may read yet, and then this is an error: it does not wait.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn open(path: &Path, most: u64, keep: u32, head: Vec<u8>) -> io::Result<Ring> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).custom_flags(libc::O_NONBLOCK);
        let file = options.open(path)?;
        // From now on it is waited for, on the thread that writes.
        fcntl(&file, FcntlArg::F_SETFL(OFlag::empty()))?;
        // Where it is, whatever links lead there: that makes way. What another program has opened is not moved.
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let moves = ["/dev", "/proc"].iter().all(|folder| !path.starts_with(folder));
        let most = (moves && file.metadata()?.is_file()).then_some(most);
        let next = head.clone();
        Ok(Ring { path, most, keep, head, file, written: 0, next })
    }

    /// Adds a piece that must not be divided; [`Ring::flush`] has it written.
    ///
    /// # Errors
    /// Those of the file, or of making way.
    pub fn push(&mut self, piece: &[u8]) -> io::Result<()> {
        let so_far = self.written + self.next.len() as u64;
        let begun = so_far > self.head.len() as u64;
        if begun && self.most.is_some_and(|most| so_far + piece.len() as u64 > most) {
            self.flush()?;
            self.make_way()?;
        } else if self.next.len() >= PART {
            self.flush()?;
        }
        self.next.extend_from_slice(piece);
        Ok(())
    }

    /// Writes what was added. After an error the file ends with a whole piece, if it is a file.
    ///
    /// # Errors
    /// Those of the file.
    pub fn flush(&mut self) -> io::Result<()> {
        let next = std::mem::take(&mut self.next);
        let before = self.written;
        self.written += next.len() as u64;
        self.file.write_all(&next).inspect_err(|_| {
            if self.most.is_some() {
                // Should that fail too, half a piece is left.
                let _ = self.file.set_len(before);
            }
        })
    }

    /// Begins another file in place of this one.
    fn make_way(&mut self) -> io::Result<()> {
        let name = |number: u32| {
            let ending = if number == 0 { String::new() } else { format!(".{number}") };
            let mut name = self.path.clone().into_os_string();
            name.push(ending);
            name
        };
        for number in (0..self.keep).rev() {
            match fs::rename(name(number), name(number + 1)) {
                // There are not so many yet, or somebody has taken it away.
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        // What somebody has put there meanwhile is not written to.
        (self.file, self.written) = (File::create_new(&self.path)?, 0);
        self.next.clone_from(&self.head);
        Ok(())
    }
}

/// A file that is being written. End it with [`Writing::end`], or what came last may be missing.
pub struct Writing<T> {
    what: &'static str,
    path: PathBuf,
    queue: Arc<Queue<T>>,
    watching: Observed,
    thread: JoinHandle<()>,
}

/// What has the stack observed, until it is taken out by whoever comes first: the end, or a disk that is full.
type Observed = Arc<Mutex<Option<Watching>>>;

/// What is written of the stack.
pub struct Source<T> {
    /// What it is, for people: "events".
    pub what: &'static str,
    /// Who puts it into the queue.
    pub tap: Box<dyn Observer + Send>,
    /// The queue.
    pub queue: Arc<Queue<T>>,
}

impl<T: Send + 'static> Writing<T> {
    /// Has what comes from now on written to `ring`, each in the form that `encode` gives it.
    ///
    /// # Errors
    /// When there can be no thread.
    pub fn start(
        ring: Ring,
        source: Source<T>,
        watchers: &Watchers,
        mut encode: impl FnMut(&Item<T>) -> io::Result<Vec<u8>> + Send + 'static,
    ) -> anyhow::Result<Writing<T>> {
        let Source { what, tap, queue } = source;
        let path = ring.path.clone();
        let runtime = Builder::new_current_thread().enable_time().build();
        let runtime = runtime.context("cannot start a runtime")?;
        let watching = Observed::default();
        let (items, observed) = (Arc::clone(&queue), Arc::clone(&watching));
        let write = move || runtime.block_on(write_all(ring, what, &items, &observed, &mut encode));
        let thread = thread::Builder::new()
            .name(what.to_owned())
            .spawn(write)
            .context("cannot start a thread")?;
        {
            // Should the thread fail at once, it finds what it has to take out.
            let mut observed = lock(&watching);
            *observed = Some(watchers.add(tap));
        }
        Ok(Writing { what, path, queue, watching, thread })
    }

    /// Has what is left written, but waits no longer for it than a few seconds, and says so where it is not all of it.
    pub fn end(self) {
        unobserve(&self.watching);
        self.queue.close();
        let end = Instant::now() + PATIENCE;
        while !self.thread.is_finished() && Instant::now() < end {
            thread::sleep(LOOK);
        }
        if !self.thread.is_finished() {
            let (what, path) = (self.what, self.path.display());
            log::warn!("not all {what} are written to {path}: it takes no more");
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

/// Writes what comes to its end. When that fails it says so once, and there is nobody to write for any more.
async fn write_all<T>(
    mut ring: Ring,
    what: &str,
    queue: &Queue<T>,
    observed: &Observed,
    encode: &mut impl FnMut(&Item<T>) -> io::Result<Vec<u8>>,
) {
    // What it begins with, if it begins with something.
    let mut written = ring.flush();
    loop {
        if let Err(error) = written {
            let path = ring.path.display();
            log::warn!(
                "cannot write {what} to {path}: {error}; it ends here, and all else goes on"
            );
            return unobserve(observed);
        }
        let items = queue.next().await;
        if items.is_empty() {
            return;
        }
        let pushed = items.iter().try_for_each(|item| ring.push(&encode(item)?));
        written = pushed.and_then(|()| ring.flush());
    }
}

#[cfg(test)]
mod tests;
