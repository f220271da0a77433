//! Accepting connections.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::task::{self, Poll};

use tokio::sync::Mutex;

use super::Net;
use super::settings::settings;
use super::tcp_stream::{Conn, TcpStream};
use crate::stack::{FastAccept, ListenerKey, SocketError};
use crate::tcp;
use crate::tcp::CookieKeys;
use crate::tcp::congestion::Algorithm;
use crate::time::Duration;

/// Connections that wait to be accepted, unless [`TcpListener::bind_with_backlog`] says otherwise.
pub(super) const DEFAULT_BACKLOG: usize = 1024;

/// A socket that waits for connections, as [`tokio::net::TcpListener`]. Dropping it stops listening
/// and resets the connections that nobody accepted.
///
/// As on Linux, connections inherit what is set here before their handshake ends.
pub struct TcpListener {
    pub(super) net: Net,
    pub(super) key: ListenerKey,
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
        Ok(TcpListener::of(net.clone(), key, local))
    }

    pub(super) fn of(net: Net, key: ListenerKey, local: SocketAddr) -> TcpListener {
        TcpListener { net, key, local, accepting: Mutex::new(()) }
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
                    let local = stack.local_addr(key).unwrap_or(self.local);
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

    /// Whether connections begin with Nagle's algorithm off.
    ///
    /// # Errors
    /// `ConnectionAborted` when the stack is shut down or has ended; this holds for all settings.
    pub fn nodelay(&self) -> io::Result<bool> {
        self.setting(|config| config.nodelay)
    }

    /// Has connections begin with Nagle's algorithm off, or not: see [`TcpStream::set_nodelay`].
    ///
    /// # Errors
    /// As [`TcpListener::nodelay`].
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.net.try_call(|stack| stack.set_listener_nodelay(self.key, nodelay))
    }

    /// When connections are probed that are idle; `None`: never.
    ///
    /// # Errors
    /// As [`TcpListener::nodelay`].
    pub fn keepalive(&self) -> io::Result<Option<tcp::Keepalive>> {
        self.setting(|config| config.keepalive)
    }

    /// Has connections probed when they are idle, or never: see [`TcpStream::set_keepalive`].
    ///
    /// # Errors
    /// As [`TcpListener::nodelay`].
    pub fn set_keepalive(&self, keepalive: Option<tcp::Keepalive>) -> io::Result<()> {
        self.net.try_call(|stack| stack.set_listener_keepalive(self.key, keepalive))
    }

    /// What moves the congestion window of connections at their beginning.
    ///
    /// # Errors
    /// As [`TcpListener::nodelay`].
    pub fn congestion_control(&self) -> io::Result<Algorithm> {
        self.setting(|config| config.congestion)
    }

    /// Has connections begin with another congestion control: see [`TcpStream::set_congestion_control`].
    ///
    /// # Errors
    /// As [`TcpListener::nodelay`].
    pub fn set_congestion_control(&self, algorithm: Algorithm) -> io::Result<()> {
        self.net.try_call(|stack| stack.set_listener_congestion_control(self.key, algorithm))
    }

    /// How peers may open connections fast; `None`: not at all.
    ///
    /// # Errors
    /// As [`TcpListener::nodelay`].
    pub fn fast_accept(&self) -> io::Result<Option<FastAccept>> {
        self.net.call(|stack| stack.fast_accept(self.key))
    }

    /// Lets peers open connections fast (TCP_FASTOPEN, RFC 7413), or not: with what goes with their SYN they are accepted
    /// at once, and can be read and written before it is certain that the peer is there. A SYN may come
    /// twice, so it is for services that requests may reach twice (RFC 7413 6.3.1).
    ///
    /// # Errors
    /// As [`TcpListener::nodelay`].
    pub fn set_fast_accept(&self, accept: Option<FastAccept>) -> io::Result<()> {
        self.net.try_call(|stack| stack.set_fast_accept(self.key, accept))
    }

    /// Makes cookies for fast open with other keys than the stack's, or with those (TCP_FASTOPEN_KEY).
    ///
    /// # Errors
    /// As [`TcpListener::nodelay`].
    pub fn set_cookie_keys(&self, keys: Option<CookieKeys>) -> io::Result<()> {
        self.net.try_call(|stack| stack.set_listener_cookie_keys(self.key, keys))
    }

    pub(super) fn setting<R>(&self, get: impl FnOnce(&tcp::Config) -> R) -> io::Result<R> {
        self.net.try_call(|stack| {
            let config = stack.listener_config(self.key);
            config.map(get).ok_or(SocketError::StackGone)
        })
    }
}

settings!(TcpListener);

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
