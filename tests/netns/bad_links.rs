//! Our clients and our services, each with a stack and a device of its own, the kernel between them as a router, and
//! links that lose.

use std::fs;

use crate::binomial::assert_loss;
use crate::harness::{Daemon, Lab, STACK, Tool, sha256, write_pattern};

/// A daemon with services and a file of `kib` KiB.
fn up(kib: usize, options: &[&str]) -> (Lab, Daemon) {
    let lab = Lab::new();
    fs::create_dir(lab.www()).expect("the folder is writable");
    write_pattern(&lab.www().join("file"), kib);
    let www = lab.www();
    let www = www.to_str().expect("a plain path");
    let services = ["--serve", "tasks", "--serve", "ping", "--www", www];
    let daemon = lab.daemon(&[&services, options].concat());
    lab.wait_until_up(&daemon, STACK);
    lab.sysctl("ip_forward", "1");
    (lab, daemon)
}

/// A client with a device of its own, of that number.
fn client(lab: &Lab, number: usize, line: &str) -> Tool {
    let device = format!("--dev glass{number} --addr 10.9.{number}.1/24 --netns {}", lab.netns);
    Tool::new(Daemon::PROGRAM).args(line.split_whitespace()).args(device.split_whitespace())
}

/// A file as a task, by HTTP and back, over a link that loses so much each way.
fn files_arrive(percent: u32, kib: usize) {
    let (lab, daemon) = up(kib, &["--rto-max", "1"]);
    let folder = lab.folder.path().display().to_string();
    let sum = sha256(&lab.www().join("file"));
    // Where half is lost, time-outs that double without end would take minutes.
    let options = format!("--impair loss={percent}% --rto-max 1 --timeout 250");
    for (line, copy) in [
        (format!("task {STACK} --calc 6*7 --file file -o {folder}"), "file"),
        (format!("get http://{STACK}/file -o {folder}/copy"), "copy"),
        (format!("put {folder}/copy http://{STACK}/upload/"), "www/upload/copy"),
    ] {
        let done = client(&lab, 1, &format!("{line} {options}")).limit_s(300).finish();
        done.assert_success();
        assert_eq!(sha256(&lab.folder.path().join(copy)), sum, "{line}: {done}");
    }
    daemon.stop();
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn files_arrive_over_a_good_link() {
    files_arrive(0, 20_000);
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn files_arrive_though_5_percent_are_lost() {
    files_arrive(5, 300);
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn files_arrive_though_20_percent_are_lost() {
    files_arrive(20, 100);
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn files_arrive_though_half_is_lost() {
    files_arrive(50, 20);
}

/// What the server keeps to itself, and what the link loses on the way there; TCP repairs that of the link.
#[test]
#[ignore = "needs root: run scripts/test"]
fn ping_tells_the_loss_that_there_is() {
    for loss in [0.0, 0.05, 0.2, 0.5] {
        let percent = 100.0 * loss;
        let (lab, daemon) = up(1, &["--ping-loss", &format!("{percent}%")]);
        let link = format!("--impair out:loss={percent}%");
        let ways = ["", "--udp", &format!("--icmp {link}")];
        let running = ways.iter().zip(1..).map(|(way, number)| {
            let line = format!("ping {STACK} -c 200 -i 0.02 -W 3 {way}");
            client(&lab, number, &line).start()
        });
        for ping in running.collect::<Vec<_>>() {
            let ping = ping.finish();
            let both = format!("{}{}", ping.assert_success().text(), ping.stderr);
            assert_loss(&both, 200, loss);
        }
        daemon.stop();
    }
    let (lab, daemon) = up(1, &[]);
    let line = format!("ping {STACK} -c 200 -i 0.02 -W 60 --impair loss=20%");
    let ping = client(&lab, 1, &line).finish();
    let text = ping.assert_success().text();
    assert!(text.contains("200 packets transmitted, 200 received, 0% packet loss"), "{ping}");
    daemon.stop();
}
