//! How many of packetdrill's scripts pass, by area.

use std::fmt::Write as _;

use serde::Deserialize;

/// `tests/packetdrill-areas.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Areas {
    area: Vec<Area>,
}

/// A folder of scripts.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Area {
    name: String,
    /// Scripts for IPv4.
    scripts: usize,
    /// Those that pass here.
    glasstcp: usize,
    /// Those that pass with Linux 6.18; not given where it was not counted.
    linux: Option<usize>,
}

impl Areas {
    pub fn read(text: &str) -> Areas {
        toml::from_str(text).unwrap_or_else(|error| panic!("packetdrill-areas.toml: {error}"))
    }

    /// Where the figures do not agree with the list of scripts that are expected to fail, a line each.
    pub fn faults(&self, expected: &str) -> Vec<String> {
        let lines = expected.lines().filter(|line| !line.starts_with('#'));
        let mut failing: Vec<&str> =
            lines.filter_map(|line| line.split_once('/')).map(|(area, _)| area).collect();
        let mut faults = Vec::new();
        for Area { name, scripts, glasstcp, linux } in &self.area {
            let before = failing.len();
            failing.retain(|area| area != name);
            let failures = before - failing.len();
            if glasstcp + failures != *scripts {
                faults.push(format!(
                    "{name}: {glasstcp} of {scripts} scripts pass, but {failures} are expected to fail"
                ));
            }
            if linux.is_some_and(|linux| linux > *scripts) {
                faults.push(format!("{name}: more scripts pass with Linux than there are"));
            }
        }
        faults.extend(failing.iter().map(|area| format!("{area} is no area")));
        faults
    }

    /// The section of the document.
    pub fn section(&self) -> String {
        let mut text = String::from(
            "\n## packetdrill\n\nThe scripts of Google's packetdrill (`gtests/net/tcp`, IPv4), which Linux's TCP is tested with: how many pass, by
area. Why the others fail is in [packetdrill-expected.txt](../tests/packetdrill-expected.txt).

| area | scripts | glasstcp | Linux 6.18 |
|---|--:|--:|--:|
",
        );
        let shown = |count: Option<usize>| count.map_or("-".to_owned(), |count| count.to_string());
        for Area { name, scripts, glasstcp, linux } in &self.area {
            writeln!(text, "| {name} | {scripts} | {glasstcp} | {} |", shown(*linux)).unwrap();
        }
        let all = |of: fn(&Area) -> usize| self.area.iter().map(of).sum::<usize>();
        let linux: Option<usize> = self.area.iter().map(|area| area.linux).sum();
        let (scripts, passed) = (all(|area| area.scripts), all(|area| area.glasstcp));
        writeln!(text, "| all | {scripts} | {passed} | {} |", shown(linux)).unwrap();
        text
    }
}
