//! `glasstcp serve` over the kernel's TCP, and its web server by the real curl; all on loopback.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Output};

use nix::sys::signal::Signal;
use tempfile::TempDir;

use crate::harness::{
    PATIENCE, Running, address_after, bytes, folder, glasstcp, printed, run, said, wait_for,
};

/// A running `glasstcp serve`, and where it listens.
fn serve(command: &mut Command) -> (Running, SocketAddr) {
    let (server, printed) = Running::ready(command);
    (server, address_after(&printed, " on "))
}

/// The exit code after a signal.
fn end(mut server: Running, signal: Signal) -> Option<i32> {
    server.tell(signal);
    server.wait()
}

fn connect(place: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(place).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time-out");
    stream
}

/// Runs curl in `folder`; `None` where there is none.
fn curl(folder: &Path, arguments: &[&str]) -> Option<Output> {
    let seconds = PATIENCE.as_secs().to_string();
    let mut command = Command::new("curl");
    command.current_dir(folder).args(["-sS", "--noproxy", "*", "-m", &seconds]).args(arguments);
    match command.output() {
        Err(error) if error.kind() == ErrorKind::NotFound => {
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
    Some(printed(&output))
}

/// A web server.
struct Site {
    /// What it serves.
    www: TempDir,
    /// Where curl works.
    work: TempDir,
    _server: Running,
    place: SocketAddr,
}

impl Site {
    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.place)
    }
}

fn site() -> Site {
    let www = folder();
    fs::write(www.path().join("file"), bytes(3_000_000)).expect("written");
    let mut command = glasstcp("serve --kernel 127.0.0.1:0 http --www");
    let (server, place) = serve(command.arg(www.path()));
    Site { www, work: folder(), _server: server, place }
}

#[test]
fn every_service_runs_and_a_signal_ends_it() {
    for (service, signal) in
        [("echo", Signal::SIGINT), ("daytime", Signal::SIGTERM), ("http", Signal::SIGHUP)]
    {
        let line = format!("serve --kernel 127.0.0.1:0 {service}");
        let (server, place) = serve(&mut glasstcp(&line));
        let mut stream = connect(place);
        if service != "daytime" {
            stream.write_all(b"GET / HTTP/1.0\r\n\r\n").expect("sent");
        }
        stream.shutdown(Shutdown::Write).expect("shut");
        let mut reply = String::new();
        stream.read_to_string(&mut reply).expect("a reply");
        let expected = match service {
            "echo" => "GET / HTTP/1.0",
            "daytime" => " GMT",
            _ => "HTTP/1.0 200 OK",
        };
        assert!(reply.contains(expected), "{service}: {reply}");
        // With a connection open it ends just the same.
        let _open = connect(place);
        assert_eq!(end(server, signal), Some(0), "{service}");
    }
}

/// As the same signal does with `glasstcp up`, so that `pkill -USR1 glasstcp` harms neither.
#[test]
fn sigusr1_prints_what_is_counted() {
    let (mut server, place) = serve(&mut glasstcp("serve --kernel 127.0.0.1:0 echo"));
    let echo = || {
        let mut stream = connect(place);
        stream.write_all(b"x").expect("sent");
        stream.read_exact(&mut [0]).expect("it comes back");
        stream
    };
    let mut first = echo();
    first.shutdown(Shutdown::Write).expect("shut");
    assert_eq!(first.read(&mut [0]).expect("its end"), 0);
    let _open = [echo(), echo()];
    let expected = "3 connections_accepted\n2 connections\n";
    wait_for(expected, || server.counts().ends_with(expected));
    echo();
    assert_eq!(end(server, Signal::SIGINT), Some(0));
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
        let output = run(glasstcp("serve").args(&arguments));
        let said = said(&output);
        assert_eq!(output.status.code(), Some(exit), "{arguments:?}: {said}");
        assert!(said.contains(part), "{arguments:?}: {said}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn curl_resumes_and_takes_parts() {
    let site = site();
    let (whole, url) = (bytes(3_000_000), site.url("/file"));
    let got = site.work.path().join("got");
    // Cut short, then resumed; and resumed again when there is nothing left.
    fs::write(&got, &whole[..1_234_567]).expect("written");
    let Some(output) = curl(site.work.path(), &["-C", "-", "-o", "got", &url]) else { return };
    assert!(output.status.success(), "{output:?}");
    assert!(fs::read(&got).expect("there") == whole);
    let again = curl(site.work.path(), &["-C", "-", "-o", "got", &url]).expect("there was one");
    assert!(again.status.success() && fs::read(&got).expect("there") == whole, "{again:?}");

    let reply = || fs::read(site.work.path().join("reply")).expect("there");
    let part = |range| code(site.work.path(), &["--range", range, &url]).expect("there was one");
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
    let site = site();
    let url = site.url("/file");
    let ask = |arguments: &[&str]| code(site.work.path(), &[arguments, &[&url]].concat());
    let tags = ["--etag-save", "tag", "--etag-compare", "tag"];
    let Some(first) = ask(&tags) else { return };
    assert_eq!(first, "200");
    assert_eq!(ask(&tags).as_deref(), Some("304"));
    let place = site.www.path().join("file");
    assert_eq!(ask(&["-z", place.to_str().expect("plain")]).as_deref(), Some("304"));
    assert_eq!(ask(&["-z", "Sun, 06 Nov 1994 08:49:37 GMT"]).as_deref(), Some("200"));
    assert_eq!(ask(&["-z", "-Sun, 06 Nov 1994 08:49:37 GMT"]).as_deref(), Some("412"));
    fs::write(&place, "new").expect("written");
    assert_eq!(ask(&tags).as_deref(), Some("200"));
    assert_eq!(fs::read(site.work.path().join("reply")).expect("there"), b"new");
}

#[test]
fn curl_uploads_and_waits_for_100() {
    let site = site();
    fs::write(site.work.path().join("up"), bytes(2_000_000)).expect("written");
    // Without a 100 curl would wait until its own time is over.
    let url = site.url("/upload/");
    let expect = ["-H", "Expect: 100-continue", "--expect100-timeout", "100000"];
    let arguments = [&expect[..], &["-T", "up", &url]].concat();
    let Some(first) = code(site.work.path(), &arguments) else { return };
    assert_eq!(first, "201");
    assert!(fs::read(site.www.path().join("upload/up")).expect("there") == bytes(2_000_000));
    assert_eq!(code(site.work.path(), &arguments).as_deref(), Some("204"));
    let only_new = [&["-H", "If-None-Match: *"], &arguments[..]].concat();
    assert_eq!(code(site.work.path(), &only_new).as_deref(), Some("412"));
    let url = site.url("/file");
    let refused = [&expect[..], &["-T", "up", &url]].concat();
    assert_eq!(code(site.work.path(), &refused).as_deref(), Some("405"));
}
