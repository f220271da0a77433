//! How fast a sender goes.

use crate::lab::{Claim, How, Lab, Live, Picture, Run, View};
use crate::tcp::congestion::Algorithm::NewReno;

pub(super) static SLOW_START: Lab = Lab {
    name: "slow-start",
    title: "Slow start",
    summary: "from ten segments to hundreds, twice as many each round trip",
    clauses: "RFC 5681 3.1, RFC 6928",
    text: &["TODO"],
    look_for: &[],
    runs: &[Run {
        name: "newreno",
        what: "",
        host: "sender",
        how: How::Scenario(include_str!("../../../scenarios/slow-start.toml"), NewReno),
    }],
    ladders: &[],
    pictures: &[Picture { name: "sequence", view: View::Sequence, places: &["newreno"], span: None, caption: "" }, Picture { name: "window", view: View::Window, places: &["newreno"], span: None, caption: "" }],
    claims: &[
        Claim { says: "", rule: "newreno: cwnd first == 10 * segment max" },
        Claim { says: "", rule: "newreno: retransmissions == 0" },
        Claim { says: "", rule: "newreno: cwnd min == cwnd first" },
        Claim { says: "", rule: "newreno: cwnd max >= 32 * cwnd first" },
        Claim { says: "", rule: "newreno: duration <= 1ms" },
        Claim { says: "", rule: "newreno: rtt median <= 1ms" },
        Claim { says: "", rule: "newreno: limited-by congestion-window <= 1ms" },
        Claim { says: "", rule: "newreno: goodput <= 1kbit" },
    ],
    questions: &[],
    live: Live::Not(""),
};

pub(super) static CONGESTION_AVOIDANCE: Lab = Lab {
    name: "congestion-avoidance",
    title: "Congestion avoidance",
    summary: "one segment more each round trip, and half of it when something is lost: the saw",
    clauses: "RFC 5681 3.1, RFC 6582",
    text: &["TODO"],
    look_for: &[],
    runs: &[Run {
        name: "newreno",
        what: "",
        host: "sender",
        how: How::Scenario(include_str!("avoidance.toml"), NewReno),
    }],
    ladders: &[],
    pictures: &[Picture { name: "window", view: View::Window, places: &["newreno"], span: None, caption: "" }, Picture { name: "rtt", view: View::Rtt, places: &["newreno"], span: None, caption: "" }],
    claims: &[
        Claim { says: "", rule: "newreno: reductions >= 300" },
        Claim { says: "", rule: "newreno: rto == 0" },
        Claim { says: "", rule: "newreno: retransmissions <= 0" },
        Claim { says: "", rule: "newreno: goodput >= 9gbit" },
        Claim { says: "", rule: "newreno: cwnd max >= 9m" },
        Claim { says: "", rule: "newreno: ssthresh last >= 9m" },
        Claim { says: "", rule: "newreno: ssthresh first >= 9m" },
    ],
    questions: &[],
    live: Live::Not(""),
};
