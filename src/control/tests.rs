use std::os::unix::fs::PermissionsExt;

use super::crowd::HURRY;
use super::*;

/// Runs `test` beside a listener at `path` that says what it was asked.
fn run<T: Send + 'static>(path: &Path, test: impl FnOnce(&Path) -> T + Send + 'static) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = Listener::bind(path).unwrap();
        assert_eq!(listener.path(), path);
        let handle = |request| match request {
            Request::Impair { spec } => Reply::Error(format!("{spec:?}")).into(),
            _ => unreachable!("no test asks for more"),
        };
        let path = path.to_owned();
        tokio::select! {
            () = listener.serve(Handle::current(), handle) => unreachable!("it never ends"),
            result = tokio::task::spawn_blocking(move || test(&path)) => result.unwrap(),
        }
    })
}

fn impair(spec: Option<&str>) -> Request {
    Request::Impair { spec: spec.map(str::to_owned) }
}

/// What comes back for these lines.
fn say(path: &Path, lines: &str) -> String {
    let mut stream = StdStream::connect(path).unwrap();
    stream.write_all(lines.as_bytes()).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut replies = String::new();
    stream.read_to_string(&mut replies).unwrap();
    replies
}

#[test]
fn requests_are_answered_in_their_order() {
    let folder = tempfile::tempdir().unwrap();
    run(&folder.path().join("new/folder/socket"), |path| {
        let mode = fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "only its user may open it");
        let reply = ask(path, &impair(Some("loss=1%"))).unwrap();
        assert_eq!(reply, Reply::Error("Some(\"loss=1%\")".to_owned()));
        assert_eq!(ask(path, &impair(None)).unwrap(), Reply::Error("None".to_owned()));
        let both = "{\"command\":\"impair\",\"spec\":\"clear\"}\n{\"command\":\"impair\"}";
        assert_eq!(say(path, both), "{\"error\":\"Some(\\\"clear\\\")\"}\n{\"error\":\"None\"}\n");
    });
}

#[test]
fn what_is_no_request_is_answered_with_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    run(&folder.path().join("socket"), |path| {
        for bad in [
            "\n",
            "hello\n",
            "{}\n",
            "{\"command\":\"explode\"}\n",
            "{\"command\":\"impair\",\"spec\":7}\n",
            "{\"command\":\"impair\",\"more\":1}\n",
            "{\"command\":\"stats\",\"more\":1}\n",
            "\0\u{fffd}",
        ] {
            let reply = say(path, bad);
            assert!(
                reply.starts_with("{\"error\":\"this is not a request such as "),
                "{bad:?}: {reply}"
            );
            assert_eq!(reply.lines().count(), 1, "{reply}");
        }
        assert_eq!(say(path, ""), "");
        // Whoever sends too much is told, and not listened to any more.
        let mut stream = StdStream::connect(path).unwrap();
        let endless = vec![b'x'; 2 * MAX_LINE as usize];
        // It may be cut off in the middle.
        let _ = stream.write_all(&endless);
        let mut reply = String::new();
        let _ = stream.read_to_string(&mut reply);
        assert!(reply.is_empty() || reply.contains("at most"), "{reply}");
        assert!(ask(path, &impair(None)).is_ok(), "others are served as before");
    });
}

#[test]
fn every_request_is_in_the_documents_and_those_are_understood() {
    let shown = include_str!("../../docs/control.md");
    let rows = shown.lines().filter_map(|line| line.strip_prefix("| `{")?.split_once('`'));
    let requests: Vec<_> = rows.map(|(request, _)| format!("{{{request}")).collect();
    for request in &requests {
        assert!(version::decode(request.as_bytes()).is_ok(), "{request}");
    }
    // Who asks for what there is not is told what there is.
    let unknown = version::decode(b"{\"command\":\"explode\"}").unwrap_err();
    let (_, known) = unknown.split_once("expected one of").unwrap();
    let known: Vec<_> = known.split('`').skip(1).step_by(2).collect();
    assert!(known.len() > 10, "{unknown}");
    for command in known {
        let named = format!("\"command\":\"{command}\"");
        assert!(requests.iter().any(|request| request.contains(&named)), "{command}");
    }
}

