//! RFC 9293: what the matrix of states and segments (`src/stack/tests/matrix`) does not show, requirement by requirement.

use glasstcp::tcp::{IpSettings, Keepalive};
use glasstcp::time::Duration;

use crate::play::{PLAIN, SACK, after, play, play_with, segments};

/// 3.8.6 [MUST-1]: windows of 32,768 bytes and more are not negative.
#[test]
fn windows_are_unsigned_must_1() {
    for window in [32_768, 65_535] {
        after(
            PLAIN,
            &format!(
                "
                +0ms   inject ACK seq=1 ack=1 win={window}
                +0ms   call write 1000
                +0ms   expect PSH,ACK seq=1..1001
                +10ms  inject ACK seq=1 ack=1001
            "
            ),
        );
    }
}

/// 3.1 [MUST-5, MUST-6]: options may come in any segment, and those that are not known, or not expected, change nothing.
#[test]
fn options_in_any_segment_are_skipped_must_5_must_6() {
    for options in [
        "mss 100",
        "wscale 9",
        "sackok",
        "ts 5 5",
        "raw fd06f9891234",                                 // an experiment
        "raw 4403ff",                                       // unknown, of an odd length
        "raw 13120000000000000000000000000000000000000000", // a signature
        "raw 010101010101010101",
        "raw 00ffffffffffff", // an end, and something after it
    ] {
        after(
            PLAIN,
            &format!(
                "
                +0ms   inject PSH,ACK seq=1..101 ack=1 <{options}>
                +0ms   call read -> 100 bytes
                +0ms   call write 3000
                +0ms   expect ACK seq=1..1001 ack=101 <>
                +0ms   expect ACK seq=1001..2001 <>
                +0ms   expect PSH,ACK seq=2001..3001 <>
                +10ms  inject ACK seq=101 ack=3001 win=50000 <{options}>
                +0ms   call write 100
                +0ms   expect PSH,ACK seq=3001..3101
                +10ms  inject FIN,ACK seq=101 ack=3101 <{options}>
                +0ms   expect ACK seq=3101 ack=102
            "
            ),
        );
    }
}

/// 3.1 [MUST-7]: a length that cannot be ends the options and not the segment; [MUST-64] values may lie anywhere.
#[test]
fn lengths_that_cannot_be_are_survived_must_7_must_64() {
    for options in
        ["raw fd00", "raw fd01", "raw fdff", "raw 0200", "raw 0203ff", "raw fd", "raw 050a"]
    {
        after(
            PLAIN,
            &format!(
                "
                +0ms   inject PSH,ACK seq=1..101 ack=1 <{options}>
                +0ms   call read -> 100 bytes
                +40ms  expect ACK seq=1 ack=101
            "
            ),
        );
    }
    // A segment size after one NOP, and after a length that makes no sense.
    for (options, size) in
        [("raw 01020401f4", 500), ("raw 4403ff020401f4", 500), ("raw fd01020401f4", 536)]
    {
        play(&format!(
            "
            +0ms   call listen
            +0ms   inject SYN seq=0 win=65535 <{options}>
            +0ms   expect SYN,ACK seq=0 ack=1
            +10ms  inject ACK seq=1 ack=1
            +0ms   call accept
            +0ms   call write {}
            +0ms   expect ACK seq=1..{}
            +0ms   expect PSH,ACK
            +0ms   inject RST seq=1
        ",
            size + 1,
            size + 1
        ));
    }
}

/// 3.7.1 [MUST-15]: a peer that names no size is sent 536 bytes at most. [MUST-14, MUST-65]: ours goes with the SYN alone.
#[test]
fn without_an_option_segments_have_536_bytes_must_15() {
    play(
        "
        +0ms   call listen
        +0ms   inject SYN seq=0 win=65535
        +0ms   expect SYN,ACK seq=0 ack=1 <mss 1460>
        +10ms  inject ACK seq=1 ack=1
        +0ms   call accept
        +0ms   call write 1000
        +0ms   expect ACK seq=1..537 <>
        +0ms   expect PSH,ACK seq=537..1001 <>
        +10ms  inject ACK seq=1 ack=1001
    ",
    );
}

