//! RFC 5927 and RFC 9293 3.9.2.2: what ICMP errors are believed.

use crate::play::{PLAIN, after, play, play_with};

/// RFC 5927 4.1: an error about what is not in flight is somebody's who does not see the connection.
#[test]
fn an_error_must_quote_what_is_in_flight_4_1() {
    after(
        PLAIN,
        "
        +0ms   inject icmp host-unreachable seq=1            # nothing is
        +0ms   call soft-error -> none
        +0ms   call write 100
        +0ms   expect PSH,ACK seq=1..101
        +0ms   inject icmp host-unreachable seq=0
        +0ms   inject icmp host-unreachable seq=101
        +0ms   inject icmp host-unreachable seq=2000000000
        +0ms   call soft-error -> none
        +0ms   inject icmp host-unreachable seq=100
        +0ms   call soft-error -> host unreachable (192.0.2.254 says so)
        +10ms  inject ACK seq=1 ack=101
    ",
    );
}

/// RFC 5927 5.2, RFC 9293 3.9.2.2: no error ends a connection that is established, be it as hard as it may.
#[test]
fn hard_errors_are_soft_when_established_5_2() {
    for (error, said) in [
        ("protocol-unreachable", "protocol unreachable (192.0.2.254 says so)"),
        ("port-unreachable", "port unreachable (192.0.2.254 says so)"),
        ("prohibited", "prohibited by 192.0.2.254"),
    ] {
        after(
            PLAIN,
            &format!(
                "
                +0ms   call write 100
                +0ms   expect PSH,ACK seq=1..101
                +0ms   inject icmp {error} seq=1
                +0ms   call soft-error -> {said}
                +210ms expect PSH,ACK seq=1..101
                +10ms  inject PSH,ACK seq=1..11 ack=101
                +0ms   call read -> 10 bytes
                +0ms   call soft-error -> none               # something has got through
                +40ms  expect ACK seq=101 ack=11
                +0ms   call state -> ESTABLISHED
            "
            ),
        );
    }
}

/// RFC 9293 3.9.2.2 [MUST-56]: soft errors end nothing, not even an open.
#[test]
fn soft_errors_end_no_open_3_9_2_2() {
    for error in [
        "network-unreachable",
        "host-unreachable",
        "source-route-failed",
        "time-exceeded",
        "parameter-problem",
    ] {
        play(&format!(
            "
            +0ms   call connect
            +0ms   expect SYN seq=0
            +10ms  inject icmp {error} seq=0
            +990ms expect SYN seq=0
            +10ms  inject SYN,ACK seq=0 ack=1 <mss 1000>
            +0ms   expect ACK seq=1 ack=1
            +0ms   call state -> ESTABLISHED
            +0ms   call soft-error -> none
        "
        ));
    }
}

/// RFC 9293 3.9.2.2 [SHLD-26]: a hard error ends an open at once, and the application learns which.
#[test]
fn hard_errors_end_an_open_3_9_2_2() {
    for (error, said) in [
        ("protocol-unreachable", "protocol unreachable (192.0.2.254 says so)"),
        ("port-unreachable", "port unreachable (192.0.2.254 says so)"),
        ("prohibited", "prohibited by 192.0.2.254"),
    ] {
        play(&format!(
            "
            +0ms   call connect
            +0ms   expect SYN seq=0
            +0ms   inject icmp {error} seq=1                 # another segment
            +0ms   call state -> SYN_SENT
            +0ms   inject icmp {error} seq=0
            +0ms   call read -> error: {said}
            +0ms   call state -> CLOSED
            +10s   expect nothing
        "
        ));
    }
}

/// RFC 9293 3.9.2.2 [SHLD-25]: what was reported is told with the time-out that it explains.
#[test]
fn a_time_out_says_what_was_reported_3_9_2_2() {
    play_with(
        |config| config.tcp.user_timeout = Some(glasstcp::time::Duration::from_secs(2)),
        &format!(
            "{PLAIN}
            +0ms   call write 100
            +0ms   expect PSH,ACK seq=1..101
            +0ms   inject icmp host-unreachable seq=1
            +210ms expect PSH,ACK seq=1..101
            +420ms expect PSH,ACK seq=1..101
            +840ms expect PSH,ACK seq=1..101
            +100ms..+2s expect RST,ACK seq=101
            +0ms   call read -> error: host unreachable (192.0.2.254 says so)
        "
        ),
    );
}

