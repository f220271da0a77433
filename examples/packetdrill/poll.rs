//! Readiness: poll and epoll.

use std::collections::BTreeMap;
use std::os::fd::RawFd;
use std::task::{Context, Poll, Waker};

use glasstcp::time::Duration;

use crate::errno::{Errno, Result};
use crate::socket::{Kind, Socket};
use crate::world::{Use, World};

/// What an epoll descriptor watches.
#[derive(Default)]
pub struct Epoll {
    watched: BTreeMap<RawFd, Watched>,
}

struct Watched {
    events: u32,
    data: u64,
    /// The number of the news that was reported last.
    before: Option<u32>,
    /// EPOLLONESHOT has had its event.
    spent: bool,
}

/// One event that epoll reports.
pub struct Ready {
    pub events: u32,
    pub data: u64,
}

/// These are reported whether asked for or not.
const ALWAYS: u32 = (libc::EPOLLERR | libc::EPOLLHUP) as u32;
/// What a socket has that neither listens nor connects.
const FRESH: u32 = (libc::EPOLLOUT | libc::EPOLLHUP) as u32;

impl Epoll {
    /// A descriptor was closed.
    pub fn forget(&mut self, fd: RawFd) {
        self.watched.remove(&fd);
    }
}

impl World {
    /// What is ready of a descriptor, in the bits of poll, which are those of epoll; and how often there was news.
    fn readiness(&mut self, fd: RawFd) -> Result<(u32, u32)> {
        let ready = match self.sockets.find(fd)?.kind {
            Kind::Stream(key) => self.stack.readiness(key)?,
            Kind::Listener(key) => self.stack.listener_readiness(key)?,
            Kind::Epoll(_) => return Ok((0, 0)),
            Kind::Fresh => return Ok((FRESH, 0)),
        };
        let (mut bits, mut news) = (u32::from(ready.poll_bits()), ready.news);
        self.complete(fd)?;
        if let Some(zerocopy) = &self.sockets.find(fd)?.zerocopy {
            news += zerocopy.news;
            bits |= if zerocopy.is_ready() { libc::EPOLLERR as u32 } else { 0 };
        }
        Ok((bits, news))
    }

    /// Has the news of a descriptor counted.
    fn watch(&mut self, fd: RawFd) -> Result<()> {
        let cx = &mut Context::from_waker(Waker::noop());
        match self.sockets.find(fd)?.kind {
            Kind::Stream(key) => drop(self.stack.watch(key, cx)?),
            Kind::Listener(key) => drop(self.stack.watch_listener(key, cx)?),
            Kind::Epoll(_) | Kind::Fresh => {}
        }
        Ok(())
    }

    fn poll_once(&mut self, list: &mut [libc::pollfd]) -> usize {
        for one in list.iter_mut() {
            let asked = u32::from(one.events as u16) | ALWAYS;
            one.revents = match self.readiness(one.fd) {
                _ if one.fd < 0 => 0,
                Ok((ready, _)) => (ready & asked) as i16,
                Err(_) => libc::POLLNVAL,
            };
        }
        list.iter().filter(|one| one.revents != 0).count()
    }

    fn epoll_once(&mut self, epfd: RawFd, most: usize) -> Result<Vec<Ready>> {
        let Kind::Epoll(epoll) = &self.sockets.find(epfd)?.kind else {
            return Err(Errno::EINVAL);
        };
        let fds: Vec<RawFd> = epoll.watched.keys().copied().collect();
        let mut found = Vec::new();
        for fd in fds {
            // Who connects or listens after it was added is watched from then on.
            let watched = self.watch(fd).and_then(|()| self.readiness(fd));
            let (ready, news) = watched.unwrap_or_default();
            let Kind::Epoll(epoll) = &mut self.sockets.find(epfd)?.kind else {
                continue;
            };
            let Some(watched) = epoll.watched.get_mut(&fd) else {
                continue;
            };
            if found.len() < most {
                found.extend(watched.report(ready, news));
            }
        }
        Ok(found)
    }
}

impl Watched {
    fn report(&mut self, ready: u32, news: u32) -> Option<Ready> {
        let ready = ready & (self.events | ALWAYS);
        let edge = self.events & libc::EPOLLET as u32 != 0;
        let told = edge && self.before == Some(news);
        if self.spent || ready == 0 || told {
            return None;
        }
        self.before = Some(news);
        self.spent = self.events & libc::EPOLLONESHOT as u32 != 0;
        Some(Ready { events: ready, data: self.data })
    }
}

/// The time-out of a call in milliseconds; negative: none.
fn timeout(millis: i32) -> Option<Duration> {
    u64::try_from(millis).ok().map(Duration::from_millis)
}

impl Use {
    pub fn poll(&mut self, list: &mut [libc::pollfd], millis: i32) -> Result<usize> {
        let deadline = timeout(millis).map(|timeout| self.now() + timeout);
        self.block_and_look(deadline, Ok(0), |world, _| match world.poll_once(list) {
            0 => Poll::Pending,
            count => Poll::Ready(Ok(count)),
        })
    }

    pub fn epoll_create(&mut self, size: i32) -> Result<RawFd> {
        if size <= 0 {
            return Err(Errno::EINVAL);
        }
        let config = self.settings.tcp();
        self.sockets.insert(Socket::new(Kind::Epoll(Epoll::default()), false, config))
    }

    pub fn epoll_ctl(
        &mut self,
        epfd: RawFd,
        op: i32,
        fd: RawFd,
        event: Option<(u32, u64)>,
    ) -> Result<()> {
        if !self.sockets.has(fd) {
            return Err(Errno::EBADF);
        }
        let Kind::Epoll(epoll) = &mut self.sockets.find(epfd)?.kind else {
            return Err(Errno::EINVAL);
        };
        if fd == epfd {
            return Err(Errno::EINVAL);
        }
        let known = epoll.watched.contains_key(&fd);
        match (op, known) {
            (libc::EPOLL_CTL_ADD, true) => return Err(Errno(libc::EEXIST)),
            (libc::EPOLL_CTL_MOD | libc::EPOLL_CTL_DEL, false) => return Err(Errno(libc::ENOENT)),
            (libc::EPOLL_CTL_DEL, true) => {
                epoll.watched.remove(&fd);
            }
            (libc::EPOLL_CTL_ADD | libc::EPOLL_CTL_MOD, _) => {
                let (events, data) = event.ok_or(Errno::EFAULT)?;
                epoll.watched.insert(fd, Watched { events, data, before: None, spent: false });
            }
            _ => return Err(Errno::EINVAL),
        }
        Ok(())
    }

    pub fn epoll_wait(&mut self, epfd: RawFd, most: i32, millis: i32) -> Result<Vec<Ready>> {
        let most = usize::try_from(most).ok().filter(|&most| most > 0).ok_or(Errno::EINVAL)?;
        let deadline = timeout(millis).map(|timeout| self.now() + timeout);
        self.block_and_look(deadline, Ok(Vec::new()), |world, _| {
            match world.epoll_once(epfd, most) {
                Ok(found) if found.is_empty() => Poll::Pending,
                result => Poll::Ready(result),
            }
        })
    }
}
