use super::*;
use crate::tcp::congestion::Algorithm;

fn config() -> Config {
    let mut config = Config::new([10, 0, 0, 1].into(), 24, [7; 32]);
    config.tcp.fix_buffers(60_000);
    config.tcp.quick_ack = false;
    config.tcp.burst_segments = u8::MAX;
    config.tcp.congestion = Algorithm::NewReno;
    config
}

/// A handshake with the stack as the server, one round trip being 10 ms.
const OPEN: &str = "
    +0ms   call listen
    +0ms   inject SYN seq=0 win=65535 <mss 1000>
    +0ms   expect SYN,ACK seq=0 ack=1 win=60000 <mss 1460>
    +10ms  inject ACK seq=1 ack=1
    +0ms   call accept";

fn plays(script: &str) {
    run(script, config()).unwrap_or_else(|error| panic!("{error}"));
}

/// Plays what follows the handshake.
fn goes(rest: &str) {
    plays(&format!("{OPEN}{rest}"));
}

/// What is wrong with what follows the handshake, and in which line of it.
fn fails(rest: &str) -> (usize, String) {
    let error = run(&format!("{OPEN}{rest}"), config()).expect_err(rest);
    (error.line - OPEN.lines().count(), error.problem)
}

#[test]
fn a_connection_from_its_beginning_to_its_end() {
    goes(
        "
        +0ms   inject PSH,ACK seq=1..101 ack=1
        +0ms   call read -> 100 bytes
        +0ms   call read -> nothing
        +5ms   call write 300
        +0ms   expect PSH,ACK seq=1..301 ack=101      # the acknowledgment travels with it
        +10ms  inject FIN,ACK seq=101 ack=301
        +0ms   expect ACK seq=301 ack=102
        +0ms   call read -> end
        +0ms   call close
        +0ms   expect FIN,ACK seq=301 ack=102
        +10ms  inject ACK seq=102 ack=302
        +60s   expect nothing
    ",
    );
}

#[test]
fn a_connection_that_the_stack_opens() {
    plays(
        "
        +0ms   call connect
        +0ms   expect SYN seq=0 win=60000 <mss 1460, sackok, ts 0 0, wscale 0>
        +0ms   call read -> nothing
        @20ms  inject SYN,ACK seq=0 ack=1 win=65535 <mss 1000, sackok, ts 700 0, wscale 7>
        +0ms   expect ACK seq=1 ack=1 <ts 20 700>
        +1ms   inject ACK seq=101..201 ack=1 win=512 <ts 701 20>
        +0ms   expect ACK seq=1 ack=1 <ts 21 700, sack 101..201>
        +1ms   inject ACK seq=1..101 ack=1 win=512 <ts 702 21>
        +0ms   expect ACK seq=1 ack=201 <ts 22 702>
        +0ms   call read 150 -> 150 bytes
        +0ms   call read -> 50 bytes
        +0ms   call abort
        +0ms   expect RST,ACK seq=1 ack=201 win=0 <ts 22 702>
        +0ms   call read -> error: connection aborted
    ",
    );
}

/// RFC 9293 3.7.4.
#[test]
fn nagle_sends_one_small_segment_a_round_trip() {
    goes(
        "
        +0ms   call write 100
        +0ms   expect PSH,ACK seq=1..101
        +1ms   call write 100
        +1ms   call write 100
        +8ms   inject ACK seq=1 ack=101
        +0ms   expect PSH,ACK seq=101..301            # both together
        +10ms  inject ACK seq=1 ack=301
        +0ms   call write 100
        +0ms   expect PSH,ACK seq=301..401
        +0ms   call write 1000                        # a full segment waits for nothing
        +0ms   expect PSH,ACK seq=401..1401
    ",
    );
}

/// RFC 9293 3.8.6.3.
#[test]
fn acknowledgments_are_delayed_for_40_ms_or_until_the_second_full_segment() {
    goes(
        "
        +0ms   inject PSH,ACK seq=1..101 ack=1
        +40ms  expect ACK seq=1 ack=101
        +0ms   inject ACK seq=101..1101 ack=1
        +30ms  inject ACK seq=1101..2101 ack=1
        +0ms   expect ACK seq=1 ack=2101
        +1s    expect nothing
    ",
    );
}

