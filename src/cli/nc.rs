//! `glasstcp nc`: standard input and output over a connection.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use anyhow::Context;
use glasstcp::client::Connection;
use glasstcp::event::State;
use glasstcp::service::InfoSource;
use glasstcp::stack::UdpError;
use tokio::io::{
    AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, stdin, stdout,
};
use tokio::time::{Instant, sleep, timeout};

use super::client::{self, Client, explain};

/// Send standard input to another host, and print what it answers
///
/// Opens a connection with a stack of its own, or with that of a running glasstcp (--via), or waits for
/// one (-l). It ends when the other side has ended, and standard input too and has arrived there. With -u
/// each line of standard input is a datagram, a longer one than fits into a packet several, and it ends
/// when standard input has and nothing has come for --timeout.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sudo glasstcp nc 10.9.0.1 8000 --netns glass       to a program of the kernel in that namespace
  echo hello | glasstcp nc -N 10.9.0.2 7 --link udp:127.0.0.1:0,127.0.0.1:7000
  sudo glasstcp nc -l 5000 --netns glass             wait for 'nc 10.9.0.2 5000' of the kernel
  sudo glasstcp nc 10.9.0.1 8000 --via glass0@glass  over the stack of 'glasstcp up --netns glass'

Exit codes: 0 done, 1 it cannot be done (one sentence says why), 2 the command line cannot be read.")]
pub struct Args {
    /// The host, as an address, or with --dns as a name
    #[arg(value_name = "HOST", required_unless_present = "listen")]
    host: Option<String>,

    /// The port
    #[arg(value_name = "PORT", required_unless_present = "listen")]
    port: Option<u16>,

    /// Wait for a connection to this port instead
    #[arg(short, long, value_name = "PORT", conflicts_with_all = ["host", "port"])]
    listen: Option<u16>,

    /// Close the sending half when standard input ends, and wait for the other side
    #[arg(short = 'N')]
    shutdown: bool,

    /// Datagrams over UDP instead of a connection
    #[arg(short, long)]
    udp: bool,

    #[command(flatten)]
    client: client::Args,
}

/// The longest datagram.
const CHUNK: usize = 64 << 10;
/// How long what has come may take to be printed when sending has failed.
const GRACE: Duration = Duration::from_secs(1);
/// How often to look whether what was sent has arrived.
const LOOK: Duration = Duration::from_millis(10);

impl Args {
    /// Carries both directions to their ends.
    ///
    /// # Errors
    /// A sentence that says what to do.
    pub fn run(self) -> anyhow::Result<()> {
        let Args { host, port, listen, shutdown, udp, client } = self;
        client.run(async |client| match (udp, host.zip(port)) {
            (true, Some((host, port))) => {
                let to = SocketAddr::new(client.resolve(&host).await?, port);
                datagrams(client, 0, Some(to)).await
            }
            (true, None) => datagrams(client, listen.unwrap_or(0), None).await,
            (false, Some((host, port))) => {
                carry(client.connect(&host, port).await?, shutdown, client.timeout).await
            }
            (false, None) => {
                let port = listen.unwrap_or(0);
                let what = format!("cannot listen on port {port}");
                let mut listening =
                    client.sockets.listen(port).await.map_err(|error| explain(&what, error))?;
                eprintln!("listening on {}", listening.local);
                let connection = listening.accept().await.map_err(|error| explain(&what, error))?;
                eprintln!("connection from {}", connection.peer);
                carry(connection, shutdown, client.timeout).await
            }
        })
    }
}

