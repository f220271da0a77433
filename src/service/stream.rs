//! What a service talks over.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncBufRead, AsyncRead, AsyncWrite, ReadBuf};

use super::buffered::Buffered;
use super::{InfoSource, no_info};

/// Reading that can tell when it has taken everything.
pub trait Drain: AsyncRead {
    /// [`AsyncRead::poll_read`], and whether the stream is known to be empty now. Then the task will be
    /// woken when there is more, as after `Pending`, and need not ask before.
    ///
    /// # Errors
    /// Those of reading.
    fn poll_drain(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<bool>> {
        self.poll_read(cx, buffer).map_ok(|()| false)
    }
}

/// The same without a buffer of the reader's.
pub trait DrainBuf: AsyncBufRead {
    /// [`AsyncBufRead::poll_fill_buf`], and whether the stream is known to hold nothing but that now.
    /// Then the task will be woken when there is more, as after `Pending`, and need not ask before.
    ///
    /// # Errors
    /// Those of reading.
    fn poll_drain_buf(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<(&[u8], bool)>> {
        self.poll_fill_buf(cx).map_ok(|text| (text, false))
    }
}

/// Writing of text that is there already, and need not be copied where it is kept until it has gone.
pub trait WriteChunk: AsyncWrite {
    /// [`AsyncWrite::poll_write`] of the front of `chunk`, which is then taken off it.
    ///
    /// # Errors
    /// Those of writing.
    fn poll_write_chunk(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        chunk: &mut Bytes,
    ) -> Poll<io::Result<usize>> {
        self.poll_write(cx, chunk).map_ok(|len| {
            chunk.advance(len);
            len
        })
    }
}

/// A connection as a service takes it: whole, or as halves of which one is read without a buffer of
/// the service's. What is written goes out without being flushed, and so it does before a stream that
/// is dropped closes the connection.
pub trait Stream: Drain + AsyncWrite + Unpin + Send + 'static {
    /// Both halves.
    fn halves(&mut self) -> (impl DrainBuf + Unpin + Send, impl WriteChunk + Unpin + Send);

    /// How to look at the connection.
    fn info(&self) -> InfoSource {
        no_info()
    }
}

impl Drain for tokio::net::TcpStream {}

impl WriteChunk for tokio::net::TcpStream {}

impl WriteChunk for tokio::net::tcp::WriteHalf<'_> {}

impl Stream for tokio::net::TcpStream {
    fn halves(&mut self) -> (impl DrainBuf + Unpin + Send, impl WriteChunk + Unpin + Send) {
        let (reader, writer) = self.split();
        (Buffered::new(reader), writer)
    }
}

/// A pipe in memory, over which tests and fuzz targets are served.
impl Drain for tokio::io::DuplexStream {}

impl WriteChunk for tokio::io::WriteHalf<&mut tokio::io::DuplexStream> {}

impl Stream for tokio::io::DuplexStream {
    fn halves(&mut self) -> (impl DrainBuf + Unpin + Send, impl WriteChunk + Unpin + Send) {
        let (reader, writer) = tokio::io::split(self);
        (Buffered::new(reader), writer)
    }
}
