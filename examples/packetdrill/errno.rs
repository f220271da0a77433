//! Why a call failed, as C has it.
#![allow(unsafe_code, reason = "a variable of the C library")]

use std::io;

use glasstcp::stack::SocketError;
use glasstcp::wire::icmp::Report;

/// A value of `errno`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Errno(pub i32);

/// What every call gives.
pub type Result<T> = std::result::Result<T, Errno>;

impl Errno {
    pub const EAGAIN: Errno = Errno(libc::EAGAIN);
    pub const EBADF: Errno = Errno(libc::EBADF);
    pub const EFAULT: Errno = Errno(libc::EFAULT);
    pub const EINVAL: Errno = Errno(libc::EINVAL);
    pub const EINTR: Errno = Errno(libc::EINTR);
    pub const ENOTCONN: Errno = Errno(libc::ENOTCONN);
    pub const EOPNOTSUPP: Errno = Errno(libc::EOPNOTSUPP);
    pub const ENOPROTOOPT: Errno = Errno(libc::ENOPROTOOPT);

    /// Makes it what the calling thread finds in `errno`.
    pub fn set(self) {
        // SAFETY: the pointer is to the calling thread's own variable.
        unsafe { *libc::__errno_location() = self.0 }
    }
}

impl From<io::Error> for Errno {
    fn from(error: io::Error) -> Self {
        Errno(error.raw_os_error().unwrap_or(libc::EIO))
    }
}

impl From<SocketError> for Errno {
    fn from(error: SocketError) -> Self {
        Errno(match error {
            SocketError::AddrInUse => libc::EADDRINUSE,
            SocketError::AddrNotAvailable => libc::EADDRNOTAVAIL,
            SocketError::NoRoute => libc::EHOSTUNREACH,
            SocketError::Refused => libc::ECONNREFUSED,
            SocketError::Reset => libc::ECONNRESET,
            SocketError::Aborted | SocketError::StackGone => libc::ECONNABORTED,
            SocketError::TimedOut => libc::ETIMEDOUT,
            SocketError::Reported(notice) => reported(notice.report),
            SocketError::BrokenPipe => libc::EPIPE,
            SocketError::NotConnected => libc::ENOTCONN,
            SocketError::Exhausted => libc::ENOBUFS,
            SocketError::MessageTooLong => libc::EMSGSIZE,
            SocketError::WouldBlock => libc::EAGAIN,
            SocketError::NoUrgentData => libc::EINVAL,
        })
    }
}

/// What Linux makes of an ICMP error (its table icmp_err_convert).
fn reported(report: Report) -> i32 {
    match report {
        Report::NetworkUnreachable | Report::NetworkUnknown | Report::NetworkProhibited => {
            libc::ENETUNREACH
        }
        Report::ProtocolUnreachable => libc::ENOPROTOOPT,
        Report::PortUnreachable => libc::ECONNREFUSED,
        Report::FragmentationNeeded { .. } => libc::EMSGSIZE,
        Report::HostUnknown => libc::EHOSTDOWN,
        Report::ParameterProblem => libc::EPROTO,
        _ => libc::EHOSTUNREACH,
    }
}
