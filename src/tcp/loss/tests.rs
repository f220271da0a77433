use super::*;

fn since(tsval: u32) -> Selective {
    Selective { again_since: Some(tsval), ..Selective::default() }
}

#[test]
fn an_echo_from_before_the_first_retransmission_is_of_the_original_rfc_3522_3_2() {
    for (tsecr, original) in [(0, true), (999, true), (1_000, false), (1_001, false)] {
        assert_eq!(since(1_000).answers_original(tsecr), original, "{tsecr}");
    }
    assert!(!Selective::default().answers_original(0), "nothing was sent again");
}

#[test]
fn the_clock_of_echoes_wraps_rfc_7323_4() {
    for first in [0, 1, u32::MAX, 1 << 31] {
        assert!(since(first).answers_original(first.wrapping_sub(1)));
        assert!(since(first).answers_original(first.wrapping_sub((1 << 31) - 1)));
        assert!(!since(first).answers_original(first));
        assert!(!since(first).answers_original(first.wrapping_add(1)));
    }
}
