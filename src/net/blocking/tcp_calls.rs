//! What POSIX has for connections beyond what std has.

use std::io::{self, IoSliceMut};
use std::task::Poll;

use super::{TcpListener, TcpStream};
use crate::net::settings::settings;
use crate::stack::Readiness;
use crate::tcp::{self, SendFlags};
use crate::time::Duration;

/// How something is read: the flags of recv(2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecvFlags {
    /// Leave it to be read again (MSG_PEEK).
    pub peek: bool,
    /// Wait until the buffer is full, or the stream ends, or urgent data is come to (MSG_WAITALL).
    pub wait_all: bool,
    /// Drop it instead of copying it (MSG_TRUNC).
    pub discard: bool,
    /// Do not wait (MSG_DONTWAIT).
    pub dont_wait: bool,
    /// Read the urgent octet by itself (MSG_OOB). It never waits.
    pub urgent: bool,
}

impl TcpStream {
    /// Reads in another way than usual.
    ///
    /// # Errors
    /// Those of reading; for urgent data those of [`crate::net::TcpStream::receive_urgent`].
    ///
    /// ```
    /// # use glasstcp::blocking::{self, RecvFlags, TcpListener, TcpStream};
    /// # use glasstcp::{device::memory, stack::{Config, Stack}};
    /// # use std::io::Write;
    /// # let (one, other) = memory::pair(1500);
    /// # let stack = |last| Stack::new(Config::new([10, 0, 0, last].into(), 24, [last; 32]));
    /// # let (server, _) = blocking::start(stack(1), one)?;
    /// # let (client, _) = blocking::start(stack(2), other)?;
    /// # let listener = TcpListener::bind(&server, "10.0.0.1:80")?;
    /// # let mut stream = TcpStream::connect(&client, "10.0.0.1:80")?;
    /// # let (accepted, _) = listener.accept()?;
    /// stream.write_all(b"of this only the end matters")?;
    /// let mut buf = [0; 25];
    /// let all = RecvFlags { wait_all: true, ..RecvFlags::default() };
    /// assert_eq!(accepted.recv(&mut buf, RecvFlags { discard: true, ..all })?, 25);
    /// let mut end = [0; 3];
    /// accepted.recv(&mut end, all)?;
    /// assert_eq!(&end, b"ers");
    /// # std::io::Result::Ok(())
    /// ```
    pub fn recv(&self, buf: &mut [u8], flags: RecvFlags) -> io::Result<usize> {
        if flags.urgent {
            return self.recv_urgent(buf, flags);
        }
        if flags.peek {
            return self.peek_until(buf, flags);
        }
        let mut read = 0;
        while read < buf.len() {
            let rest = &mut buf[read..];
            let result = self.wait_to_read(flags.dont_wait, |conn, cx| match flags.discard {
                true => conn.poll_discard(cx, rest.len()),
                false => conn.poll_read_vectored(cx, &mut [IoSliceMut::new(rest)]),
            });
            match result {
                Ok(0) => break,
                Ok(more) => read += more,
                // What was read is told first; an error is still there for the next call.
                Err(_) if read > 0 => break,
                Err(error) => return Err(error),
            }
            if !flags.wait_all || self.at_mark().unwrap_or(true) {
                break;
            }
        }
        Ok(read)
    }

    fn recv_urgent(&self, buf: &mut [u8], flags: RecvFlags) -> io::Result<usize> {
        let Some(octet) = self.stream().receive_urgent(flags.peek)? else {
            return Ok(0);
        };
        if let Some(first) = buf.first_mut().filter(|_| !flags.discard) {
            *first = octet;
        }
        Ok(buf.len().min(1))
    }

    /// Looks at what waits. Who wants all looks again when more has come, as long as more can.
    fn peek_until(&self, buf: &mut [u8], flags: RecvFlags) -> io::Result<usize> {
        let most = buf.len();
        self.wait_to_read(flags.dont_wait, |conn, cx| {
            // Watched first, so that nothing comes unseen between the two.
            let more = flags.wait_all
                && conn.watch(cx).is_ok_and(|now| !now.read_closed && !now.error && !now.urgent);
            match conn.poll_peek(cx, buf) {
                Poll::Ready(Ok(len)) if more && len < most => Poll::Pending,
                peeked => peeked,
            }
        })
    }

