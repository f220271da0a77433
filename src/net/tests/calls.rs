//! What POSIX has beyond tokio: settings, flags of messages, urgent data, poll, sockets that do nothing yet.

use std::io::ErrorKind;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};

use super::{CLIENT, SERVER, addr, connected, run, until, world};
use crate::net::{TcpListener, TcpSocket, TcpStream};
use crate::tcp::{IpSettings, Keepalive, SendFlags};

#[test]
fn settings_are_read_as_they_were_set() {
    run(async {
        let world = world();
        let (client, _server) = connected(&world).await;
        let listener = TcpListener::bind(&world.server, (SERVER, 0)).await.unwrap();
        let times = Keepalive { idle: Duration::from_secs(5), ..Keepalive::default() };
        macro_rules! check {
            ($handle:expr) => {
                $handle.set_cork(true).unwrap();
                assert!($handle.cork().unwrap());
                $handle.set_receive_buffer(70_000).unwrap();
                assert_eq!($handle.receive_buffer().unwrap(), 70_000);
                $handle.set_send_buffer(80_000).unwrap();
                assert_eq!($handle.send_buffer().unwrap(), 80_000);
                $handle.set_ip_settings(IpSettings { ttl: 9, dscp: 46 }).unwrap();
                assert_eq!($handle.ip_settings().unwrap(), IpSettings { ttl: 9, dscp: 46 });
                $handle.set_window_clamp(Some(60_000)).unwrap();
                assert_eq!($handle.window_clamp().unwrap(), Some(60_000));
                $handle.set_notsent_low(Some(9_000)).unwrap();
                assert_eq!($handle.notsent_low().unwrap(), Some(9_000));
                $handle.set_oob_inline(true).unwrap();
                assert!($handle.oob_inline().unwrap());
                $handle.set_keepalive_times(times).unwrap();
                assert_eq!($handle.keepalive_times().unwrap(), times);
                $handle.set_fin_wait_2_timeout(Duration::from_secs(7)).unwrap();
                assert_eq!($handle.fin_wait_2_timeout().unwrap(), Duration::from_secs(7));
                $handle.set_syn_retransmissions(2).unwrap();
                assert_eq!($handle.syn_retransmissions().unwrap(), 2);
            };
        }
        check!(client);
        check!(listener);
        let (inherits, accepted) = tokio::join!(
            TcpStream::connect(&world.client, listener.local_addr().unwrap()),
            listener.accept()
        );
        let (_inherits, accepted) = (inherits.unwrap(), accepted.unwrap().0);
        assert_eq!(accepted.send_buffer().unwrap(), 80_000);
        assert_eq!(accepted.notsent_low().unwrap(), Some(9_000));
        client.set_quick_ack(false).unwrap();
        assert!(!client.quick_ack().unwrap());
    });
}

#[test]
fn a_socket_has_settings_and_an_address_before_it_is_used() {
    run(async {
        let world = world();
        let mut socket = TcpSocket::new(&world.server);
        socket.settings().nodelay = true;
        assert_eq!(socket.local_addr().unwrap(), None);
        socket.bind((SERVER, 7), false).unwrap();
        assert_eq!(socket.local_addr().unwrap(), Some(addr(SERVER, 7)));
        let taken = TcpListener::bind(&world.server, (SERVER, 7)).await.unwrap_err();
        assert_eq!(taken.kind(), ErrorKind::AddrInUse);
        let listener = socket.listen(4).unwrap();
        assert_eq!(listener.local_addr().unwrap(), addr(SERVER, 7));

        let mut socket = TcpSocket::new(&world.client);
        assert!(socket.settings().limit_segments(Some(500)));
        socket.bind((CLIENT, 0), false).unwrap();
        let local = socket.local_addr().unwrap().unwrap();
        let (client, server) = tokio::join!(socket.connect((SERVER, 7)), listener.accept());
        let (client, (server, peer)) = (client.unwrap(), server.unwrap());
        assert_eq!((client.local_addr().unwrap(), peer), (local, local));
        assert!(server.nodelay().unwrap());
        assert_eq!(server.info().unwrap().mss, 500 - 12);

        // Connected no more, it is a socket again; one that is dropped gives its address back.
        let mut again = client.disconnect().unwrap();
        assert_eq!(again.settings().max_segment, Some(500));
        again.bind((CLIENT, 99), false).unwrap();
        assert_eq!(world.client.tables().addresses, 1);
        drop(again);
        assert_eq!(world.client.tables().addresses, 0);
    });
}

#[test]
fn urgent_data_and_what_waits() {
    run(async {
        let world = world();
        let (mut client, mut server) = connected(&world).await;
        let error = server.receive_urgent(false).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        let urgent = SendFlags { urgent: true, ..SendFlags::default() };
        assert_eq!(client.send(b"text!", urgent).await.unwrap(), 5);
        client.write_all(b"more").await.unwrap();
        let ready = server.ready(|now| now.urgent).await.unwrap();
        assert!(ready.readable && ready.writable && !ready.closed);
        until(|| server.readiness().unwrap().news > 0 && client.unacknowledged().unwrap() == 0)
            .await;
        assert_eq!((server.unread().unwrap(), client.unsent().unwrap()), (4, 0));
        let mut text = [0; 20];
        assert_eq!(server.read(&mut text).await.unwrap(), 4, "a read stops before it");
        assert!(server.at_mark().unwrap());
        assert_eq!(server.receive_urgent(true).unwrap(), Some(b'!'));
        assert_eq!(server.receive_urgent(false).unwrap(), Some(b'!'));
        assert_eq!(server.fill_buf().await.unwrap(), b"more");
        assert_eq!(server.unread().unwrap(), 4, "what is held counts");
        assert!(server.readiness().unwrap().readable && !server.at_mark().unwrap());
        assert_eq!(server.discard(3).await.unwrap(), 3);
        assert_eq!(server.read(&mut text).await.unwrap(), 1);
        client.write_all(b"unwanted").await.unwrap();
        assert_eq!(server.discard(100).await.unwrap(), 8);
    });
}

#[test]
fn halves_end_and_errors_are_told_once() {
    run(async {
        let world = world();
        let (mut client, mut server) = connected(&world).await;
        server.shutdown_read().unwrap();
        assert_eq!(server.read(&mut [0; 8]).await.unwrap(), 0);
        server.write_all(b"all of it").await.unwrap();
        server.finish().await.unwrap();
        assert_eq!(server.unacknowledged().unwrap(), 0);
        let mut all = String::new();
        client.read_to_string(&mut all).await.unwrap();
        assert_eq!(all, "all of it");
        // Nobody would wait for what is sent now.
        client.write_all(b"x").await.unwrap();
        let broken = client.ready(|now| now.error).await.unwrap();
        assert!(broken.closed && broken.read_closed);
        let error = client.take_error().unwrap().unwrap();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        assert!(client.take_error().unwrap().is_none());
    });
}
