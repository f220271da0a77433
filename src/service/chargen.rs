//! Character generator (RFC 864): a rotating pattern without end.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::LazyLock;

use bytes::Bytes;
use tokio::io::AsyncWriteExt;

use super::{Stream, WriteChunk, discard};

#[cfg(test)]
mod tests;

/// Characters on a line, without its ending.
const COLUMNS: usize = 72;
/// The printing characters of ASCII, space to tilde; after as many lines the pattern repeats.
const PRINTING: usize = 95;
/// Whole patterns in one write: together just under 64 KiB, one burst of the stack.
const PATTERNS: usize = 9;

/// The text of one write.
static TEXT: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let character = |line, column| b' ' + ((line + column) % PRINTING) as u8;
    (0..PATTERNS * PRINTING)
        .flat_map(|line| (0..COLUMNS).map(move |column| character(line, column)).chain(*b"\r\n"))
        .collect()
});

/// Sends the pattern as fast as the peer takes it, until the peer closes; what it says is ignored.
///
/// # Errors
/// What reading and writing the stream gave.
pub async fn serve<S: Stream>(mut stream: S) -> io::Result<()> {
    let (mut reader, mut writer) = stream.halves();
    tokio::select! {
        ended = discard::drain(&mut reader) => ended?,
        failed = generate(&mut writer) => failed?,
    }
    writer.shutdown().await
}

async fn generate<S>(writer: &mut S) -> io::Result<()>
where
    S: WriteChunk + Unpin,
{
    loop {
        let mut text = Bytes::from_static(&TEXT);
        while !text.is_empty() {
            tokio::task::coop::consume_budget().await;
            poll_fn(|cx| Pin::new(&mut *writer).poll_write_chunk(cx, &mut text)).await?;
        }
    }
}
