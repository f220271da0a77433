//! RFC 1122 4.2: what RFC 9293 has taken over from it, where it says more.

use glasstcp::time::Duration;

use crate::play::{PLAIN, after, play, play_with};

/// 4.2.2.13: closing with text that nobody has read, or for which nobody is left, is a reset.
#[test]
fn closing_over_unread_text_resets_4_2_2_13() {
    after(
        PLAIN,
        "
        +0ms   inject PSH,ACK seq=1..101 ack=1
        +0ms   call close
        +0ms   expect RST,ACK seq=1 ack=101
        +10s   expect nothing
    ",
    );
    after(
        PLAIN,
        "
        +0ms   call close
        +0ms   expect FIN,ACK seq=1 ack=1
        +10ms  inject PSH,ACK seq=1..101 ack=2
        +0ms   expect RST,ACK seq=2
        +10s   expect nothing
    ",
    );
}

/// 4.2.2.13: a half-duplex close is still that of one direction only.
#[test]
fn a_half_close_leaves_the_other_half_open_4_2_2_13() {
    after(
        PLAIN,
        "
        +0ms   call shutdown
        +0ms   expect FIN,ACK seq=1 ack=1
        +10ms  inject ACK seq=1 ack=2
        +1s    inject PSH,ACK seq=1..101 ack=2
        +0ms   call read -> 100 bytes
        +40ms  expect ACK seq=2 ack=101
        +0ms   call write 1 -> error: broken pipe: the sending half is closed
        +0ms   inject FIN,ACK seq=101 ack=2
        +0ms   expect ACK seq=2 ack=102
        +0ms   call read -> end
        +0ms   call state -> TIME_WAIT
    ",
    );
}

/// 4.2.2.13: TIME-WAIT answers the peer's FIN, should it come again, and waits anew; afterwards nobody is there.
#[test]
fn time_wait_lasts_for_two_segment_lifetimes_4_2_2_13() {
    after(
        PLAIN,
        "
        +0ms   call shutdown
        +0ms   expect FIN,ACK seq=1 ack=1
        +10ms  inject FIN,ACK seq=1 ack=2
        +0ms   expect ACK seq=2 ack=2
        +0ms   call close
        +59s   inject FIN,ACK seq=1 ack=2
        +0ms   expect ACK seq=2 ack=2
        +59s   inject FIN,ACK seq=1 ack=2
        +0ms   expect ACK seq=2 ack=2
        +61s   inject FIN,ACK seq=1 ack=2
        +0ms   expect RST seq=2
    ",
    );
}

/// 4.2.2.13, RFC 1337: a reset does not cut TIME-WAIT short.
#[test]
fn a_reset_does_not_end_time_wait_1337() {
    after(
        PLAIN,
        "
        +0ms   call shutdown
        +0ms   expect FIN,ACK seq=1 ack=1
        +10ms  inject FIN,ACK seq=1 ack=2
        +0ms   expect ACK seq=2 ack=2
        +0ms   inject RST seq=2
        +1s    inject FIN,ACK seq=1 ack=2
        +0ms   expect ACK seq=2 ack=2
    ",
    );
}

/// 4.2.2.13: a SYN with a number beyond the old ones opens a new connection, with numbers of ours beyond the old ones.
#[test]
fn a_later_syn_ends_time_wait_4_2_2_13() {
    after(
        PLAIN,
        "
        +0ms   call shutdown
        +0ms   expect FIN,ACK seq=1 ack=1
        +10ms  inject FIN,ACK seq=1 ack=2
        +0ms   expect ACK seq=2 ack=2
        +1s    inject SYN seq=1 win=65535 <mss 1000>
        +0ms   expect ACK seq=2 ack=2                        # not after, so it is old
        +1s    inject SYN seq=100 win=65535 <mss 1000>
        +0ms   expect SYN,ACK ack=101
        +10ms  inject RST seq=101
    ",
    );
}

/// 4.2.3.2: an acknowledgment waits for less than half a second, and for the second full-sized segment at most.
#[test]
fn acknowledgments_are_delayed_4_2_3_2() {
    after(
        PLAIN,
        "
        +0ms   inject ACK seq=1..1001 ack=1
        +40ms  expect ACK seq=1 ack=1001
        +0ms   inject ACK seq=1001..2001 ack=1
        +10ms  inject ACK seq=2001..3001 ack=1
        +0ms   expect ACK seq=1 ack=3001
        +0ms   inject ACK seq=3001..4001 ack=1
        +0ms   inject ACK seq=4001..5001 ack=1
        +0ms   expect ACK seq=1 ack=5001
        +1s    expect nothing
    ",
    );
}

