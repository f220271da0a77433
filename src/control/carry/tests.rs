use super::failure::KINDS;
use super::*;
use crate::stack::UdpError;
use crate::wire::icmp::{Notice, Report};
use tokio::io::AsyncReadExt;

#[test]
fn errors_keep_their_kind_and_their_words() {
    for (kind, _) in KINDS {
        let error = io::Error::from(Failure::from(io::Error::new(kind, "the words")));
        assert_eq!((error.kind(), error.to_string().as_str()), (kind, "the words"));
    }
    let error = io::Error::from(Failure::from(io::Error::new(io::ErrorKind::WriteZero, "x")));
    assert_eq!(error.kind(), io::ErrorKind::Other);
}

fn failure() -> Failure {
    io::Error::new(io::ErrorKind::TimedOut, "it took too long").into()
}

#[tokio::test]
async fn frames_come_out_as_they_went_in() {
    let place: SocketAddr = "10.9.0.2:53".parse().unwrap();
    let notice = Notice { report: Report::PortUnreachable, by: place.ip() };
    let text = |len| Bytes::from(vec![7; len]);
    let frames = [
        Frame::Data(text(1)),
        Frame::Data(text(65_535)),
        Frame::Acknowledged(u64::MAX - 1),
        Frame::Datagram(place, text(0)),
        Frame::Datagram(place, text(65_507)),
        Frame::Sent(None),
        Frame::Sent(Some(failure())),
        Frame::Report(UdpError { to: place, notice, text: text(576) }),
        Frame::End,
        Frame::Failed(failure()),
    ];
    let (one, other) = UnixStream::pair().unwrap();
    let sent = async {
        let mut outbox = Outbox::new(&one);
        for frame in &frames {
            outbox.send(frame).await.unwrap();
        }
        for bad in [
            Frame::Data(text(65_536)),
            Frame::Datagram(place, text(65_530)),
            Frame::Datagram("[::1]:53".parse().unwrap(), text(1)),
        ] {
            let refused = outbox.send(&bad).await.unwrap_err();
            assert_eq!(refused.kind(), io::ErrorKind::InvalidInput);
        }
    };
    let mut inbox = Inbox::default();
    let came = async {
        for frame in &frames {
            assert_eq!(inbox.next(&other).await.unwrap().as_ref(), Some(frame));
        }
    };
    tokio::join!(sent, came);
    drop(one);
    assert_eq!(inbox.next(&other).await.unwrap(), None);
}

#[tokio::test]
async fn what_is_no_frame_is_an_error() {
    for (bytes, kind) in [
        (&[0, 0, 9, 1, 1][..], io::ErrorKind::UnexpectedEof),
        (&[0, 0], io::ErrorKind::UnexpectedEof),
        (&[7, 0, 0], io::ErrorKind::InvalidData),
        (&[2, 0, 1, 1], io::ErrorKind::InvalidData),
        (&[3, 0, 1, b'{'], io::ErrorKind::InvalidData),
        (&[4, 0, 5, 1, 1, 1, 1, 1], io::ErrorKind::InvalidData),
        (&[5, 0, 1, b'x'], io::ErrorKind::InvalidData),
        (&[6, 0, 0], io::ErrorKind::InvalidData),
    ] {
        let (mut one, other) = UnixStream::pair().unwrap();
        one.write_all(bytes).await.unwrap();
        drop(one);
        let error = Inbox::default().next(&other).await.unwrap_err();
        let eof = matches!(bytes, [3 | 6, ..]) && error.kind() == io::ErrorKind::UnexpectedEof;
        assert!(error.kind() == kind || eof, "{bytes:?}: {error}");
    }
}

/// A client's end, and the other one of the socket.
fn client() -> (Carried, UnixStream) {
    let (unix, other) = UnixStream::pair().unwrap();
    (Carried::from(Way { unix, inbox: Inbox::default() }), other)
}

#[tokio::test]
async fn who_gives_up_writing_leaves_no_half_of_anything() {
    let (mut carried, other) = client();
    let mut count = 0;
    let mut text = [0; 100_000];
    // Until it is full, and each time as much as there is room for.
    loop {
        text.fill(count as u8);
        tokio::select! {
            biased;
            written = carried.write(&text[..1 + count * 7919 % 100_000]) => {
                count += written.unwrap();
            }
            () = tokio::task::yield_now() => break,
        }
    }
    assert!(count > 100_000);
    let came = async {
        let (mut inbox, mut len) = (Inbox::default(), 0);
        while let Some(frame) = inbox.next(&other).await.unwrap() {
            match frame {
                Frame::Data(text) => len += text.len(),
                Frame::End => return len,
                other => panic!("{other:?}"),
            }
        }
        panic!("there is no end");
    };
    let sent = async {
        carried.write_all(&text).await.unwrap();
        carried.shutdown().await.unwrap();
        carried.shutdown().await.unwrap();
        let late = carried.write(&text).await.unwrap_err();
        assert_eq!(late.kind(), io::ErrorKind::BrokenPipe);
    };
    let (len, ()) = tokio::join!(came, sent);
    assert_eq!(len, count + text.len());
}

