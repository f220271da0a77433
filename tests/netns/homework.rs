//! The steps of the homework on TCP in the transcripts of programs over a TUN device, with the kernel on the other side
//! (`tests/homework.rs` has them in the simulator, `tests/commands/homework.rs` over a link of UDP).

use crate::harness::{Daemon, KERNEL, Lab, STACK, Tool, wait_for, write_pattern};
use crate::transcript::Steps;

/// What a server tells of a download by curl, with a file of so many KiB.
#[track_caller]
fn download(kib: usize, options: &str) -> Steps {
    let lab = Lab::new();
    std::fs::create_dir(lab.www()).expect("the folder is writable");
    write_pattern(&lab.www().join("file"), kib);
    let www = lab.www();
    let mut arguments = vec!["--cc", "reno", "--transcript", "--www"];
    arguments.push(www.to_str().expect("a plain path"));
    arguments.extend(options.split_whitespace());
    let daemon = lab.daemon(&arguments);
    lab.wait_until_up(&daemon, STACK);
    let url = format!("http://{STACK}/file");
    lab.tool("curl").args(["-sS", "-f", "-o", "/dev/null", &url]).finish().assert_success();
    wait_for("the end of the connection", std::time::Duration::from_secs(20), || {
        daemon.log().contains(" SERVER CLOSE_WAIT -> LAST_ACK")
            || daemon.log().contains(" SERVER FIN_WAIT_1 -> ")
    });
    let steps = Steps::of("SERVER", &daemon.log());
    daemon.stop();
    steps
}

/// A path on which a round trip is longer than most of what a busy machine does in between; and time-outs of a second at
/// least, for the rest.
const FAR: &str = "--profile rfc --impair delay=50ms";
/// The same, on which segments arrive one by one; and one of them does not.
const LOSES_ONE: &str =
    "--profile rfc --impair delay=50ms --impair rate=20mbit --drop out:data:nth=40";

#[test]
#[ignore = "needs root: run scripts/test"]
fn slow_start_doubles() {
    assert!(download(300, FAR).doublings() >= 2);
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn a_lost_segment_is_repaired_as_the_homework_says() {
    let steps = download(400, LOSES_ONE);
    steps.assert_one_fast_retransmission();
    steps.assert_recovery_leads_to_half();
    assert!(steps.grown_by_one() >= 4);
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn time_outs_double() {
    assert_eq!(download(1, "--drop out:data:nth=1..4").doubled_time_outs(), 4);
}

/// One of our clients tells what it does, on a device of that namespace.
fn client(lab: &Lab, line: &str) -> Tool {
    let client = Tool::new(Daemon::PROGRAM).args(line.split_whitespace());
    client.args(["--profile", "rfc", "--transcript", "--netns", &lab.netns])
}

/// Answers that nothing follows for a second, but for the last one, which is acknowledged with the FIN.
#[test]
#[ignore = "needs root: run scripts/test"]
fn what_comes_alone_is_acknowledged_late() {
    let lab = Lab::with_netns();
    let server = lab.script("upper.py").args(["serve", "12001"]).limit_s(120).start();
    server.wait_for_output("ready");
    // So long that the kernel does not probe before the acknowledgment is there.
    let ping = client(&lab, &format!("ping {KERNEL} -c 4 -i 1 --impair delay=50ms")).finish();
    ping.assert_success();
    assert_eq!(Steps::of("CLIENT", &ping.stderr).acknowledgments().0, 3, "{ping}");
}

/// A file that comes segment by segment.
#[test]
#[ignore = "needs root: run scripts/test"]
fn every_second_segment_is_acknowledged() {
    let lab = Lab::with_netns();
    std::fs::create_dir(lab.www()).expect("the folder is writable");
    write_pattern(&lab.www().join("file"), 300);
    let server = lab.tool("/usr/bin/python3").args(["-u", "-m", "http.server", "8000", "-d"]);
    let server = server.args([lab.www()]).limit_s(120).start();
    server.wait_for_output("Serving HTTP");
    let line = format!("get http://{KERNEL}:8000/file --impair in:rate=10mbit");
    let get = client(&lab, &line).args(["-o"]).args([lab.folder.path().join("copy")]).finish();
    get.assert_success();
    let (_, at_once) = Steps::of("CLIENT", &get.stderr).acknowledgments();
    assert!(at_once >= 5, "{at_once}");
}
