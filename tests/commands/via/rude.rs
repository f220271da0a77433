//! Servers that answer as web servers do, and do not end as they should.

use std::pin::Pin;

use glasstcp::net::{Net, TcpListener, TcpStream};
use glasstcp::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::harness::Inner;

/// The port of the one that sends 5,000 bytes and, when they have arrived, a reset.
pub const RESETS: u16 = 81;
/// The port of the one that sends 1,000 bytes and then nothing.
pub const STOPS: u16 = 82;

/// The port of the one that says nothing, has nothing more to say and reads nothing.
pub const DEAF: u16 = 83;

/// The head of a reply whose body ends with the connection (RFC 9112 6.3).
const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n";

/// Starts them on a stack of their own.
pub fn start() -> Inner {
    Inner::start(async |net| {
        let resetting = serve(net.clone(), RESETS, |stream| Box::pin(resets(stream)));
        let deaf = serve(net.clone(), DEAF, |stream| Box::pin(is_deaf(stream)));
        tokio::join!(resetting, deaf, serve(net, STOPS, |stream| Box::pin(stops(stream))));
    })
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

async fn is_deaf(mut stream: TcpStream) {
    stream.shutdown().await.expect("it is open");
    std::future::pending().await
}
