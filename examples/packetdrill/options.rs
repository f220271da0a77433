//! Socket options by their numbers.

use std::os::fd::RawFd;

use glasstcp::tcp::congestion::Algorithm;
use glasstcp::tcp::{self, FastConnect, Keepalive};
use glasstcp::time::Duration;

use crate::control::TCP_INQ;
use crate::errno::{Errno, Result};
use crate::info::{self, TcpInfo};
use crate::settings;
use crate::socket::Kind;
use crate::world::{Use, World};

/// Not among the constants of the crate libc.
const TCP_CC_INFO: i32 = 26;
const SO_MEMINFO: i32 = 55;
const IP_FREEBIND: i32 = 15;
/// What Linux says of the segment size before there is a connection (RFC 9293 3.7.1).
const DEFAULT_MSS: i32 = 536;
/// The least that buffers may be set to (Linux's SOCK_MIN_RCVBUF and SOCK_MIN_SNDBUF).
const MIN_RECEIVE: u32 = 2304;
const MIN_SEND: u32 = 4608;

/// An `int`, as most options are.
fn number(value: &[u8]) -> Result<i32> {
    let bytes = value.first_chunk().ok_or(Errno::EINVAL)?;
    Ok(i32::from_ne_bytes(*bytes))
}

fn to_bytes(number: impl TryInto<i32>) -> Vec<u8> {
    number.try_into().unwrap_or(i32::MAX).to_ne_bytes().to_vec()
}

fn seconds(duration: Duration) -> Vec<u8> {
    to_bytes(duration.as_secs())
}

/// The name of an algorithm in Linux.
fn algorithm_name(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::NewReno => "reno",
        other => other.name(),
    }
}

/// Linux doubles what a buffer is set to, for what keeping it costs; half of what is asked for in the end is text.
fn doubled(value: i32, least: u32) -> u32 {
    (value.max(0) as u32).saturating_mul(2).max(least)
}

impl World {
    /// The settings of a socket.
    fn config(&mut self, fd: RawFd) -> Result<&tcp::Config> {
        let socket = self.sockets.find(fd)?;
        match socket.kind {
            Kind::Fresh => Ok(&socket.config),
            Kind::Stream(key) => self.stack.tcp_config(key).ok_or(Errno::ENOTCONN),
            Kind::Listener(key) => self.stack.listener_config(key).ok_or(Errno::EINVAL),
            Kind::Epoll(_) => Err(Errno(libc::ENOTSOCK)),
        }
    }

    fn configure(&mut self, fd: RawFd, change: impl FnOnce(&mut tcp::Config)) -> Result<()> {
        let socket = self.sockets.find(fd)?;
        match socket.kind {
            Kind::Fresh => {
                change(&mut socket.config);
                Ok(())
            }
            Kind::Stream(key) => Ok(self.stack.configure(key, change)?),
            Kind::Listener(key) => Ok(self.stack.configure_listener(key, change)?),
            Kind::Epoll(_) => Err(Errno(libc::ENOTSOCK)),
        }
    }

    fn keepalive(&mut self, fd: RawFd, change: impl FnOnce(&mut Keepalive)) -> Result<()> {
        let mut times = self.config(fd)?.keepalive_times;
        change(&mut times);
        self.configure(fd, |config| config.time_keepalive(times))
    }
}

impl Use {
    /// The value of an option.
    pub fn option(&mut self, fd: RawFd, level: i32, name: i32) -> Result<Vec<u8>> {
        match level {
            libc::SOL_SOCKET => self.socket_option(fd, name),
            libc::IPPROTO_TCP => self.tcp_option(fd, name),
            _ => Err(Errno::ENOPROTOOPT),
        }
    }

