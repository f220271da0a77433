//! `glasstcp link --udp` and `glasstcp impair`.

use std::fs;
use std::io::Read;
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::process::Output;

use nix::sys::signal::Signal;
use pcap_parser::Block;

use crate::harness::{
    Running, ended, folder, glasstcp, printed, proxy, run, said, socket, wait_for,
};

/// Ends it with a signal; what it has printed since it began.
fn end(proxy: Running) -> String {
    proxy.tell(Signal::SIGINT);
    let output = proxy.finish();
    assert!(output.status.success(), "{}", said(&output));
    printed(&output)
}

fn receive(socket: &UdpSocket) -> (String, SocketAddr) {
    let mut buffer = [0; 2000];
    let (len, from) = socket.recv_from(&mut buffer).expect("a datagram");
    (String::from_utf8_lossy(&buffer[..len]).into_owned(), from)
}

fn impair(folder: &Path, rules: &str) -> Output {
    run(glasstcp(&format!("impair --control control {rules}")).current_dir(folder))
}

#[test]
fn a_proxy_loses_what_it_is_told_to_lose_and_can_be_told_anew() {
    let folder = folder();
    let (server, address) = socket();
    let rules = ["--impair", "out:drop:udp:nth=2", "--impair", "in:duplicate:udp:nth=1"];
    let options = [&rules[..], &["--pcap", "all.pcapng"]].concat();
    let (proxy, place) = proxy(address, folder.path(), &options);
    let (client, _) = socket();
    for text in ["one", "two", "three"] {
        client.send_to(text.as_bytes(), place).expect("it can be sent");
    }
    let (first, from) = receive(&server);
    assert_eq!((first.as_str(), receive(&server).0.as_str()), ("one", "three"));
    server.send_to(b"answer", from).expect("it can be sent");
    for _ in 0..2 {
        assert_eq!(receive(&client), ("answer".to_owned(), place));
    }

    let told = impair(folder.path(), "clear out:drop:udp:nth=1");
    assert!(told.status.success(), "{}", said(&told));
    let text = printed(&told);
    assert!(text.starts_with("out: drop:udp:nth=1\n  3 packets in"), "{text}");
    assert!(text.contains("\nin: perfect\n"), "{text}");
    for text in ["four", "five"] {
        client.send_to(text.as_bytes(), place).expect("it can be sent");
    }
    assert_eq!(receive(&server).0, "five");

    let counted = end(proxy);
    assert!(counted.contains("5 packets in") && counted.contains("2 rule dropped"), "{counted}");
    assert!(counted.contains("1 duplicated"), "{counted}");
    assert!(!folder.path().join("control").exists(), "it takes its socket away");
    // A section, three interfaces, and 5 + 3 + 1 + 2 packets on their ways, and three with what was done.
    let capture = fs::read(folder.path().join("all.pcapng")).expect("it was written");
    let (rest, capture) = pcap_parser::parse_pcapng(&capture).expect("pcapng");
    assert!(rest.is_empty());
    let blocks = || capture.sections.iter().flat_map(|section| &section.blocks);
    let count = |kind: fn(&Block<'_>) -> bool| blocks().filter(|block| kind(block)).count();
    let interfaces = count(|block| matches!(block, Block::InterfaceDescription(_)));
    let packets = count(|block| matches!(block, Block::EnhancedPacket(_)));
    assert_eq!((interfaces, packets), (3, 5 + 3 + 1 + 2 + 3));
}

#[test]
fn the_same_seed_loses_the_same_datagrams() {
    let arrived = |seed: &str| {
        let folder = folder();
        let (server, address) = socket();
        let options = ["--impair", "out:loss=30%", "--seed", seed];
        let (_proxy, place) = proxy(address, folder.path(), &options);
        let (client, _) = socket();
        let mut arrived = Vec::new();
        for number in 0..100 {
            client.send_to(number.to_string().as_bytes(), place).expect("it can be sent");
        }
        client.send_to(b"bye", place).expect("it can be sent");
        wait_for("all of them to be there", || {
            printed(&impair(folder.path(), "")).contains("\n  101 packets in")
        });
        // Nothing is lost any more, and so this arrives last.
        assert!(impair(folder.path(), "loss=0%").status.success());
        client.send_to(b"end", place).expect("it can be sent");
        loop {
            match receive(&server).0 {
                end if end == "end" => break,
                text => arrived.push(text),
            }
        }
        arrived
    };
    let once = arrived("7");
    assert!((40..=95).contains(&once.len()), "{once:?}");
    assert_eq!(once, arrived("7"));
    assert_ne!(once, arrived("8"));
}

#[test]
fn what_cannot_be_done_is_said_in_a_sentence() {
    let (_taken, address) = socket();
    let folder = folder();
    let nowhere = folder.path().join("nowhere");
    let nowhere = nowhere.display();
    for (line, code, expected) in [
        (format!("link --udp {address} --to 127.0.0.1:9"), 1, "is in use"),
        ("link --udp 127.0.0.1:0 --to 127.0.0.1".into(), 1, "cannot find the server 127.0.0.1"),
        ("link --udp 127.0.0.1:0 --to [::1]:9".into(), 1, "has no IPv4 address"),
        ("link --udp 127.0.0.1:0 --to 127.0.0.1:0".into(), 1, "has no port"),
        ("link --udp 127.0.0.1:0 --to 0.0.0.0:9".into(), 1, "is not the address of one server"),
        ("link --udp 127.0.0.1:7 --to 127.0.0.1:7".into(), 1, "is where the link itself listens"),
        (format!("link --udp 127.0.0.1:0 --to 127.0.0.1:9 --pcap {nowhere}/x"), 1, "cannot write"),
        (
            format!(
                "link --udp 127.0.0.1:0 --to 127.0.0.1:9 --control {}",
                folder.path().display()
            ),
            1,
            "choose another place with --control",
        ),
        ("link --udp 127.0.0.1:0 --to 127.0.0.1:9 --impair los=1%".into(), 2, "no setting 'los='"),
        (format!("impair --control {nowhere} loss=1%"), 1, "look whether it still runs"),
        ("impair loss".into(), 2, "there is no 'loss'"),
    ] {
        let (status, said) = ended(&mut glasstcp(&line));
        assert_eq!(status, Some(code), "{line}: {said}");
        assert!(said.contains(expected), "{line}: {said}");
        assert!(code == 2 || said.trim().lines().count() == 1, "one sentence: {said}");
    }
}

/// As Wireshark reads from a pipe; and one that does not read does not stop the link.
#[test]
fn packets_are_written_into_a_pipe_that_nobody_need_read() {
    let folder = folder();
    let pipe = folder.path().join("pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).expect("a pipe");
    let (tell, told) = std::sync::mpsc::channel::<()>();
    let reader = std::thread::spawn({
        let pipe = pipe.clone();
        move || {
            let mut pipe = fs::File::open(pipe).expect("the link opens it too");
            let _ = told.recv();
            let mut all = Vec::new();
            pipe.read_to_end(&mut all).expect("it ends");
            all
        }
    });
    let (server, address) = socket();
    let (proxy, place) = proxy(address, folder.path(), &["--pcap", "pipe"]);
    let (client, _) = socket();
    // Far more than a pipe holds.
    for _ in 0..300 {
        client.send_to(&[7; 1000], place).expect("it can be sent");
        receive(&server);
    }
    assert!(impair(folder.path(), "").status.success(), "it answers");
    drop(tell);
    let counted = end(proxy);
    assert!(counted.contains("300 packets in"), "{counted}");
    let all = reader.join().expect("no panic");
    let (rest, _) = pcap_parser::parse_pcapng(&all).expect("pcapng");
    assert!(rest.is_empty() && all.len() > 600_000);
}

#[test]
fn a_start_that_fails_leaves_an_earlier_file_as_it_is() {
    let folder = folder();
    let keep = folder.path().join("keep.pcapng");
    fs::write(&keep, "an earlier capture").expect("the folder is writable");
    let (_taken, address) = socket();
    let line = format!("link --udp {address} --to 127.0.0.1:9 --pcap {}", keep.display());
    assert_eq!(ended(&mut glasstcp(&line)).0, Some(1));
    assert_eq!(fs::read_to_string(&keep).expect("it is there"), "an earlier capture");
}

#[test]
fn a_full_disk_is_told_of_and_the_link_goes_on() {
    let folder = folder();
    let (server, address) = socket();
    let (mut proxy, place) = proxy(address, folder.path(), &["--pcap", "/dev/full"]);
    let (client, _) = socket();
    for _ in 0..200 {
        client.send_to(&[7; 1000], place).expect("it can be sent");
        receive(&server);
    }
    proxy.tell(Signal::SIGTERM);
    assert_eq!(proxy.wait(), Some(1));
}
