//! Sockets for threads that wait, in the manner of `std::net`.
//!
//! The names, the meaning and the kinds of errors are those of [`std::net`] on Linux; in addition
//! every call that makes a socket takes the [`Net`] it lives on. The stack beneath is the same as
//! that of the asynchronous [`net`](crate::net), and one stack serves both at once.
//!
//! ```
//! use glasstcp::blocking::{self, TcpListener, TcpStream};
//! use glasstcp::{device::memory, stack::{Config, Stack}};
//! use std::io::{self, Read, Write};
//! use std::thread;
//!
//! # fn main() -> io::Result<()> {
//! // Two stacks joined by a wire in memory; each is driven by a thread of its own.
//! let (one, other) = memory::pair(1500);
//! let config = |last| Config::new([10, 9, 0, last].into(), 24, [last; 32]);
//! let (server, _) = blocking::start(Stack::new(config(2)), one)?;
//! let (client, _) = blocking::start(Stack::new(config(1)), other)?;
//!
//! let listener = TcpListener::bind(&server, "10.9.0.2:7")?;
//! thread::spawn(move || {
//!     for stream in listener.incoming() {
//!         let mut stream = stream?;
//!         thread::spawn(move || io::copy(&mut stream.try_clone()?, &mut stream));
//!     }
//!     io::Result::Ok(())
//! });
//!
//! let mut stream = TcpStream::connect(&client, "10.9.0.2:7")?;
//! stream.write_all(b"hello")?;
//! let mut echoed = [0; 5];
//! stream.read_exact(&mut echoed)?;
//! assert_eq!(&echoed, b"hello");
//! # Ok(())
//! # }
//! ```
//!
//! # What is as in std, and what is not
//!
//! * [`try_clone`](TcpStream::try_clone) gives a second handle to the same socket. Settings belong to
//!   the socket and hold for all its handles; several threads may do the same at once on one socket;
//!   the socket is closed when its last handle is dropped.
//! * A call that has waited for as long as its time-out allows fails with `WouldBlock`, as on Linux;
//!   only [`connect_timeout`](TcpStream::connect_timeout) says `TimedOut`.
//! * Names are looked up by the system's resolver, over the system's network. Addresses need none.
//! * When the stack has ended, all calls fail with `ConnectionAborted`, those that wait as well. An
//!   error of a connection is told by every call, not only by the first.
//! * There is no `set_ttl`, no broadcast and no multicast.
//!
//! These calls hold up the thread that makes them. On a thread that runs tasks of an executor use
//! [`net`](crate::net) instead; on the thread that drives the stack they would wait for ever.

mod addresses;
mod gate;
mod tcp_calls;
mod tcp_listener;
mod tcp_socket;
mod tcp_stream;
mod udp_socket;

pub use crate::net::Net;
pub use tcp_calls::RecvFlags;
pub use tcp_listener::{Incoming, TcpListener};
pub use tcp_socket::TcpSocket;
pub use tcp_stream::TcpStream;
pub use udp_socket::UdpSocket;

#[cfg(test)]
mod tests;
