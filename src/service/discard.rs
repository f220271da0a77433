//! Discard (RFC 863): everything is thrown away.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncWrite, AsyncWriteExt};
use tokio::task::coop;

use super::Stream;

/// Pieces that are read for one unit of a task's budget, of which it has 128 before others have their turn.
const PIECES: usize = 8;

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
pub(crate) async fn drain<R>(reader: &mut R) -> io::Result<()>
where
    R: AsyncBufRead + Unpin,
{
    drain_with(reader, |_| ()).await
}

/// The same; `see` is told how long each piece was.
pub(super) async fn drain_with<R>(reader: &mut R, mut see: impl FnMut(usize)) -> io::Result<()>
where
    R: AsyncBufRead + Unpin,
{
    loop {
        // Tokio would have a task yield after 64 pieces, which is no more than may have come since: what then waits is
        // read when it is in no cache any more. (Its `yield_now` waits until it looks at its I/O, which is longer still.)
        coop::consume_budget().await;
        let some = async {
            for _ in 0..PIECES {
                let len = reader.fill_buf().await?.len();
                if len == 0 {
                    return Ok(true);
                }
                reader.consume(len);
                see(len);
            }
            Ok::<bool, io::Error>(false)
        };
        if coop::unconstrained(some).await? {
            return Ok(());
        }
    }
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
