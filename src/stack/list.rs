//! What a stack has, as ss(8) lists it: connections, half-open ones and those in TIME-WAIT, listeners and UDP sockets.
//!
//! ```text
//!   entry_keys     a number for each, at once
//!   entry          how one of them is now, if it is still there; a few at a time, for each may have to be made whole
//! ```

use std::net::SocketAddr;

use crate::event::{Cause, ConnId, TimerKind};
use crate::stack::{ConnKey, HalfOpenKey, ListenerKey, Owner, Stack, TimeWaitKey, UdpKey};
use crate::tcp::{self, Endpoints};
use crate::time::Duration;

/// Names something that a stack has; what it names may be gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntryKey(Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Listener(ListenerKey),
    Udp(UdpKey),
    Connection(ConnKey),
    HalfOpen(HalfOpenKey),
    TimeWait(TimeWaitKey),
}

/// How something is that a stack has.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry {
    /// A connection with a control block.
    Connection {
        /// Everything about it.
        info: Box<tcp::Info>,
        /// The timer that goes off next, and in how long.
        timer: Option<(TimerKind, Duration)>,
        /// Time-outs, or probes, in a row.
        tries: u8,
        /// An application has it.
        owned: bool,
    },
    /// A SYN was answered, and the answer is not acknowledged.
    HalfOpen {
        /// Its number in events.
        conn: ConnId,
        /// Both ends.
        ends: Endpoints,
    },
    /// Nothing but the time until old duplicates have died is left.
    TimeWait {
        /// Its number in events.
        conn: ConnId,
        /// Both ends.
        ends: Endpoints,
        /// That time.
        left: Duration,
    },
    /// It waits for connections.
    Listener {
        /// Where.
        local: SocketAddr,
        /// Connections that nobody has accepted.
        waiting: usize,
        /// How many of them there may be.
        backlog: usize,
    },
    /// A UDP socket.
    Udp {
        /// Where it is bound.
        local: SocketAddr,
        /// Whom it is connected to.
        peer: Option<SocketAddr>,
        /// Bytes that nobody has received, with what keeping them costs.
        queued: usize,
    },
}

impl Stack {
    /// A key for everything there is now: listeners first, then UDP sockets and connections.
    pub fn entry_keys(&self) -> Vec<EntryKey> {
        let listeners = self.listeners.keys().map(Kind::Listener);
        let udp = self.udp.keys().map(Kind::Udp);
        let connections = self.connections.iter().filter(|(_, one)| one.in_table);
        let connections = connections.map(|(key, _)| Kind::Connection(key));
        let half_open = self.half_open.keys().map(Kind::HalfOpen);
        let time_wait = self.time_wait.keys().map(Kind::TimeWait);
        let all = listeners.chain(udp).chain(connections).chain(half_open).chain(time_wait);
        all.map(EntryKey).collect()
    }

    /// A key for what there is between these ends: a connection, or what will be or was one.
    pub fn entry_key(&self, ends: Endpoints) -> Option<EntryKey> {
        Some(EntryKey(match self.demux.find(ends)? {
            Owner::Connection(key) => Kind::Connection(key),
            Owner::HalfOpen(key) => Kind::HalfOpen(key),
            Owner::TimeWait(key) => Kind::TimeWait(key),
        }))
    }

    /// How that is now; `None` if it is gone. Nothing is changed by the look.
    pub fn entry(&self, EntryKey(key): EntryKey) -> Option<Entry> {
        Some(match key {
            Kind::Listener(key) => {
                let listener = self.listeners.get(key)?;
                Entry::Listener {
                    local: self.listener_addr(key)?,
                    waiting: listener.queue.len(),
                    backlog: listener.backlog,
                }
            }
            Kind::Udp(key) => {
                let (local, peer, queued) = self.udp.look(key)?;
                Entry::Udp { local, peer, queued }
            }
            Kind::Connection(key) => {
                let connection = self.connections.get(key).filter(|one| one.in_table)?;
                let tcb = connection.tcb.look();
                let info = tcb.info_at(self.env.now);
                let timer = tcb.next_timer().map(|(timer, at)| (timer, at.since(self.env.now)));
                let tries = info.details.timeouts.max(info.details.probes);
                Entry::Connection { info: Box::new(info), timer, tries, owned: !tcb.is_detached() }
            }
            Kind::HalfOpen(key) => {
                let record = &self.half_open.get(key)?.record;
                Entry::HalfOpen { conn: record.conn, ends: record.ends() }
            }
            Kind::TimeWait(key) => {
                let entry = self.time_wait.get(key)?;
                let left = entry.until.since(self.env.now);
                Entry::TimeWait { conn: entry.record.conn, ends: entry.record.ends.get(), left }
            }
        })
    }

    /// Ends the connection between these ends, as its application could, with a reset where the peer knows of it; one that is
    /// half-open or in TIME-WAIT is forgotten. False if there is none.
    pub fn kill(&mut self, ends: Endpoints) -> bool {
        match self.demux.find(ends) {
            Some(Owner::Connection(key)) => {
                self.update_connection(key, |tcb, cx| tcb.abort(cx, Cause::Killed));
            }
            Some(Owner::HalfOpen(key)) => self.forget_half_open(key, Cause::Killed),
            Some(Owner::TimeWait(key)) => self.remove_time_wait(key, Cause::Killed),
            None => return false,
        }
        true
    }
}
