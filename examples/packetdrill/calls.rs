//! What the calls of sockets mean, but for options and readiness.

use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::RawFd;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use glasstcp::event::State;
use glasstcp::stack::{ConnKey, SocketError};
use glasstcp::tcp::SendFlags;

use crate::address::Places;
use crate::errno::{Errno, Result};
use crate::settings;
use crate::socket::{Kind, Socket, Sockets};
use crate::world::{Use, World};

/// What the kernel's calls give where these do not wait, and otherwise what they wait for.
fn or_again<T>(polled: Poll<std::result::Result<T, SocketError>>, waits: bool) -> Poll<Result<T>> {
    match polled {
        Poll::Ready(result) => Poll::Ready(result.map_err(Errno::from)),
        Poll::Pending if waits => Poll::Pending,
        Poll::Pending => Poll::Ready(Err(Errno::EAGAIN)),
    }
}

/// Why a connection ended is told once, as in the kernel; afterwards calls give `afterwards`.
fn once<T>(
    world: &mut World,
    key: ConnKey,
    polled: Poll<std::result::Result<T, SocketError>>,
    afterwards: std::result::Result<T, SocketError>,
) -> Poll<std::result::Result<T, SocketError>> {
    if !matches!(polled, Poll::Ready(Err(_))) || world.stack.connection_error(key).is_none() {
        return polled;
    }
    Poll::Ready(world.stack.take_error(key).map_or(afterwards, Err))
}

impl World {
    /// A connection that is open is asked to connect: well once, if nobody was told before.
    fn connected(&mut self, fd: RawFd, key: ConnKey) -> Result<()> {
        if let Some(error) = self.stack.take_error(key) {
            return Err(error.into());
        }
        match std::mem::take(&mut self.sockets.find(fd)?.connecting) {
            true => Ok(()),
            false => Err(Errno(libc::EISCONN)),
        }
    }

    /// Where a socket is bound, which it is no longer.
    fn take_bound(&mut self, fd: RawFd) -> Result<Option<SocketAddr>> {
        let bound = self.sockets.find(fd)?.bound.take();
        let local = bound.and_then(|bound| self.stack.bound_addr(bound));
        if let Some(bound) = bound {
            self.stack.unbind(bound);
        }
        Ok(local)
    }
}

impl Use {
    pub fn socket(&mut self, domain: i32, kind: i32, protocol: i32) -> Result<RawFd> {
        if domain != libc::AF_INET {
            return Err(Errno(libc::EAFNOSUPPORT));
        }
        if kind & !(libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC) != libc::SOCK_STREAM
            || ![0, libc::IPPROTO_TCP].contains(&protocol)
        {
            return Err(Errno(libc::EPROTONOSUPPORT));
        }
        let config = self.settings.tcp();
        let socket = Socket::new(Kind::Fresh, kind & libc::SOCK_NONBLOCK != 0, config);
        self.sockets.insert(socket)
    }

    pub fn bind(&mut self, fd: RawFd, local: Option<SocketAddr>) -> Result<()> {
        let world: &mut World = self;
        let socket = world.sockets.find(fd)?;
        match socket.kind {
            Kind::Fresh if socket.bound.is_none() => {
                let local = local.ok_or(Errno(libc::EAFNOSUPPORT))?;
                socket.bound = Some(world.stack.bind(local, socket.shared)?);
                Ok(())
            }
            Kind::Epoll(_) => Err(Errno(libc::ENOTSOCK)),
            _ => Err(Errno::EINVAL),
        }
    }

