use super::*;
use bytes::Bytes;

const CAPACITY: u32 = 10_000;

fn space() -> ReceiveSpace {
    let mut rcv = ReceiveSpace::new(SeqNum::new(u32::MAX - 3), WindowScale::NONE);
    rcv.open_window(CAPACITY, 1000);
    rcv
}

fn arrive(rcv: &mut ReceiveSpace, len: usize) {
    rcv.buffer.push(Bytes::from(vec![0; len]));
    rcv.advance(len as u32);
}

#[test]
fn the_window_closes_as_data_waits_and_opens_only_by_steps() {
    let mut rcv = space();
    assert_eq!(rcv.window(), CAPACITY);
    arrive(&mut rcv, 9_500);
    rcv.open_window(CAPACITY, 1000);
    assert_eq!(rcv.window(), 500);
    assert!(!rcv.should_update(CAPACITY, 1000));
    rcv.buffer.pop(999);
    rcv.open_window(CAPACITY, 1000);
    assert_eq!(rcv.window(), 500);
    rcv.buffer.pop(1);
    assert!(rcv.should_update(CAPACITY, 1000));
    rcv.open_window(CAPACITY, 1000);
    assert_eq!(rcv.window(), 1500);
}

#[test]
fn the_right_edge_never_goes_back_when_the_buffer_shrinks() {
    let mut rcv = space();
    let edge = rcv.adv;
    arrive(&mut rcv, 100);
    rcv.open_window(CAPACITY / 4, 1000);
    assert_eq!(rcv.adv, edge);
}

#[test]
fn no_more_is_offered_than_the_field_can_tell_rfc_7323_2_2() {
    let mut rcv = ReceiveSpace::new(SeqNum::new(7), WindowScale::NONE);
    rcv.open_window(1 << 20, 1000);
    assert_eq!(rcv.window(), 65_535);
    assert!(!rcv.should_update(1 << 20, 1000), "the peer knows all that it can know");
    arrive(&mut rcv, 1000);
    assert!(!rcv.should_update(1 << 20, 1000));
    rcv.open_window(1 << 20, 1000);
    assert_eq!(rcv.window(), 65_535);
}

#[test]
fn a_duplicate_is_reported_before_what_waits() {
    let mut rcv = space();
    let base = rcv.offset;
    let text = Bytes::from_static(b"abc");
    rcv.reassembly().insert(base + 10, &text, CAPACITY).unwrap();
    rcv.note_duplicate(Range { start: base + 10, end: base + 12 });
    let blocks = rcv.sack_blocks(3);
    assert_eq!(blocks[0], SackBlock { left: rcv.nxt + 10, right: rcv.nxt + 12 });
    assert_eq!(blocks[1], SackBlock { left: rcv.nxt + 10, right: rcv.nxt + 13 });
}
