//! The calls of TCP sockets. None blocks: where there is nothing to do yet, the waker is kept.

use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{self, Poll};

use bytes::Bytes;

use crate::context::{Context, Memory};
use crate::event::{Cause, Event, State};
use crate::stack::connection::{Connection, Connections};
use crate::stack::control::Look;
use crate::stack::{BoundKey, ConnKey, SocketError, Stack};
use crate::tcp::congestion::Algorithm;
use crate::tcp::{self, Endpoints, Keepalive, Mss, Refused, Tcb};
use crate::time::Duration;

impl From<tcp::Error> for SocketError {
    fn from(error: tcp::Error) -> Self {
        match error {
            tcp::Error::Refused => SocketError::Refused,
            tcp::Error::Reset => SocketError::Reset,
            tcp::Error::Aborted => SocketError::Aborted,
            tcp::Error::TimedOut => SocketError::TimedOut,
            tcp::Error::Reported(notice) => SocketError::Reported(notice),
        }
    }
}

impl Stack {
    /// Opens a connection to `remote`, from `local` if given (its port may be 0), with other
    /// settings than the stack's if given.
    pub fn connect(
        &mut self,
        local: Option<SocketAddr>,
        remote: SocketAddr,
        config: Option<tcp::Config>,
    ) -> Result<ConnKey, SocketError> {
        self.open(local, remote, config, None)
    }

    /// The same for who has taken `local` as `own`.
    pub(super) fn open(
        &mut self,
        local: Option<SocketAddr>,
        remote: SocketAddr,
        config: Option<tcp::Config>,
        own: Option<BoundKey>,
    ) -> Result<ConnKey, SocketError> {
        if self.closing {
            return Err(SocketError::StackGone);
        }
        let source = self.routes.source_for(remote.ip()).ok_or(SocketError::NoRoute)?;
        if remote.port() == 0 {
            return Err(SocketError::NoRoute);
        }
        if self.connections.len() >= self.config.limits.connections {
            return Err(SocketError::Exhausted);
        }
        let local = self.choose_local(local, source, remote, own)?;
        let ends = Endpoints { local, remote };
        let config = config.map_or_else(|| self.tcp_config.clone(), Arc::new);
        let own_mss = config.own_mss(Mss::of_mtu(self.config.mtu, local.ip()));
        let conn = self.new_conn_id();
        let cx = &mut self.env.context();
        let tcb = Tcb::connect(cx, conn, ends, config, &self.secrets, own_mss);
        self.env.counters.tcp_active_opens += 1;
        let key = self.insert_connection(tcb, None);
        self.mark_ready(key);
        Ok(key)
    }

    fn choose_local(
        &mut self,
        wanted: Option<SocketAddr>,
        source: std::net::IpAddr,
        remote: SocketAddr,
        own: Option<BoundKey>,
    ) -> Result<SocketAddr, SocketError> {
        let mut local = wanted.unwrap_or(SocketAddr::new(source, 0));
        if local.ip().is_unspecified() {
            local.set_ip(source);
        }
        if !self.routes.is_own(local.ip()) {
            return Err(SocketError::AddrNotAvailable);
        }
        let (demux, bindings) = (&self.demux, &self.bindings);
        let is_free = |port| {
            let local = SocketAddr::new(local.ip(), port);
            demux.find(Endpoints { local, remote }).is_none()
                && demux.find_listener(local).is_none()
                && bindings.is_free(local, own)
        };
        if local.port() == 0 {
            let port = self.ports.choose(&self.secrets, local, remote, is_free);
            local.set_port(port.ok_or(SocketError::Exhausted)?);
        } else if !is_free(local.port()) {
            return Err(SocketError::AddrInUse);
        }
        Ok(local)
    }

    /// The connection, while the application has not let go of it.
    pub(super) fn attached(connections: &mut Connections, key: ConnKey) -> Option<&mut Connection> {
        connections.get_mut(key).filter(|connection| !connection.tcb.is_detached())
    }

