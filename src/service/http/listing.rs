//! A page that lists a folder.

use std::ffi::OsString;
use std::fmt::Write;
use std::fs::{self, DirEntry, File};

use super::path::{Path, encode};
use super::reply::Refused;
use super::www::{Www, through};

#[cfg(test)]
mod tests;

/// Most entries of a listing; a page with more helps nobody.
const ENTRIES_MAX: usize = 10_000;
/// The page around the entries.
const PAGE: &str = include_str!("listing.html");

struct Entry {
    name: OsString,
    /// Of a file, in bytes; a folder has none.
    size: Option<u64>,
}

/// The page for `folder`, which `path` led to. Blocks on the disk.
pub(super) fn page(www: &Www, path: &Path, folder: &File) -> Result<String, Refused> {
    let (entries, cut) = entries(www, path, folder)?;
    let mut rows = String::new();
    if path.len() > 0 {
        rows.push_str("<li><a href=\"../\">..</a></li>\n");
    }
    for entry in &entries {
        let name = entry.name.to_string_lossy();
        let slash = if entry.size.is_none() { "/" } else { "" };
        let size = entry.size.map(readable).unwrap_or_default();
        // Writing to a string cannot fail.
        let _ = writeln!(
            rows,
            "<li><a href=\"{}{slash}\">{}{slash}</a><span>{size}</span></li>",
            encode(&entry.name),
            escape(&name),
        );
    }
    let note = match (entries.len(), cut) {
        (0, _) => "This folder is empty.".to_owned(),
        (1, _) => "One entry.".to_owned(),
        (count, false) => format!("{count} entries."),
        (count, true) => format!("Only {count} entries are shown; there are more."),
    };
    let title: String =
        path.names.iter().map(|name| format!("{}/", escape(&name.to_string_lossy()))).collect();
    Ok(PAGE
        .replace("<!--note-->", &note)
        .replace("<!--title-->", &format!("/{title}"))
        .replace("<!--rows-->", &rows))
}

/// What is in the folder and may be seen, folders first, each kind by name; and whether there is
/// more than fits.
fn entries(www: &Www, path: &Path, folder: &File) -> Result<(Vec<Entry>, bool), Refused> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(through(folder))? {
        if entries.len() == ENTRIES_MAX {
            return Ok((sorted(entries), true));
        }
        entries.extend(look(www, path, &entry?));
    }
    Ok((sorted(entries), false))
}

/// `None` for what could not be fetched either: hidden, a link out of the folder, not a file.
fn look(www: &Www, path: &Path, entry: &DirEntry) -> Option<Entry> {
    let name = entry.file_name();
    let bytes = name.as_encoded_bytes();
    if bytes.starts_with(b".") || bytes.iter().any(u8::is_ascii_control) {
        return None;
    }
    let mut metadata = entry.metadata().ok()?;
    if metadata.is_symlink() {
        let names = path.names.iter().chain([&name]).map(OsString::as_os_str);
        metadata = www.reach(names).ok()?.metadata().ok()?;
    }
    let size = match () {
        () if metadata.is_dir() => None,
        () if metadata.is_file() => Some(metadata.len()),
        () => return None,
    };
    Some(Entry { name, size })
}

fn sorted(mut entries: Vec<Entry>) -> Vec<Entry> {
    entries.sort_by(|a, b| (a.size.is_some(), &a.name).cmp(&(b.size.is_some(), &b.name)));
    entries
}

/// A size for people: `512 B`, `1.5 KiB`, `1.0 GiB`.
fn readable(bytes: u64) -> String {
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut size = bytes as f64 / 1024.0;
    let mut units = ["KiB", "MiB", "GiB", "TiB", "PiB"].into_iter();
    let mut unit = units.next().unwrap_or_default();
    for larger in units {
        if size < 1023.95 {
            break;
        }
        size /= 1024.0;
        unit = larger;
    }
    format!("{size:.1} {unit}")
}

/// `text` for use in HTML, also inside of quotes.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}
