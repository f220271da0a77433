//! The small TCP services, by telnet and nc.

use std::io::{ErrorKind, Read};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use crate::harness::{Dice, Lab, STACK};

#[test]
#[ignore = "needs root: run scripts/test"]
fn telnet_echoes() {
    let (lab, daemon) = Lab::up(&[]);
    let mut telnet = lab.tool("telnet").args([STACK, "7"]).start();
    telnet.wait_for_output("Connected to 10.9.0.2");
    for line in ["hello", "and once more", "goodbye"] {
        telnet.type_in(&format!("{line}\r\n"));
        telnet.wait_for_output(line);
    }
    telnet.close_input();
    telnet.finish();
    daemon.stop();
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn nc_half_closes_and_still_gets_everything_back() {
    let (lab, daemon) = Lab::up(&[]);
    for len in [0, 1, 1460, 1461, 100_000, 16 << 20] {
        let input = Dice::new(7).bytes(len);
        let nc = lab.tool("nc").args(["-N", STACK, "7"]).input(input.clone()).finish();
        nc.assert_success();
        assert_eq!(nc.stdout.len(), len, "of {len} bytes");
        assert!(nc.stdout == input, "{len} bytes came back changed");
    }
    daemon.stop();
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn discard_takes_everything_and_says_nothing() {
    let (lab, daemon) = Lab::up(&[]);
    let input = Dice::new(9).bytes(8 << 20);
    let nc = lab.tool("nc").args(["-N", STACK, "9"]).input(input).finish();
    nc.assert_success();
    assert!(nc.stdout.is_empty());
    daemon.stop();
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn daytime_says_one_line_and_closes() {
    let (lab, daemon) = Lab::up(&[]);
    let nc = lab.tool("nc").args(["-d", STACK, "13"]).finish();
    let text = nc.assert_success().text();
    assert!(text.ends_with("\r\n") && text.lines().count() == 1, "{text:?}");
    daemon.stop();
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn chargen_flows_until_the_reader_leaves() {
    let (lab, daemon) = Lab::up(&[]);
    let script = format!("nc {STACK} 19 < /dev/null | head -c 20000000 | sha256sum; true");
    let text = lab.shell(&script).finish().text();
    assert!(text.len() > 64, "{text:?}");
    // The reader left in mid-stream; the next one is served all the same.
    let head = lab.shell(&format!("nc {STACK} 19 < /dev/null | head -n 1; true")).finish();
    assert_eq!(head.text().trim_end().len(), 72, "{head}");
    daemon.stop();
}

/// The text of chargen repeats after 95 lines of 74 bytes.
const PATTERN: usize = 95 * 74;

#[test]
#[ignore = "needs root: run scripts/test"]
fn a_reader_that_pauses_gets_everything() {
    let (lab, daemon) = Lab::up(&[]);
    let mut stream = lab.connect(19);
    let mut read = |len: usize| {
        let mut text = vec![0; len];
        stream.read_exact(&mut text).expect("chargen never ends");
        text
    };
    // The window closes while nobody reads and opens again: a probe or an update must get through.
    let first = read(PATTERN);
    thread::sleep(Duration::from_secs(3));
    let rest = read(1500 * PATTERN);
    let second = &rest[1499 * PATTERN..];
    assert!(first == second, "the text is not what it should be");
    daemon.stop();
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn a_closed_port_refuses() {
    let (lab, daemon) = Lab::up(&[]);
    let error = lab.inside(|| TcpStream::connect((STACK, 81)).expect_err("nobody listens").kind());
    assert_eq!(error, ErrorKind::ConnectionRefused);
    let curl = lab.tool("curl").args(["-sS", "http://10.9.0.2:81/"]).finish();
    const REFUSED: i32 = 7;
    assert_eq!(curl.status.code(), Some(REFUSED), "{curl}");
    daemon.stop();
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn services_can_be_moved_and_left_out() {
    let (lab, daemon) = Lab::up(&["--no-default-services", "--serve", "echo:7777"]);
    let nc = lab.tool("nc").args(["-N", STACK, "7777"]).input("moved").finish();
    assert_eq!(nc.assert_success().text(), "moved");
    for port in [7, 9, 13, 19, 80] {
        let error = lab.inside(|| TcpStream::connect((STACK, port)).expect_err("closed").kind());
        assert_eq!(error, ErrorKind::ConnectionRefused, "port {port}");
    }
    daemon.stop();
}
