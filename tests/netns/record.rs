//! What a daemon writes down: packets with what it thought of them, events, and recordings of what went wrong; and that all
//! of it agrees.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use crate::harness::{Capture, DEVICE, Daemon, Lab, STACK, Tool, wait_for, write_pattern};

/// A command that asks the daemon of the lab.
fn ask(lab: &Lab, command: &[&str]) -> Tool {
    let control = format!("/run/glasstcp/{DEVICE}@{}.sock", lab.netns);
    Tool::new(Daemon::PROGRAM).args(command).args(["--control", &control])
}

/// The lines of JSON in a file.
fn lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).expect("a file");
    text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

/// How many packets there were for each reason, by the events of the connections to port 80, and by the comments of a capture.
fn reasons(events: &[Value]) -> BTreeMap<String, u64> {
    let mut reasons = BTreeMap::new();
    for event in events.iter().filter(|event| event["name"] == "sent") {
        let data = &event["data"];
        if data["local"].as_str().is_some_and(|local| local.ends_with(":80")) {
            let why = data["why"].as_str().expect("a reason").replace('_', "-");
            *reasons.entry(why).or_insert(0) += data["packets"].as_u64().unwrap_or(1);
        }
    }
    reasons
}

fn reasons_in_comments(comments: &[String]) -> BTreeMap<String, u64> {
    let mut reasons = BTreeMap::new();
    for comment in comments {
        let word = |key: &str| comment.split(' ').find_map(|word| word.strip_prefix(key));
        if let Some(why) = word("why=") {
            let packets = word("packets=").map_or(1, |count| count.parse().expect("a number"));
            *reasons.entry(why.to_owned()).or_insert(0) += packets;
        }
    }
    reasons
}

const AGAIN: [&str; 4] = ["rack", "rto", "rto-recovery", "tail-loss-probe"];

#[test]
#[ignore = "needs root: run scripts/test"]
fn events_ss_and_comments_agree_and_the_judge_with_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).to_str().expect("a name").to_owned();
    let (events, pcap) = (path("events"), path("all.pcapng"));
    let impair = "delay=2ms loss=1%";
    let options = ["--events", &events, "--pcap", &pcap, "--impair", impair];
    let file = |www: &Path| write_pattern(&www.join("file"), 8 * 1024);
    let (lab, daemon) = Lab::up_with_www_and(&options, file);
    let viewers = [&["events", "-f", "--json"][..], &["capture", "-w", &path("again.pcapng")]];
    let viewers = viewers.map(|command| ask(&lab, command).start());
    lab.shell("curl -sS -f http://10.9.0.2/file -o /dev/null")
        .limit_s(120)
        .finish()
        .assert_success();
    drop(viewers);
    let counters = daemon.counters();
    daemon.stop();

    let events = lines(Path::new(&events));
    assert!(!events.iter().any(|event| event["name"] == "events_lost"));
    let by_events = reasons(&events);
    let capture = Capture::of(PathBuf::from(&pcap));
    let ours =
        format!("ip.src == {STACK} && tcp.srcport == 80 && frame.interface_name == \"stack\"");
    let comments = capture.select(&ours, &["frame.comment"]);
    assert_eq!(reasons_in_comments(&comments), by_events);
    let again: u64 = AGAIN.iter().filter_map(|why| by_events.get(*why)).sum();
    assert!(again > 20, "{by_events:?}");
    assert_eq!(counters.of("tcp_retransmissions"), again, "{by_events:?}");

    // What the judge takes for sent again, or for overtaken where it cannot tell, is so; it misses what it has no reason to.
    let judged =
        ["retransmission", "fast_retransmission", "spurious_retransmission", "out_of_order"]
            .map(|name| format!("tcp.analysis.{name}"))
            .join(" || ");
    let judged = capture.select(&format!("{ours} && ({judged})"), &["frame.comment"]);
    let known = |comment: &String| AGAIN.iter().any(|why| comment.contains(&format!("why={why}")));
    assert!(judged.iter().all(known), "{judged:#?}");
    let judged: u64 = reasons_in_comments(&judged).values().sum();
    assert!(judged <= again && judged * 10 >= again * 9, "{judged} of {again}");

    // And the filters of docs/wireshark.md find what they say.
    let lost =
        capture.select("frame.comment contains \"impaired=lost\"", &["frame.interface_name"]);
    let impaired = events.iter().filter(|event| event["name"] == "impaired").count();
    assert_eq!(lost.len(), impaired);
    assert!(lost.iter().all(|interface| interface == "link"));
    let refused = capture.select("frame.comment contains \"refused=\"", &["frame.comment"]);
    let of_events = events.iter().filter(|event| event["name"] == "refused").count();
    assert_eq!(refused.len(), of_events, "{refused:#?}");
    let recovering =
        capture.select("frame.comment contains \"limited-by=cwnd\"", &["frame.number"]);
    assert!(!recovering.is_empty());
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn what_is_captured_is_what_was_asked_for() {
    let (lab, daemon) = Lab::up(&[]);
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("some.pcapng");
    let name = path.to_str().expect("a name");
    let capture =
        ask(&lab, &["capture", "-w", name, "-c", "3", "icmp", "and", "not", "out"]).start();
    wait_for("the file", Duration::from_secs(10), || path.exists());
    lab.shell("curl -sS -f -o /dev/null http://10.9.0.2/; ping -n -q -c 4 -i 0.05 10.9.0.2")
        .finish()
        .assert_success();
    capture.finish().assert_success();
    let capture = Capture::of(path);
    assert_eq!(capture.select("icmp.type == 8", &["ip.dst"]), vec![STACK; 3]);
    assert_eq!(capture.select("not icmp", &["frame.number"]), Vec::<String>::new());

    let bad = ask(&lab, &["capture", "-w", "-", "sctp"]).finish();
    assert!(
        !bad.success() && bad.stderr.contains("'sctp' is no word of a filter"),
        "{}",
        bad.stderr
    );
    let full = ask(&lab, &["capture", "-w", "/dev/full"]).finish();
    assert!(
        full.stderr.contains("cannot write packets to /dev/full: No space left"),
        "{}",
        full.stderr
    );
    lab.assert_alive(&daemon);
    daemon.stop();
}

