//! hyper's clock for the head of a request, whose alarm is moved only when it goes off.
//!
//! hyper sets an alarm each time that it waits for a request and drops it when the head is there, at a
//! busy connection thousands of times a second. tokio's timers have a lock, a list and a heap of their
//! own. So a connection has one of them, which stays where it is: when it goes off, and hyper waits for
//! something later by then, it is set for that.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::time::{Duration, Instant};

use hyper::rt;
use tokio::task::coop;
use tokio::time;

#[cfg(test)]
mod tests;

/// The timer of one connection. Nobody waits for two times at once.
#[derive(Clone, Default)]
pub(super) struct Timer(Arc<Mutex<Option<Alarm>>>);

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
        let alarm = alarm.get_or_insert_with(|| Alarm::new(self.deadline));
        if alarm.deadline() > self.deadline {
            alarm.reset(self.deadline);
        }
        loop {
            ready!(alarm.poll(cx));
            if alarm.deadline() == self.deadline {
                return Poll::Ready(());
            }
            alarm.reset(self.deadline);
        }
    }
}

impl rt::Sleep for Sleep {}

/// One of tokio's timers, and whom it wakes: to look at both costs less than to poll it once more.
struct Alarm {
    sleep: Pin<Box<time::Sleep>>,
    wakes: Option<Waker>,
}

impl Alarm {
    fn new(deadline: time::Instant) -> Alarm {
        Alarm { sleep: Box::pin(time::sleep_until(deadline)), wakes: None }
    }

    fn deadline(&self) -> time::Instant {
        self.sleep.deadline()
    }

    fn reset(&mut self, deadline: time::Instant) {
        self.wakes = None;
        self.sleep.as_mut().reset(deadline);
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let wakes_us = self.wakes.as_ref().is_some_and(|waker| waker.will_wake(cx.waker()));
        if wakes_us && !self.sleep.is_elapsed() {
            return Poll::Pending;
        }
        // A task that has used up its turn is sent back before the timer has looked at its waker.
        let looks = coop::has_budget_remaining();
        let outcome = self.sleep.as_mut().poll(cx);
        self.wakes = (looks && outcome.is_pending()).then(|| cx.waker().clone());
        outcome
    }
}
