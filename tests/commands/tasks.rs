//! `glasstcp task` and `glasstcp hello` against `glasstcp up`, over a link of UDP.

use std::fs;
use std::io::BufRead;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::harness::{self, Running, Up, busy, bytes, folder, names, printed};

/// A server with hello and tasks, that serves `www`.
fn server(www: &Path, options: &str) -> Up {
    Up::serving(www, &format!("--no-default-services --serve hello --serve tasks {options}"))
}

/// Runs it to its end: the exit code, what it has printed, and what it has said.
fn run(command: &mut Command) -> (Option<i32>, String, String) {
    let output = harness::run(command);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// A folder to serve and one to store in.
fn folders() -> (TempDir, PathBuf, PathBuf) {
    let folder = folder();
    let (www, out) = (folder.path().join("www"), folder.path().join("out"));
    fs::create_dir(&www).expect("made");
    fs::create_dir(&out).expect("made");
    (folder, www, out)
}

#[test]
fn tasks_are_done_in_order_and_what_fails_stops_nothing() {
    let (_folder, www, out) = folders();
    fs::write(www.join("notes.txt"), "notes").expect("written");
    fs::write(www.join("large"), bytes(300_000)).expect("written");
    let server = server(&www, "");
    let tasks = "task 10.9.0.2 --calc 2+3*4 --file notes.txt --calc 1/0 --file nowhere \
--file ../secret --query x.org --file large --calc -2^2";
    for parallel in ["1", "3", "100"] {
        let mut command = server.client(tasks);
        let (code, table, said) = run(command.args(["--parallel", parallel, "-o"]).arg(&out));
        assert_eq!(code, Some(1), "{said}");
        let results: Vec<_> = table.lines().map(|line| line.rsplit("  ").next().unwrap()).collect();
        let stored = |name: &str| format!("{}, verified", out.join(name).display());
        let (notes, large) = (stored("notes.txt"), stored("large"));
        let expected = [
            "result",
            "14",
            &notes,
            "failed: division by zero",
            "failed: There is nothing here.",
            "failed: There is nothing here.",
            "failed: this server finds no names: start it with --dns SERVER",
            &large,
            "-4",
            "4 of 8 tasks done, 300009 bytes",
        ];
        assert_eq!(results, expected, "{table}");
        assert_eq!(said, "glasstcp: 4 of 8 tasks are not done: CALC 1/0: division by zero\n");
        assert!(fs::read(out.join("large")).expect("there") == bytes(300_000));
        assert_eq!(names(&out), ["large", "notes.txt"]);
        fs::remove_file(out.join("large")).expect("there");
    }
    // A single one is told by its own sentence.
    let (code, _, said) = run(&mut server.client("task 10.9.0.2 --calc 1+"));
    assert_eq!(code, Some(1));
    assert!(said.starts_with("glasstcp: CALC 1+: the expression ends where"), "{said}");
}

#[test]
fn a_thousand_connections_at_once() {
    let _busy = busy();
    let (_folder, www, _) = folders();
    let server = server(&www, "");
    let sums: Vec<String> = (0..1000).map(|number| format!("{number}*3")).collect();
    let mut command = server.client("task 10.9.0.2 --parallel 1000");
    let (code, table, said) = run(command.args(sums.iter().flat_map(|sum| ["--calc", sum])));
    assert_eq!((code, said), (Some(0), String::new()));
    for (line, number) in table.lines().skip(1).zip(0..1000) {
        let result = format!("  {}", number * 3);
        assert!(line.starts_with("CALC") && line.ends_with(&result), "{line}");
    }
    assert!(table.contains("\n1000 of 1000 tasks done, "), "{table}");
}

/// A file of so many bytes over a link that loses so much each way.
#[track_caller]
fn over_a_bad_link(loss: &str, len: usize) {
    let (_folder, www, out) = folders();
    fs::write(www.join("file"), bytes(len)).expect("written");
    let server = server(&www, "--rto-max 0.2");
    // Where half is lost, time-outs that double without end would take minutes.
    let options = format!("--impair loss={loss} --rto-max 0.2 --timeout 250");
    let mut command = server.client(&format!("task 10.9.0.2 --calc 6*7 --file file {options}"));
    let (code, table, said) = run(command.arg("-o").arg(&out));
    assert_eq!((code, said), (Some(0), String::new()), "{table}");
    assert!(fs::read(out.join("file")).expect("there") == bytes(len));
}

#[test]
fn a_file_arrives_though_5_percent_are_lost() {
    over_a_bad_link("5%", 300_000);
}

#[test]
fn a_file_arrives_though_20_percent_are_lost() {
    over_a_bad_link("20%", 100_000);
}

#[test]
fn a_file_arrives_though_half_is_lost() {
    over_a_bad_link("50%", 20_000);
}

#[test]
fn who_never_answers_is_given_up() {
    let (_folder, www, out) = folders();
    let server = server(&www, "--serve discard");
    // A host that is not there, a port where nobody listens, and a server that is not one of tasks.
    for (host, port, part) in [
        ("10.9.0.77", "12345", "cannot connect to 10.9.0.77:12345: connection timed out"),
        ("10.9.0.2", "4", "cannot connect to 10.9.0.2:4: connection refused"),
        ("10.9.0.2", "12000", "does not speak the protocol of tasks: it answers \"goodbye in rust"),
    ] {
        let line = format!("task {host} -p {port} --file a --calc 1 --timeout 1");
        let (code, table, said) = run(server.client(&line).arg("-o").arg(&out));
        assert_eq!(code, Some(1));
        assert!(said.to_lowercase().contains(part), "{said}");
        assert!(table.ends_with("0 of 2 tasks done, 0 bytes\n"), "{table}");
        assert!(names(&out).is_empty(), "{:?}", names(&out));
    }
    // One that takes everything and says nothing: it costs the patience once more and not for each task.
    let mut command = server.client("task 10.9.0.2 -p 9 --timeout 1");
    let (code, table, _) = run(command.args(["--calc", "1"].repeat(100)));
    assert_eq!(code, Some(1));
    let rows: Vec<&str> = table.lines().filter(|line| line.starts_with("CALC")).collect();
    assert_eq!(rows.len(), 100);
    assert!(
        rows.iter().all(|row| row.ends_with("nothing has come from the server for 1s")),
        "{table}"
    );
    let waited = rows.iter().filter(|row| !row.contains("     0.0"));
    assert_eq!(waited.count(), 2, "{table}");
    let hello = "hello 10.9.0.77 --in A --in B --timeout 1";
    let (code, _, said) = run(&mut server.client(hello));
    assert_eq!(code, Some(1));
    assert!(said.starts_with("glasstcp: 2 of 2 were not answered: \"Hello in A\": "), "{said}");
}

#[test]
fn a_server_that_goes_leaves_no_part_of_a_file() {
    let (_folder, www, out) = folders();
    fs::write(www.join("small"), "small").expect("written");
    fs::write(www.join("large"), bytes(5_000_000)).expect("written");
    // So slow that it takes longer than anybody waits.
    let mut server = server(&www, "--impair out:rate=1mbit");
    let line = "task 10.9.0.2 --file small --file large --calc 1 --timeout 2 -vv";
    let mut client = Running::start(server.client(line).arg("-o").arg(&out));
    // When the large one has been coming for a while, the server ends.
    let mut line = String::new();
    while !line.contains("<- ACK seq=1") || !line.contains("len=1448") {
        line.clear();
        assert!(client.stderr.read_line(&mut line).expect("text") > 0, "it has ended");
    }
    let _nobody = server.kill();
    let output = client.finish();
    let table = printed(&output);
    assert_eq!(output.status.code(), Some(1));
    let large = table.lines().find(|line| line.starts_with("FILE large")).expect("a row");
    assert!(large.ends_with("failed: nothing has come from the server for 2s"), "{table}");
    assert!(table.ends_with("1 of 3 tasks done, 5 bytes\n"), "{table}");
    assert_eq!(names(&out), ["small"]);
}

#[test]
fn hello_is_answered() {
    let (_folder, www, _) = folders();
    let server = server(&www, "");
    let mut command = server.client("hello 10.9.0.2 --in Python");
    let (code, text, said) = run(command.args(["--from", "Bad Orb"]));
    assert_eq!((code, said), (Some(0), String::new()));
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[..2], ["Hello in Python", "Goodbye Python from Rust"]);
    assert!(lines[2].starts_with("from 10.9.0.2:12000, to 10."), "{text}");
    assert_eq!(lines[3..5], ["Hello in Bad Orb", "Goodbye Bad Orb from Rust"]);
    assert_eq!(lines.len(), 6);
}

