//! RFC 7323: windows that are scaled, round-trip times by timestamps, and protection against numbers that have wrapped.

use crate::play::{PLAIN, TIMES, after, by_the_letter, play, play_with};

/// 2.2: the option is sent in answer to one only.
#[test]
fn windows_are_scaled_only_when_both_offer_it_2_2() {
    play_with(
        |config| config.tcp.fix_buffers(1 << 20),
        "
        +0ms   call listen
        +0ms   inject SYN seq=0 win=65535 <mss 1000>
        +0ms   expect SYN,ACK seq=0 ack=1 win=65535 <mss 1460>
        +10ms  inject ACK seq=1 ack=1 win=1000
        +0ms   call accept
        +0ms   call write 2000
        +0ms   expect ACK seq=1..1001 win=65535        # 1,000 is no more than that
        +40ms  expect nothing
    ",
    );
}

/// 2.2: the window field of a SYN is never scaled, and every other is.
#[test]
fn the_window_of_a_syn_is_not_scaled_and_all_others_are_2_2() {
    play_with(
        |config| config.tcp.fix_buffers(1 << 20),
        "
        +0ms   call connect
        +0ms   expect SYN seq=0 win=65535 <mss 1460, sackok, ts 0 0, wscale 5>
        +10ms  inject SYN,ACK seq=0 ack=1 win=1500 <mss 1000, wscale 3>
        +0ms   expect ACK seq=1 ack=1 win=32768 <>     # 1 MiB >> 5
        +0ms   call write 4000
        +0ms   expect ACK seq=1..1001                  # 1,500 and not 12,000
        +10ms  inject ACK seq=1 ack=1001 win=375       # times 8
        +0ms   expect ACK seq=1001..2001
        +0ms   expect ACK seq=2001..3001
        +0ms   expect PSH,ACK seq=3001..4001
        +10ms  inject ACK seq=1 ack=4001
    ",
    );
}

/// 2.3: a shift above 14 counts as 14.
#[test]
fn a_shift_above_14_is_taken_as_14_2_3() {
    play(
        "
        +0ms   call listen
        +0ms   inject SYN seq=0 win=65535 <mss 1460, wscale 255>
        +0ms   expect SYN,ACK seq=0 ack=1 <mss 1460, wscale 0>
        +10ms  inject ACK seq=1 ack=1 win=1            # 16,384
        +0ms   call accept
        +0ms   call write 60000
        +0ms   expect ACK seq=1..1461
        +0ms   expect ACK seq=1461..2921
        +0ms   expect ACK seq=2921..4381
        +0ms   expect ACK seq=4381..5841
        +0ms   expect PSH,ACK seq=5841..7301
        +0ms   expect ACK seq=7301..8761
        +0ms   expect ACK seq=8761..10221
        +0ms   expect ACK seq=10221..11681
        +0ms   expect ACK seq=11681..13141
        +0ms   expect PSH,ACK seq=13141..14601         # ten segments, within the window
        +10ms  inject ACK seq=1 ack=14601 win=1
        +0ms   expect ACK seq=14601..16061
        +0ms   expect ACK seq=16061..17521
        +0ms   expect ACK seq=17521..18981
        +0ms   expect ACK seq=18981..20441
        +0ms   expect ACK seq=20441..21901
        +0ms   expect ACK seq=21901..23361
        +0ms   expect ACK seq=23361..24821
        +0ms   expect ACK seq=24821..26281
        +0ms   expect ACK seq=26281..27741
        +0ms   expect PSH,ACK seq=27741..29201
        +0ms   expect ACK seq=29201..30661             # eleven: 16,060 of 16,384
        +0ms   expect nothing
    ",
    );
}

/// 2.4: the right edge does not go back for the rounding: what is offered is never more than there is.
#[test]
fn a_scaled_window_is_rounded_down_2_4() {
    play_with(
        |config| config.tcp.fix_buffers(100_000),
        "
        +0ms   call listen
        +0ms   inject SYN seq=0 win=65535 <mss 1000, wscale 7>
        +0ms   expect SYN,ACK seq=0 ack=1 win=65535 <mss 1460, wscale 1>
        +10ms  inject ACK seq=1 ack=1
        +0ms   call accept
        +0ms   inject ACK seq=1..1002 ack=1
        +0ms   inject ACK seq=1002..2003 ack=1
        +0ms   expect ACK seq=1 ack=2003 win=48999     # (100,000 - 2,002) / 2
    ",
    );
}

