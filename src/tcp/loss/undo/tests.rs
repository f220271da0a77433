use super::*;

#[test]
fn an_echo_from_before_the_first_retransmission_is_of_the_original_rfc_3522_3_2() {
    let mut undo = Undo::new(1001);
    undo.on_retransmission(1, 1_000);
    undo.on_retransmission(1, 1_050);
    for (tsecr, original) in
        [(0, true), (999, true), (1_000, false), (1_001, false), (1_050, false)]
    {
        assert_eq!(undo.answers_original(tsecr), original, "{tsecr}");
    }
}

#[test]
fn the_clock_of_echoes_wraps_rfc_7323_4() {
    for first in [0, 1, u32::MAX, 1 << 31] {
        let mut undo = Undo::new(1001);
        undo.on_retransmission(1, first);
        assert!(undo.answers_original(first.wrapping_sub(1)));
        assert!(undo.answers_original(first.wrapping_sub((1 << 31) - 1)));
        assert!(!undo.answers_original(first));
        assert!(!undo.answers_original(first.wrapping_add(1)));
    }
}

#[test]
fn without_a_retransmission_no_echo_and_no_dsack_says_anything() {
    let mut undo = Undo::new(1001);
    assert!(undo.nothing_again() && !undo.answers_original(0) && !undo.all_needless());
    undo.on_dsack(2001, 7);
    assert!(undo.nothing_again() && !undo.all_needless());
}

#[test]
fn each_retransmission_has_to_arrive_twice_rfc_3708() {
    let mut undo = Undo::new(1001);
    undo.on_retransmission(3, 5);
    undo.on_retransmission(2, 6);
    assert!(!undo.nothing_again());
    for _ in 0..4 {
        undo.on_dsack(2001, 1);
        assert!(!undo.all_needless());
    }
    undo.on_dsack(2001, 1);
    assert!(undo.all_needless());
    // One more makes it uncertain again, and a report of too much is of no more than there is.
    undo.on_retransmission(1, 9);
    assert!(!undo.all_needless());
    undo.on_dsack(2001, u32::MAX);
    assert!(undo.all_needless());
}

#[test]
fn what_lies_before_the_repair_was_not_sent_again_for_it_rfc_3708() {
    let mut undo = Undo::new(1001);
    undo.on_retransmission(1, 5);
    undo.on_dsack(0, 1);
    undo.on_dsack(1001, 1);
    assert!(!undo.all_needless());
    undo.on_dsack(1002, 1);
    assert!(undo.all_needless());
}

#[test]
fn counts_do_not_overflow() {
    let mut undo = Undo::new(1001);
    undo.on_retransmission(u32::MAX, 0);
    undo.on_retransmission(u32::MAX, 0);
    undo.on_dsack(2001, 1);
    assert!(!undo.all_needless());
}
