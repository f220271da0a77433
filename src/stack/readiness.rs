//! What poll(2) says of a TCP socket, and news for those that want to hear of changes alone.
//!
//! ```text
//!   readiness: a look            watch: a look, and the waker is called with the next news
//!   news: text has arrived, or something of the rest has become true. It is counted, so that who is told of
//!         edges (EPOLLET) sees that more has come although there was something to read before.
//! ```

use std::task::{self, Waker};

use crate::event::State;
use crate::stack::connection::Connection;
use crate::stack::wakes::Wakes;
use crate::stack::{ConnKey, ListenerKey, SocketError, Stack};
use crate::tcp::Tcb;

/// What can be done with a socket now, as poll(2) of Linux says it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Readiness {
    /// POLLIN: a read would not wait, be it for the end or an error; or there is a connection to accept.
    pub readable: bool,
    /// POLLOUT: a write would not wait, be it for an error: a third of the buffer is free, and what waits to be
    /// sent is less than half of [`crate::tcp::Config::notsent_low`].
    pub writable: bool,
    /// POLLPRI: the urgent octet has arrived and was not read.
    pub urgent: bool,
    /// POLLRDHUP: the peer has ended its half, or ours was shut down.
    pub read_closed: bool,
    /// POLLHUP: both halves are closed.
    pub closed: bool,
    /// POLLERR: there is an error to be taken ([`Stack::take_error`]).
    pub error: bool,
    /// How often there was news since the socket was watched for the first time, modulo 2^32.
    pub news: u32,
}

impl Readiness {
    /// The bits as Linux has them in `revents`.
    pub const fn poll_bits(&self) -> u16 {
        self.readable as u16
            | (self.urgent as u16) << 1
            | (self.writable as u16) << 2
            | (self.error as u16) << 3
            | (self.closed as u16) << 4
            | (self.read_closed as u16) << 13
    }

    fn of(tcb: &Tcb) -> Readiness {
        let opening =
            matches!(tcb.state(), State::SynSent | State::SynReceived) && !tcb.takes_early();
        let over = matches!(tcb.state(), State::Closed | State::TimeWait);
        let read_closed = over || tcb.is_read_shut() || tcb.is_peer_finished();
        Readiness {
            readable: read_closed || (!opening && tcb.has_text()),
            writable: !opening && tcb.is_writable(),
            urgent: tcb.has_urgent(),
            read_closed,
            closed: over || (read_closed && !opening && !tcb.can_send()),
            error: tcb.pending_error().is_some(),
            news: 0,
        }
    }

    /// Whether it has anything, but for text and connections, that `before` has not.
    fn adds_to(&self, before: &Readiness) -> bool {
        let new = self.poll_bits() & !before.poll_bits();
        new & !u16::from(self.readable && !self.read_closed) != 0
    }
}

/// Somebody who wants to hear of news.
#[derive(Debug, Default)]
pub(super) struct Watch {
    pub(super) waker: Option<Waker>,
    seen: Readiness,
    /// Bytes that had arrived in order.
    arrived: u64,
}

impl Watch {
    /// Whether there is news of the connection since it was looked at; it is then told.
    pub(super) fn look(&mut self, tcb: &Tcb, wakes: &mut Wakes) {
        let now = Readiness::of(tcb);
        let news = tcb.bytes_arrived() != self.arrived || now.adds_to(&self.seen);
        self.arrived = tcb.bytes_arrived();
        self.seen = Readiness { news: self.seen.news.wrapping_add(news.into()), ..now };
        if news {
            wakes.add(&mut self.waker);
        }
    }

    /// A connection has come to be accepted.
    pub(super) fn connection_arrived(&mut self, wakes: &mut Wakes) {
        self.seen.news = self.seen.news.wrapping_add(1);
        wakes.add(&mut self.waker);
    }

    /// A write found too little room: that there is some will be news.
    pub(super) fn write_blocked(&mut self) {
        self.seen.writable = false;
    }
}

impl Connection {
    /// Makes whoever watches it look again.
    pub(super) fn wake_watcher(&mut self, wakes: &mut Wakes) {
        if let Some(watch) = &mut self.watch {
            wakes.add(&mut watch.waker);
        }
    }

    /// Tells whoever watches it of news.
    pub(super) fn look(&mut self, wakes: &mut Wakes) {
        if let Some(watch) = &mut self.watch {
            watch.look(self.tcb.whole(), wakes);
        }
    }
}

impl Stack {
    /// What poll(2) would say of a connection.
    pub fn readiness(&self, key: ConnKey) -> Result<Readiness, SocketError> {
        let connection = self.connections.get(key).filter(|one| !one.tcb.is_detached());
        let connection = connection.ok_or(SocketError::NotConnected)?;
        let news = connection.watch.as_ref().map_or(0, |watch| watch.seen.news);
        Ok(Readiness { news, ..Readiness::of(&connection.tcb.look()) })
    }

    /// The same, and the waker is called when there is news, for a change or for more text. One watches at a
    /// time, beside those that read and write: the last one that asked.
    pub fn watch(
        &mut self,
        key: ConnKey,
        cx: &mut task::Context<'_>,
    ) -> Result<Readiness, SocketError> {
        let connection = Self::attached(&mut self.connections, key);
        let connection = connection.ok_or(SocketError::NotConnected)?;
        let tcb = connection.tcb.look();
        let first = || Box::new(Watch { arrived: tcb.bytes_arrived(), ..Watch::default() });
        let watch = connection.watch.get_or_insert_with(first);
        self.wakes.register(&mut watch.waker, cx);
        watch.seen = Readiness { news: watch.seen.news, ..Readiness::of(&tcb) };
        Ok(watch.seen)
    }

    /// What poll(2) would say of a listener.
    pub fn listener_readiness(&self, key: ListenerKey) -> Result<Readiness, SocketError> {
        let listener = self.listeners.get(key).ok_or(SocketError::StackGone)?;
        let news = listener.watch.as_ref().map_or(0, |watch| watch.seen.news);
        Ok(Readiness { readable: listener.has_connection(), news, ..Readiness::default() })
    }

    /// The same, and the waker is called when a connection has come. One watches at a time, beside those that
    /// accept.
    pub fn watch_listener(
        &mut self,
        key: ListenerKey,
        cx: &mut task::Context<'_>,
    ) -> Result<Readiness, SocketError> {
        let listener = self.listeners.get_mut(key).ok_or(SocketError::StackGone)?;
        self.wakes.register(&mut listener.watch.get_or_insert_default().waker, cx);
        self.listener_readiness(key)
    }
}
