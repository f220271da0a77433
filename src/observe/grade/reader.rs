//! Reads rules.
//!
//! ```text
//!   rule     = [ place ":" ] claim
//!   place    = [ "at" ] NAME [ "conn" N ] | "conn" N
//!   claim    = measure relation operand | measure "in" operand ".." operand
//!            | "state" ( "reaches" | "never" ) STATE | "state" "path" STATE { ">" STATE }
//!            | ( "opened" | "closed" ) "by" who
//!   operand  = [ N "*" ] measure [ "of" place ] | N [ unit ]
//! ```

mod tokens;

use super::measure::{MEASURES, Measure, PICKS, Unit};
use super::{Claim, MOST_RULES, Operand, Place, Relation, Rule, RuleError, Who};
use crate::device::impair::units::{parse_rate, parse_size, parse_time};
use crate::event::State;
use tokens::{Token, tokens};

/// Letters of a rule.
const LONGEST_LINE: usize = 2000;
/// Words that a measure has at most.
const MOST_WORDS: usize = 5;
/// No factor is larger, so that nothing overflows that is multiplied with it.
const FACTOR_MOST: f64 = 1e6;

/// What is wrong, and at which column.
type Problem = (usize, String);

/// All rules of a text.
pub(super) fn rules(text: &str) -> Result<Vec<Rule>, RuleError> {
    let mut rules = Vec::new();
    for (line, number) in text.lines().zip(1..) {
        let error =
            |(column, problem)| RuleError { line: number, column, text: shown(line), problem };
        if line.chars().count() > LONGEST_LINE {
            let problem = format!("a line has at most {LONGEST_LINE} letters");
            return Err(error((1, problem)));
        }
        let tokens = tokens(line).map_err(error)?;
        for part in tokens.split(|token| token.text == ",") {
            let (Some(first), Some(last)) = (part.first(), part.last()) else { continue };
            if rules.len() == MOST_RULES {
                return Err(error((
                    first.column,
                    format!("there are more than {MOST_RULES} rules"),
                )));
            }
            let written: String =
                line.chars().skip(first.column - 1).take(last.end() - first.column).collect();
            let mut reader = Reader { tokens: part, at: 0, end: last.end() };
            let (place, claim) = reader.rule().map_err(error)?;
            rules.push(Rule { text: written, place, claim });
        }
    }
    if rules.is_empty() {
        let problem = "there is no rule here; one is 'rto == 0' (docs/labs/grade.md)".to_owned();
        return Err(RuleError { line: 1, column: 1, text: String::new(), problem });
    }
    Ok(rules)
}

/// One operand and what it counts.
pub(super) fn quantity(text: &str) -> Result<(Operand, Unit), RuleError> {
    let error = |(column, problem)| RuleError { line: 1, column, text: shown(text), problem };
    let tokens = tokens(text).map_err(error)?;
    let end = tokens.last().map_or(1, Token::end);
    let mut reader = Reader { tokens: &tokens, at: 0, end };
    let read = reader.measured(&Place::default()).and_then(|read| reader.done().map(|()| read));
    read.map_err(error)
}

/// A line without what a terminal would obey.
fn shown(line: &str) -> String {
    line.chars().take(LONGEST_LINE).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Goes through the tokens of one rule.
struct Reader<'a> {
    tokens: &'a [Token],
    at: usize,
    /// The column behind the last.
    end: usize,
}

