//! Pictures and stories of what the simulator has recorded, and of files that are something else.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;

use tempfile::TempDir;

use crate::harness::{glasstcp, said};

/// A folder with the recorded files.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    for name in ["cubic-9.events.jsonl", "cubic-9.pcapng"] {
        fs::copy(golden.join(name), folder.path().join(name)).expect("it is copied");
    }
    folder
}

/// Runs glasstcp there.
fn run(folder: &TempDir, line: &str) -> Output {
    glasstcp(line).current_dir(folder.path()).output().expect("it runs")
}

fn stdout(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(0), "{}", said(output));
    String::from_utf8(output.stdout.clone()).expect("text")
}

#[test]
fn pictures_stand_beside_the_file_and_are_named() {
    let folder = folder();
    for file in ["cubic-9.events.jsonl", "cubic-9.pcapng"] {
        let output = run(&folder, &format!("plot {file}"));
        let printed = stdout(&output);
        for kind in ["sequence", "window", "rtt", "throughput"] {
            let name = format!("{file}.{kind}.svg");
            assert!(printed.contains(&format!("{name}: {kind} of #1 at sender")), "{printed}");
            let svg = fs::read_to_string(folder.path().join(&name)).expect("it was written");
            assert!(svg.trim_end().ends_with("</svg>") && svg.contains("time (s)"), "{name}");
        }
        assert!(said(&output).contains("with most text; the others: #"), "{}", said(&output));
    }
    let picture = folder.path().join("cubic-9.pcapng.rtt.svg");
    let mode = fs::metadata(picture).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o400, 0o400);
    run(&folder, "plot cubic-9.events.jsonl --kind ladder -o out.svg");
    assert!(
        fs::read_to_string(folder.path().join("out.svg")).expect("svg").contains("refused: paws")
    );
    let left = fs::read_dir(folder.path()).expect("a folder").count();
    assert_eq!(left, 2 + 8 + 1, "nothing else is left");
}

#[test]
fn a_story_is_told_of_either_end() {
    let folder = folder();
    let story = stdout(&run(&folder, "explain cubic-9.events.jsonl"));
    assert!(story.contains("SYN_SENT -> ESTABLISHED: the peer's SYN acknowledges ours"), "{story}");
    let story = stdout(&run(&folder, "explain cubic-9.events.jsonl --at receiver --conn 1 --all"));
    assert!(story.contains("LISTEN -> SYN_RCVD: a SYN arrives (RFC 9293 3.10.7.2)"), "{story}");
    let turned = stdout(&run(&folder, "explain cubic-9.pcapng --turn"));
    assert!(turned.starts_with("Connection #1 at sender, 10.0.1.1:5001 with 10.0.0.1"), "{turned}");
}

#[test]
fn what_comes_from_a_pipe_is_read_as_a_file_is() {
    let folder = folder();
    let line = "cat cubic-9.pcapng | $GLASSTCP explain /dev/stdin";
    let mut shell = std::process::Command::new("sh");
    let shell = shell.args(["-c", line]).current_dir(folder.path());
    let output = shell.env("GLASSTCP", env!("CARGO_BIN_EXE_glasstcp")).output().expect("it runs");
    assert!(stdout(&output).contains("1,000 bytes of text"));
}

#[test]
fn what_cannot_be_read_or_written_is_one_sentence() {
    let folder = folder();
    let write =
        |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).expect("written");
    let golden = fs::read(folder.path().join("cubic-9.pcapng")).expect("it is there");
    write("empty", b"");
    write("prose", b"no event\nand no packet\n");
    write("packed", b"\x1F\x8B\x08\x00");
    write("header", &golden[..40]);
    write("others", b"{\"time_ns\":1,\"name\":\"refused\",\"data\":{\"reason\":\"ip_version\"}}\n");
    for (line, sentence) in [
        ("explain empty", "empty is empty"),
        ("plot prose", "prose has neither events (lines of JSON, docs/events.md) nor packets"),
        ("explain packed", "packed is compressed: unpack it first"),
        ("explain header", "header tells of no TCP connection; it ends in the middle of a packet"),
        ("explain others", "others tells of no TCP connection"),
        ("explain nowhere", "cannot read nowhere: No such file"),
        ("explain .", ". is a folder: name a file of events or a capture"),
        ("plot /dev/zero", "/dev/zero is neither a file nor a pipe"),
        (
            "explain cubic-9.pcapng --conn 9",
            "cubic-9.pcapng has no connection #9; it has #1 at sender",
        ),
        ("explain cubic-9.pcapng --at here", "has no such connection; it has #1 at sender"),
        ("explain cubic-9.pcapng --from 9", "in that time: choose another --from or --to"),
        ("explain cubic-9.pcapng --from 2 --to 1", "--to is before --from"),
        ("plot cubic-9.pcapng -o one.svg", "choose one with --kind"),
        ("plot cubic-9.pcapng --kind rtt -o a", "a should end in .svg or .png"),
        ("plot cubic-9.pcapng --kind rtt -o no/a.svg", "cannot write no/a.svg: "),
        ("plot cubic-9.pcapng --kind rtt -o /dev/full", "cannot write /dev/full: No space left"),
    ] {
        let output = run(&folder, line);
        assert_eq!(output.status.code(), Some(1), "{line}: {}", said(&output));
        let told = said(&output);
        let last = told.trim_end().lines().last().unwrap_or_default();
        assert!(last.starts_with("glasstcp: ") && last.contains(sentence), "{line}: {told}");
    }
    assert_eq!(run(&folder, "plot cubic-9.pcapng --kind pie").status.code(), Some(2));
}

#[test]
fn a_capture_that_ends_early_is_used_and_that_is_said() {
    let folder = folder();
    let whole = fs::read(folder.path().join("cubic-9.pcapng")).expect("it is there");
    fs::write(folder.path().join("cut"), &whole[..whole.len() - 30]).expect("written");
    let output = run(&folder, "explain cut");
    assert!(stdout(&output).contains("offers segments of 256 bytes"));
    assert!(
        said(&output).contains("cut: it ends in the middle of a packet, after"),
        "{}",
        said(&output)
    );
}
