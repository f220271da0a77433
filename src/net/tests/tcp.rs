//! Connections.

use std::io::{ErrorKind, IoSlice};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::{CLIENT, SERVER, addr, connected, pattern, run, until, world};
use crate::event::State;
use crate::net::{TcpListener, TcpStream};
use crate::stack::FastAccept;
use crate::tcp::congestion::Algorithm;
use crate::tcp::{self, CookieKeys};

const MIB: usize = 1 << 20;

#[test]
fn a_mebibyte_is_echoed() {
    run(async {
        let world = world();
        let (client, mut server) = connected(&world).await;
        tokio::spawn(async move {
            let (mut read, mut write) = server.split();
            tokio::io::copy(&mut read, &mut write).await.unwrap();
            write.shutdown().await.unwrap();
        });
        let data = pattern(MIB);
        let sent = data.clone();
        let (mut read, mut write) = client.into_split();
        tokio::spawn(async move {
            write.write_all(&sent).await.unwrap();
            write.shutdown().await.unwrap();
        });
        let mut echoed = Vec::new();
        read.read_to_end(&mut echoed).await.unwrap();
        assert!(echoed == data);
    });
}

#[test]
fn both_sides_send_a_mebibyte_at_once() {
    async fn exchange(stream: TcpStream, data: Vec<u8>) -> Vec<u8> {
        let (mut read, mut write) = stream.into_split();
        let writer = tokio::spawn(async move { write.write_all(&data).await.unwrap() });
        let mut received = Vec::new();
        read.read_to_end(&mut received).await.unwrap();
        writer.await.unwrap();
        received
    }
    run(async {
        let world = world();
        let (client, server) = connected(&world).await;
        let (up, mut down) = (pattern(MIB), pattern(MIB));
        down.reverse();
        let (at_client, at_server) =
            tokio::join!(exchange(client, up.clone()), exchange(server, down.clone()));
        assert!(at_server == up);
        assert!(at_client == down);
    });
}

#[test]
fn chunks_pass_without_a_copy() {
    run(async {
        let world = world();
        let (mut client, mut server) = connected(&world).await;
        let data = Bytes::from(pattern(100_000));
        let sent = data.clone();
        let writer = tokio::spawn(async move {
            client.write_chunk(sent).await.unwrap();
            client.write_chunk(Bytes::new()).await.unwrap();
        });
        let mut received = Vec::new();
        while let Some(chunk) = server.read_chunk(1000).await.unwrap() {
            assert!((1..=1000).contains(&chunk.len()));
            received.extend_from_slice(&chunk);
        }
        assert!(received == data);
        writer.await.unwrap();
    });
}

#[test]
fn several_slices_are_written_at_once() {
    run(async {
        let world = world();
        let (mut client, mut server) = connected(&world).await;
        assert!(client.is_write_vectored());
        let slices = [IoSlice::new(b"one "), IoSlice::new(b""), IoSlice::new(b"two")];
        assert_eq!(client.write_vectored(&slices).await.unwrap(), 7);
        assert_eq!(client.write(b"").await.unwrap(), 0);
        let mut received = [0; 7];
        server.read_exact(&mut received).await.unwrap();
        assert_eq!(&received, b"one two");
        // Short ones together, and long ones one by one.
        for len in [1, 1365, 1366, 6000] {
            let data = pattern(3 * len);
            let slices: Vec<_> = data.chunks(len).map(IoSlice::new).collect();
            assert_eq!(client.write_vectored(&slices).await.unwrap(), data.len());
            let mut received = vec![0; data.len()];
            server.read_exact(&mut received).await.unwrap();
            assert!(received == data);
        }
    });
}

#[test]
fn a_closed_half_still_receives() {
    run(async {
        let world = world();
        let (mut client, mut server) = connected(&world).await;
        client.write_all(b"question").await.unwrap();
        client.shutdown().await.unwrap();
        client.shutdown().await.unwrap();
        let error = client.write(b"more").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);

        let mut question = String::new();
        server.read_to_string(&mut question).await.unwrap();
        assert_eq!(question, "question");
        server.write_all(b"answer").await.unwrap();
        drop(server);

        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        assert_eq!(answer, "answer");
    });
}

