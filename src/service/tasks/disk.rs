//! What tasks want of the disk, bounded: how many files are hashed and read at a time, and the sums that are known.
//!
//! A hash of a file that is known has not to be calculated again, however many ask for it: what counts is that nothing
//! about the file has changed, as with make(1).

use std::collections::VecDeque;
use std::fs::{File, Metadata};
use std::io::{self, Read as _, Seek as _};
use std::os::unix::fs::MetadataExt;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use crate::service::room::Place;
use crate::service::text::hex;

/// Bytes of a file that are read at a time.
pub(super) const PIECE: u64 = 64 << 10;
/// Bytes of a file that are hashed at a time: it is given up between two of them.
pub(super) const HASHED: u64 = 4 << 20;
/// Files that are hashed at a time, each of which takes a processor.
const HASHING: usize = 2;
/// Files that are opened or read at a time, each of which takes a thread.
const READING: usize = 8;
/// Sums that are known, about 200 bytes each.
const KNOWN: usize = 256;

/// What the disk is asked for. One for all connections of a server.
#[derive(Debug)]
pub struct Disk {
    hashing: Semaphore,
    reading: Semaphore,
    /// The sums of files, the latest first.
    known: Mutex<VecDeque<(Version, String)>>,
}

/// A file with this content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Version {
    /// Device and inode.
    place: (u64, u64),
    len: u64,
    /// In seconds and nanoseconds. Programs may set the time of writing as they like, that of a change they cannot.
    written: (i64, i64),
    changed: (i64, i64),
}

impl Version {
    fn of(found: &Metadata) -> Version {
        Version {
            place: (found.dev(), found.ino()),
            len: found.len(),
            written: (found.mtime(), found.mtime_nsec()),
            changed: (found.ctime(), found.ctime_nsec()),
        }
    }
}

impl Default for Disk {
    fn default() -> Disk {
        Disk {
            hashing: Semaphore::new(HASHING),
            reading: Semaphore::new(READING),
            known: Mutex::default(),
        }
    }
}

impl Disk {
    /// Does something that takes a moment, when it is its turn.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<T> {
        let _turn = self.reading.acquire().await.map_err(io::Error::other)?;
        spawn_blocking(work).await.map_err(io::Error::other)
    }

    /// The SHA-256 of the first `len` bytes of `file`, in hexadecimal; the file is at its beginning then. Calculating
    /// it ends soon after this is dropped.
    pub(super) async fn sum(&self, file: File, len: u64) -> io::Result<(File, String)> {
        if let Some(sum) = self.known(&file, len)? {
            return Ok((file, sum));
        }
        let _turn = self.hashing.acquire().await.map_err(io::Error::other)?;
        // Another may have had the same wish.
        if let Some(sum) = self.known(&file, len)? {
            return Ok((file, sum));
        }
        let before = Version::of(&file.metadata()?);
        let (file, sum) = hash(file, len).await?;
        if before.len == len && before == Version::of(&file.metadata()?) {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            known.retain(|(version, _)| version.place != before.place);
            known.push_front((before, sum.clone()));
            known.truncate(KNOWN);
        }
        Ok((file, sum))
    }

    fn known(&self, file: &File, len: u64) -> io::Result<Option<String>> {
        let version = Version::of(&file.metadata()?);
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let found = known.iter().find(|(of, _)| *of == version && of.len == len);
        Ok(found.map(|(_, sum)| sum.clone()))
    }

    /// The next bytes of `file`, as many as there is place for, of which it must have as many.
    pub(super) async fn read(&self, file: File, mut place: Place) -> io::Result<(File, Bytes)> {
        let work = move || {
            (&file).take(place.len() as u64).read_to_end(&mut place.text)?;
            match place.text.len() < place.len() {
                true => Err(io::ErrorKind::UnexpectedEof.into()),
                // The next one is not read before this one is written.
                false => Ok((file, place.piece().0)),
            }
        };
        self.run(work).await.flatten()
    }
}

async fn hash(mut file: File, len: u64) -> io::Result<(File, String)> {
    let mut sum = Sha256::new();
    let mut left = len;
    while left > 0 {
        let now = left.min(HASHED);
        let work = move || {
            add(&mut sum, &file, now)?;
            Ok((file, sum))
        };
        (file, sum) = spawn_blocking(work).await.map_err(io::Error::other).flatten()?;
        left -= now;
    }
    file.rewind()?;
    Ok((file, hex(&sum.finalize())))
}

/// Adds the next `left` bytes of `file` to `sum`.
fn add(sum: &mut Sha256, mut file: &File, mut left: u64) -> io::Result<()> {
    let mut piece = vec![0; PIECE as usize];
    while left > 0 {
        let room = left.min(PIECE) as usize;
        let count = file.read(&mut piece[..room])?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        sum.update(&piece[..count]);
        left -= count as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
