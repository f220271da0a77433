use std::fs;
use std::sync::Arc;

use tokio::io::{duplex, sink};
use tokio::task::JoinSet;

use super::*;
use crate::client::Sockets;
use crate::device::memory;
use crate::net::{Net, TcpListener};
use crate::runtime;
use crate::service::{Service, ServiceContext, Www, serve_listener};
use crate::stack::{Config, Stack};

const PATIENCE: Duration = Duration::from_secs(600);

/// What becomes of a task whose server answers with this and then closes.
async fn asked(task: Task, answer: &[u8]) -> (Result<Done, TaskError>, Vec<u8>) {
    let (near, mut far) = duplex(1 << 20);
    far.write_all(answer).await.unwrap();
    far.shutdown().await.unwrap();
    let mut kept = Vec::new();
    let done = Asker::new(near, PATIENCE).ask(&task, &mut kept).await;
    let mut request = String::new();
    BufReader::new(far).read_line(&mut request).await.unwrap();
    assert_eq!(request, format!("{task}\n"));
    (done, kept)
}

fn file() -> Task {
    Task::File("abc".to_owned())
}

fn calc() -> Task {
    Task::Calc("1".to_owned())
}

const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

#[tokio::test]
async fn answers_are_read() {
    let (done, _) = asked(calc(), b"OK 14\r\n").await;
    assert_eq!(done.unwrap(), Done::Text("14".to_owned()));
    let (done, _) = asked(Task::Dns("x".to_owned()), b"OK 192.0.2.1 2001:db8::1\n").await;
    assert_eq!(done.unwrap(), Done::Text("192.0.2.1 2001:db8::1".to_owned()));
    let (done, kept) = asked(file(), format!("OK 3 {ABC}\nabcOK 1\n").as_bytes()).await;
    assert_eq!((done.unwrap(), &kept[..]), (Done::File(3), &b"abc"[..]));
    let upper = format!("OK 3 {}\nabc", ABC.to_uppercase());
    assert_eq!(asked(file(), upper.as_bytes()).await.0.unwrap(), Done::File(3));
}

