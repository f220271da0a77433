//! Parts of files, and conditions about them.

use super::*;
use std::time::SystemTime;

/// A site with a file of 1000 bytes; its tag is weak for the first seconds.
fn numbers() -> (TempDir, ServiceContext, Vec<u8>) {
    let (outer, context) = site();
    let text: Vec<u8> = (0..1000_u32).map(|i| b'a' + (i % 26) as u8).collect();
    fs::write(outer.path().join("www/n.bin"), &text).unwrap();
    (outer, context, text)
}

async fn ask(context: &ServiceContext, method: &str, path: &str, fields: &str) -> (String, String) {
    let request = format!("{method} {path} HTTP/1.1\r\nhost: x\r\n{fields}\r\n");
    let reply = talk(context, request).await;
    let (head, body) = reply.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{reply:?}"));
    (format!("{head}\r\n"), body.to_owned())
}

async fn part(context: &ServiceContext, range: &str) -> (String, String) {
    ask(context, "GET", "/n.bin", &format!("range: {range}\r\n")).await
}

fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

#[tokio::test]
async fn one_part() {
    let (_outer, context, text) = numbers();
    for (range, part_of, place) in [
        ("bytes=0-0", 0..1, "bytes 0-0/1000"),
        ("bytes=10-19", 10..20, "bytes 10-19/1000"),
        ("bytes=990-", 990..1000, "bytes 990-999/1000"),
        ("bytes=-5000", 0..1000, "bytes 0-999/1000"),
        ("bytes=0-9,5-20,21-22", 0..23, "bytes 0-22/1000"),
    ] {
        let (head, body) = part(&context, range).await;
        assert_eq!(status(&head), 206, "{range}: {head}");
        assert_eq!(body.as_bytes(), &text[part_of.clone()], "{range}");
        assert_eq!(field(&head, "content-range"), Some(place));
        assert_eq!(field(&head, "content-length"), Some(part_of.len().to_string().as_str()));
        assert_eq!(field(&head, "content-type"), Some("application/octet-stream"));
        assert_eq!(field(&head, "accept-ranges"), Some("bytes"));
        assert!(field(&head, "etag").is_some() && field(&head, "last-modified").is_some());
    }
}

#[tokio::test]
async fn nothing_there_or_not_a_range() {
    let (_outer, context, text) = numbers();
    for range in ["bytes=1000-", "bytes=-0", "bytes=99999999999999999999999-"] {
        let (head, _) = part(&context, range).await;
        assert_eq!(status(&head), 416, "{range}: {head}");
        assert_eq!(field(&head, "content-range"), Some("bytes */1000"));
    }
    for range in ["bytes=x", "lines=1-2", "bytes=9-1", "bytes=", "\u{e9}"] {
        let (head, body) = part(&context, range).await;
        assert_eq!(status(&head), 200, "{range}: {head}");
        assert_eq!(body.as_bytes(), text);
    }
    // HEAD has no ranges, and what is not a file has none either.
    let (head, _) = ask(&context, "HEAD", "/n.bin", "range: bytes=0-1\r\n").await;
    assert_eq!((status(&head), field(&head, "content-length")), (200, Some("1000")));
    let (head, _) = ask(&context, "GET", "/plain/", "range: bytes=0-1\r\n").await;
    assert_eq!(status(&head), 200);
}

#[tokio::test]
async fn several_parts() {
    let (_outer, context, text) = numbers();
    let (head, body) = part(&context, "bytes=100-109, 0-0 ,-1, 5000-").await;
    assert_eq!(status(&head), 206, "{head}");
    assert_eq!(field(&head, "content-range"), None);
    assert_eq!(field(&head, "content-length"), Some(body.len().to_string().as_str()));
    let kind = field(&head, "content-type").unwrap();
    let boundary = kind.strip_prefix("multipart/byteranges; boundary=").unwrap();
    let text = String::from_utf8(text).unwrap();
    let expected: String = [(100, 109), (0, 0), (999, 999)]
        .iter()
        .map(|&(first, last)| {
            format!(
                "\r\n--{boundary}\r\nContent-Type: application/octet-stream\r\n\
                 Content-Range: bytes {first}-{last}/1000\r\n\r\n{}",
                &text[first..=last]
            )
        })
        .collect();
    assert_eq!(format!("\r\n{body}"), format!("{expected}\r\n--{boundary}--\r\n"));
    let (again, _) = part(&context, "bytes=0-0,-1").await;
    assert!(!again.contains(boundary), "a boundary must not be known before");
}

#[tokio::test]
async fn parts_larger_than_a_piece() {
    let (outer, context) = site();
    let large: Vec<u8> = (0..2_000_000_u32).map(|i| b'0' + (i / 7 % 10) as u8).collect();
    fs::write(outer.path().join("www/large"), &large).unwrap();
    let range = "range: bytes=1-700000,800000-1999998\r\n";
    let (head, body) = ask(&context, "GET", "/large", range).await;
    assert_eq!(status(&head), 206);
    assert_eq!(field(&head, "content-length"), Some(body.len().to_string().as_str()));
    let parts: Vec<_> = body.split("\r\n\r\n").collect();
    assert!(parts[1].as_bytes().starts_with(&large[1..=700_000]));
    assert!(parts[2].as_bytes().starts_with(&large[800_000..=1_999_998]));
    let (head, body) = ask(&context, "GET", "/large", "range: bytes=3-1999998\r\n").await;
    assert_eq!(status(&head), 206);
    assert!(body.as_bytes() == &large[3..=1_999_998]);
}