/// 3.7.1 [MUST-16]: the smaller of what the peer takes and what our link takes, less options.
#[test]
fn segments_are_as_large_as_both_ends_take_must_16() {
    for (mtu, peer, size) in
        [(1500, 9000, 1460), (1500, 700, 700), (600, 9000, 560), (9000, 8960, 8960)]
    {
        play_with(
            |config| config.mtu = mtu,
            &format!(
                "
                +0ms   call listen
                +0ms   inject SYN seq=0 win=65535 <mss {peer}>
                +0ms   expect SYN,ACK seq=0 ack=1
                +10ms  inject ACK seq=1 ack=1
                +0ms   call accept
                +0ms   call write {}
                +0ms   expect ACK seq=1..{}
                +0ms   expect PSH,ACK
                +10ms  inject RST seq=1
            ",
                size + 1,
                size + 1
            ),
        );
    }
}

/// 3.7.1 [MUST-67, SHLD-6, MAY-3]: what we announce is what our link takes, less both headers, and it is always announced.
#[test]
fn the_size_announced_is_that_of_the_link_must_67() {
    for (mtu, size) in [(1500, 1460), (576, 536), (68, 28), (9000, 8960)] {
        play_with(
            |config| config.mtu = mtu,
            &format!(
                "
                +0ms   call connect
                +0ms   expect SYN seq=0 <mss {size}, ...>
            "
            ),
        );
    }
}

/// 3.5 [MUST-10], figure 7: both open at once, and it is one connection.
#[test]
fn both_may_open_at_once_must_10() {
    play_with(
        |config| config.tcp.timestamps = false,
        "
        +0ms   call connect
        +0ms   expect SYN seq=0
        +5ms   inject SYN seq=0 win=65535 <mss 1000>
        +0ms   expect SYN,ACK seq=0 ack=1
        +0ms   call state -> SYN_RCVD
        +5ms   inject SYN,ACK seq=0 ack=1 win=65535 <mss 1000>
        +0ms   call state -> ESTABLISHED
        +0ms   call write 100
        +0ms   expect PSH,ACK seq=1..101 ack=1
        +10ms  inject PSH,ACK seq=1..11 ack=101
        +0ms   call read -> 10 bytes
        +40ms  expect ACK seq=101 ack=11
    ",
    );
}

/// 3.5 [MUST-11]: a reset in SYN-RECEIVED refuses who has opened, and leaves a listener as it was.
#[test]
fn syn_received_remembers_who_opened_must_11() {
    play_with(
        |config| config.tcp.timestamps = false,
        "
        +0ms   call connect
        +0ms   expect SYN seq=0
        +5ms   inject SYN seq=0 win=65535 <mss 1000>
        +0ms   expect SYN,ACK seq=0 ack=1
        +5ms   inject RST seq=1
        +0ms   call read -> error: connection refused
    ",
    );
    play(
        "
        +0ms   call listen
        +0ms   inject SYN seq=0 win=65535 <mss 1000>
        +0ms   expect SYN,ACK seq=0 ack=1
        +5ms   inject RST seq=1
        +0ms   call accept -> nothing
        +1s    inject SYN seq=0 win=65535 <mss 1000>
        +0ms   expect SYN,ACK ack=1
        +10ms  inject RST seq=1
    ",
    );
}

/// 3.6 [MUST-12]: the end of the stream is not the same as a reset.
#[test]
fn an_end_is_told_from_an_abort_must_12() {
    after(
        PLAIN,
        "
        +0ms   inject FIN,PSH,ACK seq=1..11 ack=1
        +0ms   expect ACK seq=1 ack=12
        +0ms   call read -> 10 bytes
        +0ms   call read -> end
        +0ms   call state -> CLOSE_WAIT
    ",
    );
    after(
        PLAIN,
        "
        +0ms   inject PSH,ACK seq=1..11 ack=1
        +0ms   inject RST seq=11
        +0ms   call read -> 10 bytes
        +0ms   call read -> error: connection reset by peer
    ",
    );
}