#[tokio::test]
async fn whatever_a_server_does_is_a_sentence() {
    let changed = format!("OK 3 {ABC}\nabd");
    let short = format!("OK 4 {ABC}\nabc");
    let plus = format!("OK +3 {ABC}\nabc");
    let endless = vec![b'x'; 1 << 17];
    for (task, answer, part) in [
        (calc(), &b"ERR division by \x1bzero\n"[..], "division by ?zero"),
        (calc(), "ERR a\u{202e}b\u{2067}c\u{2028}d".as_bytes(), "has closed the connection"),
        (calc(), "ERR a\u{202e}b\u{2067}c\u{2028}d\n".as_bytes(), "a?b?c?d"),
        (calc(), b"OK\n", "does not speak the protocol of tasks: it answers \"OK\""),
        (calc(), b"OK  \n", "does not speak the protocol"),
        (Task::Dns("x".to_owned()), b"OK\n", "does not speak the protocol"),
        (calc(), b"", "has closed the connection"),
        (calc(), b"OK 1", "has closed the connection"),
        (calc(), b"ER", "has closed the connection"),
        (calc(), b"Goodbye", "does not speak the protocol"),
        (calc(), b"HTTP/1.1 400 Bad Request\n", "does not speak the protocol"),
        (calc(), b"\xff\n", "does not speak the protocol"),
        (calc(), &endless, "does not speak the protocol"),
        (file(), b"OK 3\n", "does not speak the protocol"),
        (file(), b"OK -3 ba78\n", "does not speak the protocol"),
        (file(), plus.as_bytes(), "does not speak the protocol"),
        (file(), b"OK 99999999999999999999999 ba78\n", "does not speak the protocol"),
        (file(), changed.as_bytes(), "has arrived changed"),
        (file(), short.as_bytes(), "has closed the connection"),
    ] {
        let error = asked(task, answer).await.0.unwrap_err();
        assert!(error.to_string().contains(part), "{error}");
        let goes_on = matches!(error, TaskError::Refused(_) | TaskError::Changed { .. });
        assert_eq!(error.goes_on(), goes_on, "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_server_is_given_up() {
    let header = format!("OK 3 {ABC}\n");
    for (task, answer, seconds) in
        [(calc(), "", 600), (calc(), "OK", 600), (file(), "OK", 2400), (file(), &header, 600)]
    {
        let (near, mut far) = duplex(1 << 20);
        far.write_all(answer.as_bytes()).await.unwrap();
        let begun = tokio::time::Instant::now();
        let error = Asker::new(near, PATIENCE).ask(&task, &mut sink()).await.unwrap_err();
        let sentence = format!("nothing has come from the server for {seconds}s");
        assert_eq!((error.to_string(), error.goes_on()), (sentence, false), "{answer}");
        assert_eq!(begun.elapsed(), Duration::from_secs(seconds));
    }
}

/// Byte for byte, each long before one would lose patience.
#[tokio::test(start_paused = true)]
async fn a_server_that_drips_is_given_up() {
    for (task, head) in [(calc(), "OK "), (file(), &format!("OK 99999 {ABC}\n"))] {
        let (near, mut far) = duplex(1 << 20);
        far.write_all(head.as_bytes()).await.unwrap();
        let drip = async {
            loop {
                tokio::time::sleep(PATIENCE / 2 - Duration::from_secs(1)).await;
                far.write_all(b"1").await.unwrap();
            }
        };
        let begun = tokio::time::Instant::now();
        let (mut asker, mut into) = (Asker::new(near, PATIENCE), sink());
        let error = tokio::select! {
            asked = asker.ask(&task, &mut into) => asked.unwrap_err(),
            () = drip => unreachable!("it drips for ever"),
        };
        assert!(matches!(error, TaskError::Silent(_) | TaskError::Slow(_)) && !error.goes_on());
        assert_eq!(begun.elapsed(), PATIENCE, "{error}");
    }
}

/// Nothing is written of what cannot be kept.
#[tokio::test]
async fn a_file_for_which_there_is_no_room_is_not_begun() {
    let (near, mut far) = duplex(1 << 20);
    far.write_all(format!("OK {} {ABC}\nabc", u64::MAX).as_bytes()).await.unwrap();
    let (mut kept, mut asked) = (Vec::new(), None);
    let room = |len| {
        asked = Some(len);
        Err(io::ErrorKind::StorageFull.into())
    };
    let error = Asker::new(near, PATIENCE).ask_for(&file(), room, &mut kept).await.unwrap_err();
    assert!(matches!(error, TaskError::Sink(_)) && !error.goes_on(), "{error}");
    assert_eq!((asked, kept.len()), (Some(u64::MAX), 0));
}

#[tokio::test]
async fn what_is_no_line_is_not_asked() {
    let (near, far) = duplex(1 << 20);
    let mut asker = Asker::new(near, PATIENCE);
    for name in ["a\nQUIT", "a\rb", &"x".repeat(LINE_MAX)] {
        let error = asker.ask(&Task::File(name.to_owned()), &mut sink()).await.unwrap_err();
        assert!(matches!(error, TaskError::Line) && error.goes_on());
    }
    drop(asker);
    assert_eq!(BufReader::new(far).read_line(&mut String::new()).await.unwrap(), 0);
}

/// A sink that is full after so many bytes.
struct Full(Vec<u8>, usize);

impl AsyncWrite for Full {
    fn poll_write(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
        text: &[u8],
    ) -> std::task::Poll<io::Result<usize>> {
        if self.0.len() + text.len() > self.1 {
            return std::task::Poll::Ready(Err(io::ErrorKind::StorageFull.into()));
        }
        self.0.extend_from_slice(text);
        std::task::Poll::Ready(Ok(text.len()))
    }

    fn poll_flush(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<io::Result<()>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn poll_shutdown(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<io::Result<()>> {
        std::task::Poll::Ready(Ok(()))
    }
}

#[tokio::test]
async fn a_full_disk_ends_the_task() {
    let (near, mut far) = duplex(1 << 20);
    far.write_all(format!("OK 3 {ABC}\nabc").as_bytes()).await.unwrap();
    let error = Asker::new(near, PATIENCE).ask(&file(), &mut Full(Vec::new(), 2)).await;
    let error = error.unwrap_err();
    assert!(matches!(error, TaskError::Sink(_)) && !error.goes_on(), "{error}");
}

/// A stack with a server of tasks over `www`, and another that reaches it.
fn world(www: &std::path::Path, tasks: &mut JoinSet<()>) -> (Net, Net) {
    let (one, other) = memory::pair(1500);
    let mut start = |host: u8, device| {
        let config = Config::new([10, 9, 0, host].into(), 24, [host; 32]);
        let (net, driver) = runtime::start(Stack::new(config), device).unwrap();
        tasks.spawn(async { drop(driver.await) });
        net
    };
    let (near, far) = (start(1, one), start(2, other));
    let context =
        Arc::new(ServiceContext { www: Some(Www::open(www).unwrap()), ..Default::default() });
    let server = far.clone();
    tasks.spawn(async move {
        let listener = TcpListener::bind(&server, ([0, 0, 0, 0], 12345)).await.unwrap();
        serve_listener(listener, Service::Tasks, context).await;
    });
    (near, far)
}

/// Clients at the same time.
const CROWD: usize = 1000;

#[tokio::test]
async fn a_thousand_clients_at_once_are_all_served_right() {
    let folder = tempfile::tempdir().unwrap();
    let text: Vec<u8> = (0..20_000).map(|n: u32| (n * 7) as u8).collect();
    fs::write(folder.path().join("file"), &text).unwrap();
    let mut world_tasks = JoinSet::new();
    let (near, far) = world(folder.path(), &mut world_tasks);
    let all_are_open = Arc::new(tokio::sync::Barrier::new(CROWD));
    let mut clients = JoinSet::new();
    for number in 0..CROWD {
        let (near, all_are_open, text) = (near.clone(), all_are_open.clone(), text.clone());
        clients.spawn(async move {
            let stream = Sockets::Stack(near).connect(([10, 9, 0, 2], 12345).into()).await.unwrap();
            let mut asker = Asker::new(stream, PATIENCE);
            let sum = Task::Calc(format!("{number}*2+1"));
            let done = asker.ask(&sum, &mut sink()).await.unwrap();
            assert_eq!(done, Done::Text((number * 2 + 1).to_string()));
            // Nobody goes on, and nobody leaves, before every one has been answered.
            all_are_open.wait().await;
            let mut kept = Vec::new();
            let done = asker.ask(&Task::File("file".to_owned()), &mut kept).await.unwrap();
            assert_eq!(done, Done::File(text.len() as u64));
            assert!(kept == text);
            asker.quit().await;
        });
    }
    let served = async {
        while let Some(client) = clients.join_next().await {
            client.unwrap();
        }
    };
    tokio::time::timeout(Duration::from_secs(120), served).await.expect("nobody starves");
    // Nothing is left but what waits for old duplicates to die.
    while far.connection_count() > 0 {
        tokio::task::yield_now().await;
    }
}
