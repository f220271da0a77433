//! Echo (RFC 862): everything comes back.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::io::AsyncWrite;

use super::{DrainBuf, Stream};

#[cfg(test)]
mod tests;

/// Sends back what arrives. When the peer closes its half, everything it sent is echoed first and
/// the connection is closed then.
///
/// # Errors
/// What reading and writing the stream gave.
pub async fn serve<S: Stream>(mut stream: S) -> io::Result<()> {
    let (mut reader, mut writer) = stream.halves();
    // Both halves have it yield now and then: a stream that is always ready must not keep other tasks
    // from running.
    poll_fn(|cx| poll_echo(&mut reader, &mut writer, cx)).await
}

/// Ready at the end of the stream.
fn poll_echo<R, W>(reader: &mut R, writer: &mut W, cx: &mut Context<'_>) -> Poll<io::Result<()>>
where
    R: DrainBuf + Unpin,
    W: AsyncWrite + Unpin,
{
    loop {
        let (text, is_all) = ready!(Pin::new(&mut *reader).poll_drain_buf(cx))?;
        if text.is_empty() {
            return Poll::Ready(Ok(()));
        }
        let written = ready!(Pin::new(&mut *writer).poll_write(cx, text))?;
        if written == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        let waits = is_all && written == text.len();
        Pin::new(&mut *reader).consume(written);
        if waits {
            return Poll::Pending;
        }
    }
}

/// The same for one datagram; an empty one is answered by an empty one.
pub fn answer(request: &[u8]) -> Option<Bytes> {
    Some(Bytes::copy_from_slice(request))
}
