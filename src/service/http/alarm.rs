//! hyper's clock for the head of a request, whose alarm is moved only when it goes off.
//!
//! hyper sets an alarm each time that it waits for a request and drops it when the head is there, at a
//! busy connection thousands of times a second. tokio's timers have a lock, a list and a heap of their
//! own. So a connection has one of them, which stays where it is: when it goes off, and hyper waits for
//! something later by then, it is set for that.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use hyper::rt;
use tokio::time;

#[cfg(test)]
mod tests;

/// The timer of one connection. Nobody waits for two times at once.
#[derive(Clone, Default)]
pub(super) struct Timer(Arc<Mutex<Option<Pin<Box<time::Sleep>>>>>);

impl rt::Timer for Timer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn rt::Sleep>> {
        self.sleep_until(self.now() + duration)
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn rt::Sleep>> {
        Box::pin(Sleep { deadline: deadline.into(), alarm: self.clone() })
    }

    fn now(&self) -> Instant {
        time::Instant::now().into()
    }
}

struct Sleep {
    deadline: time::Instant,
    alarm: Timer,
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut alarm = self.alarm.0.lock().unwrap_or_else(PoisonError::into_inner);
        let alarm = alarm.get_or_insert_with(|| Box::pin(time::sleep_until(self.deadline)));
        if alarm.deadline() > self.deadline {
            alarm.as_mut().reset(self.deadline);
        }
        loop {
            ready!(alarm.as_mut().poll(cx));
            if alarm.deadline() == self.deadline {
                return Poll::Ready(());
            }
            alarm.as_mut().reset(self.deadline);
        }
    }
}

impl rt::Sleep for Sleep {}
