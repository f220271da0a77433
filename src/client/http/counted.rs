//! A stream that tells how much has been read from it, and gives only so much until it may give more.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Said when more comes than may.
pub(super) const TOO_MUCH: &str = "one head after another, and none is that of the answer";

/// The stream, which is used as it is.
pub(super) struct Counted<S> {
    stream: S,
    read: Arc<Read>,
}

/// What is read.
#[derive(Debug)]
pub(super) struct Read {
    count: AtomicU64,
    most: AtomicU64,
}

impl Read {
    /// Bytes so far.
    pub fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// Any number of them may come from now on.
    pub fn free(&self) {
        self.most.store(u64::MAX, Ordering::Relaxed);
    }
}

impl<S> Counted<S> {
    /// The stream, and what will have been read from it, about `most` bytes at first.
    pub fn new(stream: S, most: u64) -> (Counted<S>, Arc<Read>) {
        let read = Arc::new(Read { count: AtomicU64::new(0), most: AtomicU64::new(most) });
        (Counted { stream, read: Arc::clone(&read) }, read)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Counted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.read.count() >= self.read.most.load(Ordering::Relaxed) {
            return Poll::Ready(Err(io::Error::other(TOO_MUCH)));
        }
        let before = buffer.filled().len();
        let done = Pin::new(&mut self.stream).poll_read(cx, buffer);
        let more = buffer.filled().len() - before;
        self.read.count.fetch_add(more as u64, Ordering::Relaxed);
        done
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counted<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        text: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, text)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