/// RFC 6298 2.2, 5.1, 5.5: the round trip of 10 ms gives the least time-out, which is doubled each time.
#[test]
fn time_outs_come_when_they_should_and_back_off() {
    goes(
        "
        +0ms   call write 100
        +0ms   expect PSH,ACK seq=1..101
        +210ms expect PSH,ACK seq=1..101
        +420ms expect PSH,ACK seq=1..101
        +840ms expect PSH,ACK seq=1..101
        +10ms  inject ACK seq=1 ack=101
        +10s   expect nothing
    ",
    );
}

/// RFC 5681 3.2.
#[test]
fn three_duplicates_repair_a_loss() {
    goes(
        "
        +0ms   call write 5000
        +0ms   expect ACK seq=1..1001
        +0ms   expect ACK seq=1001..2001
        +0ms   expect ACK seq=2001..3001
        +0ms   expect ACK seq=3001..4001
        +0ms   expect PSH,ACK seq=4001..5001
        +10ms  inject ACK seq=1 ack=1
        +0ms   inject ACK seq=1 ack=1
        +0ms   expect nothing
        +0ms   inject ACK seq=1 ack=1
        +0ms   expect ACK seq=1..1001
        +10ms  inject ACK seq=1 ack=5001
        +10s   expect nothing
    ",
    );
}

/// RFC 5961 3.2, 4.2.
#[test]
fn resets_and_syns_that_are_not_exact_are_challenged() {
    goes(
        "
        +0ms   inject RST seq=5
        +0ms   expect ACK seq=1 ack=1
        +0ms   inject SYN seq=1
        +0ms   expect ACK seq=1 ack=1
        +0ms   inject RST seq=70000                    # beyond the window
        +0ms   call read -> nothing
        +0ms   inject RST seq=1
        +0ms   call read -> error: connection reset by peer
        +0ms   inject PSH,ACK seq=1..2 ack=1           # nobody is here any more
        +0ms   expect RST seq=1
    ",
    );
}

/// RFC 9293 3.8.6.1.
#[test]
fn a_closed_window_is_probed() {
    goes(
        "
        +0ms   inject ACK seq=1 ack=1 win=0
        +0ms   call write 100
        +210ms expect ACK seq=0 ack=1
        +1ms   inject ACK seq=1 ack=1 win=0
        +419ms expect ACK seq=0 ack=1
        +1ms   inject ACK seq=1 ack=1 win=100
        +0ms   expect PSH,ACK seq=1..101
    ",
    );
}

/// RFC 9293 3.8.6 [MUST-34]: what was sent before goes again, although it lies beyond the window now.
#[test]
fn a_window_that_shrinks_is_survived() {
    goes(
        "
        +0ms   call write 3000
        +0ms   expect ACK seq=1..1001
        +0ms   expect ACK seq=1001..2001
        +0ms   expect PSH,ACK seq=2001..3001
        +10ms  inject ACK seq=1 ack=1001 win=500
        +0ms   call write 1000                         # which has no room
        +210ms expect ACK seq=1001..2001
        +10ms  inject ACK seq=1 ack=1001 win=0
        +410ms expect ACK seq=1001..2001
        +10ms  inject ACK seq=1 ack=3001 win=0
        +0ms   expect nothing
        +10ms  inject ACK seq=1 ack=3001 win=1000
        +0ms   expect PSH,ACK seq=3001..4001
        +10ms  inject ACK seq=1 ack=4001 win=0
        +10s   expect nothing
    ",
    );
}

/// Text at 40 ms, and what acknowledges it.
const ACK: &str = "+40ms expect ACK seq=1 ack=101 win=59900 <>";

