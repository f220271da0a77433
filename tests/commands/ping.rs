//! `glasstcp ping` and `--serve ping`, over a link of UDP.

use std::io::{Read, Write};

use glasstcp::device::udp_link::UdpLink;
use glasstcp::net::TcpStream;
use glasstcp::runtime::{FdDevice, start};
use glasstcp::stack::{Config, Stack};
use nix::sys::signal::Signal;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

use crate::binomial::assert_loss;
use crate::harness::{
    PATIENCE, Running, Up, address_after, busy, ended, glasstcp, printed, side_by_side, socket,
    until,
};

/// A glasstcp that can be pinged.
fn server(options: &str) -> Up {
    Up::start(&format!("--no-default-services --serve ping {options}"))
}

/// Pings 200 times with options of the client's to a server with options of its own, side by side, and
/// checks that so many are lost: that no answer to them has come for `wait` seconds.
fn assert_losses(wait: u32, cases: impl IntoIterator<Item = (f64, String, String)>) {
    side_by_side(cases, |(loss, client, options)| {
        let line = format!("ping 10.9.0.2 -c 200 -i 0.01 -W {wait} {client}");
        let (code, text) = ended(&mut server(&options).client(&line));
        assert_eq!(code, Some(0), "{line}: {text}");
        assert_loss(&text, 200, loss);
    });
}

/// What the server keeps to itself, and what the link loses on the way there, shows as loss.
#[test]
fn the_loss_that_is_seen_is_the_one_that_was_asked_for() {
    let _busy = busy();
    let cases = [0.05, 0.2, 0.5].into_iter().flat_map(|loss| {
        let percent = 100.0 * loss;
        let server =
            ["", "--udp"].map(|way| (loss, way.to_owned(), format!("--ping-loss {percent}%")));
        let link = ["--udp", "--icmp"]
            .map(|way| (loss, format!("{way} --impair out:loss={percent}%"), String::new()));
        server.into_iter().chain(link)
    });
    // What is answered later counts as lost, and all of this at once is much for a slow machine.
    assert_losses(8, cases);
}

/// TCP repairs what a link loses.
#[test]
fn nothing_is_lost_over_tcp() {
    let ways = ["", "--impair loss=5%", "--impair loss=20%"];
    assert_losses(60, ways.map(|way| (0.0, way.to_owned(), String::new())));
}

#[test]
fn every_way_works_over_a_stack_of_its_own_and_through_a_running_one() {
    let server = server("");
    for way in ["", "--udp", "--icmp", "--connect", "-s 1000"] {
        let (code, text) =
            ended(&mut server.client(&format!("ping 10.9.0.2 -c 3 -i 0.01 -W 5 {way}")));
        assert_eq!(code, Some(0), "{way}: {text}");
        assert!(text.contains("3 packets transmitted, 3 received, 0% packet loss"), "{text}");
    }
    let client = Up::beside(server.place, "");
    for way in ["", "--udp", "--connect"] {
        let (code, text) =
            ended(&mut client.via(&format!("ping 10.9.0.2 -c 3 -i 0.01 -W 5 {way}")));
        assert_eq!(code, Some(0), "{way}: {text}");
        assert!(text.contains("3 packets transmitted, 3 received, 0% packet loss"), "{text}");
    }
    // What the network says comes through the control socket too.
    for (way, words) in [
        ("", "Connection refused"),
        ("--connect", "Connection refused"),
        ("--udp", "Destination Port Unreachable"),
    ] {
        let (code, text) = ended(&mut client.via(&format!("ping 10.9.0.2 -p 9 -c 1 -W 5 {way}")));
        assert_eq!(code, Some(1), "{text}");
        assert!(text.contains(&format!("From 10.9.0.2 seq=1 {words}")), "{text}");
    }
    drop(client);
    assert!(server.socket().exists());
}

/// What is asked while the connection opens waits for it.
#[test]
fn a_lost_syn_costs_no_request() {
    let server = server("");
    let line = "ping 10.9.0.2 -c 3 -i 0.01 -W 20 --impair out:drop:syn:nth=1 -vv";
    let (code, text) = ended(&mut server.client(line));
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("3 packets transmitted, 3 received, 0% packet loss"), "{text}");
    assert!(text.contains("SYN seq=0 len=0 win=65535 (SYN_SENT): retransmission"), "{text}");
}

