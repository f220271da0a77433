//! `glasstcp nc`, one against another over the UDP link.

use std::process::Stdio;
use std::time::Duration;

use crate::harness::{Running, Up, bytes, glasstcp, run, said, until, waiting};

/// A client with a link as given, which can be written to.
fn client(line: &str, link: &str) -> Running {
    Running::start(glasstcp(line).args(["--link", link]).stdin(Stdio::piped()))
}

/// One that listens at 10.9.0.1, and how to get there.
fn listener(line: &str, words: &str) -> (Running, String) {
    let (listening, place) = waiting(glasstcp(line).stdin(Stdio::piped()), words);
    (listening, format!("udp:127.0.0.1:0,{place}"))
}

/// A stack at 10.9.0.2 with the usual services.
fn echo_server() -> Up {
    Up::start("--serve hello")
}

/// The side that ends first gets all that the other one has yet to send, over a link that takes longer for it than a
/// connection may take to close.
#[test]
fn a_peer_that_ends_early_gets_everything() {
    let text = bytes(800_000);
    let (mut listening, link) = listener("nc -l 5000 --impair out:rate=2mbit", "listening on");
    let connecting = client("nc -N 10.9.0.1 5000", &link);
    until(&mut listening.stderr, &["connection from"]);
    let reading = std::thread::spawn(move || connecting.finish());
    listening.write(&text[..1]);
    // The other side has ended by now or later; either way it is written for.
    listening.write(&text[1..]);
    let sent = listening.finish();
    let received = reading.join().expect("no panic");
    assert!(
        sent.status.success() && received.status.success(),
        "{} {}",
        said(&sent),
        said(&received)
    );
    assert!(received.stdout == text, "{} bytes", received.stdout.len());
}

#[test]
fn datagrams_are_lines_and_belong_to_one_peer() {
    let (mut listening, link) = listener("nc -l 5000 -u --timeout 1", "arrive at");
    // Nobody is there yet to whom it could go.
    listening.write(b"for the first\n");
    let mut first = client("nc -u 10.9.0.1 5000 --timeout 1", &link);
    first.write(&[b"one\ntwo\n".as_slice(), &[b'x'; 3000], b"\n"].concat());
    assert_eq!(listening.read(8 + 3001), [b"one\ntwo\n".as_slice(), &[b'x'; 3000], b"\n"].concat());
    assert_eq!(first.read(14), b"for the first\n");
    let mut second = client("nc -u 10.9.0.1 5000 --timeout 1", &link);
    second.write(b"not for anybody\n");
    let second = second.finish();
    assert!(second.status.success() && second.stdout.is_empty(), "{}", said(&second));
    first.write(b"three\n");
    assert_eq!(listening.read(6), b"three\n");
    assert!(first.finish().stdout.is_empty());
    assert!(listening.finish().stdout.is_empty());
}

#[test]
fn a_port_where_nobody_is_is_told_of() {
    let (_listening, link) = listener("nc -l 5000", "listening on");
    let mut asking = client("nc -u 10.9.0.1 9 --timeout 1", &link);
    asking.write(b"hello\n");
    until(&mut asking.stderr, &["10.9.0.1:9: port unreachable (10.9.0.1 says so)"]);
    assert!(asking.finish().status.success());
}

/// The last acknowledgment of a client is still on its slow link when it has nothing more to do.
#[test]
fn a_client_does_not_end_before_its_last_packet_has_left() {
    let mut server = echo_server();
    let client = client("nc -N 10.9.0.2 7 --impair delay=50ms", &server.link());
    assert!(client.finish().status.success());
    // Without it the server would send its FIN again and again, for minutes.
    for _ in 0..2000 {
        let counts = server.running.counts();
        if counts.lines().last().is_some_and(|line| line.trim() == "0 connections") {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("the server waits for the last acknowledgment");
}

/// Several clients at once, of which nobody has told where to be.
#[test]
fn clients_come_to_a_link_together() {
    let server = echo_server();
    let mut clients: Vec<Running> =
        (0..3).map(|_| client("nc -N 10.9.0.2 7", &server.link())).collect();
    for round in 0..3 {
        for (number, client) in clients.iter_mut().enumerate() {
            let line = format!("{round} {number}\n");
            client.write(line.as_bytes());
            assert_eq!(client.read(line.len()), line.as_bytes());
        }
    }
    for client in clients {
        assert!(client.finish().status.success());
    }
}

/// Who has said hello is printed, whatever else is.
#[test]
fn a_server_tells_who_has_said_hello() {
    let mut server = echo_server();
    let hello = run(&mut server.client("hello 10.9.0.2 --stack-addr 10.9.0.77"));
    assert!(hello.status.success(), "{}", said(&hello));
    until(&mut server.running.stderr, &["hello from 10.9.0.77:"]);
}

/// What was sent and does not arrive is given up after the time-out; who only waits is not.
#[test]
fn a_peer_that_has_gone_is_given_up() {
    let mut server = echo_server();
    let mut client = client("nc 10.9.0.2 7 --timeout 1", &server.link());
    client.write(b"hello\n");
    assert_eq!(client.read(6), b"hello\n");
    server.running.kill();
    client.write(b"nobody is there\n");
    let sentence = until(&mut client.stderr, &["\n"]);
    let expected =
        "the connection to 10.9.0.2:7 has failed: nothing of what was sent has arrived for 1s";
    assert!(sentence.contains(expected), "{sentence}");
    assert_eq!(client.wait(), Some(1));
}
