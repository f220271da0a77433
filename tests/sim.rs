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

/// The value of `name=` in a line.
fn value(line: &str, name: &str) -> Option<u64> {
    line.split(&format!(" {name}=")).nth(1)?.split(' ').next()?.parse().ok()
}

/// Whether a line is one of the classic log: a time, a client, and what happened to which number.
fn is_classic(line: &str) -> bool {
    let Some((time, rest)) = line.split_once(" client ") else { return false };
    let Some((client, what)) = rest.split_once(": ") else { return false };
    let window = value(what, "cwnd").is_some() && what.contains(" ssthresh=");
    let known = match what.split_once('=').map_or(what, |(before, _)| before) {
        "send seq" | "3 duplicate ACKs -> fast retransmit seq" | "ack" => window,
        retransmit if retransmit.ends_with("-> retransmit seq") => window,
        change if change.contains(" -> ") && change.ends_with(" cwnd") => window,
        "packet lost seq" | "acknowledgment lost ack" => true,
        sent if sent.starts_with("send SYN") || sent.starts_with("send FIN") => true,
        state => state.contains("_") && state.contains(" -> ") || state.contains("ESTABLISHED"),
    };
    time.parse::<f64>().is_ok() && client.parse::<u16>().is_ok() && known
}

#[test]
fn the_classic_log_tells_what_each_client_does() {
    let folder = folder();
    let line = "--clients 3 --format classic --bytes 500k --rate 10mbit --queue 30p --rtt 50ms";
    let log = prints(folder.path(), line);
    assert_eq!(log, prints(folder.path(), line), "the same each time");
    let lines: Vec<&str> = log.lines().take_while(|line| line.contains(" client ")).collect();
    assert!(lines.len() > 1000);
    for line in &lines {
        assert!(is_classic(line), "{line}");
    }
    for client in ["client 1: ", "client 2: ", "client 3: "] {
        let own = || lines.iter().filter(|line| line.contains(client));
        for what in [
            "send SYN seq=0",
            "send seq=1 len=1448 cwnd=14480 ssthresh=infinite",
            "packet lost seq=",
            "(duplicate 3)",
            "3 duplicate ACKs -> fast retransmit seq=",
            "slow start -> fast recovery cwnd=",
            "-> congestion avoidance cwnd=",
            "ack=512002 ",
        ] {
            assert!(own().any(|line| line.contains(what)), "{client}{what}");
        }
    }
    let table: Vec<&str> = log.lines().skip(lines.len()).collect();
    assert!(table[0].contains("goodput") && table[1].contains("reno"), "{table:?}");
}

/// Each segment that is acknowledged lets two more go: the window doubles in a round trip (RFC 5681 3.1).
#[test]
fn slow_start_doubles_in_the_classic_log() {
    let folder = folder();
    let log = prints(folder.path(), "--format classic --bytes 400k --rate unlimited --rtt 100ms");
    // The ends of the flights: an acknowledgment after a round trip without any.
    let acks = log.lines().filter(|line| line.contains(": ack=") && line.contains("cwnd="));
    let mut flights: Vec<(f64, u64)> = Vec::new();
    for line in acks {
        let at: f64 = line.split(' ').next().and_then(|time| time.parse().ok()).expect("a time");
        let Some(cwnd) = value(line, "cwnd") else { continue };
        match flights.last_mut().filter(|(begun, _)| at - begun < 0.05) {
            Some((_, last)) => *last = cwnd,
            None => flights.push((at, cwnd)),
        }
    }
    let windows: Vec<u64> = flights.iter().map(|(_, cwnd)| *cwnd).take(4).collect();
    assert_eq!(windows, [2, 4, 8, 16].map(|times| 14_480 * times), "{log}");
}

#[test]
fn a_timeout_is_shown_with_what_it_sends_again() {
    let folder = folder();
    // The last segment, and so there are no duplicates.
    let line = "--format classic --bytes 20k --impair out:drop:data:byte=20000";
    let log = prints(folder.path(), line);
    let line = |what: &str| {
        let found = log.lines().find(|line| line.contains(what));
        found.unwrap_or_else(|| panic!("{what}: {log}"))
    };
    let (lost, again) = (line("packet lost seq="), line("client 1: timeout -> retransmit seq="));
    assert!(lost.ends_with("(rule dropped)"), "{lost}");
    assert_eq!(
        (value(lost, "seq"), value(lost, "len")),
        (value(again, "seq"), value(again, "len"))
    );
    assert_eq!(value(again, "cwnd"), Some(1448), "{again}");
    assert!(line(" -> recovery from a time-out cwnd=1448").contains("client 1: slow start"));
}

#[test]
fn clients_have_pictures_of_their_own() {
    let folder = folder();
    let line = "--bytes 50k --rate 10mbit --cc reno --out pictures";
    for (clients, names) in [("3", ["client 1", "client 3"]), ("9", ["each of 9 clients", "mean"])]
    {
        prints(folder.path(), &format!("--clients {clients} {line}"));
        let read =
            |name: &str| fs::read_to_string(folder.path().join("pictures").join(name)).unwrap();
        let (windows, shares) = (read("clients-reno.svg"), read("share-reno.svg"));
        for word in names.into_iter().chain(["cwnd (KB)", "time (s)"]) {
            assert!(windows.contains(word), "{word}");
        }
        for word in ["% of the goodput", "an even share", "client"] {
            assert!(shares.contains(word), "{word}");
        }
    }
    let (code, said) = fails(folder.path(), "--format classic --runs 2");
    assert_eq!(code, Some(1));
    assert!(said.contains("--format classic follows one simulation"), "{said}");
}
