use super::*;
use crate::service::Www;
use futures_util::FutureExt;
use nix::sys::socket::{getsockopt, sockopt};
use std::net::Ipv4Addr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};

const LOOPBACK: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 0);

async fn start(service: Service, context: ServiceContext) -> SocketAddr {
    let listener = TcpListener::bind(LOOPBACK).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(serve_listener(listener, service, Arc::new(context)));
    address
}

/// Sends `text`, closes that half, and reads to the end.
async fn talk(address: SocketAddr, text: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(text).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply).await.unwrap();
    reply
}

#[tokio::test]
async fn every_service_runs_over_kernel_sockets() {
    let address = start(Service::Echo, ServiceContext::default()).await;
    assert_eq!(talk(address, b"glass").await, b"glass");
    let address = start(Service::Discard, ServiceContext::default()).await;
    assert_eq!(talk(address, &[1; 100_000]).await, b"");
    let address = start(Service::Daytime, ServiceContext::default()).await;
    assert!(talk(address, b"").await.ends_with(b" GMT\r\n"));
    let address = start(Service::Http, ServiceContext::default()).await;
    let reply = talk(address, b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    let reply = String::from_utf8(reply).unwrap();
    assert!(reply.starts_with("HTTP/1.1 200 OK\r\n"), "{reply}");
    assert!(reply.contains("not glasstcp's own"), "{reply}");
    let address = start(Service::Chargen, ServiceContext::default()).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let mut text = vec![0; 1 << 20];
    stream.read_exact(&mut text).await.unwrap();
    assert!(text.starts_with(b" !\"#$%&'()*+"));
}

/// A client that has vanished does not keep its place for ever.
#[tokio::test]
async fn accepted_connections_are_probed_when_idle() {
    let mut listener = TcpListener::bind(LOOPBACK).await.unwrap();
    listener.prepare().unwrap();
    let _client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (stream, _) = Accept::accept(&mut listener).await.unwrap().unwrap();
    assert_eq!(getsockopt(&stream, sockopt::KeepAlive), Ok(true));
    assert_eq!(getsockopt(&stream, sockopt::TcpKeepIdle), Ok(300));
    assert_eq!(getsockopt(&stream, sockopt::TcpKeepInterval), Ok(30));
    assert_eq!(getsockopt(&stream, sockopt::TcpKeepCount), Ok(5));
    assert!(stream.nodelay().unwrap());
}

#[tokio::test]
async fn a_hundred_clients_at_once() {
    let address = start(Service::Echo, ServiceContext::default()).await;
    let clients: Vec<_> = (0..100)
        .map(|i: u8| tokio::spawn(async move { (i, talk(address, &[i; 10_000]).await) }))
        .collect();
    for client in clients {
        let (i, echoed) = client.await.unwrap();
        assert!(echoed == [i; 10_000]);
    }
}

#[tokio::test]
async fn resets_do_not_end_the_loop() {
    let address = start(Service::Chargen, ServiceContext::default()).await;
    for _ in 0..20 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.read_exact(&mut [0; 10]).await.unwrap();
        drop(stream); // with text unread: a reset
    }
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.read_exact(&mut [0; 10]).await.unwrap();
}

/// A file whose bytes say where they are.
fn numbers(len: usize) -> Vec<u8> {
    (0..len / 4).flat_map(|i| (i as u32).to_be_bytes()).collect()
}

#[tokio::test]
async fn large_files_go_both_ways_whole() {
    let folder = tempfile::tempdir().unwrap();
    let file = numbers(5_000_000);
    std::fs::write(folder.path().join("file.bin"), &file).unwrap();
    let context = ServiceContext {
        www: Some(Www::open(folder.path()).unwrap()),
        ..ServiceContext::default()
    };
    let address = start(Service::Http, context).await;
    let reply = talk(address, b"GET /file.bin HTTP/1.0\r\n\r\n").await;
    assert!(reply.ends_with(&file));
    let mut request =
        format!("PUT /upload/copy HTTP/1.0\r\ncontent-length: {}\r\n\r\n", file.len()).into_bytes();
    request.extend(&file);
    let reply = talk(address, &request).await;
    assert!(reply.starts_with(b"HTTP/1.0 201"));
    assert!(std::fs::read(folder.path().join("upload/copy")).unwrap() == file);
}

/// A listener that fails, gives one connection, fails again and is gone.
struct Script(Vec<Option<io::Result<tokio::io::DuplexStream>>>);

impl Accept for Script {
    type Stream = tokio::io::DuplexStream;

    fn prepare(&self) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    async fn accept(&mut self) -> Option<io::Result<(Self::Stream, SocketAddr)>> {
        let next = self.0.pop().flatten()?;
        Some(next.map(|stream| (stream, (LOOPBACK.0, 9).into())))
    }
}

#[tokio::test(start_paused = true)]
async fn errors_are_survived_and_the_end_is_seen() {
    let (mut client, server) = tokio::io::duplex(10);
    let error = || Some(Err(io::ErrorKind::ConnectionAborted.into()));
    let script = Script(vec![None, error(), Some(Ok(server)), error(), error()]);
    let context = Arc::new(ServiceContext::default());
    serve_listener(script, Service::Echo, context).await;
    client.write_all(b"still").await.unwrap();
    let mut echoed = [0; 5];
    client.read_exact(&mut echoed).await.unwrap();
    assert_eq!(&echoed, b"still");
}

#[test]
fn connections_wait_for_a_place() {
    let context = Arc::new(ServiceContext::default());
    let places = Places::new(Arc::clone(&context), 2);
    let free = || places.wait().now_or_never().is_some();
    assert!(free());
    let first = places.take();
    assert!(free());
    let second = places.take();
    assert!(!free());
    assert_eq!((context.tally.accepted(), context.tally.open()), (2, 2));
    let waiting = places.wait();
    let mut waiting = std::pin::pin!(waiting);
    assert!(waiting.as_mut().now_or_never().is_none());
    drop(first);
    assert!(waiting.now_or_never().is_some());
    // Given back while nobody waited.
    let third = places.take();
    drop((second, third));
    assert!(free());
    assert_eq!((context.tally.accepted(), context.tally.open()), (3, 0));
}

#[tokio::test]
async fn datagrams_are_answered() {
    let socket = UdpSocket::bind(LOOPBACK).await.unwrap();
    let address = socket.local_addr().unwrap();
    let server = tokio::spawn(serve_socket(socket, Service::Echo, Arc::default()));
    let client = UdpSocket::bind(LOOPBACK).await.unwrap();
    client.send_to(b"glass", address).await.unwrap();
    let mut echoed = [0; 10];
    assert_eq!(client.recv(&mut echoed).await.unwrap(), 5);
    assert_eq!(&echoed[..5], b"glass");
    server.abort();
}

#[test]
fn other_services_are_not_answered() {
    let context = ServiceContext::default();
    let answered = |service, port| {
        let from = SocketAddr::from((LOOPBACK.0, port));
        answer_udp(service, from, b"x", &context).is_some()
    };
    for service in [Service::Echo, Service::Ping] {
        for other in [0, 7, 1023, 12_001] {
            assert!(!answered(service, other), "{service}, from {other}");
        }
        assert!(answered(service, 1024), "{service}");
    }
    assert!(!answered(Service::Discard, 1024));
    assert!(!answered(Service::Http, 1024));
}
