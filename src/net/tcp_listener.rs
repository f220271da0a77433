//! Accepting connections.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{self, Poll};

use smallvec::SmallVec;
use tokio::sync::Mutex;

use super::Net;
use super::settings::settings;
use super::tcp_stream::{Conn, TcpStream};
use crate::stack::{FastAccept, ListenerKey, Readiness, SocketError, Stack};
use crate::tcp;
use crate::tcp::CookieKeys;
use crate::tcp::congestion::Algorithm;
use crate::time::Duration;

/// Connections that wait to be accepted, unless [`TcpListener::bind_with_backlog`] says otherwise.
pub(super) const DEFAULT_BACKLOG: usize = 1024;

/// How often another port is chosen where one was free on some shards alone.
const PORTS_TRIED: u32 = 16;

/// What listens on one shard.
struct Part {
    net: Net,
    key: ListenerKey,
}

/// A socket that waits for connections, as [`tokio::net::TcpListener`]. Dropping it stops listening
/// and resets the connections that nobody accepted.
///
/// As on Linux, connections inherit what is set here before their handshake ends.
pub struct TcpListener {
    /// One on each shard, at least one.
    parts: SmallVec<[Part; 1]>,
    /// Which of them is asked first for the next connection.
    turn: AtomicUsize,
    local: SocketAddr,
    /// The stack remembers one task that waits; with several, each waits for its turn here.
    accepting: Mutex<()>,
    /// So that all shards have the same settings, whoever changes them.
    changing: std::sync::Mutex<()>,
}

