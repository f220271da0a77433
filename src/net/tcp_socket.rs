//! A socket that has neither connected nor listened yet.

use std::io;
use std::net::SocketAddr;

use super::tcp_stream::Conn;
use super::{Net, Opening, TcpListener, TcpStream};
use crate::stack::{BoundKey, SocketError};
use crate::tcp;

/// A socket with settings, and perhaps an address, of which a connection or a listener is to be made: as
/// [`tokio::net::TcpSocket`]. Dropping it gives the address back.
///
/// ```
/// # use glasstcp::{device::memory, net::{TcpSocket, TcpStream}, runtime, stack::{Config, Stack}};
/// # use std::io;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> io::Result<()> {
/// # let (one, other) = memory::pair(1500);
/// # let config = |last| Config::new([10, 9, 0, last].into(), 24, [last; 32]);
/// # let (server, driver) = runtime::start(Stack::new(config(2)), one)?;
/// # tokio::spawn(driver);
/// # let (client, driver) = runtime::start(Stack::new(config(1)), other)?;
/// # tokio::spawn(driver);
/// let mut socket = TcpSocket::new(&server);
/// socket.settings().fix_receive_buffer(16 << 10);
/// socket.bind(([10, 9, 0, 2], 7), false)?;
/// let listener = socket.listen(16)?;
///
/// let mut socket = TcpSocket::new(&client);
/// socket.settings().limit_segments(Some(1000));
/// let stream = socket.connect(([10, 9, 0, 2], 7)).await?;
/// assert_eq!(stream.info().map(|info| info.mss), Some(1000 - 12));
/// # let _ = listener.accept().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct TcpSocket {
    net: Net,
    settings: tcp::Config,
    bound: Option<BoundKey>,
}

impl TcpSocket {
    /// A socket with the settings of the stack.
    pub fn new(net: &Net) -> TcpSocket {
        TcpSocket::with(net, net.config().tcp)
    }

    pub(super) fn with(net: &Net, settings: tcp::Config) -> TcpSocket {
        TcpSocket { net: net.clone(), settings, bound: None }
    }

    /// Its settings, to be read or changed.
    pub fn settings(&mut self) -> &mut tcp::Config {
        &mut self.settings
    }

    /// Takes an address: one of the stack's, or the unspecified one; port 0 chooses one that is free. With `shared`
    /// (SO_REUSEADDR) others that say so may take it as well. An address that it had before is given back.
    ///
    /// # Errors
    /// `AddrInUse`, `AddrNotAvailable`, `ResourceBusy` when no port is free, `ConnectionAborted` when the stack has
    /// ended.
    pub fn bind(&mut self, addr: impl Into<SocketAddr>, shared: bool) -> io::Result<()> {
        let addr = addr.into();
        self.unbind();
        self.net = self.net.place_for(Some(addr));
        self.bound = Some(self.net.try_call(|stack| stack.bind(addr, shared))?);
        Ok(())
    }

    /// The address it has; `None` before [`TcpSocket::bind`].
    ///
    /// # Errors
    /// `ConnectionAborted` when the stack has ended.
    pub fn local_addr(&self) -> io::Result<Option<SocketAddr>> {
        self.net.call(|stack| self.bound.and_then(|key| stack.bound_addr(key)))
    }

    /// Opens a connection, and waits until it is open.
    ///
    /// # Errors
    /// Those of [`TcpStream::connect_with`].
    pub async fn connect(self, remote: impl Into<SocketAddr>) -> io::Result<TcpStream> {
        self.open(remote)?.opened().await
    }

    /// Begins to open a connection.
    ///
    /// # Errors
    /// Those of [`TcpStream::connect_with`] that need no answer.
    pub fn open(mut self, remote: impl Into<SocketAddr>) -> io::Result<Opening> {
        let remote = remote.into();
        let (settings, bound) = (self.settings.clone(), self.bound);
        let net = if bound.is_some() { self.net.clone() } else { self.net.place_for(None) };
        let (key, local) = net.try_call(|stack| {
            let key = match bound {
                Some(bound) => stack.connect_from(bound, remote, Some(settings))?,
                None => stack.connect(None, remote, Some(settings))?,
            };
            let local = stack.local_addr(key).ok_or(SocketError::NotConnected)?;
            Ok((key, local))
        })?;
        self.bound = None;
        Ok(Opening::of(Conn::new(net, key, local, remote)))
    }

    /// Listens on the address that was taken, or on all with a port that is free. At most `backlog` connections
    /// wait to be accepted.
    ///
    /// # Errors
    /// Those of [`TcpListener::bind`].
    pub fn listen(mut self, backlog: usize) -> io::Result<TcpListener> {
        let addr = self.local_addr()?.unwrap_or(([0; 4], 0).into());
        let mut own = self.bound;
        let listener = TcpListener::begin(&self.net, addr, |stack, addr| {
            let settings = Some(self.settings.clone());
            match own.take() {
                Some(own) => stack.listen_on(own, backlog, settings),
                None => stack.listen_with(addr, backlog, settings),
            }
        })?;
        self.bound = None;
        Ok(listener)
    }

    /// Gives the address back, if it has one.
    fn unbind(&mut self) {
        if let Some(bound) = self.bound.take() {
            // After the end of the stack there is nothing left to give back.
            let _ = self.net.call(|stack| stack.unbind(bound));
        }
    }
}

impl Drop for TcpSocket {
    fn drop(&mut self) {
        self.unbind();
    }
}
