//! `glasstcp rudp`: against itself over links without root, and against Python's sender and receiver over kernel
//! sockets.

use std::fs;
use std::net::{SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::harness::{
    self, Running, address_after, bytes, printed, proxy, said, side_by_side, socket, until, waiting,
};

/// What the links of the courses do.
const BAD: &str = "loss=20% corrupt=10% duplicate=10% reorder=10%:by=5ms";

fn glasstcp(line: &str, folder: &Path) -> Command {
    let mut command = harness::glasstcp(line);
    command.current_dir(folder);
    command
}

fn python(script: &str, folder: &Path) -> Command {
    let path = format!("{}/tests/commands/rudp/{script}", env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new("python3");
    command.arg(path).current_dir(folder).stdin(Stdio::null()).env("RUDP_MS", "20");
    command
}

/// A receiver of ours over the kernel's UDP, and its port.
fn receiver(line: &str, folder: &Path) -> (Running, u16) {
    let line = format!("rudp recv -p 0 --kernel {line}");
    let mut running = Running::start(&mut glasstcp(&line, folder));
    let said = until(&mut running.stderr, &["receiving on "]);
    (running, address_after(&said, "receiving on ").port())
}

/// A proxy before `port` that does what such links do, and its own port.
fn bad_link(port: u16, folder: &Path) -> (Running, u16) {
    let server = SocketAddr::from(([127, 0, 0, 1], port));
    let (running, place) = proxy(server, folder, &["--impair", BAD]);
    (running, place.port())
}

/// Waits for its end: whether it was one of success, and what it has said.
fn end(running: Running) -> (bool, String) {
    let output = running.finish();
    (output.status.success(), printed(&output) + &said(&output))
}

/// A folder with `file`, of so many bytes that look random and have many `|`.
fn folder(len: usize) -> TempDir {
    let folder = harness::folder();
    let mut file = bytes(len);
    file.iter_mut().filter(|byte| **byte % 8 == 0).for_each(|byte| *byte = b'|');
    fs::write(folder.path().join("file"), file).expect("there is room");
    folder
}

#[track_caller]
fn assert_same(folder: &Path) {
    let read = |name: &str| fs::read(folder.join(name)).expect("it is there");
    assert!(read("file") == read("copy"), "the file is another");
}

fn run(line: &str, folder: &Path) -> Output {
    harness::run(&mut glasstcp(line, folder))
}

#[track_caller]
fn succeeds(line: &str, folder: &Path) -> String {
    let output = run(line, folder);
    assert!(output.status.success(), "{line}: {}", said(&output));
    printed(&output)
}

/// The one sentence of a command that fails.
#[track_caller]
fn fails(line: &str, folder: &Path) -> String {
    let output = run(line, folder);
    let said = said(&output);
    assert_eq!(output.status.code(), Some(1), "{line}: {said}");
    let sentences = said.lines().filter(|line| line.starts_with("glasstcp: ")).count();
    assert_eq!(sentences, 1, "{line}: {said}");
    said
}

/// What stands behind a word at the beginning of a line.
fn after<'a>(text: &'a str, word: &str) -> &'a str {
    let line = text.lines().find_map(|line| line.strip_prefix(word));
    line.unwrap_or_else(|| panic!("{word}: {text}")).trim()
}

/// Both commands over a link of UDP, without root, on which both stacks do what `rules` say.
#[track_caller]
fn over_the_link(rules: &str, len: usize, selective: &str) {
    let folder = folder(len);
    let line = format!("rudp recv -p 5000 -o copy --linger 2 {selective}");
    let mut receiving = glasstcp(&line, folder.path());
    let (receiving, place) =
        waiting(receiving.args(["--impair", rules]), "receiving on 0.0.0.0:5000\n");
    let link = format!("--link udp:127.0.0.1:0,{place} --stack-addr 10.9.0.2");
    let line = format!("rudp send file 10.9.0.1 5000 --rto 20 {selective} {link}");
    let mut sending = glasstcp(&line, folder.path());
    let sent = harness::run(sending.args(["--impair", rules, "--impair-seed", "2"]));
    let text = printed(&sent);
    assert!(sent.status.success(), "{rules}: {}", said(&sent));
    let (success, received) = end(receiving);
    assert!(success, "{received}");
    assert_same(folder.path());
    assert_eq!(after(&text, "sha256 "), after(&received, "sha256 "));
    assert!(text.contains(&format!("{len} bytes in ")), "{text}");
}

#[test]
fn a_file_goes_over_a_link_without_root() {
    side_by_side([(300_000, ""), (0, "-k")], |(len, selective)| {
        over_the_link("loss=0%", len, selective);
    });
}

