//! A folder of recordings of connections with which something went wrong.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::Context;
use glasstcp::flight::{Recording, Sink};
use glasstcp::net::Net;
use glasstcp::observe::flight;
use glasstcp::observe::stream::Style;
use jiff::Timestamp;
use tempfile::NamedTempFile;

/// Recordings that may wait to be written; more are left out.
const WAITING: usize = 16;
/// Files that are kept; the oldest go.
const FILES: usize = 100;
/// So long after each file there is no other: whoever breaks connections without end fills no disk in a moment.
const PAUSE: Duration = Duration::from_millis(100);
/// How long the time in a name is, such as 20260131T123456.789.
const TIME: usize = 19;
/// What the names of its files begin and end with.
const NAME: (&str, &str) = ("flight-", ".jsonl");

/// Of recordings.
#[derive(Default)]
struct Counts {
    /// Those that wait to be written.
    waiting: AtomicUsize,
    /// Those that were left out since that was said.
    lost: AtomicU64,
}

/// A folder that recordings are written to. End it with [`Flights::end`].
pub struct Flights {
    net: Net,
    thread: JoinHandle<()>,
}

impl Flights {
    /// Makes the folder if it is missing, and has recordings written there from now on.
    ///
    /// # Errors
    /// When nothing can be written there.
    pub fn start(folder: &Path, net: &Net) -> anyhow::Result<Flights> {
        let cannot = || format!("cannot write recordings to {}", folder.display());
        fs::create_dir_all(folder).with_context(cannot)?;
        NamedTempFile::new_in(folder).with_context(cannot)?;
        let (sender, recordings) = channel();
        let (folder, counts) = (folder.to_owned(), Arc::<Counts>::default());
        let of_thread = Arc::clone(&counts);
        let thread = thread::Builder::new()
            .name("flights".to_owned())
            .spawn(move || write_all(&folder, &recordings, &of_thread))
            .context("cannot start a thread")?;
        net.set_flight_sink(|| Some(sink(sender.clone(), Arc::clone(&counts))));
        Ok(Flights { net: net.clone(), thread })
    }

    /// Has what waits written.
    pub fn end(self) {
        self.net.set_flight_sink(|| None);
        // A disk that never answers holds up nothing: the thread goes with the process.
        for _ in 0..50 {
            if self.thread.is_finished() {
                break;
            }
            thread::sleep(PAUSE);
        }
    }
}

/// Hands recordings over without waiting, and has none made for which there is no room.
fn sink(sender: Sender<Recording>, counts: Arc<Counts>) -> Sink {
    Box::new(move |record| {
        if counts.waiting.load(Ordering::Relaxed) < WAITING {
            counts.waiting.fetch_add(1, Ordering::Relaxed);
            // It has ended only when the process does.
            let _ = sender.send(record());
        } else {
            counts.lost.fetch_add(1, Ordering::Relaxed);
        }
    })
}

/// Writes what comes to its end. What fails is said once, until it works again.
fn write_all(folder: &Path, recordings: &Receiver<Recording>, counts: &Counts) {
    let mut failing = false;
    for recording in recordings {
        counts.waiting.fetch_sub(1, Ordering::Relaxed);
        let written = write(folder, &recording);
        // What cannot be removed now is in the way next time.
        let _ = tidy(folder);
        match written {
            Ok(()) => failing = false,
            Err(error) if failing => log::debug!("a recording could not be written: {error}"),
            Err(error) => {
                failing = true;
                let folder = folder.display();
                log::warn!(
                    "cannot write recordings to {folder}: {error}; those that cannot are left out, and all else goes on"
                );
            }
        }
        let lost = counts.lost.swap(0, Ordering::Relaxed);
        if lost > 0 {
            log::warn!("{lost} recordings are left out: too many connections went wrong at once");
        }
        thread::sleep(PAUSE);
    }
}

/// Writes one as a file that is there as a whole or not at all.
fn write(folder: &Path, recording: &Recording) -> io::Result<()> {
    let mut file = NamedTempFile::new_in(folder)?;
    let mut out = BufWriter::new(&mut file);
    flight::write(&mut out, Style::Json, recording)?;
    out.flush()?;
    drop(out);
    let time = Timestamp::now().strftime("%Y%m%dT%H%M%S%.3f");
    let trouble = recording.trouble.map_or("asked", |trouble| trouble.name());
    let name = format!("{}{time}-conn{}-{trouble}{}", NAME.0, recording.conn.0, NAME.1);
    file.persist(folder.join(name))?;
    Ok(())
}

/// Removes the oldest files, as many as there are too many; their names are in the order of time.
fn tidy(folder: &Path) -> io::Result<()> {
    let entries = fs::read_dir(folder)?.filter_map(Result::ok);
    let ours = entries.filter(|entry| is_ours(&entry.file_name().to_string_lossy()));
    let mut ours: Vec<PathBuf> = ours.map(|entry| entry.path()).collect();
    ours.sort();
    let surplus = ours.len().saturating_sub(FILES);
    // One that somebody else has removed, or that cannot be, must not keep the others.
    ours.iter().take(surplus).for_each(|path| drop(fs::remove_file(path)));
    Ok(())
}

/// Whether a file has a name that [`write`] gives.
fn is_ours(name: &str) -> bool {
    let middle = name.strip_prefix(NAME.0).and_then(|rest| rest.strip_suffix(NAME.1));
    middle.is_some_and(|middle| {
        let mut parts = middle.splitn(3, '-');
        let time = parts.next().is_some_and(|time| time.len() == TIME && time.starts_with('2'));
        let conn = parts.next().and_then(|conn| conn.strip_prefix("conn"));
        time && conn.is_some_and(|conn| conn.parse::<u32>().is_ok()) && parts.next().is_some()
    })
}

#[cfg(test)]
mod tests;
