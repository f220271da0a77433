//! What is asked of the service of tasks (`docs/tasks.md`), over any stream.

use std::fmt;
use std::io;
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::time::timeout;

pub use crate::service::tasks::{LINE_MAX, Task};
use crate::service::text::{harmless_line, hex};

#[cfg(test)]
mod tests;

/// Longest line that is taken for an answer, in bytes.
const ANSWER_MAX: u64 = 64 << 10;
/// Bytes of a file that are taken at a time.
const PIECE: usize = 64 << 10;
/// Bytes of a file that have to come in the time in which anything else has to.
const LEAST: usize = 1024;
/// So many times as patient one is with the first line of a file, which the server reads from one end to the other before.
const READING: u32 = 4;

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
    /// Hardly anything came for so long.
    #[error("too little comes from the server: less than {LEAST} bytes of the file in {0:?}")]
    Slow(Duration),
    /// The connection broke.
    #[error("the connection has failed: {0}")]
    Connection(io::Error),
    /// What has arrived cannot be kept, or what would cannot be.
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
    /// Asks over `stream`, and gives up when nothing comes, or nothing is taken, for as long as `patience`: a line has to
    /// come in that time from its beginning to its end, but that before a file in four times as long, and of a file
    /// 1024 bytes.
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
        self.ask_for(task, |_| Ok(()), sink).await
    }

    /// As [`Asker::ask`], but before a file comes `room` is told how many bytes it will have, and may refuse it.
    ///
    /// # Errors
    /// Why it is not done; what `room` has refused is a [`TaskError::Sink`].
    pub async fn ask_for<W>(
        &mut self,
        task: &Task,
        room: impl FnOnce(u64) -> io::Result<()>,
        sink: &mut W,
    ) -> Result<Done, TaskError>
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
        let patience = match task {
            Task::File(_) => self.patience.saturating_mul(READING),
            Task::Calc(_) | Task::Dns(_) => self.patience,
        };
        let answer = self.answer(patience).await?;
        match task {
            Task::Calc(_) | Task::Dns(_) if answer.trim().is_empty() => {
                Err(TaskError::Protocol("OK".to_owned()))
            }
            Task::Calc(_) | Task::Dns(_) => Ok(Done::Text(answer)),
            Task::File(_) => {
                let (len, sum) =
                    described(&answer).ok_or_else(|| TaskError::Protocol(shorten(&answer)))?;
                room(len).map_err(TaskError::Sink)?;
                self.file(len, sum, sink).await
            }
        }
    }

    /// What follows `OK` on the next line.
    async fn answer(&mut self, patience: Duration) -> Result<String, TaskError> {
        let mut line = Vec::new();
        let mut limited = (&mut self.stream).take(ANSWER_MAX);
        let read = timeout(patience, limited.read_until(b'\n', &mut line)).await;
        read.map_err(|_| TaskError::Silent(patience))?.map_err(broken)?;
        let Some(line) = line.strip_suffix(b"\n") else {
            let begins = |word: &[u8]| line.starts_with(word) || word.starts_with(&line);
            let has_begun = begins(b"OK ") || begins(b"ERR ");
            return match has_begun && (line.len() as u64) < ANSWER_MAX {
                true => Err(TaskError::Gone),
                false => Err(TaskError::Protocol(shorten(&String::from_utf8_lossy(&line)))),
            };
        };
        let line = String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line));
        let line = harmless_line(&line);
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
            let count = self.some(&mut piece[..room]).await?;
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

    /// Reads until `piece` is full, or has as much as one may ask for; so much has to come in time.
    async fn some(&mut self, piece: &mut [u8]) -> Result<usize, TaskError> {
        let mut count = 0;
        let reading = async {
            while count < piece.len().min(LEAST) {
                match self.stream.read(&mut piece[count..]).await.map_err(broken)? {
                    0 => return Err(TaskError::Gone),
                    more => count += more,
                }
            }
            Ok(())
        };
        match timeout(self.patience, reading).await {
            Ok(read) => read.map(|()| count),
            Err(_) if count == 0 => Err(TaskError::Silent(self.patience)),
            Err(_) => Err(TaskError::Slow(self.patience)),
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
    let len_is_one = len.bytes().all(|byte| byte.is_ascii_digit());
    len.parse().ok().filter(|_| sum_is_one && len_is_one).map(|len| (len, sum))
}

/// Enough of a line to know it by.
fn shorten(line: &str) -> String {
    line.chars().take(60).collect()
}