/// RFC 9293 3.9.2.2 [MUST-55], RFC 6633: a source quench has no effect.
#[test]
fn source_quench_is_ignored_3_9_2_2() {
    after(
        PLAIN,
        "
        +0ms   call write 100
        +0ms   expect PSH,ACK seq=1..101
        +0ms   inject icmp source-quench seq=1
        +0ms   call cwnd -> 10000 bytes
        +0ms   call ssthresh -> infinite
        +0ms   call soft-error -> none
        +210ms expect PSH,ACK seq=1..101
        +10ms  inject ACK seq=1 ack=101
    ",
    );
}

/// RFC 1191 6.4, RFC 5927 7: what was too large goes again in smaller segments, at once; the window is not halved.
#[test]
fn a_smaller_path_is_followed_at_once_7() {
    after(
        PLAIN,
        "
        +0ms   call write 2000
        +0ms   expect ACK seq=1..1001
        +0ms   expect PSH,ACK seq=1001..2001
        +1ms   inject icmp fragmentation-needed mtu=840 seq=1..1001
        +0ms   expect ACK seq=1..801
        +0ms   expect ACK seq=801..1601
        +0ms   expect PSH,ACK seq=1601..2001
        +0ms   inject icmp fragmentation-needed mtu=840 seq=1001..2001   # of the same window
        +0ms   expect nothing
        +0ms   call ssthresh -> infinite
        +10ms  inject ACK seq=1 ack=2001
    ",
    );
}

/// RFC 5927 7.2: what an error claims must be smaller than what was sent, and no path is as small as an attacker may say.
#[test]
fn the_path_is_never_smaller_than_any_is_7() {
    after(
        PLAIN,
        "
        +0ms   call write 2000
        +0ms   expect ACK seq=1..1001
        +0ms   expect PSH,ACK seq=1001..2001
        +1ms   inject icmp fragmentation-needed mtu=9000 seq=1..1001
        +0ms   inject icmp fragmentation-needed mtu=1040 seq=1..1001
        +0ms   inject icmp fragmentation-needed mtu=600 seq=3001..4001   # never sent
        +0ms   expect nothing
        +0ms   inject icmp fragmentation-needed mtu=68 seq=1..1001
        +0ms   expect ACK seq=1..513                         # 552, and routers may fragment it
        +0ms   expect ACK seq=513..1025
        +0ms   expect ACK seq=1025..1537
        +0ms   expect PSH,ACK seq=1537..2001
        +10ms  inject ACK seq=1 ack=2001
    ",
    );
}

/// RFC 1191 5: a router that does not say what fits is taken to mean the next usual size.
#[test]
fn a_router_that_names_no_size_means_the_next_usual_one_7() {
    play(
        "
        +0ms   call listen
        +0ms   inject SYN seq=0 win=65535 <mss 1460>
        +0ms   expect SYN,ACK seq=0 ack=1
        +10ms  inject ACK seq=1 ack=1
        +0ms   call accept
        +0ms   call write 1460
        +0ms   expect PSH,ACK seq=1..1461
        +1ms   inject icmp fragmentation-needed seq=1..1461
        +0ms   expect ACK seq=1..1453                        # 1,492
        +0ms   expect PSH,ACK seq=1453..1461
        +10ms  inject ACK seq=1 ack=1461
    ",
    );
}

/// RFC 5927 4.1 behind a listener: a hard error about our SYN-ACK, and about nothing else, ends a half-open connection.
#[test]
fn a_half_open_connection_believes_only_what_quotes_its_syn_ack_4_1() {
    play(
        "
        +0ms   call listen
        +0ms   inject SYN seq=0 win=65535 <mss 1000>
        +0ms   expect SYN,ACK seq=0 ack=1
        +0ms   inject icmp port-unreachable seq=1
        +0ms   inject icmp host-unreachable seq=0
        +1s    expect SYN,ACK seq=0 ack=1
        +0ms   inject icmp port-unreachable seq=0
        +10s   expect nothing
        +0ms   inject ACK seq=1 ack=1
        +0ms   expect RST seq=1
    ",
    );
}
