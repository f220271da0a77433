//! What a running glasstcp carries fails as it does over a stack of one's own, and that one may go while it does.

use std::path::PathBuf;

use tokio::task::{spawn_blocking, yield_now};
use tokio::time::sleep;

use super::*;
use crate::client::dns::{Kind, LookupError, Resolver};
use crate::client::rudp::{self, sender};
use crate::control::{self, Reply, carry::Frame};
use crate::net::TcpStream;
use crate::time::Duration;
use crate::wire::icmp::Report;

/// A world, and a port of the far stack where the test itself listens.
struct Place {
    near: Net,
    port: TcpListener,
    to: SocketAddr,
    path: PathBuf,
    control: AbortHandle,
    _tasks: JoinSet<()>,
    _folder: tempfile::TempDir,
}

impl Place {
    async fn new() -> Place {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let mut tasks = JoinSet::new();
        let (near, far, control) = world(&path, &mut tasks).await;
        let port = TcpListener::bind(&far, ([0, 0, 0, 0], 80)).await.unwrap();
        let to = "10.9.0.2:80".parse().unwrap();
        Place { near, port, to, path, control, _tasks: tasks, _folder: folder }
    }

    /// The stack and the daemon.
    fn ways(&self) -> [Sockets; 2] {
        [Sockets::Stack(self.near.clone()), self.daemon()]
    }

    fn daemon(&self) -> Sockets {
        Sockets::Daemon(self.path.clone())
    }

    /// Both ends of a new connection.
    async fn open(&self, sockets: &Sockets) -> (Connection, TcpStream) {
        let connection = sockets.connect(self.to).await.unwrap();
        (connection, self.port.accept().await.unwrap().0)
    }

    /// What carries a new connection, of which no end will be told, and the far end.
    async fn open_raw(&self) -> (carry::Way, TcpStream) {
        let request = Request::Connect { to: self.to, within_ms: None };
        let (way, ..) = carry::open(&self.path, &request, None).await.unwrap();
        (way, self.port.accept().await.unwrap().0)
    }
}

/// Resets a connection.
fn reset(stream: TcpStream) {
    stream.set_linger(Some(Duration::ZERO)).unwrap();
}

async fn until(done: impl Fn() -> bool) {
    while !done() {
        yield_now().await;
    }
}

fn is_gone(error: &io::Error) -> bool {
    matches!(ControlError::of(error), Some(ControlError::Gone))
}

#[tokio::test]
async fn a_failure_is_no_end() {
    let place = Place::new().await;
    for sockets in place.ways() {
        let (mut connection, mut far) = place.open(&sockets).await;
        far.write_all(&[7; 5000]).await.unwrap();
        let mut text = vec![0; 5000];
        connection.read_exact(&mut text).await.unwrap();
        assert_eq!(text, [7; 5000]);
        reset(far);
        for _ in 0..2 {
            let error = connection.read(&mut text).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::ConnectionReset, "{error}");
            assert_eq!(error.to_string(), "connection reset by peer");
            if matches!(sockets, Sockets::Stack(_)) {
                break;
            }
        }
    }
}

/// What was sent before is there to be read, and then why it has failed.
#[tokio::test]
async fn who_only_writes_learns_of_a_failure_too() {
    let place = Place::new().await;
    for sockets in place.ways() {
        let (mut connection, far) = place.open(&sockets).await;
        reset(far);
        let error = loop {
            match connection.write(&[7; 10]).await {
                Ok(_) => yield_now().await,
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset, "{error}");
    }
}

#[tokio::test]
async fn an_end_one_way_leaves_the_other_open() {
    let place = Place::new().await;
    for sockets in place.ways() {
        let (mut connection, mut far) = place.open(&sockets).await;
        connection.write_all(b"question").await.unwrap();
        connection.shutdown().await.unwrap();
        let mut text = Vec::new();
        far.read_to_end(&mut text).await.unwrap();
        assert_eq!(text, b"question");
        far.write_all(b"answer").await.unwrap();
        far.shutdown().await.unwrap();
        text.clear();
        connection.read_to_end(&mut text).await.unwrap();
        assert_eq!(text, b"answer");
        assert_eq!(connection.read(&mut [0]).await.unwrap(), 0, "it stays so");
        drop((connection, far));
        until(|| place.near.connection_count() == 0).await;
    }
}

#[tokio::test]
async fn what_was_written_is_sent_when_the_connection_is_dropped() {
    let place = Place::new().await;
    for sockets in place.ways() {
        let (mut connection, mut far) = place.open(&sockets).await;
        connection.write_all(&[7; 20_000]).await.unwrap();
        drop(connection);
        let mut text = Vec::new();
        far.read_to_end(&mut text).await.unwrap();
        assert_eq!(text, [7; 20_000]);
    }
}

/// More of them than there are places for requests; the last one with more in its way than anybody takes.
#[tokio::test]
async fn clients_that_go_without_a_word_leave_nothing() {
    let place = Place::new().await;
    let (mut ways, mut fars) = (Vec::new(), Vec::new());
    for _ in 0..300 {
        let (way, far) = place.open_raw().await;
        ways.push(way);
        fars.push(far);
    }
    let last = ways.pop().unwrap();
    // As long as the stack takes anything there is room again and again.
    let mut refused = 0;
    while refused < 1000 {
        refused = if last.try_send(&[7; 16 << 10]) { 0 } else { refused + 1 };
        yield_now().await;
    }
    let ask = |path: PathBuf| {
        spawn_blocking(move || control::ask(&path, &Request::Impair { spec: None }).unwrap())
    };
    assert_eq!(
        ask(place.path.clone()).await.unwrap(),
        Reply::Error("there is nothing else here".to_owned())
    );
    let stays = ways.swap_remove(0);
    drop((ways, last));
    until(|| place.near.connection_count() == 1).await;
    let error = fars[1].read(&mut [0]).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset, "{error}");
    drop(stays);
    until(|| place.near.connection_count() == 0).await;
}

