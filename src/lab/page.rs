//! The printed form of labs: pages in Markdown with what was seen in a run of the simulator.

use std::fmt::Write;

use super::{Done, LABS, LEGEND, Lab, Live, Unreadable};

/// Letters of a line.
const WIDTH: usize = 120;

/// The page of a lab; its pictures stand beside it as `NAME-PICTURE.svg`.
///
/// # Errors
/// When what it should show is not to be seen.
pub fn page(done: &Done) -> Result<String, Unreadable> {
    let lab = done.lab;
    let mut page = format!("# {}\n\n", lab.title);
    paragraph(
        &mut page,
        "",
        &format!("{}. The command `glasstcp lab {}` runs it.", lab.clauses, lab.name),
    );
    page += "\n## What happens\n";
    for text in lab.text {
        page.push('\n');
        paragraph(&mut page, "", text);
    }
    page += "\n## What to look for\n\n";
    for point in lab.look_for {
        paragraph(&mut page, "* ", point);
    }
    runs(&mut page, lab);
    ladders(&mut page, done)?;
    pictures(&mut page, done);
    claims(&mut page, done)?;
    live(&mut page, lab);
    questions(&mut page, done)?;
    Ok(page)
}

/// The list of all labs.
pub fn index() -> String {
    let mut page = String::from("# Labs\n\n");
    let text = "The classic lessons about TCP, each as one command that prints what will happen and what to look for, runs \
                in the simulator, where it is the same each time, or over a real device, shows itself segment by segment, \
                checks what it has claimed, writes events, packets and pictures to a folder, and asks questions. These \
                pages are their printed form. `glasstcp lab` lists them; `glasstcp lab handshake` takes the first, and with \
                `--answers` it gives the answers, too. With `sudo` and `--live` those that say so run over a real TUN \
                device, with the kernel's TCP at the other end. (`glasstcp` stands for where it is: `target/release/glasstcp` after \
                `cargo build --release`.)";
    paragraph(&mut page, "", text);
    page += "\n| lab | what it shows | where it stands | live |\n|---|---|---|---|\n";
    for lab in LABS {
        let live = if matches!(lab.live, Live::Offered(_)) { "yes" } else { "" };
        let Lab { name, title, summary, clauses, .. } = lab;
        let _ = writeln!(page, "| [{name}]({name}.md) | {title}: {summary} | {clauses} | {live} |");
    }
    page.push('\n');
    let text = "`glasstcp grade` checks a recording, own or foreign, against rules in the language of these claims: \
                [grade](grade.md). [sim](../sim.md) is the simulator, [scenarios](../scenarios.md) has more to try.";
    paragraph(&mut page, "", text);
    page
}

/// A paragraph in lines, of which the first begins with `first`.
fn paragraph(page: &mut String, first: &str, words: &str) {
    let mut line = first.to_owned();
    for word in words.split_whitespace() {
        let begins = line.len() <= first.len();
        if !begins && line.chars().count() + 1 + word.chars().count() > WIDTH {
            *page += &(line + "\n");
            line = " ".repeat(first.len());
        }
        if line.len() > first.len() {
            line.push(' ');
        }
        line += word;
    }
    *page += &(line + "\n");
}

fn runs(page: &mut String, lab: &Lab) {
    *page += "\n## The runs\n\n| run | what it is | seen from |\n|---|---|---|\n";
    for run in lab.runs {
        let _ = writeln!(page, "| {} | {} | the {} |", run.name, run.what, run.host);
    }
}

fn ladders(page: &mut String, done: &Done) -> Result<(), Unreadable> {
    if done.lab.ladders.is_empty() {
        return Ok(());
    }
    *page += "\n## Segment by segment\n\n";
    paragraph(page, "", LEGEND);
    for (caption, ladder) in done.ladders()? {
        let _ = write!(page, "\n{caption}\n\n```text\n{ladder}```\n");
    }
    Ok(())
}

fn pictures(page: &mut String, done: &Done) {
    *page += "\n## Pictures\n";
    for picture in done.lab.pictures {
        page.push('\n');
        paragraph(page, "", picture.caption);
        let _ = writeln!(page, "\n![{}]({}-{}.svg)", picture.name, done.lab.name, picture.name);
    }
}

fn claims(page: &mut String, done: &Done) -> Result<(), Unreadable> {
    *page += "\n## What is claimed, and was seen\n\n";
    *page += "The rules are in the language of [grade](grade.md).\n\n| claim | rule | seen |\n|---|---|---|\n";
    for (claim, grade) in done.grades()? {
        let _ = writeln!(page, "| {} | `{}` | {} |", claim.says, claim.rule, grade.seen);
    }
    Ok(())
}

fn live(page: &mut String, lab: &Lab) {
    *page += "\n## Over a real device\n\n";
    match &lab.live {
        Live::Not(why) => paragraph(page, "", &format!("It is not offered: {why}.")),
        Live::Offered(run) => {
            let text = "The stack is one end and the kernel the other, in a network namespace of its own. There nobody \
                        knows what else the machine does, so less is claimed.";
            paragraph(page, "", text);
            let _ = write!(page, "\n```console\n$ sudo glasstcp lab {} --live\n```\n\n", lab.name);
            for (name, options) in run.runs {
                let options = options.iter().map(|option| match option.contains(' ') {
                    true => format!("'{option}'"),
                    false => (*option).to_owned(),
                });
                let options = options.collect::<Vec<_>>().join(" ");
                let _ = writeln!(page, "* {name}: `glasstcp up {options}`");
            }
        }
    }
}

fn questions(page: &mut String, done: &Done) -> Result<(), Unreadable> {
    *page += "\n## Questions\n\n";
    for (number, question) in (1..).zip(done.lab.questions) {
        paragraph(page, &format!("{number}. "), question.asks);
    }
    *page += "\n## Answers\n\n";
    for (number, question) in (1..).zip(done.lab.questions) {
        paragraph(page, &format!("{number}. "), &done.answer(question)?);
    }
    Ok(())
}
