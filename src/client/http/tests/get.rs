use std::os::unix::fs::{PermissionsExt, symlink};

use tokio::io::{DuplexStream, duplex};

use super::super::{part, place};
use super::*;

/// The client's end of it, for a file of that name in the folder of `world`.
async fn fetch(world: &World, name: &str, keep: bool) -> Result<Done, HttpError> {
    let output = Output::File { path: world.folder.path().join(name), keep };
    let download = Download { url: target("10.9.0.2/file").unwrap(), output, sha256: None };
    download.run(&world.dialer, |_| {}).await
}

/// A reply with a body of its length.
fn whole(text: &[u8], fields: &str) -> Says {
    let mut reply =
        format!("HTTP/1.1 200 OK\r\n{fields}Content-Length: {}\r\n\r\n", text.len()).into_bytes();
    reply.extend(text);
    Says::This(reply)
}

const TAG: &str = "ETag: \"one\"\r\n";

#[tokio::test]
async fn a_file_has_its_name_when_it_is_whole() {
    let text: Vec<u8> = (0..500_000_u32).map(|n| (n % 251) as u8).collect();
    let world = world(20_000, vec![whole(&text, ""), whole(b"", ""), whole(b"new", "")]).await;
    let done = fetch(&world, "file", false).await.unwrap();
    assert_eq!(done, Done { len: 500_000, had: 0, sha256: sum(&text) });
    assert_eq!(fs::read(world.folder.path().join("file")).unwrap(), text);
    let done = fetch(&world, "empty", true).await.unwrap();
    assert_eq!(done, Done { len: 0, had: 0, sha256: sum(b"") });
    // It replaces what a link leads to, with the rights that this has.
    let private = fs::Permissions::from_mode(0o600);
    fs::set_permissions(world.folder.path().join("file"), private).unwrap();
    symlink("file", world.folder.path().join("link")).unwrap();
    fetch(&world, "link", false).await.unwrap();
    let file = world.folder.path().join("file");
    assert_eq!(fs::read(&file).unwrap(), b"new");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(world.files(), ["empty", "file", "link"]);
    assert!(fs::symlink_metadata(world.folder.path().join("link")).unwrap().is_symlink());
    let request = &world.asked()[0];
    assert!(request.starts_with("GET /file HTTP/1.1\r\nhost: 10.9.0.2\r\n"), "{request}");
}

/// Without a length the end of the connection is the end of the body; chunks have an end of their own.
#[tokio::test]
async fn bodies_end_in_three_ways() {
    let until_closed = "HTTP/1.1 200 OK\r\n\r\nhello";
    let chunked =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n";
    let world = world(20_000, vec![says(until_closed), says(chunked), whole(b"hello", "")]).await;
    for _ in 0..3 {
        let done = fetch(&world, "file", false).await.unwrap();
        assert_eq!((done.len, done.sha256), (5, sum(b"hello")));
    }
}

#[tokio::test]
async fn what_is_not_whole_has_no_name() {
    let short = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhel";
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n";
    let texts = vec![
        (says(short), "after 3 of 10 bytes"),
        (Says::AndResets(short.into()), "after 3 of 10 bytes"),
        (says(chunked), "cut off after 3 bytes"),
        (says(&format!("{chunked}xyz\r\n")), "is not HTTP/1.1"),
        (says(&chunked.replace("hel\r\n", "hello\r\n")), "is not HTTP/1.1"),
        (Says::AndWaits(short.into()), "has sent nothing for 2s"),
        (Says::AndWaits(Vec::new()), "10.9.0.2 has sent nothing for 2s"),
        (says(""), "it has ended without an answer"),
        (says("HTTP/1.1 200 O"), "it has ended without an answer"),
        (says("SSH-2.0-OpenSSH\r\n\r\n"), "is not HTTP/1.1"),
        (says(&format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(200))), "is not HTTP/1.1"),
        (Says::AndWaits(vec![b'a'; 100_000]), "is not HTTP/1.1"),
        (says("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"), "is not HTTP/1.1"),
        (says("HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno"), "404 Not Found"),
        (says("HTTP/1.1 500 \r\n\r\n"), "500 Internal Server Error"),
        (says("HTTP/1.1 304 Not Modified\r\n\r\n"), "304 Not Modified"),
        (says("HTTP/1.1 206 Partial Content\r\nContent-Length: 2\r\n\r\nab"), "another part"),
        (says("HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n"), "does not say where"),
    ];
    let (texts, parts): (Vec<Says>, Vec<&str>) = texts.into_iter().unzip();
    let world = world(2000, texts).await;
    fs::write(world.folder.path().join("file"), "old").unwrap();
    for part in parts {
        let error = fetch(&world, "file", false).await.expect_err(part).to_string();
        assert!(error.contains(part), "{part}: {error}");
        assert_eq!(world.files(), ["file"], "{part}");
    }
    assert_eq!(fs::read(world.folder.path().join("file")).unwrap(), b"old");
}

