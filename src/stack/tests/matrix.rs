//! Every event in every state (RFC 9293 3.10): the whole product of segments, the calls of
//! applications, and what time does; and the diagram of the states that follows from it.
//!
//! ```text
//!   stage   a stack in any state, and a peer whose segments a test writes
//!   rfc     what the RFCs say of a segment, from their text
//!   calls   what applications ask for
//!   time    what silence leads to
//!   diagram the states and how they follow on each other, as seen in all of these
//! ```

mod calls;
mod diagram;
mod rfc;
mod stage;
mod time;

use rfc::expected;
use stage::{Answer, Outcome, Place, Stage};

use crate::wire::SeqNum;
use crate::wire::tcp::{Flags, Segment};

/// What a segment is.
const KINDS: [(&str, Flags, usize); 7] = [
    ("RST", Flags::RST, 0),
    ("SYN", Flags::SYN, 0),
    ("SYN+FIN", Flags::from_bits(Flags::SYN.bits() | Flags::FIN.bits()), 0),
    ("ACK", Flags::from_bits(0), 0),
    ("FIN", Flags::FIN, 0),
    ("text", Flags::from_bits(0), 50),
    ("text+FIN", Flags::FIN, 50),
];

/// Where it stands, against the window.
#[derive(Clone, Copy, Debug)]
enum Position {
    /// Before the window, as what was received last.
    OutsideLeft,
    /// Partly before it.
    AcrossLeft,
    LeftEdge,
    Inside,
    /// At the last number of the window.
    RightEdge,
    /// At the first number beyond it.
    JustOutside,
    OutsideRight,
}

const POSITIONS: [Position; 7] = [
    Position::OutsideLeft,
    Position::AcrossLeft,
    Position::LeftEdge,
    Position::Inside,
    Position::RightEdge,
    Position::JustOutside,
    Position::OutsideRight,
];

impl Position {
    fn of(self, stage: &Stage, len: u32) -> SeqNum {
        let (left, window) = (stage.rcv_nxt, stage.window());
        match self {
            Position::OutsideLeft => left - len.max(1),
            Position::AcrossLeft => left - len / 2,
            Position::LeftEdge => left,
            Position::Inside => left + window / 2,
            Position::RightEdge => left + window - 1,
            Position::JustOutside => left + window,
            Position::OutsideRight => left + window + 1,
        }
    }
}

/// What it acknowledges.
#[derive(Clone, Copy, Debug)]
enum Acknowledges {
    /// It has no ACK bit.
    Nothing,
    /// More than a window ago.
    TooOld,
    Old,
    /// What was acknowledged last.
    Current,
    /// All but the last number.
    Part,
    Everything,
    Unsent,
}

const ACKNOWLEDGES: [Acknowledges; 7] = [
    Acknowledges::Nothing,
    Acknowledges::TooOld,
    Acknowledges::Old,
    Acknowledges::Current,
    Acknowledges::Part,
    Acknowledges::Everything,
    Acknowledges::Unsent,
];

impl Acknowledges {
    fn of(self, stage: &Stage) -> Option<SeqNum> {
        Some(match self {
            Acknowledges::Nothing => return None,
            Acknowledges::TooOld => stage.una - stage::PEER_WINDOW - 1,
            Acknowledges::Old => stage.una - 1,
            Acknowledges::Current => stage.una,
            Acknowledges::Part => stage.nxt - 1,
            Acknowledges::Everything => stage.nxt,
            Acknowledges::Unsent => stage.nxt + 1,
        })
    }
}

/// Calls `each` for a new stage and a segment, for the whole product.
fn every_segment(mut each: impl FnMut(&str, &mut Stage, &Segment)) -> usize {
    let mut count = 0;
    for place in Place::ALL {
        for (kind, flags, len) in KINDS {
            for position in POSITIONS {
                for acknowledges in ACKNOWLEDGES {
                    let mut stage = Stage::at(place);
                    let seq_len = stage.segment(flags, SeqNum::default(), None, len).seq_len();
                    let seq = position.of(&stage, seq_len);
                    let ack = acknowledges.of(&stage);
                    let segment = stage.segment(flags, seq, ack, len);
                    let name =
                        format!("{kind} {position:?}, acknowledges {acknowledges:?}, in {place:?}");
                    each(&name, &mut stage, &segment);
                    count += 1;
                }
            }
        }
    }
    count
}

/// A SYN-ACK whose sequence number the RFC leaves to the stack.
fn with_iss(expected: Outcome, seen: &Outcome) -> Outcome {
    match (expected.answer.clone(), &seen.answer) {
        (Answer::SynAck { seq, ack }, &Answer::SynAck { seq: iss, .. })
            if seq == SeqNum::new(0) =>
        {
            Outcome { answer: Answer::SynAck { seq: iss, ack }, ..expected }
        }
        _ => expected,
    }
}

#[test]
fn every_segment_in_every_state_does_what_the_rfcs_say() {
    let mut wrong = Vec::new();
    let count = every_segment(|name, stage, segment| {
        let expected = expected(stage, segment);
        let seen = stage.outcome(segment);
        let expected = with_iss(expected, &seen);
        if seen != expected {
            wrong.push(format!("{name}:\n  expected {expected:?}\n  seen     {seen:?}"));
        }
    });
    assert_eq!(count, 12 * 7 * 7 * 7);
    assert!(wrong.is_empty(), "{} of {count} differ:\n{}", wrong.len(), wrong.join("\n"));
}
