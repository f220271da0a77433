//! The links in the documentation lead somewhere: each file exists, and where a link names a piece
//! of code, that name stands in the file.

use std::fs;
use std::path::{Path, PathBuf};

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

/// Every page: the README and those in `docs`.
fn pages() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let docs = fs::read_dir(root.join("docs")).expect("docs is a folder");
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
