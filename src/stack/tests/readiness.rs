//! What poll(2) says in each state, and who is told of news.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use super::world::Side::{self, Client, Server};
use super::world::{PORT, Pair, World, drop_all};
use crate::event::State;
use crate::stack::{ConnKey, SocketError};
use crate::tcp::SendFlags;

const IN: u16 = 0x1;
const PRI: u16 = 0x2;
const OUT: u16 = 0x4;
const ERR: u16 = 0x8;
const HUP: u16 = 0x10;
const RDHUP: u16 = 0x2000;

const PATIENCE: Duration = Duration::from_secs(100);

/// Counts how often it was woken.
#[derive(Default)]
struct Bell(AtomicUsize);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Bell {
    fn rings(&self) -> usize {
        self.0.swap(0, Ordering::Relaxed)
    }
}

fn bits(world: &mut World, side: Side, key: ConnKey) -> u16 {
    world.stack(side).readiness(key).unwrap().poll_bits()
}

fn both(world: &mut World, pair: &Pair) -> (u16, u16) {
    (bits(world, Client, pair.client), bits(world, Server, pair.server))
}

#[test]
fn poll_says_of_each_state_what_linux_says() {
    let mut world = World::new();
    let listener = world.listen();
    assert_eq!(world.stack(Server).listener_readiness(listener).unwrap().poll_bits(), 0);
    let client = world.connect();
    assert_eq!(bits(&mut world, Client, client), 0, "SYN-SENT");
    world.pass(Duration::from_millis(50));
    assert_eq!(world.stack(Server).listener_readiness(listener).unwrap().poll_bits(), IN);
    let server = world.accept(listener).unwrap();
    let pair = Pair { client, server };
    assert_eq!(both(&mut world, &pair), (OUT, OUT), "ESTABLISHED");
    world.write_all(Client, client, b"x");
    world.pass(Duration::from_millis(50));
    assert_eq!(both(&mut world, &pair), (OUT, IN | OUT));
    world.expect(Server, server, b"x");
    world.shutdown(Client, client);
    world.pass(Duration::from_millis(50));
    assert_eq!(world.states(&pair), (State::FinWait2, State::CloseWait));
    assert_eq!(both(&mut world, &pair), (OUT, IN | OUT | RDHUP));
    world.shutdown(Server, server);
    world.pass(Duration::from_millis(50));
    assert_eq!(world.states(&pair), (State::TimeWait, State::Closed));
    let over = IN | OUT | RDHUP | HUP;
    assert_eq!(both(&mut world, &pair), (over, over));
    world.close_both(&pair);
    assert_eq!(world.stack(Client).readiness(client), Err(SocketError::NotConnected));
}

#[test]
fn poll_tells_an_error_until_it_is_taken() {
    let mut world = World::new();
    let pair = world.open();
    world.abort(Server, pair.server);
    world.run(PATIENCE, |world| world.state(Client, pair.client) == State::Closed);
    let over = IN | OUT | RDHUP | HUP;
    assert_eq!(bits(&mut world, Client, pair.client), over | ERR);
    assert_eq!(world.stack(Client).take_error(pair.client), Some(SocketError::Reset));
    assert_eq!(bits(&mut world, Client, pair.client), over);
    assert_eq!(world.stack(Client).take_error(pair.client), None);
    assert_eq!(world.stack(Client).connection_error(pair.client), Some(SocketError::Reset));

    // An open that is refused.
    let refused = world.stack(Client).connect(None, Server.addr(PORT + 1), None).unwrap();
    world.pass(Duration::from_millis(50));
    assert_eq!(bits(&mut world, Client, refused), over | ERR);
}

#[test]
fn poll_tells_what_was_shut_down_here() {
    let mut world = World::new();
    let pair = world.open();
    world.stack(Client).shutdown_read(pair.client).unwrap();
    assert_eq!(bits(&mut world, Client, pair.client), IN | OUT | RDHUP);
    world.shutdown(Client, pair.client);
    assert_eq!(bits(&mut world, Client, pair.client), IN | OUT | RDHUP | HUP);
}

