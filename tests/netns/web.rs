//! The page at /glass/ in a real browser (`page.py`), over the stack's own TCP, and what many browsers do to the daemon.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::harness::{DEVICE, Daemon, Lab, Running, Tool, assert_echo, wait_for, write_pattern};

const PAGE: &str = "http://10.9.0.2/glass/";

/// A browser that is told to do something with the page.
fn browser(lab: &Lab, arguments: &[&str]) -> Tool {
    lab.script("page.py").args(arguments).limit_s(180)
}

/// Somebody who fetches, not too fast, for as long as this is.
fn transfer(lab: &Lab) -> Running {
    lab.shell("curl -s --http0.9 --limit-rate 300k -o /dev/null http://10.9.0.2:19/")
        .limit_s(300)
        .start()
}

fn token(daemon: &Daemon) -> String {
    let log = daemon.log();
    let (_, rest) = log.split_once("#token=").expect("the address with the token is printed");
    rest.split_whitespace().next().expect("a token").to_owned()
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn the_page_shows_what_happens_while_it_happens() {
    let (lab, _daemon) = Lab::up(&["--impair", "out:loss=1% delay=5ms"]);
    let _transfer = transfer(&lab);
    browser(&lab, &["look", PAGE]).finish().assert_success();
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn recordings_are_replayed_alone_and_side_by_side() {
    let (lab, _daemon) = Lab::up(&[]);
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().to_str().expect("a name");
    let simulated = Command::new(Daemon::PROGRAM)
        .args(["sim", "--loss", "1%", "--cc", "cubic,bbr", "--bytes", "500k", "--out", out])
        .output();
    assert!(simulated.expect("glasstcp").status.success());
    let file = |name: &str| format!("{out}/{name}");
    let (cubic, bbr) = (file("cubic-1.events.jsonl"), file("bbr-1.events.jsonl"));
    let capture = file("cubic-1.pcapng");
    browser(&lab, &["replay", PAGE, &cubic, &capture, &cubic, &bbr]).finish().assert_success();
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn a_change_takes_the_token_in_a_browser_too() {
    let (lab, daemon) = Lab::up(&[]);
    let mut victim = lab.connect(7);
    assert_echo(&mut victim, "hello");
    let mut browser = browser(&lab, &["change", PAGE, &token(&daemon)]).start();
    browser.wait_for_output("changed");
    let control = format!("/run/glasstcp/{DEVICE}@{}.sock", lab.netns);
    let link = Tool::new(Daemon::PROGRAM).args(["impair", "--control", &control]).finish();
    assert!(link.assert_success().text().contains("out: loss="), "{}", link.text());
    browser.type_in("\n");
    browser.finish().assert_success();
    assert!(victim.read(&mut [0; 1]).is_err(), "it was killed from the page");
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn what_a_connection_carries_is_shown_only_where_it_may() {
    let (lab, _daemon) = Lab::up(&["--payload"]);
    let mut stream = lab.connect(7);
    let browser = browser(&lab, &["pay", PAGE]).start();
    browser.wait_for_output("open");
    for _ in 0..20 {
        assert_echo(&mut stream, "open sesame");
        std::thread::sleep(Duration::from_millis(100));
    }
    browser.finish().assert_success();
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn a_page_that_is_left_open_for_a_day_stays_as_it_is() {
    let (lab, _daemon) = Lab::up(&[]);
    let _transfer = transfer(&lab);
    browser(&lab, &["day", PAGE]).finish().assert_success();
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn what_a_lab_has_recorded_is_opened_in_the_page() {
    let lab = Lab::with_netns();
    lab.shell("ip link set lo up").finish().assert_success();
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("lab").to_str().expect("a name").to_owned();
    let taking = ["lab", "cubic-bbr", "--out", &out, "--web", "127.0.0.1:8080"];
    let taken = lab.tool(Daemon::PROGRAM).args(taking).limit_s(300).start();
    taken.wait_for_output("watch it: http://127.0.0.1:8080/glass/");
    browser(&lab, &["exhibit", "http://127.0.0.1:8080/"]).finish().assert_success();
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn browsers_that_are_switched_off_leave_their_places_to_others() {
    let (lab, daemon) = Lab::up(&[]);
    let _transfer = transfer(&lab);
    let answer = |stream: &mut TcpStream| {
        let mut head = [0; 12];
        stream.read_exact(&mut head).expect("an answer");
        String::from_utf8_lossy(&head[9..]).into_owned()
    };
    let mut viewers: Vec<_> = (0..64).map(|_| viewer(&lab, 1)).collect();
    assert!(viewers.iter_mut().all(|stream| answer(stream) == "200"));
    assert_eq!(answer(&mut viewer(&lab, 1)), "503", "there is a place for each of 64");
    // Nothing of them is heard any more, not even that they end.
    let mute = |stream: &TcpStream| {
        let port = stream.local_addr().expect("an address").port();
        format!("iptables -w -A OUTPUT -p tcp --sport {port} -j DROP; ")
    };
    lab.shell(&viewers.iter().map(mute).collect::<String>()).finish().assert_success();
    let before = daemon.usage().memory_kib;
    wait_for("places that become free", Duration::from_secs(60), || {
        std::thread::sleep(Duration::from_millis(500));
        answer(&mut viewer(&lab, 1)) == "200"
    });
    let grown = daemon.usage().memory_kib.saturating_sub(before);
    assert!(grown < 32 * 1024, "{grown} KiB more");
    lab.assert_alive(&daemon);
    drop(viewers);
}

/// A browser that has asked for events of a connection.
fn viewer(lab: &Lab, conn: u32) -> TcpStream {
    let mut stream = lab.connect(80);
    let request = format!("GET /glass/events?conn={conn} HTTP/1.1\r\nhost: 10.9.0.2\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("a request is sent");
    stream
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn browsers_that_vanish_or_read_nothing_keep_nobody_waiting() {
    let fill = |www: &Path| write_pattern(&www.join("file"), 64 * 1024);
    let (lab, daemon) = Lab::up_with_www_and(&["--web", "127.0.0.1:0"], fill);
    let fetch = || lab.shell("curl -sSf http://10.9.0.2/file | sha256sum").limit_s(60).finish();
    let whole = fetch().assert_success().text();
    let mut readers: Vec<_> = (0..25).map(|_| viewer(&lab, 1)).collect();
    let mut stuck: Vec<_> = (0..25).map(|_| viewer(&lab, 2)).collect();
    for reader in &mut readers {
        let mut head = [0; 15];
        reader.read_exact(&mut head).expect("an answer");
        assert_eq!(&head, b"HTTP/1.1 200 OK");
    }
    let before = daemon.usage().memory_kib;
    // Something to tell of, for some seconds, while half of them are read and the others are not.
    for _ in 0..8 {
        assert_eq!(fetch().assert_success().text(), whole);
        let mut buffer = [0; 65536];
        for reader in &mut readers {
            assert!(reader.read(&mut buffer).expect("events go on") > 0);
        }
    }
    let grown = daemon.usage().memory_kib.saturating_sub(before);
    assert!(grown < 64 * 1024, "{grown} KiB more");
    // Half of them go without a word, and there is room for others.
    readers.clear();
    stuck.truncate(5);
    let mut fresh: Vec<_> = (0..20).map(|_| viewer(&lab, 1)).collect();
    wait_for("places that become free", Duration::from_secs(10), || {
        let answered = fresh.iter_mut().all(|stream| {
            let mut head = [0; 12];
            stream.peek(&mut head).is_ok_and(|len| len == 12) && head.ends_with(b"200")
        });
        if !answered {
            fresh.clear();
            // Those leave places too, which are found free when something is told there next.
            std::thread::sleep(Duration::from_millis(500));
            fresh = (0..20).map(|_| viewer(&lab, 1)).collect();
        }
        answered
    });
    daemon.assert_running();
    // Over the kernel's TCP there is the same page, from outside of the namespace.
    let log = daemon.log();
    let (_, rest) = log.split_once("http://127.0.0.1:").expect("the address of --web");
    let address = format!("127.0.0.1:{}", rest.split('/').next().expect("a port"));
    let mut page = TcpStream::connect(&address).expect("somebody listens");
    let request = format!("GET /glass/info HTTP/1.0\r\nhost: {address}\r\n\r\n");
    page.write_all(request.as_bytes()).expect("a request is sent");
    let mut answer = String::new();
    page.read_to_string(&mut answer).expect("an answer");
    assert!(answer.contains(r#""may_change":true"#), "{answer}");
    drop(stuck);
}
