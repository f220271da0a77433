//! Whose habits a connection has, where the RFCs leave a choice and where Linux departs from them.
//!
//! | | `linux` | `rfc` |
//! |---|---|---|
//! | options of a SYN | window scale last | in the order of their kinds |
//! | initial window | 10 segments (RFC 6928 2) | 2 to 4 (RFC 5681 3.1) |
//! | least RTO | 200 ms | 1 s (RFC 6298 2.4) |
//! | variation in the RTO | the largest of a round trip, 200 ms at least | smoothed (RFC 6298 2.3) |
//! | acknowledgments | quick ones, then 40 to 200 ms late | every second segment, or 200 ms late (RFC 9293 3.8.6.3) |
//! | probe of a single segment | after two round trips, 50 ms at least | 200 ms later (RFC 8985 7.2) |
//! | PSH | ends of writes, and of bursts | ends of writes (RFC 9293 3.9.1.2) |
//! | segment without the agreed timestamp | taken | dropped (RFC 7323 3.2) |
//! | SYN is given up after | 127 s | 247 s (RFC 9293 3.8.3 \[MUST-23\]) |
//!
//! Some of it are settings of [`Config`], which [`Config::of`] sets to what a profile has; the rest is asked here.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::tcp::Config;
use crate::time::Duration;
use crate::wire::tcp_options::Order;

/// What a peer may wait before it acknowledges a single segment (RFC 8985 7.2, WCDelAckT), and what RFC 9293 3.8.6.3 lets
/// this stack wait, too.
const ACK_DELAY: Duration = Duration::from_millis(200);

/// Whose habits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Profile {
    /// What Linux does, which is what peers and paths are used to.
    #[default]
    Linux,
    /// What the RFCs of the standards track say, to the letter.
    Rfc,
}

impl Profile {
    /// All there are.
    pub const ALL: [Profile; 2] = [Profile::Linux, Profile::Rfc];

    /// What `--profile` calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Profile::Linux => "linux",
            Profile::Rfc => "rfc",
        }
    }

    /// How the options of a SYN are ordered.
    pub(crate) fn option_order(self) -> Order {
        match self {
            Profile::Linux => Order::Linux,
            Profile::Rfc => Order::ByKind,
        }
    }

    /// What may be sent over a fresh path, in bytes; `mss` is the text of a full-sized segment.
    pub(crate) fn initial_window(self, mss: u32) -> u32 {
        match self {
            Profile::Linux => (10 * mss).min(14_600.max(2 * mss)),
            Profile::Rfc => match mss {
                ..=1095 => 4 * mss,
                1096..=2190 => 3 * mss,
                _ => 2 * mss,
            },
        }
    }

    /// The shortest retransmission time-out.
    pub(crate) const fn least_rto(self) -> Duration {
        match self {
            Profile::Linux => Duration::from_millis(200),
            Profile::Rfc => Duration::from_secs(1),
        }
    }

    /// Whether the last segment of a burst has PSH even if no write ends there.
    pub(crate) fn pushes_bursts(self) -> bool {
        self == Profile::Linux
    }

    /// Whether a segment may lack the timestamp that was agreed on.
    pub(crate) fn takes_unstamped(self) -> bool {
        self == Profile::Linux
    }
}

impl Config {
    /// The settings of a profile; [`Config::default`] are those of Linux's.
    pub fn of(profile: Profile) -> Config {
        let linux = Config::default();
        match profile {
            Profile::Linux => linux,
            Profile::Rfc => Config {
                profile,
                ack_delay: ACK_DELAY,
                ack_delay_max: ACK_DELAY,
                quick_ack: false,
                peer_ack_delay: Some(ACK_DELAY),
                syn_retransmission_limit: 7,
                ..linux
            },
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// No profile has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no profile {0:?}: choose linux or rfc")]
pub struct UnknownProfile(pub String);

impl FromStr for Profile {
    type Err = UnknownProfile;

    fn from_str(name: &str) -> Result<Self, UnknownProfile> {
        Profile::ALL
            .into_iter()
            .find(|profile| profile.name().eq_ignore_ascii_case(name))
            .ok_or_else(|| UnknownProfile(name.to_owned()))
    }
}

#[cfg(test)]
mod tests;
