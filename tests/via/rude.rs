//! Servers that answer as web servers do, and do not end as they should, on a stack of the test's own.

use std::net::SocketAddr;
use std::pin::Pin;

use glasstcp::device::udp_link::UdpLink;
use glasstcp::net::{Net, TcpListener, TcpStream};
use glasstcp::runtime::{self, FdDevice};
use glasstcp::stack::{Config, Stack};
use glasstcp::time::Duration;
use glasstcp::time::Instant;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// The port of the one that sends 5,000 bytes and, when they have arrived, a reset.
pub const RESETS: u16 = 81;
/// The port of the one that sends 1,000 bytes and then nothing.
pub const STOPS: u16 = 82;

/// The head of a reply whose body ends with the connection (RFC 9112 6.3).
const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n";

/// Runs until the end of the test; tells where its link ends.
pub fn start() -> SocketAddr {
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(async {
            let local = "127.0.0.1:0".parse().expect("an address");
            let config = Config::new([10, 9, 0, 2].into(), 24, [7; 32]);
            let clock = || Instant::ZERO;
            let link = UdpLink::open_for_all(local, &config.addresses, 1500, clock);
            let link = link.expect("a socket");
            let address = link.local_addr().expect("it is bound");
            let device = FdDevice::new(link).expect("a device");
            let (net, driver) = runtime::start(Stack::new(config), device).expect("a stack");
            tokio::spawn(serve(net.clone(), RESETS, |stream| Box::pin(resets(stream))));
            tokio::spawn(serve(net, STOPS, |stream| Box::pin(stops(stream))));
            tell.send(address).expect("the test waits");
            driver.await
        })
    });
    told.recv().expect("it starts")
}

type Serving = Pin<Box<dyn Future<Output = ()> + Send>>;

async fn serve(net: Net, port: u16, each: fn(TcpStream) -> Serving) {
    let listener = TcpListener::bind(&net, ([0, 0, 0, 0], port)).await.expect("a free port");
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(each(stream));
    }
}

/// Answers whatever comes first.
async fn answer(stream: &mut TcpStream, len: usize) {
    assert!(stream.read(&mut [0; 4096]).await.expect("a question") > 0);
    stream.write_all(&[HEAD, &vec![b'x'; len]].concat()).await.expect("it can be sent");
}

async fn resets(mut stream: TcpStream) {
    answer(&mut stream, 5000).await;
    while stream.info().is_some_and(|info| info.send_queue > 0) {
        tokio::task::yield_now().await;
    }
    stream.set_linger(Some(Duration::ZERO)).expect("it is open");
}

async fn stops(mut stream: TcpStream) {
    answer(&mut stream, 1000).await;
    std::future::pending().await
}
