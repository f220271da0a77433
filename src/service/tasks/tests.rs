use std::fs;
use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::FutureExt as _;
use sha2::{Digest, Sha256};
use tokio::io::duplex;

use super::*;
use crate::service::text::hex;
use crate::service::{Limits, Resolve, Www};

/// SHA-256 of nothing (FIPS 180-4).
const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
/// And of `abc`.
const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

fn resolving() -> Resolve {
    Resolve::new(|name| {
        Box::pin(async move {
            match name.as_str() {
                "both.example" => Ok(vec![[192, 0, 2, 1].into(), "2001:db8::1".parse().unwrap()]),
                "none.example" => Ok(Vec::new()),
                "slow.example" => std::future::pending().await,
                _ => Err(format!("{name} does not exist,\nsays 192.0.2.53")),
            }
        })
    })
}

/// What a client gets that sends all of this at once and then closes its half.
async fn answers(context: ServiceContext, requests: &[u8]) -> Vec<u8> {
    let (near, far) = duplex(8192);
    let served = tokio::spawn(serve(far, Arc::new(context)));
    let (mut reading, mut writing) = tokio::io::split(near);
    let requests = requests.to_vec();
    let sending = tokio::spawn(async move {
        // It may close before it has read everything.
        let _ = writing.write_all(&requests).await;
        let _ = writing.shutdown().await;
    });
    let mut answers = Vec::new();
    reading.read_to_end(&mut answers).await.unwrap();
    sending.await.unwrap();
    served.await.unwrap().unwrap();
    answers
}

