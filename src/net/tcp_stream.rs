//! A connection, in one piece.

use std::fmt;
use std::future::poll_fn;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{self, Poll, ready};

use arrayvec::ArrayVec;
use bytes::Bytes;
use tokio::io::ReadBuf;

use super::delegate::{delegate_async_read, delegate_async_write};
use super::held::Held;
use super::settings::settings;
use super::tcp_split::{self, OwnedReadHalf, OwnedWriteHalf, ReadHalf, WriteHalf};
use super::{Net, Opening};
use crate::stack::{ConnKey, SocketError, Stack};
use crate::tcp;
use crate::tcp::congestion::Algorithm;
use crate::time::Duration;

/// Several slices that are no longer than this together, as the head and the body of a short reply, are
/// made one before they are written: for a small write that follows another the stack sets room aside.
const GATHERED: usize = 4 << 10;

/// A TCP connection, as [`tokio::net::TcpStream`].
///
/// Dropping it closes the connection: what was written is still sent, and a FIN after it. If there
/// is data that nobody read, the peer gets a reset instead (RFC 2525 2.17), as
/// [`TcpStream::set_linger`] with zero always does.
///
/// Through [`tokio::io::AsyncBufRead`] it is read without a copy and without a buffer of the reader's:
/// the stream takes up to 64 KiB that wait over from the stack at a time, and shows them where they lie.
/// What it has taken over no longer counts against the window; every way of reading gives it first.
pub struct TcpStream {
    pub(super) conn: Conn,
    pub(super) held: Held,
}

impl TcpStream {
    pub(super) fn new(conn: Conn) -> TcpStream {
        TcpStream { conn, held: Held::default() }
    }

    /// Opens a connection to `remote`. Dropping the future gives the attempt up.
    ///
    /// # Errors
    /// `ConnectionRefused`, `TimedOut`, `HostUnreachable` when there is no route, `ResourceBusy` when
    /// ports or table places are used up, `ConnectionAborted` when the stack has ended.
    pub async fn connect(net: &Net, remote: impl Into<SocketAddr>) -> io::Result<TcpStream> {
        TcpStream::connect_with(net, remote, None, None).await
    }

    /// [`TcpStream::connect`] from a given local address (port 0: any), or with settings other than
    /// the stack's.
    ///
    /// # Errors
    /// Those of `connect`, and `AddrInUse` and `AddrNotAvailable` for the local address.
    pub async fn connect_with(
        net: &Net,
        remote: impl Into<SocketAddr>,
        local: Option<SocketAddr>,
        config: Option<tcp::Config>,
    ) -> io::Result<TcpStream> {
        Opening::begin(net, remote.into(), local, config)?.opened().await
    }

    /// The next piece of what the peer sent, of at most `max` bytes, without a copy; `None` at the
    /// end of the stream. Cancel safe.
    ///
    /// # Errors
    /// `ConnectionReset`, `TimedOut` or `ConnectionAborted` when the connection broke.
    pub async fn read_chunk(&mut self, max: usize) -> io::Result<Option<Bytes>> {
        poll_fn(|cx| self.poll_read_chunk(cx, max)).await
    }

    /// Writes all of `chunk`, without a copy. As with tokio's `write_all`, nobody knows how much was
    /// written when the future is dropped before its end; see [`TcpStream::poll_write_chunk`].
    ///
    /// # Errors
    /// `BrokenPipe` after a shutdown, otherwise as [`TcpStream::read_chunk`].
    pub async fn write_chunk(&mut self, chunk: Bytes) -> io::Result<()> {
        self.conn.write_chunk(chunk).await
    }

    /// [`TcpStream::read_chunk`] for those who write their own futures.
    pub fn poll_read_chunk(
        &mut self,
        cx: &mut task::Context<'_>,
        max: usize,
    ) -> Poll<io::Result<Option<Bytes>>> {
        self.conn.poll_read_chunk(&mut self.held, cx, max)
    }

