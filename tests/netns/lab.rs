//! `glasstcp lab --live`: lessons over a real device, with the kernel's TCP at the other end.

use std::fs;
use std::process::Command;

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
    let left = Command::new("ip").args(["netns", "list"]).output().expect("ip runs").stdout;
    let left = String::from_utf8_lossy(&left).into_owned();
    assert!(!left.contains("glasstcp-lab"), "{left}");
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn a_loss_on_the_way_to_the_kernel_is_repaired_by_one_fast_retransmit() {
    assert!(take("fast-retransmit").contains("tahoe: fast-retransmits == 1 (seen: 1)"));
}
