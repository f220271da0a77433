use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::*;
use crate::control::SocketStatus;
use crate::device::memory;
use crate::net::{TcpListener, TcpStream};
use crate::runtime;
use crate::service::{Service, ServiceContext, serve_listener};
use crate::stack::{Config, Stack};

const SERVER: [u8; 4] = [10, 9, 0, 2];
/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// A stack that serves its page on port 80, and another from which it is asked.
struct World {
    web: Web,
    token: Token,
    client: Net,
}

impl World {
    async fn new(payload: bool) -> World {
        let config = |last: u8| {
            let mut config = Config::new(IpAddr::from([10, 9, 0, last]), 24, [last; 32]);
            config.limits.flight_memory = 1 << 20;
            config
        };
        let (server, client) = (config(2), config(1));
        let (one, other) = memory::pair(server.mtu);
        let (net, server_driver) = runtime::start(Stack::new(server), one).unwrap();
        let (client, client_driver) = runtime::start(Stack::new(client), other).unwrap();
        tokio::spawn(server_driver);
        tokio::spawn(client_driver);
        let token = Token::new().unwrap();
        let web = Web::new(Source {
            watchers: Watchers::new(&net),
            net: net.clone(),
            link: Some(LinkHandle::new(1)),
            counters: Box::new(|| vec![("packets_received".to_owned(), 5)]),
            addresses: vec![IpAddr::from(SERVER)],
            viewers: Handle::current(),
            payload,
        });
        let site = Some(web.site(Right::Token(token.clone()), false));
        let context = Arc::new(ServiceContext { site, ..ServiceContext::default() });
        let listener = TcpListener::bind(&net, (SERVER, 80)).await.unwrap();
        tokio::spawn(serve_listener(listener, Service::Http, context));
        World { web, token, client }
    }

    /// A connection on which this was asked.
    async fn ask(&self, request: &str) -> TcpStream {
        let mut stream = TcpStream::connect(&self.client, (SERVER, 80)).await.unwrap();
        let request = request.replace('\n', "\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        stream
    }

    /// What is answered to this.
    async fn answer(&self, request: &str) -> String {
        let mut stream = self.ask(request).await;
        stream.shutdown().await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    async fn get(&self, path: &str) -> String {
        self.answer(&format!("GET {path} HTTP/1.1\nhost: 10.9.0.2\n\n")).await
    }

    /// A change, by somebody who says this about the right to it.
    async fn post(&self, path: &str, authorization: &str, body: &str) -> String {
        let len = body.len();
        let head = "host: 10.9.0.2\ncontent-type: application/json\nx-glass: 1";
        let request =
            format!("POST {path} HTTP/1.1\n{head}\ncontent-length: {len}\n{authorization}\n{body}");
        self.answer(&request).await
    }

    fn authorization(&self) -> String {
        format!("authorization: Bearer {}\n", self.token)
    }
}

/// Reads until all of this has come.
async fn read_until(stream: &mut TcpStream, wanted: &[&str]) -> String {
    let mut text = String::new();
    while !wanted.iter().all(|wanted| text.contains(wanted)) {
        let mut buffer = [0; 4096];
        let read = stream.read(&mut buffer).await.unwrap();
        assert!(read > 0, "it ended: {text}");
        text.push_str(&String::from_utf8_lossy(&buffer[..read]));
    }
    text
}

/// Runs a test on one thread, and fails when it hangs.
fn run<F: Future<Output = ()>>(test: impl FnOnce(World) -> F) {
    run_with(false, test);
}

/// The same, where it may be shown what connections carry, or not.
fn run_with<F: Future<Output = ()>>(payload: bool, test: impl FnOnce(World) -> F) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let world = World::new(payload).await;
        timeout(PATIENCE, test(world)).await.expect("the test hangs");
    });
}

