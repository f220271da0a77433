//! Discard (RFC 863): everything is thrown away.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncBufRead, AsyncWrite, AsyncWriteExt};

use super::Stream;

/// Reads to the end of the stream, then closes.
///
/// # Errors
/// What reading and closing the stream gave.
pub async fn serve<S: Stream>(mut stream: S) -> io::Result<()> {
    let (mut reader, mut writer) = stream.halves();
    drain(&mut reader).await?;
    writer.shutdown().await
}

/// No answer to anything.
pub fn answer(_request: &[u8]) -> Option<Bytes> {
    None
}

/// Reads and forgets until the end of the stream. Nothing is copied, and it yields now and then.
pub(super) async fn drain<R>(reader: &mut R) -> io::Result<()>
where
    R: AsyncBufRead + Unpin,
{
    tokio::io::copy_buf(reader, &mut tokio::io::sink()).await.map(drop)
}

/// Closes our half, then gives the peer two seconds to close its own: a stream dropped with text
/// unread resets the connection (RFC 2525 2.17), which may cost the peer our last words.
pub(super) async fn close_gently<R, W>(reader: &mut R, writer: &mut W) -> io::Result<()>
where
    R: AsyncBufRead + Unpin,
    W: AsyncWrite + Unpin,
{
    writer.shutdown().await?;
    match tokio::time::timeout(Duration::from_secs(2), drain(reader)).await {
        Ok(drained) => drained,
        Err(_too_long) => Ok(()),
    }
}
