//! Rules about a connection, and whether a recording keeps them: what `glasstcp grade` and the claims of the labs are
//! written in. `docs/labs/grade.md` describes the language.
//!
//! ```text
//!   fast-retransmits == 1, rto == 0, state reaches ESTABLISHED, at sender: cwnd max >= 20k
//!
//!   Rules::read --> Rules::places: which connections they are about
//!                      |   for each: a Trace --> Rules::look_at
//!                      v
//!                   Findings --> Rule::judge: holds, fails, or cannot be known; and what was seen
//! ```
//!
//! A trace is looked at once for all rules about it, so that never more than one has to be in memory.

mod facts;
mod judge;
mod measure;
mod reader;
mod words;

use std::fmt;
use std::str::FromStr;

use crate::event::State;
use crate::observe::trace::Trace;

pub use facts::{Findings, Seen};
pub use judge::{Grade, Verdict};
pub use measure::{Known, MEASURES, Measure, Unit};

/// Rules that are read; more are an error.
pub const MOST_RULES: usize = 200;

/// Connections that rules may be about; the file is read once for each.
pub const MOST_PLACES: usize = 32;

/// Which connection of a recording a rule is about; without anything the one with most text.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The stack, or the interface of a capture, or the run of a lab.
    pub at: Option<String>,
    /// The number of the connection.
    pub conn: Option<u32>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.at, self.conn) {
            (None, None) => f.write_str("the connection with most text"),
            (Some(at), None) => f.write_str(at),
            (None, Some(conn)) => write!(f, "conn {conn}"),
            (Some(at), Some(conn)) => write!(f, "{at} conn {conn}"),
        }
    }
}

/// How two values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// The same.
    Equal,
    /// Not the same.
    Unequal,
    /// Smaller.
    Less,
    /// Smaller or the same.
    AtMost,
    /// Larger.
    More,
    /// Larger or the same.
    AtLeast,
}

/// One side of a comparison.
#[derive(Clone, Debug, PartialEq)]
enum Operand {
    /// A number, in the unit of what is on the left.
    Value(f64),
    /// So many times what is measured.
    Measured(f64, Place, Measure),
}

/// Who did something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// The end whose view it is.
    Us,
    /// The other end.
    Peer,
    /// Both at the same time.
    Both,
    /// A reset, of either end.
    Reset,
    /// Neither, up to where the recording ends.
    Nobody,
}

impl Who {
    const ALL: [(&'static str, Who); 5] = [
        ("us", Who::Us),
        ("peer", Who::Peer),
        ("both", Who::Both),
        ("reset", Who::Reset),
        ("nobody", Who::Nobody),
    ];

    /// Its name in rules.
    pub fn name(self) -> &'static str {
        Who::ALL.iter().find(|(_, who)| *who == self).map_or("", |(name, _)| name)
    }
}

/// What a rule says.
#[derive(Clone, Debug, PartialEq)]
enum Claim {
    /// Something measured, compared with something else.
    Compares(Measure, Relation, Operand),
    /// It lies between the two, or is one of them.
    Lies(Measure, Operand, Operand),
    /// A state is reached, or never.
    Reaches(State, bool),
    /// These states follow on each other.
    Path(Vec<State>),
    /// Who has opened it.
    Opened(Who),
    /// Who has closed it first.
    Closed(Who),
}

/// One rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    text: String,
    place: Place,
    claim: Claim,
}

/// As it was written.
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The line with a mark below the place; nothing where there is no line.
fn marked(text: &str, column: usize) -> String {
    match text {
        "" => String::new(),
        text => format!("\n  {text}\n  {}^", " ".repeat(column.saturating_sub(1))),
    }
}

/// Rules in their order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rules {
    /// Each of them.
    pub rules: Vec<Rule>,
}

/// Where rules cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {problem}{}", marked(text, *column))]
pub struct RuleError {
    line: usize,
    column: usize,
    text: String,
    problem: String,
}

impl FromStr for Rules {
    type Err = RuleError;

    /// Reads rules with commas or ends of lines between; `#` begins a comment.
    ///
    /// # Errors
    /// What cannot be read, where, and what could stand there.
    fn from_str(text: &str) -> Result<Rules, RuleError> {
        reader::rules(text).map(|rules| Rules { rules })
    }
}

/// Something that can be measured and where, as the right side of a rule has it: `rtt median of cubic`, `0.5 * cwnd max`.
#[derive(Clone, Debug, PartialEq)]
pub struct Quantity(Operand, Unit);

impl FromStr for Quantity {
    type Err = RuleError;

    /// # Errors
    /// As those of rules.
    fn from_str(text: &str) -> Result<Quantity, RuleError> {
        reader::quantity(text).map(|(operand, unit)| Quantity(operand, unit))
    }
}

impl Rules {
    /// The connections that have to be looked at.
    pub fn places(&self) -> Vec<Place> {
        let mut places: Vec<Place> =
            self.rules.iter().flat_map(|rule| rule.needs().map(|(place, _)| place)).collect();
        places.sort();
        places.dedup();
        places
    }

    /// Looks at one of them for all that the rules want to know of it. `connections` is how many its file has there.
    pub fn look_at(
        &self,
        findings: &mut Findings,
        place: &Place,
        (trace, connections): (&Trace, usize),
    ) {
        for rule in &self.rules {
            for (_, query) in rule.needs().filter(|(other, _)| other == place) {
                findings.look(place, query, trace, connections);
            }
        }
    }

    /// What became of each rule.
    pub fn judge(&self, findings: &Findings) -> Vec<Grade> {
        self.rules.iter().map(|rule| rule.judge(findings)).collect()
    }
}

impl Quantity {
    /// Which connection it is about.
    pub fn place(&self) -> Place {
        match &self.0 {
            Operand::Measured(_, place, _) => place.clone(),
            Operand::Value(_) => Place::default(),
        }
    }

    /// Its value in words; `None` where it cannot be known.
    pub fn value(&self, trace: &Trace, connections: usize) -> Option<String> {
        let Operand::Measured(factor, place, measure) = &self.0 else { return None };
        let mut findings = Findings::default();
        findings.look(place, facts::Query::Measure(*measure), trace, connections);
        let value = findings.value(place, *measure)?;
        Some(words::value(value * factor, self.1))
    }
}

#[cfg(test)]
mod tests;
