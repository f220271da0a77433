//! RFC 5682 (F-RTO), RFC 3522 and RFC 4015 (Eifel): time-outs for paths that were only late. What comes after a time-out
//! tells whether anything was lost, and where nothing was the window is what it was.

use crate::play::{PLAIN, SACK, play, segments};

/// A handshake that agrees on timestamps and on nothing else.
const CLOCK: &str = "
    +0ms   call listen
    +0ms   inject SYN seq=0 win=65535 <mss 1012, ts 1000 0>
    +0ms   expect SYN,ACK seq=0 ack=1 <mss 1460, ts 0 1000>
    +10ms  inject ACK seq=1 ack=1 <ts 1010 0>
    +0ms   call accept
";

/// Five segments, and a time-out: the first goes again.
fn timed_out(handshake: &str) -> String {
    let probe = match handshake {
        // A probe for the tail comes first, and the timer starts anew with it.
        SACK => "+22ms  expect PSH,ACK seq=4001..5001\n+210ms",
        _ => "+210ms",
    };
    format!("{handshake}+0ms call write 5000\n{}{probe} expect ACK seq=1..1001\n", segments(0, 5))
}

/// 2.1 step 2b: the first acknowledgment after the time-out moves the window, so two new segments go rather than old ones;
/// step 3b: the second acknowledges what was not sent again, so the time-out was wrong.
#[test]
fn a_late_path_is_found_out_by_new_data_2_1_step_3b() {
    play(&format!(
        "{}
        +0ms   call write 4000
        +20ms  inject ACK seq=1 ack=1001
        +0ms   expect ACK seq=5001..6001
        +0ms   expect ACK seq=6001..7001
        +1ms   inject ACK seq=1 ack=2001                     # which was sent but once
        +0ms   expect ACK seq=7001..8001
        +0ms   expect PSH,ACK seq=8001..9001
        +0ms   call ssthresh -> infinite
        +10ms  inject ACK seq=1 ack=9001
        +1s    expect nothing
        ",
        timed_out(PLAIN)
    ));
}

/// 2.1 step 3a: a duplicate says that the new data has arrived and something before it has not. The repair goes on.
#[test]
fn a_duplicate_says_that_the_loss_was_real_2_1_step_3a() {
    play(&format!(
        "{}
        +0ms   call write 4000
        +20ms  inject ACK seq=1 ack=1001
        +0ms   expect ACK seq=5001..6001
        +0ms   expect ACK seq=6001..7001
        +10ms  inject ACK seq=1 ack=1001
        +0ms   expect ACK seq=1001..2001
        +0ms   call ssthresh -> 7000 bytes                   # seven tenths of ten segments
        ",
        timed_out(PLAIN)
    ));
}

/// 2.1 step 2a: when the first acknowledgment covers everything, it was the retransmission perhaps that was waited for.
#[test]
fn an_acknowledgment_of_everything_says_nothing_2_1_step_2a() {
    play(&format!(
        "{}
        +20ms  inject ACK seq=1 ack=5001
        +0ms   call ssthresh -> 7000 bytes
        +1s    expect nothing
        ",
        timed_out(PLAIN)
    ));
}

/// 2.1 step 2b without new data to send: the next segments go again, and the rest is as after any time-out.
#[test]
fn without_new_data_the_repair_goes_on_2_1_step_2b() {
    play(&format!(
        "{}
        +20ms  inject ACK seq=1 ack=1001
        +0ms   expect ACK seq=1001..2001
        +0ms   expect PSH,ACK seq=2001..3001
        +10ms  inject ACK seq=1 ack=5001
        +0ms   call ssthresh -> 7000 bytes
        ",
        timed_out(PLAIN)
    ));
}

/// 3.1, with SACK: what was not sent again is reported, so the time-out was wrong.
#[test]
fn with_sack_a_report_of_the_original_is_enough_3_1() {
    play(&format!(
        "{}
        +0ms   call write 4000
        +20ms  inject ACK seq=1 ack=1001
        +0ms   expect ACK seq=5001..6001
        +0ms   expect ACK seq=6001..7001
        +1ms   inject ACK seq=1 ack=2001
        +0ms   expect ACK seq=7001..8001
        +0ms   expect PSH,ACK seq=8001..9001
        +0ms   call ssthresh -> infinite
        +1ms   inject ACK seq=1 ack=5001
        +10ms  inject ACK seq=1 ack=9001
        +1s    expect nothing
        ",
        timed_out(SACK)
    ));
}

/// RFC 3522 3.2, RFC 4015 3.2: an echo from before the retransmission is the original's, and the first acknowledgment says
/// all there is to say.
#[test]
fn an_old_echo_undoes_the_time_out_at_once_3522_3_2() {
    play(&format!(
        "{}
        +5ms   inject ACK seq=1 ack=1001 <ts 1225 10>
        +0ms   call ssthresh -> infinite
        +1ms   inject ACK seq=1 ack=5001 <ts 1226 10>
        +1s    expect nothing
        ",
        timed_out(CLOCK)
    ));
    // And one of the retransmission undoes nothing.
    play(&format!(
        "{}
        +10ms  inject ACK seq=1 ack=5001 <ts 1230 220>
        +0ms   call ssthresh -> 7000 bytes
        ",
        timed_out(CLOCK)
    ));
}

/// 2.1 step 2a with SACK: nothing was reported, so what was sent once and is acknowledged has only just arrived. That is
/// taken for a sign, as Linux takes it.
#[test]
fn with_sack_an_acknowledgment_of_everything_is_a_sign_3_1() {
    play(&format!(
        "{}
        +20ms  inject ACK seq=1 ack=5001
        +0ms   call ssthresh -> infinite
        +1s    expect nothing
        ",
        timed_out(SACK)
    ));
}
