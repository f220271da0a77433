//! Packets that no well-behaved peer sends.

use std::thread;
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::harness::{Dice, Injector, KERNEL, Lab, STACK, packet, wait_for};

const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const ACK: u8 = 0x10;

/// A valid packet of each kind.
fn valid_packets() -> Vec<Vec<u8>> {
    vec![
        packet::tcp(KERNEL, STACK, 80, 1000, SYN, b""),
        packet::tcp(KERNEL, STACK, 7, 1000, ACK, b"some text"),
        packet::ipv4(KERNEL, STACK, 1, &[8, 0, 0xf7, 0xff, 0, 0, 0, 0]),
        packet::ipv4(KERNEL, STACK, 17, &[0x9c, 0x40, 0, 7, 0, 10, 0, 0, b'h', b'i']),
    ]
}

/// Each refusal that can be provoked from outside with one packet, by the name of its counter.
fn one_of_each() -> Vec<(&'static str, Vec<u8>)> {
    let valid = packet::tcp(KERNEL, STACK, 7, 1000, SYN, b"");
    let spoil = |at: usize, value: u8| {
        let mut spoiled = valid.clone();
        spoiled[at] = value;
        spoiled
    };
    let sealed = |mut spoiled: Vec<u8>| {
        packet::seal_ipv4(&mut spoiled);
        spoiled
    };
    let tcp_sealed = |mut spoiled: Vec<u8>| {
        packet::seal_tcp(&mut spoiled);
        spoiled
    };
    // What an ICMP error that says host unreachable quotes.
    let quoting = |quoted: &[u8]| packet::icmp(KERNEL, STACK, 3, 1, quoted);
    let ours = packet::tcp(STACK, KERNEL, 7, 1000, SYN, b"");
    let udp = |header: [u8; 8]| packet::ipv4(KERNEL, STACK, 17, &header);
    vec![
        ("ip_truncated", valid[..19].to_vec()),
        ("ip_version", spoil(0, 0x55)),
        ("ip_header_length", spoil(0, 0x44)),
        ("ip_total_length", sealed(spoil(3, 200))),
        ("ip_checksum", spoil(8, 63)),
        ("ip_fragment", sealed(spoil(6, 0x20))),
        ("ip_not_for_us", packet::tcp(KERNEL, "10.9.0.99", 7, 1, SYN, b"")),
        ("ip_broadcast", packet::tcp(KERNEL, "10.9.0.255", 7, 1, SYN, b"")),
        ("ip_martian_source", packet::tcp("127.0.0.1", STACK, 7, 1, SYN, b"")),
        ("ip_land", packet::tcp(STACK, STACK, 7, 1, SYN, b"")),
        ("ip_protocol", packet::ipv4(KERNEL, STACK, 253, b"hello?")),
        ("icmp_truncated", packet::ipv4(KERNEL, STACK, 1, &[8, 0, 0])),
        ("icmp_checksum", packet::ipv4(KERNEL, STACK, 1, &[8, 0, 1, 1, 0, 0, 0, 0])),
        ("icmp_ignored", packet::icmp(KERNEL, STACK, 13, 0, &[0; 12])),
        ("icmp_echo_stray", packet::icmp(KERNEL, STACK, 0, 0, &[0; 12])),
        ("icmp_source_quench", packet::icmp(KERNEL, STACK, 4, 0, &ours)),
        ("icmp_quote_header", quoting(&ours[..19])),
        ("icmp_quote_truncated", quoting(&ours[..27])),
        ("icmp_quote_fragment", quoting(&[&ours[..7], &[1], &ours[8..]].concat())),
        ("icmp_quote_foreign", quoting(&valid)),
        ("icmp_quote_stray", quoting(&ours)),
        ("udp_truncated", packet::ipv4(KERNEL, STACK, 17, &[0, 1, 0, 7])),
        ("udp_length", udp([0x9c, 0x40, 0, 7, 0, 99, 0, 0])),
        ("udp_checksum", udp([0x9c, 0x40, 0, 7, 0, 8, 0xde, 0xad])),
        ("udp_port_closed", udp([0x9c, 0x40, 0, 8, 0, 8, 0, 0])),
        ("tcp_truncated", packet::ipv4(KERNEL, STACK, 6, &[0; 19])),
        ("tcp_data_offset", tcp_sealed(spoil(32, 0x40))),
        ("tcp_checksum", spoil(36, !valid[36])),
        ("tcp_port_zero", packet::tcp(KERNEL, STACK, 0, 1, SYN, b"")),
        ("tcp_port_closed", packet::tcp(KERNEL, STACK, 81, 1, SYN, b"")),
        ("tcp_stray_reset", packet::tcp(KERNEL, STACK, 81, 1, RST, b"")),
        ("listen_no_syn", packet::tcp(KERNEL, STACK, 7, 1, FIN, b"")),
        ("listen_bad_flags", packet::tcp(KERNEL, STACK, 7, 1, SYN | FIN, b"")),
    ]
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn every_refusal_is_counted_under_its_name() {
    let (lab, daemon) = Lab::up(&[]);
    let injector = Injector::new(&lab);
    for (name, packet) in one_of_each() {
        wait_for(name, Duration::from_secs(5), || injector.send(&packet));
    }
    lab.assert_alive(&daemon);
    daemon.signal(Signal::SIGUSR1);
    for (name, _) in one_of_each() {
        daemon.wait_for_log(name);
    }
    daemon.stop();
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn garbage_does_no_harm() {
    let (lab, daemon) = Lab::up(&[]);
    let injector = Injector::new(&lab);
    let mut dice = Dice::new(1);
    let mut taken = 0;
    for round in 0..40_000 {
        let mut bytes = match round % 4 {
            0 => {
                let len = 1 + dice.below(1500);
                dice.bytes(len)
            }
            _ => valid_packets().swap_remove(dice.below(4)),
        };
        match round % 4 {
            0 => bytes[0] = 0x45,
            1 => bytes.truncate(1 + dice.below(bytes.len())),
            _ => {
                for _ in 0..=dice.below(4) {
                    let at = dice.below(bytes.len());
                    bytes[at] = dice.roll() as u8;
                }
                if round % 4 == 3 && bytes.len() >= 40 {
                    // With good checksums it comes further.
                    packet::seal_ipv4(&mut bytes);
                    packet::seal_tcp(&mut bytes);
                }
            }
        }
        // Where the machine is busy, the device's queue is full at times.
        let sent = injector.send(&bytes) || {
            thread::sleep(Duration::from_micros(500));
            injector.send(&bytes)
        };
        taken += usize::from(sent);
    }
    assert!(taken > 30_000, "the device took only {taken} packets");
    lab.assert_alive(&daemon);
    daemon.stop();
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn hostile_segments_do_not_disturb_a_connection() {
    let (lab, daemon) = Lab::up(&[]);
    let injector = Injector::new(&lab);
    let mut nc = lab.tool("nc").args(["-p", "40000", STACK, "7"]).start();
    nc.type_in("before\n");
    nc.wait_for_output("before\n");
    let mut dice = Dice::new(2);
    for _ in 0..10_000 {
        let flags = dice.roll() as u8;
        let seq = dice.roll() as u32;
        let len = dice.below(100);
        let text = dice.bytes(len);
        injector.send(&packet::tcp(KERNEL, STACK, 7, seq, flags, &text));
    }
    nc.type_in("after\n");
    nc.wait_for_output("before\nafter\n");
    drop(nc);
    lab.assert_alive(&daemon);
    daemon.stop();
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn a_flood_of_syns_does_not_lock_out_the_others() {
    let (lab, daemon) = Lab::up(&[]);
    let injector = Injector::new(&lab);
    let mut dice = Dice::new(3);
    for _ in 0..50_000 {
        let [_, b, c, d] = (dice.roll() as u32).to_be_bytes();
        let from = format!("10.{b}.{c}.{d}");
        injector.send(&packet::tcp(&from, STACK, 80, dice.roll() as u32, SYN, b""));
    }
    daemon.assert_running();
    // Half-open connections of one service leave room for the others.
    lab.tool("ping").args(["-n", "-c", "3", "-i", "0.01", STACK]).finish().assert_success();
    let echo = lab.tool("nc").args(["-N", STACK, "7"]).input("alive").finish();
    assert_eq!(echo.text(), "alive");
    daemon.stop();
}

/// SYNs from addresses of strangers, as many as hping3 can send: who really wants something gets it, and they cost nothing.
#[test]
#[ignore = "needs root: run scripts/test"]
fn a_flood_of_syns_keeps_nobody_out() {
    let (lab, daemon) = Lab::up(&[]);
    let before = daemon.usage().memory_kib;
    let flood = "timeout 8 hping3 -q -S -p 80 --flood --rand-source 10.9.0.2; true";
    let flood = lab.shell(flood).limit_s(30).start();
    wait_for("the flood to begin", Duration::from_secs(10), || {
        daemon.counters().of("tcp_syn_cookies_sent") > 10_000
    });
    let curls =
        "for n in $(seq 20); do curl -sS -f -m 30 -o /dev/null http://10.9.0.2/ || exit 1; done";
    lab.shell(curls).limit_s(120).finish().assert_success();
    let grown = daemon.usage().memory_kib.saturating_sub(before);
    assert!(grown < 64 << 10, "{grown} KiB more");
    flood.finish();
    let counters = daemon.counters();
    counters.assert_accounted();
    println!(
        "{} SYNs answered with cookies, {} replies dropped",
        counters.of("tcp_syn_cookies_sent"),
        counters.of("replies_dropped")
    );
    lab.assert_alive(&daemon);
    daemon.stop();
}
