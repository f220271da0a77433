//! RFC 2018 and RFC 2883: what a receiver reports beside the acknowledgment, and what a sender makes of it.
//!
//! The first half lets segments arrive in every order and with every overlap, and compares what is reported with what
//! a naive receiver would say, which keeps a list of the units it has.

use std::fmt::Write as _;

use crate::play::{PLAIN, SACK, TIMES, after, play};

/// Bytes of a unit, the smallest part of which the naive receiver knows.
const UNIT: u32 = 10;

/// Units from the first up to but not including the second.
type Range = (u32, u32);

/// A receiver that thinks of nothing but units.
#[derive(Default)]
struct Naive {
    /// The first unit that has not arrived.
    next: u32,
    /// What has arrived beyond it, as ranges that do not touch, the one that has changed last first.
    blocks: Vec<Range>,
}

/// What it answers.
struct Answer {
    /// The acknowledgment may wait: nothing is missing and nothing came twice.
    calm: bool,
    ack: u32,
    /// What came twice (RFC 2883 4: the first such stretch), and then the blocks (RFC 2018 4).
    sack: Vec<Range>,
}

impl Naive {
    fn has(&self, unit: u32) -> bool {
        unit < self.next || self.blocks.iter().any(|&(from, to)| (from..to).contains(&unit))
    }

    fn take(&mut self, (from, to): Range) -> Answer {
        let before = self.next;
        let gap = !self.blocks.is_empty();
        let twice = (from..to).find(|&unit| self.has(unit)).map(|first| {
            let end = (first..to).find(|&unit| !self.has(unit)).unwrap_or(to);
            (first, end)
        });
        if to > self.next {
            // What touches the new range becomes one with it, and is what has changed last.
            let (mut first, mut last) = (from.max(self.next), to);
            self.blocks.retain(|&(start, end)| {
                let touches = start <= last && end >= first;
                if touches {
                    (first, last) = (first.min(start), last.max(end));
                }
                !touches
            });
            self.blocks.insert(0, (first, last));
        }
        if let Some(at) = self.blocks.iter().position(|&(start, _)| start <= self.next) {
            self.next = self.blocks.remove(at).1;
        }
        let calm = !gap && twice.is_none() && from == before;
        let sack = twice.into_iter().chain(self.blocks.iter().copied()).take(4).collect();
        Answer { calm, ack: self.next, sack }
    }
}

/// Lines that let these segments arrive after `base` units of a connection, and expect what the naive receiver says; then
/// everything else up to `units` arrives. Nothing waits out of order afterwards.
fn lines(base: u32, units: u32, arrivals: &[Range]) -> String {
    let number = |unit: u32| (base + unit) * UNIT + 1;
    let mut naive = Naive::default();
    let mut text = String::new();
    let all = (0, units);
    for &(from, to) in arrivals.iter().chain(Some(&all)) {
        let answer = naive.take((from, to));
        let blocks = answer.sack.iter();
        let blocks: String =
            blocks.map(|&(from, to)| format!(" {}..{}", number(from), number(to))).collect();
        let sack = if blocks.is_empty() { String::new() } else { format!("sack{blocks}") };
        let when = if answer.calm { "+0ms..+200ms" } else { "+0ms" };
        let (first, last, ack) = (number(from), number(to), number(answer.ack));
        writeln!(text, "+0ms inject ACK seq={first}..{last} ack=1").unwrap();
        writeln!(text, "{when} expect ACK seq=1 ack={ack} <{sack}>").unwrap();
    }
    writeln!(text, "+0ms call read").unwrap();
    text
}

/// Every range of up to `units` units.
fn ranges(units: u32) -> Vec<Range> {
    (0..units).flat_map(|from| (from + 1..=units).map(move |to| (from, to))).collect()
}

/// Plays all sequences of `count` of these segments, one after the other, many to a connection.
fn play_all(units: u32, segments: &[Range], count: u32) {
    let total = segments.len().pow(count);
    for chunk in (0..total).collect::<Vec<_>>().chunks(500) {
        let mut script = SACK.to_owned();
        for (at, &number) in (0..).zip(chunk) {
            let (mut rest, mut arrivals) = (number, Vec::new());
            for _ in 0..count {
                arrivals.push(segments[rest % segments.len()]);
                rest /= segments.len();
            }
            script += &lines(at * units, units, &arrivals);
        }
        play(&script);
    }
}

/// Every sequence of up to three segments that begin and end at any of six places.
#[test]
fn three_segments_with_every_overlap() {
    for count in 1..=3 {
        play_all(5, &ranges(5), count);
    }
}