#[test]
fn dropping_the_write_half_ends_the_stream() {
    run(async {
        let world = world();
        let (client, mut server) = connected(&world).await;
        let (mut read, write) = client.into_split();
        drop(write);
        assert_eq!(server.read(&mut [0; 8]).await.unwrap(), 0);
        server.write_all(b"still here").await.unwrap();
        drop(server);
        let mut rest = String::new();
        read.read_to_string(&mut rest).await.unwrap();
        assert_eq!(rest, "still here");
    });
}

#[test]
fn a_forgotten_write_half_does_not() {
    run(async {
        let world = world();
        let (client, mut server) = connected(&world).await;
        let (read, write) = client.into_split();
        write.forget();
        let waited = Duration::from_millis(50);
        tokio::time::timeout(waited, server.read(&mut [0; 8])).await.expect_err("nothing was sent");
        drop(read);
        assert_eq!(server.read(&mut [0; 8]).await.unwrap(), 0);
    });
}

#[test]
fn halves_are_reunited_only_with_their_own() {
    run(async {
        let world = world();
        let (client, server) = connected(&world).await;
        let (client_read, client_write) = client.into_split();
        let (server_read, server_write) = server.into_split();
        let error = client_read.reunite(server_write).unwrap_err();
        let (client_read, server_write) = (error.0, error.1);
        let mut client = client_read.reunite(client_write).unwrap();
        let mut server = server_read.reunite(server_write).unwrap();
        client.write_all(b"whole").await.unwrap();
        let mut received = [0; 5];
        server.read_exact(&mut received).await.unwrap();
        assert_eq!(&received, b"whole");
    });
}

