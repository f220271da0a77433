//! What a service talks over.

use tokio::io::{AsyncBufRead, AsyncRead, AsyncWrite};

use super::buffered::Buffered;
use super::{InfoSource, no_info};

/// A connection as a service takes it: whole, or as halves of which one is read without a buffer of
/// the service's.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static {
    /// Both halves.
    fn halves(&mut self) -> (impl AsyncBufRead + Unpin + Send, impl AsyncWrite + Unpin + Send);

    /// How to look at the connection.
    fn info(&self) -> InfoSource {
        no_info()
    }
}

impl Stream for tokio::net::TcpStream {
    fn halves(&mut self) -> (impl AsyncBufRead + Unpin + Send, impl AsyncWrite + Unpin + Send) {
        let (reader, writer) = self.split();
        (Buffered::new(reader), writer)
    }
}

/// A pipe in memory.
#[cfg(test)]
impl Stream for tokio::io::DuplexStream {
    fn halves(&mut self) -> (impl AsyncBufRead + Unpin + Send, impl AsyncWrite + Unpin + Send) {
        let (reader, writer) = tokio::io::split(self);
        (Buffered::new(reader), writer)
    }
}
