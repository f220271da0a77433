//! `glasstcp get`, `put` and `dns` as programs on their own, against `glasstcp up` over the UDP link; nothing here
//! takes root.

use std::fs;
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

/// Longest that anything here may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// A file that was not written just now, so that the server knows its version for sure.
const OLD: &str = "Cargo.lock";

/// A running `glasstcp up` that serves a folder; it is killed when this goes.
struct Server {
    child: Child,
    address: SocketAddr,
    /// Where its control socket is.
    place: TempDir,
}

impl Server {
    fn start(www: &Path) -> Server {
        let free = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        let address = free.local_addr().expect("it is bound");
        drop(free);
        let place = tempfile::tempdir().expect("a folder");
        Server { child: Server::spawn(address, &place, www), address, place }
    }

    fn spawn(address: SocketAddr, place: &TempDir, www: &Path) -> Child {
        let child = Command::new(env!("CARGO_BIN_EXE_glasstcp"))
            .args(["up", "--rto-max", "1", "--link", &format!("udp:{address}"), "--www"])
            .arg(www)
            .arg("--control")
            .arg(place.path().join("socket"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn();
        child.expect("it starts")
    }

    /// A command of a client of this server, in `folder`.
    fn client(&self, folder: &Path, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_glasstcp"));
        command
            .args(line.split_whitespace())
            .args(["--link", &format!("udp:127.0.0.1:0,{}", self.address)])
            .current_dir(folder)
            .stdin(Stdio::null());
        command
    }

    fn run(&self, folder: &Path, line: &str) -> Output {
        self.client(folder, line).output().expect("it runs")
    }

    fn kill(&mut self) {
        self.child.kill().expect("our own child");
        self.child.wait().expect("our own child");
    }

    /// Another one in its place.
    fn come_back(&mut self, www: &Path) {
        self.child = Server::spawn(self.address, &self.place, www);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Fails when it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A server with a folder that has this file.
fn world(text: &[u8]) -> (Server, TempDir, TempDir) {
    let www = tempfile::tempdir().expect("a folder");
    fs::write(www.path().join("file"), text).expect("it can be written");
    (Server::start(www.path()), www, tempfile::tempdir().expect("a folder"))
}

fn random(len: u32) -> Vec<u8> {
    (0..len).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
}

fn sum(text: &[u8]) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    let mut names: Vec<String> = entries
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[track_caller]
fn wait_for(what: &str, mut done: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < end, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_file_comes_and_goes_unchanged() {
    let text = random(1_000_000);
    let (server, www, folder) = world(&text);
    let sum = sum(&text);
    let got = server.run(folder.path(), &format!("get 10.9.0.2/file -o copy --sha256 {sum}"));
    assert!(got.status.success() && got.stdout.is_empty(), "{}", said(&got));
    assert!(said(&got).contains("received 1000000 bytes in"), "{}", said(&got));
    assert!(said(&got).contains(&format!("sha256 {sum}\n")), "{}", said(&got));
    assert!(fs::read(folder.path().join("copy")).expect("it is there") == text);
    let printed = server.run(folder.path(), "get http://10.9.0.2/file -i");
    assert!(printed.stdout == text, "{}", said(&printed));
    assert!(said(&printed).contains("HTTP/1.1 200 OK\nserver: glasstcp/"), "{}", said(&printed));
    assert!(said(&printed).contains("\ncontent-length: 1000000\n"), "{}", said(&printed));

    let put = server.run(folder.path(), "put copy http://10.9.0.2/upload/");
    let told = String::from_utf8_lossy(&put.stdout);
    assert_eq!(told, "201 Created http://10.9.0.2/upload/copy\nStored.\n", "{}", said(&put));
    assert!(said(&put).contains(&format!("sha256 {sum}\n")), "{}", said(&put));
    assert!(fs::read(www.path().join("upload/copy")).expect("it is there") == text);
    assert_eq!(names(folder.path()), ["copy"]);
}

#[test]
fn links_that_lose_change_nothing() {
    for (loss, len) in [("loss=5%", 200_000), ("loss=20%", 200_000), ("loss=50%", 20_000)] {
        let text = random(len);
        let (server, www, folder) = world(&text);
        // Where half is lost, time-outs that double without end would take minutes.
        let options = format!("--impair {loss} --rto-max 1 --timeout 250");
        let got = server.run(folder.path(), &format!("get 10.9.0.2/file -o copy {options}"));
        assert!(got.status.success(), "{loss}: {}", said(&got));
        assert!(fs::read(folder.path().join("copy")).expect("it is there") == text);
        let put = server.run(folder.path(), &format!("put copy 10.9.0.2/upload/ {options}"));
        assert!(put.status.success(), "{loss}: {}", said(&put));
        assert!(fs::read(www.path().join("upload/copy")).expect("it is there") == text);
    }
}

/// The server is killed in the middle and comes back.
#[test]
fn a_server_that_goes_leaves_a_part_and_another_one_continues_it() {
    let www = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut server, folder) = (Server::start(www), tempfile::tempdir().expect("a folder"));
    let whole = fs::read(www.join(OLD)).expect("it is there");
    for (options, left) in [("", &[][..]), ("--continue", &["copy.part", "copy.part.from"][..])] {
        let slow = "--impair rate=400kbit --timeout 1";
        let mut get =
            server.client(folder.path(), &format!("get 10.9.0.2/{OLD} -o copy {options} {slow}"));
        let get = get.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
        wait_for("a part", || {
            let parts = names(folder.path());
            let part = parts.iter().find(|name| name.ends_with(".part"));
            part.and_then(|part| fs::metadata(folder.path().join(part)).ok())
                .is_some_and(|part| part.len() > 10_000)
        });
        server.kill();
        let got = get.wait_with_output().expect("it ends");
        assert_eq!(got.status.code(), Some(1));
        assert!(
            said(&got).contains("glasstcp: 10.9.0.2 has sent nothing for 1s"),
            "{}",
            said(&got)
        );
        assert_eq!(names(folder.path()), left);
        server.come_back(www);
    }
    let got = server.run(folder.path(), &format!("get 10.9.0.2/{OLD} -o copy -C"));
    assert!(got.status.success(), "{}", said(&got));
    assert!(said(&got).contains("of them were there)"), "{}", said(&got));
    assert!(said(&got).contains(&sum(&whole)), "{}", said(&got));
    assert_eq!(names(folder.path()), ["copy"]);
    assert!(fs::read(folder.path().join("copy")).expect("it is there") == whole);
}

#[test]
fn a_signal_leaves_nothing() {
    let (server, _www, folder) = world(&random(1_000_000));
    let line = "get 10.9.0.2/file -o copy --impair rate=400kbit";
    let mut get =
        server.client(folder.path(), line).stderr(Stdio::piped()).spawn().expect("it runs");
    wait_for("a part", || !names(folder.path()).is_empty());
    kill(Pid::from_raw(get.id().cast_signed()), Signal::SIGINT).expect("our own child");
    assert_eq!(get.wait().expect("our own child").code(), Some(1));
    assert_eq!(names(folder.path()), Vec::<String>::new());
}

#[test]
fn what_cannot_be_done_is_said_in_a_sentence() {
    let (server, _www, folder) = world(b"text");
    fs::write(folder.path().join("mine"), "mine").expect("it can be written");
    let zeros = "0".repeat(64);
    for (line, part) in [
        ("get http://10.9.0.2/nothing -o copy", "404 Not Found for http://10.9.0.2/nothing"),
        ("get http://10.9.0.2/nothing", "404 Not Found"),
        (
            "get http://10.9.0.2/file -o copy --dns 10.9.0.2 --sha256 ZEROS",
            "the SHA-256 is 982d9e3eb996f559e633f4d194def3761d909f5a3b647d1a851fead67c32c9d1, not 0000",
        ),
        ("get http://10.9.0.2/file -o /dev/full", "cannot write /dev/full: No space left"),
        (
            "get http://10.9.0.2/file -o nowhere/copy",
            "cannot write nowhere/copy: there is no such folder",
        ),
        ("get http://10.9.0.2/file -o .", "cannot write .: is a directory"),
        ("get https://10.9.0.2/file", "TLS"),
        ("get http://10.9.0.2:81/file", "cannot connect to 10.9.0.2:81: connection refused"),
        (
            "get http://10.9.0.3/file --timeout 0.3",
            "cannot connect to 10.9.0.3:80: connection timed out",
        ),
        // The echo service is no web server.
        ("get http://10.9.0.2:7/file", "the connection to 10.9.0.2 has failed"),
        ("get http://10.9.0.2:9/file --timeout 0.3", "10.9.0.2 has sent nothing for 300ms"),
        ("get http://www.example/file", "say who with --dns SERVER"),
        ("get http://localhost/file", "the stack itself"),
        ("nc www.example 7", "say who with --dns SERVER"),
        // Nobody is there, which is said at once.
        ("get http://www.example/ --dns 10.9.0.2", "over UDP: port unreachable (10.9.0.2 says so)"),
        ("nc -u www.example 7 --dns 10.9.0.2", "over UDP: port unreachable (10.9.0.2 says so)"),
        (
            "dns www.example --dns 10.9.0.2",
            "cannot ask the DNS server 10.9.0.2:53 over UDP: port unreachable (10.9.0.2 says so)",
        ),
        (
            "dns www.example --dns 10.9.0.3 --timeout 0.3",
            "the DNS server 10.9.0.3:53 has not answered",
        ),
        ("dns www.example", "say who with --dns SERVER"),
        // The echo service answers with the question.
        (
            "dns www.example --dns 10.9.0.2:7 --timeout 0.3",
            "the DNS server 10.9.0.2:7 has not answered",
        ),
        ("dns www..example --dns 10.9.0.2", "'www..example' is no name"),
        ("put nothing http://10.9.0.2/upload/", "cannot read nothing: No such file"),
        ("put . http://10.9.0.2/upload/", "cannot read .: it is not a file"),
        ("put mine http://10.9.0.2/elsewhere", "405 Method Not Allowed"),
        ("put mine http://10.9.0.2/file/", "405 Method Not Allowed"),
    ] {
        let output = server.run(folder.path(), &line.replace("ZEROS", &zeros));
        let said = said(&output);
        assert_eq!(output.status.code(), Some(1), "{line}: {said}");
        assert!(said.starts_with("glasstcp: ") && said.contains(part), "{line}: {said}");
        assert_eq!(said.trim().lines().count(), 1, "one sentence: {said}");
        assert!(output.stdout.is_empty(), "{line}");
        assert_eq!(names(folder.path()), ["mine"], "{line}");
    }
}

/// A stack of the test's own on the other side, with a DNS server that has every name at 10.9.0.2, but `long.test` only
/// over TCP, and the web server of the small services.
mod name_server {
    use std::net::SocketAddr;
    use std::sync::Arc;
    use std::time::Instant;

    use glasstcp::device::udp_link::UdpLink;
    use glasstcp::net::{TcpListener, UdpSocket};
    use glasstcp::runtime::{self, FdDevice};
    use glasstcp::service::{Service, ServiceContext, serve_listener};
    use glasstcp::stack::{Config, Stack};
    use glasstcp::time;
    use hickory_proto::op::{Message, MessageType, OpCode};
    use hickory_proto::rr::{RData, Record, rdata::A};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    /// Runs until the end of the test; tells where it is.
    pub fn start() -> SocketAddr {
        let (tell, told) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async {
                let local = "127.0.0.1:0".parse().expect("an address");
                let config = Config::new([10, 9, 0, 2].into(), 24, [7; 32]);
                let begun = Instant::now();
                let clock = move || time::Instant::ZERO + begun.elapsed();
                let link = UdpLink::open_for_all(local, &config.addresses, 1500, clock);
                let link = link.expect("a socket");
                tell.send(link.local_addr().expect("it is bound")).expect("the test waits");
                let device = FdDevice::new(link).expect("a device");
                let (net, driver) = runtime::start(Stack::new(config), device).expect("a stack");
                tokio::spawn(driver);
                let any = |port: u16| ([0, 0, 0, 0], port);
                let web = TcpListener::bind(&net, any(80)).await.expect("a free port");
                let context = Arc::new(ServiceContext::default());
                tokio::spawn(serve_listener(web, Service::Http, context));
                let listener = TcpListener::bind(&net, any(53)).await.expect("a free port");
                tokio::spawn(over_tcp(listener));
                let socket = UdpSocket::bind(&net, any(53)).await.expect("a free port");
                while let Ok((text, from)) = socket.recv_chunk_from().await {
                    let question = Message::from_vec(&text).expect("a message");
                    socket.send_to(&answer(&question, false), from).await.expect("it can be sent");
                }
            });
        });
        told.recv().expect("it starts")
    }

    async fn over_tcp(listener: TcpListener) {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut text = vec![0; stream.read_u16().await.expect("a length").into()];
            stream.read_exact(&mut text).await.expect("a message");
            let answer = answer(&Message::from_vec(&text).expect("a message"), true);
            stream.write_u16(answer.len() as u16).await.expect("it can be sent");
            stream.write_all(&answer).await.expect("it can be sent");
        }
    }