impl Reader<'_> {
    fn rule(&mut self) -> Result<(Place, Claim), Problem> {
        let colon = self.tokens.iter().any(|token| token.text == ":");
        let place = if colon { self.place_before_colon()? } else { Place::default() };
        let claim = self.claim(&place)?;
        self.done()?;
        Ok((place, claim))
    }

    fn peek(&self) -> &str {
        self.tokens.get(self.at).map_or("", |token| &token.text)
    }

    /// The next token; what is missing without one.
    fn next(&mut self, missing: &str) -> Result<Token, Problem> {
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        token.ok_or_else(|| (self.end, format!("here {missing} is missing")))
    }

    /// Takes the next token if it is that word.
    fn takes(&mut self, word: &str) -> bool {
        let takes = self.tokens.get(self.at).is_some_and(|token| token.is(word));
        self.at += usize::from(takes);
        takes
    }

    /// Nothing may follow.
    fn done(&self) -> Result<(), Problem> {
        match self.tokens.get(self.at) {
            None => Ok(()),
            Some(token) => Err((
                token.column,
                format!("'{}' is too much here; between rules there is a comma", token.text),
            )),
        }
    }

    fn place_before_colon(&mut self) -> Result<Place, Problem> {
        let place = self.place()?;
        let colon = self.next("a colon")?;
        match colon.text == ":" {
            true => Ok(place),
            false => Err((
                colon.column,
                format!(
                    "'{}' is no part of a place such as 'conn 2:' or 'at sender conn 2:'; names with spaces are put in quotation marks",
                    colon.text
                ),
            )),
        }
    }

    fn place(&mut self) -> Result<Place, Problem> {
        let mut place = Place::default();
        if !self.takes("conn") {
            self.takes("at");
            let name = self.next("the name of a place")?;
            if !name.is_name() {
                return Err((name.column, format!("'{}' is not the name of a place", name.text)));
            }
            place.at = Some(name.text);
            if !self.takes("conn") {
                return Ok(place);
            }
        }
        let number = self.next("the number of a connection")?;
        place.conn = Some(number.text.parse().map_err(|_| {
            (number.column, format!("'{}' is no number of a connection", number.text))
        })?);
        Ok(place)
    }

    fn claim(&mut self, place: &Place) -> Result<Claim, Problem> {
        if self.takes("state") {
            return self.state();
        }
        for (word, make) in [
            ("opened", Claim::Opened as fn(Who) -> Claim),
            ("closed", Claim::Closed as fn(Who) -> Claim),
        ] {
            if self.takes(word) {
                return self.who(word).map(make);
            }
        }
        let measure = self.measure()?;
        let relation = self.next("a comparison such as == or <=")?;
        if relation.is("in") {
            let from = self.operand(place, measure.unit)?;
            let dots = self.next("..")?;
            if dots.text != ".." {
                let problem = format!("'{}' stands where .. should: 'in 40ms..60ms'", dots.text);
                return Err((dots.column, problem));
            }
            let to = self.operand(place, measure.unit)?;
            if let (Operand::Value(least), Operand::Value(most)) = (&from, &to)
                && least > most
            {
                return Err((
                    dots.column,
                    "nothing lies there: write the smaller one first".to_owned(),
                ));
            }
            return Ok(Claim::Lies(measure, from, to));
        }
        let Some(known) = relation_of(&relation.text) else {
            let problem = format!(
                "'{}' is no comparison; there are == != < <= > >= and 'in A..B'",
                relation.text
            );
            return Err((relation.column, problem));
        };
        Ok(Claim::Compares(measure, known, self.operand(place, measure.unit)?))
    }

    fn state(&mut self) -> Result<Claim, Problem> {
        let word = self.next("'reaches', 'never' or 'path'")?;
        if word.is("path") {
            let mut path = vec![self.state_name()?];
            while self.takes(">") {
                path.push(self.state_name()?);
            }
            return Ok(Claim::Path(path));
        }
        let reaches = word.is("reaches");
        if !reaches && !word.is("never") {
            let problem = format!(
                "'{}' stands where 'reaches', 'never' or 'path' should: 'state reaches ESTABLISHED'",
                word.text
            );
            return Err((word.column, problem));
        }
        if !reaches {
            self.takes("reaches");
        }
        Ok(Claim::Reaches(self.state_name()?, reaches))
    }

    fn state_name(&mut self) -> Result<State, Problem> {
        let token = self.next("a state")?;
        let same =
            |name: &str| name.replace('_', "-").eq_ignore_ascii_case(&token.text.replace('_', "-"));
        let known = State::ALL.into_iter().find(|state| same(state.name()));
        known.ok_or_else(|| {
            let all = State::ALL.map(State::name).join(", ");
            (token.column, format!("'{}' is no state; there are {all}", token.text))
        })
    }

    fn who(&mut self, verb: &str) -> Result<Who, Problem> {
        let by = self.next("'by'")?;
        if !by.is("by") {
            return Err((by.column, format!("here 'by' is missing: '{verb} by peer'")));
        }
        let token = self.next("us, peer, both, reset or nobody")?;
        let choices = Who::ALL
            .iter()
            .filter(|(_, who)| verb == "closed" || !matches!(who, Who::Reset | Who::Nobody));
        let names: Vec<&str> = choices.clone().map(|(name, _)| *name).collect();
        let mut choices = choices;
        let known = choices.find(|(name, _)| token.is(name)).map(|(_, who)| *who);
        known.ok_or_else(|| {
            let problem = format!("'{}' is nobody; there are {}", token.text, names.join(", "));
            (token.column, problem)
        })
    }

    /// A number with its unit, or something that is measured.
    fn operand(&mut self, place: &Place, unit: Unit) -> Result<Operand, Problem> {
        let first = self.next("a value")?;
        let many = self.peek() == "*";
        if first.text.starts_with(|c: char| c.is_ascii_digit()) && !many {
            return value(&first.text, unit)
                .map(Operand::Value)
                .map_err(|problem| (first.column, problem));
        }
        self.at -= 1;
        let (operand, other) = self.measured(place)?;
        if other != unit {
            let problem = format!(
                "this is a {}, and cannot be compared with a {}",
                other.name(),
                unit.name()
            );
            return Err((first.column, problem));
        }
        Ok(operand)
    }

    /// So many times something that is measured.
    fn measured(&mut self, place: &Place) -> Result<(Operand, Unit), Problem> {
        let mut factor = 1.0;
        if self.tokens.get(self.at + 1).is_some_and(|token| token.text == "*") {
            let number = self.next("a number")?;
            factor = positive(&number.text).filter(|factor| *factor <= FACTOR_MOST).ok_or_else(
                || (number.column, format!("'{}' is no number up to a million", number.text)),
            )?;
            self.at += 1;
        }
        let measure = self.measure()?;
        let place = if self.takes("of") { self.place()? } else { place.clone() };
        Ok((Operand::Measured(factor, place, measure), measure.unit))
    }

    /// The measure with the longest name that stands here.
    fn measure(&mut self) -> Result<Measure, Problem> {
        let begin = self.at;
        let first = self.next("what is measured")?;
        self.at = begin;
        let found = (1..=MOST_WORDS).rev().find_map(|count| {
            let words = self.tokens.get(begin..begin + count)?;
            let words: Vec<String> = words.iter().flat_map(Token::parts).collect();
            let known =
                MEASURES.iter().find(|measure| parts(plain(measure)).eq(words.iter().cloned()));
            known.map(|measure| (count, *measure))
        });
        let Some((count, measure)) = found else {
            return Err((first.column, unknown(&self.tokens[begin..])));
        };
        self.at += count;
        if measure.is_series() {
            return self.pick(measure);
        }
        if measure.names().is_empty() {
            return match self.named(&measure)? {
                Some(named) => Ok(named),
                None => Ok(measure),
            };
        }
        self.named(&measure)?.ok_or_else(|| {
            (self.end, format!("here a name is missing, after '{}'", plain(&measure)))
        })
    }

    /// Which value of a series.
    fn pick(&mut self, measure: Measure) -> Result<Measure, Problem> {
        let picks = PICKS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
        let which = format!("which {} ({picks})", plain(&measure));
        let word = self.next(&which)?;
        let known = PICKS.iter().find(|(name, _)| word.is(name));
        known.map(|(_, pick)| measure.picked(*pick)).ok_or_else(|| {
            let problem = format!("here {which} is missing: '{} max'", plain(&measure));
            (word.column, problem)
        })
    }

    /// The same with the name that stands behind it, when there is one.
    fn named(&mut self, measure: &Measure) -> Result<Option<Measure>, Problem> {
        let phrase = format!("{} NAME", plain(measure));
        let Some(with_name) = MEASURES.iter().find(|other| other.phrase == phrase) else {
            return Ok(None);
        };
        let begin = self.at;
        let is_word = |token: &&Token| token.is_name() && !token.is("in") && !token.is("of");
        let words: Vec<&Token> = self.tokens[begin..].iter().take_while(is_word).collect();
        let Some(first) = words.first() else { return Ok(None) };
        self.at += words.len();
        let wanted: Vec<String> = words.iter().flat_map(|token| token.parts()).collect();
        let names = with_name.names();
        let known = names.iter().find(|name| parts(name).eq(wanted.iter().cloned()));
        known.map(|name| Some(with_name.named(name))).ok_or_else(|| {
            let wanted = wanted.join("-");
            let near = nearest(&wanted, names.iter().map(|name| name.replace('_', "-")));
            let problem = format!(
                "'{wanted}' is no name that can stand behind '{}'{near}; docs/events.md has them",
                plain(measure)
            );
            (first.column, problem)
        })
    }
}

