//! A server of two shards, whose device does not care which flow a packet belongs to.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinHandle;

use super::{CLIENT, SERVER, addr, config, pattern, run, until};
use crate::device::Device;
use crate::device::memory::{self, Memory};
use crate::event::{Event, Observer};
use crate::net::{Net, PingSocket, TcpListener, TcpSocket, TcpStream, UdpSocket};
use crate::runtime;
use crate::stack::{PingAnswer, Stack};
use crate::time::Instant;
use crate::wire::RxBatch;

struct World {
    server: Net,
    client: Net,
    server_drivers: Vec<JoinHandle<io::Result<()>>>,
}

/// Carries packets between one end of a wire and many of others.
struct Divider {
    one: Memory,
    many: Vec<Memory>,
    turn: usize,
}

impl Divider {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut rx = RxBatch::new();
        while self.one.poll_readable(cx).is_ready() {
            self.one.receive(&mut rx, 1).unwrap();
            self.turn += 1;
            // Not the same for every SYN, which comes with one acknowledgment.
            let queue = self.turn / 3 % self.many.len();
            let mut packets: VecDeque<_> = rx.drain(..).map(|packet| packet.bytes).collect();
            self.many[queue].send_packets(&mut packets).unwrap();
        }
        for queue in &mut self.many {
            while queue.poll_readable(cx).is_ready() {
                queue.receive(&mut rx, 64).unwrap();
                let mut packets: VecDeque<_> = rx.drain(..).map(|packet| packet.bytes).collect();
                self.one.send_packets(&mut packets).unwrap();
            }
        }
        Poll::Pending
    }
}

fn world() -> World {
    let (one, client) = memory::pair(1500);
    let (server, seats) = runtime::share(config(SERVER), 2);
    let (mut many, mut server_drivers) = (Vec::new(), Vec::new());
    for seat in seats {
        let (ours, device) = memory::pair(1500);
        many.push(ours);
        let driver = seat.drive(device, runtime::Settings::default()).unwrap();
        server_drivers.push(tokio::spawn(driver));
    }
    let mut divider = Divider { one, many, turn: 0 };
    tokio::spawn(poll_fn(move |cx| divider.poll(cx)));
    let (client, driver) = runtime::start(Stack::new(config(CLIENT)), client).unwrap();
    tokio::spawn(driver);
    World { server, client, server_drivers }
}

/// Sends both ways at once, and closes.
async fn use_both_ways(one: TcpStream, other: TcpStream) {
    async fn use_it(mut stream: TcpStream) {
        let data = pattern(300_000);
        let mut got = Vec::new();
        let (mut reader, mut writer) = stream.split();
        let write = async {
            writer.write_all(&data).await.unwrap();
            writer.shutdown().await.unwrap();
        };
        tokio::join!(write, async { reader.read_to_end(&mut got).await.unwrap() });
        assert!(got == data);
    }
    tokio::join!(use_it(one), use_it(other));
}

/// Connections on each shard.
fn spread(net: &Net) -> Vec<usize> {
    net.shards().map(|shard| shard.connection_count()).collect()
}

#[test]
fn a_listener_accepts_what_came_through_any_queue() {
    run(async {
        let world = world();
        let listener = TcpListener::bind(&world.server, (SERVER, 0)).await.unwrap();
        let at = listener.local_addr().unwrap();
        let mut pairs = Vec::new();
        for _ in 0..8 {
            let (client, accepted) =
                tokio::join!(TcpStream::connect(&world.client, at), listener.accept());
            pairs.push((client.unwrap(), accepted.unwrap().0));
        }
        assert!(
            spread(&world.server).iter().all(|&count| count > 0),
            "{:?}",
            spread(&world.server)
        );
        for (client, server) in pairs {
            use_both_ways(client, server).await;
        }
        let counters = world.server.counters();
        assert_eq!(counters.tcp_passive_opens, 8);
        assert!(counters.packets_passed_on > 0);
        assert_eq!(counters.tcp_resets_sent, 0);
    });
}

#[test]
fn connections_are_opened_on_one_shard_after_the_other() {
    run(async {
        let world = world();
        let listener = TcpListener::bind(&world.client, (CLIENT, 80)).await.unwrap();
        let mut pairs = Vec::new();
        for _ in 0..4 {
            let (stream, accepted) =
                tokio::join!(TcpStream::connect(&world.server, (CLIENT, 80)), listener.accept());
            pairs.push((stream.unwrap(), accepted.unwrap().0));
        }
        assert_eq!(spread(&world.server), [2, 2]);
        for (server, client) in pairs {
            use_both_ways(server, client).await;
        }
    });
}

#[test]
fn an_address_is_taken_once() {
    run(async {
        let world = world();
        let in_use = |result: io::Result<TcpListener>| {
            assert_eq!(result.unwrap_err().kind(), io::ErrorKind::AddrInUse);
        };
        for port in [80, 81] {
            let mut socket = TcpSocket::new(&world.server);
            socket.bind((SERVER, port), false).unwrap();
            in_use(TcpListener::bind(&world.server, (SERVER, port)).await);
            assert_eq!(world.server.tables().listeners, 0, "none is left on the other shard");
            let listener = socket.listen(8).unwrap();
            assert_eq!(listener.local_addr().unwrap(), addr(SERVER, port));
            assert_eq!(world.server.tables().listeners, 2);
            in_use(TcpListener::bind(&world.server, (SERVER, port)).await);
            assert!(TcpSocket::new(&world.server).bind((SERVER, port), false).is_err());
            let from = Some(addr(SERVER, port));
            let connected = TcpStream::connect_with(&world.server, (CLIENT, 9), from, None).await;
            assert_eq!(connected.unwrap_err().kind(), io::ErrorKind::AddrInUse);
            drop(listener);
            assert_eq!(world.server.tables().listeners, 0);
        }
    });
}

