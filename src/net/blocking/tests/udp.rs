//! Datagrams.

use std::io::ErrorKind;
use std::thread;
use std::time::Duration;

use super::{CLIENT, SERVER, World, within_patience, world};
use crate::net::blocking::UdpSocket;

fn pair(world: &World) -> (UdpSocket, UdpSocket) {
    let server = UdpSocket::bind(&world.server, (SERVER, 53)).unwrap();
    let client = UdpSocket::bind(&world.client, (CLIENT, 0)).unwrap();
    (client, server)
}

#[test]
fn a_question_is_answered() {
    within_patience(|| {
        let world = world();
        let (client, server) = pair(&world);
        let answering = thread::spawn(move || {
            let mut buf = [0; 64];
            let (len, from) = server.recv_from(&mut buf).unwrap();
            assert_eq!(&buf[..len], b"question");
            assert_eq!(server.send_to(b"answer", from).unwrap(), 6);
        });
        assert_eq!(client.send_to(b"question", (SERVER, 53)).unwrap(), 8);
        let mut buf = [0; 3];
        assert_eq!(client.peek_from(&mut buf).unwrap(), (3, (SERVER, 53).into()));
        assert_eq!(client.peek(&mut buf).unwrap(), 3);
        let mut buf = [0; 64];
        assert_eq!(client.recv_from(&mut buf).unwrap(), (6, (SERVER, 53).into()));
        assert_eq!(&buf[..6], b"answer");
        answering.join().unwrap();
    });
}

#[test]
fn a_connected_socket_hears_nobody_else() {
    within_patience(|| {
        let world = world();
        let (client, server) = pair(&world);
        let stranger = UdpSocket::bind(&world.server, (SERVER, 54)).unwrap();
        assert_eq!(client.peer_addr().unwrap_err().kind(), ErrorKind::NotConnected);
        assert_eq!(client.send(b"x").unwrap_err().kind(), ErrorKind::NotConnected);
        client.connect((SERVER, 53)).unwrap();
        assert_eq!(client.peer_addr().unwrap(), (SERVER, 53).into());
        let to = client.local_addr().unwrap();
        for _ in 0..2 {
            stranger.send_to(b"strange", to).unwrap();
        }
        server.send_to(b"peer", to).unwrap();
        let mut buf = [0; 8];
        assert_eq!(client.peek(&mut buf).unwrap(), 4);
        assert_eq!(client.recv(&mut buf).unwrap(), 4);
        client.send(b"back").unwrap();
        assert_eq!(server.recv(&mut buf).unwrap(), 4);
    });
}

#[test]
fn time_outs_and_not_waiting_at_all() {
    within_patience(|| {
        let world = world();
        let (client, server) = pair(&world);
        let timeout = Some(Duration::from_millis(20));
        server.try_clone().unwrap().set_read_timeout(timeout).unwrap();
        assert_eq!(server.read_timeout().unwrap(), timeout);
        server.set_write_timeout(timeout).unwrap();
        assert_eq!(server.write_timeout().unwrap(), timeout);
        let zero = server.set_read_timeout(Some(Duration::ZERO)).unwrap_err();
        assert_eq!(zero.kind(), ErrorKind::InvalidInput);
        for nonblocking in [false, true] {
            server.set_nonblocking(nonblocking).unwrap();
            let error = server.recv_from(&mut [0; 8]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::WouldBlock);
            let error = server.peek(&mut [0; 8]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::WouldBlock);
        }
        server.set_nonblocking(false).unwrap();
        server.set_read_timeout(None).unwrap();
        client.send_to(b"", (SERVER, 53)).unwrap();
        assert_eq!(server.recv(&mut [0; 8]).unwrap(), 0);
    });
}

#[test]
fn what_cannot_be_sent_is_an_error() {
    within_patience(|| {
        let world = world();
        let (client, _server) = pair(&world);
        let long = client.send_to(&[0; 1473], (SERVER, 53)).unwrap_err();
        assert_eq!(long.kind(), ErrorKind::InvalidInput);
        let nowhere = client.send_to(b"x", &[][..]).unwrap_err();
        assert_eq!(nowhere.kind(), ErrorKind::InvalidInput);
        let taken = UdpSocket::bind(&world.server, (SERVER, 53)).unwrap_err();
        assert_eq!(taken.kind(), ErrorKind::AddrInUse);
    });
}

#[test]
fn each_datagram_goes_to_one_of_the_threads_that_receive() {
    const DATAGRAMS: u32 = 400;
    within_patience(|| {
        let world = world();
        let (client, server) = pair(&world);
        let receivers: Vec<_> = (0..4)
            .map(|_| {
                let clone = server.try_clone().unwrap();
                thread::spawn(move || {
                    let mut numbers = Vec::new();
                    let mut buf = [0; 4];
                    while clone.recv(&mut buf).unwrap() == 4 {
                        numbers.push(u32::from_be_bytes(buf));
                    }
                    numbers
                })
            })
            .collect();
        for number in 0..DATAGRAMS {
            client.send_to(&number.to_be_bytes(), (SERVER, 53)).unwrap();
        }
        // An empty one for each tells them that this is all.
        for _ in &receivers {
            client.send_to(b"", (SERVER, 53)).unwrap();
        }
        let mut numbers: Vec<u32> =
            receivers.into_iter().flat_map(|receiver| receiver.join().unwrap()).collect();
        numbers.sort_unstable();
        assert!(numbers.into_iter().eq(0..DATAGRAMS));
        // The port is free when the last handle is gone.
        drop(server);
        UdpSocket::bind(&world.server, (SERVER, 53)).unwrap();
    });
}
