use super::*;

#[test]
fn without_a_retransmission_no_dsack_says_anything() {
    let mut undo = Undo::default();
    assert!(undo.nothing_again() && !undo.all_needless());
    assert!(!undo.on_dsack(2001, 3001));
    assert!(undo.nothing_again() && !undo.all_needless());
}

#[test]
fn each_octet_has_to_arrive_twice_for_each_time_it_was_sent_again_rfc_3708_2() {
    let mut undo = Undo::default();
    undo.on_retransmission(1001, 3001);
    undo.on_retransmission(3001, 4001);
    undo.on_retransmission(1001, 2001);
    assert!(!undo.nothing_again());
    // Of a part, of parts of two, and of something else with it.
    for (start, end) in [(1501, 2501), (1, 1501), (2501, 3501), (3501, 9001)] {
        assert!(!undo.all_needless());
        assert!(undo.on_dsack(start, end), "{start}");
    }
    assert!(!undo.all_needless(), "one went again twice");
    assert!(undo.on_dsack(1001, 2001));
    assert!(undo.all_needless());
    // One more makes it uncertain again.
    undo.on_retransmission(5001, 6001);
    assert!(!undo.all_needless());
}

/// RFC 3708 2: then the network has doubled it.
#[test]
fn what_was_not_sent_again_says_nothing() {
    let mut undo = Undo::default();
    undo.on_retransmission(1001, 2001);
    for (start, end) in [(1, 1001), (2001, 3001), (1 << 30, 1 << 31), (0, 0)] {
        assert!(!undo.on_dsack(start, end), "{start}");
    }
    assert!(!undo.all_needless());
    assert!(undo.on_dsack(0, u64::MAX));
    assert!(undo.all_needless());
}

#[test]
fn more_than_can_be_remembered_is_not_undone() {
    let mut undo = Undo::default();
    for number in 0..=MOST as u64 {
        undo.on_retransmission(10 * number, 10 * number + 5);
    }
    assert!(undo.on_dsack(0, u64::MAX));
    assert!(undo.again.is_empty() && !undo.all_needless());
}

#[test]
fn a_round_trip_after_the_repair_it_is_settled() {
    let mut undo = Undo::default();
    undo.on_retransmission(1001, 2001);
    assert!(!undo.is_past(u64::MAX));
    undo.repaired(9001);
    assert!(!undo.is_past(9001) && undo.is_past(9002));
}
