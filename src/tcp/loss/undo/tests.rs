use super::*;

#[test]
fn without_a_retransmission_no_dsack_says_anything() {
    let mut undo = Undo::new(1001);
    assert!(undo.nothing_again() && !undo.all_needless());
    undo.on_dsack(2001, 7);
    assert!(undo.nothing_again() && !undo.all_needless());
}

#[test]
fn each_retransmission_has_to_arrive_twice_rfc_3708() {
    let mut undo = Undo::new(1001);
    undo.on_retransmission(3);
    undo.on_retransmission(2);
    assert!(!undo.nothing_again());
    for _ in 0..4 {
        undo.on_dsack(2001, 1);
        assert!(!undo.all_needless());
    }
    undo.on_dsack(2001, 1);
    assert!(undo.all_needless());
    // One more makes it uncertain again, and a report of too much is of no more than there is.
    undo.on_retransmission(1);
    assert!(!undo.all_needless());
    undo.on_dsack(2001, u32::MAX);
    assert!(undo.all_needless());
}

#[test]
fn what_lies_before_the_repair_was_not_sent_again_for_it_rfc_3708() {
    let mut undo = Undo::new(1001);
    undo.on_retransmission(1);
    undo.on_dsack(0, 1);
    undo.on_dsack(1001, 1);
    assert!(!undo.all_needless());
    undo.on_dsack(1002, 1);
    assert!(undo.all_needless());
}

#[test]
fn counts_do_not_overflow() {
    let mut undo = Undo::new(1001);
    undo.on_retransmission(u32::MAX);
    undo.on_retransmission(u32::MAX);
    undo.on_dsack(2001, 1);
    assert!(!undo.all_needless());
}
