//! What goes out: a short text, or a file or parts of one.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::task::{JoinHandle, spawn_blocking};

/// Most bytes of a file in one piece. While one is sent the next is read, no more.
const PIECE: u64 = 256 * 1024;

/// What a file's body is made of.
pub(super) enum Segment {
    /// These bytes.
    Text(Bytes),
    /// These bytes of the file.
    Part(Range<u64>),
}

impl Segment {
    fn len(&self) -> u64 {
        match self {
            Segment::Text(text) => text.len() as u64,
            Segment::Part(part) => part.end - part.start,
        }
    }
}

/// Segments that are read piece by piece, on tokio's blocking threads.
pub(super) struct FileBody {
    /// A piece that is read already.
    ready: Option<Bytes>,
    /// The reading of the one after it.
    reading: Option<JoinHandle<io::Result<(Source, Bytes)>>>,
    /// Bytes not handed out yet, `ready` among them.
    left: u64,
}

impl FileBody {
    /// Reads the first piece. Blocks on the disk.
    pub fn open(file: File, segments: impl IntoIterator<Item = Segment>) -> io::Result<Self> {
        let source = Source { file, segments: segments.into_iter().collect() };
        let left = source.segments.iter().map(Segment::len).sum();
        let mut body = FileBody { ready: None, reading: None, left };
        if left > 0 {
            let (source, first) = source.read()?;
            body.read_ahead(source, left - first.len() as u64);
            body.ready = Some(first);
        }
        Ok(body)
    }

    /// How long it is, in bytes.
    pub fn len(&self) -> u64 {
        self.left
    }

    fn read_ahead(&mut self, source: Source, rest: u64) {
        self.reading = (rest > 0).then(|| spawn_blocking(move || source.read()));
    }

    fn hand_out(&mut self, piece: Bytes) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        self.left -= piece.len() as u64;
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }
}

impl Body for FileBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if let Some(piece) = self.ready.take() {
            return self.hand_out(piece);
        }
        let Some(reading) = &mut self.reading else {
            return Poll::Ready(None);
        };
        let read = ready!(Pin::new(reading).poll(cx));
        self.reading = None;
        match read.map_err(io::Error::other).flatten() {
            Err(error) => Poll::Ready(Some(Err(error))),
            Ok((source, piece)) => {
                let rest = self.left - piece.len() as u64;
                self.read_ahead(source, rest);
                self.hand_out(piece)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

/// What is not read yet.
struct Source {
    file: File,
    segments: VecDeque<Segment>,
}

impl Source {
    /// The next piece; a file that has become shorter is an error, because its length was promised
    /// already.
    fn read(mut self) -> io::Result<(Self, Bytes)> {
        // `read_to_end` fills room that was reserved without zeroing it first.
        let room = self.segments.iter().map(Segment::len).sum::<u64>().min(PIECE);
        let mut piece = Vec::with_capacity(room as usize);
        while (piece.len() as u64) < PIECE
            && let Some(segment) = self.segments.pop_front()
        {
            match segment {
                Segment::Text(text) => piece.extend_from_slice(&text),
                Segment::Part(part) => {
                    let before = piece.len();
                    let wanted = (part.end - part.start).min(PIECE - before as u64);
                    self.file.seek(SeekFrom::Start(part.start))?;
                    (&self.file).take(wanted).read_to_end(&mut piece)?;
                    if ((piece.len() - before) as u64) < wanted {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                    if part.start + wanted < part.end {
                        self.segments.push_front(Segment::Part(part.start + wanted..part.end));
                    }
                }
            }
        }
        Ok((self, piece.into()))
    }
}
