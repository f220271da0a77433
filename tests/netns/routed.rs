//! A router between: what it says, and who else says something, is shown to who has asked.
//!
//! ```text
//!   glasstcp 10.9.0.2 -- TUN -- 10.9.0.1 near 10.9.1.1 -- 10.9.1.2 router 10.9.2.1 -- 10.9.2.2 host
//! ```

use std::thread;
use std::time::Duration;

use crate::harness::{Daemon, Lab, STACK, Tool, write_pattern};

/// Three namespaces in a row.
struct Row {
    near: Lab,
    router: Lab,
    host: Lab,
}

impl Row {
    fn new() -> Row {
        let [near, router, host] = [Lab::with_netns(), Lab::with_netns(), Lab::with_netns()];
        let join = |one: &Lab, other: &Lab, names: [&str; 2], addresses: [&str; 2]| {
            let [left, right] = names;
            let link =
                format!("ip link add {left} type veth peer name {right} netns {}", other.netns);
            one.shell(&link).finish().assert_success();
            for (lab, name, address) in [(one, left, addresses[0]), (other, right, addresses[1])] {
                let up = format!("ip addr add {address}/24 dev {name} && ip link set {name} up");
                lab.shell(&up).finish().assert_success();
            }
        };
        join(&near, &router, ["away", "back"], ["10.9.1.1", "10.9.1.2"]);
        join(&router, &host, ["on", "home"], ["10.9.2.1", "10.9.2.2"]);
        for (lab, routes) in [
            (&near, "ip route add default via 10.9.1.2"),
            (
                &router,
                "ip route add 10.9.0.0/24 via 10.9.1.1 && ip route add 10.9.60.0/24 via 10.9.1.1 \
                 && ip route add prohibit 10.9.50.0/24",
            ),
            (&host, "ip route add default via 10.9.2.1"),
        ] {
            lab.shell(routes).finish().assert_success();
            lab.sysctl("ip_forward", "1");
        }
        // The router looks for a neighbour once and for a tenth of a second.
        router.sysctl("neigh/on/mcast_solicit", "1");
        router.sysctl("neigh/on/retrans_time_ms", "100");
        for (port, reason) in [(81, "icmp-admin-prohibited"), (82, "icmp-port-unreachable")] {
            let filter = format!(
                "iptables -w -A FORWARD -p tcp --dport {port} -j REJECT --reject-with {reason}"
            );
            router.shell(&filter).finish().assert_success();
        }
        Row { near, router, host }
    }

    /// glasstcp beside the near kernel.
    fn glasstcp(&self, line: &str) -> Tool {
        self.near.tool(Daemon::PROGRAM).args(line.split_whitespace())
    }

    /// What `glasstcp ping` prints, and its exit code.
    fn ping(&self, line: &str) -> (Option<i32>, String) {
        let ping = self.glasstcp(&format!("ping {line}")).finish();
        (ping.status.code(), format!("{}{}", ping.text(), ping.stderr))
    }
}

