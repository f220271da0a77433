//! What the calls of applications refuse, and what they do with keys that have died.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use bytes::Bytes;

use super::world::Side::{Client, Server};
use super::world::{PORT, World, craft, cx, ready};
use crate::event::Refusal;
use crate::stack::{Address, SocketError};
use crate::tcp::congestion::Algorithm;
use crate::time::Duration;
use crate::wire::icmp;

const SECOND: Duration = Duration::from_secs(1);

fn foreign() -> SocketAddr {
    ([10, 0, 0, 99], 4000).into()
}

fn any(port: u16) -> SocketAddr {
    (Ipv4Addr::UNSPECIFIED, port).into()
}

#[test]
fn addresses_of_others_and_port_zero_are_refused() {
    let mut world = World::new();
    let stack = world.stack(Client);
    let not_own = SocketError::AddrNotAvailable;
    assert_eq!(stack.listen(foreign(), 1), Err(not_own));
    assert_eq!(stack.udp_bind(foreign()), Err(not_own));
    assert_eq!(stack.connect(Some(foreign()), Server.addr(PORT), None), Err(not_own));
    assert_eq!(stack.connect(None, Server.addr(0), None), Err(SocketError::NoRoute));
    let socket = stack.udp_bind(any(0)).unwrap();
    let sent = stack.udp_send(socket, Bytes::new(), Server.addr(0));
    assert_eq!(sent, Err(SocketError::NoRoute));
}

#[test]
fn the_unspecified_address_stands_for_every_own_one() {
    let mut world = World::new();
    world.listen();
    let stack = world.stack(Client);
    let key = stack.connect(Some(any(4321)), Server.addr(PORT), None).unwrap();
    assert_eq!(stack.info(key).unwrap().local, Client.addr(4321));

    let all = stack.udp_bind(any(53)).unwrap();
    assert_eq!(stack.udp_bind(Client.addr(53)), Err(SocketError::AddrInUse));
    let one = stack.udp_bind(Client.addr(54)).unwrap();
    assert_eq!(stack.udp_bind(any(54)), Err(SocketError::AddrInUse));

    let server = world.stack(Server).udp_bind(any(53)).unwrap();
    for (socket, port) in [(all, 53), (one, 54)] {
        let datagram = Bytes::from_static(b"?");
        world.stack(Client).udp_send(socket, datagram.clone(), Server.addr(53)).unwrap();
        world.pass(SECOND);
        let got = ready(world.stack(Server).poll_udp_receive(server, &mut cx()));
        assert_eq!(got, Some(Ok((datagram, Client.addr(port)))));
    }
}

#[test]
fn a_stack_that_ends_opens_nothing() {
    let mut world = World::new();
    let stack = world.stack(Client);
    stack.shutdown();
    let gone = SocketError::StackGone;
    assert_eq!(stack.listen(any(80), 1), Err(gone));
    assert_eq!(stack.udp_bind(any(53)), Err(gone));
    assert_eq!(stack.connect(None, Server.addr(PORT), None), Err(gone));
}

#[test]
fn a_key_that_has_died_answers_not_connected() {
    let mut world = World::new();
    let pair = world.open();
    world.close_both(&pair);
    let dead = Some(Err(SocketError::NotConnected));
    assert_eq!(world.connected(Client, pair.client), dead.map(|error| error.map(|_: usize| ())));
    assert_eq!(world.write(Client, pair.client, b"x"), dead);
    assert_eq!(world.read(Client, pair.client), Some(Err(SocketError::NotConnected)));
    let stack = world.stack(Client);
    assert_eq!(stack.shutdown_write(pair.client), Err(SocketError::NotConnected));
    assert_eq!(stack.set_nodelay(pair.client, true), Err(SocketError::NotConnected));
    let set = stack.set_congestion_control(pair.client, Algorithm::Reno);
    assert_eq!(set, Err(SocketError::NotConnected));
    stack.close(pair.client);
    stack.abort(pair.client);
    let socket = stack.udp_bind(any(53)).unwrap();
    stack.udp_close(socket);
    stack.udp_close(socket);
    assert_eq!(stack.udp_addr(socket), None);
    let received = ready(stack.poll_udp_receive(socket, &mut cx()));
    assert_eq!(received, Some(Err(SocketError::NotConnected)));
}

#[test]
fn an_echo_request_with_a_code_is_no_echo_request() {
    let mut world = World::new();
    for (code, refused) in [(0, 0), (1, 1)] {
        let (client, server) = (Client.addr(0), Server.addr(0));
        world.inject(Server, craft::icmp(client, server, [icmp::ECHO_REQUEST, code], b"ping"));
        world.pass(SECOND);
        assert_eq!(world.refused(Server, Refusal::IcmpIgnored), refused);
        assert_eq!(world.stack(Server).counters().icmp_echo_replies, 1);
    }
}

#[test]
fn short_networks_have_no_broadcast_address() {
    let address = |prefix_len| Address { ip: IpAddr::from([10, 0, 0, 1]), prefix_len };
    assert_eq!(address(30).broadcast(), Some(IpAddr::from([10, 0, 0, 3])));
    assert_eq!(address(31).broadcast(), None);
    assert_eq!(address(32).broadcast(), None);
    assert_eq!(address(24).to_string(), "10.0.0.1/24");
}
