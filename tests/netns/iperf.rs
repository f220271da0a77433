//! The real iperf3 measures the stack, and `glasstcp iperf` the real iperf3; both ends count the same.

use serde_json::Value;

use crate::harness::{Daemon, KERNEL, Lab, STACK, Tool};

/// What iperf3 says of one direction: bytes that were sent, and bytes that were received.
fn counted(report: &Value, suffix: &str) -> [f64; 2] {
    ["sum_sent", "sum_received"].map(|sum| {
        let bytes = &report["end"][format!("{sum}{suffix}")]["bytes"];
        bytes.as_f64().unwrap_or_else(|| panic!("{sum}{suffix}: {report:#}"))
    })
}

/// What is in the buffers of both ends when the time is over.
fn on_the_way(options: &str) -> f64 {
    if options.contains("-P 8") { 8.0 * 16e6 } else { 2.0 * 16e6 }
}

/// What was sent in each of these directions was received, but for what was on its way.
#[track_caller]
fn assert_received(report: &Value, options: &str, suffixes: &[&str]) {
    for suffix in suffixes {
        let [sent, received] = counted(report, suffix);
        let told = format!("{options}: {sent} sent, {received} received");
        assert!(sent > 1e6 && received > 1e6, "{told}");
        assert!((sent - received).abs() < 0.05 * sent + on_the_way(options), "{told}");
    }
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn iperf3_measures_in_out_and_both_ways() {
    let (lab, daemon) = Lab::up(&["--serve", "iperf3"]);
    for (options, suffixes) in [
        ("", &[""][..]),
        ("-R", &[""]),
        ("-P 8", &[""]),
        ("-P 8 -R", &[""]),
        ("--bidir", &["", "_bidir_reverse"]),
    ] {
        let before = daemon.counters();
        let command = format!("iperf3 -c {STACK} -C cubic -t 2 -J {options}");
        let output = lab.shell(&command).limit_s(60).finish();
        output.assert_success();
        let report: Value = serde_json::from_str(&output.text()).expect("iperf3 prints JSON");
        let moved = daemon.counters();
        assert_received(&report, options, suffixes);
        // And what the stack has counted is that and some headers.
        let by_stack = |name| (moved.of(name) - before.of(name)) as f64;
        let all = by_stack("bytes_received") + by_stack("bytes_sent");
        let said: f64 = suffixes.iter().map(|suffix| counted(&report, suffix)[1]).sum();
        let apart = (all - said).abs();
        assert!(apart < 0.10 * said + on_the_way(options), "{options}: {all} moved, {said} told");
    }
    daemon.stop();
}

/// What is asked for and cannot be done is said, and a client that goes leaves nothing.
#[test]
#[ignore = "needs root: run scripts/test"]
fn iperf3_is_told_what_cannot_be() {
    let (lab, daemon) = Lab::up(&["--serve", "iperf3"]);
    let udp = lab.shell(&format!("iperf3 -c {STACK} -u -t 1")).limit_s(30).finish();
    assert!(!udp.success(), "{udp}");
    let killed = lab.shell(&format!("timeout -s KILL 1 iperf3 -c {STACK} -t 20; true"));
    killed.limit_s(30).finish().assert_success();
    lab.shell(&format!("iperf3 -c {STACK} -C cubic -t 1")).limit_s(30).finish().assert_success();
    daemon.stop();
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn the_real_server_is_measured_in_out_and_both_ways() {
    let lab = Lab::with_netns();
    let server = lab.tool("iperf3").args(["-s", "--forceflush"]).limit_s(120).start();
    server.wait_for_output("Server listening");
    let client = |options: &str| {
        let arguments = format!("iperf --netns {} {options}", lab.netns);
        Tool::new(Daemon::PROGRAM).args(arguments.split_whitespace()).limit_s(60)
    };
    for (options, suffixes) in [
        ("", &[""][..]),
        ("-R", &[""]),
        ("-P 8", &[""]),
        ("-P 8 -R", &[""]),
        ("--bidir -O 1", &["", "_bidir_reverse"]),
    ] {
        let output = client(&format!("{KERNEL} -t 2 -J {options}")).finish();
        output.assert_success();
        let report: Value = serde_json::from_str(&output.text()).expect("it is JSON");
        assert_received(&report, options, suffixes);
        // The stack tells of what it sends, the kernel of what it does.
        assert!(report["end"]["sum_sent"]["retransmits"].is_u64(), "{options}: {report:#}");
    }
    let output = client(&format!("{KERNEL} -n 20m --impair delay=5ms")).finish();
    output.assert_success();
    assert!(output.text().contains("iperf Done."), "{output}");
    // It does one test at a time.
    let first = client("10.8.0.1 -t 30 --dev one --addr 10.8.0.1/24").start();
    first.wait_for_output("Bitrate");
    let second = client(&format!("{KERNEL} -t 1")).finish();
    assert!(!second.success() && second.stderr.contains("busy with another test"), "{second}");
}