#[tokio::test]
async fn hostile_ranges_cost_no_more_than_the_file() {
    let (_outer, context, _text) = numbers();
    let list = |count: u32, one: fn(u32) -> String| -> String {
        format!("bytes={}", (0..count).map(one).collect::<Vec<_>>().join(","))
    };
    for range in [
        list(60, |i| format!("{i}-")),
        list(60, |_| "0-".to_owned()),
        list(1300, |i| format!("{i}-{i}")),
        list(3000, |_| "-9".to_owned()),
        list(64, |i| format!("{0}-{0}", 2 * i)),
        ",".repeat(20_000),
    ] {
        let (head, body) = part(&context, &range).await;
        assert!([200, 206].contains(&status(&head)), "{head}");
        assert!(body.len() < 64 * 200, "{} bytes for {}", body.len(), &range[..20]);
    }
    let (head, _) = part(&context, &list(10_000, |i| format!("{i}-{i}"))).await;
    assert_eq!(status(&head), 431);
}

#[tokio::test]
async fn a_client_that_has_the_file_is_told_so() {
    let (outer, context, _text) = numbers();
    let (head, _) = ask(&context, "GET", "/n.bin", "").await;
    let tag = field(&head, "etag").unwrap().to_owned();
    let date = field(&head, "last-modified").unwrap().to_owned();
    assert!(tag.starts_with("W/\""), "{tag} is of a file that was changed just now");
    let old = "Sun, 06 Nov 1994 08:49:37 GMT";
    for (fields, code) in [
        (format!("if-none-match: {tag}\r\n"), 304),
        ("if-none-match: *\r\n".to_owned(), 304),
        (format!("if-none-match: \"x\", {tag}\r\nif-modified-since: {old}\r\n"), 304),
        (format!("if-none-match: \"x\"\r\nif-modified-since: {date}\r\n"), 200),
        (format!("if-modified-since: {date}\r\n"), 304),
        ("if-modified-since: yesterday\r\n".to_owned(), 200),
        (format!("if-unmodified-since: {old}\r\n"), 412),
        ("if-match: \"x\"\r\n".to_owned(), 412),
        (format!("if-none-match: {tag}\r\nrange: bytes=0-1\r\n"), 304),
        ("if-match: \"x\"\r\nrange: bytes=5000-\r\n".to_owned(), 412),
        // A weak tag does not do for parts.
        (format!("if-range: {tag}\r\nrange: bytes=0-1\r\n"), 200),
        (format!("if-range: {date}\r\nrange: bytes=0-1\r\n"), 200),
        ("if-range: \"x\"\r\nrange: bytes=5000-\r\n".to_owned(), 200),
    ] {
        for method in ["GET", "HEAD"] {
            let (head, body) = ask(&context, method, "/n.bin", &fields).await;
            assert_eq!(status(&head), code, "{method} {fields}: {head}");
            if code == 304 {
                assert_eq!(field(&head, "etag"), Some(tag.as_str()));
                assert!(body.is_empty() && field(&head, "content-type").is_none(), "{head}");
            }
        }
    }
    fs::write(outer.path().join("www/n.bin"), "other").unwrap();
    let (head, _) = ask(&context, "GET", "/n.bin", &format!("if-none-match: {tag}\r\n")).await;
    assert_eq!(status(&head), 200);
}

#[tokio::test]
async fn a_settled_file_is_resumed_with_if_range() {
    let (outer, context, text) = numbers();
    let place = outer.path().join("www/n.bin");
    let deadline = std::time::Instant::now() + Duration::from_secs(10);
    let tag = loop {
        let (head, _) = ask(&context, "HEAD", "/n.bin", "").await;
        let tag = field(&head, "etag").unwrap().to_owned();
        if !tag.starts_with('W') {
            break tag;
        }
        assert!(std::time::Instant::now() < deadline, "{tag} stays weak");
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    let fields = format!("if-range: {tag}\r\nrange: bytes=500-\r\n");
    let (head, body) = ask(&context, "GET", "/n.bin", &fields).await;
    assert_eq!(status(&head), 206, "{head}");
    assert_eq!(body.as_bytes(), &text[500..]);
    let (head, _) = ask(&context, "GET", "/n.bin", &format!("if-match: {tag}\r\n")).await;
    assert_eq!(status(&head), 200);
    // The same length and the same date, but another text.
    let date = fs::metadata(&place).unwrap().modified().unwrap();
    fs::write(&place, vec![b'z'; 1000]).unwrap();
    fs::File::open(&place).unwrap().set_modified(date).unwrap();
    let (head, body) = ask(&context, "GET", "/n.bin", &fields).await;
    assert_eq!(status(&head), 200, "{head}");
    assert_eq!(body, "z".repeat(1000));
}

#[tokio::test]
async fn a_date_in_the_future_is_not_passed_on() {
    let (outer, context, _text) = numbers();
    let later = SystemTime::now() + Duration::from_secs(1_000_000);
    fs::File::open(outer.path().join("www/n.bin")).unwrap().set_modified(later).unwrap();
    let (head, _) = ask(&context, "GET", "/n.bin", "").await;
    let date = httpdate::parse_http_date(field(&head, "last-modified").unwrap()).unwrap();
    assert!(date <= SystemTime::now(), "{head}");
}