#[tokio::test]
async fn a_failure_behind_text_that_was_not_read_is_found_by_who_writes() {
    let (mut carried, other) = client();
    let mut outbox = Outbox::new(&other);
    outbox.send(&Frame::Data(Bytes::from_static(b"text"))).await.unwrap();
    outbox.send(&Frame::Failed(failure())).await.unwrap();
    drop(other);
    let error = carried.write(b"more").await.unwrap_err();
    assert_eq!(error.to_string(), "it took too long");
    let mut text = [0; 4];
    carried.read_exact(&mut text).await.unwrap();
    assert_eq!(&text, b"text", "and that is still there");
    for _ in 0..2 {
        let error = carried.read(&mut text).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.to_string()),
            (io::ErrorKind::TimedOut, "it took too long".to_owned())
        );
    }
}

#[tokio::test]
async fn what_does_not_belong_to_a_connection_is_an_error() {
    let (mut carried, other) = client();
    Outbox::new(&other).send(&Frame::Sent(None)).await.unwrap();
    let error = carried.read(&mut [0]).await.unwrap_err();
    assert!(matches!(ControlError::of(&error), Some(ControlError::Protocol(_))), "{error}");
}

/// There is no room until somebody is let in.
#[tokio::test(start_paused = true)]
async fn who_comes_when_many_wait_tries_again() {
    use nix::sys::socket::{
        AddressFamily, Backlog, SockFlag, SockType, UnixAddr, bind, listen, socket,
    };
    use std::os::fd::AsRawFd;

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let listening = socket(AddressFamily::Unix, SockType::Stream, SockFlag::SOCK_NONBLOCK, None);
    let listening = listening.unwrap();
    bind(listening.as_raw_fd(), &UnixAddr::new(&path).unwrap()).unwrap();
    listen(&listening, Backlog::new(1).unwrap()).unwrap();
    let mut waiting = Vec::new();
    let full = loop {
        match crate::control::connect(&path) {
            Ok(stream) => waiting.push(stream),
            Err(error) => break error,
        }
    };
    assert_eq!(full.kind(), io::ErrorKind::WouldBlock);
    let place: SocketAddr = "10.9.0.2:7".parse().unwrap();
    let served = async {
        sleep(Duration::from_secs(5)).await;
        let listening = std::os::unix::net::UnixListener::from(listening);
        let listening = tokio::net::UnixListener::from_std(listening).unwrap();
        let mut last = None;
        for _ in 0..=waiting.len() {
            last = Some(listening.accept().await.unwrap().0);
        }
        let mut last = last.unwrap();
        tell(&mut last, &Reply::Open { local: place, peer: None }).await.unwrap();
        last
    };
    let request = crate::control::Request::Datagrams { port: 0 };
    let (opened, _last) = tokio::join!(open(&path, &request, None), served);
    assert_eq!(opened.unwrap().1, place);
}

/// It is printed, and the one that says it may be anybody's.
#[tokio::test]
async fn no_terminal_obeys_what_comes_from_the_control_socket() {
    for (line, said) in [
        (r#"{"error":"a\u001b[2J\u202eb\nc"}"#, "a?[2J?b?c"),
        (r#"{"failed":{"kind":"timed-out","reason":"a\u001b\u2028b"}}"#, "a??b"),
    ] {
        let (unix, mut other) = UnixStream::pair().unwrap();
        other.write_all(format!("{line}\n").as_bytes()).await.unwrap();
        let mut way = Way { unix, inbox: Inbox::default() };
        let error = opened(&mut way).await.unwrap_err();
        assert_eq!(error.to_string(), said);
    }
    let (unix, mut other) = UnixStream::pair().unwrap();
    other.write_all(b"{\"\\u001b[2J\":1}\n").await.unwrap();
    let error = opened(&mut Way { unix, inbox: Inbox::default() }).await.unwrap_err().to_string();
    assert!(error.contains("not the protocol") && !error.contains(char::is_control), "{error}");
}
