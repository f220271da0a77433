use super::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[tokio::test]
async fn everything_is_echoed_before_our_half_is_closed() {
    let sent: Vec<u8> = (0..300_000_u32).map(|i| (i % 251) as u8).collect();
    let (client, server) = tokio::io::duplex(1000);
    let service = tokio::spawn(serve(server));
    let (mut reader, mut writer) = tokio::io::split(client);
    let text = sent.clone();
    let sender = tokio::spawn(async move {
        writer.write_all(&text).await.unwrap();
        writer.shutdown().await.unwrap();
    });
    let mut echoed = Vec::new();
    reader.read_to_end(&mut echoed).await.unwrap();
    sender.await.unwrap();
    service.await.unwrap().unwrap();
    assert!(echoed == sent);
}

#[tokio::test]
async fn nothing_is_echoed_as_nothing() {
    let (mut client, server) = tokio::io::duplex(10);
    let service = tokio::spawn(serve(server));
    client.shutdown().await.unwrap();
    assert_eq!(client.read(&mut [0; 1]).await.unwrap(), 0);
    service.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_peer_that_vanishes_ends_it() {
    let (mut client, server) = tokio::io::duplex(10);
    let service = tokio::spawn(serve(server));
    client.write_all(&[1; 10]).await.unwrap();
    drop(client);
    // Whether it is seen as an end or as an error depends on the stream.
    let _ = service.await.unwrap();
}

#[test]
fn a_datagram_comes_back() {
    assert_eq!(answer(b"glass").as_deref(), Some(&b"glass"[..]));
    assert_eq!(answer(b"").as_deref(), Some(&b""[..]));
}
