//! Queues, and who fills them.

use crate::lab::{Claim, How, Lab, Live, Picture, Run, View};
use crate::tcp::congestion::Algorithm::{Bbr, Cubic, NewReno};

pub(super) static BUFFERBLOAT: Lab = Lab {
    name: "bufferbloat",
    title: "Bufferbloat",
    summary: "a queue that is too long makes everybody wait",
    clauses: "RFC 8289, RFC 7567",
    text: &["TODO"],
    look_for: &[],
    runs: &[
        Run { name: "bloated", what: "", host: "sender", how: How::Scenario(concat!(include_str!("bloat.toml"), "queue = '10bdp'\n"), NewReno) },
        Run { name: "codel", what: "", host: "sender", how: How::Scenario(concat!(include_str!("bloat.toml"), "impair = ['queue=10bdp:codel']\n"), NewReno) },
    ],
    ladders: &[],
    pictures: &[Picture { name: "rtt", view: View::Rtt, places: &["bloated", "codel"], span: None, caption: "" }],
    claims: &[
        Claim { says: "", rule: "bloated: duration <= 1ms" },
        Claim { says: "", rule: "bloated: text sent <= 1" },
        Claim { says: "", rule: "bloated: text acknowledged <= 1" },
        Claim { says: "", rule: "bloated: rtt max >= 3000ms" },
        Claim { says: "", rule: "bloated: rtt median >= 3000ms" },
        Claim { says: "", rule: "bloated: rtt min >= 3000ms" },
        Claim { says: "", rule: "codel: rtt median <= 1ms" },
        Claim { says: "", rule: "codel: rtt max <= 1ms" },
        Claim { says: "", rule: "codel: goodput >= 1.5 * goodput of bloated" },
    ],
    questions: &[],
    live: Live::Not(""),
};

pub(super) static CUBIC_BBR: Lab = Lab {
    name: "cubic-bbr",
    title: "CUBIC against BBR",
    summary: "one fills the queue until it overflows, the other looks for the rate of the path",
    clauses: "RFC 9438, draft-ietf-ccwg-bbr",
    text: &["TODO"],
    look_for: &[],
    runs: &[
        Run { name: "cubic", what: "", host: "sender", how: How::Scenario(include_str!("pair.toml"), Cubic) },
        Run { name: "bbr", what: "", host: "sender", how: How::Scenario(include_str!("pair.toml"), Bbr) },
    ],
    ladders: &[],
    pictures: &[Picture { name: "rtt", view: View::Rtt, places: &["cubic", "bbr"], span: None, caption: "" }, Picture { name: "window", view: View::Window, places: &["cubic", "bbr"], span: None, caption: "" }, Picture { name: "throughput", view: View::Throughput, places: &["cubic", "bbr"], span: None, caption: "" }],
    claims: &[
        Claim { says: "", rule: "cubic: rtt median <= 1ms" },
        Claim { says: "", rule: "bbr: rtt median <= 1ms" },
        Claim { says: "", rule: "bbr: rtt max <= 1ms" },
        Claim { says: "", rule: "cubic: rtt max <= 1ms" },
        Claim { says: "", rule: "cubic: retransmissions <= 1" },
        Claim { says: "", rule: "bbr: retransmissions <= 1" },
        Claim { says: "", rule: "bbr: goodput <= 1kbit" },
        Claim { says: "", rule: "cubic: goodput <= 1kbit" },
        Claim { says: "", rule: "cubic: duration <= 1ms" },
        Claim { says: "", rule: "cubic: reductions <= 1" },
        Claim { says: "", rule: "bbr: reductions <= 1" },
        Claim { says: "", rule: "bbr: limited-by pacing <= 1ms" },
    ],
    questions: &[],
    live: Live::Not(""),
};
