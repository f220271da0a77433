//! `glasstcp get`, `put` and `dns` against `glasstcp up` over the UDP link.

mod name_server;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use nix::sys::signal::Signal;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::harness::{
    Running, Up, bytes, folder, glasstcp, names, printed, run, said, side_by_side, wait_for,
};

/// A file that was not written just now, so that the server knows its version for sure.
const OLD: &str = "Cargo.lock";

/// A server of this folder.
fn server(www: &Path) -> Up {
    Up::serving(www, "--rto-max 0.2")
}

/// A server with a folder that has this file.
fn world(text: &[u8]) -> (Up, TempDir, TempDir) {
    let www = folder();
    fs::write(www.path().join("file"), text).expect("it can be written");
    (server(www.path()), www, folder())
}

/// A client of the server with a stack of its own, in this folder, run to its end.
fn run_in(folder: &TempDir, server: &Up, line: &str) -> Output {
    run(server.client(line).current_dir(folder.path()))
}

fn sum(text: &[u8]) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_file_comes_and_goes_unchanged() {
    let text = bytes(1_000_000);
    let (server, www, folder) = world(&text);
    let sum = sum(&text);
    let got = run_in(&folder, &server, &format!("get 10.9.0.2/file -o copy --sha256 {sum}"));
    assert!(got.status.success() && got.stdout.is_empty(), "{}", said(&got));
    assert!(said(&got).contains("received 1000000 bytes in"), "{}", said(&got));
    assert!(said(&got).contains(&format!("sha256 {sum}\n")), "{}", said(&got));
    assert!(fs::read(folder.path().join("copy")).expect("it is there") == text);
    let shown = run_in(&folder, &server, "get http://10.9.0.2/file -i");
    assert!(shown.stdout == text, "{}", said(&shown));
    assert!(said(&shown).contains("HTTP/1.1 200 OK\nserver: glasstcp/"), "{}", said(&shown));
    assert!(said(&shown).contains("\ncontent-length: 1000000\n"), "{}", said(&shown));

    let put = run_in(&folder, &server, "put copy http://10.9.0.2/upload/");
    let told = printed(&put);
    assert_eq!(told, "201 Created http://10.9.0.2/upload/copy\nStored.\n", "{}", said(&put));
    assert!(said(&put).contains(&format!("sha256 {sum}\n")), "{}", said(&put));
    assert!(fs::read(www.path().join("upload/copy")).expect("it is there") == text);
    assert_eq!(names(folder.path()), ["copy"]);
}

#[test]
fn links_that_lose_change_nothing() {
    let cases = [("loss=5%", 200_000), ("loss=20%", 200_000), ("loss=50%", 20_000)];
    side_by_side(cases, |(loss, len)| {
        let text = bytes(len);
        let (server, www, folder) = world(&text);
        // Where half is lost, time-outs that double without end would take minutes.
        let options = format!("--impair {loss} --rto-max 0.2 --timeout 250");
        let got = run_in(&folder, &server, &format!("get 10.9.0.2/file -o copy {options}"));
        assert!(got.status.success(), "{loss}: {}", said(&got));
        assert!(fs::read(folder.path().join("copy")).expect("it is there") == text);
        let put = run_in(&folder, &server, &format!("put copy 10.9.0.2/upload/ {options}"));
        assert!(put.status.success(), "{loss}: {}", said(&put));
        assert!(fs::read(www.path().join("upload/copy")).expect("it is there") == text);
    });
}

