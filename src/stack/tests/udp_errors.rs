//! What the network reports about datagrams reaches the sockets that sent them (RFC 1122 4.1.3.3).

use std::net::SocketAddr;

use bytes::Bytes;

use super::world::Side::{Client, Server};
use super::world::{World, craft, cx, ready};
use crate::event::Refusal;
use crate::stack::{SocketError, UdpError, UdpKey};
use crate::time::Duration;
use crate::wire::icmp::{Notice, Report};

const SECOND: Duration = Duration::from_secs(1);

/// A socket of the client's on port 5000, where nobody listens on the other side.
fn world() -> (World, UdpKey) {
    let mut world = World::new();
    let key = world.stack(Client).udp_bind(Client.addr(5000)).unwrap();
    (world, key)
}

fn send(world: &mut World, key: UdpKey, text: &'static str, port: u16) {
    world.stack(Client).udp_send(key, text.into(), Server.addr(port)).unwrap();
    world.pass(SECOND);
}

fn error(world: &mut World, key: UdpKey) -> Option<Result<UdpError, SocketError>> {
    ready(world.stack(Client).poll_udp_error(key, &mut cx()))
}

fn receive(world: &mut World, key: UdpKey) -> Option<Result<(Bytes, SocketAddr), SocketError>> {
    ready(world.stack(Client).poll_udp_receive(key, &mut cx()))
}

/// What the server itself says about a closed port.
fn closed() -> Notice {
    Notice { report: Report::PortUnreachable, by: Server.ip() }
}

#[test]
fn a_socket_without_a_peer_keeps_errors_for_who_asks() {
    let (mut world, key) = world();
    send(&mut world, key, "hello?", 7);
    let text = Bytes::from_static(b"hello?");
    let expected = UdpError { to: Server.addr(7), notice: closed(), text };
    assert_eq!(error(&mut world, key), Some(Ok(expected)));
    assert_eq!((error(&mut world, key), receive(&mut world, key)), (None, None));
    assert_eq!(world.stack(Client).counters().icmp_errors_received, 1);
    for _ in 0..20 {
        send(&mut world, key, "hello?", 7);
    }
    assert_eq!(world.refused(Client, Refusal::IcmpQueueFull), 4);
    for _ in 0..16 {
        assert!(matches!(error(&mut world, key), Some(Ok(_))));
    }
    assert_eq!(error(&mut world, key), None);
    world.stack(Client).udp_close(key);
    assert_eq!(error(&mut world, key), Some(Err(SocketError::NotConnected)));
    world.assert_quiet_end();
}

#[test]
fn the_next_call_on_a_socket_with_a_peer_fails_once() {
    let (mut world, key) = world();
    let refused = SocketError::Reported(closed());
    world.stack(Client).udp_connect(key, Server.addr(7)).unwrap();
    send(&mut world, key, "hello?", 7);
    assert_eq!(receive(&mut world, key), Some(Err(refused)));
    assert_eq!((receive(&mut world, key), error(&mut world, key)), (None, None));
    send(&mut world, key, "hello?", 7);
    let sent = world.stack(Client).udp_send(key, Bytes::new(), Server.addr(7));
    assert_eq!(sent, Err(refused));
    send(&mut world, key, "hello?", 7);
    let peeked = ready(world.stack(Client).poll_udp_peek(key, &mut cx()));
    assert_eq!(peeked, Some(Err(refused)));
    // What was sent to others is no concern of this peer's.
    send(&mut world, key, "hello?", 8);
    assert_eq!(receive(&mut world, key), None);
    assert_eq!(world.refused(Client, Refusal::IcmpQuoteStray), 1);
    assert_eq!(std::io::Error::from(refused).kind(), std::io::ErrorKind::ConnectionRefused);
}

#[test]
fn an_error_about_what_was_never_sent_is_refused() {
    let (mut world, key) = world();
    let about = |from: u16| {
        let datagram = craft::udp(Client.addr(from), Server.addr(7), b"forged");
        craft::icmp_error([3, 3], 0, &datagram)
    };
    world.inject(Client, about(5000));
    world.inject(Client, about(5001));
    world.turn();
    assert_eq!(world.refused(Client, Refusal::IcmpQuoteStray), 2);
    assert_eq!(error(&mut world, key), None);
    // A router that quotes no more than it must.
    send(&mut world, key, "hello?", 7);
    assert!(error(&mut world, key).is_some());
    world.inject(Client, about(5000));
    world.turn();
    let Some(Ok(UdpError { notice, text, .. })) = error(&mut world, key) else {
        panic!("no error");
    };
    assert_eq!((notice.by, text.len()), ([10, 0, 0, 254].into(), 0));
}
