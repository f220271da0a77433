use std::io::Write;

use http_body_util::BodyExt;

use super::*;
use tokio::sync::oneshot::error::TryRecvError;

/// A file of this length with a pattern in it, without a name.
fn file(len: usize) -> (File, Vec<u8>) {
    let text: Vec<u8> = (0..len).map(|i| (i % 251) as u8).collect();
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&text).unwrap();
    (file, text)
}

/// The next piece, once it is read; `None` when it waits for the one before.
async fn next(body: &mut FileBody) -> Option<Bytes> {
    body.next = match mem::replace(&mut body.next, Next::None) {
        Next::After(source, mut gone) => match gone.try_recv() {
            Err(TryRecvError::Empty) => {
                body.next = Next::After(source, gone);
                return None;
            }
            _ => Next::Reading(source.start()),
        },
        other => other,
    };
    Some(body.frame().await?.unwrap().into_data().unwrap())
}

#[tokio::test]
async fn readers_that_do_not_read_hold_little_together() {
    const READERS: usize = 1000;
    let room = Room::default();
    let (file, text) = file(1 << 20);
    let mut held = Vec::new();
    for _ in 0..READERS {
        let whole = [Segment::Part(0..text.len() as u64)];
        let mut body = FileBody::open(file.try_clone().unwrap(), whole, room.clone()).unwrap();
        // As hyper does: it takes pieces until it has 64 KiB.
        let mut pieces = Vec::new();
        while pieces.iter().map(Bytes::len).sum::<usize>() < 64 << 10
            && let Some(piece) = next(&mut body).await
        {
            pieces.push(piece);
        }
        // What is read ahead counts as well.
        if let Next::Reading(reading) = &mut body.next {
            let (source, piece) = reading.await.unwrap().unwrap();
            body.next = Next::Ready(source, piece);
        }
        held.push((body, pieces));
    }
    let ahead = |body: &FileBody| match &body.next {
        Next::Ready(_, (piece, _)) => piece.len(),
        _ => 0,
    };
    let all = held
        .iter()
        .map(|(body, pieces)| ahead(body) + pieces.iter().map(Bytes::len).sum::<usize>());
    let (all, most) = (all.sum::<usize>(), (64 << 20) + READERS * (16 << 10));
    assert!(all <= most, "{all} bytes are held");
}

#[tokio::test]
async fn without_room_a_piece_is_read_when_the_one_before_is_gone() {
    let (file, text) = file(100_000);
    let segments = [
        Segment::Text(Bytes::from(text[..20_000].to_vec())),
        Segment::Part(20_000..text.len() as u64),
    ];
    let mut body = FileBody::open(file, segments, Room::new(0)).unwrap();
    assert_eq!(body.len(), text.len() as u64);
    let mut came = Vec::new();
    while let Some(piece) = next(&mut body).await {
        assert!(piece.len() <= 8 << 10);
        came.extend_from_slice(&piece);
        if body.len() > 0 {
            assert!(next(&mut body).await.is_none(), "two at a time");
        }
    }
    assert!(came == text, "{} bytes came", came.len());
}

#[tokio::test]
async fn with_room_pieces_are_large_and_read_ahead() {
    let (file, text) = file(600_000);
    let whole = [Segment::Part(0..text.len() as u64)];
    let mut body = FileBody::open(file, whole, Room::default()).unwrap();
    let first = next(&mut body).await.unwrap();
    let second = next(&mut body).await.unwrap();
    assert_eq!((first.len(), second.len()), (16 << 10, 256 << 10));
    let rest = body.collect().await.unwrap().to_bytes();
    assert!([first, second, rest].concat() == text);
}
