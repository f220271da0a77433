//! `GET` and `HEAD` of what is in the folder.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http_body_util::{Either, Full};
use hyper::StatusCode;
use hyper::body::{Body, Frame, SizeHint};
use hyper::header::{self, HeaderValue};
use tokio::task::{JoinHandle, spawn_blocking};

use super::listing;
use super::path::Path;
use super::reply::{self, Refused, Reply};
use super::www::{Found, Www};

/// Most bytes of a file in one piece. While one is sent the next is read, no more.
const PIECE: u64 = 256 * 1024;

/// Answers with a file, with the `index.html` of a folder or with a listing of it.
pub(super) async fn reply(
    www: &Www,
    path: Path,
    head_only: bool,
    since: Option<SystemTime>,
) -> Result<Reply, Refused> {
    let www = www.clone();
    // One visit to a blocking thread is all that a short file costs.
    spawn_blocking(move || look(&www, path, head_only, since)).await.map_err(io::Error::other)?
}

fn look(
    www: &Www,
    mut path: Path,
    head_only: bool,
    since: Option<SystemTime>,
) -> Result<Reply, Refused> {
    match www.find(&path)? {
        Found::File(..) if path.folder => Err(Refused::NotFound),
        Found::File(file, metadata) => send(&path, file, &metadata, head_only, since),
        Found::Folder(_) if !path.folder => Ok(redirect(&path.folder_url())),
        Found::Folder(place) => {
            path.names.push("index.html".into());
            if let Ok(Found::File(file, metadata)) = www.find(&path) {
                return send(&path, file, &metadata, head_only, since);
            }
            path.names.pop();
            Ok(reply::html(listing::page(www, &path, &place)?))
        }
    }
}

fn redirect(url: &str) -> Reply {
    let mut reply = reply::text(StatusCode::MOVED_PERMANENTLY, format!("See {url}\n"));
    // A percent-encoded URL is always a valid header value.
    if let Ok(value) = HeaderValue::from_str(url) {
        reply.headers_mut().insert(header::LOCATION, value);
    }
    reply
}

fn send(
    path: &Path,
    file: File,
    metadata: &Metadata,
    head_only: bool,
    since: Option<SystemTime>,
) -> Result<Reply, Refused> {
    let modified = metadata.modified().ok().map(whole_seconds);
    let unchanged = matches!((modified, since), (Some(modified), Some(since)) if modified <= since);
    let nothing = || Either::Left(Full::default());
    let mut reply = if unchanged {
        reply::bare(StatusCode::NOT_MODIFIED, nothing())
    } else if head_only {
        reply::bare(StatusCode::OK, nothing())
    } else {
        let body = FileBody::open(file, metadata.len())?;
        reply::bare(StatusCode::OK, Either::Right(body))
    };
    let headers = reply.headers_mut();
    if !unchanged {
        headers.insert(header::CONTENT_LENGTH, metadata.len().into());
        headers.insert(header::CONTENT_TYPE, kind(path));
    }
    // A date from before 1970 has no form in HTTP.
    if let Some(date) = modified.filter(|&modified| modified >= UNIX_EPOCH)
        && let Ok(value) = HeaderValue::from_str(&httpdate::fmt_http_date(date))
    {
        headers.insert(header::LAST_MODIFIED, value);
    }
    Ok(reply)
}

/// HTTP's dates have no fractions; without this a file would always be newer than its own date.
fn whole_seconds(time: SystemTime) -> SystemTime {
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => UNIX_EPOCH + Duration::from_secs(since.as_secs()),
        Err(_before_1970) => time,
    }
}

fn kind(path: &Path) -> HeaderValue {
    let name = path.names.last().map(std::path::Path::new);
    let guess = name.and_then(|name| mime_guess::from_path(name).first());
    let kind = match guess {
        Some(kind) if kind.type_() == mime_guess::mime::TEXT => format!("{kind}; charset=utf-8"),
        Some(kind) => kind.to_string(),
        None => "application/octet-stream".to_owned(),
    };
    HeaderValue::from_str(&kind)
        .unwrap_or_else(|_| HeaderValue::from_static("application/octet-stream"))
}

/// A file on its way out.
pub(super) struct FileBody {
    /// A piece that is read already.
    ready: Option<Bytes>,
    /// The reading of the one after it.
    reading: Option<JoinHandle<io::Result<(File, Bytes)>>>,
    /// Bytes not handed out yet, `ready` among them.
    left: u64,
}

impl FileBody {
    /// Reads the first piece of `len` bytes. Blocks on the disk.
    fn open(file: File, len: u64) -> io::Result<Self> {
        let (file, first) = read(file, len)?;
        let rest = len - first.len() as u64;
        Ok(FileBody {
            ready: (len > 0).then_some(first),
            reading: (rest > 0).then(|| spawn_blocking(move || read(file, rest))),
            left: len,
        })
    }

    fn hand_out(&mut self, piece: Bytes) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        self.left -= piece.len() as u64;
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }
}

impl Body for FileBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if let Some(piece) = self.ready.take() {
            return self.hand_out(piece);
        }
        let Some(reading) = &mut self.reading else {
            return Poll::Ready(None);
        };
        let read_ahead = ready!(Pin::new(reading).poll(cx));
        self.reading = None;
        match read_ahead.map_err(io::Error::other).flatten() {
            Err(error) => Poll::Ready(Some(Err(error))),
            Ok((file, piece)) => {
                let rest = self.left - piece.len() as u64;
                if rest > 0 {
                    self.reading = Some(spawn_blocking(move || read(file, rest)));
                }
                self.hand_out(piece)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

/// The next piece of a file with `left` bytes to come; a shorter file is an error, because its
/// length was promised already.
fn read(file: File, left: u64) -> io::Result<(File, Bytes)> {
    let len = left.min(PIECE) as usize;
    // `read_to_end` fills room that was reserved without zeroing it first.
    let mut piece = Vec::with_capacity(len);
    let mut limited = file.take(len as u64);
    limited.read_to_end(&mut piece)?;
    if piece.len() < len {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok((limited.into_inner(), piece.into()))
}
