//! Which parts of a file a `Range` field asks for (RFC 9110 14).
//!
//! Read by hand, because the packages that do it answer wrongly: `headers` and `http-range-header`
//! drop or refuse the last N bytes of a file shorter than N (14.1.2: that is all of it), and the
//! latter compares every range with every other.

use std::ops::Range;

use hyper::header::{self, HeaderMap};

#[cfg(test)]
mod tests;

/// Most ranges in one field; a field with more is ignored (RFC 9110 14.2).
const RANGES_MAX: usize = 64;

/// What to send of a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// All of it: nothing else is asked for, or not in a way that counts.
    Whole,
    /// One part, not empty.
    Part(Range<u64>),
    /// Several parts, none empty, none overlapping: together never more than the file.
    Parts(Vec<Range<u64>>),
    /// Only what is not there: 416.
    Nothing,
}

/// What the `Range` field of a request for a file of `len` bytes asks for. A field that is not
/// valid, or that asks for too many ranges, is ignored, as RFC 9110 14.2 allows.
pub(super) fn wanted(headers: &HeaderMap, len: u64) -> Wanted {
    let mut fields = headers.get_all(header::RANGE).iter();
    let (Some(field), None) = (fields.next(), fields.next()) else {
        return Wanted::Whole;
    };
    let Some(specs) = field.to_str().ok().and_then(parse) else {
        return Wanted::Whole;
    };
    // The last bytes of nothing are nothing, and there is no way to write that as a range.
    if len == 0 && specs.iter().any(|spec| matches!(spec, Spec::Last(1..))) {
        return Wanted::Whole;
    }
    let mut parts = without_overlap(specs.iter().filter_map(|spec| spec.within(len)).collect());
    match parts.len() {
        0 => Wanted::Nothing,
        1 => Wanted::Part(parts.swap_remove(0)),
        _ => Wanted::Parts(parts),
    }
}

/// One element of the field.
enum Spec {
    /// From the first position to the last, both included.
    Between(u64, u64),
    /// So many bytes at the end.
    Last(u64),
}

impl Spec {
    /// `0-99`, `100-` or `-100`.
    fn parse(text: &str) -> Option<Spec> {
        let (first, last) = text.split_once('-')?;
        if first.is_empty() {
            return Some(Spec::Last(number(last)?));
        }
        let first = number(first)?;
        let last = if last.is_empty() { u64::MAX } else { number(last)? };
        (first <= last).then_some(Spec::Between(first, last))
    }

    /// The bytes of a file of that length, if there are any.
    fn within(&self, len: u64) -> Option<Range<u64>> {
        let part = match *self {
            Spec::Between(first, last) => first..last.saturating_add(1).min(len),
            Spec::Last(count) => len.saturating_sub(count)..len,
        };
        (!part.is_empty()).then_some(part)
    }
}

/// The elements of the field; `None` when it is not valid or not about bytes.
fn parse(field: &str) -> Option<Vec<Spec>> {
    let (unit, list) = field.split_once('=')?;
    if !unit.eq_ignore_ascii_case("bytes") {
        return None;
    }
    let mut specs = Vec::new();
    // A list may have empty elements (RFC 9110 5.6.1.2).
    for text in list.split(',').map(|text| text.trim_matches([' ', '\t'])) {
        if text.is_empty() {
            continue;
        }
        if specs.len() == RANGES_MAX {
            return None;
        }
        specs.push(Spec::parse(text)?);
    }
    (!specs.is_empty()).then_some(specs)
}

/// Digits and nothing else; what is too large for us is larger than any file.
fn number(digits: &str) -> Option<u64> {
    let valid = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    valid.then(|| digits.parse().unwrap_or(u64::MAX))
}

/// The parts as they were asked for, or if some overlap or touch, those joined and all in ascending
/// order (RFC 9110 15.3.7.2): nothing is sent twice, however often it is asked for.
fn without_overlap(parts: Vec<Range<u64>>) -> Vec<Range<u64>> {
    let mut sorted = parts.clone();
    sorted.sort_by_key(|part| part.start);
    let mut joined: Vec<Range<u64>> = Vec::with_capacity(parts.len());
    for part in sorted {
        match joined.last_mut() {
            Some(last) if part.start <= last.end => last.end = last.end.max(part.end),
            _ => joined.push(part),
        }
    }
    if joined.len() == parts.len() { parts } else { joined }
}