#[test]
fn ctrl_c_prints_the_figures_too() {
    let server = server("");
    let mut ping = Running::start(&mut server.client("ping 10.9.0.2 -i 0.01"));
    until(&mut ping.stdout, &["seq=3 "]);
    ping.tell(Signal::SIGINT);
    let output = ping.finish();
    let text = printed(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("--- 10.9.0.2 ping statistics ---\n"), "{text}");
    assert!(text.trim_end().lines().last().expect("lines").starts_with("p50/p99 = "), "{text}");
}

#[test]
fn exit_codes_are_those_of_ping() {
    let server = server("--ping-loss 100%");
    let (code, text) = ended(&mut server.client("ping 10.9.0.2 -c 1 -W 0.1"));
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("no answer for seq=1\n"), "{text}");
    let (code, text) = ended(&mut server.client("ping 10.9.0 -c 1"));
    assert_eq!(code, Some(2));
    assert!(text.contains("is not an IPv4 address"), "{text}");
    let (code, text) = ended(&mut glasstcp("ping 10.9.0.2 -c 1 --via /nowhere/socket --udp"));
    assert_eq!(code, Some(2));
    assert!(text.contains("no glasstcp listens at /nowhere/socket"), "{text}");
    assert_eq!(ended(&mut glasstcp("ping")).0, Some(2));
}

/// A program of the kernel's TCP speaks to `serve ping` line by line.
#[test]
fn a_plain_client_is_answered_in_upper_case() {
    let (_serve, printed) = Running::ready(&mut glasstcp("serve --kernel 127.0.0.1:0 ping"));
    let place = address_after(&printed, " on ");
    let mut stream = std::net::TcpStream::connect(place).expect("it is there");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    stream.write_all(b"hello\nhow are you\n").expect("it can be sent");
    let mut answers = [0; 18];
    stream.read_exact(&mut answers).expect("it answers");
    assert_eq!(&answers, b"HELLO\nHOW ARE YOU\n");
    let (client, _) = socket();
    client.send_to(b"hello", place).expect("it can be sent");
    let (len, _) = client.recv_from(&mut answers).expect("it answers");
    assert_eq!(&answers[..len], b"HELLO");
    assert_eq!(ended(&mut glasstcp("serve --kernel 127.0.0.1:0 ping --www /")).0, Some(1));
}

/// Two hundred processes of clients would be two hundred stacks; these are two hundred connections of one stack, over
/// the link, to the service of another. All write before anybody reads, so that all are there at once, and each is
/// answered every time.
#[test]
fn two_hundred_pings_at_once_are_all_answered() {
    let _busy = busy();
    let server = server("");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let all = async {
        let near = "127.0.0.1:0".parse().expect("an address");
        let link = FdDevice::new(UdpLink::open(near, server.place, 1500).expect("a socket"));
        let stack = Stack::new(Config::new([10, 9, 0, 1].into(), 24, [7; 32]));
        let (net, driver) = start(stack, link.expect("a device")).expect("a stack");
        let driver = tokio::spawn(driver);
        let connecting = (0..200).map(|_| TcpStream::connect(&net, ([10, 9, 0, 2], 12001)));
        let streams = futures_util::future::join_all(connecting).await;
        let mut clients: Vec<_> = streams
            .into_iter()
            .map(|stream| BufReader::new(stream.expect("it is there")))
            .collect();
        for round in 0..20 {
            for (number, client) in clients.iter_mut().enumerate() {
                let line = format!("client {number} round {round}\n");
                client.get_mut().write_all(line.as_bytes()).await.expect("it can be sent");
            }
            for (number, client) in clients.iter_mut().enumerate() {
                let mut answer = String::new();
                client.read_line(&mut answer).await.expect("it answers");
                assert_eq!(answer, format!("CLIENT {number} ROUND {round}\n"));
            }
        }
        driver.abort();
    };
    let runtime = runtime.expect("a runtime");
    let limited = runtime.block_on(async { tokio::time::timeout(PATIENCE, all).await });
    limited.expect("none starves");
}
