use std::future::poll_fn;
use std::sync::atomic::AtomicUsize;

use super::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio::time::Instant;

const STALL: Duration = Duration::from_secs(60);

#[tokio::test(start_paused = true)]
async fn a_client_that_never_reads_is_given_up() {
    let (_client, server) = duplex(100);
    let mut server = Patient::new(server, STALL, Dry::default());
    let began = Instant::now();
    let error = server.write_all(&[0; 200]).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    assert_eq!(began.elapsed(), STALL);
}

#[tokio::test(start_paused = true)]
async fn a_trickle_counts_as_nothing() {
    let (mut client, server) = duplex(100);
    let mut server = Patient::new(server, STALL, Dry::default());
    let began = Instant::now();
    let trickle = tokio::spawn(async move {
        while client.read_u8().await.is_ok() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    });
    assert!(server.write_all(&[0; 5000]).await.is_err());
    assert!(began.elapsed() <= STALL + Duration::from_secs(2), "{:?}", began.elapsed());
    trickle.abort();
}

#[tokio::test(start_paused = true)]
async fn a_slow_client_is_waited_for() {
    let (mut client, server) = duplex(2048);
    let mut server = Patient::new(server, STALL, Dry::default());
    let slow = tokio::spawn(async move {
        let mut read = 0;
        let mut buffer = [0; 2000];
        while let Ok(1..) = client.read_exact(&mut buffer).await {
            read += buffer.len();
            tokio::time::sleep(Duration::from_secs(50)).await;
        }
        read
    });
    server.write_all(&[0; 20_000]).await.unwrap();
    server.flush().await.unwrap();
    // And between replies there is no time-out here.
    tokio::time::sleep(10 * STALL).await;
    server.write_all(&[0; 2000]).await.unwrap();
    drop(server);
    assert_eq!(slow.await.unwrap(), 22_000);
}

#[tokio::test(start_paused = true)]
async fn the_end_waits_for_the_client_but_not_for_long() {
    // It closes: at once.
    let (mut client, server) = duplex(100);
    let mut server = Patient::new(server, STALL, Dry::default());
    let began = Instant::now();
    let closing = tokio::spawn(async move { server.shutdown().await });
    client.write_all(&[0; 50_000]).await.unwrap();
    assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
    drop(client);
    closing.await.unwrap().unwrap();
    assert_eq!(began.elapsed(), Duration::ZERO);
    // It does not, whether it says anything or not.
    for talks in [false, true] {
        let (mut client, server) = duplex(100);
        let mut server = Patient::new(server, STALL, Dry::default());
        let began = Instant::now();
        let chatter = tokio::spawn(async move {
            while talks && client.write_all(&[0; 10]).await.is_ok() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            tokio::time::sleep(STALL).await;
        });
        server.shutdown().await.unwrap();
        assert_eq!(began.elapsed(), FAREWELL);
        chatter.abort();
    }
}

/// Counts how often it is asked for text.
struct Counted<S>(S, Arc<AtomicUsize>);

impl<S: AsyncRead + Unpin> AsyncRead for Counted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.1.fetch_add(1, Ordering::Relaxed);
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl<S: AsyncRead + Unpin> Drain for Counted<S> {}

#[tokio::test]
async fn a_dry_stream_is_asked_once_in_a_poll() {
    let (mut client, server) = duplex(100);
    let asked = Arc::new(AtomicUsize::new(0));
    let dry = Dry::default();
    let mut server = Patient::new(Counted(server, Arc::clone(&asked)), STALL, dry.clone());
    let task = tokio::spawn(async move {
        let mut text = [0; 10];
        let mut read = 0;
        poll_fn(|cx| {
            dry.forget();
            while read < 6 {
                let mut buffer = ReadBuf::new(&mut text);
                let first = Pin::new(&mut server).poll_read(cx, &mut buffer)?;
                if first.is_pending() {
                    assert!(Pin::new(&mut server).poll_read(cx, &mut buffer)?.is_pending());
                    return Poll::Pending;
                }
                read += buffer.filled().len();
            }
            Poll::Ready(io::Result::Ok(()))
        })
        .await
    });
    for text in [b"abc", b"def"] {
        tokio::task::yield_now().await;
        client.write_all(text).await.unwrap();
    }
    task.await.unwrap().unwrap();
    // In vain; with the first half, then in vain; with the second.
    assert_eq!(asked.load(Ordering::Relaxed), 4);
}
