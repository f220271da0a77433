//! Addresses that are taken before they are used.

use std::net::SocketAddr;

use super::world::Side::{Client, Server};
use super::world::{PORT, World};
use crate::stack::SocketError;

fn any(port: u16) -> SocketAddr {
    ([0; 4], port).into()
}

#[test]
fn an_address_is_taken_until_it_is_given_back() {
    let mut world = World::new();
    let stack = world.stack(Client);
    let local = Client.addr(4000);
    let key = stack.bind(local, false).unwrap();
    assert_eq!(stack.bound_addr(key), Some(local));
    for (other, shared) in [(local, false), (local, true), (any(4000), true)] {
        assert_eq!(stack.bind(other, shared), Err(SocketError::AddrInUse));
    }
    assert_eq!(stack.listen(local, 1).unwrap_err(), SocketError::AddrInUse);
    let remote = Server.addr(PORT);
    assert_eq!(stack.connect(Some(local), remote, None), Err(SocketError::AddrInUse));
    stack.bind(Client.addr(4001), false).unwrap();
    assert_eq!(stack.bind(Server.addr(4000), false), Err(SocketError::AddrNotAvailable));
    stack.unbind(key);
    assert_eq!(stack.bound_addr(key), None);
    stack.bind(any(4000), false).unwrap();
    assert_eq!(stack.bind(local, false), Err(SocketError::AddrInUse), "all addresses are taken");
    assert_eq!(stack.tables().addresses, 2);
}

#[test]
fn addresses_are_shared_if_all_agree_but_not_with_a_listener() {
    let mut world = World::new();
    let stack = world.stack(Client);
    let local = Client.addr(4000);
    let first = stack.bind(local, true).unwrap();
    let second = stack.bind(any(4000), true).unwrap();
    assert_eq!(stack.bind(local, false), Err(SocketError::AddrInUse));
    let listener = stack.listen_on(first, 1, None).unwrap();
    assert_eq!(stack.listener_addr(listener), Some(local));
    assert_eq!(stack.bound_addr(first), None, "the listener has it now");
    assert_eq!(stack.listen_on(second, 1, None), Err(SocketError::AddrInUse));
    assert_eq!(stack.bound_addr(second), Some(any(4000)), "it is kept for another attempt");
    assert_eq!(stack.bind(local, true), Err(SocketError::AddrInUse));
}

#[test]
fn a_connection_comes_from_the_address_that_was_taken() {
    let mut world = World::new();
    let listener = world.listen();
    let key = world.stack(Client).bind(any(0), false).unwrap();
    let port = world.stack(Client).bound_addr(key).unwrap().port();
    assert!(port >= 32_768, "an ephemeral one: {port}");
    let remote = Server.addr(PORT);
    assert_eq!(
        world.stack(Client).connect_from(key, ([9, 9, 9, 9], 0).into(), None),
        Err(SocketError::NoRoute)
    );
    let client = world.stack(Client).connect_from(key, remote, None).unwrap();
    assert_eq!(world.stack(Client).local_addr(client), Some(Client.addr(port)));
    let pair = world.accepted(listener, client);
    let again = world.stack(Client).bind(Client.addr(port), false).unwrap();
    assert_eq!(
        world.stack(Client).connect_from(again, remote, None),
        Err(SocketError::AddrInUse),
        "there is such a connection"
    );
    world.stack(Client).unbind(again);
    world.close_both(&pair);
}