/// The server is killed in the middle and comes back.
#[test]
fn a_server_that_goes_leaves_a_part_and_another_one_continues_it() {
    let www = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut server, folder) = (server(www), folder());
    let whole = fs::read(www.join(OLD)).expect("it is there");
    for (options, left) in [("", &[][..]), ("--continue", &["copy.part", "copy.part.from"][..])] {
        let slow = "--impair rate=400kbit --timeout 1.5";
        let mut get = server.client(&format!("get 10.9.0.2/{OLD} -o copy {options} {slow}"));
        let mut get = Running::start(get.current_dir(folder.path()));
        wait_for("a part", || {
            get.assert_runs();
            let parts = names(folder.path());
            let part = parts.iter().find(|name| name.ends_with(".part"));
            part.and_then(|part| fs::metadata(folder.path().join(part)).ok())
                .is_some_and(|part| part.len() > 10_000)
        });
        let _nobody = server.kill();
        let got = get.finish();
        assert_eq!(got.status.code(), Some(1));
        assert!(
            said(&got).contains("glasstcp: 10.9.0.2 has sent nothing for 1.5s"),
            "{}",
            said(&got)
        );
        assert_eq!(names(folder.path()), left);
        server.come_back();
    }
    let got = run_in(&folder, &server, &format!("get 10.9.0.2/{OLD} -o copy -C"));
    assert!(got.status.success(), "{}", said(&got));
    assert!(said(&got).contains("of them were there)"), "{}", said(&got));
    assert!(said(&got).contains(&sum(&whole)), "{}", said(&got));
    assert_eq!(names(folder.path()), ["copy"]);
    assert!(fs::read(folder.path().join("copy")).expect("it is there") == whole);
}

#[test]
fn a_signal_leaves_nothing() {
    let (server, _www, folder) = world(&bytes(1_000_000));
    let line = "get 10.9.0.2/file -o copy --impair rate=400kbit";
    let mut get = Running::start(server.client(line).current_dir(folder.path()));
    wait_for("a part", || {
        get.assert_runs();
        !names(folder.path()).is_empty()
    });
    get.tell(Signal::SIGINT);
    assert_eq!(get.wait(), Some(1));
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
        ("get http://10.9.0.2:9/file --timeout 1.5", "10.9.0.2 has sent nothing for 1.5s"),
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
        let output = run_in(&folder, &server, &line.replace("ZEROS", &zeros));
        let said = said(&output);
        assert_eq!(output.status.code(), Some(1), "{line}: {said}");
        assert!(said.starts_with("glasstcp: ") && said.contains(part), "{line}: {said}");
        assert_eq!(said.trim().lines().count(), 1, "one sentence: {said}");
        assert!(output.stdout.is_empty(), "{line}");
        assert_eq!(names(folder.path()), ["mine"], "{line}");
    }
}

#[test]
fn names_are_asked_for_over_the_same_link() {
    let folder = folder();
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
        let server = name_server::start();
        let mut command = glasstcp(&format!("{line} --link udp:127.0.0.1:0,{}", server.place));
        let output = run(command.current_dir(folder.path()));
        assert!(output.status.success(), "{line}: {}", said(&output));
        let text = printed(&output);
        assert!(text.contains(part), "{line}: {text}");
    }
}

/// Over the stack of the server itself there is no way to it; but what fails there fails here, through its socket.
#[test]
fn a_running_stack_can_be_used_instead() {
    let (server, _www, folder) = world(b"text");
    let via = |line: &str| said(&run(server.via(line).current_dir(folder.path())));
    assert_eq!(
        via("get http://10.9.0.2/file").trim(),
        "glasstcp: cannot connect to 10.9.0.2:80: no route to host"
    );
    let asked = via("dns www.example --dns 10.9.0.9 --timeout 0.3");
    assert!(asked.contains("the DNS server 10.9.0.9:53 has not answered"), "{asked}");
}

/// `ulimit -f` kills who writes more, unless it is ready for that.
#[test]
fn a_file_that_may_not_be_so_large_is_a_sentence() {
    let (server, _www, folder) = world(&bytes(200_000));
    let get = server.client("get 10.9.0.2/file -o copy");
    let mut limited = Command::new("bash");
    limited.args(["-c", "ulimit -f 16; exec \"$0\" \"$@\""]).arg(get.get_program());
    let got = run(limited.args(get.get_args()).current_dir(folder.path()));
    assert_eq!(got.status.code(), Some(1), "{}", said(&got));
    assert!(said(&got).contains("cannot write copy: File too large"), "{}", said(&got));
    assert!(names(folder.path()).is_empty(), "{:?}", names(folder.path()));
}
