//! How fast a sender goes.

use crate::lab::{Claim, How, Lab, Live, LiveClient, LiveRun, Part, Picture, Question, Run, View};
use crate::tcp::congestion::Algorithm::NewReno;

pub(super) static SLOW_START: Lab = Lab {
    name: "slow-start",
    title: "Slow start",
    summary: "from ten segments to hundreds, twice as many each round trip",
    clauses: "RFC 5681 3.1, RFC 6928",
    text: &[
        "A sender that begins knows nothing of the path. If it sent everything at once, it would flood the first slow \
         link on the way; if it were careful for long, most transfers would be over before it dares. So it begins with \
         ten segments (RFC 6928), and for each segment that is acknowledged it may have one more under way. That doubles \
         the congestion window each round trip: it is called slow start, since before it senders began with all they had.",
        "Here 1 MB travels over 100 Mbit/s with a round trip of 100 ms, and nothing is lost.",
    ],
    look_for: &[
        "Bunches of segments, one each 100 ms, each twice as high as the one before.",
        "Between them nothing: the window is full, and the acknowledgments are on their way.",
        "The congestion window only grows, and there is no threshold yet.",
    ],
    runs: &[Run {
        name: "newreno",
        what: "1 MB, 100 Mbit/s, 100 ms",
        host: "sender",
        how: How::Scenario(include_str!("../../../scenarios/slow-start.toml"), NewReno),
    }],
    ladders: &[Part {
        place: "newreno",
        from: 0,
        to: 203,
        caption: "The handshake, the first flight, and how each acknowledgment lets twice as much follow.",
    }],
    pictures: &[
        Picture {
            name: "sequence",
            view: View::Sequence,
            places: &["newreno"],
            span: None,
            caption: "Each bunch is one window: 10, 20, 40, ... segments.",
        },
        Picture {
            name: "window",
            view: View::Window,
            places: &["newreno"],
            span: None,
            caption: "The congestion window doubles each round trip; what is under way reaches it, and falls as it is \
                      acknowledged.",
        },
    ],
    claims: &[
        Claim {
            says: "It begins with ten segments.",
            rule: "newreno: cwnd first == 10 * segment max",
        },
        Claim {
            says: "Within this transfer the window becomes more than 32 times as large: it has doubled five times.",
            rule: "newreno: cwnd max >= 32 * cwnd first",
        },
        Claim { says: "It never falls.", rule: "newreno: cwnd min == cwnd first" },
        Claim { says: "Nothing is sent again.", rule: "newreno: retransmissions == 0" },
        Claim {
            says: "So 725 segments take some seven round trips and the handshake.",
            rule: "newreno: duration in 700ms..900ms",
        },
    ],
    questions: &[
        Question {
            asks: "How large is the congestion window at the beginning, in bytes, and how large in the end?",
            answer: "{cwnd first of newreno}, ten segments of {segment max of newreno}; in the end \
                     {cwnd max of newreno}.",
        },
        Question {
            asks: "How many round trips would a transfer take that is a hundred times as long, if nothing were lost and \
                   the link endless?",
            answer: "Not a hundred times as many: with each doubling it sends more in one round trip than in all before. \
                     After k round trips 10 (2^k - 1) segments are sent, so 72,500 segments take 13, instead of 7.",
        },
        Question {
            asks: "What was the goodput, and why is it far below the 100 Mbit/s of the link?",
            answer: "{goodput of newreno}. Most of the time the sender waited for acknowledgments with its window full. \
                     A short transfer is over before the window is as large as the path.",
        },
    ],
    live: Live::Offered(&LiveRun {
        runs: &[("newreno", &["--cc", "newreno", "--impair", "delay=50ms"])],
        shows: &["newreno"],
        client: LiveClient::Get { bytes: 500_000, pace: None },
        claims: &[
            Claim {
                says: "It begins with ten segments.",
                rule: "newreno: cwnd first == 10 * segment max",
            },
            Claim {
                says: "The window becomes at least eight times as large.",
                rule: "newreno: cwnd max >= 8 * cwnd first",
            },
            Claim { says: "Everything arrives.", rule: "newreno: text acknowledged >= 500000" },
        ],
    }),
};

