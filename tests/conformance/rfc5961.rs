//! RFC 5961: an attacker who does not see the connection cannot end it, nor put text into it.

use crate::play::{PLAIN, TIMES, after, play};

/// 3.2, first case: what lies outside of the window is dropped, and nobody is told.
#[test]
fn a_reset_outside_the_window_is_dropped_in_silence_3_2() {
    after(
        PLAIN,
        "
        +0ms   inject RST seq=60001                    # the first after the window
        +0ms   inject RST seq=0                        # the last before it
        +0ms   inject RST seq=2000000000
        +1s    expect nothing
        +0ms   call read -> nothing
    ",
    );
}

/// 3.2, second case: exactly the next number that is expected.
#[test]
fn a_reset_at_the_next_number_ends_the_connection_3_2() {
    after(
        PLAIN,
        "
        +0ms   inject PSH,ACK seq=1..101 ack=1
        +40ms  expect ACK seq=1 ack=101
        +0ms   inject RST seq=101
        +0ms   call read -> 100 bytes                  # what had arrived
        +0ms   call read -> error: connection reset by peer
        +0ms   call write 100 -> error: connection reset by peer
        +10s   expect nothing
    ",
    );
}

/// 3.2, third case: anything else within the window is answered with an acknowledgment of what was received, and
/// an honest peer then sends a reset with the right number.
#[test]
fn a_reset_elsewhere_in_the_window_is_challenged_3_2() {
    after(
        PLAIN,
        "
        +0ms   inject RST seq=2
        +0ms   expect ACK seq=1 ack=1 win=60000 <>
        +0ms   inject RST seq=60000                    # the last of the window
        +0ms   expect ACK seq=1 ack=1 win=60000 <>
        +0ms   inject RST,ACK seq=5000 ack=1
        +0ms   expect ACK seq=1 ack=1
        +0ms   call read -> nothing
        +0ms   inject RST seq=1
        +0ms   call read -> error: connection reset by peer
    ",
    );
}

/// 3.2: the number counts and not the acknowledgment, be it there or not and right or not.
#[test]
fn the_acknowledgment_of_a_reset_does_not_count_3_2() {
    after(
        PLAIN,
        "
        +0ms   inject RST,ACK seq=1 ack=4000000
        +0ms   call read -> error: connection reset by peer
    ",
    );
}

/// 3.2 with a window of zero: its edge is the one number that ends the connection.
#[test]
fn with_a_closed_window_only_its_edge_resets_3_2() {
    let full = "
        +0ms   inject ACK seq=1..30001 ack=1
        +0ms   expect ACK seq=1 ack=30001 win=30000
        +0ms   inject PSH,ACK seq=30001..60001 ack=1
        +0ms   expect ACK seq=1 ack=60001 win=0
        +0ms   inject RST seq=60002
        +0ms   inject RST seq=60000
        +0ms   expect nothing
        +0ms   inject RST seq=60001
        +0ms   call state -> CLOSED
    ";
    after(PLAIN, full);
}

/// 3.2 says nothing of a segment that is not a reset but has the bit beside others.
#[test]
fn a_reset_with_other_flags_and_text_is_one_3_2() {
    after(
        PLAIN,
        "
        +0ms   inject FIN,SYN,RST,PSH,ACK seq=1..11 ack=1
        +0ms   call state -> CLOSED
        +0ms   call read -> error: connection reset by peer
    ",
    );
}

/// 4.2: a SYN is challenged wherever it lies, and leaves the connection as it was.
#[test]
fn a_syn_on_an_open_connection_is_challenged_4_2() {
    after(
        PLAIN,
        "
        +0ms   inject SYN seq=1
        +0ms   expect ACK seq=1 ack=1
        +0ms   inject SYN seq=30000
        +0ms   expect ACK seq=1 ack=1
        +0ms   inject SYN seq=0                        # the first one again
        +0ms   expect ACK seq=1 ack=1
        +0ms   inject SYN seq=2000000000
        +0ms   expect ACK seq=1 ack=1
        +0ms   inject SYN,ACK seq=1..101 ack=1
        +0ms   expect ACK seq=1 ack=1
        +0ms   call read -> nothing
        +0ms   call state -> ESTABLISHED
    ",
    );
}

