//! Clients: what goes to others over a stack, a running daemon's or the kernel.
//!
//! ```text
//!   nc, get, ping, ...  ->  Sockets -> Stack   this program's own stack
//!                                   -> Daemon  that of a running glasstcp, through its control socket
//!                                   -> Kernel  the kernel's, to compare with
//! ```

mod datagrams;
pub mod dial;
pub mod dns;
pub mod http;
pub mod iperf;
pub mod rudp;
mod sockets;
pub mod tasks;
pub mod temporary;

pub use datagrams::DatagramSocket;
pub use sockets::{Acknowledged, Buffer, Connection, Duplex, Listening, Sockets};

#[cfg(test)]
mod tests;
