//! UDP and ICMP in both directions.

use std::task::Poll;

use bytes::Bytes;
use glasstcp::stack::{PingAnswer, SocketError, UdpError};
use glasstcp::wire::icmp::{Notice, Report};
use smoltcp::iface::SocketHandle;
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::socket::{icmp, udp};
use smoltcp::wire::{Icmpv4DstUnreachable, Icmpv4Packet, Icmpv4Repr, IpEndpoint, IpListenEndpoint};

use super::link::{Ours, Theirs};
use super::peer::THEIR_IP;
use super::world::{OUR_IP, Setup, World, cx, our_address, pattern, seconds, their_address};

const ECHO_PORT: u16 = 7;
const ASKING_PORT: u16 = 40_000;
/// What IPv4 and UDP or ICMP headers leave of a packet.
const HEADERS: usize = 28;

fn their_udp(world: &mut World, port: u16) -> SocketHandle {
    let buffer = || udp::PacketBuffer::new(vec![udp::PacketMetadata::EMPTY; 8], vec![0; 200_000]);
    let mut socket = udp::Socket::new(buffer(), buffer());
    socket.bind(port).unwrap();
    world.theirs.sockets.add(socket)
}

fn their_icmp(world: &mut World, endpoint: icmp::Endpoint) -> SocketHandle {
    let buffer = || icmp::PacketBuffer::new(vec![icmp::PacketMetadata::EMPTY; 8], vec![0; 200_000]);
    let mut socket = icmp::Socket::new(buffer(), buffer());
    socket.bind(endpoint).unwrap();
    world.theirs.sockets.add(socket)
}

fn sizes(mtu: u16) -> [usize; 5] {
    let most = usize::from(mtu) - HEADERS;
    [0, 1, 33, most - 1, most]
}

#[test]
fn we_echo_their_datagrams() {
    for mtu in [68, 576, 1500, 65_535] {
        let mut world = World::new(Setup { mtu, ..Setup::default() });
        let ours = world.ours.udp_bind(our_address(ECHO_PORT)).unwrap();
        let theirs = their_udp(&mut world, ASKING_PORT);
        for len in sizes(mtu) {
            let data = pattern(len, Theirs);
            let to = IpEndpoint::new(OUR_IP.into(), ECHO_PORT);
            world.theirs.get::<udp::Socket>(theirs).send_slice(&data, to).unwrap();
            world.run(seconds(1), |world| {
                if let Poll::Ready(got) = world.ours.poll_udp_receive(ours, &mut cx()) {
                    let (payload, from) = got.unwrap();
                    assert_eq!(from, their_address(ASKING_PORT));
                    world.ours.udp_send(ours, payload, from).unwrap();
                }
                match world.theirs.get::<udp::Socket>(theirs).recv() {
                    Ok((payload, meta)) => {
                        assert_eq!(payload, data);
                        assert_eq!(meta.endpoint, to);
                        true
                    }
                    Err(_) => false,
                }
            });
        }
    }
}

#[test]
fn they_echo_our_datagrams() {
    for mtu in [68, 576, 1500, 65_535] {
        let mut world = World::new(Setup { mtu, ..Setup::default() });
        let ours = world.ours.udp_bind(our_address(0)).unwrap();
        let theirs = their_udp(&mut world, ECHO_PORT);
        for len in sizes(mtu) {
            let data = Bytes::from(pattern(len, Ours));
            world.ours.udp_send(ours, data.clone(), their_address(ECHO_PORT)).unwrap();
            world.run(seconds(1), |world| {
                let socket = world.theirs.get::<udp::Socket>(theirs);
                if let Ok((payload, meta)) = socket.recv().map(|(p, m)| (p.to_vec(), m)) {
                    socket.send_slice(&payload, meta.endpoint).unwrap();
                }
                match world.ours.poll_udp_receive(ours, &mut cx()) {
                    Poll::Ready(got) => {
                        assert_eq!(got.unwrap(), (data.clone(), their_address(ECHO_PORT)));
                        true
                    }
                    Poll::Pending => false,
                }
            });
        }
        let too_long = vec![0; usize::from(mtu) - HEADERS + 1].into();
        let refused = world.ours.udp_send(ours, too_long, their_address(ECHO_PORT));
        assert_eq!(refused, Err(SocketError::MessageTooLong));
    }
}