async fn lines(context: ServiceContext, requests: &str) -> Vec<String> {
    let text = String::from_utf8(answers(context, requests.as_bytes()).await).unwrap();
    assert!(text.is_empty() || text.ends_with('\n'), "{text:?}");
    text.lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn requests_are_answered_in_order_until_the_end() {
    let requests = "CALC 2+3*4\r\ncalc  2^0.5 \nCALC 1/0\n\nCALC\nGOPHER x\nQUIT\nCALC 1\n";
    let usage = "write FILE name, CALC expression, DNS name or QUIT";
    assert_eq!(
        lines(ServiceContext::default(), requests).await,
        [
            "OK 14".to_owned(),
            "OK 1.4142135623730951".to_owned(),
            "ERR division by zero".to_owned(),
            format!("ERR there is no task on this line: {usage}"),
            format!("ERR the expression is missing: {usage}"),
            format!("ERR there is no task \"GOPHER\": {usage}"),
            "OK".to_owned(),
        ]
    );
    // The last line may have no end.
    assert_eq!(lines(ServiceContext::default(), "CALC 7").await, ["OK 7"]);
    assert!(lines(ServiceContext::default(), "").await.is_empty());
}

#[tokio::test]
async fn long_lines_are_refused() {
    let sum = vec!["1"; 600].join("+");
    let answer = lines(ServiceContext::default(), &format!("CALC {sum}\nCALC 1\n")).await;
    assert_eq!(answer[0], "ERR the expression has 1199 bytes, and at most 1024 are read");
    assert_eq!(answer[1], "OK 1");
    for end in ["", "\n", "\nCALC 1\n"] {
        let line = format!("CALC {}{end}", "1".repeat(100_000));
        let answer = lines(ServiceContext::default(), &line).await;
        assert_eq!(answer, ["ERR a line has at most 2048 bytes"]);
    }
    let full = format!("CALC{}1\r\n", " ".repeat(LINE_MAX - 5));
    assert_eq!(lines(ServiceContext::default(), &full).await, ["OK 1"]);
}

#[tokio::test]
async fn bytes_that_are_no_text_are_answered() {
    let answer = answers(ServiceContext::default(), b"\xff\xfe\x00 x\nCALC 1\n").await;
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("ERR there is no task ") && answer.ends_with("\nOK 1\n"));
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let www = folder.path().join("www");
    fs::create_dir_all(www.join("sub")).unwrap();
    fs::write(www.join("empty"), "").unwrap();
    fs::write(www.join("abc"), "abc").unwrap();
    fs::write(www.join("blank "), "abc").unwrap();
    fs::write(www.join("sub/a b%41"), "abc").unwrap();
    fs::write(www.join(".hidden"), "no").unwrap();
    fs::write(folder.path().join("secret"), "secret").unwrap();
    symlink("../secret", www.join("up")).unwrap();
    symlink("/etc/passwd", www.join("away")).unwrap();
    symlink("abc", www.join("link")).unwrap();
    nix::unistd::mkfifo(&www.join("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    folder
}

fn serving(folder: &tempfile::TempDir) -> ServiceContext {
    let www = Some(Www::open(&folder.path().join("www")).unwrap());
    ServiceContext { www, ..ServiceContext::default() }
}

#[tokio::test]
async fn files_come_with_their_size_and_sum() {
    let folder = folder();
    let requests = "FILE abc\nFILE empty\nFILE /sub/a b%41\nFILE link\nFILE blank \r\nCALC 1\n";
    let text = String::from_utf8(answers(serving(&folder), requests.as_bytes()).await).unwrap();
    let abc = format!("OK 3 {ABC}\nabc");
    assert_eq!(text, format!("{abc}OK 0 {EMPTY}\n{abc}{abc}{abc}OK 1\n"));
}

#[tokio::test]
async fn a_large_file_is_sent_as_it_is() {
    let folder = folder();
    let text: Vec<u8> = (0..disk::HASHED as u32 / 4 + 70_000).flat_map(u32::to_be_bytes).collect();
    fs::write(folder.path().join("www/large"), &text).unwrap();
    let answer = answers(serving(&folder), b"FILE large\n").await;
    let line_end = answer.iter().position(|&byte| byte == b'\n').unwrap();
    let sum = hex(&Sha256::digest(&text));
    assert_eq!(answer[..line_end], *format!("OK {} {sum}", text.len()).as_bytes());
    assert!(answer[line_end + 1..] == text);
}

/// A stream that waits until it is told that it is broken.
struct Fragile(tokio::sync::oneshot::Receiver<()>);

impl tokio::io::AsyncRead for Fragile {
    fn poll_read(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
        _: &mut tokio::io::ReadBuf<'_>,
    ) -> std::task::Poll<io::Result<()>> {
        let told = std::future::Future::poll(std::pin::Pin::new(&mut self.0), cx);
        told.map(|_| Err(io::ErrorKind::ConnectionReset.into()))
    }
}

/// A file of which one could not calculate the sum in the time of this test.
#[tokio::test]
async fn nothing_is_hashed_for_a_client_that_has_gone() {
    let folder = folder();
    let endless = fs::File::create(folder.path().join("www/endless")).unwrap();
    endless.set_len(1 << 40).unwrap();
    let context = serving(&folder);
    let (broken, told) = tokio::sync::oneshot::channel();
    let mut reader = tokio::io::BufReader::new(Fragile(told));
    let mut writer = Patient { writer: tokio::io::sink(), stall: Duration::from_secs(1) };
    let mut sending = Box::pin(send_file(&context, "endless".to_owned(), &mut reader, &mut writer));
    for _ in 0..10 {
        assert!((&mut sending).now_or_never().is_none());
        tokio::task::yield_now().await;
    }
    broken.send(()).unwrap();
    let error = sending.await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
}

/// As `nc -N` does: nothing more is asked, and the answer is awaited.
#[tokio::test]
async fn who_only_sends_no_more_is_answered() {
    let folder = folder();
    fs::write(folder.path().join("www/large"), vec![7; 9 << 20]).unwrap();
    let answer = answers(serving(&folder), b"FILE large\n").await;
    assert!(answer.starts_with(b"OK 9437184 ") && answer.len() > 9 << 20);
}

#[tokio::test]
async fn nothing_outside_of_the_folder_is_sent() {
    let folder = folder();
    for (name, part) in [
        ("nowhere", "There is nothing here."),
        ("../secret", "There is nothing here."),
        ("sub/../../secret", "There is nothing here."),
        (".hidden", "There is nothing here."),
        ("/etc/passwd", "There is nothing here."),
        ("abc/", "There is nothing here."),
        ("abc/x", "There is nothing here."),
        ("pipe", "There is nothing here."),
        ("up", "This leads out of the folder"),
        ("away", "This leads out of the folder"),
        ("sub", "This is a folder"),
        ("/", "This is a folder"),
        ("a\u{7}b", "This is not a path"),
    ] {
        let answer = lines(serving(&folder), &format!("FILE {name}\nCALC 1\n")).await;
        assert!(answer[0].starts_with(&format!("ERR {part}")), "{name}: {answer:?}");
        assert_eq!(answer[1..], ["OK 1"], "{name}");
    }
    let answer = lines(ServiceContext::default(), "FILE abc\n").await;
    assert_eq!(answer, ["ERR this server has no files: start it with --www DIR"]);
}

#[tokio::test(start_paused = true)]
async fn names_are_found_by_what_the_server_was_given() {
    let context = || ServiceContext { resolve: Some(resolving()), ..ServiceContext::default() };
    let long = format!("DNS {}\n", "x".repeat(254));
    for (request, answer) in [
        ("DNS both.example\n", "OK 192.0.2.1 2001:db8::1"),
        ("DNS none.example\n", "ERR none.example has no address"),
        // A line is a line, whatever a name server says.
        ("DNS x.example\n", "ERR x.example does not exist,?says 192.0.2.53"),
        ("DNS slow.example\n", "ERR no answer about slow.example in 60s"),
        ("DNS a b\n", "ERR this is not a name: one word of at most 253 bytes is"),
        (&long, "ERR this is not a name: one word of at most 253 bytes is"),
    ] {
        assert_eq!(lines(context(), request).await, [answer], "{request}");
    }
    let answer = lines(ServiceContext::default(), "DNS both.example\n").await;
    assert_eq!(answer, ["ERR this server finds no names: start it with --dns SERVER"]);
}

#[tokio::test(start_paused = true)]
async fn who_asks_nothing_or_takes_nothing_is_given_up() {
    let limits = Limits { requests: 3, ..Limits::default() };
    let limited = || ServiceContext { limits, ..ServiceContext::default() };
    let (idle, far) = duplex(8192);
    let error = serve(far, Arc::new(limited())).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    drop(idle);
    let folder = folder();
    fs::write(folder.path().join("www/large"), vec![7; 1 << 20]).unwrap();
    let (mut near, far) = duplex(8192);
    near.write_all(b"FILE large\n").await.unwrap();
    let error = serve(far, Arc::new(serving(&folder))).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    let answer = lines(limited(), "CALC 1\nCALC 2\nCALC 3\nCALC 4\n").await;
    assert_eq!(answer, ["OK 1", "OK 2", "OK 3"]);
}

#[tokio::test]
async fn names_are_looked_for_so_many_at_a_time() {
    const ASKED: usize = 1000;
    let (at_once, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (now, peak) = (Arc::clone(&at_once), Arc::clone(&most));
    let resolve = Resolve::new(move |_| {
        let (now, peak) = (Arc::clone(&now), Arc::clone(&peak));
        Box::pin(async move {
            peak.fetch_max(now.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
            // All others have their turn before this one has its answer.
            for _ in 0..3 {
                tokio::task::yield_now().await;
            }
            now.fetch_sub(1, Ordering::Relaxed);
            Ok(Vec::new())
        })
    });
    let asked = (0..ASKED).map(|number| resolve.ask(format!("a{number}.test")));
    let found = futures_util::future::join_all(asked).await;
    assert!(found.iter().all(Result::is_ok));
    assert_eq!((at_once.load(Ordering::Relaxed), most.load(Ordering::Relaxed)), (0, 512));
}
