//! What tells one version of a file from another, and the conditions a request makes about it
//! (RFC 9110 8.8 and 13).
//!
//! The entity tag is a hash of what the kernel says about the file: which one it is, how long, and
//! when it was changed last. Such a tag is *strong*, good for putting parts together, as long as every
//! change gives another time. Two changes within one tick of the file system's clock do not; so the tag
//! of a file that was changed only just now is *weak*, and becomes strong a little later.

use std::fs::Metadata;
use std::hash::Hasher;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use siphasher::sip::SipHasher13;

#[cfg(test)]
mod tests;

/// How long ago the last change must be for the tag to be strong, and for a date to be as good as
/// a tag (RFC 9110 8.8.2.2). FAT has the coarsest clock: two seconds.
const SETTLED: Duration = Duration::from_secs(3);

/// The fields that this is about.
const FIELDS: [HeaderName; 6] = [
    header::IF_MATCH,
    header::IF_NONE_MATCH,
    header::IF_MODIFIED_SINCE,
    header::IF_UNMODIFIED_SINCE,
    header::IF_RANGE,
    header::RANGE,
];

/// Those fields of a request that [`check`], [`range_counts`] and ranges look at.
pub(super) fn fields(headers: &HeaderMap) -> HeaderMap {
    let mut fields = HeaderMap::new();
    for name in FIELDS {
        for value in headers.get_all(&name) {
            fields.append(&name, value.clone());
        }
    }
    fields
}

/// A version of a file.
#[derive(Debug)]
pub(super) struct Version {
    /// The entity tag without `W/`, in its quotes.
    tag: String,
    /// Whether another version surely has another tag.
    strong: bool,
    /// `Last-Modified`, in whole seconds; a time before 1970 has no form in HTTP.
    modified: Option<SystemTime>,
}

impl Version {
    /// The version with this metadata, at the time `now`.
    pub fn of(metadata: &Metadata, now: SystemTime) -> Version {
        let changed = (metadata.ctime(), metadata.ctime_nsec());
        let mut hasher = SipHasher13::new();
        for number in [metadata.dev(), metadata.ino(), metadata.len()] {
            hasher.write_u64(number);
        }
        for number in [changed.0, changed.1, metadata.mtime(), metadata.mtime_nsec()] {
            hasher.write_i64(number);
        }
        let changed = u64::try_from(changed.0).unwrap_or(0);
        let settled = UNIX_EPOCH + Duration::from_secs(changed) + SETTLED;
        let modified = metadata.modified().ok();
        Version {
            tag: format!("\"{:016x}\"", hasher.finish()),
            strong: settled <= now,
            // Never later than the reply itself (RFC 9110 8.8.2.1).
            modified: modified.map(|time| time.min(now)).and_then(whole_seconds),
        }
    }

    /// Says which version a reply is about.
    pub fn write(&self, headers: &mut HeaderMap) {
        let weak = if self.strong { "" } else { "W/" };
        let modified = self.modified.map(httpdate::fmt_http_date);
        let tag = Some(format!("{weak}{}", self.tag));
        for (name, value) in [(header::ETAG, tag), (header::LAST_MODIFIED, modified)] {
            // Hexadecimal digits and dates are always valid header values.
            if let Some(Ok(value)) = value.map(HeaderValue::try_from) {
                headers.insert(name, value);
            }
        }
    }

    /// Whether `tag` means this version, in the strong or in the weak comparison (RFC 9110 8.8.3.2).
    fn is(&self, tag: &str, strongly: bool) -> bool {
        match tag.strip_prefix("W/") {
            Some(opaque) => !strongly && opaque == self.tag,
            None => (self.strong || !strongly) && tag == self.tag,
        }
    }

    /// Whether the list in the fields called `name` has it. A tag holds no quotes, and ours no comma:
    /// splitting at commas cannot make ours out of others.
    fn is_listed(&self, headers: &HeaderMap, name: HeaderName, strongly: bool) -> bool {
        let lists = headers.get_all(name);
        lists
            .iter()
            .filter_map(|list| list.to_str().ok())
            .flat_map(|list| list.split(','))
            .any(|tag| self.is(tag.trim_matches([' ', '\t']), strongly))
    }
}

/// HTTP's dates have no fractions; without this a file would always be newer than its own date.
fn whole_seconds(time: SystemTime) -> Option<SystemTime> {
    let since = time.duration_since(UNIX_EPOCH).ok()?;
    Some(UNIX_EPOCH + Duration::from_secs(since.as_secs()))
}

/// What the conditions of a request come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Do what was asked.
    Go,
    /// 304: the client has it.
    NotModified,
    /// 412: it was asked for another version than there is.
    Failed,
}

/// Looks at the conditions in the order of RFC 9110 13.2.2. `current` is the version that is there,
/// if any is; `reads` whether the method is `GET` or `HEAD`.
pub(super) fn check(headers: &HeaderMap, reads: bool, current: Option<&Version>) -> Verdict {
    let date = |name| only(headers, name).and_then(|text| httpdate::parse_http_date(text).ok());
    let modified = current.and_then(|version| version.modified);
    let matches = |name, strongly| match current {
        None => false,
        Some(_) if only(headers, &name) == Some("*") => true,
        Some(version) => version.is_listed(headers, name, strongly),
    };
    if headers.contains_key(header::IF_MATCH) {
        if !matches(header::IF_MATCH, true) {
            return Verdict::Failed;
        }
    } else if let (Some(since), Some(modified)) = (date(&header::IF_UNMODIFIED_SINCE), modified)
        && modified > since
    {
        return Verdict::Failed;
    }
    if headers.contains_key(header::IF_NONE_MATCH) {
        return match matches(header::IF_NONE_MATCH, false) {
            false => Verdict::Go,
            true if reads => Verdict::NotModified,
            true => Verdict::Failed,
        };
    }
    match (date(&header::IF_MODIFIED_SINCE), modified) {
        (Some(since), Some(modified)) if reads && modified <= since => Verdict::NotModified,
        _ => Verdict::Go,
    }
}

/// Whether the `Range` field counts: `If-Range` may say that parts are only of use if they are of
/// the version that the client has (RFC 9110 13.1.5).
pub(super) fn range_counts(headers: &HeaderMap, version: &Version) -> bool {
    if !headers.contains_key(header::IF_RANGE) {
        return true;
    }
    let Some(had) = only(headers, &header::IF_RANGE) else {
        return false;
    };
    if had.ends_with('"') {
        return version.is(had, true);
    }
    let date = httpdate::parse_http_date(had).ok();
    version.strong && date.is_some() && date == version.modified
}

/// The value of a field that is there exactly once and is text.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok(),
        _ => None,
    }
}
