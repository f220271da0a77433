//! RFC 6298: when the retransmission timer goes off. Where Linux differs on purpose, and this stack with it, the table
//! says so: the least time-out is 200 ms above the round trip and not a second.

use crate::play::{PLAIN, after, by_the_letter, play, play_with};

/// A handshake over a path of 400 ms.
const SLOW: &str = "
    +0ms   call listen
    +0ms   inject SYN seq=0 win=65535 <mss 1000>
    +0ms   expect SYN,ACK seq=0 ack=1
    +400ms inject ACK seq=1 ack=1
    +0ms   call accept
";

/// 2.1 and 5.5: a second before there is a sample, and twice as long each time.
#[test]
fn without_a_sample_the_time_out_is_a_second_2_1() {
    play(
        "
        +0ms   call connect
        +0ms   expect SYN seq=0
        +1s    expect SYN seq=0
        +2s    expect SYN seq=0
        +4s    expect SYN seq=0
        +8s    expect SYN seq=0
        +16s   expect SYN seq=0
        +32s   expect SYN seq=0
        +65s   expect nothing
        +0ms   call write 1 -> error: connection timed out
    ",
    );
}

/// 2.2: the first sample R makes for SRTT = R, RTTVAR = R/2 and RTO = SRTT + 4 RTTVAR: 1,200 ms here.
#[test]
fn the_first_sample_makes_three_times_itself_2_2() {
    after(
        SLOW,
        "
        +0ms    call write 100
        +0ms    expect PSH,ACK seq=1..101
        +1200ms expect PSH,ACK seq=1..101
        +2400ms expect PSH,ACK seq=1..101
    ",
    );
}

/// 2.3: a second sample of 200 ms makes RTTVAR 3/4 * 200 + 1/4 * |400 - 200| = 200 and SRTT 7/8 * 400 + 1/8 * 200 = 375.
#[test]
fn later_samples_are_smoothed_2_3() {
    after(
        SLOW,
        "
        +0ms    call write 100
        +0ms    expect PSH,ACK seq=1..101
        +200ms  inject ACK seq=1 ack=101
        +0ms    call write 100
        +0ms    expect PSH,ACK seq=101..201
        +1175ms expect PSH,ACK seq=101..201
    ",
    );
    // A slower one: RTTVAR 3/4 * 200 + 1/4 * 400 = 250, SRTT 7/8 * 400 + 1/8 * 800 = 450.
    after(
        SLOW,
        "
        +0ms    call write 100
        +0ms    expect PSH,ACK seq=1..101
        +800ms  inject ACK seq=1 ack=101
        +0ms    call write 100
        +0ms    expect PSH,ACK seq=101..201
        +1450ms expect PSH,ACK seq=101..201
    ",
    );
}

/// 2.4 would have a second at least. It is the round trip and 200 ms, as in Linux.
#[test]
fn a_short_path_has_a_time_out_of_200_ms_and_the_round_trip_2_4() {
    after(
        PLAIN,
        "
        +0ms    call write 100
        +0ms    expect PSH,ACK seq=1..101
        +210ms  expect PSH,ACK seq=1..101
        +420ms  expect PSH,ACK seq=1..101
        +840ms  expect PSH,ACK seq=1..101
        +10ms   inject ACK seq=1 ack=101
    ",
    );
}

/// 2.5: no time-out is longer than two minutes, of which the RFC allows any of a minute at least.
#[test]
fn the_time_out_doubles_up_to_two_minutes_2_5() {
    let times = [1200, 2400, 4800, 9600, 19200, 38400, 76800, 120_000, 120_000];
    let times = times.map(|ms| format!("+{ms}ms expect PSH,ACK seq=1..101\n"));
    let script = format!(
        "{SLOW}
        +0ms call write 100
        +0ms expect PSH,ACK seq=1..101
        {}+1s inject RST seq=1",
        times.concat()
    );
    play(&script);
}

/// 3: what was sent twice gives no sample, and the time-out stays backed off until there is one.
#[test]
fn a_retransmission_gives_no_sample_3() {
    after(
        SLOW,
        "
        +0ms    call write 100
        +0ms    expect PSH,ACK seq=1..101
        +1200ms expect PSH,ACK seq=1..101
        +1ms    inject ACK seq=1 ack=101               # after 1 ms, or after 1,201?
        +0ms    call write 100
        +0ms    expect PSH,ACK seq=101..201
        +2400ms expect PSH,ACK seq=101..201            # neither: 1,200 ms, backed off
    ",
    );
}

/// 5.2: when all is acknowledged the timer is off.
#[test]
fn nothing_in_flight_nothing_to_wait_for_5_2() {
    after(
        SLOW,
        "
        +0ms    call write 100
        +0ms    expect PSH,ACK seq=1..101
        +1100ms inject ACK seq=1 ack=101
        +100s   expect nothing
    ",
    );
}

