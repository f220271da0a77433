use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::*;

#[test]
fn every_file_of_the_page_is_in_the_binary() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/web/page");
    let name = |entry: fs::DirEntry| entry.file_name().into_string().unwrap();
    let there: BTreeSet<_> =
        fs::read_dir(folder).unwrap().map(|entry| name(entry.unwrap())).collect();
    let here: BTreeSet<_> = FILES.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(here, there);
    assert_eq!(BY_NAME.len(), FILES.len(), "each has a kind and a tag");
}

/// What it asks for by name: modules and what the page links to.
fn asked_for(text: &str) -> impl Iterator<Item = &str> {
    [("from './", '\''), ("import('./", '\''), ("src=\"", '"'), ("href=\"", '"')]
        .into_iter()
        .flat_map(move |(begin, end)| {
            text.split(begin).skip(1).filter_map(move |rest| rest.split(end).next())
        })
}

#[test]
fn what_the_page_asks_for_is_there_and_comes_from_nowhere_else() {
    let mut modules = 0;
    for (name, bytes) in FILES {
        let text = std::str::from_utf8(bytes).unwrap();
        modules += text.matches("from './").count();
        for asked in asked_for(text).filter(|asked| !asked.starts_with('#')) {
            assert!(BY_NAME.contains_key(asked), "{name} asks for {asked}");
        }
        // The name of a kind of XML, and an address that is put together from what the stack has.
        let elsewhere = text.replace("http://www.w3.org/", "").replace("http://${", "");
        assert!(!elsewhere.contains("http://") && !elsewhere.contains("https://"), "{name}");
    }
    assert!(modules > 50, "they are found as they are written: {modules}");
    let (_, index) = FILES.iter().find(|(name, _)| *name == "index.html").unwrap();
    let index = std::str::from_utf8(index).unwrap();
    assert!(!index.contains("style=") && !index.contains("<style") && !index.contains(" onclick"));
}

#[test]
fn a_file_comes_once_until_it_changes() {
    let none = HeaderMap::new();
    let first = reply("", &none).unwrap();
    assert_eq!(first.status(), StatusCode::OK);
    assert_eq!(first.headers()[header::CONTENT_TYPE], "text/html; charset=utf-8");
    let mut known = HeaderMap::new();
    known.insert(header::IF_NONE_MATCH, first.headers()[header::ETAG].clone());
    assert_eq!(reply("index.html", &known).unwrap().status(), StatusCode::NOT_MODIFIED);
    assert_eq!(reply("app.js", &known).unwrap().status(), StatusCode::OK);
    assert_eq!(
        reply("app.js", &none).unwrap().headers()[header::CONTENT_TYPE],
        "text/javascript; charset=utf-8"
    );
    assert!(reply("../web.rs", &none).is_none());
}
