use super::*;

fn segment(flags: Flags, seq: u64, ack: Option<u64>) -> Segment {
    Segment {
        flags,
        seq,
        ack,
        packets: 1,
        len: 0,
        window: 100,
        sack: None,
        state: None,
        why: None,
        count: 0,
        again: false,
        offers: None,
    }
}

/// The states of both ends after each segment.
fn states(exchange: &[(Side, Flags, u64, Option<u64>)]) -> Vec<String> {
    let mut lines = Lifelines::default();
    let tell = |&(side, flags, seq, ack): &(Side, Flags, u64, Option<u64>)| {
        lines.sent(side, &segment(flags, seq, ack));
        let name = |side| lines.state(side).map_or("?", State::name);
        format!("{} {}", name(Side::Local), name(Side::Remote))
    };
    exchange.iter().map(tell).collect()
}

const OURS: Side = Side::Local;
const THEIRS: Side = Side::Remote;

#[test]
fn both_ends_go_through_their_states() {
    let told = states(&[
        (OURS, Flags::SYN, 0, None),
        (THEIRS, Flags::SYN | Flags::ACK, 0, Some(1)),
        (OURS, Flags::ACK, 1, Some(1)),
        (OURS, Flags::FIN | Flags::ACK, 1, Some(1)),
        (THEIRS, Flags::ACK, 1, Some(2)),
        (THEIRS, Flags::FIN | Flags::ACK, 1, Some(2)),
        (OURS, Flags::ACK, 2, Some(2)),
    ]);
    assert_eq!(
        told,
        [
            "SYN_SENT LISTEN",
            "SYN_SENT SYN_RCVD",
            "ESTABLISHED ESTABLISHED",
            "FIN_WAIT_1 ESTABLISHED",
            "FIN_WAIT_2 CLOSE_WAIT",
            "FIN_WAIT_2 LAST_ACK",
            "TIME_WAIT CLOSED",
        ]
    );
}

#[test]
fn both_may_close_at_once() {
    let told = states(&[
        (OURS, Flags::ACK, 1, Some(1)),
        (OURS, Flags::FIN | Flags::ACK, 1, Some(1)),
        (THEIRS, Flags::FIN | Flags::ACK, 1, Some(1)),
        (OURS, Flags::ACK, 2, Some(2)),
        (THEIRS, Flags::ACK, 2, Some(2)),
    ]);
    assert_eq!(
        told[1..],
        [
            "FIN_WAIT_1 ESTABLISHED",
            "FIN_WAIT_1 FIN_WAIT_1",
            "CLOSING CLOSING",
            "TIME_WAIT TIME_WAIT",
        ]
    );
}

#[test]
fn a_reset_ends_it() {
    let told = states(&[(OURS, Flags::ACK, 1, Some(1)), (THEIRS, Flags::RST, 1, None)]);
    assert_eq!(told, ["ESTABLISHED ESTABLISHED", "CLOSED CLOSED"]);
}

#[test]
fn a_reset_that_nobody_expects_ends_nothing() {
    let told = states(&[
        (OURS, Flags::ACK, 1, Some(1)),
        (THEIRS, Flags::ACK, 1, Some(1)),
        (OURS, Flags::ACK, 1, Some(1)),
        (THEIRS, Flags::RST, 5000, None),
        (THEIRS, Flags::RST, 1, None),
    ]);
    assert_eq!(told[3..], ["ESTABLISHED ESTABLISHED", "CLOSED CLOSED"]);
}
