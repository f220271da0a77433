//! The web server with a folder, over a pipe in memory: any bytes, split anywhere.
//!
//! The first byte of the input says in what pieces the rest arrives.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;

use glasstcp::service::{ServiceContext, Www, http, no_info};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// What stands in files beside the folder, and in no reply.
const SECRET: &str = "what nobody may read";
/// Most bytes of reply to a byte of request, beside one reply: the welcome page to a short line.
const LONGEST_REPLY: usize = 64 << 10;
const REPLY_A_BYTE: usize = 1000;

/// The folder that is served, in one with a secret beside it.
fn make_site(outer: &Path) -> io::Result<()> {
    let www = outer.join("www");
    fs::create_dir_all(www.join("docs"))?;
    fs::create_dir_all(www.join("upload"))?;
    fs::write(outer.join("secret"), SECRET)?;
    fs::write(www.join("a.txt"), "hello\n")?;
    fs::write(www.join("docs/index.html"), "<p>index")?;
    fs::write(www.join("b"), vec![b'b'; 3000])?;
    symlink("../secret", www.join("way-out"))?;
    symlink(outer, www.join("folder-out"))
}

/// The names in a folder, in order.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("it is there");
    let mut names: Vec<String> = entries
        .map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

pub fn run(data: &[u8]) {
    let Some((&pieces, request)) = data.split_first() else { return };
    let outer = tempfile::tempdir().expect("a folder for temporary files");
    let outer = outer.path();
    make_site(outer).expect("files can be made there");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    let www = Www::open(&outer.join("www")).expect("a folder to serve");
    let reply = runtime.block_on(talk(www, usize::from(pieces).max(1), request.to_vec()));
    assert!(reply.len() <= LONGEST_REPLY + REPLY_A_BYTE * request.len(), "a flood of reply");
    assert!(!contains(&reply, SECRET.as_bytes()), "the secret got out");
    assert_eq!(names(outer), ["secret", "www"]);
    assert_eq!(fs::read_to_string(outer.join("secret")).ok().as_deref(), Some(SECRET));
    assert_eq!(
        names(&outer.join("www")),
        ["a.txt", "b", "docs", "folder-out", "upload", "way-out"]
    );
}

/// Sends `request` in pieces of so many bytes, and reads the whole reply.
async fn talk(www: Www, piece: usize, request: Vec<u8>) -> Vec<u8> {
    let context = ServiceContext { www: Some(www), ..ServiceContext::default() };
    let (client, server) = tokio::io::duplex(4096);
    let serving = tokio::spawn(http::serve(server, Arc::new(context), no_info()));
    let (mut reader, mut writer) = tokio::io::split(client);
    let sending = tokio::spawn(async move {
        for piece in request.chunks(piece) {
            // The server may close before it has read all.
            if writer.write_all(piece).await.is_err() {
                return;
            }
            tokio::task::yield_now().await;
        }
        let _ = writer.shutdown().await;
    });
    let mut reply = Vec::new();
    reader.read_to_end(&mut reply).await.expect("a pipe in memory does not fail");
    sending.await.expect("it does not panic");
    // An error is one of the client's; a panic is not.
    let _ = serving.await.expect("the server does not panic");
    reply
}

fn contains(all: &[u8], part: &[u8]) -> bool {
    all.windows(part.len()).any(|window| window == part)
}
