//! The folder that is served: the only place from which files are opened.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{self, PathBuf};

use nix::fcntl::OFlag;

use super::path::Path;
use super::reply::Refused;

/// A folder to serve, resolved once: a link that is moved later moves nothing.
#[derive(Clone, Debug)]
pub struct Www {
    root: PathBuf,
}

/// Why a folder cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum WwwError {
    /// It cannot be resolved or read.
    #[error("cannot serve the folder {0:?}: {1}; give --www a folder that exists and can be read")]
    Unreadable(PathBuf, io::Error),
    /// It is not a folder.
    #[error("cannot serve {0:?}: it is not a folder; give --www the folder that holds it")]
    NotAFolder(PathBuf),
}

/// What a path leads to.
pub(super) enum Found {
    /// A regular file, open for reading.
    File(File, Metadata),
    /// A folder, and where it is.
    Folder(PathBuf),
}

impl Www {
    /// Takes the folder at `path`.
    ///
    /// # Errors
    /// It is missing, not readable, or not a folder; the text says what to do.
    pub fn open(path: &path::Path) -> Result<Www, WwwError> {
        let unreadable = |error| WwwError::Unreadable(path.to_owned(), error);
        let root = fs::canonicalize(path).map_err(unreadable)?;
        if !root.is_dir() {
            return Err(WwwError::NotAFolder(path.to_owned()));
        }
        fs::read_dir(&root).map_err(unreadable)?;
        Ok(Www { root })
    }

    /// Where it is, without links.
    pub fn root(&self) -> &path::Path {
        &self.root
    }

    /// Follows `path` and opens what is there. Blocks on the disk.
    pub(super) fn find(&self, path: &Path) -> Result<Found, Refused> {
        let place = self.resolve(&path.names.iter().fold(self.root.clone(), |p, n| p.join(n)))?;
        let kind = fs::symlink_metadata(&place)?.file_type();
        if kind.is_dir() {
            return Ok(Found::Folder(place));
        }
        if !kind.is_file() {
            return Err(Refused::NotFound);
        }
        // The place was free of links a moment ago; if that has changed, it is not opened, and
        // opening must not wait for the other end of what has become a pipe.
        let file = OpenOptions::new()
            .read(true)
            .custom_flags((OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits())
            .open(&place)?;
        let metadata = file.metadata()?;
        if metadata.is_file() { Ok(Found::File(file, metadata)) } else { Err(Refused::NotFound) }
    }

    /// Follows every link in `place`; the end must lie inside the folder.
    pub(super) fn resolve(&self, place: &path::Path) -> Result<PathBuf, Refused> {
        let resolved = fs::canonicalize(place)?;
        if resolved.starts_with(&self.root) { Ok(resolved) } else { Err(Refused::Outside) }
    }
}
