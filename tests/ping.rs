//! `glasstcp ping` and `--serve ping` as programs of their own, over a link of UDP; nothing here takes root.

use std::io::{BufRead, Read, Write};
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use glasstcp::device::udp_link::UdpLink;
use glasstcp::net::TcpStream;
use glasstcp::runtime::{FdDevice, start};
use glasstcp::stack::{Config, Stack};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

#[path = "common/binomial.rs"]
mod binomial;

use binomial::assert_loss;

fn glasstcp(line: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_glasstcp"));
    command.args(line.split_whitespace()).stdin(Stdio::null());
    command
}

/// A program that runs; it is ended when this goes.
struct Running(Child);

impl Running {
    /// Starts it and waits until it has printed that it can be ended.
    fn start(line: &str) -> (Running, String) {
        let child = glasstcp(line).stdout(Stdio::piped()).spawn().expect("it runs");
        let mut running = Running(child);
        let mut printed = String::new();
        let mut stdout =
            std::io::BufReader::new(running.0.stdout.take().expect("it was asked for"));
        while !printed.contains("Ctrl-C") {
            assert!(stdout.read_line(&mut printed).expect("text") > 0, "ended: {printed}");
        }
        (running, printed)
    }

    fn tell(&self, signal: Signal) {
        kill(Pid::from_raw(self.0.id().cast_signed()), signal).expect("our own child");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Fails when it has ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A glasstcp that can be pinged.
struct Server {
    _running: Running,
    /// Where its link ends.
    port: u16,
    folder: tempfile::TempDir,
}

impl Server {
    fn start(options: &str) -> Server {
        let folder = tempfile::tempdir().expect("a folder");
        let port = free_port();
        let control = folder.path().join("control");
        let (running, _) = Running::start(&format!(
            "up --link udp:127.0.0.1:{port} --no-default-services --serve ping --control {} {options}",
            control.display()
        ));
        Server { _running: running, port, folder }
    }

    /// What makes a client its neighbour.
    fn link(&self) -> String {
        format!("--link udp:127.0.0.1:0,127.0.0.1:{}", self.port)
    }

    fn control(&self) -> PathBuf {
        self.folder.path().join("control")
    }
}

/// A port of UDP that nobody has at the moment.
fn free_port() -> u16 {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    socket.local_addr().expect("it is bound").port()
}

fn run(line: &str) -> (Option<i32>, String) {
    code_and_text(glasstcp(line).output().expect("it runs"))
}

fn code_and_text(output: Output) -> (Option<i32>, String) {
    let both = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&both).into_owned())
}

/// Pings 200 times with options of the client's to a server with options of its own, side by side, and
/// checks that so many are lost: that no answer to them has come for `wait` seconds.
fn assert_losses(wait: u32, cases: impl IntoIterator<Item = (f64, String, String)>) {
    std::thread::scope(|scope| {
        for (loss, client, server) in cases {
            scope.spawn(move || {
                let server = Server::start(&server);
                let link = server.link();
                let line = format!("ping 10.9.0.2 -c 200 -i 0.02 -W {wait} {client} {link}");
                let (code, text) = run(&line);
                assert_eq!(code, Some(0), "{line}: {text}");
                assert_loss(&text, 200, loss);
            });
        }
    });
}

/// What the server keeps to itself, and what the link loses on the way there, shows as loss.
#[test]
fn the_loss_that_is_seen_is_the_one_that_was_asked_for() {
    let cases = [0.05, 0.2, 0.5].into_iter().flat_map(|loss| {
        let percent = 100.0 * loss;
        let server =
            ["", "--udp"].map(|way| (loss, way.to_owned(), format!("--ping-loss {percent}%")));
        let link = ["--udp", "--icmp"]
            .map(|way| (loss, format!("{way} --impair out:loss={percent}%"), String::new()));
        server.into_iter().chain(link)
    });
    assert_losses(3, cases);
}

/// TCP repairs what a link loses.
#[test]
fn nothing_is_lost_over_tcp() {
    let ways = ["", "--impair loss=5%", "--impair loss=20%"];
    assert_losses(60, ways.map(|way| (0.0, way.to_owned(), String::new())));
}

#[test]
fn every_way_works_over_a_stack_of_its_own_and_through_a_running_one() {
    let server = Server::start("");
    for way in ["", "--udp", "--icmp", "--connect", "-s 1000"] {
        let (code, text) = run(&format!("ping 10.9.0.2 -c 3 -i 0.01 -W 5 {way} {}", server.link()));
        assert_eq!(code, Some(0), "{way}: {text}");
        assert!(text.contains("3 packets transmitted, 3 received, 0% packet loss"), "{text}");
    }
    let (client, _) = Running::start(&format!(
        "up {} --stack-addr 10.9.0.3 --no-default-services --control {}/client",
        server.link(),
        server.folder.path().display()
    ));
    let via = format!("--via {}/client", server.folder.path().display());
    for way in ["", "--udp", "--connect"] {
        let (code, text) = run(&format!("ping 10.9.0.2 -c 3 -i 0.01 -W 5 {way} {via}"));
        assert_eq!(code, Some(0), "{way}: {text}");
        assert!(text.contains("3 packets transmitted, 3 received, 0% packet loss"), "{text}");
    }
    // What the network says comes through the control socket too.
    for (way, words) in [
        ("", "Connection refused"),
        ("--connect", "Connection refused"),
        ("--udp", "Destination Port Unreachable"),
    ] {
        let (code, text) = run(&format!("ping 10.9.0.2 -p 9 -c 1 -W 5 {way} {via}"));
        assert_eq!(code, Some(1), "{text}");
        assert!(text.contains(&format!("From 10.9.0.2 seq=1 {words}")), "{text}");
    }
    drop(client);
    assert!(server.control().exists());
}