#[tokio::test]
async fn a_client_that_does_not_keep_to_the_rules_is_not_served_on() {
    let place = Place::new().await;
    let (way, mut far) = place.open_raw().await;
    way.send(&Frame::Acknowledged(7)).await.unwrap();
    drop(way);
    let error = far.read(&mut [0]).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset, "{error}");
}

#[tokio::test]
async fn a_glasstcp_that_goes_is_an_error_of_its_own() {
    let place = Place::new().await;
    let sockets = place.daemon();
    let (mut connection, mut far) = place.open(&sockets).await;
    let socket = sockets.datagrams(0).await.unwrap();
    let mut listening = sockets.listen(0).await.unwrap();
    far.write_all(b"half").await.unwrap();
    let mut text = [0; 4];
    connection.read_exact(&mut text).await.unwrap();
    place.control.abort();
    assert!(is_gone(&connection.read(&mut text).await.unwrap_err()));
    assert!(is_gone(&connection.write(&text).await.unwrap_err()));
    assert!(is_gone(&socket.recv_from(&mut text).await.unwrap_err()));
    assert!(is_gone(&socket.send_to(&text, place.to).await.unwrap_err()));
    assert!(is_gone(&listening.accept().await.unwrap_err()));
    // Its socket has gone with it.
    for error in [
        sockets.connect(place.to).await.err().unwrap(),
        sockets.datagrams(0).await.err().unwrap(),
        sockets.listen(0).await.err().unwrap(),
    ] {
        assert!(matches!(ControlError::of(&error), Some(ControlError::Nobody(_))), "{error}");
        assert_eq!(error.kind(), io::ErrorKind::Other);
        assert!(error.to_string().starts_with("no glasstcp listens at "), "{error}");
    }
}

#[tokio::test]
async fn a_socket_that_was_left_over_is_not_taken_for_the_host() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let error = Sockets::Daemon(path).connect(ECHO.parse().unwrap()).await.unwrap_err();
    assert!(matches!(ControlError::of(&error), Some(ControlError::Nobody(_))), "{error}");
}

/// The time passes by itself while nothing else happens.
#[tokio::test(start_paused = true)]
async fn a_glasstcp_that_is_stopped_is_not_waited_for_without_an_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let _stopped = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let sockets = Sockets::Daemon(path);
    let limit = std::time::Duration::from_secs(3);
    for error in [
        sockets.datagrams(0).await.err().unwrap(),
        sockets.listen(0).await.err().unwrap(),
        sockets.connect_within(ECHO.parse().unwrap(), limit).await.err().unwrap(),
    ] {
        assert!(matches!(ControlError::of(&error), Some(ControlError::Silent(_))), "{error}");
    }
}

#[tokio::test]
async fn it_is_told_what_the_peer_has_got() {
    let place = Place::new().await;
    for sockets in place.ways() {
        let (connection, mut far) = place.open(&sockets).await;
        let acknowledged = connection.acknowledged.clone();
        let (mut reading, mut writing) = tokio::io::split(connection);
        let waits = tokio::spawn(async move { reading.read(&mut [0]).await });
        assert_eq!(acknowledged(), 0);
        for step in 1..=2 {
            writing.write_all(&[7; 10_000]).await.unwrap();
            far.read_exact(&mut [0; 10_000]).await.unwrap();
            until(|| acknowledged() == step * 10_000).await;
        }
        drop(far);
        assert_eq!(waits.await.unwrap().unwrap(), 0);
    }
}

