//! Two stacks joined by a wire in memory, on one single-threaded runtime, in real time.

mod calls;
mod end;
mod held;
mod ping;
mod shards;
mod sleep;
mod tcp;
mod udp;
mod wakers;
mod watchers;

use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::task::JoinHandle;

use super::{Net, TcpListener, TcpStream};
use crate::device::memory;
use crate::runtime;
use crate::stack::{Config, Stack};

/// Longer than any test takes that does not hang.
const PATIENCE: Duration = Duration::from_secs(60);
const SERVER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2));

fn config(ip: IpAddr) -> Config {
    let IpAddr::V4(v4) = ip else { panic!("tests use IPv4") };
    Config::new(ip, 24, [v4.octets()[3]; 32])
}

/// Two stacks and their drivers.
struct World {
    server: Net,
    client: Net,
    server_driver: JoinHandle<io::Result<()>>,
    client_driver: JoinHandle<io::Result<()>>,
}

fn world() -> World {
    world_of(config(SERVER), config(CLIENT))
}

fn world_of(server: Config, client: Config) -> World {
    let (one, other) = memory::pair(server.mtu);
    let (server, server_driver) = runtime::start(Stack::new(server), one).unwrap();
    let (client, client_driver) = runtime::start(Stack::new(client), other).unwrap();
    World {
        server,
        client,
        server_driver: tokio::spawn(server_driver),
        client_driver: tokio::spawn(client_driver),
    }
}

/// A connection between the two: the client's end and the server's.
async fn connected(world: &World) -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind(&world.server, (SERVER, 0)).await.unwrap();
    let addr = listener.local_addr().unwrap();
    let (client, server) = tokio::join!(TcpStream::connect(&world.client, addr), listener.accept());
    (client.unwrap(), server.unwrap().0)
}

fn addr(ip: IpAddr, port: u16) -> SocketAddr {
    SocketAddr::new(ip, port)
}

/// Runs a test on a runtime with one thread, and fails when it hangs.
fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
        tokio::time::timeout(PATIENCE, test).await.expect("the test hangs");
    });
}

/// Waits until `done`; what it waits for has no future of its own.
async fn until(done: impl Fn() -> bool) {
    while !done() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Bytes in which every position can be told from its neighbours.
fn pattern(len: usize) -> Vec<u8> {
    (0..len as u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

/// Handles go to any thread.
#[test]
fn handles_are_send_and_sync() {
    fn check<T: Send + Sync>() {}
    check::<Net>();
    check::<TcpListener>();
    check::<TcpStream>();
    check::<super::OwnedReadHalf>();
    check::<super::OwnedWriteHalf>();
    check::<super::UdpSocket>();
    check::<super::PingSocket>();
    check::<super::InfoHandle>();
    check::<super::TcpSocket>();
}
