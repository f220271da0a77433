//! What sockets of POSIX can do beside reading and writing (see `readiness` for poll).

use std::net::SocketAddr;
use std::task::{self, Poll};

use crate::event::Cause;
use crate::stack::{ConnKey, ListenerKey, SocketError, Stack};
use crate::tcp::{self, Refused, SendFlags, Tcb};

impl Stack {
    /// [`Stack::poll_send`] in another way (MSG_MORE, MSG_OOB).
    pub fn poll_send_with(
        &mut self,
        key: ConnKey,
        data: &[u8],
        flags: SendFlags,
        cx: &mut task::Context<'_>,
    ) -> Poll<Result<usize, SocketError>> {
        self.poll_write(key, data.len(), cx, |tcb| tcb.send_with(data, flags))
    }

    /// Drops what waits to be read, at most `max` bytes (at least 1), and says how many bytes that was; none at
    /// the end of the stream. It stops before urgent data (a read with MSG_TRUNC).
    pub fn poll_discard(
        &mut self,
        key: ConnKey,
        max: usize,
        cx: &mut task::Context<'_>,
    ) -> Poll<Result<usize, SocketError>> {
        self.poll_receive_all(key, max, cx, drop)
    }

    /// The urgent octet by itself (MSG_OOB); `peek` leaves it for the next time. `None` at the end of the stream.
    /// It never waits, as in Linux: [`SocketError::WouldBlock`] if the octet is announced and has not arrived,
    /// [`SocketError::NoUrgentData`] if there is none, or if it is to be read in line.
    pub fn receive_urgent(&mut self, key: ConnKey, peek: bool) -> Result<Option<u8>, SocketError> {
        let read = self.update_attached(key, |tcb, _| tcb.receive_urgent(peek));
        read.ok_or(SocketError::NotConnected)?.map_err(|refused| match refused {
            Refused::WouldBlock => SocketError::WouldBlock,
            Refused::Closed => SocketError::BrokenPipe,
            Refused::NotUrgent => SocketError::NoUrgentData,
            Refused::Failed(error) => error.into(),
        })
    }

    /// Whether reading has come to the urgent octet (SIOCATMARK).
    pub fn at_mark(&self, key: ConnKey) -> Result<bool, SocketError> {
        self.ask(key, Tcb::at_mark)
    }

    /// Bytes that can be read at once, up to urgent data (SIOCINQ).
    pub fn unread(&self, key: ConnKey) -> Result<u32, SocketError> {
        self.ask(key, Tcb::unread)
    }

    /// Bytes that were written and are not acknowledged, the end of the stream counted as one (SIOCOUTQ).
    pub fn unacknowledged(&self, key: ConnKey) -> Result<u32, SocketError> {
        self.ask(key, Tcb::unacknowledged)
    }

    /// Those of them that were not sent yet (SIOCOUTQNSD).
    pub fn unsent(&self, key: ConnKey) -> Result<u32, SocketError> {
        self.ask(key, Tcb::unsent)
    }

    /// Whether acknowledgments go at once (see [`Stack::set_quick_ack`]).
    pub fn quick_ack(&self, key: ConnKey) -> Result<bool, SocketError> {
        self.ask(key, Tcb::quick_ack)
    }

    fn ask<R>(&self, key: ConnKey, question: impl FnOnce(&Tcb) -> R) -> Result<R, SocketError> {
        self.look(key).map(|tcb| question(&tcb)).ok_or(SocketError::NotConnected)
    }

    /// Has acknowledgments go at once, as long as that helps the peer, or with the answers of the application
    /// (TCP_QUICKACK). It is not for ever: the application's answers may change it again.
    pub fn set_quick_ack(&mut self, key: ConnKey, quick: bool) -> Result<(), SocketError> {
        self.update_attached(key, |tcb, _| tcb.set_quick_ack(quick))
            .ok_or(SocketError::NotConnected)
    }

    /// Ends waiting for text: reads give what has arrived and then the end. The peer is not told and may go on
    /// sending (SHUT_RD, as in Linux); but once the sending half is closed too, text from it is answered with a reset
    /// (RFC 1122 4.2.2.13).
    pub fn shutdown_read(&mut self, key: ConnKey) -> Result<(), SocketError> {
        self.update_attached(key, |tcb, _| tcb.shutdown_read()).ok_or(SocketError::NotConnected)
    }

    /// Ready when all that was written, and the end of it, was acknowledged, or never will be: how long a close that
    /// lingers waits (SO_LINGER). It shares its waker with those that write.
    pub fn poll_finished(
        &mut self,
        key: ConnKey,
        cx: &mut task::Context<'_>,
    ) -> Poll<Result<(), SocketError>> {
        let Some(connection) = Self::attached(&mut self.connections, key) else {
            return Poll::Ready(Err(SocketError::NotConnected));
        };
        let tcb = connection.tcb.look();
        if tcb.is_finished() {
            return Poll::Ready(tcb.error().map_or(Ok(()), |error| Err(error.into())));
        }
        drop(tcb);
        self.wakes.register(&mut connection.write_waker, cx);
        Poll::Pending
    }

    /// Why the connection ended, when it did not end well and this was not asked before (SO_ERROR). Reading and
    /// writing go on telling it, as [`Stack::connection_error`] does.
    pub fn take_error(&mut self, key: ConnKey) -> Option<SocketError> {
        self.update_attached(key, |tcb, _| tcb.take_error())?.map(SocketError::from)
    }

    /// Gives a connection up, with a reset where the peer may know of it, and says what settings it had: those of the
    /// fresh socket that is left (connect(2) with AF_UNSPEC). The key is dead afterwards.
    pub fn disconnect(&mut self, key: ConnKey) -> Result<tcp::Config, SocketError> {
        let config = self.tcp_config(key).cloned().ok_or(SocketError::NotConnected)?;
        self.update_attached(key, |tcb, cx| tcb.abort(cx, Cause::UserAbort));
        self.close(key);
        Ok(config)
    }

    /// The same for a listener: where it was bound, and its settings.
    pub fn disconnect_listener(
        &mut self,
        key: ListenerKey,
    ) -> Result<(SocketAddr, tcp::Config), SocketError> {
        let local = self.listener_addr(key).ok_or(SocketError::StackGone)?;
        let config = self.listener_config(key).cloned().ok_or(SocketError::StackGone)?;
        self.close_listener(key);
        Ok((local, config))
    }
}
