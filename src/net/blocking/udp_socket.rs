//! UDP sockets.

use std::fmt;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{self, Poll};

use bytes::Bytes;

use super::addresses::{first, try_each};
use super::gate::{Gate, block_on};
use crate::net::{self, Net};
use crate::time::Duration;

/// A socket for datagrams, as [`std::net::UdpSocket`]. When its last handle is dropped it is closed,
/// with what nobody received.
pub struct UdpSocket {
    shared: Arc<Shared>,
}

/// What all handles to one socket have in common.
struct Shared {
    socket: net::UdpSocket,
    receiving: Arc<Gate>,
    /// Keeps the time-out for sending, which never waits.
    sending: Gate,
    nonblocking: AtomicBool,
}

impl UdpSocket {
    /// A socket on an address of the stack; `0.0.0.0` means all of them, port 0 one that is free. Of
    /// several addresses it takes the first that will do.
    ///
    /// # Errors
    /// `AddrInUse`, `AddrNotAvailable` if the address is not one of the stack's, `InvalidInput`
    /// without an address, and `ConnectionAborted` when the stack has ended.
    ///
    /// ```
    /// # use glasstcp::blocking::{self, UdpSocket};
    /// # use glasstcp::{device::memory, stack::{Config, Stack}};
    /// # let (one, other) = memory::pair(1500);
    /// # let stack = |last| Stack::new(Config::new([10, 0, 0, last].into(), 24, [last; 32]));
    /// # let (server, _) = blocking::start(stack(1), one)?;
    /// # let (client, _) = blocking::start(stack(2), other)?;
    /// let server = UdpSocket::bind(&server, "10.0.0.1:7")?;
    /// let client = UdpSocket::bind(&client, "0.0.0.0:0")?;
    /// client.send_to(b"hello", "10.0.0.1:7")?;
    ///
    /// let mut buf = [0; 1500];
    /// let (len, from) = server.recv_from(&mut buf)?;
    /// assert_eq!(&buf[..len], b"hello");
    /// assert_eq!(from.port(), client.local_addr()?.port());
    /// # std::io::Result::Ok(())
    /// ```
    pub fn bind(net: &Net, addr: impl ToSocketAddrs) -> io::Result<UdpSocket> {
        let socket = try_each(addr, |addr| block_on(net, None, net::UdpSocket::bind(net, addr)))?;
        let shared = Shared {
            socket,
            receiving: Arc::default(),
            sending: Gate::default(),
            nonblocking: AtomicBool::new(false),
        };
        Ok(UdpSocket { shared: Arc::new(shared) })
    }

