//! One end of a connection, of whichever TCP.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsRawFd;
use std::time::Duration;

use glasstcp::blocking::{self, RecvFlags};
use glasstcp::tcp::SendFlags;
use nix::libc::linger;
use nix::sys::socket::{MsgFlags, recv, send, setsockopt, sockopt};

/// A connection as the kernel has it, or as ours.
pub enum End {
    Kernel(TcpStream),
    Ours(blocking::TcpStream),
}

impl End {
    /// Whether reading and writing wait.
    pub fn wait(&self, wait: bool) {
        match self {
            End::Kernel(stream) => stream.set_nonblocking(!wait),
            End::Ours(stream) => stream.set_nonblocking(!wait),
        }
        .expect("it is open");
    }

    /// Another handle to the same connection.
    pub fn double(&self) -> End {
        match self {
            End::Kernel(stream) => End::Kernel(stream.try_clone().expect("a descriptor")),
            End::Ours(stream) => End::Ours(stream.try_clone().expect("it is open")),
        }
    }

    pub fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self {
            End::Kernel(stream) => stream.read(buf),
            End::Ours(stream) => stream.read(buf),
        }
    }

    pub fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        match self {
            End::Kernel(stream) => stream.write(text),
            End::Ours(stream) => stream.write(text),
        }
    }

    /// Writes text whose last octet is urgent.
    pub fn write_urgent(&mut self, text: &[u8]) -> io::Result<usize> {
        match self {
            End::Kernel(stream) => {
                let flags = MsgFlags::MSG_OOB | MsgFlags::MSG_NOSIGNAL;
                Ok(send(stream.as_raw_fd(), text, flags)?)
            }
            End::Ours(stream) => {
                stream.send(text, SendFlags { urgent: true, ..SendFlags::default() })
            }
        }
    }

    /// Reads the urgent octet by itself.
    pub fn read_urgent(&mut self) -> io::Result<[u8; 1]> {
        let mut octet = [0];
        match self {
            End::Kernel(stream) => recv(stream.as_raw_fd(), &mut octet, MsgFlags::MSG_OOB)?,
            End::Ours(stream) => {
                stream.recv(&mut octet, RecvFlags { urgent: true, ..RecvFlags::default() })?
            }
        };
        Ok(octet)
    }

    pub fn shutdown(&mut self, how: Shutdown) -> io::Result<()> {
        match self {
            End::Kernel(stream) => stream.shutdown(how),
            End::Ours(stream) => stream.shutdown(how),
        }
    }

    /// Closing resets the connection (SO_LINGER with no time).
    pub fn reset_on_close(&self) {
        match self {
            End::Kernel(stream) => {
                setsockopt(stream, sockopt::Linger, &linger { l_onoff: 1, l_linger: 0 })
                    .map_err(io::Error::from)
            }
            End::Ours(stream) => stream.set_linger(Some(Duration::ZERO)),
        }
        .expect("it can be set at any time");
    }
}