impl TcpListener {
    /// Listens on `addr`; the address `0.0.0.0` means all addresses of the stack, port 0 one that is
    /// free. At most 1024 connections wait to be accepted, on each shard if there are several.
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
        TcpListener::begin(net, addr.into(), |stack, addr| stack.listen(addr, backlog))
    }

    /// Has `listen` begin on every shard of `net`, on the port that the first one chooses if it is 0.
    pub(super) fn begin(
        net: &Net,
        addr: SocketAddr,
        mut listen: impl FnMut(&mut Stack, SocketAddr) -> Result<ListenerKey, SocketError>,
    ) -> io::Result<TcpListener> {
        let mut tries = if addr.port() == 0 { PORTS_TRIED } else { 1 };
        loop {
            tries -= 1;
            match TcpListener::begin_at(net, addr, &mut listen) {
                Err(error) if error.kind() == io::ErrorKind::AddrInUse && tries > 0 => {}
                listener => return listener,
            }
        }
    }

    fn begin_at(
        net: &Net,
        addr: SocketAddr,
        listen: &mut impl FnMut(&mut Stack, SocketAddr) -> Result<ListenerKey, SocketError>,
    ) -> io::Result<TcpListener> {
        // What has begun ends with it, should one fail.
        let mut listener = TcpListener {
            parts: SmallVec::new(),
            turn: AtomicUsize::new(0),
            local: addr,
            accepting: Mutex::new(()),
            changing: std::sync::Mutex::new(()),
        };
        // First where connections from that address would be, so that of several who want it one gets it.
        for net in net.place_for(Some(addr)).parts() {
            let (key, local) = net.try_call(|stack| {
                let key = listen(stack, listener.local)?;
                let local = stack.listener_addr(key).ok_or(SocketError::NotConnected)?;
                Ok((key, local))
            })?;
            listener.parts.push(Part { net, key });
            listener.local = local;
        }
        Ok(listener)
    }

    /// The stack that has it, or one of them.
    pub(super) fn net(&self) -> &Net {
        &self.parts[0].net
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
        let first = self.turn.load(Ordering::Relaxed);
        for index in (first..first + self.parts.len()).map(|index| index % self.parts.len()) {
            if let Poll::Ready(accepted) = self.parts[index].poll_accept(cx, self.local) {
                // It is somebody else's turn then.
                self.turn.store(index + 1, Ordering::Relaxed);
                return Poll::Ready(accepted);
            }
        }
        Poll::Pending
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
        self.configure(|config| config.nodelay = nodelay)
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
        self.configure(|config| config.keepalive = keepalive)
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
        self.configure(|config| config.congestion = algorithm)
    }

    /// How peers may open connections fast; `None`: not at all.
    ///
    /// # Errors
    /// As [`TcpListener::nodelay`].
    pub fn fast_accept(&self) -> io::Result<Option<FastAccept>> {
        let Part { net, key } = &self.parts[0];
        net.call(|stack| stack.fast_accept(*key))
    }

    /// Lets peers open connections fast (TCP_FASTOPEN, RFC 7413), or not: with what goes with their SYN they are accepted
    /// at once, and can be read and written before it is certain that the peer is there. A SYN may come
    /// twice, so it is for services that requests may reach twice (RFC 7413 6.3.1).
    ///
    /// # Errors
    /// As [`TcpListener::nodelay`].
    pub fn set_fast_accept(&self, accept: Option<FastAccept>) -> io::Result<()> {
        self.on_all_parts(|stack, key| stack.set_fast_accept(key, accept))
    }

    /// Makes cookies for fast open with other keys than the stack's, or with those (TCP_FASTOPEN_KEY).
    ///
    /// # Errors
    /// As [`TcpListener::nodelay`].
    pub fn set_cookie_keys(&self, keys: Option<CookieKeys>) -> io::Result<()> {
        self.on_all_parts(|stack, key| stack.set_listener_cookie_keys(key, keys.clone()))
    }

    pub(super) fn setting<R>(&self, get: impl FnOnce(&tcp::Config) -> R) -> io::Result<R> {
        self.parts[0].try_call(|stack, key| {
            let config = stack.listener_config(key);
            config.map(get).ok_or(SocketError::StackGone)
        })
    }

    /// Changes any settings for connections whose handshake ends from now on; what a SYN says (buffers, segment
    /// size) holds for those whose SYN arrives from now on.
    ///
    /// # Errors
    /// As [`TcpListener::nodelay`].
    pub fn configure(&self, change: impl FnOnce(&mut tcp::Config)) -> io::Result<()> {
        let _turn = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let [first, others @ ..] = &self.parts[..] else {
            return Ok(());
        };
        let changed = first.try_call(|stack, key| {
            stack.configure_listener(key, change)?;
            stack.listener_config(key).cloned().ok_or(SocketError::StackGone)
        })?;
        others.iter().try_for_each(|part| {
            part.try_call(|stack, key| stack.configure_listener(key, |now| *now = changed.clone()))
        })
    }

    /// What poll(2) would say.
    ///
    /// # Errors
    /// As [`TcpListener::nodelay`].
    pub fn readiness(&self) -> io::Result<Readiness> {
        self.readiness_of_all(|stack, key| stack.listener_readiness(key))
    }

    /// The same, and the task is woken when a connection has come. One task watches at a time, beside those that
    /// accept.
    ///
    /// # Errors
    /// As [`TcpListener::nodelay`].
    pub fn poll_readiness(&self, cx: &mut task::Context<'_>) -> io::Result<Readiness> {
        self.readiness_of_all(|stack, key| stack.watch_listener(key, cx))
    }

    fn readiness_of_all(
        &self,
        mut look: impl FnMut(&mut Stack, ListenerKey) -> Result<Readiness, SocketError>,
    ) -> io::Result<Readiness> {
        let mut all = Readiness::default();
        for part in &self.parts {
            let one = part.try_call(&mut look)?;
            all.readable |= one.readable;
            all.news = all.news.wrapping_add(one.news);
        }
        Ok(all)
    }

    fn on_all_parts(
        &self,
        call: impl Fn(&mut Stack, ListenerKey) -> Result<(), SocketError>,
    ) -> io::Result<()> {
        self.parts.iter().try_for_each(|part| part.try_call(&call))
    }
}

settings!(TcpListener);

impl Part {
    fn try_call<R>(
        &self,
        call: impl FnOnce(&mut Stack, ListenerKey) -> Result<R, SocketError>,
    ) -> io::Result<R> {
        self.net.try_call(|stack| call(stack, self.key))
    }

    /// The next connection, whose own address is `local` if it is not known.
    fn poll_accept(
        &self,
        cx: &mut task::Context<'_>,
        local: SocketAddr,
    ) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        let accepted = self.net.poll(cx, |stack, cx| {
            stack.poll_accept(self.key, cx).map_ok(|(key, peer)| {
                let local = stack.local_addr(key).unwrap_or(local);
                (key, local, peer)
            })
        });
        accepted.map_ok(|(key, local, peer)| {
            let stream = TcpStream::new(Conn::new(self.net.clone(), key, local, peer));
            (stream, peer)
        })
    }
}

impl Drop for TcpListener {
    fn drop(&mut self) {
        for Part { net, key } in self.parts.iter().rev() {
            // After the end of the stack there is nothing left to close.
            let _ = net.call(|stack| stack.close_listener(*key));
        }
    }
}

impl fmt::Debug for TcpListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TcpListener").field("local", &self.local).finish_non_exhaustive()
    }
}
