//! Ping sockets, and what the network reports to UDP sockets.

use std::io::ErrorKind;

use bytes::Bytes;

use super::{CLIENT, SERVER, addr, run, world};
use crate::net::{PingSocket, UdpSocket};
use crate::stack::PingAnswer;
use crate::wire::icmp::{Notice, Report};

#[test]
fn requests_are_answered_while_several_wait() {
    run(async {
        let world = world();
        let mut tasks = Vec::new();
        for seq in 0..4 {
            let socket = PingSocket::bind(&world.client, 0).await.unwrap();
            tasks.push(tokio::spawn(async move {
                let payload = Bytes::from(vec![seq as u8; 1000]);
                socket.send_to(SERVER, seq, payload.clone()).await.unwrap();
                let reply = PingAnswer::Reply { from: SERVER, seq, ttl: 64, payload };
                assert_eq!(socket.recv().await.unwrap(), reply);
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(world.client.tables().ping_sockets, 0);
    });
}

#[test]
fn an_identifier_is_taken_until_its_socket_goes() {
    run(async {
        let world = world();
        let socket = PingSocket::bind(&world.client, 77).await.unwrap();
        assert_eq!(socket.identifier(), 77);
        let error = PingSocket::bind(&world.client, 77).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
        let error = socket.send_to(CLIENT, 1, Bytes::new()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::HostUnreachable);
        drop(socket);
        PingSocket::bind(&world.client, 77).await.unwrap();
    });
}

#[test]
fn who_waits_is_told_when_the_stack_ends() {
    run(async {
        let world = world();
        let socket = PingSocket::bind(&world.client, 0).await.unwrap();
        let udp = UdpSocket::bind(&world.client, (CLIENT, 0)).await.unwrap();
        let waiting = tokio::spawn(async move {
            let (ping, error) = tokio::join!(socket.recv(), udp.recv_error());
            [ping.unwrap_err().kind(), error.unwrap_err().kind()]
        });
        tokio::task::yield_now().await;
        world.client.shutdown();
        assert_eq!(waiting.await.unwrap(), [ErrorKind::ConnectionAborted; 2]);
    });
}

#[test]
fn a_closed_port_is_reported_to_udp_sockets() {
    run(async {
        let world = world();
        let notice = Notice { report: Report::PortUnreachable, by: SERVER };
        let open = UdpSocket::bind(&world.client, (CLIENT, 0)).await.unwrap();
        let waiting = async {
            tokio::task::yield_now().await;
            open.send_to(b"hello?", (SERVER, 7)).await.unwrap();
        };
        let (error, ()) = tokio::join!(open.recv_error(), waiting);
        let error = error.unwrap();
        assert_eq!((error.to, error.notice), (addr(SERVER, 7), notice));
        assert_eq!(error.text, &b"hello?"[..]);

        let connected = UdpSocket::bind(&world.client, (CLIENT, 0)).await.unwrap();
        connected.connect((SERVER, 7)).await.unwrap();
        connected.send(b"hello?").await.unwrap();
        let error = connected.recv(&mut [0; 8]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        assert_eq!(error.to_string(), "port unreachable (10.0.0.1 says so)");
        connected.send(b"again").await.unwrap();
    });
}
