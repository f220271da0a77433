//! What POSIX has for connections beyond what tokio and std have: flags of messages, urgent data, what waits in the
//! buffers, poll(2).

use std::future::poll_fn;
use std::io;
use std::task::{self, Poll};

use super::tcp_stream::Conn;
use super::{TcpSocket, TcpStream};
use crate::stack::Readiness;
use crate::tcp::{self, SendFlags};

impl Conn {
    /// Changes settings.
    pub(super) fn configure(&self, change: impl FnOnce(&mut tcp::Config)) -> io::Result<()> {
        self.set(|stack, key| stack.configure(key, change))
    }

    pub(super) fn poll_write_with(
        &self,
        cx: &mut task::Context<'_>,
        buf: &[u8],
        flags: SendFlags,
    ) -> Poll<io::Result<usize>> {
        self.net.poll(cx, |stack, cx| stack.poll_send_with(self.key, buf, flags, cx))
    }

    pub(super) fn poll_discard(
        &self,
        cx: &mut task::Context<'_>,
        max: usize,
    ) -> Poll<io::Result<usize>> {
        self.net.poll(cx, |stack, cx| stack.poll_discard(self.key, max, cx))
    }

    pub(super) fn receive_urgent(&self, peek: bool) -> io::Result<Option<u8>> {
        self.net.try_call(|stack| stack.receive_urgent(self.key, peek))
    }

    pub(super) fn at_mark(&self) -> io::Result<bool> {
        self.net.try_call(|stack| stack.at_mark(self.key))
    }

    pub(super) fn unread(&self) -> io::Result<u32> {
        self.net.try_call(|stack| stack.unread(self.key))
    }

    pub(super) fn unacknowledged(&self) -> io::Result<u32> {
        self.net.try_call(|stack| stack.unacknowledged(self.key))
    }

    pub(super) fn unsent(&self) -> io::Result<u32> {
        self.net.try_call(|stack| stack.unsent(self.key))
    }

    pub(super) fn poll_finished(&self, cx: &mut task::Context<'_>) -> Poll<io::Result<()>> {
        self.net.poll(cx, |stack, cx| stack.poll_finished(self.key, cx))
    }

    pub(super) fn readiness(&self) -> io::Result<Readiness> {
        self.net.try_call(|stack| stack.readiness(self.key))
    }

    pub(super) fn watch(&self, cx: &mut task::Context<'_>) -> io::Result<Readiness> {
        self.net.try_call(|stack| stack.watch(self.key, cx))
    }
}

impl TcpStream {
    pub(super) fn setting<R>(&self, read: impl FnOnce(&tcp::Config) -> R) -> io::Result<R> {
        self.conn.setting(read)
    }

    /// Changes any settings at once, with what follows from the change; those that count only when a connection is
    /// opened change nothing any more.
    ///
    /// # Errors
    /// As [`TcpStream::set_nodelay`].
    pub fn configure(&self, change: impl FnOnce(&mut tcp::Config)) -> io::Result<()> {
        self.conn.configure(change)
    }

    /// Writes as much of `buf` as there is room for, in another way than usual: `more` is to come, so that what does
    /// not fill a segment waits for it (MSG_MORE), or the last octet is `urgent` (MSG_OOB).
    ///
    /// # Errors
    /// As [`TcpStream::write_chunk`].
    pub async fn send(&mut self, buf: &[u8], flags: SendFlags) -> io::Result<usize> {
        poll_fn(|cx| self.conn.poll_write_with(cx, buf, flags)).await
    }

    /// Drops what comes next, at most `max` bytes, and says how many that were; none at the end of the stream
    /// (a read with MSG_TRUNC). Cancel safe.
    ///
    /// # Errors
    /// As [`TcpStream::read_chunk`].
    pub async fn discard(&mut self, max: usize) -> io::Result<usize> {
        if self.held.is_empty() {
            return poll_fn(|cx| self.conn.poll_discard(cx, max)).await;
        }
        let chunk = poll_fn(|cx| self.poll_read_chunk(cx, max)).await?;
        Ok(chunk.map_or(0, |chunk| chunk.len()))
    }

    /// The urgent octet, read by itself (MSG_OOB), before a read that begins where it stands passes it, as in
    /// Linux; `peek` leaves it for the next time. `None` at the end of the
    /// stream. It never waits: see [`TcpStream::poll_readiness`]. New applications should not use it (RFC 6093 5).
    ///
    /// # Errors
    /// `WouldBlock` if the octet is announced and has not arrived, `InvalidInput` if there is none or it is read in
    /// line, otherwise as [`TcpStream::read_chunk`].
    pub fn receive_urgent(&self, peek: bool) -> io::Result<Option<u8>> {
        self.conn.receive_urgent(peek)
    }

