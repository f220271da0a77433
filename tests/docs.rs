//! The links in the documentation lead somewhere: each file exists, and where a link names a piece
//! of code, that name stands in the file. And the simulator prints what the pages show of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A link of a page: its text and where it leads, without what follows `#`.
struct Link {
    text: String,
    target: String,
}

/// The links of a Markdown text, code blocks left out.
fn links(markdown: &str) -> Vec<Link> {
    let mut found = Vec::new();
    for prose in markdown.split("\n```").step_by(2) {
        // A link is `[text](target)`; none of ours has brackets inside.
        for (at, _) in prose.match_indices("](") {
            let text = prose[..at].rsplit('[').next().unwrap_or_default();
            let target = prose[at + 2..].split(')').next().unwrap_or_default();
            found.push(Link {
                text: text.to_owned(),
                target: target.split('#').next().unwrap_or_default().to_owned(),
            });
        }
    }
    found
}

/// What is wrong with the links of a page, a line each.
fn faults(page: &Path, markdown: &str) -> Vec<String> {
    let folder = page.parent().unwrap_or(Path::new("."));
    let mut faults = Vec::new();
    for Link { text, target } in links(markdown) {
        if target.is_empty() || target.contains("://") {
            continue;
        }
        let path = folder.join(&target);
        let code = text.strip_prefix('`').and_then(|text| text.strip_suffix('`'));
        let name = code.and_then(|code| code.rsplit(['/', ':', '.']).next());
        if !path.exists() {
            faults.push(format!("{}: `{target}` does not exist", page.display()));
        } else if let (Some(name), Ok(source)) = (name, fs::read_to_string(&path))
            && !source.contains(name)
            && !target.contains(name)
        {
            faults.push(format!("{}: `{target}` has no `{name}`", page.display()));
        }
    }
    faults
}

/// Every page: the README and those in `docs`, and in `docs/labs`.
fn pages() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let docs = ["docs", "docs/labs"].map(|folder| fs::read_dir(root.join(folder)));
    let docs = docs.into_iter().flat_map(|docs| docs.expect("a folder"));
    let mut pages: Vec<PathBuf> = docs.map(|entry| entry.expect("readable").path()).collect();
    pages.retain(|page| page.extension().is_some_and(|extension| extension == "md"));
    pages.push(root.join("README.md"));
    pages
}

#[test]
fn links_lead_somewhere() {
    let pages = pages();
    assert!(pages.len() >= 3, "found only {pages:?}");
    let faults: Vec<String> = pages
        .iter()
        .flat_map(|page| faults(page, &fs::read_to_string(page).expect("a text")))
        .collect();
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn a_broken_link_is_found() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let fault = |markdown: &str| faults(&page, markdown);
    assert!(fault("see [`links`](tests/docs.rs#L1) and [us](https://example.org)").is_empty());
    assert!(fault("Text.\n```sh\n[x](nowhere)\n```\n").is_empty());
    assert_eq!(fault("see [there](nowhere.md)").len(), 1);
    // Built from two parts, so that this file does not contain it.
    let name = ["absent", "thing"].join("_");
    assert_eq!(fault(&format!("see [`Stack::{name}`](tests/docs.rs)")).len(), 1);
}

/// A command of a page, and the lines from one of its text to another that are shown as what it prints.
struct Shown {
    command: String,
    lines: std::ops::Range<usize>,
}

/// The commands in the blocks of a page that are of no language, block by block.
fn shown(lines: &[&str]) -> Vec<Vec<Shown>> {
    let mut blocks: Vec<Vec<Shown>> = Vec::new();
    let (mut open, mut inside) = (false, false);
    for (number, line) in lines.iter().enumerate() {
        if line.starts_with("```") {
            open = !open;
            inside = open && matches!(*line, "```" | "```console");
            blocks.push(Vec::new());
        } else if inside && let Some(block) = blocks.last_mut() {
            if let Some(command) = line.strip_prefix("$ ") {
                let lines = number + 1..number + 1;
                block.push(Shown { command: command.to_owned(), lines });
            } else if let Some(command) = block.last_mut() {
                command.lines.end = number + 1;
            }
        }
    }
    blocks
}

/// What a command of the simulator prints, whose program is the one of this package.
fn prints(folder: &Path, command: &str) -> Vec<String> {
    let program = Path::new(env!("CARGO_BIN_EXE_glasstcp")).parent().expect("a folder").display();
    let path = std::env::var("PATH").unwrap_or_default();
    let mut shell = Command::new("sh");
    let shell = shell.env("PATH", format!("{program}:{path}")).env("LC_ALL", "C");
    let shell = shell.args(["-c", &format!("exec 2>&1; {command}")]).current_dir(folder);
    let output = shell.output().expect("sh runs").stdout;
    String::from_utf8(output).expect("text").lines().map(str::to_owned).collect()
}

