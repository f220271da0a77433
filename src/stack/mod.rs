//! Many connections over one device.
mod config;
mod error;
mod skeleton;
pub use config::{Address, Config, Limits};
pub use error::SocketError;
pub use skeleton::*;