/// The files in a folder, with their names.
fn recordings(folder: &Path) -> Vec<(String, Vec<Value>)> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let mut files: Vec<_> = entries
        .map(|entry| entry.expect("a file").path())
        .map(|path| {
            (path.file_name().expect("a name").to_string_lossy().into_owned(), lines(&path))
        })
        .collect();
    files.sort_by(|one, other| one.0.cmp(&other.0));
    files
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn a_connection_that_goes_wrong_leaves_a_recording() {
    let folder = tempfile::tempdir().expect("a folder");
    let flights = folder.path().join("made/by/it");
    let (lab, daemon) = Lab::up(&["--flight-dir", flights.to_str().expect("a name")]);
    // A reset in the middle.
    let script = "exec 3<>/dev/tcp/10.9.0.2/19; head -c 100000 <&3 >/dev/null";
    lab.shell(&format!("bash -c '{script}'")).finish().assert_success();
    wait_for("a recording", Duration::from_secs(10), || !recordings(&flights).is_empty());
    let (name, lines) = recordings(&flights).remove(0);
    assert!(name.contains("-conn") && name.ends_with("-reset.jsonl"), "{name}");
    assert_eq!(
        (&lines[0]["name"], &lines[0]["data"]["trouble"]),
        (&"flight_record".into(), &"reset".into())
    );
    let last = lines.last().expect("events");
    let reset = last["data"]["flags"].as_str().is_some_and(|flags| flags.starts_with("RST"));
    assert!(last["name"] == "received" && reset, "{last}");

    // Without a reset, a connection that is alive is asked for.
    let stream = lab.connect(7);
    crate::harness::assert_echo(&mut { stream }, "hello");
    let shown = ask(&lab, &["events", "--json"]).finish();
    let text = shown.assert_success().text();
    assert!(text.contains("\"flight_record\"") && text.contains("\"app_read\""), "{text}");
    let people = ask(&lab, &["events"]).finish();
    assert!(people.assert_success().text().contains("the last "), "{}", people.text());
    let nobody = ask(&lab, &["events", "--conn", "4000000"]).finish();
    assert!(
        nobody.stderr.contains("nothing is kept of a connection #4000000"),
        "{}",
        nobody.stderr
    );
    daemon.stop();
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn a_full_disk_ends_what_is_written_and_nothing_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let small = folder.path().join("small");
    fs::create_dir(&small).expect("a folder");
    let place = small.to_str().expect("a name");
    Tool::new("mount")
        .args(["-t", "tmpfs", "-o", "size=64k", "none", place])
        .finish()
        .assert_success();
    let pcap = format!("{place}/all.pcapng");
    let (lab, daemon) = Lab::up(&["--pcap", &pcap, "--flight-dir", place]);
    lab.shell("curl -sS -f --max-time 20 http://10.9.0.2:19/ --http0.9 | head -c 1000000 | wc -c")
        .finish();
    daemon.wait_for_log("cannot write packets to");
    lab.assert_alive(&daemon);
    let log = daemon.log();
    assert_eq!(log.matches("cannot write packets").count(), 1, "{log}");
    daemon.stop();
    let size = fs::metadata(&pcap).expect("the file").len();
    assert!(size <= 64 << 10, "{size}");
    Tool::new("umount").args([place]).finish().assert_success();
}
