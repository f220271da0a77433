//! The path of a request, taken apart once and never put together by hand again.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};

use super::reply::Refused;

#[cfg(test)]
mod tests;

/// Kept as they are in a URL: letters, digits and the marks of RFC 3986 2.3.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Safe names, one below the other: none is empty, begins with a dot, or holds a slash or a
/// control character. So no such path leads upwards or to a hidden file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Path {
    /// The names.
    pub names: Vec<OsString>,
    /// Whether it ended with a slash, which is how one asks for a folder.
    pub folder: bool,
}

impl Path {
    /// Decodes a path as it stands in a request; slashes in a row count as one.
    pub fn parse(text: &str) -> Result<Path, Refused> {
        let inner = text.strip_prefix('/').ok_or(Refused::BadPath)?;
        if inner.is_empty() {
            return Ok(Path { names: Vec::new(), folder: true });
        }
        let decoded = |part: &str| name(percent_decode_str(part).collect());
        let names = parts(inner).map(decoded).collect::<Result<_, _>>()?;
        let folder = text.ends_with('/');
        Ok(Path { names, folder })
    }

    /// Takes a path as it is, in which nothing is encoded, with or without a slash at its beginning.
    pub fn plain(text: &str) -> Result<Path, Refused> {
        let names = parts(text).map(|part| name(part.into())).collect::<Result<_, _>>()?;
        Ok(Path { names, folder: text.ends_with('/') })
    }

    /// The first name, if it is readable at all.
    pub fn first(&self) -> Option<&str> {
        self.names.first()?.to_str()
    }

    /// How many names.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// The path as a URL, with a slash at its end.
    pub fn folder_url(&self) -> String {
        self.names.iter().fold("/".to_owned(), |mut url, name| {
            url.push_str(&encode(name));
            url.push('/');
            url
        })
    }
}

/// A name as a part of a URL.
pub(super) fn encode(name: &OsStr) -> String {
    percent_encode(name.as_bytes(), ENCODED).to_string()
}

/// What stands between slashes; several in a row count as one.
fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split('/').filter(|part| !part.is_empty())
}

fn name(bytes: Vec<u8>) -> Result<OsString, Refused> {
    if bytes.iter().any(|&byte| byte == b'/' || byte.is_ascii_control()) {
        return Err(Refused::BadPath);
    }
    if bytes.first() == Some(&b'.') {
        return Err(Refused::NotFound);
    }
    Ok(OsString::from_vec(bytes))
}
