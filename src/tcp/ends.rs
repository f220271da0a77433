//! Both ends of a connection in few bytes, for records of which there may be many.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};

use crate::tcp::Endpoints;

/// [`Endpoints`] in 16 bytes where both are of IPv4. They may lie at any multiple of four.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackedEnds(Packed);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Packed {
    /// The local end first.
    V4 {
        addresses: [Ipv4Addr; 2],
        ports: [u16; 2],
    },
    Other(Loose),
}

/// A box that asks for no more than a multiple of four, lest every record with it be made up to one of eight.
#[repr(C, packed(4))]
struct Loose(Box<Endpoints>);

impl Loose {
    fn get(&self) -> Endpoints {
        *self.0
    }
}

impl Clone for Loose {
    fn clone(&self) -> Self {
        Loose(Box::new(self.get()))
    }
}

impl fmt::Debug for Loose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}

impl PartialEq for Loose {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl Eq for Loose {}

impl From<Endpoints> for PackedEnds {
    fn from(ends: Endpoints) -> Self {
        PackedEnds(match (ends.local, ends.remote) {
            (SocketAddr::V4(local), SocketAddr::V4(remote)) => Packed::V4 {
                addresses: [*local.ip(), *remote.ip()],
                ports: [local.port(), remote.port()],
            },
            _ => Packed::Other(Loose(Box::new(ends))),
        })
    }
}

impl PackedEnds {
    /// Both ends.
    pub fn get(&self) -> Endpoints {
        match &self.0 {
            Packed::V4 { addresses: [local, remote], ports } => {
                Endpoints { local: (*local, ports[0]).into(), remote: (*remote, ports[1]).into() }
            }
            Packed::Other(ends) => ends.get(),
        }
    }
}

#[cfg(test)]
mod tests;
