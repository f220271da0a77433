//! `PUT` of a file.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::Method;
use hyper::body::{Body, Frame, SizeHint};
use hyper::header::{self, HeaderMap};
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;
use url::Url;

use super::writer::{CHUNK, Done};
use super::{HttpError, Reply, Seen, request, send};
use crate::client::dial::Dialer;

/// Most pieces that wait to be sent.
const WAITING: usize = 4;
/// Most bytes of the server's words that are kept.
const WORDS_MAX: usize = 64 * 1024;

/// A file and where it goes.
#[derive(Clone, Debug)]
pub struct Upload {
    /// The file.
    pub path: PathBuf,
    /// Where it is put. At a folder, which ends with a slash, it keeps its name.
    pub url: Url,
}

impl Upload {
    /// Sends the file. What was sent, and what the server says to it, of which a long one is cut off. `seen` is shown
    /// what is on its way.
    ///
    /// # Errors
    /// [`HttpError`], also for a reply that refuses or that comes before all of it was sent.
    pub async fn run(
        self,
        dialer: &Dialer,
        mut seen: impl FnMut(Seen<'_>) + Send + Unpin + 'static,
    ) -> Result<(Done, Reply, Vec<u8>), HttpError> {
        let shown = self.path.display().to_string();
        let unreadable = |error| HttpError::File("read", shown.clone(), error);
        let file = open(&self.path).map_err(unreadable)?;
        let len = file.metadata().map_err(unreadable)?.len();
        seen(Seen::Length { had: 0, whole: Some(len) });
        let url = self.place();
        let taken = Arc::new(AtomicU64::new(0));
        let (pieces, waiting) = mpsc::channel(WAITING);
        let thread = spawn_blocking(move || read(file, len, &pieces));
        let body = FileBody { waiting, len, taken: Arc::clone(&taken), seen };
        // Also where it is 0, which hyper would leave out.
        let fields = HeaderMap::from_iter([(header::CONTENT_LENGTH, len.into())]);
        let request = request(Method::PUT, &url, &fields, body)?;
        let moved = |arrived| arrived + taken.load(Ordering::Relaxed);
        let replied = heard(send(dialer, url, request, moved).await).await;
        // Nobody takes pieces any more.
        let read = thread.await.map_err(io::Error::other).flatten();
        let done = read.map_err(unreadable)?;
        let (reply, words) = replied?;
        if done.len < len {
            return Err(HttpError::Early(reply.head.status(), done.len, len));
        }
        Ok((done, reply, words))
    }

    /// Where exactly it is put.
    fn place(&self) -> Url {
        let mut url = self.url.clone();
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        if url.path().ends_with('/')
            && let Ok(mut path) = url.path_segments_mut()
        {
            path.pop_if_empty().push(&name);
        }
        url
    }
}

/// A file that has a length. Opening does not wait, as it would at a pipe for who writes.
fn open(path: &Path) -> io::Result<File> {
    let file = File::options().read(true).custom_flags(libc::O_NONBLOCK).open(path)?;
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(io::Error::other("it is not a file, whose length is known")),
    }
}

/// What the server says, when it is content.
async fn heard(replied: Result<Reply, HttpError>) -> Result<(Reply, Vec<u8>), HttpError> {
    let mut reply = replied?;
    if let Some(other) = reply.location()? {
        return Err(HttpError::Elsewhere(reply.url.to_string(), other.to_string()));
    }
    reply.success()?;
    let mut words = Vec::new();
    while words.len() < WORDS_MAX
        && let Some(piece) = reply.piece().await?
    {
        words.extend_from_slice(&piece);
    }
    words.truncate(WORDS_MAX);
    reply.close();
    Ok((reply, words))
}

/// Reads the file piece by piece, as long as somebody takes them.
fn read(file: File, len: u64, pieces: &mpsc::Sender<Bytes>) -> io::Result<Done> {
    let mut file = file.take(len);
    let mut sum = Sha256::new();
    let mut sent = 0;
    while sent < len {
        let mut piece = Vec::with_capacity(CHUNK);
        if Read::by_ref(&mut file).take(CHUNK as u64).read_to_end(&mut piece)? == 0 {
            return Err(io::Error::other("it has become shorter while it was sent"));
        }
        sum.update(&piece);
        let more = piece.len() as u64;
        if pieces.blocking_send(piece.into()).is_err() {
            break;
        }
        sent += more;
    }
    Ok(Done { len: sent, had: 0, sha256: sum.finalize().into() })
}

/// The pieces as hyper takes them.
struct FileBody<F> {
    waiting: mpsc::Receiver<Bytes>,
    len: u64,
    taken: Arc<AtomicU64>,
    seen: F,
}

impl<F: FnMut(Seen<'_>) + Unpin> Body for FileBody<F> {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match ready!(self.waiting.poll_recv(cx)) {
            Some(piece) => {
                let len = piece.len() as u64;
                let taken = self.taken.fetch_add(len, Ordering::Relaxed) + len;
                (self.seen)(Seen::Moved(taken));
                Poll::Ready(Some(Ok(Frame::data(piece))))
            }
            None if self.is_end_stream() => Poll::Ready(None),
            // The reader knows why.
            None => Poll::Ready(Some(Err(io::ErrorKind::UnexpectedEof.into()))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.taken.load(Ordering::Relaxed) == self.len
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.len - self.taken.load(Ordering::Relaxed))
    }
}