/// 3.5.3 [SHLD-2]: a reset may have text.
#[test]
fn a_reset_may_have_text_shld_2() {
    after(
        PLAIN,
        "
        +0ms   inject RST seq=1..41
        +0ms   call read -> error: connection reset by peer
    ",
    );
}

/// 3.7.4 [SHLD-7, MUST-17]: a small segment waits while one is not acknowledged, unless the application will not have it.
#[test]
fn small_segments_wait_unless_told_not_to_shld_7_must_17() {
    let writes = "
        +0ms   call write 10
        +0ms   expect PSH,ACK seq=1..11
        +1ms   call write 10";
    after(
        PLAIN,
        &format!(
            "{writes}
            +1ms   call write 10
            +8ms   inject ACK seq=1 ack=11
            +0ms   expect PSH,ACK seq=11..31
            +10ms  inject ACK seq=1 ack=31
        "
        ),
    );
    play_with(
        |config| config.tcp.nodelay = true,
        &format!(
            "{PLAIN}{writes}
            +0ms   expect PSH,ACK seq=11..21
            +10ms  inject ACK seq=1 ack=21
        "
        ),
    );
}

/// 3.9.1.2 [MUST-60, MUST-61, SHLD-27, SHLD-28]: what is written while nothing may go is sent in segments as large as may
/// be, with one PSH where the writes end, and at once when it may.
#[test]
fn what_waits_goes_in_full_segments_with_one_push_must_61() {
    after(
        PLAIN,
        "
        +0ms   inject ACK seq=1 ack=1 win=0
        +0ms   call write 300
        +0ms   call write 400
        +0ms   call write 1500
        +0ms   call write 50
        +1ms   inject ACK seq=1 ack=1 win=65535
        +0ms   expect ACK seq=1..1001
        +0ms   expect ACK seq=1001..2001
        +0ms   expect PSH,ACK seq=2001..2251
        +10ms  inject ACK seq=1 ack=2251
    ",
    );
}

/// 3.9.1.2 [MAY-15]: an application can say that more is to come, and then what it has written waits.
#[test]
fn an_application_can_say_that_more_is_to_come_may_15() {
    after(
        PLAIN,
        "
        +0ms   call write 300 more
        +10ms  expect nothing
        +0ms   call write 200
        +0ms   expect PSH,ACK seq=1..501
        +10ms  inject ACK seq=1 ack=501
    ",
    );
}

/// 3.8.6 [SHLD-14]: a reader that does not read takes the window away from the left, and never from the right.
#[test]
fn the_right_edge_never_goes_back_shld_14() {
    after(
        PLAIN,
        "
        +0ms   inject ACK seq=1..1001 ack=1
        +40ms  expect ACK seq=1 ack=1001 win=59000
        +0ms   inject ACK seq=2001..3001 ack=1
        +0ms   expect ACK seq=1 ack=1001 win=59000
        +0ms   inject ACK seq=1001..2001 ack=1
        +0ms   expect ACK seq=1 ack=3001 win=57000
        +0ms   call read -> 3000 bytes
        +0ms   inject ACK seq=3001..4001 ack=1
        +0ms   inject ACK seq=4001..5001 ack=1
        +0ms   expect ACK seq=1 ack=5001 win=58000
    ",
    );
}

