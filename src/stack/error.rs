//! Why a call of the application failed.

use std::io;

use crate::wire::icmp::Notice;

/// Why a call on a socket failed. `net` turns it into the [`io::Error`] that std would give.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum SocketError {
    /// Another socket has this address.
    #[error("address already in use")]
    AddrInUse,
    /// The address is not one of the stack's own.
    #[error("address is not one of the stack's own")]
    AddrNotAvailable,
    /// No route to the destination, or it is not of a kind one can connect to.
    #[error("no route to host")]
    NoRoute,
    /// The peer answered the SYN with a reset.
    #[error("connection refused")]
    Refused,
    /// The peer reset the connection.
    #[error("connection reset by peer")]
    Reset,
    /// The connection was aborted on this side.
    #[error("connection aborted")]
    Aborted,
    /// The peer did not answer for too long.
    #[error("connection timed out")]
    TimedOut,
    /// The peer was not reached, and the network has said why, by an ICMP error.
    #[error("{0}")]
    Reported(Notice),
    /// The sending half was closed.
    #[error("broken pipe: the sending half is closed")]
    BrokenPipe,
    /// The call would have to wait, and is one that never does.
    #[error("nothing is there yet")]
    WouldBlock,
    /// There is no urgent data that could be read by itself.
    #[error("no urgent data to be read out of line")]
    NoUrgentData,
    /// The socket is closed, or was never connected.
    #[error("socket is not connected")]
    NotConnected,
    /// All ephemeral ports, or all places in a table, are taken.
    #[error("out of ports or table space")]
    Exhausted,
    /// A datagram larger than the device can carry.
    #[error("message too long")]
    MessageTooLong,
    /// The stack has ended.
    #[error("the stack has been shut down")]
    StackGone,
}

impl SocketError {
    /// What the network has reported, where that is why `error` happened.
    pub fn notice_of(error: &io::Error) -> Option<Notice> {
        match error.get_ref()?.downcast_ref()? {
            SocketError::Reported(notice) => Some(*notice),
            _ => None,
        }
    }
}

impl From<SocketError> for io::Error {
    fn from(error: SocketError) -> io::Error {
        let kind = match error {
            SocketError::AddrInUse => io::ErrorKind::AddrInUse,
            SocketError::AddrNotAvailable => io::ErrorKind::AddrNotAvailable,
            SocketError::NoRoute => io::ErrorKind::HostUnreachable,
            SocketError::Reported(notice) => notice.report.error_kind(),
            SocketError::Refused => io::ErrorKind::ConnectionRefused,
            SocketError::Reset => io::ErrorKind::ConnectionReset,
            SocketError::Aborted | SocketError::StackGone => io::ErrorKind::ConnectionAborted,
            SocketError::TimedOut => io::ErrorKind::TimedOut,
            SocketError::BrokenPipe => io::ErrorKind::BrokenPipe,
            SocketError::NotConnected => io::ErrorKind::NotConnected,
            SocketError::Exhausted => io::ErrorKind::ResourceBusy,
            SocketError::WouldBlock => io::ErrorKind::WouldBlock,
            SocketError::MessageTooLong | SocketError::NoUrgentData => io::ErrorKind::InvalidInput,
        };
        io::Error::new(kind, error)
    }
}