/// The words of a name.
fn parts(name: &str) -> impl Iterator<Item = String> {
    name.split([' ', '-', '_']).map(str::to_ascii_lowercase)
}

/// The phrase of a measure without the name that stands behind it.
fn plain(measure: &Measure) -> &'static str {
    measure.phrase.trim_end_matches(" NAME")
}

fn relation_of(text: &str) -> Option<Relation> {
    Some(match text {
        "==" | "=" => Relation::Equal,
        "!=" => Relation::Unequal,
        "<" => Relation::Less,
        "<=" => Relation::AtMost,
        ">" => Relation::More,
        ">=" => Relation::AtLeast,
        _ => return None,
    })
}

/// What is said of words that are no measure.
fn unknown(tokens: &[Token]) -> String {
    let words: Vec<&str> =
        tokens.iter().take_while(|token| token.is_name()).map(|token| &*token.text).collect();
    let words = if words.is_empty() { tokens[0].text.clone() } else { words.join(" ") };
    let phrases = MEASURES.iter().map(|measure| plain(measure).to_owned());
    let near = nearest(&words, phrases);
    format!("'{words}' is nothing that can be measured{near}; docs/labs/grade.md has all that can")
}

/// The one that may have been meant.
fn nearest(wanted: &str, names: impl Iterator<Item = String>) -> String {
    let wanted = wanted.to_ascii_lowercase();
    let near = names.map(|name| (distance(&wanted, &name), name)).min();
    match near {
        Some((far, name)) if far <= 1 + name.len() / 3 => format!(", perhaps '{name}'"),
        _ => String::new(),
    }
}