#[test]
fn a_file_arrives_whatever_is_lost() {
    let cases = [("loss=5%", 100_000, ""), ("loss=20%", 100_000, "-k"), ("loss=50%", 40_000, "")];
    side_by_side(cases, |(loss, len, selective)| over_the_link(loss, len, selective));
}

#[test]
fn a_file_arrives_although_packets_are_changed_overtaken_and_come_twice() {
    let one = ["corrupt=10%", "reorder=10%:by=5ms", "duplicate=10%"].map(|rules| (rules, ""));
    let cases = one.into_iter().chain([(BAD, "-k")]);
    side_by_side(cases, |(rules, selective)| over_the_link(rules, 60_000, selective));
}

#[test]
fn the_senders_of_others_are_understood() {
    let cases = [("", 100_000), ("-k", 100_000), ("", 0), ("", 1400)];
    side_by_side(cases, |(selective, len)| {
        let folder = folder(len);
        let line = format!("-o copy --linger 2 {selective}");
        let (receiving, port) = receiver(&line, folder.path());
        let (_proxy, port) = bad_link(port, folder.path());
        let mut sending = python("sender.py", folder.path());
        let sent = harness::run(sending.args(["file", "127.0.0.1", &port.to_string(), selective]));
        assert!(sent.status.success(), "{}", said(&sent));
        let (success, said) = end(receiving);
        assert!(success, "{said}");
        assert_same(folder.path());
        if len == 100_000 {
            assert!(!after(&said, "packets ").contains("; 0 corrupt"), "{said}");
        }
    });
}

#[test]
fn the_receivers_of_others_understand() {
    let cases = [("", 100_000), ("-k", 100_000), ("", 0), ("", 1444)];
    side_by_side(cases, |(selective, len)| {
        let folder = folder(len);
        let mut receiving = python("receiver.py", folder.path());
        let mut receiving = Running::start(receiving.args(["copy", "127.0.0.1", "0", selective]));
        let ready = until(&mut receiving.stdout, &["ready "]);
        let port = ready.trim().strip_prefix("ready ").and_then(|port| port.parse().ok());
        let (_proxy, port) = bad_link(port.expect("a port"), folder.path());
        let line = format!("rudp send file 127.0.0.1 {port} --kernel --rto 20 {selective}");
        let text = succeeds(&line, folder.path());
        let (success, said) = end(receiving);
        assert!(success, "{said}");
        assert_same(folder.path());
        if len == 100_000 {
            assert!(!after(&text, "answers ").starts_with("0 corrupt"), "{text}");
        }
    });
}

#[test]
fn many_senders_at_once_each_have_their_file() {
    let folder = folder(50_000);
    let line = "--dir many --count 5 --linger 1";
    let (receiving, port) = receiver(line, folder.path());
    let line = format!("rudp send file 127.0.0.1 {port} --kernel");
    let senders: Vec<Running> =
        (0..5).map(|_| Running::start(&mut glasstcp(&line, folder.path()))).collect();
    for sender in senders {
        let (success, said) = end(sender);
        assert!(success, "{said}");
    }
    let (success, said) = end(receiving);
    assert!(success, "{said}");
    let whole = fs::read(folder.path().join("file")).expect("it is there");
    let files: Vec<PathBuf> = fs::read_dir(folder.path().join("many"))
        .expect("a folder")
        .map(|entry| entry.expect("readable").path())
        .collect();
    assert_eq!(files.len(), 5);
    assert!(files.iter().all(|file| fs::read(file).expect("it is there") == whole));
}

#[test]
fn what_cannot_be_done_is_said_in_a_sentence() {
    let folder = folder(10);
    let path = folder.path();
    let said = fails("rudp send nothing 127.0.0.1 9 --kernel", path);
    assert!(said.contains("cannot read nothing: No such file"), "{said}");
    let said = fails("rudp send . 127.0.0.1 9 --kernel", path);
    assert!(said.contains("is a folder"), "{said}");
    let said = fails("rudp recv -o . --kernel -p 0", path);
    assert!(said.contains("cannot write ."), "{said}");
    let said = fails("rudp recv -o nowhere/copy --kernel -p 0", path);
    assert!(said.contains("cannot write nowhere/copy: there is no such folder"), "{said}");
    let taken = UdpSocket::bind("0.0.0.0:0").expect("a free port");
    let port = taken.local_addr().expect("it is bound").port();
    let said = fails(&format!("rudp recv -o copy --kernel -p {port}"), path);
    assert!(said.contains(&format!("port {port} of 0.0.0.0 is in use")), "{said}");
    // Nobody reads what that socket gets.
    let said =
        fails(&format!("rudp send file 127.0.0.1 {port} --kernel --timeout 0.1 --rto 20"), path);
    assert!(said.contains("has never answered (12 packets sent)"), "{said}");
    assert!(!path.join("copy").exists());
    let narrow = "rudp send large 10.9.0.2 5000 --mtu 576 --link udp:127.0.0.1:0,127.0.0.1:9";
    fs::write(path.join("large"), [0; 2000]).expect("there is room");
    let said = fails(narrow, path);
    assert!(said.contains("shorten the packets with --packet"), "{said}");
    let large = path.join("large");
    let made = fs::File::create(&large).and_then(|file| file.set_len(7 << 40));
    // Not every file system has files so large.
    if made.is_ok() {
        let said = fails("rudp send large 127.0.0.1 9 --kernel", path);
        assert!(said.contains("send it in parts"), "{said}");
    }
}

