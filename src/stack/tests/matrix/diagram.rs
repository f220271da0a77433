//! The diagram of the states, drawn from the changes that the matrix has really seen.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::LazyLock;
use std::{env, fs};

use super::super::world::Side::Server;
use super::stage::{Edge, Place, Stage};
use super::{calls, every_segment, time};
use crate::event::{Cause, State};
use crate::wire::tcp::Flags;

use State::{
    CloseWait, Closed, Closing, Established, FinWait1, FinWait2, LastAck, Listen, SynReceived,
    SynSent, TimeWait,
};

/// RFC 9293 3.3.2, figure 5, without the two arrows named in [`NOT_DRAWN`].
const FIGURE_5: [(State, State, &str); 19] = [
    (Closed, Listen, "passive OPEN"),
    (Closed, SynSent, "active OPEN / snd SYN"),
    (Listen, SynReceived, "rcv SYN / snd SYN,ACK"),
    (Listen, Closed, "CLOSE"),
    (SynSent, SynReceived, "rcv SYN / snd SYN,ACK"),
    (SynSent, Established, "rcv SYN,ACK / snd ACK"),
    (SynSent, Closed, "CLOSE"),
    (SynReceived, Established, "rcv ACK of SYN"),
    (SynReceived, FinWait1, "CLOSE / snd FIN"),
    (Established, FinWait1, "CLOSE / snd FIN"),
    (Established, CloseWait, "rcv FIN / snd ACK"),
    (FinWait1, FinWait2, "rcv ACK of FIN"),
    (FinWait1, Closing, "rcv FIN / snd ACK"),
    (FinWait2, TimeWait, "rcv FIN / snd ACK"),
    (Closing, TimeWait, "rcv ACK of FIN"),
    (CloseWait, LastAck, "CLOSE / snd FIN"),
    (LastAck, Closed, "rcv ACK of FIN"),
    (TimeWait, Closed, "2 MSL over"),
    // Note 2 of the figure: FIN-WAIT-1 goes through FIN-WAIT-2 when FIN and the acknowledgment of
    // ours come together, so there is no arrow to TIME-WAIT.
    //
    // Note 1: a record behind a listener ends in CLOSED by a reset; the listener has never left LISTEN.
    (SynReceived, Closed, "rcv RST"),
];

/// Arrows of figure 5 that sockets do not have: SEND on a socket that listens turns it active, and a
/// reset returns a connection to LISTEN (note 1).
const NOT_DRAWN: [(State, State); 2] = [(Listen, SynSent), (SynReceived, Listen)];

/// The ways to CLOSED that the figure leaves out (its note 3 says so of resets): what is behind them.
fn is_abrupt(cause: Cause) -> bool {
    matches!(
        cause,
        Cause::ResetArrived // 3.10.7.4 second, 3.10.7.3 second
            | Cause::UserAbort // 3.10.5
            | Cause::Killed // the same
            | Cause::RetransmissionLimit // 3.8.3
    )
}

/// Arrows that are in the text of the RFCs and not in the figure.
fn is_in_the_text(edge: Edge) -> bool {
    let (from, to, cause) = edge;
    match (from, to) {
        // 3.8.6 of RFC 793, 3.4.2 of RFC 9293 and RFC 1122 4.2.2.13: a new SYN ends TIME-WAIT.
        (TimeWait, Closed) => cause == Cause::TimeWaitReused,
        // A time limit where the application has gone; RFC 9293 3.6 lets a host have one.
        (FinWait2, Closed) => cause == Cause::FinWait2Timeout || is_abrupt(cause),
        (_, Closed) => is_abrupt(cause),
        _ => false,
    }
}

/// Everything that was seen: by segments, by calls, by time.
static SEEN: LazyLock<Vec<Edge>> = LazyLock::new(|| {
    let mut edges = calls::edges();
    edges.extend(time::edges());
    every_segment(|_, stage, segment| {
        stage.hear(segment);
        edges.extend(stage.edges());
    });
    edges
});

/// A listener is no connection and tells of no change of state: that a socket listens is seen in its
/// answer to a SYN, and so it is that it no longer does.
fn listens() -> (State, State) {
    let (mut closed, mut listening) = (Stage::at(Place::Closed), Stage::at(Place::Listen));
    let answers = [&mut closed, &mut listening].map(answers_a_syn);
    assert_eq!(answers, [false, true]);
    (Closed, Listen)
}

