//! How a loss is found, and repaired.

use crate::lab::{Claim, How, Lab, Live, LiveClient, LiveRun, Part, Picture, Question, Run, View};
use crate::tcp::congestion::Algorithm::{Cubic, NewReno, Reno, Tahoe};

/// One loss.
const ONE_LOSS: &str = include_str!("oneloss.toml");

pub(super) static FAST_RETRANSMIT: Lab = Lab {
    name: "fast-retransmit",
    title: "Fast retransmit (Tahoe)",
    summary: "three duplicate acknowledgments find a loss long before the timer",
    clauses: "RFC 5681 3.2",
    text: &[
        "A receiver acknowledges the byte that it expects next, and no other. If a segment is lost and later ones arrive, \
         it still expects the same byte, and says so again with each of them: duplicate acknowledgments. One or two may \
         mean that packets have overtaken each other; after three the sender takes the segment for lost and sends it \
         again at once, without waiting for the timer.",
        "Here segments have 1,000 bytes, and the one that begins with byte 24,000 is lost. The sender is of the kind of \
         4.3BSD-Tahoe (1988): it takes a loss for a sign that everything may be wrong, sets the threshold to half of what \
         is under way, and begins slow start anew with one segment.",
    ],
    look_for: &[
        "ack=24001 again and again, from the moment at which the segment after the lost one arrives.",
        "At the third repetition: fast retransmit, and the window falls to one segment.",
        "From there it grows by up to a segment with each acknowledgment, to the threshold (the upper line), and then by one \
         segment a round trip.",
        "The first two duplicates bring a new segment each (limited transmit, RFC 3042).",
    ],
    runs: &[Run {
        name: "tahoe",
        what: "120 KB, 4 Mbit/s, 100 ms, one segment lost",
        host: "sender",
        how: How::Scenario(ONE_LOSS, Tahoe),
    }],
    ladders: &[Part {
        place: "tahoe",
        from: 214,
        to: 343,
        caption: "The loss, the duplicates, and the retransmission.",
    }],
    pictures: &[
        Picture {
            name: "sequence",
            view: View::Sequence,
            places: &["tahoe"],
            span: None,
            caption: "The acknowledged line stands still at the hole; the short line in another colour closes it.",
        },
        Picture {
            name: "window",
            view: View::Window,
            places: &["tahoe"],
            span: None,
            caption: "Tahoe's window falls to one segment, and slow start begins anew up to the threshold.",
        },
    ],
    claims: &[
        Claim { says: "Exactly one fast retransmit, ...", rule: "tahoe: fast-retransmits == 1" },
        Claim { says: "... nothing else is sent again, ...", rule: "tahoe: retransmissions == 1" },
        Claim { says: "... and the timer is not needed.", rule: "tahoe: rto == 0" },
        Claim { says: "Duplicates came, three at least.", rule: "tahoe: duplicate-acks >= 3" },
        Claim { says: "The window falls to one segment.", rule: "tahoe: cwnd min == segment max" },
        Claim {
            says: "The threshold becomes half of the window, or a little less.",
            rule: "tahoe: ssthresh first in 15000..25000",
        },
    ],
    questions: &[
        Question {
            asks: "How many duplicate acknowledgments come, and why are there more than three?",
            answer: "{duplicate-acks of tahoe}: one for each segment that arrives behind the hole, and they all were under \
                     way already when the third duplicate came.",
        },
        Question {
            asks: "How long would the sender have waited for its timer?",
            answer: "The time-out was at least {rto-timer min of tahoe}; the duplicates have found the loss after one \
                     round trip of some {rtt min of tahoe}.",
        },
        Question {
            asks: "If the last segment of a transfer is lost, who notices?",
            answer: "Nobody but the timer: behind it there is nothing that could make duplicates. Stacks of today send a \
                     probe for that case (tail loss probe, RFC 8985 7).",
        },
    ],
    live: Live::Offered(&LiveRun {
        runs: &[(
            "tahoe",
            &["--cc", "tahoe", "--impair", "delay=30ms rate=20mbit out:drop:data:byte=40000"],
        )],
        shows: &["tahoe"],
        client: LiveClient::Get { bytes: 200_000, pace: None },
        claims: &[
            Claim { says: "Exactly one fast retransmit.", rule: "tahoe: fast-retransmits == 1" },
            Claim {
                says: "The window falls to one segment.",
                rule: "tahoe: cwnd min == segment max",
            },
        ],
    }),
};

