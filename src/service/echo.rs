//! Echo (RFC 862): everything comes back.

use std::io;

use bytes::Bytes;
use tokio::io::AsyncWriteExt;

use super::Stream;

#[cfg(test)]
mod tests;

/// Sends back what arrives. When the peer closes its half, everything it sent is echoed first and
/// our half is closed then.
///
/// # Errors
/// What reading and writing the stream gave.
pub async fn serve<S: Stream>(mut stream: S) -> io::Result<()> {
    let (mut reader, mut writer) = stream.halves();
    // It yields now and then: a stream that is always ready must not keep other tasks from running.
    tokio::io::copy_buf(&mut reader, &mut writer).await?;
    writer.shutdown().await
}

/// The same for one datagram; an empty one is answered by an empty one.
pub fn answer(request: &[u8]) -> Option<Bytes> {
    Some(Bytes::copy_from_slice(request))
}
