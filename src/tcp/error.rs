//! How a connection can end other than well.

/// Why a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Error {
    /// The peer answered our SYN with a reset, or with an ICMP error.
    #[error("connection refused")]
    Refused,
    /// The peer reset the connection.
    #[error("connection reset by peer")]
    Reset,
    /// This side aborted it.
    #[error("connection aborted")]
    Aborted,
    /// The peer did not answer for too long.
    #[error("connection timed out")]
    TimedOut,
    /// The network has no way to the peer, it says.
    #[error("host unreachable")]
    HostUnreachable,
    /// The network has no way to the peer's network, it says.
    #[error("network unreachable")]
    NetworkUnreachable,
}
