//! Many threads at once.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::thread;
use std::time::Duration;

use super::{SERVER, pattern, within_patience, world, world_of};
use crate::net::blocking::{TcpListener, TcpStream};

const CONNECTIONS: usize = 50;

/// Four threads accept from one listener; each connection is echoed by one thread, written by another
/// and read by a third, in pieces of many sizes, through buffers that are small enough to fill.
#[test]
fn fifty_connections_echo_at_once() {
    within_patience(|| {
        let world = world_of(|config| {
            config.tcp.send_buffer = 8 << 10;
            config.tcp.receive_buffer = 8 << 10;
        });
        let listener = TcpListener::bind(&world.server, (SERVER, 7)).unwrap();
        let acceptors: Vec<_> = (0..4)
            .map(|_| {
                let listener = listener.try_clone().unwrap();
                thread::spawn(move || {
                    for stream in listener.incoming() {
                        let Ok(mut stream) = stream else { break };
                        thread::spawn(move || {
                            std::io::copy(&mut stream.try_clone()?, &mut stream)?;
                            stream.shutdown(Shutdown::Write)
                        });
                    }
                })
            })
            .collect();
        thread::scope(|scope| {
            for number in 0..CONNECTIONS {
                let net = &world.client;
                scope.spawn(move || {
                    let stream = TcpStream::connect(net, (SERVER, 7)).unwrap();
                    exchange(&stream, &pattern(40_000 + 1000 * number), 1 + 97 * number);
                });
            }
        });
        world.until_all_is_closed();
        world.server.shutdown();
        acceptors.into_iter().for_each(|acceptor| acceptor.join().unwrap());
    });
}

/// Writes `data` in pieces and reads it back at the same time.
fn exchange(stream: &TcpStream, data: &[u8], piece: usize) {
    thread::scope(|scope| {
        scope.spawn(move || {
            let mut stream = stream;
            data.chunks(piece).for_each(|piece| stream.write_all(piece).unwrap());
            stream.shutdown(Shutdown::Write).unwrap();
        });
        let (mut reader, mut echoed, mut buf) = (stream, Vec::new(), vec![0; 2 * piece]);
        while let len @ 1.. = reader.read(&mut buf).unwrap() {
            echoed.extend_from_slice(&buf[..len]);
        }
        assert!(echoed == data);
    });
}

/// Time-outs, drops in the middle and clones that come and go: whatever happens, all ends.
#[test]
fn threads_that_give_up_leave_nothing_behind() {
    within_patience(|| {
        let world = world();
        let listener = TcpListener::bind(&world.server, (SERVER, 7)).unwrap();
        thread::scope(|scope| {
            scope.spawn(|| {
                for number in 0..CONNECTIONS {
                    let (mut stream, _) = listener.accept().unwrap();
                    scope.spawn(move || {
                        let timeout = Duration::from_millis(1 + number as u64 % 5);
                        stream.set_read_timeout(Some(timeout)).unwrap();
                        stream.set_write_timeout(Some(timeout)).unwrap();
                        let mut buf = [0; 4096];
                        for _ in 0..number {
                            let mut clone = stream.try_clone().unwrap();
                            let _ = clone.read(&mut buf).and_then(|len| stream.write(&buf[..len]));
                        }
                    });
                }
            });
            for number in 0..CONNECTIONS {
                let net = &world.client;
                scope.spawn(move || {
                    let mut stream = TcpStream::connect(net, (SERVER, 7)).unwrap();
                    let mut reader = stream.try_clone().unwrap();
                    let reading = thread::spawn(move || reader.read_to_end(&mut Vec::new()));
                    let _ = stream.write_all(&pattern(1 + 5000 * number));
                    if number % 3 == 0 {
                        let _ = stream.shutdown(Shutdown::Both);
                    } else {
                        let _ = stream.shutdown(Shutdown::Write);
                    }
                    drop(stream);
                    let _ = reading.join().unwrap();
                });
            }
        });
        world.until_all_is_closed();
    });
}
