//! Maximum segment sizes (RFC 9293 3.7.1, RFC 6691).

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::tcp::snd::MAX_BURST;
use crate::wire::ip::IPV4_HEADER_LEN;
use crate::wire::tcp::HEADER_LEN;

/// What every network carries (RFC 791 3.2).
const MIN_MTU: u16 = 68;

/// A maximum segment size that is usable by construction: options and some text always fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Mss(u16);

/// Both headers without options, in bytes.
fn headers(address: IpAddr) -> u16 {
    let ip = match address {
        IpAddr::V4(_) => IPV4_HEADER_LEN,
        IpAddr::V6(_) => 40,
    };
    (ip + HEADER_LEN) as u16
}

impl Mss {
    /// What a peer that sends no option can take over IPv4 (RFC 9293 3.7.1 [SHLD-5, MUST-15]).
    pub const DEFAULT: Mss = Mss(536);
    /// The least a peer can ask for: smaller values would let it make us send almost only headers
    /// (CVE-2019-11479); Linux takes the same bound.
    pub const MIN: Mss = Mss(48);

    /// What we can receive over a device with this MTU, of at least 68 bytes (RFC 791 3.2); never
    /// more than fits one burst.
    pub fn of_mtu(mtu: u16, address: IpAddr) -> Mss {
        Mss((mtu.max(MIN_MTU) - headers(address)).min(MAX_BURST as u16))
    }

    /// The packet that a full-sized segment fills.
    pub fn mtu(self, address: IpAddr) -> u16 {
        self.0 + headers(address)
    }

    /// What may be sent to a peer that announced `option`, over a device that itself allows `own`
    /// (RFC 9293 3.7.1 [MUST-16]).
    pub fn negotiated(option: Option<u16>, own: Mss) -> Mss {
        option.map_or(Mss::DEFAULT, Mss).max(Mss::MIN).min(own)
    }

    /// This one, or `bytes` if that is less, but no less than [`Mss::MIN`].
    pub fn at_most(self, bytes: u16) -> Mss {
        self.min(Mss(bytes).max(Mss::MIN))
    }

    /// The size in bytes, options not subtracted.
    pub const fn bytes(self) -> u16 {
        self.0
    }
}

#[cfg(test)]
mod tests;
