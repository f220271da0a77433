use tokio::io::duplex;

use super::*;

const STALL: Duration = Duration::from_secs(900);

/// What comes back for `sent`, to the end of the stream.
async fn answers(sent: &[u8], loss: &Loss) -> (Vec<u8>, io::Result<()>) {
    let (mut client, server) = duplex(4 * LINE_MAX);
    client.write_all(sent).await.unwrap();
    client.shutdown().await.unwrap();
    let served = serve(server, loss, STALL).await;
    let mut back = Vec::new();
    client.read_to_end(&mut back).await.unwrap();
    (back, served)
}

#[tokio::test]
async fn lines_come_back_in_upper_case() {
    let loss = Loss::default();
    for (sent, expected) in [
        ("hello\n", "HELLO\n"),
        ("one\r\n\ntwo 2\n", "ONE\r\n\nTWO 2\n"),
        ("no end", "NO END"),
        ("grüß dich\n", "GRüß DICH\n"),
        ("", ""),
    ] {
        let (back, served) = answers(sent.as_bytes(), &loss).await;
        assert_eq!(back, expected.as_bytes(), "{sent:?}");
        served.unwrap();
    }
}

#[tokio::test]
async fn a_line_has_a_longest_length() {
    let loss = Loss::default();
    let mut line = vec![b'x'; LINE_MAX - 1];
    line.push(b'\n');
    let (back, served) = answers(&line, &loss).await;
    assert_eq!(back.len(), LINE_MAX);
    served.unwrap();
    line.insert(0, b'x');
    let (back, served) = answers(&line, &loss).await;
    assert_eq!((back.len(), served.unwrap_err().kind()), (0, io::ErrorKind::InvalidData));
}

#[tokio::test]
async fn what_is_lost_depends_on_the_seed_alone() {
    let sent: String = (0..1000).map(|n| format!("{n}\n")).collect();
    let share = Share::new(0.2).unwrap();
    let mut lost = Vec::new();
    for seed in [1, 1, 2] {
        let (back, served) = answers(sent.as_bytes(), &Loss::new(share, seed)).await;
        served.unwrap();
        lost.push(String::from_utf8(back).unwrap());
    }
    assert_eq!(lost[0], lost[1]);
    assert_ne!(lost[0], lost[2]);
    // 99.9 % of all seeds lie within 3.3 standard deviations of 12.6.
    assert!((758..=842).contains(&lost[0].lines().count()), "{}", lost[0].lines().count());
}

#[test]
fn datagrams_are_answered_or_lost() {
    assert_eq!(answer(b"one\ntwo", &Loss::default()).unwrap(), &b"ONE\nTWO"[..]);
    assert_eq!(answer(b"", &Loss::default()).unwrap(), &b""[..]);
    assert_eq!(answer(b"one", &Loss::new(Share::ALL, 1)), None);
}

#[tokio::test(start_paused = true)]
async fn who_does_not_read_is_given_up() {
    let (mut client, server) = duplex(1024);
    let loss = Loss::default();
    let asking = async {
        loop {
            client.write_all(&[b"x".repeat(100), b"\n".to_vec()].concat()).await.unwrap();
        }
    };
    let begun = tokio::time::Instant::now();
    let error = tokio::select! {
        served = serve(server, &loss, STALL) => served.unwrap_err(),
        () = asking => unreachable!("it asks for ever"),
    };
    assert_eq!((error.kind(), begun.elapsed()), (io::ErrorKind::TimedOut, STALL));
}