/// The sender is not told that all is well, and nothing is left under any name.
#[test]
fn a_full_disk_is_told_on_both_sides() {
    let folder = folder(10_000);
    let (receiving, port) = receiver("-o /dev/full", folder.path());
    let line = format!("rudp send file 127.0.0.1 {port} --kernel --timeout 1 --rto 20");
    let said = fails(&line, folder.path());
    assert!(said.contains("acknowledg"), "{said}");
    let (success, said) = end(receiving);
    assert!(!success && said.contains("to /dev/full: No space left on device"), "{said}");
}

/// A packet with its checksum.
fn sealed(body: &str) -> Vec<u8> {
    format!("{body}{}", crc32fast::hash(body.as_bytes())).into_bytes()
}

/// Whoever begins and goes, and whatever comes astray, keeps nobody from sending the file.
#[test]
fn a_start_alone_does_not_keep_the_place() {
    let folder = folder(20_000);
    let line = "-o copy --linger 1 --timeout 20";
    let (receiving, port) = receiver(line, folder.path());
    let (stray, _) = socket();
    stray.send_to(&sealed("start|0|stray|"), ("127.0.0.1", port)).expect("it can be sent");
    stray.recv(&mut [0; 100]).expect("an answer");
    let line = format!("rudp send file 127.0.0.1 {port} --kernel --rto 100");
    succeeds(&line, folder.path());
    let (success, said) = end(receiving);
    assert!(success, "{said}");
    assert!(said.contains("was silent and has given way to another after 5 bytes"), "{said}");
    assert_same(folder.path());
}

/// Two files from the same port, as some programs send them: what is late of the first is neither in the second nor its
/// end.
#[test]
fn a_late_packet_of_the_file_before_destroys_nothing() {
    let folder = folder(10);
    let line = "--dir got --count 2 --linger 0.5 --timeout 20";
    let (receiving, port) = receiver(line, folder.path());
    let (sender, _) = socket();
    let to = ("127.0.0.1", port);
    let file = |tag: &str| -> Vec<Vec<u8>> {
        let kinds = ["start", "data", "data", "data", "end"];
        let packets = (0..).zip(kinds);
        packets.map(|(seq, kind)| sealed(&format!("{kind}|{seq}|{tag}{seq}|"))).collect()
    };
    // As a sender that has one packet on the way: each again until the answer says that it has arrived.
    let send = |seq: usize, packet: &[u8]| {
        let wanted = sealed(&format!("ack|{}|", seq + 1));
        let arrived = |_| {
            sender.send_to(packet, to).expect("it can be sent");
            let mut answer = [0; 100];
            sender.recv(&mut answer).is_ok_and(|len| answer[..len] == wanted)
        };
        assert!((0..20).any(arrived), "{seq}");
    };
    sender.set_read_timeout(Some(Duration::from_millis(300))).expect("it can be set");
    for (seq, packet) in file("A").iter().enumerate() {
        send(seq, packet);
    }
    for (seq, packet) in file("B").iter().enumerate() {
        if seq == 3 {
            for late in [&file("A")[1], &sealed("end|4|A4|")] {
                sender.send_to(late, to).expect("it can be sent");
                // An answer to it says nothing new.
                let _ = sender.recv(&mut [0; 100]);
            }
        }
        send(seq, packet);
    }
    let (success, said) = end(receiving);
    assert!(success, "{said}");
    let got = fs::read_dir(folder.path().join("got")).expect("a folder");
    let mut got: Vec<_> =
        got.map(|entry| fs::read(entry.expect("readable").path()).expect("a file")).collect();
    got.sort();
    assert_eq!(got, [b"A0A1A2A3A4", b"B0B1B2B3B4"]);
}

