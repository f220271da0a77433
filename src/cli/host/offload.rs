//! What the kernel does with packets and what is left to us, as it is said on the command line.

use clap::ValueEnum;
use glasstcp::device;

/// See [`device::Offload`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Offload {
    #[default]
    Auto,
    On,
    Off,
}

impl From<Offload> for device::Offload {
    fn from(offload: Offload) -> device::Offload {
        match offload {
            Offload::Auto => device::Offload::Auto,
            Offload::On => device::Offload::On,
            Offload::Off => device::Offload::Off,
        }
    }
}

/// See [`device::Checksums`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Checksum {
    #[default]
    Partial,
    Full,
}

impl From<Checksum> for device::Checksums {
    fn from(checksum: Checksum) -> device::Checksums {
        match checksum {
            Checksum::Partial => device::Checksums::Partial,
            Checksum::Full => device::Checksums::Full,
        }
    }
}
