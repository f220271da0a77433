//! `glasstcp lab --live`: lessons over a real device, with the kernel's TCP at the other end.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::harness::{Daemon, Tool};

/// Takes a lab, and gives what it prints.
fn take(name: &str) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("out").to_string_lossy().into_owned();
    let words = ["lab", name, "--live", "--out", &out];
    let text = Tool::new(Daemon::PROGRAM).args(words).limit_s(60).finish().assert_success().text();
    let files = fs::read_dir(&out).expect("a folder").count();
    assert!(files >= 4, "{files}: {text}");
    assert!(text.contains("  seen      ") && !text.contains("NOT SEEN"), "{text}");
    text
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn connections_to_the_kernel_are_closed_in_four_ways_and_nothing_is_left() {
    let text = take("close");
    assert!(text.contains("close conn 4: closed by reset (seen: by reset)"), "{text}");
    let there = Command::new("ip").args(["netns", "list"]).output().expect("ip runs").stdout;
    // Each has the number of its process in its name: other tests may have theirs.
    for name in String::from_utf8_lossy(&there).split_whitespace() {
        let process = name.strip_prefix("glasstcp-lab-");
        let is_left = |id| {
            !Path::new("/proc").join(id).exists() && Path::new("/run/netns").join(name).exists()
        };
        assert!(!process.is_some_and(is_left), "{name} is left");
    }
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn a_loss_on_the_way_to_the_kernel_is_repaired_by_one_fast_retransmit() {
    assert!(take("fast-retransmit").contains("tahoe: fast-retransmits == 1 (seen: 1)"));
}

/// Waits until that is so.
fn wait_for(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}");
        thread::sleep(Duration::from_millis(50));
    }
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn a_lab_that_is_killed_leaves_neither_its_daemon_nor_its_namespace() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut lab = Command::new(Daemon::PROGRAM)
        .args(["lab", "window", "--live", "--out"])
        .arg(folder.path().join("out"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    let name = format!("glasstcp-lab-{}", lab.id());
    let namespace = Path::new("/run/netns").join(&name);
    wait_for("it makes its namespace", || namespace.exists());
    thread::sleep(Duration::from_millis(500));
    lab.kill().expect("it can be killed");
    lab.wait().expect("it is gone");
    wait_for("its namespace goes with it", || !namespace.exists());
}
