//! Tasks: files, arithmetic and names, asked for by lines of text (`docs/tasks.md`).
//!
//! ```text
//!   FILE name         ->  OK size sha256, and then exactly so many bytes
//!   CALC expression   ->  OK result
//!   DNS name          ->  OK address ...
//!   QUIT              ->  OK, and the connection ends
//!                         ERR a sentence, for whatever cannot be done
//! ```
//!
//! Requests are answered one after the other, in their order, however many are sent ahead. A line ends with
//! LF; a CR before it is ignored.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use super::text::harmless_line;
use super::{ServiceContext, Stream, calc, discard};

mod disk;
#[cfg(test)]
mod tests;

pub use disk::Disk;

/// Longest line of a request, in bytes, without its end.
pub const LINE_MAX: usize = 2048;
/// Longest name that is asked for (RFC 1035 3.1, as text), in bytes.
const NAME_MAX: usize = 253;
/// How long it may take to find a name.
const RESOLVING: Duration = Duration::from_secs(60);

/// One task.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Task {
    /// A file of this name.
    File(String),
    /// An expression to be calculated.
    Calc(String),
    /// A name whose addresses are wanted.
    Dns(String),
}

/// As it is asked for, without the end of the line.
impl fmt::Display for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Task::File(name) => write!(f, "FILE {name}"),
            Task::Calc(expression) => write!(f, "CALC {expression}"),
            Task::Dns(name) => write!(f, "DNS {name}"),
        }
    }
}

/// Answers requests until the peer closes, asks for the end, or is too slow: the limits are those of HTTP.
///
/// # Errors
/// What reading and writing the stream gave.
pub async fn serve<S: Stream>(mut stream: S, context: Arc<ServiceContext>) -> io::Result<()> {
    let limits = context.limits;
    let (mut reader, writer) = stream.halves();
    let mut writer = Patient { writer, stall: limits.stall };
    for _ in 0..limits.requests {
        let read = timeout(limits.head, read_line(&mut reader)).await;
        let line = match read.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?? {
            Line::End => break,
            Line::TooLong => {
                writer.refuse(&format!("a line has at most {LINE_MAX} bytes")).await?;
                break;
            }
            Line::Text(line) => line,
        };
        match parse(&line) {
            Ok(None) => {
                writer.write(b"OK\n").await?;
                break;
            }
            Ok(Some(Task::File(name))) => {
                send_file(&context, name, &mut reader, &mut writer).await?;
            }
            Ok(Some(Task::Calc(text))) => {
                let value = calc::evaluate(&text).map_err(|error| error.to_string());
                writer.answer(value.map(calc::show)).await?;
            }
            Ok(Some(Task::Dns(name))) => writer.answer(resolve(&name, &context).await).await?,
            Err(sentence) => writer.refuse(&sentence).await?,
        }
    }
    discard::close_gently(&mut reader, &mut writer.writer).await
}

/// What was read.
enum Line {
    /// A line without its end; the last one may have none.
    Text(String),
    /// More than a line may have.
    TooLong,
    /// There is no other.
    End,
}

async fn read_line<R: AsyncBufRead + Unpin>(reader: &mut R) -> io::Result<Line> {
    // Room for a line with CR and LF.
    let limit = LINE_MAX as u64 + 2;
    let mut line = Vec::new();
    if reader.take(limit).read_until(b'\n', &mut line).await? == 0 {
        return Ok(Line::End);
    }
    let text = line.strip_suffix(b"\n").unwrap_or(&line);
    let text = text.strip_suffix(b"\r").unwrap_or(text);
    match text.len() > LINE_MAX {
        true => Ok(Line::TooLong),
        // What is no UTF-8 is no request either, and is shown in the answer as far as it can be.
        false => Ok(Line::Text(String::from_utf8_lossy(text).into_owned())),
    }
}

