//! Tasks and hello, against Python: its clients with our servers, and our clients with its servers.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::harness::{Daemon, KERNEL, Lab, STACK, Tool, write_pattern};

/// A daemon with these services, with ping, and a folder of files.
fn up() -> (Lab, Daemon) {
    let lab = Lab::new();
    fs::create_dir(lab.www()).expect("the folder is writable");
    write_pattern(&lab.www().join("pattern"), 2048);
    fs::write(lab.www().join("empty"), "").expect("the folder is writable");
    let www = lab.www();
    let www = www.to_str().expect("a plain path");
    let services = ["--serve", "tasks", "--serve", "hello", "--serve", "ping"];
    let daemon = lab.daemon(&[&services[..], &["--www", www, "-v"]].concat());
    lab.wait_until_up(&daemon, STACK);
    (lab, daemon)
}

/// One of our clients, with a stack of its own on a device of that namespace.
fn client(lab: &Lab, arguments: &[&str]) -> Tool {
    Tool::new(Daemon::PROGRAM).args(arguments).args(["--netns", &lab.netns])
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn python_has_tasks_done() {
    let (lab, daemon) = up();
    let www = lab.www();
    let asked = lab.script("tasks.py").args(["ask", STACK]).args([&www]).finish();
    assert_eq!(asked.assert_success().text(), "all is right\n");
    daemon.stop();
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn python_says_hello() {
    let (lab, daemon) = up();
    for end in ["none", "line", "half"] {
        let said = lab.script("hello.py").args(["ask", STACK, "12000", "Python", end]).finish();
        assert_eq!(said.assert_success().text(), "Goodbye Python from Rust\n", "{end}");
    }
    daemon.wait_for_log(&format!("hello from {KERNEL}:"));
    daemon.stop();
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn our_client_has_tasks_done_by_python() {
    let lab = Lab::with_netns();
    lab.shell("ip link set lo up").finish().assert_success();
    fs::create_dir(lab.www()).expect("the folder is writable");
    write_pattern(&lab.www().join("pattern"), 2048);
    let server = lab.script("tasks.py").args(["serve", "0.0.0.0"]).args([lab.www()]).start();
    server.wait_for_output("serving");
    let out = lab.folder.path();
    let tasks =
        ["task", KERNEL, "--file", "pattern", "--calc", "2+3", "--file", "gone", "--query", "x"];
    let task = client(&lab, &tasks).args(["--parallel", "2", "-o"]).args([out]).finish();
    assert_eq!(task.status.code(), Some(1), "{task}");
    let text = task.text();
    for part in ["  5\n", "pattern, verified\n", "failed: no such file\n", "192.0.2.7\n"] {
        assert!(text.contains(part), "{part:?} is not in {task}");
    }
    let read = |path: std::path::PathBuf| fs::read(path).expect("there");
    assert!(read(out.join("pattern")) == read(lab.www().join("pattern")));
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn our_client_says_hello_to_python() {
    let lab = Lab::with_netns();
    // A server that takes what comes, one that reads a line, and one that reads to the end.
    for (port, way) in [("13001", "recv"), ("13002", "line"), ("13003", "all")] {
        let server = lab.script("hello.py").args(["serve", "0.0.0.0", port, way]).start();
        server.wait_for_output("serving");
        let hello = client(&lab, &["hello", KERNEL, port, "--in", "Rust"]).finish();
        let text = hello.assert_success().text();
        assert!(text.contains("\nGoodbye Rust from Python\nfrom 10.9.0.1:"), "{way}: {hello}");
    }
}

/// A disk of 256 KiB, as long as this is there.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(place: PathBuf) -> SmallDisk {
        fs::create_dir(&place).expect("the folder is writable");
        let mut mount = Command::new("mount");
        let mounted = mount.args(["-t", "tmpfs", "-o", "size=256k", "tmpfs"]).arg(&place).status();
        assert!(mounted.expect("mount runs").success());
        SmallDisk(place)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg(&self.0).status();
        assert!(unmounted.is_ok_and(|status| status.success()) || std::thread::panicking());
    }
}

/// A file larger than the disk, and what comes after it.
#[test]
#[ignore = "needs root: run scripts/test"]
fn a_full_disk_leaves_nothing_and_stops_nothing() {
    let (lab, daemon) = up();
    let small = SmallDisk::mount(lab.folder.path().join("small"));
    let place = small.0.to_str().expect("a plain path");
    // From one stack over the kernel to the other.
    lab.sysctl("ip_forward", "1");
    let tasks = ["task", STACK, "--file", "pattern", "--file", "empty", "--calc", "1+1"];
    let task = client(&lab, &tasks)
        .args(["--dev", "glass1", "--addr", "10.9.1.1/24", "--timeout", "10", "-o", place])
        .finish();
    let entries = fs::read_dir(&small.0).expect("readable");
    let names: Vec<_> = entries.map(|entry| entry.expect("readable").file_name()).collect();
    assert_eq!(task.status.code(), Some(1), "{task}");
    assert!(
        task.text().contains("failed: the disk is full, or has no room for so much: "),
        "{task}"
    );
    assert!(task.text().ends_with("2 of 3 tasks done, 1 bytes\n"), "{task}");
    assert_eq!(names, ["empty"]);
    daemon.stop();
}

/// The server asks a name server of the kernel, over its own stack.
#[test]
#[ignore = "needs root: run scripts/test"]
fn names_are_found_by_the_server() {
    let lab = Lab::with_netns();
    let names = lab.script("names.py").limit_s(600).start();
    names.wait_for_output("ready");
    let daemon = lab.daemon(&["--serve", "tasks", "--dns", KERNEL]);
    lab.wait_until_up(&daemon, STACK);
    let asked = "DNS www.test\nDNS alias.test\nDNS none.test\nDNS nobody.test\nQUIT\n";
    let answers = lab.tool("nc").args(["-N", STACK, "12345"]).input(asked).finish();
    let text = answers.assert_success().text();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[..2], ["OK 10.9.0.1"; 2], "{lines:?}");
    assert!(lines[2..4].iter().all(|line| line.starts_with("ERR ")), "{lines:?}");
    assert_eq!((lines.len(), lines[4]), (5, "OK"), "{lines:?}");
    daemon.stop();
}

/// As many clients as the homework has never seen, all connected before the first is answered, and two hundred that
/// ping meanwhile, of which none may wait for all the others.
#[test]
#[ignore = "needs root: run scripts/test"]
fn a_thousand_python_clients_and_two_hundred_pings_are_served() {
    let (lab, daemon) = up();
    let pings = lab.script("upper.py").args(["crowd", STACK, "12001", "200"]).limit_s(180);
    let mut pings = pings.start();
    pings.wait_for_output("open");
    let crowd = lab.script("tasks.py").args(["crowd", STACK, "1000"]).limit_s(120).finish();
    assert_eq!(crowd.assert_success().text(), "1000 are right\n");
    pings.close_input();
    let text = pings.finish().assert_success().text();
    let rounds =
        text.strip_prefix("open\n").and_then(|text| text.strip_suffix(" right over each of 200\n"));
    let rounds: u64 = rounds.and_then(|rounds| rounds.parse().ok()).expect(&text);
    assert!(rounds >= 2, "{text}");
    daemon.counters().assert_accounted();
    daemon.stop();
}
