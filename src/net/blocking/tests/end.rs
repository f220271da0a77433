//! The end of a stack: no thread hangs, and every error says why.

use std::io::{self, ErrorKind, Read, Write};
use std::thread::{self, JoinHandle};

use super::{CLIENT, MOMENT, SERVER, World, within_patience, world};
use crate::event::{Event, Observer};
use crate::net::blocking::{TcpListener, TcpStream, UdpSocket};
use crate::time::Instant;

/// Threads that wait for the client's stack in every way there is, two in each; each ends with its
/// error.
fn waiting(world: &World) -> Vec<JoinHandle<io::Error>> {
    fn spawn<T: Send + 'static>(
        wait: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> JoinHandle<io::Error> {
        thread::spawn(|| wait().err().expect("it cannot succeed"))
    }
    let listener = TcpListener::bind(&world.client, (CLIENT, 1)).unwrap();
    let socket = UdpSocket::bind(&world.client, (CLIENT, 1)).unwrap();
    let (reader, kept) = world.connect();
    let (writer, kept_too) = world.connect();
    let mut threads = vec![
        spawn({
            let mut reader = reader.try_clone().unwrap();
            move || {
                let _kept = kept;
                reader.read(&mut [0; 8])
            }
        }),
        spawn({
            let mut writer = writer.try_clone().unwrap();
            move || {
                let _kept = kept_too;
                writer.write_all(&vec![0; 64 << 20])
            }
        }),
    ];
    for _ in 0..2 {
        let listener = listener.try_clone().unwrap();
        threads.push(spawn(move || listener.accept()));
        let socket = socket.try_clone().unwrap();
        threads.push(spawn(move || socket.recv_from(&mut [0; 8])));
        let net = world.client.clone();
        threads.push(spawn(move || TcpStream::connect(&net, "10.0.0.9:7")));
        let reader = reader.try_clone().unwrap();
        threads.push(spawn(move || reader.peek(&mut [0; 8])));
        let mut writer = writer.try_clone().unwrap();
        threads.push(spawn(move || writer.write_all(&vec![0; 64 << 20])));
    }
    thread::sleep(MOMENT);
    assert!(threads.iter().all(|thread| !thread.is_finished()));
    threads
}

/// Every thread ends with an error, and so do calls from now on; these say `why`.
fn all_fail(threads: Vec<JoinHandle<io::Error>>, world: &World, why: &str) {
    for thread in threads {
        let error = thread.join().unwrap();
        let kinds = [ErrorKind::ConnectionAborted, ErrorKind::ConnectionReset];
        assert!(kinds.contains(&error.kind()), "{error:?}");
    }
    let net = &world.client;
    for error in [
        TcpListener::bind(net, (CLIENT, 2)).unwrap_err(),
        TcpStream::connect(net, (SERVER, 2)).unwrap_err(),
        UdpSocket::bind(net, (CLIENT, 2)).unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::ConnectionAborted);
        assert!(error.to_string().contains(why), "{error}");
    }
}

#[test]
fn stop_wakes_every_thread() {
    within_patience(|| {
        let world = world();
        let threads = waiting(&world);
        let (mut stream, mut server) = world.connect();
        world.client.stop();
        all_fail(threads, &world, "has been shut down");
        for error in [stream.read(&mut [0; 8]).unwrap_err(), stream.write(b"x").unwrap_err()] {
            assert_eq!(error.kind(), ErrorKind::ConnectionAborted);
        }
        let error = stream.take_error().unwrap().unwrap();
        assert_eq!(error.kind(), ErrorKind::ConnectionAborted);
        assert!(stream.take_error().unwrap().is_none());
        assert_eq!(server.read(&mut [0; 8]).unwrap_err().kind(), ErrorKind::ConnectionReset);
    });
}

#[test]
fn shutdown_is_the_end_of_every_stream() {
    within_patience(|| {
        let world = world();
        let (mut client, server) = world.connect();
        let listener = TcpListener::bind(&world.server, (SERVER, 1)).unwrap();
        let accepting = thread::spawn(move || listener.accept().map(drop));
        let mut reader = server.try_clone().unwrap();
        let reading = thread::spawn(move || reader.read(&mut [0; 8]));
        thread::sleep(MOMENT);
        (&server).write_all(b"last words").unwrap();
        world.server.shutdown();
        let error = accepting.join().unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionAborted);
        assert_eq!(reading.join().unwrap().unwrap(), 0);
        let mut words = String::new();
        client.read_to_string(&mut words).unwrap();
        assert_eq!(words, "last words");
        drop((client, server));
        world.until_all_is_closed();
    });
}

/// A bug in the stack: it panics under the lock, and again whenever something happens.
struct Bug;

impl Observer for Bug {
    fn observe(&mut self, _: Instant, _: &Event) {
        panic!("a bug, made for a test");
    }
}

#[test]
fn a_panic_of_the_stack_wakes_every_thread() {
    within_patience(|| {
        let mut world = world();
        let threads = waiting(&world);
        world.client.set_observer(Some(Box::new(Bug)));
        // Something that arrives makes the driver panic.
        let net = world.server.clone();
        let late = thread::spawn(move || TcpStream::connect(&net, (CLIENT, 1)).unwrap_err());
        all_fail(threads, &world, "panicked");
        let client_thread = world.threads.pop().unwrap();
        client_thread.join().unwrap().unwrap_err();
        world.server.stop();
        assert_eq!(late.join().unwrap().kind(), ErrorKind::ConnectionAborted);
    });
}