    /// Writes as much of `chunk` as there is room for, takes that off its front and says how much it
    /// was. Waits only when there is no room at all.
    pub fn poll_write_chunk(
        &mut self,
        cx: &mut task::Context<'_>,
        chunk: &mut Bytes,
    ) -> Poll<io::Result<usize>> {
        self.conn.poll_write_chunk(cx, chunk)
    }

    /// Reads, and says whether nothing is left; then the task is woken when there is more, as after
    /// `Pending`.
    pub(crate) fn poll_read_dry(
        &mut self,
        cx: &mut task::Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<bool>> {
        self.conn.poll_read_dry(&mut self.held, cx, buf)
    }

    /// Halves for one task, that reads and writes at the same time. Where `AsyncBufReadExt` is in
    /// scope, which has a `split` too, write `TcpStream::split(&mut stream)`.
    pub fn split(&mut self) -> (ReadHalf<'_>, WriteHalf<'_>) {
        tcp_split::split(&self.conn, &mut self.held)
    }

    /// Halves that can go to different tasks. Dropping the write half sends a FIN; the connection
    /// is closed when both are gone.
    pub fn into_split(self) -> (OwnedReadHalf, OwnedWriteHalf) {
        tcp_split::into_split(Arc::new(self.conn), self.held)
    }

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

    /// A look at the connection now; `None` when the stack has ended.
    pub fn info(&self) -> Option<tcp::Info> {
        self.info_handle().info()
    }

    /// A handle that looks at the connection from elsewhere and does not keep it open.
    pub fn info_handle(&self) -> InfoHandle {
        self.conn.info_handle()
    }

    /// Whether small segments are sent at once (Nagle's algorithm is off).
    ///
    /// # Errors
    /// `ConnectionAborted` when the stack has ended; this holds for all settings below.
    pub fn nodelay(&self) -> io::Result<bool> {
        self.conn.setting(|config| config.nodelay)
    }

    /// Sends small segments at once, or not.
    ///
    /// # Errors
    /// As [`TcpStream::nodelay`], and `NotConnected`; this holds for all settings below.
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.conn.set(|stack, key| stack.set_nodelay(key, nodelay))
    }

    /// When the idle connection is probed; `None`: never.
    ///
    /// # Errors
    /// As [`TcpStream::nodelay`].
    pub fn keepalive(&self) -> io::Result<Option<tcp::Keepalive>> {
        self.conn.setting(|config| config.keepalive)
    }

    /// Probes the connection when it is idle, or never (RFC 9293 3.8.4).
    ///
    /// # Errors
    /// As [`TcpStream::set_nodelay`].
    pub fn set_keepalive(&self, keepalive: Option<tcp::Keepalive>) -> io::Result<()> {
        self.conn.set(|stack, key| stack.set_keepalive(key, keepalive))
    }

    /// What closing does, see [`TcpStream::set_linger`].
    ///
    /// # Errors
    /// As [`TcpStream::nodelay`].
    pub fn linger(&self) -> io::Result<Option<Duration>> {
        self.conn.setting(|config| config.linger)
    }

    /// What closing does: `None` sends what is left in the background; zero resets the connection;
    /// otherwise what is not done by then is reset. Closing never blocks.
    ///
    /// # Errors
    /// As [`TcpStream::set_nodelay`].
    pub fn set_linger(&self, linger: Option<Duration>) -> io::Result<()> {
        self.conn.set(|stack, key| stack.set_linger(key, linger))
    }

    /// How long data may stay unacknowledged; `None` leaves it to the number of retransmissions.
    ///
    /// # Errors
    /// As [`TcpStream::nodelay`].
    pub fn user_timeout(&self) -> io::Result<Option<Duration>> {
        self.conn.setting(|config| config.user_timeout)
    }

