//! Which packets are for us, and from which of our addresses to send.

use std::net::{IpAddr, Ipv4Addr};

use crate::event::Refusal;
use crate::stack::Address;

/// The stack's own addresses; everything else is reached through the one device.
#[derive(Clone, Debug)]
pub struct Routes {
    own: Vec<Address>,
}

impl Routes {
    /// With these own addresses.
    pub fn new(own: Vec<Address>) -> Self {
        Routes { own }
    }

    /// The own addresses.
    pub fn own(&self) -> impl Iterator<Item = IpAddr> + '_ {
        self.own.iter().map(|address| address.ip)
    }

    /// Whether `ip` is one of ours.
    pub fn is_own(&self, ip: IpAddr) -> bool {
        self.own().any(|own| own == ip)
    }

    fn is_broadcast(&self, ip: IpAddr) -> bool {
        ip == IpAddr::V4(Ipv4Addr::BROADCAST)
            || ip.is_multicast()
            || self.own.iter().any(|own| own.broadcast() == Some(ip))
    }

    /// Whether `ip` can be the address of one host (RFC 1122 3.2.1.3): not zero, loopback,
    /// broadcast, multicast or reserved.
    fn is_host(&self, ip: IpAddr) -> bool {
        let special = match ip {
            IpAddr::V4(ip) => ip.octets()[0] == 0 || ip.is_loopback() || ip.octets()[0] >= 240,
            IpAddr::V6(ip) => ip.is_unspecified() || ip.is_loopback(),
        };
        !special && !self.is_broadcast(ip)
    }

    /// Refuses packets that are not for us or whose source is impossible.
    pub fn check(&self, src: IpAddr, dst: IpAddr) -> Result<(), Refusal> {
        if !self.is_own(dst) {
            let broadcast = self.is_broadcast(dst);
            return Err(if broadcast { Refusal::IpBroadcast } else { Refusal::IpNotForUs });
        }
        if self.is_own(src) {
            return Err(Refusal::IpLand);
        }
        if !self.is_host(src) {
            return Err(Refusal::IpMartianSource);
        }
        Ok(())
    }

    /// The address to send from to `dst`; `None` when it is not a host that can be reached.
    pub fn source_for(&self, dst: IpAddr) -> Option<IpAddr> {
        if !self.is_host(dst) || self.is_own(dst) {
            return None;
        }
        let near = self.own.iter().find(|own| own.contains(dst));
        let family = |own: &&Address| own.ip.is_ipv4() == dst.is_ipv4();
        near.or_else(|| self.own.iter().find(family)).map(|own| own.ip)
    }
}

#[cfg(test)]
mod tests;
