use super::*;
use crate::event::{State, TimerKind};
use crate::tcp::Config;
use crate::tcp::discard::Reply;
use crate::tcp::testing::*;
use crate::time::Duration;
use crate::wire::tcp::{Flags, Segment};

// RFC 9293 3.8.6.3 and RFC 5681 4.2: when to acknowledge.

#[test]
fn a_lone_segment_is_acknowledged_after_40_ms_rfc_9293_3_8_6_3_must_40() {
    let mut rig = Rig::open(Setup::default());
    rig.text_arrives(100);
    let arrived = rig.now;
    rig.silent();
    assert!(rig.sleep(ms(39)).is_empty());
    let ack = rig.sleep(ms(1)).remove(0);
    assert_eq!((ack.at, ack.ack, ack.why), (arrived + ms(40), 101, Why::AckDelayed));
    assert_eq!(rig.fired(), [TimerKind::DelayedAck]);
}

/// The acknowledgment of the SYN opens the connection, and text comes in the same instant: no time has passed since the
/// last one, for there was none.
#[test]
fn text_in_the_instant_a_connection_opens_is_acknowledged_as_any_first_text() {
    for quick_ack in [false, true] {
        let setup = Setup { config: Config { quick_ack, ..config() }, ..Setup::default() };
        let mut rig = Rig::accepted(setup);
        let opened = rig.now;
        rig.write_arrives(100);
        if quick_ack {
            assert_eq!(rig.transmit_one().why, Why::AckQuick);
            continue;
        }
        rig.silent();
        let ack = rig.sleep(s(1)).remove(0);
        assert_eq!((ack.at, ack.ack, ack.why), (opened + ms(40), 101, Why::AckDelayed));
    }
}

#[test]
fn the_delay_counts_from_the_first_segment() {
    let mut rig = Rig::open(Setup::default());
    rig.write_arrives(100);
    rig.now += ms(25);
    rig.write_arrives(100);
    assert_eq!(rig.tcb.next_deadline(), Some(rig.now + ms(15)));
}

/// Within a quarter of the delay before its end there is no use in waiting (as Linux).
#[test]
fn a_delay_that_is_nearly_over_is_over() {
    let mut rig = Rig::open(Setup::default());
    rig.write_arrives(100);
    rig.now += ms(30);
    rig.write_arrives(100);
    let ack = rig.transmit_one();
    assert_eq!((ack.ack, ack.why), (201, Why::AckDelayed));
}

fn quick() -> Rig {
    Rig::open(Setup { config: Config { quick_ack: true, ..config() }, ..Setup::default() })
}

/// A peer in slow start counts acknowledgments, so it gets them.
#[test]
fn the_first_sixteen_segments_are_acknowledged_at_once() {
    let mut rig = quick();
    for nth in 1..=16 {
        rig.write_arrives(100);
        let ack = rig.transmit_one();
        assert_eq!((ack.ack, ack.why), (1 + 100 * nth, Why::AckQuick));
    }
    rig.write_arrives(100);
    rig.silent();
    assert_eq!(rig.tcb.next_deadline(), Some(rig.now + ms(40)));
}

#[test]
fn an_application_that_answers_gets_delayed_acknowledgments() {
    let mut rig = quick();
    rig.write_arrives(100);
    rig.read(1, 100);
    rig.write(30);
    assert_eq!(rig.transmit_one().len, 30, "it carries the acknowledgment");
    rig.ack_arrives();
    rig.write_arrives(100);
    rig.read(101, 100);
    rig.silent();
    // No answer this time: from now on there are quick ones again.
    let ack = rig.sleep(ms(40)).remove(0);
    assert_eq!((ack.ack, ack.why), (201, Why::AckDelayed));
    rig.write_arrives(100);
    assert_eq!(rig.transmit_one().why, Why::AckQuick);
}

/// The peer's congestion window is small again after an idle time-out (RFC 5681 4.1).
#[test]
fn after_a_silence_acknowledgments_are_quick_again() {
    let mut rig = quick();
    for _ in 0..16 {
        rig.write_arrives(100);
        rig.transmit_one();
    }
    rig.write_arrives(100);
    rig.silent();
    rig.sleep(s(10));
    rig.write_arrives(100);
    assert_eq!(rig.transmit_one().why, Why::AckQuick);
}