/// Standard input to the other side, and what comes from there to standard output, until both have ended and what was
/// sent has arrived.
async fn carry(connection: Connection, shutdown: bool, patience: Duration) -> anyhow::Result<()> {
    let (peer, info) = (connection.peer, connection.info.clone());
    let (mut reading, mut writing) = tokio::io::split(connection);
    let out = async {
        let sent = tokio::io::copy(&mut stdin(), &mut writing).await?;
        if shutdown {
            writing.shutdown().await?;
        }
        Ok(sent)
    };
    let back = async {
        let mut printed = stdout();
        let copied = tokio::io::copy(&mut reading, &mut printed).await.map(drop);
        printed.flush().await?;
        copied
    };
    let ended = both(out, back).await;
    let sent = ended.with_context(|| format!("the connection to {peer} has failed"))?;
    if !shutdown {
        // Nobody waits for it when it is told: the other side has ended.
        let _ = writing.shutdown().await;
    }
    arrived(sent, &info, patience).await.with_context(|| format!("not all has reached {peer}"))
}

/// Waits until both directions have ended, or what comes has failed. When sending fails, what has come already is
/// taken first.
async fn both(
    out: impl Future<Output = io::Result<u64>>,
    back: impl Future<Output = io::Result<()>>,
) -> io::Result<u64> {
    let (mut out, mut back) = (pin!(out), pin!(back));
    tokio::select! {
        sent = &mut out => {
            match &sent {
                Ok(_) => back.await?,
                Err(_) => drop(timeout(GRACE, back).await),
            }
            sent
        }
        ended = &mut back => {
            ended?;
            out.await
        }
    }
}

/// Waits until the other side has acknowledged so many bytes, where that can be seen, as long as it goes on doing so.
async fn arrived(sent: u64, info: &InfoSource, patience: Duration) -> io::Result<()> {
    let (mut before, mut since) = (0, Instant::now());
    // What can no longer be seen has been closed in order: a connection that fails stays to say so.
    while let Some(info) = info().filter(|info| info.bytes_acked < sent) {
        if info.bytes_acked > before {
            (before, since) = (info.bytes_acked, Instant::now());
        }
        if info.state == State::Closed {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        if since.elapsed() >= patience {
            return Err(io::ErrorKind::TimedOut.into());
        }
        sleep(LOOK).await;
    }
    Ok(())
}

/// Each line of standard input as a datagram to the other side, which is whoever has sent the first one unless it is
/// given, and what comes from there to standard output; until standard input has ended and nothing has come for as
/// long as one waits for an answer.
async fn datagrams(client: &Client, port: u16, to: Option<SocketAddr>) -> anyhow::Result<()> {
    let socket = client.sockets.datagrams(port).await;
    let socket = socket.map_err(|error| explain("cannot make a UDP socket", error))?;
    let room = socket.max_len();
    let (mut input, mut printed) = (BufReader::new(stdin()), stdout());
    let (mut text, mut answer) = (Vec::new(), vec![0; CHUNK]);
    let (mut to, mut ended) = (to, false);
    loop {
        tokio::select! {
            // Before somebody is known there is nobody to read for.
            read = line(&mut input, &mut text, room), if !ended && to.is_some() => {
                read.context("cannot read standard input")?;
                ended = text.is_empty();
                if let Some(to) = to.filter(|_| !ended) {
                    socket.send_to(&text, to).await.with_context(|| format!("cannot send to {to}"))?;
                }
                text.clear();
            }
            () = sleep(client.timeout), if ended => return Ok(()),
            received = socket.recv_from(&mut answer) => {
                let (len, from) = received.context("cannot receive")?;
                if from == *to.get_or_insert(from) {
                    printed.write_all(&answer[..len]).await?;
                    printed.flush().await?;
                }
            }
            error = socket.recv_error() => {
                let UdpError { to, notice, .. } = error.context("cannot receive")?;
                eprintln!("{to}: {notice}");
            }
        }
    }
}

/// Reads on to the end of a line, or as much of one as fits into a datagram; cancel safe.
async fn line<R>(input: &mut R, text: &mut Vec<u8>, room: usize) -> io::Result<usize>
where
    R: AsyncBufRead + Unpin,
{
    let room = room.saturating_sub(text.len()) as u64;
    input.take(room).read_until(b'\n', text).await
}

#[cfg(test)]
mod tests;