#[test]
fn what_is_set_on_a_listener_holds_on_every_shard() {
    run(async {
        let world = world();
        let listener = TcpListener::bind(&world.server, (SERVER, 80)).await.unwrap();
        listener.set_nodelay(true).unwrap();
        listener.configure(|config| config.fix_receive_buffer(50_000)).unwrap();
        assert!(listener.nodelay().unwrap());
        assert!(!poll_fn(|cx| Poll::Ready(listener.poll_readiness(cx))).await.unwrap().readable);
        let mut clients = Vec::new();
        for _ in 0..4 {
            clients.push(TcpStream::connect(&world.client, (SERVER, 80)).await.unwrap());
        }
        until(|| listener.readiness().unwrap().news == 4).await;
        assert!(listener.readiness().unwrap().readable);
        for _ in 0..4 {
            let (stream, _) = listener.accept().await.unwrap();
            assert!(stream.nodelay().unwrap());
            assert_eq!(stream.receive_buffer().unwrap(), 50_000);
        }
        assert!(spread(&world.server).iter().all(|&count| count > 0));
    });
}

#[test]
fn datagrams_and_echo_replies_reach_their_one_socket() {
    run(async {
        let world = world();
        let socket = UdpSocket::bind(&world.server, (SERVER, 7)).await.unwrap();
        let peer = UdpSocket::bind(&world.client, (CLIENT, 7)).await.unwrap();
        let ping = PingSocket::bind(&world.server, 0).await.unwrap();
        for seq in 0..4 {
            peer.send_to(b"x", (SERVER, 7)).await.unwrap();
            assert_eq!(socket.recv_from(&mut [0; 9]).await.unwrap(), (1, addr(CLIENT, 7)));
            ping.send_to(CLIENT, seq, bytes::Bytes::new()).await.unwrap();
            let answer = ping.recv().await.unwrap();
            assert!(matches!(answer, PingAnswer::Reply { seq: of, .. } if of == seq), "{answer:?}");
        }
        assert!(UdpSocket::bind(&world.server, (SERVER, 7)).await.is_err());
    });
}

/// Counts connections that have been opened.
struct Opened(Arc<AtomicUsize>);

impl Observer for Opened {
    fn observe(&mut self, _: Instant, event: &Event) {
        let opened =
            matches!(event, Event::StateChanged { to: crate::event::State::Established, .. });
        self.0.fetch_add(opened.into(), Ordering::Relaxed);
    }
}

#[test]
fn one_observer_sees_all_shards_until_it_is_taken_away() {
    run(async {
        let world = world();
        let listener = TcpListener::bind(&world.client, (CLIENT, 80)).await.unwrap();
        let opened = Arc::new(AtomicUsize::new(0));
        world.server.set_observer(Some(Box::new(Opened(Arc::clone(&opened)))));
        let mut streams = Vec::new();
        for _ in 0..4 {
            streams.push(TcpStream::connect(&world.server, (CLIENT, 80)).await.unwrap());
        }
        assert_eq!(opened.load(Ordering::Relaxed), 4);
        assert_eq!(Arc::strong_count(&opened), 2);
        world.server.set_observer(None);
        assert_eq!(Arc::strong_count(&opened), 1);
        drop(listener);
    });
}

#[test]
fn when_one_shard_fails_the_others_end_as_well() {
    run(async {
        let world = world();
        let listener = TcpListener::bind(&world.server, (SERVER, 80)).await.unwrap();
        let mut streams = Vec::new();
        for _ in 0..4 {
            streams.push(TcpStream::connect(&world.client, (SERVER, 80)).await.unwrap());
        }
        let [one, other] = <[_; 2]>::try_from(world.server_drivers).unwrap();
        one.abort();
        other.await.unwrap().expect("it was told to end, and does");
        assert!(listener.accept().await.is_err());
        for shard in world.server.shards() {
            assert!(UdpSocket::bind(&shard, (SERVER, 7)).await.is_err());
        }
        // Those of the one that ended well were reset.
        until(|| world.client.connection_count() < 4).await;
    });
}

#[test]
fn threads_that_open_one_connection_each_do_not_all_use_one_shard() {
    run(async {
        let world = world();
        let _listener = TcpListener::bind(&world.client, (CLIENT, 80)).await.unwrap();
        let connect = |net: Net| {
            std::thread::spawn(move || {
                crate::net::blocking::TcpStream::connect(&net, (CLIENT, 80)).unwrap()
            })
        };
        let mut threads: Vec<_> = (0..4).map(|_| connect(world.server.clone())).collect();
        until(|| threads.iter().all(std::thread::JoinHandle::is_finished)).await;
        let _streams: Vec<_> = threads.drain(..).map(|thread| thread.join().unwrap()).collect();
        assert!(
            spread(&world.server).iter().all(|&count| count > 0),
            "{:?}",
            spread(&world.server)
        );
    });
}

#[test]
fn all_shards_end_together() {
    run(async {
        let world = world();
        let listener = TcpListener::bind(&world.server, (SERVER, 80)).await.unwrap();
        let waiting = tokio::spawn(async move { listener.accept().await.map(drop) });
        world.server.shutdown();
        assert!(waiting.await.unwrap().is_err());
        world.server.stop();
        for driver in world.server_drivers {
            driver.await.unwrap().unwrap();
        }
        let error = UdpSocket::bind(&world.server, (SERVER, 7)).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionAborted);
    });
}
