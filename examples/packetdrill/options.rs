//! Socket options by their numbers.

use std::os::fd::RawFd;

use crate::errno::{Errno, Result};
use crate::info::{self, TcpInfo};
use crate::socket::Kind;
use crate::world::{Use, World};

/// Not among the constants of the crate libc.
const TCP_CC_INFO: i32 = 26;
const SO_MEMINFO: i32 = 55;

/// An `int`, as most options are.
fn number(value: &[u8]) -> Result<i32> {
    let bytes = value.first_chunk().ok_or(Errno::EINVAL)?;
    Ok(i32::from_ne_bytes(*bytes))
}

fn to_bytes(number: i32) -> Vec<u8> {
    number.to_ne_bytes().to_vec()
}

impl Use {
    /// The value of an option.
    pub fn option(&mut self, fd: RawFd, level: i32, name: i32) -> Result<Vec<u8>> {
        let now = self.now();
        let world: &mut World = self;
        let socket = world.sockets.find(fd)?;
        let key = match socket.kind {
            Kind::Stream(key) => Some(key),
            _ => None,
        };
        let listens = matches!(socket.kind, Kind::Listener(_));
        let stack = &world.stack;
        match (level, name) {
            (libc::IPPROTO_TCP, libc::TCP_INFO) => {
                let info = key.and_then(|key| TcpInfo::of(stack, key, now));
                Ok(info.unwrap_or_else(|| TcpInfo::unconnected(listens)).to_bytes())
            }
            // None of the algorithms has anything to tell here.
            (libc::IPPROTO_TCP, TCP_CC_INFO) => Ok(Vec::new()),
            (libc::SOL_SOCKET, SO_MEMINFO) => {
                Ok(key.and_then(|key| info::memory(stack, key)).unwrap_or_else(|| vec![0; 36]))
            }
            (libc::SOL_SOCKET, libc::SO_REUSEADDR) => Ok(to_bytes(1)),
            _ => Err(Errno::ENOPROTOOPT),
        }
    }

    /// Sets an option.
    pub fn set_option(&mut self, fd: RawFd, level: i32, name: i32, value: &[u8]) -> Result<()> {
        let world: &mut World = self;
        let socket = world.sockets.find(fd)?;
        let value = number(value)?;
        match (level, name) {
            // An address in TIME-WAIT is free for listeners in any case.
            (libc::SOL_SOCKET, libc::SO_REUSEADDR) => Ok(()),
            (libc::IPPROTO_TCP, libc::TCP_NODELAY) => match socket.kind {
                Kind::Stream(key) => Ok(world.stack.set_nodelay(key, value != 0)?),
                Kind::Listener(key) => Ok(world.stack.set_listener_nodelay(key, value != 0)?),
                _ => {
                    socket.config.nodelay = value != 0;
                    Ok(())
                }
            },
            _ => Err(Errno::ENOPROTOOPT),
        }
    }
}
