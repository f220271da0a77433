//! The service iperf3 over the kernel's TCP, by the real iperf3, and `glasstcp iperf` against both; on loopback.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::thread;

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::harness::{
    Running, Up, address_after, ended, glasstcp, printed, run, said, side_by_side, until, wait_for,
};

/// The real server, if there is one, and where it is.
fn iperf3_server() -> Option<(Running, SocketAddr)> {
    let known = Command::new("iperf3").arg("--version").output();
    if known.is_err_and(|error| error.kind() == ErrorKind::NotFound) {
        eprintln!("skipped: there is no iperf3");
        return None;
    }
    let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let place = free.expect("a free port");
    let mut command = Command::new("iperf3");
    command.args(["-s", "-B", "127.0.0.1", "--forceflush", "-p", &place.port().to_string()]);
    let mut server = Running::start(&mut command);
    until(&mut server.stdout, &["Server listening"]);
    Some((server, place))
}

/// A client of a server on loopback.
fn client(place: SocketAddr, options: &str) -> Command {
    glasstcp(&format!("iperf 127.0.0.1 --kernel -p {} {options}", place.port()))
}

#[test]
fn iperf3_ends_well_whichever_way_it_measures() {
    let (_server, said) = Running::ready(&mut glasstcp("serve --kernel 127.0.0.1:0 iperf3"));
    let place = address_after(&said, " on ");
    for options in [&[][..], &["-R"], &["-P", "4"], &["--bidir"]] {
        let mut command = Command::new("iperf3");
        command.args(["-c", "127.0.0.1", "-p", &place.port().to_string(), "-t", "1"]);
        let output = match command.args(options).output() {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                eprintln!("skipped: there is no iperf3");
                return;
            }
            output => output.expect("iperf3 runs"),
        };
        let text = printed(&output);
        assert!(output.status.success() && text.contains("iperf Done."), "{options:?}: {text}");
        let receiver = text.lines().filter(|line| line.trim_end().ends_with("receiver")).count();
        assert!(receiver > 0, "{text}");
    }
}

#[test]
fn the_real_server_counts_what_we_count() {
    let Some((_server, place)) = iperf3_server() else { return };
    for (options, suffixes) in [
        ("-t 1", &[""][..]),
        ("-t 1 -R", &[""]),
        ("-n 20m -P 4 -l 10k", &[""]),
        ("-t 1 -O 1 --bidir", &["", "_bidir_reverse"]),
    ] {
        let output = run(&mut client(place, &format!("{options} -J")));
        assert!(output.status.success(), "{options}: {}", said(&output));
        let report: Value = serde_json::from_slice(&output.stdout).expect("it is JSON");
        for suffix in suffixes {
            let bytes = |sum: &str| report["end"][format!("{sum}{suffix}")]["bytes"].as_f64();
            let (sent, received) = (bytes("sum_sent"), bytes("sum_received"));
            let (sent, received) = sent.zip(received).expect("both are there");
            // The kernel's buffers have some megabytes each.
            let apart = (sent - received).abs();
            assert!(received > 0.0 && apart < 0.05 * sent + 32e6, "{options}: {report:#}");
        }
        assert!(!report["intervals"].as_array().expect("some").is_empty(), "{report:#}");
    }
}

#[test]
fn a_busy_server_says_so_and_ctrl_c_ends_a_test() {
    let Some((mut server, place)) = iperf3_server() else { return };
    let mut first = Running::start(&mut client(place, "-t 60"));
    until(&mut first.stdout, &["Bitrate"]);
    let (code, text) = ended(&mut client(place, "-t 1"));
    assert!(code == Some(1) && text.contains("busy with another test"), "{text}");
    first.tell(Signal::SIGINT);
    let output = first.finish();
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("ended by a signal"), "{}", said(&output));
    assert!(printed(&output).contains("sender"), "{}", printed(&output));
    until(&mut server.stderr, &["the client has terminated"]);
    // It has heard of it, and does the next one.
    wait_for("the next test", || run(&mut client(place, "-n 1m")).status.success());
}

#[test]
fn both_ends_may_be_ours_over_a_link_and_over_a_running_one() {
    let (near, far) = (Up::start("--serve iperf3"), "iperf 10.9.0.2");
    let options = ["-n 3m", "-n 3m -R", "-t 1 --bidir -P 3"];
    for options in options {
        let output = run(&mut near.client(&format!("{far} {options}")));
        let text = printed(&output);
        assert!(output.status.success() && text.contains("iperf Done."), "{text}{}", said(&output));
        // Its own stack tells what it has sent again.
        assert!(text.contains("Retr"), "{text}");
    }
    let between = Up::beside(near.place, "");
    for options in options {
        let output = run(&mut between.via(&format!("{far} {options}")));
        let text = printed(&output);
        assert!(output.status.success() && text.contains("iperf Done."), "{text}{}", said(&output));
    }
}

#[test]
fn a_server_that_is_none_is_told_of() {
    let bound = TcpListener::bind("127.0.0.1:0").expect("a port");
    let nobody = bound.local_addr().expect("it is bound");
    drop(bound);
    let cases: [(Option<&[u8]>, &str); 5] = [
        (None, "Connection refused"),
        (Some(b"HTTP/1.1 400 Bad Request\r\n"), "iperf3 has no state 72"),
        (Some(&[9, 10, 1, 2, 0xfe, 0, 0, 0, 27, 0, 0, 0, 0]), "error 27 of iperf3"),
        (Some(&[9, 10, 1, 2, 11]), "the server has ended the test"),
        (Some(&[]), "has closed the connection"),
    ];
    side_by_side(cases, |(answer, sentence)| {
        let mut place = nobody;
        if let Some(answer) = answer {
            let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
            place = listener.local_addr().expect("it is bound");
            // It ends with the test.
            thread::spawn(move || serve(&listener, answer));
        }
        let (code, text) = ended(&mut client(place, "-t 30"));
        assert!(code == Some(1) && text.contains(sentence), "{sentence}: {text}");
    });
    let output = run(&mut client(nobody, "-J"));
    let report: Value = serde_json::from_slice(&output.stdout).expect("it is JSON");
    assert!(report["error"].as_str().expect("a sentence").contains("refused"), "{report:#}");
}

/// Says the same to whoever comes first, whatever that says; hears it all, from all who come.
fn serve(listener: &TcpListener, answer: &'static [u8]) {
    let mut first = true;
    for stream in listener.incoming() {
        let mut stream: TcpStream = stream.expect("a connection");
        if first {
            let mut cookie = [0; 37];
            stream.read_exact(&mut cookie).expect("a cookie");
            stream.write_all(answer).expect("it reads");
            stream.shutdown(std::net::Shutdown::Write).expect("it is open");
        }
        first = false;
        thread::spawn(move || std::io::copy(&mut stream, &mut std::io::sink()));
    }
}
