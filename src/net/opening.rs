//! Connections that are being opened.

use std::future::poll_fn;
use std::io;
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
        let (key, local) = net.try_call(|stack| {
            let key = stack.connect(local, remote, config)?;
            let local = stack.local_addr(key).ok_or(SocketError::NotConnected)?;
            Ok((key, local))
        })?;
        Ok(Opening::of(Conn::new(net.clone(), key, local, remote)))
    }

    pub(super) fn of(conn: Conn) -> Opening {
        Opening { conn, then: None }
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