#[tokio::test]
async fn redirections_are_followed_and_end() {
    let to = |place: &str| {
        says(&format!("HTTP/1.1 301 Moved\r\nLocation: {place}\r\nContent-Length: 0\r\n\r\n"))
    };
    let mut texts = vec![
        to("/b/c?d"),
        to("../e"),
        to("http://10.9.0.2/f"),
        whole(b"here", ""),
        to("https://10.9.0.2/"),
        to("http://[/"),
        to("ftp://10.9.0.2/"),
        to("//10.9.0.2:81/"),
    ];
    texts.extend((0..11).map(|_| to("/file")));
    let world = world(20_000, texts).await;
    assert_eq!(fetch(&world, "file", false).await.unwrap().len, 4);
    let lines: Vec<String> =
        world.asked().iter().map(|request| request.lines().next().unwrap().to_owned()).collect();
    let expected = ["GET /file ", "GET /b/c?d ", "GET /e ", "GET /f "];
    assert_eq!(lines, expected.map(|line| format!("{line}HTTP/1.1")));
    for part in [
        "TLS",
        "no URL",
        "begin with http://",
        "10.9.0.2:81: connection refused",
        "more than 10 times",
    ] {
        let error = fetch(&world, "file", false).await.expect_err(part).to_string();
        assert!(error.contains(part), "{part}: {error}");
    }
}

#[tokio::test]
async fn a_part_is_kept_and_continued() {
    let short = format!("HTTP/1.1 200 OK\r\n{TAG}Content-Length: 10\r\n\r\n0123");
    let rest = "HTTP/1.1 206 Partial Content\r\nETag: \"one\"\r\nContent-Range: bytes 4-9/10\r\n\
                Content-Length: 6\r\n\r\n";
    let texts = vec![
        says(&short),
        says(&format!("{rest}45")),
        says(&{ rest.replace("4-9", "6-9").replace("h: 6", "h: 4") + "6789" }),
    ];
    let world = world(20_000, texts).await;
    for kept in ["0123", "012345"] {
        let error = fetch(&world, "file", true).await.unwrap_err().to_string();
        assert!(error.contains("the body ends after"), "{error}");
        assert_eq!(world.files(), ["file.part", "file.part.from"]);
        assert_eq!(fs::read(world.folder.path().join("file.part")).unwrap(), kept.as_bytes());
    }
    let done = fetch(&world, "file", true).await.unwrap();
    assert_eq!(done, Done { len: 10, had: 6, sha256: sum(b"0123456789") });
    assert_eq!(fs::read(world.folder.path().join("file")).unwrap(), b"0123456789");
    assert_eq!(world.files(), ["file"]);
    let asked = world.asked();
    assert!(!asked[0].contains("range"), "{}", asked[0]);
    assert!(asked[1].contains("\r\nrange: bytes=4-\r\nif-range: \"one\"\r\n"), "{}", asked[1]);
    assert!(asked[2].contains("\r\nrange: bytes=6-\r\n"), "{}", asked[2]);
}