    fn socket_option(&mut self, fd: RawFd, name: i32) -> Result<Vec<u8>> {
        let world: &mut World = self;
        let socket = world.sockets.find(fd)?;
        let (key, shared) = (socket.key(), socket.shared);
        let zerocopy = socket.zerocopy.is_some();
        let listens = matches!(socket.kind, Kind::Listener(_));
        let config = world.config(fd)?;
        Ok(match name {
            libc::SO_REUSEADDR => to_bytes(shared),
            libc::SO_ZEROCOPY => to_bytes(zerocopy),
            libc::SO_TYPE => to_bytes(libc::SOCK_STREAM),
            libc::SO_DOMAIN => to_bytes(libc::AF_INET),
            libc::SO_PROTOCOL => to_bytes(libc::IPPROTO_TCP),
            libc::SO_ACCEPTCONN => to_bytes(listens),
            libc::SO_KEEPALIVE => to_bytes(config.keepalive.is_some()),
            libc::SO_OOBINLINE => to_bytes(config.oob_inline),
            libc::SO_RCVBUF => to_bytes(config.receive_buffer.saturating_mul(2)),
            libc::SO_SNDBUF => to_bytes(config.send_buffer),
            libc::SO_LINGER => {
                let linger = config.linger;
                [to_bytes(linger.is_some()), seconds(linger.unwrap_or_default())].concat()
            }
            libc::SO_ERROR => {
                let error = key.and_then(|key| world.stack.take_error(key));
                to_bytes(error.map_or(0, |error| Errno::from(error).0))
            }
            SO_MEMINFO => {
                let stack = &world.stack;
                key.and_then(|key| info::memory(stack, key)).unwrap_or_else(|| vec![0; 36])
            }
            _ => return Err(Errno::ENOPROTOOPT),
        })
    }

    fn tcp_option(&mut self, fd: RawFd, name: i32) -> Result<Vec<u8>> {
        let world: &mut World = self;
        let socket = world.sockets.find(fd)?;
        let key = socket.key();
        let listens = matches!(socket.kind, Kind::Listener(_));
        if name == libc::TCP_INFO {
            let info = key.and_then(|key| TcpInfo::of(&world.stack, key));
            return Ok(info.unwrap_or_else(|| TcpInfo::unconnected(listens)).to_bytes());
        }
        if let (libc::TCP_MAXSEG, Some(key)) = (name, key) {
            return Ok(to_bytes(world.stack.info(key).ok_or(Errno::ENOTCONN)?.mss));
        }
        if let (libc::TCP_QUICKACK, Some(key)) = (name, key) {
            return Ok(to_bytes(world.stack.quick_ack(key)?));
        }
        let notsent = socket.notsent;
        match name {
            TCP_INQ => return Ok(to_bytes(socket.tells_unread)),
            libc::TCP_FASTOPEN => return Ok(to_bytes(socket.fast_queue.unwrap_or(0))),
            libc::TCP_FASTOPEN_CONNECT => return Ok(to_bytes(socket.connects_by_write)),
            libc::TCP_FASTOPEN_KEY => return Ok(socket.cookie_keys.clone().unwrap_or_default()),
            _ => {}
        }
        let config = world.config(fd)?;
        let keepalive = config.keepalive_times;
        Ok(match name {
            libc::TCP_NODELAY => to_bytes(config.nodelay),
            libc::TCP_CORK => to_bytes(config.cork),
            libc::TCP_MAXSEG => to_bytes(config.max_segment.map_or(DEFAULT_MSS, i32::from)),
            libc::TCP_KEEPIDLE => seconds(keepalive.idle),
            libc::TCP_KEEPINTVL => seconds(keepalive.interval),
            libc::TCP_KEEPCNT => to_bytes(keepalive.count),
            libc::TCP_SYNCNT => to_bytes(config.syn_retransmission_limit),
            libc::TCP_LINGER2 => seconds(config.fin_wait_2_timeout),
            libc::TCP_DEFER_ACCEPT => seconds(config.defer_accept.unwrap_or_default()),
            libc::TCP_WINDOW_CLAMP => to_bytes(config.window_clamp.unwrap_or(0)),
            libc::TCP_NOTSENT_LOWAT => notsent.to_ne_bytes().to_vec(),
            libc::TCP_USER_TIMEOUT => {
                to_bytes(config.user_timeout.map_or(0, |time| time.as_millis()))
            }
            libc::TCP_QUICKACK => to_bytes(config.quick_ack),
            libc::TCP_FASTOPEN_NO_COOKIE => to_bytes(config.fast_connect == FastConnect::NoCookie),
            libc::TCP_CONGESTION => {
                let mut name = algorithm_name(config.congestion).as_bytes().to_vec();
                name.resize(16, 0);
                name
            }
            // None of the algorithms has anything to tell here.
            TCP_CC_INFO => Vec::new(),
            _ => return Err(Errno::ENOPROTOOPT),
        })
    }

