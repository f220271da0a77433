use std::pin::Pin;
use std::task::{Context, Poll};

use clap::Parser;
use tokio::io::{AsyncBufReadExt, BufReader, ReadBuf, duplex};

use super::*;

#[derive(Debug, Parser)]
struct Hello {
    #[command(flatten)]
    args: Args,
}

fn parsed(line: &str) -> Result<Args, String> {
    let words = std::iter::once("hello").chain(line.split_whitespace());
    Hello::try_parse_from(words).map(|hello| hello.args).map_err(|error| error.to_string())
}

#[test]
fn names_are_taken_in_order() {
    let args = parsed("10.9.0.2 --in C --from Java --in Rust").unwrap();
    assert_eq!(
        (args.port, &args.places[..]),
        (12000, &["C", "Java", "Rust"].map(String::from)[..])
    );
    let args = parsed("10.9.0.2 13000").unwrap();
    assert_eq!((args.port, &args.places[..]), (13000, &["Rust".to_owned()][..]));
    assert!(place(" ").unwrap_err().contains("one line"));
    assert!(place("a\nb").unwrap_err().contains("one line"));
    assert!(place(&"x".repeat(1016)).unwrap_err().contains("1024"));
    assert_eq!(place(&"x".repeat(1015)).map(|place| place.len()), Ok(1015));
}

const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test(start_paused = true)]
async fn servers_that_read_in_other_ways_are_understood() {
    // A server that takes what comes, one that wants a line, and one that wants the end.
    for kind in 0..3 {
        let (mut near, far) = duplex(4096);
        let server = tokio::spawn(async move {
            let mut far = BufReader::new(far);
            let mut asked = Vec::new();
            match kind {
                0 => asked = far.fill_buf().await.unwrap().to_vec(),
                1 => drop(far.read_until(b'\n', &mut asked).await.unwrap()),
                _ => drop(far.read_to_end(&mut asked).await.unwrap()),
            }
            assert_eq!(String::from_utf8_lossy(&asked).trim_end(), "Hello in Rust");
            far.write_all(b"Goodbye Rust from \x1bC\r\n").await.unwrap();
            // It stays open.
            far
        });
        let answer = exchange(&mut near, "Hello in Rust", PATIENCE).await.unwrap();
        assert_eq!(answer, "Goodbye Rust from ?C", "kind {kind}");
        server.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_may_have_no_end() {
    let (mut near, mut far) = duplex(4096);
    far.write_all(b"Goodbye").await.unwrap();
    assert_eq!(exchange(&mut near, "Hello in Rust", PATIENCE).await.unwrap(), "Goodbye");
    let (mut near, mut far) = duplex(1 << 16);
    far.write_all(&[b'x'; 1 << 15]).await.unwrap();
    let answer = exchange(&mut near, "Hello in Rust", PATIENCE).await.unwrap();
    assert!((ANSWER_MAX..ANSWER_MAX + 512).contains(&answer.len()));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_answers_is_given_up() {
    let (mut near, _far) = duplex(4096);
    let error = exchange(&mut near, "Hello in Rust", PATIENCE).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
}

/// It answers, and resets the connection.
struct Resets(&'static [u8]);

impl AsyncRead for Resets {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.0.is_empty() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        buffer.put_slice(std::mem::take(&mut self.0));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Resets {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        text: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(text.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_counts_although_a_reset_follows() {
    let answer = exchange(&mut Resets(b"Goodbye Rust from C"), "Hello in Rust", PATIENCE).await;
    assert_eq!(answer.unwrap(), "Goodbye Rust from C");
    let nothing = exchange(&mut Resets(b""), "Hello in Rust", PATIENCE).await;
    assert_eq!(nothing.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
}

/// Blanks are no answer, and half a line is none when the time is over.
#[tokio::test(start_paused = true)]
async fn what_is_no_answer_is_waited_beyond() {
    let (mut near, mut far) = duplex(4096);
    far.write_all(b" \r\n\n").await.unwrap();
    let server = async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        far.write_all(b"\nGoodbye\n").await.unwrap();
    };
    let (answer, ()) = tokio::join!(exchange(&mut near, "Hello in Rust", PATIENCE), server);
    assert_eq!(answer.unwrap(), "Goodbye");

    let (mut near, mut far) = duplex(4096);
    far.write_all(b"\n \n").await.unwrap();
    let error = exchange(&mut near, "Hello in Rust", PATIENCE).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);

    let (mut near, mut far) = duplex(4096);
    let server = async {
        loop {
            far.write_all(b"x").await.unwrap();
            tokio::time::sleep(PAUSE / 2).await;
        }
    };
    let error = tokio::select! {
        answer = exchange(&mut near, "Hello in Rust", PATIENCE) => answer.unwrap_err(),
        () = server => unreachable!("it drips for ever"),
    };
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
}