/// A rest that has no length of its own must have that of its range, and who does not say how long the whole is has
/// not said that this is its end.
#[tokio::test]
async fn a_rest_is_as_long_as_it_says() {
    let short = format!("HTTP/1.1 200 OK\r\n{TAG}Content-Length: 10\r\n\r\n0123");
    let rest = |range: &str, body: &str| {
        let head = "HTTP/1.1 206 Partial Content\r\nETag: \"one\"\r\nContent-Range: bytes";
        says(&format!("{head} {range}\r\n{body}"))
    };
    let chunked = |text: &str| {
        format!("Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{text}\r\n0\r\n\r\n", text.len())
    };
    for (reply, part, kept) in [
        (rest("4-9/10", "\r\n45"), "the body ends after 2 of 6 bytes", "012345"),
        (rest("4-9/10", &chunked("45")), "the body ends after 2 of 6 bytes", "012345"),
        (rest("4-9/10", "\r\n4567890"), "more than the 6 bytes that it names", "0123"),
        (rest("4-9/10", &chunked("4567890")), "more than the 6 bytes that it names", "0123"),
    ] {
        let world = world(20_000, vec![says(&short), reply]).await;
        fetch(&world, "file", true).await.unwrap_err();
        let error = fetch(&world, "file", true).await.unwrap_err().to_string();
        assert!(error.contains(part), "{part}: {error}");
        assert_eq!(world.files(), ["file.part", "file.part.from"]);
        assert_eq!(fs::read(world.folder.path().join("file.part")).unwrap(), kept.as_bytes());
    }
    for replies in [
        vec![rest("4-9/10", "\r\n456789")],
        vec![rest("4-9/10", &chunked("456789"))],
        vec![rest("4-6/*", "\r\n456"), whole(b"0123456789", TAG)],
    ] {
        let texts = std::iter::once(says(&short)).chain(replies).collect();
        let world = world(20_000, texts).await;
        fetch(&world, "file", true).await.unwrap_err();
        assert_eq!(fetch(&world, "file", true).await.unwrap().sha256, sum(b"0123456789"));
        assert_eq!(world.files(), ["file"]);
    }
}

/// A pipe is written when somebody reads from it, and waiting for that stops nothing else.
#[tokio::test]
async fn a_pipe_without_a_reader_is_waited_for() {
    let world = world(20_000, vec![whole(b"text", "")]).await;
    let pipe = world.folder.path().join("pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let reading = async {
        tokio::task::yield_now().await;
        assert!(world.asked().is_empty());
        tokio::task::spawn_blocking(move || fs::read(pipe)).await.unwrap().unwrap()
    };
    let (done, read) = tokio::join!(fetch(&world, "pipe", false), reading);
    assert_eq!((done.unwrap().len, &read[..]), (4, &b"text"[..]));
}

/// Between opening a part and locking it, the one that had it may have finished.
#[test]
fn a_part_is_the_file_that_has_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("part");
    fs::write(&path, "").unwrap();
    let file = fs::File::open(&path).unwrap();
    assert!(place::is_at(&file, &path));
    fs::rename(&path, folder.path().join("whole")).unwrap();
    assert!(!place::is_at(&file, &path));
    fs::write(&path, "").unwrap();
    assert!(!place::is_at(&file, &path));
}