    /// The same to look at.
    pub(super) fn look(&self, key: ConnKey) -> Option<Look<'_>> {
        let connection = self.connections.get(key).filter(|one| !one.tcb.is_detached());
        connection.map(|connection| connection.tcb.look())
    }

    /// Does what the application asks for, and what follows from it.
    pub(super) fn update_attached<R>(
        &mut self,
        key: ConnKey,
        change: impl FnOnce(&mut Tcb, &mut Context<'_>) -> R,
    ) -> Option<R> {
        Self::attached(&mut self.connections, key)?;
        self.update_connection(key, change)
    }

    /// Ready when the handshake is over, well or not.
    pub fn poll_connected(
        &mut self,
        key: ConnKey,
        cx: &mut task::Context<'_>,
    ) -> Poll<Result<(), SocketError>> {
        let Some(connection) = Self::attached(&mut self.connections, key) else {
            return Poll::Ready(Err(SocketError::NotConnected));
        };
        let tcb = connection.tcb.look();
        let (state, error) = (tcb.state(), tcb.error());
        drop(tcb);
        match (state, error) {
            (_, Some(error)) => Poll::Ready(Err(error.into())),
            (State::SynSent | State::SynReceived, None) => {
                self.wakes.register(&mut connection.write_waker, cx);
                Poll::Pending
            }
            (_, None) => Poll::Ready(Ok(())),
        }
    }

    /// Copies from `data` as much as there is room for; pending when there is none.
    pub fn poll_send(
        &mut self,
        key: ConnKey,
        data: &[u8],
        cx: &mut task::Context<'_>,
    ) -> Poll<Result<usize, SocketError>> {
        self.poll_write(key, data.len(), cx, |tcb| tcb.send(data))
    }

    /// The same without a copy: splits off the front of `data` what there is room for.
    pub fn poll_send_chunk(
        &mut self,
        key: ConnKey,
        data: &mut Bytes,
        cx: &mut task::Context<'_>,
    ) -> Poll<Result<usize, SocketError>> {
        self.poll_write(key, data.len(), cx, |tcb| tcb.send_bytes(data))
    }

    /// Writes `len` bytes in some way.
    pub(super) fn poll_write(
        &mut self,
        key: ConnKey,
        len: usize,
        cx: &mut task::Context<'_>,
        write: impl FnOnce(&mut Tcb) -> Result<usize, Refused>,
    ) -> Poll<Result<usize, SocketError>> {
        let Some(connection) = Self::attached(&mut self.connections, key) else {
            return Poll::Ready(Err(SocketError::NotConnected));
        };
        let memory = self.env.memory.level();
        if memory != Memory::Plenty {
            connection.tcb.whole().tune_send_buffer(memory);
            connection.settle(&mut self.env);
        }
        let result = write(connection.tcb.whole());
        if let Some(watch) = connection.watch.as_mut().filter(|_| result.is_ok_and(|n| n < len)) {
            watch.write_blocked();
        }
        match result {
            Ok(written) => {
                let (conn, len) = (connection.tcb.whole().conn(), written as u32);
                if len > 0 {
                    self.env.context().emit(move || Event::AppWrote { conn, len });
                }
                connection.settle(&mut self.env);
                self.queues.mark_ready(key, connection);
                Poll::Ready(Ok(written))
            }
            Err(Refused::WouldBlock) => {
                if let Some(watch) = &mut connection.watch {
                    watch.write_blocked();
                }
                self.wakes.register(&mut connection.write_waker, cx);
                Poll::Pending
            }
            Err(Refused::Closed | Refused::NotUrgent) => Poll::Ready(Err(SocketError::BrokenPipe)),
            Err(Refused::Failed(error)) => Poll::Ready(Err(error.into())),
        }
    }

    /// The next chunk of at most `max` bytes (at least 1), without a copy; empty at the end of the
    /// stream.
    pub fn poll_receive(
        &mut self,
        key: ConnKey,
        max: usize,
        cx: &mut task::Context<'_>,
    ) -> Poll<Result<Bytes, SocketError>> {
        self.poll_read(key, cx, |tcb| tcb.receive(max.max(1)))
    }

    /// The same for all chunks that wait, in one call: gives them to `sink` one after the other, at
    /// most `max` bytes (at least 1), and says how many bytes that was; none at the end of the stream.
    pub fn poll_receive_all(
        &mut self,
        key: ConnKey,
        max: usize,
        cx: &mut task::Context<'_>,
        sink: impl FnMut(Bytes),
    ) -> Poll<Result<usize, SocketError>> {
        self.poll_receive_while(key, max, cx, sink, |tcb, left| left > 0 && tcb.has_text())
    }

    /// The same for whole chunks, of which none but the first is cut in two because it is too long.
    pub fn poll_receive_chunks(
        &mut self,
        key: ConnKey,
        max: usize,
        cx: &mut task::Context<'_>,
        sink: impl FnMut(Bytes),
    ) -> Poll<Result<usize, SocketError>> {
        let fits = |tcb: &Tcb, left| (1..=left).contains(&tcb.next_chunk_len());
        self.poll_receive_while(key, max, cx, sink, fits)
    }

    /// One chunk, and others as long as `goes_on`, which is told how many bytes are left of `max`.
    fn poll_receive_while(
        &mut self,
        key: ConnKey,
        max: usize,
        cx: &mut task::Context<'_>,
        mut sink: impl FnMut(Bytes),
        goes_on: impl Fn(&Tcb, usize) -> bool,
    ) -> Poll<Result<usize, SocketError>> {
        let max = max.max(1);
        self.poll_read(key, cx, |tcb| {
            let first = tcb.receive(max)?;
            let mut left = max - first.len();
            sink(first);
            while goes_on(tcb, left) && !tcb.at_mark() {
                let chunk = tcb.receive(left)?;
                left -= chunk.len();
                sink(chunk);
            }
            Ok(max - left)
        })
    }

    /// The same without taking anything: copies to `buf` as many bytes as wait and fit, and says how
    /// many; none at the end of the stream.
    pub fn poll_peek(
        &mut self,
        key: ConnKey,
        buf: &mut [u8],
        cx: &mut task::Context<'_>,
    ) -> Poll<Result<usize, SocketError>> {
        self.poll_read(key, cx, |tcb| tcb.peek(buf))
    }

    /// Reads in some way; the default value stands for the end of the stream.
    fn poll_read<R: Default>(
        &mut self,
        key: ConnKey,
        cx: &mut task::Context<'_>,
        read: impl FnOnce(&mut Tcb) -> Result<R, Refused>,
    ) -> Poll<Result<R, SocketError>> {
        let closing = self.closing;
        let Some(connection) = Self::attached(&mut self.connections, key) else {
            return Poll::Ready(Err(SocketError::NotConnected));
        };
        if connection.tcb.is_parked() && !closing {
            self.wakes.register(&mut connection.read_waker, cx);
            return Poll::Pending;
        }
        let tcb = connection.tcb.whole();
        let before = tcb.held();
        match read(tcb) {
            Ok(read) => {
                let (owes, has_more) = (tcb.owes_acknowledgment(), tcb.has_text());
                let (conn, len) = (tcb.conn(), before - tcb.held());
                if len > 0 {
                    self.env.context().emit(move || Event::AppRead { conn, len });
                }
                connection.settle(&mut self.env);
                if owes {
                    self.mark_ready(key);
                } else if !has_more {
                    connection.rest(&mut self.env, &mut self.wheel);
                }
                Poll::Ready(Ok(read))
            }
            Err(Refused::WouldBlock) if closing => Poll::Ready(Ok(R::default())),
            Err(Refused::WouldBlock) => {
                self.wakes.register(&mut connection.read_waker, cx);
                Poll::Pending
            }
            Err(Refused::Closed | Refused::NotUrgent) => Poll::Ready(Ok(R::default())),
            Err(Refused::Failed(error)) => Poll::Ready(Err(error.into())),
        }
    }

    /// Ends the sending half: a FIN follows what was written.
    pub fn shutdown_write(&mut self, key: ConnKey) -> Result<(), SocketError> {
        self.update_attached(key, |tcb, cx| match tcb.error() {
            Some(error) => Err(error.into()),
            None => {
                tcb.shutdown_write(cx);
                Ok(())
            }
        })
        .unwrap_or(Err(SocketError::NotConnected))
    }

    /// The application lets go: what was written is still sent, then a FIN; but a reset when data
    /// is unread (RFC 2525 2.17) or linger is zero. The key is dead afterwards.
    pub fn close(&mut self, key: ConnKey) {
        if let Some(connection) = Self::attached(&mut self.connections, key) {
            self.wakes.discard(&mut connection.read_waker);
            self.wakes.discard(&mut connection.write_waker);
            if let Some(mut watch) = connection.watch.take() {
                self.wakes.discard(&mut watch.waker);
            }
        }
        self.update_attached(key, |tcb, cx| tcb.close(cx));
    }

    /// Resets the connection; calls on it give `Aborted` until it is closed.
    pub fn abort(&mut self, key: ConnKey) {
        self.update_attached(key, |tcb, cx| tcb.abort(cx, Cause::UserAbort));
    }

    /// Changes settings, with what follows from the change; those that count at the beginning of a connection
    /// alone ([`tcp::Config::max_segment`], for one) change nothing any more.
    pub fn configure(
        &mut self,
        key: ConnKey,
        change: impl FnOnce(&mut tcp::Config),
    ) -> Result<(), SocketError> {
        self.update_attached(key, |tcb, cx| tcb.configure(cx, change))
            .ok_or(SocketError::NotConnected)
    }

    /// Sets the longest retransmission time-out: see [`tcp::Config::limit_rto`].
    pub fn set_rto_max(&mut self, key: ConnKey, max: Duration) -> Result<(), SocketError> {
        self.configure(key, |config| config.limit_rto(max))
    }

    /// Turns Nagle's algorithm off or on. To turn it off, also when it is off already, sends what is held back
    /// for company, as in Linux.
    pub fn set_nodelay(&mut self, key: ConnKey, nodelay: bool) -> Result<(), SocketError> {
        self.update_attached(key, |tcb, cx| {
            tcb.configure(cx, |config| config.nodelay = nodelay);
            if nodelay {
                tcb.push();
            }
        })
        .ok_or(SocketError::NotConnected)
    }

    /// Sets when an idle peer is probed; `None`: never.
    pub fn set_keepalive(
        &mut self,
        key: ConnKey,
        keepalive: Option<Keepalive>,
    ) -> Result<(), SocketError> {
        self.configure(key, |config| config.keepalive = keepalive)
    }

    /// Sets what closing does with data that is not yet acknowledged (see [`tcp::Config::linger`]).
    pub fn set_linger(
        &mut self,
        key: ConnKey,
        linger: Option<Duration>,
    ) -> Result<(), SocketError> {
        self.configure(key, |config| config.linger = linger)
    }

    /// Sets how long data may stay unacknowledged; `None`: as long as retransmissions last.
    pub fn set_user_timeout(
        &mut self,
        key: ConnKey,
        timeout: Option<Duration>,
    ) -> Result<(), SocketError> {
        self.configure(key, |config| config.user_timeout = timeout)
    }

    /// Sets what moves the congestion window; in the middle of a connection it goes on from the one
    /// there is.
    pub fn set_congestion_control(
        &mut self,
        key: ConnKey,
        algorithm: Algorithm,
    ) -> Result<(), SocketError> {
        self.configure(key, |config| config.congestion = algorithm)
    }

    /// Our address and port.
    pub fn local_addr(&self, key: ConnKey) -> Option<SocketAddr> {
        self.look(key).map(|tcb| tcb.endpoints().local)
    }

    /// The settings in force.
    pub fn tcp_config(&self, key: ConnKey) -> Option<&tcp::Config> {
        let connection = self.connections.get(key).filter(|one| !one.tcb.is_detached());
        connection.map(|connection| &**connection.tcb.config())
    }

    /// Why the connection ended, when it did not end well.
    pub fn connection_error(&self, key: ConnKey) -> Option<SocketError> {
        self.look(key)?.error().map(SocketError::from)
    }

    /// A look at the connection.
    pub fn info(&self, key: ConnKey) -> Option<tcp::Info> {
        self.look(key).map(|tcb| tcb.info_at(self.env.now))
    }
}
