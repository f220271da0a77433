//! Each way of making sockets, against the services of another stack.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::{AbortHandle, JoinSet};

use super::*;
use crate::control::carry::ControlError;
use crate::control::{Listener, Reply, Request, carry};
use crate::device::memory;
use crate::net::{Net, TcpListener, UdpSocket};
use crate::runtime;
use crate::service::{Service, ServiceContext, serve_listener, serve_socket};
use crate::stack::{Config, Stack};

mod carried;

const ECHO: &str = "10.9.0.2:7";

/// Two stacks that reach each other: 10.9.0.1 and 10.9.0.2.
pub(super) fn stacks(tasks: &mut JoinSet<()>) -> (Net, Net) {
    let (one, other) = memory::pair(1500);
    let mut start = |host: u8, device| {
        let config = Config::new([10, 9, 0, host].into(), 24, [host; 32]);
        let (net, driver) = runtime::start(Stack::new(config), device).unwrap();
        tasks.spawn(async { drop(driver.await) });
        net
    };
    (start(1, one), start(2, other))
}

/// A stack that reaches another with an echo service, and that one; a control socket of the first is at `path`, until
/// the task ends that was begun last.
async fn world(path: &Path, tasks: &mut JoinSet<()>) -> (Net, Net, AbortHandle) {
    let (near, far) = stacks(tasks);
    let other = far.clone();
    let any = ([0, 0, 0, 0], 7);
    let (listener, socket) =
        (TcpListener::bind(&far, any).await.unwrap(), UdpSocket::bind(&far, any).await.unwrap());
    let context = Arc::new(ServiceContext::default());
    tasks.spawn(serve_listener(listener, Service::Echo, context));
    tasks.spawn(serve_socket(socket, Service::Echo, Arc::default()));
    let net = near.clone();
    let control = Listener::bind(path).unwrap();
    let control =
        tasks.spawn(control.serve(
            tokio::runtime::Handle::current(),
            move |request| match request {
                Request::Connect { to, within_ms } => {
                    crate::control::Answer::Take(carry::connect(net.clone(), to, within_ms))
                }
                Request::Listen { port } => {
                    crate::control::Answer::Take(carry::listen(net.clone(), port))
                }
                Request::Datagrams { port } => {
                    crate::control::Answer::Take(carry::datagrams(net.clone(), port))
                }
                _ => Reply::Error("there is nothing else here".to_owned()).into(),
            },
        ));
    (near, other, control)
}

/// The stack and the daemon, as a client sees them.
async fn both(test: impl AsyncFn(Sockets, &Net)) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let mut tasks = JoinSet::new();
    let (near, ..) = world(&path, &mut tasks).await;
    test(Sockets::Stack(near.clone()), &near).await;
    test(Sockets::Daemon(path), &near).await;
}

async fn echoed(connection: &mut Connection, text: &[u8]) -> Vec<u8> {
    connection.write_all(text).await.unwrap();
    connection.shutdown().await.unwrap();
    let mut back = Vec::new();
    connection.read_to_end(&mut back).await.unwrap();
    back
}

#[tokio::test]
async fn a_connection_carries_both_directions_and_their_ends() {
    both(async |sockets, near| {
        let echo: SocketAddr = ECHO.parse().unwrap();
        let mut connection = sockets.connect(echo).await.unwrap();
        assert_eq!((connection.peer, connection.local.ip()), (echo, [10, 9, 0, 1].into()));
        let text: Vec<u8> = (0..300_000).map(|n: u32| n as u8).collect();
        assert_eq!(echoed(&mut connection, &text[..1000]).await, &text[..1000]);
        drop(connection);
        while near.connection_count() > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn what_fails_on_the_stack_fails_here() {
    both(async |sockets, _| {
        let nobody = "10.9.0.2:8".parse().unwrap();
        let refused = sockets.connect(nobody).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused, "{refused}");
        let listening = sockets.listen(5000).await.unwrap();
        assert_eq!(listening.local.port(), 5000);
        let taken = sockets.listen(5000).await.err().unwrap();
        assert_eq!(taken.kind(), io::ErrorKind::AddrInUse, "{taken}");
        drop(listening);
        let socket = sockets.datagrams(5000).await.unwrap();
        let taken = sockets.datagrams(5000).await.err().unwrap();
        assert_eq!(taken.kind(), io::ErrorKind::AddrInUse, "{taken}");
        drop(socket);
        // It is free as soon as the daemon has noticed.
        while sockets.datagrams(5000).await.is_err() {
            tokio::task::yield_now().await;
        }
        while sockets.listen(5000).await.is_err() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_client_waits_for_a_connection() {
    both(async |sockets, near| {
        let mut listening = sockets.listen(0).await.unwrap();
        let port = listening.local.port();
        assert_ne!(port, 0);
        // From the same stack there is no way to itself.
        let to: SocketAddr = ([10, 9, 0, 1], port).into();
        let itself = near.clone();
        let refused = Sockets::Stack(itself).connect(to).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::HostUnreachable);
        let waits = tokio::time::timeout(std::time::Duration::from_millis(20), listening.accept());
        assert!(waits.await.is_err(), "nobody has come");
    })
    .await;
}

#[tokio::test]
async fn datagrams_keep_their_bounds_and_senders() {
    both(async |sockets, _| {
        let echo: SocketAddr = ECHO.parse().unwrap();
        let socket = sockets.datagrams(0).await.unwrap();
        assert!(socket.local_addr().unwrap().port() >= 1024);
        for text in [&b"hello"[..], b"", &[7; 1400]] {
            assert_eq!(socket.send_to(text, echo).await.unwrap(), text.len());
            let mut buffer = [0; 2000];
            let (len, from) = socket.recv_from(&mut buffer).await.unwrap();
            assert_eq!((&buffer[..len], from), (text, echo));
        }
    })
    .await;
}
