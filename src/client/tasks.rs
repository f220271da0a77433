//! What is asked of the service of tasks (`docs/tasks.md`), over any stream.

use std::fmt;
use std::io;
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::time::timeout;

use crate::service::tasks::hex;
pub use crate::service::tasks::{LINE_MAX, Task};

#[cfg(test)]
mod tests;

/// Longest line that is taken for an answer, in bytes.
const ANSWER_MAX: u64 = 64 << 10;
/// Bytes of a file that are taken at a time.
const PIECE: usize = 64 << 10;

/// What came of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Done {
    /// What was found, as text.
    Text(String),
    /// So many bytes of a file, which are those that the server has hashed.
    File(u64),
}

/// Why a task is not done.
#[derive(Debug, thiserror::Error)]
pub enum TaskError {
    /// The server says so; the connection goes on.
    #[error("{0}")]
    Refused(String),
    /// What has arrived is not what the server has hashed; the connection goes on.
    #[error("the file has arrived changed: its SHA-256 is {found}, and the server says {expected}")]
    Changed {
        /// The sum of what has arrived.
        found: String,
        /// The sum that the server has told.
        expected: String,
    },
    /// The task cannot be asked for in one line.
    #[error("a task is one line of at most {LINE_MAX} bytes")]
    Line,
    /// What has come is no answer.
    #[error("the server does not speak the protocol of tasks: it answers {0:?}")]
    Protocol(String),
    /// The server is gone.
    #[error("the server has closed the connection before its answer was whole")]
    Gone,
    /// Nothing came for so long.
    #[error("nothing has come from the server for {0:?}")]
    Silent(Duration),
    /// The connection broke.
    #[error("the connection has failed: {0}")]
    Connection(io::Error),
    /// What has arrived cannot be kept.
    #[error("{0}")]
    Sink(io::Error),
}

impl TaskError {
    /// Whether the next task can go over the same connection.
    pub fn goes_on(&self) -> bool {
        matches!(self, TaskError::Refused(_) | TaskError::Changed { .. } | TaskError::Line)
    }
}

/// A connection to a server of tasks.
pub struct Asker<S> {
    stream: BufReader<S>,
    patience: Duration,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Asker<S> {
    /// Asks over `stream`, and gives up when nothing comes, or nothing is taken, for as long as `patience`.
    pub fn new(stream: S, patience: Duration) -> Self {
        Asker { stream: BufReader::new(stream), patience }
    }

    /// Has `task` done. The bytes of a file go to `sink` as they come: they are good only when it says so.
    ///
    /// # Errors
    /// Why it is not done; unless [`TaskError::goes_on`] nothing else can be asked.
    pub async fn ask<W>(&mut self, task: &Task, sink: &mut W) -> Result<Done, TaskError>
    where
        W: AsyncWrite + Unpin,
    {
        let line = task.to_string();
        if line.len() > LINE_MAX || line.contains(['\n', '\r']) {
            return Err(TaskError::Line);
        }
        let line = line + "\n";
        let sent = timeout(self.patience, self.stream.write_all(line.as_bytes())).await;
        sent.map_err(|_| TaskError::Silent(self.patience))?.map_err(broken)?;
        let answer = self.answer().await?;
        match task {
            Task::Calc(_) | Task::Dns(_) => Ok(Done::Text(answer)),
            Task::File(_) => {
                let (len, sum) =
                    described(&answer).ok_or_else(|| TaskError::Protocol(shorten(&answer)))?;
                self.file(len, sum, sink).await
            }
        }
    }

    /// What follows `OK` on the next line.
    async fn answer(&mut self) -> Result<String, TaskError> {
        let mut line = Vec::new();
        let mut limited = (&mut self.stream).take(ANSWER_MAX);
        let read = timeout(self.patience, limited.read_until(b'\n', &mut line)).await;
        read.map_err(|_| TaskError::Silent(self.patience))?.map_err(broken)?;
        let Some(line) = line.strip_suffix(b"\n") else {
            let begins = |word: &[u8]| line.starts_with(word) || word.starts_with(&line);
            let has_begun = begins(b"OK ") || begins(b"ERR ");
            return match has_begun && (line.len() as u64) < ANSWER_MAX {
                true => Err(TaskError::Gone),
                false => Err(TaskError::Protocol(shorten(&String::from_utf8_lossy(&line)))),
            };
        };
        let line = String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line));
        // It is printed, so it must not do anything to a terminal.
        let line: String = line.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
        match line.split_once(' ').unwrap_or((&line, "")) {
            ("OK", answer) => Ok(answer.to_owned()),
            ("ERR", sentence) => Err(TaskError::Refused(sentence.to_owned())),
            _ => Err(TaskError::Protocol(shorten(&line))),
        }
    }

    async fn file<W>(&mut self, len: u64, sum: &str, sink: &mut W) -> Result<Done, TaskError>
    where
        W: AsyncWrite + Unpin,
    {
        let (mut left, mut found) = (len, Sha256::new());
        let mut piece = vec![0; PIECE.min(usize::try_from(len).unwrap_or(PIECE))];
        while left > 0 {
            let room = piece.len().min(usize::try_from(left).unwrap_or(PIECE));
            let read = timeout(self.patience, self.stream.read(&mut piece[..room])).await;
            let count = read.map_err(|_| TaskError::Silent(self.patience))?.map_err(broken)?;
            if count == 0 {
                return Err(TaskError::Gone);
            }
            found.update(&piece[..count]);
            sink.write_all(&piece[..count]).await.map_err(TaskError::Sink)?;
            left -= count as u64;
        }
        sink.flush().await.map_err(TaskError::Sink)?;
        let found = hex(&found.finalize());
        match found.eq_ignore_ascii_case(sum) {
            true => Ok(Done::File(len)),
            false => Err(TaskError::Changed { found, expected: sum.to_owned() }),
        }
    }

    /// Tells the server that this was all. What comes of it does not matter any more.
    pub async fn quit(mut self) {
        let end = async {
            self.stream.write_all(b"QUIT\n").await?;
            self.stream.shutdown().await?;
            // A stream that is dropped with text unread would reset the connection.
            tokio::io::copy(&mut self.stream, &mut tokio::io::sink()).await
        };
        let _ = timeout(self.patience.min(Duration::from_secs(2)), end).await;
    }
}

impl<S> fmt::Debug for Asker<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asker").field("patience", &self.patience).finish_non_exhaustive()
    }
}

fn broken(error: io::Error) -> TaskError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe => TaskError::Gone,
        _ => TaskError::Connection(error),
    }
}

/// The length of a file in bytes and its SHA-256 in hexadecimal.
fn described(answer: &str) -> Option<(u64, &str)> {
    let (len, sum) = answer.trim().split_once(' ')?;
    let sum_is_one = sum.len() == 64 && sum.bytes().all(|byte| byte.is_ascii_hexdigit());
    len.parse().ok().filter(|_| sum_is_one).map(|len| (len, sum))
}

/// Enough of a line to know it by.
fn shorten(line: &str) -> String {
    line.chars().take(60).collect()
}
