//! A buffer for readers that have none, as the kernel's sockets.

use std::io;
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncBufRead, AsyncRead, ReadBuf};

use super::DrainBuf;

#[cfg(test)]
mod tests;

/// Where the buffer begins, in bytes: an idle connection costs no more.
const SMALL: usize = 2 * 1024;
/// Where it stops growing, in bytes: one burst of the stack.
const LARGE: usize = 64 * 1024;

/// Reads through a buffer that is small for a quiet connection and large for a busy one; tokio's
/// `BufReader` has all of it from the beginning. Each read that fills the buffer doubles it.
pub(crate) struct Buffered<R> {
    reader: R,
    buffer: Vec<u8>,
    /// What was read last and is not yet consumed.
    text: Range<usize>,
}

impl<R> Buffered<R> {
    pub fn new(reader: R) -> Self {
        Buffered { reader, buffer: Vec::new(), text: 0..0 }
    }
}

impl<R: AsyncRead + Unpin> AsyncBufRead for Buffered<R> {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let this = self.get_mut();
        if this.text.is_empty() {
            if this.text.end == this.buffer.len() && this.buffer.len() < LARGE {
                this.buffer.resize((2 * this.buffer.len()).max(SMALL), 0);
            }
            let mut buffer = ReadBuf::new(&mut this.buffer);
            ready!(Pin::new(&mut this.reader).poll_read(cx, &mut buffer))?;
            this.text = 0..buffer.filled().len();
        }
        Poll::Ready(Ok(&this.buffer[this.text.clone()]))
    }

    fn consume(mut self: Pin<&mut Self>, len: usize) {
        assert!(len <= self.text.len(), "more consumed than there was");
        self.text.start += len;
    }
}

impl<R: AsyncRead + Unpin> DrainBuf for Buffered<R> {}

impl<R: AsyncRead + Unpin> AsyncRead for Buffered<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let text = ready!(self.as_mut().poll_fill_buf(cx))?;
        let len = text.len().min(buffer.remaining());
        buffer.put_slice(&text[..len]);
        self.consume(len);
        Poll::Ready(Ok(()))
    }
}
