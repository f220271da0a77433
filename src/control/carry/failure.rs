//! An error on its way from one program to another.

use std::io;

use serde::{Deserialize, Serialize};

use crate::service::text::harmless_line;
use crate::stack::SocketError;
use crate::wire::icmp::Notice;

/// Why something failed: an [`io::Error`] on its way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Which of [`KINDS`]; others are lost.
    kind: String,
    /// In words.
    reason: String,
    /// What the network has reported, where that is why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    notice: Option<Notice>,
}

/// What a stack's sockets fail with, by name.
pub(super) const KINDS: [(io::ErrorKind, &str); 11] = [
    (io::ErrorKind::ConnectionRefused, "connection-refused"),
    (io::ErrorKind::ConnectionReset, "connection-reset"),
    (io::ErrorKind::ConnectionAborted, "connection-aborted"),
    (io::ErrorKind::TimedOut, "timed-out"),
    (io::ErrorKind::HostUnreachable, "host-unreachable"),
    (io::ErrorKind::NetworkUnreachable, "network-unreachable"),
    (io::ErrorKind::AddrInUse, "address-in-use"),
    (io::ErrorKind::AddrNotAvailable, "address-not-available"),
    (io::ErrorKind::ResourceBusy, "resource-busy"),
    (io::ErrorKind::InvalidInput, "invalid-input"),
    (io::ErrorKind::BrokenPipe, "broken-pipe"),
];

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        let known = KINDS.iter().find(|(kind, _)| *kind == error.kind());
        let kind = known.map_or("other", |(_, name)| name).to_owned();
        Failure { kind, reason: error.to_string(), notice: SocketError::notice_of(&error) }
    }
}

impl From<Failure> for io::Error {
    fn from(Failure { kind, reason, notice }: Failure) -> io::Error {
        if let Some(notice) = notice {
            return SocketError::Reported(notice).into();
        }
        let known = KINDS.iter().find(|(_, name)| *name == kind);
        io::Error::new(
            known.map_or(io::ErrorKind::Other, |(kind, _)| *kind),
            harmless_line(&reason),
        )
    }
}
