//! Window scaling (RFC 7323 2).

use serde::{Deserialize, Serialize};

/// A shift of at most 14, by construction (RFC 7323 2.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "u8")]
pub struct WindowScale(u8);

impl WindowScale {
    /// No scaling.
    pub const NONE: WindowScale = WindowScale(0);
    /// The largest shift: windows are below 2^30.
    pub const MAX: WindowScale = WindowScale(14);

    /// What a peer announced; a larger shift is taken as 14 (RFC 7323 2.3).
    pub fn announced(shift: u8) -> Self {
        WindowScale(shift).min(WindowScale::MAX)
    }

    /// The smallest with which a window of `capacity` bytes can be told.
    pub fn for_buffer(capacity: u32) -> Self {
        let fits = |shift: &u8| capacity >> shift <= u16::MAX.into();
        (0..14).find(fits).map_or(WindowScale::MAX, WindowScale)
    }

    /// The shift as it stands in an option.
    pub const fn shift(self) -> u8 {
        self.0
    }

    /// The window that a header field means, in bytes.
    pub const fn expand(self, field: u16) -> u32 {
        (field as u32) << self.0
    }

    /// The header field for a window in bytes: rounded down, so that no more is offered than there
    /// is (RFC 7323 2.4 has the sender live with the rounding).
    pub fn field(self, window: u32) -> u16 {
        u16::try_from(window >> self.0).unwrap_or(u16::MAX)
    }
}

impl From<u8> for WindowScale {
    fn from(shift: u8) -> Self {
        WindowScale::announced(shift)
    }
}

#[cfg(test)]
mod tests;
