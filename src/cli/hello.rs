//! `glasstcp hello`: "Hello in X", and what is answered.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{anyhow, bail, ensure};
use glasstcp::client::Connection;
use glasstcp::service::hello::{LEN_MAX, greeting};
use glasstcp::service::text::harmless_line;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout_at};

use super::client::{self, Client, explain};
use super::say;

/// Say hello to a server, and print what it answers
///
/// Sends "Hello in X" and prints the answer: "Goodbye X from Rust" if the server is
/// 'glasstcp up --serve hello', and something like it from a server in another language.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  glasstcp hello 10.9.0.2 --link udp:127.0.0.1:0,127.0.0.1:7000
  glasstcp hello 10.9.0.2 --in Python --in 'Bad Orb' --link udp:127.0.0.1:0,127.0.0.1:7000
  sudo glasstcp hello 10.9.0.1 13000 --netns glass   a server of the kernel in that namespace
  sudo glasstcp hello 10.9.0.1 --via glass0@glass    over the stack of 'glasstcp up --netns glass'

The message is sent as it is. To a server that has not answered in half a second a line break is sent, for it
may wait for the end of a line, and another half a second later the end of the stream.

Exit codes: 0 all were answered, 1 one was not (a sentence says why), 2 the command line cannot be read.")]
pub struct Args {
    /// The host: an address, or a name with --dns
    #[arg(value_name = "HOST")]
    host: String,

    /// The port
    #[arg(value_name = "PORT", default_value_t = 12000)]
    port: u16,

    /// Where the hello is from, such as a language or a place; can be given several times
    #[arg(long = "in", visible_alias = "from", value_name = "X", default_value = "Rust", value_parser = place)]
    places: Vec<String>,

    #[command(flatten)]
    client: client::Args,
}

/// How long to wait for an answer before saying more clearly that the message is over, and how long for more of
/// one that has no end.
const PAUSE: Duration = Duration::from_millis(500);
/// Longest answer that is read, in bytes.
const ANSWER_MAX: usize = 4096;

impl Args {
    /// Says hello as often as asked for.
    ///
    /// # Errors
    /// A sentence that says what to do.
    pub fn run(self) -> anyhow::Result<()> {
        let Args { host, port, places, client } = self;
        client.run(async |client| {
            let to = SocketAddr::new(client.resolve(&host).await?, port);
            let mut failed = Vec::new();
            for place in &places {
                let message = greeting(place);
                say(&format!("{message}\n"))?;
                match hello(client, to, &message).await {
                    Ok((answer, connection)) => {
                        say(&format!("{answer}\nfrom {to}, to {}\n", connection.local))?;
                    }
                    Err(error) => failed.push(format!("{message:?}: {error:#}")),
                }
            }
            match &failed[..] {
                [] => Ok(()),
                [only] if places.len() == 1 => bail!("{only}"),
                [first, ..] => {
                    bail!("{} of {} were not answered: {first}", failed.len(), places.len())
                }
            }
        })
    }
}

/// The answer to one message, over a connection of its own.
async fn hello(
    client: &Client,
    to: SocketAddr,
    message: &str,
) -> anyhow::Result<(String, Connection)> {
    let connected = client.sockets.connect_within(to, client.timeout).await;
    let what = format!("cannot connect to {to}");
    let mut connection = connected.map_err(|error| explain(&what, error))?;
    let answer = exchange(&mut connection, message, client.timeout).await;
    let answer = answer.map_err(|error| match error.kind() {
        io::ErrorKind::TimedOut => {
            anyhow!("{to} has not answered, or not to the end, in {:?}", client.timeout)
        }
        _ => anyhow!("the connection to {to} has failed: {error}"),
    })?;
    ensure!(!answer.trim().is_empty(), "{to} has sent nothing but blanks, or nothing at all");
    Ok((answer, connection))
}

/// Sends the message and reads the answer to its end: of the line, of the stream, or a pause.
async fn exchange<S>(stream: &mut S, message: &str, patience: Duration) -> io::Result<String>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let deadline = Instant::now() + patience;
    stream.write_all(message.as_bytes()).await?;
    let (mut answer, mut waited) = (Vec::new(), 0);
    // Blanks alone are no answer yet, and lines of them no end of one.
    while answer.len() < ANSWER_MAX && !answer.trim_ascii_start().contains(&b'\n') {
        let begun = !answer.trim_ascii_start().is_empty();
        let mut text = [0; 512];
        let now = Instant::now() + PAUSE;
        let until = if waited < 2 || begun { deadline.min(now) } else { deadline };
        match timeout_at(until, stream.read(&mut text)).await {
            Ok(Ok(count @ 1..)) => answer.extend_from_slice(&text[..count]),
            // A server that resets the connection may have answered all the same.
            Ok(Err(error)) if !begun => return Err(error),
            Ok(_ended) => break,
            // Also in its middle, as far as can be seen.
            Err(_) if Instant::now() >= deadline => return Err(io::ErrorKind::TimedOut.into()),
            Err(_pause) if begun => break,
            Err(_pause) => {
                match waited {
                    0 => stream.write_all(b"\n").await?,
                    _ => stream.shutdown().await?,
                }
                waited += 1;
            }
        }
    }
    // It is printed, so it must not do anything to a terminal.
    Ok(harmless_line(String::from_utf8_lossy(&answer).trim()))
}

/// What a hello can be from.
fn place(text: &str) -> Result<String, String> {
    let place = text.trim();
    if place.is_empty() || place.contains(char::is_control) {
        return Err("give a name on one line, as Python".to_owned());
    }
    match greeting(place).len() > LEN_MAX {
        true => Err(format!("the message has at most {LEN_MAX} bytes: give a shorter name")),
        false => Ok(place.to_owned()),
    }
}

#[cfg(test)]
mod tests;