/// 4.2.3.3: the window is told of anew only when it has grown by a segment, or by half of the buffer.
#[test]
fn a_window_opens_by_whole_segments_4_2_3_3() {
    play_with(
        |config| config.tcp.fix_buffers(4000),
        "
        +0ms   call listen
        +0ms   inject SYN seq=0 win=65535 <mss 1000>
        +0ms   expect SYN,ACK seq=0 ack=1 win=4000
        +10ms  inject ACK seq=1 ack=1
        +0ms   call accept
        +0ms   inject ACK seq=1..2001 ack=1
        +0ms   expect ACK seq=1 ack=2001 win=2000
        +0ms   inject PSH,ACK seq=2001..4001 ack=1
        +0ms   expect ACK seq=1 ack=4001 win=0
        +0ms   call read 1000
        +0ms   call read 459
        +1s    expect nothing                                # 1,459 bytes of room
        +0ms   call read 1
        +0ms   expect ACK seq=1 ack=4001 win=1460
        +0ms   call read 1460
        +0ms   expect ACK seq=1 ack=4001 win=2920
        +0ms   call read 500
        +1s    expect nothing
    ",
    );
}

/// 4.2.3.4: a sender does not fill what little window there is with a small segment, unless nothing larger would ever fit;
/// and does after a while, should the peer never say more.
#[test]
fn a_sender_waits_for_a_window_worth_filling_4_2_3_4() {
    after(
        PLAIN,
        "
        +0ms   inject ACK seq=1 ack=1 win=300                # it was 65,535
        +0ms   call write 3000
        +100ms..+1s expect ACK seq=1..301                    # the override of 4.2.3.4
        +10ms  inject ACK seq=1 ack=301 win=1000
        +0ms   expect ACK seq=301..1301                      # a whole segment
        +10ms  inject ACK seq=1 ack=1301 win=65535
        +0ms   expect ACK seq=1301..2301
        +0ms   expect PSH,ACK seq=2301..3001
        +10ms  inject ACK seq=1 ack=3001
    ",
    );
    // Of a peer whose window was never larger, half of it is worth filling.
    play(
        "
        +0ms   call listen
        +0ms   inject SYN seq=0 win=400 <mss 1000>
        +0ms   expect SYN,ACK seq=0 ack=1
        +10ms  inject ACK seq=1 ack=1 win=400
        +0ms   call accept
        +0ms   call write 1000
        +0ms   expect ACK seq=1..401
        +10ms  inject ACK seq=1 ack=401 win=100
        +0ms   expect nothing
        +10ms  inject ACK seq=1 ack=401 win=200
        +0ms   expect ACK seq=401..601
        +10ms  inject ACK seq=1 ack=601 win=400
        +0ms   expect PSH,ACK seq=601..1001
        +10ms  inject ACK seq=1 ack=1001 win=400
    ",
    );
}

/// 4.2.3.5: a connection is given up when nothing is acknowledged for a time that the application sets.
#[test]
fn the_application_decides_how_long_is_too_long_4_2_3_5() {
    play_with(
        |config| config.tcp.user_timeout = Some(Duration::from_secs(5)),
        &format!(
            "{PLAIN}
            +0ms   call write 100
            +0ms   expect PSH,ACK seq=1..101
            +210ms expect PSH,ACK seq=1..101
            +420ms expect PSH,ACK seq=1..101
            +840ms expect PSH,ACK seq=1..101
            +1680ms expect PSH,ACK seq=1..101
            +1849ms..+1850ms expect RST,ACK seq=101          # five seconds
            +0ms   call read -> error: connection timed out
        "
        ),
    );
    play_with(
        |config| config.tcp.retransmission_limit = 2,
        &format!(
            "{PLAIN}
            +0ms   call write 100
            +0ms   expect PSH,ACK seq=1..101
            +210ms expect PSH,ACK seq=1..101
            +420ms expect PSH,ACK seq=1..101
            +840ms expect RST,ACK seq=101
            +0ms   call write 1 -> error: connection timed out
        "
        ),
    );
}

/// 4.2.2.11 and RFC 9293 3.5.2: what nobody here has asked for is answered with a reset, and a reset with nothing.
#[test]
fn a_segment_for_nobody_is_answered_with_a_reset_4_2_2_11() {
    play(
        "
        +0ms   inject SYN seq=0
        +0ms   expect RST,ACK seq=0 ack=1
        +0ms   inject FIN,PSH seq=10..20
        +0ms   expect RST,ACK ack=21
        +0ms   inject ACK seq=5 ack=77
        +0ms   expect RST seq=77
        +0ms   inject RST seq=5
        +0ms   inject RST,ACK seq=5 ack=7
        +1s    expect nothing
    ",
    );
}
