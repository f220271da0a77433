//! Where the sockets of a client come from.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncBufRead, AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::timeout;

use super::DatagramSocket;
use crate::control::Request;
use crate::control::carry::{self, Carried, ControlError};
use crate::net::{self, Net};
use crate::service::buffered::Buffered;
use crate::service::{InfoSource, Stream, WriteChunk, no_info};
use crate::stack::SocketError;

/// How much longer than it may take one waits for a connection.
const GRACE: Duration = Duration::from_secs(1);
/// How long one waits for a running glasstcp to open something that needs nobody else.
const REPLY: Duration = Duration::from_secs(10);

/// What makes sockets. Addresses are of IPv4, as those of the stack.
#[derive(Clone, Debug)]
pub enum Sockets {
    /// A stack of this program.
    Stack(Net),
    /// The stack of a running glasstcp, whose control socket this is.
    Daemon(PathBuf),
    /// The kernel.
    Kernel,
}

/// Bytes in both directions.
pub trait Duplex: AsyncRead + WriteChunk + Unpin + Send {
    /// See [`Connection::buffered`].
    fn buffered(&mut self) -> Buffer<'_>;

    /// See [`Connection::poll_told`].
    fn poll_told(&mut self, _: &mut Context<'_>) -> Poll<io::Error> {
        Poll::Pending
    }
}

/// Text that is read where it lies.
pub type Buffer<'a> = Box<dyn AsyncBufRead + Unpin + Send + 'a>;

impl Duplex for net::TcpStream {
    fn buffered(&mut self) -> Buffer<'_> {
        Box::new(self)
    }
}

impl Duplex for tokio::net::TcpStream {
    fn buffered(&mut self) -> Buffer<'_> {
        Box::new(Buffered::new(self))
    }
}

impl Duplex for Carried {
    fn buffered(&mut self) -> Buffer<'_> {
        Box::new(Buffered::new(self))
    }

    fn poll_told(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        Carried::poll_told(self, cx)
    }
}

impl WriteChunk for Carried {}

/// An open connection.
pub struct Connection {
    stream: Box<dyn Duplex>,
    /// Our end.
    pub local: SocketAddr,
    /// The other one.
    pub peer: SocketAddr,
    /// How to look at it, where there is something to see.
    pub info: InfoSource,
    /// How many bytes the other side is known to have got; 0 where nobody says.
    pub acknowledged: Acknowledged,
}

/// Tells how many bytes the other side of a connection is known to have got.
pub type Acknowledged = Arc<dyn Fn() -> u64 + Send + Sync>;

/// A port where connections arrive.
pub struct Listening {
    ways: Ways,
    /// Where it listens.
    pub local: SocketAddr,
}

enum Ways {
    Stack(net::TcpListener),
    /// A single connection, of which it tells.
    Daemon(Option<carry::Way>),
    Kernel(tokio::net::TcpListener),
}

impl Sockets {
    /// Opens a connection to `to`.
    ///
    /// # Errors
    /// Those of opening one; through a daemon also that it cannot be asked.
    pub async fn connect(&self, to: SocketAddr) -> io::Result<Connection> {
        self.open(to, None, |_| ()).await
    }

    /// The same for requests and answers, which do not wait for company (Nagle's algorithm is off), and opening it
    /// may take no longer than `limit`. After that it fails with what the network has reported, if it has
    /// reported anything.
    ///
    /// # Errors
    /// Those of `connect`.
    pub async fn connect_within(&self, to: SocketAddr, limit: Duration) -> io::Result<Connection> {
        self.connect_watched(to, limit, |_| ()).await
    }

    /// The same, and `look` is told how to look at the connection while it is being opened, where there is something
    /// to see.
    ///
    /// # Errors
    /// Those of `connect`.
    pub async fn connect_watched(
        &self,
        to: SocketAddr,
        limit: Duration,
        look: impl FnOnce(InfoSource),
    ) -> io::Result<Connection> {
        // Whoever opens it keeps to the limit; this is for one that does not answer at all.
        let opened = timeout(limit + GRACE, self.open(to, Some(limit), look)).await;
        opened.unwrap_or_else(|_| match self {
            Sockets::Daemon(path) => Err(ControlError::Silent(path.clone()).into()),
            Sockets::Stack(_) | Sockets::Kernel => Err(SocketError::TimedOut.into()),
        })
    }

    async fn open(
        &self,
        to: SocketAddr,
        limit: Option<Duration>,
        look: impl FnOnce(InfoSource),
    ) -> io::Result<Connection> {
        match self {
            Sockets::Stack(net) => {
                let opening = net::TcpStream::open_within(net, to, limit)?;
                let handle = opening.info_handle();
                look(Arc::new(move || handle.info()));
                let stream = opening.opened().await?;
                stream.set_nodelay(limit.is_some() || stream.nodelay()?)?;
                let (ends, info) =
                    ((stream.local_addr()?, stream.peer_addr()?), Stream::info(&stream));
                Ok(Connection::new(stream, ends, info))
            }
            Sockets::Daemon(path) => {
                let within_ms = limit.map(|limit| limit.as_millis() as u64);
                let request = Request::Connect { to, within_ms };
                let (way, local, peer) = carry::open(path, &request, None).await?;
                Ok(Connection::carried(way, (local, peer.unwrap_or(to))))
            }
            Sockets::Kernel => {
                let opened = tokio::net::TcpStream::connect(to);
                let stream = match limit {
                    Some(limit) => timeout(limit, opened).await?,
                    None => opened.await,
                }?;
                stream.set_nodelay(limit.is_some())?;
                let ends = (stream.local_addr()?, stream.peer_addr()?);
                Ok(Connection::new(stream, ends, no_info()))
            }
        }
    }

