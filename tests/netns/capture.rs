//! What an independent judge says about the stack's packets.

use std::path::Path;

use crate::harness::{Capture, KERNEL, Lab, Loss, STACK, first_word, sha256, write_pattern};

/// Expert information of tshark at the level of a warning or above.
const WARNING: &str = "_ws.expert.severity >= 0x600000";

/// A device on which each packet is one as on a wire, with its checksum.
const PLAIN: [&str; 2] = ["--offload", "off"];

/// Fails when tshark finds a fault in any packet that the stack sent, or could not read one. What the kernel sends has
/// its checksums, or not, for with offload it leaves them to the device.
#[track_caller]
fn assert_no_fault(capture: &Capture, kernel_sums: bool, tolerated: &[&str]) {
    let columns = ["frame.number", "ip.src", "ip.dst", "_ws.expert.message"];
    // What is retransmitted may be cut in other places than at first. If that is after tshark has put
    // the reply together it says that its own reassembly failed, and counts the packet as malformed; a
    // conflict of the bytes is looked for apart.
    let overlaps =
        "tcp.analysis.retransmission && _ws.expert.message contains \"New fragment overlaps\"";
    // The kernel writes 0xffff where the sum is 0, which is the same number to the receiver.
    let unsummed = if kernel_sums { "tcp.checksum == 0xffff" } else { "(tcp || udp)" };
    let bad = format!(
        "(_ws.malformed && !({overlaps})) || tcp.segment.overlap.conflict || (ip.checksum.status == 0 || tcp.checksum.status == 0 \
         || udp.checksum.status == 0 || icmp.checksum.status == 0) \
         && !(ip.src == {KERNEL} && {unsummed})"
    );
    assert_eq!(capture.select(&bad, &columns), Vec::<String>::new());
    let tolerated: String = tolerated.iter().map(|one| format!(" && !({one})")).collect();
    let dsack = "tcp.options.sack.dsack";
    let ours = format!("{WARNING} && ip.src == {STACK} && !{dsack}{tolerated}");
    assert_eq!(capture.select(&ours, &columns), Vec::<String>::new());

    // Each duplicate is reported at most once (RFC 2883 4).
    let reports = capture.select(&format!("ip.src == {STACK} && {dsack}"), &columns);
    let again = format!(
        "ip.src == {KERNEL} && (tcp.analysis.retransmission || tcp.analysis.out_of_order \
         || tcp.analysis.keep_alive)"
    );
    let duplicates = capture.select(&again, &columns).len();
    let count = reports.len();
    assert!(count <= duplicates, "{count} D-SACKs for {duplicates} duplicates: {reports:#?}");
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn tshark_finds_no_fault_in_ordinary_traffic() {
    assert_ordinary_traffic_is_good(&PLAIN, true);
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn tshark_finds_no_fault_in_bursts_with_their_checksums() {
    assert_ordinary_traffic_is_good(&["--offload", "on", "--checksum", "full"], false);
}

fn assert_ordinary_traffic_is_good(arguments: &[&str], kernel_sums: bool) {
    let file = |www: &Path| write_pattern(&www.join("file"), 8 * 1024);
    let (lab, daemon) = Lab::up_with_www_and(arguments, file);
    let www = lab.www();

    let mut capture = Capture::start_with(&lab, if kernel_sums { "2048" } else { "65535" });
    let scripts = [
        "ping -n -q -c 100 -i 0.002 -s 1000 10.9.0.2",
        "curl -sS -f http://10.9.0.2/ http://10.9.0.2/file | sha256sum",
        &format!("curl -sS -f -T {}/file http://10.9.0.2/upload/copy", www.display()),
        &format!("nc -N 10.9.0.2 7 < {}/file | sha256sum", www.display()),
        "echo over UDP | nc -u -w 1 10.9.0.2 7",
        "echo nobody there | nc -u -w 1 10.9.0.2 8; true",
        "nc -d 10.9.0.2 13",
        "nc 10.9.0.2 81; test $? = 1",
        "for n in $(seq 20); do curl -sS -f http://10.9.0.2/ >/dev/null & done; wait",
    ];
    for script in scripts {
        lab.shell(script).finish().assert_success();
    }
    capture.stop();
    // The reset that refuses port 81 is what it should be, and a window that is filled or closes because the
    // application is slow is flow control.
    let mut tolerated = vec![
        "tcp.flags.reset == 1 && tcp.srcport == 81",
        "tcp.analysis.zero_window",
        "tcp.analysis.window_full",
    ];
    if !kernel_sums {
        // An error quotes what has arrived.
        tolerated.push("icmp.type == 3 && udp.checksum.status == 0");
    }
    assert_no_fault(&capture, kernel_sums, &tolerated);
    let resets = capture.select("tcp.flags.reset == 1", &["tcp.srcport", "tcp.dstport"]);
    assert!(matches!(resets.as_slice(), [one] if one.starts_with("81\t")), "resets: {resets:?}");
    let refused = capture.select("icmp.type == 3", &["icmp.code"]);
    assert_eq!(refused, ["3"], "one port is unreachable");
    daemon.stop();
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn tshark_finds_no_fault_when_packets_are_lost() {
    let file = |www: &Path| write_pattern(&www.join("file"), 2 * 1024);
    let (lab, daemon) = Lab::up_with_www_and(&PLAIN, file);
    let www = lab.www();
    let sum = sha256(&www.join("file"));
    lab.lose(Loss::Percent(5));

    let mut capture = Capture::start(&lab);
    let scripts = [
        "curl -sS http://10.9.0.2/file | sha256sum",
        &format!("nc -N 10.9.0.2 7 < {}/file | sha256sum", www.display()),
    ];
    for script in scripts {
        let done = lab.shell(script).limit_s(300).finish();
        assert_eq!(first_word(&done.assert_success().text()), sum);
    }
    capture.stop();
    // What was lost on its way here is acknowledged without having been captured. What was
    // retransmitted soon after a loss looks out of order to tshark, and it may be cut in other
    // places than at first (an acknowledgment with SACK blocks has less room for text). An
    // acknowledgment that was on its way when the connection ended finds nobody: a reset.
    let tolerated = [
        "tcp.analysis.ack_lost_segment",
        "tcp.analysis.out_of_order",
        "tcp.analysis.zero_window",
        "tcp.analysis.retransmission && _ws.expert.message contains \"New fragment overlaps\"",
        "tcp.flags.reset == 1",
    ];
    assert_no_fault(&capture, true, &tolerated);
    daemon.stop();
}
