//! Ephemeral ports (RFC 6056).

use std::net::SocketAddr;

use crate::tcp::Secrets;

/// The first ephemeral port, as in Linux.
pub const FIRST: u16 = 32_768;
/// The last ephemeral port, as in Linux.
pub const LAST: u16 = 60_999;

const COUNT: u32 = (LAST - FIRST) as u32 + 1;

/// Chooses ports by RFC 6056 3.3.3: a secret offset for each destination, and a counter.
#[derive(Clone, Debug, Default)]
pub struct Ports {
    next: u32,
}

impl Ports {
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
        for _ in 0..COUNT {
            let port = FIRST + (offset.wrapping_add(self.next) % COUNT) as u16;
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