pub(super) static CONGESTION_AVOIDANCE: Lab = Lab {
    name: "congestion-avoidance",
    title: "Congestion avoidance",
    summary: "one segment more each round trip, and half of it at a loss: the saw",
    clauses: "RFC 5681 3.1, RFC 6582",
    text: &[
        "How large should the window be? As large as what fits into the path and the queue before its slowest link, and \
         that nobody tells. TCP finds it out again and again: it adds one segment each round trip until something is \
         lost, takes that as a sign that the queue is full, and halves the window. Seen over time that is a saw.",
        "The link has 10 Mbit/s and a round trip of 40 ms, so 50 KB are under way when it is just full, and its queue \
         takes as much again. One early loss ends slow start before it has filled all that; from then on it is congestion \
         avoidance.",
    ],
    look_for: &[
        "The teeth: a line upwards, and a fall to half. The line bends a little: it is one segment each round trip, and round \
         trips become longer as the queue fills.",
        "The window rises to about 100 KB, twice what the path holds: half of that waits in the queue.",
        "The gray peaks at each fall: what has arrived behind a loss is not acknowledged before that is repaired, so for a \
         round trip more seems to be under way than there is.",
        "Round trips become longer as the queue fills, and short again when the window is halved.",
    ],
    runs: &[Run {
        name: "newreno",
        what: "10 MB, 10 Mbit/s, 40 ms, a queue of one bandwidth-delay product",
        host: "sender",
        how: How::Scenario(include_str!("avoidance.toml"), NewReno),
    }],
    ladders: &[],
    pictures: &[
        Picture {
            name: "window",
            view: View::Window,
            places: &["newreno"],
            span: None,
            caption: "The saw: the window grows until the queue overflows, and is halved.",
        },
        Picture {
            name: "rtt",
            view: View::Rtt,
            places: &["newreno"],
            span: None,
            caption: "The same saw in the round-trip time: what grows is the queue.",
        },
    ],
    claims: &[
        Claim {
            says: "The window was lowered several times, ...",
            rule: "newreno: reductions in 3..6",
        },
        Claim { says: "... never by the timer.", rule: "newreno: rto == 0" },
        Claim {
            says: "At its teeth the window is what the path and its queue hold, 100 KB.",
            rule: "newreno: cwnd max in 90000..110000",
        },
        Claim {
            says: "The last reduction was to half of it.",
            rule: "newreno: ssthresh last in 45000..55000",
        },
        Claim {
            says: "The queue never runs empty for long: nine tenths of the link are used.",
            rule: "newreno: goodput >= 9mbit",
        },
        Claim {
            says: "A full queue doubles the round trip.",
            rule: "newreno: rtt max >= 1.8 * rtt min",
        },
    ],
    questions: &[
        Question {
            asks: "How often was the window lowered, and how many segments had to be sent again?",
            answer: "{reductions of newreno} times, and {retransmissions of newreno} segments: when the queue overflows, \
                     one or two are lost.",
        },
        Question {
            asks: "Why does the link stay busy although the sender halves its window?",
            answer: "At the loss the window is what the path holds and as much again in the queue. Half of that is \
                     exactly the path: the queue runs empty, and the link does not. With a shorter queue it would.",
        },
        Question {
            asks: "How long does a tooth last, and how would that change on a link of 1 Gbit/s?",
            answer: "It grows from 34 to 68 segments, one each round trip of 40 to 80 ms: some two seconds. At 1 Gbit/s \
                     it would be from 3,400 to 6,800 segments: more than three minutes without a single loss. That is why \
                     there is CUBIC (RFC 9438).",
        },
    ],
    live: Live::Offered(&LiveRun {
        runs: &[(
            "newreno",
            &[
                "--cc",
                "newreno",
                "--impair",
                "delay=20ms rate=10mbit queue=1bdp out:drop:data:byte=40000",
            ],
        )],
        shows: &["newreno"],
        client: LiveClient::Get { bytes: 6_000_000, pace: None },
        claims: &[
            Claim { says: "The window was lowered.", rule: "newreno: reductions >= 2" },
            Claim { says: "The link is used.", rule: "newreno: goodput in 6mbit..10mbit" },
        ],
    }),
};
