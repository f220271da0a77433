//! A connection in two halves, one for reading and one for writing.

use std::fmt;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Poll, ready};

use bytes::Bytes;

use super::delegate::{delegate_async_read, delegate_async_write};
use super::held::Held;
use super::tcp_stream::{Conn, TcpStream};

/// The half that reads, borrowed: see [`TcpStream::split`].
#[derive(Debug)]
pub struct ReadHalf<'a> {
    conn: &'a Conn,
    held: &'a mut Held,
}

/// The half that writes, borrowed: see [`TcpStream::split`].
#[derive(Debug)]
pub struct WriteHalf<'a> {
    conn: &'a Conn,
}

/// The half that reads, with an owner of its own: see [`TcpStream::into_split`].
#[derive(Debug)]
pub struct OwnedReadHalf {
    conn: Arc<Conn>,
    held: Held,
}

/// The half that writes, with an owner of its own: see [`TcpStream::into_split`]. Dropping it sends
/// a FIN after what was written.
#[derive(Debug)]
pub struct OwnedWriteHalf {
    conn: Arc<Conn>,
    shutdown_on_drop: bool,
}

pub(super) fn split<'a>(conn: &'a Conn, held: &'a mut Held) -> (ReadHalf<'a>, WriteHalf<'a>) {
    (ReadHalf { conn, held }, WriteHalf { conn })
}

pub(super) fn into_split(conn: Arc<Conn>, held: Held) -> (OwnedReadHalf, OwnedWriteHalf) {
    let read = OwnedReadHalf { conn: conn.clone(), held };
    let write = OwnedWriteHalf { conn, shutdown_on_drop: true };
    (read, write)
}

/// What both halves that read can do, and both that write.
macro_rules! half {
    (read $half:ty) => {
        half!(addresses $half);

        impl $half {
            /// See [`TcpStream::read_chunk`].
            ///
            /// # Errors
            /// Those of `TcpStream::read_chunk`.
            pub async fn read_chunk(&mut self, max: usize) -> io::Result<Option<Bytes>> {
                poll_fn(|cx| self.poll_read_chunk(cx, max)).await
            }

            /// See [`TcpStream::poll_read_chunk`].
            pub fn poll_read_chunk(
                &mut self,
                cx: &mut task::Context<'_>,
                max: usize,
            ) -> Poll<io::Result<Option<Bytes>>> {
                self.conn.poll_read_chunk(&mut self.held, cx, max)
            }
        }

        delegate_async_read!($half);
    };
    (write $half:ty) => {
        half!(addresses $half);

        impl $half {
            /// See [`TcpStream::write_chunk`].
            ///
            /// # Errors
            /// Those of `TcpStream::write_chunk`.
            pub async fn write_chunk(&mut self, chunk: Bytes) -> io::Result<()> {
                self.conn.write_chunk(chunk).await
            }

            /// See [`TcpStream::poll_write_chunk`].
            pub fn poll_write_chunk(
                &mut self,
                cx: &mut task::Context<'_>,
                chunk: &mut Bytes,
            ) -> Poll<io::Result<usize>> {
                self.conn.poll_write_chunk(cx, chunk)
            }
        }

        delegate_async_write!($half);
    };
    (addresses $half:ty) => {
        impl $half {
            /// Our address.
            ///
            /// # Errors
            /// None at present; the type is that of tokio.
            pub fn local_addr(&self) -> io::Result<SocketAddr> {
                Ok(self.conn.local)
            }

            /// The peer's address.
            ///
            /// # Errors
            /// None at present; the type is that of tokio.
            pub fn peer_addr(&self) -> io::Result<SocketAddr> {
                Ok(self.conn.peer)
            }
        }
    };
}

half!(read ReadHalf<'_>);
half!(read OwnedReadHalf);
half!(write WriteHalf<'_>);
half!(write OwnedWriteHalf);

impl ReadHalf<'_> {
    /// `poll_fill_buf`, and whether nothing is left behind what it shows; then the task is woken when
    /// there is more, as after `Pending`.
    pub(crate) fn poll_fill_dry(
        &mut self,
        cx: &mut task::Context<'_>,
    ) -> Poll<io::Result<(&[u8], bool)>> {
        let dry = ready!(self.conn.poll_fill_dry(self.held, cx))?;
        Poll::Ready(Ok((self.held.text(), dry)))
    }
}

impl OwnedReadHalf {
    /// Puts two halves of one connection together again.
    ///
    /// # Errors
    /// Gives both back when they are not of one connection.
    pub fn reunite(self, mut write: OwnedWriteHalf) -> Result<TcpStream, ReuniteError> {
        if !Arc::ptr_eq(&self.conn, &write.conn) {
            return Err(ReuniteError(self, write));
        }
        write.shutdown_on_drop = false;
        drop(write);
        // There are two owners at most, and one is gone.
        match Arc::try_unwrap(self.conn) {
            Ok(conn) => Ok(TcpStream { conn, held: self.held }),
            Err(_) => unreachable!("a connection has one read half and one write half"),
        }
    }
}

impl OwnedWriteHalf {
    /// Drops the half without sending a FIN; the connection ends when the read half goes.
    pub fn forget(mut self) {
        self.shutdown_on_drop = false;
    }
}

impl Drop for OwnedWriteHalf {
    fn drop(&mut self) {
        if self.shutdown_on_drop {
            // It fails only if there is no connection left to end.
            let _ = self.conn.shutdown_write();
        }
    }
}

/// Two halves that do not belong together: see [`OwnedReadHalf::reunite`].
#[derive(Debug)]
pub struct ReuniteError(pub OwnedReadHalf, pub OwnedWriteHalf);

impl fmt::Display for ReuniteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("tried to reunite halves of two different connections")
    }
}

impl std::error::Error for ReuniteError {}
