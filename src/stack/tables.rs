//! How much a stack holds.

use crate::stack::Stack;
use crate::stack::accept::Listener;

/// How many entries each table of a stack has at one moment. All are zero once every socket is gone,
/// what was written has been sent, and TIME-WAIT is over; something that stays is a leak.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tables {
    /// Control blocks, those that only serve what is unread among them.
    pub connections: usize,
    /// Half-open connections of all listeners.
    pub half_open: usize,
    /// Records of connections in TIME-WAIT.
    pub time_wait: usize,
    /// Listeners.
    pub listeners: usize,
    /// UDP sockets.
    pub udp_sockets: usize,
    /// Ping sockets, each of which has an identifier.
    pub ping_sockets: usize,
    /// Addresses that lead to any of these.
    pub addresses: usize,
    /// Timers, armed or not.
    pub timers: usize,
    /// Wakers of tasks that wait.
    pub wakers: usize,
}

impl Tables {
    /// Those of two stacks together.
    pub fn plus(self, other: Tables) -> Tables {
        Tables {
            connections: self.connections + other.connections,
            half_open: self.half_open + other.half_open,
            time_wait: self.time_wait + other.time_wait,
            listeners: self.listeners + other.listeners,
            udp_sockets: self.udp_sockets + other.udp_sockets,
            ping_sockets: self.ping_sockets + other.ping_sockets,
            addresses: self.addresses + other.addresses,
            timers: self.timers + other.timers,
            wakers: self.wakers + other.wakers,
        }
    }
}

impl Stack {
    /// What it holds now. It looks at every socket, so this is for people and tests.
    pub fn tables(&self) -> Tables {
        let connections = self.connections.values();
        let of_connections =
            connections.flat_map(|connection| [&connection.read_waker, &connection.write_waker]);
        let of_listeners = self.listeners.values().map(|listener| &listener.waker);
        let watches = self.connections.values().flat_map(|connection| &connection.watch);
        let watches = watches.map(|watch| &watch.waker);
        let watches = watches.chain(self.listeners.values().filter_map(Listener::watcher));
        let wakers = of_connections.chain(of_listeners).chain(watches).flatten().count();
        Tables {
            connections: self.connections.len(),
            half_open: self.half_open.len(),
            time_wait: self.time_wait.len(),
            listeners: self.listeners.len(),
            udp_sockets: self.udp.len(),
            ping_sockets: self.ping.len(),
            addresses: self.demux.address_count() + self.udp.bound_len() + self.bindings.len(),
            timers: self.wheel.len(),
            wakers: wakers + self.udp.waiting() + self.ping.waiting(),
        }
    }
}
