use super::*;

const MSS: u32 = 1000;

fn seq(at: u32) -> SeqNum {
    SeqNum::new(at)
}

#[test]
fn the_third_duplicate_enters_and_partial_acknowledgments_stay() {
    let mut loss = DupAck::new(seq(0));
    let (una, nxt) = (seq(1001), seq(11_001));
    assert_eq!(loss.on_duplicate(una, MSS), Verdict::Nothing);
    assert_eq!(loss.on_duplicate(una, MSS), Verdict::Nothing);
    assert_eq!(loss.allowance(), 2 * MSS);
    assert_eq!(loss.on_duplicate(una, MSS), Verdict::Enter);
    loss.enter(Recovery::Full, una, nxt);
    assert_eq!((loss.mode(), loss.allowance()), (Mode::FastRecovery, 3 * MSS));
    loss.on_duplicate(una, MSS);
    assert_eq!(loss.allowance(), 4 * MSS);
    assert_eq!(loss.on_new_ack(seq(4001), 3000, MSS), Verdict::Partial { first: true });
    assert_eq!(loss.allowance(), 2 * MSS);
    assert_eq!(loss.on_new_ack(seq(5001), 1000, MSS), Verdict::Partial { first: false });
    assert_eq!(loss.on_new_ack(seq(11_001), 6000, MSS), Verdict::Recovered);
    assert_eq!((loss.mode(), loss.allowance()), (Mode::Open, 0));
}

/// Three duplicates at `una`, all up to `nxt` sent.
fn entered(recovery: Recovery, una: u32, nxt: u32) -> DupAck {
    let mut loss = DupAck::new(seq(0));
    three_duplicates(&mut loss, una);
    loss.enter(recovery, seq(una), seq(nxt));
    loss
}

#[track_caller]
fn three_duplicates(loss: &mut DupAck, una: u32) {
    let verdicts = [(); 3].map(|()| loss.on_duplicate(seq(una), MSS));
    assert_eq!(verdicts, [Verdict::Nothing, Verdict::Nothing, Verdict::Enter]);
}

#[test]
fn the_first_acknowledgment_of_new_data_ends_it_rfc_5681_3_2() {
    for acked in [1, 1000, 10_000] {
        let mut loss = entered(Recovery::FirstAck, 1001, 11_001);
        loss.on_duplicate(seq(1001), MSS);
        assert_eq!((loss.mode(), loss.allowance()), (Mode::FastRecovery, 4 * MSS));
        let una = 1001 + acked;
        assert_eq!(loss.on_new_ack(seq(una), acked, MSS), Verdict::Recovered);
        assert_eq!((loss.mode(), loss.allowance()), (Mode::Open, 0));
        // The next loss of the same window is a loss of its own.
        three_duplicates(&mut loss, una);
    }
}

#[test]
fn without_fast_recovery_nothing_is_inflated_and_no_window_goes_back_twice() {
    let mut loss = entered(Recovery::None, 1001, 11_001);
    assert_eq!((loss.mode(), loss.allowance(), loss.partial_seen()), (Mode::GoBackN, 0, false));
    assert_eq!(loss.on_new_ack(seq(4001), 3000, MSS), Verdict::Nothing);
    assert!(loss.partial_seen());
    // RFC 6582 3.2 step 2: what is sent again although it had arrived is answered by duplicates.
    for _ in 0..5 {
        assert_eq!(loss.on_duplicate(seq(4001), MSS), Verdict::Nothing);
    }
    assert_eq!((loss.mode(), loss.allowance()), (Mode::GoBackN, 0));
    assert_eq!(loss.on_new_ack(seq(11_001), 7000, MSS), Verdict::Nothing);
    assert_eq!((loss.mode(), loss.partial_seen()), (Mode::Open, false));
    for _ in 0..5 {
        assert_eq!(loss.on_duplicate(seq(11_001), MSS), Verdict::Nothing);
    }
    loss.on_new_ack(seq(12_001), 1000, MSS);
    three_duplicates(&mut loss, 12_001);
}

#[test]
fn duplicates_of_an_old_recovery_start_no_new_one() {
    let mut loss = DupAck::new(seq(0));
    loss.on_rto(seq(5001));
    for _ in 0..5 {
        assert_eq!(loss.on_duplicate(seq(1001), MSS), Verdict::Nothing);
    }
    loss.on_new_ack(seq(5001), 4000, MSS);
    assert_eq!(loss.mode(), Mode::Open);
    for _ in 0..5 {
        assert_eq!(loss.on_duplicate(seq(5001), MSS), Verdict::Nothing);
    }
}

#[test]
fn a_new_acknowledgment_forgets_duplicates() {
    let mut loss = DupAck::new(seq(0));
    for una in [1001, 2001, 3001] {
        loss.on_duplicate(seq(una), MSS);
        loss.on_duplicate(seq(una), MSS);
        assert_eq!(loss.on_new_ack(seq(una + 1000), 1000, MSS), Verdict::Nothing);
        assert_eq!(loss.allowance(), 0);
    }
}
