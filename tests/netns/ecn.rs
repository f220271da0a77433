//! Explicit congestion notification between the stack and the kernel (RFC 3168).

use crate::harness::{Capture, DEVICE, Daemon, KERNEL, Lab, STACK, sha256, write_pattern};

/// A queue that marks before it drops, on the way that `direction` names, and a round trip of 10 ms.
fn marking(direction: &str) -> String {
    format!("delay=5ms {direction}:rate=20mbit {direction}:queue=2000p:mark=20p")
}

/// A daemon with a file of 4 MiB behind such a link, and a kernel with this `tcp_ecn`.
fn up(rules: &str, tcp_ecn: &str, arguments: &[&str]) -> (Lab, Daemon) {
    let lab = Lab::new();
    std::fs::create_dir(lab.www()).expect("the folder is writable");
    write_pattern(&lab.www().join("file"), 4 * 1024);
    let www = lab.www();
    let www = www.to_str().expect("a plain path");
    let daemon = lab.daemon(&[&["--www", www, "--impair", rules, "-vv"], arguments].concat());
    lab.wait_until_up(&daemon, STACK);
    lab.sysctl("tcp_ecn", tcp_ecn);
    (lab, daemon)
}

impl Capture {
    fn count(&self, filter: &str) -> usize {
        self.select(filter, &["frame.number"]).len()
    }

    /// What the SYN, and the SYN with ACK, say of ECN: ECE and CWR of each.
    fn handshake(&self) -> [Vec<String>; 2] {
        ["0", "1"].map(|ack| {
            let filter = format!("tcp.flags.syn == 1 && tcp.flags.ack == {ack}");
            self.select(&filter, &["tcp.flags.ece", "tcp.flags.cwr"])
        })
    }
}

fn download(lab: &Lab) {
    let sum = sha256(&lab.www().join("file"));
    let get = lab.shell("curl -sS http://10.9.0.2/file | sha256sum").limit_s(120).finish();
    assert!(get.assert_success().text().starts_with(&sum), "{get}");
}

/// The stack as the sender: one reduction for each window with marks, of which it tells the kernel, and
/// nothing is sent again.
#[test]
#[ignore = "needs root: run scripts/test"]
fn ecn_marks_slow_the_stack_down_without_a_loss() {
    let (lab, daemon) = up(&marking("out"), "1", &[]);
    let mut capture = Capture::start(&lab);
    download(&lab);
    capture.stop();
    // tshark writes True and False, or 1 and 0.
    let [syn, answer] = capture.handshake().map(|rows| rows.concat().to_lowercase());
    assert!(matches!(syn.as_str(), "1\t1" | "true\ttrue"), "{syn}");
    assert!(matches!(answer.as_str(), "1\t0" | "true\tfalse"), "{answer}");
    let ours = format!("ip.src == {STACK} && tcp.flags.syn == 0");
    let marked = capture.count(&format!("{ours} && ip.dsfield.ecn == 3"));
    let told = capture.count(&format!("{ours} && tcp.flags.cwr == 1"));
    let reductions = daemon.log().matches("window reduced: a mark of congestion").count();
    // The last may find nothing more to tell of it.
    assert!(told >= 2 && (told..=told + 1).contains(&reductions), "{told} {reductions}");
    assert!(reductions < marked, "{reductions} for {marked} marks");
    // RFC 3168 6.1.4: what has no text is not capable.
    assert_eq!(capture.count(&format!("{ours} && tcp.len == 0 && ip.dsfield.ecn != 0")), 0);
    assert_eq!(capture.count(&format!("{ours} && tcp.len > 0 && ip.dsfield.ecn == 0")), 0);
    assert_eq!(daemon.counters().of("tcp_retransmissions"), 0);
    daemon.stop();
}

/// The kernel as the sender: it hears of marks, reduces and says so, and nothing is sent again.
#[test]
#[ignore = "needs root: run scripts/test"]
fn ecn_marks_slow_the_kernel_down_without_a_loss() {
    let (lab, daemon) = up(&marking("in"), "1", &[]);
    // There is always Reno, and it halves its window.
    lab.sysctl("tcp_congestion_control", "reno");
    let mut capture = Capture::start(&lab);
    let file = lab.www().join("file");
    let put = lab.tool("curl").args(["-sS", "-f", "-T"]).args([&file]);
    put.args(["http://10.9.0.2/upload/copy"]).limit_s(120).finish().assert_success();
    assert_eq!(sha256(&lab.www().join("upload/copy")), sha256(&file));
    capture.stop();
    let theirs = format!("ip.src == {KERNEL} && tcp.flags.syn == 0");
    let echoes = format!("ip.src == {STACK} && tcp.flags.syn == 0 && tcp.flags.ece == 1");
    assert!(capture.count(&echoes) >= 2);
    let told = capture.count(&format!("{theirs} && tcp.flags.cwr == 1"));
    assert!(told >= 2, "the kernel has reduced {told} times");
    assert_eq!(capture.count(&format!("{theirs} && tcp.analysis.retransmission")), 0);
    daemon.stop();
}

/// ss(8) shows what the kernel makes of it.
#[test]
#[ignore = "needs root: run scripts/test"]
fn ecn_is_what_both_settings_make_of_it() {
    for (tcp_ecn, ecn, on) in [
        ("1", "accept", true),
        ("1", "request", true),
        ("1", "off", false),
        ("2", "accept", false),
        ("0", "request", false),
    ] {
        let (lab, daemon) = up("delay=1ms", tcp_ecn, &["--ecn", ecn]);
        let mut echo = lab.connect(7);
        crate::harness::assert_echo(&mut echo, "hello");
        let shown = lab.tool("ss").args(["-Htino", "dst", STACK]).finish().text();
        let words: Vec<&str> = shown.split_whitespace().collect();
        assert_eq!(words.contains(&"ecn"), on, "{tcp_ecn} {ecn}: {shown}");
        assert_eq!(words.contains(&"ecnseen"), on, "{tcp_ecn} {ecn}: {shown}");
        drop(echo);
        daemon.stop();
    }
}

/// Whatever a SYN asks for, the bit of accurate ECN with it (RFC 9768), it gets a connection where there is
/// one to get.
#[test]
#[ignore = "needs root: run scripts/test"]
fn ecn_of_any_kind_may_be_asked_for() {
    let (lab, daemon) = Lab::up(&[]);
    let ask = |port: &str, flags: &str| {
        let asked = lab.script("ask.py").args([DEVICE, STACK, port, flags]).finish();
        asked.assert_success().text().split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    for (flags, answer) in
        [("S", "SA"), ("SEC", "SAE"), ("SECN", "SAE"), ("SE", "SA"), ("SC", "SA"), ("SN", "SA")]
    {
        assert_eq!(ask("7", flags), [answer, "5"], "{flags}");
        assert_eq!(ask("81", flags), ["RA"], "{flags}");
    }
    lab.assert_alive(&daemon);
    daemon.stop();
}
