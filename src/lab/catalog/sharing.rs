//! Queues, and who fills them.

use crate::lab::{Claim, How, Lab, Live, LiveClient, LiveRun, Picture, Question, Run, View};
use crate::tcp::congestion::Algorithm::{Bbr, Cubic};

pub(super) static BUFFERBLOAT: Lab = Lab {
    name: "bufferbloat",
    title: "Bufferbloat",
    summary: "a queue that is too long makes everybody wait",
    clauses: "RFC 7567, RFC 8289",
    text: &[
        "A queue before a link is there for bursts: packets that come faster than the link takes them wait instead of being \
         lost. But a sender that fills the window until something is lost fills the queue first, however long it is. With \
         a queue of ten times what the path holds, nothing is lost for a long time (in this run never), and every packet waits \
         up to ten times as long as it travels: those of the transfer, and those of everybody else before the same link.",
        "In 'bloated' the link of 10 Mbit/s and 40 ms has such a queue. In 'codel' it has the same room, but a queue that \
         looks how long packets have waited, and drops one now and then when that has been more than 5 ms for 100 ms \
         (CoDel, RFC 8289). For the sender that is a loss, and it slows down before the queue is long.",
    ],
    look_for: &[
        "In 'bloated' the round-trip time climbs from 40 ms to nearly 400 ms.",
        "In 'codel' it has one peak, in slow start, and then goes up and down between 40 and 50 ms.",
        "The transfers take about the same time.",
    ],
    runs: &[
        Run {
            name: "bloated",
            what: "8 MB, 10 Mbit/s, 40 ms, a queue of ten bandwidth-delay products",
            host: "sender",
            how: How::Scenario(concat!(include_str!("bloat.toml"), "queue = '10bdp'\n"), Cubic),
        },
        Run {
            name: "codel",
            what: "the same with CoDel",
            host: "sender",
            how: How::Scenario(
                concat!(include_str!("bloat.toml"), "impair = ['queue=10bdp:codel']\n"),
                Cubic,
            ),
        },
    ],
    ladders: &[],
    pictures: &[
        Picture {
            name: "rtt",
            view: View::Rtt,
            places: &["bloated", "codel"],
            span: None,
            caption: "Round-trip times in both runs.",
        },
        Picture {
            name: "window",
            view: View::Window,
            places: &["bloated", "codel"],
            span: None,
            caption: "The windows: what is beyond 50 KB, which the path holds, waits in the queue.",
        },
    ],
    claims: &[
        Claim {
            says: "With the long queue a round trip takes more than eight times as long as the path, ...",
            rule: "bloated: rtt max >= 8 * rtt min",
        },
        Claim {
            says: "... and half of them more than 200 ms.",
            rule: "bloated: rtt median >= 200ms",
        },
        Claim { says: "CoDel keeps half of them below 60 ms.", rule: "codel: rtt median <= 60ms" },
        Claim {
            says: "That costs hardly any speed: the goodput is as good within a tenth.",
            rule: "codel: goodput >= 0.9 * goodput of bloated",
        },
    ],
    questions: &[
        Question {
            asks: "How long were round trips in both runs, in the median and at most?",
            answer: "In 'bloated' {rtt median of bloated} and {rtt max of bloated}, in 'codel' {rtt median of codel} and \
                     {rtt max of codel}.",
        },
        Question {
            asks: "How long is a queue of ten bandwidth-delay products, in bytes and in time?",
            answer: "10 Mbit/s times 40 ms are 50 KB; ten of that are 500 KB. At 10 Mbit/s they take 400 ms to leave.",
        },
        Question {
            asks: "Somebody makes a phone call over the same link. What do they notice?",
            answer: "Their packets stand in the same queue. In 'bloated' question and answer are {rtt median of bloated} apart \
                     instead of 40 ms, in the median, so people talk into each other's words. In 'codel' that is \
                     {rtt median of codel}.",
        },
    ],
    live: Live::Offered(&LiveRun {
        runs: &[
            ("bloated", &["--cc", "cubic", "--impair", "delay=20ms rate=10mbit queue=10bdp"]),
            ("codel", &["--cc", "cubic", "--impair", "delay=20ms rate=10mbit queue=10bdp:codel"]),
        ],
        shows: &["bloated", "codel"],
        client: LiveClient::Get { bytes: 5_000_000, pace: None },
        claims: &[
            Claim {
                says: "With the long queue round trips take several times as long as the path.",
                rule: "bloated: rtt max >= 4 * rtt min",
            },
            Claim {
                says: "CoDel makes them shorter.",
                rule: "codel: rtt median < rtt median of bloated",
            },
        ],
    }),
};