/// Every sequence of four segments that begin and end at any of four places, and of five at three; with
/// `GLASSTCP_OVERLAPS=1` at five, which takes a minute.
#[test]
fn four_and_five_segments_with_every_overlap() {
    let all = std::env::var_os("GLASSTCP_OVERLAPS").is_some();
    let (four, five) = if all { (4, 4) } else { (3, 2) };
    play_all(four, &ranges(four), 4);
    play_all(five, &ranges(five), 5);
}

/// All orders of `items`.
fn orders(items: &[Range]) -> Vec<Vec<Range>> {
    if items.is_empty() {
        return vec![Vec::new()];
    }
    let first = |at: usize| {
        let mut rest = items.to_vec();
        let one = rest.remove(at);
        orders(&rest).into_iter().map(move |order| [&[one], order.as_slice()].concat())
    };
    (0..items.len()).flat_map(first).collect()
}

/// Five segments in every order: side by side; each overlapping the next; each within the one before; all with a
/// common part; and with gaps between them, so that there are more blocks than can be reported.
#[test]
fn five_segments_in_every_order() {
    for five in [
        [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5)],
        [(0, 2), (1, 3), (2, 4), (3, 5), (4, 6)],
        [(0, 3), (1, 4), (2, 5), (3, 6), (4, 7)],
        [(0, 9), (1, 8), (2, 7), (3, 6), (4, 5)],
        [(0, 5), (1, 6), (2, 7), (3, 8), (4, 9)],
        [(1, 2), (3, 4), (5, 6), (7, 8), (9, 10)],
        [(0, 1), (2, 3), (4, 5), (6, 7), (8, 9)],
        [(1, 3), (2, 5), (7, 9), (8, 11), (4, 8)],
    ] {
        let mut script = SACK.to_owned();
        for (at, order) in (0..).zip(orders(&five)) {
            script += &lines(at * 12, 12, &order);
        }
        play(&script);
    }
}

/// RFC 2018 3: four blocks fit, and three beside timestamps.
#[test]
fn as_many_blocks_as_fit_are_reported_3() {
    after(
        SACK,
        "
        +0ms   inject ACK seq=101..201 ack=1
        +0ms   expect ACK ack=1 <sack 101..201>
        +0ms   inject ACK seq=301..401 ack=1
        +0ms   expect ACK ack=1 <sack 301..401 101..201>
        +0ms   inject ACK seq=501..601 ack=1
        +0ms   expect ACK ack=1 <sack 501..601 301..401 101..201>
        +0ms   inject ACK seq=701..801 ack=1
        +0ms   expect ACK ack=1 <sack 701..801 501..601 301..401 101..201>
        +0ms   inject ACK seq=901..1001 ack=1
        +0ms   expect ACK ack=1 <sack 901..1001 701..801 501..601 301..401>
    ",
    );
    after(
        TIMES,
        "
        +0ms   inject ACK seq=101..201 ack=1 win=512 <ts 1010 0>
        +0ms   expect ACK ack=1 <ts 10 1010, sack 101..201>
        +0ms   inject ACK seq=301..401 ack=1 win=512 <ts 1010 0>
        +0ms   expect ACK ack=1 <ts 10 1010, sack 301..401 101..201>
        +0ms   inject ACK seq=501..601 ack=1 win=512 <ts 1010 0>
        +0ms   expect ACK ack=1 <ts 10 1010, sack 501..601 301..401 101..201>
        +0ms   inject ACK seq=701..801 ack=1 win=512 <ts 1010 0>
        +0ms   expect ACK ack=1 <ts 10 1010, sack 701..801 501..601 301..401>
    ",
    );
}

/// RFC 2018 4: what fills the first gap moves the acknowledgment, and all other blocks are reported still.
#[test]
fn four_blocks_stay_when_the_acknowledgment_moves_4() {
    after(
        SACK,
        "
        +0ms   inject ACK seq=101..201 ack=1
        +0ms   expect ACK ack=1
        +0ms   inject ACK seq=301..401 ack=1
        +0ms   expect ACK ack=1
        +0ms   inject ACK seq=501..601 ack=1
        +0ms   expect ACK ack=1
        +0ms   inject ACK seq=701..801 ack=1
        +0ms   expect ACK ack=1
        +0ms   inject ACK seq=1..51 ack=1
        +0ms   expect ACK ack=51 <sack 701..801 501..601 301..401 101..201>
    ",
    );
}

