//! Several observers of one stack, who come and go while it runs.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Net;
use crate::event::{Event, Observer, PacketView};
use crate::time::Instant;

type Observers = Vec<(u64, Box<dyn Observer + Send>)>;

/// Who observes a stack. Where this is used, [`Net::set_observer`] is not. Cloning gives another handle to the same.
#[derive(Clone)]
pub struct Watchers {
    net: Net,
    all: Fan,
    /// The number of the next one. Held while the stack is told that there is somebody or nobody, so that the last word
    /// is right; never taken by an observer.
    next: Arc<Mutex<u64>>,
}

/// All of them as one.
#[derive(Clone, Default)]
struct Fan(Arc<Mutex<Observers>>);

impl Fan {
    /// It is held for as long as all of them take to see one event.
    fn lock(&self) -> MutexGuard<'_, Observers> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Fan {
    fn observe(&mut self, now: Instant, event: &Event) {
        self.lock().iter_mut().for_each(|(_, one)| one.observe(now, event));
    }

    fn wants_packets(&self) -> bool {
        self.lock().iter().any(|(_, one)| one.wants_packets())
    }

    fn packet(&mut self, now: Instant, packet: &PacketView<'_>) {
        let mut all = self.lock();
        let wanting = all.iter_mut().filter(|(_, one)| one.wants_packets());
        wanting.for_each(|(_, one)| one.packet(now, packet));
    }
}

/// One of them, until this is dropped.
#[must_use = "it observes only until this is dropped"]
pub struct Watching {
    watchers: Watchers,
    number: u64,
}

impl Watchers {
    /// Those of this stack: nobody yet.
    pub fn new(net: &Net) -> Watchers {
        Watchers { net: net.clone(), all: Fan::default(), next: Arc::default() }
    }

    /// One more, who sees every event from now on.
    pub fn add(&self, observer: Box<dyn Observer + Send>) -> Watching {
        let mut next = self.changing();
        let number = *next;
        *next += 1;
        let wants_more = observer.wants_packets() && !self.all.wants_packets();
        self.all.lock().push((number, observer));
        // Without anybody, events are only for the recorder, so the first is told of, and who first wants packets.
        if wants_more || self.all.lock().len() == 1 {
            self.net.set_observer(Some(Box::new(self.all.clone())));
        }
        Watching { watchers: self.clone(), number }
    }

    /// Tells all of them of an event that is not the stack's own.
    pub fn tell(&self, now: Instant, event: &Event) {
        self.all.clone().observe(now, event);
    }

    /// Shows a packet to those who want packets.
    pub fn show(&self, now: Instant, packet: &PacketView<'_>) {
        self.all.clone().packet(now, packet);
    }

    fn changing(&self) -> MutexGuard<'_, u64> {
        self.next.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let Watchers { net, all, .. } = &self.watchers;
        let _changing = self.watchers.changing();
        let gone = {
            let mut all = all.lock();
            let at = all.iter().position(|(number, _)| *number == self.number);
            at.map(|at| all.swap_remove(at))
        };
        if all.lock().is_empty() {
            net.set_observer(None);
        } else if gone.as_ref().is_some_and(|(_, one)| one.wants_packets()) {
            net.set_observer(Some(Box::new(all.clone())));
        }
        // Whatever it does when it is dropped, it does without a lock that another needs.
        drop(gone);
    }
}

impl fmt::Debug for Watchers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watchers").field("count", &self.all.lock().len()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Watching {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watching").field("number", &self.number).finish_non_exhaustive()
    }
}
