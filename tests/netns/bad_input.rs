//! What the daemon refuses to start with: one clear sentence, the right exit code, nothing left.

use std::process::Command;

use crate::harness::{DEVICE, Daemon, Lab, STACK};

/// The command line cannot be read.
const USAGE: i32 = 2;
/// What it asks for cannot be had.
const FAILURE: i32 = 1;

/// Fails unless the daemon ends with `code` and says one sentence that contains `word`.
#[track_caller]
fn assert_refused(lab: &Lab, daemon: &Daemon, code: i32, word: &str) {
    let status = daemon.wait();
    let said = daemon.log();
    assert_eq!(status.code(), Some(code), "{said}");
    assert!(said.contains(word), "no {word:?} in: {said}");
    assert!(!said.contains("panicked"), "{said}");
    if code == FAILURE {
        assert_eq!(said.trim_end().lines().count(), 1, "not one sentence: {said}");
    }
    assert!(!lab.netns_exists(), "the namespace is still there");
}

#[track_caller]
fn assert_up_refused(arguments: &[&str], code: i32, word: &str) {
    let lab = Lab::new();
    let daemon = lab.daemon(arguments);
    assert_refused(&lab, &daemon, code, word);
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn bad_arguments_are_refused() {
    assert_up_refused(&["--addr", "10.9.0.1000/24"], USAGE, "10.9.0.1000/24");
    assert_up_refused(&["--addr", "10.9.0.1/33"], USAGE, "10.9.0.1/33");
    assert_up_refused(&["--stack-addr", "nonsense"], USAGE, "nonsense");
    assert_up_refused(&["--mtu", "12"], USAGE, "12");
    assert_up_refused(&["--mtu", "70000"], USAGE, "70000");
    assert_up_refused(&["--serve", "teapot"], USAGE, "teapot");
    assert_up_refused(&["--serve", "echo:99999"], USAGE, "99999");
    assert_up_refused(&["--nonsense"], USAGE, "--nonsense");
    assert_up_refused(&["--dev", "a-name-that-is-too-long"], USAGE, "a-name-that-is-too-long");
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn addresses_that_do_not_fit_are_refused() {
    assert_up_refused(&["--stack-addr", "10.9.0.1"], FAILURE, "10.9.0.1");
    assert_up_refused(&["--stack-addr", "10.10.0.2"], FAILURE, "10.10.0.2");
    assert_up_refused(&["--stack-addr", STACK, "--stack-addr", STACK], FAILURE, STACK);
    assert_up_refused(&["--stack-addr", "10.9.0.255"], FAILURE, "10.9.0.255");
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn services_that_cannot_be_are_refused() {
    assert_up_refused(&["--www", "/nonexistent/folder"], FAILURE, "/nonexistent/folder");
    assert_up_refused(&["--www", "/etc/passwd"], FAILURE, "/etc/passwd");
    assert_up_refused(&["--serve", "echo:80", "--serve", "discard:80"], FAILURE, "80");
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn an_overlapping_network_is_refused() {
    let lab = Lab::with_netns();
    let make = "ip link add there type veth peer name beyond && ip address add 10.9.0.200/25 dev there && \
                ip link set there up";
    lab.shell(make).finish().assert_success();
    let daemon = lab.daemon(&[]);
    let status = daemon.wait();
    let said = daemon.log();
    assert_eq!(status.code(), Some(FAILURE), "{said}");
    assert!(said.contains("10.9.0.") && said.contains("there"), "{said}");
    assert_eq!(said.trim_end().lines().count(), 1, "not one sentence: {said}");
    assert!(!lab.device_exists(), "the device is still there");
}

/// A route to one of the stack's addresses alone, over a device that has no address of its own.
#[test]
#[ignore = "needs root: run scripts/test"]
fn a_route_that_leads_elsewhere_is_refused() {
    let lab = Lab::with_netns();
    let make = "ip link add there type veth peer name beyond && ip link set beyond up && \
                ip link set there up && ip route add 10.9.0.7/32 dev there && \
                ip tuntap add glass0 mode tun";
    lab.shell(make).finish().assert_success();
    let daemon = lab.daemon(&["--stack-addr", STACK, "--stack-addr", "10.9.0.7"]);
    let status = daemon.wait();
    let said = daemon.log();
    assert_eq!(status.code(), Some(FAILURE), "{said}");
    assert!(said.contains("ip route get 10.9.0.7"), "{said}");
    assert_eq!(said.trim_end().lines().count(), 1, "not one sentence: {said}");
    let left = lab.tool("ip").args(["address", "show", "dev", DEVICE]).finish().text();
    assert!(!left.contains("10.9.0.1"), "the address is still there: {left}");
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn a_namespace_that_cannot_be_made_is_refused() {
    for name in ["", ".", "..", "a/b", "../../etc/passwd"] {
        let lab = Lab::new();
        let mut command = Command::new(Daemon::PROGRAM);
        command.args(["up", "--netns", name]);
        let daemon = Daemon::spawn(command, lab.folder.path());
        let code = daemon.wait().code();
        assert!(matches!(code, Some(FAILURE | USAGE)), "{name:?}: {}", daemon.log());
        assert!(!daemon.log().contains("panicked"), "{}", daemon.log());
    }
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn a_device_of_another_kind_is_left_alone() {
    let lab = Lab::with_netns();
    lab.shell("ip link add glass0 type veth peer name beyond").finish().assert_success();
    let daemon = lab.daemon(&[]);
    let status = daemon.wait();
    let said = daemon.log();
    assert_eq!(status.code(), Some(FAILURE), "{said}");
    assert!(said.contains(DEVICE), "{said}");
    assert_eq!(said.trim_end().lines().count(), 1, "not one sentence: {said}");
    assert!(lab.device_exists(), "it took away a device that it had not made");
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn without_a_tun_device_it_says_so() {
    let lab = Lab::new();
    let mut command = Command::new("unshare");
    let hide = "mount -t tmpfs none /dev/net && exec \"$0\" up --netns \"$1\"";
    command.args(["-m", "sh", "-c", hide, Daemon::PROGRAM, &lab.netns]);
    let daemon = Daemon::spawn(command, lab.folder.path());
    assert_refused(&lab, &daemon, FAILURE, "/dev/net/tun");
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn something_else_in_its_place_is_no_tun_device() {
    for make in ["echo fake > /dev/net/tun", "mkdir /dev/net/tun", "mknod /dev/net/tun c 1 3"] {
        let lab = Lab::new();
        let mut command = Command::new("unshare");
        let hide =
            format!("mount -t tmpfs none /dev/net && {make} && exec \"$0\" up --netns \"$1\"");
        command.args(["-m", "sh", "-c", &hide, Daemon::PROGRAM, &lab.netns]);
        let daemon = Daemon::spawn(command, lab.folder.path());
        assert_refused(&lab, &daemon, FAILURE, "not the TUN driver");
    }
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn without_the_right_it_says_so() {
    let lab = Lab::new();
    for (without, lacks) in
        [("-net_admin", "CAP_NET_ADMIN"), ("-net_admin,-sys_admin", "CAP_SYS_ADMIN")]
    {
        let mut command = Command::new("setpriv");
        command.args([&format!("--bounding-set={without}"), Daemon::PROGRAM]);
        command.args(["up", "--netns", &lab.netns]);
        let daemon = Daemon::spawn(command, lab.folder.path());
        assert_refused(&lab, &daemon, FAILURE, lacks);
    }
}
