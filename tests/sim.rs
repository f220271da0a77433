//! `glasstcp sim` as a program on its own.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// Runs `glasstcp sim` with these words, in `folder`.
fn sim(folder: &Path, line: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_glasstcp"));
    command.arg("sim").args(line.split_whitespace()).current_dir(folder);
    command.output().expect("it runs")
}

/// What it prints when all is well.
fn prints(folder: &Path, line: &str) -> String {
    let output = sim(folder, line);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{line}: {said}");
    String::from_utf8(output.stdout).expect("text")
}

/// The exit code and what it says of it.
fn fails(folder: &Path, line: &str) -> (Option<i32>, String) {
    let output = sim(folder, line);
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

#[test]
fn the_table_has_a_line_for_each_simulation_and_flow() {
    let folder = folder();
    let table = prints(
        folder.path(),
        "--bytes 200k --rate 10mbit --rtt 20ms --cc tahoe,newreno --runs 2 --flows 2 --loss 1%",
    );
    let lines: Vec<&str> = table.lines().collect();
    assert!(lines[0].contains("goodput") && lines[0].contains("RTT p50/p99"), "{table}");
    let names = lines[1..9].iter().map(|line| line.split_whitespace().take(3).collect::<Vec<_>>());
    let expected = [1, 2].map(|seed| {
        ["tahoe", "newreno"].map(|cc| [1, 2].map(|flow| format!("{cc} {seed} {flow}")))
    });
    let expected = expected.as_flattened().as_flattened();
    assert_eq!(names.map(|name| name.join(" ")).collect::<Vec<_>>(), expected);
    assert_eq!(table.matches("fairness").count(), 4, "{table}");
    assert!(table.contains("lost"), "{table}");
}

#[test]
fn the_same_command_writes_the_same_files() {
    let folder = folder();
    let line = "--bytes 300k --loss 2% --rtt 30ms --rate 10mbit --seed 9 --cc reno,newreno --out";
    let tables = ["one", "two"].map(|name| prints(folder.path(), &format!("{line} {name}")));
    assert_eq!(tables[0], tables[1]);
    let names = |name: &str| {
        let entries = fs::read_dir(folder.path().join(name)).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let expected = [
        "cwnd.svg",
        "newreno-9.events.jsonl",
        "newreno-9.pcapng",
        "queue.svg",
        "reno-9.events.jsonl",
        "reno-9.pcapng",
        "rtt.svg",
        "sequence-newreno.svg",
        "sequence-reno.svg",
        "throughput.svg",
    ];
    assert_eq!(names("one"), expected);
    for name in names("two") {
        let [one, two] = ["one", "two"].map(|run| fs::read(folder.path().join(run).join(&name)));
        let one = one.unwrap();
        assert!(one.len() > 1000 && one == two.unwrap(), "{name:?}");
    }
}

#[test]
fn every_segment_can_be_followed() {
    let folder = folder();
    let line = "--bytes 10k --impair out:drop:data:byte=0 --rtt 50ms";
    let states = prints(folder.path(), &format!("{line} -v"));
    assert!(states.contains("SYN_SENT -> ESTABLISHED") && !states.contains("len=1448"), "{states}");
    let segments = prints(folder.path(), &format!("{line} -vv"));
    for words in ["0.000000 sender #1 -> SYN", "len=1448", "bytes, rule dropped", "receiver #1"] {
        assert!(segments.contains(words), "{words}: {segments}");
    }
    let (code, said) = fails(folder.path(), "-v --runs 2");
    assert_eq!(code, Some(1));
    assert!(said.contains("-v follows one simulation, and these are 2"), "{said}");
}

#[test]
fn what_is_not_completed_is_a_failure_and_says_how_to_repeat_it() {
    let folder = folder();
    let (code, said) = fails(folder.path(), "--bytes 100m --time-limit 2s --runs 2 --seed 5");
    assert_eq!(code, Some(1));
    assert!(said.contains("not all was transferred within 2 s (--time-limit)"), "{said}");
    assert!(said.contains("to repeat it: ") && said.contains("--seed 5 --cc cubic"), "{said}");
    let line = "--cc=reno,tahoe --seed=3 --impair out:loss=99% --impair delay=1ms --bytes 10k";
    let (_, said) = fails(folder.path(), line);
    let again = "sim --impair out:loss=99% --impair delay=1ms --bytes 10k --seed 3 --cc reno";
    assert!(said.trim_end().ends_with(again), "{said}");
    let (code, said) = fails(folder.path(), "--loss 100% --bytes 10k");
    assert_eq!(code, Some(1));
    assert!(said.contains("a transfer failed: sender: "), "{said}");
}

#[test]
fn mistakes_are_explained_in_one_sentence() {
    let folder = folder();
    fs::write(folder.path().join("bad.toml"), "rtt = 'soon'").unwrap();
    for (line, code, words) in [
        ("--impair drop:dta", 2, "there is no kind of packet 'dta'; there are any, syn"),
        ("--rate 10m", 2, "'10m' is not a rate such as 10mbit"),
        ("--cc vegas", 2, "choose one of tahoe, reno, newreno, cubic, bbr"),
        ("--scenario missing.toml", 1, "cannot read the scenario missing.toml: No such file"),
        ("--scenario bad.toml", 1, "the scenario bad.toml: TOML parse error at line 1"),
        ("--sack yes", 2, "'yes' is neither 'on' nor 'off'"),
        ("--flows 0", 1, "0 flows cannot be simulated; allowed: 1 to 250"),
        ("--out bad.toml --bytes 1k", 1, "cannot make the folder bad.toml: File exists"),
    ] {
        let (status, said) = fails(folder.path(), line);
        assert_eq!(status, Some(code), "{line}: {said}");
        assert!(said.contains(words), "{line}: {said}");
    }
}

/// Compares a file that is kept with what is made now. With `GLASSTCP_BLESS=1` what is made is kept; look at
/// it before it is committed.
fn compare(kept: &Path, made: &[u8]) {
    if std::env::var_os("GLASSTCP_BLESS").is_some() {
        fs::write(kept, made).unwrap();
    }
    let same = fs::read(kept).is_ok_and(|kept| kept == made);
    let again = "GLASSTCP_BLESS=1 cargo test --test sim";
    assert!(same, "{} is not what is made now: {again}", kept.display());
}

/// A simulation in which all happens that happens by chance. On any machine it is the same, byte for byte,
/// in its events and its packets.
#[test]
fn a_simulation_is_the_same_on_any_machine() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let folder = folder();
    let scenario = golden.join("chance.toml");
    let table = prints(folder.path(), &format!("--scenario {} --out .", scenario.display()));
    for word in ["lost", "corrupted", "duplicated", "reordered", "cross traffic 1"] {
        assert!(table.contains(word), "{word}: {table}");
    }
    for name in ["cubic-9.events.jsonl", "cubic-9.pcapng"] {
        compare(&golden.join(name), &fs::read(folder.path().join(name)).unwrap());
    }
}

/// The pictures of `docs/scenarios.md`, in `docs/scenarios`, by scenario.
const PICTURES: [(&str, &[&str]); 13] = [
    ("slow-start", &["cwnd", "sequence-newreno"]),
    ("congestion-avoidance", &["cwnd", "queue"]),
    ("timeout", &["cwnd", "sequence-newreno"]),
    ("fast-retransmit", &["cwnd", "sequence-tahoe"]),
    ("fast-recovery", &["cwnd", "sequence-reno"]),
    ("loss-at-2048", &["sequence-newreno"]),
    ("three-losses", &["cwnd", "sequence-tahoe", "sequence-reno", "sequence-newreno"]),
    ("nagle-delayed-ack", &["sequence-newreno"]),
    ("zero-window", &["sequence-newreno"]),
    ("bufferbloat", &["rtt", "queue"]),
    ("reordering", &["cwnd"]),
    ("twenty-flows", &["throughput", "queue"]),
    ("comparison", &["cwnd", "rtt"]),
];

#[test]
fn the_pictures_in_the_documents_are_what_it_draws() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/scenarios.md")).unwrap();
    for (name, pictures) in PICTURES {
        let folder = folder();
        let scenario = root.join(format!("scenarios/{name}.toml"));
        prints(folder.path(), &format!("--scenario {} --out .", scenario.display()));
        for picture in pictures {
            let drawn = fs::read(folder.path().join(format!("{picture}.svg"))).unwrap();
            let link = format!("scenarios/{name}-{picture}.svg");
            compare(&root.join("docs").join(&link), &drawn);
            assert!(page.contains(&format!("({link})")), "{link} is not on the page");
        }
    }
}