    /// How long data may stay unacknowledged before the connection is given up (RFC 9293 3.8.3).
    ///
    /// # Errors
    /// As [`TcpStream::set_nodelay`].
    pub fn set_user_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.conn.set(|stack, key| stack.set_user_timeout(key, timeout))
    }

    /// What moves the congestion window.
    ///
    /// # Errors
    /// As [`TcpStream::nodelay`].
    pub fn congestion_control(&self) -> io::Result<Algorithm> {
        self.conn.setting(|config| config.congestion)
    }

    /// Has another algorithm move the congestion window from now on (TCP_CONGESTION). In the middle of a
    /// connection it goes on from the window there is.
    ///
    /// # Errors
    /// As [`TcpStream::set_nodelay`].
    pub fn set_congestion_control(&self, algorithm: Algorithm) -> io::Result<()> {
        self.conn.set(|stack, key| stack.set_congestion_control(key, algorithm))
    }
}

settings!(TcpStream);
delegate_async_read!(TcpStream);
delegate_async_write!(TcpStream);

impl fmt::Debug for TcpStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.conn.fmt(f)
    }
}

/// Looks at a connection without keeping it open.
#[derive(Clone, Debug)]
pub struct InfoHandle {
    net: Net,
    key: ConnKey,
}

impl InfoHandle {
    /// The connection as it is now; `None` once the application has closed it or the stack has
    /// ended.
    pub fn info(&self) -> Option<tcp::Info> {
        self.net.call(|stack| stack.info(self.key)).ok().flatten()
    }
}

/// A connection that the application holds; dropping it closes it.
pub(super) struct Conn {
    pub(super) net: Net,
    pub(super) key: ConnKey,
    pub(super) local: SocketAddr,
    pub(super) peer: SocketAddr,
    /// Something is held that nobody has read. It is set by the half that reads, and looked at when
    /// both are gone.
    unread: AtomicBool,
}

impl Conn {
    pub(super) fn new(net: Net, key: ConnKey, local: SocketAddr, peer: SocketAddr) -> Conn {
        Conn { net, key, local, peer, unread: AtomicBool::new(false) }
    }

    pub(super) fn info_handle(&self) -> InfoHandle {
        InfoHandle { net: self.net.clone(), key: self.key }
    }

    /// Ready when the handshake is over, well or not.
    pub(super) fn poll_connected(&self, cx: &mut task::Context<'_>) -> Poll<io::Result<()>> {
        self.net.poll(cx, |stack, cx| stack.poll_connected(self.key, cx))
    }

    /// Copies to `buf` what is held or, if that is nothing, all that waits, as far as it fits.
    pub(super) fn poll_read(
        &self,
        held: &mut Held,
        cx: &mut task::Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Some(outcome) = self.read_held(held, buf) {
            return outcome;
        }
        self.net.poll(cx, |stack, cx| self.receive_all(stack, cx, buf)).map_ok(drop)
    }

