//! The real iperf3 measures the stack, and both count the same.

use serde_json::Value;

use crate::harness::{Lab, STACK};

/// What iperf3 says of one direction: bytes that were sent, and bytes that were received.
fn counted(report: &Value, suffix: &str) -> [f64; 2] {
    ["sum_sent", "sum_received"].map(|sum| {
        let bytes = &report["end"][format!("{sum}{suffix}")]["bytes"];
        bytes.as_f64().unwrap_or_else(|| panic!("{sum}{suffix}: {report:#}"))
    })
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
        // What is in the buffers of both ends when the time is over.
        let on_the_way = if options.contains("-P 8") { 8.0 } else { 2.0 } * 16e6;
        for suffix in suffixes {
            let [sent, received] = counted(&report, suffix);
            assert!(sent > 1e6 && received > 1e6, "{options}: {sent} sent, {received} received");
            let apart = (sent - received).abs();
            assert!(
                apart < 0.05 * sent + on_the_way,
                "{options}: {sent} sent, {received} received"
            );
        }
        // And what the stack has counted is that and some headers.
        let by_stack = |name| (moved.of(name) - before.of(name)) as f64;
        let all = by_stack("bytes_received") + by_stack("bytes_sent");
        let said: f64 = suffixes.iter().map(|suffix| counted(&report, suffix)[1]).sum();
        let apart = (all - said).abs();
        assert!(apart < 0.10 * said + on_the_way, "{options}: {all} moved, {said} told");
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
