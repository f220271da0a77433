//! `glasstcp get`, `put` and `dns` with a device of their own, from servers of the kernel: Python's web server, one
//! that misbehaves (`origin.py`), and a DNS server (`names.py`).

use std::fs;
use std::path::Path;

use crate::harness::{Daemon, Lab, Running, Tool, sha256, write_pattern};

/// A namespace with both servers; they can be reached as soon as a client has made the device.
struct Servers {
    lab: Lab,
    _running: [Running; 2],
}

impl Servers {
    fn start() -> Servers {
        let lab = Lab::with_netns();
        let running = ["names.py", "origin.py"].map(|name| {
            let server = lab.script(name).limit_s(600).start();
            server.wait_for_output("ready");
            server
        });
        Servers { lab, _running: running }
    }

    /// A client's command, to run in the folder of the test.
    fn client(&self, line: &str) -> Tool {
        let words = line.split_whitespace().map(str::to_owned);
        let mut arguments: Vec<String> = words.collect();
        let own = self.lab.folder.path().display().to_string();
        arguments.iter_mut().for_each(|word| *word = word.replace("OWN", &own));
        arguments.extend(["--netns".to_owned(), self.lab.netns.clone()]);
        arguments.extend(["--dns".to_owned(), "10.9.0.1".to_owned()]);
        Tool::new(Daemon::PROGRAM).args(arguments)
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.lab.folder.path().join(name)
    }

    /// What is in the folder of the test.
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.lab.folder.path()).expect("a folder");
        let mut names: Vec<String> = entries
            .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }
}