#[test]
fn whatever_nobody_expects_is_a_failure() {
    let text = "\n +0ms inject PSH,ACK seq=1..101 ack=1";
    let surplus = |when: &str| format!("{when} the stack sent what nobody expects: {ACK}");
    for (rest, line, problem) in [
        // Too many.
        ("\n +1s expect nothing", 2, surplus("until then")),
        ("\n +1s call shutdown", 2, surplus("before it")),
        ("\n +41ms inject ACK seq=101 ack=1", 2, surplus("before it")),
        // Too early and too late.
        ("\n +39ms expect ACK", 2, format!("nothing was sent until then; the next is: {ACK}")),
        ("\n +41ms expect ACK", 2, format!("it was sent earlier: {ACK}")),
        ("\n +41ms..+50ms expect ACK", 2, format!("it was sent earlier: {ACK}")),
        // Another one.
        ("\n +40ms expect PSH,ACK", 2, format!("another combination of flags was sent: {ACK}")),
        ("\n +40ms expect ACK seq=2", 2, format!("another seq was sent: {ACK}")),
        ("\n +40ms expect ACK seq=1..2", 2, format!("another seq was sent: {ACK}")),
        ("\n +40ms expect ACK ack=102", 2, format!("another ack was sent: {ACK}")),
        ("\n +40ms expect ACK win=1", 2, format!("another win was sent: {ACK}")),
        ("\n +40ms expect ACK <sackok>", 2, format!("another list of options was sent: {ACK}")),
        // None.
        (
            &format!("\n{ACK}\n +1s expect ACK"),
            3,
            "nothing was sent, nor would be in the next five minutes".to_owned(),
        ),
        ("\n +0ms call read -> 99 bytes", 2, "its result is another: -> 100 bytes".to_owned()),
        ("\n +0ms call write 99 -> 9 bytes", 2, "its result is another: -> 99 bytes".to_owned()),
        ("\n @1ms expect ACK", 2, "it is already 10ms".to_owned()),
    ] {
        assert_eq!(fails(&format!("{text}{rest}")), (line, problem), "{rest}");
    }
    goes(&format!("{text}\n{ACK}"));
    goes(&format!("{text}\n +30ms..+50ms expect ACK <...>\n @90ms expect nothing"));
    // At the end, too.
    let sent = "after it the stack sent what nobody expects: +0ms expect PSH,ACK seq=1..101 ack=1 win=60000 <>";
    assert_eq!(fails("\n +0ms call write 100"), (1, sent.to_owned()));
}

/// RFC 3168: a mark is echoed until CWR, an echo halves the window, and new data says so.
#[test]
fn marks_are_echoed_and_answered() {
    plays(
        "
        +0ms   call listen
        +0ms   inject SYN,ECE,CWR seq=0 win=65535 <mss 1000>
        +0ms   expect SYN,ACK,ECE seq=0 ack=1 ecn=none
        +10ms  inject ACK seq=1 ack=1
        +0ms   call accept
        +0ms   inject PSH,ACK seq=1..101 ack=1 ecn=ce
        +0ms   expect ACK,ECE seq=1 ack=101 ecn=none
        +0ms   inject PSH,ACK,CWR seq=101..201 ack=1 ecn=ect1
        +0ms   expect ACK seq=1 ack=201
        +0ms   call write 4000
        +0ms   expect ACK seq=1..1001 ack=201 ecn=ect0
        +0ms   expect ACK seq=1001..2001 ecn=ect0
        +0ms   expect ACK seq=2001..3001 ecn=ect0
        +0ms   expect PSH,ACK seq=3001..4001 ecn=ect0
        +10ms  inject ACK,ECE seq=201 ack=2001
        +0ms   call write 2000
        +5ms   expect nothing
        +5ms   inject ACK,ECE seq=201 ack=3001
        +0ms   expect ACK,CWR seq=4001..5001 ecn=ect0
        +5ms   inject ACK seq=201 ack=4001
        +0ms   expect PSH,ACK seq=5001..6001 ecn=ect0
    ",
    );
    let other = "\n +0ms inject PSH,ACK seq=1..101 ack=1\n +30ms..+50ms expect ACK ecn=ect0";
    let problem = "another ecn was sent: +40ms expect ACK seq=1 ack=101 win=60000 <>";
    let (line, said) = fails(other);
    assert_eq!((line, &said[..27]), (2, &problem[..27]), "{said}");
}

