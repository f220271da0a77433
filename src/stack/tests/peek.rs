//! Looking without taking: at what waits to be read, and at how a connection ended.

use std::net::SocketAddr;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;

use super::world::Side::{Client, Server};
use super::world::{World, pattern};
use crate::stack::{ConnKey, SocketError};

const PATIENCE: Duration = Duration::from_secs(10);

fn cx() -> Context<'static> {
    Context::from_waker(Waker::noop())
}

/// What the server sees when it peeks into a buffer of `len` bytes.
fn peek(world: &mut World, key: ConnKey, len: usize) -> Poll<Result<Vec<u8>, SocketError>> {
    let mut buf = vec![0; len];
    let seen = world.stack(Server).poll_peek(key, &mut buf, &mut cx());
    seen.map_ok(|seen| buf[..seen].to_vec())
}

#[test]
fn what_was_seen_is_still_there_to_read() {
    let mut world = World::new();
    let pair = world.open();
    assert_eq!(peek(&mut world, pair.server, 8), Poll::Pending);

    // Several segments: one look reaches across all of them.
    let data = pattern(5000);
    assert_eq!(world.write(Client, pair.client, &data), Some(Ok(5000)));
    world.run(PATIENCE, |world| world.info(Server, pair.server).receive_queue == 5000);
    for len in [1, 1000, 4000, 5000, 9000] {
        let expected = data[..len.min(5000)].to_vec();
        assert_eq!(peek(&mut world, pair.server, len), Poll::Ready(Ok(expected)));
    }
    assert_eq!(world.info(Server, pair.server).receive_queue, 5000);
    let mut read = Vec::new();
    assert!(!world.drain(Server, pair.server, &mut read));
    assert_eq!(read, data);
    assert_eq!(peek(&mut world, pair.server, 8), Poll::Pending);

    world.stack(Client).shutdown_write(pair.client).unwrap();
    world.run(PATIENCE, |world| peek(world, pair.server, 8).is_ready());
    assert_eq!(peek(&mut world, pair.server, 8), Poll::Ready(Ok(Vec::new())));
}

#[test]
fn the_reason_of_the_end_can_be_asked_for() {
    let mut world = World::new();
    let pair = world.open();
    assert_eq!(world.stack(Server).connection_error(pair.server), None);
    world.stack(Client).abort(pair.client);
    let reset = Some(SocketError::Reset);
    world.run(PATIENCE, |world| world.stack(Server).connection_error(pair.server) == reset);
    assert_eq!(world.stack(Client).connection_error(pair.client), Some(SocketError::Aborted));
    let seen = peek(&mut world, pair.server, 8);
    assert_eq!(seen, Poll::Ready(Err(SocketError::Reset)));
    // The look has not used it up.
    assert_eq!(world.read(Server, pair.server), Some(Err(SocketError::Reset)));
    world.stack(Server).close(pair.server);
    assert_eq!(world.stack(Server).connection_error(pair.server), None);
    assert_eq!(peek(&mut world, pair.server, 8), Poll::Ready(Err(SocketError::NotConnected)));
}

#[test]
fn a_datagram_that_was_seen_is_still_there() {
    let mut world = World::new();
    let to = SocketAddr::new(Server.ip(), 53);
    let server = world.stack(Server).udp_bind(to).unwrap();
    let from = SocketAddr::new(Client.ip(), 1000);
    let client = world.stack(Client).udp_bind(from).unwrap();
    assert_eq!(world.stack(Server).poll_udp_peek(server, &mut cx()), Poll::Pending);

    let datagrams = [Bytes::from_static(b"one"), Bytes::from_static(b"two")];
    for datagram in &datagrams {
        world.stack(Client).udp_send(client, datagram.clone(), to).unwrap();
    }
    world.pass(Duration::from_secs(1));
    for datagram in datagrams {
        let expected = Poll::Ready(Ok((datagram, from)));
        for _ in 0..2 {
            assert_eq!(world.stack(Server).poll_udp_peek(server, &mut cx()), expected);
        }
        assert_eq!(world.stack(Server).poll_udp_receive(server, &mut cx()), expected);
    }
    assert_eq!(world.stack(Server).poll_udp_peek(server, &mut cx()), Poll::Pending);
    world.stack(Server).udp_close(server);
    let gone = world.stack(Server).poll_udp_peek(server, &mut cx());
    assert_eq!(gone, Poll::Ready(Err(SocketError::NotConnected)));
}
