//! Clients that take their time, beside others that do not.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use crate::harness::{Lab, STACK, assert_echo, first_word, sha256, wait_for, write_pattern};

/// How many there are of each kind.
const EACH: usize = 20;
/// A request that is worth its bytes: they come one a second.
const REQUEST: &str = "GET /p HTTP/1.0\r\n\r\n";
const PAGE: &str = "a page for who waits\n";
/// The size of the large file, in KiB: more than the buffers of both sides hold.
const LARGE_KIB: usize = 16 * 1024;

/// Writes until nothing more is taken for a second; how many bytes that were.
fn write_until_full(stream: &mut TcpStream) -> usize {
    stream.set_write_timeout(Some(Duration::from_secs(1))).expect("a timeout");
    let text = [b'x'; 1 << 16];
    let mut written = 0;
    loop {
        match stream.write(&text) {
            Ok(len) => written += len,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return written,
            Err(error) => panic!("after {written} bytes: {error}"),
        }
    }
}

/// Everything up to the end of the stream.
fn read_all(stream: &mut TcpStream) -> Vec<u8> {
    let mut all = Vec::new();
    stream.read_to_end(&mut all).expect("the stream ends with a FIN");
    all
}

/// Fails unless this is the beginning of what chargen says (RFC 864).
#[track_caller]
fn assert_chargen(text: &[u8]) {
    for (number, line) in text.chunks(74).enumerate() {
        let expected = (0..72).map(|column| b' ' + ((number + column) % 95) as u8).chain(*b"\r\n");
        assert!(expected.take(line.len()).eq(line.iter().copied()), "line {number}: {line:?}");
    }
}

/// The three kinds of clients, each several times, all in the middle of something.
struct Slow {
    /// Asked for the large file and read nothing of it.
    downloads: Vec<TcpStream>,
    /// Sent to the echo service what it takes, and read nothing; with how much that was.
    floods: Vec<(TcpStream, usize)>,
    /// Asked for text without end and read nothing.
    chargens: Vec<TcpStream>,
    /// Say a byte of a request a second.
    trickles: Vec<TcpStream>,
    /// Closed their half at once, and wait: on the echo service, the text without end, and HTTP.
    half_closed: [Vec<TcpStream>; 3],
}

impl Slow {
    fn begin(lab: &Lab) -> Slow {
        let connect =
            |port: u16| -> Vec<TcpStream> { (0..EACH).map(|_| lab.connect(port)).collect() };
        let say = |streams: Vec<TcpStream>, text: &str| -> Vec<TcpStream> {
            streams.iter().for_each(|mut stream| {
                stream.write_all(text.as_bytes()).expect("the kernel takes it");
            });
            streams
        };
        let half = |streams: Vec<TcpStream>| -> Vec<TcpStream> {
            streams.iter().for_each(|stream| {
                stream.shutdown(Shutdown::Write).expect("it is open");
            });
            streams
        };
        let floods = connect(7).into_iter().map(|mut stream| {
            thread::spawn(move || {
                let written = write_until_full(&mut stream);
                (stream, written)
            })
        });
        let floods: Vec<_> = floods.collect();
        Slow {
            downloads: say(connect(80), "GET /large HTTP/1.0\r\n\r\n"),
            chargens: connect(19),
            trickles: connect(80),
            half_closed: [
                half(say(connect(7), "half")),
                half(connect(19)),
                half(say(connect(80), REQUEST)),
            ],
            floods: floods.into_iter().map(|flood| flood.join().expect("it floods")).collect(),
        }
    }

    /// Says the request, a byte a second; `between` runs after each.
    fn trickle(&mut self, mut between: impl FnMut()) {
        for byte in REQUEST.bytes() {
            let next = Instant::now() + Duration::from_secs(1);
            self.trickles.iter_mut().for_each(|stream| {
                stream.write_all(&[byte]).expect("the kernel takes it");
            });
            between();
            thread::sleep(next.saturating_duration_since(Instant::now()));
        }
    }

    /// Each of them gets what is its own, late but whole.
    fn end(mut self, large: &[u8]) {
        let page = |text: &[u8]| text.ends_with(PAGE.as_bytes());
        self.trickles.iter_mut().for_each(|stream| assert!(page(&read_all(stream))));
        let [echo, chargen, http] = &mut self.half_closed;
        echo.iter_mut().for_each(|stream| assert_eq!(read_all(stream), b"half"));
        http.iter_mut().for_each(|stream| assert!(page(&read_all(stream))));
        // Closing one half ends the text without end.
        chargen.iter_mut().for_each(|stream| assert_chargen(&read_all(stream)));
        for stream in &mut self.chargens {
            let mut text = vec![0; 4 << 20];
            stream.read_exact(&mut text).expect("it has no end");
            assert_chargen(&text);
        }
        for stream in &mut self.downloads {
            assert!(read_all(stream).ends_with(large), "the file came changed");
        }
        for (stream, written) in &mut self.floods {
            stream.shutdown(Shutdown::Write).expect("it is open");
            let back = read_all(stream);
            assert!(back.len() == *written && back.iter().all(|&byte| byte == b'x'));
        }
    }
}

/// A client in a hurry: all that the stack offers, at once and right.
fn assert_served(lab: &Lab, echo: &mut TcpStream, large: &str) -> Duration {
    let since = Instant::now();
    (0..100).for_each(|_| assert_echo(echo, "quick"));
    let nc = lab.tool("nc").args(["-N", STACK, "7"]).input("another").finish();
    assert_eq!(nc.assert_success().text(), "another");
    let ping = lab.tool("ping").args(["-n", "-q", "-c", "3", "-i", "0.01", STACK]).finish();
    ping.assert_success();
    let curl = lab.shell("curl -sS -f http://10.9.0.2/large | sha256sum").finish();
    assert_eq!(first_word(&curl.assert_success().text()), large);
    since.elapsed()
}

#[test]
#[ignore = "needs root: run scripts/test"]
fn slow_clients_harm_no_other_and_are_served_in_the_end() {
    let (lab, daemon) = Lab::up_with_www(|www| {
        fs::write(www.join("p"), PAGE).expect("the folder is writable");
        write_pattern(&www.join("large"), LARGE_KIB);
    });
    let sum = sha256(&lab.www().join("large"));
    let mut echo = lab.connect(7);
    let alone = assert_served(&lab, &mut echo, &sum);
    let memory = daemon.usage().memory_kib;

    let mut slow = Slow::begin(&lab);
    let (mut beside, mut worst) = (Vec::new(), 0);
    slow.trickle(|| {
        beside.push(assert_served(&lab, &mut echo, &sum));
        worst = daemon.usage().memory_kib.max(worst);
    });
    beside.sort();
    println!(
        "served in {alone:?} without slow clients, in {:?} beside them",
        beside[beside.len() / 2]
    );
    println!("they took {} KiB", worst.saturating_sub(memory));
    let large = fs::read(lab.www().join("large")).expect("it was written");
    slow.end(&large);
    drop(echo);
    // Those of text without end were just dropped, with text on the way: they are reset.
    wait_for("all connections to end", Duration::from_secs(20), || {
        daemon.counters().of("connections") == 0
    });
    daemon.counters().assert_accounted();
    daemon.stop();
}
