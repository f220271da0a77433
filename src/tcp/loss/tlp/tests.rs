use super::*;

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// The last segment again: octets 9,001 to 10,000.
const AGAIN: Probe = Probe { end: 10_001, again: Some(9_001) };
/// New data up to octet 10,000.
const NEW: Probe = Probe { end: 10_001, again: None };

#[test]
fn nothing_below_its_end_answers_a_probe_rfc_8985_7_4_2() {
    for probe in [AGAIN, NEW] {
        for una in [0, 1, 9_001, 10_000] {
            for dsack in [None, Some((9_001, 10_001)), Some((1, 1_001))] {
                assert_eq!(probe.answer(una, dsack, false), Answer::Open);
                assert_eq!(probe.answer(una, dsack, true), Answer::Open);
            }
        }
    }
}

#[test]
fn new_data_that_is_acknowledged_says_nothing_of_a_loss_rfc_8985_7_4_2() {
    for una in [10_001, 10_002, 50_000] {
        assert_eq!(NEW.answer(una, None, false), Answer::Needless);
    }
}

#[test]
fn case_1_a_dsack_of_it_says_that_both_have_arrived_rfc_8985_7_4_2() {
    let dsack = Some((9_001, 10_001));
    assert_eq!(AGAIN.answer(10_001, dsack, false), Answer::Needless);
    assert_eq!(AGAIN.answer(12_001, dsack, false), Answer::Needless);
    // More may be reported at once, and only a part.
    assert_eq!(AGAIN.answer(10_001, Some((8_001, 10_001)), false), Answer::Needless);
    assert_eq!(AGAIN.answer(10_001, Some((9_001, 9_501)), false), Answer::Needless);
    // That of another segment is none.
    for other in [(8_001, 9_001), (1, 2), (9_002, 10_001)] {
        assert_eq!(AGAIN.answer(10_001, Some(other), false), Answer::Open);
        assert_eq!(AGAIN.answer(10_002, Some(other), false), Answer::Repaired);
    }
}

#[test]
fn case_2_a_duplicate_says_that_both_have_arrived_rfc_8985_7_4_2() {
    assert_eq!(AGAIN.answer(10_001, None, true), Answer::Needless);
}

#[test]
fn case_3_what_goes_on_without_either_was_repaired_rfc_8985_7_4_2() {
    assert_eq!(AGAIN.answer(10_001, None, false), Answer::Open, "a duplicate may follow");
    assert_eq!(AGAIN.answer(10_002, None, false), Answer::Repaired);
    assert_eq!(AGAIN.answer(99_999, None, false), Answer::Repaired);
}

#[test]
fn the_timer_takes_two_round_trips_rfc_8985_7_2() {
    assert_eq!(timeout(None, false, None), ms(1_000));
    assert_eq!(timeout(None, true, None), ms(1_000));
    for (srtt, several, one) in
        [(0, 2, 50), (10, 22, 60), (48, 98, 98), (49, 100, 100), (100, 202, 202)]
    {
        assert_eq!(timeout(Some(ms(srtt)), false, None), ms(several), "{srtt} ms");
        assert_eq!(timeout(Some(ms(srtt)), true, None), ms(one), "{srtt} ms");
        // As it is said to be.
        let said = Some(ms(200));
        assert_eq!(timeout(Some(ms(srtt)), true, said), ms(2 * srtt + 200), "{srtt} ms");
        assert_eq!(timeout(Some(ms(srtt)), false, said), ms(several), "{srtt} ms");
    }
}
