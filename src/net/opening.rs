//! Connections that are being opened.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::time::Duration;

use super::tcp_stream::Conn;
use super::{InfoHandle, Net, TcpStream};
use crate::stack::SocketError;
use crate::tcp;

/// A connection that is being opened; dropping it gives that up.
#[derive(Debug)]
pub struct Opening {
    conn: Conn,
    /// The user time-out of the connection, where opening it has another.
    then: Option<Option<Duration>>,
}

impl Opening {
    /// Sends the SYN.
    pub(super) fn begin(
        net: &Net,
        remote: SocketAddr,
        local: Option<SocketAddr>,
        config: Option<tcp::Config>,
    ) -> io::Result<Opening> {
        let net = net.place_for(local);
        let (key, local) = net.try_call(|stack| {
            let key = stack.connect(local, remote, config)?;
            let local = stack.local_addr(key).ok_or(SocketError::NotConnected)?;
            Ok((key, local))
        })?;
        Ok(Opening::of(Conn::new(net, key, local, remote)))
    }

    pub(super) fn of(conn: Conn) -> Opening {
        Opening { conn, then: None }
    }

    /// Sends the SYN, with as much of `data` as may go with it, and says how much that is.
    fn begin_fast(net: &Net, remote: SocketAddr, data: &[u8]) -> io::Result<(Opening, usize)> {
        let net = net.place_for_peer(remote.ip());
        let (key, local, taken) = net.try_call(|stack| {
            let (key, taken) = stack.connect_fast(None, remote, None, data)?;
            let local = stack.local_addr(key).ok_or(SocketError::NotConnected)?;
            Ok((key, local, taken))
        })?;
        Ok((Opening { conn: Conn::new(net, key, local, remote), then: None }, taken))
    }

    /// A handle that looks at it from elsewhere, before and after it is open: so one sees what the network has
    /// reported ([`tcp::Info::soft_error`]) while it is still tried.
    pub fn info_handle(&self) -> InfoHandle {
        self.conn.info_handle()
    }

    /// Waits until it is open.
    ///
    /// # Errors
    /// Those of [`TcpStream::connect`].
    pub async fn opened(self) -> io::Result<TcpStream> {
        let Opening { conn, then } = self;
        poll_fn(|cx| conn.poll_connected(cx)).await?;
        let stream = TcpStream::new(conn);
        if let Some(timeout) = then {
            stream.set_user_timeout(timeout)?;
        }
        Ok(stream)
    }
}

impl TcpStream {
    /// Opens a connection with the beginning of `data` in the SYN (TCP Fast Open, RFC 7413), so that an answer can be
    /// there after one round trip, and says how much of it was taken: the rest is for the caller to write. Where a
    /// cookie of the server is known it returns at once, and whether there is a connection comes out when it
    /// is read. Otherwise it waits until the connection is open, and asks for a cookie on the way.
    ///
    /// A server may get what goes with a SYN twice, so it must be something that does no harm then
    /// (RFC 7413 6.3.1).
    ///
    /// # Errors
    /// Those of [`TcpStream::connect`]; where it returns at once, only those that need no answer.
    pub async fn connect_fast(
        net: &Net,
        remote: impl Into<SocketAddr>,
        data: &[u8],
    ) -> io::Result<(TcpStream, usize)> {
        let (opening, taken) = Opening::begin_fast(net, remote.into(), data)?;
        if taken > 0 {
            return Ok((TcpStream::new(opening.conn), taken));
        }
        let stream = opening.opened().await?;
        let data = [IoSlice::new(data)];
        let taken = poll_fn(|cx| stream.conn.poll_write(cx, &data)).await?;
        Ok((stream, taken))
    }

    /// Begins to open a connection, for which there is `limit` if there is one. It fails then with what the network
    /// has reported meanwhile, which an open that lasts longer would go on in spite of (RFC 9293 3.9.2.2).
    ///
    /// # Errors
    /// Those of [`TcpStream::connect`] that need no answer.
    pub fn open_within(
        net: &Net,
        remote: impl Into<SocketAddr>,
        limit: Option<Duration>,
    ) -> io::Result<Opening> {
        if limit.is_none() {
            return Opening::begin(net, remote.into(), None, None);
        }
        let config = net.config().tcp;
        let then = Some(config.user_timeout);
        let config = tcp::Config { user_timeout: limit, ..config };
        Ok(Opening { then, ..Opening::begin(net, remote.into(), None, Some(config))? })
    }

    /// The same, and waits until it is open.
    ///
    /// # Errors
    /// Those of [`TcpStream::connect`].
    pub async fn connect_within(
        net: &Net,
        remote: impl Into<SocketAddr>,
        limit: Option<Duration>,
    ) -> io::Result<TcpStream> {
        Self::open_within(net, remote, limit)?.opened().await
    }
}