/// 3.8.6 [MUST-34, SHLD-15 to SHLD-17, MAY-7]: a window that shrinks lets nothing new out, but what was sent goes again,
/// within it and beyond, and is no reason to give up while the peer answers.
#[test]
fn a_window_that_shrinks_is_survived_must_34() {
    play_with(
        |config| config.tcp.retransmission_limit = 3,
        &format!(
            "{PLAIN}
            +0ms   call write 3000
            +0ms   expect ACK seq=1..1001
            +0ms   expect ACK seq=1001..2001
            +0ms   expect PSH,ACK seq=2001..3001
            +10ms  inject ACK seq=1 ack=1001 win=1200        # 800 of it are beyond
            +0ms   call write 1000
            +210ms expect ACK seq=1001..2001
            +10ms  inject ACK seq=1 ack=2001 win=0           # and now all of it
            +0ms   expect PSH,ACK seq=2001..3001
            +10ms  inject ACK seq=1 ack=2001 win=0
            +200ms..+420ms expect PSH,ACK seq=2001..3001
            +10ms  inject ACK seq=1 ack=2001 win=0
            +400ms..+840ms expect PSH,ACK seq=2001..3001
            +10ms  inject ACK seq=1 ack=2001 win=0
            +800ms..+1680ms expect PSH,ACK seq=2001..3001
            +10ms  inject ACK seq=1 ack=2001 win=0
            +1600ms..+3400ms expect PSH,ACK seq=2001..3001
            +10ms  inject ACK seq=1 ack=2001 win=0
            +3200ms..+7s expect PSH,ACK seq=2001..3001
            +10ms  inject ACK seq=1 ack=3001 win=1000
            +0ms   expect PSH,ACK seq=3001..4001
            +10ms  inject ACK seq=1 ack=4001 win=1000
        "
        ),
    );
}

/// 3.8.6.1 [MUST-35 to MUST-37, SHLD-29, SHLD-30]: a closed window is probed after a time-out, less and less often, and for
/// as long as the peer answers.
#[test]
fn a_closed_window_is_probed_must_36() {
    play_with(
        |config| config.tcp.retransmission_limit = 2,
        &format!(
            "{PLAIN}
            +0ms   inject ACK seq=1 ack=1 win=0
            +0ms   call write 100
            +210ms expect ACK seq=0 ack=1
            +1ms   inject ACK seq=1 ack=1 win=0
            +419ms expect ACK seq=0 ack=1
            +1ms   inject ACK seq=1 ack=1 win=0
            +839ms expect ACK seq=0 ack=1
            +1ms   inject ACK seq=1 ack=1 win=0
            +1679ms expect ACK seq=0 ack=1
            +1ms   inject ACK seq=1 ack=1 win=0
            +3359ms expect ACK seq=0 ack=1                   # more than the limit of two
            +1ms   inject ACK seq=1 ack=1 win=1000
            +0ms   expect PSH,ACK seq=1..101
            +10ms  inject ACK seq=1 ack=101
        "
        ),
    );
    // And no longer.
    play_with(
        |config| config.tcp.retransmission_limit = 2,
        &format!(
            "{PLAIN}
            +0ms   inject ACK seq=1 ack=1 win=0
            +0ms   call write 100
            +210ms expect ACK seq=0 ack=1
            +420ms expect ACK seq=0 ack=1
            +840ms expect RST,ACK seq=1 ack=1
            +0ms   call write 1 -> error: connection timed out
        "
        ),
    );
}

/// 3.8.6.1 [MAY-8]: a reader may keep its window closed for as long as it likes, and answers probes.
#[test]
fn a_closed_window_answers_probes_may_8() {
    after(
        PLAIN,
        "
        +0ms   inject ACK seq=1..30001 ack=1
        +0ms   expect ACK seq=1 ack=30001
        +0ms   inject PSH,ACK seq=30001..60001 ack=1
        +0ms   expect ACK seq=1 ack=60001 win=0
        +100s  inject ACK seq=60001..60002 ack=1
        +0ms   expect ACK seq=1 ack=60001 win=0
        +100s  inject ACK seq=60000 ack=1
        +0ms   expect ACK seq=1 ack=60001 win=0
        +3600s inject ACK seq=60001..60002 ack=1
        +0ms   expect ACK seq=1 ack=60001 win=0
        +0ms   call read -> 60000 bytes
        +0ms   expect ACK seq=1 ack=60001 win=60000
    ",
    );
}

/// 3.8.6 [MUST-66] and 3.10.7.4: a closed window takes acknowledgments and resets.
#[test]
fn a_closed_window_takes_acknowledgments_and_resets_must_66() {
    after(
        PLAIN,
        "
        +0ms   inject ACK seq=1..30001 ack=1
        +0ms   expect ACK seq=1 ack=30001
        +0ms   inject PSH,ACK seq=30001..60001 ack=1
        +0ms   expect ACK seq=1 ack=60001 win=0
        +0ms   call write 100
        +0ms   expect PSH,ACK seq=1..101 ack=60001 win=0
        +10ms  inject ACK seq=60001 ack=101
        +1s    expect nothing
        +0ms   inject RST seq=60001
        +0ms   call state -> CLOSED
    ",
    );
}

