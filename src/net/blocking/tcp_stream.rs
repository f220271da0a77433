//! A connection.

use std::fmt;
use std::io::{self, ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::net::{Shutdown, SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{self, Poll};

use super::addresses::try_each;
use super::gate::{Gate, block_on};
use crate::net::tcp_stream::Conn;
use crate::net::{self, InfoHandle, Net};
use crate::tcp;
use crate::tcp::congestion::Algorithm;
use crate::time::Duration;

/// A TCP connection, as [`std::net::TcpStream`]. It is read and written through [`Read`] and
/// [`Write`], by several threads at once if need be.
///
/// When its last handle is dropped it is closed: what was written is still sent, and a FIN after it.
/// If there is data that nobody read, the peer gets a reset instead (RFC 2525 2.17), as
/// [`TcpStream::set_linger`] with zero always does.
pub struct TcpStream {
    shared: Arc<Shared>,
}

/// What all handles to one connection have in common.
struct Shared {
    stream: net::TcpStream,
    reading: Arc<Gate>,
    writing: Arc<Gate>,
    nonblocking: AtomicBool,
    error_taken: AtomicBool,
}

impl TcpStream {
    pub(super) fn new(stream: net::TcpStream) -> TcpStream {
        let shared = Shared {
            stream,
            reading: Arc::default(),
            writing: Arc::default(),
            nonblocking: AtomicBool::new(false),
            error_taken: AtomicBool::new(false),
        };
        TcpStream { shared: Arc::new(shared) }
    }

    /// Opens a connection. Of several addresses it takes the first that answers.
    ///
    /// # Errors
    /// `ConnectionRefused`, `TimedOut`, `HostUnreachable` when there is no route, `ResourceBusy` when
    /// ports or table places are used up, `InvalidInput` without an address, `ConnectionAborted`
    /// when the stack has ended.
    ///
    /// ```
    /// # use glasstcp::blocking::{self, TcpListener, TcpStream};
    /// # use glasstcp::{device::memory, stack::{Config, Stack}};
    /// # let (one, other) = memory::pair(1500);
    /// # let stack = |last| Stack::new(Config::new([10, 0, 0, last].into(), 24, [last; 32]));
    /// # let (server, _) = blocking::start(stack(1), one)?;
    /// # let (client, _) = blocking::start(stack(2), other)?;
    /// # let listener = TcpListener::bind(&server, "10.0.0.1:80")?;
    /// let stream = TcpStream::connect(&client, "10.0.0.1:80")?;
    /// assert_eq!(stream.peer_addr()?.to_string(), "10.0.0.1:80");
    ///
    /// let error = TcpStream::connect(&client, "10.0.0.1:81").unwrap_err();
    /// assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn connect(net: &Net, addr: impl ToSocketAddrs) -> io::Result<TcpStream> {
        try_each(addr, |addr| block_on(net, None, net::TcpStream::connect(net, addr)))
            .map(TcpStream::new)
    }

    /// [`TcpStream::connect`] to one address, given up after `timeout`.
    ///
    /// # Errors
    /// Those of `connect`, and `InvalidInput` for a time-out of zero.
    ///
    /// ```
    /// # use glasstcp::blocking::{self, TcpStream};
    /// # use glasstcp::{device::memory, stack::{Config, Stack}};
    /// # use std::time::Duration;
    /// # let stack = Stack::new(Config::new([10, 0, 0, 1].into(), 24, [1; 32]));
    /// # let (net, _) = blocking::start(stack, memory::pair(1500).0)?;
    /// let nobody = ([10, 0, 0, 99], 80).into();
    /// let error = TcpStream::connect_timeout(&net, &nobody, Duration::from_millis(10)).unwrap_err();
    /// assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn connect_timeout(
        net: &Net,
        addr: &SocketAddr,
        timeout: Duration,
    ) -> io::Result<TcpStream> {
        let connected = block_on(net, Some(timeout), net::TcpStream::connect(net, *addr));
        connected.map(TcpStream::new).map_err(|error| match error.kind() {
            ErrorKind::WouldBlock => {
                let why = format!("{addr} has not answered within {timeout:?}");
                io::Error::new(ErrorKind::TimedOut, why)
            }
            _ => error,
        })
    }

    /// Opens a connection to one address with the beginning of `data` in the SYN (TCP Fast Open, RFC 7413), and says
    /// how much of it was taken: the rest is for the caller to write. Where a cookie of the server is known it
    /// returns at once; otherwise when the connection is open. A server may get what goes with a SYN twice,
    /// so it must be something that does no harm then (RFC 7413 6.3.1).
    ///
    /// # Errors
    /// Those of `connect`; where it returns at once, only those that need no answer.
    ///
    /// ```
    /// # use glasstcp::blocking::{self, TcpListener, TcpStream};
    /// # use glasstcp::{device::memory, stack::{Config, FastAccept, Stack}};
    /// # use std::io::Read;
    /// # let (one, other) = memory::pair(1500);
    /// # let stack = |last| Stack::new(Config::new([10, 0, 0, last].into(), 24, [last; 32]));
    /// # let (server, _) = blocking::start(stack(1), one)?;
    /// # let (client, _) = blocking::start(stack(2), other)?;
    /// let listener = TcpListener::bind(&server, "10.0.0.1:80")?;
    /// listener.set_fast_accept(Some(FastAccept::new(16)))?;
    /// for with_syn in [false, true] {
    ///     let addr = listener.local_addr()?;
    ///     let (stream, taken) = TcpStream::connect_fast(&client, &addr, b"question")?;
    ///     assert_eq!(taken, 8);
    ///     let (mut accepted, _) = listener.accept()?;
    ///     accepted.read_exact(&mut [0; 8])?;
    ///     // The first connection brings a cookie, the second one uses it.
    ///     let info = accepted.info_handle().info().expect("it is open");
    ///     assert_eq!(info.syn_text, with_syn);
    /// }
    /// # std::io::Result::Ok(())
    /// ```
    pub fn connect_fast(
        net: &Net,
        addr: &SocketAddr,
        data: &[u8],
    ) -> io::Result<(TcpStream, usize)> {
        let (stream, taken) = block_on(net, None, net::TcpStream::connect_fast(net, *addr, data))?;
        Ok((TcpStream::new(stream), taken))
    }

    /// Waits until there is something to read and copies it, as far as it fits, but leaves it to be
    /// read. Zero is the end of the stream (or of `buf`).
    ///
    /// # Errors
    /// Those of reading.
    ///
    /// ```
    /// # use glasstcp::blocking::{self, TcpListener, TcpStream};
    /// # use glasstcp::{device::memory, stack::{Config, Stack}};
    /// # use std::io::{Read, Write};
    /// # let (one, other) = memory::pair(1500);
    /// # let stack = |last| Stack::new(Config::new([10, 0, 0, last].into(), 24, [last; 32]));
    /// # let (server, _) = blocking::start(stack(1), one)?;
    /// # let (client, _) = blocking::start(stack(2), other)?;
    /// # let listener = TcpListener::bind(&server, "10.0.0.1:80")?;
    /// # let mut stream = TcpStream::connect(&client, "10.0.0.1:80")?;
    /// # let (mut accepted, _) = listener.accept()?;
    /// stream.write_all(b"GET /")?;
    /// let mut first = [0];
    /// assert_eq!(accepted.peek(&mut first)?, 1);
    /// assert_eq!(first, *b"G");
    /// let mut request = [0; 5];
    /// accepted.read_exact(&mut request)?;
    /// assert_eq!(request, *b"GET /");
    /// # std::io::Result::Ok(())
    /// ```
    pub fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.wait_to_read(false, |conn, cx| conn.poll_peek(cx, buf))
    }

    /// Ends one half, or both, for all handles and for threads that wait. After `Write` a FIN follows
    /// what was written, and writing fails with `BrokenPipe`. After `Read` reading gives what has
    /// arrived and then the end of the stream, instead of waiting; as on Linux the peer is not told, but after
    /// both, what it sends is answered with a reset (RFC 1122 4.2.2.13).
    ///
    /// # Errors
    /// `ConnectionReset`, `TimedOut` or `ConnectionAborted` when there is no connection any more.
    ///
    /// ```
    /// # use glasstcp::blocking::{self, TcpListener, TcpStream};
    /// # use glasstcp::{device::memory, stack::{Config, Stack}};
    /// # use std::io::{Read, Write};
    /// # let (one, other) = memory::pair(1500);
    /// # let stack = |last| Stack::new(Config::new([10, 0, 0, last].into(), 24, [last; 32]));
    /// # let (server, _) = blocking::start(stack(1), one)?;
    /// # let (client, _) = blocking::start(stack(2), other)?;
    /// # let listener = TcpListener::bind(&server, "10.0.0.1:80")?;
    /// # let mut stream = TcpStream::connect(&client, "10.0.0.1:80")?;
    /// # let (mut accepted, _) = listener.accept()?;
    /// use std::net::Shutdown;
    ///
    /// stream.write_all(b"that is all")?;
    /// stream.shutdown(Shutdown::Write)?;
    /// let mut all = String::new();
    /// accepted.read_to_string(&mut all)?;
    /// assert_eq!(all, "that is all");
    /// # std::io::Result::Ok(())
    /// ```
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        if matches!(how, Shutdown::Read | Shutdown::Both) {
            // Where there is no connection any more nobody waits.
            let _ = self.shared.stream.shutdown_read();
        }
        match how {
            Shutdown::Read => Ok(()),
            Shutdown::Write | Shutdown::Both => self.conn().shutdown_write(),
        }
    }

    /// How long reading may wait; `None`: for ever.
    ///
    /// # Errors
    /// None at present; the type is that of std.
    pub fn read_timeout(&self) -> io::Result<Option<Duration>> {
        Ok(self.shared.reading.timeout())
    }

    /// Sets how long reading and [`TcpStream::peek`] may wait before they fail with `WouldBlock`;
    /// `None`: for ever. It holds for calls to come and for all handles.
    ///
    /// # Errors
    /// `InvalidInput` for a time-out of zero.
    ///
    /// ```
    /// # use glasstcp::blocking::{self, TcpListener, TcpStream};
    /// # use glasstcp::{device::memory, stack::{Config, Stack}};
    /// # use std::io::{ErrorKind, Read};
    /// # use std::time::Duration;
    /// # let (one, other) = memory::pair(1500);
    /// # let stack = |last| Stack::new(Config::new([10, 0, 0, last].into(), 24, [last; 32]));
    /// # let (server, _) = blocking::start(stack(1), one)?;
    /// # let (client, _) = blocking::start(stack(2), other)?;
    /// # let listener = TcpListener::bind(&server, "10.0.0.1:80")?;
    /// # let mut stream = TcpStream::connect(&client, "10.0.0.1:80")?;
    /// stream.set_read_timeout(Some(Duration::from_millis(10)))?;
    /// assert_eq!(stream.read(&mut [0; 8]).unwrap_err().kind(), ErrorKind::WouldBlock);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.shared.reading.set_timeout(timeout)
    }

    /// How long writing may wait; `None`: for ever.
    ///
    /// # Errors
    /// None at present; the type is that of std.
    pub fn write_timeout(&self) -> io::Result<Option<Duration>> {
        Ok(self.shared.writing.timeout())
    }

    /// Sets how long writing may wait for room before it fails with `WouldBlock`; `None`: for ever.
    /// It holds for calls to come and for all handles.
    ///
    /// # Errors
    /// `InvalidInput` for a time-out of zero.
    pub fn set_write_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.shared.writing.set_timeout(timeout)
    }

    /// Whether calls fail with `WouldBlock` instead of waiting, from now on and for all handles. A call
    /// that waits already goes on waiting.
    ///
    /// # Errors
    /// None at present; the type is that of std.
    ///
    /// ```
    /// # use glasstcp::blocking::{self, TcpListener, TcpStream};
    /// # use glasstcp::{device::memory, stack::{Config, Stack}};
    /// # use std::io::{ErrorKind, Read};
    /// # let (one, other) = memory::pair(1500);
    /// # let stack = |last| Stack::new(Config::new([10, 0, 0, last].into(), 24, [last; 32]));
    /// # let (server, _) = blocking::start(stack(1), one)?;
    /// # let (client, _) = blocking::start(stack(2), other)?;
    /// # let listener = TcpListener::bind(&server, "10.0.0.1:80")?;
    /// # let mut stream = TcpStream::connect(&client, "10.0.0.1:80")?;
    /// stream.set_nonblocking(true)?;
    /// assert_eq!(stream.read(&mut [0; 8]).unwrap_err().kind(), ErrorKind::WouldBlock);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        self.shared.nonblocking.store(nonblocking, Ordering::Relaxed);
        Ok(())
    }

    /// Another handle to the same connection, for another thread.
    ///
    /// # Errors
    /// None at present; the type is that of std.
    ///
    /// ```
    /// # use glasstcp::blocking::{self, TcpListener, TcpStream};
    /// # use glasstcp::{device::memory, stack::{Config, Stack}};
    /// # use std::io::{Read, Write};
    /// # let (one, other) = memory::pair(1500);
    /// # let stack = |last| Stack::new(Config::new([10, 0, 0, last].into(), 24, [last; 32]));
    /// # let (server, _) = blocking::start(stack(1), one)?;
    /// # let (client, _) = blocking::start(stack(2), other)?;
    /// # let listener = TcpListener::bind(&server, "10.0.0.1:80")?;
    /// # let mut stream = TcpStream::connect(&client, "10.0.0.1:80")?;
    /// # let (mut accepted, _) = listener.accept()?;
    /// let mut reader = stream.try_clone()?;
    /// let reading = std::thread::spawn(move || {
    ///     let mut answer = [0; 6];
    ///     reader.read_exact(&mut answer).map(|()| answer)
    /// });
    /// stream.write_all(b"question")?;
    /// # accepted.read_exact(&mut [0; 8])?;
    /// # accepted.write_all(b"answer")?;
    /// assert_eq!(&reading.join().unwrap()?, b"answer");
    /// # std::io::Result::Ok(())
    /// ```
    pub fn try_clone(&self) -> io::Result<TcpStream> {
        Ok(TcpStream { shared: Arc::clone(&self.shared) })
    }

    /// Why the connection ended, when it did not end well; `None` when that was asked before. Reading
    /// and writing go on telling it.
    ///
    /// # Errors
    /// None at present; the type is that of std.
    ///
    /// ```
    /// # use glasstcp::blocking::{self, TcpListener, TcpStream};
    /// # use glasstcp::{device::memory, stack::{Config, Stack}};
    /// # use std::io::{ErrorKind, Read};
    /// # let (one, other) = memory::pair(1500);
    /// # let stack = |last| Stack::new(Config::new([10, 0, 0, last].into(), 24, [last; 32]));
    /// # let (server, _) = blocking::start(stack(1), one)?;
    /// # let (client, _) = blocking::start(stack(2), other)?;
    /// # let listener = TcpListener::bind(&server, "10.0.0.1:80")?;
    /// # let mut stream = TcpStream::connect(&client, "10.0.0.1:80")?;
    /// assert!(stream.take_error()?.is_none());
    /// drop(listener); // resets what nobody accepted
    /// stream.read(&mut [0; 8]).unwrap_err();
    /// assert_eq!(stream.take_error()?.unwrap().kind(), ErrorKind::ConnectionReset);
    /// assert!(stream.take_error()?.is_none());
    /// # std::io::Result::Ok(())
    /// ```
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        let error = self.conn().error();
        Ok(error.filter(|_| !self.shared.error_taken.swap(true, Ordering::Relaxed)))
    }

    /// Our address.
    ///
    /// # Errors
    /// None at present; the type is that of std.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.shared.stream.local_addr()
    }

    /// The peer's address.
    ///
    /// # Errors
    /// None at present; the type is that of std.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.shared.stream.peer_addr()
    }

    /// Whether small segments are sent at once (Nagle's algorithm is off).
    ///
    /// # Errors
    /// `NotConnected`, and `ConnectionAborted` when the stack has ended; this holds for all settings
    /// below.
    pub fn nodelay(&self) -> io::Result<bool> {
        self.shared.stream.nodelay()
    }

    /// Sends small segments at once, or not.
    ///
    /// # Errors
    /// As [`TcpStream::nodelay`].
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.shared.stream.set_nodelay(nodelay)
    }

    /// When the idle connection is probed; `None`: never.
    ///
    /// # Errors
    /// As [`TcpStream::nodelay`].
    pub fn keepalive(&self) -> io::Result<Option<tcp::Keepalive>> {
        self.shared.stream.keepalive()
    }

    /// Probes the connection when it is idle, or never (RFC 9293 3.8.4).
    ///
    /// # Errors
    /// As [`TcpStream::nodelay`].
    pub fn set_keepalive(&self, keepalive: Option<tcp::Keepalive>) -> io::Result<()> {
        self.shared.stream.set_keepalive(keepalive)
    }

    /// How long data may stay unacknowledged before the connection is given up; `None`: as long as
    /// retransmissions last.
    ///
    /// # Errors
    /// As [`TcpStream::nodelay`].
    pub fn user_timeout(&self) -> io::Result<Option<Duration>> {
        self.shared.stream.user_timeout()
    }

    /// Sets how long data may stay unacknowledged (RFC 9293 3.8.3).
    ///
    /// # Errors
    /// As [`TcpStream::nodelay`].
    pub fn set_user_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.shared.stream.set_user_timeout(timeout)
    }

    /// What moves the congestion window.
    ///
    /// # Errors
    /// As [`TcpStream::nodelay`].
    pub fn congestion_control(&self) -> io::Result<Algorithm> {
        self.shared.stream.congestion_control()
    }

    /// Has another algorithm move the congestion window from now on (TCP_CONGESTION). In the middle of a
    /// connection it goes on from the window there is.
    ///
    /// # Errors
    /// As [`TcpStream::nodelay`].
    ///
    /// ```
    /// # use glasstcp::blocking::{self, TcpListener, TcpStream};
    /// # use glasstcp::{device::memory, stack::{Config, Stack}};
    /// # let (server, client) = memory::pair(1500);
    /// # let stack = |last| Stack::new(Config::new([10, 0, 0, last].into(), 24, [last; 32]));
    /// # let (server, _) = blocking::start(stack(1), server)?;
    /// # let (client, _) = blocking::start(stack(2), client)?;
    /// use glasstcp::tcp::congestion::Algorithm;
    /// # let listener = TcpListener::bind(&server, "10.0.0.1:7")?;
    /// let stream = TcpStream::connect(&client, "10.0.0.1:7")?;
    /// stream.set_congestion_control(Algorithm::Reno)?;
    /// assert_eq!(stream.congestion_control()?, Algorithm::Reno);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn set_congestion_control(&self, algorithm: Algorithm) -> io::Result<()> {
        self.shared.stream.set_congestion_control(algorithm)
    }

    /// What closing does, see [`TcpStream::set_linger`].
    ///
    /// # Errors
    /// As [`TcpStream::nodelay`].
    pub fn linger(&self) -> io::Result<Option<Duration>> {
        self.shared.stream.linger()
    }

    /// What closing does: `None` sends what is left in the background; zero resets the connection;
    /// otherwise what is not done by then is reset. Closing never waits.
    ///
    /// # Errors
    /// As [`TcpStream::nodelay`].
    pub fn set_linger(&self, linger: Option<Duration>) -> io::Result<()> {
        self.shared.stream.set_linger(linger)
    }

    /// A handle that looks at the connection (its state, windows, round-trip time) from elsewhere,
    /// and does not keep it open.
    pub fn info_handle(&self) -> InfoHandle {
        self.shared.stream.info_handle()
    }

    pub(super) fn stream(&self) -> &net::TcpStream {
        &self.shared.stream
    }

    pub(super) fn conn(&self) -> &Conn {
        &self.shared.stream.conn
    }

    pub(super) fn writing(&self) -> &Arc<Gate> {
        &self.shared.writing
    }

    pub(super) fn nonblocking(&self) -> bool {
        self.shared.nonblocking.load(Ordering::Relaxed)
    }

    /// Waits to read in some way, unless `dont_wait`.
    pub(super) fn wait_to_read(
        &self,
        dont_wait: bool,
        mut read: impl FnMut(&Conn, &mut task::Context<'_>) -> Poll<io::Result<usize>>,
    ) -> io::Result<usize> {
        let conn = self.conn();
        let nonblocking = dont_wait || self.nonblocking();
        self.shared.reading.wait(&conn.net, nonblocking, |cx| read(conn, cx))
    }
}

/// Reading gives all that has arrived, as far as it fits, and waits only when that is nothing. Zero
/// is the end of the stream.
///
/// It fails with `ConnectionReset`, `TimedOut` or `ConnectionAborted` when the connection broke, and
/// with `WouldBlock` when it would wait too long.
impl Read for &TcpStream {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.read_vectored(&mut [IoSliceMut::new(buf)])
    }

    fn read_vectored(&mut self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        self.wait_to_read(false, |conn, cx| conn.poll_read_vectored(cx, bufs))
    }
}

/// Writing takes as much as there is room for, and waits only when there is none. What was written
/// is sent by itself, so there is nothing to flush.
///
/// It fails with `BrokenPipe` after a shutdown, otherwise as reading does.
impl Write for &TcpStream {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(buf)])
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        let conn = self.conn();
        self.shared.writing.wait(&conn.net, self.nonblocking(), |cx| conn.poll_write(cx, bufs))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for TcpStream {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        (&*self).read(buf)
    }

    fn read_vectored(&mut self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        (&*self).read_vectored(bufs)
    }
}

impl Write for TcpStream {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        (&*self).write(buf)
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        (&*self).write_vectored(bufs)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Debug for TcpStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shared.stream.fmt(f)
    }
}
