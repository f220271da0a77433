//! How a loss is found, and repaired.

use crate::lab::{Claim, How, Lab, Live, Part, Picture, Run, View};
use crate::tcp::congestion::Algorithm::{Cubic, NewReno, Reno, Tahoe};

const ONE_LOSS: &str = include_str!("../../../scenarios/fast-recovery.toml");

pub(super) static FAST_RETRANSMIT: Lab = Lab {
    name: "fast-retransmit",
    title: "Fast retransmit (Tahoe)",
    summary: "three duplicate acknowledgments find a loss long before the timer",
    clauses: "RFC 5681 3.2",
    text: &["TODO"],
    look_for: &[],
    runs: &[Run { name: "tahoe", what: "", host: "sender", how: How::Scenario(ONE_LOSS, Tahoe) }],
    ladders: &[Part { place: "tahoe", from: 280, to: 420, caption: "" }],
    pictures: &[Picture { name: "sequence", view: View::Sequence, places: &["tahoe"], span: None, caption: "" }, Picture { name: "window", view: View::Window, places: &["tahoe"], span: None, caption: "" }],
    claims: &[
        Claim { says: "", rule: "tahoe: fast-retransmits == 1" },
        Claim { says: "", rule: "tahoe: rto == 0" },
        Claim { says: "", rule: "tahoe: retransmissions == 1" },
        Claim { says: "", rule: "tahoe: duplicate-acks >= 300" },
        Claim { says: "", rule: "tahoe: cwnd min == segment max" },
        Claim { says: "", rule: "tahoe: ssthresh first <= 1" },
        Claim { says: "", rule: "tahoe: cwnd max <= 1" },
        Claim { says: "", rule: "tahoe: rto-timer max <= 1ms" },
    ],
    questions: &[],
    live: Live::Not(""),
};

pub(super) static FAST_RECOVERY: Lab = Lab {
    name: "fast-recovery",
    title: "Fast recovery (Reno)",
    summary: "half the window instead of starting over",
    clauses: "RFC 5681 3.2",
    text: &["TODO"],
    look_for: &[],
    runs: &[
        Run { name: "reno", what: "", host: "sender", how: How::Scenario(ONE_LOSS, Reno) },
        Run { name: "tahoe", what: "", host: "sender", how: How::Scenario(ONE_LOSS, Tahoe) },
    ],
    ladders: &[],
    pictures: &[Picture { name: "window", view: View::Window, places: &["reno", "tahoe"], span: None, caption: "" }, Picture { name: "sequence", view: View::Sequence, places: &["reno", "tahoe"], span: None, caption: "" }],
    claims: &[
        Claim { says: "", rule: "reno: fast-retransmits == 1" },
        Claim { says: "", rule: "reno: retransmissions == 1" },
        Claim { says: "", rule: "reno: rto == 0" },
        Claim { says: "", rule: "reno: cwnd min <= 1" },
        Claim { says: "", rule: "reno: ssthresh first <= 1" },
        Claim { says: "", rule: "reno: cwnd max <= 1" },
        Claim { says: "", rule: "reno: duration < duration of tahoe" },
    ],
    questions: &[],
    live: Live::Not(""),
};

pub(super) static SACK: Lab = Lab {
    name: "sack",
    title: "Selective acknowledgments",
    summary: "several holes in one window: one a round trip, or all at once",
    clauses: "RFC 2018, RFC 6675, RFC 6582",
    text: &["TODO"],
    look_for: &[],
    runs: &[
        Run { name: "without", what: "", host: "sender", how: How::Scenario(concat!(include_str!("sack.toml"), "sack = false\n"), Cubic) },
        Run { name: "sack", what: "", host: "sender", how: How::Scenario(include_str!("sack.toml"), Cubic) },
    ],
    ladders: &[Part { place: "sack", from: 400, to: 550, caption: "" }],
    pictures: &[Picture { name: "without", view: View::Sequence, places: &["without"], span: None, caption: "" }, Picture { name: "sack", view: View::Sequence, places: &["sack"], span: None, caption: "" }],
    claims: &[
        Claim { says: "", rule: "without: sack-acks == 0" },
        Claim { says: "", rule: "sack: sack-acks >= 5000" },
        Claim { says: "", rule: "without: sent partial-ack >= 3000" },
        Claim { says: "", rule: "without: rto == 0" },
        Claim { says: "", rule: "sack: rto == 0" },
        Claim { says: "", rule: "sack: retransmissions == 4" },
        Claim { says: "", rule: "without: retransmissions == 4" },
        Claim { says: "", rule: "sack: duration < 0.7 * duration of without" },
    ],
    questions: &[],
    live: Live::Not(""),
};

pub(super) static RACK: Lab = Lab {
    name: "rack",
    title: "RACK and reordering",
    summary: "packets that overtake each other are not lost: time tells",
    clauses: "RFC 8985",
    text: &["TODO"],
    look_for: &[],
    runs: &[
        Run { name: "duplicates", what: "", host: "sender", how: How::Scenario(include_str!("rack.toml"), NewReno) },
        Run { name: "rack", what: "", host: "sender", how: How::Scenario(include_str!("rack.toml"), Cubic) },
    ],
    ladders: &[],
    pictures: &[Picture { name: "window", view: View::Window, places: &["duplicates", "rack"], span: None, caption: "" }],
    claims: &[
        Claim { says: "", rule: "duplicates: fast-retransmits >= 3000" },
        Claim { says: "", rule: "rack: retransmissions == 0" },
        Claim { says: "", rule: "rack: sack-acks >= 30000" },
        Claim { says: "", rule: "rack: goodput >= 1.2 * goodput of duplicates" },
        Claim { says: "", rule: "rack: undone == 10" },
        Claim { says: "", rule: "rack: losses == 10" },
        Claim { says: "", rule: "rack: reductions == 0" },
        Claim { says: "", rule: "duplicates: duplicate-acks >= 30000" },
        Claim { says: "", rule: "duplicates/receiver: refused sequence-old >= 30000" },
    ],
    questions: &[],
    live: Live::Not(""),
};