    /// Sets an option.
    pub fn set_option(&mut self, fd: RawFd, level: i32, name: i32, value: &[u8]) -> Result<()> {
        match level {
            libc::SOL_SOCKET => self.set_socket_option(fd, name, value),
            libc::IPPROTO_TCP => self.set_tcp_option(fd, name, value),
            // All networks are the same here, and all packets.
            libc::IPPROTO_IP
                if [libc::IP_TOS, libc::IP_MTU_DISCOVER, IP_FREEBIND].contains(&name) =>
            {
                self.sockets.find(fd).map(|_| ())
            }
            _ => Err(Errno::ENOPROTOOPT),
        }?;
        self.turn(Default::default());
        Ok(())
    }

    fn set_socket_option(&mut self, fd: RawFd, name: i32, value: &[u8]) -> Result<()> {
        let number = number(value)?;
        match name {
            libc::SO_REUSEADDR => {
                self.sockets.find(fd)?.shared = number != 0;
                Ok(())
            }
            // There is one way out of here, and nobody else on it.
            libc::SO_MARK | libc::SO_PRIORITY => Ok(()),
            libc::SO_ZEROCOPY => {
                self.sockets.find(fd)?.zerocopy = (number != 0).then(Default::default);
                Ok(())
            }
            libc::SO_KEEPALIVE => self.configure(fd, |config| config.turn_keepalive(number != 0)),
            libc::SO_OOBINLINE => self.configure(fd, |config| config.oob_inline = number != 0),
            libc::SO_RCVBUF => {
                let bytes = doubled(number, MIN_RECEIVE) / 2;
                self.configure(fd, |config| config.fix_receive_buffer(bytes))
            }
            libc::SO_SNDBUF => {
                self.configure(fd, |config| config.fix_send_buffer(doubled(number, MIN_SEND)))
            }
            libc::SO_LINGER => {
                let time = value.get(4..).ok_or(Errno::EINVAL).and_then(self::number)?;
                let linger = (number != 0).then(|| Duration::from_secs(time.max(0) as u64));
                self.configure(fd, |config| config.linger = linger)
            }
            _ => Err(Errno::ENOPROTOOPT),
        }
    }

    fn set_tcp_option(&mut self, fd: RawFd, name: i32, value: &[u8]) -> Result<()> {
        match name {
            libc::TCP_CONGESTION => return self.set_congestion_control(fd, value),
            libc::TCP_FASTOPEN_KEY => return self.set_cookie_keys(fd, value),
            libc::TCP_FASTOPEN | libc::TCP_FASTOPEN_CONNECT | libc::TCP_FASTOPEN_NO_COOKIE => {
                return self.set_fast_open(fd, name, self::number(value)?);
            }
            _ => {}
        }
        let number = number(value)?;
        let on = number != 0;
        let time = Duration::from_secs(number.max(0) as u64);
        let bounded = |most: i32| match number {
            1.. if number <= most => Ok(number),
            _ => Err(Errno::EINVAL),
        };
        let key = self.sockets.find(fd)?.key();
        match (name, key) {
            (libc::TCP_NODELAY, Some(key)) => Ok(self.stack.set_nodelay(key, on)?),
            (libc::TCP_NODELAY, None) => self.configure(fd, |config| config.nodelay = on),
            (TCP_INQ, _) if (0..=1).contains(&number) => {
                self.sockets.find(fd)?.tells_unread = on;
                Ok(())
            }
            (libc::TCP_CORK, _) => self.configure(fd, |config| config.cork = on),
            (libc::TCP_QUICKACK, Some(key)) => Ok(self.stack.set_quick_ack(key, on)?),
            (libc::TCP_QUICKACK, None) => self.configure(fd, |config| config.quick_ack = on),
            (libc::TCP_MAXSEG, _) => self.set_max_segment(fd, number),
            (libc::TCP_KEEPIDLE, _) => {
                bounded(32_767)?;
                self.keepalive(fd, |times| times.idle = time)
            }
            (libc::TCP_KEEPINTVL, _) => {
                bounded(32_767)?;
                self.keepalive(fd, |times| times.interval = time)
            }
            (libc::TCP_KEEPCNT, _) => {
                let count = bounded(127)? as u8;
                self.keepalive(fd, |times| times.count = count)
            }
            (libc::TCP_SYNCNT, _) => {
                let count = bounded(127)? as u8;
                self.configure(fd, |config| config.syn_retransmission_limit = count)
            }
            (libc::TCP_LINGER2, _) => self.configure(fd, |config| config.fin_wait_2_timeout = time),
            (libc::TCP_DEFER_ACCEPT, _) => {
                self.configure(fd, |config| config.defer_accept = on.then_some(time))
            }
            (libc::TCP_WINDOW_CLAMP, _) => {
                self.configure(fd, |config| config.window_clamp = on.then_some(number as u32))
            }
            (libc::TCP_NOTSENT_LOWAT, _) => {
                let number = number as u32;
                self.sockets.find(fd)?.notsent = number;
                // Nothing means what the system has.
                let low = match number {
                    0 => self.settings.tcp().notsent_low,
                    u32::MAX => None,
                    low => Some(low),
                };
                self.configure(fd, |config| config.notsent_low = low)
            }
            (libc::TCP_USER_TIMEOUT, _) if number < 0 => Err(Errno::EINVAL),
            (libc::TCP_USER_TIMEOUT, _) => {
                let timeout = on.then(|| Duration::from_millis(number as u64));
                self.configure(fd, |config| config.user_timeout = timeout)
            }
            _ => Err(Errno::ENOPROTOOPT),
        }
    }

