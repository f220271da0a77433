//! `glasstcp lab`, and `glasstcp grade` on what it writes and on what others have.

use std::fs;
use std::path::Path;
use std::process::Output;

use serde_json::Value;
use tempfile::TempDir;

use crate::harness::{glasstcp, printed, said};

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

/// Runs glasstcp there.
fn run(folder: &TempDir, words: &[&str]) -> Output {
    glasstcp("").args(words).current_dir(folder.path()).output().expect("it runs")
}

/// What it prints when all is well.
fn prints(folder: &TempDir, line: &str) -> String {
    let output = run(folder, &line.split_whitespace().collect::<Vec<_>>());
    assert_eq!(output.status.code(), Some(0), "{line}: {}", said(&output));
    printed(&output)
}

#[test]
fn all_labs_are_listed_and_one_shows_itself() {
    let folder = folder();
    let list = prints(&folder, "lab");
    for name in ["handshake", "close", "slow-start", "cubic-bbr", "syn-flood"] {
        assert!(list.lines().any(|line| line.starts_with(name)), "{name}: {list}");
    }
    let text = prints(&folder, "lab handshake");
    for words in [
        "The three-way handshake (RFC 9293 3.5",
        "Look for\n  - The states at the left",
        "|- SYN seq=0 win=65535: handshake ------",
        "  seen      The client asks, and is open",
        "Written to lab-handshake: open.events.jsonl, open.pcapng, open.rules,",
        "Questions\n  1. Why are two segments not enough?\n",
        "glasstcp lab handshake --answers has the answers.",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert!(
        !text.contains("     > One round trip")
            && text.lines().all(|line| line.chars().count() <= 105)
    );
    let files = ["open.events.jsonl", "open.pcapng", "open.rules", "open.svg", "lost.svg"];
    for file in files {
        assert!(folder.path().join("lab-handshake").join(file).is_file(), "{file}");
    }
    // Once more, over what it has written, and to the same bytes.
    let events = fs::read(folder.path().join("lab-handshake/open.events.jsonl")).expect("there");
    let answers = prints(&folder, "lab handshake --answers");
    assert!(answers.contains("     > One round trip: 40.000 ms."), "{answers}");
    let again = fs::read(folder.path().join("lab-handshake/open.events.jsonl")).expect("there");
    assert!(events == again);
}

#[test]
fn what_a_lab_claims_can_be_graded() {
    let folder = folder();
    prints(&folder, "lab fast-recovery --out here");
    let graded = prints(&folder, "grade here/reno.events.jsonl --expect here/reno.rules");
    let lines: Vec<&str> = graded.lines().collect();
    assert!(lines.len() >= 3 && lines.iter().all(|line| line.starts_with("pass     ")), "{graded}");
    let file = "here/tahoe.events.jsonl";
    let output = run(
        &folder,
        &[
            "grade",
            file,
            "--json",
            "-e",
            "fast-retransmits == 1, rto == 1\nat receiver: closed by peer",
        ],
    );
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    let report: Value = serde_json::from_str(&printed(&output)).expect("an object");
    assert_eq!([&report["passed"], &report["failed"], &report["unknown"]], [2, 1, 0]);
    assert_eq!(report["rules"][1]["result"], "fail");
    assert_eq!(report["rules"][1]["value"], 0.0);
    assert_eq!(report["rules"][2]["seen"], "by peer");
    assert!(report["rules"][0]["connection"].as_str().is_some_and(|at| at.contains("sender")));
    // Its packets say what the stack thought.
    let output = run(&folder, &["grade", "here/reno.pcapng", "-e", "cwnd max > 20000"]);
    assert!(printed(&output).starts_with("pass "), "{}", printed(&output));
}

#[test]
fn a_foreign_capture_is_graded_by_what_packets_tell() {
    let folder = folder();
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/cubic-9.pcapng");
    fs::copy(golden, folder.path().join("capture.pcapng")).expect("copied");
    let grade = |rules: &str| run(&folder, &["grade", "capture.pcapng", "--expect", rules]);
    let output = grade("sender: text sent == 1000, sender: state reaches ESTABLISHED");
    assert_eq!(output.status.code(), Some(0), "{}", printed(&output));
    assert!(printed(&output).contains("(a guess: packets alone do not say)"));
    let output = grade("sender: cwnd max > 0, nowhere: rto == 0");
    assert_eq!(output.status.code(), Some(1));
    let text = printed(&output);
    assert!(
        text.contains("unknown  sender: cwnd max > 0  seen: packets alone do not tell"),
        "{text}"
    );
    assert!(text.contains("seen: there is no connection nowhere; there is #1 at "), "{text}");
}

#[test]
fn mistakes_are_explained() {
    let folder = folder();
    let write =
        |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("written");
    write("prose", "no event\n");
    write("bad.rules", "rto == 0\nrto = none\n");
    write("events", "{\"time_ns\":1,\"conn\":1,\"name\":\"app_read\",\"data\":{\"len\":1}}\n");
    write("many.rules", &"rto == 0\n".repeat(120_000));
    let about: String = (1..=33).map(|conn| format!("conn {conn}: rto == 0\n")).collect();
    write("about.rules", &about);
    write("empty.rules", "");
    fs::create_dir(folder.path().join("mine")).expect("made");
    write("mine/thesis.txt", "mine");
    for (words, code, sentence) in [
        (&["grade", "prose", "-e", "rto == 0"][..], 1, "prose has neither events"),
        (&["grade", "nowhere", "-e", "rto == 0"], 1, "cannot read nowhere: No such file"),
        (&["grade", "events", "-e", "rto"], 2, "line 1, column 4: here a comparison such as"),
        (&["grade", "events", "-e", "bad.rules"], 2, "line 2, column 7: 'none' is nothing"),
        (&["grade", "events", "-e", "many.rules"], 2, "has more than 1048576 bytes of rules"),
        (&["grade", "events", "-e", "about.rules"], 2, "about more than 32 connections"),
        (&["grade", "events", "-e", "empty.rules"], 2, "there is no rule here"),
        (&["grade", "events", "-e", "rto == 0", "--turn"], 1, "--turn is for captures"),
        (&["grade", "events", "-e", "no/such.rules"], 2, "the rules cannot be read"),
        (&["grade", "events"], 2, "--expect"),
        (&["lab", "nowhere"], 2, "possible values: handshake, close"),
        (&["lab", "--answers"], 2, "<NAME>"),
        (&["lab", "nagle", "--live"], 1, "nagle is not offered with --live: the services"),
        (&["lab", "handshake", "--out", "mine"], 1, "mine has files that no lab has written"),
        (&["lab", "handshake", "--out", "prose"], 1, "prose is a file: choose a folder"),
    ] {
        let output = run(&folder, words);
        assert_eq!(output.status.code(), Some(code), "{words:?}: {}", said(&output));
        assert!(said(&output).contains(sentence), "{words:?}: {}", said(&output));
    }
    assert_eq!(fs::read_dir(folder.path().join("mine")).expect("there").count(), 1);
}
