//! Files that arrive: under another name until they are whole.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tempfile::{NamedTempFile, TempPath};
use tokio::fs::File;
use tokio::io::{AsyncWrite, AsyncWriteExt, BufWriter};
use tokio::net::unix::pipe;

use crate::client::temporary::{NEW, folder_of, temporary};
use crate::service::text::hex;

/// Bytes that are collected for one write.
const BATCH: usize = 64 << 10;
/// Most files of one sender's address and port in a folder.
const MOST_OF_ONE: u32 = 10_000;

/// Where files go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// One file, which may replace another.
    File(PathBuf),
    /// A folder, in which each gets the address and the port of its sender for a name, and replaces none.
    Folder(PathBuf),
}

/// A file that arrives. When it is dropped before it is whole, nothing of it is left.
pub(super) struct Storing {
    file: BufWriter<Box<dyn AsyncWrite + Send + Unpin>>,
    /// The file itself and what it is called until it is whole; `None` for what is no file, as a pipe.
    temporary: Option<(fs::File, TempPath)>,
    /// Bytes so far that were written into a pipe.
    piped: Option<u64>,
    target: Target,
    from: SocketAddr,
    hash: Sha256,
}

impl Target {
    /// Whether a file can be made there, as far as one can tell before.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self) -> io::Result<()> {
        match self {
            Target::File(path) if path.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
            // A pipe would have a reader for a moment.
            Target::File(path) if is_special(path) => return Ok(()),
            Target::File(_) => {}
            Target::Folder(folder) => fs::create_dir_all(folder)?,
        }
        self.temporary("check").map(drop)
    }
}

impl Target {
    /// A file that will get its name there; in a folder it is not known yet, and `called` so meanwhile.
    fn temporary(&self, called: &str) -> io::Result<NamedTempFile> {
        let (folder, name) = match self {
            Target::File(path) => (folder_of(path), path.file_name().unwrap_or_default()),
            Target::Folder(folder) => (folder.as_path(), called.as_ref()),
        };
        temporary(folder, name, NEW)
    }
}

impl Storing {
    /// A file from `from`.
    pub(super) async fn begin(target: &Target, from: SocketAddr) -> io::Result<Storing> {
        let mut piped = None;
        let mut made = None;
        let file: Box<dyn AsyncWrite + Send + Unpin> = match target {
            Target::File(path) if is_pipe(path) => {
                piped = Some(0);
                Box::new(open_pipe(path)?)
            }
            Target::File(path) if is_special(path) => {
                Box::new(File::options().write(true).open(path).await?)
            }
            target => {
                let (file, _) =
                    made.insert(target.temporary(&from.port().to_string())?.into_parts());
                Box::new(File::from_std(file.try_clone()?))
            }
        };
        let file = BufWriter::with_capacity(BATCH, file);
        let (target, hash) = (target.clone(), Sha256::new());
        Ok(Storing { file, temporary: made, piped, target, from, hash })
    }

    pub(super) async fn write(&mut self, piece: &[u8]) -> io::Result<()> {
        self.hash.update(piece);
        if let Some(bytes) = &mut self.piped {
            *bytes += piece.len() as u64;
        }
        self.file.write_all(piece).await
    }

    /// Whether something has gone into a pipe, from which it cannot be taken back.
    pub(super) fn is_spoilt(&self) -> bool {
        self.piped.is_some_and(|bytes| bytes > self.file.buffer().len() as u64)
    }

    /// It is whole: gives it its name. Its path, and its SHA-256 in hexadecimal digits.
    pub(super) async fn finish(mut self) -> io::Result<(PathBuf, String)> {
        self.file.flush().await?;
        let hash = hex(&std::mem::take(&mut self.hash).finalize());
        let (place, (file, temporary)) = match (&self.target, self.temporary.take()) {
            (Target::File(place) | Target::Folder(place), None) => {
                return Ok((place.clone(), hash));
            }
            (Target::File(place), Some(made)) => (Some(place), made),
            (Target::Folder(_), Some(made)) => (None, made),
        };
        // First the text, then the name: the other way round the power might fail between them.
        File::from_std(file).sync_data().await?;
        let Some(place) = place else {
            return Ok((self.name(temporary)?, hash));
        };
        temporary.persist(place).map_err(|failed| failed.error)?;
        Ok((place.clone(), hash))
    }

    /// Gives it a name in the folder that no other has.
    fn name(&self, mut temporary: TempPath) -> io::Result<PathBuf> {
        let (Target::File(folder) | Target::Folder(folder)) = &self.target;
        let name = format!("{}-{}", self.from.ip(), self.from.port());
        for number in 1..=MOST_OF_ONE {
            let place = folder.join(match number {
                1 => name.clone(),
                number => format!("{name}.{number}"),
            });
            match temporary.persist_noclobber(&place) {
                Ok(()) => return Ok(place),
                Err(failed) if failed.error.kind() == io::ErrorKind::AlreadyExists => {
                    temporary = failed.path;
                }
                Err(failed) => return Err(failed.error),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }
}

/// Whether there is something that is not a file: what is written there has no other name meanwhile.
fn is_special(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir())
}

fn is_pipe(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| found.file_type().is_fifo())
}

/// A pipe that somebody reads from. It is not waited for who does not: nobody else would be answered meanwhile.
fn open_pipe(path: &Path) -> io::Result<pipe::Sender> {
    pipe::OpenOptions::new().open_sender(path).map_err(|error| match error.raw_os_error() {
        Some(code) if code == nix::errno::Errno::ENXIO as i32 => io::Error::new(
            io::ErrorKind::NotConnected,
            "nobody reads from this pipe: start its reader first",
        ),
        _ => error,
    })
}

#[cfg(test)]
mod tests;