/// They learn from our ICMP error that nobody is there. (smoltcp understands only errors that quote
/// a whole datagram; of longer ones the link checks that they fit and are well made.)
#[test]
fn their_datagram_finds_nobody() {
    for mtu in [68, 100, 576, 1500, 65_535] {
        for len in sizes(mtu) {
            let mut world = World::new(Setup { mtu, ..Setup::default() });
            let asking = their_udp(&mut world, ASKING_PORT);
            let local = IpListenEndpoint { addr: Some(THEIR_IP.into()), port: ASKING_PORT };
            let errors = their_icmp(&mut world, icmp::Endpoint::Udp(local));
            let to = IpEndpoint::new(OUR_IP.into(), 9999);
            let data = pattern(len, Theirs);
            world.theirs.get::<udp::Socket>(asking).send_slice(&data, to).unwrap();
            world.pass(seconds(1));
            assert_eq!(world.ours.counters().icmp_errors_sent, 1);
            let socket = world.theirs.get::<icmp::Socket>(errors);
            if 2 * HEADERS + len > usize::from(mtu.min(576)) {
                assert!(!socket.can_recv());
                continue;
            }
            let (message, from) = socket.recv().unwrap();
            assert_eq!(from, OUR_IP.into());
            let packet = Icmpv4Packet::new_checked(message).unwrap();
            let checks = ChecksumCapabilities::default();
            let Ok(Icmpv4Repr::DstUnreachable { reason, header, data: quoted }) =
                Icmpv4Repr::parse(&packet, &checks)
            else {
                panic!("not destination unreachable");
            };
            assert_eq!(reason, Icmpv4DstUnreachable::PortUnreachable);
            assert_eq!((header.src_addr, header.dst_addr), (THEIR_IP, OUR_IP));
            assert_eq!(&quoted[8..], data, "the payload follows the UDP header");
        }
    }
}

#[test]
fn our_datagram_finds_nobody() {
    let mut world = World::new(Setup::default());
    let ours = world.ours.udp_bind(our_address(0)).unwrap();
    world.ours.udp_send(ours, Bytes::from_static(b"hello?"), their_address(9999)).unwrap();
    world.pass(seconds(1));
    assert!(world.ours.poll_udp_receive(ours, &mut cx()).is_pending());
    let Poll::Ready(Ok(error)) = world.ours.poll_udp_error(ours, &mut cx()) else {
        panic!("nobody says that there is nobody");
    };
    let notice = Notice { report: Report::PortUnreachable, by: THEIR_IP.into() };
    let text = Bytes::from_static(b"hello?");
    assert_eq!(error, UdpError { to: their_address(9999), notice, text });
}

#[test]
fn they_ping_us() {
    const IDENT: u16 = 0x1234;
    for mtu in [68, 576, 1500, 65_535] {
        let mut world = World::new(Setup { mtu, ..Setup::default() });
        let handle = their_icmp(&mut world, icmp::Endpoint::Ident(IDENT));
        for (seq_no, len) in sizes(mtu).into_iter().enumerate() {
            let data = pattern(len, Theirs);
            let checks = ChecksumCapabilities::default();
            let (ident, seq_no) = (IDENT, seq_no as u16);
            let request = Icmpv4Repr::EchoRequest { ident, seq_no, data: &data };
            let socket = world.theirs.get::<icmp::Socket>(handle);
            let room = socket.send(request.buffer_len(), OUR_IP.into()).unwrap();
            request.emit(&mut Icmpv4Packet::new_unchecked(room), &checks);
            let begun = world.now;
            world.run(seconds(1), |world| {
                let Ok((message, from)) = world.theirs.get::<icmp::Socket>(handle).recv() else {
                    return false;
                };
                assert_eq!(from, OUR_IP.into());
                let packet = Icmpv4Packet::new_checked(message).unwrap();
                let reply = Icmpv4Repr::parse(&packet, &checks).unwrap();
                assert_eq!(reply, Icmpv4Repr::EchoReply { ident, seq_no, data: &data });
                true
            });
            assert_eq!(world.now.since(begun), 2 * world.link.delay);
        }
        assert_eq!(world.ours.counters().icmp_echo_replies, 5);
    }
}

#[test]
fn we_ping_them() {
    for mtu in [68, 576, 1500, 65_535] {
        let mut world = World::new(Setup { mtu, ..Setup::default() });
        let key = world.ours.ping_bind(9).unwrap();
        for (seq, len) in (0..).zip(sizes(mtu)) {
            let payload = Bytes::from(pattern(len, Ours));
            world.ours.ping_send(key, THEIR_IP.into(), seq, payload.clone()).unwrap();
            world.pass(seconds(1));
            let answer = world.ours.poll_ping_receive(key, &mut cx());
            let reply = PingAnswer::Reply { from: THEIR_IP.into(), seq, ttl: 64, payload };
            assert_eq!(answer, Poll::Ready(Ok(reply)));
        }
    }
}
