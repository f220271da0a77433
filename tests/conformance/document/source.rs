//! Where an item or a test stands in the source.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// The files that were asked for, and those of the conformance tests.
pub struct Sources {
    /// Text by path from the root of the package.
    files: BTreeMap<String, String>,
}

/// A line of a file.
pub struct Place {
    name: String,
    file: String,
    line: usize,
}

impl Place {
    /// As a link of a page in `docs`.
    pub fn link(&self) -> String {
        let Place { name, file, line } = self;
        format!("[`{name}`](../{file}#L{line})")
    }
}

impl Sources {
    /// All there are below `root`.
    pub fn of(root: &Path) -> Sources {
        let mut files = BTreeMap::new();
        for folder in ["src", "tests"] {
            gather(root, &root.join(folder), &mut files);
        }
        Sources { files }
    }

    fn file(&self, path: &str) -> Result<&str, String> {
        self.files.get(path).map(String::as_str).ok_or_else(|| format!("{path} is no file"))
    }

    /// Where `file::item` is, or `file::Type::item`, of which the type has an `impl` there.
    pub fn code(&self, name: &str) -> Result<Place, String> {
        let (file, path) = name.split_once("::").ok_or_else(|| format!("{name} names no item"))?;
        let lines: Vec<(&str, usize)> = self.file(file)?.lines().zip(1..).collect();
        let (owner, item) = path.rsplit_once("::").unwrap_or(("", path));
        let of_owner = |(line, _): &(&str, usize)| {
            owner.is_empty() || line.starts_with("impl") && words(line).any(|word| word == owner)
        };
        let blocks = lines.split_inclusive(|(line, _)| !owner.is_empty() && *line == "}");
        let blocks = blocks.filter_map(|block| Some(&block[block.iter().position(of_owner)?..]));
        let found = |defines: fn(&str, &str) -> bool| {
            let lines = blocks.clone().flatten();
            lines.filter(|(line, _)| defines(line, item)).map(|(_, line)| *line).collect()
        };
        let defined: Vec<usize> = found(defines);
        if defined.len() > 1 {
            return Err(format!("{file} has more than one item {path}; say of which type"));
        }
        let line = defined.first().copied().or_else(|| found(is_part).first().copied());
        let line = line.ok_or_else(|| format!("{file} has no item {path}"))?;
        Ok(Place { name: path.to_owned(), file: file.to_owned(), line })
    }

    /// Where `conformance::module::test`, or `file::test`, is.
    pub fn test(&self, name: &str) -> Result<Place, String> {
        let (place, test) =
            name.rsplit_once("::").ok_or_else(|| format!("{name} names no test"))?;
        let file = match place.strip_prefix("conformance::") {
            Some(module) => format!("tests/conformance/{module}.rs"),
            None => place.to_owned(),
        };
        let text = self.file(&file)?;
        let line = tests(text).find(|(found, _)| *found == test).map(|(_, line)| line);
        let line = line.ok_or_else(|| format!("{file} has no test {test}"))?;
        Ok(Place { name: test.to_owned(), file, line })
    }

    /// The tests of the modules `rfc...` here.
    pub fn conformance(&self) -> Vec<String> {
        let of_file = |(path, text): (&String, &String)| {
            let module = path.strip_prefix("tests/conformance/rfc")?.strip_suffix(".rs")?;
            let name = |(test, _)| format!("conformance::rfc{module}::{test}");
            Some(tests(text).map(name).collect::<Vec<_>>())
        };
        self.files.iter().filter_map(of_file).flatten().collect()
    }
}

fn gather(root: &Path, folder: &Path, files: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            gather(root, &path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(root).expect("below the root").to_string_lossy();
            files.insert(name.into_owned(), fs::read_to_string(&path).expect("a text"));
        }
    }
}

/// The identifiers and keywords of a line.
fn words(line: &str) -> impl Iterator<Item = &str> + Clone {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    line.split(move |c| !is_word(c)).filter(|word| !word.is_empty())
}

/// Whether a line begins the definition of `item`.
fn defines(line: &str, item: &str) -> bool {
    const KINDS: [&str; 8] = ["fn", "struct", "enum", "const", "static", "trait", "type", "mod"];
    let mut pairs = words(line).zip(words(line).skip(1));
    !is_remark(line) && pairs.any(|(kind, name)| KINDS.contains(&kind) && name == item)
}

/// Whether a line is a field, or a variant, of this name.
fn is_part(line: &str, item: &str) -> bool {
    let line = line.trim_start();
    let line = line.strip_prefix("pub").map_or(line, |rest| {
        let rest = rest
            .strip_prefix('(')
            .and_then(|rest| rest.split_once(')'))
            .map_or(rest, |(_, rest)| rest);
        rest.trim_start()
    });
    let rest = line.strip_prefix(item).map(str::trim_start);
    rest.is_some_and(|rest| rest.starts_with([':', ',', '=', '(', '{']))
}

fn is_remark(line: &str) -> bool {
    line.trim_start().starts_with("//")
}

/// The tests of a file, and their lines.
fn tests(text: &str) -> impl Iterator<Item = (&str, usize)> {
    let mut marked = false;
    text.lines().zip(1..).filter_map(move |(line, number)| {
        let line = line.trim_start();
        if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
            marked = true;
            return None;
        }
        if !marked || line.starts_with("#[") || is_remark(line) {
            return None;
        }
        marked = false;
        let mut words = words(line).skip_while(|word| *word != "fn");
        words.nth(1).map(|name| (name, number))
    })
}