    pub fn listen(&mut self, fd: RawFd, backlog: i32) -> Result<()> {
        let world: &mut World = self;
        let socket = world.sockets.find(fd)?;
        let backlog = backlog.max(0) as usize;
        let config = Some(socket.config.clone());
        let key = match socket.kind {
            Kind::Fresh => match socket.bound.take() {
                Some(bound) => world.stack.listen_on(bound, backlog, config)?,
                None => {
                    let any = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0);
                    world.stack.listen_with(any, backlog, config)?
                }
            },
            Kind::Listener(_) => return Ok(()),
            _ => return Err(Errno::EINVAL),
        };
        if let Some(keys) = socket.cookie_keys.as_deref().and_then(settings::cookie_keys) {
            world.stack.set_listener_cookie_keys(key, Some(keys))?;
        }
        socket.kind = Kind::Listener(key);
        world.apply_settings();
        Ok(())
    }

    pub fn accept(&mut self, fd: RawFd) -> Result<(RawFd, SocketAddr)> {
        let socket = self.sockets.find(fd)?;
        let waits = !socket.nonblocking;
        let zerocopy = socket.zerocopy.as_ref().map(|_| Default::default());
        let Kind::Listener(key) = socket.kind else {
            return Err(Errno::EINVAL);
        };
        let number = Sockets::number()?;
        let (conn, peer) = self.block(None, Err(Errno::EAGAIN), |world, cx| {
            or_again(world.stack.poll_accept(key, cx), waits)
        })?;
        let config = self.settings.tcp();
        let socket = Socket { zerocopy, ..Socket::new(Kind::Stream(conn), false, config) };
        Ok((self.sockets.insert_as(number, socket), peer))
    }

    /// Without an address it dissolves the connection, as AF_UNSPEC does.
    pub fn connect(&mut self, fd: RawFd, remote: Option<SocketAddr>) -> Result<()> {
        let Some(remote) = remote else {
            return self.disconnect(fd);
        };
        let world: &mut World = self;
        world.apply_settings();
        let socket = world.sockets.find(fd)?;
        let waits = !socket.nonblocking;
        let (key, begun) = match socket.kind {
            Kind::Fresh if socket.connects_by_write => {
                let local = world.take_bound(fd)?;
                let socket = world.sockets.find(fd)?;
                let config = Some(socket.config.clone());
                let (key, deferred) = world.stack.connect_by_write(local, remote, config)?;
                socket.kind = Kind::Stream(key);
                socket.deferred = deferred;
                if deferred {
                    return Ok(());
                }
                (key, true)
            }
            Kind::Fresh => {
                let config = Some(socket.config.clone());
                let key = match socket.bound {
                    Some(bound) => world.stack.connect_from(bound, remote, config)?,
                    None => world.stack.connect(None, remote, config)?,
                };
                socket.bound = None;
                socket.kind = Kind::Stream(key);
                (key, true)
            }
            Kind::Stream(_) if socket.deferred => return Err(Errno(libc::EISCONN)),
            Kind::Stream(key) => (key, false),
            Kind::Listener(_) => return Err(Errno(libc::EISCONN)),
            Kind::Epoll(_) => return Err(Errno(libc::ENOTSOCK)),
        };
        if !begun && world.stack.info(key).is_none_or(|info| info.state != State::SynSent) {
            return world.connected(fd, key);
        }
        let late = if begun { libc::EINPROGRESS } else { libc::EALREADY };
        let result = self.await_open(key, waits, Errno(late));
        self.sockets.find(fd)?.connecting = result.is_err();
        result
    }

    /// Waits until the connection is open, or gives `late` where it must not wait.
    fn await_open(&mut self, key: ConnKey, waits: bool, late: Errno) -> Result<()> {
        self.block(None, Ok(()), |world, cx| match world.stack.poll_connected(key, cx) {
            Poll::Pending if !waits => Poll::Ready(Err(late)),
            Poll::Ready(Err(error)) => {
                world.stack.take_error(key);
                Poll::Ready(Err(error.into()))
            }
            polled => polled.map_err(Errno::from),
        })
    }

    fn disconnect(&mut self, fd: RawFd) -> Result<()> {
        let world: &mut World = self;
        let socket = world.sockets.find(fd)?;
        let config = match socket.kind {
            Kind::Stream(key) => world.stack.disconnect(key)?,
            Kind::Listener(key) => world.stack.disconnect_listener(key)?.1,
            Kind::Fresh => return Ok(()),
            Kind::Epoll(_) => return Err(Errno(libc::ENOTSOCK)),
        };
        *socket = Socket {
            shared: socket.shared,
            ..Socket::new(Kind::Fresh, socket.nonblocking, config)
        };
        self.turn(Default::default());
        Ok(())
    }

    /// Bytes come out, as many as wait and fit.
    pub fn receive(&mut self, fd: RawFd, places: Places<'_>, flags: i32) -> Result<usize> {
        if flags & libc::MSG_ERRQUEUE != 0 {
            return Err(Errno::EAGAIN);
        }
        let key = self.sockets.stream(fd)?;
        let peeks = flags & libc::MSG_PEEK != 0;
        if flags & libc::MSG_OOB != 0 {
            let octet = self.stack.receive_urgent(key, peeks)?;
            return octet.map_or(Ok(0), |octet| places.fill(&[octet]));
        }
        let waits = !self.sockets.find(fd)?.nonblocking && flags & libc::MSG_DONTWAIT == 0;
        let most = places.len();
        if most == 0 {
            return Ok(0);
        }
        let mut taken = Vec::new();
        let mut take = |world: &mut World, cx: &mut Context<'_>| {
            if peeks || (places.is_bad() && flags & libc::MSG_TRUNC == 0) {
                // No more than there is, however much room the caller speaks of.
                let there = world.stack.unread(key).unwrap_or(0).max(1);
                taken.resize(most.min(there as usize), 0);
                return world.stack.poll_peek(key, &mut taken, cx);
            }
            world
                .stack
                .poll_receive_all(key, most, cx, |chunk: Bytes| taken.extend_from_slice(&chunk))
        };
        let count = self.block(None, Err(Errno::EAGAIN), |world, cx| {
            let polled = take(world, cx);
            or_again(once(world, key, polled, Ok(0)), waits)
        })?;
        if flags & libc::MSG_TRUNC != 0 {
            return Ok(count);
        }
        places.fill(&taken[..count])
    }

    /// Bytes go in, the first of them with the SYN (MSG_FASTOPEN).
    pub fn send_fast(
        &mut self,
        fd: RawFd,
        data: &[u8],
        flags: i32,
        remote: Option<SocketAddr>,
    ) -> Result<usize> {
        if !self.settings.fast_clients() {
            return Err(Errno::EOPNOTSUPP);
        }
        let world: &mut World = self;
        world.apply_settings();
        let socket = world.sockets.find(fd)?;
        let waits = !socket.nonblocking && flags & libc::MSG_DONTWAIT == 0;
        match socket.kind {
            Kind::Fresh => {}
            // The first write of a connection that has waited for it.
            Kind::Stream(_) if socket.deferred => return self.send(fd, data, flags),
            Kind::Stream(key) => {
                let state = world.stack.info(key).map(|info| info.state);
                if state == Some(State::SynSent) {
                    return Err(Errno(libc::EALREADY));
                }
                world.connected(fd, key)?;
                return self.send(fd, data, flags);
            }
            _ => return Err(Errno::EINVAL),
        }
        let remote = remote.ok_or(Errno::EOPNOTSUPP)?;
        let local = world.take_bound(fd)?;
        let socket = world.sockets.find(fd)?;
        let config = Some(socket.config.clone());
        let (key, taken) = world.stack.connect_fast(local, remote, config, data)?;
        socket.kind = Kind::Stream(key);
        socket.connecting = !waits;
        self.turn(Default::default());
        if !waits {
            return if taken > 0 { Ok(taken) } else { Err(Errno(libc::EINPROGRESS)) };
        }
        if taken < data.len() {
            // It waits for the connection, too, and what it writes then goes with the acknowledgment of the SYN.
            return Ok(taken + self.send(fd, &data[taken..], flags)?);
        }
        self.await_open(key, waits, Errno::EAGAIN)?;
        Ok(taken)
    }

    /// Bytes go in: all of them, unless it must not wait.
    pub fn send(&mut self, fd: RawFd, data: &[u8], flags: i32) -> Result<usize> {
        let key = self.sockets.stream(fd).map_err(|errno| match errno {
            Errno::ENOTCONN => Errno(libc::EPIPE),
            other => other,
        })?;
        let socket = self.sockets.find(fd)?;
        let waits = !socket.nonblocking && flags & libc::MSG_DONTWAIT == 0;
        let deferred = std::mem::take(&mut socket.deferred);
        socket.connecting |= deferred && !waits;
        let send =
            SendFlags { more: flags & libc::MSG_MORE != 0, urgent: flags & libc::MSG_OOB != 0 };
        let mut done = 0;
        if deferred {
            done = self.send_first(key, data, send)?;
            if !waits {
                return if done > 0 { Ok(done) } else { Err(Errno(libc::EINPROGRESS)) };
            }
            self.await_open(key, waits, Errno::EAGAIN)?;
            if done == data.len() {
                return Ok(done);
            }
        }
        self.block(None, Err(Errno::EAGAIN), |world, cx| {
            // Nothing is written before the connection is open.
            let opening = world.stack.info(key).is_some_and(|info| info.state == State::SynSent);
            if opening && world.stack.poll_connected(key, cx).is_pending() {
                return or_again(Poll::Pending, waits);
            }
            let result = loop {
                let polled = world.stack.poll_send_with(key, &data[done..], send, cx);
                let polled = once(world, key, polled, Err(SocketError::BrokenPipe));
                match or_again(polled, waits) {
                    Poll::Ready(Ok(count)) => done += count,
                    Poll::Ready(Err(errno)) => break Err(errno),
                    Poll::Pending => return Poll::Pending,
                }
                if done == data.len() {
                    break Ok(done);
                }
            };
            Poll::Ready(if done > 0 { Ok(done) } else { result })
        })
    }

    /// The first write of a connection that has waited for it, which takes what goes with the SYN.
    fn send_first(&mut self, key: ConnKey, data: &[u8], send: SendFlags) -> Result<usize> {
        let cx = &mut Context::from_waker(Waker::noop());
        let polled = self.stack.poll_send_with(key, data, send, cx);
        self.turn(Default::default());
        match polled {
            Poll::Ready(result) => result.map_err(Errno::from),
            Poll::Pending => Ok(0),
        }
    }

    pub fn close(&mut self, fd: RawFd) -> Result<()> {
        let socket = self.sockets.remove(fd)?;
        match socket.kind {
            Kind::Stream(key) => {
                self.linger(key);
                self.stack.close(key);
            }
            Kind::Listener(key) => self.stack.close_listener(key),
            Kind::Fresh | Kind::Epoll(_) => {}
        }
        if let Some(bound) = socket.bound {
            self.stack.unbind(bound);
        }
        self.turn(Default::default());
        Ok(())
    }

    /// Waits as long as SO_LINGER asks for.
    fn linger(&mut self, key: ConnKey) {
        let linger = self.stack.tcp_config(key).and_then(|config| config.linger);
        let Some(linger) = linger.filter(|linger| !linger.is_zero()) else {
            return;
        };
        if self.stack.shutdown_write(key).is_ok() {
            let deadline = self.now() + linger;
            // However it ends, the connection is closed next.
            let _ = self.block(Some(deadline), Ok(()), |world, cx| {
                world.stack.poll_finished(key, cx).map_err(Errno::from)
            });
        }
    }

    pub fn shutdown(&mut self, fd: RawFd, how: i32) -> Result<()> {
        let key = self.sockets.stream(fd)?;
        let (read, write) = match how {
            libc::SHUT_RD => (true, false),
            libc::SHUT_WR => (false, true),
            libc::SHUT_RDWR => (true, true),
            _ => return Err(Errno::EINVAL),
        };
        if self.stack.info(key).is_none_or(|info| info.state == State::Closed) {
            return Err(Errno::ENOTCONN);
        }
        if read {
            self.stack.shutdown_read(key)?;
        }
        if write {
            self.stack.shutdown_write(key)?;
        }
        self.turn(Default::default());
        Ok(())
    }

    /// F_GETFL and F_SETFL.
    pub fn fcntl(&mut self, fd: RawFd, command: i32, argument: i32) -> Result<i32> {
        let socket = self.sockets.find(fd)?;
        match command {
            libc::F_GETFL => {
                Ok(libc::O_RDWR | if socket.nonblocking { libc::O_NONBLOCK } else { 0 })
            }
            libc::F_SETFL => {
                socket.nonblocking = argument & libc::O_NONBLOCK != 0;
                Ok(0)
            }
            _ => Err(Errno::EINVAL),
        }
    }

    /// How many bytes wait, and where urgent data is: SIOCINQ, SIOCOUTQ, SIOCOUTQNSD, SIOCATMARK.
    pub fn ioctl(&mut self, fd: RawFd, request: u64) -> Result<i32> {
        const SIOCOUTQNSD: u64 = 0x894b;
        const SIOCATMARK: u64 = 0x8905;
        let key = match self.sockets.find(fd)?.kind {
            Kind::Stream(key) => key,
            Kind::Listener(_) => return Err(Errno::EINVAL),
            Kind::Fresh => return Ok(0),
            Kind::Epoll(_) => return Err(Errno(libc::ENOTTY)),
        };
        match request {
            libc::FIONREAD => Ok(self.stack.unread(key)? as i32),
            libc::TIOCOUTQ => Ok(self.stack.unacknowledged(key)? as i32),
            SIOCOUTQNSD => Ok(self.stack.unsent(key)? as i32),
            SIOCATMARK => Ok(self.stack.at_mark(key)?.into()),
            _ => Err(Errno::EINVAL),
        }
    }
}