fn stops_listening() -> (State, State) {
    let mut stage = Stage::at(Place::Listen);
    let listener = stage.listener.unwrap();
    stage.world.stack(Server).close_listener(listener);
    assert!(!answers_a_syn(&mut stage));
    (Listen, Closed)
}

fn answers_a_syn(stage: &mut Stage) -> bool {
    let syn = stage.segment(Flags::SYN, stage.rcv_nxt, None, 0);
    stage.hear(&syn).iter().any(|segment| segment.syn())
}

/// The diagram in the language of graphviz: blue what figure 5 has, grey what it leaves out.
fn dot() -> String {
    let mut dot = String::from(HEAD);
    let sockets = [listens(), stops_listening()];
    let arrows = SEEN.iter().map(|&(from, to, _)| (from, to)).chain(sockets);
    let arrows: BTreeSet<_> = arrows.map(|(from, to)| (from.name(), to.name())).collect();
    for (from, to) in arrows {
        let same = |edge: &&(State, State, _)| (edge.0.name(), edge.1.name()) == (from, to);
        let to = if to == Closed.name() { "END" } else { to };
        match FIGURE_5.iter().find(same) {
            Some((.., label)) => writeln!(dot, "  {from} -> {to} [label=\" {label} \"]"),
            None => writeln!(dot, "  {from} -> {to} [style=dashed, color=\"#b0b0b0\"]"),
        }
        .unwrap();
    }
    dot + "}\n"
}

/// The look of the diagram. CLOSED stands twice, where connections begin and where they end.
const HEAD: &str = r##"// Drawn by the test that compares it with RFC 9293 3.3.2, figure 5: see docs/testing.md.
digraph states {
  graph [nodesep=0.55, ranksep=0.6, fontname="Helvetica", fontsize=10, fontcolor="#808080", bgcolor="white"]
  graph [label="dashed: by a reset, ABORT or a time-out", labelloc=b, labeljust=l]
  node [shape=box, style="rounded,filled", fillcolor="#eef3fa", color="#34507a", fontname="Helvetica", fontsize=13]
  edge [fontname="Helvetica", fontsize=10, color="#34507a"]
  { rank=same; SYN_RCVD; SYN_SENT }
  { rank=same; FIN_WAIT_1; CLOSE_WAIT }
  { rank=same; FIN_WAIT_2; CLOSING; LAST_ACK }
  ESTABLISHED [fillcolor="#d9ead3"]
  END [label="CLOSED"]
"##;

#[test]
fn every_change_of_state_is_one_of_the_rfcs() {
    let drawn = |from, to| FIGURE_5.iter().any(|&(a, b, _)| (a, b) == (from, to));
    for &(from, to, cause) in SEEN.iter() {
        assert!(!NOT_DRAWN.contains(&(from, to)), "{from} -> {to}");
        assert!(drawn(from, to) || is_in_the_text((from, to, cause)), "{from} -> {to}: {cause:?}");
    }
    let sockets = [listens(), stops_listening()];
    for (from, to, label) in FIGURE_5 {
        let seen = SEEN.iter().any(|&(a, b, _)| (a, b) == (from, to));
        assert!(seen || sockets.contains(&(from, to)), "nobody saw {from} -> {to}: {label}");
    }
}

/// `GLASSTCP_BLESS=1` writes the diagram anew; `dot -Tsvg` makes the picture of it.
#[test]
fn the_diagram_in_the_documents_is_the_one_that_was_seen() {
    let docs = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs");
    let dot = dot();
    if env::var_os("GLASSTCP_BLESS").is_some() {
        return fs::write(docs.join("states.dot"), &dot).unwrap();
    }
    let kept = fs::read_to_string(docs.join("states.dot")).unwrap();
    assert_eq!(kept, dot, "draw it anew as docs/testing.md says");
    let picture = fs::read_to_string(docs.join("states.svg")).unwrap();
    for line in dot.lines().filter(|line| line.contains("->")) {
        let edge = line.split('[').next().unwrap().replace(' ', "").replace("->", "&#45;&gt;");
        assert!(
            picture.contains(&format!("<title>{edge}</title>")),
            "{edge} is not in the picture"
        );
    }
}
