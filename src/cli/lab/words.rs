//! What a lab prints.

use glasstcp::lab::{Done, LEGEND, Lab, LiveRun};
use glasstcp::service::text::harmless_line;

use super::folder::Folder;
use super::is_seen;

/// Letters of a line.
const WIDTH: usize = 100;
/// Lines of a ladder.
const MOST_ROWS: usize = 60;

/// Lines that are put together.
#[derive(Debug, Default)]
pub struct Text(String);

impl Text {
    /// What there is, which is gone then.
    pub fn take(&mut self) -> String {
        std::mem::take(&mut self.0)
    }

    /// A line as it is.
    fn line(&mut self, line: &str) {
        self.0 += line;
        self.0.push('\n');
    }

    /// A paragraph, whose first line begins with `first` and the others as far to the right.
    fn paragraph(&mut self, first: &str, words: &str) {
        let indent = first.chars().count();
        let mut line = first.to_owned();
        let mut is_empty = true;
        for word in words.split_whitespace() {
            if !is_empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
                self.line(&line);
                line = " ".repeat(indent);
                is_empty = true;
            }
            if !is_empty {
                line.push(' ');
            }
            line += word;
            is_empty = false;
        }
        self.line(&line);
    }
}

/// What will happen, and what to look for.
pub fn before(text: &mut Text, lab: &Lab, live: Option<&LiveRun>) {
    text.line(&format!("{} ({})", lab.title, lab.clauses));
    for paragraph in lab.text {
        text.line("");
        text.paragraph("  ", paragraph);
    }
    text.line("");
    text.line("Look for");
    for point in lab.look_for {
        text.paragraph("  - ", point);
    }
    text.line("");
    match live {
        None => {
            for run in lab.runs {
                text.line(&format!("Run '{}': {}", run.name, run.what));
            }
        }
        Some(live) => {
            text.paragraph(
                "",
                "Over a real device: the stack is one end, the kernel the other, in a network namespace of its own; \
                 what is seen is the stack's view. The numbers are other ones than those above, which are of the simulator.",
            );
            for (name, options) in live.runs {
                text.line(&format!("Run '{name}': glasstcp up {}", options.join(" ")));
            }
        }
    }
    text.line("");
}

/// Segment by segment; of a long one the beginning.
pub fn ladders(text: &mut Text, done: &Done) -> anyhow::Result<()> {
    let ladders = done.ladders()?;
    if !ladders.is_empty() {
        text.paragraph("", LEGEND);
        text.line("");
    }
    for (caption, ladder) in ladders {
        text.line(&format!("Run {caption}"));
        text.line("");
        for line in ladder.lines().take(MOST_ROWS) {
            text.line(&harmless_line(line));
        }
        let more = ladder.lines().count().saturating_sub(MOST_ROWS);
        if more > 0 {
            text.line(&format!("{:>11} and {more} lines more", "..."));
        }
        text.line("");
    }
    Ok(())
}

/// Each claim and what was seen of it; whether all hold.
pub fn seen(text: &mut Text, done: &Done) -> anyhow::Result<bool> {
    text.line("What was claimed");
    let mut all = true;
    for (claim, grade) in done.grades()? {
        let is_seen = is_seen(grade.verdict);
        all &= is_seen;
        text.paragraph(if is_seen { "  seen      " } else { "  NOT SEEN  " }, claim.says);
        let seen = harmless_line(&format!("{} (seen: {})", grade.rule, grade.seen));
        text.paragraph("            ", &seen);
    }
    text.line("");
    Ok(all)
}

/// Where everything was written.
pub fn files(text: &mut Text, done: &Done, folder: &Folder) {
    let path = folder.path().display();
    let names = folder.written().join(", ");
    text.paragraph("", &format!("Written to {path}: {names}."));
    if let Some(run) = done.runs.first() {
        let file = format!("{path}/{}", run.name);
        text.line(&format!("  glasstcp explain {file}.events.jsonl     tells the story in words"));
        text.line(&format!(
            "  wireshark {file}.pcapng     has what the stack thought in its comments"
        ));
    }
    if let Some(run) = done.runs.iter().find(|run| !done.rules(run.name).is_empty()) {
        let file = format!("{path}/{}", run.name);
        text.line(&format!("  glasstcp grade {file}.events.jsonl --expect {file}.rules"));
    }
    text.line("");
}

/// The questions, perhaps with their answers.
pub fn questions(text: &mut Text, done: &Done, answers: bool) -> anyhow::Result<()> {
    text.line("Questions");
    for (number, question) in (1..).zip(done.questions()) {
        text.paragraph(&format!("  {number}. "), question.asks);
        if answers {
            text.paragraph("     > ", &done.answer(question)?);
        }
    }
    if !answers {
        text.line("");
        text.line(&format!("glasstcp lab {} --answers has the answers.", done.lab.name));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
