//! `glasstcp link --udp` and `glasstcp impair` as programs on their own; nothing here takes root.

use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use pcap_parser::Block;

fn glasstcp(line: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_glasstcp"));
    command.args(line.split_whitespace());
    command
}

/// What a command that fails says, and its exit code.
fn fails(line: &str) -> (Option<i32>, String) {
    let output = glasstcp(line).output().expect("it runs");
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// A proxy that runs; it is ended when this goes.
struct Proxy {
    child: Child,
    stdout: BufReader<ChildStdout>,
    address: SocketAddr,
}

impl Proxy {
    /// A proxy before `server`, with a control socket in `folder`.
    fn start(server: SocketAddr, folder: &Path, options: &str) -> Proxy {
        let line = format!("link --udp 127.0.0.1:0 --to {server} --control control {options}");
        let mut command = glasstcp(&line);
        command.current_dir(folder).stdout(Stdio::piped());
        let mut child = command.spawn().expect("it runs");
        let mut stdout = BufReader::new(child.stdout.take().expect("it was asked for"));
        let mut text = String::new();
        while !text.contains("Ctrl-C") {
            assert!(stdout.read_line(&mut text).expect("text") > 0, "it has ended: {text}");
        }
        let words: Vec<&str> = text.split_whitespace().collect();
        let at = words.iter().position(|word| *word == "to").expect("datagrams to ADDRESS");
        let address = words[at + 1].parse().expect("an address");
        Proxy { child, stdout, address }
    }

    /// Ends it with a signal; what it has printed since it began.
    fn end(mut self) -> String {
        kill(Pid::from_raw(self.child.id().cast_signed()), Signal::SIGINT).expect("our own child");
        let mut text = String::new();
        self.stdout.read_to_string(&mut text).expect("text");
        assert!(self.child.wait().expect("our own child").success());
        text
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // Fails when it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn socket() -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    socket.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    let address = socket.local_addr().expect("it is bound");
    (socket, address)
}

fn receive(socket: &UdpSocket) -> (String, SocketAddr) {
    let mut buffer = [0; 2000];
    let (len, from) = socket.recv_from(&mut buffer).expect("a datagram");
    (String::from_utf8_lossy(&buffer[..len]).into_owned(), from)
}

fn impair(folder: &Path, rules: &str) -> Output {
    let mut command = glasstcp(&format!("impair --control control {rules}"));
    command.current_dir(folder).output().expect("it runs")
}

#[test]
fn a_proxy_loses_what_it_is_told_to_lose_and_can_be_told_anew() {
    let folder = tempfile::tempdir().expect("a folder");
    let (server, address) = socket();
    let options = "--impair out:drop:udp:nth=2 --pcap all.pcapng --impair in:duplicate:udp:nth=1";
    let proxy = Proxy::start(address, folder.path(), options);
    let (client, _) = socket();
    for text in ["one", "two", "three"] {
        client.send_to(text.as_bytes(), proxy.address).expect("it can be sent");
    }
    let (first, from) = receive(&server);
    assert_eq!((first.as_str(), receive(&server).0.as_str()), ("one", "three"));
    server.send_to(b"answer", from).expect("it can be sent");
    for _ in 0..2 {
        assert_eq!(receive(&client), ("answer".to_owned(), proxy.address));
    }

    let told = impair(folder.path(), "clear out:drop:udp:nth=1");
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    let text = String::from_utf8_lossy(&told.stdout).into_owned();
    assert!(text.starts_with("out: drop:udp:nth=1\n  3 packets in"), "{text}");
    assert!(text.contains("\nin: perfect\n"), "{text}");
    for text in ["four", "five"] {
        client.send_to(text.as_bytes(), proxy.address).expect("it can be sent");
    }
    assert_eq!(receive(&server).0, "five");

    let counted = proxy.end();
    assert!(counted.contains("5 packets in") && counted.contains("2 rule dropped"), "{counted}");
    assert!(counted.contains("1 duplicated"), "{counted}");
    assert!(!folder.path().join("control").exists(), "it takes its socket away");
    // A section, three interfaces, and 5 + 3 + 1 + 2 packets on their ways, and three with what was done.
    let capture = std::fs::read(folder.path().join("all.pcapng")).expect("it was written");
    let (rest, capture) = pcap_parser::parse_pcapng(&capture).expect("pcapng");
    assert!(rest.is_empty());
    let blocks = || capture.sections.iter().flat_map(|section| &section.blocks);
    let count = |kind: fn(&Block<'_>) -> bool| blocks().filter(|block| kind(block)).count();
    let interfaces = count(|block| matches!(block, Block::InterfaceDescription(_)));
    let packets = count(|block| matches!(block, Block::EnhancedPacket(_)));
    assert_eq!((interfaces, packets), (3, 5 + 3 + 1 + 2 + 3));
}

#[test]
fn the_same_seed_loses_the_same_datagrams() {
    let arrived = |seed: &str| {
        let folder = tempfile::tempdir().expect("a folder");
        let (server, address) = socket();
        let proxy =
            Proxy::start(address, folder.path(), &format!("--impair out:loss=30% --seed {seed}"));
        let (client, _) = socket();
        let mut arrived = Vec::new();
        for number in 0..100 {
            client.send_to(number.to_string().as_bytes(), proxy.address).expect("it can be sent");
        }
        client.send_to(b"bye", proxy.address).expect("it can be sent");
        // Nothing is lost any more, and so this arrives last.
        assert!(impair(folder.path(), "loss=0%").status.success());
        client.send_to(b"end", proxy.address).expect("it can be sent");
        loop {
            match receive(&server).0 {
                end if end == "end" => break,
                text => arrived.push(text),
            }
        }
        drop(proxy);
        arrived
    };
    let once = arrived("7");
    assert!((40..=95).contains(&once.len()), "{once:?}");
    assert_eq!(once, arrived("7"));
    assert_ne!(once, arrived("8"));
}

#[test]
fn what_cannot_be_done_is_said_in_a_sentence() {
    let (_taken, address) = socket();
    let folder = tempfile::tempdir().expect("a folder");
    let nowhere = folder.path().join("nowhere");
    let nowhere = nowhere.display();
    for (line, code, expected) in [
        (format!("link --udp {address} --to 127.0.0.1:9"), 1, "is in use"),
        ("link --udp 127.0.0.1:0 --to 127.0.0.1".into(), 1, "cannot find the server 127.0.0.1"),
        ("link --udp 127.0.0.1:0 --to [::1]:9".into(), 1, "has no IPv4 address"),
        ("link --udp 127.0.0.1:0 --to 127.0.0.1:0".into(), 1, "has no port"),
        ("link --udp 127.0.0.1:0 --to 0.0.0.0:9".into(), 1, "is not the address of one server"),
        ("link --udp 127.0.0.1:7 --to 127.0.0.1:7".into(), 1, "is where the link itself listens"),
        (format!("link --udp 127.0.0.1:0 --to 127.0.0.1:9 --pcap {nowhere}/x"), 1, "cannot write"),
        (
            format!(
                "link --udp 127.0.0.1:0 --to 127.0.0.1:9 --control {}",
                folder.path().display()
            ),
            1,
            "choose another place with --control",
        ),
        ("link --udp 127.0.0.1:0 --to 127.0.0.1:9 --impair los=1%".into(), 2, "no setting 'los='"),
        (format!("impair --control {nowhere} loss=1%"), 1, "look whether it still runs"),
        ("impair loss".into(), 2, "there is no 'loss'"),
    ] {
        let (status, said) = fails(&line);
        assert_eq!(status, Some(code), "{line}: {said}");
        assert!(said.contains(expected), "{line}: {said}");
        assert!(code == 2 || said.trim().lines().count() == 1, "one sentence: {said}");
    }
}

/// As Wireshark reads from a pipe; and one that does not read does not stop the link.
#[test]
fn packets_are_written_into_a_pipe_that_nobody_need_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let pipe = folder.path().join("pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).expect("a pipe");
    let (tell, told) = std::sync::mpsc::channel::<()>();
    let reader = std::thread::spawn({
        let pipe = pipe.clone();
        move || {
            let mut pipe = std::fs::File::open(pipe).expect("the link opens it too");
            let _ = told.recv();
            let mut all = Vec::new();
            pipe.read_to_end(&mut all).expect("it ends");
            all
        }
    });
    let (server, address) = socket();
    let proxy = Proxy::start(address, folder.path(), "--pcap pipe");
    let (client, _) = socket();
    // Far more than a pipe holds.
    for _ in 0..300 {
        client.send_to(&[7; 1000], proxy.address).expect("it can be sent");
        receive(&server);
    }
    assert!(impair(folder.path(), "").status.success(), "it answers");
    drop(tell);
    let counted = proxy.end();
    assert!(counted.contains("300 packets in"), "{counted}");
    let all = reader.join().expect("no panic");
    let (rest, _) = pcap_parser::parse_pcapng(&all).expect("pcapng");
    assert!(rest.is_empty() && all.len() > 600_000);
}

#[test]
fn a_start_that_fails_leaves_an_earlier_file_as_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let keep = folder.path().join("keep.pcapng");
    std::fs::write(&keep, "an earlier capture").expect("the folder is writable");
    let (_taken, address) = socket();
    let line = format!("link --udp {address} --to 127.0.0.1:9 --pcap {}", keep.display());
    assert_eq!(fails(&line).0, Some(1));
    assert_eq!(std::fs::read_to_string(&keep).expect("it is there"), "an earlier capture");
}

#[test]
fn a_full_disk_is_told_of_and_the_link_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let (server, address) = socket();
    let mut proxy = Proxy::start(address, folder.path(), "--pcap /dev/full");
    let (client, _) = socket();
    for _ in 0..200 {
        client.send_to(&[7; 1000], proxy.address).expect("it can be sent");
        receive(&server);
    }
    kill(Pid::from_raw(proxy.child.id().cast_signed()), Signal::SIGTERM).expect("our own child");
    assert_eq!(proxy.child.wait().expect("our own child").code(), Some(1));
}
