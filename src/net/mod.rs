//! What applications hold: connections, listeners, UDP sockets and ping sockets in the manner of `tokio::net`.
//!
//! The names and the meaning are those of `tokio::net` wherever there is one; in addition every
//! call that makes a socket takes the [`Net`] it lives on, and data can be read and written as
//! chunks without a copy, or read where it lies (`AsyncBufRead`). All handles are `Send` and `Sync` and work from any thread and any
//! executor. For threads that wait there is the same in the manner of `std::net`, in [`blocking`].
//!
//! ```text
//!   TcpStream  TcpListener  UdpSocket  PingSocket      any task, any thread
//!        \         |          /          /
//!         Net: one lock, the stack in it   wakes the driver, if it sleeps and has work now (of each shard)
//!                  |
//!         runtime::Driver                  wakes tasks, after it has let go of the lock
//! ```
//!
//! # Why no wake-up is lost, and no lock is held too long
//!
//! * *A task waits for the stack.* The stack looks whether a call can be answered, and stores the
//!   waker if not, within one critical section. The driver changes what the answer depends on, and
//!   takes the waker out, in another. Whichever comes first, the task sees the change or is woken.
//! * *The driver waits for a task.* It looks for output and for its next deadline, and notes that it
//!   sleeps, within one critical section. A call that made output, or moved the deadline forward,
//!   looks at that note within its own. Again one of the two sees the other.
//! * *A driver has a packet for another.* It lets go of its own lock first, puts the packet where it waits, and then looks at
//!   the other's note; that one looks at what waits before it makes the note.
//! * *One lock.* No call holds another lock while it takes this one, and what is taken under it (that of what waits, an
//!   observer's) is held for a moment. An observer may wake a task of tokio's, which runs nothing there and then. Wakers are called after it is released, for they may run anything, and so they are
//!   dropped: with the last waker of a task goes the task, and sockets that it owns take the lock.
//! * *A panic under the lock* (a bug in the stack) leaves a stack that nobody may trust. The lock is
//!   then not treated as poisoned for ever: the stack counts as ended, the driver is woken and ends
//!   with an error, and every later call fails with one, without touching the stack.
//!
//! `runtime/tests/model.rs` has all this checked by loom, on this code and the driver's, and
//! `tests/stress` by many threads.

pub mod blocking;
mod delegate;
mod flight;
mod held;
mod listing;
mod opening;
mod ping_socket;
mod settings;
mod shards;
mod shared;
mod strays;
mod tcp_calls;
mod tcp_listener;
mod tcp_socket;
mod tcp_split;
mod tcp_stream;
mod udp_socket;
mod watchers;

#[doc(hidden)]
pub use shared::DriverSide;
pub(crate) use shared::End;

pub use listing::Listing;
pub use opening::Opening;
pub use ping_socket::PingSocket;
pub use shared::Net;
pub use tcp_listener::TcpListener;
pub use tcp_socket::TcpSocket;
pub use tcp_split::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, ReuniteError, WriteHalf};
pub use tcp_stream::{InfoHandle, TcpStream};
pub use udp_socket::UdpSocket;
pub use watchers::{Watchers, Watching};

#[cfg(test)]
mod tests;