pub(super) static CUBIC_BBR: Lab = Lab {
    name: "cubic-bbr",
    title: "CUBIC against BBR",
    summary: "one fills the queue until it overflows, the other looks for the rate of the path",
    clauses: "RFC 9438, draft-ietf-ccwg-bbr",
    text: &[
        "CUBIC, the default of most systems, still asks the question of the saw: how much can be under way until something \
         is lost? It only climbs in another way: quickly back to where the last loss was, slowly around that, and then ever \
         faster (a cubic function of time, RFC 9438 4.2). To reach the loss it fills the queue.",
        "BBR asks another question: how fast is the path, and how long is it when nothing waits? It measures the rate at \
         which its segments are delivered and the shortest round trip, and sends at that rate with little more than their \
         product under way. Now and then it sends a little faster, to see whether the path has become faster, and every few \
         seconds, for some round trips, much less, to see the path without a queue.",
        "Both get the same link, one after the other: 20 Mbit/s, 60 ms, and a queue of one and a half times what the path \
         holds.",
    ],
    look_for: &[
        "CUBIC's round trips stand far above 60 ms. BBR's stand just there, but for its first second and some time \
         around the fourth, when it sends faster to see whether the path is faster.",
        "CUBIC has lost something twice, before and after the first second. From the second time on its window comes back \
         along the curve, fast and then ever slower; the part in which it climbs again would come later.",
        "BBR's window stays where it is, but for a step up while it looks for more, and a gap of some 200 ms after the fifth \
         second, in which it empties the path to measure how long it is.",
        "Both use the link nearly as well.",
    ],
    runs: &[
        Run {
            name: "cubic",
            what: "16 MB, 20 Mbit/s, 60 ms, a queue of 1.5 bandwidth-delay products",
            host: "sender",
            how: How::Scenario(include_str!("pair.toml"), Cubic),
        },
        Run {
            name: "bbr",
            what: "the same with BBR",
            host: "sender",
            how: How::Scenario(include_str!("pair.toml"), Bbr),
        },
    ],
    ladders: &[],
    pictures: &[
        Picture {
            name: "rtt",
            view: View::Rtt,
            places: &["cubic", "bbr"],
            span: None,
            caption: "Round trips: the distance to 60 ms is what waits in the queue.",
        },
        Picture {
            name: "window",
            view: View::Window,
            places: &["cubic", "bbr"],
            span: None,
            caption: "The congestion windows. BBR's is a limit that its pacing hardly ever reaches.",
        },
        Picture {
            name: "throughput",
            view: View::Throughput,
            places: &["cubic", "bbr"],
            span: None,
            caption: "What was acknowledged a second: both are close to 20 Mbit/s. Until a loss is repaired nothing is \
                      acknowledged, and then all that came meanwhile at once: those are CUBIC's gaps and peaks. BBR's gap is \
                      that in which it empties the path.",
        },
    ],
    claims: &[
        Claim {
            says: "With BBR half of the round trips are at most a tenth longer than the path.",
            rule: "bbr: rtt median <= 66ms",
        },
        Claim {
            says: "With CUBIC half of them take more than one and a half times as long.",
            rule: "cubic: rtt median >= 90ms",
        },
        Claim {
            says: "CUBIC loses what does not fit the queue, ...",
            rule: "cubic: retransmissions >= 1",
        },
        Claim {
            says: "... BBR at most a tenth of that.",
            rule: "bbr: retransmissions <= 0.1 * retransmissions of cubic",
        },
        Claim {
            says: "Both use at least 85 parts in a hundred of the link: CUBIC ...",
            rule: "cubic: goodput >= 17mbit",
        },
        Claim { says: "... and BBR.", rule: "bbr: goodput >= 17mbit" },
        Claim {
            says: "What holds BBR back is its own pacing, most of the time.",
            rule: "bbr: limited-by pacing >= 0.5 * duration",
        },
    ],
    questions: &[
        Question {
            asks: "How long were round trips in the median, and what was the goodput?",
            answer: "CUBIC: {rtt median of cubic} and {goodput of cubic}. BBR: {rtt median of bbr} and {goodput of bbr}.",
        },
        Question {
            asks: "How much text waits in the queue on average with CUBIC, roughly?",
            answer: "What the round trip is longer than 60 ms, times the rate: 20 Mbit/s are 2.5 KB for each millisecond. The \
                     median is {rtt median of cubic}; in the simulator that is some 70 ms more, and so some 175 KB, while the \
                     path itself holds 150 KB.",
        },
        Question {
            asks: "What may happen when both share one link?",
            answer: "CUBIC fills the queue, and BBR, which looks for the shortest round trip, sees a longer path and keeps \
                     more under way. Who gets more depends on the queue: in a short one BBR, in a long one CUBIC. Try it: \
                     glasstcp sim --help.",
        },
    ],
    live: Live::Offered(&LiveRun {
        runs: &[
            ("cubic", &["--cc", "cubic", "--impair", "delay=30ms rate=20mbit queue=1.5bdp"]),
            ("bbr", &["--cc", "bbr", "--impair", "delay=30ms rate=20mbit queue=1.5bdp"]),
        ],
        shows: &["cubic", "bbr"],
        // Long enough for BBR to forget a rate that it has mistaken for the path's, of a burst after a stall of the machine.
        client: LiveClient::Get { bytes: 20_000_000, pace: None },
        claims: &[
            Claim {
                says: "BBR's round trips are shorter than CUBIC's.",
                rule: "bbr: rtt median < rtt median of cubic",
            },
            Claim { says: "Both use the link: CUBIC ...", rule: "cubic: goodput >= 12mbit" },
            Claim { says: "... and BBR.", rule: "bbr: goodput >= 12mbit" },
        ],
    }),
};
