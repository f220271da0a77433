//! Urgent data (RFC 9293 3.8.5, RFC 6093), and the user time-out that a peer may suggest (RFC 5482).

use glasstcp::time::Duration;

use crate::play::{PLAIN, after, play_with};

/// RFC 6093 3.1, RFC 9293 3.8.5 [MUST-62]: the pointer is that of the octet after the urgent one.
#[test]
fn the_pointer_points_behind_the_last_urgent_octet_3_1() {
    after(
        PLAIN,
        "
        +0ms   call write 100
        +0ms   expect PSH,ACK seq=1..101
        +0ms   call write 10 urgent
        +0ms   expect PSH,ACK,URG seq=101..111 urg=10
        +10ms  inject ACK seq=1 ack=111
        +0ms   call write 10
        +0ms   expect PSH,ACK seq=111..121                   # it is acknowledged
        +10ms  inject ACK seq=1 ack=121
    ",
    );
}

/// RFC 9293 3.8.5 [MUST-31]: any length. Every segment up to the end of it says where that is.
#[test]
fn urgent_data_may_be_of_any_length_3_8_5() {
    after(
        PLAIN,
        "
        +0ms   call write 2500 urgent
        +0ms   expect ACK,URG seq=1..1001 urg=2500
        +0ms   expect ACK,URG seq=1001..2001 urg=1500
        +0ms   expect PSH,ACK,URG seq=2001..2501 urg=500
        +210ms expect ACK,URG seq=1..1001 urg=2500
        +10ms  inject ACK seq=1 ack=2501
    ",
    );
}

/// RFC 9293 3.8.5: a peer whose window is closed is told that there is urgent data.
#[test]
fn a_closed_window_does_not_keep_the_pointer_back_3_8_5() {
    after(
        PLAIN,
        "
        +0ms   inject ACK seq=1 ack=1 win=0
        +0ms   call write 10 urgent
        +0ms   expect ACK,URG seq=1 ack=1 urg=10
        +10ms  inject ACK seq=1 ack=1 win=100
        +0ms   expect PSH,ACK,URG seq=1..11 urg=10
        +10ms  inject ACK seq=1 ack=11
    ",
    );
}

/// RFC 9293 3.8.5 [MUST-33]: how much there is to read before it, and whether reading has come to it. Out of line, the
/// urgent octet is read by itself.
#[test]
fn the_application_learns_where_urgent_data_is_3_8_5() {
    after(
        PLAIN,
        "
        +0ms   inject PSH,ACK,URG seq=1..101 ack=1 urg=50
        +0ms   call at-mark -> no
        +0ms   call unread -> 49 bytes
        +0ms   call read -> 49 bytes                         # and not beyond
        +0ms   call at-mark -> yes
        +0ms   call read urgent -> 1 bytes
        +0ms   call read -> 50 bytes
        +0ms   call at-mark -> no
        +0ms   call read urgent -> error: no urgent data to be read out of line
        +40ms  expect ACK seq=1 ack=101
    ",
    );
}

/// RFC 6093 4: in line, the octet is where it was sent, and a read still stops before it.
#[test]
fn urgent_data_can_be_read_in_line_4() {
    play_with(
        |config| config.tcp.oob_inline = true,
        &format!(
            "{PLAIN}
            +0ms   inject PSH,ACK,URG seq=1..101 ack=1 urg=50
            +0ms   call read -> 49 bytes
            +0ms   call at-mark -> yes
            +0ms   call read urgent -> error: no urgent data to be read out of line
            +0ms   call read -> 51 bytes
            +40ms  expect ACK seq=1 ack=101
        "
        ),
    );
}

/// RFC 9293 3.8.5: the pointer may come before what it points to, and only moves forward.
#[test]
fn a_pointer_may_come_before_its_octet_3_8_5() {
    after(
        PLAIN,
        "
        +0ms   inject PSH,ACK,URG seq=1..101 ack=1 urg=150
        +0ms   call read urgent -> nothing
        +0ms   call read -> 100 bytes
        +0ms   inject PSH,ACK,URG seq=101..201 ack=1 urg=20  # an older one
        +0ms   call at-mark -> no
        +0ms   call unread -> 49 bytes
        +0ms   call read urgent -> 1 bytes
        +0ms   call read -> 49 bytes
        +0ms   call read -> 50 bytes
        +40ms  expect ACK seq=1 ack=201
    ",
    );
}

/// RFC 9293 3.8.6 [MUST-66]: the pointer is looked at although the window is closed, as is that of a segment without text.
#[test]
fn a_closed_window_takes_a_pointer_3_8_6() {
    after(
        PLAIN,
        "
        +0ms   inject ACK seq=1..30001 ack=1
        +0ms   expect ACK seq=1 ack=30001
        +0ms   inject PSH,ACK seq=30001..60001 ack=1
        +0ms   expect ACK seq=1 ack=60001 win=0
        +0ms   inject ACK,URG seq=60001 ack=1 urg=10
        +0ms   call read urgent -> nothing                   # it is announced
        +0ms   call read -> 60000 bytes
        +0ms   expect ACK seq=1 ack=60001 win=60000
        +0ms   inject PSH,ACK seq=60001..60011 ack=1
        +0ms   call read urgent -> 1 bytes
        +40ms  expect ACK seq=1 ack=60011
    ",
    );
}

/// RFC 6093 3.4: a pointer without the bit is none.
#[test]
fn a_pointer_without_the_bit_means_nothing_3_4() {
    after(
        PLAIN,
        "
        +0ms   inject PSH,ACK seq=1..101 ack=1 urg=50
        +0ms   call read -> 100 bytes
        +0ms   call read urgent -> error: no urgent data to be read out of line
        +40ms  expect ACK seq=1 ack=101
    ",
    );
}

/// RFC 5482 3: a time-out that the peer suggests is an option that is not known here, and is skipped.
#[test]
fn a_user_time_out_option_is_skipped_5482_3() {
    play_with(
        |config| config.tcp.user_timeout = Some(Duration::from_secs(1)),
        &format!(
            "{PLAIN}
            +0ms   inject PSH,ACK seq=1..101 ack=1 <raw 1c04003c>      # a minute
            +0ms   call read -> 100 bytes
            +0ms   call write 100
            +0ms   expect PSH,ACK seq=1..101 ack=101
            +210ms expect PSH,ACK seq=1..101
            +420ms expect PSH,ACK seq=1..101
            +300ms..+400ms expect RST,ACK seq=101            # our own second
            +0ms   call read -> error: connection timed out
        "
        ),
    );
}
