use super::*;

const MSS: u32 = 1000;

fn seq(at: u32) -> SeqNum {
    SeqNum::new(at)
}

#[test]
fn the_third_duplicate_enters_and_partial_acknowledgments_stay() {
    let mut loss = DupAck::new(seq(0));
    let (una, nxt) = (seq(1001), seq(11_001));
    assert_eq!(loss.on_duplicate(una, nxt, MSS), Verdict::Nothing);
    assert_eq!(loss.on_duplicate(una, nxt, MSS), Verdict::Nothing);
    assert_eq!(loss.allowance(), 2 * MSS);
    assert_eq!(loss.on_duplicate(una, nxt, MSS), Verdict::Enter);
    assert_eq!((loss.mode(), loss.allowance()), (Mode::FastRecovery, 3 * MSS));
    loss.on_duplicate(una, nxt, MSS);
    assert_eq!(loss.allowance(), 4 * MSS);
    assert_eq!(loss.on_new_ack(seq(4001), 3000, MSS), Verdict::Partial { first: true });
    assert_eq!(loss.allowance(), 2 * MSS);
    assert_eq!(loss.on_new_ack(seq(5001), 1000, MSS), Verdict::Partial { first: false });
    assert_eq!(loss.on_new_ack(seq(11_001), 6000, MSS), Verdict::Recovered);
    assert_eq!((loss.mode(), loss.allowance()), (Mode::Open, 0));
}

#[test]
fn duplicates_of_an_old_recovery_start_no_new_one() {
    let mut loss = DupAck::new(seq(0));
    loss.on_rto(seq(5001));
    for _ in 0..5 {
        assert_eq!(loss.on_duplicate(seq(1001), seq(5001), MSS), Verdict::Nothing);
    }
    loss.on_new_ack(seq(5001), 4000, MSS);
    assert_eq!(loss.mode(), Mode::Open);
    for _ in 0..5 {
        assert_eq!(loss.on_duplicate(seq(5001), seq(9001), MSS), Verdict::Nothing);
    }
}

#[test]
fn a_new_acknowledgment_forgets_duplicates() {
    let mut loss = DupAck::new(seq(0));
    for una in [1001, 2001, 3001] {
        loss.on_duplicate(seq(una), seq(9001), MSS);
        loss.on_duplicate(seq(una), seq(9001), MSS);
        assert_eq!(loss.on_new_ack(seq(una + 1000), 1000, MSS), Verdict::Nothing);
        assert_eq!(loss.allowance(), 0);
    }
}