#[test]
fn poll_tells_urgent_data() {
    let mut world = World::new();
    let pair = world.open();
    let urgent = SendFlags { urgent: true, ..SendFlags::default() };
    let written =
        world.stack(Client).poll_send_with(pair.client, b"ab", urgent, &mut super::world::cx());
    assert!(written.is_ready());
    world.pass(Duration::from_millis(50));
    assert_eq!(bits(&mut world, Server, pair.server), IN | OUT | PRI);
    world.expect_piece(Server, pair.server, b"a");
    assert_eq!(bits(&mut world, Server, pair.server), OUT | PRI, "the octet alone is no text");
    assert_eq!(world.stack(Server).at_mark(pair.server), Ok(true));
    assert_eq!(world.stack(Server).receive_urgent(pair.server, false), Ok(Some(b'b')));
    assert_eq!(bits(&mut world, Server, pair.server), OUT);
    let error = world.stack(Server).receive_urgent(pair.server, false);
    assert_eq!(error, Err(SocketError::NoUrgentData));
}

#[test]
fn who_watches_is_told_that_more_has_come_although_there_was_something() {
    let mut world = World::new();
    let pair = world.open();
    let bell = Arc::new(Bell::default());
    let waker = Waker::from(bell.clone());
    let mut cx = Context::from_waker(&waker);
    let mut watch = |world: &mut World| world.stack(Server).watch(pair.server, &mut cx).unwrap();
    let first = watch(&mut world);
    assert_eq!((first.poll_bits(), first.news, bell.rings()), (OUT, 0, 0));
    for nth in 1..=3 {
        world.write_all(Client, pair.client, b"more");
        world.pass(Duration::from_millis(50));
        assert_eq!(bell.rings(), 1, "number {nth}");
        let now = watch(&mut world);
        assert_eq!((now.poll_bits(), now.news), (IN | OUT, nth));
    }
    world.read_at_most(Server, pair.server, 4);
    world.write_all(Server, pair.server, b"answer");
    world.pass(Duration::from_millis(50));
    assert_eq!((bell.rings(), watch(&mut world).news), (0, 3), "that is no news");
    world.shutdown(Client, pair.client);
    world.pass(Duration::from_millis(50));
    assert_eq!((bell.rings(), watch(&mut world).news), (1, 4));
    assert_eq!(world.stack(Server).tables().wakers, 1);
    world.close(Server, pair.server);
    assert_eq!(world.stack(Server).tables().wakers, 0);
}

#[test]
fn who_watches_is_told_of_room_only_after_there_was_none() {
    let mut world = World::with_tcp(|config| config.fix_buffers(20_000));
    let pair = world.open();
    let bell = Arc::new(Bell::default());
    let waker = Waker::from(bell.clone());
    let mut cx = Context::from_waker(&waker);
    let mut watch = |world: &mut World| world.stack(Client).watch(pair.client, &mut cx).unwrap();
    assert!(watch(&mut world).writable);
    world.write_all(Client, pair.client, &[7; 5_000]);
    world.pass(Duration::from_millis(100));
    assert_eq!((bell.rings(), watch(&mut world).news), (0, 0));
    world.judge = drop_all();
    let taken = world.write(Client, pair.client, &[7; 50_000]).unwrap().unwrap();
    assert!(taken < 50_000);
    world.turn();
    assert!(!watch(&mut world).writable);
    world.judge = super::world::deliver_all();
    world.run(PATIENCE, |world| {
        while let Some(Ok(chunk)) = world.read(Server, pair.server) {
            assert!(!chunk.is_empty());
        }
        world.info(Client, pair.client).send_queue == 0
    });
    assert_eq!(bell.rings(), 1);
    let now = watch(&mut world);
    assert_eq!((now.writable, now.news), (true, 1));
}

#[test]
fn who_watches_a_listener_is_told_of_each_connection() {
    let mut world = World::new();
    let listener = world.listen();
    let bell = Arc::new(Bell::default());
    let waker = Waker::from(bell.clone());
    let mut cx = Context::from_waker(&waker);
    for nth in 1..=2 {
        let before = world.stack(Server).watch_listener(listener, &mut cx).unwrap();
        assert_eq!(before.news, nth - 1);
        world.connect();
        world.pass(Duration::from_millis(50));
        assert_eq!(bell.rings(), 1);
        assert_eq!(world.stack(Server).listener_readiness(listener).unwrap().news, nth);
    }
    let _ = world.stack(Server).watch_listener(listener, &mut cx).unwrap();
    world.stack(Server).close_listener(listener);
    world.turn();
    assert_eq!(bell.rings(), 1, "that there will be none is to be told, too");
}