/// What is asked while the connection opens waits for it.
#[test]
fn a_lost_syn_costs_no_request() {
    let server = Server::start("");
    let (code, text) = run(&format!(
        "ping 10.9.0.2 -c 3 -i 0.01 -W 20 {} --impair out:drop:syn:nth=1 -vv",
        server.link()
    ));
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("3 packets transmitted, 3 received, 0% packet loss"), "{text}");
    assert!(text.contains("SYN seq=0 len=0 win=65535 (SYN_SENT): retransmission"), "{text}");
}

#[test]
fn ctrl_c_prints_the_figures_too() {
    let server = Server::start("");
    let mut command = glasstcp(&format!("ping 10.9.0.2 -i 0.01 {}", server.link()));
    let mut ping = Running(command.stdout(Stdio::piped()).spawn().expect("it runs"));
    let mut stdout = std::io::BufReader::new(ping.0.stdout.take().expect("it was asked for"));
    let mut text = String::new();
    while !text.contains("seq=3 ") {
        assert!(stdout.read_line(&mut text).expect("text") > 0, "ended: {text}");
    }
    ping.tell(Signal::SIGINT);
    stdout.read_to_string(&mut text).expect("text");
    assert_eq!(ping.0.wait().expect("our own child").code(), Some(0), "{text}");
    assert!(text.contains("--- 10.9.0.2 ping statistics ---\n"), "{text}");
    assert!(text.trim_end().lines().last().expect("lines").starts_with("p50/p99 = "), "{text}");
}

#[test]
fn exit_codes_are_those_of_ping() {
    let server = Server::start("--ping-loss 100%");
    let (code, text) = run(&format!("ping 10.9.0.2 -c 1 -W 0.1 {}", server.link()));
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("no answer for seq=1\n"), "{text}");
    let (code, text) = run(&format!("ping 10.9.0 -c 1 {}", server.link()));
    assert_eq!(code, Some(2));
    assert!(text.contains("is not an IPv4 address"), "{text}");
    let (code, text) = run("ping 10.9.0.2 -c 1 --via /nowhere/socket --udp");
    assert_eq!(code, Some(2));
    assert!(text.contains("no glasstcp listens at /nowhere/socket"), "{text}");
    assert_eq!(run("ping").0, Some(2));
}

/// A program of the kernel's TCP speaks to `serve ping` line by line.
#[test]
fn a_plain_client_is_answered_in_upper_case() {
    let (_serve, printed) = Running::start("serve --kernel 127.0.0.1:0 ping");
    let place = printed.split(" on ").nth(1).and_then(|rest| rest.split(',').next());
    let place = place.expect("it says where it is");
    let mut stream = std::net::TcpStream::connect(place).expect("it is there");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    stream.write_all(b"hello\nhow are you\n").expect("it can be sent");
    let mut answers = [0; 18];
    stream.read_exact(&mut answers).expect("it answers");
    assert_eq!(&answers, b"HELLO\nHOW ARE YOU\n");
    let client = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    client.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    client.send_to(b"hello", place).expect("it can be sent");
    let (len, _) = client.recv_from(&mut answers).expect("it answers");
    assert_eq!(&answers[..len], b"HELLO");
    let line = format!("serve --kernel 127.0.0.1:0 ping --www {}", Path::new("/").display());
    assert_eq!(run(&line).0, Some(1));
}

/// Two hundred processes of clients would be two hundred stacks; these are two hundred connections of one stack, over
/// the link, to the service of another. All write before anybody reads, so that all are there at once, and each is
/// answered every time.
#[test]
fn two_hundred_pings_at_once_are_all_answered() {
    let server = Server::start("");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let all = async {
        let near = "127.0.0.1:0".parse().expect("an address");
        let far = ([127, 0, 0, 1], server.port).into();
        let link = FdDevice::new(UdpLink::open(near, far, 1500).expect("a socket"));
        let stack = Stack::new(Config::new([10, 9, 0, 1].into(), 24, [7; 32]));
        let (net, driver) = start(stack, link.expect("a device")).expect("a stack");
        let driver = tokio::spawn(driver);
        let connecting = (0..200).map(|_| TcpStream::connect(&net, ([10, 9, 0, 2], 12001)));
        let streams = futures_util::future::join_all(connecting).await;
        let mut clients: Vec<_> = streams
            .into_iter()
            .map(|stream| BufReader::new(stream.expect("it is there")))
            .collect();
        for round in 0..20 {
            for (number, client) in clients.iter_mut().enumerate() {
                let line = format!("client {number} round {round}\n");
                client.get_mut().write_all(line.as_bytes()).await.expect("it can be sent");
            }
            for (number, client) in clients.iter_mut().enumerate() {
                let mut answer = String::new();
                client.read_line(&mut answer).await.expect("it answers");
                assert_eq!(answer, format!("CLIENT {number} ROUND {round}\n"));
            }
        }
        driver.abort();
    };
    let runtime = runtime.expect("a runtime");
    let limited =
        runtime.block_on(async { tokio::time::timeout(Duration::from_secs(120), all).await });
    limited.expect("none starves");
}