    fn answer(question: &Message, all: bool) -> Vec<u8> {
        let mut answer = Message::new(question.metadata.id, MessageType::Response, OpCode::Query);
        let query = question.queries[0].clone();
        if all || query.name().to_ascii() != "long.test." {
            let address = RData::A(A::new(10, 9, 0, 2));
            answer.add_answer(Record::from_rdata(query.name().clone(), 60, address));
        } else {
            answer.metadata.truncation = true;
        }
        answer.add_query(query);
        answer.to_vec().expect("it is short")
    }
}

#[test]
fn names_are_asked_for_over_the_same_link() {
    let folder = tempfile::tempdir().expect("a folder");
    for (line, part) in [
        (
            "dns www.test --dns 10.9.0.2",
            "www.test. 60 A 10.9.0.2\n;; from 10.9.0.2:53 over UDP in ",
        ),
        (
            "dns long.test --dns 10.9.0.2:53",
            "long.test. 60 A 10.9.0.2\n;; from 10.9.0.2:53 over TCP in ",
        ),
        ("get http://long.test/ --dns 10.9.0.2", "The connection that carries this page"),
        (
            "get http://www.test/ --dns 10.9.0.2 --impair loss=10%",
            "The connection that carries this page",
        ),
    ] {
        // The other side sends to wherever packets come from: a new one for each.
        let link = format!("--link udp:127.0.0.1:0,{}", name_server::start());
        let mut command = Command::new(env!("CARGO_BIN_EXE_glasstcp"));
        let command = command.args(line.split_whitespace()).args(link.split_whitespace());
        let output = command.current_dir(folder.path()).output().expect("it runs");
        assert!(output.status.success(), "{line}: {}", said(&output));
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(text.contains(part), "{line}: {text}");
    }
}

/// Over the stack of the server itself there is no way to it; but what fails there fails here, through its socket.
#[test]
fn a_running_stack_can_be_used_instead() {
    let (server, _www, folder) = world(b"text");
    let socket = server.place.path().join("socket");
    wait_for("the control socket", || socket.exists());
    let via = |line: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_glasstcp"));
        let command = command.args(line.split_whitespace()).arg("--via").arg(&socket);
        said(&command.current_dir(folder.path()).output().expect("it runs"))
    };
    assert_eq!(
        via("get http://10.9.0.2/file").trim(),
        "glasstcp: cannot connect to 10.9.0.2:80: no route to host"
    );
    let asked = via("dns www.example --dns 10.9.0.9 --timeout 0.3");
    assert!(asked.contains("the DNS server 10.9.0.9:53 has not answered"), "{asked}");
}
