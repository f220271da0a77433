use std::future::Future;

use super::*;
use crate::runtime::tests::run;
use crate::runtime::{Emulator, LinkHandle};

const ANY: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0);

/// A socket on this machine, and where it is.
async fn socket() -> (UdpSocket, SocketAddrV4) {
    let socket = UdpSocket::bind(ANY).await.unwrap();
    let SocketAddr::V4(place) = socket.local_addr().unwrap() else { panic!("not IPv4") };
    (socket, place)
}

async fn receive(socket: &UdpSocket) -> (Vec<u8>, SocketAddr) {
    let mut buffer = vec![0; MAX_TEXT];
    let (len, from) = socket.recv_from(&mut buffer).await.unwrap();
    buffer.truncate(len);
    (buffer, from)
}

/// Runs `test` with a proxy before the server at `to`, told where the proxy is.
async fn with_proxy<F: Future<Output = ()>>(
    to: SocketAddrV4,
    rules: &str,
    test: impl FnOnce(SocketAddrV4) -> F,
) {
    let (near, far, _dropped) = open(ANY, to).unwrap();
    let place = near.local_addr().unwrap();
    let link = LinkHandle::new(1);
    link.spare_header(HEADER_LEN);
    link.apply(&rules.parse().unwrap_or_else(|error| panic!("{error}"))).unwrap();
    let emulator = Emulator::new(near, far, link, Duration::ZERO).unwrap();
    tokio::select! {
        result = emulator.run() => panic!("{result:?}"),
        () = test(place) => {}
    }
}

#[test]
fn each_client_has_a_port_of_its_own_and_gets_its_own_answers() {
    run(async {
        let (server, to) = socket().await;
        with_proxy(to, "", async |proxy| {
            let (one, _) = socket().await;
            let (other, _) = socket().await;
            one.send_to(b"one", proxy).await.unwrap();
            let (text, from_one) = receive(&server).await;
            assert_eq!(text, b"one");
            other.send_to(b"", proxy).await.unwrap();
            let (text, from_other) = receive(&server).await;
            assert_eq!(text, b"", "an empty datagram is one too");
            assert_ne!(from_one, from_other);
            server.send_to(b"to the other", from_other).await.unwrap();
            server.send_to(b"to one", from_one).await.unwrap();
            assert_eq!(receive(&one).await, (b"to one".to_vec(), proxy.into()));
            assert_eq!(receive(&other).await, (b"to the other".to_vec(), proxy.into()));
            // It is the same port the next time.
            one.send_to(b"again", proxy).await.unwrap();
            assert_eq!(receive(&server).await, (b"again".to_vec(), from_one));
        })
        .await;
    });
}

#[test]
fn rules_choose_datagrams() {
    run(async {
        let (server, to) = socket().await;
        let rules = format!("out:drop:udp:port={}:nth=2 out:duplicate:any:nth=3", to.port());
        with_proxy(to, &rules, async |proxy| {
            let (client, _) = socket().await;
            for text in ["one", "two", "three"] {
                client.send_to(text.as_bytes(), proxy).await.unwrap();
            }
            for text in ["one", "three", "three"] {
                assert_eq!(receive(&server).await.0, text.as_bytes());
            }
        })
        .await;
    });
}

#[test]
fn corruption_hits_the_text_and_the_datagram_arrives() {
    run(async {
        let (server, to) = socket().await;
        with_proxy(to, "out:corrupt=100%", async |proxy| {
            let (client, _) = socket().await;
            for round in 0..50 {
                client.send_to(&[round; 3], proxy).await.unwrap();
                let (text, _) = receive(&server).await;
                assert_eq!(text.len(), 3);
                let bits = text.iter().map(|byte| (byte ^ round).count_ones());
                assert_eq!(bits.sum::<u32>(), 1, "{text:?}");
            }
        })
        .await;
    });
}

#[test]
fn a_server_may_come_later() {
    run(async {
        let (server, to) = socket().await;
        drop(server);
        with_proxy(to, "", async |proxy| {
            let (client, _) = socket().await;
            client.send_to(b"nobody there", proxy).await.unwrap();
            // The system tells of the closed port, once or twice.
            for _ in 0..3 {
                client.send_to(b"still nobody", proxy).await.unwrap();
                tokio::task::yield_now().await;
            }
            let server = UdpSocket::bind(to).await.unwrap();
            client.send_to(b"hello", proxy).await.unwrap();
            while receive(&server).await.0 != b"hello" {}
        })
        .await;
    });
}

#[test]
fn there_are_at_most_so_many_clients_and_those_that_have_gone_make_room() {
    run(async {
        let (_server, to) = socket().await;
        let (_near, mut far, dropped) = open(ANY, to).unwrap();
        far.max_flows = 2;
        let send = |far: &mut Upstream, port| {
            let client = SocketAddrV4::new(Ipv4Addr::LOCALHOST, port);
            let mut packets = VecDeque::from([wrap(client, to, b"text").unwrap()]);
            far.send_packets(&mut packets).unwrap();
            dropped.load(Ordering::Relaxed)
        };
        assert_eq!(send(&mut far, 1), 0);
        assert_eq!(send(&mut far, 2), 0);
        assert_eq!(send(&mut far, 3), 1, "no room");
        assert_eq!(send(&mut far, 2), 1, "it has its place");
        far.flows.values().for_each(|flow| flow.listens.abort());
        while far.flows.values().any(|flow| !flow.listens.is_finished()) {
            tokio::task::yield_now().await;
        }
        assert_eq!(send(&mut far, 3), 1, "the others have gone");
        assert_eq!(far.flows.len(), 1);
    });
}

#[test]
fn a_datagram_is_a_packet_inside() {
    let (from, to) = (SocketAddrV4::new([1, 2, 3, 4].into(), 5), ANY);
    let packet = wrap(from, to, b"text").unwrap();
    assert_eq!(packet.len(), HEADER_LEN + 4);
    assert_eq!(unwrap(&packet), Some((from, to, &b"text"[..])));
    assert!(wrap(from, to, &vec![0; MAX_TEXT]).is_ok());
    assert!(wrap(from, to, &vec![0; MAX_TEXT + 1]).is_err());
}
