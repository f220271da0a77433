//! `glasstcp grade`: whether a recording keeps rules.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, anyhow, bail};
use glasstcp::observe::grade::{Findings, Grade, MOST_PLACES, Place, RuleError, Rules, Verdict};
use glasstcp::observe::trace::Span;
use glasstcp::service::text::harmless_line;
use serde::Serialize;

use super::recording::{Recording, list};

/// Check a recording against rules, as an autograder does
///
/// The file may be events, a recording of the flight recorder, or a capture by anybody. A rule says how often something
/// may have happened, how large or long something was, or which states were passed; there is a line for each, with what
/// was seen. What a file does not tell makes a rule unknown, and that is not enough: from packets alone nobody knows a
/// congestion window.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  glasstcp grade events.jsonl --expect 'fast-retransmits == 1, rto == 0'
  glasstcp grade events.jsonl --expect rules.txt --json
  glasstcp grade capture.pcap --expect 'retransmissions <= 3, handshake rtt < 200ms, closed by peer'
  glasstcp grade events.jsonl --expect 'at sender: cwnd max >= 20k, conn 2: state reaches ESTABLISHED'

docs/labs/grade.md has all that can be asked for.

Exit codes: 0 all rules hold, 1 some do not or the file cannot be read (one sentence says why), 2 the command line or the
rules cannot be read.")]
pub struct Args {
    /// A file of events (lines of JSON) or a capture (pcap, pcapng)
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Rules with commas between, or a file with them, a line each or with commas
    #[arg(short, long, value_name = "RULES")]
    expect: String,

    /// See a capture from the view of the other end
    #[arg(long)]
    turn: bool,

    /// Print one JSON object with everything, for programs
    #[arg(long)]
    json: bool,
}

/// Bytes of a file of rules.
const LONGEST: u64 = 1 << 20;
/// The exit code for rules that cannot be read.
const BAD_RULES: u8 = 2;

/// What is printed for programs.
#[derive(Serialize)]
struct Report<'a> {
    file: String,
    passed: usize,
    failed: usize,
    unknown: usize,
    rules: Vec<Line<'a>>,
}

/// A rule of it.
#[derive(Serialize)]
struct Line<'a> {
    rule: &'a str,
    result: &'static str,
    seen: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<f64>,
    guessed: bool,
    connection: &'a str,
}

impl<'a> From<&'a Grade> for Line<'a> {
    fn from(grade: &'a Grade) -> Line<'a> {
        let Grade { rule, verdict, seen, value, guessed, connection } = grade;
        let (value, guessed) = (*value, *guessed);
        Line { rule, result: verdict.name(), seen, value, guessed, connection }
    }
}

impl Args {
    /// Judges, and says what came of it.
    pub fn run(self) -> ExitCode {
        let rules = match self.rules() {
            Ok(Ok(rules)) if rules.places().len() > MOST_PLACES => {
                let error = anyhow!(
                    "the rules are about more than {MOST_PLACES} connections: make several files of them"
                );
                return super::fail(&error, BAD_RULES);
            }
            Ok(Ok(rules)) => rules,
            Ok(Err(error)) => {
                let error = anyhow::Error::new(error).context("the rules cannot be read");
                return super::fail(&error, BAD_RULES);
            }
            Err(error) => return super::fail(&error, BAD_RULES),
        };
        match self.judge(&rules) {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => ExitCode::from(1),
            Err(error) => super::fail(&error, 1),
        }
    }

    /// The rules, from a file where there is one of that name.
    fn rules(&self) -> anyhow::Result<Result<Rules, RuleError>> {
        let path = Path::new(&self.expect);
        // A pipe will do, too.
        if !path.metadata().is_ok_and(|there| !there.is_dir()) {
            return Ok(self.expect.parse());
        }
        let mut text = Vec::new();
        File::open(path)
            .and_then(|file| file.take(LONGEST + 1).read_to_end(&mut text))
            .with_context(|| format!("cannot read the rules in {}", path.display()))?;
        if text.len() as u64 > LONGEST {
            bail!(
                "{} has more than {LONGEST} bytes of rules: make several files of it",
                path.display()
            );
        }
        Ok(decoded(&text).parse())
    }

    fn judge(&self, rules: &Rules) -> anyhow::Result<bool> {
        let mut recording = Recording::open(&self.file)?;
        let mut findings = Findings::default();
        for place in rules.places() {
            self.look(&mut recording, rules, &place, &mut findings)?;
        }
        let grades = rules.judge(&findings);
        let text = if self.json { self.report(&grades)? } else { lines(&grades) };
        super::say(&text)?;
        Ok(grades.iter().all(|grade| grade.verdict == Verdict::Pass))
    }

    /// Looks at one connection.
    fn look(
        &self,
        recording: &mut Recording,
        rules: &Rules,
        place: &Place,
        findings: &mut Findings,
    ) -> anyhow::Result<()> {
        let survey = &recording.survey;
        let Some(found) = survey.choose(place.conn, place.at.as_deref()) else {
            let there = list(&survey.found, None);
            findings.absent(place, &format!("there is no connection {place}; there is {there}"));
            return Ok(());
        };
        let connections = survey.found.iter().filter(|other| other.place == found.place).count();
        let found = if self.turn { recording.turned(found)? } else { found.clone() };
        let trace = recording.trace(&found, Span::default())?;
        rules.look_at(findings, place, (&trace, connections));
        Ok(())
    }

    fn report(&self, grades: &[Grade]) -> anyhow::Result<String> {
        let count = |verdict| grades.iter().filter(|grade| grade.verdict == verdict).count();
        let report = Report {
            file: self.file.display().to_string(),
            passed: count(Verdict::Pass),
            failed: count(Verdict::Fail),
            unknown: count(Verdict::Unknown),
            rules: grades.iter().map(Line::from).collect(),
        };
        Ok(serde_json::to_string(&report)? + "\n")
    }
}

/// The text of a file: UTF-8, or UTF-16 as some editors write it. Letters of other encodings matter only outside of comments.
fn decoded(bytes: &[u8]) -> String {
    let wide = |rest: &[u8], unit: fn([u8; 2]) -> u16| {
        let (pairs, _) = rest.as_chunks::<2>();
        String::from_utf16_lossy(&pairs.iter().copied().map(unit).collect::<Vec<_>>())
    };
    match bytes {
        [0xFF, 0xFE, rest @ ..] => wide(rest, u16::from_le_bytes),
        [0xFE, 0xFF, rest @ ..] => wide(rest, u16::from_be_bytes),
        [0xEF, 0xBB, 0xBF, rest @ ..] | rest => String::from_utf8_lossy(rest).into_owned(),
    }
}

/// A line for each rule.
fn lines(grades: &[Grade]) -> String {
    let width = grades.iter().map(|grade| grade.rule.chars().count()).max().unwrap_or(0).min(48);
    let line = |grade: &Grade| {
        let Grade { rule, verdict, seen, guessed, .. } = grade;
        let guess = if *guessed { " (a guess: packets alone do not say)" } else { "" };
        harmless_line(&format!("{:<7}  {rule:<width$}  seen: {seen}{guess}", verdict.name()))
    };
    grades.iter().map(|grade| line(grade) + "\n").collect()
}

#[cfg(test)]
mod tests;
