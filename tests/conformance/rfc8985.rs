//! RFC 8985: losses found by time (RACK), and tails that are probed for (TLP).

use crate::play::{SACK, TIMES, after, by_the_letter, play, play_with, segments};

/// Ten segments on a path of 10 ms.
fn ten() -> String {
    let (first, second) = (segments(0, 5), segments(5, 5));
    format!("{SACK}+0ms call write 10000\n{first}{second}")
}

/// 6.2 step 4 and 5: a segment is lost a round trip and a quarter of one after it was sent, when something sent later has
/// arrived; no number of duplicates is needed for that.
#[test]
fn a_gap_is_waited_on_for_a_quarter_of_a_round_trip_6_2() {
    play(&format!(
        "{}
        +10ms  inject ACK seq=1 ack=1 <sack 1001..2001>
        +0ms   expect nothing
        +2500us expect ACK seq=1..1001
        +10ms  inject ACK seq=1 ack=10001
        ",
        ten()
    ));
}

/// 6.2 step 4: three segments beyond a gap are as good as three duplicates, as long as the path has never reordered.
#[test]
fn three_segments_beyond_a_gap_are_enough_6_2() {
    play(&format!(
        "{}
        +10ms  inject ACK seq=1 ack=1 <sack 1001..2001>
        +1ms   inject ACK seq=1 ack=1 <sack 1001..3001>
        +0ms   expect nothing
        +1ms   inject ACK seq=1 ack=1 <sack 1001..4001>
        +0ms   expect ACK seq=1..1001
        +10ms  inject ACK seq=1 ack=10001
        ",
        ten()
    ));
}

/// 3.3.2: reordering by less than the window costs nothing.
#[test]
fn a_little_reordering_is_no_loss_3_3_2() {
    play(&format!(
        "{}
        +10ms  inject ACK seq=1 ack=1 <sack 1001..2001>
        +2ms   inject ACK seq=1 ack=2001
        +100us inject ACK seq=1 ack=10001
        +1s    expect nothing
        ",
        ten()
    ));
}

/// 6.2 step 4: once the path was seen to reorder, three segments are not enough any more, and time counts alone.
#[test]
fn on_a_path_that_reorders_only_time_counts_6_2() {
    play(&format!(
        "{}
        +10ms  inject ACK seq=1 ack=1 <sack 1001..2001>
        +1ms   inject ACK seq=1 ack=2001                     # the first was late, and nothing else
        +8ms   inject ACK seq=1 ack=10001
        +0ms   call write 6000
        {}+10ms  inject ACK seq=1 ack=10001 <sack 11001..14001>
        +0ms   expect nothing
        +1ms..+6ms expect ACK seq=10001..11001
        +10ms  inject ACK seq=1 ack=16001
        ",
        ten(),
        segments(10, 6)
    ));
}

/// 3.3.1: a retransmission that is lost is found as any other segment is, without a time-out.
#[test]
fn a_lost_retransmission_is_found_3_3_1() {
    play(&format!(
        "{}
        +10ms  inject ACK seq=1 ack=1 <sack 1001..4001>
        +0ms   expect ACK seq=1..1001
        +1ms   inject ACK seq=1 ack=1 <sack 1001..10001>
        +0ms   call write 2000
        +0ms   expect ACK seq=10001..11001
        +0ms   expect PSH,ACK seq=11001..12001
        +11ms  inject ACK seq=1 ack=1 <sack 1001..12001>     # sent a millisecond after the retransmission
        +0ms..+5ms expect ACK seq=1..1001
        +10ms  inject ACK seq=1 ack=12001
        ",
        ten()
    ));
}

/// 6.3: after a time-out only what was sent long enough ago is taken for lost, beside the first segment.
#[test]
fn a_time_out_takes_the_first_for_lost_6_3() {
    after(
        SACK,
        "
        +0ms   call write 100
        +0ms   expect PSH,ACK seq=1..101
        +60ms  expect PSH,ACK seq=1..101                     # the probe
        +210ms expect PSH,ACK seq=1..101                     # the time-out
        +420ms expect PSH,ACK seq=1..101
        +10ms  inject ACK seq=1 ack=101
    ",
    );
}

/// 7.2: the probe goes after two round trips; 2 ms are for the clock, as in Linux. 7.3: new data goes rather than old.
#[test]
fn the_probe_is_new_data_if_there_is_any_7_3() {
    play(&format!(
        "{}
        +0ms   call write 1000                               # for which the window has no room
        +22ms  expect PSH,ACK seq=10001..11001
        +10ms  inject ACK seq=1 ack=11001
        +1s    expect nothing
        ",
        ten()
    ));
}