/// 2.4: a later window that is rounded may end an octet earlier; what was offered before is taken all the same.
#[test]
fn the_edge_stays_although_the_field_is_rounded_2_4() {
    play_with(
        |config| config.tcp.fix_buffers(100_000),
        "
        +0ms   call listen
        +0ms   inject SYN seq=0 win=65535 <mss 1000, wscale 7>
        +0ms   expect SYN,ACK seq=0 ack=1 win=65535 <mss 1460, wscale 1>
        +10ms  inject ACK seq=1 ack=1
        +0ms   call accept
        +0ms   inject ACK seq=1..1003 ack=1
        +0ms   inject ACK seq=1003..2005 ack=1
        +0ms   expect ACK seq=1 ack=2005 win=48998     # up to 100,001
        +0ms   inject ACK seq=2005..2006 ack=1
        +40ms  expect ACK seq=1 ack=2006 win=48997     # up to 100,000
        +0ms   inject ACK seq=2006..50000 ack=1
        +0ms   expect ACK seq=1 ack=50000
        +0ms   inject ACK seq=50000..100001 ack=1
        +0ms   expect ACK seq=1 ack=100001 win=0
        +0ms   call read -> 100000 bytes
        +0ms   expect ACK seq=1 ack=100001 win=50000
    ",
    );
}

/// 3.2: timestamps go with every segment once both have sent them with their SYN, and with none otherwise.
#[test]
fn timestamps_are_sent_on_every_segment_or_on_none_3_2() {
    after(
        TIMES,
        "
        +0ms   call write 100
        +0ms   expect PSH,ACK seq=1..101 ack=1 <ts 10 1010>
        +5ms   inject ACK seq=1 ack=101 win=512 <ts 1015 10>
        +0ms   inject PSH,ACK seq=1..101 ack=101 win=512 <ts 1015 10>
        +40ms  expect ACK seq=101 ack=101 <ts 55 1015>
        +0ms   inject FIN,ACK seq=101 ack=101 win=512 <ts 1055 55>
        +0ms   expect ACK seq=101 ack=102 <ts 55 1055>
        +0ms   call read -> 100 bytes
        +0ms   call close
        +0ms   expect FIN,ACK seq=101 ack=102 <ts 55 1055>
        +5ms   inject ACK seq=102 ack=102 win=512 <ts 1060 55>
    ",
    );
    after(
        PLAIN,
        "
        +0ms   inject PSH,ACK seq=1..101 ack=1 <ts 5 0>
        +40ms  expect ACK seq=1 ack=101 <>
    ",
    );
}

/// 3.2: a segment without the option on a connection that has agreed on it is dropped, by the letter; Linux takes it. Resets
/// are exempt in any case.
#[test]
fn a_segment_without_a_timestamp_is_dropped_3_2() {
    let text = "
        +0ms   inject PSH,ACK seq=1..101 ack=1 win=512";
    let reset = "
        +0ms   inject RST seq=1
        +0ms   call read -> error: connection reset by peer";
    let silence = "
        +1s    expect nothing
        +0ms   call read -> nothing";
    play_with(by_the_letter, &format!("{TIMES}{text}{silence}{reset}"));
    after(TIMES, &format!("{text}\n+0ms call read -> 100 bytes\n+40ms expect ACK ack=101"));
}

/// 4.3 case A: with delayed acknowledgments the echo is that of the first segment that was not acknowledged.
#[test]
fn a_delayed_acknowledgment_echoes_the_first_segment_4_3() {
    after(
        TIMES,
        "
        +0ms   inject ACK seq=1..1001 ack=1 win=512 <ts 1020 0>
        +5ms   inject ACK seq=1001..2001 ack=1 win=512 <ts 1025 0>
        +0ms   expect ACK seq=1 ack=2001 <ts 15 1020>
        +0ms   inject ACK seq=2001..3001 ack=1 win=512 <ts 1030 0>
        +0ms   inject ACK seq=3001..4001 ack=1 win=512 <ts 1031 0>
        +0ms   expect ACK seq=1 ack=4001 <ts 15 1030>
    ",
    );
}

/// 4.3 case B: what is acknowledged for a segment out of order echoes the last one that was in order.
#[test]
fn what_is_out_of_order_echoes_what_was_in_order_4_3() {
    after(
        TIMES,
        "
        +0ms   inject ACK seq=1..1001 ack=1 win=512 <ts 1020 0>
        +40ms  expect ACK seq=1 ack=1001 <ts 50 1020>
        +0ms   inject ACK seq=2001..3001 ack=1 win=512 <ts 1100 0>
        +0ms   expect ACK seq=1 ack=1001 <ts 50 1020, sack 2001..3001>
        +0ms   inject ACK seq=3001..4001 ack=1 win=512 <ts 1101 0>
        +0ms   expect ACK seq=1 ack=1001 <ts 50 1020, sack 2001..4001>
    ",
    );
}

/// 4.3 case C: a segment that fills a gap is the one that the sender waited for, and its timestamp is echoed.
#[test]
fn what_fills_a_gap_is_echoed_4_3() {
    after(
        TIMES,
        "
        +0ms   inject ACK seq=1001..2001 ack=1 win=512 <ts 1021 0>
        +0ms   expect ACK seq=1 ack=1 <ts 10 1010, sack 1001..2001>
        +5ms   inject ACK seq=1..1001 ack=1 win=512 <ts 1040 0>
        +0ms   expect ACK seq=1 ack=2001 <ts 15 1040>
    ",
    );
}