/// The text of `origin.py`, of which it says the sum.
fn is_the_text(path: &Path) -> bool {
    let text: Vec<u8> =
        (0..300_000_u64).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    fs::read(path).is_ok_and(|read| read == text)
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn python_s_server_is_read_over_a_good_and_a_bad_link() {
    let servers = Servers::start();
    let www = servers.path("www");
    fs::create_dir(&www).expect("a folder");
    write_pattern(&www.join("large"), 20_000);
    write_pattern(&www.join("small"), 300);
    let server = servers
        .lab
        .tool("/usr/bin/python3")
        .args(["-u", "-m", "http.server", "80", "--directory"])
        .args([&www])
        .limit_s(600)
        .start();
    server.wait_for_output("Serving HTTP");
    for (name, options) in [("large", ""), ("small", "--impair loss=20% --timeout 60")] {
        let line = format!("get http://10.9.0.1/{name} -o OWN/{name} {options}");
        let got = servers.client(&line).limit_s(300).finish();
        got.assert_success();
        let sum = sha256(&www.join(name));
        assert_eq!(sha256(&servers.path(name)), sum, "{got}");
        assert!(got.stderr.contains(&format!("sha256 {sum}")), "{got}");
    }
    let refused = servers.client("put OWN/small http://10.9.0.1/upload").finish();
    assert!(refused.stderr.contains("501"), "{refused}");
    assert_eq!(servers.names(), ["large", "small", "www"]);
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn names_are_asked_for_over_udp_and_tcp() {
    let servers = Servers::start();
    let dns = |line: &str| servers.client(&format!("dns {line} --timeout 5")).finish();
    let found = |line: &str| {
        let answer = dns(line);
        answer.assert_success();
        let (records, way) = answer.text().split_once(";; from 10.9.0.1:53 over ").map_or_else(
            || panic!("{answer}"),
            |(records, way)| (records.to_owned(), way[..3].to_owned()),
        );
        (records, way)
    };
    let udp = |records: &str| (records.to_owned(), "UDP".to_owned());
    assert_eq!(found("www.test"), udp("www.test. 60 A 10.9.0.1\n"));
    assert_eq!(found("WWW.test. --type AAAA"), udp("www.test. 60 AAAA fd00::1\n"));
    assert_eq!(found("alias.test -t cname"), udp("alias.test. 60 CNAME other.test.\n"));
    let chain = "alias.test. 60 CNAME other.test.\nother.test. 60 CNAME www.test.\nwww.test. 60 A 10.9.0.1\n";
    assert_eq!(found("alias.test"), udp(chain));
    let (records, way) = found("long.test");
    assert_eq!((records.lines().count(), way.as_str()), (100, "TCP"));
    for (line, part) in [
        ("nowhere.test", "there is no name nowhere.test."),
        ("none.test", "none.test. has no A record"),
        ("long.test --type aaaa", "long.test. has no AAAA record"),
        ("fail.test", "SERVFAIL"),
        ("refused.test", "REFUSED"),
        ("circle.test", "round in a circle at circle.test."),
    ] {
        let failed = dns(line);
        assert!(!failed.success() && failed.stderr.contains(part), "{line}: {failed}");
    }
}

/// A try is lost in 36 of 100 cases, a lookup of three tries in 5.
#[test]
#[ignore = "needs root: run scripts/test"]
fn names_are_found_over_a_link_that_loses() {
    let servers = Servers::start();
    let mut found = 0;
    for seed in 0..20 {
        let line = format!("dns long.test --impair loss=20% --impair-seed {seed} --timeout 10");
        let answer = servers.client(&line).finish();
        if answer.success() {
            found += 1;
            assert_eq!(answer.text().lines().count(), 101, "{answer}");
        } else {
            assert!(answer.stderr.contains("has not answered within 10s"), "{answer}");
        }
    }
    assert!(found >= 13, "only {found} of 20");
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn by_a_name_over_redirections_and_in_parts() {
    let servers = Servers::start();
    for (path, options) in [
        ("elsewhere", ""),
        ("chunks", ""),
        ("file", "--impair loss=20% --timeout 60"),
        ("elsewhere", "-C"),
    ] {
        let line = format!("get http://www.test:8000/{path} -o OWN/copy {options}");
        let got = servers.client(&line).limit_s(300).finish();
        got.assert_success();
        assert!(is_the_text(&servers.path("copy")), "{path}: {got}");
        fs::remove_file(servers.path("copy")).expect("it is there");
    }
    let half = servers.client("get http://www.test:8000/half -o OWN/copy -C").finish();
    assert!(half.stderr.contains("after 150000 of 300000 bytes"), "{half}");
    assert_eq!(servers.names(), ["copy.part", "copy.part.from"]);
    let rest = servers.client("get http://www.test:8000/half -o OWN/copy -C").finish();
    rest.assert_success();
    assert!(rest.stderr.contains("300000 bytes (150000 of them were there)"), "{rest}");
    assert!(is_the_text(&servers.path("copy")), "{rest}");
    assert_eq!(servers.names(), ["copy"]);
    let put = servers.client("put OWN/copy http://alias.test:8000/there").finish();
    put.assert_success();
    let told =
        format!("201 Created http://alias.test:8000/there\n{}\n", sha256(&servers.path("copy")));
    assert_eq!(put.text(), told);
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn what_does_not_end_well_leaves_no_file() {
    let servers = Servers::start();
    for (url, part) in [
        ("http://www.test:8000/half", "after 150000 of 300000 bytes"),
        ("http://www.test:8000/stall --timeout 1", "www.test has sent nothing for 1s"),
        ("http://www.test:8000/circle", "more than 10 times"),
        ("http://www.test:8000/secret", "TLS"),
        ("http://www.test:8000/nothing", "404 Not Found"),
        ("http://www.test:8001/file", "cannot connect to 10.9.0.1:8001: connection refused"),
        ("http://nowhere.test/file", "there is no name nowhere.test."),
        ("http://10.9.0.77/file --timeout 1", "cannot connect to 10.9.0.77:80"),
    ] {
        let failed = servers.client(&format!("get -o OWN/copy {url}")).finish();
        assert!(failed.status.code() == Some(1) && failed.stderr.contains(part), "{url}: {failed}");
        assert_eq!(failed.stderr.trim().lines().count(), 1, "one sentence: {failed}");
        assert_eq!(servers.names(), Vec::<String>::new(), "{url}");
    }
}

/// A file system of 100 kB, in a mount namespace of the command's own.
#[test]
#[ignore = "needs root: run scripts/test"]
fn a_full_disk_is_told_of_and_nothing_stays_on_it() {
    let servers = Servers::start();
    let disk = servers.path("disk");
    fs::create_dir(&disk).expect("a folder");
    let (disk, program, netns) = (disk.display(), Daemon::PROGRAM, &servers.lab.netns);
    let get = format!("{program} get http://10.9.0.1:8000/file -o copy --netns {netns}");
    let script = format!(
        "mount -t tmpfs -o size=100k full {disk} && cd {disk} && ! {get} && ls -A && ! {get} -C && ls -A"
    );
    let full = servers.lab.shell(&script).finish();
    full.assert_success();
    let sentence = "glasstcp: cannot write copy: No space left on device";
    assert!(full.stderr.contains(sentence), "{full}");
    // With -C what came is kept.
    assert_eq!(full.text(), "copy.part\ncopy.part.from\n", "{full}");
}
