use super::*;
use crate::service::no_info;
use nix::errno::Errno;
use proptest::prelude::*;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path as FsPath;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

mod folder;
mod limits;
mod ranges;

fn connect(context: &ServiceContext) -> DuplexStream {
    let (client, server) = tokio::io::duplex(8192);
    tokio::spawn(serve(server, Arc::new(context.clone()), no_info()));
    client
}

/// Sends `request`, closes that half, and reads to the end.
async fn talk(context: &ServiceContext, request: impl AsRef<[u8]>) -> String {
    let (mut reader, mut writer) = tokio::io::split(connect(context));
    let request = request.as_ref().to_vec();
    let sender = tokio::spawn(async move {
        let sent = writer.write_all(&request).await;
        sent.and(writer.shutdown().await)
    });
    let mut reply = Vec::new();
    reader.read_to_end(&mut reply).await.unwrap();
    let _ = sender.await.unwrap(); // the server may close before it has read all
    String::from_utf8_lossy(&reply).into_owned()
}

async fn get(context: &ServiceContext, path: &str) -> String {
    talk(context, format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n")).await
}

async fn put(context: &ServiceContext, path: &str, body: &str) -> String {
    let len = body.len();
    talk(context, format!("PUT {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {len}\r\n\r\n{body}"))
        .await
}

fn status(reply: &str) -> u16 {
    reply
        .split(' ')
        .nth(1)
        .and_then(|code| code.parse().ok())
        .unwrap_or_else(|| panic!("no reply: {reply:?}"))
}

fn serving(folder: &FsPath) -> ServiceContext {
    ServiceContext { www: Some(Www::open(folder).unwrap()), ..ServiceContext::default() }
}

/// A folder to serve, inside of one with a secret beside it.
fn site() -> (TempDir, ServiceContext) {
    let outer = tempfile::tempdir().unwrap();
    let www = outer.path().join("www");
    fs::create_dir_all(www.join("docs")).unwrap();
    fs::create_dir_all(www.join("plain/<b>")).unwrap();
    fs::write(outer.path().join("secret"), "secret").unwrap();
    fs::write(www.join("a.txt"), "hello\n").unwrap();
    fs::write(www.join("empty"), "").unwrap();
    fs::write(www.join(".hidden"), "secret").unwrap();
    fs::write(www.join("docs/index.html"), "<p>index").unwrap();
    fs::write(www.join("plain/z & co \"1\".txt"), vec![0; 1536]).unwrap();
    fs::write(www.join("plain/a.txt"), "a").unwrap();
    symlink("../../secret", www.join("plain/way-out")).unwrap();
    symlink(outer.path(), www.join("plain/folder-out")).unwrap();
    symlink("../a.txt", www.join("plain/way-in")).unwrap();
    symlink("loop", www.join("plain/loop")).unwrap();
    let context = serving(&www);
    (outer, context)
}

#[tokio::test]
async fn files_are_served_with_their_type_length_and_date() {
    let (_outer, context) = site();
    let reply = get(&context, "/a.txt").await;
    assert!(reply.starts_with("HTTP/1.1 200 OK\r\n"), "{reply}");
    for field in [
        "content-type: text/plain; charset=utf-8\r\n",
        "content-length: 6\r\n",
        "last-modified: ",
        "server: glasstcp/",
        "x-content-type-options: nosniff\r\n",
    ] {
        assert!(reply.contains(field), "{field} is missing in {reply}");
    }
    assert!(reply.ends_with("\r\n\r\nhello\n"), "{reply}");
    assert_eq!(status(&get(&context, "/a.txt?query").await), 200);
    assert_eq!(status(&get(&context, "http://x/a.txt").await), 200);
    let empty = get(&context, "/empty").await;
    assert!(empty.contains("content-length: 0\r\n"), "{empty}");
    assert_eq!(status(&get(&context, "/missing").await), 404);
    assert_eq!(status(&get(&context, "/a.txt/").await), 404);
    assert_eq!(status(&get(&context, "/a.txt/b").await), 404);
    let long = "x".repeat(300);
    assert_eq!(status(&get(&context, &format!("/{long}")).await), 404);
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let (_outer, context) = site();
    for path in ["/a.txt", "/docs/", "/plain/", "/welcome", "/missing"] {
        let got = get(&context, path).await;
        let head = talk(&context, format!("HEAD {path} HTTP/1.1\r\nhost: x\r\n\r\n")).await;
        let without_date = |text: &str| -> Vec<String> {
            let fields = text.lines().filter(|line| !line.starts_with("date:"));
            fields.map(str::to_owned).collect()
        };
        let (fields, _body) = got.split_once("\r\n\r\n").unwrap();
        assert!(fields.contains("content-length: "), "{fields}");
        assert_eq!(without_date(fields), without_date(head.trim_end()), "{path}");
    }
}

#[tokio::test]
async fn an_unchanged_file_is_not_sent_again() {
    let (_outer, context) = site();
    let reply = get(&context, "/a.txt").await;
    let date = reply.split("last-modified: ").nth(1).unwrap();
    let date = date.split("\r\n").next().unwrap();
    let again = format!("GET /a.txt HTTP/1.1\r\nhost: x\r\nif-modified-since: {date}\r\n\r\n");
    let reply = talk(&context, again).await;
    assert_eq!(status(&reply), 304, "{reply}");
    assert!(reply.ends_with("\r\n\r\n"), "{reply}");
}

#[tokio::test]
async fn folders_give_their_index_or_a_listing() {
    let (_outer, context) = site();
    let redirect = get(&context, "//docs").await;
    assert_eq!(status(&redirect), 301);
    assert!(redirect.contains("location: /docs/\r\n"), "{redirect}");
    assert!(get(&context, "/docs/").await.ends_with("<p>index"));
    let root = get(&context, "/").await;
    assert!(root.contains("href=\"docs/\""), "{root}");
    assert!(!root.contains(".hidden") && !root.contains("../"), "{root}");
    let listing = get(&context, "/plain/").await;
    let places: Vec<_> = [
        "href=\"../\"",
        "href=\"%3Cb%3E/\">&lt;b&gt;/</a>",
        "href=\"a.txt\"",
        "href=\"way-in\"",
        "href=\"z%20%26%20co%20%221%22.txt\">z &amp; co &quot;1&quot;.txt</a><span>1.5 KiB",
    ]
    .iter()
    .map(|entry| listing.find(entry).unwrap_or_else(|| panic!("{entry}: {listing}")))
    .collect();
    assert!(places.is_sorted(), "{places:?}");
    assert!(!listing.contains("-out") && !listing.contains("loop"), "{listing}");
}

#[tokio::test]
async fn nothing_outside_of_the_folder_is_reached() {
    let (outer, context) = site();
    let absolute = format!("/{}", outer.path().join("secret").display());
    for path in [
        "/../secret",
        "/plain/../../secret",
        "/%2e%2e/secret",
        "/.%2E/secret",
        "/..%2fsecret",
        "/%2e%2e%2fsecret",
        "/%252e%252e/secret",
        "/..%5csecret",
        "/..%00/secret",
        "/a.txt%00.html",
        "/plain/way-out",
        "/plain/folder-out/secret",
        "/plain/folder-out",
        "/plain/loop",
        "/.hidden",
        "//etc/passwd",
        "/%2fetc/passwd",
        &absolute,
    ] {
        let reply = get(&context, path).await;
        assert!([400, 403, 404].contains(&status(&reply)), "{path}: {reply}");
        assert!(!reply.contains("secret") && !reply.contains("root:"), "{path}: {reply}");
    }
    assert!(get(&context, "/plain/way-in").await.ends_with("hello\n"));
}

#[tokio::test]
async fn a_pipe_in_the_folder_is_not_opened() {
    let (outer, context) = site();
    let pipe = outer.path().join("www/pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    assert_eq!(status(&get(&context, "/pipe").await), 404);
    assert!(!get(&context, "/").await.contains("pipe"));
}

#[tokio::test]
async fn uploads_are_stored_and_replaced() {
    let (outer, context) = site();
    let stored = outer.path().join("www/upload/x y.txt");
    assert_eq!(status(&put(&context, "/upload/x%20y.txt", "one").await), 201);
    assert_eq!(fs::read(&stored).unwrap(), b"one");
    assert_eq!(status(&put(&context, "/upload/x%20y.txt", "two").await), 204);
    assert_eq!(fs::read(&stored).unwrap(), b"two");
    let chunked = "PUT /upload/c HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n\
        3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    assert_eq!(status(&talk(&context, chunked).await), 201);
    assert!(get(&context, "/upload/c").await.ends_with("abcde"));
    assert_eq!(status(&put(&context, "/upload/none", "").await), 201);
    assert_eq!(fs::read_dir(outer.path().join("www/upload")).unwrap().count(), 3);
}

#[tokio::test]
async fn bad_uploads_are_refused() {
    let (outer, context) = site();
    let www = outer.path().join("www");
    let long = format!("/upload/{}", "x".repeat(241));
    for (path, code) in [
        ("/upload", 400),
        ("/upload/", 400),
        ("/upload/a/b", 400),
        ("/upload/a/", 400),
        (long.as_str(), 400),
        ("/upload/..%2fa", 400),
        ("/upload/%2e%2e", 404),
        ("/upload/.bashrc", 404),
        ("/upload/a%00b", 400),
        ("/a.txt", 405),
        ("/", 405),
    ] {
        assert_eq!(status(&put(&context, path, "x").await), code, "{path}");
    }
    assert!(!www.join("upload").exists());
    let part = "PUT /upload/x HTTP/1.1\r\nhost: x\r\ncontent-range: bytes 0-1/9\r\n\
        content-length: 1\r\n\r\nx";
    assert_eq!(status(&talk(&context, part).await), 400);
    assert_eq!(status(&put(&ServiceContext::default(), "/upload/x", "x").await), 403);
    fs::create_dir_all(www.join("upload/folder")).unwrap();
    assert_eq!(status(&put(&context, "/upload/folder", "x").await), 409);
    fs::remove_dir_all(www.join("upload")).unwrap();
    symlink(outer.path(), www.join("upload")).unwrap();
    assert_eq!(status(&put(&context, "/upload/secret", "x").await), 403);
    assert_eq!(fs::read(outer.path().join("secret")).unwrap(), b"secret");
}

#[tokio::test]
async fn what_is_in_the_way_of_uploads_is_named() {
    let (outer, context) = site();
    let place = outer.path().join("www/upload");
    fs::write(&place, "").unwrap();
    let reply = put(&context, "/upload/x", "text").await;
    assert_eq!(status(&reply), 500, "{reply}");
    assert!(reply.contains("'upload' in its folder is not a folder"), "{reply}");
    // A link that leads nowhere.
    fs::remove_file(&place).unwrap();
    symlink("gone", &place).unwrap();
    let reply = put(&context, "/upload/x", "text").await;
    assert_eq!(status(&reply), 500, "{reply}");
}

#[tokio::test]
async fn an_upload_through_a_link_replaces_the_link() {
    let (outer, context) = site();
    let upload = outer.path().join("www/upload");
    fs::create_dir(&upload).unwrap();
    symlink("../../secret", upload.join("x")).unwrap();
    assert_eq!(status(&put(&context, "/upload/x", "mine").await), 204);
    assert_eq!(fs::read(outer.path().join("secret")).unwrap(), b"secret");
    assert_eq!(fs::read(upload.join("x")).unwrap(), b"mine");
}

/// Waits, for at most two seconds, until the folder for uploads is empty again.
async fn assert_nothing_is_left(outer: &TempDir) {
    let upload = outer.path().join("www/upload");
    for _ in 0..200 {
        if fs::read_dir(&upload).unwrap().count() == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{:?}", fs::read_dir(&upload).unwrap().next());
}

#[tokio::test]
async fn a_broken_upload_leaves_nothing() {
    let (outer, context) = site();
    let head = "PUT /upload/x HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\n";
    let body = "y".repeat(700_000);
    // It ends too early, with a half close.
    assert_eq!(status(&talk(&context, format!("{head}{body}")).await), 400);
    assert_nothing_is_left(&outer).await;
    // The client vanishes.
    let mut client = connect(&context);
    client.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
    drop(client);
    assert_nothing_is_left(&outer).await;
    // Chunks that are none.
    let bad = "PUT /upload/x HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n\
        3\r\nabc\r\nzz\r\n";
    assert_eq!(status(&talk(&context, bad).await), 400);
    assert_nothing_is_left(&outer).await;
}

#[tokio::test]
async fn a_body_that_stops_coming_is_given_up() {
    let (outer, mut context) = site();
    context.limits.body = Duration::from_millis(50);
    let mut client = connect(&context);
    let head = b"PUT /upload/x HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nabc";
    client.write_all(head).await.unwrap();
    let mut reply = String::new();
    client.read_to_string(&mut reply).await.unwrap();
    assert_eq!(status(&reply), 408, "{reply}");
    assert_nothing_is_left(&outer).await;
}

#[test]
fn a_full_disk_has_its_own_status() {
    for errno in [Errno::ENOSPC, Errno::EDQUOT] {
        let reply = Refused::from(io::Error::from(errno)).into_reply("/upload/x");
        assert_eq!(reply.status(), 507);
    }
}

#[tokio::test]
async fn a_client_that_waits_for_100_hears_it() {
    let (_outer, context) = site();
    let mut client = connect(&context);
    let head = b"PUT /upload/x HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\
        expect: 100-continue\r\n\r\n";
    client.write_all(head).await.unwrap();
    let mut go_on = [0; 25];
    client.read_exact(&mut go_on).await.unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    client.write_all(b"abc").await.unwrap();
    client.shutdown().await.unwrap();
    let mut reply = String::new();
    client.read_to_string(&mut reply).await.unwrap();
    assert_eq!(status(&reply), 201, "{reply}");
    // One that is refused hears that at once, and no 100.
    let mut client = connect(&context);
    let head = String::from_utf8_lossy(head).replace("/upload/x", "/a.txt");
    client.write_all(head.as_bytes()).await.unwrap();
    let mut reply = String::new();
    client.read_to_string(&mut reply).await.unwrap();
    assert_eq!(status(&reply), 405, "{reply}");
}

#[tokio::test]
async fn the_sink_counts() {
    let context = ServiceContext::default();
    let body = "x".repeat(100_000);
    let reply = put(&context, "/sink", &body).await;
    assert!(reply.contains("\r\n\r\n100000 bytes in "), "{reply}");
    let json = "POST /sink HTTP/1.1\r\nhost: x\r\naccept: application/json\r\n\
        content-length: 2\r\n\r\nab";
    let reply = talk(&context, json).await;
    assert!(reply.contains("\r\n\r\n{\"bytes\":2,\"seconds\":"), "{reply}");
    let reply = get(&context, "/sink").await;
    assert_eq!(status(&reply), 405);
    assert!(reply.contains("allow: POST, PUT\r\n"), "{reply}");
}

#[tokio::test]
async fn the_welcome_page_fits_the_client() {
    let (_outer, with_folder) = site();
    let without = ServiceContext::default();
    for (context, path) in [(&without, "/"), (&without, "/welcome"), (&with_folder, "/welcome")] {
        let plain = get(context, path).await;
        assert!(plain.contains("content-type: text/plain"), "{plain}");
        let browser =
            format!("GET {path} HTTP/1.1\r\nhost: x\r\naccept: text/html,*/*;q=0.8\r\n\r\n");
        let page = talk(context, browser).await;
        assert!(page.contains("content-type: text/html"), "{page}");
        assert!(page.contains("<!doctype html>"), "{page}");
    }
    assert_eq!(status(&get(&without, "/other").await), 404);
}

#[tokio::test]
async fn bad_requests_get_an_answer_and_harm_nobody() {
    let (_outer, context) = site();
    for (request, code) in [
        ("nonsense\r\n\r\n".to_owned(), 400),
        ("GET / HTTP/9.9\r\n\r\n".to_owned(), 400),
        ("\u{16}\u{3}\u{1}\u{2}\u{0}\r\n\r\n".to_owned(), 400),
        ("OPTIONS * HTTP/1.1\r\nhost: x\r\n\r\n".to_owned(), 400),
        ("CONNECT x:80 HTTP/1.1\r\nhost: x\r\n\r\n".to_owned(), 400),
        ("DELETE /a.txt HTTP/1.1\r\nhost: x\r\n\r\n".to_owned(), 405),
        ("POST /upload/x HTTP/1.1\r\nhost: x\r\n\r\n".to_owned(), 405),
        (format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "x".repeat(70_000)), 431),
        (format!("GET / HTTP/1.1\r\nhost: {}\r\n\r\n", "x".repeat(70_000)), 431),
        (format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(101)), 431),
    ] {
        let reply = talk(&context, &request).await;
        let start: String = request.chars().take(60).collect();
        assert_eq!(status(&reply), code, "{start:?}: {reply}");
        if code == 405 {
            assert!(reply.contains("\r\nallow: GET, HEAD"), "{reply}");
        }
    }
    let both = "GET /a.txt HTTP/1.1\r\nhost: x\r\n\r\n".repeat(2);
    assert_eq!(talk(&context, both).await.matches("hello\n").count(), 2);
}

/// RFC 9112 6.1 and 6.3: the chunks count and not the length, and the connection ends after the
/// reply, lest what follows be read as something else. A body that is no chunk is refused; the
/// beginning of one (`hello` is none, `decade` is) is waited for as any other.
#[tokio::test]
async fn of_two_lengths_the_chunks_count_and_the_connection_ends() {
    let context = ServiceContext::default();
    let fields = ["content-length: 5", "transfer-encoding: chunked"];
    for fields in [fields.join("\r\n"), [fields[1], fields[0]].join("\r\n")] {
        for (body, code) in [("3\r\nabc\r\n0\r\n\r\n", 200), ("0\r\n\r\n", 200), ("hello", 400)] {
            let request = format!("POST /sink HTTP/1.1\r\nhost: x\r\n{fields}\r\n\r\n{body}");
            let (mut reader, mut writer) = tokio::io::split(connect(&context));
            writer.write_all(request.as_bytes()).await.unwrap();
            // The client's half stays open: it is the server that ends it.
            let mut reply = String::new();
            reader.read_to_string(&mut reply).await.unwrap();
            assert_eq!(status(&reply), code, "{body:?}: {reply}");
        }
    }
}

/// RFC 9112 3.2.
#[tokio::test]
async fn a_request_has_one_good_host() {
    let (_outer, context) = site();
    for (version, fields, code) in [
        ("1.1", "host: x\r\n", 200),
        ("1.1", "HOST: 10.9.0.2:8080\r\n", 200),
        ("1.1", "host: [fd00::1]:80\r\n", 200),
        ("1.1", "host: glass.example:\r\n", 200),
        ("1.1", "host:\r\n", 200), // what a client sends whose target has no name (RFC 9110 7.2)
        ("1.1", "", 400),
        ("1.1", "host: x\r\nhost: x\r\n", 400),
        ("1.1", "host: x y\r\n", 400),
        ("1.1", "host: x/y\r\n", 400),
        ("1.1", "host: me@x\r\n", 400),
        ("1.1", "host: x:eighty\r\n", 400),
        ("1.1", "host: x, y\r\n", 400),
        ("1.1", "host: \u{ff}\r\n", 400),
        ("1.0", "", 200),
        ("1.0", "host: x\r\nhost: y\r\n", 400),
        ("1.0", "host: x y\r\n", 400),
    ] {
        let reply = talk(&context, format!("GET /a.txt HTTP/{version}\r\n{fields}\r\n")).await;
        assert_eq!(status(&reply), code, "{version} {fields:?}: {reply}");
        assert_eq!(reply.contains("one Host"), code == 400, "{reply}");
    }
    // An absolute target does not make up for it.
    let absolute = talk(&context, "GET http://x/a.txt HTTP/1.1\r\n\r\n").await;
    assert_eq!(status(&absolute), 400, "{absolute}");
}

proptest! {
    #[test]
    fn a_plain_host_is_a_host(host in "[-.a-zA-Z0-9:@ ]{0,12}(:[0-9]{0,6})?") {
        prop_assert!(!is_plain_host(host.as_bytes()) || is_host(host.as_bytes()), "{host:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_client_is_cut_off() {
    let context = ServiceContext::default();
    let began = tokio::time::Instant::now();
    let mut client = connect(&context);
    let (mut reader, mut writer) = tokio::io::split(&mut client);
    let drip = async {
        while writer.write_all(b"G").await.is_ok() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    let mut reply = Vec::new();
    tokio::select! {
        () = drip => {}
        read = reader.read_to_end(&mut reply) => { read.unwrap(); }
    }
    assert!(
        began.elapsed() <= context.limits.head + Duration::from_secs(2),
        "{:?}",
        began.elapsed()
    );
    // And so is one that says nothing at all, also after a first request.
    for request in ["", "GET / HTTP/1.1\r\nhost: x\r\n\r\n"] {
        let mut client = connect(&context);
        client.write_all(request.as_bytes()).await.unwrap();
        let all = tokio::time::timeout(context.limits.head * 2, client.read_to_end(&mut reply));
        all.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_file_that_shrinks_ends_the_connection_early() {
    let (outer, context) = site();
    let place = outer.path().join("www/big");
    fs::write(&place, vec![1; 3_000_000]).unwrap();
    let mut client = connect(&context);
    client.write_all(b"GET /big HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    client.read_exact(&mut [0; 100]).await.unwrap();
    fs::write(&place, "short").unwrap();
    let mut rest = Vec::new();
    client.read_to_end(&mut rest).await.unwrap();
    assert!(rest.len() < 3_000_000);
}

#[test]
fn a_folder_that_cannot_be_served_is_explained() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let said = |path: &FsPath| Www::open(path).unwrap_err().to_string();
    assert!(said(&file).contains("is not a folder; give --www the folder"));
    let missing = said(&folder.path().join("missing"));
    assert!(missing.contains("No such file or directory"), "{missing}");
}

#[tokio::test]
async fn what_was_counted_is_told_unless_the_folder_has_something_of_that_name() {
    let (outer, context) = site();
    assert_eq!(status(&get(&context, "/metrics").await), 404, "there is no stack");
    let metrics = Some(Metrics::new(|| Box::pin(async { "glasstcp_up 1\n".to_owned() })));
    let bare = ServiceContext { metrics: metrics.clone(), ..ServiceContext::default() };
    let with_folder = ServiceContext { metrics, ..context };
    for context in [&bare, &with_folder] {
        let reply = get(context, "/metrics").await;
        assert!(reply.contains("content-type: text/plain; version=0.0.4"), "{reply}");
        assert!(reply.contains("cache-control: no-store\r\n"), "{reply}");
        assert!(reply.ends_with("\r\n\r\nglasstcp_up 1\n"), "{reply}");
        let head = talk(context, "HEAD /metrics HTTP/1.1\r\nhost: x\r\n\r\n").await;
        assert!(head.contains("content-length: 14\r\n") && head.ends_with("\r\n\r\n"), "{head}");
        let put = put(context, "/metrics", "x").await;
        assert_eq!(status(&put), 405, "{put}");
        assert_eq!(status(&get(context, "/metrics/more").await), 404);
    }
    fs::write(outer.path().join("www/metrics"), "mine").unwrap();
    assert!(get(&with_folder, "/metrics").await.ends_with("mine"));
}
