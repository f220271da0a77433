//! `PUT /upload/NAME`: stores a file, whole or not at all.

use std::ffi::{OsStr, OsString};
use std::fs::{self, DirEntry, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::time::SystemTime;

use bytes::Bytes;
use http_body_util::{Either, Full};
use hyper::StatusCode;
use hyper::header::{self, HeaderMap};
use nix::fcntl::OFlag;
use tempfile::NamedTempFile;
use tokio::task::spawn_blocking;

use super::conditions::{self, Verdict, Version};
use super::path::Path;
use super::reply::{self, Refused, Reply};
use super::uploaded::Uploaded;
use super::www::{Found, UPLOAD, Www, through};

/// What the name of an unfinished upload begins with, so that nobody can fetch it.
const PREFIX: &str = ".upload-";
/// What it ends with.
const SUFFIX: &str = ".part";
/// How many characters that nobody can guess are between the two.
const RANDOM_LEN: usize = 12;
/// Longest name, in bytes: file systems take 255, and a little room does no harm.
const NAME_MAX: usize = 240;
/// Bytes collected for one write, about. While one batch is written the next is collected.
const BATCH: usize = 256 * 1024;
/// Most pieces in a batch, however small they are.
const BATCH_PIECES: usize = 256;

/// Stores the body as `upload/NAME` in the folder: 201 when it is new, 204 when it replaces another
/// file. Until all of it is there and on the disk it has another name, which begins with a dot; if it
/// never is, nothing is left. So whoever reads NAME finds the old file or the new one, whole, also
/// after the machine has lost its power.
pub(super) async fn store(
    www: Www,
    path: Path,
    headers: &HeaderMap,
    body: &mut Uploaded,
) -> Result<Reply, Refused> {
    let name = upload_name(path)?;
    if headers.contains_key(header::CONTENT_RANGE) {
        return Err(Refused::Partial); // RFC 9110 14.5
    }
    let fields = conditions::fields(headers);
    let mut upload = blocking(move || Upload::begin(&www, name, &fields)).await?;
    let mut batch = collect(body).await?;
    while !batch.is_empty() {
        let write = blocking(move || upload.write(&batch));
        (upload, batch) = tokio::try_join!(write, collect(body))?;
    }
    let new = blocking(move || upload.finish()).await?;
    Ok(if new {
        reply::text(StatusCode::CREATED, "Stored.\n")
    } else {
        reply::bare(StatusCode::NO_CONTENT, Either::Left(Full::default()))
    })
}

fn upload_name(path: Path) -> Result<OsString, Refused> {
    match <[OsString; 2]>::try_from(path.names) {
        Ok([_upload, name]) if !path.folder && name.len() <= NAME_MAX => Ok(name),
        _ => Err(Refused::UploadName),
    }
}

/// Runs `work`, which waits for the disk, where waiting harms nobody. It is not stopped when the
/// client goes; its result is dropped then, and with it the temporary file.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Refused> + Send + 'static,
) -> Result<T, Refused> {
    spawn_blocking(work).await.map_err(io::Error::other)?
}

/// The next batch; empty at the end of the body.
async fn collect(body: &mut Uploaded) -> Result<Vec<Bytes>, Refused> {
    let mut batch = Vec::new();
    let mut bytes = 0;
    while bytes < BATCH && batch.len() < BATCH_PIECES {
        let Some(piece) = body.next().await? else {
            break;
        };
        bytes += piece.len();
        if !piece.is_empty() {
            batch.push(piece);
        }
    }
    Ok(batch)
}

/// A file that is being stored.
struct Upload {
    /// Removed when dropped. Its path goes through `folder`, which must stay open until then: fields
    /// are dropped in their order.
    temporary: NamedTempFile,
    folder: File,
    name: OsString,
    /// Whether it must not replace another file.
    only_new: bool,
}

impl Upload {
    /// Checks the conditions of the request and makes the temporary file.
    fn begin(www: &Www, name: OsString, fields: &HeaderMap) -> Result<Self, Refused> {
        let folder = www.upload_folder()?;
        let place = Path { names: vec![UPLOAD.into(), name], folder: false };
        let current = match www.find(&place) {
            Ok(Found::File(_, metadata)) => Some(Version::of(&metadata, SystemTime::now())),
            _ => None,
        };
        if conditions::check(fields, false, current.as_ref()) != Verdict::Go {
            return Err(Refused::Condition);
        }
        let only_new = fields.get(header::IF_NONE_MATCH).is_some_and(|tags| tags == "*");
        let temporary = temporary(&folder)?;
        let [_upload, name] = <[OsString; 2]>::try_from(place.names).unwrap_or_default();
        Ok(Upload { temporary, folder, name, only_new })
    }

    fn write(mut self, batch: &[Bytes]) -> Result<Self, Refused> {
        for piece in batch {
            self.temporary.as_file_mut().write_all(piece)?;
        }
        Ok(self)
    }

    /// Gives the file its name; whether the name is new.
    fn finish(self) -> Result<bool, Refused> {
        // First the text, then the name: the other way round the power might fail between them.
        self.temporary.as_file().sync_data()?;
        let place = through(&self.folder).join(&self.name);
        let new = fs::symlink_metadata(&place).is_err();
        let named = if self.only_new {
            self.temporary.persist_noclobber(&place)
        } else {
            self.temporary.persist(&place)
        };
        named.map_err(|failed| match failed.error.kind() {
            io::ErrorKind::AlreadyExists if self.only_new => Refused::Condition,
            _ => failed.error.into(),
        })?;
        File::open(through(&self.folder))?.sync_all()?;
        Ok(new)
    }
}

/// An empty file that nobody can fetch. It is locked, which tells [`sweep`] that somebody works on it.
fn temporary(folder: &File) -> io::Result<NamedTempFile> {
    loop {
        let temporary = tempfile::Builder::new()
            .prefix(PREFIX)
            .suffix(SUFFIX)
            .rand_bytes(RANDOM_LEN)
            .permissions(Permissions::from_mode(0o666)) // less the umask, as any new file
            .tempfile_in(through(folder))?;
        // On a file system without locks nothing is swept either.
        let locked = temporary.as_file().lock().is_ok();
        // Just before, another glasstcp that begins to serve the folder may have swept it away.
        if !locked || temporary.as_file().metadata()?.nlink() > 0 {
            return Ok(temporary);
        }
    }
}

/// Removes what uploads have left that were cut short by the end of the program, and nothing that is
/// still being written.
pub(super) fn sweep(www: &Www) {
    // Without a folder for uploads there is nothing to sweep.
    let Ok(folder) = www.reach([OsStr::new(UPLOAD)]) else {
        return;
    };
    let entries = fs::read_dir(through(&folder)).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| is_temporary(&entry.file_name())) {
        match sweep_one(&entry) {
            Ok(true) => log::info!("http: removed the unfinished upload {:?}", entry.file_name()),
            Ok(false) => {}
            Err(error) => {
                log::warn!("http: cannot remove the unfinished {:?}: {error}", entry.file_name());
            }
        }
    }
}

/// Whether it was left over.
fn sweep_one(entry: &DirEntry) -> io::Result<bool> {
    if !entry.file_type()?.is_file() {
        return Ok(false);
    }
    let flags = OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK;
    let file = File::options().read(true).custom_flags(flags.bits()).open(entry.path())?;
    if file.try_lock().is_err() {
        return Ok(false);
    }
    fs::remove_file(entry.path())?;
    Ok(true)
}

fn is_temporary(name: &OsStr) -> bool {
    let inner = name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX));
    inner.is_some_and(|random| {
        random.len() == RANDOM_LEN && random.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}
