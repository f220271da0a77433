use super::*;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};

fn numbers(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i % 251) as u8).collect()
}

#[tokio::test]
async fn it_grows_with_what_comes() {
    let data = numbers(500_000);
    let mut reader = Buffered::new(&data[..]);
    assert_eq!(reader.buffer.len(), 0);
    let (mut at, mut expected) = (0, SMALL);
    while at < data.len() {
        let text = reader.fill_buf().await.unwrap();
        assert_eq!(text.len(), expected.min(data.len() - at));
        assert!(data[at..].starts_with(text));
        at += expected;
        expected = (2 * expected).min(LARGE);
        // In two pieces: what is left is shown again, and nothing is read meanwhile.
        let rest = text[100..].to_vec();
        reader.consume(100);
        assert_eq!(reader.fill_buf().await.unwrap(), rest);
        reader.consume(rest.len());
    }
    assert_eq!(reader.buffer.len(), LARGE);
    assert!(reader.fill_buf().await.unwrap().is_empty());
}

#[tokio::test]
async fn it_stays_small_for_small_talk() {
    let (mut client, server) = tokio::io::duplex(100);
    let mut reader = Buffered::new(server);
    for _ in 0..100 {
        client.write_all(&[7; 100]).await.unwrap();
        reader.read_exact(&mut [0; 100]).await.unwrap();
    }
    assert_eq!(reader.buffer.len(), SMALL);
}

#[tokio::test]
async fn it_can_be_read_both_ways() {
    let data = numbers(10_000);
    let mut reader = Buffered::new(&data[..]);
    assert_eq!(reader.fill_buf().await.unwrap().len(), SMALL);
    reader.consume(1);
    let mut rest = Vec::new();
    reader.read_to_end(&mut rest).await.unwrap();
    assert!(rest == data[1..]);
}
