//! Names: dig asks us, and we ask a server of the kernel's (`names.py`).

use crate::harness::{Daemon, Finished, KERNEL, Lab, Running, STACK};

/// A daemon that hands questions on to the server that runs beside it.
fn up() -> (Lab, Running, Daemon) {
    let lab = Lab::with_netns();
    let names = lab.script("names.py").limit_s(600).start();
    names.wait_for_output("ready");
    let daemon = lab.daemon(&["--serve", "dns", "--dns", KERNEL, "--no-default-services"]);
    lab.wait_until_up(&daemon, STACK);
    (lab, names, daemon)
}

/// What dig says when it asks us; a time-out is a failure of its own.
fn dig(lab: &Lab, line: &str) -> Finished {
    let asked = lab.tool("dig").args(["-r", &format!("@{STACK}"), "+tries=1", "+time=20"]);
    asked.args(line.split_whitespace()).finish()
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn dig_gets_its_answers_from_us() {
    let (lab, _names, daemon) = up();
    for way in ["", " +tcp", " +noedns", " +bufsize=4096 +dnssec"] {
        for (question, answer) in [
            ("www.test A", "10.9.0.1\n"),
            ("www.test AAAA", "fd00::1\n"),
            ("alias.test CNAME", "other.test.\n"),
            ("alias.test A", "other.test.\nwww.test.\n10.9.0.1\n"),
            ("www.test MX", ""),
        ] {
            let said = dig(&lab, &format!("{question} +short{way}"));
            assert_eq!(said.assert_success().text(), answer, "{question}{way}");
        }
        for (question, status) in [
            ("www.test", "NOERROR"),
            ("nobody.test", "NXDOMAIN"),
            ("fail.test", "SERVFAIL"),
            ("refused.test", "REFUSED"),
        ] {
            let said = dig(&lab, &format!("{question}{way}")).assert_success().text();
            assert!(said.contains(&format!("opcode: QUERY, status: {status},")), "{way}: {said}");
            assert!(!said.contains("WARNING") && !said.contains("mismatch"), "{way}: {said}");
        }
    }
    daemon.counters().assert_accounted();
    daemon.stop();
}

/// A stack with two addresses answers from the one that was asked; otherwise nobody takes the answer for one.
#[test]
#[ignore = "needs root: run scripts/test"]
fn each_address_answers_for_itself() {
    let lab = Lab::with_netns();
    let names = lab.script("names.py").limit_s(600).start();
    names.wait_for_output("ready");
    let addresses = ["--stack-addr", STACK, "--stack-addr", "10.9.0.77"];
    let daemon = lab.daemon(&[&["--serve", "dns", "--dns", KERNEL], &addresses[..]].concat());
    lab.wait_until_up(&daemon, STACK);
    for address in [STACK, "10.9.0.77"] {
        let question = [&format!("@{address}"), "www.test", "+short", "+tries=1", "+time=20"];
        let said = lab.tool("dig").args(question).finish();
        assert_eq!(said.assert_success().text(), "10.9.0.1\n", "{address}");
        let echo = lab.tool("nc").args(["-u", "-w", "1", address, "7"]).input("echo\n").finish();
        assert_eq!(echo.text(), "echo\n", "{address}");
    }
    daemon.stop();
}

/// A hundred addresses of a name: too many for a datagram, so dig comes again.
#[test]
#[ignore = "needs root: run scripts/test"]
fn dig_comes_over_tcp_for_what_is_cut() {
    let (lab, _names, daemon) = up();
    let said = dig(&lab, "long.test +bufsize=4096").assert_success().text();
    assert!(said.starts_with(";; Truncated, retrying in TCP mode.\n"), "{said}");
    assert!(said.contains("ANSWER: 100,") && said.contains("\t10.9.1.99\n"), "{said}");
    let cut = dig(&lab, "long.test +bufsize=4096 +ignore").assert_success().text();
    assert!(cut.contains("flags: qr tc rd ra") && cut.contains("ANSWER: 0,"), "{cut}");
    let several = dig(&lab, "+tcp +keepopen +short long.test www.test").assert_success().text();
    assert_eq!(several.lines().count(), 101, "{several}");
    daemon.stop();
}

/// A server that says nothing to this, and one that is not there.
#[test]
#[ignore = "needs root: run scripts/test"]
fn dig_is_told_when_nobody_answers() {
    let (lab, names, daemon) = up();
    let failed = |question: &str| {
        let said = dig(&lab, question).assert_success().text();
        assert!(said.contains("opcode: QUERY, status: SERVFAIL,"), "{said}");
    };
    failed("silent.test");
    failed("silent.test +tcp");
    // That the others are answered all the same.
    let said = dig(&lab, "www.test +short");
    assert_eq!(said.assert_success().text(), "10.9.0.1\n");
    drop(names);
    failed("www.test");
    daemon.stop();
}
