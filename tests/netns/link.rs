//! Emulated links: `glasstcp link` between two kernels, and `glasstcp up --impair`.

use std::time::Duration;

use crate::harness::{Cable, Daemon, Lab, RIGHT, STACK, Tool, sha256, wait_for, write_pattern};

/// How many of `count` pings were answered, and how many answers came twice. After the last
/// one ping(8) waits for the longest of two round trips and the interval: where every answer
/// counts, that must be more than a busy machine keeps one waiting.
#[track_caller]
fn ping(cable: &Cable, count: u32, interval_s: &str) -> (u32, u32) {
    let count = count.to_string();
    let ping = cable.left.tool("ping").args(["-n", "-q", "-i", interval_s, "-c", &count, RIGHT]);
    let text = ping.finish().text();
    let number = |what: &str| {
        let before = text.split(what).next().filter(|before| before.len() < text.len());
        before.and_then(|before| before.split(' ').next_back()?.trim_matches('+').parse().ok())
    };
    (number(" received").expect("a summary"), number(" duplicates").unwrap_or(0))
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn a_link_joins_two_kernels_and_takes_everything_away() {
    let cable = Cable::up("delay=3ms");
    let ping = cable.left.tool("ping").args(["-n", "-c", "5", "-i", "0.5", RIGHT]).finish();
    let times = ping.assert_success().text();
    let times: Vec<f64> = times
        .split("time=")
        .skip(1)
        .map(|rest| rest.split(' ').next().expect("a number").parse().expect("a number"))
        .collect();
    assert_eq!(times.len(), 5);
    assert!(times.iter().all(|&ms| ms >= 6.0), "there and back takes twice the delay: {times:?}");

    // A file through the TCP of two kernels.
    let file = cable.left.folder.path().join("file");
    write_pattern(&file, 5 * 1024);
    cable.impair(
        "clear delay=1ms rate=200mbit loss=0.5% reorder=1%:by=2ms duplicate=1% corrupt=0.1%",
    );
    let copy = cable.left.folder.path().join("copy");
    let server = cable.right.shell(&format!("nc -l -p 9000 > {}", copy.display())).start();
    wait_for("a listener", Duration::from_secs(10), || {
        cable.right.tool("ss").args(["-Hltn", "sport = 9000"]).finish().text().contains("9000")
    });
    let client = cable.left.shell(&format!("nc -N {RIGHT} 9000 < {}", file.display()));
    client.limit_s(120).finish().assert_success();
    server.finish().assert_success();
    assert_eq!(sha256(&file), sha256(&copy));

    let (left, right) = (&cable.left, &cable.right);
    assert!(left.netns_exists() && right.netns_exists());
    cable.emulator.stop();
    assert!(!left.netns_exists() && !right.netns_exists(), "a namespace is left");
    assert!(!left.folder.path().join("control").exists(), "the control socket is left");
    let log = cable.emulator.log();
    for word in ["lost", "reordered", "duplicated", "corrupted", "packets in"] {
        assert!(log.contains(word), "{word} in {log}");
    }
    let capture = left.folder.path().join("all.pcapng");
    let read = Tool::new("tshark")
        .args(["-n", "-r"])
        .args([&capture])
        .args(["-Y", "frame.comment == \"lost\""]);
    assert!(read.limit_s(120).finish().assert_success().text().lines().count() > 0);
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn exact_rules_and_shares_hit_what_they_name() {
    let cable = Cable::up("out:drop:icmp:nth=3..5 in:duplicate:icmp:every=10");
    assert_eq!(ping(&cable, 103, "0.05"), (100, 10));
    cable.impair("clear out:drop:any");
    assert_eq!(ping(&cable, 3, "0.5"), (0, 0));
    cable.impair("clear rate=0");
    assert_eq!(ping(&cable, 3, "0.5"), (0, 0), "nothing moves at no rate");
    // What has waited arrives when the rate allows it.
    cable.impair("clear");
    assert_eq!(ping(&cable, 3, "0.5"), (3, 0));
    // 2,000 pings of which a tenth is lost: five standard deviations are 67.
    cable.impair("clear out:loss=10%");
    let (answered, _) = ping(&cable, 2000, "0.002");
    assert!((1733..=1867).contains(&answered), "{answered} of 2000 at 10 % loss");
    let told = cable.impair("");
    assert!(told.contains("out: loss=10%") && told.contains(" lost"), "{told}");
    cable.emulator.stop();
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn the_stack_behind_a_bad_link_serves_files_and_can_be_told_while_it_runs() {
    let lab = Lab::new();
    let www = lab.www();
    std::fs::create_dir(&www).expect("the folder is writable");
    write_pattern(&www.join("file"), 2 * 1024);
    let sum = sha256(&www.join("file"));
    let www = www.to_str().expect("a name in UTF-8");
    let daemon =
        lab.daemon(&["--www", www, "--impair", "delay=1ms", "--impair", "out:drop:data:nth=3"]);
    lab.wait_until_up(&daemon, STACK);
    // Its usual socket is found by device and namespace.
    let control = format!("/run/glasstcp/glass0@{}.sock", lab.netns);
    let impair = |rules: &str| {
        let impair = Tool::new(Daemon::PROGRAM).args(["impair", "--control", &control]);
        impair.args(rules.split_whitespace()).finish()
    };
    impair("rate=100mbit queue=50p loss=1% corrupt=1% duplicate=1% reorder=2%:by=3ms")
        .assert_success();
    let get = lab.shell("curl -sS http://10.9.0.2/file | sha256sum").limit_s(120).finish();
    assert!(get.assert_success().text().starts_with(&sum), "{get}");
    let told = impair("").text();
    assert!(told.contains("1 rule dropped") && told.contains(" corrupted"), "{told}");
    let bad = impair("loss=many");
    assert_eq!(bad.status.code(), Some(2));
    assert!(bad.stderr.contains("'loss=many' is not a share"), "{bad}");
    // What was corrupted on the way in is refused for its checksum, and counted.
    let counters = daemon.counters();
    assert!(counters.of("ip_checksum") + counters.of("tcp_checksum") > 0, "{counters}");

    impair("clear").assert_success();
    lab.tool("ping").args(["-n", "-c", "50", "-i", "0.002", STACK]).finish().assert_success();
    lab.tool("curl").args(["-sS", "-f", "http://10.9.0.2/"]).finish().assert_success();
    daemon.stop();
    assert!(!std::path::Path::new(&control).exists(), "the control socket is left");
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn a_daemon_that_was_killed_leaves_a_socket_that_the_next_one_replaces() {
    let lab = Lab::with_netns();
    let control = lab.folder.path().join("control");
    let path = control.to_str().expect("a name in UTF-8");
    let daemon = lab.daemon(&["--control", path]);
    lab.wait_until_up(&daemon, STACK);
    drop(daemon);
    assert!(control.exists());
    let daemon = lab.daemon(&["--control", path]);
    lab.wait_until_up(&daemon, STACK);
    let told = Tool::new(Daemon::PROGRAM).args(["impair", "--control", path]).finish();
    assert!(told.assert_success().text().starts_with("out: perfect"));
    daemon.stop();
    assert!(!control.exists());
}
