//! The files of the page, which are in the binary.

use std::collections::HashMap;
use std::sync::LazyLock;

use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::{self, HeaderMap, HeaderValue};
use sha2::{Digest, Sha256};

use super::reply::{self, Reply};

/// Makes the table of them.
macro_rules! files {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_bytes!(concat!("page/", $name)).as_slice())),*]
    };
}

/// Their names and what is in them.
const FILES: &[(&str, &[u8])] = files![
    "api.js",
    "app.js",
    "bench.js",
    "capture.js",
    "chart.js",
    "columns.js",
    "connlist.js",
    "connview.js",
    "counters.js",
    "dom.js",
    "draw.js",
    "eventlist.js",
    "explain.js",
    "files.js",
    "fold.js",
    "format.js",
    "guess.js",
    "help.js",
    "icon.svg",
    "index.html",
    "ladder.js",
    "legend.js",
    "lines.js",
    "linkpanel.js",
    "panels.css",
    "payload.js",
    "playhead.js",
    "plots.js",
    "ranges.js",
    "recording.js",
    "segment.js",
    "seqbar.js",
    "shelf.js",
    "states.js",
    "stream.js",
    "style.css",
    "theme.js",
    "timers.js",
    "track.js",
    "transport.js",
    "virtual.js",
    "watch.js",
    "words.js",
];

/// The same by name, each with what it is and what tells it from any other.
static BY_NAME: LazyLock<HashMap<&str, Asset>> = LazyLock::new(|| {
    let asset = |&(name, bytes): &(&'static str, &'static [u8])| {
        let kind = mime_guess::from_path(name).first_or_octet_stream().to_string();
        let kind = match kind.starts_with("text/") {
            true => format!("{kind}; charset=utf-8"),
            false => kind,
        };
        let sum: String =
            Sha256::digest(bytes).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        let value = |text: String| HeaderValue::try_from(text).ok();
        Some((name, Asset { bytes, kind: value(kind)?, tag: value(format!("\"{sum}\""))? }))
    };
    FILES.iter().filter_map(asset).collect()
});

struct Asset {
    bytes: &'static [u8],
    kind: HeaderValue,
    tag: HeaderValue,
}

/// The file of this name, or that the browser has it already.
pub(super) fn reply(name: &str, headers: &HeaderMap) -> Option<Reply> {
    let name = if name.is_empty() { "index.html" } else { name };
    let Asset { bytes, kind, tag } = BY_NAME.get(name)?;
    let is_known = headers.get(header::IF_NONE_MATCH) == Some(tag);
    let mut reply = match is_known {
        true => reply::whole(StatusCode::NOT_MODIFIED, kind.clone(), Bytes::new()),
        false => reply::whole(StatusCode::OK, kind.clone(), Bytes::from_static(bytes)),
    };
    let headers = reply.headers_mut();
    headers.insert(header::ETAG, tag.clone());
    // It may be kept, and is asked for each time: the next version of glasstcp has another.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    Some(reply)
}

#[cfg(test)]
mod tests;
