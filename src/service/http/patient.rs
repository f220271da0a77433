//! A connection that does not wait for ever for its client to read.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use crate::service::Drain;

#[cfg(test)]
mod tests;

/// Fewest bytes that the client must take within the time-out; what comes as a trickle counts as
/// nothing.
const TAKEN_MIN: usize = 1024;
/// How long the client has to close its half after we have closed ours. Until then what it sends is
/// read and thrown away: a connection dropped with text unread is reset (RFC 2525 2.17), which may
/// cost the client the end of the reply (RFC 9112 9.6).
const FAREWELL: Duration = Duration::from_secs(2);

/// Whether a stream has nothing to read, as far as one poll of its task knows.
///
/// hyper asks again in the same poll, which costs the stack's lock each time. Once it is known that
/// the task will be woken, that stays true until the task is polled again.
#[derive(Clone, Default)]
pub(super) struct Dry(Arc<AtomicBool>);

impl Dry {
    /// Is called at the beginning of each poll of the task.
    pub fn forget(&self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

/// A stream with a time-out for writing, that closes gently.
pub(super) struct Patient<S> {
    stream: S,
    dry: Dry,
    stall: Duration,
    /// Set while the client does not take what we write.
    waiting: Option<Waiting>,
    /// Set when our half is closed: the end of the connection.
    farewell: Option<Pin<Box<Sleep>>>,
}

struct Waiting {
    end: Pin<Box<Sleep>>,
    /// Bytes taken meanwhile.
    taken: usize,
}

impl<S> Patient<S> {
    /// Gives up with `TimedOut` when the client takes less than [`TAKEN_MIN`] bytes in `stall`. Each
    /// poll of its task begins with [`Dry::forget`].
    pub fn new(stream: S, stall: Duration, dry: Dry) -> Self {
        Patient { stream, dry, stall, waiting: None, farewell: None }
    }

    /// Passes on the outcome of a write, and an error in place of `Pending` if that has lasted too
    /// long.
    fn written(
        &mut self,
        cx: &mut Context<'_>,
        outcome: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        match outcome {
            Poll::Pending => self.wait(cx).map(Err),
            Poll::Ready(Ok(count)) => {
                if let Some(waiting) = &mut self.waiting {
                    waiting.taken += count;
                    if waiting.taken >= TAKEN_MIN {
                        self.waiting = None;
                    }
                }
                Poll::Ready(Ok(count))
            }
            failed => failed,
        }
    }

    /// Passes on that everything has been written, or an error as [`Patient::written`] does.
    fn done(
        &mut self,
        cx: &mut Context<'_>,
        outcome: Poll<io::Result<()>>,
    ) -> Poll<io::Result<()>> {
        match outcome {
            Poll::Pending => self.wait(cx).map(Err),
            done => {
                self.waiting = None;
                done
            }
        }
    }

    fn wait(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let stall = self.stall;
        let new = || Waiting { end: Box::pin(sleep(stall)), taken: 0 };
        let waiting = self.waiting.get_or_insert_with(new);
        ready!(waiting.end.as_mut().poll(cx));
        let sentence = "the client has not read its reply for too long";
        Poll::Ready(io::Error::new(io::ErrorKind::TimedOut, sentence))
    }
}

impl<S: Drain + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.dry.0.load(Ordering::Relaxed) {
            return Poll::Pending;
        }
        let read = Pin::new(&mut self.stream).poll_drain(cx, buffer);
        if matches!(read, Poll::Pending | Poll::Ready(Ok(true))) {
            self.dry.0.store(true, Ordering::Relaxed);
        }
        read.map_ok(drop)
    }
}

impl<S: Drain + AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        text: &[u8],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(cx, text);
        self.written(cx, outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        texts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(cx, texts);
        self.written(cx, outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_flush(cx);
        self.done(cx, outcome)
    }

    /// Closes our half, then reads what still comes until the client closes its own.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let farewell = match &mut this.farewell {
            Some(farewell) => farewell,
            None => {
                let outcome = Pin::new(&mut this.stream).poll_shutdown(cx);
                ready!(this.done(cx, outcome))?;
                this.farewell.insert(Box::pin(sleep(FAREWELL)))
            }
        };
        loop {
            // A client that sends and sends must not keep other tasks from running.
            let turn = ready!(tokio::task::coop::poll_proceed(cx));
            if farewell.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Ok(()));
            }
            let mut bytes = [0; 4096];
            let mut buffer = ReadBuf::new(&mut bytes);
            let read = ready!(Pin::new(&mut this.stream).poll_read(cx, &mut buffer));
            turn.made_progress();
            if read.is_err() || buffer.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
    }
}
