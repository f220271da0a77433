//! Initial sequence numbers (RFC 6528) and timestamp offsets (RFC 7323 5.4).

use std::hash::{Hash, Hasher};
use std::net::{IpAddr, SocketAddr};

use siphasher::sip::SipHasher24;

use crate::time::Instant;
use crate::wire::SeqNum;

/// A keyed pseudo-random function of the connection, so that one peer cannot guess another's
/// numbers while those of one connection go up with time.
#[derive(Clone, Debug)]
pub struct Secrets {
    key: [u8; 16],
}

impl Secrets {
    /// From sixteen secret bytes.
    pub fn new(key: [u8; 16]) -> Self {
        Secrets { key }
    }

    /// A number of these ends, another one for each purpose.
    pub(super) fn hash(&self, purpose: u32, local: SocketAddr, remote: SocketAddr) -> u64 {
        let mut hasher = SipHasher24::new_with_key(&self.key);
        let ports = u32::from(local.port()) << 16 | u32::from(remote.port());
        hasher.write_u64(u64::from(purpose) << 32 | u64::from(ports));
        match (local.ip(), remote.ip()) {
            (IpAddr::V4(local), IpAddr::V4(remote)) => {
                hasher.write_u64(u64::from(local.to_bits()) << 32 | u64::from(remote.to_bits()));
            }
            addresses => addresses.hash(&mut hasher),
        }
        hasher.finish()
    }

    /// The initial sequence number, and what is added to our millisecond clock in timestamps.
    ///
    /// ISN = M + F(localip, localport, remoteip, remoteport, secret), where M ticks every 4 us
    /// (RFC 6528 3, RFC 9293 3.4.1 [MUST-8, SHLD-1]). One hash has bits enough for both.
    pub fn initial_numbers(
        &self,
        now: Instant,
        local: SocketAddr,
        remote: SocketAddr,
    ) -> (SeqNum, u32) {
        let ticks = (now.as_nanos() / 4_000) as u32;
        let hash = self.hash(0, local, remote);
        (SeqNum::new((hash as u32).wrapping_add(ticks)), (hash >> 32) as u32)
    }

    /// Where the search for an ephemeral port to `remote` starts (RFC 6056 3.3.3).
    pub fn port_offset(&self, local: SocketAddr, remote: SocketAddr) -> u32 {
        self.hash(1, local, remote) as u32
    }
}

#[cfg(test)]
mod tests;