/// A line without how long the simulation took.
fn timeless(line: &str) -> String {
    match (line.split_once(" simulated in "), line.split_once(" s: ")) {
        (Some((simulated, _)), Some((_, counted))) => {
            format!("{simulated} simulated: {}", counted.split(',').next().unwrap_or_default())
        }
        _ => line.to_owned(),
    }
}

/// What a page should show for what is printed: as many lines as it does before the first line `...`, and as many after
/// the last one; and of what it shows in between, what is printed in that order.
fn as_shown(page: &[&str], printed: &[String]) -> Vec<String> {
    let pieces: Vec<&[&str]> = page.split(|line| *line == "...").collect();
    let [first, middle @ .., last] = &pieces[..] else { return printed.to_vec() };
    let end = printed.len().saturating_sub(last.len());
    let (head, mut rest) = printed[..end].split_at(first.len().min(end));
    let mut shown = head.to_vec();
    for piece in middle {
        if let Some(at) = rest.windows(piece.len()).position(|lines| lines == *piece) {
            rest = &rest[at + piece.len()..];
            shown.push("...".to_owned());
            shown.extend(piece.iter().map(|line| (*line).to_owned()));
        }
    }
    shown.push("...".to_owned());
    shown.extend_from_slice(&printed[end..]);
    shown
}

/// Where a page does not show what the simulator, a lab or a grade prints, in a folder that is empty for each block; and
/// the page as it should be.
fn outdated(markdown: &str) -> (Vec<String>, String) {
    let lines: Vec<&str> = markdown.split('\n').collect();
    let (mut faults, mut right, mut kept) = (Vec::new(), Vec::new(), 0);
    for block in shown(&lines) {
        let folder = tempfile::tempdir().expect("a folder");
        let mut simulated = false;
        for Shown { command, lines: place } in block {
            let begins = |words: &[&str]| words.iter().any(|begin| command.starts_with(begin));
            let simulates = begins(&["glasstcp sim ", "glasstcp lab "]);
            simulated |= simulates && !place.is_empty();
            if !simulated || !(simulates || begins(&["ls ", "glasstcp grade "])) {
                continue;
            }
            let page = &lines[place.clone()];
            let expected = as_shown(page, &prints(folder.path(), &command));
            let same = page
                .iter()
                .map(|line| timeless(line))
                .eq(expected.iter().map(|line| timeless(line)));
            right.extend(lines[kept..place.start].iter().map(|line| (*line).to_owned()));
            match same {
                true => right.extend(page.iter().map(|line| (*line).to_owned())),
                false => {
                    faults.push(format!("{command}\n{}", expected.join("\n")));
                    right.extend(expected);
                }
            }
            kept = place.end;
        }
    }
    right.extend(lines[kept..].iter().map(|line| (*line).to_owned()));
    (faults, right.join("\n"))
}

/// What the pages show of the simulator, which prints the same on any machine. With `GLASSTCP_BLESS=1` they are
/// corrected; look at them before they are committed.
#[test]
fn the_simulator_prints_what_is_shown() {
    let mut faults = Vec::new();
    for page in pages() {
        let (found, right) = outdated(&fs::read_to_string(&page).expect("a text"));
        if !found.is_empty() && std::env::var_os("GLASSTCP_BLESS").is_some() {
            fs::write(&page, right).expect("writable");
        } else {
            faults.extend(found.into_iter().map(|fault| format!("{}: {fault}", page.display())));
        }
    }
    let again = "GLASSTCP_BLESS=1 cargo test --test docs";
    assert!(faults.is_empty(), "{again}\nshould be:\n{}", faults.join("\n\n"));
}

#[test]
fn an_outdated_page_is_found() {
    let command = "$ glasstcp sim --bytes 1k --rtt 50ms\n";
    let page = |lines: &str| {
        format!("Text.\n\n```console\n{command}{lines}```\n\n```console\n$ ls\nx\n```\n")
    };
    let (faults, right) = outdated(&page("nothing\n...\nof this\n"));
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert!(right.contains("\n   cc  seed  flow") && right.contains("\n...\n"), "{right}");
    assert!(right.ends_with("```\n\n```console\n$ ls\nx\n```\n"), "{right}");
    assert_eq!(outdated(&right), (Vec::new(), right.clone()));
    let (slower, took) = (right.replacen(" simulated in ", " simulated in 9", 1), right.clone());
    assert!(slower != took && outdated(&slower).0.is_empty(), "{slower}");
    let table = right.lines().find(|line| line.starts_with("   cc ")).expect("a table");
    let in_between = |line: &str| outdated(&page(&format!("...\n{line}\n...\n"))).0.len();
    assert_eq!((in_between(table), in_between("of this")), (0, 1));
    // Nothing is said of what is not shown.
    assert!(outdated(&page("")).0.is_empty());
}
