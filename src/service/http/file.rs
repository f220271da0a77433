//! `GET` and `HEAD` of what is in the folder.

use std::fs::{File, Metadata};
use std::io;
use std::ops::Range;
use std::time::SystemTime;

use http_body_util::{Either, Full};
use hyper::StatusCode;
use hyper::header::{self, HeaderMap, HeaderValue};
use tokio::task::spawn_blocking;

use super::body::{FileBody, Segment};
use super::conditions::{self, Verdict, Version};
use super::listing;
use super::path::Path;
use super::range::{self, Wanted};
use super::reply::{self, Body, Refused, Reply};
use super::www::{Found, Www};
use crate::service::room::Room;

/// How a file is asked for.
struct Asked {
    head_only: bool,
    /// The fields that make conditions or ask for ranges.
    fields: HeaderMap,
    /// The memory for what is sent.
    room: Room,
}

/// Answers with a file, with the `index.html` of a folder or with a listing of it.
pub(super) async fn reply(
    (www, room): (Www, Room),
    path: Path,
    head_only: bool,
    headers: &HeaderMap,
) -> Result<Reply, Refused> {
    let asked = Asked { head_only, fields: conditions::fields(headers), room };
    // One visit to a blocking thread is all that a short file costs.
    spawn_blocking(move || look(&www, path, &asked)).await.map_err(io::Error::other)?
}

fn look(www: &Www, mut path: Path, asked: &Asked) -> Result<Reply, Refused> {
    match www.find(&path)? {
        Found::File(..) if path.folder => Err(Refused::NotFound),
        Found::File(file, metadata) => send(&path, file, &metadata, asked),
        Found::Folder(_) if !path.folder => Ok(redirect(&path.folder_url())),
        Found::Folder(folder) => {
            path.names.push("index.html".into());
            if let Ok(Found::File(file, metadata)) = www.find(&path) {
                return send(&path, file, &metadata, asked);
            }
            path.names.pop();
            Ok(reply::html(listing::page(www, &path, &folder)?))
        }
    }
}

fn redirect(url: &str) -> Reply {
    let mut reply = reply::text(StatusCode::MOVED_PERMANENTLY, format!("See {url}\n"));
    // A percent-encoded URL is always a valid header value.
    if let Ok(value) = HeaderValue::from_str(url) {
        reply.headers_mut().insert(header::LOCATION, value);
    }
    reply
}

fn send(path: &Path, file: File, metadata: &Metadata, asked: &Asked) -> Result<Reply, Refused> {
    let version = Version::of(metadata, SystemTime::now());
    let mut reply = match conditions::check(&asked.fields, true, Some(&version)) {
        Verdict::Failed => return Err(Refused::Condition),
        Verdict::NotModified => reply::bare(StatusCode::NOT_MODIFIED, empty()),
        Verdict::Go => {
            let len = metadata.len();
            let kind = kind(path);
            // HEAD has no ranges (RFC 9110 14.2).
            let ranges = !asked.head_only && conditions::range_counts(&asked.fields, &version);
            match if ranges { range::wanted(&asked.fields, len) } else { Wanted::Whole } {
                Wanted::Whole if asked.head_only => whole(empty(), len, &kind),
                Wanted::Whole => {
                    let body = FileBody::open(file, [Segment::Part(0..len)], asked.room.clone())?;
                    whole(Either::Right(Either::Left(body)), len, &kind)
                }
                Wanted::Part(part) => one_part((file, &asked.room), part, len, &kind)?,
                Wanted::Parts(parts) => several_parts((file, &asked.room), &parts, len, &kind)?,
                Wanted::Nothing => return Err(Refused::Range(len)),
            }
        }
    };
    let headers = reply.headers_mut();
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    version.write(headers);
    Ok(reply)
}

fn empty() -> Body {
    Either::Left(Full::default())
}

fn whole(body: Body, len: u64, kind: &str) -> Reply {
    let mut reply = reply::bare(StatusCode::OK, body);
    describe(&mut reply, len, kind);
    reply
}

fn one_part(
    (file, room): (File, &Room),
    part: Range<u64>,
    len: u64,
    kind: &str,
) -> Result<Reply, Refused> {
    let place = place(&part, len);
    let body = FileBody::open(file, [Segment::Part(part)], room.clone())?;
    let body_len = body.len();
    let mut reply = reply::bare(StatusCode::PARTIAL_CONTENT, Either::Right(Either::Left(body)));
    describe(&mut reply, body_len, kind);
    reply::set(&mut reply, header::CONTENT_RANGE, &place);
    Ok(reply)
}

/// `multipart/byteranges` (RFC 9110 14.6).
fn several_parts(
    (file, room): (File, &Room),
    parts: &[Range<u64>],
    len: u64,
    kind: &str,
) -> Result<Reply, Refused> {
    let boundary = boundary()?;
    let mut segments = Vec::with_capacity(2 * parts.len() + 1);
    let mut line_end = "";
    for part in parts {
        let place = place(part, len);
        let head = format!(
            "{line_end}--{boundary}\r\nContent-Type: {kind}\r\nContent-Range: {place}\r\n\r\n"
        );
        line_end = "\r\n";
        segments.push(Segment::Text(head.into()));
        segments.push(Segment::Part(part.clone()));
    }
    segments.push(Segment::Text(format!("\r\n--{boundary}--\r\n").into()));
    let body = FileBody::open(file, segments, room.clone())?;
    let body_len = body.len();
    let mut reply = reply::bare(StatusCode::PARTIAL_CONTENT, Either::Right(Either::Left(body)));
    describe(&mut reply, body_len, &format!("multipart/byteranges; boundary={boundary}"));
    Ok(reply)
}

/// A line that is in no file, because nobody can know it.
fn boundary() -> io::Result<String> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    Ok(format!("{:032x}", u128::from_ne_bytes(random)))
}

/// `bytes 0-99/1000`
fn place(part: &Range<u64>, len: u64) -> String {
    format!("bytes {}-{}/{len}", part.start, part.end - 1)
}

fn describe(reply: &mut Reply, len: u64, kind: &str) {
    reply.headers_mut().insert(header::CONTENT_LENGTH, len.into());
    reply::set(reply, header::CONTENT_TYPE, kind);
}

fn kind(path: &Path) -> String {
    let name = path.names.last().map(std::path::Path::new);
    match name.and_then(|name| mime_guess::from_path(name).first()) {
        Some(kind) if kind.type_() == mime_guess::mime::TEXT => format!("{kind}; charset=utf-8"),
        Some(kind) => kind.to_string(),
        None => "application/octet-stream".to_owned(),
    }
}