pub(super) static FAST_RECOVERY: Lab = Lab {
    name: "fast-recovery",
    title: "Fast recovery (Reno)",
    summary: "half the window instead of starting over",
    clauses: "RFC 5681 3.2",
    text: &[
        "Duplicate acknowledgments tell of a loss, but also of something good: each says that another segment has left \
         the network. So the path is not dead, and there is no reason to begin with one segment again. Reno (4.3BSD-Reno, \
         1990) halves the window, and while it waits for the repair it counts duplicates: for each one a new segment may \
         go. That is fast recovery.",
        "The same loss as in the lab fast-retransmit, once with Reno and once with Tahoe.",
    ],
    look_for: &[
        "In the ladder new segments follow the retransmission, before anything is acknowledged.",
        "Reno's window falls to half, Tahoe's to one segment.",
        "Reno is done earlier.",
    ],
    runs: &[
        Run {
            name: "reno",
            what: "120 KB, 4 Mbit/s, 100 ms, one segment lost",
            host: "sender",
            how: How::Scenario(ONE_LOSS, Reno),
        },
        Run {
            name: "tahoe",
            what: "the same with Tahoe",
            host: "sender",
            how: How::Scenario(ONE_LOSS, Tahoe),
        },
    ],
    ladders: &[Part {
        place: "reno",
        from: 330,
        to: 480,
        caption: "The duplicates, the repair, and what goes on meanwhile.",
    }],
    pictures: &[
        Picture {
            name: "window",
            view: View::Window,
            places: &["tahoe", "reno"],
            span: None,
            caption: "The congestion windows of both: half against one segment.",
        },
        Picture {
            name: "sequence",
            view: View::Sequence,
            places: &["tahoe", "reno"],
            span: None,
            caption: "What was sent when: after the loss Reno goes on, and Tahoe falls behind.",
        },
    ],
    claims: &[
        Claim { says: "Exactly one fast retransmit ...", rule: "reno: fast-retransmits == 1" },
        Claim { says: "... and no time-out.", rule: "reno: rto == 0" },
        Claim {
            says: "One segment is all that is sent again.",
            rule: "reno: retransmissions == 1",
        },
        Claim {
            says: "The threshold is half of the window, or a little less, and Reno goes on from there.",
            rule: "reno: ssthresh first >= 0.45 * cwnd max of tahoe",
        },
        Claim { says: "Reno is done before Tahoe.", rule: "reno: duration < duration of tahoe" },
    ],
    questions: &[
        Question {
            asks: "How much earlier is Reno done?",
            answer: "After {duration of reno}; Tahoe takes {duration of tahoe}.",
        },
        Question {
            asks: "To what is the threshold set, and why is that the same in both?",
            answer: "To {ssthresh first of reno} and {ssthresh first of tahoe}: half of what was under way when the loss \
                     was found, without the two segments that the first duplicates brought (RFC 5681 3.2, step 2, and \
                     equation 4). They differ in where the window begins after that.",
        },
        Question {
            asks: "What does Reno do when several segments of one window are lost?",
            answer: "Its recovery ends with the first acknowledgment of something new, so it halves the window again for \
                     the next hole, or has too few duplicates left and waits for the timer. NewReno (RFC 6582) stays in \
                     recovery until the whole window is repaired; glasstcp's scenario three-losses shows the difference.",
        },
    ],
    live: Live::Offered(&LiveRun {
        runs: &[
            (
                "reno",
                &["--cc", "reno", "--impair", "delay=30ms rate=20mbit out:drop:data:byte=40000"],
            ),
            (
                "tahoe",
                &["--cc", "tahoe", "--impair", "delay=30ms rate=20mbit out:drop:data:byte=40000"],
            ),
        ],
        shows: &["reno", "tahoe"],
        client: LiveClient::Get { bytes: 200_000, pace: None },
        claims: &[
            Claim { says: "Exactly one fast retransmit.", rule: "reno: fast-retransmits == 1" },
            Claim {
                says: "Reno's window does not fall as low as Tahoe's.",
                rule: "reno: cwnd min > 2 * cwnd min of tahoe",
            },
        ],
    }),
};

