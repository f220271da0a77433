//! The clients through the control socket of a running glasstcp (`--via`): what fails there fails here.

mod rude;

use std::fs;
use std::net::SocketAddr;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

use crate::harness::{
    Running, Up, busy, folder, glasstcp, names, printed, run, said, until, wait_for,
};

/// The glasstcp between, and the folder of its clients.
struct Between {
    up: Up,
    folder: TempDir,
}

impl Between {
    /// One whose neighbour is at the other end of the link.
    fn start(other: SocketAddr, options: &str) -> Between {
        Between { up: Up::beside(other, options), folder: folder() }
    }

    /// A client that uses it.
    fn client(&self, line: &str) -> Command {
        let mut command = self.up.via(line);
        command.current_dir(self.folder.path());
        command
    }

    /// `nc` that has sent a line to this port.
    fn nc(&self, port: u16) -> Running {
        let mut command = self.client(&format!("nc 10.9.0.2 {port}"));
        let mut nc = Running::start(command.stdin(Stdio::piped()));
        nc.write(b"GET\n");
        drop(nc.stdin.take());
        nc
    }

    fn run(&self, line: &str) -> Output {
        run(&mut self.client(line))
    }

    /// What its clients have left.
    fn left(&self) -> Vec<String> {
        names(self.folder.path())
    }
}

/// The body has no length, so only a good end says that it is whole.
#[test]
fn a_connection_that_fails_leaves_no_file() {
    let rude = rude::start();
    let between = Between::start(rude.place, "");
    let got = between.run(&format!("get http://10.9.0.2:{}/ -o v", rude::RESETS));
    assert_eq!(got.status.code(), Some(1), "{}", said(&got));
    assert!(said(&got).contains("the body is cut off after 5000 bytes"), "{}", said(&got));
    assert!(between.left().is_empty(), "{:?}", between.left());
    let got = between.nc(rude::RESETS).finish();
    assert_eq!(got.status.code(), Some(1));
    let sentence = format!(
        "glasstcp: the connection to 10.9.0.2:{} has failed: connection reset by peer\n",
        rude::RESETS
    );
    assert_eq!(said(&got), sentence);
}

#[test]
fn a_glasstcp_that_is_killed_between_leaves_no_file() {
    let rude = rude::start();
    let mut between = Between::start(rude.place, "");
    let mut get = between.client(&format!("get http://10.9.0.2:{}/ -o v", rude::STOPS));
    let mut get = Running::start(&mut get);
    let mut nc = between.nc(rude::STOPS);
    let line = until(&mut nc.stdout, &["\n"]);
    assert!(line.starts_with("HTTP/1.1 200"), "{line}");
    wait_for("a part", || {
        get.assert_runs();
        let lens = between.left().into_iter().map(|name| {
            fs::metadata(between.folder.path().join(name)).map_or(0, |metadata| metadata.len())
        });
        lens.max() == Some(1000)
    });
    between.up.running.kill();
    let got = get.finish();
    assert_eq!(got.status.code(), Some(1), "{}", said(&got));
    assert!(said(&got).contains("the body is cut off after 1000 bytes"), "{}", said(&got));
    assert!(between.left().is_empty(), "{:?}", between.left());
    let ended = nc.finish();
    assert_eq!(ended.status.code(), Some(1));
    assert!(said(&ended).contains("the glasstcp that carries it has gone"), "{}", said(&ended));
}

/// All of it fits into what the two stacks and the socket between hold, and not all into what the peer does.
#[test]
fn what_has_not_arrived_is_not_said_to_have() {
    let rude = rude::start();
    let between = Between::start(rude.place, "");
    let line = format!("nc -N 10.9.0.2 {} --timeout 1", rude::DEAF);
    let mut nc = Running::start(between.client(&line).stdin(Stdio::piped()));
    nc.write(&[b'x'; 200_000]);
    let ended = nc.finish();
    assert_eq!(ended.status.code(), Some(1), "{}", said(&ended));
    let sentence = "nothing of what was sent has arrived for 1s";
    assert!(said(&ended).contains(sentence), "{}", said(&ended));
}

/// Each takes longer than the time-out, but something arrives all the time.
#[test]
fn a_slow_link_is_no_silence() {
    let www = folder();
    let server = Up::serving(www.path(), "");
    let between = Between::start(server.place, "--impair rate=300kbit");
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
    let _busy = busy();
    let server = Up::start("--no-default-services --serve tasks");
    let between = Between::start(server.place, "");
    let mut command = between.client("task 10.9.0.2 --parallel 1000 --timeout 55");
    for number in 0..1000 {
        command.args(["--calc", &format!("{number}+1")]);
    }
    let done = run(&mut command);
    let table = printed(&done);
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
    let rude = rude::start();
    let between = Between::start(rude.place, "--mtu 576");
    let mut nc = Running::start(between.client("nc -u 10.9.0.2 9").stdin(Stdio::piped()));
    nc.write(&[b'x'; 3000]);
    let text = until(&mut nc.stderr, &["\n"]);
    assert_eq!(text, "glasstcp: cannot send to 10.9.0.2:9: message too long\n");
    assert_eq!(nc.wait(), Some(1));
}

#[test]
fn a_socket_that_was_left_over_is_told_apart_from_the_host() {
    let folder = folder();
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
        let output = run(glasstcp(line).arg("--via").arg(&stale).current_dir(folder.path()));
        assert_eq!(said(&output), sentence, "{line}");
        assert_eq!(output.status.code(), Some(code), "{line}");
    }
    for line in ["task 10.9.0.1 --calc 1+1", "hello 10.9.0.1"] {
        let output = run(glasstcp(line).arg("--via").arg(&stale));
        assert!(said(&output).contains("no glasstcp listens at "), "{line}: {}", said(&output));
        assert!(!said(&output).contains("cannot connect"), "{line}: {}", said(&output));
        assert_eq!(output.status.code(), Some(1), "{line}");
    }
}
