//! A lab that was run: whether its claims hold, what is seen, and the answers.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::{Claim, Lab, Live, LiveRun, Part, Picture, Question, Recorded, Unreadable, View};
use crate::observe::grade::{Findings, Grade, Place, Quantity, Rules};
use crate::observe::trace::ladder::Ladder;
use crate::observe::trace::{Span, Trace, figures};
use crate::time::Duration;

/// A trace, and how many connections there are at its place.
type Looked = Rc<(Trace, usize)>;

/// A lab and the recordings of its runs.
#[derive(Debug)]
pub struct Done {
    /// Which.
    pub lab: &'static Lab,
    /// The recordings, in the order of the runs.
    pub runs: Vec<Recorded>,
    /// Whether it was run over a real device.
    pub live: bool,
    known: RefCell<BTreeMap<Place, Looked>>,
}

/// A picture that was drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drawing {
    /// The name of its file, without its ending.
    pub name: String,
    /// The picture.
    pub svg: String,
}

impl Done {
    /// A lab whose runs are over in the simulator.
    ///
    /// # Errors
    /// When there is nothing to be seen in one of them.
    pub fn new(lab: &'static Lab, runs: Vec<Recorded>) -> Result<Done, Unreadable> {
        Done::made(lab, runs, false)
    }

    /// A lab that was run over a real device.
    ///
    /// # Errors
    /// When there is nothing to be seen in one of its runs.
    pub fn live(lab: &'static Lab, runs: Vec<Recorded>) -> Result<Done, Unreadable> {
        Done::made(lab, runs, true)
    }

    fn made(lab: &'static Lab, runs: Vec<Recorded>, live: bool) -> Result<Done, Unreadable> {
        let done = Done { lab, runs, live, known: RefCell::default() };
        for run in &done.runs {
            done.look(&place(run.name)).map_err(Unreadable)?;
        }
        Ok(done)
    }

    fn run(&self, place: &Place) -> Result<&Recorded, String> {
        let Some(at) = &place.at else {
            return self.runs.first().ok_or_else(|| "nothing was run".to_owned());
        };
        let name = at.split('/').next().unwrap_or_default();
        let run = self.runs.iter().find(|run| run.name == name);
        run.ok_or_else(|| format!("there is no run '{name}'"))
    }

    fn look(&self, place: &Place) -> Result<Looked, String> {
        if let Some(known) = self.known.borrow().get(place) {
            return Ok(Rc::clone(known));
        }
        let looked = Rc::new(self.run(place)?.trace(place, Span::default())?);
        self.known.borrow_mut().insert(place.clone(), Rc::clone(&looked));
        Ok(looked)
    }

