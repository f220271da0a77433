//! What goes over a socket that was taken over, in both directions.
//!
//! ```text
//!   kind (1 byte) | length of what follows (2, most significant first) | what follows
//! ```

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::task::{Context, Poll, ready};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use serde::{Deserialize, Serialize};
use tokio::net::UnixStream;

use super::Failure;
use crate::stack::{SocketError, UdpError};
use crate::wire::icmp::Notice;

/// Most bytes of a connection in one frame. A unix socket that takes anything has room for as much.
pub const TEXT_MAX: usize = 16 << 10;
/// Bytes before what a frame says.
pub(super) const HEADER_LEN: usize = 3;
/// Bytes that are read at a time.
const READ: usize = 32 << 10;
/// Most bytes that are looked through for a failure.
const AHEAD_MAX: usize = 1 << 20;

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// 0: bytes of a connection, which were sent or are to be sent.
    Data(Bytes),
    /// 1: there will be no more data in this direction.
    End,
    /// 2: so many bytes (8, most significant first) of what the client has sent so far are acknowledged by the peer.
    Acknowledged(u64),
    /// 3: what is carried has failed, in JSON. Nothing follows.
    Failed(Failure),
    /// 4: a datagram behind its sender, or the one that it is for: the four bytes of an IPv4 address and the two of a
    /// port.
    Datagram(SocketAddr, Bytes),
    /// 5: the answer to each datagram of the client, in their order: nothing when it was sent, or why not, in JSON.
    Sent(Option<Failure>),
    /// 6: what the network reports about a datagram, in JSON.
    Report(UdpError),
}

/// A [`UdpError`] on its way.
#[derive(Serialize, Deserialize)]
struct Reported {
    to: SocketAddr,
    notice: Notice,
    text: Vec<u8>,
}

impl Frame {
    /// What stands before the text, and the text.
    ///
    /// # Errors
    /// `InvalidInput` for what is too long, and for addresses that are not of IPv4.
    pub(super) fn encode(&self) -> io::Result<(BytesMut, Bytes)> {
        let json = |value: serde_json::Result<Vec<u8>>| value.map(Bytes::from);
        let mut place = BytesMut::new();
        let (kind, text) = match self {
            Frame::Data(text) => (0, text.clone()),
            Frame::End => (1, Bytes::new()),
            Frame::Acknowledged(count) => (2, Bytes::copy_from_slice(&count.to_be_bytes())),
            Frame::Failed(failure) => (3, json(serde_json::to_vec(failure))?),
            Frame::Datagram(SocketAddr::V4(address), text) => {
                place.put_slice(&address.ip().octets());
                place.put_u16(address.port());
                (4, text.clone())
            }
            Frame::Datagram(..) => return Err(io::ErrorKind::InvalidInput.into()),
            Frame::Sent(None) => (5, Bytes::new()),
            Frame::Sent(Some(failure)) => (5, json(serde_json::to_vec(failure))?),
            Frame::Report(UdpError { to, notice, text }) => {
                let reported = Reported { to: *to, notice: *notice, text: text.to_vec() };
                (6, json(serde_json::to_vec(&reported))?)
            }
        };
        let len = u16::try_from(place.len() + text.len());
        let mut head =
            BytesMut::from(&header(kind, len.map_err(|_| SocketError::MessageTooLong)?)[..]);
        head.extend_from_slice(&place);
        Ok((head, text))
    }

    fn decode(kind: u8, mut text: Bytes) -> io::Result<Frame> {
        let wrong = || io::Error::from(io::ErrorKind::InvalidData);
        Ok(match kind {
            0 => Frame::Data(text),
            1 => Frame::End,
            2 => Frame::Acknowledged(text.try_get_u64().map_err(|_| wrong())?),
            3 => Frame::Failed(serde_json::from_slice(&text)?),
            4 => {
                let ip = Ipv4Addr::from_bits(text.try_get_u32().map_err(|_| wrong())?);
                let port = text.try_get_u16().map_err(|_| wrong())?;
                Frame::Datagram(SocketAddrV4::new(ip, port).into(), text)
            }
            5 if text.is_empty() => Frame::Sent(None),
            5 => Frame::Sent(Some(serde_json::from_slice(&text)?)),
            6 => {
                let Reported { to, notice, text } = serde_json::from_slice(&text)?;
                Frame::Report(UdpError { to, notice, text: text.into() })
            }
            _ => return Err(wrong()),
        })
    }
}

/// The beginning of a frame.
fn header(kind: u8, len: u16) -> [u8; HEADER_LEN] {
    let [high, low] = len.to_be_bytes();
    [kind, high, low]
}

/// The beginning of a frame with so much text of a connection.
pub(super) fn data_header(len: u16) -> [u8; HEADER_LEN] {
    header(0, len)
}

/// A frame that says that there will be no more.
pub(super) const END: [u8; HEADER_LEN] = [1, 0, 0];

/// What has arrived and was not taken yet. It has no buffer while that is nothing.
#[derive(Debug, Default)]
pub struct Inbox(BytesMut);

