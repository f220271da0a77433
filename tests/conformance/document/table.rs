//! What is required, as `requirements.toml` has it.

use serde::Deserialize;

use super::source::{Place, Sources};

/// All of it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    pub rfc: Vec<Rfc>,
}

/// What one RFC requires.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rfc {
    pub number: u32,
    pub title: String,
    pub rules: Vec<Rule>,
}

/// One requirement.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Its number in RFC 9293, or the section.
    id: String,
    level: String,
    /// In our words.
    what: String,
    /// `file::item`.
    #[serde(default)]
    code: Vec<String>,
    /// `conformance::module::test` or `file::test`.
    #[serde(default)]
    pub tests: Vec<String>,
    /// Why it is not met, or not wholly.
    exception: Option<String>,
}

/// What is said of a requirement.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Met,
    Exception,
    /// An option.
    NotTaken,
}

impl Table {
    pub fn read(text: &str) -> Table {
        toml::from_str(text).unwrap_or_else(|error| panic!("requirements.toml: {error}"))
    }

    pub fn rules(&self) -> impl Iterator<Item = &Rule> + Clone {
        self.rfc.iter().flat_map(|rfc| &rfc.rules)
    }

    pub fn rfc(&self, number: u32) -> Option<&Rfc> {
        self.rfc.iter().find(|rfc| rfc.number == number)
    }
}

impl Rfc {
    pub fn has(&self, id: &str) -> bool {
        self.rules.iter().any(|rule| rule.id == id)
    }
}

impl Rule {
    pub fn verdict(&self) -> Verdict {
        match self.exception {
            None => Verdict::Met,
            Some(_) if self.level == "MAY" => Verdict::NotTaken,
            Some(_) => Verdict::Exception,
        }
    }

    /// What is wrong with it, a line each.
    pub fn faults(&self, sources: &Sources) -> Vec<String> {
        let Rule { id, level, .. } = self;
        let mut faults = Vec::new();
        if !["MUST", "MUST NOT", "SHOULD", "SHOULD NOT", "MAY"].contains(&level.as_str()) {
            faults.push(format!("{id}: {level} is no level"));
        }
        if self.exception.is_none() && (self.code.is_empty() || self.tests.is_empty()) {
            faults.push(format!("{id} has neither an exception nor both code and tests"));
        }
        let code = self.code.iter().filter_map(|name| sources.code(name).err());
        let tests = self.tests.iter().filter_map(|name| sources.test(name).err());
        faults.extend(code.chain(tests).map(|fault| format!("{id}: {fault}")));
        faults
    }

    /// Its row in the document.
    pub fn row(&self, sources: &Sources) -> String {
        let list =
            |places: Vec<Place>| places.iter().map(Place::link).collect::<Vec<_>>().join("<br>");
        let code = list(self.code.iter().filter_map(|name| sources.code(name).ok()).collect());
        let mut shown =
            list(self.tests.iter().filter_map(|name| sources.test(name).ok()).collect());
        if let Some(reason) = &self.exception {
            let word = match self.verdict() {
                Verdict::NotTaken => "Not taken",
                _ => "**Exception**",
            };
            let newline = if shown.is_empty() { "" } else { "<br>" };
            shown += &format!("{newline}{word}: {reason}");
        }
        let Rule { id, level, what, .. } = self;
        format!("| {id} | {level} | {what} | {code} | {shown} |\n")
    }
}
