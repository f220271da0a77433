use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::task::JoinHandle;

use super::lane::TEXT;
use super::protocol::{hear, receive, say, send};
use super::*;

const COOKIE: Cookie = [b'c'; protocol::COOKIE_LEN];

struct Server(Arc<ServiceContext>);

impl Server {
    fn new() -> Server {
        Server(Arc::default())
    }

    /// A connection that has told its cookie.
    async fn connect(&self, cookie: &[u8]) -> (DuplexStream, JoinHandle<io::Result<()>>) {
        let (mut client, server) = duplex(100_000);
        let serving = tokio::spawn(serve(server, Arc::clone(&self.0)));
        client.write_all(cookie).await.unwrap();
        (client, serving)
    }

    fn tests(&self) -> usize {
        self.0.iperf.lock().len()
    }
}

fn params(change: impl FnOnce(&mut Params)) -> Params {
    let mut params = Params { tcp: true, time: 1, parallel: 1, len: 1000, ..Params::default() };
    change(&mut params);
    params
}

/// Talks a test over until it runs.
async fn begin(server: &Server, params: &Params) -> (DuplexStream, Vec<DuplexStream>) {
    let (mut control, _) = server.connect(&COOKIE).await;
    assert_eq!(hear(&mut control).await.unwrap(), State::ParamExchange);
    send(&mut control, params).await.unwrap();
    assert_eq!(hear(&mut control).await.unwrap(), State::CreateStreams);
    let (ours, theirs) = params.streams();
    let mut lanes = Vec::new();
    for _ in 0..ours + theirs {
        lanes.push(server.connect(&COOKIE).await.0);
    }
    assert_eq!(hear(&mut control).await.unwrap(), State::TestStart);
    assert_eq!(hear(&mut control).await.unwrap(), State::TestRunning);
    (control, lanes)
}

async fn end(control: &mut DuplexStream) -> Results {
    say(control, State::TestEnd).await.unwrap();
    assert_eq!(hear(control).await.unwrap(), State::ExchangeResults);
    send(control, &Results::default()).await.unwrap();
    let results = receive(control).await.unwrap();
    assert_eq!(hear(control).await.unwrap(), State::DisplayResults);
    say(control, State::Done).await.unwrap();
    results
}

#[tokio::test]
async fn what_is_sent_is_counted() {
    let server = Server::new();
    let (mut control, mut lanes) = begin(&server, &params(|p| p.parallel = 2)).await;
    lanes[0].write_all(&[1; 50_000]).await.unwrap();
    lanes[1].write_all(&[1; 70_000]).await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let results = end(&mut control).await;
    let counted: Vec<_> = results.streams.iter().map(|one| (one.id, one.bytes)).collect();
    assert_eq!(counted, [(1, 50_000), (3, 70_000)]);
    assert_eq!(results.sender_has_retransmits, -1);
    drop((control, lanes));
    while server.tests() > 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn both_may_send_at_once() {
    let server = Server::new();
    let (mut control, mut lanes) = begin(&server, &params(|p| p.bidirectional = true)).await;
    lanes[0].write_all(&[1; 10]).await.unwrap();
    let mut text = vec![0; 200_000];
    lanes[1].read_exact(&mut text).await.unwrap();
    assert_eq!(text[..1000], TEXT[..1000]);
    let results = end(&mut control).await;
    assert_eq!(results.streams[0].bytes, 10);
    assert!(results.streams[1].bytes >= 200_000);
}

#[tokio::test]
async fn what_cannot_be_is_told_and_leaves_nothing() {
    let server = Server::new();
    let (mut control, serving) = server.connect(&COOKIE).await;
    assert_eq!(hear(&mut control).await.unwrap(), State::ParamExchange);
    // Before it is known how many there will be, there is no room for any.
    let (mut lane, _) = server.connect(&COOKIE).await;
    assert_eq!(hear(&mut lane).await.unwrap(), State::AccessDenied);
    send(&mut control, &params(|p| p.udp = true)).await.unwrap();
    assert_eq!(hear(&mut control).await.unwrap(), State::ServerError);
    drop(control);
    serving.await.unwrap().unwrap();
    assert_eq!(server.tests(), 0);

    for text in [&b"\0\0\0\x05{\"a\":"[..], b"\xff\xff\xff\xff", b""] {
        let (mut control, serving) = server.connect(&COOKIE).await;
        assert_eq!(hear(&mut control).await.unwrap(), State::ParamExchange);
        control.write_all(text).await.unwrap();
        drop(control);
        assert!(serving.await.unwrap().is_err(), "{text:?}");
        assert_eq!(server.tests(), 0);
    }
}

#[tokio::test]
async fn tests_have_an_end_and_there_are_not_too_many() {
    let server = Server::new();
    let mut going = Vec::new();
    for nth in 0..TESTS_MAX as u8 {
        let (mut control, _) = server.connect(&[nth; protocol::COOKIE_LEN]).await;
        assert_eq!(hear(&mut control).await.unwrap(), State::ParamExchange);
        going.push(control);
    }
    let (mut control, _) = server.connect(&COOKIE).await;
    assert_eq!(hear(&mut control).await.unwrap(), State::AccessDenied);
    drop(going);
    while server.tests() > 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_says_nothing_more_is_not_waited_for() {
    let server = Server::new();
    let (_control, serving) = server.connect(&COOKIE).await;
    assert_eq!(serving.await.unwrap().unwrap_err().kind(), io::ErrorKind::TimedOut);
    let (_control, _lanes) = begin(&server, &params(|_| ())).await;
    tokio::time::sleep(Duration::from_secs(40)).await;
    assert_eq!(server.tests(), 0);
}

/// What does not count at the beginning is waited for only while there is somebody.
#[tokio::test(start_paused = true)]
async fn a_client_that_goes_before_anything_counts_leaves_nothing() {
    let server = Server::new();
    let (control, lanes) = begin(&server, &params(|p| p.omit = 600)).await;
    drop((control, lanes));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(server.tests(), 0);
    // And what has come by then is not counted.
    let (mut control, mut lanes) = begin(&server, &params(|p| p.omit = 2)).await;
    lanes[0].write_all(&[1; 1000]).await.unwrap();
    tokio::time::sleep(Duration::from_secs(3)).await;
    lanes[0].write_all(&[1; 500]).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(end(&mut control).await.streams[0].bytes, 500);
}
