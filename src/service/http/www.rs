//! The folder that is served: the only place from which files are opened.
//!
//! A path is followed by the kernel, in one call that refuses to leave the folder (`openat2` with
//! `RESOLVE_BENEATH`). There is no moment between looking and opening in which somebody could put a
//! link in the way: what was opened is what is looked at, and `/proc/self/fd` leads back to exactly
//! that.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Metadata};
use std::io;
use std::os::fd::AsRawFd;
use std::path::{self, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat2};
use nix::sys::stat::{Mode, mkdirat};

use super::path::Path;
use super::reply::Refused;
use super::upload;

/// The folder for uploads, in the one that is served.
pub(super) const UPLOAD: &str = "upload";
/// How often to follow a path again when a folder was moved meanwhile and it had `..` in a link.
const ATTEMPTS: usize = 32;

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
    /// The system cannot keep requests inside of it.
    #[error(
        "cannot serve the folder {0:?} safely: {1}; it takes Linux 5.6 or later with /proc mounted"
    )]
    Unsafe(PathBuf, io::Error),
}

/// What a path leads to.
pub(super) enum Found {
    /// A regular file, open for reading.
    File(File, Metadata),
    /// A folder; see [`through`].
    Folder(File),
}

impl Www {
    /// Takes the folder at `path`, and removes what uploads have left there that were cut short by
    /// the end of the program.
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
        let www = Www { root };
        let reached = www.follow([]).and_then(|folder| fs::read_dir(through(&folder)));
        reached.map_err(|error| WwwError::Unsafe(path.to_owned(), error))?;
        upload::sweep(&www);
        Ok(www)
    }

    /// Where it is, without links.
    pub fn root(&self) -> &path::Path {
        &self.root
    }

    /// Follows `path` and opens what is there. Blocks on the disk.
    pub(super) fn find(&self, path: &Path) -> Result<Found, Refused> {
        let place = self.reach(path.names.iter().map(OsString::as_os_str))?;
        // Opened in this way it can be looked at, and nothing happens to a device or a pipe.
        let metadata = place.metadata()?;
        if metadata.is_dir() {
            return Ok(Found::Folder(place));
        }
        if !metadata.is_file() {
            return Err(Refused::NotFound);
        }
        Ok(Found::File(File::open(through(&place))?, metadata))
    }

    /// Opens the regular file `name`, a path in which nothing is encoded, and tells its length in bytes; or
    /// says why it cannot be had. Blocks on the disk.
    pub(in crate::service) fn open_file(&self, name: &str) -> Result<(File, u64), String> {
        match Path::plain(name).and_then(|path| Ok((self.find(&path)?, path.folder))) {
            Ok((Found::File(file, metadata), false)) => Ok((file, metadata.len())),
            Ok((Found::File(..), true)) => Err(Refused::NotFound.to_string()),
            Ok((Found::Folder(_), _)) => {
                Err("This is a folder: ask for one of the files in it.".to_owned())
            }
            Err(refused) => Err(refused.to_string()),
        }
    }

    /// Follows a path, without opening for reading what is there; see [`through`].
    pub(super) fn reach<'a>(
        &self,
        names: impl IntoIterator<Item = &'a OsStr>,
    ) -> Result<File, Refused> {
        self.follow(names).map_err(|error| match error.kind() {
            io::ErrorKind::CrossesDevices => Refused::Outside,
            _ => error.into(),
        })
    }

    fn follow<'a>(&self, names: impl IntoIterator<Item = &'a OsStr>) -> io::Result<File> {
        // Joined with one slash between them; an empty list is the folder itself.
        let path = names.into_iter().fold(PathBuf::from("."), |path, name| path.join(name));
        let how = OpenHow::new()
            .flags(OFlag::O_PATH | OFlag::O_CLOEXEC)
            .resolve(ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_MAGICLINKS);
        let root = self.open_root()?;
        let mut attempts = (0..ATTEMPTS).map(|_| openat2(&root, &path, how));
        let last = attempts.find(|result| !matches!(result, Err(Errno::EAGAIN)));
        Ok(last.unwrap_or(Err(Errno::EAGAIN))?.into())
    }

    /// The folder itself. It is opened anew each time, so that it may be replaced by a new one.
    fn open_root(&self) -> io::Result<File> {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        Ok(nix::fcntl::open(&self.root, flags, Mode::empty())?.into())
    }

    /// The folder for uploads, made if there is none.
    pub(super) fn upload_folder(&self) -> Result<File, Refused> {
        let everything = Mode::S_IRWXU | Mode::S_IRWXG | Mode::S_IRWXO; // less the umask
        match mkdirat(self.open_root()?, UPLOAD, everything) {
            Ok(()) | Err(Errno::EEXIST) => {}
            Err(error) => return Err(io::Error::from(error).into()),
        }
        match self.reach([OsStr::new(UPLOAD)]) {
            Ok(folder) if folder.metadata()?.is_dir() => Ok(folder),
            // A file, or a link that leads nowhere.
            Ok(_) | Err(Refused::NotFound) => Err(Refused::NoUploadFolder),
            outside => outside,
        }
    }
}

/// The path that leads to what `file` is, and nowhere else, whatever is renamed meanwhile.
pub(super) fn through(file: &File) -> PathBuf {
    format!("/proc/self/fd/{}", file.as_raw_fd()).into()
}
