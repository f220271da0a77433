//! Whether a rule is kept.

use super::facts::Query;
use super::{Claim, Findings, Measure, Operand, Place, Relation, Rule, Seen, words};
use crate::event::State;

/// What became of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It holds.
    Pass,
    /// It does not.
    Fail,
    /// The recording does not tell.
    Unknown,
}

impl Verdict {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Verdict::Pass => "pass",
            Verdict::Fail => "fail",
            Verdict::Unknown => "unknown",
        }
    }
}

/// A rule that was judged.
#[derive(Clone, Debug, PartialEq)]
pub struct Grade {
    /// As it was written.
    pub rule: String,
    /// What became of it.
    pub verdict: Verdict,
    /// What was seen, or why nothing could be.
    pub seen: String,
    /// The number that was seen, in counts, bytes, nanoseconds or bits a second.
    pub value: Option<f64>,
    /// Whether packets alone let it be guessed, and no more.
    pub guessed: bool,
    /// Which connection it is about.
    pub connection: String,
}

/// A verdict, what was seen, and its number.
type Judged = (Verdict, String, Option<f64>);

impl Rule {
    /// What has to be known for it, and of which connections.
    pub(super) fn needs(&self) -> impl Iterator<Item = (Place, Query)> + '_ {
        let own = |query| (self.place.clone(), query);
        let of = |operand: &Operand| match operand {
            Operand::Measured(_, place, measure) => Some((place.clone(), Query::Measure(*measure))),
            Operand::Value(_) => None,
        };
        let all = match &self.claim {
            Claim::Compares(measure, _, right) => {
                [Some(own(Query::Measure(*measure))), of(right), None]
            }
            Claim::Lies(measure, from, to) => {
                [Some(own(Query::Measure(*measure))), of(from), of(to)]
            }
            Claim::Reaches(..) | Claim::Path(_) => [Some(own(Query::States)), None, None],
            Claim::Opened(_) => [Some(own(Query::Opened)), None, None],
            Claim::Closed(_) => [Some(own(Query::Closed)), None, None],
        };
        all.into_iter().flatten()
    }

    /// Whether it holds.
    pub(super) fn judge(&self, findings: &Findings) -> Grade {
        let (verdict, seen, value) = match &self.claim {
            Claim::Compares(measure, relation, right) => {
                self.compare(findings, *measure, &[(*relation, right)])
            }
            Claim::Lies(measure, from, to) => {
                let bounds = [(Relation::AtLeast, from), (Relation::AtMost, to)];
                self.compare(findings, *measure, &bounds)
            }
            Claim::Reaches(state, wanted) => self.states(findings, |states| {
                let reached = states.iter().any(|name| name == state.name());
                (reached == *wanted, reached)
            }),
            Claim::Path(path) => self.states(findings, |states| {
                let names: Vec<&str> = path.iter().map(|state| State::name(*state)).collect();
                let found = states.windows(names.len()).any(|part| part == names);
                (found, found)
            }),
            Claim::Opened(who) => self.who(findings, Query::Opened, *who),
            Claim::Closed(who) => self.who(findings, Query::Closed, *who),
        };
        let guessed = self
            .needs()
            .any(|(place, query)| findings.find(&place, query).is_some_and(|seen| seen.1));
        Grade {
            rule: self.text.clone(),
            verdict,
            seen,
            value,
            guessed,
            connection: findings.title(&self.place).unwrap_or_default().to_owned(),
        }
    }

    /// Why nothing is known of a place.
    fn nothing(findings: &Findings, place: &Place) -> Judged {
        let why = findings.title(place).unwrap_or("it was not looked at");
        (Verdict::Unknown, why.to_owned(), None)
    }

    /// Compares what was measured with each of the others.
    fn compare(
        &self,
        findings: &Findings,
        measure: Measure,
        with: &[(Relation, &Operand)],
    ) -> Judged {
        let (value, at_least) = match findings.find(&self.place, Query::Measure(measure)) {
            None => return Rule::nothing(findings, &self.place),
            Some((Seen::Value { value, at_least }, _)) => (*value, *at_least),
            Some((Seen::Unknown(why), _)) => return (Verdict::Unknown, why.clone(), None),
            Some(_) => return (Verdict::Unknown, String::new(), None),
        };
        let mut seen = words::value(value, measure.unit);
        if at_least {
            seen = format!("{seen} at least, since not all is in the file");
        }
        let mut verdict = Verdict::Pass;
        for (relation, operand) in with {
            let (right, loose) = match operand {
                Operand::Value(number) => (*number, false),
                Operand::Measured(factor, place, other) => {
                    match findings.find(place, Query::Measure(*other)) {
                        None => return Rule::nothing(findings, place),
                        Some((Seen::Value { value, at_least }, _)) => {
                            let right = value * factor;
                            seen +=
                                &format!(", and on the right {}", words::value(right, other.unit));
                            (right, *at_least)
                        }
                        Some((Seen::Unknown(why), _)) => {
                            return (
                                Verdict::Unknown,
                                format!("{seen}, but on the right: {why}"),
                                None,
                            );
                        }
                        Some(_) => return (Verdict::Unknown, seen, None),
                    }
                }
            };
            let one = match loose {
                true => Verdict::Unknown,
                false => relation.judge(value, right, at_least),
            };
            verdict = match (verdict, one) {
                (Verdict::Fail, _) | (_, Verdict::Fail) => Verdict::Fail,
                (Verdict::Unknown, _) | (_, Verdict::Unknown) => Verdict::Unknown,
                _ => Verdict::Pass,
            };
        }
        (verdict, seen, Some(value))
    }

    /// A rule about states; `judge` says whether it holds, and whether that is since something was seen.
    fn states(&self, findings: &Findings, judge: impl Fn(&[String]) -> (bool, bool)) -> Judged {
        match findings.find(&self.place, Query::States) {
            Some((Seen::States(states, partly), _)) => {
                let verdict = match judge(states) {
                    // What was seen stays seen, whatever is missing.
                    (_, false) if *partly => Verdict::Unknown,
                    (true, _) => Verdict::Pass,
                    (false, _) => Verdict::Fail,
                };
                (verdict, words::states(states), None)
            }
            Some((Seen::Unknown(why), _)) => (Verdict::Unknown, why.clone(), None),
            _ => Rule::nothing(findings, &self.place),
        }
    }

    fn who(&self, findings: &Findings, query: Query, wanted: super::Who) -> Judged {
        match findings.find(&self.place, query) {
            Some((Seen::Who(who), _)) => {
                let verdict = if *who == wanted { Verdict::Pass } else { Verdict::Fail };
                (verdict, format!("by {}", who.name()), None)
            }
            Some((Seen::Unknown(why), _)) => (Verdict::Unknown, why.clone(), None),
            _ => Rule::nothing(findings, &self.place),
        }
    }
}

impl Relation {
    /// Whether it holds between two values, of which the left one may be larger than that.
    fn judge(self, left: f64, right: f64, at_least: bool) -> Verdict {
        // What is computed is as good as equal.
        let same = (left - right).abs() <= 1e-9 * left.abs().max(right.abs());
        let (less, more) = (left < right && !same, left > right && !same);
        let holds = match self {
            Relation::Equal => same,
            Relation::Unequal => !same,
            Relation::Less => less,
            Relation::AtMost => less || same,
            Relation::More => more,
            Relation::AtLeast => more || same,
        };
        let settled = match self {
            Relation::Equal | Relation::Unequal => more,
            Relation::Less | Relation::AtMost => !holds,
            Relation::More | Relation::AtLeast => holds,
        };
        match (holds, at_least && !settled) {
            (_, true) => Verdict::Unknown,
            (true, false) => Verdict::Pass,
            (false, false) => Verdict::Fail,
        }
    }
}
