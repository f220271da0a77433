//! Fetching and sending over a stack in memory, against servers on the other one that say what a test wants.

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};

use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::client::Sockets;
use crate::device::memory;
use crate::net::{Net, TcpListener, TcpStream};
use crate::runtime;
use crate::stack::{Config, Stack};

mod get;
mod put;

/// A server that says one text after another, one to each connection, and a client's dialer.
struct World {
    dialer: Dialer,
    /// The heads of the requests, and the bodies of those that have one.
    asked: Arc<Mutex<Vec<String>>>,
    folder: tempfile::TempDir,
    _tasks: JoinSet<()>,
}

/// What a server does when the head of a request is there.
enum Says {
    /// Reads the body too, says this and closes.
    This(Vec<u8>),
    /// Says this and nothing more, without closing.
    AndWaits(Vec<u8>),
    /// Resets the connection after this.
    AndResets(Vec<u8>),
}

fn says(text: &str) -> Says {
    Says::This(text.as_bytes().to_vec())
}

fn stack(tasks: &mut JoinSet<()>, host: u8, device: memory::Memory) -> Net {
    let config = Config::new([10, 9, 0, host].into(), 24, [host; 32]);
    let (net, driver) = runtime::start(Stack::new(config), device).unwrap();
    tasks.spawn(async { drop(driver.await) });
    net
}

async fn world(timeout_ms: u64, texts: Vec<Says>) -> World {
    let mut tasks = JoinSet::new();
    let (one, other) = memory::pair(1500);
    let (near, far) = (stack(&mut tasks, 1, one), stack(&mut tasks, 2, other));
    let listener = TcpListener::bind(&far, ([0, 0, 0, 0], 80)).await.unwrap();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&asked);
    tasks.spawn(async move {
        let mut open = Vec::new();
        for says in texts {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = head(&mut stream).await;
            match says {
                Says::This(text) => {
                    let length = request.split("content-length: ").nth(1);
                    let length = length.map_or(0, |text| {
                        text.split("\r\n").next().unwrap().parse::<u64>().unwrap()
                    });
                    let mut body = Vec::new();
                    (&mut stream).take(length).read_to_end(&mut body).await.unwrap();
                    request += &String::from_utf8_lossy(&body);
                    seen.lock().unwrap().push(request);
                    stream.write_all(&text).await.unwrap();
                    stream.shutdown().await.unwrap();
                }
                Says::AndWaits(text) => {
                    seen.lock().unwrap().push(request);
                    // Who has heard enough may have gone.
                    let _ = stream.write_all(&text).await;
                    open.push(stream);
                }
                Says::AndResets(text) => {
                    seen.lock().unwrap().push(request);
                    stream.write_all(&text).await.unwrap();
                    while stream.info().is_some_and(|info| info.send_queue > 0) {
                        tokio::task::yield_now().await;
                    }
                    stream.set_linger(Some(Duration::ZERO)).unwrap();
                }
            }
        }
        std::future::pending::<()>().await;
    });
    let dialer = Dialer {
        sockets: Sockets::Stack(near),
        dns: None,
        timeout: Duration::from_millis(timeout_ms),
    };
    World { dialer, asked, folder: tempfile::tempdir().unwrap(), _tasks: tasks }
}

async fn head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

impl World {
    /// What is in the folder, by name.
    fn files(&self) -> Vec<String> {
        names(self.folder.path())
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn sum(text: &[u8]) -> [u8; 32] {
    Sha256::digest(text).into()
}

#[test]
fn urls_are_of_http_alone() {
    for (text, expected) in [
        ("http://10.9.0.2/a?b#c", "http://10.9.0.2/a?b#c"),
        ("10.9.0.2:8000/a", "http://10.9.0.2:8000/a"),
        ("www.example", "http://www.example/"),
        ("10.9.0.2/?u=http://x", "http://10.9.0.2/?u=http://x"),
        ("HTTP://www.example/ä", "http://www.example/%C3%A4"),
    ] {
        assert_eq!(target(text).unwrap().as_str(), expected);
    }
    for (text, part) in [
        ("https://10.9.0.2/", "TLS"),
        ("ftp://10.9.0.2/", "must begin with http://"),
        ("http://user:word@10.9.0.2/", "leave out the name"),
        ("http:///", "no URL"),
        ("http://10.9.0.2:99999/", "no URL"),
        ("", "no URL"),
        ("\x1b[2J", "no URL"),
    ] {
        let error = target(text).unwrap_err().to_string();
        assert!(error.contains(part) && !error.contains('\x1b'), "{text}: {error}");
    }
}

#[tokio::test]
async fn hosts_are_addresses_or_names() {
    let World { mut dialer, _tasks, .. } = world(1000, vec![]).await;
    assert_eq!(dialer.resolve("10.9.0.2").await.unwrap().to_string(), "10.9.0.2");
    for (host, part) in [
        ("a.example", "say who with --dns"),
        ("localhost", "the stack itself"),
        ("a.LOCALHOST.", "the stack itself"),
        ("::1", "IPv6"),
        ("[fd00::1]", "IPv6"),
    ] {
        let error = dialer.resolve(host).await.unwrap_err().to_string();
        assert!(error.contains(part), "{host}: {error}");
    }
    let nobody = dialer.connect("10.9.0.2", 81).await.unwrap_err().to_string();
    assert_eq!(nobody, "cannot connect to 10.9.0.2:81: connection refused");
    dialer.timeout = Duration::from_millis(50);
    let silent = dialer.connect("10.9.0.3", 80).await.unwrap_err().to_string();
    assert_eq!(silent, "cannot connect to 10.9.0.3:80: connection timed out");
    dialer.sockets = Sockets::Kernel;
    assert_eq!(dialer.resolve("localhost").await.unwrap().to_string(), "127.0.0.1");
}
