use std::net::Ipv4Addr;

use super::*;
use crate::device::memory::{self, Memory};
use crate::net::Net;
use crate::runtime;
use crate::stack::{Config, Stack};
use crate::tcp::Keepalive;
use crate::time::Duration;

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
