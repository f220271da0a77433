//! One connection: no table, no device, no clock, no lock.
mod config;
mod info;
pub use config::{Config, Keepalive};
pub use info::Info;
