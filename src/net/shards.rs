//! A handle that stands for several stacks which share their addresses: on which of them what is made, and what is done
//! on all of them.
//!
//! ```text
//!   listeners                  on all
//!   connections from a port    on the one that has the port (`Shard::index_of_port`)
//!   other connections          on one after the other; those with text in the SYN by their peer
//!   UDP and ping sockets       on the first
//! ```

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, PoisonError};

use super::Net;
use crate::event::{Event, Observer, PacketView};
use crate::stack::{Config, Counters, Shard, Stack, Tables};
use crate::tcp::CookieKeys;
use crate::time::Instant;

/// How many connections a shard was chosen for.
static TURN: AtomicU16 = AtomicU16::new(0);

/// One observer of several stacks, each of which calls it under a lock of its own.
#[derive(Clone)]
struct Common(Arc<std::sync::Mutex<Box<dyn Observer + Send>>>);

impl Common {
    fn lock(&self) -> std::sync::MutexGuard<'_, Box<dyn Observer + Send>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Common {
    fn observe(&mut self, now: Instant, event: &Event) {
        self.lock().observe(now, event);
    }

    fn wants_packets(&self) -> bool {
        self.lock().wants_packets()
    }

    fn packet(&mut self, now: Instant, packet: &PacketView<'_>) {
        self.lock().packet(now, packet);
    }
}

impl Net {
    /// What each shard was told when it was made, but for its number.
    pub fn config(&self) -> Config {
        self.lock().stack.config().clone()
    }

    /// A copy of all counters.
    pub fn counters(&self) -> Counters {
        let mut all = Counters::default();
        self.parts().for_each(|part| all.add(part.lock().stack.counters()));
        all
    }

    /// How many entries each of its tables has.
    pub fn tables(&self) -> Tables {
        self.parts().map(|part| part.lock().stack.tables()).fold(Tables::default(), Tables::plus)
    }

    /// What the buffers of all its connections hold, in bytes.
    pub fn tcp_memory(&self) -> usize {
        self.parts().map(|part| part.lock().stack.tcp_memory()).sum()
    }

    /// Connections that are neither closed nor half-open nor in TIME-WAIT.
    pub fn connection_count(&self) -> usize {
        self.parts().map(|part| part.lock().stack.connection_count()).sum()
    }

    /// Sets who sees every event from now on; `None` for nobody. See [`Observer`].
    pub fn set_observer(&self, observer: Option<Box<dyn Observer + Send>>) {
        let common = match observer {
            // One alone needs no other lock than its own.
            Some(observer) if self.is_one() => {
                return self
                    .on_all_parts(Some(observer), |stack, one| stack.set_observer(one.take()));
            }
            observer => observer.map(|all| Common(Arc::new(std::sync::Mutex::new(all)))),
        };
        self.on_all_parts(common, |stack, common| {
            stack.set_observer(
                common.clone().map(|one| -> Box<dyn Observer + Send> { Box::new(one) }),
            );
        });
    }

    /// Makes the cookies of fast open with these keys from now on (RFC 7413 4.1.2), where a listener has none of its own.
    /// A stack begins with a key of its own, which nobody else has; servers that stand in for each other
    /// need the same one.
    pub fn set_cookie_keys(&self, keys: CookieKeys) {
        self.on_all_parts(keys, |stack, keys| stack.set_cookie_keys(keys.clone()));
    }

    /// Refuses new connections and closes all others gracefully, with a FIN after what was written;
    /// their sockets see the end of the stream, those of UDP and listeners an error. The driver goes
    /// on, so that connections can end: see [`Net::connection_count`], [`Net::abort_all`] and
    /// [`Net::stop`].
    pub fn shutdown(&self) {
        self.on_all_parts((), |stack, ()| stack.shutdown());
    }

    /// Resets every connection that is left.
    pub fn abort_all(&self) {
        self.on_all_parts((), |stack, ()| stack.abort_all());
    }

    /// Ends the driver: it resets the connections that are left, sends what can be sent at once and
    /// finishes without an error. Every call on a handle fails from then on.
    pub fn stop(&self) {
        for part in self.parts() {
            let driver = {
                let mut shared = part.lock();
                shared.stop();
                shared.driver_to_wake()
            };
            if let Some(driver) = driver {
                driver.wake();
            }
        }
    }

    /// A handle of each shard by itself. What is made on one of them lives there, for tasks on its driver's thread: a
    /// listener, say, that accepts what came through its queue. It knows nothing of the addresses that were taken on
    /// others, and limits are those of one.
    pub fn shards(&self) -> impl Iterator<Item = Net> {
        let all = self.clone();
        (0..self.shard_count()).map(move |at| Net { at, alone: true, ..all.clone() })
    }

    /// What this handle stands for, one after the other: calls on each go to one of the shards. The first is the one
    /// that calls on this handle go to.
    pub(super) fn parts(&self) -> impl Iterator<Item = Net> {
        let (net, all) = (self.clone(), self.shard_count());
        let count = if self.alone { 1 } else { all };
        (0..count).map(move |more| Net { at: (net.at + more) % all, ..net.clone() })
    }

    /// Where what is in one place for all lives.
    pub(super) fn home(&self) -> Net {
        Net { at: if self.alone { self.at } else { 0 }, ..self.clone() }
    }

    /// Where a connection from this address is to live, or anything else that has it; one whose port is still to be
    /// chosen lives anywhere.
    pub(super) fn place_for(&self, local: Option<SocketAddr>) -> Net {
        let count = self.shard_count();
        if self.is_one() {
            return self.clone();
        }
        let at = match local.map(|local| local.port()) {
            None | Some(0) => TURN.fetch_add(1, Ordering::Relaxed) % count,
            Some(port) => Shard { index: 0, count }.index_of_port(port),
        };
        Net { at, ..self.clone() }
    }

    /// Whether it stands for one shard.
    fn is_one(&self) -> bool {
        self.alone || self.shards.len() == 1
    }

    /// Where a connection to this peer is to live that may use what the last one to it has left: its cookie.
    pub(super) fn place_for_peer(&self, peer: IpAddr) -> Net {
        if self.is_one() {
            return self.clone();
        }
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(peer);
        Net { at: (hash % u64::from(self.shard_count())) as u16, ..self.clone() }
    }

    fn shard_count(&self) -> u16 {
        // No more than were numbered in their settings.
        self.shards.len() as u16
    }

    /// Calls each of the stacks that there still is.
    fn on_all_parts<T>(&self, mut with: T, call: impl Fn(&mut Stack, &mut T)) {
        for part in self.parts() {
            // After the end there is nothing left to do.
            let _ = part.call(|stack| call(stack, &mut with));
        }
    }
}
