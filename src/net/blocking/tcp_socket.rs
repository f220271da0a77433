//! A socket that has neither connected nor listened yet.

use std::io;
use std::net::SocketAddr;

use super::gate::block_on;
use super::{Net, TcpListener, TcpStream};
use crate::net;
use crate::tcp;

/// A socket with settings, and perhaps an address, of which a connection or a listener is to be made: see
/// [`crate::net::TcpSocket`].
#[derive(Debug)]
pub struct TcpSocket {
    net: Net,
    socket: net::TcpSocket,
}

impl TcpSocket {
    /// A socket with the settings of the stack.
    pub fn new(net: &Net) -> TcpSocket {
        TcpSocket { net: net.clone(), socket: net::TcpSocket::new(net) }
    }

    /// Its settings, to be read or changed.
    pub fn settings(&mut self) -> &mut tcp::Config {
        self.socket.settings()
    }

    /// Takes an address: see [`crate::net::TcpSocket::bind`].
    ///
    /// # Errors
    /// `AddrInUse`, `AddrNotAvailable`, `ResourceBusy` when no port is free, `ConnectionAborted` when the stack has
    /// ended.
    pub fn bind(&mut self, addr: impl Into<SocketAddr>, shared: bool) -> io::Result<()> {
        self.socket.bind(addr, shared)
    }

    /// The address it has; `None` before [`TcpSocket::bind`].
    ///
    /// # Errors
    /// `ConnectionAborted` when the stack has ended.
    pub fn local_addr(&self) -> io::Result<Option<SocketAddr>> {
        self.socket.local_addr()
    }

    /// Opens a connection, and waits until it is open.
    ///
    /// # Errors
    /// Those of [`TcpStream::connect`], and `AddrInUse`.
    pub fn connect(self, remote: impl Into<SocketAddr>) -> io::Result<TcpStream> {
        block_on(&self.net, None, self.socket.connect(remote)).map(TcpStream::new)
    }

    /// Listens on the address that was taken, or on all with a port that is free.
    ///
    /// # Errors
    /// Those of [`TcpListener::bind`].
    pub fn listen(self, backlog: usize) -> io::Result<TcpListener> {
        self.socket.listen(backlog).map(TcpListener::of)
    }
}