/// 3.10.7.4 [SHLD-31, MAY-13]: what comes too early waits, is acknowledged at once, and is there when the gap is filled.
#[test]
fn segments_out_of_order_wait_shld_31() {
    after(
        PLAIN,
        "
        +0ms   inject ACK seq=201..301 ack=1
        +0ms   expect ACK seq=1 ack=1
        +0ms   inject ACK seq=101..201 ack=1
        +0ms   expect ACK seq=1 ack=1
        +0ms   call read -> nothing
        +0ms   inject ACK seq=1..101 ack=1
        +0ms   expect ACK seq=1 ack=301                      # [MUST-59]: all of it at once
        +0ms   call read -> 300 bytes
    ",
    );
}

/// A connection that is probed when it is idle.
fn probed(rest: &str) {
    let times =
        Keepalive { idle: Duration::from_secs(10), interval: Duration::from_secs(3), count: 2 };
    play_with(|config| config.tcp.keepalive = Some(times), &format!("{PLAIN}{rest}"));
}

/// 3.8.4 [MUST-24 to MUST-29, SHLD-12]: probes without text after silence alone, and an end only after several without an
/// answer; by default there are none.
#[test]
fn an_idle_connection_is_probed_if_it_is_asked_for_must_24() {
    probed(
        "
        +10s   expect ACK seq=0 ack=1 <>
        +10ms  inject ACK seq=1 ack=1                        # it lives
        +10s   expect ACK seq=0 ack=1
        +3s    expect ACK seq=0 ack=1                        # one answer may be lost
        +10ms  inject ACK seq=1 ack=1
        +5s    inject PSH,ACK seq=1..101 ack=1               # it is not idle
        +40ms  expect ACK seq=1 ack=101
        +9960ms expect ACK seq=0 ack=101
        +3s    expect ACK seq=0 ack=101
        +3s    expect RST,ACK seq=1 ack=101
        +0ms   call read -> 100 bytes
        +0ms   call read -> error: connection timed out
    ",
    );
    after(PLAIN, "+100000s expect nothing");
}

/// 3.8.4: probes of others are answered, with their octet of garbage or without.
#[test]
fn probes_of_the_peer_are_answered_3_8_4() {
    after(
        PLAIN,
        "
        +0ms   inject PSH,ACK seq=1..101 ack=1
        +40ms  expect ACK seq=1 ack=101
        +60s   inject ACK seq=100 ack=1
        +0ms   expect ACK seq=1 ack=101
        +60s   inject ACK seq=100..101 ack=1
        +0ms   expect ACK seq=1 ack=101
        +0ms   call read -> 100 bytes
    ",
    );
}

/// 3.5.2 group 1: a reset for what nobody knows looks like one of the connection that the peer believes in.
#[test]
fn what_nobody_knows_is_reset_with_the_right_numbers_3_5_2() {
    after(
        PLAIN,
        "
        +0ms   call abort
        +0ms   expect RST,ACK seq=1 ack=1
        +0ms   inject PSH,ACK seq=1..11 ack=1
        +0ms   expect RST seq=1
        +0ms   inject FIN seq=100                            # of no connection, and no way to open one
        +0ms   expect nothing
    ",
    );
}

/// 3.10.7.4 fifth: SND.WL1 and SND.WL2 keep an older segment from changing the window.
#[test]
fn an_older_segment_does_not_change_the_window_3_10_7_4() {
    after(
        PLAIN,
        "
        +0ms   inject ACK seq=1..1001 ack=1 win=0
        +40ms  expect ACK seq=1 ack=1001
        +0ms   inject ACK seq=1 ack=1 win=65535              # from before
        +0ms   expect ACK seq=1 ack=1001
        +0ms   call write 1000
        +100ms expect nothing
        +0ms   inject ACK seq=1001 ack=1 win=65535
        +0ms   expect PSH,ACK seq=1..1001
        +10ms  inject ACK seq=1001 ack=1001
    ",
    );
}

