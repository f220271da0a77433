//! The algorithms by name.

use std::fmt;
use std::str::FromStr;

/// A congestion control algorithm by its name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// Slow start again after each loss (Jacobson 1988, before there was fast recovery).
    Tahoe,
    /// Fast recovery that repairs one loss a window (RFC 5681 3.2).
    Reno,
    /// Fast recovery that repairs every loss of a window (RFC 6582).
    NewReno,
    /// Growth by the time since the last loss, the same at short and at long round trips (RFC 9438).
    #[default]
    Cubic,
    /// A model of the path instead of losses (BBR version 3, draft-ietf-ccwg-bbr).
    Bbr,
}

impl Algorithm {
    /// All of them, in the order in which they were invented.
    pub const ALL: [Algorithm; 5] =
        [Algorithm::Tahoe, Algorithm::Reno, Algorithm::NewReno, Algorithm::Cubic, Algorithm::Bbr];

    /// What `--cc` calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Algorithm::Tahoe => "tahoe",
            Algorithm::Reno => "reno",
            Algorithm::NewReno => "newreno",
            Algorithm::Cubic => "cubic",
            Algorithm::Bbr => "bbr",
        }
    }

    /// The names of all, for messages.
    pub fn names() -> String {
        Algorithm::ALL.map(Algorithm::name).join(", ")
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// No algorithm has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "there is no congestion control {0:?}: choose one of {names}",
    names = Algorithm::names()
)]
pub struct UnknownAlgorithm(pub String);

impl FromStr for Algorithm {
    type Err = UnknownAlgorithm;

    fn from_str(name: &str) -> Result<Self, UnknownAlgorithm> {
        Algorithm::ALL
            .into_iter()
            .find(|algorithm| algorithm.name().eq_ignore_ascii_case(name))
            .ok_or_else(|| UnknownAlgorithm(name.to_owned()))
    }
}

#[cfg(test)]
mod tests;
