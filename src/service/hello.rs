//! Hello: "Hello in X" is answered "Goodbye X from Rust", and anything else "Goodbye in Rust".
//!
//! The message may end with a line break, with the peer's end of sending, or with neither: then a pause
//! ends it. So programs in any language that keep to the rule can talk to it.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout_at};

use super::{Stream, discard};

#[cfg(test)]
mod tests;

/// Longest message that is understood, in bytes.
pub const LEN_MAX: usize = 1024;
/// Nothing more for so long is the end of a message.
pub const PAUSE: Duration = Duration::from_millis(300);
/// What the log lines have for a target that say who has come, which is part of the service.
pub const CALLERS: &str = "glasstcp::hello";
/// How a message begins that is answered by what follows.
pub const BEGINNING: &str = "Hello in ";

/// Reads one message, answers it and closes. For its first byte it waits for `patience`.
///
/// # Errors
/// What reading and writing the stream gave; `TimedOut` when nothing has come.
pub async fn serve<S: Stream>(mut stream: S, patience: Duration) -> io::Result<()> {
    let (mut reader, mut writer) = stream.halves();
    let message = message(&mut reader, patience).await?;
    writer.write_all(&answer(&message)).await?;
    discard::close_gently(&mut reader, &mut writer).await
}

/// What has come up to a line break, the end or a pause. It may be longer than is understood, but not much.
async fn message<R>(reader: &mut R, patience: Duration) -> io::Result<Vec<u8>>
where
    R: AsyncBufRead + Unpin,
{
    let mut message = Vec::new();
    let end = Instant::now() + patience;
    loop {
        let pause = if message.is_empty() { end } else { end.min(Instant::now() + PAUSE) };
        let text = match timeout_at(pause, reader.fill_buf()).await {
            Ok(text) => text?,
            Err(_pause) if message.is_empty() => return Err(io::ErrorKind::TimedOut.into()),
            Err(_pause) => return Ok(message),
        };
        let line = text.iter().position(|&byte| byte == b'\n');
        let len = line.map_or(text.len(), |at| at + 1);
        message.extend_from_slice(&text[..len.min(LEN_MAX + 1)]);
        reader.consume(len);
        if len == 0 || line.is_some() || message.len() > LEN_MAX {
            return Ok(message);
        }
    }
}

/// The answer to a message, blanks and line breaks around it aside.
fn answer(message: &[u8]) -> Vec<u8> {
    let place = message.trim_ascii().strip_prefix(BEGINNING.as_bytes()).map(<[u8]>::trim_ascii);
    match place {
        Some(place) if message.len() <= LEN_MAX && !place.is_empty() => {
            [b"Goodbye ", place, b" from Rust"].concat()
        }
        _ => b"Goodbye in Rust".to_vec(),
    }
}

/// The message of a client that greets in `place`.
pub fn greeting(place: &str) -> String {
    format!("{BEGINNING}{place}")
}
