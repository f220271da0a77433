//! Datagrams.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::{CLIENT, SERVER, World, addr, run, world};
use crate::net::UdpSocket;

async fn pair(world: &World) -> (UdpSocket, UdpSocket) {
    let server = UdpSocket::bind(&world.server, (SERVER, 53)).await.unwrap();
    let client = UdpSocket::bind(&world.client, (CLIENT, 0)).await.unwrap();
    (client, server)
}

#[test]
fn a_question_is_answered() {
    run(async {
        let world = world();
        let (client, server) = pair(&world).await;
        assert_eq!(client.send_to(b"question", (SERVER, 53)).await.unwrap(), 8);
        let mut buf = [0; 64];
        let (len, from) = server.recv_from(&mut buf).await.unwrap();
        assert_eq!(&buf[..len], b"question");
        assert_eq!(from, client.local_addr().unwrap());

        let answer = Bytes::from_static(b"answer");
        assert_eq!(server.send_chunk_to(answer.clone(), from).await.unwrap(), 6);
        assert_eq!(client.recv_chunk_from().await.unwrap(), (answer, addr(SERVER, 53)));
    });
}

#[test]
fn what_does_not_fit_is_lost() {
    run(async {
        let world = world();
        let (client, server) = pair(&world).await;
        client.send_to(b"a long one", (SERVER, 53)).await.unwrap();
        client.send_to(b"next", (SERVER, 53)).await.unwrap();
        let mut buf = [0; 6];
        assert_eq!(server.recv(&mut buf).await.unwrap(), 6);
        assert_eq!(&buf, b"a long");
        assert_eq!(server.recv(&mut buf).await.unwrap(), 4);
    });
}

#[test]
fn a_datagram_may_be_empty() {
    run(async {
        let world = world();
        let (client, server) = pair(&world).await;
        assert_eq!(client.send_to(b"", (SERVER, 53)).await.unwrap(), 0);
        assert_eq!(server.recv(&mut [0; 8]).await.unwrap(), 0);
    });
}

#[test]
fn a_connected_socket_hears_nobody_else() {
    run(async {
        let world = world();
        let (client, server) = pair(&world).await;
        let other = UdpSocket::bind(&world.client, (CLIENT, 0)).await.unwrap();
        let error = client.send(b"to whom?").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotConnected);
        assert_eq!(client.peer_addr().unwrap_err().kind(), ErrorKind::NotConnected);

        client.connect((SERVER, 53)).await.unwrap();
        server.connect(client.local_addr().unwrap()).await.unwrap();
        assert_eq!(client.peer_addr().unwrap(), addr(SERVER, 53));
        other.send_to(b"noise", (SERVER, 53)).await.unwrap();
        client.send(b"signal").await.unwrap();
        let mut buf = [0; 8];
        let len = server.recv(&mut buf).await.unwrap();
        assert_eq!(&buf[..len], b"signal");
    });
}

#[test]
fn a_datagram_longer_than_a_packet_is_refused() {
    run(async {
        let world = world();
        let (client, _server) = pair(&world).await;
        let error = client.send_to(&[0; 1473], (SERVER, 53)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert_eq!(client.send_to(&[0; 1472], (SERVER, 53)).await.unwrap(), 1472);
    });
}

#[test]
fn a_port_is_taken_until_its_socket_goes() {
    run(async {
        let world = world();
        let socket = UdpSocket::bind(&world.server, (SERVER, 53)).await.unwrap();
        let error = UdpSocket::bind(&world.server, (SERVER, 53)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
        drop(socket);
        UdpSocket::bind(&world.server, (SERVER, 53)).await.unwrap();
    });
}

#[test]
fn several_tasks_receive_from_one_socket() {
    run(async {
        let world = world();
        let (client, server) = pair(&world).await;
        let server = Arc::new(server);
        let spawn = || {
            let server = server.clone();
            tokio::spawn(async move { server.recv_chunk_from().await.unwrap() })
        };
        let given_up = spawn();
        let tasks: Vec<_> = (0..4).map(|_| spawn()).collect();
        tokio::time::sleep(Duration::from_millis(5)).await;
        given_up.abort();
        for _ in 0..4 {
            client.send_to(b"one each", (SERVER, 53)).await.unwrap();
        }
        for task in tasks {
            task.await.unwrap();
        }
    });
}

/// A task that only sends must let the driver run.
#[test]
fn sending_without_end_leaves_room_for_others() {
    run(async {
        let world = world();
        let (client, server) = pair(&world).await;
        let sender = tokio::spawn(async move {
            loop {
                // A full queue is no reason to stop.
                let _ = client.send_to(b"flood", (SERVER, 53)).await;
            }
        });
        for _ in 0..1000 {
            server.recv_chunk_from().await.unwrap();
        }
        sender.abort();
    });
}