    /// What is claimed of it.
    pub fn claims(&self) -> &'static [Claim] {
        self.live_run().map_or(self.lab.claims, |run| run.claims)
    }

    /// The claims that are about one run alone, as rules for the file of its events.
    pub fn rules(&self, name: &str) -> String {
        let mut rules = String::new();
        let Some(run) = self.runs.iter().find(|run| run.name == name) else { return rules };
        for claim in self.claims() {
            let Some((at, rule)) = claim.rule.split_once(": ") else { continue };
            let (at, conn) = at.split_once(" conn ").map_or((at, ""), |(at, conn)| (at, conn));
            let (at, host) = at.split_once('/').unwrap_or((at, run.host));
            if at != name || rule.contains(" of ") {
                continue;
            }
            let host = if host.is_empty() { String::new() } else { format!("at {host} ") };
            let conn = if conn.is_empty() { String::new() } else { format!("conn {conn}") };
            let place = format!("{host}{conn}");
            let colon = if place.is_empty() { "" } else { ": " };
            rules += &format!("# {}\n{}{colon}{rule}\n", claim.says, place.trim_end());
        }
        rules
    }

    /// Each claim with what became of it.
    ///
    /// # Errors
    /// When a rule cannot be read, or is about a run that there is not.
    pub fn grades(&self) -> Result<Vec<(&'static Claim, Grade)>, Unreadable> {
        let mut graded = Vec::new();
        for claim in self.claims() {
            let rules: Rules = claim.rule.parse().map_err(|error| {
                Unreadable(format!("a claim of the lab {}: {error}", self.lab.name))
            })?;
            let mut findings = Findings::default();
            for place in rules.places() {
                match self.look(&place) {
                    Ok(looked) => rules.look_at(&mut findings, &place, (&looked.0, looked.1)),
                    Err(why) => findings.absent(&place, &why),
                }
            }
            graded.extend(rules.judge(&findings).into_iter().map(|grade| (claim, grade)));
        }
        Ok(graded)
    }

    /// The questions of the lab; over a real device those that are about what ran there.
    pub fn questions(&self) -> impl Iterator<Item = &'static Question> {
        let all = self.lab.questions.iter();
        all.filter(|question| self.live_run().is_none() || self.answer(question).is_ok())
    }

    /// The answer to a question, with what was seen in place of what stands in braces.
    ///
    /// # Errors
    /// When a quantity cannot be read, or is not to be seen in this run.
    pub fn answer(&self, question: &Question) -> Result<String, Unreadable> {
        let mut answer = String::new();
        let mut rest = question.answer;
        while let Some((before, behind)) = rest.split_once('{') {
            let (quantity, after) = behind.split_once('}').unwrap_or((behind, ""));
            answer += before;
            answer += &self.quantity(quantity)?;
            rest = after;
        }
        Ok(answer + rest)
    }

    fn quantity(&self, text: &str) -> Result<String, Unreadable> {
        let quantity: Quantity = text.parse().map_err(|error| {
            Unreadable(format!("an answer of the lab {}: {error}", self.lab.name))
        })?;
        let looked = self.look(&quantity.place()).map_err(Unreadable)?;
        let value = quantity.value(&looked.0, looked.1);
        value.ok_or_else(|| Unreadable(format!("nothing of '{text}' is to be seen in this run")))
    }

    fn part(&self, at: &str, span: Option<(u64, u64)>) -> Result<Trace, Unreadable> {
        let place = place(at);
        let run = self.run(&place).map_err(Unreadable)?;
        run.trace(&place, spanned(span)).map(|(trace, _)| trace).map_err(Unreadable)
    }

    /// Each part that is shown segment by segment, in letters, with what is seen there. Over a real device it is the beginning
    /// of each connection, for nobody knows when something happens.
    ///
    /// # Errors
    /// When there is no such run.
    pub fn ladders(&self) -> Result<Vec<(String, String)>, Unreadable> {
        if let Some(run) = self.live_run() {
            let shown =
                |at: &&str| Ok((format!("{at}: how it begins."), self.ladder(at, None)?.text()));
            return run.shows.iter().map(shown).collect();
        }
        let parts = self.lab.ladders.iter();
        let shown = |part: &Part| {
            let ladder = self.ladder(part.place, Some((part.from, part.to)))?;
            Ok((format!("{}: {}", part.place, part.caption), ladder.text()))
        };
        parts.map(shown).collect()
    }

    fn ladder(&self, at: &str, span: Option<(u64, u64)>) -> Result<Ladder, Unreadable> {
        let looked = self.look(&place(at)).map_err(Unreadable)?;
        Ok(Ladder::part(&looked.0, spanned(span)))
    }

    /// How it was run over a real device, if it was.
    fn live_run(&self) -> Option<&'static LiveRun> {
        match &self.lab.live {
            Live::Offered(run) if self.live => Some(run),
            _ => None,
        }
    }

    /// All pictures. Over a real device those of runs that there are, and a ladder of each connection.
    ///
    /// # Errors
    /// When there is no such run.
    pub fn pictures(&self) -> Result<Vec<Drawing>, Unreadable> {
        let is_there = |at: &str| self.run(&place(at)).is_ok();
        let wanted = self.lab.pictures.iter().filter(|picture| match self.live {
            true => picture.view != View::Ladder && picture.places.iter().all(|at| is_there(at)),
            false => true,
        });
        let mut drawings =
            wanted.map(|picture| self.picture(picture)).collect::<Result<Vec<_>, _>>()?;
        for at in self.live_run().map_or(&[][..], |run| run.shows) {
            let name = format!("ladder-{}", at.replace(' ', "-"));
            drawings.push(Drawing { name, svg: self.ladder(at, None)?.svg() });
        }
        Ok(drawings)
    }

    fn picture(&self, picture: &Picture) -> Result<Drawing, Unreadable> {
        let span = picture.span.filter(|_| !self.live);
        let kind = match picture.view {
            View::Sequence => figures::Kind::Sequence,
            View::Window => figures::Kind::Window,
            View::Rtt => figures::Kind::Rtt,
            View::Throughput => figures::Kind::Throughput,
            View::Ladder => {
                let at = picture.places.first().copied().unwrap_or_default();
                let svg = self.ladder(at, span)?.svg();
                return Ok(Drawing { name: picture.name.to_owned(), svg });
            }
        };
        let parts = picture.places.iter().map(|at| Ok((*at, self.part(at, span)?)));
        let parts: Vec<(&str, Trace)> = parts.collect::<Result<_, Unreadable>>()?;
        let from = Duration::from_millis(span.map_or(0, |(from, _)| from));
        let figure = match &parts[..] {
            [(_, trace)] => figures::figure(trace, kind, from),
            several => {
                let several: Vec<_> = several.iter().map(|(name, trace)| (*name, trace)).collect();
                figures::compared(&several, kind, (self.lab.title, from))
            }
        };
        Ok(Drawing { name: picture.name.to_owned(), svg: figure.svg() })
    }
}

/// From when to when; all without.
fn spanned(span: Option<(u64, u64)>) -> Span {
    let millis =
        |(from, to)| Span { from: Duration::from_millis(from), to: Duration::from_millis(to) };
    span.map_or_else(Span::default, millis)
}

/// A place by its words: a run, and perhaps the number of a connection.
fn place(words: &str) -> Place {
    let (at, conn) = match words.split_once(" conn ") {
        Some((at, conn)) => (at, conn.parse().ok()),
        None => (words, None),
    };
    Place { at: Some(at.to_owned()), conn }
}
