use super::*;

#[test]
fn many_pieces_have_a_limit_together_and_none_is_refused() {
    let room = Room::default();
    let places: Vec<_> = (0..5_000).map(|_| room.take(256 << 10)).collect();
    assert_eq!(places[0].len(), 256 << 10);
    assert_eq!(places[4_999].len(), LEAST);
    assert!(places.iter().all(|place| place.len() >= LEAST));
    let all: usize = places.iter().map(Place::len).sum();
    assert!(all <= ALL + 5_000 * LEAST, "{all} bytes");
    drop(places);
    assert_eq!(room.0.available_permits(), ALL);
}

#[test]
fn a_piece_gives_its_room_back_when_it_is_dropped() {
    let room = Room::new(SHARE * 1000);
    let mut place = room.take(1000);
    place.text.resize(1000, 7);
    let (piece, gone) = place.piece();
    assert_eq!((piece.len(), piece[999], gone.is_none()), (1000, 7, true));
    assert_eq!(room.0.available_permits(), SHARE * 1000 - 1000);
    let part = piece.slice(10..20);
    drop(piece);
    assert_eq!(room.0.available_permits(), SHARE * 1000 - 1000);
    drop(part);
    assert_eq!(room.0.available_permits(), SHARE * 1000);
}

#[test]
fn a_piece_without_room_tells_when_it_is_gone() {
    let mut place = Room::new(0).take(1 << 20);
    assert_eq!(place.len(), LEAST);
    place.text.resize(LEAST, 1);
    let (piece, gone) = place.piece();
    let mut gone = gone.unwrap();
    assert_eq!(gone.try_recv(), Err(oneshot::error::TryRecvError::Empty));
    drop(piece);
    assert_eq!(gone.try_recv(), Err(oneshot::error::TryRecvError::Closed));
}
