//! One alarm, for the next deadline of the stack.
//!
//! A timerfd fires within tens of microseconds where tokio's own sleep rounds to milliseconds. To
//! arm it costs a system call, so it is armed again only for an earlier deadline; an alarm for one
//! that has moved later goes off for nothing, once.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::task::{Context, Poll, ready};

use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::clock::Clock;
use super::device::register;
use super::driver::Time;
use crate::time::Instant;

#[derive(Debug)]
pub(super) struct Timer {
    clock: Clock,
    fd: TimerFd,
    readiness: AsyncFd<OwnedFd>,
    /// When it goes off; `FAR_FUTURE` when it does not.
    armed: Instant,
}

impl Timer {
    /// A timer that is not armed. Must be called within a tokio runtime.
    pub(super) fn new(clock: Clock) -> io::Result<Timer> {
        let fd = TimerFd::new(
            ClockId::CLOCK_MONOTONIC,
            TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC,
        )?;
        let readiness = register(fd.as_fd().try_clone_to_owned()?, Interest::READABLE)?;
        Ok(Timer { clock, fd, readiness, armed: Instant::FAR_FUTURE })
    }
}

impl Time for Timer {
    fn now(&self) -> Instant {
        self.clock.now()
    }

    fn poll_expired(&mut self, deadline: Instant, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            // One that is armed for an earlier time says so itself when that has come.
            if deadline < self.armed {
                let now = self.now();
                if deadline <= now {
                    return Poll::Ready(Ok(()));
                }
                // Not zero, which would disarm it: `deadline` is later than `now`.
                let delay = TimeSpec::from_duration(deadline.since(now));
                self.fd.set(Expiration::OneShot(delay), TimerSetTimeFlags::empty())?;
                self.armed = deadline;
            }
            let mut guard = ready!(self.readiness.poll_read_ready(cx))?;
            match guard.try_io(|_| Ok(self.fd.wait()?)) {
                Ok(went_off) => {
                    went_off?;
                    guard.clear_ready();
                    self.armed = Instant::FAR_FUTURE;
                }
                // The readiness was that of an alarm set before.
                Err(_would_block) => {}
            }
        }
    }
}