    /// [`Conn::poll_read`], and whether nothing is left to read, so that the task will be woken.
    fn poll_read_dry(
        &self,
        held: &mut Held,
        cx: &mut task::Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<bool>> {
        if let Some(outcome) = self.read_held(held, buf) {
            return outcome.map_ok(|()| false);
        }
        self.net.poll(cx, |stack, cx| {
            let read = ready!(self.receive_all(stack, cx, buf))?;
            // To ask now, under the same lock, costs less than a call that finds nothing.
            let ask = read > 0 && buf.remaining() > 0;
            Poll::Ready(Ok(ask && stack.poll_receive(self.key, 1, cx).is_pending()))
        })
    }

    /// Reads what is held; `None` when the stack must be asked.
    fn read_held(&self, held: &mut Held, buf: &mut ReadBuf<'_>) -> Option<Poll<io::Result<()>>> {
        if buf.remaining() > 0 {
            if held.is_empty() {
                return None;
            }
            held.read(buf);
            self.note(held);
        }
        Some(Poll::Ready(Ok(())))
    }

    fn receive_all(
        &self,
        stack: &mut Stack,
        cx: &mut task::Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<Result<usize, SocketError>> {
        let max = buf.remaining();
        stack.poll_receive_all(self.key, max, cx, |chunk| buf.put_slice(&chunk))
    }

    /// Ready when `held` has text, or there will never be any. All that waits is taken over under one
    /// lock, up to [`Held::MAX`].
    pub(super) fn poll_fill(
        &self,
        held: &mut Held,
        cx: &mut task::Context<'_>,
    ) -> Poll<io::Result<()>> {
        if held.is_empty() {
            ready!(self.net.poll(cx, |stack, cx| self.take_over(stack, held, cx)))?;
            self.note(held);
        }
        Poll::Ready(Ok(()))
    }

    /// [`Conn::poll_fill`], and whether nothing is left behind the front of what is held, so that the
    /// task will be woken.
    pub(super) fn poll_fill_dry(
        &self,
        held: &mut Held,
        cx: &mut task::Context<'_>,
    ) -> Poll<io::Result<bool>> {
        if !held.is_empty() {
            return Poll::Ready(Ok(false));
        }
        let dry = ready!(self.net.poll(cx, |stack, cx| {
            let taken = ready!(self.take_over(stack, held, cx))?;
            let ask = taken > 0 && taken == held.text().len();
            Poll::Ready(Ok(ask && stack.poll_peek(self.key, &mut [0], cx).is_pending()))
        }))?;
        self.note(held);
        Poll::Ready(Ok(dry))
    }

    fn take_over(
        &self,
        stack: &mut Stack,
        held: &mut Held,
        cx: &mut task::Context<'_>,
    ) -> Poll<Result<usize, SocketError>> {
        stack.poll_receive_chunks(self.key, Held::MAX, cx, |chunk| held.push(chunk))
    }

    /// The first `len` bytes of what is held have been read.
    pub(super) fn consume(&self, held: &mut Held, len: usize) {
        held.consume(len);
        self.note(held);
    }

    /// Remembers whether anything of what the reading half holds is unread.
    fn note(&self, held: &Held) {
        self.unread.store(!held.is_empty(), Ordering::Relaxed);
    }

    pub(super) fn poll_read_chunk(
        &self,
        held: &mut Held,
        cx: &mut task::Context<'_>,
        max: usize,
    ) -> Poll<io::Result<Option<Bytes>>> {
        if !held.is_empty() {
            let chunk = held.take(max.max(1));
            self.note(held);
            return Poll::Ready(Ok(Some(chunk)));
        }
        let chunk = ready!(
            self.net.poll(cx, |stack, cx| { stack.poll_receive(self.key, max.max(1), cx) })
        )?;
        Poll::Ready(Ok((!chunk.is_empty()).then_some(chunk)))
    }

    /// Fills `bufs` one after the other with all that waits, as far as it fits. This and
    /// [`Conn::poll_peek`] are for the blocking sockets, whose handles hold nothing.
    pub(super) fn poll_read_vectored(
        &self,
        cx: &mut task::Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        self.net.poll(cx, |stack, cx| {
            let mut read = 0;
            for mut rest in bufs.iter_mut().map(|buf| &mut buf[..]) {
                while !rest.is_empty() {
                    if read > 0 && stack.at_mark(self.key).unwrap_or(false) {
                        return Poll::Ready(Ok(read));
                    }
                    match stack.poll_receive(self.key, rest.len(), cx) {
                        Poll::Ready(Ok(chunk)) if !chunk.is_empty() => {
                            let (front, back) = mem::take(&mut rest).split_at_mut(chunk.len());
                            front.copy_from_slice(&chunk);
                            rest = back;
                            read += chunk.len();
                        }
                        nothing if read == 0 => return nothing.map_ok(|_| 0),
                        // The end, or the error, is still there for the next call.
                        _ => return Poll::Ready(Ok(read)),
                    }
                }
            }
            Poll::Ready(Ok(read))
        })
    }

    /// Copies to `buf` what waits to be read, as far as it fits, and leaves it waiting.
    pub(super) fn poll_peek(
        &self,
        cx: &mut task::Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        if buf.is_empty() {
            return Poll::Ready(Ok(0));
        }
        self.net.poll(cx, |stack, cx| stack.poll_peek(self.key, buf, cx))
    }

    /// Why the connection ended, when it did not end well.
    pub(super) fn error(&self) -> Option<io::Error> {
        match self.net.call(|stack| stack.connection_error(self.key)) {
            Ok(error) => error.map(io::Error::from),
            Err(ended) => Some(ended),
        }
    }

    /// Writes from the front of `bufs` as much as there is room for.
    pub(super) fn poll_write(
        &self,
        cx: &mut task::Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut whole = ArrayVec::<u8, GATHERED>::new();
        if bufs.len() > 1 && bufs.iter().map(|buf| buf.len()).sum::<usize>() <= GATHERED {
            // That there is room was looked at.
            bufs.iter().try_for_each(|buf| whole.try_extend_from_slice(buf)).ok();
        }
        let gathered = [IoSlice::new(&whole)];
        let bufs = if whole.is_empty() { bufs } else { &gathered };
        self.net.poll(cx, |stack, cx| {
            let mut written = 0;
            for buf in bufs.iter().filter(|buf| !buf.is_empty()) {
                match stack.poll_send(self.key, buf, cx) {
                    Poll::Ready(Ok(n)) => written += n,
                    Poll::Ready(Err(error)) if written == 0 => return Poll::Ready(Err(error)),
                    Poll::Pending if written == 0 => return Poll::Pending,
                    Poll::Ready(Err(_)) | Poll::Pending => break,
                }
            }
            Poll::Ready(Ok(written))
        })
    }

    pub(super) fn poll_write_chunk(
        &self,
        cx: &mut task::Context<'_>,
        chunk: &mut Bytes,
    ) -> Poll<io::Result<usize>> {
        if chunk.is_empty() {
            return Poll::Ready(Ok(0));
        }
        self.net.poll(cx, |stack, cx| stack.poll_send_chunk(self.key, chunk, cx))
    }

    pub(super) async fn write_chunk(&self, mut chunk: Bytes) -> io::Result<()> {
        while !chunk.is_empty() {
            poll_fn(|cx| self.poll_write_chunk(cx, &mut chunk)).await?;
        }
        Ok(())
    }

    /// Sends a FIN after what was written. As in tokio, it is no error if there is no connection
    /// left to end.
    pub(super) fn shutdown_write(&self) -> io::Result<()> {
        match self.set(Stack::shutdown_write) {
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
            result => result,
        }
    }

    pub(super) fn set(
        &self,
        set: impl FnOnce(&mut Stack, ConnKey) -> Result<(), SocketError>,
    ) -> io::Result<()> {
        self.net.try_call(|stack| set(stack, self.key))
    }

    pub(super) fn setting<R>(&self, get: impl FnOnce(&tcp::Config) -> R) -> io::Result<R> {
        self.net.try_call(|stack| {
            let config = stack.tcp_config(self.key);
            config.map(get).ok_or(SocketError::NotConnected)
        })
    }
}

impl Drop for Conn {
    fn drop(&mut self) {
        let unread = *self.unread.get_mut();
        // After the end of the stack there is nothing left to close.
        let _ = self.net.call(|stack| {
            // The stack counts what is held as read.
            if unread {
                stack.abort(self.key);
            }
            stack.close(self.key);
        });
    }
}

impl fmt::Debug for Conn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TcpStream")
            .field("local", &self.local)
            .field("peer", &self.peer)
            .finish_non_exhaustive()
    }
}