/// What comes of trying, once that has these words in it. A kernel says an error in two seconds, after a few at once,
/// and what it does not say counts, too (ip_error and icmp_send take from one bucket): who was not told has to be
/// silent for a while.
fn told(words: &str, mut attempt: impl FnMut() -> (Option<i32>, String)) -> (Option<i32>, String) {
    for _ in 0..8 {
        let (code, text) = attempt();
        if text.contains(words) {
            return (code, text);
        }
        thread::sleep(Duration::from_millis(2500));
    }
    attempt()
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn what_cannot_be_reached_is_named_with_who_says_so() {
    let row = Row::new();
    for (line, words) in [
        // Errors that another try may get past are told of when the time for an answer is over.
        ("10.9.2.77 -W 2", "From 10.9.1.2 seq=1 Destination Host Unreachable"),
        ("10.9.2.77 -W 2 --udp", "From 10.9.1.2 seq=1 Destination Host Unreachable"),
        ("10.9.2.77 -W 2 --icmp", "From 10.9.1.2 seq=1 Destination Host Unreachable"),
        ("10.9.99.1", "From 10.9.1.2 seq=1 Destination Net Unreachable"),
        ("10.9.99.1 --udp", "From 10.9.1.2 seq=1 Destination Net Unreachable"),
        ("10.9.99.1 --connect", "From 10.9.1.2 seq=1 Destination Net Unreachable"),
        ("10.9.60.1", "From 10.9.1.2 seq=1 Time to live exceeded"),
        ("10.9.2.2 --icmp -t 1", "From 10.9.0.1 seq=1 Time to live exceeded"),
        ("10.9.2.2 --icmp -t 2", "From 10.9.1.2 seq=1 Time to live exceeded"),
        ("10.9.50.1", "From 10.9.1.2 seq=1 Packet filtered: administratively prohibited"),
        ("10.9.50.1 --icmp", "From 10.9.1.2 seq=1 Packet filtered: administratively prohibited"),
        ("10.9.2.2 -p 81", "From 10.9.1.2 seq=1 Packet filtered: administratively prohibited"),
        ("10.9.2.2 -p 82", "From 10.9.1.2 seq=1 Destination Port Unreachable"),
        ("10.9.2.2 -p 83 --udp", "From 10.9.2.2 seq=1 Destination Port Unreachable"),
        ("10.9.2.2 -p 83", "From 10.9.2.2 seq=1 Connection refused"),
        ("10.9.2.2 -p 83 --connect", "From 10.9.2.2 seq=1 Connection refused"),
    ] {
        let (code, text) = told(words, || row.ping(&format!("{line} -c 1")));
        assert!(text.contains(words), "{line}: {text}");
        assert_eq!(code, Some(1), "{line}: {text}");
        assert!(text.contains("1 packets transmitted, 0 received, +1 errors, 100%"), "{text}");
    }
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn a_connection_that_cannot_be_opened_says_why() {
    let row = Row::new();
    for (line, words) in [
        ("10.9.50.1 80", "cannot connect to 10.9.50.1:80: prohibited by 10.9.1.2"),
        ("10.9.2.2 82", "cannot connect to 10.9.2.2:82: port unreachable (10.9.1.2 says so)"),
        ("10.9.2.2 83", "cannot connect to 10.9.2.2:83: connection refused"),
        ("10.9.99.1 80", "cannot connect to 10.9.99.1:80: network unreachable (10.9.1.2 says so)"),
        ("10.9.60.1 80", "cannot connect to 10.9.60.1:80: time to live exceeded at 10.9.1.2"),
    ] {
        let (code, text) = told(words, || {
            let nc = row.glasstcp(&format!("nc {line} --timeout 2")).input("").finish();
            (nc.status.code(), nc.stderr)
        });
        assert!(text.contains(words), "{line}: {text}");
        assert_eq!(code, Some(1), "{line}: {text}");
    }
}

/// Whether it is at once, or when the time is over for what may pass by itself.
#[test]
#[ignore = "needs root: run scripts/test"]
fn a_file_that_cannot_be_sent_and_a_name_that_cannot_be_asked_for_say_why() {
    let row = Row::new();
    let file = row.near.folder.path().join("file");
    write_pattern(&file, 1);
    let send = |to| format!("rudp send {} {to} --rto 100", file.display());
    for (line, words) in [
        (send("10.9.2.2 83"), "10.9.2.2:83 has never answered ("),
        (send("10.9.2.2 83"), "): port unreachable (10.9.2.2 says so): look whether"),
        (send("10.9.50.1 9"), "): prohibited by 10.9.1.2: look whether"),
        (send("10.9.2.77 9 --timeout 2"), "): host unreachable (10.9.1.2 says so): look whether"),
        (
            "dns www.test --timeout 3 --dns 10.9.2.77".to_owned(),
            "10.9.2.77:53 has not answered within 3s: host unreachable (10.9.1.2 says so)",
        ),
        (
            "dns www.test --dns 10.9.50.1".to_owned(),
            "cannot ask the DNS server 10.9.50.1:53 over UDP: prohibited by 10.9.1.2",
        ),
    ] {
        let (code, text) = told(words, || {
            let run = row.glasstcp(&line).finish();
            (run.status.code(), run.stderr)
        });
        assert!(text.contains(words), "{line}: {text}");
        assert_eq!(code, Some(1), "{line}: {text}");
    }
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn a_kernel_and_a_python_server_behind_the_router_are_pinged() {
    let row = Row::new();
    let server = row.host.script("upper.py").args(["serve", "12001"]).start();
    server.wait_for_output("ready");
    for (way, words) in [
        ("", "64 bytes from 10.9.2.2: seq=5 time="),
        ("--udp", "64 bytes from 10.9.2.2: seq=5 time="),
        ("--connect", "connected to 10.9.2.2:12001: seq=5 time="),
        ("--icmp", "64 bytes from 10.9.2.2: seq=5 ttl=62 time="),
        ("-s 4000", "4000 bytes from 10.9.2.2: seq=5 time="),
    ] {
        let (code, text) = row.ping(&format!("10.9.2.2 -c 5 -i 0.05 -W 10 {way}"));
        assert_eq!(code, Some(0), "{way}: {text}");
        assert!(text.contains(words), "{way}: {text}");
        assert!(text.contains("5 packets transmitted, 5 received, 0% packet loss"), "{text}");
    }
    drop(row.router);
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn a_python_client_is_answered_by_the_stack() {
    let (lab, daemon) = Lab::up(&["--serve", "ping"]);
    let asked = lab.script("upper.py").args(["ask", STACK, "12001", "50"]).finish();
    assert_eq!(asked.assert_success().text().trim(), "100 right");
    lab.assert_alive(&daemon);
    daemon.stop();
}
