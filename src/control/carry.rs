//! What a socket carries that was taken over: a connection, or datagrams, of the stack behind it.
//!
//! ```text
//!   program -- unix socket -- glasstcp up -- its stack -- peer
//!           -- data, end ------------------>
//!           <- data, end, acknowledged, failed --------
//! ```
//!
//! Both sides send [`Frame`]s. The end of what one side of a connection has to send is a frame, and so is its failure.
//! A socket that ends without either means that the program behind it is gone: then the connection is reset at once,
//! or, on the other side, has failed. After both ends glasstcp goes on telling what is acknowledged, until everything is, and
//! closes the socket then. Nothing is taken from the unix socket that the stack has no room for, and nothing
//! from the stack before the unix socket has taken what came before; so who does not read makes nothing grow.

use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::mem;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncWriteExt, Interest};
use tokio::net::UnixStream;
use tokio::sync::{Mutex, Notify};
use tokio::time::{sleep, timeout};

use super::{PATIENCE, Reply, Takeover, tell};
use crate::event::State;
use crate::net::{InfoHandle, Net, ReadHalf, TcpListener, TcpStream, UdpSocket, WriteHalf};
use crate::time;

mod failure;
mod frame;
mod open;
mod socket;
mod stream;

pub use failure::Failure;
pub use frame::{Frame, Inbox, Outbox, TEXT_MAX};
pub use open::{ControlError, Way, open, opened};
pub use socket::CarriedDatagrams;
pub use stream::Carried;

/// How often a client is told what its peer has acknowledged, while that changes.
const TOLD: Duration = Duration::from_millis(100);
/// Most bytes that a client may leave behind to be sent after it has gone.
const LEFT_MAX: usize = 1 << 20;

/// Carries a connection to `to`. With `within_ms` opening it may take as long as that, and it does without
/// Nagle's algorithm.
pub fn connect(net: Net, to: SocketAddr, within_ms: Option<u64>) -> Takeover {
    let limit = within_ms.map(Duration::from_millis);
    Box::new(move |mut unix| {
        Box::pin(async move {
            let opened = tokio::select! {
                opened = TcpStream::connect_within(&net, to, limit) => opened,
                // The client has given up.
                () = gone(&unix) => return Ok(()),
            };
            match opened {
                Ok(stream) => {
                    if limit.is_some() {
                        stream.set_nodelay(true)?;
                    }
                    carry(unix, stream).await
                }
                Err(error) => tell(&mut unix, &Reply::Failed(error.into())).await,
            }
        })
    })
}

/// Carries the first connection that comes to a port.
pub fn listen(net: Net, port: u16) -> Takeover {
    Box::new(move |mut unix| {
        Box::pin(async move {
            let listener = match TcpListener::bind(&net, (Ipv4Addr::UNSPECIFIED, port)).await {
                Ok(listener) => listener,
                Err(error) => return tell(&mut unix, &Reply::Failed(error.into())).await,
            };
            let local = listener.local_addr()?;
            tell(&mut unix, &Reply::Open { local, peer: None }).await?;
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = gone(&unix) => return Ok(()),
            };
            drop(listener);
            match accepted {
                Ok((stream, _)) => carry(unix, stream).await,
                Err(error) => tell(&mut unix, &Reply::Failed(error.into())).await,
            }
        })
    })
}

/// Carries the datagrams of a port.
pub fn datagrams(net: Net, port: u16) -> Takeover {
    Box::new(move |mut unix| {
        Box::pin(async move {
            let socket = match UdpSocket::bind(&net, (Ipv4Addr::UNSPECIFIED, port)).await {
                Ok(socket) => socket,
                Err(error) => return tell(&mut unix, &Reply::Failed(error.into())).await,
            };
            let local = socket.local_addr()?;
            tell(&mut unix, &Reply::Open { local, peer: None }).await?;
            let mut inbox = Inbox::default();
            let mut outbox = Outbox::new(&unix);
            loop {
                let frame = tokio::select! {
                    given = inbox.next(&unix) => match given? {
                        None => return Ok(()),
                        Some(Frame::Datagram(to, text)) => {
                            let sent = socket.send_chunk_to(text, to).await;
                            Frame::Sent(sent.err().map(Failure::from))
                        }
                        Some(_) => return Err(io::ErrorKind::InvalidData.into()),
                    },
                    arrived = socket.recv_chunk_from() => match arrived {
                        Ok((text, from)) => Frame::Datagram(from, text),
                        Err(error) => return outbox.send(&Frame::Failed(error.into())).await,
                    },
                    error = socket.recv_error() => match error {
                        Ok(error) => Frame::Report(error),
                        Err(error) => return outbox.send(&Frame::Failed(error.into())).await,
                    },
                };
                outbox.send(&frame).await?;
            }
        })
    })
}

/// Ready when the client has gone, whatever it has left to be read.
pub(super) async fn gone(unix: &UnixStream) {
    // Not to be readable is what is waited for, but that the other end is closed: this interest sees nothing else.
    let _ = unix.ready(Interest::PRIORITY).await;
}

/// How carrying a connection ends.
enum End {
    /// Both sides have said all that they had to say.
    Whole,
    /// The connection has failed.
    Failed(io::Error),
    /// The client has gone, or does not keep to the rules.
    Gone,
}

