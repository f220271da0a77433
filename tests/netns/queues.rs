//! A device with several queues, each with a stack and a thread, is one stack to all who use it.

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener};
use std::thread;
use std::time::Duration;

use crate::harness::{DEVICE, Daemon, KERNEL, Lab, STACK, Tool, first_word, sha256, write_pattern};

const QUEUES: [&str; 2] = ["--queues", "3"];

/// Fails unless the daemon has a thread for each queue.
#[track_caller]
fn assert_three_threads(daemon: &Daemon) {
    let tasks = fs::read_dir(format!("/proc/{}/task", daemon.id())).expect("it runs");
    let name =
        |task: fs::DirEntry| fs::read_to_string(task.path().join("comm")).unwrap_or_default();
    let names: Vec<_> = tasks.flatten().map(name).collect();
    for name in ["glasstcp\n", "glasstcp-1\n", "glasstcp-2\n"] {
        assert!(names.iter().any(|found| found == name), "{names:?}");
    }
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn every_service_works_over_several_queues() {
    let more = [&QUEUES[..], &["--serve", "iperf3"]].concat();
    let (lab, daemon) = Lab::up_with_www_and(&more, |www| write_pattern(&www.join("file"), 4096));
    let sum = sha256(&lab.www().join("file"));
    let get = "for n in $(seq 20); do curl -sS -f http://10.9.0.2/file | sha256sum; done | sort -u";
    let gotten = lab.shell(get).finish().assert_success().text();
    assert_eq!((gotten.lines().count(), first_word(&gotten)), (1, sum), "{gotten}");
    // Its connections come through all queues, and belong together.
    let iperf = format!("iperf3 -c {STACK} -C cubic -t 1 -P 8");
    lab.shell(&iperf).limit_s(30).finish().assert_success();
    lab.shell(&format!("{iperf} -R")).limit_s(30).finish().assert_success();
    let udp = lab.shell("for n in $(seq 5); do echo $n | nc -u -w 1 10.9.0.2 7; done").finish();
    assert_eq!(udp.assert_success().text(), "1\n2\n3\n4\n5\n");
    let closed = lab.tool("curl").args(["-sS", "http://10.9.0.2:99/"]).finish();
    assert!(!closed.success() && closed.to_string().contains("onnect"), "{closed}");
    lab.assert_alive(&daemon);
    assert_three_threads(&daemon);
    daemon.stop();
}

/// The kernel knows for three seconds through which queue it has heard of a flow. After that it chooses one by a
/// hash, for connections that the stack has opened not always theirs.
#[test]
#[ignore = "needs root: run scripts/test"]
fn a_connection_goes_on_when_the_kernel_has_forgotten_its_queue() {
    const CONNECTIONS: usize = 9;
    let (lab, daemon) = Lab::up(&QUEUES);
    let kernel = lab.inside(|| TcpListener::bind((KERNEL, 8000))).expect("the port is free");
    let via = format!("nc --via {DEVICE}@{} {KERNEL} 8000", lab.netns);
    let clients: Vec<_> = (0..CONNECTIONS)
        .map(|_| Tool::new(Daemon::PROGRAM).args(via.split(' ')).limit_s(60).start())
        .collect();
    let mut streams: Vec<_> =
        (0..CONNECTIONS).map(|_| kernel.accept().expect("it connects").0).collect();
    thread::sleep(Duration::from_secs(5));
    for stream in &mut streams {
        stream.write_all(b"still there\n").expect("it is open");
        stream.shutdown(Shutdown::Write).expect("it is open");
    }
    for mut client in clients {
        client.wait_for_output("still there");
        client.close_input();
        client.finish().assert_success();
    }
    for stream in &mut streams {
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
        assert_eq!(stream.read(&mut [0; 1]).expect("no reset"), 0);
    }
    let counted = daemon.counters();
    assert_eq!(counted.of("tcp_resets_sent"), 0, "{counted}");
    assert!(counted.of("packets_passed_on") > 0, "nothing came to another queue: {counted}");
    lab.assert_alive(&daemon);
    daemon.stop();
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn what_goes_with_one_queue_alone_is_said() {
    let (lab, daemon) = Lab::up(&QUEUES);
    let control = format!("/run/glasstcp/{DEVICE}@{}.sock", lab.netns);
    let impair = ["impair", "--control", &control, "loss=1%"];
    let refused = Tool::new(Daemon::PROGRAM).args(impair).finish();
    assert!(!refused.success() && refused.to_string().contains("without --queues"), "{refused}");
    // The kernel would let it have queues of the same device.
    let another = lab.daemon(&QUEUES);
    assert_eq!(another.wait().code(), Some(1));
    assert!(another.log().contains("in use by another program"), "{}", another.log());
    lab.assert_alive(&daemon);
    daemon.stop();

    let lab = Lab::with_netns();
    lab.shell(&format!("ip tuntap add dev {DEVICE} mode tun")).finish().assert_success();
    let daemon = lab.daemon(&QUEUES);
    assert_eq!(daemon.wait().code(), Some(1));
    assert!(daemon.log().contains("cannot have several queues"), "{}", daemon.log());
}
