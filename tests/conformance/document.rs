//! `docs/conformance.md`, made from `requirements.toml` and `tests/packetdrill-areas.toml`. That everything named there
//! exists is seen to here, and that nothing is forgotten.

mod areas;
mod source;
mod table;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use areas::Areas;
use source::Sources;
use table::{Rfc, Rule, Table, Verdict};

/// What RFC 9293 numbers in its Appendix B: the kind, and the last number of it.
const NUMBERED: [(&str, u32); 4] = [("MUST", 69), ("SHLD", 31), ("MAY", 18), ("REC", 1)];

/// How the document begins.
const HEAD: &str = "# What the RFCs ask for, and where it is

Made by `tests/conformance` from [requirements.toml](../tests/conformance/requirements.toml); `GLASSTCP_BLESS=1 cargo test
--test conformance` writes it anew. A requirement is met when there is code for it and a test that shows it; the links lead
to both. What is not met, or not wholly, or not by default, is an exception with its reason. An option (MAY) that is not taken is
none. Levels are those of the RFCs; where an RFC speaks without capitals, the level is what it means.
";

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// What is wrong with a table, a line each.
fn faults(table: &Table, sources: &Sources) -> Vec<String> {
    let mut faults: Vec<String> = table.rules().flat_map(|rule| rule.faults(sources)).collect();
    for (kind, last) in NUMBERED {
        let missing = (1..=last).map(|number| format!("{kind}-{number}"));
        let known = |id: &String| table.rfc(9293).is_some_and(|rfc| rfc.has(id));
        faults.extend(missing.filter(|id| !known(id)).map(|id| format!("{id} is missing")));
    }
    let named = |test: &String| table.rules().any(|rule| rule.tests.contains(test));
    let unnamed = sources.conformance().into_iter().filter(|test| !named(test));
    faults.extend(unnamed.map(|test| format!("{test} is in no row")));
    faults
}

/// The document.
fn document(table: &Table, areas: &Areas, sources: &Sources) -> String {
    let mut text = String::from(HEAD);
    text += "\n| RFC | | requirements | met | exceptions | options not taken |\n|---|---|--:|--:|--:|--:|\n";
    for rfc in &table.rfc {
        let Rfc { number, title, .. } = rfc;
        let counts = counts(rfc.rules.iter());
        writeln!(text, "| [{number}](#rfc-{number}) | {title} | {counts} |").unwrap();
    }
    writeln!(text, "| all | | {} |", counts(table.rules())).unwrap();
    text += &areas.section();
    for rfc in &table.rfc {
        writeln!(text, "\n## RFC {}\n\n{}.\n", rfc.number, rfc.title).unwrap();
        text += "| | level | what is asked for | code | shown by |\n|---|---|---|---|---|\n";
        for rule in &rfc.rules {
            text += &rule.row(sources);
        }
    }
    text
}

/// How many there are, are met, are not, and are options that are not taken.
fn counts<'a>(rules: impl Iterator<Item = &'a Rule> + Clone) -> String {
    let of = |verdict| rules.clone().filter(|rule| rule.verdict() == verdict).count();
    let [met, excepted, left] = [Verdict::Met, Verdict::Exception, Verdict::NotTaken].map(of);
    format!("{} | {met} | {excepted} | {left}", met + excepted + left)
}

/// The text without the numbers of lines, which change with every change of the code.
fn without_lines(text: &str) -> String {
    let mut parts = text.split("#L");
    let first = parts.next().unwrap_or_default().to_owned();
    parts
        .fold(first, |all, part| all + "#L" + part.trim_start_matches(|c: char| c.is_ascii_digit()))
}

#[test]
fn the_table_leads_somewhere_and_the_document_is_made_from_it() {
    let sources = Sources::of(&root());
    let table = Table::read(&read("tests/conformance/requirements.toml"));
    let faults = faults(&table, &sources);
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
    let areas = Areas::read(&read("tests/packetdrill-areas.toml"));
    let wrong = areas.faults(&read("tests/packetdrill-expected.txt"));
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));

    let made = document(&table, &areas, &sources);
    let kept = Path::new("docs/conformance.md");
    if env::var_os("GLASSTCP_BLESS").is_some() {
        fs::write(root().join(kept), &made).unwrap();
    }
    let same = fs::read_to_string(root().join(kept))
        .is_ok_and(|text| without_lines(&text) == without_lines(&made));
    let again = "GLASSTCP_BLESS=1 cargo test --test conformance";
    assert!(same, "{} is not what is made now: {again}", kept.display());
}

