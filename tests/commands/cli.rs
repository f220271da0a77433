//! What the command line says when nobody can read it.

use std::fs::File;
use std::process::Stdio;

use crate::harness::{Up, glasstcp, said};

/// Runs glasstcp with its standard output on `place`: the exit code and what it says of it.
fn run(line: &str, place: &str) -> (Option<i32>, String) {
    let stdout = File::options().write(true).open(place).expect("every Linux has it");
    let output = glasstcp(line).stdout(stdout).output().expect("it runs");
    (output.status.code(), said(&output))
}

#[test]
fn help_that_cannot_be_written_is_a_failure() {
    for argument in ["--help", "help", "--version"] {
        let (code, said) = run(argument, "/dev/full");
        assert_eq!(code, Some(1), "{argument}: {said}");
        assert!(said.contains("cannot write") && said.contains("No space left"), "{said}");
        assert_eq!(run(argument, "/dev/null"), (Some(0), String::new()), "{argument}");
    }
}

#[test]
fn results_that_cannot_be_written_are_a_failure() {
    let server = Up::start("--serve hello --serve tasks --serve echo --serve iperf3");
    let mut impair = glasstcp("impair --control");
    impair.arg(server.socket());
    let lines = [
        "task 10.9.0.2 --calc 1+1",
        "hello 10.9.0.2",
        "nc -N 10.9.0.2 7",
        "iperf 10.9.0.2 -n 1k",
        "iperf 10.9.0.2 -n 1k -J",
    ];
    for mut command in lines.map(|line| server.client(line)).into_iter().chain([impair]) {
        let full = File::options().write(true).open("/dev/full").expect("every Linux has it");
        let text = File::open(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")).expect("ours");
        let output = command.stdin(text).stdout(full).output().expect("it runs");
        assert_eq!(output.status.code(), Some(1), "{command:?}");
        let sentence = "glasstcp: cannot write to standard output: No space left";
        assert!(said(&output).contains(sentence), "{command:?}: {}", said(&output));
    }
}

/// What cannot be read is not the connection's fault, and port 0 nobody's.
#[test]
fn nc_says_which_side_has_failed() {
    let server = Up::start("--serve echo");
    for (line, sentence) in [
        ("nc 10.9.0.2 7", "cannot read standard input: Is a directory"),
        ("nc 10.9.0.2 0", "port 0 is nowhere to connect to"),
    ] {
        let folder = File::open("/").expect("it is there");
        let output = server.client(line).stdin(folder).output().expect("it runs");
        assert_eq!(output.status.code(), Some(1), "{line}");
        assert!(said(&output).contains(sentence), "{line}: {}", said(&output));
    }
}

/// As in `glasstcp --help | head -1`: who stops reading has read enough.
#[test]
fn help_for_nobody_is_quiet() {
    let mut command = glasstcp("--help");
    let mut child =
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(said(&output), "");
}

#[test]
fn a_line_that_cannot_be_read_is_exit_code_2() {
    let (code, said) = run("--nonsense", "/dev/null");
    assert_eq!(code, Some(2));
    assert!(said.contains("--nonsense"), "{said}");
}

#[test]
fn a_congestion_control_that_is_not_there_is_named_with_those_that_are() {
    let (code, said) = run("up --cc vegas", "/dev/null");
    assert_eq!(code, Some(2));
    assert!(said.contains("'vegas'") && said.contains("tahoe, reno, newreno"), "{said}");
}