#[tokio::test]
async fn what_becomes_of_datagrams_is_told() {
    let place = Place::new().await;
    for sockets in place.ways() {
        let socket = sockets.datagrams(0).await.unwrap();
        for len in [1473, 65_500, 70_000] {
            let too_long = socket.send_to(&vec![7; len], place.to).await.unwrap_err();
            assert_eq!(too_long.kind(), io::ErrorKind::InvalidInput, "{too_long}");
            assert_eq!(too_long.to_string(), "message too long");
        }
        let nowhere = "10.9.0.2:0".parse().unwrap();
        let no_route = socket.send_to(b"hello", nowhere).await.unwrap_err();
        assert_eq!(no_route.kind(), io::ErrorKind::HostUnreachable, "{no_route}");
        // The next one is not held up by any of this.
        let nobody = "10.9.0.2:9".parse().unwrap();
        assert_eq!(socket.send_to(b"hello", nobody).await.unwrap(), 5);
        let error = socket.recv_error().await.unwrap();
        assert_eq!((error.to, error.notice.report), (nobody, Report::PortUnreachable));
        assert_eq!(error.text, b"hello"[..]);
    }
}

/// Nothing of what is given up half way confuses what comes after it.
#[tokio::test]
async fn sending_a_datagram_may_be_given_up() {
    let place = Place::new().await;
    let echo: SocketAddr = ECHO.parse().unwrap();
    let socket = place.daemon().datagrams(0).await.unwrap();
    for round in 0..50_u8 {
        let text = [round; 1000];
        tokio::select! {
            biased;
            _ = socket.send_to(&text, echo) => {}
            () = yield_now() => {}
        }
    }
    let nobody = "10.9.0.2:0".parse().unwrap();
    assert!(socket.send_to(b"x", nobody).await.is_err());
    socket.send_to(b"last", echo).await.unwrap();
    let mut buffer = [0; 2000];
    loop {
        let (len, _) = socket.recv_from(&mut buffer).await.unwrap();
        match &buffer[..len] {
            b"last" => break,
            text => assert!(text.len() == 1000 && text.iter().all(|byte| *byte == text[0])),
        }
    }
}

/// A glasstcp that opens what it is asked for, and then takes nothing.
async fn stopped(path: &std::path::Path) -> JoinSet<()> {
    let listener = tokio::net::UnixListener::bind(path).unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut open = Vec::new();
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            assert!(stream.read(&mut [0; 4096]).await.unwrap() > 0);
            let reply = Reply::Open { local: "10.9.0.2:50123".parse().unwrap(), peer: None };
            let mut text = serde_json::to_vec(&reply).unwrap();
            text.push(b'\n');
            stream.write_all(&text).await.unwrap();
            open.push(stream);
        }
    });
    tasks
}

/// It is asked in time, whether or not what is asked is taken.
#[tokio::test]
async fn a_daemon_that_stops_holds_nobody_up() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let _tasks = stopped(&path).await;
    let sockets = Sockets::Daemon(path);
    let server = "10.9.0.1:53".parse().unwrap();
    let timeout = std::time::Duration::from_millis(50);
    let resolver = Resolver { sockets: sockets.clone(), server, timeout };
    let error = resolver.lookup("www.test", Kind::A).await.unwrap_err();
    assert!(matches!(error, LookupError::NoAnswer(..)), "{error}");
    let socket = sockets.datagrams(0).await.unwrap();
    let rto = std::time::Duration::from_millis(1);
    let config = sender::Config { rto, tries: 3, ..Default::default() };
    let sent = rudp::send(&socket, server, &b"text"[..], (config, 100), |_| {}).await;
    assert!(matches!(sent, Err(rudp::SendError::Unfinished { .. })), "{sent:?}");
}

/// Also after both have said all, when nobody reads any more.
#[tokio::test]
async fn what_is_acknowledged_is_told_to_the_end() {
    const SENT: u64 = 90_000;
    let place = Place::new().await;
    let (mut connection, mut far) = place.open(&place.daemon()).await;
    far.shutdown().await.unwrap();
    assert_eq!(connection.read(&mut [0; 10]).await.unwrap(), 0);
    connection.write_all(&[7; SENT as usize]).await.unwrap();
    connection.shutdown().await.unwrap();
    let acknowledged = connection.acknowledged.clone();
    let told = async |connection: &mut Connection| {
        let told = std::future::poll_fn(|cx| connection.poll_told(cx));
        tokio::select! {
            error = told => Err(error),
            () = until(|| acknowledged() == SENT) => Ok(()),
        }
    };
    let mut text = vec![0; SENT as usize];
    let (done, read) = tokio::join!(told(&mut connection), far.read_exact(&mut text));
    done.unwrap();
    assert_eq!(read.unwrap(), SENT as usize);

    // And a failure is.
    let (mut connection, mut far) = place.open(&place.daemon()).await;
    far.shutdown().await.unwrap();
    assert_eq!(connection.read(&mut [0; 10]).await.unwrap(), 0);
    connection.write_all(&[7; SENT as usize]).await.unwrap();
    connection.shutdown().await.unwrap();
    // Until the window is full, with the rest in the buffer of the stack: nothing waits in between.
    let queued = |far: &TcpStream| far.info().unwrap().receive_queue;
    until(|| queued(&far) > 0).await;
    let mut before = 0;
    while queued(&far) != before {
        before = queued(&far);
        sleep(Duration::from_millis(20)).await;
    }
    reset(far);
    let error = std::future::poll_fn(|cx| connection.poll_told(cx)).await;
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset, "{error}");
}
