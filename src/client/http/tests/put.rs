use super::*;

async fn send(
    world: &World,
    text: &[u8],
    name: &str,
    url: &str,
) -> Result<(Done, Reply, Vec<u8>), HttpError> {
    let path = world.folder.path().join(name);
    fs::write(&path, text).unwrap();
    Upload { path, url: target(url).unwrap() }.run(&world.dialer, |_| {}).await
}

#[tokio::test]
async fn a_file_arrives_with_its_length() {
    let text: Vec<u8> = (0..300_000_u32).map(|n| b'a' + (n % 23) as u8).collect();
    let stored = || says("HTTP/1.1 201 Created\r\nContent-Length: 8\r\n\r\nStored.\n");
    let world = world(20_000, vec![stored(), stored()]).await;
    let (done, reply, words) = send(&world, &text, "ä file", "10.9.0.2/upload/").await.unwrap();
    assert_eq!(done, Done { len: 300_000, had: 0, sha256: sum(&text) });
    assert_eq!((reply.head.status(), &words[..]), (StatusCode::CREATED, &b"Stored.\n"[..]));
    send(&world, b"", "empty", "10.9.0.2/name").await.unwrap();
    let asked = world.asked();
    let (head, body) = asked[0].split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("PUT /upload/%C3%A4%20file HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("\r\ncontent-length: 300000"), "{head}");
    assert!(body.as_bytes() == text);
    assert!(asked[1].starts_with("PUT /name HTTP/1.1\r\n"), "{}", asked[1]);
    assert!(asked[1].contains("\r\ncontent-length: 0\r\n"), "{}", asked[1]);
}

#[tokio::test]
async fn what_was_not_stored_is_a_failure() {
    let early = "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n";
    let texts = vec![
        (says("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"), "403 Forbidden"),
        (says("HTTP/1.1 308 Moved\r\nLocation: /there\r\n\r\n"), "but at http://10.9.0.2/there"),
        (Says::AndWaits(early.into()), "answers 201 Created when it has"),
        (Says::AndWaits(Vec::new()), "has sent nothing for 2s"),
        (Says::AndResets(Vec::new()), "the connection to 10.9.0.2 has failed"),
        (says(""), "the connection to 10.9.0.2 has failed"),
    ];
    let (texts, parts): (Vec<Says>, Vec<&str>) = texts.into_iter().unzip();
    let world = world(2000, texts).await;
    for part in parts {
        let sent = send(&world, &vec![b'a'; 5_000_000], "file", "10.9.0.2/file").await;
        let error = sent.err().expect(part).to_string();
        assert!(error.contains(part), "{part}: {error}");
    }
}

/// A server that reads slowly, but reads, is waited for.
#[tokio::test(start_paused = true)]
async fn as_long_as_something_moves_it_goes_on() {
    let moved = std::cell::Cell::new(0);
    let limit = Duration::from_secs(10);
    let moves = async |times: u64, wait: u64| {
        for _ in 0..times {
            tokio::time::sleep(Duration::from_secs(wait)).await;
            moved.set(moved.get() + LEAST);
        }
        times
    };
    let sent = || (moved.get(), 0);
    let drops = || (moved.get() / LEAST, 0);
    let read = || (0, moved.get());
    assert_eq!(while_moving(limit, sent, moves(20, 9)).await, Ok(20));
    assert_eq!(while_moving(limit, sent, moves(20, 21)).await, Err(Stuck::Silent));
    assert_eq!(while_moving(limit, || (0, 0), moves(1, 9)).await, Ok(1));
    assert_eq!(while_moving(limit, || (0, 0), moves(2, 9)).await, Err(Stuck::Silent));
    // What goes or comes in drops is waited for too, but not for ever.
    assert_eq!(while_moving(limit, drops, moves(10, 9)).await, Ok(10));
    assert_eq!(while_moving(limit, drops, moves(20, 9)).await, Err(Stuck::Slow));
    assert_eq!(while_moving(limit, read, moves(10, 9)).await, Ok(10));
    assert_eq!(while_moving(limit, read, moves(20, 9)).await, Err(Stuck::Drops(11)));
}

#[tokio::test]
async fn what_cannot_be_read_is_a_sentence() {
    let world = world(20_000, vec![]).await;
    let pipe = world.folder.path().join("pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    for (path, part) in [
        (pipe, "it is not a file"),
        (world.folder.path().join("nothing"), "No such file"),
        (world.folder.path().to_owned(), "it is not a file"),
        ("/dev/zero".into(), "it is not a file"),
    ] {
        let upload = Upload { path, url: target("10.9.0.2/").unwrap() };
        let error = upload.run(&world.dialer, |_| {}).await.err().unwrap().to_string();
        assert!(error.contains("cannot read") && error.contains(part), "{error}");
    }
}
