//! `glasstcp serve` as a program on its own, and its web server by the real curl; all on loopback.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Longest that anything here may take.
const PATIENCE: Duration = Duration::from_secs(20);

fn glasstcp(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_glasstcp"));
    command.arg("serve").args(arguments).stdin(Stdio::null());
    command
}

/// A running `glasstcp serve`, killed when dropped.
struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    fn start(service: &str, more: &[&str]) -> Server {
        Server::of(glasstcp(&["--kernel", "127.0.0.1:0", service]).args(more))
    }

    fn of(command: &mut Command) -> Server {
        let mut child = command.stdout(Stdio::piped()).spawn().expect("it starts");
        let mut line = String::new();
        let output = child.stdout.take().expect("piped");
        BufReader::new(output).read_line(&mut line).expect("it says where it is");
        let place = line.split(" on ").nth(1).and_then(|rest| rest.split(',').next());
        let address = place.and_then(|place| place.parse().ok());
        let address = address.unwrap_or_else(|| panic!("no address in {line:?}"));
        Server { child, address }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The exit code after a signal.
    fn end(mut self, signal: Signal) -> Option<i32> {
        kill(Pid::from_raw(self.child.id() as i32), signal).expect("it runs");
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait().expect("it is ours") {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("it does not end");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs curl in `folder`; `None` where there is none.
fn curl(folder: &Path, arguments: &[&str]) -> Option<Output> {
    let seconds = PATIENCE.as_secs().to_string();
    let mut command = Command::new("curl");
    command.current_dir(folder).args(["-sS", "--noproxy", "*", "-m", &seconds]).args(arguments);
    match command.output() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            eprintln!("skipped: there is no curl");
            None
        }
        output => Some(output.expect("curl runs")),
    }
}

/// Runs curl and gives the status of the reply.
fn code(folder: &Path, arguments: &[&str]) -> Option<String> {
    let output = curl(folder, &[&["-o", "reply", "-w", "%{http_code}"], arguments].concat())?;
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn numbers(len: usize) -> Vec<u8> {
    (0..len as u32 / 4).flat_map(u32::to_be_bytes).collect()
}

/// A folder for the server, one for curl, and a server.
fn site() -> (tempfile::TempDir, tempfile::TempDir, Server) {
    let www = tempfile::tempdir().expect("a folder");
    let work = tempfile::tempdir().expect("a folder");
    fs::write(www.path().join("file"), numbers(3_000_000)).expect("written");
    let server = Server::start("http", &["--www", www.path().to_str().expect("plain")]);
    (www, work, server)
}

#[test]
fn every_service_runs_and_a_signal_ends_it() {
    for (service, signal) in
        [("echo", Signal::SIGINT), ("daytime", Signal::SIGTERM), ("http", Signal::SIGHUP)]
    {
        let server = Server::start(service, &[]);
        let mut stream = TcpStream::connect(server.address).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time-out");
        if service != "daytime" {
            stream.write_all(b"GET / HTTP/1.0\r\n\r\n").expect("sent");
        }
        stream.shutdown(std::net::Shutdown::Write).expect("shut");
        let mut reply = String::new();
        stream.read_to_string(&mut reply).expect("a reply");
        let expected = match service {
            "echo" => "GET / HTTP/1.0",
            "daytime" => " GMT",
            _ => "HTTP/1.0 200 OK",
        };
        assert!(reply.contains(expected), "{service}: {reply}");
        // With a connection open it ends just the same.
        let _open = TcpStream::connect(server.address).expect("it listens");
        assert_eq!(server.end(signal), Some(0), "{service}");
    }
}

/// As the same signal does with `glasstcp up`, so that `pkill -USR1 glasstcp` harms neither.
#[test]
fn sigusr1_prints_what_is_counted() {
    let log = tempfile::NamedTempFile::new().expect("a file");
    let mut command = glasstcp(&["--kernel", "127.0.0.1:0", "echo"]);
    let server = Server::of(command.stderr(log.reopen().expect("it can be opened twice")));
    let echo = || {
        let mut stream = TcpStream::connect(server.address).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time-out");
        stream.write_all(b"x").expect("sent");
        stream.read_exact(&mut [0]).expect("it comes back");
        stream
    };
    let mut first = echo();
    first.shutdown(std::net::Shutdown::Write).expect("shut");
    assert_eq!(first.read(&mut [0]).expect("its end"), 0);
    let _open = [echo(), echo()];
    let deadline = Instant::now() + PATIENCE;
    let expected = "3 connections_accepted\n2 connections\n";
    while !fs::read_to_string(log.path()).expect("there").ends_with(expected) {
        assert!(Instant::now() < deadline, "{:?}", fs::read_to_string(log.path()));
        kill(Pid::from_raw(server.child.id() as i32), Signal::SIGUSR1).expect("it runs");
        std::thread::sleep(Duration::from_millis(50));
    }
    echo();
    assert_eq!(server.end(Signal::SIGINT), Some(0));
}

#[test]
fn what_cannot_be_is_explained() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = taken.local_addr().map(|place| (taken, place.to_string())).expect("an address");
    for (arguments, exit, part) in [
        (vec!["--kernel", &taken.1, "echo"], 1, "is in use: end what has it"),
        (vec!["--kernel", "192.0.2.1:8080", "echo"], 1, "is not an address of this machine"),
        (vec!["--kernel", "127.0.0.1:0", "http", "--www", "/nowhere"], 1, "give --www a folder"),
        (vec!["--kernel", "here:80", "echo"], 2, "as 127.0.0.1:8080 or [::1]:8080"),
        (vec!["--kernel", "127.0.0.1:0", "echo", "--www", "/"], 1, "--www is for http and tasks"),
        (vec!["echo"], 2, "--kernel <ADDRESS:PORT>"),
    ] {
        let output = glasstcp(&arguments).output().expect("it runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(exit), "{arguments:?}: {said}");
        assert!(said.contains(part), "{arguments:?}: {said}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn curl_resumes_and_takes_parts() {
    let (_www, work, server) = site();
    let (whole, url) = (numbers(3_000_000), server.url("/file"));
    let got = work.path().join("got");
    // Cut short, then resumed; and resumed again when there is nothing left.
    fs::write(&got, &whole[..1_234_567]).expect("written");
    let Some(output) = curl(work.path(), &["-C", "-", "-o", "got", &url]) else { return };
    assert!(output.status.success(), "{output:?}");
    assert!(fs::read(&got).expect("there") == whole);
    let again = curl(work.path(), &["-C", "-", "-o", "got", &url]).expect("there was one");
    assert!(again.status.success() && fs::read(&got).expect("there") == whole, "{again:?}");

    let reply = || fs::read(work.path().join("reply")).expect("there");
    let part = |range| code(work.path(), &["--range", range, &url]).expect("there was one");
    assert_eq!(part("100-199"), "206");
    assert_eq!(reply(), &whole[100..200]);
    assert_eq!(part("-100"), "206");
    assert_eq!(reply(), &whole[2_999_900..]);
    assert_eq!(part("0-9,20-29"), "206");
    let text = String::from_utf8_lossy(&reply()).into_owned();
    assert!(text.contains("Content-Range: bytes 20-29/3000000\r\n"), "{text}");
    assert_eq!(part("3000000-"), "416");
}

#[test]
fn curl_fetches_only_what_is_new() {
    let (www, work, server) = site();
    let url = server.url("/file");
    let ask = |arguments: &[&str]| code(work.path(), &[arguments, &[&url]].concat());
    let tags = ["--etag-save", "tag", "--etag-compare", "tag"];
    let Some(first) = ask(&tags) else { return };
    assert_eq!(first, "200");
    assert_eq!(ask(&tags).as_deref(), Some("304"));
    let place = www.path().join("file");
    assert_eq!(ask(&["-z", place.to_str().expect("plain")]).as_deref(), Some("304"));
    assert_eq!(ask(&["-z", "Sun, 06 Nov 1994 08:49:37 GMT"]).as_deref(), Some("200"));
    assert_eq!(ask(&["-z", "-Sun, 06 Nov 1994 08:49:37 GMT"]).as_deref(), Some("412"));
    fs::write(&place, "new").expect("written");
    assert_eq!(ask(&tags).as_deref(), Some("200"));
    assert_eq!(fs::read(work.path().join("reply")).expect("there"), b"new");
}

#[test]
fn curl_uploads_and_waits_for_100() {
    let (www, work, server) = site();
    fs::write(work.path().join("up"), numbers(2_000_000)).expect("written");
    // Without a 100 curl would wait for 15 seconds.
    let url = server.url("/upload/");
    let expect = ["-H", "Expect: 100-continue", "--expect100-timeout", "15"];
    let arguments = [&expect[..], &["-T", "up", &url]].concat();
    let began = Instant::now();
    let Some(first) = code(work.path(), &arguments) else { return };
    assert_eq!(first, "201");
    assert!(began.elapsed() < Duration::from_secs(10), "it never heard 100");
    assert!(fs::read(www.path().join("upload/up")).expect("there") == numbers(2_000_000));
    assert_eq!(code(work.path(), &arguments).as_deref(), Some("204"));
    let only_new = [&["-H", "If-None-Match: *"], &arguments[..]].concat();
    assert_eq!(code(work.path(), &only_new).as_deref(), Some("412"));
    let url = server.url("/file");
    let refused = [&expect[..], &["-T", "up", &url]].concat();
    assert_eq!(code(work.path(), &refused).as_deref(), Some("405"));
}