/// RFC 9293 3.8.5.
#[test]
fn urgent_data_goes_both_ways() {
    goes(
        "
        +0ms   call write 20 urgent
        +0ms   expect PSH,ACK,URG seq=1..21 urg=20
        +0ms   inject PSH,ACK,URG seq=1..101 ack=21 urg=60
        +0ms   call unread -> 59 bytes
        +0ms   call at-mark -> no
        +0ms   call read 10 -> 10 bytes
        +0ms   call read urgent -> 1 bytes
        +0ms   call read -> 49 bytes
        +0ms   call at-mark -> yes
        +0ms   call read -> 40 bytes
        +0ms   call read urgent -> error: no urgent data to be read out of line
        +40ms  expect ACK seq=21 ack=101
        +0ms   inject ACK,URG seq=101 ack=21 urg=9
        +0ms   call read urgent -> nothing
    ",
    );
    let urgent = "\n +0ms call write 20 urgent\n +0ms expect PSH,ACK,URG urg=19";
    let sent = "+0ms expect PSH,ACK,URG seq=1..21 ack=1 win=60000 urg=20 <>";
    assert_eq!(fails(urgent), (2, format!("another urg was sent: {sent}")));
}

/// RFC 9293 3.9.2.2.
#[test]
fn errors_of_the_network_quote_what_was_sent() {
    goes(
        "
        +0ms   call write 2000
        +0ms   expect ACK seq=1..1001
        +0ms   expect PSH,ACK seq=1001..2001
        +0ms   inject icmp host-unreachable seq=2001
        +0ms   call soft-error -> none
        +0ms   inject icmp time-exceeded seq=1..1001
        +0ms   call soft-error -> time to live exceeded at 192.0.2.254
        +0ms   inject icmp fragmentation-needed mtu=640 seq=1001..2001
        +0ms   expect ACK seq=1..601
        +0ms   expect ACK seq=601..1201
        +0ms   expect ACK seq=1201..1801
        +0ms   expect PSH,ACK seq=1801..2001
        +10ms  inject ACK seq=1 ack=2001
    ",
    );
}

#[test]
fn a_connection_can_be_looked_at() {
    goes(
        "
        +0ms   call state -> ESTABLISHED
        +0ms   call cwnd -> 10000 bytes
        +0ms   call ssthresh -> infinite
        +0ms   call write 100 more
        +0ms   expect nothing
        +0ms   call write 100
        +0ms   expect PSH,ACK seq=1..201
        +210ms expect PSH,ACK seq=1..201
        +0ms   call cwnd -> 1000 bytes
        +0ms   call ssthresh -> 2000 bytes
        +0ms   call close
        +0ms   expect FIN,ACK seq=201
        +0ms   call state -> none
        +10ms  inject ACK seq=1 ack=202
    ",
    );
}

/// RFC 9293 3.1: what is raw comes after the options that are known, and zeros fill the last word.
#[test]
fn raw_options_arrive_as_they_are() {
    plays(
        "
        +0ms   call listen
        +0ms   inject SYN seq=0 win=65535 <sackok, raw 020403e8>
        +0ms   expect SYN,ACK seq=0 ack=1 <mss 1460, sackok>
        +10ms  inject ACK seq=1 ack=1 <raw fd03ff>
        +0ms   call accept
        +0ms   call write 1000
        +0ms   expect PSH,ACK seq=1..1001
        +10ms  inject ACK seq=1 ack=1001
    ",
    );
}

#[test]
fn what_the_ip_header_says_can_be_asked_for() {
    goes(
        "
        +0ms   inject PSH,ACK seq=1..101 ack=1 ttl=1 dscp=63
        +40ms  expect ACK seq=1 ack=101 ttl=64 dscp=0 ecn=none
    ",
    );
    let text = "\n +0ms call write 9\n +0ms expect PSH,ACK ";
    let sent = "+0ms expect PSH,ACK seq=1..10 ack=1 win=60000 <>";
    for (wanted, what) in [("ttl=63", "ttl"), ("dscp=1", "dscp")] {
        let problem = format!("another {what} was sent: {sent}");
        assert_eq!(fails(&format!("{text}{wanted}")), (2, problem));
    }
}

#[test]
fn a_list_of_options_is_whole_unless_it_ends_with_dots() {
    let offered = "\n+0ms call listen\n+0ms inject SYN seq=0 win=9 <mss 1000, sackok>";
    let answered = |list: &str| {
        run(&format!("{offered}\n+0ms expect SYN,ACK <{list}>"), config()).map_err(|e| e.problem)
    };
    let sent = "another list of options was sent: +0ms expect SYN,ACK seq=0 ack=1 win=60000 <mss 1460, sackok>";
    for well in ["mss 1460, sackok", "sackok,mss 1460", "sackok, ...", "..."] {
        assert_eq!(answered(well), Ok(()), "{well}");
    }
    for other in ["", "mss 1460", "mss 1000, ...", "mss 1460, sackok, wscale 0", "wscale 0, ..."] {
        assert_eq!(answered(other), Err(sent.to_owned()), "{other}");
    }
}

