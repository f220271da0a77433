//! Where a file comes to lie: under its name only when it is whole.
//!
//! ```text
//!   FILE           when it is whole
//!   .FILE.*.part   meanwhile; gone if it never is
//!   FILE.part      meanwhile when it may be continued, and FILE.part.from says of what it is a part
//! ```

use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use hyper::header::HeaderValue;
use tempfile::NamedTempFile;
use url::Url;

use super::HttpError;
use super::writer::Out;
use crate::client::temporary::{NEW, folder_of, temporary};

/// Most bytes of what says of what a part is a part.
const FROM_MAX: u64 = 64 * 1024;
/// How often a part is opened anew that others take away or finish in the same moment.
const OPEN_TRIES: usize = 8;

/// A place that can be written to.
#[derive(Debug)]
pub(super) enum Place {
    /// It is no file, as /dev/null: written as it is.
    Direct(PathBuf, File),
    /// A file that gets its name in the end.
    Whole(NamedTempFile, PathBuf),
    /// One that is kept until then.
    Kept(Kept),
}

/// A part that stays when the rest does not come.
#[derive(Debug)]
pub(super) struct Kept {
    name: PathBuf,
    part: PathBuf,
    from: PathBuf,
    file: File,
}

impl Place {
    /// Whether [`Place::begin`] may wait for somebody else.
    pub fn is_pipe(path: &Path) -> bool {
        fs::metadata(path).is_ok_and(|there| there.file_type().is_fifo())
    }

    /// Looks whether a file can be made at `path`, and begins one.
    pub fn begin(path: &Path, keep: bool) -> Result<Place, HttpError> {
        let failed = |error| HttpError::File("write", path.display().to_string(), error);
        let old = match fs::metadata(path) {
            Ok(old) if old.is_dir() => return Err(failed(ErrorKind::IsADirectory.into())),
            Ok(old) if !old.is_file() => {
                let file = File::options().write(true).open(path).map_err(failed)?;
                return Ok(Place::Direct(path.to_owned(), file));
            }
            Ok(old) => Some(old),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(failed(error)),
        };
        // Where a link leads to, so that it stays a link.
        let name = old.as_ref().map_or(Ok(path.to_owned()), |_| path.canonicalize());
        let name = name.map_err(failed)?;
        if name.file_name().is_none() {
            return Err(failed(ErrorKind::IsADirectory.into()));
        }
        if keep {
            return Kept::open(name).map(Place::Kept);
        }
        // With the rights of the one that it replaces.
        let mode = old.map_or(NEW, |old| old.permissions().mode() & 0o777);
        let made = temporary(folder_of(&name), name.file_name().unwrap_or_default(), mode);
        made.map(|file| Place::Whole(file, name)).map_err(failed)
    }

    /// How much of which version is there already, if it is a part of what is at `url`.
    pub fn have(&self, url: &Url) -> Option<(u64, HeaderValue)> {
        match self {
            Place::Direct(..) | Place::Whole(..) => None,
            Place::Kept(kept) => kept.have(url),
        }
    }

    /// Forgets what is there, and remembers of what the next bytes will be.
    pub fn restart(&mut self, url: &Url, version: Option<&HeaderValue>) -> Result<(), HttpError> {
        let Place::Kept(kept) = self else { return Ok(()) };
        kept.restart(url, version).map_err(|error| failed(&kept.part, error))
    }

    /// What the bytes after the first `have` are written to.
    pub fn out(&self, have: u64) -> Result<Out, HttpError> {
        let (path, file) = match self {
            Place::Direct(path, file) => (path, file),
            Place::Whole(file, path) => (path, file.as_file()),
            Place::Kept(kept) => (&kept.part, &kept.file),
        };
        let file = file.try_clone().map_err(|error| failed(path, error))?;
        Ok(match self {
            Place::Direct(..) => Out::Stream(Box::new(file)),
            Place::Whole(..) | Place::Kept(_) => Out::File { file, have },
        })
    }

    /// Gives the file its name.
    pub fn finish(self) -> Result<(), HttpError> {
        match self {
            Place::Direct(..) => Ok(()),
            Place::Whole(file, name) => {
                file.persist(&name).map(drop).map_err(|error| failed(&name, error.error))
            }
            Place::Kept(kept) => {
                fs::rename(&kept.part, &kept.name).map_err(|error| failed(&kept.name, error))?;
                // It is of no use without the part.
                let _ = fs::remove_file(&kept.from);
                Ok(())
            }
        }
    }

    /// Takes away what is there, because it is not what was wanted.
    pub fn discard(self) {
        if let Place::Kept(kept) = self {
            // Then what is left is found and named the next time.
            let _ = fs::remove_file(&kept.from);
            let _ = fs::remove_file(&kept.part);
        }
    }

    /// Its name in sentences.
    pub fn shown(&self) -> String {
        match self {
            Place::Direct(path, _) | Place::Whole(_, path) => path.display().to_string(),
            Place::Kept(kept) => kept.part.display().to_string(),
        }
    }
}

impl Kept {
    fn open(name: PathBuf) -> Result<Kept, HttpError> {
        let beside = |suffix: &str| {
            let mut path = OsString::from(&name);
            path.push(suffix);
            PathBuf::from(path)
        };
        let (part, from) = (beside(".part"), beside(".part.from"));
        for _ in 0..OPEN_TRIES {
            let mut options = File::options();
            let file = options.read(true).write(true).create(true).truncate(false).open(&part);
            let file = file.map_err(|error| failed(&part, error))?;
            match file.try_lock() {
                Err(TryLockError::WouldBlock) => break,
                // There are file systems without locks.
                Ok(()) | Err(TryLockError::Error(_)) => {}
            }
            // Who had the lock may have given it its name meanwhile, or taken it away.
            if is_at(&file, &part) {
                return Ok(Kept { name, part, from, file });
            }
        }
        Err(HttpError::InUse(part.display().to_string()))
    }

    fn have(&self, url: &Url) -> Option<(u64, HeaderValue)> {
        let len = self.file.metadata().ok()?.len();
        let described = fs::metadata(&self.from).is_ok_and(|from| from.len() <= FROM_MAX);
        if len == 0 || !described {
            return None;
        }
        let text = fs::read_to_string(&self.from).ok()?;
        let (of, version) = text.strip_suffix('\n')?.split_once('\n')?;
        let version = HeaderValue::from_str(version).ok()?;
        (of == url.as_str()).then_some((len, version))
    }

    fn restart(&self, url: &Url, version: Option<&HeaderValue>) -> io::Result<()> {
        // First of all, lest it describe other bytes.
        match fs::remove_file(&self.from) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => self.file.set_len(0)?,
        }
        match version.and_then(|version| version.to_str().ok()) {
            Some(version) => fs::write(&self.from, format!("{url}\n{version}\n")),
            None => Ok(()),
        }
    }
}

/// Whether it is this file that has the name.
pub(super) fn is_at(file: &File, path: &Path) -> bool {
    let named = fs::metadata(path).ok().zip(file.metadata().ok());
    named.is_some_and(|(there, ours)| (there.dev(), there.ino()) == (ours.dev(), ours.ino()))
}

impl Drop for Kept {
    /// A part without a byte is of no use; one that has its name by now is another file.
    fn drop(&mut self) {
        let empty = self.file.metadata().is_ok_and(|part| part.len() == 0);
        if empty && is_at(&self.file, &self.part) {
            let _ = fs::remove_file(&self.from);
            let _ = fs::remove_file(&self.part);
        }
    }
}

fn failed(path: &Path, error: io::Error) -> HttpError {
    HttpError::File("write", path.display().to_string(), error)
}
