//! Daytime (RFC 867): one line with the date and the time, for people.

use std::io;
use std::time::SystemTime;

use bytes::Bytes;
use tokio::io::AsyncWriteExt;

use super::{Stream, discard};

#[cfg(test)]
mod tests;

/// Says what time it is and closes.
///
/// # Errors
/// What writing and closing the stream gave.
pub async fn serve<S: Stream>(mut stream: S) -> io::Result<()> {
    let (mut reader, mut writer) = stream.halves();
    writer.write_all(line(SystemTime::now()).as_bytes()).await?;
    discard::close_gently(&mut reader, &mut writer).await
}

/// The same line in a datagram, whatever was asked.
pub fn answer(_request: &[u8]) -> Option<Bytes> {
    Some(line(SystemTime::now()).into())
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`, with the line ending that a terminal over TCP wants.
fn line(time: SystemTime) -> String {
    format!("{}\r\n", httpdate::fmt_http_date(time))
}
