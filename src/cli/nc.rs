//! `glasstcp nc`: standard input and output over a connection.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Context, anyhow};
use glasstcp::client::Connection;
use tokio::io::{AsyncReadExt, AsyncWriteExt, stdin, stdout};
use tokio::time::sleep;

use super::client::{self, Client, explain};

/// Send standard input to another host, and print what it answers
///
/// Opens a connection with a stack of its own, or with that of a running glasstcp (--via), or waits for
/// one (-l). With -u it sends each line it reads as a datagram. It ends when the other side has closed the
/// connection.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sudo glasstcp nc 10.9.0.1 8000 --netns glass       to a program of the kernel in that namespace
  echo hello | glasstcp nc -N 10.9.0.2 7 --link udp:127.0.0.1:0,127.0.0.1:7000
  sudo glasstcp nc -l 5000 --netns glass             wait for 'nc 10.9.0.2 5000' of the kernel
  sudo glasstcp nc 10.9.0.1 8000 --via glass0@glass  over the stack of 'glasstcp up --netns glass'

Exit codes: 0 done, 1 it cannot be done (one sentence says why), 2 the command line cannot be read.")]
pub struct Args {
    /// The host, as an address
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

/// Bytes that are read and sent at a time.
const CHUNK: usize = 64 << 10;

impl Args {
    /// Carries both directions to their ends.
    ///
    /// # Errors
    /// A sentence that says what to do.
    pub fn run(self) -> anyhow::Result<()> {
        let Args { host, port, listen, shutdown, udp, client } = self;
        let to = match (host, port) {
            (Some(host), Some(port)) => Some(SocketAddr::new(address(&host)?, port)),
            _ => None,
        };
        client.run(async |client| match (udp, to) {
            (true, _) => datagrams(client, listen.unwrap_or(0), to).await,
            (false, Some(to)) => {
                let connected = client.sockets.connect_within(to, client.timeout).await;
                let what = format!("cannot connect to {to}");
                carry(connected.map_err(|error| explain(&what, error))?, shutdown).await
            }
            (false, None) => {
                let port = listen.unwrap_or(0);
                let what = format!("cannot listen on port {port}");
                let mut listening =
                    client.sockets.listen(port).await.map_err(|error| explain(&what, error))?;
                eprintln!("listening on {}", listening.local);
                let connection = listening.accept().await.map_err(|error| explain(&what, error))?;
                eprintln!("connection from {}", connection.peer);
                carry(connection, shutdown).await
            }
        })
    }
}

/// An address of IPv4.
fn address(text: &str) -> anyhow::Result<std::net::IpAddr> {
    let address: Result<Ipv4Addr, _> = text.parse();
    address
        .map(Into::into)
        .map_err(|_| anyhow!("'{text}' is not an IPv4 address: write it as 10.9.0.1"))
}

/// Standard input to the other side, and what comes from there to standard output, until that has ended.
async fn carry(connection: Connection, shutdown: bool) -> anyhow::Result<()> {
    let peer = connection.peer;
    let (mut reading, mut writing) = tokio::io::split(connection);
    let out = async {
        tokio::io::copy(&mut stdin(), &mut writing).await?;
        if shutdown {
            writing.shutdown().await?;
        }
        // The other side ends it.
        std::future::pending::<io::Result<()>>().await
    };
    let back = async {
        let mut printed = stdout();
        let copied = tokio::io::copy(&mut reading, &mut printed).await.map(drop);
        printed.flush().await?;
        copied
    };
    let ended = tokio::select! {
        failed = out => failed,
        ended = back => ended,
    };
    ended.with_context(|| format!("the connection to {peer} has failed"))
}

/// What is read as datagrams to the other side, or to whoever has sent the first one, and theirs to standard output;
/// until standard input has ended and nothing has come for as long as one waits for an answer.
async fn datagrams(client: &Client, port: u16, to: Option<SocketAddr>) -> anyhow::Result<()> {
    let socket = client.sockets.datagrams(port).await;
    let socket = socket.map_err(|error| explain("cannot make a UDP socket", error))?;
    let (mut input, mut printed) = (stdin(), stdout());
    let (mut text, mut answer) = (vec![0; CHUNK], vec![0; CHUNK]);
    let (mut to, mut ended) = (to, false);
    loop {
        tokio::select! {
            read = input.read(&mut text), if !ended => match (read?, to) {
                (0, _) => ended = true,
                (len, Some(to)) => {
                    socket.send_to(&text[..len], to).await.with_context(|| format!("cannot send to {to}"))?;
                }
                (_, None) => {}
            },
            () = sleep(client.timeout), if ended => return Ok(()),
            received = socket.recv_from(&mut answer) => {
                let (len, from) = received.context("cannot receive")?;
                to = to.or(Some(from));
                printed.write_all(&answer[..len]).await?;
                printed.flush().await?;
            }
        }
    }
}

#[cfg(test)]
mod tests;
