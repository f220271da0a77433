//! Both ends of a connection in few bytes, for records of which there may be many.

use std::net::{Ipv4Addr, SocketAddr};

use crate::tcp::Endpoints;

/// [`Endpoints`] in 16 bytes where both are of IPv4.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackedEnds(Packed);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Packed {
    /// The local end first.
    V4 {
        addresses: [Ipv4Addr; 2],
        ports: [u16; 2],
    },
    Other(Box<Endpoints>),
}

impl From<Endpoints> for PackedEnds {
    fn from(ends: Endpoints) -> Self {
        PackedEnds(match (ends.local, ends.remote) {
            (SocketAddr::V4(local), SocketAddr::V4(remote)) => Packed::V4 {
                addresses: [*local.ip(), *remote.ip()],
                ports: [local.port(), remote.port()],
            },
            _ => Packed::Other(Box::new(ends)),
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
            Packed::Other(ends) => **ends,
        }
    }
}

#[cfg(test)]
mod tests;