/// 4.2: a peer that was restarted answers the challenge with a reset that is right, and can then connect.
#[test]
fn a_peer_that_was_restarted_gets_in_4_2() {
    after(
        PLAIN,
        "
        +0ms   inject SYN seq=40000 <mss 1000>
        +0ms   expect ACK seq=1 ack=1
        +10ms  inject RST seq=1                        # from where the acknowledgment said
        +0ms   call read -> error: connection reset by peer
        +1s    inject SYN seq=40000 <mss 1000>
        +0ms   expect SYN,ACK ack=40001
    ",
    );
}

/// 5.2: SND.UNA - MAX.SND.WND <= SEG.ACK <= SND.NXT, or else the segment is dropped and acknowledged.
#[test]
fn text_with_an_impossible_acknowledgment_is_not_taken_5_2() {
    after(
        PLAIN,
        "
        +0ms   call write 100
        +0ms   expect PSH,ACK seq=1..101
        +0ms   inject PSH,ACK seq=1..11 ack=102        # beyond what was sent
        +0ms   expect ACK seq=101 ack=1
        +0ms   inject PSH,ACK seq=1..11 ack=4294901761 # 65,536 before SND.UNA, the largest window being 65,535
        +0ms   expect ACK seq=101 ack=1
        +0ms   inject PSH,ACK seq=1..11 ack=2147483649 # half the space away
        +0ms   expect ACK seq=101 ack=1
        +0ms   call read -> nothing
        +0ms   inject PSH,ACK seq=1..11 ack=4294901762 # as old as it may be
        +0ms   call read -> 10 bytes
        +0ms   inject PSH,ACK seq=11..21 ack=101
        +0ms   call read -> 10 bytes
        +40ms  expect ACK seq=101 ack=21
    ",
    );
}

/// 7: challenges are limited, and counted for each connection.
#[test]
fn challenges_are_limited_to_ten_in_five_seconds_7() {
    let challenge = "
        +10ms  inject RST seq=100
        +0ms   expect ACK seq=1 ack=1";
    let dropped = "
        +10ms  inject RST seq=100
        +0ms   expect nothing";
    let script = format!(
        "{PLAIN}{}{}
        +5s    inject RST seq=100
        +0ms   expect ACK seq=1 ack=1
        +0ms   inject RST seq=1
        +0ms   call state -> CLOSED
        ",
        challenge.repeat(10),
        dropped.repeat(20)
    );
    play(&script);
}

/// 3.2 in SYN-RECEIVED, behind a listener: the same rule, and the listener stays.
#[test]
fn a_half_open_connection_is_reset_only_by_the_right_number_3_2() {
    play(
        "
        +0ms   call listen
        +0ms   inject SYN seq=0 win=65535 <mss 1000>
        +0ms   expect SYN,ACK seq=0 ack=1
        +0ms   inject RST seq=2
        +0ms   expect ACK seq=1 ack=1
        +0ms   inject RST seq=1
        +0ms   expect nothing
        +0ms   inject ACK seq=1 ack=1
        +0ms   expect RST seq=1                        # it is forgotten
        +0ms   call accept -> nothing
        +1s    inject SYN seq=0 win=65535 <mss 1000>
        +0ms   expect SYN,ACK ack=1
    ",
    );
}

/// 3.2 and RFC 7323 5.2: a reset is judged by its number, whatever its timestamp says.
#[test]
fn a_reset_needs_no_timestamp_3_2() {
    after(
        TIMES,
        "
        +0ms   inject RST seq=1
        +0ms   call state -> CLOSED
    ",
    );
}