#[test]
fn the_transcript_shows_what_tcp_does() {
    let (_folder, www, out) = folders();
    fs::write(www.join("file"), bytes(200_000)).expect("written");
    let server = server(&www, "--cc reno");
    let drops = "--drop in:data:nth=20 --drop out:syn:nth=1";
    let line = format!("task 10.9.0.2 --file file --transcript {drops}");
    let (code, _, said) = run(server.client(&line).arg("-o").arg(&out));
    assert_eq!(code, Some(0), "{said}");
    let lines: Vec<&str> =
        said.lines().filter_map(|line| line.split_once("] ")).map(|line| line.1).collect();
    assert_eq!(lines[0], "CLIENT CLOSED -> SYN_SENT");
    for part in [
        "CLIENT drop (out): SYN seq=0 len=0, rule dropped",
        "CLIENT SYN_SENT -> ESTABLISHED",
        "CLIENT FIN_WAIT_2 -> TIME_WAIT",
    ] {
        assert!(lines.contains(&part), "{part} is not in\n{said}");
    }
    for part in
        ["CLIENT timeout -> retransmit SYN seq=0", "CLIENT drop (in): ", "CLIENT recv SYN,ACK"]
    {
        assert_eq!(lines.iter().filter(|line| line.starts_with(part)).count(), 1, "{part}\n{said}");
    }
}

/// What a person types into nc, several lines at once.
#[test]
fn requests_can_be_sent_ahead_by_hand() {
    let (_folder, www, _) = folders();
    fs::write(www.join("file"), "12345").expect("written");
    let server = server(&www, "");
    let mut command = server.client("nc -N 10.9.0.2 12345");
    let mut nc = Running::start(command.stdin(Stdio::piped()));
    nc.write(b"CALC 1\r\nFILE file\r\nnonsense\r\nQUIT\r\n");
    let text = printed(&nc.finish());
    let sum = "5994471abb01112afcc18159f6cc74b4f511b99806da59b3caf5a9c173cacfc5";
    assert_eq!(
        text,
        format!(
            "OK 1\nOK 5 {sum}\n12345ERR there is no task \"nonsense\": write FILE name, CALC expression, DNS name or QUIT\nOK\n"
        )
    );
}
