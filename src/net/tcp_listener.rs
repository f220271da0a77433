//! Accepting connections.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::task::{self, Poll};

use tokio::sync::Mutex;

use super::Net;
use super::tcp_stream::{Conn, TcpStream};
use crate::stack::{ListenerKey, SocketError};

/// Connections that wait to be accepted, unless [`TcpListener::bind_with_backlog`] says otherwise.
pub(super) const DEFAULT_BACKLOG: usize = 1024;

/// A socket that waits for connections, as [`tokio::net::TcpListener`]. Dropping it stops listening
/// and resets the connections that nobody accepted.
pub struct TcpListener {
    pub(super) net: Net,
    key: ListenerKey,
    local: SocketAddr,
    /// The stack remembers one task that waits; with several, each waits for its turn here.
    accepting: Mutex<()>,
}

impl TcpListener {
    /// Listens on `addr`; the address `0.0.0.0` means all addresses of the stack, port 0 one that is
    /// free. At most 1024 connections wait to be accepted.
    ///
    /// # Errors
    /// `AddrInUse`, `AddrNotAvailable` if the address is not one of the stack's, and
    /// `ConnectionAborted` when the stack has ended.
    pub async fn bind(net: &Net, addr: impl Into<SocketAddr>) -> io::Result<TcpListener> {
        TcpListener::bind_with_backlog(net, addr, DEFAULT_BACKLOG).await
    }

    /// [`TcpListener::bind`] with another limit for the connections that wait to be accepted.
    pub async fn bind_with_backlog(
        net: &Net,
        addr: impl Into<SocketAddr>,
        backlog: usize,
    ) -> io::Result<TcpListener> {
        let addr = addr.into();
        let (key, local) = net.try_call(|stack| {
            let key = stack.listen(addr, backlog)?;
            let local = stack.listener_addr(key).ok_or(SocketError::NotConnected)?;
            Ok((key, local))
        })?;
        Ok(TcpListener { net: net.clone(), key, local, accepting: Mutex::new(()) })
    }

    /// Waits for a connection and returns it with the peer's address. Several tasks may accept from
    /// one listener. Cancel safe: no connection is lost when the future is dropped.
    ///
    /// # Errors
    /// `ConnectionAborted` when the stack is shut down or has ended.
    pub async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let _turn = self.accepting.lock().await;
        poll_fn(|cx| self.poll_accept(cx)).await
    }

    /// [`TcpListener::accept`] for those who write their own futures. Only the task that called last
    /// is woken, so do not mix the two on one listener.
    pub fn poll_accept(
        &self,
        cx: &mut task::Context<'_>,
    ) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        self.net
            .poll(cx, |stack, cx| {
                stack.poll_accept(self.key, cx).map_ok(|(key, peer)| {
                    let local = stack.info(key).map_or(self.local, |info| info.local);
                    (key, local, peer)
                })
            })
            .map_ok(|(key, local, peer)| {
                let stream = TcpStream::new(Conn::new(self.net.clone(), key, local, peer));
                (stream, peer)
            })
    }

    /// The address it listens on, with the port that was chosen for port 0.
    ///
    /// # Errors
    /// None at present; the type is that of tokio.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.local)
    }
}

impl Drop for TcpListener {
    fn drop(&mut self) {
        // After the end of the stack there is nothing left to close.
        let _ = self.net.call(|stack| stack.close_listener(self.key));
    }
}

impl fmt::Debug for TcpListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TcpListener").field("local", &self.local).finish_non_exhaustive()
    }
}
