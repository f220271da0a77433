//! A TCP/IP stack in user space that you can see through.
//!
//! glasstcp answers real packets: its daemon opens a Linux TUN device, and curl, telnet, ping or a
//! browser on the kernel's side talk to it. It keeps its own TCP control blocks, timers and windows,
//! and everything it decides (why a segment was sent, dropped, delayed or retransmitted) is an
//! [`event`] that can be watched. As a library it gives a program sockets that need no kernel
//! sockets beneath: over a TUN device, or over a wire in memory between two stacks.
//!
//! # An echo server in ten lines
//!
//! ```
//! use glasstcp::net::{Net, TcpListener};
//!
//! async fn echo(net: Net) -> std::io::Result<()> {
//!     let listener = TcpListener::bind(&net, ([0, 0, 0, 0], 7)).await?;
//!     loop {
//!         let (mut stream, _peer) = listener.accept().await?;
//!         tokio::spawn(async move {
//!             let (mut read, mut write) = stream.split();
//!             tokio::io::copy(&mut read, &mut write).await
//!         });
//!     }
//! }
//! # use glasstcp::{device, net, runtime, stack};
//! # use std::net::IpAddr;
//! # use tokio::io::{AsyncReadExt, AsyncWriteExt};
//! #
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::io::Result<()> {
//! #     let (one, other) = device::memory::pair(1500);
//! #     let start = |ip: [u8; 4], device| -> std::io::Result<Net> {
//! #         let config = stack::Config::new(IpAddr::from(ip), 24, [ip[3]; 32]);
//! #         let (net, driver) = runtime::start(stack::Stack::new(config), device)?;
//! #         tokio::spawn(driver);
//! #         Ok(net)
//! #     };
//! #     let server = start([10, 9, 0, 2], one)?;
//! #     let client = start([10, 9, 0, 1], other)?;
//! #     tokio::spawn(echo(server));
//! #     tokio::task::yield_now().await;
//! #     let mut stream = net::TcpStream::connect(&client, ([10, 9, 0, 2], 7)).await?;
//! #     stream.write_all(b"hello").await?;
//! #     stream.shutdown().await?;
//! #     let mut echoed = String::new();
//! #     stream.read_to_string(&mut echoed).await?;
//! #     assert_eq!(echoed, "hello");
//! #     Ok(())
//! # }
//! ```
//!
//! The [`net::Net`] comes from joining a stack to a device, and a task that drives the two:
//!
//! ```no_run
//! use glasstcp::device::{self, OpenConfig, link::Cidr};
//! use glasstcp::runtime::{self, FdDevice};
//! use glasstcp::stack::{Config, Stack};
//!
//! # use glasstcp::net::Net;
//! # async fn echo(net: Net) -> std::io::Result<()> { Ok(()) }
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let address = Cidr { address: [10, 9, 0, 1].into(), prefix_len: 24 }; // the kernel's side
//! let ours = [10, 9, 0, 2].into();
//! let config = OpenConfig::new("glass0", address);
//! let (tun, _taken_back_when_dropped) = device::open(&config, &[ours])?;
//!
//! let mut seed = [0; 32];
//! getrandom::fill(&mut seed)?; // sequence numbers and ports nobody can guess
//! let stack = Stack::new(Config::new(ours.into(), 24, seed));
//! let (net, driver) = runtime::start(stack, FdDevice::new(tun)?)?;
//! tokio::spawn(driver);
//! echo(net).await?;
//! # Ok(())
//! # }
//! ```
//!
//! Both are `examples/echo.rs`, ready to run.
//!
//! # The layers
//!
//! A module uses only what stands below it in this picture.
//!
//! ```text
//!     client               what goes to others, over a stack of its own, a running one's, or the kernel
//!     your code, service   anything written for tokio's AsyncRead and AsyncWrite
//!   ----------------------------------------------------------------------------------
//!     sim                  the same in virtual time: hosts, links, a clock that jumps
//!     runtime              the driver: wait, receive a batch, one turn, send a batch
//!     net                  TcpStream, TcpListener, UdpSocket, PingSocket over a shared stack; blocking
//!     observe              events as text and JSON, counters as a table, packets as pcapng
//!     device               TUN, a wire in memory; cutting bursts into packets; impairments of a link
//!     sync                 the locks of all above: std's, or those of a model checker
//!   ------------ no clock, no randomness, no system call below this line ------------
//!     stack                many connections: demux, listeners, ports, timers, ICMP, ping, UDP
//!     tcp                  one connection, as in RFC 9293
//!     context flight event how time comes in; how everything observable goes out, and what is kept of it
//!     wire      time       bytes to values and back; time as a number
//! ```
//!
//! # Where to look
//!
//! | you want to | see |
//! |---|---|
//! | use sockets | [`net`] |
//! | use sockets without an executor, as those of `std::net` | [`blocking`] |
//! | run a stack | [`runtime::start`], or [`blocking::start`] on a thread of its own |
//! | choose addresses, buffers, congestion control and limits | [`stack::Config`] and [`tcp::Config`] |
//! | see what a connection is doing | [`net::InfoHandle`] and [`tcp::Info`] |
//! | see everything | [`event::Event`], [`event::Observer`], [`observe::text`] and [`observe::json`] |
//! | open packets in Wireshark | [`observe::pcapng`] |
//! | offer echo, HTTP and the like | [`service`] |
//! | have a bad link before a device, or between two | [`runtime::Impaired`], [`runtime::Emulator`], [`device::impair`] |
//! | bring a device of your own | [`device::Device`] and [`runtime::AsyncDevice`] |

// What lies above the sockets is left out where only they and what is below are looked at: by loom, and by
// AddressSanitizer, so that less has to be compiled for them.
#[cfg(not(glasstcp_sockets_only))]
pub mod client;
pub mod context;
#[cfg(not(glasstcp_sockets_only))]
pub mod control;
pub mod device;
pub mod event;
pub mod flight;
#[cfg(not(glasstcp_sockets_only))]
pub mod lab;
pub mod net;
pub mod observe;
pub mod runtime;
#[cfg(not(glasstcp_sockets_only))]
pub mod service;
#[cfg(not(glasstcp_sockets_only))]
pub mod sim;
pub mod stack;
mod sync;
pub mod tcp;
pub mod time;
#[cfg(not(glasstcp_sockets_only))]
pub mod web;
pub mod wire;

/// Everything for a program without an executor: the sockets of [`net::blocking`], and
/// [`start`](blocking::start), which drives a stack on a thread of its own.
///
/// See [`net::blocking`] for an example and for what is as in `std::net`.
pub mod blocking {
    #[doc(inline)]
    pub use crate::net::blocking::{
        Incoming, Net, RecvFlags, TcpListener, TcpSocket, TcpStream, UdpSocket,
    };
    #[doc(inline)]
    pub use crate::runtime::{start_thread as start, start_thread_with as start_with};
}