/// RFC 2018 2: without the option in both SYNs there are no blocks.
#[test]
fn without_agreement_nothing_is_reported_2() {
    after(
        PLAIN,
        "
        +0ms   inject ACK seq=101..201 ack=1
        +0ms   expect ACK seq=1 ack=1 <>
        +0ms   inject ACK seq=101..201 ack=1
        +0ms   expect ACK seq=1 ack=1 <>
    ",
    );
}

/// RFC 2018 4: blocks go with segments that carry text, too.
#[test]
fn blocks_go_with_text_4() {
    after(
        SACK,
        "
        +0ms   inject ACK seq=101..201 ack=1
        +0ms   expect ACK seq=1 ack=1 <sack 101..201>
        +0ms   call write 100
        +0ms   expect PSH,ACK seq=1..101 ack=1 <sack 101..201>
        +10ms  inject ACK seq=1..101 ack=101
        +0ms   expect ACK seq=101 ack=201 <>
    ",
    );
}

/// RFC 2883 4: a duplicate is reported once.
#[test]
fn a_duplicate_is_reported_once_2883_4() {
    after(
        SACK,
        "
        +0ms   inject ACK seq=1..101 ack=1
        +40ms  expect ACK ack=101 <>
        +0ms   inject ACK seq=1..101 ack=1
        +0ms   expect ACK ack=101 <sack 1..101>
        +0ms   inject ACK seq=201..301 ack=1
        +0ms   expect ACK ack=101 <sack 201..301>
        +0ms   inject ACK seq=201..301 ack=1
        +0ms   expect ACK ack=101 <sack 201..301 201..301>
        +0ms   inject ACK seq=301..401 ack=1
        +0ms   expect ACK ack=101 <sack 201..401>
        +0ms   inject ACK seq=251..451 ack=1                 # a part of a larger block
        +0ms   expect ACK ack=101 <sack 251..401 201..451>
    ",
    );
}

/// RFC 2018 5: what was reported is not sent again, and the first hole is.
#[test]
fn what_was_reported_is_not_sent_again_5() {
    after(
        SACK,
        "
        +0ms   call write 6000
        +0ms   expect ACK seq=1..1001
        +0ms   expect ACK seq=1001..2001
        +0ms   expect ACK seq=2001..3001
        +0ms   expect ACK seq=3001..4001
        +0ms   expect PSH,ACK seq=4001..5001
        +0ms   expect PSH,ACK seq=5001..6001
        +10ms  inject ACK seq=1 ack=1 <sack 1001..2001>
        +1ms   inject ACK seq=1 ack=1 <sack 3001..6001 1001..2001>
        +0ms   expect ACK seq=1..1001
        +0ms..+10ms expect ACK seq=2001..3001
        +10ms  inject ACK seq=1 ack=2001 <sack 3001..6001>
        +1ms   inject ACK seq=1 ack=6001
        +1s    expect nothing
    ",
    );
}

/// RFC 2018 8: after a time-out a receiver may have thrown away what it has reported, and all goes again.
#[test]
fn what_was_reported_goes_again_after_a_time_out_8() {
    after(
        SACK,
        "
        +0ms   call write 3000
        +0ms   expect ACK seq=1..1001
        +0ms   expect ACK seq=1001..2001
        +0ms   expect PSH,ACK seq=2001..3001
        +10ms  inject ACK seq=1 ack=1 <sack 1001..3001>
        +2500us expect ACK seq=1..1001
        +10ms  inject ACK seq=1 ack=1001                     # and all else is gone
        +0ms   expect nothing
        +200ms..+400ms expect ACK seq=1001..2001
        +10ms  inject ACK seq=1 ack=2001
        +0ms   expect PSH,ACK seq=2001..3001
        +10ms  inject ACK seq=1 ack=3001
    ",
    );
}

/// RFC 2018 4, RFC 2883 5: blocks of what was never sent, or that are none, change nothing.
#[test]
fn blocks_that_cannot_be_are_ignored_4() {
    after(
        SACK,
        "
        +0ms   call write 3000
        +0ms   expect ACK seq=1..1001
        +0ms   expect ACK seq=1001..2001
        +0ms   expect PSH,ACK seq=2001..3001
        +1ms   inject ACK seq=1 ack=1 <sack 5001..6001>
        +0ms   inject ACK seq=1 ack=1 <sack 2001..5001>
        +0ms   inject ACK seq=1 ack=1 <sack 1001..1001>
        +0ms   inject ACK seq=1 ack=1 <sack 2000000000..2000001000>
        +0ms   expect nothing
        +9ms   inject ACK seq=1 ack=3001
        +1s    expect nothing
    ",
    );
}
