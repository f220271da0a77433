//! What can be measured of a connection.

use crate::event::{Refusal, Why};

/// What a value counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// How often.
    Times,
    /// Bytes.
    Bytes,
    /// Nanoseconds.
    Time,
    /// Bits a second.
    Rate,
}

impl Unit {
    /// Its name in messages.
    pub const fn name(self) -> &'static str {
        match self {
            Unit::Times => "count",
            Unit::Bytes => "bytes",
            Unit::Time => "time",
            Unit::Rate => "rate",
        }
    }
}

/// What packets alone tell of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// All.
    Packets,
    /// Enough for a guess.
    Guess,
    /// Nothing: only the sender knows.
    Inside,
}

impl Known {
    /// As the table of the documentation has it.
    pub const fn name(self) -> &'static str {
        match self {
            Known::Packets => "yes",
            Known::Guess => "a guess",
            Known::Inside => "no",
        }
    }
}

/// Which of several values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pick {
    First,
    Least,
    Mean,
    Median,
    Percentile99,
    Most,
    Last,
}

/// Values that are picked from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Series {
    Cwnd,
    Ssthresh,
    Window,
    Flight,
    Rtt,
    Srtt,
    RtoTimer,
    Silence,
    Segment,
}

/// What is counted or added up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Connections,
    SegmentsSent,
    SegmentsReceived,
    DataSegments,
    TextSent,
    TextReceived,
    TextAcknowledged,
    Retransmissions,
    FastRetransmits,
    Rto,
    RtoInARow,
    Losses,
    Reductions,
    Undone,
    DuplicateAcks,
    SackAcks,
    ZeroWindows,
    ResetsSent,
    ResetsReceived,
    RttSamples,
    RttAmbiguous,
    Refused,
    HandshakeRtt,
    Duration,
    Goodput,
    Sent(Name),
    RefusedFor(Name),
    LimitedBy(Name),
    Of(Series, Pick),
}

/// The name that stands behind `sent`, `refused` and `limited-by`.
pub(super) type Name = &'static str;

/// One thing that can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measure {
    /// What it is called in rules; hyphens and spaces are the same there.
    pub phrase: &'static str,
    /// What it counts.
    pub unit: Unit,
    /// What packets alone tell of it.
    pub known: Known,
    /// What it means.
    pub means: &'static str,
    pub(super) kind: Kind,
}

const fn measure(
    phrase: &'static str,
    kind: Kind,
    (unit, known): (Unit, Known),
    means: &'static str,
) -> Measure {
    Measure { phrase, unit, known, means, kind }
}

const TIMES: (Unit, Known) = (Unit::Times, Known::Packets);
const GUESSED: (Unit, Known) = (Unit::Times, Known::Guess);
const INSIDE: (Unit, Known) = (Unit::Times, Known::Inside);
const BYTES: (Unit, Known) = (Unit::Bytes, Known::Packets);
const OWN_BYTES: (Unit, Known) = (Unit::Bytes, Known::Inside);
const TIME: (Unit, Known) = (Unit::Time, Known::Packets);
const GUESSED_TIME: (Unit, Known) = (Unit::Time, Known::Guess);
const OWN_TIME: (Unit, Known) = (Unit::Time, Known::Inside);