/// 7.3: otherwise the last segment goes again, once; and then the timer runs.
#[test]
fn the_probe_is_the_last_segment_otherwise_7_3() {
    play(&format!(
        "{}
        +22ms  expect PSH,ACK seq=9001..10001
        +210ms expect ACK seq=1..1001
        +10ms  inject ACK seq=1 ack=10001
        ",
        ten()
    ));
}

/// 7.2: a single segment may have its acknowledgment delayed, and the probe waits for that. The RFC has 200 ms for it.
#[test]
fn a_single_segment_is_probed_for_later_7_2() {
    after(
        SACK,
        "
        +0ms   call write 1000
        +0ms   expect PSH,ACK seq=1..1001
        +60ms  expect PSH,ACK seq=1..1001
        +10ms  inject ACK seq=1 ack=1001
    ",
    );
}

/// The same by the letter: two round trips and 200 ms.
#[test]
fn by_the_letter_a_single_segment_is_probed_for_after_200_ms_7_2() {
    play_with(
        by_the_letter,
        &format!(
            "{SACK}
            +0ms   call write 1000
            +0ms   expect PSH,ACK seq=1..1001
            +210ms..+222ms expect PSH,ACK seq=1..1001
            +10ms  inject ACK seq=1 ack=1001
        "
        ),
    );
}

/// 7.2: no probe while SACK says that something has arrived, and none while a loss is repaired.
#[test]
fn no_probe_while_more_is_known_7_2() {
    play(&format!(
        "{}
        +10ms  inject ACK seq=1 ack=1 <sack 1001..10001>
        +0ms   expect ACK seq=1..1001
        +100ms expect nothing
        +0ms   inject ACK seq=1 ack=10001
        ",
        ten()
    ));
}

/// 7.4.2: a probe that has repaired a loss lowers the window, for it was a loss.
#[test]
fn a_loss_repaired_by_a_probe_lowers_the_window_7_4_2() {
    play(&format!(
        "{}
        +10ms  inject ACK seq=1 ack=9001                     # the last is lost
        +0ms   call ssthresh -> infinite
        +50ms..+60ms expect PSH,ACK seq=9001..10001
        +10ms  inject ACK seq=1 ack=10001
        +0ms   call write 1000
        +0ms   expect PSH,ACK seq=10001..11001
        +10ms  inject ACK seq=1 ack=11001
        +0ms   call ssthresh -> 14000 bytes                  # seven tenths of the twenty there were
        ",
        ten()
    ));
}

/// 7.4.2: where both copies have arrived nothing was lost, and a D-SACK says so.
#[test]
fn a_needless_probe_costs_nothing_7_4_2() {
    play(&format!(
        "{}
        +22ms  expect PSH,ACK seq=9001..10001
        +1ms   inject ACK seq=1 ack=10001
        +10ms  inject ACK seq=1 ack=10001 <sack 9001..10001>
        +0ms   call write 1000
        +0ms   expect PSH,ACK seq=10001..11001
        +10ms  inject ACK seq=1 ack=11001
        +0ms   call ssthresh -> infinite
        ",
        ten()
    ));
}

/// 6.2 step 4: a D-SACK widens the reordering window by a quarter of the round trip.
#[test]
fn a_dsack_widens_the_window_6_2() {
    let lines = format!(
        "{TIMES}
        +0ms   call write 4000
        +0ms   expect ACK seq=1..1001
        +0ms   expect ACK seq=1001..2001
        +0ms   expect ACK seq=2001..3001
        +0ms   expect PSH,ACK seq=3001..4001
        +10ms  inject ACK seq=1 ack=1 win=512 <ts 1020 10, sack 1001..4001>
        +0ms   expect ACK seq=1..1001
        +1ms   inject ACK seq=1 ack=4001 win=512 <ts 1021 10>       # the original, only late
        +9ms   inject ACK seq=1 ack=4001 win=512 <ts 1030 20, sack 1..1001>
        +0ms   call write 4000
        +0ms   expect ACK seq=4001..5001
        +0ms   expect ACK seq=5001..6001
        +0ms   expect ACK seq=6001..7001
        +0ms   expect PSH,ACK seq=7001..8001
        +10ms  inject ACK seq=1 ack=4001 win=512 <ts 1040 30, sack 5001..8001>
        +4ms   expect nothing                                       # two quarters, at least
        +1ms..+6ms expect ACK seq=4001..5001
        +10ms  inject ACK seq=1 ack=8001 win=512 <ts 1060 45>
        "
    );
    play(&lines);
}