/// 3.9.1.9, 3.9.2 [MUST-48, MUST-49, SHLD-22]: the application chooses what the IP headers say, from the SYN-ACK to what
/// TIME-WAIT sends.
#[test]
fn the_application_chooses_ttl_and_dscp_must_48_must_49() {
    play_with(
        |config| config.tcp.ip = IpSettings { ttl: 255, dscp: 46 },
        "
        +0ms   call listen
        +0ms   inject SYN seq=0 win=65535 <mss 1000>
        +0ms   expect SYN,ACK seq=0 ack=1 ttl=255 dscp=46
        +0ms   inject RST seq=5
        +0ms   expect ACK seq=1 ack=1 ttl=255 dscp=46
        +10ms  inject ACK seq=1 ack=1
        +0ms   call accept
        +0ms   call write 2000
        +0ms   expect ACK seq=1..1001 ttl=255 dscp=46
        +0ms   expect PSH,ACK seq=1001..2001 ttl=255 dscp=46
        +10ms  inject ACK seq=1 ack=2001 dscp=8
        +0ms   call shutdown
        +0ms   expect FIN,ACK seq=2001 ttl=255 dscp=46
        +10ms  inject FIN,ACK seq=1 ack=2002
        +0ms   expect ACK seq=2002 ack=2 ttl=255 dscp=46
        +1s    inject FIN,ACK seq=1 ack=2002
        +0ms   expect ACK seq=2002 ack=2 ttl=255 dscp=46
    ",
    );
    // [SHLD-21]: while the connection is open, too.
    after(
        PLAIN,
        "
        +0ms   call write 1
        +0ms   expect PSH,ACK seq=1..2 ttl=64 dscp=0
        +10ms  inject ACK seq=1 ack=2
        +0ms   call dscp 8
        +0ms   call write 1
        +0ms   expect PSH,ACK seq=2..3 ttl=64 dscp=8
        +10ms  inject ACK seq=1 ack=3
    ",
    );
}

/// 3.6 figure 12 and 13, 3.10.7.4 eighth: closes, one after the other and both at once.
#[test]
fn closes_end_where_the_figures_say_3_6() {
    after(
        PLAIN,
        "
        +0ms   call shutdown
        +0ms   expect FIN,ACK seq=1 ack=1
        +0ms   call state -> FIN_WAIT_1
        +10ms  inject ACK seq=1 ack=2
        +0ms   call state -> FIN_WAIT_2
        +10ms  inject FIN,ACK seq=1 ack=2
        +0ms   expect ACK seq=2 ack=2
        +0ms   call state -> TIME_WAIT
    ",
    );
    after(
        PLAIN,
        "
        +0ms   call shutdown
        +0ms   expect FIN,ACK seq=1 ack=1
        +5ms   inject FIN,ACK seq=1 ack=1
        +0ms   expect ACK seq=2 ack=2
        +0ms   call state -> CLOSING
        +5ms   inject ACK seq=2 ack=2
        +0ms   call state -> TIME_WAIT
    ",
    );
    after(
        PLAIN,
        "
        +0ms   inject FIN,ACK seq=1 ack=1
        +0ms   expect ACK seq=1 ack=2
        +0ms   call shutdown
        +0ms   expect FIN,ACK seq=1 ack=2
        +0ms   call state -> LAST_ACK
        +10ms  inject ACK seq=2 ack=2
        +0ms   call state -> CLOSED
    ",
    );
}

/// 3.8.2 [MUST-19]: slow start, congestion avoidance and backoff are there, whatever SACK says.
#[test]
fn a_window_limits_what_is_sent_must_19() {
    let (first, second) = (segments(0, 5), segments(5, 5));
    after(
        SACK,
        &format!(
            "+0ms call write 20000
            {first}{second}
            +0ms   expect nothing
            +10ms  inject RST seq=1
        "
        ),
    );
}
