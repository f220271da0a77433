use super::*;

#[test]
fn lost_ranges_are_retransmitted_in_order_and_shrink_with_acknowledgments() {
    let base = SeqNum::new(u32::MAX - 500);
    let mut board = Scoreboard::default();
    board.acknowledged(base);
    assert_eq!(board.next_lost(), None);
    board.mark_lost(base, base + 3000);
    assert_eq!(board.next_lost(), Some((base, 3000)));
    board.retransmitted(base + 1000);
    assert_eq!(board.next_lost(), Some((base + 1000, 2000)));
    board.acknowledged(base + 2500);
    assert_eq!(board.lost(), 500);
    board.acknowledged(base + 4000);
    assert_eq!((board.next_lost(), board.lost()), (None, 0));
}
