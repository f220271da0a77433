//! Accepting connections.

use std::fmt;
use std::io;
use std::iter::FusedIterator;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::addresses::try_each;
use super::gate::{Gate, block_on};
use super::tcp_stream::TcpStream;
use crate::net::{self, Net};
use crate::stack::FastAccept;
use crate::tcp;
use crate::tcp::CookieKeys;
use crate::tcp::congestion::Algorithm;

/// A socket that waits for connections, as [`std::net::TcpListener`]. When its last handle is
/// dropped it stops listening, and connections that nobody accepted are reset.
pub struct TcpListener {
    shared: Arc<Shared>,
}

/// What all handles to one listener have in common.
struct Shared {
    listener: net::TcpListener,
    accepting: Arc<Gate>,
    nonblocking: AtomicBool,
}

impl TcpListener {
    /// Listens on an address of the stack; `0.0.0.0` means all of them, port 0 one that is free. Of
    /// several addresses it takes the first that will do. At most 1024 connections wait to be
    /// accepted.
    ///
    /// # Errors
    /// `AddrInUse`, `AddrNotAvailable` if the address is not one of the stack's, `InvalidInput`
    /// without an address, and `ConnectionAborted` when the stack has ended.
    ///
    /// ```
    /// # use glasstcp::blocking::{self, TcpListener};
    /// # use glasstcp::{device::memory, stack::{Config, Stack}};
    /// # let stack = Stack::new(Config::new([10, 0, 0, 1].into(), 24, [1; 32]));
    /// # let (net, _) = blocking::start(stack, memory::pair(1500).0)?;
    /// let listener = TcpListener::bind(&net, "10.0.0.1:80")?;
    /// let error = TcpListener::bind(&net, "0.0.0.0:80").unwrap_err();
    /// assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn bind(net: &Net, addr: impl ToSocketAddrs) -> io::Result<TcpListener> {
        TcpListener::bind_with_backlog(net, addr, net::tcp_listener::DEFAULT_BACKLOG)
    }

    /// [`TcpListener::bind`] with another limit for the connections that wait to be accepted; at
    /// least one may. What comes beyond it is ignored, so the peer tries again.
    ///
    /// # Errors
    /// Those of `bind`.
    pub fn bind_with_backlog(
        net: &Net,
        addr: impl ToSocketAddrs,
        backlog: usize,
    ) -> io::Result<TcpListener> {
        let listener = try_each(addr, |addr| {
            block_on(net, None, net::TcpListener::bind_with_backlog(net, addr, backlog))
        })?;
        Ok(TcpListener::of(listener))
    }

    pub(super) fn of(listener: net::TcpListener) -> TcpListener {
        let shared =
            Shared { listener, accepting: Arc::default(), nonblocking: AtomicBool::new(false) };
        TcpListener { shared: Arc::new(shared) }
    }

    pub(super) fn listener(&self) -> &net::TcpListener {
        &self.shared.listener
    }

    /// Waits for a connection and returns it with the peer's address. Several threads may accept
    /// from one listener. The connection waits, even if the listener does not.
    ///
    /// # Errors
    /// `WouldBlock` if the listener does not wait and there is none, and `ConnectionAborted` when the
    /// stack is shut down or has ended.
    ///
    /// ```
    /// # use glasstcp::blocking::{self, TcpListener, TcpStream};
    /// # use glasstcp::{device::memory, stack::{Config, Stack}};
    /// # let (one, other) = memory::pair(1500);
    /// # let stack = |last| Stack::new(Config::new([10, 0, 0, last].into(), 24, [last; 32]));
    /// # let (server, _) = blocking::start(stack(1), one)?;
    /// # let (client, _) = blocking::start(stack(2), other)?;
    /// let listener = TcpListener::bind(&server, "10.0.0.1:80")?;
    /// let stream = TcpStream::connect(&client, listener.local_addr()?)?;
    /// let (_accepted, peer) = listener.accept()?;
    /// assert_eq!(peer, stream.local_addr()?);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let Shared { listener, accepting, nonblocking } = &*self.shared;
        let nonblocking = nonblocking.load(Ordering::Relaxed);
        let (stream, peer) =
            accepting.wait(listener.net(), nonblocking, |cx| listener.poll_accept(cx))?;
        Ok((TcpStream::new(stream), peer))
    }

    /// An endless iterator over [`TcpListener::accept`]. After the end of the stack it gives nothing
    /// but errors, so leave a loop over it then.
    ///
    /// ```
    /// # use glasstcp::blocking::{self, TcpListener, TcpStream};
    /// # use glasstcp::{device::memory, stack::{Config, Stack}};
    /// # use std::io::{Read, Write};
    /// # let (one, other) = memory::pair(1500);
    /// # let stack = |last| Stack::new(Config::new([10, 0, 0, last].into(), 24, [last; 32]));
    /// # let (server, _) = blocking::start(stack(1), one)?;
    /// # let (client, _) = blocking::start(stack(2), other)?;
    /// let listener = TcpListener::bind(&server, "10.0.0.1:13")?;
    /// std::thread::spawn(move || {
    ///     for stream in listener.incoming() {
    ///         stream?.write_all(b"half past nine")?;
    ///     }
    ///     std::io::Result::Ok(())
    /// });
    /// let mut time = String::new();
    /// TcpStream::connect(&client, "10.0.0.1:13")?.read_to_string(&mut time)?;
    /// assert_eq!(time, "half past nine");
    /// # std::io::Result::Ok(())
    /// ```
    pub fn incoming(&self) -> Incoming<'_> {
        Incoming { listener: self }
    }

    /// The address it listens on, with the port that was chosen for port 0.
    ///
    /// # Errors
    /// None at present; the type is that of std.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.shared.listener.local_addr()
    }

    /// Whether connections begin with Nagle's algorithm off.
    ///
    /// # Errors
    /// `ConnectionAborted` when the stack is shut down or has ended; this holds for all settings.
    pub fn nodelay(&self) -> io::Result<bool> {
        self.shared.listener.nodelay()
    }

    /// Has connections begin with Nagle's algorithm off, or not: see [`TcpStream::set_nodelay`].
    ///
    /// # Errors
    /// As [`TcpListener::nodelay`].
    ///
    /// ```
    /// # use glasstcp::blocking::{self, TcpListener};
    /// # use glasstcp::{device::memory, stack::{Config, Stack}};
    /// # let stack = Stack::new(Config::new([10, 0, 0, 1].into(), 24, [1; 32]));
    /// # let (net, _) = blocking::start(stack, memory::pair(1500).0)?;
    /// let listener = TcpListener::bind(&net, "10.0.0.1:0")?;
    /// listener.set_nodelay(true)?;
    /// assert!(listener.try_clone()?.nodelay()?);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.shared.listener.set_nodelay(nodelay)
    }

    /// When connections are probed that are idle; `None`: never.
    ///
    /// # Errors
    /// As [`TcpListener::nodelay`].
    pub fn keepalive(&self) -> io::Result<Option<tcp::Keepalive>> {
        self.shared.listener.keepalive()
    }

    /// Has connections probed when they are idle, or never: see [`TcpStream::set_keepalive`].
    ///
    /// # Errors
    /// As [`TcpListener::nodelay`].
    pub fn set_keepalive(&self, keepalive: Option<tcp::Keepalive>) -> io::Result<()> {
        self.shared.listener.set_keepalive(keepalive)
    }

    /// What moves the congestion window of connections at their beginning.
    ///
    /// # Errors
    /// As [`TcpListener::nodelay`].
    pub fn congestion_control(&self) -> io::Result<Algorithm> {
        self.shared.listener.congestion_control()
    }

    /// Has connections begin with another congestion control: see [`TcpStream::set_congestion_control`].
    ///
    /// # Errors
    /// As [`TcpListener::nodelay`].
    pub fn set_congestion_control(&self, algorithm: Algorithm) -> io::Result<()> {
        self.shared.listener.set_congestion_control(algorithm)
    }

    /// How peers may open connections fast; `None`: not at all.
    ///
    /// # Errors
    /// As [`TcpListener::nodelay`].
    pub fn fast_accept(&self) -> io::Result<Option<FastAccept>> {
        self.shared.listener.fast_accept()
    }

    /// Lets peers open connections fast (TCP_FASTOPEN, RFC 7413), or not: with what goes with their SYN they are accepted
    /// at once. A SYN may come twice, so it is for services that requests may reach twice (RFC 7413 6.3.1).
    ///
    /// # Errors
    /// As [`TcpListener::nodelay`].
    ///
    /// ```
    /// # use glasstcp::blocking::{self, TcpListener};
    /// # use glasstcp::{device::memory, stack::{Config, FastAccept, Stack}};
    /// # let stack = Stack::new(Config::new([10, 0, 0, 1].into(), 24, [1; 32]));
    /// # let (net, _) = blocking::start(stack, memory::pair(1500).0)?;
    /// let listener = TcpListener::bind(&net, "10.0.0.1:0")?;
    /// assert_eq!(listener.fast_accept()?, None);
    /// listener.set_fast_accept(Some(FastAccept::new(16)))?;
    /// assert_eq!(listener.fast_accept()?, Some(FastAccept::new(16)));
    /// # std::io::Result::Ok(())
    /// ```
    pub fn set_fast_accept(&self, accept: Option<FastAccept>) -> io::Result<()> {
        self.shared.listener.set_fast_accept(accept)
    }

    /// Makes cookies for fast open with other keys than the stack's, or with those (TCP_FASTOPEN_KEY).
    ///
    /// # Errors
    /// As [`TcpListener::nodelay`].
    pub fn set_cookie_keys(&self, keys: Option<CookieKeys>) -> io::Result<()> {
        self.shared.listener.set_cookie_keys(keys)
    }

    /// Another handle to the same listener.
    ///
    /// # Errors
    /// None at present; the type is that of std.
    pub fn try_clone(&self) -> io::Result<TcpListener> {
        Ok(TcpListener { shared: Arc::clone(&self.shared) })
    }

    /// Whether [`TcpListener::accept`] fails with `WouldBlock` instead of waiting, from now on and for
    /// all handles. A call that waits already goes on waiting.
    ///
    /// # Errors
    /// None at present; the type is that of std.
    ///
    /// ```
    /// # use glasstcp::blocking::{self, TcpListener};
    /// # use glasstcp::{device::memory, stack::{Config, Stack}};
    /// # let stack = Stack::new(Config::new([10, 0, 0, 1].into(), 24, [1; 32]));
    /// # let (net, _) = blocking::start(stack, memory::pair(1500).0)?;
    /// let listener = TcpListener::bind(&net, "10.0.0.1:0")?;
    /// listener.set_nonblocking(true)?;
    /// assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        self.shared.nonblocking.store(nonblocking, Ordering::Relaxed);
        Ok(())
    }
}

impl fmt::Debug for TcpListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shared.listener.fmt(f)
    }
}

/// Connections as they come: see [`TcpListener::incoming`].
#[derive(Debug)]
pub struct Incoming<'a> {
    listener: &'a TcpListener,
}

impl Iterator for Incoming<'_> {
    type Item = io::Result<TcpStream>;

    fn next(&mut self) -> Option<io::Result<TcpStream>> {
        Some(self.listener.accept().map(|(stream, _peer)| stream))
    }
}

impl FusedIterator for Incoming<'_> {}
