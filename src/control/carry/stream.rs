//! The client's end of a carried connection.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use arrayvec::ArrayVec;
use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::UnixStream;

use super::frame::{END, HEADER_LEN, data_header};
use super::{ControlError, Failure, Frame, Inbox, TEXT_MAX, Way};

/// A connection of a running glasstcp's stack. Dropping it closes the connection as dropping a
/// [`TcpStream`](crate::net::TcpStream) does: what was written is still sent.
#[derive(Debug)]
pub struct Carried {
    unix: UnixStream,
    inbox: Inbox,
    /// What was taken from the inbox and not read yet.
    text: Bytes,
    /// Whether the peer has ended what it sends.
    ended: bool,
    /// Whether it has been closed in order.
    settled: bool,
    /// Why it has failed, if it has said so.
    failure: Option<Failure>,
    acknowledged: Arc<AtomicU64>,
    /// What is left to be sent of the beginning of the frame that goes out.
    head: ArrayVec<u8, HEADER_LEN>,
    /// Bytes of text that this frame still has to get. They are whatever is written next, so nothing is kept of it.
    owed: usize,
    /// Whether this frame, or the one before, is the last.
    last: bool,
}

impl From<Way> for Carried {
    fn from(Way { unix, inbox }: Way) -> Carried {
        Carried {
            unix,
            inbox,
            text: Bytes::new(),
            ended: false,
            settled: false,
            failure: None,
            acknowledged: Arc::default(),
            head: ArrayVec::new(),
            owed: 0,
            last: false,
        }
    }
}

impl Carried {
    /// How many bytes of what was written the peer has acknowledged, as far as it is known; whoever reads learns it.
    pub fn acknowledged(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.acknowledged)
    }

    /// Learns how much is acknowledged when there is nothing more to be read, which is ready when it has failed.
    pub fn poll_told(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        // Until then it is who reads that learns it, and after the last one there is nothing to be learnt.
        while self.ended && !self.settled {
            match ready!(self.inbox.poll_next(cx, &self.unix)) {
                Ok(Some(Frame::Acknowledged(count))) => {
                    self.acknowledged.store(count, Ordering::Relaxed);
                }
                Ok(Some(Frame::Failed(failure))) => return Poll::Ready(failure.into()),
                Ok(Some(other)) => {
                    let what = format!("after its end a connection does not have {other:?}");
                    return Poll::Ready(ControlError::Protocol(what).into());
                }
                Ok(None) if self.last && self.head.is_empty() => self.settled = true,
                Ok(None) | Err(_) => return Poll::Ready(ControlError::Gone.into()),
            }
        }
        Poll::Pending
    }

    /// Sends what there is of the frame's beginning and `text`, and says how much of that. Ready as soon as something
    /// was sent, and nothing of the beginning is left.
    fn poll_send(&mut self, cx: &mut Context<'_>, text: &[u8]) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.unix.poll_write_ready(cx))?;
            let both = [IoSlice::new(&self.head), IoSlice::new(text)];
            match self.unix.try_write_vectored(&both) {
                Ok(count) => {
                    let of_head = count.min(self.head.len());
                    self.head.drain(..of_head);
                    if self.head.is_empty() && (count > of_head || text.is_empty()) {
                        return Poll::Ready(Ok(count - of_head));
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(self.broken(error))),
            }
        }
    }

    /// Why nothing can be sent any more.
    fn broken(&mut self, error: io::Error) -> io::Error {
        if self.failure.is_none() {
            self.failure = self.inbox.failure(&self.unix);
        }
        match (self.failure.clone(), error.kind()) {
            (Some(failure), _) => failure.into(),
            (None, io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset) => {
                ControlError::Gone.into()
            }
            (None, _) => error,
        }
    }
}

impl AsyncRead for Carried {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            if !this.text.is_empty() {
                let len = this.text.len().min(buffer.remaining());
                buffer.put_slice(&this.text[..len]);
                this.text.advance(len);
                return Poll::Ready(Ok(()));
            }
            if this.ended {
                return Poll::Ready(Ok(()));
            }
            if let Some(failure) = this.failure.clone().filter(|_| this.inbox.is_empty()) {
                return Poll::Ready(Err(failure.into()));
            }
            match ready!(this.inbox.poll_next(cx, &this.unix)) {
                Ok(Some(Frame::Data(text))) => this.text = text,
                Ok(Some(Frame::End)) => this.ended = true,
                Ok(Some(Frame::Acknowledged(count))) => {
                    this.acknowledged.store(count, Ordering::Relaxed);
                }
                Ok(Some(Frame::Failed(failure))) => this.failure = Some(failure),
                Ok(Some(other)) => {
                    let what = format!("a connection does not have {other:?}");
                    return Poll::Ready(Err(ControlError::Protocol(what).into()));
                }
                Ok(None) => return Poll::Ready(Err(ControlError::Gone.into())),
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    return Poll::Ready(Err(ControlError::Gone.into()));
                }
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl AsyncWrite for Carried {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        text: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.last {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        if text.is_empty() {
            return Poll::Ready(Ok(0));
        }
        if this.owed == 0 {
            this.owed = text.len().min(TEXT_MAX);
            this.head = data_header(this.owed as u16).into();
        }
        let sent = ready!(this.poll_send(cx, &text[..text.len().min(this.owed)]))?;
        this.owed -= sent;
        Poll::Ready(Ok(sent))
    }

    /// Everything that was taken is on its way.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.owed > 0 {
            // Who has begun to write something and ends before it is written does not get a good end.
            return Poll::Ready(Err(io::ErrorKind::InvalidInput.into()));
        }
        if !this.last {
            (this.last, this.head) = (true, END.into());
        }
        if this.head.is_empty() {
            return Poll::Ready(Ok(()));
        }
        this.poll_send(cx, &[]).map_ok(drop)
    }
}

impl Drop for Carried {
    fn drop(&mut self) {
        if !self.last && self.owed == 0 {
            // Without it the connection is reset, which is right where there is no room for it: nothing moves.
            let _ = self.unix.try_write(&END);
        }
    }
}