    /// Writes in another way than usual: see [`crate::net::TcpStream::send`].
    ///
    /// # Errors
    /// Those of writing.
    ///
    /// ```
    /// # use glasstcp::blocking::{self, TcpListener, TcpStream};
    /// # use glasstcp::{device::memory, stack::{Config, Stack}, tcp::SendFlags};
    /// # let (one, other) = memory::pair(1500);
    /// # let stack = |last| Stack::new(Config::new([10, 0, 0, last].into(), 24, [last; 32]));
    /// # let (server, _) = blocking::start(stack(1), one)?;
    /// # let (client, _) = blocking::start(stack(2), other)?;
    /// # let listener = TcpListener::bind(&server, "10.0.0.1:80")?;
    /// # let stream = TcpStream::connect(&client, "10.0.0.1:80")?;
    /// stream.send(b"head and ", SendFlags { more: true, ..SendFlags::default() })?;
    /// stream.send(b"body in one segment", SendFlags::default())?;
    /// # std::io::Result::Ok(())
    /// ```
    pub fn send(&self, buf: &[u8], flags: SendFlags) -> io::Result<usize> {
        let conn = self.conn();
        self.writing()
            .wait(&conn.net, self.nonblocking(), |cx| conn.poll_write_with(cx, buf, flags))
    }

    /// Sends the end after what was written, and waits until the peer has acknowledged all, as long as writing may
    /// wait ([`TcpStream::set_write_timeout`]): what a close that lingers does (SO_LINGER).
    ///
    /// # Errors
    /// Those of writing.
    pub fn finish(&self) -> io::Result<()> {
        let conn = self.conn();
        conn.shutdown_write()?;
        self.writing().wait(&conn.net, self.nonblocking(), |cx| conn.poll_finished(cx))
    }

    /// Whether reading has come to the urgent octet (SIOCATMARK).
    ///
    /// # Errors
    /// `NotConnected`, and `ConnectionAborted` when the stack has ended; this holds for all that follow.
    pub fn at_mark(&self) -> io::Result<bool> {
        self.stream().at_mark()
    }

    /// Bytes that can be read at once, up to urgent data (SIOCINQ).
    ///
    /// # Errors
    /// As [`TcpStream::at_mark`].
    pub fn unread(&self) -> io::Result<usize> {
        self.stream().unread()
    }

    /// Bytes that were written and are not acknowledged, the end of the stream counted as one (SIOCOUTQ).
    ///
    /// # Errors
    /// As [`TcpStream::at_mark`].
    pub fn unacknowledged(&self) -> io::Result<u32> {
        self.stream().unacknowledged()
    }

    /// Those of them that were not sent yet (SIOCOUTQNSD).
    ///
    /// # Errors
    /// As [`TcpStream::at_mark`].
    pub fn unsent(&self) -> io::Result<u32> {
        self.stream().unsent()
    }

    /// Whether acknowledgments go at once (TCP_QUICKACK).
    ///
    /// # Errors
    /// As [`TcpStream::at_mark`].
    pub fn quick_ack(&self) -> io::Result<bool> {
        self.stream().quick_ack()
    }

    /// Has acknowledgments go at once, or with answers: see [`crate::net::TcpStream::set_quick_ack`].
    ///
    /// # Errors
    /// As [`TcpStream::at_mark`].
    pub fn set_quick_ack(&self, quick: bool) -> io::Result<()> {
        self.stream().set_quick_ack(quick)
    }

    /// What poll(2) would say.
    ///
    /// # Errors
    /// As [`TcpStream::at_mark`].
    pub fn readiness(&self) -> io::Result<Readiness> {
        self.stream().readiness()
    }

    /// Changes any settings at once: see [`crate::net::TcpStream::configure`].
    ///
    /// # Errors
    /// As [`TcpStream::at_mark`].
    pub fn configure(&self, change: impl FnOnce(&mut tcp::Config)) -> io::Result<()> {
        self.stream().configure(change)
    }

    fn setting<R>(&self, read: impl FnOnce(&tcp::Config) -> R) -> io::Result<R> {
        self.stream().setting(read)
    }
}

impl TcpListener {
    /// Changes any settings that connections inherit: see [`crate::net::TcpListener::configure`].
    ///
    /// # Errors
    /// As [`TcpListener::nodelay`].
    pub fn configure(&self, change: impl FnOnce(&mut tcp::Config)) -> io::Result<()> {
        self.listener().configure(change)
    }

    /// What poll(2) would say.
    ///
    /// # Errors
    /// As [`TcpListener::nodelay`].
    pub fn readiness(&self) -> io::Result<Readiness> {
        self.listener().readiness()
    }

    fn setting<R>(&self, read: impl FnOnce(&tcp::Config) -> R) -> io::Result<R> {
        self.listener().setting(read)
    }
}

settings!(TcpStream);
settings!(TcpListener);
