//! Whom to wake after a turn.

use std::task::Waker;

/// Wakers of tasks whose sockets became ready. Call [`Wakes::notify`] outside of any lock.
#[derive(Debug, Default)]
#[must_use = "tasks wait for it"]
pub struct Wakes(Vec<Waker>);

impl Wakes {
    /// Whether nobody has to be woken.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Wakes them all.
    pub fn notify(self) {
        self.0.into_iter().for_each(Waker::wake);
    }

    /// Adds the waker, if there is one.
    pub(super) fn add(&mut self, waker: &mut Option<Waker>) {
        self.0.extend(waker.take());
    }

    /// Adds all of them.
    pub(super) fn add_all(&mut self, wakers: &mut Vec<Waker>) {
        self.0.append(wakers);
    }
}

/// Remembers who asked last.
pub(super) fn register(slot: &mut Option<Waker>, cx: &std::task::Context<'_>) {
    match slot {
        Some(waker) => waker.clone_from(cx.waker()),
        None => *slot = Some(cx.waker().clone()),
    }
}