pub(super) static SACK: Lab = Lab {
    name: "sack",
    title: "Selective acknowledgments",
    summary: "twelve holes in one window: one a round trip, or all at once",
    clauses: "RFC 2018, RFC 6675, RFC 8985, RFC 6582",
    text: &[
        "An acknowledgment says up to where everything has arrived. When several segments of one window are lost, it tells \
         of the first hole only; of the next one the sender learns when the first is closed, a round trip later. Twelve \
         holes take twelve round trips (NewReno's partial acknowledgments, RFC 6582).",
        "With SACK, which both ends agree on in their SYNs, the receiver also lists up to three or four blocks that have \
         arrived out of order. So the sender sees all the holes at once, and repairs them as fast as its window lets it.",
        "Here twelve segments of one window are lost, each third one.",
    ],
    look_for: &[
        "In 'without' a staircase: one repair each 100 ms.",
        "In 'sack' all repairs within two round trips. The pale blocks above are what SACK reports as arrived.",
        "In the ladder 'sack=' behind the acknowledgments.",
    ],
    runs: &[
        Run {
            name: "without",
            what: "400 KB, 10 Mbit/s, 100 ms, twelve segments lost, no SACK",
            host: "sender",
            how: How::Scenario(concat!(include_str!("sack.toml"), "sack = false\n"), Cubic),
        },
        Run {
            name: "sack",
            what: "the same with SACK",
            host: "sender",
            how: How::Scenario(include_str!("sack.toml"), Cubic),
        },
    ],
    ladders: &[Part {
        place: "sack",
        from: 414,
        to: 431,
        caption: "Holes are found as the blocks behind them are reported.",
    }],
    pictures: &[
        Picture {
            name: "without",
            view: View::Sequence,
            places: &["without"],
            span: None,
            caption: "Without SACK: one hole is closed in each round trip.",
        },
        Picture {
            name: "sack",
            view: View::Sequence,
            places: &["sack"],
            span: None,
            caption: "With SACK: all holes are known within a round trip, and closed in the next two.",
        },
    ],
    claims: &[
        Claim {
            says: "Both send again exactly what was lost, twelve segments: without SACK ...",
            rule: "without: retransmissions == 12",
        },
        Claim { says: "... and with it.", rule: "sack: retransmissions == 12" },
        Claim {
            says: "Without SACK eleven of them had to wait for a partial acknowledgment.",
            rule: "without: sent partial-ack == 11",
        },
        Claim { says: "There was no SACK there, ...", rule: "without: sack-acks == 0" },
        Claim { says: "... and here there was.", rule: "sack: sack-acks >= 10" },
        Claim {
            says: "With SACK the transfer takes less than nine tenths of the time.",
            rule: "sack: duration < 0.9 * duration of without",
        },
    ],
    questions: &[
        Question {
            asks: "How long did the transfer take in each run?",
            answer: "{duration of without} without SACK, {duration of sack} with it.",
        },
        Question {
            asks: "Why does each repair take a round trip without SACK?",
            answer: "Only the acknowledgment that the first repair causes tells where the next hole begins. It takes half a \
                     round trip for the repair to arrive and half a one for its acknowledgment.",
        },
        Question {
            asks: "May a sender forget what was reported by SACK?",
            answer: "No. A receiver may throw away what it has reported but not acknowledged (RFC 2018 8: reneging), so \
                     only what is acknowledged may be forgotten.",
        },
    ],
    live: Live::Offered(&LiveRun {
        runs: &[(
            "sack",
            &[
                "--impair",
                "delay=30ms rate=20mbit out:drop:data:byte=60000 out:drop:data:byte=66000 out:drop:data:byte=72000",
            ],
        )],
        shows: &["sack"],
        client: LiveClient::Get { bytes: 400_000, pace: None },
        claims: &[
            Claim { says: "The kernel reports blocks.", rule: "sack: sack-acks >= 3" },
            Claim {
                says: "What was lost is sent again, and hardly more.",
                rule: "sack: retransmissions in 3..6",
            },
        ],
    }),
};