/// The faults of a table that has these lines for RFC 9293, those of missing numbers and tests left out.
fn found(lines: &str) -> Vec<String> {
    let table = format!("[[rfc]]\nnumber = 9293\ntitle = \"TCP\"\n[[rfc.rules]]\n{lines}");
    let mut found = faults(&Table::read(&table), &Sources::of(&root()));
    found.retain(|fault| !fault.ends_with("is missing") && !fault.ends_with("is in no row"));
    found
}

#[test]
fn what_leads_nowhere_is_found() {
    // Built from parts, so that this file has no such name.
    let nobody = ["no", "body"].concat();
    let row = |code: &str, test: &str| {
        let words = "id = \"MUST-1\"\nlevel = \"MUST\"\nwhat = \"Something.\"";
        format!("{words}\ncode = [\"{code}\"]\ntests = [\"{test}\"]\n")
    };
    let code = "src/tcp/rcv.rs::ReceiveSpace";
    let test = "src/wire/seq/tests.rs::within_is_half_open";
    for code in [code, "src/tcp/rcv.rs::scale", "src/tcp/rtt.rs::Shortest::sample"] {
        assert_eq!(found(&row(code, test)), Vec::<String>::new());
    }
    for (code, test, words) in [
        (&*format!("src/tcp/rcv.rs::{nobody}"), test, "has no item"),
        ("src/tcp/nowhere.rs::ReceiveSpace", test, "is no file"),
        ("src/tcp/rcv.rs", test, "names no item"),
        ("src/tcp/rcv.rs::Reassembly::window", test, "has no item"),
        ("src/tcp/rtt.rs::sample", test, "more than one item"),
        (code, &*format!("conformance::rfc9293::{nobody}"), "has no test"),
        (code, "src/wire/seq/tests.rs::super", "has no test"),
        (code, "conformance::rfc1::nothing", "is no file"),
        // A function that is no test.
        (code, "tests/conformance/document.rs::found", "has no test"),
    ] {
        let faults = found(&row(code, test));
        assert!(matches!(&faults[..], [one] if one.contains(words)), "{words}: {faults:?}");
    }
    let bare = "id = \"MUST-1\"\nlevel = \"MUST\"\nwhat = \"Something.\"\n";
    assert!(found(bare)[0].contains("neither"), "{:?}", found(bare));
    assert!(found(&bare.replace("\"MUST\"", "\"WILL\""))[0].contains("no level"));
    assert_eq!(found(&format!("{bare}exception = \"Because.\"")), Vec::<String>::new());
}

#[test]
fn what_is_forgotten_is_found() {
    let table = Table::read("[[rfc]]\nnumber = 9293\ntitle = \"TCP\"\nrules = []\n");
    let found = faults(&table, &Sources::of(&root()));
    let has = |fault: &str| found.iter().any(|found| found == fault);
    let numbers = ["MUST-1", "MUST-69", "SHLD-31", "MAY-18", "REC-1"];
    assert!(numbers.iter().all(|id| has(&format!("{id} is missing"))), "{found:?}");
    assert!(has("conformance::rfc5961::a_reset_needs_no_timestamp_3_2 is in no row"), "{found:?}");
}

#[test]
fn counts_of_packetdrill_must_agree() {
    let areas = "[[area]]\nname = \"sack\"\nscripts = 4\nglasstcp = 3\nlinux = 4\n";
    let faults = |areas: &str, expected: &str| Areas::read(areas).faults(expected);
    assert_eq!(faults(areas, "# a remark\nsack/one.pkt a reason\n"), Vec::<String>::new());
    assert_eq!(faults(areas, "").len(), 1);
    assert_eq!(faults(areas, "sack/one.pkt a\nsack/two.pkt b\n").len(), 1);
    assert_eq!(faults(areas, "sack/one.pkt a\nnagle/two.pkt b\n").len(), 1);
    assert_eq!(faults(&areas.replace("linux = 4", "linux = 5"), "sack/one.pkt a\n").len(), 1);
}

#[test]
fn numbers_of_lines_do_not_count() {
    assert_eq!(without_lines("a (x.rs#L12) b (y.rs#L3)"), "a (x.rs#L) b (y.rs#L)");
    assert_ne!(without_lines("a (x.rs#L12)"), without_lines("a (y.rs#L12)"));
}
