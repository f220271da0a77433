//! What is told beside the text of a message: how much more waits (TCP_INQ), and which writes are done with
//! (MSG_ZEROCOPY). The stack keeps what is written, so it is done with it at once; when the peer has it, the completion
//! says so, and that it was copied.

use std::collections::VecDeque;
use std::os::fd::RawFd;

use glasstcp::stack::Stack;

use crate::address::Places;
use crate::errno::{Errno, Result};
use crate::socket::Socket;
use crate::world::{Use, World};

/// Both the option and the type of the control message.
pub const TCP_INQ: i32 = 36;
/// `ee_origin` and `ee_code` of a completion (linux/errqueue.h).
const ORIGIN_ZEROCOPY: u8 = 5;
const CODE_COPIED: u8 = 1;

/// A control message.
pub struct Control {
    pub level: i32,
    pub kind: i32,
    pub data: Vec<u8>,
}

/// What recvmsg gives beside the text.
pub struct Message {
    pub count: usize,
    pub flags: i32,
    pub control: Option<Control>,
}

/// Writes with MSG_ZEROCOPY of a socket.
#[derive(Clone, Debug, Default)]
pub struct Zerocopy {
    /// The number of the next one.
    next: u32,
    /// Where those end that the peer does not have yet.
    sent: VecDeque<(u64, u32)>,
    /// From which to which number they are done, and it was not told.
    done: VecDeque<(u32, u32)>,
    /// How often there was something new to tell.
    pub news: u32,
}

impl Zerocopy {
    /// Something was written, up to `end` in the stream.
    fn written(&mut self, end: u64) {
        self.sent.push_back((end, self.next));
        self.next += 1;
    }

    /// The peer has all up to `acked`.
    fn acknowledged(&mut self, acked: u64) {
        while let Some(&(_, number)) = self.sent.front().filter(|(end, _)| *end <= acked) {
            self.sent.pop_front();
            self.news += 1;
            match self.done.back_mut() {
                Some((_, last)) if *last + 1 == number => *last = number,
                _ => self.done.push_back((number, number)),
            }
        }
    }

    /// Whether there is something to tell.
    pub fn is_ready(&self) -> bool {
        !self.done.is_empty()
    }

    /// The next completion as `struct sock_extended_err` and an address that says nothing.
    fn take(&mut self) -> Option<Control> {
        let (first, last) = self.done.pop_front()?;
        let mut data = vec![0; 32];
        data[4] = ORIGIN_ZEROCOPY;
        data[6] = CODE_COPIED;
        data[8..12].copy_from_slice(&first.to_ne_bytes());
        data[12..16].copy_from_slice(&last.to_ne_bytes());
        Some(Control { level: libc::IPPROTO_IP, kind: libc::IP_RECVERR, data })
    }
}

/// How much of the stream was written, and how much of that the peer has.
fn progress(stack: &Stack, socket: &Socket) -> Option<(u64, u64)> {
    let info = stack.info(socket.key()?)?;
    Some((info.bytes_acked + u64::from(info.send_queue), info.bytes_acked))
}

impl World {
    /// Looks which writes the peer has meanwhile.
    pub fn complete(&mut self, fd: RawFd) -> Result<()> {
        let socket = self.sockets.find(fd)?;
        let progress = progress(&self.stack, socket);
        if let (Some(zerocopy), Some((_, acked))) = (&mut socket.zerocopy, progress) {
            zerocopy.acknowledged(acked);
        }
        Ok(())
    }
}

impl Use {
    /// `count` bytes were written with MSG_ZEROCOPY.
    pub fn note_zerocopy(&mut self, fd: RawFd, count: usize) -> Result<()> {
        let world: &mut World = self;
        let socket = world.sockets.find(fd)?;
        let progress = progress(&world.stack, socket);
        if let (Some(zerocopy), Some((end, _)), 1..) = (&mut socket.zerocopy, progress, count) {
            zerocopy.written(end);
        }
        Ok(())
    }

    /// recvmsg.
    pub fn receive_message(
        &mut self,
        fd: RawFd,
        places: Places<'_>,
        flags: i32,
    ) -> Result<Message> {
        if flags & libc::MSG_ERRQUEUE != 0 {
            self.complete(fd)?;
            let zerocopy = self.sockets.find(fd)?.zerocopy.as_mut();
            let control = Some(zerocopy.and_then(Zerocopy::take).ok_or(Errno::EAGAIN)?);
            return Ok(Message { count: 0, flags: libc::MSG_ERRQUEUE, control });
        }
        let count = self.receive(fd, places, flags)?;
        let socket = self.sockets.find(fd)?;
        let key = socket.key().filter(|_| socket.tells_unread);
        let control = key.map(|key| {
            let unread = self.stack.unread(key).unwrap_or(0);
            let ended = self.stack.readiness(key).is_ok_and(|ready| ready.read_closed);
            let hint = if unread == 0 && ended { 1 } else { unread };
            Control { level: libc::IPPROTO_TCP, kind: TCP_INQ, data: hint.to_ne_bytes().to_vec() }
        });
        Ok(Message { count, flags: 0, control })
    }
}