    /// Whether reading has come to the urgent octet (SIOCATMARK).
    ///
    /// # Errors
    /// `NotConnected`, and `ConnectionAborted` when the stack has ended.
    pub fn at_mark(&self) -> io::Result<bool> {
        Ok(self.held.is_empty() && self.conn.at_mark()?)
    }

    /// Bytes that can be read at once, up to urgent data (SIOCINQ).
    ///
    /// # Errors
    /// As [`TcpStream::at_mark`].
    pub fn unread(&self) -> io::Result<usize> {
        Ok(self.held.len() + self.conn.unread()? as usize)
    }

    /// Bytes that were written and are not acknowledged, the end of the stream counted as one (SIOCOUTQ).
    ///
    /// # Errors
    /// As [`TcpStream::at_mark`].
    pub fn unacknowledged(&self) -> io::Result<u32> {
        self.conn.unacknowledged()
    }

    /// Those of them that were not sent yet (SIOCOUTQNSD).
    ///
    /// # Errors
    /// As [`TcpStream::at_mark`].
    pub fn unsent(&self) -> io::Result<u32> {
        self.conn.unsent()
    }

    /// Whether acknowledgments go at once (TCP_QUICKACK).
    ///
    /// # Errors
    /// As [`TcpStream::at_mark`].
    pub fn quick_ack(&self) -> io::Result<bool> {
        self.conn.net.try_call(|stack| stack.quick_ack(self.conn.key))
    }

    /// Has acknowledgments go at once, or with the answers of the application. It is not for ever: what the
    /// application does may change it again, as in Linux.
    ///
    /// # Errors
    /// As [`TcpStream::at_mark`].
    pub fn set_quick_ack(&self, quick: bool) -> io::Result<()> {
        self.conn.set(|stack, key| stack.set_quick_ack(key, quick))
    }

    /// Ends waiting for text: reads give what has arrived and then the end (SHUT_RD). The peer is not told.
    ///
    /// # Errors
    /// As [`TcpStream::at_mark`].
    pub fn shutdown_read(&self) -> io::Result<()> {
        self.conn.set(|stack, key| stack.shutdown_read(key))
    }

    /// Why the connection ended, when it did not end well; `None` when that was asked before (SO_ERROR). Reading and
    /// writing go on telling it.
    ///
    /// # Errors
    /// `ConnectionAborted` when the stack has ended.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        let error = self.conn.net.call(|stack| stack.take_error(self.conn.key))?;
        Ok(error.map(io::Error::from))
    }

    /// Sends the end after what was written, and waits until the peer has acknowledged all: what a close that lingers
    /// does (SO_LINGER).
    ///
    /// # Errors
    /// As [`TcpStream::read_chunk`].
    pub async fn finish(&mut self) -> io::Result<()> {
        self.conn.shutdown_write()?;
        poll_fn(|cx| self.conn.poll_finished(cx)).await
    }

    /// Gives the connection up, with a reset where the peer knows of it; what is left is a socket with the same
    /// settings (connect(2) with AF_UNSPEC).
    ///
    /// # Errors
    /// As [`TcpStream::at_mark`].
    pub fn disconnect(self) -> io::Result<TcpSocket> {
        let settings = self.conn.net.try_call(|stack| stack.disconnect(self.conn.key))?;
        Ok(TcpSocket::with(&self.conn.net, settings))
    }

    /// What poll(2) would say.
    ///
    /// # Errors
    /// As [`TcpStream::at_mark`].
    pub fn readiness(&self) -> io::Result<Readiness> {
        self.conn.readiness().map(|readiness| self.with_held(readiness))
    }

    /// The same, and the task is woken with the next news, be it a change or more text. One task watches at a time,
    /// beside those that read and write. Never pending: it is for the task to compare [`Readiness::news`].
    ///
    /// # Errors
    /// As [`TcpStream::at_mark`].
    pub fn poll_readiness(&self, cx: &mut task::Context<'_>) -> io::Result<Readiness> {
        self.conn.watch(cx).map(|readiness| self.with_held(readiness))
    }

    /// Waits until `ready` says that it is.
    ///
    /// # Errors
    /// As [`TcpStream::at_mark`].
    pub async fn ready(&self, ready: impl Fn(&Readiness) -> bool) -> io::Result<Readiness> {
        poll_fn(|cx| match self.poll_readiness(cx) {
            Ok(readiness) if !ready(&readiness) => Poll::Pending,
            result => Poll::Ready(result),
        })
        .await
    }

    fn with_held(&self, readiness: Readiness) -> Readiness {
        Readiness { readable: readiness.readable || !self.held.is_empty(), ..readiness }
    }
}