    /// Listens on `port`, of which 0 is any that is free. Through a daemon it is for one connection.
    ///
    /// # Errors
    /// Those of listening; through a daemon also that it cannot be asked.
    pub async fn listen(&self, port: u16) -> io::Result<Listening> {
        let any = (Ipv4Addr::UNSPECIFIED, port);
        let (ways, local) = match self {
            Sockets::Stack(net) => {
                let listener = net::TcpListener::bind(net, any).await?;
                let local = listener.local_addr()?;
                (Ways::Stack(listener), local)
            }
            Sockets::Daemon(path) => {
                let request = Request::Listen { port };
                let (way, local, _) = carry::open(path, &request, Some(REPLY)).await?;
                (Ways::Daemon(Some(way)), local)
            }
            Sockets::Kernel => {
                let listener = tokio::net::TcpListener::bind(any).await?;
                let local = listener.local_addr()?;
                (Ways::Kernel(listener), local)
            }
        };
        Ok(Listening { ways, local })
    }

    /// A socket for ICMP echo requests.
    ///
    /// # Errors
    /// Those of making one, and `Unsupported` without a stack of this program.
    pub async fn ping(&self) -> io::Result<net::PingSocket> {
        match self {
            Sockets::Stack(net) => net::PingSocket::bind(net, 0).await,
            Sockets::Daemon(_) | Sockets::Kernel => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// A UDP socket on `port`, of which 0 is any that is free.
    ///
    /// # Errors
    /// Those of making one; through a daemon also that it cannot be asked.
    pub async fn datagrams(&self, port: u16) -> io::Result<DatagramSocket> {
        let any = (Ipv4Addr::UNSPECIFIED, port);
        Ok(match self {
            Sockets::Stack(net) => DatagramSocket::Stack(net::UdpSocket::bind(net, any).await?),
            Sockets::Daemon(path) => {
                let request = Request::Datagrams { port };
                let (way, local, _) = carry::open(path, &request, Some(REPLY)).await?;
                DatagramSocket::carried(way, local)
            }
            Sockets::Kernel => DatagramSocket::Kernel(tokio::net::UdpSocket::bind(any).await?),
        })
    }
}

impl Listening {
    /// Waits for the next connection.
    ///
    /// # Errors
    /// Those of accepting one; through a daemon `NotConnected` after the first.
    pub async fn accept(&mut self) -> io::Result<Connection> {
        match &mut self.ways {
            Ways::Stack(listener) => {
                let (stream, peer) = listener.accept().await?;
                let (local, info) = (stream.local_addr()?, Stream::info(&stream));
                Ok(Connection::new(stream, (local, peer), info))
            }
            Ways::Daemon(way) => {
                let (local, peer) =
                    carry::opened(way.as_mut().ok_or(io::ErrorKind::NotConnected)?).await?;
                let way = way.take().ok_or(io::ErrorKind::NotConnected)?;
                Ok(Connection::carried(way, (local, peer.unwrap_or(local))))
            }
            Ways::Kernel(listener) => {
                let (stream, peer) = listener.accept().await?;
                let local = stream.local_addr()?;
                Ok(Connection::new(stream, (local, peer), no_info()))
            }
        }
    }
}

impl Connection {
    fn new(
        stream: impl Duplex + 'static,
        (local, peer): (SocketAddr, SocketAddr),
        info: InfoSource,
    ) -> Connection {
        let looked = info.clone();
        let acknowledged = Arc::new(move || looked().map_or(0, |info| info.bytes_acked));
        Connection { stream: Box::new(stream), local, peer, info, acknowledged }
    }

    /// Learns how much is acknowledged when the other side has ended, where that is told as text is; before it is who
    /// reads that learns it. Ready when the connection has failed since.
    pub fn poll_told(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        self.stream.poll_told(cx)
    }

    /// Reads it without a buffer of the reader's, and without a copy where that is possible. What was taken into a buffer
    /// and not read is lost with this.
    pub fn buffered(&mut self) -> Buffer<'_> {
        self.stream.buffered()
    }

    fn carried(way: carry::Way, ends: (SocketAddr, SocketAddr)) -> Connection {
        let stream = Carried::from(way);
        let told = stream.acknowledged();
        let acknowledged: Acknowledged = Arc::new(move || told.load(Ordering::Relaxed));
        Connection { acknowledged, ..Connection::new(stream, ends, no_info()) }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        text: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, text)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl WriteChunk for Connection {
    fn poll_write_chunk(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        chunk: &mut Bytes,
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.stream).poll_write_chunk(cx, chunk)
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Connection { local, peer, .. } = self;
        f.debug_struct("Connection")
            .field("local", local)
            .field("peer", peer)
            .finish_non_exhaustive()
    }
}
