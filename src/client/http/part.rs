//! Which part of a body a reply has: asking for the rest, and understanding what comes (RFC 9110 13.1.5, 14).

use std::time::Duration;

use hyper::StatusCode;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};

use super::{HttpError, Reply};

/// How much older than the reply a date must be to tell one version from every other (RFC 9110 8.8.2.2).
const SETTLED: Duration = Duration::from_secs(1);

/// What the reply to a request for the rest is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// All of it, from the beginning.
    Whole,
    /// The rest, as asked for, which has so many bytes.
    Rest(u64),
    /// There is no such rest, or nobody says that it is the whole of it.
    Nothing,
}

/// The fields that ask for what follows `have` bytes, if it is of the same version still.
pub(super) fn rest(have: u64, version: &HeaderValue) -> HeaderMap {
    let mut fields = HeaderMap::new();
    // Digits are always a valid value.
    if let Ok(range) = HeaderValue::try_from(format!("bytes={have}-")) {
        fields.insert(header::RANGE, range);
        fields.insert(header::IF_RANGE, version.clone());
    }
    fields
}

/// What tells the version of a reply from every other: a strong entity tag, or a date that is old enough.
pub(super) fn version(headers: &HeaderMap) -> Option<&HeaderValue> {
    let tag = headers.get(header::ETAG);
    if let Some(tag) = tag.filter(|tag| tag.as_bytes().starts_with(b"\"")) {
        return Some(tag);
    }
    let date = |name: HeaderName| httpdate::parse_http_date(headers.get(name)?.to_str().ok()?).ok();
    let (modified, sent) = (date(header::LAST_MODIFIED)?, date(header::DATE)?);
    let old = sent.duration_since(modified).is_ok_and(|age| age >= SETTLED);
    headers.get(header::LAST_MODIFIED).filter(|_| old)
}

/// Whether a reply can be of the version that was asked for by this. It may tell more of it now than then: a tag that
/// has become strong is not compared with a date.
pub(super) fn may_be(headers: &HeaderMap, asked: &HeaderValue) -> bool {
    let name = match asked.as_bytes().starts_with(b"\"") {
        true => header::ETAG,
        false => header::LAST_MODIFIED,
    };
    headers.get(name).is_none_or(|now| now == asked)
}

/// What a reply that is no failure has, when what follows `have` bytes was asked for, or all with `None`.
pub(super) fn answer(reply: &Reply, have: Option<u64>) -> Result<Answer, HttpError> {
    match (reply.head.status(), have) {
        (StatusCode::RANGE_NOT_SATISFIABLE, Some(_)) => Ok(Answer::Nothing),
        (StatusCode::PARTIAL_CONTENT, have) => {
            let range = reply.head.headers().get(header::CONTENT_RANGE);
            let shown = range.map_or("", |range| range.to_str().unwrap_or("?"));
            match (have, range.and_then(|range| parsed(range.to_str().ok()?))) {
                (Some(have), Some((from, to, whole)))
                    if from == have
                        && to >= from
                        && whole.is_none_or(|whole| to + 1 == whole)
                        && reply.content_length().is_none_or(|len| len == to - from + 1) =>
                {
                    // It may go on behind that (RFC 9110 14.4).
                    Ok(whole.map_or(Answer::Nothing, |_| Answer::Rest(to - from + 1)))
                }
                _ => Err(HttpError::Part(format!("Content-Range is '{shown}'"))),
            }
        }
        _ => reply.success().map(|()| Answer::Whole),
    }
}

/// `bytes 5-9/10` or `bytes 5-9/*`.
fn parsed(range: &str) -> Option<(u64, u64, Option<u64>)> {
    let (places, whole) = range.strip_prefix("bytes ")?.split_once('/')?;
    let (from, to) = places.split_once('-')?;
    let to = number(to).filter(|&to| to < u64::MAX)?;
    let whole = match whole {
        "*" => None,
        whole => Some(number(whole)?),
    };
    Some((number(from)?, to, whole))
}

/// Digits and nothing else (RFC 9110 14.1.2).
fn number(text: &str) -> Option<u64> {
    text.bytes().all(|digit| digit.is_ascii_digit()).then(|| text.parse().ok())?
}
