//! What POSIX has beyond std.

use std::io::{ErrorKind, Write};
use std::thread;

use super::{MOMENT, SERVER, within_patience, world};
use crate::net::blocking::{RecvFlags, TcpSocket};
use crate::tcp::SendFlags;

const ALL: RecvFlags =
    RecvFlags { wait_all: true, peek: false, discard: false, dont_wait: false, urgent: false };

#[test]
fn who_wants_all_waits_for_all_or_the_end() {
    within_patience(|| {
        let world = world();
        let (mut client, server) = world.connect();
        let nothing = server.recv(&mut [0], RecvFlags { dont_wait: true, ..ALL }).unwrap_err();
        assert_eq!(nothing.kind(), ErrorKind::WouldBlock);
        let reading = thread::spawn(move || {
            let (mut seen, mut read) = ([0; 8], [0; 8]);
            assert_eq!(server.recv(&mut seen, RecvFlags { peek: true, ..ALL }).unwrap(), 8);
            assert_eq!(server.recv(&mut read, ALL).unwrap(), 8);
            assert_eq!((&seen, &read), (b"in parts", b"in parts"));
            let read = server.recv(&mut read, RecvFlags { discard: true, ..ALL }).unwrap();
            assert_eq!(read, 3, "then comes the end");
        });
        for part in [&b"in "[..], b"parts"] {
            client.write_all(part).unwrap();
            thread::sleep(MOMENT);
        }
        thread::sleep(MOMENT);
        client.write_all(b"end").unwrap();
        client.finish().unwrap();
        reading.join().unwrap();
    });
}

#[test]
fn urgent_octets_are_read_by_themselves() {
    within_patience(|| {
        let world = world();
        let (client, server) = world.connect();
        let urgent = SendFlags { urgent: true, ..SendFlags::default() };
        assert_eq!(client.send(b"ab!", urgent).unwrap(), 3);
        client.send(b"cd", SendFlags::default()).unwrap();
        let mut read = [0; 8];
        assert_eq!(server.recv(&mut read, ALL).unwrap(), 2, "it stops before the mark");
        assert!(server.at_mark().unwrap());
        let out_of_line = RecvFlags { urgent: true, ..RecvFlags::default() };
        while !server.readiness().unwrap().urgent {
            thread::sleep(MOMENT);
        }
        assert_eq!(server.recv(&mut read, out_of_line).unwrap(), 1);
        assert_eq!(read[0], b'!');
        let error = server.recv(&mut read, out_of_line).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert_eq!(server.recv(&mut read[..2], ALL).unwrap(), 2);
        assert_eq!(&read[..2], b"cd");
    });
}

#[test]
fn sockets_are_bound_and_set_before_they_are_used() {
    within_patience(|| {
        let world = world();
        let mut socket = TcpSocket::new(&world.server);
        socket.bind((SERVER, 0), true).unwrap();
        socket.settings().fix_receive_buffer(9_000);
        let addr = socket.local_addr().unwrap().unwrap();
        let listener = socket.listen(1).unwrap();
        listener.set_oob_inline(true).unwrap();
        let client = TcpSocket::new(&world.client).connect(addr).unwrap();
        let (server, _) = listener.accept().unwrap();
        assert!(!listener.readiness().unwrap().readable);
        assert_eq!(server.receive_buffer().unwrap(), 9_000);
        assert!(server.oob_inline().unwrap());
        client.configure(|config| config.cork = true).unwrap();
        assert!(client.cork().unwrap());
        assert_eq!((client.unread().unwrap(), client.unsent().unwrap()), (0, 0));
        client.set_quick_ack(true).unwrap();
        assert!(client.quick_ack().unwrap());
    });
}
