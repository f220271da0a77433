//! Many clients at once.

use std::fs;
use std::io::Write;
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use crate::harness::{
    Daemon, Lab, Running, STACK, assert_echo, first_word, sha256, wait_for, write_pattern,
};

/// Starts as many curls as `$1` says, which upload what all of them read from the script's input, so
/// that they are connected until it ends; then each downloads the page to a file of its own in the
/// folder `$2`. Prints how many failed.
const CURLS: &str = r#"
exec 3<&0
for ((curl = 0; curl < $1; curl++)); do
    curl -sS -f -m 100 -o /dev/null -T . -X POST http://10.9.0.2/sink \
        --next -sS -f -m 100 -o "$2/$curl" http://10.9.0.2/page <&3 &
    curls+=($!)
done
failed=0
for curl in "${curls[@]}"; do wait "$curl" || ((++failed)); done
echo "$failed failed"
"#;

#[test]
#[ignore = "needs root: run scripts/test"]
fn a_thousand_parallel_curls_succeed() {
    const COUNT: usize = 1000;
    let (lab, daemon) = Lab::up_with_www(|www| write_pattern(&www.join("page"), 100));
    let sum = sha256(&lab.www().join("page"));
    let pages = lab.folder.path().join("pages");
    fs::create_dir(&pages).expect("the folder is writable");
    let script = ["-c", CURLS, "bash", &COUNT.to_string(), pages.to_str().expect("a plain path")];
    let mut curls = lab.tool("bash").args(script).limit_s(300).start();
    wait_for("all to be connected", Duration::from_secs(180), || {
        thread::sleep(Duration::from_millis(200));
        daemon.counters().of("connections") == COUNT as u64
    });
    curls.close_input();
    let end = curls.finish();
    assert_eq!(end.assert_success().text(), "0 failed\n", "{end}");
    let sums = lab.tool("bash").args(["-c", "sha256sum \"$0\"/*"]).args([&pages]).finish();
    let sums = sums.assert_success().text();
    assert_eq!(sums.lines().count(), COUNT);
    assert!(sums.lines().all(|line| first_word(line) == sum), "{sums}");
    daemon.counters().assert_accounted();
    daemon.stop();
}

/// 50,000 requests by `ab`, 200 at a time; none may fail.
#[track_caller]
fn ab(lab: &Lab, options: &[&str], path: &str) {
    let ab = lab.tool("ab").args(["-q", "-n", "50000", "-c", "200"]).args(options);
    let ab = ab.args([format!("http://10.9.0.2/{path}")]).limit_s(300).finish();
    let text = ab.assert_success().text();
    let row = |name: &str| {
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        value.map(first_word)
    };
    assert_eq!(row("Complete requests").as_deref(), Some("50000"), "{text}");
    assert_eq!(row("Failed requests").as_deref(), Some("0"), "{text}");
    assert_eq!(row("Non-2xx responses"), None, "{text}");
    println!(
        "ab {options:?} /{path}: {} requests a second",
        row("Requests per second").unwrap_or_default()
    );
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn no_request_of_ab_fails() {
    let (lab, daemon) = Lab::up_with_www(|www| write_pattern(&www.join("page"), 1));
    // 50,000 connections, all of them left in TIME-WAIT by the stack, and fewer ports than that:
    // old pairs of ports must serve again (RFC 6191).
    ab(&lab, &[], "page");
    ab(&lab, &["-k"], "page");
    // The welcome page shows figures, other ones each time. To ab another length is a failure.
    ab(&lab, &[], "");
    ab(&lab, &["-k"], "");
    let counted = daemon.counters();
    assert!(counted.of("tcp_passive_opens") >= 100_400, "{counted}");
    counted.assert_accounted();
    daemon.stop();
}

/// How long the daemon's processor worked for one round trip of a byte through the echo service.
fn cost_of_an_echo(daemon: &Daemon, echo: &mut TcpStream) -> Duration {
    const ROUNDS: u32 = 3000;
    let before = daemon.usage().on_cpu;
    (0..ROUNDS).for_each(|_| assert_echo(echo, "e"));
    (daemon.usage().on_cpu - before) / ROUNDS
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn twenty_thousand_idle_connections_stay_open() {
    // Several processes, for some systems let one have only 4,096 files.
    const HOLDERS: usize = 5;
    const EACH: usize = 4000;
    const IDLE: u64 = (HOLDERS * EACH) as u64;
    let (lab, daemon) = Lab::up(&[]);
    let mut echo = lab.connect(7);
    echo.set_nodelay(true).expect("a socket of the kernel");
    let alone = cost_of_an_echo(&daemon, &mut echo);
    let empty = daemon.usage().memory_kib;

    let hold = || lab.script("hold.py").args([STACK, "7", &EACH.to_string()]).limit_s(180).start();
    let mut holders: Vec<Running> = (0..HOLDERS).map(|_| hold()).collect();
    holders.iter().for_each(|holder| holder.wait_for_output("holding"));
    let memory = daemon.usage().memory_kib;
    let mut echo_on_all = |line: &str| {
        holders.iter_mut().for_each(|holder| holder.type_in(&format!("{line}\n")));
        holders.iter().for_each(|holder| holder.wait_for_output(&format!("{EACH} echoed {line}")));
    };
    echo_on_all("hello");
    let used = daemon.usage().memory_kib;
    let connections = || daemon.counters().of("connections");
    assert_eq!(connections(), IDLE + 1);

    let (before, since) = (daemon.usage().cpu, Instant::now());
    thread::sleep(Duration::from_secs(10));
    let (worked, passed) = (daemon.usage().cpu - before, since.elapsed());
    let crowded = cost_of_an_echo(&daemon, &mut echo);
    echo_on_all("still here");
    assert_eq!(connections(), IDLE + 1);

    println!("{IDLE} idle connections: the daemon worked {worked:?} in {passed:?}");
    let each = |kib: u64| kib.saturating_sub(empty) * 1024 / IDLE;
    println!("memory of each: {} B when open, {} B after an echo", each(memory), each(used));
    println!("an echo beside none of them took {alone:?}, beside all {crowded:?}");
    daemon.counters().assert_accounted();
    // It can say goodbye to all of them.
    daemon.stop();
}

/// Each client that never reads costs the daemon a send buffer of 64 KiB and more; what they leave does not
/// stay.
#[test]
#[ignore = "needs root: run scripts/test"]
fn memory_goes_when_a_crowd_has_gone() {
    const COUNT: u64 = 200;
    let (lab, daemon) = Lab::up_with_www(|www| write_pattern(&www.join("file"), 1024));
    let before = daemon.usage().memory_kib;
    let grown = || daemon.usage().memory_kib.saturating_sub(before);
    let ask = |_| {
        let mut stream = lab.connect(80);
        stream.write_all(b"GET /file HTTP/1.1\r\nHost: 10.9.0.2\r\n\r\n").expect("it is open");
        stream
    };
    let crowd: Vec<TcpStream> = (0..COUNT).map(ask).collect();
    wait_for("the buffers to fill", Duration::from_secs(60), || grown() > COUNT * 60);
    // While they are there, so that the daemon sees how many they were.
    thread::sleep(Duration::from_secs(2));
    let full = grown();
    drop(crowd);
    wait_for("the memory to go", Duration::from_secs(60), || grown() < full / 3);
    daemon.stop();
}
