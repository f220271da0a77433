use super::*;

#[test]
fn of_many_packets_the_last_are_kept() {
    let mut waiting = Waiting::default();
    for seq in 0..40 {
        let mut bytes = waiting.room();
        assert!(bytes.is_empty(), "nothing of another packet is in it");
        bytes.push(7);
        let shown = Shown { at: Instant::from_millis(1), outbound: true, seq, len: 1, bytes };
        waiting.shown.push_back(shown);
    }
    assert_eq!((waiting.shown.len(), waiting.lost), (MAX_PACKETS, 8));
    let seqs: Vec<_> = waiting.shown.iter().map(|shown| shown.seq).collect();
    assert_eq!(seqs, (8..40).collect::<Vec<_>>());
}