    fn set_fast_open(&mut self, fd: RawFd, name: i32, value: i32) -> Result<()> {
        let world: &mut World = self;
        let clients = world.settings.fast_clients();
        let socket = world.sockets.find(fd)?;
        let fresh = matches!(socket.kind, Kind::Fresh);
        match name {
            libc::TCP_FASTOPEN if value >= 0 && socket.key().is_none() => {
                socket.fast_queue = Some(value as usize);
                world.apply_settings();
                Ok(())
            }
            libc::TCP_FASTOPEN_CONNECT if !clients => Err(Errno::EOPNOTSUPP),
            libc::TCP_FASTOPEN_CONNECT if fresh && (0..=1).contains(&value) => {
                socket.connects_by_write = value != 0;
                Ok(())
            }
            libc::TCP_FASTOPEN_NO_COOKIE if (0..=1).contains(&value) => {
                let connect = match value {
                    0 => world.settings.tcp().fast_connect,
                    _ => FastConnect::NoCookie,
                };
                world.configure(fd, |config| config.fast_connect = connect)
            }
            _ => Err(Errno::EINVAL),
        }
    }

    fn set_cookie_keys(&mut self, fd: RawFd, value: &[u8]) -> Result<()> {
        let keys = settings::cookie_keys(value).ok_or(Errno::EINVAL)?;
        let world: &mut World = self;
        let socket = world.sockets.find(fd)?;
        socket.cookie_keys = Some(value.to_vec());
        if let Kind::Listener(key) = socket.kind {
            world.stack.set_listener_cookie_keys(key, Some(keys))?;
        }
        Ok(())
    }

    fn set_max_segment(&mut self, fd: RawFd, number: i32) -> Result<()> {
        let bytes = (number != 0).then(|| u16::try_from(number)).transpose();
        let bytes = bytes.map_err(|_| Errno::EINVAL)?;
        let mut fits = false;
        self.configure(fd, |config| fits = config.limit_segments(bytes))?;
        if fits { Ok(()) } else { Err(Errno::EINVAL) }
    }

    fn set_congestion_control(&mut self, fd: RawFd, value: &[u8]) -> Result<()> {
        let name = value.split(|&byte| byte == 0).next().unwrap_or_default();
        let name = str::from_utf8(name).map_err(|_| Errno(libc::ENOENT))?;
        // What Linux calls reno repairs as RFC 6582 does.
        let name = if name == "reno" { "newreno" } else { name };
        let algorithm = name.parse().map_err(|_| Errno(libc::ENOENT))?;
        self.configure(fd, |config| config.congestion = algorithm)
    }
}