/// Whoever sends again what has arrived has missed acknowledgments.
#[test]
fn a_duplicate_makes_acknowledgments_quick() {
    let mut rig = quick();
    for _ in 0..16 {
        rig.write_arrives(100);
        rig.transmit_one();
    }
    let again = rig.text(1, 100);
    rig.arrive(again).unwrap_err();
    assert_eq!(rig.transmit_one().why, Why::AckNow);
    rig.write_arrives(100);
    assert_eq!(rig.transmit_one().why, Why::AckQuick);
}

/// Nothing is left to wait for when a small segment was read and no answer is usual (as Linux).
#[test]
fn a_small_segment_is_acknowledged_when_it_is_read() {
    let mut rig = quick();
    for _ in 0..16 {
        rig.write_arrives(100);
        rig.transmit_one();
    }
    rig.write_arrives(100);
    rig.silent();
    rig.read(1, 1_700);
    let ack = rig.transmit_one();
    assert_eq!((ack.ack, ack.why), (1_701, Why::AckQuick));
}

#[test]
fn the_delay_can_be_chosen() {
    let config = Config { ack_delay: ms(5), ..config() };
    let mut rig = Rig::open(Setup { config, ..Setup::default() });
    rig.write_arrives(100);
    assert_eq!(rig.tcb.next_deadline(), Some(rig.now + ms(5)));
}

#[test]
fn every_second_full_segment_is_acknowledged_at_once_rfc_5681_4_2() {
    let mut rig = Rig::open(Setup::default());
    for n in 0..5 {
        rig.text_arrives(FULL);
        rig.silent();
        rig.text_arrives(FULL);
        let ack = rig.transmit_one();
        assert_eq!((ack.ack, ack.why), (1 + 2 * FULL * (n + 1), Why::AckNow));
        assert!(!rig.tcb.timers.is_armed(TimerKind::DelayedAck));
    }
}

#[test]
fn a_batch_is_acknowledged_once() {
    let mut rig = Rig::open(Setup::default());
    (0..20).for_each(|_| rig.text_arrives(FULL));
    assert_eq!(rig.transmit_one().ack, 1 + 20 * FULL);
}

#[test]
fn an_acknowledgment_rides_on_data_rfc_9293_3_8_6_3() {
    let mut rig = Rig::open(Setup::default());
    rig.text_arrives(100);
    rig.write(30);
    let sent = rig.transmit_one();
    assert_eq!((sent.ack, sent.len), (101, 30));
    assert!(!rig.tcb.timers.is_armed(TimerKind::DelayedAck));
}

#[test]
fn a_gap_is_acknowledged_at_once_and_so_is_its_filling_rfc_5681_4_2() {
    let mut rig = Rig::open(Setup::default());
    let later = rig.text(101, 50);
    rig.arrive(later).unwrap();
    let duplicate = rig.transmit_one();
    assert_eq!((duplicate.ack, duplicate.why), (1, Why::AckNow));
    let part = rig.text(1, 60);
    rig.arrive(part).unwrap();
    assert_eq!(rig.transmit_one().ack, 61);
    let rest = rig.text(61, 40);
    rig.arrive(rest).unwrap();
    let ack = rig.transmit_one();
    assert_eq!((ack.ack, ack.sack()), (151, vec![]));
    rig.read(1, 150);
}

// RFC 2018 and RFC 2883: SACK blocks.

#[test]
fn the_block_that_changed_last_comes_first_rfc_2018_4() {
    let mut rig = Rig::open(Setup::default());
    let mut after = |at, len| {
        let text = rig.text(at, len);
        rig.arrive(text).unwrap();
        let ack = rig.transmit_one();
        assert_eq!(ack.ack, 1);
        ack.sack()
    };
    assert_eq!(after(1_001, 500), [(1_001, 1_501)]);
    assert_eq!(after(3_001, 500), [(3_001, 3_501), (1_001, 1_501)]);
    assert_eq!(after(5_001, 500), [(5_001, 5_501), (3_001, 3_501), (1_001, 1_501)]);
    assert_eq!(
        after(7_001, 500),
        [(7_001, 7_501), (5_001, 5_501), (3_001, 3_501)],
        "three fit beside timestamps"
    );
    assert_eq!(after(1_501, 100)[0], (1_001, 1_601), "one that grew is the latest");
    assert_eq!(after(3_501, 1_500)[..2], [(3_001, 5_501), (1_001, 1_601)], "two become one");
}

