//! Clients that take their time, ask too often, or expect too much.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_client_that_never_reads_is_dropped() {
    let (outer, context) = site();
    fs::write(outer.path().join("www/big"), vec![1; 3_000_000]).unwrap();
    let (client, server) = tokio::io::duplex(8192);
    let (mut reader, mut writer) = tokio::io::split(client);
    let serving = tokio::spawn(serve(server, Arc::new(context), no_info()));
    let began = tokio::time::Instant::now();
    writer.write_all(b"GET /big HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    // It goes on talking, which does not help.
    let talking = tokio::spawn(async move {
        while writer.write_all(b"GET / HTTP/1.1\r\n").await.is_ok() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    });
    let error = serving.await.unwrap().unwrap_err();
    let spent = began.elapsed();
    let limit = Limits::default().stall;
    assert!(spent >= limit && spent < limit + Duration::from_secs(3), "{spent:?}");
    assert!(format!("{error:?}").contains("has not read its reply"), "{error:?}");
    let mut rest = Vec::new();
    reader.read_to_end(&mut rest).await.unwrap();
    assert!(rest.len() <= 8192);
    talking.abort();
}

#[tokio::test(start_paused = true)]
async fn a_body_in_a_trickle_is_given_up() {
    let context = ServiceContext::default();
    let began = tokio::time::Instant::now();
    let (mut reader, mut writer) = tokio::io::split(connect(&context));
    let trickle = tokio::spawn(async move {
        let head = b"POST /sink HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\n";
        writer.write_all(head).await.unwrap();
        while writer.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    });
    let mut reply = String::new();
    reader.read_to_string(&mut reply).await.unwrap();
    assert_eq!(status(&reply), 408, "{reply}");
    let limit = Limits::default().body + Duration::from_secs(10);
    assert!(began.elapsed() < limit, "{:?}", began.elapsed());
    trickle.abort();
}

#[tokio::test(start_paused = true)]
async fn a_slow_body_is_waited_for() {
    let context = ServiceContext::default();
    let (mut reader, mut writer) = tokio::io::split(connect(&context));
    let sender = async {
        let head = b"POST /sink HTTP/1.1\r\nhost: x\r\ncontent-length: 30000\r\n\r\n";
        writer.write_all(head).await.unwrap();
        for _ in 0..20 {
            tokio::time::sleep(Duration::from_secs(50)).await;
            writer.write_all(&[0; 1500]).await.unwrap();
        }
        writer.shutdown().await.unwrap();
    };
    let mut reply = String::new();
    let (_, read) = tokio::join!(sender, reader.read_to_string(&mut reply));
    read.unwrap();
    assert!(reply.contains("\r\n\r\n30000 bytes in "), "{reply}");
}

/// On a path that loses a third of what it carries in each direction one piece in two fails, and the
/// kernel waits up to 120 s before each further try: several failures in a row are no slow client.
#[tokio::test(start_paused = true)]
async fn six_lost_retransmissions_in_a_row_are_waited_for() {
    const LONGEST_RTO: Duration = Duration::from_secs(120);
    let (outer, context) = site();
    fs::write(outer.path().join("www/big"), vec![1; 100_000]).unwrap();
    let (mut reader, mut writer) = tokio::io::split(connect(&context));
    let begin = "POST /sink HTTP/1.1\r\nhost: x\r\ncontent-length: 4000\r\n";
    let pieces = [
        (begin.as_bytes().to_vec(), 2 * LONGEST_RTO),
        (b"\r\n".to_vec(), 6 * LONGEST_RTO),
        (vec![0; 2000], 6 * LONGEST_RTO),
        (vec![0; 2000], Duration::ZERO),
        (b"GET /big HTTP/1.0\r\n\r\n".to_vec(), 6 * LONGEST_RTO),
    ];
    for (piece, silence) in pieces {
        writer.write_all(&piece).await.unwrap();
        tokio::time::sleep(silence).await;
    }
    let mut reply = Vec::new();
    reader.read_to_end(&mut reply).await.unwrap();
    assert!(reply.ends_with(&[1; 100_000]), "{} bytes", reply.len());
    let reply = String::from_utf8_lossy(&reply);
    assert!(reply.contains("4000 bytes in ") && !reply.contains(" 408 "), "{reply}");
}

