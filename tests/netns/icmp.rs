//! Paths with a smaller MTU, and a kernel as the router that says so.

use std::fs;

use crate::harness::{Capture, Lab, STACK, first_word, sha256, write_pattern};

/// The MTU behind the router.
const MTU: usize = 1400;

/// The namespace of `near` becomes a router to the one of `far`, which is [`MTU`] away.
fn route(near: &Lab, far: &Lab) {
    near.sysctl("ip_forward", "1");
    let link = format!(
        "ip link add behind0 mtu {MTU} type veth peer name host0 netns {} \
         && ip addr add 10.9.1.1/24 dev behind0 && ip link set behind0 up",
        far.netns
    );
    near.shell(&link).finish().assert_success();
    let host = "ip addr add 10.9.1.2/24 dev host0 && ip link set host0 up \
                && ip route add default via 10.9.1.1";
    far.shell(host).finish().assert_success();
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn a_download_through_a_smaller_mtu_completes() {
    assert_download_completes("off");
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn a_download_in_bursts_through_a_smaller_mtu_completes() {
    assert_download_completes("on");
}

fn assert_download_completes(offload: &str) {
    let lab = Lab::new();
    let www = lab.folder.path().join("www");
    fs::create_dir(&www).expect("the folder is writable");
    write_pattern(&www.join("file"), 4 * 1024);
    let folder = www.to_str().expect("a plain path");
    let daemon = lab.daemon(&["-vv", "--www", folder, "--offload", offload]);
    lab.wait_until_up(&daemon, STACK);
    let far = Lab::with_netns();
    route(&lab, &far);

    let mut capture = Capture::start(&lab);
    let down = far.shell("curl -sS -f http://10.9.0.2/file | sha256sum").finish();
    capture.stop();
    let sum = sha256(&www.join("file"));
    assert_eq!(first_word(&down.assert_success().text()), sum, "downloaded");

    let errors = capture.select("icmp.type == 3 && icmp.code == 4", &["icmp.mtu"]);
    assert!(!errors.is_empty(), "the router says that something was too large");
    assert!(errors.iter().all(|mtu| *mtu == MTU.to_string()), "{errors:?}");
    assert!(errors.len() <= 10, "only the initial window");
    let too_large = format!("tcp.srcport == 80 && !icmp && ip.len > {MTU}");
    let too_large = capture.select(&too_large, &["tcp.len"]).len();
    match offload {
        "off" => assert_eq!(too_large, errors.len(), "each was lost, and no more were sent"),
        _ => assert!(too_large > errors.len(), "the kernel cuts what is longer than a packet"),
    }
    daemon.stop();
    let log = daemon.log();
    assert_eq!(log.matches("path MTU 1400: mss=1348").count(), 1, "the log says it once");
}

/// The router drops what is too large, and what it would say of it gets lost too (RFC 2923 2.1).
#[test]
#[ignore = "needs root: run scripts/test"]
fn a_download_through_a_black_hole_completes_rfc_4821_7_7() {
    let lab = Lab::new();
    let www = lab.folder.path().join("www");
    fs::create_dir(&www).expect("the folder is writable");
    write_pattern(&www.join("file"), 4 * 1024);
    let daemon = lab.daemon(&["-vv", "--www", www.to_str().expect("a plain path")]);
    lab.wait_until_up(&daemon, STACK);
    let far = Lab::with_netns();
    route(&lab, &far);
    let silent = "iptables -A OUTPUT -p icmp --icmp-type fragmentation-needed -j DROP";
    lab.shell(silent).finish().assert_success();

    let down = far.shell("curl -sS -f http://10.9.0.2/file | sha256sum").finish();
    let sum = sha256(&www.join("file"));
    assert_eq!(first_word(&down.assert_success().text()), sum, "downloaded");
    daemon.stop();
    let log = daemon.log();
    let smaller = "path MTU 1064: mss=1012, the time-outs suggest";
    assert_eq!(log.matches(smaller).count(), 1, "the log says it once");
    assert!(!log.contains("a router says"), "nobody has said anything");
    let probes = log.lines().filter(|line| line.contains("does the path take this size?")).count();
    assert_eq!(probes, 3, "the old size was tried again, and did not pass");
}
