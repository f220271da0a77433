//! Echo (RFC 862): everything comes back.

use std::io;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

use super::buffer::ReadBuffer;

#[cfg(test)]
mod tests;

/// Sends back what arrives. When the peer closes its half, everything it sent is echoed first and
/// our half is closed then.
///
/// # Errors
/// What reading and writing the stream gave.
pub async fn serve<S>(mut stream: S) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut buffer = ReadBuffer::new();
    loop {
        let text = buffer.read(&mut stream).await?;
        if text.is_empty() {
            return stream.shutdown().await;
        }
        stream.write_all(text).await?;
        stream.flush().await?;
    }
}

/// The same for one datagram; an empty one is answered by an empty one.
pub fn answer(request: &[u8]) -> Option<Bytes> {
    Some(Bytes::copy_from_slice(request))
}
