//! Ping sockets: what they send, what comes back to them, and to no other.

use std::task::Poll;

use bytes::Bytes;

use super::world::Side::{Client, Server};
use super::world::{World, craft, cx, drop_all, ready};
use crate::event::Refusal;
use crate::stack::{PingAnswer, PingKey, SocketError};
use crate::time::Duration;
use crate::wire::icmp::{Notice, Report};
use crate::wire::ip;

const SECOND: Duration = Duration::from_secs(1);

fn receive(world: &mut World, key: PingKey) -> Option<PingAnswer> {
    ready(world.stack(Client).poll_ping_receive(key, &mut cx())).map(Result::unwrap)
}

fn send(world: &mut World, key: PingKey, seq: u16, text: &'static str) {
    let to = Server.ip();
    world.stack(Client).ping_send(key, to, seq, text.into()).unwrap();
    world.turn();
}

#[test]
fn requests_are_answered_to_the_socket_that_sent_them() {
    let mut world = World::new();
    let sockets = [0x1234, 0, 0].map(|asked| world.stack(Client).ping_bind(asked).unwrap());
    let identifiers = sockets.map(|key| world.stack(Client).ping_identifier(key).unwrap());
    assert_eq!(identifiers[0], 0x1234);
    assert_ne!(identifiers[1], identifiers[2]);
    assert_eq!(world.stack(Client).ping_bind(0x1234), Err(SocketError::AddrInUse));
    for (seq, key) in (7..).zip(sockets) {
        send(&mut world, key, seq, "hello");
    }
    world.pass(SECOND);
    for (seq, key) in (7..).zip(sockets) {
        let payload = Bytes::from_static(b"hello");
        let reply = PingAnswer::Reply { from: Server.ip(), seq, ttl: 64, payload };
        assert_eq!(receive(&mut world, key), Some(reply));
        assert_eq!(receive(&mut world, key), None);
    }
    let counters = world.stack(Client).counters();
    assert_eq!((counters.icmp_echo_requests, counters.icmp_echo_answers), (3, 3));
    assert_eq!(world.stack(Client).tables().ping_sockets, 3);
    sockets.into_iter().for_each(|key| world.stack(Client).ping_close(key));
    let dead = ready(world.stack(Client).poll_ping_receive(sockets[0], &mut cx()));
    assert_eq!(dead, Some(Err(SocketError::NotConnected)));
    world.assert_quiet_end();
}

#[test]
fn a_reply_to_nobody_is_refused_by_name() {
    let mut world = World::new();
    let key = world.stack(Client).ping_bind(5).unwrap();
    send(&mut world, key, 1, "hello");
    world.stack(Client).ping_close(key);
    world.pass(SECOND);
    assert_eq!(world.refused(Client, Refusal::IcmpEchoStray), 1);
    let with_a_code = craft::icmp(Server.addr(0), Client.addr(0), [0, 1], b"");
    world.inject(Client, with_a_code);
    world.turn();
    assert_eq!(world.refused(Client, Refusal::IcmpIgnored), 1);
}

#[test]
fn what_the_network_reports_about_a_request_names_it_and_who_says_so() {
    let mut world = World::new();
    world.packets = Some(Vec::new());
    world.judge = drop_all();
    let key = world.stack(Client).ping_bind(0x8001).unwrap();
    world.stack(Client).set_ping_ttl(key, 1).unwrap();
    send(&mut world, key, 0xfffe, "hello");
    let (_, request) = world.packets.iter().flatten().next_back().unwrap().clone();
    assert_eq!(ip::parse(&request).unwrap().ttl, 1);
    let about = |packet: &[u8]| craft::icmp_error([11, 0], 0, packet);
    world.inject(Client, about(&request));
    let mut other = request.to_vec();
    other[25] ^= 1;
    world.inject(Client, about(&other));
    let mut reply = request.to_vec();
    reply[20] = 0;
    world.inject(Client, about(&reply));
    world.turn();
    let notice = Notice { report: Report::TimeExceeded, by: [10, 0, 0, 254].into() };
    let error = PingAnswer::Error { to: Server.ip(), seq: 0xfffe, notice };
    assert_eq!(receive(&mut world, key), Some(error));
    assert_eq!(world.stack(Client).counters().icmp_errors_received, 1);
    assert_eq!(world.refused(Client, Refusal::IcmpQuoteStray), 1, "another identifier");
    assert_eq!(world.refused(Client, Refusal::IcmpIgnored), 1, "no request of ours");
}

#[test]
fn what_cannot_be_sent_is_refused() {
    let mut world = World::new();
    let stack = world.stack(Client);
    let key = stack.ping_bind(0).unwrap();
    let mut sent = |to: std::net::IpAddr, len| stack.ping_send(key, to, 1, vec![0; len].into());
    assert_eq!(sent(Client.ip(), 1), Err(SocketError::NoRoute));
    assert_eq!(sent([255; 4].into(), 1), Err(SocketError::NoRoute));
    assert_eq!(sent(Server.ip(), 1473), Err(SocketError::MessageTooLong));
    assert_eq!(sent(Server.ip(), 1472), Ok(()));
    stack.shutdown();
    assert_eq!(stack.ping_bind(0), Err(SocketError::StackGone));
    let ended = stack.poll_ping_receive(key, &mut cx());
    assert_eq!(ended, Poll::Ready(Err(SocketError::StackGone)));
}

#[test]
fn all_identifiers_can_be_used_and_no_more() {
    let mut world = World::new();
    let stack = world.stack(Client);
    let mut last = None;
    for _ in 0..u16::MAX {
        last = Some(stack.ping_bind(0).unwrap());
    }
    assert_eq!(stack.ping_bind(0), Err(SocketError::Exhausted));
    stack.ping_close(last.unwrap());
    stack.ping_bind(0).unwrap();
}

#[test]
fn answers_that_nobody_takes_are_bounded() {
    let mut world = World::with(|_, config| config.limits.udp_queue = 300);
    let key = world.stack(Client).ping_bind(0).unwrap();
    for seq in 0..3 {
        send(&mut world, key, seq, "");
    }
    world.pass(SECOND);
    assert_eq!(world.refused(Client, Refusal::IcmpQueueFull), 1);
    assert!(receive(&mut world, key).is_some());
    send(&mut world, key, 3, "");
    world.pass(SECOND);
    let rest = [receive(&mut world, key), receive(&mut world, key)];
    let seqs = rest.map(|answer| match answer {
        Some(PingAnswer::Reply { seq, .. }) => seq,
        other => panic!("{other:?}"),
    });
    assert_eq!(seqs, [1, 3]);
}
