//! Who may see the page, and who may change something.
//!
//! A page from elsewhere in the same browser must not read this one, nor change anything through it: requests say where they
//! come from (`Origin`, `Sec-Fetch-Site`), a change takes a field that only scripts of this page can send, and
//! as whoever owns a name decides which address it has (DNS rebinding), names are not answered, only addresses.

use std::fmt;
use std::io;
use std::net::IpAddr;

use hyper::header::{self, HeaderMap};
use hyper::http::uri::Authority;
use hyper::{Request, Uri};

use super::reply::Refused;

/// Who may change something.
#[derive(Clone, Debug)]
pub enum Right {
    /// Whoever can ask, as they are on this machine.
    Everybody,
    /// Who knows the token.
    Token(Token),
}

/// A word that cannot be guessed: 128 bits.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// A new one.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub fn new() -> io::Result<Token> {
        let mut bits = [0; 16];
        getrandom::fill(&mut bits).map_err(io::Error::other)?;
        Ok(Token(format!("{:032x}", u128::from_be_bytes(bits))))
    }

    /// Whether it is this one, in a time that tells nothing about it.
    fn is(&self, said: &[u8]) -> bool {
        let differences = self.0.bytes().zip(said).map(|(ours, &theirs)| ours ^ theirs);
        said.len() == self.0.len() && differences.fold(0, |all, one| all | one) == 0
    }
}

/// It, for whom it is made.
impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Not it: what is printed for developers is read by others.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

impl Right {
    /// Whether nothing has to be known.
    pub(super) fn is_free(&self) -> bool {
        matches!(self, Right::Everybody)
    }

    /// Whether the sender of a request with these fields may change something.
    pub(super) fn check(&self, headers: &HeaderMap) -> Result<(), Refused> {
        let is = |name: &str, value: &str| {
            headers
                .get(name)
                .is_some_and(|found| found.as_bytes().eq_ignore_ascii_case(value.as_bytes()))
        };
        let kind = headers.get(header::CONTENT_TYPE).map(|kind| kind.as_bytes());
        let is_json = kind.is_some_and(|kind| kind.starts_with(b"application/json"));
        if !is_json || !is("x-glass", "1") {
            return Err(Refused::NoJson);
        }
        let Right::Token(token) = self else {
            return Ok(());
        };
        let said = headers.get(header::AUTHORIZATION).ok_or(Refused::NoToken)?;
        let said = said.as_bytes().strip_prefix(b"Bearer ").ok_or(Refused::NoToken)?;
        if token.is(said) { Ok(()) } else { Err(Refused::WrongToken) }
    }
}

/// Whether a request is for an address and comes from nowhere else.
pub(super) fn check_origin<B>(request: &Request<B>) -> Result<(), Refused> {
    let headers = request.headers();
    let mut hosts = headers.get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return Err(Refused::Host);
    };
    let host = Authority::try_from(host.as_bytes()).map_err(|_| Refused::Host)?;
    if host.as_str().contains('@') || !is_address(host.host()) {
        return Err(Refused::Host);
    }
    for origin in headers.get_all(header::ORIGIN) {
        let origin = Uri::try_from(origin.as_bytes()).map_err(|_| Refused::Origin)?;
        if origin.scheme_str() != Some("http") || origin.authority() != Some(&host) {
            return Err(Refused::Origin);
        }
    }
    let site = headers.get("sec-fetch-site").map(|site| site.as_bytes());
    match site {
        None | Some(b"same-origin" | b"none") => Ok(()),
        // A link to the page itself, wherever that is.
        Some(_) if is_navigation(headers) && request.uri().path().ends_with('/') => Ok(()),
        Some(_) => Err(Refused::Origin),
    }
}

/// Whether somebody goes there.
fn is_navigation(headers: &HeaderMap) -> bool {
    headers.get("sec-fetch-mode").is_some_and(|mode| mode == "navigate")
}

/// Whether it is an address, or this machine.
fn is_address(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    bare.parse::<IpAddr>().is_ok() || host.eq_ignore_ascii_case("localhost")
}

#[cfg(test)]
mod tests;
