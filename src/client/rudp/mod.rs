//! Files over UDP: text packets with numbers and checksums, a window, one timer, and answers that say what has
//! arrived. `docs/rudp.md` has the protocol.
//!
//! ```text
//!   file -> Sender -> start|0|.. data|1|.. end|2|.. -> Receiver -> file
//!                  <- ack|3|..  sack|1;2|..         <-
//!     codec     the packets as bytes
//!     sender    one window, one timer        \  know neither sockets nor clocks
//!     receiver  many senders by address      /
//!     trial     the two in virtual time, over a link that is as bad as one likes
//!     drive     the two over a socket
//!     store     files that have their names only when they are whole
//! ```

pub mod codec;
mod drive;
pub mod receiver;
pub mod sender;
mod store;
pub mod trial;

pub use drive::{Arrival, SendError, Sent, receive, send};
pub use store::Target;