#[test]
fn the_page_is_served_over_the_stack_itself() {
    run(|world| async move {
        let page = world.get("/glass/").await;
        assert!(page.starts_with("HTTP/1.1 200 ") && page.contains("<!doctype html>"), "{page}");
        assert!(page.contains("content-security-policy: default-src 'none'; script-src 'self';"));
        assert!(world.get("/glass").await.contains("location: /glass/\r\n"));
        assert!(world.get("/glass/../Cargo.toml").await.starts_with("HTTP/1.1 404 "));
        assert!(world.get("/glassy").await.contains("There is nothing here."), "not its folder");
        let info = world.get("/glass/info").await;
        for part in
            [r#""own":{"local":"10.9.0.2:80","#, r#""may_change":false"#, r#""recorder":true"#]
        {
            assert!(info.contains(part), "{info}");
        }
        let rebound = world.answer("GET /glass/info HTTP/1.1\nhost: evil.example\n\n").await;
        assert!(rebound.starts_with("HTTP/1.1 421 "), "{rebound}");
    });
}

#[test]
fn what_happens_on_a_connection_is_told_as_it_happens() {
    run(|world| async move {
        let mut other = world.ask("GET /glass/info HTTP/1.1\nhost: 10.9.0.2\n\n").await;
        read_until(&mut other, &["may_change"]).await;
        let port = other.local_addr().unwrap().port();
        let mut page = world.ask("GET /glass/events?conn=1 HTTP/1.1\nhost: 10.9.0.2\n\n").await;
        let remote = format!(r#""remote":"10.9.0.1:{port}""#);
        let first = [
            "text/event-stream",
            "event: run",
            "event: own",
            "event: sockets",
            "event: counters",
            "event: link",
            "flight_record",
            "event: status",
            r#""cause":"syn_acked""#,
            &remote,
        ];
        read_until(&mut page, &first).await;
        other.write_all(b"GET /glass/info HTTP/1.1\r\nhost: 10.9.0.2\r\n\r\n").await.unwrap();
        let news = read_until(&mut page, &["app_read", "app_wrote"]).await;
        assert!(!news.contains("flight_record"), "it goes on: {news}");
        drop(other);
        read_until(&mut page, &[r#","closed":true}"#]).await;
    });
}

#[test]
fn recordings_can_be_shown_without_a_stack() {
    run(|world| async move {
        let recording = ("one run.events.jsonl".to_owned(), "{}\n".into());
        let context = ServiceContext {
            site: Some(Exhibit::new(vec![recording]).site()),
            ..ServiceContext::default()
        };
        let (client, server) = tokio::io::duplex(1 << 20);
        let info = crate::service::no_info();
        tokio::spawn(crate::service::http::serve(server, Arc::new(context), info));
        let (mut reader, mut writer) = tokio::io::split(client);
        let get = |path: &str| format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1:8080\r\n\r\n");
        let asked =
            ["/", "/glass/info", "/glass/recording/one%20run.events.jsonl", "/glass/events"];
        writer.write_all(asked.map(get).concat().as_bytes()).await.unwrap();
        writer.shutdown().await.unwrap();
        let mut answers = String::new();
        reader.read_to_string(&mut answers).await.unwrap();
        for part in [
            "location: /glass/",
            r#""recordings":["one run.events.jsonl"]"#,
            "\r\n\r\n{}\n",
            "HTTP/1.1 204 ",
        ] {
            assert!(answers.contains(part), "{part} is not in {answers}");
        }
        drop(world);
    });
}

#[test]
fn a_change_takes_the_token() {
    run(|world| async move {
        let (loss, own) = (r#"{"spec":"out:loss=1%"}"#, world.authorization());
        assert!(world.post("/glass/impair", "", loss).await.starts_with("HTTP/1.1 401 "));
        let wrong = "authorization: Bearer 00000000000000000000000000000000\n";
        assert!(world.post("/glass/impair", wrong, loss).await.starts_with("HTTP/1.1 403 "));
        let link = world.web.0.source.link.clone().unwrap();
        assert!(link.report()[0].spec.rules.is_empty(), "nothing was changed");
        let changed = world.post("/glass/impair", &own, loss).await;
        assert!(changed.contains(r#""rules":"loss=1%""#), "{changed}");
        let both =
            world.post("/glass/impair", &own, r#"{"specs":["out:loss=2%","in:loss=3%"]}"#).await;
        assert!(both.contains("loss=2%") && both.contains("loss=3%"), "{both}");
        for bad in ["", "{", r#"{"specs":"x"}"#, r#"{"spec":"nonsense"}"#, r#"{"more":1}"#] {
            let refused = world.post("/glass/impair", &own, bad).await;
            assert!(
                refused.starts_with("HTTP/1.1 400 ") && refused.contains(r#"{"error":""#),
                "{refused}"
            );
        }
        let long = format!(r#"{{"spec":"{}"}}"#, "x".repeat(20_000));
        assert!(world.post("/glass/impair", &own, &long).await.starts_with("HTTP/1.1 400 "));
        let get = world.get("/glass/kill").await;
        assert!(get.starts_with("HTTP/1.1 405 ") && get.contains("allow: POST"), "{get}");
    });
}

#[test]
fn a_connection_can_be_ended() {
    run(|world| async move {
        let mut victim = world.ask("GET /glass/info HTTP/1.1\nhost: 10.9.0.2\n\n").await;
        read_until(&mut victim, &["may_change"]).await;
        let remote = victim.local_addr().unwrap();
        let body = format!(r#"{{"local":"10.9.0.2:80","remote":"{remote}"}}"#);
        let killed = world.post("/glass/kill", &world.authorization(), &body).await;
        assert!(killed.contains(r#"{"count":1}"#), "{killed}");
        assert!(victim.read(&mut [0; 16]).await.is_err(), "it was reset");
        let again = world.post("/glass/kill", &world.authorization(), &body).await;
        assert!(again.starts_with("HTTP/1.1 404 "), "{again}");
    });
}

#[test]
fn text_is_not_shown_unless_it_may() {
    run(|world| async move {
        let refused = r#"event: payload
data: {"refused":"What connections carry is not shown: start glasstcp with --payload."}"#;
        let told = told_of_text(&world, refused).await;
        assert!(!told.contains("event: packet"), "{told}");
        for bad in ["conn=many", "conn=many&payload=1", "payload=1"] {
            let refused = world.get(&format!("/glass/events?{bad}")).await;
            assert!(refused.starts_with("HTTP/1.1 400 "), "{bad}: {refused}");
        }
    });
}

#[test]
fn text_is_shown_to_so_many_and_the_next_is_told_all_else() {
    run_with(true, |world| async move {
        let told = told_of_text(&world, &hex("GET /hello")).await;
        assert!(!told.contains("refused"), "{told}");
        let all = u32::try_from(MAX_PAYLOADS).unwrap();
        let taken = Arc::clone(&world.web.0.payloads).acquire_many_owned(all).await.unwrap();
        let refused = r#"{"refused":"4 pages are told of this already: close one of them first."}"#;
        let told = told_of_text(&world, refused).await;
        assert!(!told.contains("event: packet"), "{told}");
        drop(taken);
    });
}

/// What somebody is told who asks for the text of a connection, on which something is asked then.
async fn told_of_text(world: &World, wanted: &str) -> String {
    let mut other = world.ask("GET /glass/info HTTP/1.1\nhost: 10.9.0.2\n\n").await;
    read_until(&mut other, &["may_change"]).await;
    let ends = Endpoints { local: (SERVER, 80).into(), remote: other.local_addr().unwrap() };
    let status = SocketStatus::from(world.web.0.source.net.between(ends).unwrap());
    let conn = status.conn.unwrap();
    let request = format!("GET /glass/events?conn={conn}&payload=1 HTTP/1.1\nhost: 10.9.0.2\n\n");
    let mut page = world.ask(&request).await;
    let first = ["HTTP/1.1 200 ", "event: run", "event: sockets", "event: status"];
    let mut told = read_until(&mut page, &first).await;
    other.write_all(b"GET /hello HTTP/1.1\r\nhost: 10.9.0.2\r\n\r\n").await.unwrap();
    told += &read_until(&mut page, &["app_read", "app_wrote"]).await;
    if !told.contains(wanted) {
        told += &read_until(&mut page, &[wanted]).await;
    }
    // What is told next comes behind all that was to be told of this.
    other.write_all(b"GET /hello HTTP/1.1\r\nhost: 10.9.0.2\r\n\r\n").await.unwrap();
    told + &read_until(&mut page, &["app_read", "app_wrote"]).await
}

/// Text as it is told.
fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn only_so_many_pages_are_told_and_those_that_go_make_room() {
    run(|world| async move {
        let request = "GET /glass/events HTTP/1.1\nhost: 10.9.0.2\n\n";
        let mut pages = Vec::new();
        for _ in 0..MAX_VIEWERS {
            let mut page = world.ask(request).await;
            read_until(&mut page, &["event: own"]).await;
            pages.push(page);
        }
        let refused = world.answer(request).await;
        assert!(refused.starts_with("HTTP/1.1 503 "), "{refused}");
        pages.clear();
        while world.web.0.places.available_permits() < MAX_VIEWERS {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        read_until(&mut world.ask(request).await, &["event: own"]).await;
    });
}

#[tokio::test(start_paused = true)]
async fn where_nothing_happens_it_is_told_that_the_stack_is_alive() {
    let world = World::new(false).await;
    let (out, mut told) = tokio::sync::mpsc::channel(2);
    let wanted = events::Wanted { own: Arc::new(|| None), conn: None, text: None };
    let begun = tokio::time::Instant::now();
    tokio::spawn(events::tell(world.web.0.clone(), wanted, out));
    let first = told.recv().await.unwrap();
    assert!(first.starts_with(b"event: run\n"), "{first:?}");
    for nth in 1..=3 {
        assert_eq!(told.recv().await.unwrap(), "event: alive\ndata: {}\n\n");
        assert_eq!(begun.elapsed().as_secs(), 5 * nth);
    }
}
