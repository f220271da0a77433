//! What std takes for an address.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};

/// Tries one address after the other, until one will do.
///
/// # Errors
/// That of the last address, or of the search for addresses; `InvalidInput` if there is none.
pub(super) fn try_each<T>(
    addresses: impl ToSocketAddrs,
    mut attempt: impl FnMut(SocketAddr) -> io::Result<T>,
) -> io::Result<T> {
    let mut result = Err(none());
    for address in addresses.to_socket_addrs()? {
        result = attempt(address);
        if result.is_ok() {
            break;
        }
    }
    result
}

/// The first address.
///
/// # Errors
/// As [`try_each`].
pub(super) fn first(addresses: impl ToSocketAddrs) -> io::Result<SocketAddr> {
    addresses.to_socket_addrs()?.next().ok_or_else(none)
}

fn none() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "no address was given, or the name has none")
}
