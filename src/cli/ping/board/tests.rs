use super::*;

const MS: Duration = Duration::from_millis(1);

/// A board that waits for 100 ms, and its beginning.
fn board() -> (Board, Instant) {
    let start = Instant::now();
    (Board::new(100 * MS, start), start)
}

#[test]
fn answers_are_told_apart_by_their_numbers() {
    let (mut board, start) = board();
    let first = board.send(start);
    let second = board.send(start + 10 * MS);
    assert_eq!(
        (first, second),
        (Request { seq: 1, micros: 0 }, Request { seq: 2, micros: 10_000 })
    );
    assert_eq!(board.answered(second, true, start + 15 * MS), Verdict::InTime(5 * MS));
    assert_eq!(board.answered(first, true, start + 20 * MS), Verdict::InTime(20 * MS));
    assert_eq!(board.answered(first, true, start + 21 * MS), Verdict::Duplicate);
    for seq in [0, 3, u64::MAX] {
        let stray = Request { seq, micros: 0 };
        assert_eq!(board.answered(stray, true, start + 22 * MS), Verdict::Stray);
    }
    assert!(board.is_settled());
    assert_eq!((board.stats.received, board.stats.duplicates), (2, 1));
}

#[test]
fn what_waits_for_too_long_is_given_up_and_late_when_it_comes() {
    let (mut board, start) = board();
    let requests: Vec<_> = (0..3).map(|n| board.send(start + 40 * n * MS)).collect();
    assert_eq!(board.deadline(), Some(start + 100 * MS));
    assert!(board.expire(start + 99 * MS).is_empty());
    assert_eq!(board.expire(start + 100 * MS), [1]);
    assert_eq!(board.deadline(), Some(start + 140 * MS));
    assert_eq!(board.answered(requests[0], true, start + 120 * MS), Verdict::Late(120 * MS));
    assert_eq!(board.answered(requests[0], true, start + 121 * MS), Verdict::Duplicate);
    assert_eq!(board.expire(start + 500 * MS), [2, 3]);
    assert!(board.is_settled());
    assert_eq!((board.stats.received, board.stats.late, board.stats.errors), (0, 1, 0));
}

#[test]
fn a_wrong_answer_is_none() {
    let (mut board, start) = board();
    let requests: Vec<_> = (0..3).map(|n| board.send(start + n * MS)).collect();
    assert_eq!(board.answered(requests[0], false, start + 5 * MS), Verdict::Corrupt);
    let other_time = Request { micros: 7, ..requests[1] };
    assert_eq!(board.answered(other_time, true, start + 5 * MS), Verdict::Corrupt);
    assert_eq!(board.answered(requests[2], true, start + 5 * MS), Verdict::InTime(3 * MS));
    assert!(board.is_settled());
    board.garbage();
    assert_eq!((board.stats.received, board.stats.corrupted), (1, 3));
}

#[test]
fn an_error_is_told_once_and_an_answer_after_it_is_late() {
    let (mut board, start) = board();
    let requests: Vec<_> = (0..4).map(|_| board.send(start)).collect();
    assert!(board.failed(2));
    assert!(!board.failed(2));
    assert!(!board.failed(9));
    assert_eq!(board.waiting_up_to(3), [1, 3]);
    assert!(board.give_up(1));
    assert!(!board.give_up(1));
    assert!(!board.failed(1), "it was given up before");
    assert_eq!(board.stats.errors, 1);
    assert_eq!(board.answered(requests[1], true, start + 7 * MS), Verdict::Late(7 * MS));
    assert_eq!(board.answered(requests[1], true, start + 8 * MS), Verdict::Duplicate);
}

#[test]
fn what_is_remembered_is_bounded() {
    let (mut board, start) = board();
    for _ in 0..OUTSTANDING {
        assert!(!board.is_full());
        board.send(start);
    }
    assert!(board.is_full());
    assert_eq!(board.expire(start + 100 * MS).len(), OUTSTANDING);
    assert_eq!(board.given_up.len(), GIVEN_UP);
    let oldest = Request { seq: 1, micros: 0 };
    assert_eq!(board.answered(oldest, true, start + 101 * MS), Verdict::Duplicate);
}
