//! Each lab shows what it claims, and its printed page is what it shows. With `GLASSTCP_BLESS=1` the pages and the
//! pictures in `docs/labs` are written anew; look at them before they are committed.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use glasstcp::lab::{self, LABS, Lab, Live, page};
use glasstcp::observe::grade::{MEASURES, Rules, Verdict};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/labs")
}

/// Whether a file is as it should be; it is made so when that is asked for.
fn is_there(name: &str, text: &str) -> bool {
    let path = folder().join(name);
    if fs::read_to_string(&path).is_ok_and(|there| there == text) {
        return true;
    }
    let bless = std::env::var_os("GLASSTCP_BLESS").is_some();
    if bless {
        fs::create_dir_all(folder()).expect("a folder");
        fs::write(&path, text).expect("writable");
    }
    bless
}

const AGAIN: &str = "GLASSTCP_BLESS=1 cargo test --test labs writes them anew";

/// Runs a lab, looks whether its claims hold, and gives what is not as its page has it.
fn check(lab: &'static Lab) -> Vec<String> {
    let begun = Instant::now();
    let done = lab.simulate().unwrap_or_else(|error| panic!("{}: {error}", lab.name));
    for (claim, grade) in done.grades().unwrap_or_else(|error| panic!("{error}")) {
        assert_eq!(
            grade.verdict,
            Verdict::Pass,
            "{}: {} seen: {}",
            lab.name,
            claim.rule,
            grade.seen
        );
    }
    let mut outdated = Vec::new();
    let text = page::page(&done).unwrap_or_else(|error| panic!("{}: {error}", lab.name));
    let mut check = |name: String, text: &str| {
        if !is_there(&name, text) {
            outdated.push(name);
        }
    };
    check(format!("{}.md", lab.name), &text);
    for drawing in done.pictures().unwrap_or_else(|error| panic!("{error}")) {
        check(format!("{}-{}.svg", lab.name, drawing.name), &drawing.svg);
    }
    assert!(begun.elapsed() < Duration::from_secs(30), "{} takes too long", lab.name);
    outdated
}

fn check_all<'a>(names: impl IntoIterator<Item = &'a str>) {
    let labs = names.into_iter().map(|name| lab::find(name).expect("a lab"));
    let outdated: Vec<String> = labs.flat_map(check).collect();
    assert!(outdated.is_empty(), "outdated in docs/labs: {outdated:?}; {AGAIN}");
}

#[test]
fn connections_begin_and_end_as_claimed() {
    check_all(["handshake", "close", "syn-flood"]);
}

#[test]
fn times_and_windows_are_as_claimed() {
    check_all(["rtt", "nagle", "window"]);
}

#[test]
fn congestion_is_avoided_as_claimed() {
    check_all(["slow-start", "congestion-avoidance"]);
}

#[test]
fn losses_are_repaired_as_claimed() {
    check_all(["fast-retransmit", "fast-recovery", "sack", "rack"]);
}

#[test]
fn a_bloated_queue_is_as_claimed() {
    check_all(["bufferbloat"]);
}

#[test]
fn cubic_and_bbr_are_as_claimed() {
    check_all(["cubic-bbr"]);
}

#[test]
fn the_list_has_every_lab_and_no_page_is_left_over() {
    assert!(is_there("README.md", &page::index()), "docs/labs/README.md is outdated; {AGAIN}");
    let mut expected = BTreeSet::from(["README.md".to_owned(), "grade.md".to_owned()]);
    for lab in LABS {
        expected.insert(format!("{}.md", lab.name));
        let pictures = lab.pictures.iter();
        expected.extend(pictures.map(|picture| format!("{}-{}.svg", lab.name, picture.name)));
    }
    let there = fs::read_dir(folder()).expect("a folder");
    let there: BTreeSet<String> = there
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("text"))
        .collect();
    assert_eq!(there, expected);
}

/// What can be said of the data without running anything.
#[test]
fn every_lab_is_whole() {
    for lab in LABS {
        let name = lab.name;
        assert!(lab.text.len() >= 2 && lab.look_for.len() >= 2 && lab.claims.len() >= 4, "{name}");
        assert!((2..=3).contains(&lab.questions.len()) && !lab.pictures.is_empty(), "{name}");
        assert!(lab.clauses.contains("RFC"), "{name}");
        let live = match &lab.live {
            Live::Offered(run) => run.claims,
            Live::Not(why) => {
                assert!(why.len() > 20, "{name}");
                &[]
            }
        };
        for claim in lab.claims.iter().chain(live) {
            let rules =
                claim.rule.parse::<Rules>().unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(rules.rules.len(), 1, "{name}: {}", claim.rule);
            assert!(
                claim.says.ends_with(['.', ',', ':']) && claim.rule.contains(':'),
                "{}",
                claim.says
            );
        }
        // Somebody reads it in a terminal.
        let texts = lab.text.iter().chain(lab.look_for).copied();
        let texts =
            texts.chain(lab.questions.iter().flat_map(|question| [question.asks, question.answer]));
        for text in texts {
            assert!(!text.contains("  ") && !text.contains('\n'), "{name}: {text}");
        }
    }
}

/// The table of everything that can be measured, on the page about rules.
#[test]
fn the_page_about_rules_has_everything_that_can_be_measured() {
    let path = folder().join("grade.md");
    let page = fs::read_to_string(&path).expect("a page");
    let (head, rest) = page.split_once("<!-- measures -->\n").expect("a place for the table");
    let (_, tail) = rest.split_once("<!-- end -->\n").expect("the end of the table");
    let mut table =
        "| what | unit | packets alone tell | what it is |\n|---|---|---|---|\n".to_owned();
    for measure in MEASURES {
        let which = if measure.is_series() { " WHICH" } else { "" };
        table += &format!(
            "| `{}{which}` | {} | {} | {} |\n",
            measure.phrase,
            measure.unit.name(),
            measure.known.name(),
            measure.means
        );
    }
    let whole = format!("{head}<!-- measures -->\n{table}<!-- end -->\n{tail}");
    assert!(is_there("grade.md", &whole), "docs/labs/grade.md is outdated; {AGAIN}");
}