/// Takes a line apart, of which the word may be in small letters; `None` is the wish to end. Blanks at the end are part
/// of the name of a file, and of nothing else.
fn parse(line: &str) -> Result<Option<Task>, String> {
    const USAGE: &str = "write FILE name, CALC expression, DNS name or QUIT";
    let line = line.trim_start();
    let (word, name) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let name = name.trim_start();
    let rest = name.trim_end();
    let given = |task: fn(String) -> Task, what| match rest {
        "" => Err(format!("{what} is missing: {USAGE}")),
        _ => Ok(Some(task(rest.to_owned()))),
    };
    match word.to_ascii_uppercase().as_str() {
        "FILE" if !name.is_empty() => Ok(Some(Task::File(name.to_owned()))),
        "FILE" => given(Task::File, "the name of the file"),
        "CALC" => given(Task::Calc, "the expression"),
        "DNS" => given(Task::Dns, "the name"),
        "QUIT" => Ok(None),
        "" => Err(format!("there is no task on this line: {USAGE}")),
        _ => {
            let shown: String = word.chars().take(40).collect();
            Err(format!("there is no task {shown:?}: {USAGE}"))
        }
    }
}

/// The addresses of a name, or why there are none.
async fn resolve(name: &str, context: &ServiceContext) -> Result<String, String> {
    if name.len() > NAME_MAX || name.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(format!("this is not a name: one word of at most {NAME_MAX} bytes is"));
    }
    let Some(resolve) = &context.resolve else {
        let sentence = "this server finds no names: start it with --dns SERVER";
        return Err(sentence.to_owned());
    };
    let found = timeout(RESOLVING, resolve.ask(name.to_owned())).await;
    let found = found.map_err(|_| format!("no answer about {name} in {RESOLVING:?}"))??;
    match found.is_empty() {
        true => Err(format!("{name} has no address")),
        false => Ok(found.iter().map(IpAddr::to_string).collect::<Vec<_>>().join(" ")),
    }
}

/// Answers with a file, or with why there is none.
async fn send_file<R: AsyncBufRead + Unpin, W: AsyncWrite + Unpin>(
    context: &ServiceContext,
    name: String,
    reader: &mut R,
    writer: &mut Patient<W>,
) -> io::Result<()> {
    let Some(www) = context.www.clone() else {
        return writer.refuse("this server has no files: start it with --www DIR").await;
    };
    let opened = context.disk.run(move || www.open_file(&name)).await?;
    let (file, len) = match opened {
        Ok(opened) => opened,
        Err(sentence) => return writer.refuse(&sentence).await,
    };
    // For whoever has gone nothing is calculated.
    let hashed = tokio::select! {
        hashed = context.disk.sum(file, len) => hashed,
        error = broken(reader) => return Err(error),
    };
    let (mut file, sum) = match hashed {
        Ok(hashed) => hashed,
        Err(error) => return writer.refuse(&format!("the file cannot be read: {error}")).await,
    };
    writer.write(format!("OK {len} {sum}\n").as_bytes()).await?;
    let mut left = len;
    while left > 0 {
        let place = context.room.take(left.min(disk::PIECE) as usize);
        let (back, piece) = context.disk.read(file, place).await?;
        writer.write(&piece).await?;
        left -= piece.len() as u64;
        file = back;
    }
    Ok(())
}

/// Waits until the connection breaks. That the peer sends nothing more is no reason to think that it does not read, and
/// what it sends ahead stays where it is.
async fn broken<R: AsyncBufRead + Unpin>(reader: &mut R) -> io::Error {
    match reader.fill_buf().await {
        Err(error) => error,
        Ok(_) => std::future::pending().await,
    }
}

/// A writer that gives up when the peer takes nothing for too long.
struct Patient<W> {
    writer: W,
    stall: Duration,
}

impl<W: AsyncWrite + Unpin> Patient<W> {
    async fn write(&mut self, text: &[u8]) -> io::Result<()> {
        let written = timeout(self.stall, self.writer.write_all(text)).await;
        written.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }

    /// What was found, or why nothing was.
    async fn answer(&mut self, found: Result<String, String>) -> io::Result<()> {
        match found {
            Ok(found) => self.write(format!("OK {found}\n").as_bytes()).await,
            Err(sentence) => self.refuse(&sentence).await,
        }
    }

    /// A sentence, as one line whatever is in it.
    async fn refuse(&mut self, sentence: &str) -> io::Result<()> {
        self.write(format!("ERR {}\n", harmless_line(sentence)).as_bytes()).await
    }
}
