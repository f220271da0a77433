//! What the options of a SYN said, in few bytes.

use bitflags::bitflags;

use crate::tcp::Config;
use crate::wire::tcp_options::{Options, Timestamps};

/// Those [`Options`] of a SYN that the connection is made from, in eight bytes, for records of which there may be many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SynOptions {
    /// Only what is in `present` has a meaning.
    tsval: u32,
    mss: u16,
    window_scale: u8,
    present: Present,
}

/// Which options there were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Present(u8);

bitflags! {
    impl Present: u8 {
        const MSS = 1;
        const WINDOW_SCALE = 1 << 1;
        const SACK_PERMITTED = 1 << 2;
        const TIMESTAMPS = 1 << 3;
    }
}

impl From<&Options> for SynOptions {
    fn from(options: &Options) -> Self {
        let &Options { mss, window_scale, sack_permitted, timestamps, .. } = options;
        let mut present = Present::empty();
        present.set(Present::MSS, mss.is_some());
        present.set(Present::WINDOW_SCALE, window_scale.is_some());
        present.set(Present::SACK_PERMITTED, sack_permitted);
        present.set(Present::TIMESTAMPS, timestamps.is_some());
        SynOptions {
            tsval: timestamps.map_or(0, |ts| ts.tsval),
            mss: mss.unwrap_or(0),
            window_scale: window_scale.unwrap_or(0),
            present,
        }
    }
}

impl SynOptions {
    /// The largest segment that the peer takes.
    pub fn mss(self) -> Option<u16> {
        self.present.contains(Present::MSS).then_some(self.mss)
    }

    /// The shift of the peer's windows, as the option said it.
    pub fn window_scale(self) -> Option<u8> {
        self.present.contains(Present::WINDOW_SCALE).then_some(self.window_scale)
    }

    /// Whether there may be selective acknowledgments.
    pub fn sack_permitted(self) -> bool {
        self.present.contains(Present::SACK_PERMITTED)
    }

    /// The peer's clock.
    pub fn tsval(self) -> Option<u32> {
        self.present.contains(Present::TIMESTAMPS).then_some(self.tsval)
    }

    /// The peer's clock in a later copy of the SYN, if there are timestamps.
    pub fn set_tsval(&mut self, tsval: u32) {
        self.tsval = tsval;
    }

    /// Takes up only what the settings allow of what the SYN offered.
    pub fn limit(&mut self, config: &Config) {
        let forbidden = |option, allowed| if allowed { Present::empty() } else { option };
        self.present -= forbidden(Present::WINDOW_SCALE, config.window_scaling)
            | forbidden(Present::TIMESTAMPS, config.timestamps);
    }

    /// The options, with no other than these and nothing echoed.
    pub fn get(self) -> Options {
        Options {
            mss: self.mss(),
            window_scale: self.window_scale(),
            sack_permitted: self.sack_permitted(),
            timestamps: self.tsval().map(|tsval| Timestamps { tsval, tsecr: 0 }),
            ..Options::default()
        }
    }
}

#[cfg(test)]
mod tests;
