//! The clients through the control socket of a running glasstcp (`--via`): what fails there fails here. Programs on their
//! own, over the UDP link; nothing here takes root.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

#[path = "via/rude.rs"]
mod rude;

/// Longest that anything here may take.
const PATIENCE: Duration = Duration::from_secs(60);

fn glasstcp(line: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_glasstcp"));
    command.args(line.split_whitespace()).stdin(Stdio::null());
    command
}

/// A running `glasstcp up`; it is killed when this goes.
struct Running(Child);

impl Running {
    /// Starts it and waits until it has printed that it can be ended.
    fn up(options: &str) -> Running {
        let child = glasstcp(&format!("up {options}")).stdout(Stdio::piped()).spawn();
        let mut running = Running(child.expect("it runs"));
        let mut stdout = BufReader::new(running.0.stdout.take().expect("it was asked for"));
        let mut printed = String::new();
        while !printed.contains("Ctrl-C") {
            assert!(stdout.read_line(&mut printed).expect("text") > 0, "ended: {printed}");
        }
        running
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Fails when it has ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The glasstcp between, whose control socket is in a folder of the test's.
struct Between {
    running: Running,
    folder: TempDir,
}

impl Between {
    /// One whose neighbour is at the other end of the link.
    fn start(other: SocketAddr, options: &str) -> Between {
        let folder = tempfile::tempdir().expect("a folder");
        let control = folder.path().join("socket");
        let running = Running::up(&format!(
            "--link udp:127.0.0.1:0,{other} --stack-addr 10.9.0.3 --no-default-services --control {} {options}",
            control.display()
        ));
        Between { running, folder }
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }

    /// A client that uses it.
    fn client(&self, line: &str) -> Command {
        let mut command = glasstcp(line);
        command.arg("--via").arg(self.socket()).current_dir(self.folder.path());
        command
    }

    /// `nc` that has sent a line to this port.
    fn nc(&self, port: u16) -> Child {
        let mut command = self.client(&format!("nc 10.9.0.2 {port}"));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("it runs");
        let mut stdin = child.stdin.take().expect("it was asked for");
        stdin.write_all(b"GET\n").expect("it can be sent");
        child
    }

    fn run(&self, line: &str) -> Output {
        self.client(line).output().expect("it runs")
    }
}

/// A glasstcp with services, and where its link ends.
fn server(options: &str) -> (Running, SocketAddr) {
    let free = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let address = free.local_addr().expect("it is bound");
    drop(free);
    let place = tempfile::tempdir().expect("a folder");
    let control = place.path().join("socket");
    let running =
        Running::up(&format!("--link udp:{address} --control {} {options}", control.display()));
    (running, address)
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry"));
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

#[track_caller]
fn wait_for(what: &str, mut done: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < end, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The body has no length, so only a good end says that it is whole.
#[test]
fn a_connection_that_fails_leaves_no_file() {
    let between = Between::start(rude::start(), "");
    let got = between.run(&format!("get http://10.9.0.2:{}/ -o v", rude::RESETS));
    assert_eq!(got.status.code(), Some(1), "{}", said(&got));
    assert!(said(&got).contains("the body is cut off after 5000 bytes"), "{}", said(&got));
    assert_eq!(names(between.folder.path()), ["socket"]);
    let got = between.nc(rude::RESETS).wait_with_output().expect("it ends");
    assert_eq!(got.status.code(), Some(1));
    let sentence = format!(
        "glasstcp: the connection to 10.9.0.2:{} has failed: connection reset by peer\n",
        rude::RESETS
    );
    assert_eq!(said(&got), sentence);
}

#[test]
fn a_glasstcp_that_is_killed_between_leaves_no_file() {
    let mut between = Between::start(rude::start(), "");
    let mut get = between.client(&format!("get http://10.9.0.2:{}/ -o v", rude::STOPS));
    let get = get.stderr(Stdio::piped()).spawn().expect("it runs");
    let mut nc = between.nc(rude::STOPS);
    let mut line = String::new();
    let mut stdout = BufReader::new(nc.stdout.take().expect("it was asked for"));
    stdout.read_line(&mut line).expect("text");
    assert!(line.starts_with("HTTP/1.1 200"), "{line}");
    wait_for("a part", || {
        let lens = names(between.folder.path()).into_iter().map(|name| {
            fs::metadata(between.folder.path().join(name)).map_or(0, |metadata| metadata.len())
        });
        lens.max() == Some(1000)
    });
    between.running.0.kill().expect("our own child");
    let got = get.wait_with_output().expect("it ends");
    assert_eq!(got.status.code(), Some(1), "{}", said(&got));
    assert!(said(&got).contains("the body is cut off after 1000 bytes"), "{}", said(&got));
    assert_eq!(names(between.folder.path()), ["socket"]);
    let ended = nc.wait_with_output().expect("it ends");
    assert_eq!(ended.status.code(), Some(1));
    assert!(said(&ended).contains("the glasstcp that carries it has gone"), "{}", said(&ended));
}

/// Each takes longer than the time-out, but something arrives all the time.
#[test]
fn a_slow_link_is_no_silence() {
    let www = tempfile::tempdir().expect("a folder");
    let (_server, other) = server(&format!("--www {}", www.path().display()));
    let between = Between::start(other, "--impair rate=300kbit");
    let text = vec![b'x'; 150_000];
    fs::write(between.folder.path().join("file"), &text).expect("it can be written");
    let put = between.run("put file 10.9.0.2/upload/ --timeout 1.5");
    assert!(put.status.success(), "{}", said(&put));
    assert!(fs::read(www.path().join("upload/file")).expect("it is there") == text);
    let get = between.run("get 10.9.0.2/upload/file -o copy --timeout 1.5");
    assert!(get.status.success(), "{}", said(&get));
    assert!(fs::read(between.folder.path().join("copy")).expect("it is there") == text);
}

#[test]
fn a_thousand_connections_are_carried_at_once() {
    let (_server, other) = server("--no-default-services --serve tasks");
    let between = Between::start(other, "");
    let mut command = between.client("task 10.9.0.2 --parallel 1000 --timeout 55");
    for number in 0..1000 {
        command.args(["--calc", &format!("{number}+1")]);
    }
    let done = command.output().expect("it runs");
    let table = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success(), "{} {table}", said(&done));
    assert!(table.contains("1000 of 1000 tasks done"), "{table}");
    for (number, line) in table.lines().skip(1).take(1000).enumerate() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let sum = (number + 1).to_string();
        assert!(words[1] == format!("{number}+1") && words.last() == Some(&&sum[..]), "{line}");
    }
}

#[test]
fn a_datagram_that_is_too_long_is_an_error() {
    // That of the one between is not known to nc, which takes it for the usual one.
    let between = Between::start(rude::start(), "--mtu 576");
    let mut nc = between.client("nc -u 10.9.0.2 9");
    let mut nc = nc.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
    let mut stdin = nc.stdin.take().expect("it was asked for");
    stdin.write_all(&[b'x'; 3000]).expect("it can be sent");
    let mut text = String::new();
    let stderr = nc.stderr.take().expect("it was asked for");
    BufReader::new(stderr).read_line(&mut text).expect("text");
    assert_eq!(text, "glasstcp: cannot send to 10.9.0.2:9: message too long\n");
    assert_eq!(nc.wait().expect("our own child").code(), Some(1));
}

#[test]
fn a_socket_that_was_left_over_is_told_apart_from_the_host() {
    let folder = tempfile::tempdir().expect("a folder");
    let stale = folder.path().join("socket");
    drop(std::os::unix::net::UnixListener::bind(&stale).expect("a socket"));
    fs::write(folder.path().join("file"), "text").expect("it can be written");
    let sentence = format!(
        "glasstcp: no glasstcp listens at {}: look with 'ls /run/glasstcp' what runs, or leave --via out\n",
        stale.display()
    );
    for (line, code) in [
        ("ping 10.9.0.1", 2),
        ("ping 10.9.0.1 --connect", 2),
        ("ping 10.9.0.1 --udp", 2),
        ("get http://10.9.0.1/ -o v", 1),
        ("put file http://10.9.0.1/", 1),
        ("nc 10.9.0.1 80", 1),
        ("nc -l 5000", 1),
        ("nc -u 10.9.0.1 80", 1),
        ("dns www.example --dns 10.9.0.1", 1),
        ("rudp recv -p 5000 -o copy", 1),
    ] {
        let output = glasstcp(line).arg("--via").arg(&stale).current_dir(folder.path()).output();
        let output = output.expect("it runs");
        assert_eq!(said(&output), sentence, "{line}");
        assert_eq!(output.status.code(), Some(code), "{line}");
    }
    for line in ["task 10.9.0.1 --calc 1+1", "hello 10.9.0.1"] {
        let output = glasstcp(line).arg("--via").arg(&stale).output().expect("it runs");
        assert!(said(&output).contains("no glasstcp listens at "), "{line}: {}", said(&output));
        assert!(!said(&output).contains("cannot connect"), "{line}: {}", said(&output));
        assert_eq!(output.status.code(), Some(1), "{line}");
    }
}
