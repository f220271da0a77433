//! `glasstcp nc`: standard input and output over a connection.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::task::Context;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use glasstcp::client::{Acknowledged, Connection};
use glasstcp::event::State;
use glasstcp::service::InfoSource;
use glasstcp::stack::UdpError;
use tokio::io::{
    AsyncBufRead, AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader,
    ReadBuf, stdin, stdout,
};
use tokio::time::{Instant, sleep, timeout};

use super::client::{self, Client, explain};
use super::unprinted;

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
        ensure!(
            port != Some(0),
            "port 0 is nowhere to connect to: give the port of the other side"
        );
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
/// sent has arrived, or nothing of it does for as long as `patience`.
async fn carry(connection: Connection, shutdown: bool, patience: Duration) -> anyhow::Result<()> {
    let peer = connection.peer;
    let carrying = Carrying::new(connection);
    let out = async {
        carrying.send(&mut stdin()).await?;
        if shutdown {
            carrying.shutdown().await?;
        }
        Ok(())
    };
    let back = async { carrying.receive(&mut stdout()).await };
    let ended = tokio::select! {
        ended = both(out, back) => ended,
        error = carrying.stalled(patience) => Err(Failed::Connection(error)),
    };
    ended.map_err(|failed| match failed {
        Failed::Connection(error) => {
            anyhow::Error::new(error).context(format!("the connection to {peer} has failed"))
        }
        Failed::Input(error) => anyhow::Error::new(error).context("cannot read standard input"),
        Failed::Output(error) => unprinted(error),
    })?;
    if !shutdown {
        // Nobody waits for it when it is told: the other side has ended.
        let _ = carrying.shutdown().await;
    }
    let arrived = tokio::select! {
        arrived = carrying.arrived() => arrived,
        error = carrying.stalled(patience) => Err(error),
    };
    arrived.with_context(|| format!("not all has reached {peer}"))
}

/// What has failed of a connection that is carried between standard input and output.
#[derive(Debug)]
enum Failed {
    Input(io::Error),
    Output(io::Error),
    Connection(io::Error),
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Self {
        Failed::Connection(error)
    }
}

/// A connection both ways at once, within one task.
struct Carrying {
    connection: RefCell<Connection>,
    info: InfoSource,
    acknowledged: Acknowledged,
    /// Whether the connection can be looked at; otherwise only what is acknowledged is told.
    seen: bool,
    /// Bytes that were or are being written.
    given: Cell<u64>,
}

impl Carrying {
    fn new(connection: Connection) -> Carrying {
        let (info, acknowledged) = (connection.info.clone(), connection.acknowledged.clone());
        let seen = info().is_some();
        let connection = RefCell::new(connection);
        Carrying { connection, info, acknowledged, seen, given: Cell::new(0) }
    }

    /// Sends what `input` has, to its end.
    async fn send(&self, input: &mut (impl AsyncRead + Unpin)) -> Result<(), Failed> {
        let mut buffer = vec![0; CHUNK];
        loop {
            let count = input.read(&mut buffer).await.map_err(Failed::Input)?;
            if count == 0 {
                return Ok(());
            }
            self.given.set(self.given.get() + count as u64);
            let mut text = &buffer[..count];
            while !text.is_empty() {
                let write = |cx: &mut Context<'_>| self.pinned(|to| to.poll_write(cx, text));
                text = &text[poll_fn(write).await?..];
            }
        }
    }

    async fn shutdown(&self) -> io::Result<()> {
        poll_fn(|cx| self.pinned(|connection| connection.poll_shutdown(cx))).await
    }

    /// Hands what comes to `output`, to its end, or until nobody reads that any more, as `head` has read enough.
    async fn receive(&self, output: &mut (impl AsyncWrite + Unpin)) -> Result<(), Failed> {
        let mut buffer = vec![0; CHUNK];
        loop {
            let mut text = ReadBuf::new(&mut buffer);
            poll_fn(|cx| self.pinned(|connection| connection.poll_read(cx, &mut text))).await?;
            let printed = output.write_all(text.filled()).await;
            match printed.and(output.flush().await) {
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
                printed => printed.map_err(Failed::Output)?,
            }
            if text.filled().is_empty() {
                return Ok(());
            }
        }
    }

    fn pinned<T>(&self, work: impl FnOnce(Pin<&mut Connection>) -> T) -> T {
        work(Pin::new(&mut self.connection.borrow_mut()))
    }

    /// How much the other side has acknowledged, while it has not all that was sent; `None` when it has.
    fn waits_at(&self) -> Option<u64> {
        let given = self.given.get();
        if !self.seen {
            return Some((self.acknowledged)()).filter(|&count| count < given);
        }
        // What can no longer be seen has been closed in order: a connection that fails stays to say so.
        let info = (self.info)()?;
        let fin = matches!(info.state, State::FinWait1 | State::Closing | State::LastAck);
        Some(info.bytes_acked).filter(|&count| count < given || fin)
    }

    /// Waits until the other side has acknowledged everything, when nobody reads or writes any more.
    async fn arrived(&self) -> io::Result<()> {
        while self.waits_at().is_some() {
            if (self.info)().is_some_and(|info| info.state == State::Closed) {
                return Err(io::ErrorKind::ConnectionReset.into());
            }
            sleep(LOOK).await;
        }
        Ok(())
    }

    /// Ready when something is on its way and none of it arrives for as long as `patience`. Who has sent nothing may be silent as long as it likes, and so may the other side.
    async fn stalled(&self, patience: Duration) -> io::Error {
        let (mut before, mut since) = (None, Instant::now());
        loop {
            let told = poll_fn(|cx| self.connection.borrow_mut().poll_told(cx));
            if let Ok(error) = timeout(LOOK, told).await {
                return error;
            }
            let now = self.waits_at();
            if now != before || now.is_none() {
                (before, since) = (now, Instant::now());
            } else if since.elapsed() >= patience {
                let sentence = format!("nothing of what was sent has arrived for {patience:?}");
                return io::Error::new(io::ErrorKind::TimedOut, sentence);
            }
        }
    }
}

/// Waits until both directions have ended, or what comes has failed. When sending fails, what has come already is
/// taken first.
async fn both(
    out: impl Future<Output = Result<(), Failed>>,
    back: impl Future<Output = Result<(), Failed>>,
) -> Result<(), Failed> {
    let (mut out, mut back) = (pin!(out), pin!(back));
    tokio::select! {
        sent = &mut out => {
            match &sent {
                Ok(()) => back.await?,
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
                    // A glasstcp in between may not even take it.
                    let sent = timeout(client.timeout, socket.send_to(&text, to)).await;
                    let sent = sent.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
                    sent.with_context(|| format!("cannot send to {to}"))?;
                }
                text.clear();
            }
            () = sleep(client.timeout), if ended => return Ok(()),
            received = socket.recv_from(&mut answer) => {
                let (len, from) = received.context("cannot receive")?;
                if from == *to.get_or_insert(from) {
                    let written = printed.write_all(&answer[..len]).await;
                    written.and(printed.flush().await).map_err(unprinted)?;
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