#[test]
fn without_timestamps_there_is_room_for_four_rfc_2018_3() {
    let mut rig = Rig::open(Setup { timestamps: false, ..Setup::default() });
    for at in [1_001, 3_001, 5_001, 7_001, 9_001] {
        let text = rig.text(at, 10);
        rig.arrive(text).unwrap();
    }
    let sack = rig.transmit_one().sack();
    assert_eq!(sack, [(9_001, 9_011), (7_001, 7_011), (5_001, 5_011), (3_001, 3_011)]);
}

#[test]
fn blocks_go_away_as_the_gaps_fill_rfc_2018_4() {
    let mut rig = Rig::open(Setup::default());
    for at in [1_001, 3_001] {
        let text = rig.text(at, 1_000);
        rig.arrive(text).unwrap();
    }
    rig.transmit();
    let fill = rig.text(1, 1_000);
    rig.arrive(fill).unwrap();
    let ack = rig.transmit_one();
    assert_eq!((ack.ack, ack.sack()), (2_001, vec![(3_001, 4_001)]));
    let fill = rig.text(2_001, 1_000);
    rig.arrive(fill).unwrap();
    let ack = rig.transmit_one();
    assert_eq!((ack.ack, ack.sack()), (4_001, vec![]));
    rig.read(1, 4_000);
}

#[test]
fn a_duplicate_out_of_order_is_reported_before_its_block_rfc_2883_4_2() {
    let mut rig = Rig::open(Setup::default());
    for _ in 0..2 {
        let text = rig.text(1_001, 500);
        rig.arrive(text).unwrap();
    }
    assert_eq!(rig.transmit_one().sack(), [(1_001, 1_501), (1_001, 1_501)]);
    let overlap = rig.text(1_401, 400);
    rig.arrive(overlap).unwrap();
    assert_eq!(rig.transmit_one().sack(), [(1_401, 1_501), (1_001, 1_801)]);
}

#[test]
fn of_two_stretches_that_come_again_the_first_is_reported_rfc_2883_4_2_2() {
    let mut rig = Rig::open(Setup::default());
    for at in [1, 2_001] {
        let text = rig.text(at, 1_000);
        rig.arrive(text).unwrap();
    }
    rig.transmit();
    let all = rig.text(1, 4_000);
    rig.arrive(all).unwrap();
    let ack = rig.transmit_one();
    assert_eq!((ack.ack, ack.sack()), (4_001, vec![(1, 1_001)]), "and not 2,001 to 3,001");
}

#[test]
fn four_blocks_stay_when_a_fifth_segment_only_moves_the_acknowledgment_rfc_2018_4() {
    let mut rig = Rig::open(Setup { timestamps: false, ..Setup::default() });
    for at in [1_001, 3_001, 5_001, 7_001, 1] {
        let text = rig.text(at, 10);
        rig.arrive(text).unwrap();
    }
    let ack = rig.transmit_one();
    let blocks = vec![(7_001, 7_011), (5_001, 5_011), (3_001, 3_011), (1_001, 1_011)];
    assert_eq!((ack.ack, ack.sack()), (11, blocks));
}

#[test]
fn without_sack_there_are_no_blocks_rfc_2018_2() {
    let mut rig = Rig::open(Setup { sack: false, ..Setup::default() });
    let text = rig.text(1_001, 500);
    rig.arrive(text).unwrap();
    assert!(rig.transmit_one().sack().is_empty());
}

#[test]
fn blocks_make_our_segments_smaller_rfc_6691_3() {
    let mut rig = Rig::open(Setup::default());
    let text = rig.text(1_001, 500);
    rig.arrive(text).unwrap();
    rig.write(5_000);
    let sent = rig.transmit().remove(0);
    assert_eq!(u32::from(sent.segment_size), FULL - 12, "one block takes twelve bytes");
}

