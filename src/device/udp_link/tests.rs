use std::net::{IpAddr, Ipv4Addr};
use std::thread::sleep;
use std::time::Duration;

use etherparse::PacketBuilder;

use super::*;

const ANY: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// One that is told of no other end, where 10.9.0.1 and 10.9.0.2 are, whose time stands still.
fn open_for_all() -> (UdpLink, SocketAddr) {
    let own = [1, 2].map(|host| Address { ip: [10, 9, 0, host].into(), prefix_len: 24 });
    with_place(UdpLink::open_for_all(ANY, &own, 1500, || Instant::ZERO))
}

fn open(remote: SocketAddr) -> (UdpLink, SocketAddr) {
    with_place(UdpLink::open(ANY, remote, 1500))
}

fn with_place(link: io::Result<UdpLink>) -> (UdpLink, SocketAddr) {
    let link = link.unwrap();
    let place = link.local_addr().unwrap();
    (link, place)
}

/// A UDP packet from one host of 10.9.0.0/24 to another.
fn packet(from: u8, to: u8) -> Bytes {
    let builder = PacketBuilder::ipv4([10, 9, 0, from], [10, 9, 0, to], 64).udp(1, 2);
    let mut packet = Vec::new();
    builder.write(&mut packet, b"hello").unwrap();
    packet.into()
}

fn send(link: &mut UdpLink, packet: Bytes) {
    let mut packets = VecDeque::from([packet]);
    link.send_packets(&mut packets).unwrap();
    assert!(packets.is_empty());
}

/// What arrives, waited for.
fn receive(link: &mut UdpLink) -> Option<Bytes> {
    let mut rx = RxBatch::new();
    for _ in 0..100 {
        if link.receive(&mut rx, 1).unwrap() > 0 {
            return rx.pop_front().map(|packet| packet.bytes);
        }
        sleep(Duration::from_millis(1));
    }
    None
}

#[test]
fn an_end_that_knows_no_other_learns_where_each_address_is() {
    let (mut hub, place) = open_for_all();
    let [mut one, mut two] = [(); 2].map(|()| open(place).0);
    send(&mut hub, packet(2, 3));
    assert_eq!(hub.dropped().load(Ordering::Relaxed), 1, "nobody is known yet");
    for (link, host) in [(&mut one, 3), (&mut two, 4)] {
        send(link, packet(host, 2));
        assert_eq!(receive(&mut hub).unwrap(), packet(host, 2));
    }
    for (link, host) in [(&mut one, 3), (&mut two, 4)] {
        send(&mut hub, packet(2, host));
        assert_eq!(receive(link).unwrap(), packet(2, host));
    }
    // What says that it has an address of somebody else's is not heard, and does not get what is sent there.
    send(&mut two, packet(3, 2));
    assert_eq!(receive(&mut hub), None);
    assert_eq!(hub.dropped().load(Ordering::Relaxed), 2);
    send(&mut hub, packet(2, 3));
    assert_eq!(receive(&mut one).unwrap(), packet(2, 3));
}

#[test]
fn an_end_that_knows_the_other_takes_nothing_from_elsewhere() {
    let (mut near, place) = open_for_all();
    let (mut far, _) = open(place);
    let stranger = UdpSocket::bind(ANY).unwrap();
    stranger.send_to(&packet(9, 1), far.local_addr().unwrap()).unwrap();
    assert_eq!(receive(&mut far), None);
    assert_eq!(far.dropped().load(Ordering::Relaxed), 1);
    send(&mut far, packet(3, 2));
    assert!(receive(&mut near).is_some());
    send(&mut near, packet(2, 3));
    assert!(receive(&mut far).is_some());
}

#[test]
fn nobody_at_the_other_end_is_no_error() {
    let closed = UdpSocket::bind(ANY).unwrap().local_addr().unwrap();
    let (mut link, _) = open(closed);
    for _ in 0..5 {
        send(&mut link, packet(1, 2));
        sleep(Duration::from_millis(1));
    }
    assert_eq!(receive(&mut link), None);
}

#[test]
fn what_is_no_packet_is_handed_on() {
    let (mut hub, place) = open_for_all();
    let stranger = UdpSocket::bind(ANY).unwrap();
    for junk in [&b""[..], b"junk", &[0x45; 1500]] {
        stranger.send_to(junk, place).unwrap();
        assert_eq!(receive(&mut hub).unwrap(), junk);
    }
}

/// As on any other link: an answer of the same size would be larger than may be sent.
#[test]
fn what_is_larger_than_the_mtu_is_not_taken() {
    let (mut hub, place) = open_for_all();
    let stranger = UdpSocket::bind(ANY).unwrap();
    for len in [1501, 1628, 1629, 9000] {
        stranger.send_to(&vec![0x45; len], place).unwrap();
        assert_eq!(receive(&mut hub), None, "{len}");
    }
    assert_eq!(hub.dropped().load(Ordering::Relaxed), 4);
}