/// 5.3: each acknowledgment of something new starts the timer anew.
#[test]
fn new_acknowledgments_restart_the_timer_5_3() {
    play_with(
        |config| config.tcp.nodelay = true,
        &format!(
            "{SLOW}
            +0ms    call write 3000
            +0ms    expect ACK seq=1..1001
            +0ms    expect ACK seq=1001..2001
            +0ms    expect PSH,ACK seq=2001..3001
            +400ms  inject ACK seq=1 ack=1001
            +1200ms expect ACK seq=1001..2001          # and not after 800 ms
            +10ms   inject ACK seq=1 ack=3001
        "
        ),
    );
}

/// 5.1: what is sent while the timer runs does not put it off.
#[test]
fn more_that_is_sent_does_not_put_the_timer_off_5_1() {
    play_with(
        |config| config.tcp.nodelay = true,
        &format!(
            "{SLOW}
            +0ms    call write 100
            +0ms    expect PSH,ACK seq=1..101
            +1000ms call write 100
            +0ms    expect PSH,ACK seq=101..201
            +200ms  expect PSH,ACK seq=1..201
            +10ms   inject ACK seq=1 ack=201
        "
        ),
    );
}

/// 5.4: the earliest segment that is not acknowledged goes again, and no other (RFC 5681 3.1: the window is one segment).
#[test]
fn the_earliest_segment_goes_again_5_4() {
    after(
        SLOW,
        "
        +0ms    call write 3000
        +0ms    expect ACK seq=1..1001
        +0ms    expect ACK seq=1001..2001
        +0ms    expect PSH,ACK seq=2001..3001
        +1200ms expect ACK seq=1..1001
        +2400ms expect ACK seq=1..1001
        +0ms    call cwnd -> 1000 bytes
        +10ms   inject ACK seq=1 ack=3001
    ",
    );
}

/// 5.7: after a SYN that was sent again the first time-out of data is three seconds.
#[test]
fn after_a_lost_syn_the_time_out_is_three_seconds_5_7() {
    play_with(
        |config| config.tcp.timestamps = false,
        "
        +0ms   call connect
        +0ms   expect SYN seq=0
        +1s    expect SYN seq=0
        +10ms  inject SYN,ACK seq=0 ack=1 <mss 1000>
        +0ms   expect ACK seq=1 ack=1
        +0ms   call write 100
        +0ms   expect PSH,ACK seq=1..101
        +3s    expect PSH,ACK seq=1..101
        +10ms  inject ACK seq=1 ack=101
    ",
    );
}

/// 5.5 and 4.1.3 of RFC 1122 for the SYN-ACK: the same timer.
#[test]
fn a_syn_ack_goes_again_after_1_2_4_seconds_5_5() {
    play(
        "
        +0ms   call listen
        +0ms   inject SYN seq=0 win=65535 <mss 1000>
        +0ms   expect SYN,ACK seq=0 ack=1
        +1s    expect SYN,ACK seq=0 ack=1
        +2s    expect SYN,ACK seq=0 ack=1
        +4s    expect SYN,ACK seq=0 ack=1
        +10ms  inject RST seq=1
    ",
    );
}

/// 2.3 and 2.4 by the letter: a second at least, and the variation smoothed with each sample. The second sample of 400 ms
/// makes RTTVAR 3/4 * 200 = 150 and the time-out 400 + 600 ms.
#[test]
fn by_the_letter_the_time_out_is_a_second_at_least_2_4() {
    play_with(
        by_the_letter,
        &format!(
            "{PLAIN}
            +0ms    call write 100
            +0ms    expect PSH,ACK seq=1..101
            +1s     expect PSH,ACK seq=1..101
            +2s     expect PSH,ACK seq=1..101
            +10ms   inject ACK seq=1 ack=101
        "
        ),
    );
    play_with(
        by_the_letter,
        &format!(
            "{SLOW}
            +0ms    call write 3000
            +0ms    expect ACK seq=1..1001
            +0ms    expect ACK seq=1001..2001
            +0ms    expect PSH,ACK seq=2001..3001
            +400ms  inject ACK seq=1 ack=1001
            +1000ms expect ACK seq=1001..2001
            +10ms   inject ACK seq=1 ack=3001
        "
        ),
    );
}

/// 5.5 with RFC 9293 3.8.3 [MUST-23], by the letter: a SYN is tried for three minutes and more.
#[test]
fn by_the_letter_a_syn_is_tried_for_four_minutes_must_23() {
    play_with(
        by_the_letter,
        "
        +0ms   call connect
        +0ms   expect SYN seq=0
        +1s    expect SYN seq=0
        +2s    expect SYN seq=0
        +4s    expect SYN seq=0
        +8s    expect SYN seq=0
        +16s   expect SYN seq=0
        +32s   expect SYN seq=0
        +64s   expect SYN seq=0
        +119s  expect nothing
        +0ms   call state -> SYN_SENT
        +2s    expect nothing
        +0ms   call read -> error: connection timed out
    ",
    );
}