#[tokio::test]
async fn a_connection_answers_so_many_requests() {
    let mut context = ServiceContext::default();
    context.limits.requests = 3;
    let many = "GET / HTTP/1.1\r\nhost: x\r\n\r\n".repeat(50);
    let replies = talk(&context, many).await;
    assert_eq!(replies.matches("HTTP/1.1 200 OK").count(), 3, "{replies}");
    assert_eq!(replies.matches("connection: close\r\n").count(), 1);
    let last = replies.rfind("HTTP/1.1 200 OK").unwrap();
    assert!(replies[last..].contains("connection: close\r\n"), "{replies}");
}

/// Over the kernel's TCP, where a connection dropped with text unread is reset.
#[tokio::test]
async fn the_last_reply_arrives_though_the_client_talks_on() {
    let (_outer, mut context) = site();
    context.limits.requests = 1;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let context = Arc::new(context);
    tokio::spawn(crate::service::serve_listener(
        listener,
        crate::service::Service::Http,
        Arc::clone(&context),
    ));
    let long_head = format!("GET / HTTP/1.1\r\nx: {}\r\n\r\n", "y".repeat(8_000_000));
    for (request, code) in [
        ("GET /a.txt HTTP/1.1\r\nhost: x\r\n\r\n".repeat(200_000), 200),
        (long_head, 431),
        (
            format!(
                "PUT /a.txt HTTP/1.0\r\ncontent-length: 9000000\r\n\r\n{}",
                "z".repeat(9_000_000)
            ),
            405,
        ),
    ] {
        let mut client = tokio::net::TcpStream::connect(address).await.unwrap();
        let (mut reader, mut writer) = client.split();
        let mut reply = String::new();
        let send = async {
            // This would fail after a reset.
            writer.write_all(request.as_bytes()).await?;
            writer.shutdown().await
        };
        let both = async { (send.await, reader.read_to_string(&mut reply).await) };
        let (sent, read) = tokio::time::timeout(Duration::from_secs(20), both).await.unwrap();
        sent.unwrap_or_else(|error| panic!("{code}: {error}"));
        read.unwrap_or_else(|error| panic!("{code}: {error}"));
        assert_eq!(status(&reply), code, "{reply}");
        assert_eq!(reply.matches("HTTP/1").count(), 1, "{reply}");
    }
}

#[tokio::test]
async fn expectations() {
    let (_outer, context) = site();
    let put = |version: &str, expect: &str| {
        format!(
            "PUT /upload/x HTTP/{version}\r\nhost: x\r\nexpect: {expect}\r\ncontent-length: 3\r\n\r\nabc"
        )
    };
    // In whatever letters; sent with the body at once, which is allowed.
    let reply = talk(&context, put("1.1", "100-Continue")).await;
    assert!(reply.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 20"), "{reply}");
    assert_eq!(status(&talk(&context, put("1.1", "miracles")).await), 417);
    // HTTP/1.0 knows no 100.
    for expect in ["100-continue", "miracles"] {
        let reply = talk(&context, put("1.0", expect)).await;
        assert!(reply.starts_with("HTTP/1.0 204"), "{reply}");
    }
    // Without a body there is nothing to wait for.
    let reply =
        talk(&context, "GET /a.txt HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\n\r\n").await;
    assert_eq!((status(&reply), reply.matches("HTTP/1.1").count()), (200, 1), "{reply}");
}

#[tokio::test]
async fn odd_fields_harm_nobody() {
    let (_outer, context) = site();
    let long = "x".repeat(20_000);
    for (field, code) in [
        (format!("if-none-match: {long}"), 200),
        (format!("if-none-match: {}", "\"a\",".repeat(6000)), 200),
        (format!("if-modified-since: {long}"), 200),
        (format!("range: bytes={}", "9".repeat(20_000)), 200),
        (format!("range: bytes={}-", "9".repeat(20_000)), 416),
        (format!("if-range: {long}\r\nrange: bytes=0-1"), 200),
        ("if-modified-since: Sun, 06 Nov 99999 08:49:37 GMT".to_owned(), 200),
        ("if-modified-since: \u{ff}\u{fe}".to_owned(), 200),
        ("if-match: \u{ff}".to_owned(), 412),
        ("range: bytes=\u{ff}".to_owned(), 200),
        (format!("x: {}", "y".repeat(40_000)), 431),
        ("content-length: -1".to_owned(), 400),
        ("content-length: 1\r\ncontent-length: 2".to_owned(), 400),
        ("content-length: 99999999999999999999999".to_owned(), 400),
    ] {
        let request = format!("GET /a.txt HTTP/1.1\r\nhost: x\r\n{field}\r\n\r\n");
        let reply = talk(&context, request).await;
        assert_eq!(status(&reply), code, "{:?}: {reply}", field.get(..40).unwrap_or(&field));
    }
}