impl Inbox {
    /// The next frame; `None` at the end. Cancel safe.
    ///
    /// # Errors
    /// `InvalidData` for what is no frame, `UnexpectedEof` for an end in the middle of one, and those of reading.
    pub async fn next(&mut self, unix: &UnixStream) -> io::Result<Option<Frame>> {
        poll_fn(|cx| self.poll_next(cx, unix)).await
    }

    /// [`Inbox::next`] for those who write their own futures.
    pub(super) fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
        unix: &UnixStream,
    ) -> Poll<io::Result<Option<Frame>>> {
        loop {
            if let Some((kind, len)) = first(&self.0) {
                self.0.advance(HEADER_LEN);
                return Poll::Ready(Frame::decode(kind, self.0.split_to(len).freeze()).map(Some));
            }
            if !ready!(self.poll_fill(cx, unix))? {
                let rest = self.0.is_empty().then_some(None);
                return Poll::Ready(rest.ok_or(io::ErrorKind::UnexpectedEof.into()));
            }
        }
    }

    /// Whether nothing has arrived that was not taken.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next line, of at most `max` bytes; what there is at the end. Cancel safe.
    ///
    /// # Errors
    /// `InvalidData` for one that is too long, and those of reading.
    pub(super) async fn line(&mut self, unix: &UnixStream, max: usize) -> io::Result<BytesMut> {
        loop {
            let end = self.0.iter().position(|byte| *byte == b'\n');
            match end {
                Some(end) => return Ok(self.0.split_to(end + 1)),
                None if self.0.len() >= max => return Err(io::ErrorKind::InvalidData.into()),
                None if poll_fn(|cx| self.poll_fill(cx, unix)).await? => {}
                None => return Ok(self.0.split()),
            }
        }
    }

    /// Reads more; whether there was any.
    fn poll_fill(&mut self, cx: &mut Context<'_>, unix: &UnixStream) -> Poll<io::Result<bool>> {
        loop {
            if self.0.is_empty() {
                self.0 = BytesMut::new();
            }
            ready!(unix.poll_read_ready(cx))?;
            self.0.reserve(READ);
            match unix.try_read_buf(&mut self.0) {
                Ok(count) => return Poll::Ready(Ok(count > 0)),
                Err(error) => match error.kind() {
                    io::ErrorKind::WouldBlock => {}
                    // It has gone and left something of ours unread.
                    io::ErrorKind::ConnectionReset => return Poll::Ready(Ok(false)),
                    _ => return Poll::Ready(Err(error)),
                },
            }
        }
    }

    /// Why the other side has ended, if it has said so; for who finds that it takes nothing any more. What is before
    /// that stays where it is.
    pub(super) fn failure(&mut self, unix: &UnixStream) -> Option<Failure> {
        // Whether or not the runtime has heard already that there is something.
        let mut piece = vec![0; READ];
        while self.0.len() < AHEAD_MAX {
            match rustix::io::read(unix, &mut piece[..]) {
                Ok(count) if count > 0 => self.0.extend_from_slice(&piece[..count]),
                _ => break,
            }
        }
        let mut rest = &self.0[..];
        while let Some((kind, len)) = first(rest) {
            let text = &rest[HEADER_LEN..HEADER_LEN + len];
            if let Ok(Frame::Failed(failure)) = Frame::decode(kind, Bytes::copy_from_slice(text)) {
                return Some(failure);
            }
            rest = &rest[HEADER_LEN + len..];
        }
        None
    }
}

/// The kind and the length of the first frame, when it is whole.
fn first(bytes: &[u8]) -> Option<(u8, usize)> {
    let (&[kind, high, low], rest) = bytes.split_first_chunk()?;
    let len = usize::from(u16::from_be_bytes([high, low]));
    (rest.len() >= len).then_some((kind, len))
}

/// What is to be sent. Who gives up waiting leaves no half of a frame: the rest of it goes before the next.
#[derive(Debug)]
pub struct Outbox<'a> {
    unix: &'a UnixStream,
    head: BytesMut,
    text: Bytes,
}

impl Outbox<'_> {
    /// An empty one.
    pub fn new(unix: &UnixStream) -> Outbox<'_> {
        Outbox { unix, head: BytesMut::new(), text: Bytes::new() }
    }

    /// Sends a frame.
    ///
    /// # Errors
    /// `InvalidInput` for what is too long or not of IPv4, and those of writing.
    pub async fn send(&mut self, frame: &Frame) -> io::Result<()> {
        let (head, text) = frame.encode()?;
        self.flush().await?;
        (self.head, self.text) = (head, text);
        self.flush().await
    }

    async fn flush(&mut self) -> io::Result<()> {
        while self.head.has_remaining() || self.text.has_remaining() {
            self.unix.writable().await?;
            let both = [IoSlice::new(&self.head), IoSlice::new(&self.text)];
            match self.unix.try_write_vectored(&both) {
                Ok(count) => {
                    let of_head = count.min(self.head.len());
                    self.head.advance(of_head);
                    self.text.advance(count - of_head);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
