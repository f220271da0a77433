//! From the addresses of a segment to whom it is for.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::net::{IpAddr, SocketAddr};

use ahash::RandomState;

use crate::tcp::Endpoints;

/// Hashes with a secret key, so that nobody can choose addresses that collide. Who sees neither the
/// hashes nor the time that a look-up takes cannot find the key; the hash of Linux for the same purpose
/// promises no more, and every segment pays for it.
pub type KeyedHash = RandomState;

/// A [`KeyedHash`] with a secret key.
pub fn keyed_hash([a, b, c, d]: [u64; 4]) -> KeyedHash {
    RandomState::with_seeds(a, b, c, d)
}

/// The two ends as a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tuple {
    V4(Words),
    Other(IpAddr, IpAddr, u32),
}

/// Both addresses and both ports, the local ones first: every segment has them made, hashed and compared, and there
/// may be a million of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Words([u32; 3]);

impl From<Endpoints> for Tuple {
    fn from(Endpoints { local, remote }: Endpoints) -> Self {
        let ports = u32::from(local.port()) << 16 | u32::from(remote.port());
        match (local.ip(), remote.ip()) {
            (IpAddr::V4(local), IpAddr::V4(remote)) => {
                Tuple::V4(Words([local.to_bits(), remote.to_bits(), ports]))
            }
            (local, remote) => Tuple::Other(local, remote, ports),
        }
    }
}

impl Hash for Words {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let [local, remote, ports] = self.0;
        state.write_u64(u64::from(local) << 32 | u64::from(remote));
        state.write_u32(ports);
    }
}

/// A map from both ends of a connection, and one from local addresses to listeners.
#[derive(Debug)]
pub struct Demux<C, L> {
    connections: HashMap<Words, C, KeyedHash>,
    /// Those that are not of IPv4.
    others: HashMap<(IpAddr, IpAddr, u32), C, KeyedHash>,
    /// What was found last: segments come in trains.
    last: Option<(Tuple, C)>,
    /// By port, for there are few addresses.
    listeners: HashMap<u16, Vec<(IpAddr, L)>, KeyedHash>,
}

impl<C: Copy, L: Copy> Demux<C, L> {
    /// Empty maps under one key.
    pub fn new(hash: KeyedHash) -> Self {
        Demux {
            connections: HashMap::with_hasher(hash.clone()),
            others: HashMap::with_hasher(hash.clone()),
            last: None,
            listeners: HashMap::with_hasher(hash),
        }
    }

    /// Who has this connection.
    pub fn find(&self, ends: Endpoints) -> Option<C> {
        self.get(ends.into())
    }

    fn get(&self, tuple: Tuple) -> Option<C> {
        match tuple {
            Tuple::V4(words) => self.connections.get(&words),
            Tuple::Other(local, remote, ports) => self.others.get(&(local, remote, ports)),
        }
        .copied()
    }

    /// The same for a segment, after which another is likely to follow.
    pub fn find_for_segment(&mut self, ends: Endpoints) -> Option<C> {
        let tuple = ends.into();
        match self.last {
            Some((last, owner)) if last == tuple => Some(owner),
            _ => {
                let found = self.get(tuple)?;
                self.last = Some((tuple, found));
                Some(found)
            }
        }
    }

    /// How many addresses it knows, of connections and of listeners.
    pub fn address_count(&self) -> usize {
        self.len() + self.listeners.values().map(Vec::len).sum::<usize>()
    }

    /// How many connections somebody has.
    pub fn len(&self) -> usize {
        self.connections.len() + self.others.len()
    }

    /// Gives the connection to `owner`, whoever had it before.
    pub fn insert(&mut self, ends: Endpoints, owner: C) {
        self.last = None;
        match ends.into() {
            Tuple::V4(words) => self.connections.insert(words, owner),
            Tuple::Other(local, remote, ports) => self.others.insert((local, remote, ports), owner),
        };
    }

    /// Nobody has this connection any more.
    pub fn remove(&mut self, ends: Endpoints) {
        self.last = None;
        match ends.into() {
            Tuple::V4(words) => self.connections.remove(&words),
            Tuple::Other(local, remote, ports) => self.others.remove(&(local, remote, ports)),
        };
    }

    /// Who listens for `local`: on exactly that address, or on all.
    pub fn find_listener(&self, local: SocketAddr) -> Option<L> {
        let on_port = self.listeners.get(&local.port())?;
        let on = |ip| on_port.iter().find(|(at, _)| *at == ip).map(|(_, owner)| *owner);
        on(local.ip()).or_else(|| on(unspecified(local.ip())))
    }

    /// Whether `local` is free for a new listener: neither it nor, for its port, all addresses (or,
    /// to listen on all, any of `own`) are taken.
    pub fn can_listen(&self, local: SocketAddr, mut own: impl Iterator<Item = IpAddr>) -> bool {
        let taken = |ip| self.find_listener(SocketAddr::new(ip, local.port())).is_some();
        !(taken(local.ip()) || local.ip().is_unspecified() && own.any(taken))
    }

    /// Makes `owner` the listener on `local`, whoever was it before.
    pub fn insert_listener(&mut self, local: SocketAddr, owner: L) {
        let on_port = self.listeners.entry(local.port()).or_default();
        on_port.retain(|(at, _)| *at != local.ip());
        on_port.push((local.ip(), owner));
    }

    /// Nobody listens on `local` any more.
    pub fn remove_listener(&mut self, local: SocketAddr) {
        if let Some(on_port) = self.listeners.get_mut(&local.port()) {
            on_port.retain(|(at, _)| *at != local.ip());
            if on_port.is_empty() {
                self.listeners.remove(&local.port());
            }
        }
    }
}

/// The address that stands for all of the family of `ip`.
pub fn unspecified(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(_) => std::net::Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => std::net::Ipv6Addr::UNSPECIFIED.into(),
    }
}

#[cfg(test)]
mod tests;
