//! How the daemon begins and ends.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::Signal;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use crate::harness::{DEVICE, Daemon, Lab, STACK, assert_echo, wait_for, write_pattern};

#[test]
#[ignore = "needs root: run scripts/test"]
fn sigint_closes_connections_and_takes_everything_away() {
    ends_cleanly_on(Signal::SIGINT);
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn sigterm_closes_connections_and_takes_everything_away() {
    ends_cleanly_on(Signal::SIGTERM);
}

fn ends_cleanly_on(signal: Signal) {
    let (lab, daemon) = Lab::up_with_www(|www| write_pattern(&www.join("large"), 100 * 1024));
    let mut idle = lab.connect(7);
    assert_echo(&mut idle, "hello");
    let busy =
        lab.tool("curl").args(["-sS", "--limit-rate", "1M", "http://10.9.0.2/large"]).start();
    busy.wait_for_bytes(100_000);

    daemon.signal(signal);
    let end = idle.read(&mut [0; 10]).expect("a FIN, not a reset");
    assert_eq!(end, 0, "the stream has ended");
    drop(idle);
    let status = daemon.wait();
    assert_eq!(status.code(), Some(0), "{status}");
    assert!(!lab.netns_exists(), "the namespace is still there");
    // The download was cut off, and curl was told.
    let busy = busy.finish();
    assert!(matches!(busy.status.code(), Some(18 | 56)), "{busy}");
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn a_namespace_that_was_there_before_stays() {
    let lab = Lab::with_netns();
    let daemon = lab.daemon(&[]);
    lab.wait_until_up(&daemon, STACK);
    assert!(lab.device_exists());
    daemon.stop();
    assert!(lab.netns_exists(), "the daemon took away what it had not made");
    assert!(!lab.device_exists(), "the device is still there");
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn packets_wait_in_no_queue_but_one_that_somebody_else_has_chosen() {
    let queue_of = |lab: &Lab| {
        let shown = lab.tool("tc").args(["qdisc", "show", "dev", DEVICE]).finish().text();
        shown.split_whitespace().nth(1).unwrap_or_default().to_owned()
    };
    let (lab, daemon) = Lab::up(&[]);
    assert_eq!(queue_of(&lab), "noqueue");
    daemon.stop();

    let lab = Lab::with_netns();
    let made = "ip tuntap add glass0 mode tun && tc qdisc add dev glass0 root tbf rate 1gbit burst 64kb latency 9ms";
    lab.shell(made).finish().assert_success();
    let daemon = lab.daemon(&[]);
    lab.wait_until_up(&daemon, STACK);
    assert_eq!(queue_of(&lab), "tbf");
    daemon.stop();
    assert!(lab.device_exists(), "the daemon took away what it had not made");
}

/// A daemon that has printed more than fits into a pipe that nobody reads, as when somebody holds a terminal
/// with Ctrl-S. The pipe is open as long as the file.
fn unread() -> (Lab, Daemon, File) {
    let lab = Lab::new();
    let pipe = lab.folder.path().join("unread");
    mkfifo(&pipe, Mode::S_IRWXU).expect("a FIFO");
    let unread = File::options().read(true).write(true).open(&pipe).expect("both ends");
    let mut command = Command::new("bash");
    command.args(["-c", "exec $0 up --netns $1 -vv 2> $2", Daemon::PROGRAM, &lab.netns]).arg(&pipe);
    let daemon = Daemon::spawn(command, lab.folder.path());
    lab.wait_until_up(&daemon, STACK);
    let load = lab.tool("ab").args(["-q", "-n", "2000", "-c", "20", "http://10.9.0.2/"]);
    load.finish().assert_success();
    (lab, daemon, unread)
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn nobody_has_to_read_what_it_prints() {
    let (lab, daemon, _unread) = unread();
    daemon.signal(Signal::SIGUSR1);
    lab.tool("curl").args(["-sS", "-f", "http://10.9.0.2/"]).finish().assert_success();
    daemon.stop();
    assert!(!lab.netns_exists(), "the namespace is still there");
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn nobody_has_to_read_why_it_ended() {
    let (lab, daemon, _unread) = unread();
    lab.shell("ip link del glass0").finish().assert_success();
    assert_eq!(daemon.wait().code(), Some(1));
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn without_a_namespace_the_device_is_where_the_daemon_runs() {
    let lab = Lab::with_netns();
    let mut command = Command::new("ip");
    command.args(["netns", "exec", &lab.netns, Daemon::PROGRAM, "up", "--dev", "other7"]);
    command.args(["--addr", "10.77.3.1/24", "--stack-addr", "10.77.3.9", "--mtu", "1400"]);
    let daemon = Daemon::spawn(command, lab.folder.path());
    lab.wait_until_up(&daemon, "10.77.3.9");
    let link = lab.tool("ip").args(["address", "show", "dev", "other7"]).finish().text();
    assert!(link.contains("mtu 1400") && link.contains("inet 10.77.3.1/24"), "{link}");
    let curl = lab.tool("curl").args(["-sS", "-f", "http://10.77.3.9/"]).finish();
    curl.assert_success();
    daemon.stop();
    let link = lab.tool("ip").args(["link", "show", "dev", "other7"]).finish();
    assert!(!link.success(), "the device is still there: {link}");
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn the_kernel_can_be_any_host_of_its_network() {
    for (kernel, stack) in [
        ("10.9.0.254/24", "10.9.0.253"),
        ("10.9.0.253/24", "10.9.0.254"),
        ("192.168.77.2/30", "192.168.77.1"),
    ] {
        let lab = Lab::new();
        let daemon = lab.daemon(&["--addr", kernel]);
        lab.wait_until_up(&daemon, stack);
        daemon.stop();
    }
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn after_sigkill_it_starts_again_and_cleans_up_at_its_end() {
    let (lab, daemon) = Lab::up(&[]);
    let mut old = lab.connect(7);
    assert_echo(&mut old, "before");
    daemon.signal(Signal::SIGKILL);
    daemon.wait();

    let again = lab.daemon(&[]);
    lab.wait_until_up(&again, STACK);
    // The old connection is unknown to the new stack, which says so.
    old.write_all(b"after").expect("the kernel takes it");
    let reset = old.read(&mut [0; 10]).expect_err("a reset").kind();
    assert_eq!(reset, ErrorKind::ConnectionReset);
    let echo = lab.tool("nc").args(["-N", STACK, "7"]).input("again").finish();
    assert_eq!(echo.text(), "again");
    again.stop();
    assert!(!lab.netns_exists(), "what the killed daemon left is still there");
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn a_second_daemon_is_refused_and_the_first_unharmed() {
    let (lab, first) = Lab::up(&[]);
    let mut connection = lab.connect(7);
    assert_echo(&mut connection, "before");

    let second = lab.daemon(&[]);
    assert_eq!(second.wait().code(), Some(1), "{}", second.log());
    let said = second.log();
    assert_eq!(said.trim_end().lines().count(), 1, "{said}");
    assert!(said.contains(DEVICE), "{said}");

    assert_echo(&mut connection, "after");
    lab.tool("curl").args(["-sS", "-f", "http://10.9.0.2/"]).finish().assert_success();
    drop(connection);
    first.stop();
    assert!(!lab.netns_exists());
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn it_can_be_told_to_end_at_any_moment() {
    for delay_ms in [0, 1, 2, 5, 10, 20, 50, 100] {
        let lab = Lab::new();
        let daemon = lab.daemon(&[]);
        std::thread::sleep(Duration::from_millis(delay_ms));
        daemon.signal(Signal::SIGTERM);
        daemon.wait();
        // Before it listens to signals it simply dies; what it made by then, the next one takes over.
        let next = lab.daemon(&[]);
        lab.wait_until_up(&next, STACK);
        next.stop();
        wait_for("the namespace to go", Duration::from_secs(5), || !lab.netns_exists());
    }
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn the_log_shows_states_and_segments() {
    let echo = |flag: &str| {
        let (lab, daemon) = Lab::up(&[flag]);
        let nc = lab.tool("nc").args(["-N", STACK, "7"]).input("hello").finish();
        assert_eq!(nc.text(), "hello");
        daemon.stop();
        daemon.log()
    };
    let states = echo("-v");
    for state in ["SYN_RCVD", "ESTABLISHED", "CLOSE_WAIT", "LAST_ACK"] {
        assert!(states.contains(state), "no {state} in:\n{states}");
    }
    let segments = echo("-vv");
    assert!(segments.lines().count() > states.lines().count(), "{segments}");
}