/// Names are asked for over what the file goes over.
#[test]
fn a_receiver_has_a_name() {
    let folder = folder(2000);
    let (receiving, port) = receiver("-o copy --linger 0.2", folder.path());
    let (server, dns) = socket();
    let answering = std::thread::spawn(move || {
        let mut question = [0; 512];
        let (len, from) = server.recv_from(&mut question).expect("a question");
        // RFC 1035 4.1: it is answered with one record, for the name in it.
        let counts = [0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0];
        let record = [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 127, 0, 0, 1];
        let answer = [&question[..2], &counts, &question[12..len], &record].concat();
        server.send_to(&answer, from).expect("it can be sent");
    });
    let line = format!("rudp send file www.test {port} --kernel --dns {dns}");
    succeeds(&line, folder.path());
    answering.join().expect("it was asked");
    assert!(end(receiving).0);
    assert_same(folder.path());
    let said = fails("rudp send file www.test 9 --kernel", folder.path());
    assert!(
        said.contains("'www.test' is not an IPv4 address, and there is nobody to ask"),
        "{said}"
    );
}

/// Soon, and by whom it was said.
#[test]
fn what_the_network_says_is_told() {
    let folder = folder(10);
    let line = "rudp recv -p 5000 -o copy";
    let (_other, place) =
        waiting(&mut glasstcp(line, folder.path()), "receiving on 0.0.0.0:5000\n");
    let link = format!("--link udp:127.0.0.1:0,{place} --stack-addr 10.9.0.2 --timeout 300");
    let said = fails(&format!("rudp send file 10.9.0.1 9 --rto 20 {link}"), folder.path());
    let (before, after) =
        ("10.9.0.1:9 has never answered (", " packets sent): port unreachable (10.9.0.1 says so)");
    let sent = said.split_once(before).and_then(|(_, rest)| rest.split_once(after));
    let sent: u64 = sent.and_then(|(sent, _)| sent.parse().ok()).expect(&said);
    // Eight where each report comes within the time-out; on a busy machine some come later.
    assert!((8..100).contains(&sent), "{said}");
}

/// A mistake that students make: their answers are no silence.
#[test]
fn answers_with_a_wrong_checksum_are_told() {
    let folder = folder(10);
    let (wrong, place) = socket();
    let port = place.port();
    let line = format!("rudp send file 127.0.0.1 {port} --kernel --timeout 1.5 --rto 100");
    let sending = Running::start(&mut glasstcp(&line, folder.path()));
    let (_, from) = wrong.recv_from(&mut [0; 2000]).expect("a packet");
    wrong.send_to(b"ack|1|1", from).expect("it can be sent");
    let (success, said) = end(sending);
    assert!(
        !success && said.contains("of 1 answers that were of no use 1 had a wrong checksum"),
        "{said}"
    );
}

/// What still arrives when there are enough is dropped, and that is said.
#[test]
fn what_arrives_when_there_are_enough_is_named() {
    let folder = folder(2000);
    let line = "--dir many --count 1 --linger 0.2";
    let (receiving, port) = receiver(line, folder.path());
    let (late, place) = socket();
    late.send_to(&sealed("start|0|late|"), ("127.0.0.1", port)).expect("it can be sent");
    late.recv(&mut [0; 100]).expect("an answer");
    succeeds(&format!("rudp send file 127.0.0.1 {port} --kernel"), folder.path());
    let (success, said) = end(receiving);
    let sentence = format!("{place} was not done when there were enough after 4 bytes");
    assert!(success && said.contains(&sentence), "{said}");
    assert_eq!(fs::read_dir(folder.path().join("many")).expect("a folder").count(), 1);
}

#[test]
fn a_sender_that_goes_leaves_nothing() {
    let folder = folder(10);
    let line = "-o copy --timeout 1.5";
    let (receiving, port) = receiver(line, folder.path());
    let (sender, _) = socket();
    let start = b"start|0|hello|1374653333";
    sender.send_to(start, ("127.0.0.1", port)).expect("it can be sent");
    let mut answer = [0; 100];
    let len = sender.recv(&mut answer).expect("an answer");
    assert_eq!(&answer[..len], b"ack|1|2195368786".as_slice());
    // A start alone may be a stray; more is a file that is missed.
    sender.send_to(&sealed("data|1||"), ("127.0.0.1", port)).expect("it can be sent");
    let (success, said) = end(receiving);
    assert!(!success && said.contains("has fallen silent after 5 bytes"), "{said}");
    let left: Vec<_> = fs::read_dir(folder.path()).expect("a folder").collect();
    assert_eq!(left.len(), 1, "the file that was sent: {left:?}");
}

#[test]
fn the_harness_passes_and_is_the_same_each_time() {
    let folder = folder(0);
    let table = succeeds("rudp test --size 30k --seed 3", folder.path());
    assert_eq!(table, succeeds("rudp test --size 30k --seed 3", folder.path()));
    assert_eq!(table.matches("PASS").count(), 32, "{table}");
    assert!(table.ends_with("32 of 32 passed\n"), "{table}");
    for kind in ["no loss", "50 % loss", "corrupt", "reorder", "duplicate"] {
        assert!(table.contains(kind), "{kind}: {table}");
    }
    let said = fails("rudp test --size 101m", folder.path());
    assert!(said.contains("--size"), "{said}");
}
