//! What the calls of sockets mean, but for options and readiness.

use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::RawFd;
use std::task::{Context, Poll};

use bytes::Bytes;
use glasstcp::event::State;
use glasstcp::stack::SocketError;

use crate::address::Places;
use crate::errno::{Errno, Result};
use crate::socket::{Kind, Socket};
use crate::world::{Use, World};

/// What the kernel's calls give where these do not wait, and otherwise what they wait for.
fn or_again<T>(polled: Poll<std::result::Result<T, SocketError>>, waits: bool) -> Poll<Result<T>> {
    match polled {
        Poll::Ready(result) => Poll::Ready(result.map_err(Errno::from)),
        Poll::Pending if waits => Poll::Pending,
        Poll::Pending => Poll::Ready(Err(Errno::EAGAIN)),
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
        let socket = self.sockets.find(fd)?;
        match socket.kind {
            Kind::Fresh if socket.local.is_none() => {
                socket.local = Some(local.ok_or(Errno(libc::EAFNOSUPPORT))?);
                Ok(())
            }
            Kind::Epoll(_) => Err(Errno(libc::ENOTSOCK)),
            _ => Err(Errno::EINVAL),
        }
    }

    pub fn listen(&mut self, fd: RawFd, backlog: i32) -> Result<()> {
        let tcp = self.settings.tcp();
        let world: &mut World = self;
        world.stack.set_tcp_config(tcp);
        let socket = world.sockets.find(fd)?;
        match socket.kind {
            Kind::Fresh => {
                let any = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0);
                let local = socket.local.unwrap_or(any);
                let key = world.stack.listen(local, backlog.max(0) as usize)?;
                socket.kind = Kind::Listener(key);
                Ok(())
            }
            Kind::Listener(_) => Ok(()),
            _ => Err(Errno::EINVAL),
        }
    }

    pub fn accept(&mut self, fd: RawFd) -> Result<(RawFd, SocketAddr)> {
        let socket = self.sockets.find(fd)?;
        let waits = !socket.nonblocking;
        let Kind::Listener(key) = socket.kind else {
            return Err(Errno::EINVAL);
        };
        let (conn, peer) = self.block(None, Err(Errno::EAGAIN), |world, cx| {
            or_again(world.stack.poll_accept(key, cx), waits)
        })?;
        let config = self.settings.tcp();
        let fd = self.sockets.insert(Socket::new(Kind::Stream(conn), false, config))?;
        Ok((fd, peer))
    }

    /// Without an address it dissolves the connection, as AF_UNSPEC does.
    pub fn connect(&mut self, fd: RawFd, remote: Option<SocketAddr>) -> Result<()> {
        let Some(remote) = remote else {
            return self.disconnect(fd);
        };
        let tcp = self.settings.tcp();
        let world: &mut World = self;
        let socket = world.sockets.find(fd)?;
        let waits = !socket.nonblocking;
        let (key, begun) = match socket.kind {
            Kind::Fresh => {
                world.stack.set_tcp_config(tcp);
                let key = world.stack.connect(socket.local, remote, Some(socket.config.clone()))?;
                socket.kind = Kind::Stream(key);
                (key, true)
            }
            Kind::Stream(key) => (key, false),
            Kind::Listener(_) => return Err(Errno(libc::EISCONN)),
            Kind::Epoll(_) => return Err(Errno(libc::ENOTSOCK)),
        };
        if !begun && world.stack.info(key).is_none_or(|info| info.state != State::SynSent) {
            return Err(Errno(libc::EISCONN));
        }
        let late = if begun { libc::EINPROGRESS } else { libc::EALREADY };
        self.block(None, Ok(()), |world, cx| match world.stack.poll_connected(key, cx) {
            Poll::Pending if !waits => Poll::Ready(Err(Errno(late))),
            polled => polled.map_err(Errno::from),
        })
    }

    fn disconnect(&mut self, fd: RawFd) -> Result<()> {
        let tcp = self.settings.tcp();
        let world: &mut World = self;
        let socket = world.sockets.find(fd)?;
        match socket.kind {
            Kind::Stream(key) => {
                world.stack.abort(key);
                world.stack.close(key);
            }
            Kind::Listener(key) => world.stack.close_listener(key),
            Kind::Fresh => {}
            Kind::Epoll(_) => return Err(Errno(libc::ENOTSOCK)),
        }
        *socket =
            Socket { local: socket.local, ..Socket::new(Kind::Fresh, socket.nonblocking, tcp) };
        self.turn(Default::default());
        Ok(())
    }

    /// Bytes come out, as many as wait and fit.
    pub fn receive(&mut self, fd: RawFd, places: Places<'_>, flags: i32) -> Result<usize> {
        let key = self.sockets.stream(fd)?;
        let waits = !self.sockets.find(fd)?.nonblocking && flags & libc::MSG_DONTWAIT == 0;
        let most = places.len();
        let mut taken = Vec::new();
        let take = |world: &mut World, cx: &mut Context<'_>| {
            if flags & libc::MSG_PEEK != 0 || places.is_bad() {
                taken.resize(most, 0);
                return world.stack.poll_peek(key, &mut taken, cx);
            }
            world
                .stack
                .poll_receive_all(key, most, cx, |chunk: Bytes| taken.extend_from_slice(&chunk))
        };
        let mut take = take;
        let count =
            self.block(None, Err(Errno::EAGAIN), |world, cx| or_again(take(world, cx), waits))?;
        places.fill(&taken[..count])
    }

    /// Bytes go in: all of them, unless it must not wait.
    pub fn send(&mut self, fd: RawFd, data: &[u8], flags: i32) -> Result<usize> {
        let key = self.sockets.stream(fd).map_err(|errno| match errno {
            Errno::ENOTCONN => Errno(libc::EPIPE),
            other => other,
        })?;
        let waits = !self.sockets.find(fd)?.nonblocking && flags & libc::MSG_DONTWAIT == 0;
        let mut done = 0;
        self.block(None, Err(Errno::EAGAIN), |world, cx| {
            let result = loop {
                match or_again(world.stack.poll_send(key, &data[done..], cx), waits) {
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

    pub fn close(&mut self, fd: RawFd) -> Result<()> {
        let socket = self.sockets.remove(fd)?;
        match socket.kind {
            Kind::Stream(key) => self.stack.close(key),
            Kind::Listener(key) => self.stack.close_listener(key),
            Kind::Fresh | Kind::Epoll(_) => {}
        }
        self.turn(Default::default());
        Ok(())
    }

    pub fn shutdown(&mut self, fd: RawFd, how: i32) -> Result<()> {
        let key = self.sockets.stream(fd)?;
        match how {
            libc::SHUT_RD => {}
            libc::SHUT_WR | libc::SHUT_RDWR => self.stack.shutdown_write(key)?,
            _ => return Err(Errno::EINVAL),
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

    /// How many bytes wait: SIOCINQ, SIOCOUTQ.
    pub fn ioctl(&mut self, fd: RawFd, request: u64) -> Result<i32> {
        let key = self.sockets.stream(fd)?;
        let info = self.stack.info(key).ok_or(Errno::ENOTCONN)?;
        match request {
            libc::FIONREAD => Ok(info.receive_queue as i32),
            libc::TIOCOUTQ => Ok(info.send_queue as i32),
            _ => Err(Errno::EINVAL),
        }
    }
}
