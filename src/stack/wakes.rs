//! Whom to wake after a turn.

use std::mem;
use std::task::{Context, Waker};

use smallvec::SmallVec;

/// Wakers of tasks whose sockets became ready. Call [`Wakes::notify`] outside of any lock.
///
/// With them go the wakers that nobody needs any more. To drop a waker may be to drop a task with all
/// it owns, sockets of the same stack among it, so that too is for outside of any lock.
#[derive(Debug, Default)]
#[must_use = "tasks wait for it"]
pub struct Wakes {
    ready: SmallVec<[Waker; 4]>,
    discarded: Vec<Waker>,
    /// A connection can be accepted that could not be before.
    accept: bool,
}

impl Wakes {
    /// Whether nobody has to be woken.
    pub fn is_empty(&self) -> bool {
        self.ready.is_empty()
    }

    /// Whether there are connections to accept: who does that is likely to start tasks for them, which come after all that
    /// are woken here.
    pub fn has_connections(&self) -> bool {
        self.accept
    }

    /// Wakes them all.
    pub fn notify(mut self) {
        self.ready.drain(..).for_each(Waker::wake);
    }

    /// Takes them all out, if there are any.
    pub(super) fn take(&mut self) -> Option<Wakes> {
        // Most calls wake nobody, and moving the lists costs more than looking.
        let any = !self.ready.is_empty() || !self.discarded.is_empty() || self.accept;
        any.then(|| mem::take(self))
    }

    /// Adds the waker, if there is one.
    pub(super) fn add(&mut self, waker: &mut Option<Waker>) {
        if let Some(waker) = waker.take() {
            self.ready.push(waker);
        }
    }

    /// The same of who waits for connections, of which there is one.
    pub(super) fn add_for_connection(&mut self, waker: &mut Option<Waker>) {
        self.accept = true;
        self.add(waker);
    }

    /// Forgets the waker, if there is one.
    pub(super) fn discard(&mut self, waker: &mut Option<Waker>) {
        self.discarded.extend(waker.take());
    }

    /// Remembers in `slot` who asked last.
    pub(super) fn register(&mut self, slot: &mut Option<Waker>, cx: &Context<'_>) {
        if !slot.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            self.discarded.extend(slot.replace(cx.waker().clone()));
        }
    }
}
