//! RFC 6675, RFC 6937 and RFC 3042: how a loss is repaired when SACK tells what has arrived, and how much is sent meanwhile.

use std::fmt::Write as _;

use crate::play::{SACK, after, play, segments};

/// RFC 3042 2, RFC 6675 5 step 3: each of the first two reports lets a new segment out.
#[test]
fn the_first_reports_let_new_segments_out_3042_2() {
    let (first, second) = (segments(0, 5), segments(5, 5));
    after(
        SACK,
        &format!(
            "+0ms  call write 12000
            {first}{second}
            +10ms  inject ACK seq=1 ack=1 <sack 1001..2001>
            +0ms   expect ACK seq=10001..11001
            +1ms   inject ACK seq=1 ack=1 <sack 1001..3001>
            +0ms   expect PSH,ACK seq=11001..12001
            +1ms   inject ACK seq=1 ack=1 <sack 1001..4001>
            +0ms   expect ACK seq=1..1001
            +10ms  inject ACK seq=1 ack=12001
            "
        ),
    );
}

/// RFC 6937 3.1 in its own words, in bytes.
#[derive(Debug)]
struct Reduction {
    ssthresh: u32,
    recover_fs: u32,
    prr_delivered: u32,
    prr_out: u32,
    pipe: u32,
}

impl Reduction {
    /// A segment is delivered. How many may be sent: whole ones, and the first retransmission in any case (as the revision
    /// of the RFC has it). The bound is the conservative one (PRR-CRB), for no acknowledgment here moves on.
    fn on_ack(&mut self) -> u32 {
        self.prr_delivered += 1000;
        let sndcnt = if self.pipe > self.ssthresh {
            (self.prr_delivered * self.ssthresh)
                .div_ceil(self.recover_fs)
                .saturating_sub(self.prr_out)
        } else {
            let limit = self.prr_delivered.saturating_sub(self.prr_out).max(1000);
            limit.min(self.ssthresh - self.pipe)
        };
        let count = (sndcnt / 1000).max(u32::from(self.prr_out == 0));
        self.prr_out += count * 1000;
        self.pipe += count * 1000;
        count
    }
}

/// RFC 6937 3: while a loss is repaired, seven segments go for ten that arrive.
#[test]
fn the_window_comes_down_in_proportion_6937_3() {
    let (first, second) = (segments(0, 5), segments(5, 5));
    let mut script = format!(
        "{SACK}+0ms call write 10000
        {first}{second}
        +10ms  inject ACK seq=1 ack=1 <sack 1001..2001>
        +0ms   inject ACK seq=1 ack=1 <sack 1001..3001>
        +0ms   call write 20000
        +0ms   expect ACK seq=10001..11001
        +0ms   expect PSH,ACK seq=11001..12001
        "
    );
    // Ten are in flight again. The third report shows the loss: the first was not delivered, and is not in flight any more.
    let (ssthresh, recover_fs, pipe) = (7000, 10_000, 10_000);
    let mut prr = Reduction { ssthresh, recover_fs, prr_delivered: 0, prr_out: 0, pipe };
    let mut next = 12;
    let mut lost_goes = true;
    for sacked in 4..=12 {
        prr.pipe -= if lost_goes { 2000 } else { 1000 };
        let count = prr.on_ack();
        writeln!(script, "+1ms inject ACK seq=1 ack=1 <sack 1001..{}001>", sacked).unwrap();
        let mut new = count;
        if lost_goes && count > 0 {
            script += "+0ms expect ACK seq=1..1001\n";
            (lost_goes, new) = (false, count - 1);
        }
        script +=
            &(if new > 1 { segments(next, new) } else { segments(next, new).replace("PSH,", "") });
        next += new;
        script += "+0ms expect nothing\n";
    }
    script += "+0ms call cwnd -> 7000 bytes\n";
    play(&script);
}

/// RFC 6675 5 step (A), RFC 6582 3.2: everything that was outstanding at the loss is one congestion event.
#[test]
fn one_reduction_for_all_losses_of_a_window_6675_5() {
    let (first, second) = (segments(0, 5), segments(5, 5));
    after(
        SACK,
        &format!(
            "+0ms  call write 10000
            {first}{second}
            +10ms  inject ACK seq=1 ack=1 <sack 2001..5001>      # two are lost
            +0ms   expect ACK seq=1..1001
            +0ms   expect PSH,ACK seq=1001..2001
            +0ms   call ssthresh -> 7000 bytes
            +1ms   inject ACK seq=1 ack=1 <sack 6001..9001 2001..5001>   # and one more
            +0ms   expect ACK seq=5001..6001
            +0ms   call ssthresh -> 7000 bytes
            +10ms  inject ACK seq=1 ack=10001
            +0ms   call ssthresh -> 7000 bytes
            +0ms   call cwnd -> 7000 bytes
            "
        ),
    );
}

/// RFC 6675 5 step (C): holes are filled in order, the first first, before anything new.
#[test]
fn holes_come_before_new_data_6675_5() {
    let (first, second) = (segments(0, 5), segments(5, 5));
    after(
        SACK,
        &format!(
            "+0ms  call write 10000
            {first}{second}
            +0ms   call write 4000
            +10ms  inject ACK seq=1 ack=1 <sack 1001..2001 3001..4001 5001..10001>
            +0ms   expect ACK seq=1..1001
            +0ms   expect ACK seq=2001..3001
            +0ms   expect ACK seq=4001..5001
            +0ms   expect ACK seq=10001..11001
            +0ms   expect ACK seq=11001..12001
            +0ms   expect PSH,ACK seq=12001..13001
            +0ms   expect PSH,ACK seq=13001..14001
            +10ms  inject ACK seq=1 ack=14001
            "
        ),
    );
}
