//! Connections and listeners.

use std::io::{ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::net::Shutdown;
use std::thread;
use std::time::Duration;

use super::{CLIENT, MOMENT, SERVER, pattern, within_patience, world};
use crate::event::State;
use crate::net::blocking::{TcpListener, TcpStream};
use crate::tcp::Keepalive;
use crate::tcp::congestion::Algorithm;

const MIB: usize = 1 << 20;

#[test]
fn ten_mebibytes_are_echoed() {
    within_patience(|| {
        let world = world();
        let (mut client, mut server) = world.connect();
        let echo = thread::spawn(move || {
            std::io::copy(&mut server.try_clone()?, &mut server)?;
            server.shutdown(Shutdown::Write)
        });
        let data = pattern(10 * MIB);
        let sent = data.clone();
        let mut writer = client.try_clone().unwrap();
        let writing = thread::spawn(move || {
            writer.write_all(&sent)?;
            writer.shutdown(Shutdown::Write)
        });
        let mut echoed = Vec::new();
        client.read_to_end(&mut echoed).unwrap();
        assert!(echoed == data);
        writing.join().unwrap().unwrap();
        echo.join().unwrap().unwrap();
    });
}

#[test]
fn both_sides_send_ten_mebibytes_at_once() {
    within_patience(|| {
        let world = world();
        let (client, server) = world.connect();
        let (up, mut down) = (pattern(10 * MIB), pattern(10 * MIB));
        down.reverse();
        // By reference: one thread reads and another writes the same handle.
        let exchange = |stream: TcpStream, data: &[u8]| {
            thread::scope(|scope| {
                scope.spawn(|| {
                    (&stream).write_all(data).unwrap();
                    stream.shutdown(Shutdown::Write).unwrap();
                });
                let mut received = Vec::new();
                (&stream).read_to_end(&mut received).unwrap();
                received
            })
        };
        thread::scope(|scope| {
            let at_client = scope.spawn(|| exchange(client, &up));
            let at_server = scope.spawn(|| exchange(server, &down));
            assert!(at_client.join().unwrap() == down);
            assert!(at_server.join().unwrap() == up);
        });
    });
}

#[test]
fn slices_are_filled_and_written_in_turn() {
    within_patience(|| {
        let world = world();
        let (mut client, mut server) = world.connect();
        let slices = [IoSlice::new(b"one "), IoSlice::new(b""), IoSlice::new(b"two")];
        assert_eq!(client.write_vectored(&slices).unwrap(), 7);
        assert_eq!(client.write(b"").unwrap(), 0);
        client.flush().unwrap();
        while server.info_handle().info().unwrap().receive_queue < 7 {
            thread::yield_now();
        }
        let (mut front, mut back) = ([0; 5], [0; 5]);
        let mut bufs =
            [IoSliceMut::new(&mut front), IoSliceMut::new(&mut []), IoSliceMut::new(&mut back)];
        assert_eq!(server.read_vectored(&mut bufs).unwrap(), 7);
        assert_eq!((&front, &back), (b"one t", b"wo\0\0\0"));
        assert_eq!(server.read(&mut []).unwrap(), 0);
        assert_eq!(server.peek(&mut []).unwrap(), 0);
    });
}

#[test]
fn a_read_takes_all_that_has_arrived() {
    within_patience(|| {
        let world = world();
        let (mut client, mut server) = world.connect();
        let data = pattern(5000);
        client.write_all(&data).unwrap();
        let mut buf = [0; 6000];
        // A look reaches across segments too.
        while server.peek(&mut buf).unwrap() < 5000 {
            thread::yield_now();
        }
        assert_eq!(buf[..5000], data);
        buf.fill(0);
        assert_eq!(server.read(&mut buf).unwrap(), 5000);
        assert_eq!(buf[..5000], data);
        client.shutdown(Shutdown::Write).unwrap();
        assert_eq!(server.peek(&mut buf).unwrap(), 0);
        assert_eq!(server.read(&mut buf).unwrap(), 0);
    });
}

#[test]
fn reading_gives_up_after_its_time_out() {
    within_patience(|| {
        let world = world();
        let (mut client, mut server) = world.connect();
        let timeout = Some(Duration::from_millis(20));
        assert_eq!(client.read_timeout().unwrap(), None);
        client.try_clone().unwrap().set_read_timeout(timeout).unwrap();
        assert_eq!(client.read_timeout().unwrap(), timeout);
        assert_eq!(client.read(&mut [0; 8]).unwrap_err().kind(), ErrorKind::WouldBlock);
        assert_eq!(client.peek(&mut [0; 8]).unwrap_err().kind(), ErrorKind::WouldBlock);
        // The connection is none the worse for it.
        client.set_read_timeout(None).unwrap();
        server.write_all(b"late").unwrap();
        let mut late = [0; 4];
        client.read_exact(&mut late).unwrap();
        assert_eq!(&late, b"late");
        let error = client.set_read_timeout(Some(Duration::ZERO)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    });
}

#[test]
fn writing_gives_up_after_its_time_out() {
    within_patience(|| {
        let world = world();
        let (mut client, mut server) = world.connect();
        client.set_write_timeout(Some(Duration::from_millis(50))).unwrap();
        assert_eq!(client.write_timeout().unwrap(), Some(Duration::from_millis(50)));
        // Nobody reads, so some time there is no more room.
        let (mut written, piece) = (0, pattern(MIB));
        let error = loop {
            match client.write(&piece) {
                Ok(len) => written += len,
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        client.shutdown(Shutdown::Write).unwrap();
        let mut received = Vec::new();
        server.read_to_end(&mut received).unwrap();
        assert_eq!(received.len(), written);
    });
}

#[test]
fn nothing_waits_when_told_not_to() {
    within_patience(|| {
        let world = world();
        let listener = TcpListener::bind(&world.server, (SERVER, 80)).unwrap();
        listener.try_clone().unwrap().set_nonblocking(true).unwrap();
        assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
        let mut client = TcpStream::connect(&world.client, (SERVER, 80)).unwrap();
        let mut server = loop {
            match listener.accept() {
                Ok((server, _)) => break server,
                Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
            }
        };
        client.try_clone().unwrap().set_nonblocking(true).unwrap();
        assert_eq!(client.read(&mut [0; 8]).unwrap_err().kind(), ErrorKind::WouldBlock);
        assert_eq!(client.peek(&mut [0; 8]).unwrap_err().kind(), ErrorKind::WouldBlock);
        let piece = pattern(MIB);
        let error = loop {
            if let Err(error) = client.write(&piece) {
                break error;
            }
        };
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        // What was accepted waits all the same.
        client.set_nonblocking(false).unwrap();
        let reading = thread::spawn(move || server.read_to_end(&mut Vec::new()).unwrap());
        client.write_all(&piece).unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        assert!(reading.join().unwrap() > MIB);
    });
}

/// A thread that does not wait takes the waker of one that does; it is the same.
#[test]
fn who_does_not_wait_harms_nobody_who_does() {
    within_patience(|| {
        let world = world();
        let (client, mut server) = world.connect();
        let mut waiting = client.try_clone().unwrap();
        let reading = thread::spawn(move || waiting.read(&mut [0; 8]).unwrap());
        thread::sleep(MOMENT);
        client.set_nonblocking(true).unwrap();
        assert_eq!((&client).read(&mut [0; 8]).unwrap_err().kind(), ErrorKind::WouldBlock);
        server.write_all(b"for you").unwrap();
        assert_eq!(reading.join().unwrap(), 7);
    });
}

#[test]
fn every_thread_that_reads_gets_a_part() {
    within_patience(|| {
        let world = world();
        let (client, mut server) = world.connect();
        let readers: Vec<_> = (0..4)
            .map(|_| {
                let mut clone = client.try_clone().unwrap();
                thread::spawn(move || {
                    let mut all = Vec::new();
                    let mut buf = [0; 700];
                    while let len @ 1.. = clone.read(&mut buf).unwrap() {
                        all.extend_from_slice(&buf[..len]);
                    }
                    all
                })
            })
            .collect();
        let mut data = pattern(MIB);
        server.write_all(&data).unwrap();
        server.shutdown(Shutdown::Write).unwrap();
        let mut received: Vec<u8> =
            readers.into_iter().flat_map(|reader| reader.join().unwrap()).collect();
        received.sort_unstable();
        data.sort_unstable();
        assert!(received == data);
    });
}

#[test]
fn a_closed_port_refuses() {
    within_patience(|| {
        let world = world();
        let error = TcpStream::connect(&world.client, (SERVER, 81)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        // Of several addresses the first that answers is taken.
        let listener = TcpListener::bind(&world.server, (SERVER, 80)).unwrap();
        let addresses = [(SERVER, 81).into(), (SERVER, 80).into()];
        let stream = TcpStream::connect(&world.client, &addresses[..]).unwrap();
        assert_eq!(stream.peer_addr().unwrap(), listener.local_addr().unwrap());
        let error = TcpStream::connect(&world.client, &[][..]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        let error = TcpListener::bind(&world.server, (CLIENT, 80)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrNotAvailable);
    });
}

#[test]
fn a_silent_address_is_given_up() {
    within_patience(|| {
        let world = world();
        let silent = ([10, 0, 0, 99], 80).into();
        let timeout = Duration::from_millis(20);
        let error = TcpStream::connect_timeout(&world.client, &silent, timeout).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert!(error.to_string().contains("10.0.0.99:80"), "{error}");
        world.until_all_is_closed();
        let zero = TcpStream::connect_timeout(&world.client, &silent, Duration::ZERO);
        assert_eq!(zero.unwrap_err().kind(), ErrorKind::InvalidInput);
        let refused =
            TcpStream::connect_timeout(&world.client, &(SERVER, 81).into(), super::PATIENCE);
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::ConnectionRefused);
    });
}

#[test]
fn the_last_handle_closes() {
    within_patience(|| {
        let world = world();
        let (client, mut server) = world.connect();
        let mut clone = client.try_clone().unwrap();
        drop(client);
        clone.write_all(b"last words").unwrap();
        let info = server.info_handle();
        thread::sleep(MOMENT);
        assert_eq!(info.info().unwrap().state, State::Established);
        drop(clone);
        let mut words = String::new();
        server.read_to_string(&mut words).unwrap();
        assert_eq!(words, "last words");
        drop(server);
        assert_eq!(info.info(), None);
        world.until_all_is_closed();
    });
}

#[test]
fn unread_data_makes_closing_a_reset() {
    within_patience(|| {
        let world = world();
        let (mut client, server) = world.connect();
        client.write_all(b"unread").unwrap();
        server.peek(&mut [0; 8]).unwrap();
        drop(server);
        for _ in 0..2 {
            let error = client.read(&mut [0; 8]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        }
        assert_eq!(client.write(b"x").unwrap_err().kind(), ErrorKind::ConnectionReset);
        let error = client.try_clone().unwrap().take_error().unwrap().unwrap();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        assert!(client.take_error().unwrap().is_none());
    });
}

#[test]
fn a_listener_closes_with_its_last_handle() {
    within_patience(|| {
        let world = world();
        let listener = TcpListener::bind(&world.server, (SERVER, 80)).unwrap();
        let clone = listener.try_clone().unwrap();
        drop(listener);
        let _stream = TcpStream::connect(&world.client, (SERVER, 80)).unwrap();
        clone.accept().unwrap();
        drop(clone);
        let error = TcpStream::connect(&world.client, (SERVER, 80)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        TcpListener::bind(&world.server, (SERVER, 80)).unwrap();
    });
}

#[test]
fn shutting_down_ends_the_waiting_of_others() {
    within_patience(|| {
        let world = world();
        let (client, mut server) = world.connect();
        let mut reader = client.try_clone().unwrap();
        let reading = thread::spawn(move || reader.read(&mut [0; 8]));
        let mut writer = client.try_clone().unwrap();
        let writing = thread::spawn(move || writer.write_all(&vec![0; 64 * MIB]));
        server.peek(&mut [0]).unwrap();
        thread::sleep(MOMENT);
        assert!(!reading.is_finished() && !writing.is_finished());
        client.shutdown(Shutdown::Both).unwrap();
        assert_eq!(reading.join().unwrap().unwrap(), 0);
        assert_eq!(writing.join().unwrap().unwrap_err().kind(), ErrorKind::BrokenPipe);
        client.shutdown(Shutdown::Both).unwrap();

        // Text for which nobody would wait is answered with a reset (RFC 1122 4.2.2.13, as Linux).
        server.write_all(b"still").unwrap();
        let error = server.read_to_end(&mut Vec::new()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);

        // But while something may be sent, what arrives after all can be read.
        let (client, mut server) = world.connect();
        client.shutdown(Shutdown::Read).unwrap();
        assert_eq!((&client).read(&mut [0; 8]).unwrap(), 0);
        server.write_all(b"still").unwrap();
        let mut still = Vec::new();
        while still.len() < 5 {
            (&client).read_to_end(&mut still).unwrap();
        }
        assert_eq!(still, b"still");
        assert_eq!((&client).read(&mut [0; 8]).unwrap(), 0);
    });
}

#[test]
fn settings_hold_for_all_handles() {
    within_patience(|| {
        let world = world();
        let (client, _server) = world.connect();
        let clone = client.try_clone().unwrap();
        clone.set_nodelay(true).unwrap();
        assert!(client.nodelay().unwrap());
        clone.set_linger(Some(Duration::ZERO)).unwrap();
        assert_eq!(client.linger().unwrap(), Some(Duration::ZERO));
        clone.set_keepalive(Some(Keepalive::default())).unwrap();
        assert_eq!(client.keepalive().unwrap(), Some(Keepalive::default()));
        clone.set_user_timeout(Some(Duration::from_secs(7))).unwrap();
        assert_eq!(client.user_timeout().unwrap(), Some(Duration::from_secs(7)));
        clone.set_congestion_control(Algorithm::Reno).unwrap();
        assert_eq!(client.congestion_control().unwrap(), Algorithm::Reno);
        assert!(format!("{client:?}").contains("10.0.0.1"));
        assert_eq!(client.local_addr().unwrap().ip(), CLIENT);
    });
}

#[test]
fn settings_of_a_listener_are_inherited() {
    within_patience(|| {
        let world = world();
        let listener = TcpListener::bind(&world.server, (SERVER, 7)).unwrap();
        let keepalive = Some(Keepalive::default());
        listener.set_nodelay(true).unwrap();
        listener.set_keepalive(keepalive).unwrap();
        listener.set_congestion_control(Algorithm::Reno).unwrap();
        assert_eq!(listener.congestion_control().unwrap(), Algorithm::Reno);
        assert_eq!((listener.nodelay().unwrap(), listener.keepalive().unwrap()), (true, keepalive));
        let _client = TcpStream::connect(&world.client, (SERVER, 7)).unwrap();
        let (server, _) = listener.accept().unwrap();
        assert_eq!((server.nodelay().unwrap(), server.keepalive().unwrap()), (true, keepalive));
        assert_eq!(server.congestion_control().unwrap(), Algorithm::Reno);
    });
}

/// tokio lets a task do 128 things before it must yield. A thread that waits cannot.
#[test]
fn the_budget_of_a_task_is_no_concern() {
    within_patience(|| {
        let world = world();
        let (mut client, mut server) = world.connect();
        client.set_nodelay(true).unwrap();
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
            for _ in 0..1000 {
                client.write_all(b"x").unwrap();
                server.read_exact(&mut [0]).unwrap();
            }
        });
    });
}
