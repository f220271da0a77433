use tokio::io::{AsyncReadExt, DuplexStream, duplex};

use super::*;

const PATIENCE: Duration = Duration::from_secs(60);

/// What a client gets that does this.
async fn told(client: impl AsyncFnOnce(&mut DuplexStream)) -> (String, io::Result<()>) {
    let (mut near, far) = duplex(8192);
    let served = tokio::spawn(serve(far, PATIENCE));
    client(&mut near).await;
    let mut answer = String::new();
    near.read_to_string(&mut answer).await.unwrap();
    drop(near);
    (answer, served.await.unwrap())
}

#[tokio::test(start_paused = true)]
async fn the_rule_is_kept() {
    let long = format!("Hello in {}", "x".repeat(LEN_MAX - 9));
    let longer = format!("{long}x");
    let huge = "x".repeat(5000);
    for (message, answer) in [
        ("Hello in Python", "Goodbye Python from Rust"),
        ("Hello in Python\n", "Goodbye Python from Rust"),
        ("Hello in C++\r\n", "Goodbye C++ from Rust"),
        ("  Hello in   Bad Orb  \r\n", "Goodbye Bad Orb from Rust"),
        ("Hello in Zürich", "Goodbye Zürich from Rust"),
        ("Hello in C\nHello in D\n", "Goodbye C from Rust"),
        ("Hello in ", "Goodbye in Rust"),
        ("Hello in", "Goodbye in Rust"),
        ("hello in Java", "Goodbye in Rust"),
        ("Hello", "Goodbye in Rust"),
        ("\n", "Goodbye in Rust"),
        (&long, &format!("Goodbye {} from Rust", &long[9..])),
        (&longer, "Goodbye in Rust"),
        (&huge, "Goodbye in Rust"),
    ] {
        // The end of sending ends it, or a line break, or a pause.
        for closes in [true, false] {
            let (told, ended) = told(async |client| {
                client.write_all(message.as_bytes()).await.unwrap();
                if closes {
                    client.shutdown().await.unwrap();
                }
            })
            .await;
            assert_eq!(told, answer, "{message:?}");
            ended.unwrap();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_in_pieces_is_one() {
    let (told, ended) = told(async |client| {
        for piece in ["Hel", "lo in", " Py", "thon", "\n"] {
            client.write_all(piece.as_bytes()).await.unwrap();
            tokio::time::sleep(PAUSE / 2).await;
        }
    })
    .await;
    assert_eq!(told, "Goodbye Python from Rust");
    ended.unwrap();
}

#[tokio::test(start_paused = true)]
async fn who_says_nothing_is_answered_at_the_end_or_given_up() {
    let (told_at_end, _) = told(async |client| client.shutdown().await.unwrap()).await;
    assert_eq!(told_at_end, "Goodbye in Rust");
    let (told_never, ended) = told(async |_| {}).await;
    assert_eq!(told_never, "");
    assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::TimedOut);
}

#[tokio::test(start_paused = true)]
async fn a_trickle_is_cut_short() {
    let (near, far) = duplex(8192);
    let served = tokio::spawn(serve(far, PATIENCE));
    let (mut reading, mut writing) = tokio::io::split(near);
    let trickle = tokio::spawn(async move {
        while writing.write_all(b"x").await.is_ok() {
            tokio::time::sleep(PAUSE / 2).await;
        }
    });
    let mut answer = String::new();
    reading.read_to_string(&mut answer).await.unwrap();
    assert_eq!(answer, "Goodbye in Rust");
    drop(reading);
    served.await.unwrap().unwrap();
    trickle.abort();
}
