//! `glasstcp nc` as a program on its own, one against another over the UDP link; nothing here takes root.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, UdpSocket};
use std::process::{Child, ChildStderr, ChildStdin, Command, Output, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// A glasstcp that runs; it is killed when this goes.
struct Program {
    child: Child,
    stdin: Option<ChildStdin>,
    stderr: BufReader<ChildStderr>,
}

impl Program {
    fn start(line: &str, link: &str) -> Program {
        let mut command = Command::new(env!("CARGO_BIN_EXE_glasstcp"));
        command.args(line.split_whitespace()).args(["--link", link]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("it starts");
        let stdin = child.stdin.take();
        let stderr = BufReader::new(child.stderr.take().expect("it was asked for"));
        Program { child, stdin, stderr }
    }

    /// Waits for this on standard error.
    fn wait_for(&mut self, text: &str) {
        let mut said = String::new();
        while !said.contains(text) {
            assert!(self.stderr.read_line(&mut said).expect("text") > 0, "it has ended: {said}");
        }
    }

    fn write(&mut self, text: &[u8]) {
        let stdin = self.stdin.as_mut().expect("it is open");
        stdin.write_all(text).expect("it reads");
    }

    /// The next bytes that it prints.
    fn read(&mut self, len: usize) -> Vec<u8> {
        let mut text = vec![0; len];
        self.child.stdout.as_mut().expect("it is open").read_exact(&mut text).expect("text");
        text
    }

    /// How many connections a server says that it has.
    fn connections(&mut self) -> String {
        kill(Pid::from_raw(self.child.id().cast_signed()), Signal::SIGUSR1).expect("our own child");
        loop {
            let mut line = String::new();
            assert!(self.stderr.read_line(&mut line).expect("text") > 0, "it has ended");
            if let Some(count) = line.trim().strip_suffix(" connections") {
                return count.to_owned();
            }
        }
    }

    /// Ends its input, and waits until it has ended.
    fn finish(mut self) -> Output {
        drop(self.stdin.take());
        let mut stdout = Vec::new();
        self.child.stdout.take().expect("it is open").read_to_end(&mut stdout).expect("text");
        let mut stderr = Vec::new();
        self.stderr.read_to_end(&mut stderr).expect("text");
        let status = self.child.wait().expect("our own child");
        Output { status, stdout, stderr }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Fails when it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free() -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    socket.local_addr().expect("it is bound")
}

/// One that listens at 10.9.0.1, and how to get there.
fn listener(line: &str) -> (Program, String) {
    let place = free();
    let mut program = Program::start(line, &format!("udp:{place}"));
    program.wait_for("listening on");
    (program, format!("udp:127.0.0.1:0,{place}"))
}

/// A stack at 10.9.0.2 with the usual services, and how to get there.
fn echo_server() -> (Program, String) {
    let place = free();
    let folder = tempfile::tempdir().expect("a folder");
    let line = format!("up --serve hello --control {}/socket", folder.path().display());
    let mut server = Program::start(&line, &format!("udp:{place}"));
    let mut stdout = BufReader::new(server.child.stdout.as_mut().expect("it is open"));
    let mut text = String::new();
    while !text.contains("Ctrl-C") {
        assert!(stdout.read_line(&mut text).expect("text") > 0, "it has ended: {text}");
    }
    (server, format!("udp:127.0.0.1:0,{place}"))
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The side that ends first gets all that the other one has yet to send, over a link that takes longer for it than a
/// connection may take to close.
#[test]
fn a_peer_that_ends_early_gets_everything() {
    let text: Vec<u8> = (0..800_000_u32).map(|n| (n % 251) as u8).collect();
    let (mut listening, link) = listener("nc -l 5000 --impair out:rate=2mbit");
    let connecting = Program::start("nc -N 10.9.0.1 5000", &link);
    listening.wait_for("connection from");
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
    let place = free();
    let mut listening = Program::start("nc -l 5000 -u --timeout 1", &format!("udp:{place}"));
    // Nobody is there yet to whom it could go.
    listening.write(b"for the first\n");
    let link = format!("udp:127.0.0.1:0,{place}");
    let mut first = Program::start("nc -u 10.9.0.1 5000 --timeout 1", &link);
    first.write(&[b"one\ntwo\n".as_slice(), &[b'x'; 3000], b"\n"].concat());
    assert_eq!(listening.read(8 + 3001), [b"one\ntwo\n".as_slice(), &[b'x'; 3000], b"\n"].concat());
    assert_eq!(first.read(14), b"for the first\n");
    let mut second = Program::start("nc -u 10.9.0.1 5000 --timeout 1", &link);
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
    let (_listening, link) = listener("nc -l 5000");
    let mut asking = Program::start("nc -u 10.9.0.1 9 --timeout 1", &link);
    asking.write(b"hello\n");
    asking.wait_for("10.9.0.1:9: port unreachable (10.9.0.1 says so)");
    assert!(asking.finish().status.success());
}

/// The last acknowledgment of a client is still on its slow link when it has nothing more to do.
#[test]
fn a_client_does_not_end_before_its_last_packet_has_left() {
    let (mut server, link) = echo_server();
    let client = Program::start("nc -N 10.9.0.2 7 --impair delay=50ms", &link);
    assert!(client.finish().status.success());
    // Without it the server would send its FIN again and again, for minutes.
    for _ in 0..200 {
        if server.connections() == "0" {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("the server waits for the last acknowledgment");
}

/// Several clients at once, of which nobody has told where to be.
#[test]
fn clients_come_to_a_link_together() {
    let (_server, link) = echo_server();
    let mut clients: Vec<Program> =
        (0..3).map(|_| Program::start("nc -N 10.9.0.2 7", &link)).collect();
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
    let (mut server, link) = echo_server();
    let hello = Program::start("hello 10.9.0.2 --stack-addr 10.9.0.77", &link).finish();
    assert!(hello.status.success(), "{}", said(&hello));
    server.wait_for("hello from 10.9.0.77:");
}