/// How many letters have to be added, left out or changed to make one of the other (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.chars().count()).collect();
    for (index, letter) in one.chars().enumerate() {
        let mut corner = std::mem::replace(&mut row[0], index + 1);
        for (at, with) in other.chars().enumerate() {
            let changed = corner + usize::from(letter != with);
            corner = row[at + 1];
            row[at + 1] = changed.min(row[at] + 1).min(corner + 1);
        }
    }
    row.last().copied().unwrap_or(0)
}

fn positive(text: &str) -> Option<f64> {
    let number = text.parse::<f64>().ok()?;
    number.is_finite().then_some(number)
}

/// A number with a unit.
fn value(text: &str, unit: Unit) -> Result<f64, String> {
    let bare = positive(text);
    let without_unit = |what: &str| format!("'{text}' has no unit: write {what}");
    match unit {
        Unit::Times => bare.ok_or_else(|| format!("'{text}' is no number of times such as 3")),
        _ if bare == Some(0.0) => Ok(0.0),
        Unit::Bytes => match bare {
            Some(bytes) => Ok(bytes),
            None => parse_size(text).map(|bytes| bytes as f64).map_err(|error| error.to_string()),
        },
        Unit::Time if bare.is_some() => Err(without_unit("200ms, 1.5s or 50us")),
        Unit::Time => {
            parse_time(text).map(|time| time.as_nanos() as f64).map_err(|error| error.to_string())
        }
        Unit::Rate if bare.is_some() => Err(without_unit("10mbit or 500kbit")),
        // For tc(8) that is bytes.
        Unit::Rate if text.to_ascii_lowercase().ends_with("bps") => {
            Err(format!("'{text}' is bits for some and bytes for others: write 10mbit or 500kbit"))
        }
        Unit::Rate => match parse_rate(text) {
            Ok(Some(rate)) => Ok(rate as f64),
            Ok(None) => Err("nothing is unlimited here: give a rate such as 10mbit".to_owned()),
            Err(error) => Err(error.to_string()),
        },
    }
}
