//! Where a body goes, on a thread of its own: a disk or a pipe may take its time, and so does the sum.

use std::fs::File;
use std::io::{self, Read, Write};

use bytes::Bytes;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, spawn_blocking};

use crate::service::text::hex;

/// Most pieces that wait to be written. One is at most what hyper reads ahead.
const WAITING: usize = 16;
/// Bytes that are read at a time.
pub(super) const CHUNK: usize = 64 * 1024;

/// What is written.
pub(super) enum Out {
    /// A file of ours, whose first bytes are there already.
    File { file: File, have: u64 },
    /// Anything else.
    Stream(Box<dyn Write + Send>),
}

/// What was written or sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Done {
    /// Its length, in bytes, with what was there before.
    pub len: u64,
    /// Of these, the bytes that were there before.
    pub had: u64,
    /// The SHA-256 of all of it.
    pub sha256: [u8; 32],
}

/// Writes pieces as they come, and sums them up.
pub(super) struct Writer {
    pieces: mpsc::Sender<Bytes>,
    thread: JoinHandle<io::Result<Done>>,
}

impl Writer {
    pub fn start(out: Out) -> Writer {
        let (pieces, waiting) = mpsc::channel(WAITING);
        Writer { pieces, thread: spawn_blocking(move || write(out, waiting)) }
    }

    /// Waits until there is room for the piece; whether it still writes. [`Writer::finish`] says why not.
    pub async fn put(&mut self, piece: Bytes) -> bool {
        self.pieces.send(piece).await.is_ok()
    }

    /// Waits until all is written; a file is on the disk then.
    pub async fn finish(self) -> io::Result<Done> {
        drop(self.pieces);
        self.thread.await.map_err(io::Error::other)?
    }
}

fn write(mut out: Out, mut waiting: mpsc::Receiver<Bytes>) -> io::Result<Done> {
    let mut sum = Sha256::new();
    let mut had = 0;
    if let Out::File { file, have } = &mut out {
        had = *have;
        let mut before = Read::by_ref(file).take(had);
        let mut chunk = vec![0; CHUNK];
        while let len @ 1.. = before.read(&mut chunk)? {
            sum.update(&chunk[..len]);
        }
    }
    let mut len = had;
    while let Some(piece) = waiting.blocking_recv() {
        match &mut out {
            Out::File { file, .. } => file.write_all(&piece)?,
            Out::Stream(stream) => stream.write_all(&piece)?,
        }
        sum.update(&piece);
        len += piece.len() as u64;
    }
    match &mut out {
        Out::File { file, .. } => file.sync_data()?,
        Out::Stream(stream) => stream.flush()?,
    }
    Ok(Done { len, had, sha256: sum.finalize().into() })
}

impl Done {
    /// The sum as `sha256sum` writes it.
    pub fn hex(&self) -> String {
        hex(&self.sha256)
    }
}
