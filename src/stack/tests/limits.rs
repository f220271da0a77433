//! Every table has a limit; reaching it is counted and refused.

use bytes::Bytes;

use super::world::Side::{Client, Server};
use super::world::{PORT, Pair, World, craft, cx, random_loss, ready};
use crate::event::Refusal;
use crate::stack::SocketError;
use crate::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn connections_are_limited_for_who_opens() {
    let mut world = World::with(|_, config| config.limits.connections = 3);
    let keys: Vec<_> = (0..3).map(|_| world.connect()).collect();
    let refused = world.stack(Client).connect(None, Server.addr(PORT), None);
    assert_eq!(refused, Err(SocketError::Exhausted));
    world.close(Client, keys[0]);
    let again = world.stack(Client).connect(None, Server.addr(PORT), None);
    assert!(again.is_ok(), "one has become free");
}

#[test]
fn connections_are_limited_for_who_listens() {
    let mut world = World::with(|side, config| {
        if side == Server {
            config.limits.connections = 2;
        }
    });
    let listener = world.listen();
    let pairs: Vec<Pair> = (0..2)
        .map(|_| {
            let client = world.connect();
            world.accepted(listener, client)
        })
        .collect();
    let third = world.connect();
    world.pass(5 * SECOND);
    assert!(world.refused(Server, Refusal::ConnectionLimit) >= 1);
    assert_eq!(world.accept(listener), None);
    world.close_both(&pairs[0]);
    let pair = world.accepted(listener, third);
    world.close_both(&pair);
    world.close_both(&pairs[1]);
    world.assert_quiet_end();
}

#[test]
fn half_open_connections_of_all_listeners_together_are_limited() {
    let mut world = World::with(|_, config| {
        config.limits.syn_queue = 3;
        config.syn_cookies = false;
    });
    for port in [80, 81] {
        world.stack(Server).listen(Server.addr(port), 16).unwrap();
    }
    for nth in 0..6 {
        let from = ([10, 0, 0, 77], 7000 + nth).into();
        let to = Server.addr(80 + nth % 2);
        let (seq, none) = (Default::default(), Default::default());
        let syn = craft::segment(from, to, seq, none, crate::wire::tcp::Flags::SYN);
        world.inject(Server, craft::tcp(from, to, &syn));
    }
    world.turn();
    assert_eq!(world.stack(Server).half_open.len(), 3);
    assert_eq!(world.refused(Server, Refusal::SynQueueFull), 3);
}

/// Beyond the limit a connection is forgotten at once: shorter waiting, not fewer connections.
#[test]
fn records_in_time_wait_are_limited() {
    let mut world = World::with(|_, config| config.limits.time_wait = 2);
    let listener = world.listen();
    for _ in 0..5 {
        let client = world.connect();
        let pair = world.accepted(listener, client);
        world.close(Client, pair.client);
        world.pass(SECOND / 20);
        world.close(Server, pair.server);
        world.pass(SECOND / 20);
        assert_eq!(world.stack(Server).connections.len(), 0, "its FIN was acknowledged");
    }
    assert_eq!(world.stack(Client).time_wait.len(), 2);
    world.assert_quiet_end();
}

#[test]
fn datagrams_that_wait_are_limited_by_bytes() {
    let mut world = World::with(|_, config| config.limits.udp_queue = 10_000);
    let server = world.stack(Server).udp_bind(Server.addr(9)).unwrap();
    let client = world.stack(Client).udp_bind(Client.addr(9)).unwrap();
    for nth in 0..20u8 {
        let payload = Bytes::from(vec![nth; 1000]);
        world.stack(Client).udp_send(client, payload, Server.addr(9)).unwrap();
    }
    world.pass(SECOND);
    // Each counts for its bytes and 128 more.
    assert_eq!(world.refused(Server, Refusal::UdpQueueFull), 20 - 8);
    for nth in 0..8u8 {
        let got = ready(world.stack(Server).poll_udp_receive(server, &mut cx()));
        assert_eq!(got, Some(Ok((Bytes::from(vec![nth; 1000]), Client.addr(9)))));
    }
    assert_eq!(ready(world.stack(Server).poll_udp_receive(server, &mut cx())), None);
    world.stack(Client).udp_send(client, Bytes::new(), Server.addr(9)).unwrap();
    world.pass(SECOND);
    let got = ready(world.stack(Server).poll_udp_receive(server, &mut cx()));
    assert_eq!(got, Some(Ok((Bytes::new(), Client.addr(9)))), "there is room again");
    let large = Bytes::from(vec![0; 1473]);
    let refused = world.stack(Client).udp_send(client, large, Server.addr(9));
    assert_eq!(refused, Err(SocketError::MessageTooLong));
}

/// Datagrams to a port that nobody has are refused by an ICMP error that fits the device.
#[test]
fn errors_quote_no_more_than_fits() {
    for mtu in [68, 100, 576, 1500] {
        let mut world = World::with(|_, config| config.mtu = mtu);
        let from = Client.addr(9);
        let payload = vec![0; usize::from(mtu) - 28];
        world.inject(Server, craft::udp(from, Server.addr(9), &payload));
        world.turn();
        let (side, error) = world.others.last().cloned().unwrap();
        assert_eq!(side, Server);
        assert!(error.len() <= usize::from(mtu).min(576) && error.len() >= 56);
    }
}

#[test]
fn counters_are_the_same_for_the_same_world() {
    let run = || {
        let mut world = World::new();
        world.judge = random_loss(9, 20);
        let pair = world.open();
        world.duplex(&pair, [50_000, 50_000], 1000 * SECOND);
        world.close_both(&pair);
        world.pass(500 * SECOND);
        let rows = [Client, Server].map(|side| world.stack(side).counters().rows());
        rows.concat()
    };
    let first = run();
    assert_eq!(first, run());
    let named = |name: &str| first.iter().any(|(row, _)| *row == name);
    assert!(named("tcp_retransmissions") && named("tcp_segments_received"), "{first:?}");
}
