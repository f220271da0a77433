//! What a stack is told when it is made.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

use crate::stack::{FastAccept, Shard};
use crate::tcp;
use crate::time::Duration;

/// One of the stack's own addresses with the length of its network's prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    /// The address.
    pub ip: IpAddr,
    /// Length of the network prefix, in bits; at most 32 for IPv4.
    pub prefix_len: u8,
}

impl Address {
    /// Whether `ip` lies in the same network.
    pub fn contains(&self, ip: IpAddr) -> bool {
        match (self.ip, ip) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.prefix_len)).unwrap_or(0);
                (own.to_bits() ^ other.to_bits()) & mask == 0
            }
            _ => self.ip == ip,
        }
    }

    /// The directed broadcast address of its network (RFC 1122 3.2.1.3), if it has one.
    pub fn broadcast(&self) -> Option<IpAddr> {
        match self.ip {
            IpAddr::V4(own) if self.prefix_len <= 30 => {
                let host = u32::MAX >> self.prefix_len;
                Some(Ipv4Addr::from_bits(own.to_bits() | host).into())
            }
            _ => None,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.ip, self.prefix_len)
    }
}

/// How much of everything there may be. Reaching a limit is counted and refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections with a control block.
    pub connections: usize,
    /// Records of connections in TIME-WAIT; beyond it a connection is forgotten at once.
    pub time_wait: usize,
    /// Half-open connections of all listeners together.
    pub syn_queue: usize,
    /// Bytes queued on one UDP socket.
    pub udp_queue: usize,
    /// Bytes that the buffers of all TCP connections hold together, with what holding them costs. From two
    /// thirds of it no buffer grows, beyond it what has arrived out of order is dropped, and windows are
    /// small; what fits a window already offered is always taken. 1 GiB.
    pub tcp_memory: usize,
    /// Bytes that the flight recorder may take, which keeps the last [`crate::flight::EVENTS`] events of each connection
    /// that there is a place for; some 8 KiB each when they are many. 0, the default, is none.
    pub flight_memory: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            connections: 1 << 20,
            time_wait: 1 << 18,
            syn_queue: 1 << 16,
            udp_queue: 1 << 20,
            tcp_memory: 1 << 30,
            flight_memory: 0,
        }
    }
}

/// Settings of a whole stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The stack's own addresses; at least one.
    pub addresses: Vec<Address>,
    /// Largest IP packet the device takes, in bytes, 68 to 65,535.
    pub mtu: u16,
    /// Settings for connections that do not choose their own.
    pub tcp: tcp::Config,
    /// How listeners let peers open fast that are not told otherwise; `None`, the default, is not at all.
    pub fast_accept: Option<FastAccept>,
    /// The limits of its tables.
    pub limits: Limits,
    /// Whether SYNs that find no room are answered with cookies, from which a connection can be made when they come back
    /// (RFC 4987 3.6), and not dropped.
    pub syn_cookies: bool,
    /// How long a connection stays in TIME-WAIT (RFC 9293 3.4.2: twice the maximum segment
    /// lifetime; 60 s, as Linux).
    pub time_wait: Duration,
    /// From which everything random is derived; a secret outside of simulations.
    pub seed: [u8; 32],
    /// Which of several stacks with these addresses it is; [`Shard::ALONE`] as a rule.
    pub shard: Shard,
}

impl Config {
    /// A stack with one address in a network of `prefix_len`, everything else at its default.
    pub fn new(ip: IpAddr, prefix_len: u8, seed: [u8; 32]) -> Self {
        Config {
            addresses: vec![Address { ip, prefix_len }],
            mtu: 1500,
            tcp: tcp::Config::default(),
            fast_accept: None,
            limits: Limits::default(),
            syn_cookies: true,
            time_wait: Duration::from_secs(60),
            seed,
            shard: Shard::ALONE,
        }
    }
}