#[test]
fn text_arrives_in_any_order_with_any_overlap() {
    let orders: [&[(u32, u32)]; 4] = [
        &[(301, 100), (201, 100), (101, 100), (1, 100)],
        &[(51, 300), (1, 400)],
        &[(101, 50), (201, 50), (1, 400)],
        &[(301, 100), (101, 250), (51, 100), (1, 60)],
    ];
    for order in orders {
        let mut rig = Rig::open(Setup::default());
        for &(at, len) in order {
            let text = rig.text(at, len);
            rig.arrive(text).unwrap();
        }
        assert_eq!(rig.transmit().last().unwrap().ack, 401, "{order:?}");
        rig.read(1, 400);
    }
}

// RFC 9293 3.6.1 and 3.10.7.4 seventh: text for which nobody is left.

#[test]
fn text_after_the_peers_fin_is_ignored_rfc_9293_3_10_7_4_seventh() {
    for state in [State::CloseWait, State::Closing, State::LastAck] {
        let mut rig = Rig::in_state(state);
        let window = rig.tcb.rcv.window();
        let text = Segment { ack: rig.tcb.snd.una, ..rig.text(rig.peer_nxt, 10) };
        let refused = rig.arrive(text);
        if window > 0 {
            assert_eq!(refused, Err(Discard::ack(Refusal::TextAfterFin)), "{state}");
        }
        assert_eq!(rig.tcb.rcv.buffer.len(), 0, "{state}");
        assert_eq!(rig.tcb.rcv.nxt, PEER_ISS + rig.peer_nxt, "{state}");
    }
}

#[test]
fn text_after_close_is_answered_with_a_reset_rfc_9293_3_6_1() {
    for acked in [false, true] {
        let mut rig = Rig::open(Setup::default());
        rig.close();
        if acked {
            rig.ack_arrives();
            assert_eq!(rig.tcb.state(), State::FinWait2);
        }
        let text = rig.text(1, 10);
        assert_eq!(rig.refused(text), (Refusal::TextAfterClose, Reply::Nothing));
        let reset = rig.transmit_one();
        assert_eq!((reset.flags, reset.why), (Flags::RST | Flags::ACK, Why::Reset));
        assert_eq!((reset.seq, reset.window), (2, 0));
        assert_eq!((rig.tcb.state(), rig.tcb.error()), (State::Closed, Some(Error::Aborted)));
        assert_eq!(rig.changes().last().unwrap().2, Cause::DataAfterClose);
        assert_eq!(rig.tcb.next_deadline(), None);
    }
}

#[test]
fn a_half_close_still_takes_text_rfc_9293_3_6() {
    for state in [State::FinWait1, State::FinWait2] {
        let mut rig = Rig::in_state(state);
        (0..2).for_each(|_| rig.text_arrives(FULL));
        rig.read(1, 2_000);
        assert_eq!(rig.transmit_one().ack, 2_001);
    }
}

#[test]
fn urgent_text_is_delivered_in_line_rfc_6093_4() {
    let mut rig = Rig::open(Setup::default());
    rig.configure(|config| config.oob_inline = true);
    let flags = Flags::ACK | Flags::URG | Flags::PSH;
    let text = Segment { flags, urgent: 3, ..rig.text(1, 10) };
    rig.arrive(text).unwrap();
    rig.read(1, 10);
}

#[test]
fn text_next_in_order_is_never_refused_for_what_waits_behind_it() {
    let config = Config { receive_buffer: 4_000, ..Config::default() };
    let mut rig = Rig::open(Setup { config, ..Setup::default() });
    // Single bytes with a gap before each: their overhead fills the queue.
    for at in (2..4_000).step_by(2) {
        let text = rig.text(at, 1);
        rig.arrive(text).unwrap();
    }
    assert!(rig.refusals.of(Refusal::ReassemblyFull) > 0);
    rig.transmit();
    let first = rig.text(1, 1_000);
    rig.arrive(first).unwrap();
    assert!(rig.transmit_one().ack >= 1_001);
    let rest = rig.text(1_001, 3_000);
    rig.arrive(rest).unwrap();
    rig.read(1, 4_000);
}

#[test]
fn nothing_is_acknowledged_that_was_not_received() {
    let mut rig = Rig::open(Setup::default());
    assert!(rig.sleep(Duration::from_secs(60)).is_empty());
    let lone = rig.text(2, 1);
    rig.arrive(lone).unwrap();
    assert_eq!(rig.transmit_one().ack, 1);
}
