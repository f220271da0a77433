//! `PUT /upload/NAME`: stores a file, whole or not at all.

use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use bytes::Bytes;
use http_body_util::{Either, Full};
use hyper::StatusCode;
use hyper::header::{self, HeaderMap};
use tempfile::NamedTempFile;
use tokio::task::spawn_blocking;

use super::path::Path;
use super::reply::{self, Refused, Reply};
use super::uploaded::Uploaded;
use super::www::Www;

/// Longest name, in bytes: file systems take 255, and a little room does no harm.
const NAME_MAX: usize = 240;
/// Bytes collected for one write, about. While one batch is written the next is collected.
const BATCH: usize = 256 * 1024;
/// Most pieces in a batch, however small they are.
const BATCH_PIECES: usize = 256;

/// Stores the body as `upload/NAME` in the folder: 201 when it is new, 204 when it replaces another
/// file. Until all of it is there it has another name, which begins with a dot; if it never is,
/// nothing is left.
pub(super) async fn store(
    www: &Www,
    path: Path,
    headers: &HeaderMap,
    body: &mut Uploaded,
) -> Result<Reply, Refused> {
    let name = upload_name(path)?;
    if headers.contains_key(header::CONTENT_RANGE) {
        return Err(Refused::Partial); // RFC 9110 14.5
    }
    let www = www.clone();
    let (folder, mut temporary) = blocking(move || begin(&www)).await?;
    let mut batch = collect(body).await?;
    while !batch.is_empty() {
        let write = blocking(move || write(temporary, &batch));
        (temporary, batch) = tokio::try_join!(write, collect(body))?;
    }
    let new = blocking(move || finish(temporary, folder.join(name))).await?;
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

fn begin(www: &Www) -> Result<(PathBuf, NamedTempFile), Refused> {
    let folder = www.root().join("upload");
    match fs::create_dir(&folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error.into()),
        _ => {}
    }
    let folder = www.resolve(&folder)?;
    let temporary = tempfile::Builder::new()
        .prefix(".upload-")
        .permissions(Permissions::from_mode(0o666)) // less the umask, as any new file
        .tempfile_in(&folder)?;
    Ok((folder, temporary))
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

fn write(mut temporary: NamedTempFile, batch: &[Bytes]) -> Result<NamedTempFile, Refused> {
    for piece in batch {
        temporary.as_file_mut().write_all(piece)?;
    }
    Ok(temporary)
}

/// Gives the file its name; whether the name is new.
fn finish(temporary: NamedTempFile, place: PathBuf) -> Result<bool, Refused> {
    let new = fs::symlink_metadata(&place).is_err();
    temporary.persist(&place).map_err(|error| error.error)?;
    Ok(new)
}
