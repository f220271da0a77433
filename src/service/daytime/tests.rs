use super::*;
use std::time::{Duration, UNIX_EPOCH};
use tokio::io::AsyncReadExt;

#[test]
fn the_line_is_for_people() {
    let time = UNIX_EPOCH + Duration::from_secs(784_111_777);
    assert_eq!(line(time), "Sun, 06 Nov 1994 08:49:37 GMT\r\n");
}

#[tokio::test(start_paused = true)]
async fn one_line_and_the_end_even_for_one_who_talks_and_never_closes() {
    let (mut client, server) = tokio::io::duplex(100);
    let service = tokio::spawn(serve(server));
    client.write_all(b"what time is it?").await.unwrap();
    let mut text = String::new();
    client.read_to_string(&mut text).await.unwrap();
    assert!(text.ends_with(" GMT\r\n"), "{text:?}");
    service.await.unwrap().unwrap();
}

#[test]
fn a_datagram_gets_the_line() {
    assert!(answer(b"").unwrap().ends_with(b" GMT\r\n"));
}
