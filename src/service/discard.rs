//! Discard (RFC 863): everything is thrown away.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

use super::buffer::ReadBuffer;

/// Reads to the end of the stream, then closes.
///
/// # Errors
/// What reading and closing the stream gave.
pub async fn serve<S>(mut stream: S) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    drain(&mut stream).await?;
    stream.shutdown().await
}

/// No answer to anything.
pub fn answer(_request: &[u8]) -> Option<Bytes> {
    None
}

/// Reads and forgets until the end of the stream.
pub(super) async fn drain<S>(stream: &mut S) -> io::Result<()>
where
    S: AsyncRead + Unpin,
{
    let mut buffer = ReadBuffer::new();
    while !buffer.read(stream).await?.is_empty() {}
    Ok(())
}

/// Closes our half, then gives the peer two seconds to close its own: a stream dropped with text
/// unread resets the connection (RFC 2525 2.17), which may cost the peer our last words.
pub(super) async fn close_gently<S>(stream: &mut S) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    stream.shutdown().await?;
    match tokio::time::timeout(Duration::from_secs(2), drain(stream)).await {
        Ok(drained) => drained,
        Err(_too_long) => Ok(()),
    }
}
