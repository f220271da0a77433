//! A connection as the list has it, and the order of the list.

use std::cmp::Ordering;
use std::net::SocketAddr;

use glasstcp::control::{SocketStatus, TcpStatus};

/// Which connection it is: numbers may come again, and so may addresses and ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// Its number, as in events.
    pub conn: Option<u32>,
    /// The stack's end.
    pub local: SocketAddr,
    /// The other one.
    pub remote: SocketAddr,
}

impl Key {
    /// That of a socket, if it has another end.
    pub fn of(socket: &SocketStatus) -> Option<Key> {
        Some(Key { conn: socket.conn, local: socket.local, remote: socket.remote? })
    }
}

/// A connection and what has become of it since the look before.
#[derive(Clone, Debug)]
pub struct Row {
    /// Which it is.
    pub key: Key,
    /// How it is.
    pub socket: SocketStatus,
    /// How many bits a second the peer has acknowledged, and how many have come; `None` at the first look.
    pub rates: Option<(f64, f64)>,
    /// What it waits for.
    pub limit: &'static str,
}

impl Row {
    /// Its control block, if it still has one.
    pub fn tcp(&self) -> Option<&TcpStatus> {
        self.socket.tcp.as_deref()
    }

    /// Both directions together, in bits a second.
    pub fn rate(&self) -> f64 {
        self.rates.map_or(0.0, |(out, back)| out + back)
    }
}

/// By what the list is ordered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// How fast it is, the fastest first.
    #[default]
    Rate,
    /// Its state.
    State,
    /// Its number: the youngest first.
    Number,
    /// Its round-trip time, the longest first.
    Rtt,
    /// How often something was sent again, the most first.
    Retransmissions,
    /// What waits in its queues, the most first.
    Queue,
}

impl Sort {
    /// All there are, in the order in which they are gone through.
    pub const ALL: [Sort; 6] =
        [Sort::Rate, Sort::State, Sort::Number, Sort::Rtt, Sort::Retransmissions, Sort::Queue];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Sort::Rate => "rate",
            Sort::State => "state",
            Sort::Number => "number",
            Sort::Rtt => "rtt",
            Sort::Retransmissions => "retransmissions",
            Sort::Queue => "queue",
        }
    }

    /// The next one, or with `back` the one before.
    pub fn next(self, back: bool) -> Sort {
        let at = Sort::ALL.iter().position(|&sort| sort == self).unwrap_or(0);
        let step = if back { Sort::ALL.len() - 1 } else { 1 };
        Sort::ALL[(at + step) % Sort::ALL.len()]
    }

    /// Which of two comes first; of equals the youngest.
    pub fn compare(self, a: &Row, b: &Row) -> Ordering {
        let number = |of: fn(&Row) -> u64| of(b).cmp(&of(a));
        let order = match self {
            Sort::Rate => b.rate().total_cmp(&a.rate()),
            Sort::State => a.socket.state.cmp(&b.socket.state),
            Sort::Number => Ordering::Equal,
            Sort::Rtt => number(|row| row.tcp().and_then(|tcp| tcp.srtt_us).unwrap_or(0)),
            Sort::Retransmissions => number(|row| row.tcp().map_or(0, |tcp| tcp.retransmissions)),
            Sort::Queue => number(|row| row.socket.send_queue + row.socket.receive_queue),
        };
        order.then_with(|| b.key.conn.cmp(&a.key.conn)).then_with(|| a.key.cmp(&b.key))
    }
}

#[cfg(test)]
mod tests;
