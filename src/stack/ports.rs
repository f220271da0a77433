//! Ephemeral ports (RFC 6056).

use std::net::SocketAddr;

use crate::stack::Shard;
use crate::tcp::Secrets;

/// The first ephemeral port, as in Linux.
pub const FIRST: u16 = 32_768;
/// The last ephemeral port, as in Linux.
pub const LAST: u16 = 60_999;

/// Chooses ports by RFC 6056 3.3.3: a secret offset for each destination, and a counter.
#[derive(Clone, Debug)]
pub struct Ports {
    next: u32,
    /// The first one to choose from, how far it is to the next, and how many there are.
    first: u16,
    step: u16,
    count: u32,
}

impl Ports {
    /// From all of which [`Shard::index_of_port`] says that they are this one's.
    pub fn new(shard: Shard) -> Self {
        let step = shard.count;
        let first = FIRST + (shard.index + step - shard.index_of_port(FIRST)) % step;
        Ports { next: 0, first, step, count: u32::from((LAST - first) / step) + 1 }
    }

    /// A port for which `is_free` holds, to use between `local` (its port does not matter) and
    /// `remote`; `None` when all are taken.
    pub fn choose(
        &mut self,
        secrets: &Secrets,
        local: SocketAddr,
        remote: SocketAddr,
        is_free: impl Fn(u16) -> bool,
    ) -> Option<u16> {
        let offset = secrets.port_offset(SocketAddr::new(local.ip(), 0), remote);
        for _ in 0..self.count {
            let port =
                self.first + (offset.wrapping_add(self.next) % self.count) as u16 * self.step;
            self.next = self.next.wrapping_add(1);
            if is_free(port) {
                return Some(port);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests;