/// 5.3 R1: an older timestamp on a segment that would otherwise be good.
#[test]
fn an_older_timestamp_is_dropped_and_acknowledged_5_3() {
    after(
        TIMES,
        "
        +0ms   inject PSH,ACK seq=1..101 ack=1 win=512 <ts 1009 0>
        +0ms   expect ACK seq=1 ack=1 <ts 10 1010>
        +0ms   call read -> nothing
        +0ms   inject PSH,ACK seq=1..101 ack=1 win=512 <ts 1010 0>   # the same is not older
        +40ms  expect ACK seq=1 ack=101 <ts 50 1010>
        +0ms   call read -> 100 bytes
    ",
    );
}

/// 5.3 and 5.2: clocks wrap, and the comparison knows it.
#[test]
fn timestamps_may_wrap_5_2() {
    play(
        "
        +0ms   call listen
        +0ms   inject SYN seq=0 win=65535 <mss 1012, ts 4294967290 0>
        +0ms   expect SYN,ACK seq=0 ack=1 <mss 1460, ts 0 4294967290>
        +10ms  inject ACK seq=1 ack=1 <ts 4 0>
        +0ms   call accept
        +0ms   inject PSH,ACK seq=1..101 ack=1 <ts 5 0>
        +40ms  expect ACK seq=1 ack=101 <ts 50 5>
        +0ms   inject PSH,ACK seq=101..201 ack=1 <ts 4294967295 0>   # that was before the wrap
        +0ms   expect ACK seq=1 ack=101 <ts 50 5>
        +0ms   call read -> 100 bytes
        +0ms   call read -> nothing
    ",
    );
}

/// 5.2: a reset is not judged by its timestamp.
#[test]
fn resets_are_exempt_from_paws_5_2() {
    after(
        TIMES,
        "
        +0ms   inject RST seq=1 <ts 1 0>
        +0ms   call read -> error: connection reset by peer
    ",
    );
}

/// 5.5: after 24 days a timestamp proves nothing, for the clock may have wrapped in between.
#[test]
fn after_24_days_of_silence_any_timestamp_is_good_5_5() {
    let silence = |seconds: u64, rest: &str| {
        let late = "inject PSH,ACK seq=1..101 ack=1 win=512 <ts 900 0>";
        play(&format!("{TIMES}+{seconds}s {late}\n{rest}"));
    };
    silence(23 * 24 * 3600, "+0ms expect ACK seq=1 ack=1 <ts 1987200010 1010>");
    silence(25 * 24 * 3600, "+40ms expect ACK seq=1 ack=101 <ts 2160000050 900>");
}

/// 4.3 with RFC 5961 5.2: a segment whose acknowledgment is impossible does not change what is echoed.
#[test]
fn a_segment_that_acknowledges_the_future_does_not_set_the_echo_4_3() {
    after(
        TIMES,
        "
        +0ms   inject ACK seq=1 ack=5000 win=512 <ts 9000 0>
        +0ms   expect ACK seq=1 ack=1 <ts 10 1010>
        +0ms   inject PSH,ACK seq=1..101 ack=1 win=512 <ts 1015 0>    # older than 9000, but that was never taken
        +40ms  expect ACK seq=1 ack=101 <ts 50 1015>
    ",
    );
}

/// 4.1: after a retransmission the echo tells which copy was answered, so there is a sample where Karn had none: a
/// round trip of 300 ms makes the smoothed one 10 * 7/8 + 300/8 = 46.25 ms.
#[test]
fn an_echo_gives_a_sample_after_a_retransmission_4_1() {
    after(
        TIMES,
        "
        +0ms   call write 2000
        +0ms   expect ACK seq=1..1001 <ts 10 1010>
        +0ms   expect PSH,ACK seq=1001..2001 <ts 10 1010>
        +22ms  expect PSH,ACK seq=1001..2001 <ts 32 1010>            # a probe, for the tail may be lost
        +210ms expect ACK seq=1..1001 <ts 242 1010>
        +300ms inject ACK seq=1 ack=2001 win=512 <ts 1552 242>
        +0ms   call write 1000
        +0ms   expect PSH,ACK seq=2001..3001 <ts 542 1552>
        +96250us expect PSH,ACK seq=2001..3001                       # the probe: SRTT and 50 ms
        +1ms   inject ACK seq=1 ack=3001 win=512 <ts 1700 638>
    ",
    );
}

/// A.2 (RFC 6691 3): options take room from the text, and the segment size does not say so.
#[test]
fn options_make_segments_smaller_appendix_a() {
    play(
        "
        +0ms   call listen
        +0ms   inject SYN seq=0 win=65535 <mss 1000, ts 1000 0>
        +0ms   expect SYN,ACK seq=0 ack=1 <mss 1460, ts 0 1000>
        +10ms  inject ACK seq=1 ack=1 <ts 1010 0>
        +0ms   call accept
        +0ms   call write 1976
        +0ms   expect ACK seq=1..989
        +0ms   expect PSH,ACK seq=989..1977
    ",
    );
}