#[tokio::test]
async fn what_has_changed_begins_anew() {
    let short =
        |fields: &str| says(&format!("HTTP/1.1 200 OK\r\n{fields}Content-Length: 10\r\n\r\n0123"));
    let none = "HTTP/1.1 416 Range Not Satisfiable\r\nContent-Range: bytes */3\r\nContent-Length: 0\r\n\r\n";
    let new = "ETag: \"two\"\r\n";
    // What the first try is told of its version, and what is said then; the last reply is the whole new one.
    for (fields, then, ranges) in [
        (TAG, vec![], 1),
        (TAG, vec![says(none)], 1),
        ("ETag: W/\"one\"\r\n", vec![], 0),
        ("", vec![], 0),
        (
            "Last-Modified: Sat, 28 Nov 2026 10:00:00 GMT\r\nDate: Sat, 28 Nov 2026 10:00:00 GMT\r\n",
            vec![],
            0,
        ),
        (
            "Last-Modified: Sat, 28 Nov 2026 10:00:00 GMT\r\nDate: Sat, 28 Nov 2026 10:00:01 GMT\r\n",
            vec![],
            1,
        ),
    ] {
        let texts = std::iter::once(short(fields)).chain(then).chain([whole(b"new", new)]);
        let world = world(20_000, texts.collect()).await;
        fetch(&world, "file", true).await.unwrap_err();
        let done = fetch(&world, "file", true).await.unwrap();
        assert_eq!(done, Done { len: 3, had: 0, sha256: sum(b"new") }, "{fields}");
        assert_eq!(fs::read(world.folder.path().join("file")).unwrap(), b"new");
        assert_eq!(world.files(), ["file"]);
        let asked = world.asked();
        let asked = asked.iter().filter(|request| request.contains("\r\nif-range: ")).count();
        assert_eq!(asked, ranges, "{fields}");
    }
}

#[tokio::test]
async fn a_part_of_something_else_is_not_taken() {
    let short = || says(&format!("HTTP/1.1 200 OK\r\n{TAG}Content-Length: 10\r\n\r\n0123"));
    for fields in [
        "",
        "Content-Range: bytes 3-9/10\r\n",
        "Content-Range: bytes 4-8/10\r\n",
        "Content-Range: bytes +4-+9/+10\r\n",
        "Content-Range: bytes 4-3/4\r\n",
        "Content-Range: bytes 4-18446744073709551615/*\r\n",
        "Content-Range: bytes */10\r\n",
        "Content-Range: lines 4-9/10\r\n",
    ] {
        let other =
            format!("HTTP/1.1 206 Partial Content\r\n{fields}Content-Length: 6\r\n\r\n456789");
        let world = world(20_000, vec![short(), says(&other)]).await;
        fetch(&world, "file", true).await.unwrap_err();
        let error = fetch(&world, "file", true).await.expect_err(fields).to_string();
        assert!(error.contains("another part"), "{fields}: {error}");
        assert_eq!(fs::read(world.folder.path().join("file.part")).unwrap(), b"0123");
    }
}

/// A server that is not sure of the version of a young file may be when the rest is asked for.
#[tokio::test]
async fn a_version_may_be_known_better_meanwhile() {
    let date =
        "Last-Modified: Sat, 28 Nov 2026 10:00:00 GMT\r\nDate: Sat, 28 Nov 2026 10:00:09 GMT\r\n";
    let young = format!("ETag: W/\"one\"\r\n{date}");
    let short =
        |fields: &str| says(&format!("HTTP/1.1 200 OK\r\n{fields}Content-Length: 10\r\n\r\n0123"));
    let rest = |fields: &str| {
        let head = "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 4-9/10\r\n";
        says(&format!("{head}{fields}Content-Length: 6\r\n\r\n456789"))
    };
    let old = format!("{TAG}{date}");
    let later = old.replace("28 Nov 2026 10:00:00", "28 Nov 2026 10:00:01");
    for (before, after, had) in [
        (&young, &old, 4),
        (&young, &young, 4),
        (&young, &String::new(), 4),
        (&young, &later, 0),
        (&TAG.to_owned(), &"ETag: \"two\"\r\n".to_owned(), 0),
        (&TAG.to_owned(), &later, 4),
    ] {
        let texts = vec![short(before), rest(after), whole(b"0123456789", after)];
        let world = world(20_000, texts).await;
        fetch(&world, "file", true).await.unwrap_err();
        let done = fetch(&world, "file", true).await.unwrap();
        assert_eq!(done, Done { len: 10, had, sha256: sum(b"0123456789") }, "{before}{after}");
        assert_eq!(world.files(), ["file"]);
    }
}