    /// Sends to `peer` with [`UdpSocket::send`] from now on and receives from nobody else: datagrams
    /// of others are thrown away when their turn to be received comes. It holds for all handles.
    ///
    /// # Errors
    /// `InvalidInput` without an address.
    ///
    /// ```
    /// # use glasstcp::blocking::{self, UdpSocket};
    /// # use glasstcp::{device::memory, stack::{Config, Stack}};
    /// # let (one, other) = memory::pair(1500);
    /// # let stack = |last| Stack::new(Config::new([10, 0, 0, last].into(), 24, [last; 32]));
    /// # let (server, _) = blocking::start(stack(1), one)?;
    /// # let (client, _) = blocking::start(stack(2), other)?;
    /// # let server = UdpSocket::bind(&server, "10.0.0.1:7")?;
    /// # let client = UdpSocket::bind(&client, "10.0.0.2:0")?;
    /// client.connect("10.0.0.1:7")?;
    /// client.send(b"question")?;
    /// # let (_, from) = server.recv_from(&mut [0; 8])?;
    /// # server.send_to(b"answer", from)?;
    /// let mut answer = [0; 6];
    /// assert_eq!(client.recv(&mut answer)?, 6);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn connect(&self, peer: impl ToSocketAddrs) -> io::Result<()> {
        let peer = first(peer)?;
        block_on(&self.shared.socket.net, None, self.shared.socket.connect(peer))
    }

    /// Sends one datagram to the first of the addresses and says how long it was. It never waits.
    ///
    /// # Errors
    /// `InvalidInput` when it is too long for one packet or there is no address, `HostUnreachable`
    /// when there is no route, `ConnectionAborted` when the stack has ended.
    pub fn send_to(&self, data: &[u8], to: impl ToSocketAddrs) -> io::Result<usize> {
        let to = first(to)?;
        block_on(&self.shared.socket.net, None, self.shared.socket.send_to(data, to))
    }

    /// Sends one datagram to the address given to [`UdpSocket::connect`]. It never waits.
    ///
    /// # Errors
    /// `NotConnected` without one, otherwise those of [`UdpSocket::send_to`].
    pub fn send(&self, data: &[u8]) -> io::Result<usize> {
        block_on(&self.shared.socket.net, None, self.shared.socket.send(data))
    }

    /// Receives one datagram: its length and its sender. What does not fit in `buf` is lost. Several
    /// threads may receive from one socket; each datagram goes to one of them.
    ///
    /// # Errors
    /// `WouldBlock` when it would wait too long, and `ConnectionAborted` when the stack is shut down
    /// or has ended.
    pub fn recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.wait_to_receive(buf, net::UdpSocket::poll_recv_chunk_from)
    }

    /// [`UdpSocket::recv_from`] without the sender.
    ///
    /// # Errors
    /// Those of `recv_from`.
    pub fn recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        Ok(self.recv_from(buf)?.0)
    }

    /// [`UdpSocket::recv_from`] that leaves the datagram to be received again.
    ///
    /// # Errors
    /// Those of `recv_from`.
    ///
    /// ```
    /// # use glasstcp::blocking::{self, UdpSocket};
    /// # use glasstcp::{device::memory, stack::{Config, Stack}};
    /// # let (one, other) = memory::pair(1500);
    /// # let stack = |last| Stack::new(Config::new([10, 0, 0, last].into(), 24, [last; 32]));
    /// # let (server, _) = blocking::start(stack(1), one)?;
    /// # let (client, _) = blocking::start(stack(2), other)?;
    /// # let server = UdpSocket::bind(&server, "10.0.0.1:7")?;
    /// # let client = UdpSocket::bind(&client, "10.0.0.2:0")?;
    /// client.send_to(b"hello", "10.0.0.1:7")?;
    /// let mut buf = [0; 8];
    /// assert_eq!(server.peek_from(&mut buf)?.0, 5);
    /// assert_eq!(server.recv_from(&mut buf)?.0, 5);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn peek_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.wait_to_receive(buf, net::UdpSocket::poll_peek_chunk_from)
    }

    /// [`UdpSocket::peek_from`] without the sender.
    ///
    /// # Errors
    /// Those of `peek_from`.
    pub fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        Ok(self.peek_from(buf)?.0)
    }

    /// How long receiving may wait; `None`: for ever.
    ///
    /// # Errors
    /// None at present; the type is that of std.
    pub fn read_timeout(&self) -> io::Result<Option<Duration>> {
        Ok(self.shared.receiving.timeout())
    }

    /// Sets how long receiving and peeking may wait before they fail with `WouldBlock`; `None`: for
    /// ever. It holds for calls to come and for all handles.
    ///
    /// # Errors
    /// `InvalidInput` for a time-out of zero.
    ///
    /// ```
    /// # use glasstcp::blocking::{self, UdpSocket};
    /// # use glasstcp::{device::memory, stack::{Config, Stack}};
    /// # let stack = Stack::new(Config::new([10, 0, 0, 1].into(), 24, [1; 32]));
    /// # let (net, _) = blocking::start(stack, memory::pair(1500).0)?;
    /// let socket = UdpSocket::bind(&net, "10.0.0.1:0")?;
    /// socket.set_read_timeout(Some(std::time::Duration::from_millis(10)))?;
    /// let error = socket.recv_from(&mut [0; 8]).unwrap_err();
    /// assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.shared.receiving.set_timeout(timeout)
    }

    /// What was given to [`UdpSocket::set_write_timeout`].
    ///
    /// # Errors
    /// None at present; the type is that of std.
    pub fn write_timeout(&self) -> io::Result<Option<Duration>> {
        Ok(self.shared.sending.timeout())
    }

    /// Sets how long sending may wait. It never does, so this changes nothing; it is there because std
    /// has it.
    ///
    /// # Errors
    /// `InvalidInput` for a time-out of zero.
    pub fn set_write_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.shared.sending.set_timeout(timeout)
    }

    /// Whether calls fail with `WouldBlock` instead of waiting, from now on and for all handles. A call
    /// that waits already goes on waiting.
    ///
    /// # Errors
    /// None at present; the type is that of std.
    pub fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        self.shared.nonblocking.store(nonblocking, Ordering::Relaxed);
        Ok(())
    }

    /// Another handle to the same socket, for another thread.
    ///
    /// # Errors
    /// None at present; the type is that of std.
    pub fn try_clone(&self) -> io::Result<UdpSocket> {
        Ok(UdpSocket { shared: Arc::clone(&self.shared) })
    }

    /// Our address, with the port that was chosen for port 0.
    ///
    /// # Errors
    /// None at present; the type is that of std.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.shared.socket.local_addr()
    }

    /// The address given to [`UdpSocket::connect`].
    ///
    /// # Errors
    /// `NotConnected` without one.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.shared.socket.peer_addr()
    }

    /// Waits for a datagram, got in some way, and copies what fits.
    fn wait_to_receive(
        &self,
        buf: &mut [u8],
        poll: impl Fn(&net::UdpSocket, &mut task::Context<'_>) -> Poll<io::Result<(Bytes, SocketAddr)>>,
    ) -> io::Result<(usize, SocketAddr)> {
        let Shared { socket, receiving, nonblocking, .. } = &*self.shared;
        let nonblocking = nonblocking.load(Ordering::Relaxed);
        let (data, from) = receiving.wait(&socket.net, nonblocking, |cx| poll(socket, cx))?;
        let len = data.len().min(buf.len());
        buf[..len].copy_from_slice(&data[..len]);
        Ok((len, from))
    }
}

impl fmt::Debug for UdpSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shared.socket.fmt(f)
    }
}
