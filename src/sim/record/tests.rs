use super::*;
use crate::event::{ConnId, State};
use crate::wire::tcp_options::SackBlock;

const FIRST: SeqNum = SeqNum::new(u32::MAX - 5);

fn view(seq: u64, len: u32, ack: u64) -> SegmentView {
    let end = "10.0.0.1:1".parse().unwrap();
    SegmentView {
        local: end,
        remote: end,
        seq: FIRST + seq as u32,
        ack: FIRST + ack as u32,
        flags: Flags::ACK,
        len,
        window: 7,
        sack: Default::default(),
        ecn: 0,
        seq_base: FIRST,
        ack_base: FIRST,
    }
}

#[test]
fn of_round_trip_times_the_percentiles_stay() {
    let ms = Duration::from_millis;
    let (rto, conn) = (ms(200), ConnId(1));
    let mut recorder = Recorder::new(false);
    for time in (0..=100).rev() {
        let event = Event::RttSample { conn, rtt: ms(time), srtt: ms(time), rto };
        recorder.observe(Instant::ZERO, &event);
    }
    assert_eq!(recorder.finish().rtt_percentiles, Some([ms(50), ms(99)]));
    assert_eq!(Recorder::new(false).finish().rtt_percentiles, None);
}

#[test]
fn numbers_go_on_after_4_gib() {
    let mut recorder = Recorder::new(true);
    let (conn, state, why) = (ConnId(1), State::Established, Why::NewData);
    let steps = [1, 1_000_000_000, 2_500_000_000, 4_200_000_000, 4_400_000_000, 4_100_000_000];
    for seq in steps {
        let sent =
            Event::Sent { conn: Some(conn), state, segment: view(seq, 10, 1), why, packets: 1 };
        recorder.observe(Instant::ZERO, &sent);
        let mut segment = view(1, 0, seq);
        let left = segment.ack + 5000;
        segment.sack.push(SackBlock { left, right: left + 1000 });
        recorder.observe(Instant::ZERO, &Event::Received { conn, state, segment });
    }
    let series = recorder.finish().series.unwrap();
    let sent: Vec<u64> = series.sent.iter().map(|(_, seq, ..)| *seq).collect();
    let acks: Vec<u64> = series.acks.iter().map(|(_, ack, _)| *ack).collect();
    let sacks: Vec<_> = series.sacks.iter().map(|&(_, from, to)| (from, to)).collect();
    assert_eq!((sent, acks), (steps.to_vec(), steps.to_vec()));
    assert_eq!(sacks, steps.map(|seq| (seq + 5000, seq + 6000)));
}