/// All there are. Those of a series have a word behind them that says which of its values; those with NAME a name of
/// `docs/events.md`.
pub const MEASURES: &[Measure] = &[
    measure("connections", Kind::Connections, TIMES, "connections of the file at that place"),
    measure("segments sent", Kind::SegmentsSent, TIMES, "packets that this end sent"),
    measure("segments received", Kind::SegmentsReceived, TIMES, "packets that the other end sent"),
    measure("data segments", Kind::DataSegments, TIMES, "packets with text that this end sent"),
    measure("text sent", Kind::TextSent, BYTES, "text that this end sent, each byte once"),
    measure(
        "text received",
        Kind::TextReceived,
        BYTES,
        "text of the other end that this one acknowledged",
    ),
    measure(
        "text acknowledged",
        Kind::TextAcknowledged,
        BYTES,
        "text of this end that the other one acknowledged",
    ),
    measure(
        "retransmissions",
        Kind::Retransmissions,
        TIMES,
        "segments sent again, for whatever reason, SYN and FIN among them",
    ),
    measure(
        "fast-retransmits",
        Kind::FastRetransmits,
        GUESSED,
        "segments sent again since later ones have arrived: for three duplicate acknowledgments (RFC 5681 3.2) or by RACK (RFC 8985)",
    ),
    measure("rto", Kind::Rto, GUESSED, "times that the retransmission timer went off (RFC 6298 5)"),
    measure(
        "rto in a row",
        Kind::RtoInARow,
        INSIDE,
        "most time-outs one after the other without an answer",
    ),
    measure("losses", Kind::Losses, INSIDE, "times that something was found lost"),
    measure("reductions", Kind::Reductions, INSIDE, "times that the congestion window was lowered"),
    measure("undone", Kind::Undone, INSIDE, "times that such a reduction was taken back"),
    measure(
        "duplicate-acks",
        Kind::DuplicateAcks,
        TIMES,
        "acknowledgments of the same byte again while something was in flight, without text, with the same window (RFC 5681 2) or with SACK blocks (RFC 6675 2)",
    ),
    measure(
        "sack-acks",
        Kind::SackAcks,
        TIMES,
        "acknowledgments with SACK blocks that came (RFC 2018)",
    ),
    measure("zero windows", Kind::ZeroWindows, TIMES, "times that the other end closed its window"),
    measure("resets sent", Kind::ResetsSent, TIMES, "resets that this end sent"),
    measure("resets received", Kind::ResetsReceived, TIMES, "resets that the other end sent"),
    measure("rtt samples", Kind::RttSamples, GUESSED, "round trips that were measured"),
    measure(
        "rtt ambiguous",
        Kind::RttAmbiguous,
        INSIDE,
        "those of them that were measured when something sent twice was acknowledged (Karn, RFC 6298 3)",
    ),
    measure(
        "sent NAME",
        Kind::Sent(""),
        INSIDE,
        "segments that this end sent for that reason (`why` in the events)",
    ),
    measure("refused", Kind::Refused, INSIDE, "packets and segments that were refused"),
    measure(
        "refused NAME",
        Kind::RefusedFor(""),
        INSIDE,
        "those of them that were refused for that reason",
    ),
    measure(
        "limited-by NAME",
        Kind::LimitedBy(""),
        OWN_TIME,
        "how long that has held this end back (`by` in the events)",
    ),
    measure(
        "handshake rtt",
        Kind::HandshakeRtt,
        TIME,
        "from the SYN (or SYN,ACK) of this end to its answer, when it was sent once",
    ),
    measure(
        "duration",
        Kind::Duration,
        TIME,
        "from the first moment of the connection to the last",
    ),
    measure(
        "goodput",
        Kind::Goodput,
        (Unit::Rate, Known::Packets),
        "text acknowledged, over the duration",
    ),
    measure(
        "rtt",
        Kind::Of(Series::Rtt, Pick::First),
        GUESSED_TIME,
        "the round trips that were measured",
    ),
    measure(
        "srtt",
        Kind::Of(Series::Srtt, Pick::First),
        OWN_TIME,
        "the smoothed round-trip time (RFC 6298 2)",
    ),
    measure(
        "rto-timer",
        Kind::Of(Series::RtoTimer, Pick::First),
        OWN_TIME,
        "how long the retransmission time-out is, after each round trip that was measured",
    ),
    measure(
        "silence",
        Kind::Of(Series::Silence, Pick::First),
        TIME,
        "the times in which this end sent nothing, between two packets of its own",
    ),
    measure("cwnd", Kind::Of(Series::Cwnd, Pick::First), OWN_BYTES, "the congestion window"),
    measure(
        "ssthresh",
        Kind::Of(Series::Ssthresh, Pick::First),
        OWN_BYTES,
        "the slow-start threshold, when it is not infinite",
    ),
    measure(
        "window",
        Kind::Of(Series::Window, Pick::First),
        BYTES,
        "the window that the other end offers, SYN left out",
    ),
    measure(
        "flight",
        Kind::Of(Series::Flight, Pick::First),
        BYTES,
        "text sent and not acknowledged",
    ),
    measure(
        "segment",
        Kind::Of(Series::Segment, Pick::First),
        BYTES,
        "the text of the packets that this end sent, those without left out",
    ),
];

/// The words that pick from a series.
pub(super) const PICKS: &[(&str, Pick)] = &[
    ("first", Pick::First),
    ("min", Pick::Least),
    ("mean", Pick::Mean),
    ("median", Pick::Median),
    ("p99", Pick::Percentile99),
    ("max", Pick::Most),
    ("last", Pick::Last),
];

/// What may hold a sender back; the names of `event::Limit`.
const LIMITS: [&str; 8] = [
    "nothing",
    "state",
    "congestion_window",
    "peer_window",
    "nagle",
    "cork",
    "silly_window",
    "pacing",
];

impl Measure {
    /// The names that may stand behind it.
    pub(super) fn names(&self) -> Vec<&'static str> {
        match self.kind {
            Kind::Sent(_) => Why::ALL.iter().map(|why| why.name()).collect(),
            Kind::RefusedFor(_) => Refusal::ALL.iter().map(|reason| reason.name()).collect(),
            Kind::LimitedBy(_) => LIMITS.to_vec(),
            _ => Vec::new(),
        }
    }

    /// The same about that name.
    pub(super) fn named(mut self, name: Name) -> Measure {
        self.kind = match self.kind {
            Kind::Sent(_) => Kind::Sent(name),
            Kind::RefusedFor(_) => Kind::RefusedFor(name),
            Kind::LimitedBy(_) => Kind::LimitedBy(name),
            other => other,
        };
        self
    }

    /// Whether one of several values is to be picked.
    pub fn is_series(&self) -> bool {
        matches!(self.kind, Kind::Of(..))
    }

    /// The same with another value of its series.
    pub(super) fn picked(mut self, pick: Pick) -> Measure {
        if let Kind::Of(series, _) = self.kind {
            self.kind = Kind::Of(series, pick);
        }
        self
    }

    /// Whether it can only grow while more is recorded.
    pub(super) fn grows(&self) -> bool {
        match self.kind {
            // What is missing may lie in a silence, or have ended what held it back, or have acknowledged what seems under way.
            Kind::Of(Series::Silence | Series::Flight, _) | Kind::LimitedBy(_) => false,
            Kind::Of(_, pick) => pick == Pick::Most,
            Kind::HandshakeRtt | Kind::Goodput => false,
            _ => true,
        }
    }

    /// Whether it stays as it is however much is missing.
    pub(super) fn is_fixed(&self) -> bool {
        matches!(self.kind, Kind::HandshakeRtt | Kind::Connections)
    }
}