/// 100 and its like may come before the answer (RFC 9110 15.2), but not for ever.
#[tokio::test]
async fn heads_without_an_end_are_no_answer() {
    let heads = "HTTP/1.1 100 Continue\r\n\r\n".repeat(20_000);
    let some = "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(100);
    let texts = vec![
        Says::AndWaits(heads.into()),
        says(&format!("{some}HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")),
    ];
    let world = world(20_000, texts).await;
    let error = fetch(&world, "file", false).await.unwrap_err().to_string();
    assert!(error.contains("is not HTTP/1.1 (one head after another"), "{error}");
    assert_eq!(fetch(&world, "file", false).await.unwrap().len, 2);
}

/// What the server at the other end of a pipe answers.
async fn answer(near: DuplexStream, limit: Duration) -> Reply {
    let (mut sender, driver) = http1::handshake(TokioIo::new(near)).await.unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(async { drop(driver.await) });
    let url = target("10.9.0.2/").unwrap();
    let asked = request(Method::GET, &url, &HeaderMap::new(), Empty::<Bytes>::new()).unwrap();
    let (head, body) = sender.send_request(asked).await.unwrap().into_parts();
    let head = Response::from_parts(head, ());
    Reply { head, url, body, timeout: limit, patience: (limit, 0), taken: 0, driver: tasks }
}

