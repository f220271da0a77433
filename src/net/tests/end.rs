//! The end of a stack: nothing hangs, and every error says why.

use std::future::Future;
use std::io::{self, ErrorKind};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinHandle;

use super::{CLIENT, SERVER, World, connected, run, until, world};
use crate::event::{Event, Observer};
use crate::net::{Net, TcpListener, TcpStream, UdpSocket};
use crate::time::Instant;

/// Tasks that wait for the client's stack in every way there is; each ends with its error.
async fn waiting(world: &World) -> Vec<JoinHandle<io::Error>> {
    fn spawn<T: Send + 'static>(
        wait: impl Future<Output = io::Result<T>> + Send + 'static,
    ) -> JoinHandle<io::Error> {
        tokio::spawn(async move { wait.await.err().expect("it cannot succeed") })
    }
    let listener = TcpListener::bind(&world.client, (CLIENT, 1)).await.unwrap();
    let socket = UdpSocket::bind(&world.client, (CLIENT, 1)).await.unwrap();
    let net = world.client.clone();
    let (mut reader, keep) = connected(world).await;
    let (mut writer, keep_too) = connected(world).await;
    let tasks = vec![
        spawn(async move { listener.accept().await }),
        spawn(async move { socket.recv_chunk_from().await }),
        spawn(async move { TcpStream::connect(&net, ([10, 0, 0, 9], 7)).await }),
        spawn(async move {
            let _keep = keep;
            reader.read_u8().await
        }),
        spawn(async move {
            let _keep = keep_too;
            writer.write_all(&vec![0; 64 << 20]).await
        }),
    ];
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(tasks.iter().all(|task| !task.is_finished()));
    tasks
}

/// Every task ends with an error that contains `why`, and so do calls from now on.
async fn all_fail(tasks: Vec<JoinHandle<io::Error>>, net: &Net, why: &str) {
    for task in tasks {
        let error = task.await.unwrap();
        let kinds = [ErrorKind::ConnectionAborted, ErrorKind::ConnectionReset];
        assert!(kinds.contains(&error.kind()), "{error:?}");
    }
    for error in [
        TcpListener::bind(net, (CLIENT, 2)).await.unwrap_err(),
        TcpStream::connect(net, (SERVER, 2)).await.unwrap_err(),
        UdpSocket::bind(net, (CLIENT, 2)).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::ConnectionAborted);
        assert!(error.to_string().contains(why), "{error}");
    }
    net.shutdown();
    net.abort_all();
    net.stop();
    net.counters();
}

#[test]
fn stop_ends_the_driver_and_every_call() {
    run(async {
        let world = world();
        let tasks = waiting(&world).await;
        world.client.stop();
        all_fail(tasks, &world.client, "has been shut down").await;
        world.client_driver.await.unwrap().unwrap();
    });
}

#[test]
fn stop_resets_what_is_left() {
    run(async {
        let world = world();
        let (client, mut server) = connected(&world).await;
        world.client.stop();
        let error = server.read_u8().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        drop(client);
    });
}

#[test]
fn handles_outlive_their_driver() {
    run(async {
        let world = world();
        let tasks = waiting(&world).await;
        let (mut stream, _server) = connected(&world).await;
        world.client_driver.abort();
        all_fail(tasks, &world.client, "the task that drives it is gone").await;
        let error = stream.write(b"x").await.unwrap_err();
        assert!(error.to_string().contains("drives it"), "{error}");
        assert_eq!(stream.info(), None);
        stream.set_nodelay(true).unwrap_err();
    });
}

/// A bug in the stack: it panics under the lock.
struct Bug;

impl Observer for Bug {
    fn observe(&mut self, _: Instant, _: &Event) {
        panic!("a bug, made for a test");
    }
}

#[test]
fn a_panic_of_the_stack_ends_it_for_all() {
    run(async {
        let world = world();
        let tasks = waiting(&world).await;
        world.client.set_observer(Some(Box::new(Bug)));
        // Something that arrives makes the driver panic.
        let net = world.server.clone();
        let late = tokio::spawn(async move { TcpStream::connect(&net, (CLIENT, 1)).await });
        let panic = world.client_driver.await.unwrap_err();
        assert!(panic.is_panic());
        all_fail(tasks, &world.client, "panicked").await;
        late.abort();
    });
}

#[test]
fn shutdown_closes_gracefully() {
    run(async {
        let world = world();
        let listener = TcpListener::bind(&world.server, (SERVER, 7)).await.unwrap();
        let accepting = tokio::spawn(async move { listener.accept().await.map(drop) });
        let socket = UdpSocket::bind(&world.server, (SERVER, 7)).await.unwrap();
        let receiving = tokio::spawn(async move { socket.recv_chunk_from().await.map(drop) });
        tokio::task::yield_now().await;
        let (mut client, mut server) = connected(&world).await;
        server.write_all(b"last words").await.unwrap();
        world.server.shutdown();

        for task in [accepting, receiving] {
            let error = task.await.unwrap().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionAborted);
        }
        TcpStream::connect(&world.client, (SERVER, 7)).await.unwrap_err();
        let mut words = String::new();
        client.read_to_string(&mut words).await.unwrap();
        assert_eq!(words, "last words");
        let error = server.write(b"more").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
        assert_eq!(server.read(&mut [0; 8]).await.unwrap(), 0);
        drop((client, server));
        until(|| world.server.connection_count() == 0).await;
        assert!(!world.server_driver.is_finished());
        world.server.stop();
        world.server_driver.await.unwrap().unwrap();
    });
}
