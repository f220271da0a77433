//! What goes out: a short text, or a file or parts of one.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::mem;
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::task::{JoinHandle, spawn_blocking};

use crate::service::room::{Gone, Place, Room};

#[cfg(test)]
mod tests;

/// Most bytes of a file in one piece. While one is sent the next is read, no more.
const PIECE: u64 = 256 * 1024;
/// Most bytes of the first piece, which is read where the file is opened: about what TCP sends before it has heard
/// anything (RFC 6928), and all of a short file.
const FIRST: u64 = 16 * 1024;

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

/// Segments that are read piece by piece, on tokio's blocking threads. How long a piece is depends on the memory that
/// is left for all of them; without any, the next is read when the one before has been sent.
pub(super) struct FileBody {
    /// The piece that comes next.
    next: Next,
    /// Bytes not handed out yet.
    left: u64,
}

/// Where the next piece is.
enum Next {
    /// There is none.
    None,
    /// It is read already.
    Ready(Source, Piece),
    /// It is being read.
    Reading(JoinHandle<io::Result<(Source, Piece)>>),
    /// It is read when the one before is gone.
    After(Source, Gone),
}

/// A piece, and what tells that it is gone, if the next one has to wait for that.
type Piece = (Bytes, Option<Gone>);

impl FileBody {
    /// Reads the first piece. Blocks on the disk.
    pub fn open(
        file: File,
        segments: impl IntoIterator<Item = Segment>,
        room: Room,
    ) -> io::Result<Self> {
        let source = Source { file, segments: segments.into_iter().collect(), room };
        let left = source.left();
        let next = match left {
            0 => Next::None,
            _ => {
                let place = source.place(FIRST);
                let (source, first) = source.read(place)?;
                Next::Ready(source, first)
            }
        };
        Ok(FileBody { next, left })
    }

    /// How long it is, in bytes.
    pub fn len(&self) -> u64 {
        self.left
    }

    /// Hands out a piece, and has the one after it read.
    fn hand_out(&mut self, source: Source, (piece, gone): Piece) -> Frame<Bytes> {
        self.left -= piece.len() as u64;
        self.next = match gone {
            _ if self.left == 0 => Next::None,
            Some(gone) => Next::After(source, gone),
            None => Next::Reading(source.start()),
        };
        Frame::data(piece)
    }
}

impl Body for FileBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        loop {
            match mem::replace(&mut self.next, Next::None) {
                Next::None => return Poll::Ready(None),
                Next::Ready(source, piece) => {
                    return Poll::Ready(Some(Ok(self.hand_out(source, piece))));
                }
                Next::Reading(mut reading) => {
                    let Poll::Ready(read) = Pin::new(&mut reading).poll(cx) else {
                        self.next = Next::Reading(reading);
                        return Poll::Pending;
                    };
                    match read.map_err(io::Error::other).flatten() {
                        Ok((source, piece)) => self.next = Next::Ready(source, piece),
                        Err(error) => return Poll::Ready(Some(Err(error))),
                    }
                }
                Next::After(source, mut gone) => {
                    // That it is gone is all that there is to be told.
                    if Pin::new(&mut gone).poll(cx).is_pending() {
                        self.next = Next::After(source, gone);
                        return Poll::Pending;
                    }
                    self.next = Next::Reading(source.start());
                }
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
    room: Room,
}

impl Source {
    fn left(&self) -> u64 {
        self.segments.iter().map(Segment::len).sum()
    }

    /// Reads the next piece on another thread.
    fn start(self) -> JoinHandle<io::Result<(Self, Piece)>> {
        let place = self.place(PIECE);
        spawn_blocking(move || self.read(place))
    }

    /// The memory for the next piece, of `most` bytes at most.
    fn place(&self, most: u64) -> Place {
        self.room.take(self.left().min(most) as usize)
    }

    /// Reads the next piece; a file that has become shorter is an error, because its length was promised
    /// already.
    fn read(mut self, mut place: Place) -> io::Result<(Self, Piece)> {
        let room = place.len() as u64;
        // `read_to_end` fills room that was reserved without zeroing it first.
        let piece = &mut place.text;
        while (piece.len() as u64) < room
            && let Some(segment) = self.segments.pop_front()
        {
            let before = piece.len();
            let wanted = segment.len().min(room - before as u64);
            match segment {
                Segment::Text(mut text) => {
                    piece.extend_from_slice(&text.split_to(wanted as usize));
                    if !text.is_empty() {
                        self.segments.push_front(Segment::Text(text));
                    }
                }
                Segment::Part(part) => {
                    self.file.seek(SeekFrom::Start(part.start))?;
                    (&self.file).take(wanted).read_to_end(piece)?;
                    if ((piece.len() - before) as u64) < wanted {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                    if part.start + wanted < part.end {
                        self.segments.push_front(Segment::Part(part.start + wanted..part.end));
                    }
                }
            }
        }
        Ok((self, place.piece()))
    }
}
