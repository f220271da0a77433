//! What can be seen of a running daemon: `glasstcp ss`, `stats`, `events` and `kill`, beside the kernel's ss.

use std::fs;
use std::io::Read;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::harness::{DEVICE, Daemon, Finished, Lab, STACK, Tool, assert_echo, wait_for};

/// A command that asks the daemon of the lab.
fn ask(lab: &Lab, command: &str) -> Tool {
    let control = format!("/run/glasstcp/{DEVICE}@{}.sock", lab.netns);
    let (name, rest) = command.split_once(' ').unwrap_or((command, ""));
    let options = rest.split_whitespace().map(str::to_owned);
    let all = [name.to_owned(), "--control".to_owned(), control].into_iter().chain(options);
    Tool::new(Daemon::PROGRAM).args(all)
}

/// What is printed as lines of JSON.
fn objects(finished: &Finished) -> Vec<Value> {
    let text = finished.assert_success().text();
    text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn ss_shows_what_the_kernel_shows_of_the_other_end() {
    let (lab, daemon) = Lab::up(&[]);
    let mut streams: Vec<_> = (0..5).map(|_| lab.connect(7)).collect();
    streams.iter_mut().for_each(|stream| assert_echo(stream, "hello"));
    wait_for("acknowledgments", Duration::from_secs(10), || {
        let sockets = objects(&ask(&lab, "ss --json --port 7").finish());
        sockets.iter().all(|socket| socket["tcp"]["bytes_acked"] == 5)
    });
    let kernel = lab
        .shell("ss -Htn state established '( dport = :7 )' | awk '{print $4, $3}' | sort")
        .finish();
    let sockets = objects(&ask(&lab, "ss --json --port 7").finish());
    let mut ours: Vec<_> = sockets
        .iter()
        .map(|socket| {
            assert_eq!(socket["state"], "ESTAB", "{socket}");
            assert_eq!(
                (&socket["tcp"]["bytes_received"], &socket["tcp"]["bytes_acked"]),
                (&5.into(), &5.into())
            );
            let end = |name: &str| socket[name].as_str().expect("an address").to_owned();
            format!("{} {}\n", end("local"), end("remote"))
        })
        .collect();
    ours.sort();
    assert_eq!(ours.concat(), kernel.assert_success().text());

    let text = ask(&lab, "ss -a").finish().assert_success().text();
    for part in [
        "State      Recv-Q",
        "LISTEN",
        "ESTAB",
        "cubic wscale:",
        " rtt:",
        " mss:1448",
        "UNCONN",
        "0.0.0.0:80",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let waiting = ask(&lab, "ss -l").finish().assert_success().text();
    assert!(waiting.contains("LISTEN") && !waiting.contains("ESTAB"), "{waiting}");
    daemon.stop();
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn a_connection_that_is_killed_is_reset_and_those_that_watch_see_it() {
    let (lab, daemon) = Lab::up(&["--queues", "2"]);
    let mut stream = lab.connect(7);
    assert_echo(&mut stream, "hello");
    let watching = ask(&lab, "events -f --json").start();
    wait_for("somebody to watch", Duration::from_secs(10), || {
        assert_echo(&mut stream, "again");
        watching.output().contains("\"sent\"")
    });
    let socket = &objects(&ask(&lab, "ss --json --port 7 --state estab").finish())[0];
    let ends = [&socket["local"], &socket["remote"]].map(|end| end.as_str().expect("an address"));
    ask(&lab, &format!("kill {} {}", ends[0], ends[1])).finish().assert_success();
    let error = stream.read(&mut [0; 1]).expect_err("a reset");
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    watching.wait_for_output("\"cause\":\"killed\"");
    let again = ask(&lab, &format!("kill {} {}", ends[0], ends[1])).finish();
    assert!(
        !again.success() && again.to_string().contains("there is no connection between"),
        "{again}"
    );
    let stats = ask(&lab, "stats").finish().assert_success().text();
    assert!(
        stats.contains(" tcp_passive_opens\n") && stats.ends_with(" device_dropped\n"),
        "{stats}"
    );
    let stats = &objects(&ask(&lab, "stats --json").finish())[0];
    assert_eq!(stats["tcp_passive_opens"], daemon.counters().of("tcp_passive_opens"));
    // It ends when the daemon does, and has told the last of it.
    let last = lab.connect(7);
    daemon.stop();
    let end = watching.finish();
    end.assert_success();
    let told = objects(&end);
    let reset = told.iter().rev().find(|event| event["name"] == "state_changed").expect("an end");
    assert_eq!(reset["data"]["remote"], last.local_addr().expect("an address").to_string());
    assert!(end.stderr.contains("the running glasstcp has ended"), "{end}");
}

/// One that stops reading keeps nobody up, and is told what it has missed.
#[test]
#[ignore = "needs root: run scripts/test"]
fn a_viewer_that_does_not_read_misses_events_and_nothing_else() {
    let (lab, daemon) = Lab::up(&[]);
    let viewer = ask(&lab, "events -f --json").start();
    wait_for("somebody to watch", Duration::from_secs(20), || {
        lab.tool("curl").args(["-sS", "-f", "http://10.9.0.2/"]).finish().assert_success();
        viewer.output().contains("\"sent\"")
    });
    let stop = |signal: &str| {
        let status = Command::new("kill").args([signal, &viewer.id().to_string()]).status();
        assert!(status.is_ok_and(|status| status.success()));
    };
    stop("-STOP");
    let before = daemon.usage().memory_kib;
    // Far more than can wait for it.
    let bulk = format!("head -c 3G /dev/zero | timeout 90 nc -N {STACK} 9");
    lab.shell(&bulk).limit_s(120).finish().assert_success();
    let grown = daemon.usage().memory_kib.saturating_sub(before);
    assert!(grown < 64 << 10, "{grown} KiB more");
    stop("-CONT");
    lab.assert_alive(&daemon);
    viewer.wait_for_output("\"events_lost\"");
    daemon.stop();
    viewer.finish().assert_success();
}

/// Who reads no more, as head does, ends it.
#[test]
#[ignore = "needs root: run scripts/test"]
fn a_viewer_ends_when_nobody_reads_what_it_prints() {
    let (lab, daemon) = Lab::up(&[]);
    let control = format!("/run/glasstcp/{DEVICE}@{}.sock", lab.netns);
    let program = Daemon::PROGRAM;
    let events = format!("{program} events -f --control {control} | head -n 1");
    let viewer = lab.shell(&events).limit_s(30).start();
    wait_for("an event", Duration::from_secs(20), || {
        lab.tool("curl").args(["-sS", "-f", "http://10.9.0.2/"]).finish().assert_success();
        !viewer.output().is_empty()
    });
    // It learns of it when it has more to say.
    lab.tool("curl").args(["-sS", "-f", "http://10.9.0.2/"]).finish().assert_success();
    viewer.finish().assert_success();
    daemon.stop();
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn who_may_not_ask_is_told_so() {
    let (lab, daemon) = Lab::up(&[]);
    let control = format!("/run/glasstcp/{DEVICE}@{}.sock", lab.netns);
    // It is somebody else's, and root is not allowed to overlook that.
    Tool::new("chown").args(["65534:65534", &control]).finish().assert_success();
    for command in
        ["ss", "stats", "events", "events -f", "capture -w -", "kill 10.9.0.2:7 10.9.0.1:7"]
    {
        let words = format!("{} {} --control {control}", Daemon::PROGRAM, command);
        let asked = Tool::new("setpriv")
            .args(["--bounding-set=-dac_override,-dac_read_search"])
            .args(words.split(' '))
            .finish();
        assert!(!asked.success() && asked.to_string().contains("not permitted to use"), "{asked}");
    }
    for garbage in ["hello", "{\"command\":\"sockets\",\"filter\":{\"port\":70000}}", "[]"] {
        let line = format!("printf '%s\\n' '{garbage}' | timeout 5 nc -U -N {control}");
        let answer = lab.shell(&line).finish().text();
        assert!(answer.contains("\"error\":\"this is not a request"), "{garbage}: {answer}");
    }
    lab.assert_alive(&daemon);
    daemon.stop();
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn a_file_of_events_is_whole_and_makes_way_for_the_next() {
    let lab = Lab::new();
    let file = lab.folder.path().join("events");
    let name = file.to_str().expect("a name");
    let daemon = lab.daemon(&["--events", name, "--events-size", "64k"]);
    lab.wait_until_up(&daemon, STACK);
    for _ in 0..60 {
        lab.tool("curl").args(["-sS", "-f", "http://10.9.0.2/"]).finish().assert_success();
    }
    daemon.stop();
    for file in [&file, &lab.folder.path().join("events.1")] {
        let text = fs::read_to_string(file).expect("it is there");
        // What comes in one go may be longer.
        assert!(text.len() <= 2 * (64 << 10) && text.ends_with('\n'), "{} bytes", text.len());
        for line in text.lines() {
            let event: Value = serde_json::from_str(line).expect("a line of JSON");
            assert!(event["time_ns"].is_u64() && event["name"].is_string(), "{line}");
        }
    }
    let text = fs::read_to_string(&file).expect("it is there");
    assert!(
        text.contains("\"to\":\"CLOSED\"") || text.contains("\"to\":\"TIME_WAIT\""),
        "the end is there"
    );
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn a_full_disk_ends_the_events_and_nothing_else() {
    let (lab, daemon) = Lab::up(&["--events", "/dev/full"]);
    lab.assert_alive(&daemon);
    daemon.wait_for_log("cannot write events to /dev/full: No space left on device");
    lab.assert_alive(&daemon);
    assert_eq!(daemon.log().matches("cannot write events").count(), 1);
    daemon.stop();
    let nowhere = lab.daemon(&["--events", "/nowhere/events"]);
    assert_eq!(nowhere.wait().code(), Some(1));
    assert!(
        nowhere.log().contains("cannot write events to /nowhere/events: No such file"),
        "{}",
        nowhere.log()
    );
}