#[test]
fn clients_that_say_nothing_make_way_for_those_that_do() {
    let folder = tempfile::tempdir().unwrap();
    run(&folder.path().join("socket"), |path| {
        let mut silent: Vec<_> =
            (0..2 * MAX_CLIENTS).map(|_| StdStream::connect(path).unwrap()).collect();
        for (number, half) in silent.iter_mut().enumerate().filter(|(number, _)| number % 2 == 0) {
            // It may have had to make way already.
            let _ = half.write_all(&b"{\"command\":\"impair\"}\n{\"comm"[number % 4 * 11..]);
        }
        assert_eq!(ask(path, &impair(None)).unwrap(), Reply::Error("None".to_owned()));
        // While nobody waits for its place, it has time.
        drop(silent);
        let mut slow = StdStream::connect(path).unwrap();
        slow.write_all(b"{\"command\":").unwrap();
        assert!(ask(path, &impair(None)).is_ok());
        thread::sleep(2 * HURRY);
        slow.write_all(b"\"impair\"}\n").unwrap();
        assert_eq!(receive(&mut BufReader::new(slow)).unwrap(), Some(Reply::Error("None".into())));
    });
}

#[tokio::test]
async fn where_all_places_are_taken_one_more_is_told_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let listener = Listener::bind(&path).unwrap();
    let handle = |_| {
        let ready = async |mut unix: UnixStream| {
            tell(&mut unix, &Reply::Done { count: 0 }).await?;
            carry::gone(&unix).await;
            Ok(())
        };
        Answer::Tell(Box::new(move |unix| Box::pin(ready(unix))))
    };
    let mut tasks = JoinSet::new();
    tasks.spawn(listener.serve(Handle::current(), handle));
    let asked = tokio::task::spawn_blocking(move || {
        let watch = || ask_for_lines(&path, &impair(None)).unwrap();
        let mut all: Vec<_> = (0..MAX_CLIENTS).map(|_| watch()).collect();
        assert!(all.iter().all(|(reply, _)| *reply == Reply::Done { count: 0 }));
        for _ in 0..3 {
            let (Reply::Error(sentence), _) = watch() else { panic!("there is no place for it") };
            assert!(sentence.starts_with("too many programs (256) are asking"), "{sentence}");
        }
        all.clear();
        while watch().0 != (Reply::Done { count: 0 }) {}
    });
    asked.await.unwrap();
}

#[tokio::test]
async fn sockets_that_carry_something_take_no_place_from_requests() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let mut listener = Listener::bind(&path).unwrap();
    listener.most = 2;
    let place = SocketAddr::from(([10, 9, 0, 2], 7));
    let handle = move |request| match request {
        Request::Impair { .. } => Reply::Error("here".to_owned()).into(),
        _ => Answer::Take(Box::new(move |mut unix| {
            Box::pin(async move {
                tell(&mut unix, &Reply::Open { local: place, peer: None }).await?;
                std::future::pending().await
            })
        })),
    };
    let mut tasks = JoinSet::new();
    tasks.spawn(listener.serve(Handle::current(), handle));
    let request = Request::Connect { to: place, within_ms: None };
    let mut open = Vec::new();
    for _ in 0..2 {
        open.push(carry::open(&path, &request, None).await.unwrap());
    }
    let refused = carry::open(&path, &request, None).await.unwrap_err();
    assert_eq!(refused.to_string(), FULL);
    let asked = tokio::task::spawn_blocking(move || ask(&path, &impair(None)));
    assert_eq!(asked.await.unwrap().unwrap(), Reply::Error("here".to_owned()));
}

#[test]
fn a_socket_that_was_left_over_is_replaced_and_a_live_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    drop(StdListener::bind(&path).unwrap());
    assert!(path.exists(), "std leaves it");
    run(&path, |path| {
        let kind = |path: &Path| listen(path).unwrap_err().kind();
        assert_eq!(kind(path), io::ErrorKind::AddrInUse);
        assert_eq!(make_way(path).unwrap_err().kind(), io::ErrorKind::AddrInUse);
    });
    assert!(!path.exists(), "it takes away its own");
    fs::write(&path, "a file").unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let _inside = runtime.enter();
    assert_eq!(Listener::bind(&path).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
    assert_eq!(fs::read_to_string(&path).unwrap(), "a file");
    fs::remove_file(&path).unwrap();
    let listener = Listener::bind(&path).unwrap();
    // Somebody else's is left alone.
    fs::rename(&path, folder.path().join("moved")).unwrap();
    fs::write(&path, "a file").unwrap();
    drop(listener);
    assert!(path.exists());
}

#[test]
fn nobody_there_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    assert_eq!(ask(&path, &impair(None)).unwrap_err().kind(), io::ErrorKind::NotFound);
    drop(StdListener::bind(&path).unwrap());
    assert_eq!(ask(&path, &impair(None)).unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
}
