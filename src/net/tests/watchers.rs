//! Those who look at a stack from outside: observers that come and go, and lists of sockets.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{CLIENT, SERVER, connected, run, world};
use crate::event::{Event, Observer};
use crate::net::{Net, TcpListener, UdpSocket, Watchers};
use crate::stack::Entry;
use crate::tcp::Endpoints;
use crate::time::Instant;

#[derive(Clone, Default)]
struct Count(Arc<AtomicUsize>);

impl Count {
    fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Observer for Count {
    fn observe(&mut self, _: Instant, _: &Event) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn observers_come_and_go() {
    run(async {
        let world = world();
        let watchers = Watchers::new(&world.server);
        let (one, other) = (Count::default(), Count::default());
        let watching_one = watchers.add(Box::new(one.clone()));
        let _first = connected(&world).await;
        assert!(one.get() > 0);
        let watching_other = watchers.clone().add(Box::new(other.clone()));
        let before = one.get();
        let _second = connected(&world).await;
        assert_eq!(one.get() - before, other.get(), "both see the same");
        drop(watching_one);
        assert_eq!(Arc::strong_count(&one.0), 1);
        let (before, seen) = (one.get(), other.get());
        let _third = connected(&world).await;
        assert!(one.get() == before && other.get() > seen);
        drop(watching_other);
        let seen = other.get();
        let _fourth = connected(&world).await;
        assert_eq!(other.get(), seen);
        let _again = watchers.add(Box::new(one.clone()));
        let _fifth = connected(&world).await;
        assert!(one.get() > before);
    });
}

fn all(net: &Net) -> Vec<Entry> {
    let mut listing = net.list();
    std::iter::from_fn(|| listing.next_batch()).flatten().collect()
}

#[test]
fn a_list_has_everything_in_batches() {
    run(async {
        let world = world();
        let _socket = UdpSocket::bind(&world.server, (SERVER, 7)).await.unwrap();
        let mut pairs = Vec::new();
        for _ in 0..100 {
            pairs.push(connected(&world).await);
        }
        let (_client, server) = &pairs[99];
        let entries = all(&world.server);
        let connections = entries.iter().filter(|one| matches!(one, Entry::Connection { .. }));
        assert_eq!(connections.count(), 100);
        assert!(entries.iter().any(|one| matches!(one, Entry::Udp { .. })));

        let mut listing = world.server.list();
        let first = listing.next_batch().unwrap();
        assert!(first.len() < 100, "others have their turn");
        let ends =
            Endpoints { local: server.local_addr().unwrap(), remote: server.peer_addr().unwrap() };
        assert!(world.server.kill(ends));
        assert!(!world.server.kill(ends));
        let rest = std::iter::from_fn(|| listing.next_batch()).flatten();
        let is_it = |one: &Entry| matches!(one, Entry::Connection { info, .. } if info.remote == ends.remote);
        assert!(!rest.into_iter().any(|one| is_it(&one)), "it is gone when its turn comes");
        world.server.stop();
        world.server_driver.await.unwrap().unwrap();
        assert!(!world.server.kill(ends));
        let _ = TcpListener::bind(&world.client, (CLIENT, 1)).await.unwrap();
    });
}
