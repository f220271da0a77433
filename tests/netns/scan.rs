//! What scanners and packet generators send.

use crate::harness::{DEVICE, Lab, STACK, assert_echo};

/// The TCP ports of the services.
const PORTS: [u16; 5] = [7, 9, 13, 19, 80];

/// Scans with nmap; each port below 1,000 must be in the state `own` if a service is there, and
/// `other` if not.
#[track_caller]
fn nmap(lab: &Lab, scan: &str, own: &str, other: &str) {
    let nmap = lab.tool("nmap").args(["-n", "-Pn", "-oG", "-", "-p", "1-1000", "-v", scan, STACK]);
    let text = nmap.finish().assert_success().text();
    let ports = text.lines().find_map(|line| line.split_once("Ports: ")).expect(&text).1;
    let (ports, rest) = ports.split_once("Ignored State: ").expect(&text);
    // nmap lists what is rarer, and sums up what most are.
    let listed: Vec<&str> = ports.trim().split(", ").collect();
    for port in PORTS {
        let row = format!("{port}/{own}/");
        assert!(listed.iter().any(|line| line.starts_with(&row)), "{scan} {port}: {text}");
    }
    assert_eq!(listed.len(), PORTS.len(), "{text}");
    assert!(rest.starts_with(&format!("{other} (995)")), "{scan}: {text}");
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn nmap_finds_what_is_there_and_no_more() {
    let (lab, daemon) = Lab::up(&[]);
    let mut echo = lab.connect(7);
    nmap(&lab, "-sS", "open", "closed");
    // RFC 9293 3.10.7.2: a listener has no answer to a segment without SYN, ACK and RST.
    for scan in ["-sF", "-sX", "-sN"] {
        nmap(&lab, scan, "open|filtered", "closed");
    }
    let scan = |arguments: &[&str]| {
        let nmap = lab.tool("nmap").args(["-n", "-Pn"]).args(arguments).args([STACK]);
        nmap.limit_s(120).finish().assert_success().text()
    };
    // An ACK for nobody is answered with a reset on every port.
    let text = scan(&["-sA", "-p", "1-1000"]);
    assert!(text.contains("Not shown: 1000 unfiltered tcp ports (reset)"), "{text}");
    let text = scan(&["-sU", "-p", "1-100"]);
    assert!(text.contains("7/udp  open") && text.contains("closed udp ports (port-unr"), "{text}");
    let text = scan(&["-O", "-p", "1-100"]);
    assert!(text.contains("Network Distance: 1 hop"), "{text}");
    assert_echo(&mut echo, "undisturbed");
    lab.assert_alive(&daemon);
    daemon.stop();
}

/// Options of hping3 that no well-behaved peer would give it.
const ODD: &str = "-F -S;-S -R;-F -P -U;;-F -S -R -P -A -U -X -Y;-X -Y;-A -U;-R;-S -A;-S -b;-S -O 3;\
    -S -w 0 --tcp-timestamp;-S -t 0;-S --rand-source;-S -x;-S -g 64 -d 40;-S -f -d 600;-S -m 500 -d 1400;\
    -A -f -d 1400;-S -Y -f -d 100 --rand-source;--udp -p 7 -f -d 2000;--udp -p 8;--icmp -C 13;\
    --icmp -f -d 600;--icmp -C 3 -K 1;--rawip -H 253 -d 60";

#[test]
#[ignore = "needs root: run scripts/test"]
fn odd_flags_and_fragments_do_no_harm() {
    let (lab, daemon) = Lab::up(&[]);
    let mut echo = lab.connect(7);
    // One after the other, for each ends after as many answers, to whomsoever of them.
    for odd in ODD.split(';') {
        let arguments = ["-q", "-n", "-I", DEVICE, "-c", "200", "-i", "u500", "-p", "80"];
        let hping = lab.tool("hping3").args(arguments).args(odd.split_whitespace()).args([STACK]);
        // Its exit code says only whether there was an answer.
        let end = hping.finish();
        assert!(end.stderr.contains("200 packets transmitted"), "{end}");
    }
    assert_echo(&mut echo, "undisturbed");
    lab.assert_alive(&daemon);
    let counted = daemon.counters();
    let names = "ip_fragment tcp_checksum tcp_data_offset listen_no_syn listen_bad_flags tcp_port_closed \
        tcp_stray_reset udp_port_closed icmp_ignored ip_protocol";
    for name in names.split_whitespace() {
        assert!(counted.of(name) >= 200, "{name}: {counted}");
    }
    daemon.stop();
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn a_hundred_thousand_packets_of_a_fuzzer_do_no_harm() {
    const COUNT: u64 = 100_000;
    const SEED: &str = "1";
    let (lab, daemon) = Lab::up(&[]);
    let mut echo = lab.connect(7);
    let fuzzer = lab.script("fuzz.py").args([DEVICE, STACK, &COUNT.to_string(), SEED]);
    fuzzer.limit_s(180).finish().assert_success();
    assert_echo(&mut echo, "undisturbed");
    lab.assert_alive(&daemon);
    let counted = daemon.counters();
    assert!(counted.of("packets_received") >= COUNT, "{counted}");
    // It got through to connections, not only to the door.
    for name in
        ["tcp_passive_opens", "ack_beyond_sent", "sequence_old", "paws", "challenge_limited"]
    {
        assert!(counted.of(name) >= 100, "{name}: {counted}");
    }
    daemon.stop();
}