#[test]
fn what_cannot_be_read_is_explained() {
    for (line, words) in [
        ("40ms call close", "'40ms' is not a time such as +40ms, counted from the step before"),
        ("+1x call close", "'+1x' is not a time such as"),
        ("+2ms..+1ms expect ACK", "'+2ms..+1ms' is not a time such as"),
        ("+1ms..@2ms expect ACK", "is not a time such as"),
        ("+1ms..+2ms call close", "only a packet that is expected may have a range of times"),
        ("+0ms say ACK", "'say' is not inject, expect or call"),
        ("+0ms", "'' is not inject, expect or call"),
        ("+0ms call sing", "there is no call 'sing'; there are listen, connect, accept, write N"),
        ("+0ms call write", "there is no call 'write'"),
        ("+0ms call close now", "there is no call 'close now'"),
        ("+0ms call read 0", "there is no call 'read 0'"),
        ("+0ms expect", "'' is not flags such as SYN,ACK; there are FIN, SYN, RST, PSH, ACK, URG"),
        ("+0ms expect ack", "'ack' is not flags"),
        ("+0ms expect ACK seq=x", "'seq=x' does not belong here; allowed, each once: seq=N"),
        ("+0ms expect ACK seq=5..4", "'seq=5..4' does not belong here"),
        ("+0ms expect ACK seq=9..10 seq=1..101", "'seq=1..101' does not belong here"),
        ("+0ms expect ACK urg=x", "'urg=x' does not belong here"),
        ("+0ms expect ACK <raw 00>", "only a segment that is injected may have raw octets"),
        ("+0ms inject ACK seq=1 ack=1 <raw 0g>", "'raw 0g' does not belong here"),
        (
            "+0ms inject SYN seq=0 <mss 5, raw 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff00112233445566>",
            "has room for 40 bytes of options",
        ),
        (
            "+0ms inject icmp seq=1",
            "'seq=1' is not an ICMP error; there are network-unreachable, host-unreachable",
        ),
        ("+0ms inject icmp time-exceeded", "an ICMP error needs seq="),
        (
            "+0ms inject icmp time-exceeded seq=1 ttl=4",
            "'ttl=4' does not belong here; allowed, each once: mtu=N",
        ),
        ("+0ms call write 4 fast", "there is no call 'write 4 fast'"),
        ("+0ms call state", "there is no connection"),
        ("+0ms expect ACK ecn=on", "'ecn=on' does not belong here"),
        ("+0ms expect ACK ack=7 ack=1", "'ack=1' does not belong here"),
        ("+0ms expect ACK,ACK", "'ACK,ACK' is not flags"),
        ("+0ms expect ACK <ts 1 1, ts 2 2>", "'ts 2 2' does not belong here"),
        ("+0ms expect ACK <sack 1..2, sack 3..4 5..6 7..8 9..10>", "'sack 3..4"),
        ("+0ms expect ACK len=4", "'len=4' does not belong here"),
        ("+0ms expect ACK <mss 5", "the options do not end with '>'"),
        ("+0ms expect ACK <mss>", "'mss' does not belong here; allowed, each once: mss N"),
        ("+0ms expect ACK <sack 1..2 3..4 5..6 7..8 9..10>", "'sack 1..2"),
        ("+0ms inject SYN", "a segment that is injected needs seq="),
        ("+0ms inject ACK seq=1", "needs ack= with ACK, and only then"),
        ("+0ms inject SYN seq=1 ack=1", "needs ack= with ACK, and only then"),
        ("+0ms inject ACK seq=1..70000 ack=1", "has at most 65415 bytes of text"),
        ("+0ms call read", "there is no connection that it could be about"),
        ("+0ms call accept", "nothing listens"),
    ] {
        let error = run(&format!("# a comment\n\n{line} # and another"), config());
        let error = error.expect_err(line).to_string();
        assert!(error.starts_with(&format!("line 3, '{line}': ")), "{error}");
        assert!(error.contains(words), "{line}: {error}");
    }
    assert_eq!(run("", config()), Ok(()));
}