pub(super) static RACK: Lab = Lab {
    name: "rack",
    title: "RACK and reordering",
    summary: "packets that overtake each other are not lost: time tells, and not their number",
    clauses: "RFC 8985, RFC 5681 3.2",
    text: &[
        "Three duplicates mean a loss: that is a rule of thumb for paths on which packets keep their order. Here nothing \
         is lost at all, but one packet in fifty travels 5 ms longer, so that some eight others overtake it. The receiver \
         sends a duplicate for each of those, and a sender that counts them ('duplicates': NewReno) sends again what is \
         about to arrive, and halves its window for it.",
        "RACK looks at time instead: a segment is lost when one that was sent *later* has arrived, and some time has passed \
         in which it could still have come. That reordering window is a quarter of the shortest round trip once \
         reordering has been seen (RFC 8985 6.2). And when it was wrong, the timestamp of the acknowledgment shows \
         that it is of the first copy (Eifel, RFC 3522), or the receiver reports what has arrived twice (D-SACK), and the \
         reduction is taken back. 'rack' is CUBIC with RACK, which is what the stack does unless it is \
         told otherwise.",
    ],
    look_for: &[
        "The window of 'duplicates' is halved again and again, and never gets far.",
        "The window of 'rack' falls once at the beginning, a little and for three milliseconds, and grows.",
    ],
    runs: &[
        Run {
            name: "duplicates",
            what: "2 MB, 20 Mbit/s, 40 ms, 2 % overtaken; NewReno, which counts duplicates",
            host: "sender",
            how: How::Scenario(include_str!("reordering.toml"), NewReno),
        },
        Run {
            name: "rack",
            what: "the same path; CUBIC with RACK",
            host: "sender",
            how: How::Scenario(include_str!("reordering.toml"), Cubic),
        },
    ],
    ladders: &[],
    pictures: &[
        Picture {
            name: "window",
            view: View::Window,
            places: &["duplicates", "rack"],
            span: None,
            caption: "The congestion windows of both over the same path.",
        },
        Picture {
            name: "sequence",
            view: View::Sequence,
            places: &["duplicates", "rack"],
            span: None,
            caption: "What was sent when: steeper is faster.",
        },
    ],
    claims: &[
        Claim {
            says: "Who counts duplicates retransmits fast, though nothing was lost, ...",
            rule: "duplicates: fast-retransmits >= 5",
        },
        Claim {
            says: "... and the receiver gets what it already has.",
            rule: "duplicates/receiver: refused sequence-old >= 5",
        },
        Claim {
            says: "RACK is wrong once at most, before it has seen that packets overtake each other, ...",
            rule: "rack: retransmissions <= 1",
        },
        Claim { says: "... and takes the reduction back.", rule: "rack: undone == reductions" },
        Claim {
            says: "It is more than twice as fast.",
            rule: "rack: goodput >= 2 * goodput of duplicates",
        },
    ],
    questions: &[
        Question {
            asks: "How often was the window lowered in each run, and how often was that taken back?",
            answer: "In 'duplicates' {reductions of duplicates} times, in 'rack' {reductions of rack}; taken back \
                     {undone of duplicates} and {undone of rack} times.",
        },
        Question {
            asks: "Why does RACK not simply wait longer from the beginning?",
            answer: "Most paths keep the order, and there waiting would make each repair later. So it begins with no window \
                     at all once three segments are reported behind a hole, and gives time only where reordering was seen \
                     (RFC 8985 6.2).",
        },
        Question {
            asks: "How fast was each?",
            answer: "{goodput of duplicates} and {goodput of rack}, on a link of 20 Mbit/s.",
        },
    ],
    live: Live::Offered(&LiveRun {
        runs: &[("rack", &["--impair", "delay=20ms rate=20mbit out:reorder=2%:by=5ms"])],
        shows: &["rack"],
        client: LiveClient::Get { bytes: 2_000_000, pace: None },
        claims: &[
            Claim {
                says: "Hardly anything is sent again.",
                rule: "rack: retransmissions <= 0.05 * data segments",
            },
            Claim { says: "The link is used.", rule: "rack: goodput >= 5mbit" },
        ],
    }),
};
