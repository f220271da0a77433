use super::*;
use tokio::io::AsyncReadExt;

#[tokio::test]
async fn the_pattern_rotates_and_ends_when_the_peer_closes() {
    let (mut client, server) = tokio::io::duplex(5000);
    let service = tokio::spawn(serve(server));
    let mut text = vec![0; 3 * TEXT.len()];
    client.read_exact(&mut text).await.unwrap();
    for (index, line) in text.chunks(COLUMNS + 2).enumerate() {
        assert!(line.ends_with(b"\r\n"));
        for (column, &character) in line[..COLUMNS].iter().enumerate() {
            assert!((b' '..=b'~').contains(&character));
            assert_eq!(usize::from(character - b' '), (index + column) % 95);
        }
    }
    client.write_all(b"is that all?").await.unwrap();
    client.shutdown().await.unwrap();
    client.read_to_end(&mut text).await.unwrap();
    service.await.unwrap().unwrap();
}

#[test]
fn a_write_is_one_burst_of_whole_patterns() {
    assert_eq!(TEXT.len() % (95 * 74), 0);
    assert!(TEXT.len() <= 65_536);
}

#[tokio::test]
async fn a_peer_that_vanishes_ends_it() {
    let (client, server) = tokio::io::duplex(10);
    let service = tokio::spawn(serve(server));
    drop(client);
    let _ = service.await.unwrap();
}