// RFC 2525 2.17
#[test]
fn dropping_unread_data_resets() {
    run(async {
        let world = world();
        let (client, mut server) = connected(&world).await;
        server.write_all(b"nobody reads this").await.unwrap();
        until(|| client.info().unwrap().receive_queue > 0).await;
        drop(client);
        let error = server.read(&mut [0; 8]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    });
}

#[test]
fn linger_of_zero_resets() {
    run(async {
        let world = world();
        let (client, mut server) = connected(&world).await;
        client.set_linger(Some(Duration::ZERO)).unwrap();
        drop(client);
        let error = server.read(&mut [0; 8]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        assert_eq!(world.client.connection_count(), 0);
    });
}

/// The driver has slept for longer than the linger time when the connection is closed.
#[test]
fn linger_counts_from_the_close() {
    run(async {
        let world = world();
        let (client, mut server) = connected(&world).await;
        client.set_linger(Some(Duration::from_millis(200))).unwrap();
        tokio::time::sleep(Duration::from_millis(300)).await;
        drop(client);
        assert_eq!(server.read(&mut [0; 8]).await.unwrap(), 0);
    });
}

#[test]
fn a_closed_port_refuses() {
    run(async {
        let world = world();
        let error = TcpStream::connect(&world.client, (SERVER, 81)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        assert_eq!(world.client.connection_count(), 0);
    });
}

#[test]
fn addresses_are_checked() {
    run(async {
        let world = world();
        let kind = async |ip, port| {
            let result = TcpListener::bind(&world.server, (ip, port)).await;
            result.map_err(|error| error.kind())
        };
        let listener = kind(SERVER, 80).await.unwrap();
        assert_eq!(listener.local_addr().unwrap(), addr(SERVER, 80));
        assert_eq!(kind(SERVER, 80).await.unwrap_err(), ErrorKind::AddrInUse);
        assert_eq!(kind(CLIENT, 80).await.unwrap_err(), ErrorKind::AddrNotAvailable);
        drop(listener);
        kind(SERVER, 80).await.unwrap();
    });
}

#[test]
fn both_ends_know_the_addresses() {
    run(async {
        let world = world();
        let listener = TcpListener::bind(&world.server, ([0, 0, 0, 0], 7)).await.unwrap();
        let local = addr(CLIENT, 4321);
        let (client, server) = tokio::join!(
            TcpStream::connect_with(&world.client, (SERVER, 7), Some(local), None),
            listener.accept()
        );
        let (client, (server, peer)) = (client.unwrap(), server.unwrap());
        assert_eq!(peer, local);
        assert_eq!(client.local_addr().unwrap(), local);
        assert_eq!(client.peer_addr().unwrap(), addr(SERVER, 7));
        assert_eq!(server.local_addr().unwrap(), addr(SERVER, 7));
        assert_eq!(server.peer_addr().unwrap(), local);
    });
}

#[test]
fn settings_are_kept() {
    run(async {
        let world = world();
        let keepalive = tcp::Keepalive { count: 3, ..tcp::Keepalive::default() };
        let config = tcp::Config { keepalive: Some(keepalive), ..tcp::Config::default() };
        let listener = TcpListener::bind(&world.server, (SERVER, 7)).await.unwrap();
        let stream =
            TcpStream::connect_with(&world.client, (SERVER, 7), None, Some(config)).await.unwrap();
        drop(listener);
        assert_eq!(stream.keepalive().unwrap(), Some(keepalive));
        stream.set_keepalive(None).unwrap();
        assert_eq!(stream.keepalive().unwrap(), None);
        assert!(!stream.nodelay().unwrap());
        stream.set_nodelay(true).unwrap();
        assert!(stream.nodelay().unwrap());
        let second = Some(Duration::from_secs(1));
        stream.set_linger(second).unwrap();
        assert_eq!(stream.linger().unwrap(), second);
        stream.set_user_timeout(second).unwrap();
        assert_eq!(stream.user_timeout().unwrap(), second);
        assert_eq!(stream.congestion_control().unwrap(), Algorithm::default());
        stream.set_congestion_control(Algorithm::Tahoe).unwrap();
        assert_eq!(stream.congestion_control().unwrap(), Algorithm::Tahoe);
        assert_eq!(stream.info().unwrap().congestion, Algorithm::Tahoe, "and it is what runs");
    });
}

/// As on Linux.
#[test]
fn settings_of_a_listener_are_inherited() {
    run(async {
        let world = world();
        let listener = TcpListener::bind(&world.server, (SERVER, 7)).await.unwrap();
        assert_eq!((listener.nodelay().unwrap(), listener.keepalive().unwrap()), (false, None));
        let keepalive = Some(tcp::Keepalive { count: 3, ..tcp::Keepalive::default() });
        listener.set_nodelay(true).unwrap();
        listener.set_keepalive(keepalive).unwrap();
        listener.set_congestion_control(Algorithm::Reno).unwrap();
        assert_eq!((listener.nodelay().unwrap(), listener.keepalive().unwrap()), (true, keepalive));
        let _client = TcpStream::connect(&world.client, (SERVER, 7)).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        assert_eq!((server.nodelay().unwrap(), server.keepalive().unwrap()), (true, keepalive));
        // What a connection changes is its own.
        assert_eq!(listener.congestion_control().unwrap(), Algorithm::Reno);
        assert_eq!(server.info().unwrap().congestion, Algorithm::Reno);
        server.set_congestion_control(Algorithm::Tahoe).unwrap();
        assert_eq!(listener.congestion_control().unwrap(), Algorithm::Reno);
        server.set_nodelay(false).unwrap();
        assert!(!server.nodelay().unwrap());
        assert!(listener.nodelay().unwrap());

        world.server.shutdown();
        let error = listener.set_nodelay(true).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionAborted);
        let error = listener.keepalive().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionAborted);
    });
}

#[test]
fn what_was_written_before_a_close_can_be_accepted_after_it() {
    run(async {
        let world = world();
        let listener = TcpListener::bind(&world.server, (SERVER, 7)).await.unwrap();
        let mut client = TcpStream::connect(&world.client, (SERVER, 7)).await.unwrap();
        client.write_all(b"bye").await.unwrap();
        drop(client);
        tokio::time::sleep(Duration::from_millis(20)).await;
        let (mut server, _) = listener.accept().await.unwrap();
        let mut received = String::new();
        server.read_to_string(&mut received).await.unwrap();
        assert_eq!(received, "bye");
    });
}

#[test]
fn a_writer_waits_for_a_slow_reader() {
    run(async {
        let world = world();
        let (mut client, mut server) = connected(&world).await;
        let data = pattern(8 * MIB);
        let sent = data.clone();
        let writer = tokio::spawn(async move { client.write_all(&sent).await.unwrap() });
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(!writer.is_finished(), "buffers have a limit");
        let mut received = Vec::new();
        server.read_to_end(&mut received).await.unwrap();
        assert!(received == data);
    });
}

#[test]
fn a_connection_can_be_looked_at_from_elsewhere() {
    run(async {
        let world = world();
        let (mut client, mut server) = connected(&world).await;
        let handle = client.info_handle();
        client.write_all(b"12345").await.unwrap();
        server.read_exact(&mut [0; 5]).await.unwrap();
        until(|| handle.info().unwrap().bytes_acked == 5).await;
        let info = handle.info().unwrap();
        assert_eq!(info.state, State::Established);
        assert_eq!(info.remote, client.peer_addr().unwrap());
        let (same, details) = (client.info().unwrap(), info.details.clone());
        assert_eq!(info, tcp::Info { details, ..same }, "but for how long ago it all was");
        drop(client);
        assert_eq!(handle.info(), None);
    });
}

#[test]
fn giving_up_a_connect_leaves_nothing() {
    run(async {
        let world = world();
        // Nobody answers there.
        let connect = TcpStream::connect(&world.client, ([10, 0, 0, 9], 7));
        tokio::time::timeout(Duration::from_millis(20), connect).await.expect_err("nobody answers");
        assert_eq!(world.client.connection_count(), 0);
    });
}

#[test]
fn giving_up_an_accept_loses_no_connection() {
    run(async {
        let world = world();
        let listener = Arc::new(TcpListener::bind(&world.server, (SERVER, 7)).await.unwrap());
        let spawn = || {
            let listener = listener.clone();
            tokio::spawn(async move { listener.accept().await })
        };
        let (first, second) = (spawn(), spawn());
        tokio::task::yield_now().await;
        first.abort();
        let client = TcpStream::connect(&world.client, (SERVER, 7)).await.unwrap();
        let (_, peer) = second.await.unwrap().unwrap();
        assert_eq!(peer, client.local_addr().unwrap());
    });
}

#[test]
fn several_tasks_accept_from_one_listener() {
    run(async {
        let world = world();
        let listener = Arc::new(TcpListener::bind(&world.server, (SERVER, 7)).await.unwrap());
        let acceptors: Vec<_> = (0..8)
            .map(|_| {
                let listener = listener.clone();
                tokio::spawn(async move { listener.accept().await.unwrap() })
            })
            .collect();
        let mut clients = Vec::new();
        for _ in 0..8 {
            clients.push(TcpStream::connect(&world.client, (SERVER, 7)).await.unwrap());
        }
        for acceptor in acceptors {
            acceptor.await.unwrap();
        }
    });
}

#[test]
fn giving_up_a_read_loses_no_data() {
    run(async {
        let world = world();
        let (mut client, mut server) = connected(&world).await;
        let data = pattern(20_000);
        let sent = data.clone();
        tokio::spawn(async move {
            for piece in sent.chunks(100) {
                client.write_all(piece).await.unwrap();
                tokio::task::yield_now().await;
            }
        });
        let mut received = Vec::new();
        while received.len() < data.len() {
            let mut buf = [0; 333];
            tokio::select! {
                biased;
                n = server.read(&mut buf) => received.extend_from_slice(&buf[..n.unwrap()]),
                () = tokio::task::yield_now() => {}
            }
        }
        assert!(received == data);
    });
}

#[test]
fn many_connections_at_once() {
    const CONNECTIONS: usize = 300;
    run(async {
        let world = world();
        let listener = TcpListener::bind(&world.server, (SERVER, 7)).await.unwrap();
        tokio::spawn(async move {
            loop {
                let (mut server, _) = listener.accept().await.unwrap();
                tokio::spawn(async move {
                    let (mut read, mut write) = server.split();
                    tokio::io::copy(&mut read, &mut write).await.unwrap();
                });
            }
        });
        let clients: Vec<_> = (0..CONNECTIONS)
            .map(|i| {
                let net = world.client.clone();
                tokio::spawn(async move {
                    let mut stream = TcpStream::connect(&net, (SERVER, 7)).await.unwrap();
                    let data = vec![i as u8; 5000];
                    stream.write_all(&data).await.unwrap();
                    stream.shutdown().await.unwrap();
                    let mut echoed = Vec::new();
                    stream.read_to_end(&mut echoed).await.unwrap();
                    assert!(echoed == data);
                })
            })
            .collect();
        for client in clients {
            client.await.unwrap();
        }
        until(|| world.client.connection_count() + world.server.connection_count() == 0).await;
    });
}

/// Ping-pong with handles on two other threads, each with a runtime of its own: every message needs
/// a wake-up of a sleeping driver and one of a task elsewhere.
#[test]
fn handles_wake_the_driver_from_other_threads() {
    const ROUNDS: u32 = 2000;
    fn on_a_thread(work: impl Future<Output = ()> + Send + 'static) -> std::thread::JoinHandle<()> {
        std::thread::spawn(move || run(work))
    }
    run(async {
        let world = world();
        let (mut client, mut server) = connected(&world).await;
        let threads = [
            on_a_thread(async move {
                for _ in 0..ROUNDS {
                    let number = server.read_u32().await.unwrap();
                    server.write_u32(number + 1).await.unwrap();
                }
            }),
            on_a_thread(async move {
                for number in 0..ROUNDS {
                    client.write_u32(number).await.unwrap();
                    assert_eq!(client.read_u32().await.unwrap(), number + 1);
                }
            }),
        ];
        until(|| threads.iter().all(|thread| thread.is_finished())).await;
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

#[test]
fn a_connection_opened_fast_is_there_before_it_is_answered() {
    run(async {
        let world = world();
        let listener = TcpListener::bind(&world.server, addr(SERVER, 80)).await.unwrap();
        listener.set_fast_accept(Some(FastAccept::new(8))).unwrap();
        assert_eq!(listener.fast_accept().unwrap(), Some(FastAccept::new(8)));
        for with_syn in [false, true] {
            let opened = TcpStream::connect_fast(&world.client, addr(SERVER, 80), b"ping").await;
            let (mut client, taken) = opened.unwrap();
            assert_eq!(taken, 4);
            let (mut server, _) = listener.accept().await.unwrap();
            let mut read = [0; 4];
            server.read_exact(&mut read).await.unwrap();
            assert_eq!(&read, b"ping");
            assert_eq!(server.info().unwrap().syn_text, with_syn);
            server.write_all(b"pong").await.unwrap();
            client.read_exact(&mut read).await.unwrap();
            assert_eq!(&read, b"pong");
            assert_eq!(client.info().unwrap().syn_text, with_syn);
        }
        // The cookie is for the address, so another port gets text as well, and refuses it later.
        let opened = TcpStream::connect_fast(&world.client, addr(SERVER, 81), b"ping").await;
        let (mut client, taken) = opened.unwrap();
        assert_eq!(taken, 4);
        let refused = client.read(&mut [0; 4]).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        // Without keys in common the next one is opened as usual, and has its text all the same.
        listener.set_cookie_keys(Some(CookieKeys::new([9; 16]))).unwrap();
        let opened = TcpStream::connect_fast(&world.client, addr(SERVER, 80), b"ping").await;
        let (client, _) = opened.unwrap();
        let (mut server, _) = listener.accept().await.unwrap();
        let mut read = [0; 4];
        server.read_exact(&mut read).await.unwrap();
        assert!(!client.info().unwrap().syn_text && !server.info().unwrap().syn_text);
    });
}
