//! A folder that is served, beside a secret that nobody may read, and a talk with a service in memory.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::Path;

use glasstcp::service::Www;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

/// What stands in a file beside the folder, and in no reply.
const SECRET: &str = "what nobody may read";

/// The folder, in one of its own that goes when this is dropped.
pub struct Site(TempDir);

impl Site {
    /// Makes it.
    pub fn make() -> Site {
        let outer = tempfile::tempdir().expect("a folder for temporary files");
        fill(outer.path()).expect("files can be made there");
        Site(outer)
    }

    /// The folder, to serve it.
    pub fn www(&self) -> Www {
        Www::open(&self.0.path().join("www")).expect("a folder to serve")
    }

    /// Nothing has been made or changed, and the secret is in no `reply`.
    pub fn check(&self, reply: &[u8]) {
        let outer = self.0.path();
        let mut secret = reply.windows(SECRET.len());
        assert!(!secret.any(|window| window == SECRET.as_bytes()), "the secret got out");
        assert_eq!(names(outer), ["secret", "www"]);
        assert_eq!(fs::read_to_string(outer.join("secret")).ok().as_deref(), Some(SECRET));
        assert_eq!(
            names(&outer.join("www")),
            ["a.txt", "b", "docs", "folder-out", "upload", "way-out"]
        );
    }
}

fn fill(outer: &Path) -> io::Result<()> {
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

/// A runtime whose clock jumps to the next timer.
pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime")
}

/// Sends `text` in pieces of so many bytes, and reads what the other end says until it closes.
pub async fn talk(client: DuplexStream, piece: usize, text: Vec<u8>) -> Vec<u8> {
    let (mut reader, mut writer) = tokio::io::split(client);
    let sending = tokio::spawn(async move {
        for piece in text.chunks(piece.max(1)) {
            // The other end may close before it has read all.
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
    reply
}
