//! The device whose packets the kernel cuts, against the one whose packets are as on a wire.

use crate::harness::{Capture, DEVICE, KERNEL, Lab, STACK, first_word, sha256, write_pattern};

/// Sends a file both ways, and gives what was captured of it, with the name of the way: packets longer than the MTU.
fn long_packets(offload: &[&str]) -> [usize; 2] {
    let (lab, daemon) =
        Lab::up_with_www_and(offload, |www| write_pattern(&www.join("file"), 16 * 1024));
    let file = lab.www().join("file");
    let sum = sha256(&file);
    let mut capture = Capture::start(&lab);
    let down = lab.shell("curl -sS -f http://10.9.0.2/file | sha256sum").finish();
    assert_eq!(first_word(&down.assert_success().text()), sum, "downloaded");
    let up = format!("curl -sS -f -T {} http://10.9.0.2/upload/copy", file.display());
    lab.shell(&up).finish().assert_success();
    assert_eq!(sha256(&lab.www().join("upload/copy")), sum, "uploaded");
    capture.stop();
    daemon.counters().assert_accounted();
    daemon.stop();
    [STACK, KERNEL].map(|from| {
        let long = format!("ip.src == {from} && tcp && ip.len > 1500");
        capture.select(&long, &["ip.len"]).len()
    })
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn files_go_in_bursts_both_ways_where_the_kernel_can() {
    for offload in [&["--offload", "on"][..], &["--offload", "auto"], &["--checksum", "full"]] {
        let [sent, received] = long_packets(offload);
        assert!(sent > 100 && received > 100, "{offload:?}: {sent} sent, {received} received");
    }
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn without_offload_no_packet_is_longer_than_the_mtu() {
    assert_eq!(long_packets(&["--offload", "off"]), [0, 0]);
}

/// An interface that outlives the program keeps what the kernel was told to do for it.
#[test]
#[ignore = "needs root: run scripts/test"]
fn an_interface_may_change_between_with_and_without() {
    let lab = Lab::with_netns();
    lab.shell(&format!("ip tuntap add dev {DEVICE} mode tun")).finish().assert_success();
    for offload in ["on", "off", "on", "auto", "off"] {
        let daemon = lab.daemon(&["--offload", offload]);
        lab.wait_until_up(&daemon, STACK);
        let echoed = lab.shell("seq 20000 | nc -N 10.9.0.2 7 | tail -n 1").finish();
        assert_eq!(first_word(&echoed.assert_success().text()), "20000", "{offload}");
        daemon.stop();
    }
}

/// What is lost, late or damaged are packets of a wire, although the device carries bursts.
#[test]
#[ignore = "needs root: run scripts/test"]
fn a_bad_link_before_the_device_carries_packets() {
    let bad = ["--offload", "on", "--impair", "loss=1% corrupt=1% duplicate=1%"];
    let (lab, daemon) = Lab::up_with_www_and(&bad, |www| write_pattern(&www.join("file"), 2048));
    let file = lab.www().join("file");
    let mut capture = Capture::start(&lab);
    let down = lab.shell("curl -sS -f http://10.9.0.2/file | sha256sum").limit_s(120).finish();
    assert_eq!(first_word(&down.assert_success().text()), sha256(&file), "downloaded");
    let up = format!("curl -sS -f -T {} http://10.9.0.2/upload/copy", file.display());
    lab.shell(&up).limit_s(120).finish().assert_success();
    assert_eq!(sha256(&lab.www().join("upload/copy")), sha256(&file), "uploaded");
    capture.stop();
    let long = capture.select(&format!("ip.src == {STACK} && ip.len > 1500"), &["ip.len"]);
    assert_eq!(long, Vec::<String>::new(), "bursts that were sent");
    daemon.stop();
}
