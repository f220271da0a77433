//! The table of sockets. Each has a real descriptor with nothing in it, so that its number is its own.

use std::collections::BTreeMap;
use std::os::fd::{IntoRawFd, OwnedFd, RawFd};

use glasstcp::stack::{BoundKey, ConnKey, ListenerKey};
use glasstcp::tcp;
use nix::sys::memfd::{MFdFlags, memfd_create};

use crate::control::Zerocopy;
use crate::errno::{Errno, Result};
use crate::poll::Epoll;

/// What a descriptor stands for.
pub enum Kind {
    /// A socket that neither listens nor connects yet.
    Fresh,
    Listener(ListenerKey),
    Stream(ConnKey),
    Epoll(Epoll),
}

/// A descriptor's entry.
pub struct Socket {
    pub kind: Kind,
    pub nonblocking: bool,
    /// What it is bound to, while it is fresh.
    pub bound: Option<BoundKey>,
    /// Others may be bound to it, too (SO_REUSEADDR).
    pub shared: bool,
    /// Most connections waiting that a listener lets be opened fast, once TCP_FASTOPEN has said it.
    pub fast_queue: Option<usize>,
    /// A listener's own keys for cookies (TCP_FASTOPEN_KEY).
    pub cookie_keys: Option<Vec<u8>>,
    /// Connecting waits for the first write (TCP_FASTOPEN_CONNECT).
    pub connects_by_write: bool,
    /// It has connected so, and nothing was written yet.
    pub deferred: bool,
    /// It was told that it is connecting, and not yet that it is connected.
    pub connecting: bool,
    /// Reads tell how much more waits (TCP_INQ).
    pub tells_unread: bool,
    /// Completions of writes with MSG_ZEROCOPY, where they were asked for (SO_ZEROCOPY).
    pub zerocopy: Option<Zerocopy>,
    /// What TCP_NOTSENT_LOWAT was set to, of which 0 means what the system has.
    pub notsent: u32,
    /// What a fresh socket's connection or listener will begin with.
    pub config: tcp::Config,
}

impl Socket {
    /// One that has nothing yet.
    pub fn new(kind: Kind, nonblocking: bool, config: tcp::Config) -> Socket {
        Socket {
            kind,
            nonblocking,
            bound: None,
            shared: false,
            fast_queue: None,
            cookie_keys: None,
            connects_by_write: false,
            deferred: false,
            connecting: false,
            tells_unread: false,
            zerocopy: None,
            notsent: 0,
            config,
        }
    }
}

impl Socket {
    /// Its connection, if it has one.
    pub fn key(&self) -> Option<ConnKey> {
        match self.kind {
            Kind::Stream(key) => Some(key),
            _ => None,
        }
    }
}

/// All of them, by their numbers.
#[derive(Default)]
pub struct Sockets(BTreeMap<RawFd, Socket>);

impl Drop for Sockets {
    fn drop(&mut self) {
        for &fd in self.0.keys() {
            // At the end nobody is left to be told.
            let _ = nix::unistd::close(fd);
        }
    }
}

impl Sockets {
    /// A number for another one.
    pub fn number() -> Result<OwnedFd> {
        memfd_create("glasstcp", MFdFlags::MFD_CLOEXEC).map_err(|errno| Errno(errno as i32))
    }

    /// Gives it a number.
    pub fn insert(&mut self, socket: Socket) -> Result<RawFd> {
        Ok(self.insert_as(Self::number()?, socket))
    }

    /// Gives it this number.
    pub fn insert_as(&mut self, number: OwnedFd, socket: Socket) -> RawFd {
        let fd = number.into_raw_fd();
        self.0.insert(fd, socket);
        fd
    }

    /// Every listener, with what its socket says of fast open.
    pub fn listeners(&self) -> impl Iterator<Item = (ListenerKey, Option<usize>)> + '_ {
        self.0.values().filter_map(|socket| match socket.kind {
            Kind::Listener(key) => Some((key, socket.fast_queue)),
            _ => None,
        })
    }

    /// The socket of this number.
    pub fn find(&mut self, fd: RawFd) -> Result<&mut Socket> {
        self.0.get_mut(&fd).ok_or(Errno::EBADF)
    }

    /// Whether the number is one of ours.
    pub fn has(&self, fd: RawFd) -> bool {
        self.0.contains_key(&fd)
    }

    /// Frees the number.
    pub fn remove(&mut self, fd: RawFd) -> Result<Socket> {
        let socket = self.0.remove(&fd).ok_or(Errno::EBADF)?;
        for other in self.0.values_mut() {
            if let Kind::Epoll(epoll) = &mut other.kind {
                epoll.forget(fd);
            }
        }
        nix::unistd::close(fd).map_err(|errno| Errno(errno as i32))?;
        Ok(socket)
    }

    /// The connection of this number.
    pub fn stream(&mut self, fd: RawFd) -> Result<ConnKey> {
        match self.find(fd)?.kind {
            Kind::Stream(key) => Ok(key),
            Kind::Epoll(_) => Err(Errno(libc::ENOTSOCK)),
            Kind::Fresh | Kind::Listener(_) => Err(Errno::ENOTCONN),
        }
    }
}