async fn carry(mut unix: UnixStream, mut stream: TcpStream) -> io::Result<()> {
    let (local, peer) = (stream.local_addr()?, stream.peer_addr()?);
    tell(&mut unix, &Reply::Open { local, peer: Some(peer) }).await?;
    let (info, mut out) = (stream.info_handle(), Out::default());
    let outbox = Mutex::new(Outbox::new(&unix));
    let given = Notify::new();
    let end = {
        let (mut reading, mut writing) = TcpStream::split(&mut stream);
        let came = back(&mut reading, &outbox);
        let whole = async {
            match both(out.pass(&unix, &mut writing, &given), came).await {
                End::Whole => settled(&info, out.passed).await,
                end => end,
            }
        };
        tokio::select! {
            end = whole => end,
            // It goes on for as long as there is something to tell.
            _ = acknowledged(&info, &given, &outbox) => End::Gone,
            () = gone(&unix) => End::Gone,
        }
    };
    let last = match end {
        End::Whole => Frame::Acknowledged(out.passed),
        End::Failed(error) => {
            let known = stream.take_error().ok().flatten();
            Frame::Failed(known.unwrap_or(error).into())
        }
        End::Gone => {
            if !matches!(out.leave(&unix, &mut stream).await, Ok(true)) {
                // RFC 9293 3.10.5: nobody is there any more who would want the rest.
                stream.set_linger(Some(time::Duration::ZERO))?;
            }
            return Ok(());
        }
    };
    let mut outbox = outbox.into_inner();
    tokio::select! {
        told = outbox.send(&last) => told,
        () = gone(&unix) => Ok(()),
    }
}

/// Waits until the peer has all of the bytes that were `passed` on, after both have said all; or until it is known
/// that it never will.
async fn settled(info: &InfoHandle, passed: u64) -> End {
    loop {
        match info.info() {
            Some(info) if info.bytes_acked >= passed => return End::Whole,
            // Nothing waits any more in a connection that has failed, but it was not acknowledged.
            Some(info) if info.state == State::Closed => {
                return End::Failed(io::ErrorKind::ConnectionReset.into());
            }
            Some(_) => sleep(TOLD).await,
            None => return End::Failed(io::ErrorKind::ConnectionAborted.into()),
        }
    }
}

/// Both directions, until they have ended or one has failed. What has arrived before a failure is told of first.
async fn both(
    sent: impl Future<Output = Result<(), End>>,
    came: impl Future<Output = Result<(), End>>,
) -> End {
    let (mut sent, mut came) = (pin!(sent), pin!(came));
    let ended = tokio::select! {
        sent = &mut sent => match sent {
            Err(End::Gone) => Err(End::Gone),
            sent => came.await.and(sent),
        },
        came = &mut came => match came {
            Ok(()) => sent.await,
            failed => failed,
        },
    };
    ended.err().unwrap_or(End::Whole)
}

/// What goes from the client to the peer. It is kept apart from the future that moves it, which may be dropped.
#[derive(Default)]
struct Out {
    inbox: Inbox,
    /// What the stack has had no room for.
    rest: Bytes,
    /// Whether the client has said that this was all.
    ended: bool,
    /// Bytes that the stack has taken.
    passed: u64,
}

impl Out {
    /// Hands on what the client sends, to its end; `given` hears of each piece.
    async fn pass(
        &mut self,
        unix: &UnixStream,
        writing: &mut WriteHalf<'_>,
        given: &Notify,
    ) -> Result<(), End> {
        loop {
            while !self.rest.is_empty() {
                let written = poll_fn(|cx| writing.poll_write_chunk(cx, &mut self.rest)).await;
                self.passed += written.map_err(End::Failed)? as u64;
                given.notify_one();
            }
            match self.inbox.next(unix).await {
                Ok(Some(Frame::Data(text))) => self.rest = text,
                Ok(Some(Frame::End)) => {
                    self.ended = true;
                    return writing.shutdown().await.map_err(End::Failed);
                }
                _ => return Err(End::Gone),
            }
        }
    }

    /// Sends what a client has left that has gone, for as long as the stack takes some of it in [`PATIENCE`]; whether
    /// that is all it wanted to send.
    async fn leave(&mut self, unix: &UnixStream, stream: &mut TcpStream) -> io::Result<bool> {
        if self.ended {
            return Ok(true);
        }
        // There will be no more of it: whether the end is there can be seen before anything is waited for.
        let mut left = vec![mem::take(&mut self.rest)];
        let mut len = left[0].len();
        while let Some(frame) = self.inbox.next(unix).await? {
            match frame {
                Frame::Data(text) => {
                    len += text.len();
                    if len > LEFT_MAX {
                        return Ok(false);
                    }
                    left.push(text);
                }
                Frame::End => {
                    for mut text in left {
                        while !text.is_empty() {
                            let written = poll_fn(|cx| stream.poll_write_chunk(cx, &mut text));
                            timeout(PATIENCE, written).await??;
                        }
                    }
                    return Ok(true);
                }
                _ => return Ok(false),
            }
        }
        Ok(false)
    }
}

/// Hands on what the peer sends, to its end.
async fn back(reading: &mut ReadHalf<'_>, outbox: &Mutex<Outbox<'_>>) -> Result<(), End> {
    loop {
        let frame = match reading.read_chunk(TEXT_MAX).await.map_err(End::Failed)? {
            Some(text) => Frame::Data(text),
            None => Frame::End,
        };
        outbox.lock().await.send(&frame).await.map_err(|_| End::Gone)?;
        if matches!(frame, Frame::End) {
            return Ok(());
        }
    }
}

/// Tells how much the peer has acknowledged, while something is not.
async fn acknowledged(
    info: &InfoHandle,
    given: &Notify,
    outbox: &Mutex<Outbox<'_>>,
) -> io::Result<Infallible> {
    let mut told = 0;
    loop {
        given.notified().await;
        while let Some(info) = info.info() {
            if info.bytes_acked > told {
                told = info.bytes_acked;
                outbox.lock().await.send(&Frame::Acknowledged(told)).await?;
            }
            if info.send_queue == 0 {
                break;
            }
            sleep(TOLD).await;
        }
    }
}

#[cfg(test)]
mod tests;