/// A kilobyte has to come in each time-out, though it come in drops.
#[tokio::test(start_paused = true)]
async fn a_body_that_drips_is_given_up() {
    let limit = Duration::from_secs(10);
    // How many bytes come each second, and for how long one waits; one that is read to its end is not given up.
    for (drop, seconds) in [(1, Some(10)), (90, Some(10)), (120, None)] {
        let (near, mut far) = duplex(1 << 16);
        let server = tokio::spawn(async move {
            assert!(far.read(&mut [0; 4096]).await? > 0);
            far.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 12000\r\n\r\n").await?;
            for _ in 0..100 {
                far.write_all(&vec![b'x'; drop]).await?;
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            io::Result::Ok(())
        });
        let mut reply = answer(near, limit).await;
        let begun = Instant::now();
        let end = loop {
            match reply.piece().await {
                Ok(Some(_)) => {}
                Ok(None) => break None,
                Err(error) => break Some(error.to_string()),
            }
        };
        match seconds {
            Some(seconds) => {
                let error = end.unwrap();
                assert!(error.contains("less than 1024 bytes in 10s"), "{error}");
                assert_eq!(begun.elapsed().as_secs(), seconds, "{drop}");
            }
            None => assert_eq!(end, None),
        }
        server.abort();
    }
}

#[tokio::test]
async fn a_connection_that_ends_before_the_request_is_no_other_protocol() {
    let (near, far) = duplex(1 << 16);
    let (mut sender, driver) = http1::handshake(TokioIo::new(near)).await.unwrap();
    drop(far);
    let _ = driver.await;
    let url = target("10.9.0.2/").unwrap();
    let asked = request(Method::GET, &url, &HeaderMap::new(), Empty::<Bytes>::new()).unwrap();
    let error = sender.send_request(asked).await.unwrap_err();
    assert_eq!(in_words(&error), "it has ended without an answer");
}

#[tokio::test]
async fn nothing_is_left_of_a_part_without_bytes_and_two_do_not_write_one() {
    let refused = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
    let world = world(20_000, vec![says(refused)]).await;
    fetch(&world, "file", true).await.unwrap_err();
    assert_eq!(world.files(), Vec::<String>::new());
    let part = fs::File::create(world.folder.path().join("file.part")).unwrap();
    part.lock().unwrap();
    let error = fetch(&world, "file", true).await.unwrap_err().to_string();
    assert!(error.contains("another glasstcp is writing"), "{error}");
}

#[tokio::test]
async fn another_sum_than_the_wanted_one_leaves_nothing() {
    for keep in [false, true] {
        let world = world(20_000, vec![whole(b"text", TAG), whole(b"text", TAG)]).await;
        for (wanted, right) in [(sum(b"other"), false), (sum(b"text"), true)] {
            let output = Output::File { path: world.folder.path().join("file"), keep };
            let url = target("10.9.0.2/file").unwrap();
            let download = Download { url, output, sha256: Some(wanted) };
            let done = download.run(&world.dialer, |_| {}).await;
            assert_eq!(done.is_ok(), right);
            let files: &[&str] = if right { &["file"] } else { &[] };
            assert_eq!(world.files(), files);
        }
    }
}

#[tokio::test]
async fn what_cannot_be_written_is_a_sentence() {
    // Who cannot write it does not take all of it.
    let long = ["HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n".as_bytes(), &[7; 200_000]];
    let texts = vec![Says::AndWaits(long.concat()), whole(b"text", "")];
    let world = world(20_000, texts).await;
    let get = async |path: &str| {
        let output = Output::File { path: world.folder.path().join(path), keep: false };
        let url = target("10.9.0.2/file").unwrap();
        Download { url, output, sha256: None }.run(&world.dialer, |_| {}).await
    };
    fs::write(world.folder.path().join("file"), "").unwrap();
    for (path, part) in [
        ("/dev/full", "cannot write /dev/full: No space left on device"),
        ("", "is a directory"),
        ("nowhere/file", "there is no such folder"),
        ("file/file", "cannot write"),
        (&"a".repeat(300), "cannot write"),
    ] {
        let error = get(path).await.expect_err(path).to_string();
        assert!(error.contains(part), "{path}: {error}");
        assert!(!error.contains(".part"), "{path}: {error}");
    }
    assert_eq!(get("/dev/null").await.unwrap().len, 4);
    assert_eq!(world.files(), ["file"]);
    assert_eq!(world.asked().len(), 2, "what cannot be written is not asked for");
}

#[tokio::test]
async fn a_stream_takes_all_of_it_or_ends_it() {
    let text = vec![9; 3_000_000];
    let world = world(20_000, vec![whole(&text, ""), whole(&text, "")]).await;
    let fetch = async |stream| {
        let output = Output::Stream(Box::new(stream), "to the pipe".to_owned());
        let url = target("10.9.0.2/file").unwrap();
        Download { url, output, sha256: None }.run(&world.dialer, |_| {}).await
    };
    let (mut reader, writer) = std::io::pipe().unwrap();
    let reading = std::thread::spawn(move || {
        let mut read = Vec::new();
        std::io::Read::read_to_end(&mut reader, &mut read).unwrap();
        read
    });
    assert_eq!(fetch(writer).await.unwrap().sha256, sum(&text));
    assert!(reading.join().unwrap() == text);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let error = fetch(writer).await.unwrap_err().to_string();
    assert!(error.starts_with("cannot write to the pipe: Broken pipe"), "{error}");
}

#[test]
fn a_version_is_a_strong_tag_or_an_old_date() {
    let version = |fields: &[(&'static str, &'static str)]| {
        let fields = fields.iter().map(|(name, value)| {
            (header::HeaderName::from_static(name), HeaderValue::from_static(value))
        });
        part::version(&fields.collect()).map(|value| value.to_str().unwrap().to_owned())
    };
    const TEN: &str = "Sat, 28 Nov 2026 10:00:00 GMT";
    const LATER: &str = "Sat, 28 Nov 2026 10:00:01 GMT";
    assert_eq!(version(&[]), None);
    assert_eq!(version(&[("etag", "\"a\"")]), Some("\"a\"".to_owned()));
    assert_eq!(version(&[("etag", "W/\"a\"")]), None);
    assert_eq!(version(&[("last-modified", TEN)]), None);
    assert_eq!(version(&[("last-modified", TEN), ("date", TEN)]), None);
    assert_eq!(version(&[("last-modified", LATER), ("date", TEN)]), None);
    let old = [("etag", "W/\"a\""), ("last-modified", TEN), ("date", LATER)];
    assert_eq!(version(&old), Some(TEN.to_owned()));
}
