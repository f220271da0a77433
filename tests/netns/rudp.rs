//! `glasstcp rudp` over a TUN device, against Python's sender and receiver on the kernel's side.

use crate::harness::{Daemon, KERNEL, Lab, Running, STACK, Tool, sha256, write_pattern};

/// A program of the course's, inside of the namespace.
fn python(lab: &Lab, script: &str) -> Tool {
    let path = format!("{}/tests/commands/rudp/{script}", env!("CARGO_MANIFEST_DIR"));
    lab.tool("env").args(["RUDP_MS=50", "python3", &path])
}

/// One of ours, with a stack of its own on a device in the namespace.
fn ours(lab: &Lab, arguments: &[&str]) -> Running {
    Tool::new(Daemon::PROGRAM).args(arguments).args(["--netns", &lab.netns]).start()
}

/// A file between two stacks of ours, each with a device of its own and the kernel as a router between them, both
/// behind a link with these rules.
fn a_file_arrives(rules: &str, kib: usize, selective: &[&str]) {
    let lab = Lab::with_netns();
    lab.sysctl("ip_forward", "1");
    let path = |name: &str| lab.folder.path().join(name).display().to_string();
    let (file, copy) = (path("file"), path("copy"));
    write_pattern(file.as_ref(), kib);
    let receive = ["rudp", "recv", "-p", "5000", "-o", &copy, "--linger", "2", "--impair", rules];
    let receiving = ours(&lab, &[&receive, selective].concat());
    receiving.wait_for_error("receiving on");
    let send = ["rudp", "send", &file, STACK, "5000", "--rto", "30", "--impair", rules];
    let device = ["--impair-seed", "2", "--dev", "glass1", "--addr", "10.9.1.1/24"];
    let sent = ours(&lab, &[&send, &device[..], selective].concat()).finish();
    let text = sent.assert_success().text();
    assert!(text.contains(&format!("{} bytes in ", kib * 1024)), "{rules}: {text}");
    receiving.finish().assert_success();
    assert_eq!(sha256(copy.as_ref()), sha256(file.as_ref()), "{rules}");
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn a_file_arrives_whatever_is_lost() {
    for (loss, kib) in [(5, 300), (20, 100), (50, 30)] {
        for selective in [&[][..], &["-k"]] {
            a_file_arrives(&format!("loss={loss}%"), kib, selective);
        }
    }
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn a_file_arrives_although_packets_are_changed_overtaken_and_come_twice() {
    for rules in ["corrupt=10%", "reorder=10%:by=5ms", "duplicate=10%"] {
        for selective in [&[][..], &["-k"]] {
            a_file_arrives(rules, 100, selective);
        }
    }
    a_file_arrives("loss=5% corrupt=10% duplicate=10% reorder=10%:by=5ms", 100, &[]);
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn files_go_over_a_device_to_the_programs_of_others_and_from_them() {
    let bad = "loss=20% duplicate=10% reorder=10%:by=5ms";
    for (rules, selective) in [("loss=0%", &["-k"][..]), (bad, &[])] {
        let lab = Lab::with_netns();
        let path = |name: &str| lab.folder.path().join(name).display().to_string();
        write_pattern(path("file").as_ref(), 100);
        let copy = path("copy");
        let receive =
            ["rudp", "recv", "-p", "5000", "-o", &copy, "--linger", "1", "--impair", rules];
        let receiving = ours(&lab, &[&receive, selective].concat());
        receiving.wait_for_error("receiving on");
        let sending =
            python(&lab, "sender.py").args([&path("file"), STACK, "5000"]).args(selective);
        sending.finish().assert_success();
        receiving.finish().assert_success();
        assert_eq!(sha256(copy.as_ref()), sha256(path("file").as_ref()));

        let back = path("back");
        let receiving =
            python(&lab, "receiver.py").args([&back, "0.0.0.0", "5001"]).args(selective);
        let receiving = receiving.start();
        receiving.wait_for_output("ready");
        let file = path("file");
        let send = ["rudp", "send", &file, KERNEL, "5001", "--rto", "50", "--impair", rules];
        let sent = ours(&lab, &[&send, selective].concat()).finish();
        assert!(sent.assert_success().text().contains("102400 bytes in "), "{sent}");
        receiving.finish().assert_success();
        assert_eq!(sha256(back.as_ref()), sha256(file.as_ref()));
        assert!(!lab.device_exists(), "it takes the device away");
    }
}
