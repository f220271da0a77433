use std::net::Ipv4Addr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::*;
use crate::device::memory::{self, Memory};
use crate::net::Net;
use crate::runtime;
use crate::service::{Service, serve_listener};
use crate::stack::{Config, Stack};
use crate::tcp::Keepalive;
use crate::time::Duration;

/// Nothing here takes as long, unless it waits for ever.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(60);

fn start(host: u8, device: Memory) -> Net {
    let config = Config::new(Ipv4Addr::new(10, 0, 0, host).into(), 24, [host; 32]);
    let (net, driver) = runtime::start(Stack::new(config), device).unwrap();
    tokio::spawn(driver);
    net
}

/// A client that has vanished does not keep its place for ever.
#[tokio::test]
async fn accepted_connections_are_probed_when_idle() {
    let (one, other) = memory::pair(1500);
    let (server, client) = (start(1, one), start(2, other));
    let place = SocketAddr::from(([10, 0, 0, 1], 7));
    let mut listener = TcpListener::bind(&server, place).await.unwrap();
    listener.prepare().unwrap();
    let accept = Accept::accept(&mut listener);
    let (connected, accepted) = tokio::join!(TcpStream::connect(&client, place), accept);
    let (stream, _) = accepted.unwrap().unwrap();
    let minutes = |n: u64| Duration::from_secs(60 * n);
    let expected = Keepalive { idle: minutes(5), interval: minutes(1) / 2, count: 5 };
    assert_eq!(stream.keepalive().unwrap(), Some(expected));
    assert!(stream.nodelay().unwrap());
    drop(connected.unwrap());
}

/// The service waits without asking once more when it has taken all there was; a wake-up that is lost
/// leaves the client waiting.
#[tokio::test]
async fn echo_answers_every_piece() {
    let (one, other) = memory::pair(1500);
    let (server, client) = (start(1, one), start(2, other));
    let place = SocketAddr::from(([10, 0, 0, 1], 7));
    let listener = TcpListener::bind(&server, place).await.unwrap();
    tokio::spawn(serve_listener(listener, Service::Echo, Arc::default()));
    let stream = TcpStream::connect(&client, place).await.unwrap();
    let (mut reader, mut writer) = stream.into_split();
    for len in (1..20_000).step_by(701) {
        let sent = vec![len as u8; len];
        let mut echoed = vec![0; len];
        let dialogue = async {
            tokio::join!(writer.write_all(&sent), reader.read_exact(&mut echoed)).1.unwrap();
        };
        timeout(PATIENCE, dialogue).await.expect("no answer");
        assert!(echoed == sent);
    }
    // More than fits anywhere.
    let sent: Vec<u8> = (0..8_000_000_u32).map(|i| (i % 251) as u8).collect();
    let text = sent.clone();
    let sender = tokio::spawn(async move {
        writer.write_all(&text).await.unwrap();
        writer.shutdown().await.unwrap();
    });
    let mut echoed = Vec::new();
    timeout(PATIENCE, reader.read_to_end(&mut echoed)).await.expect("no end").unwrap();
    sender.await.unwrap();
    assert!(echoed == sent);
}
