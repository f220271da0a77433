//! TCP Fast Open (RFC 7413): text that goes with the SYN, from a client that has shown by a cookie that it
//! gets what is sent to its address.
//!
//! ```text
//!   client                                   server
//!     | --- SYN, may I have a cookie? --------> |
//!     | <-- SYN,ACK, cookie ------------------- |     the first time; ordinary otherwise
//!     | --- ACK, text ------------------------> |
//!
//!     | --- SYN, cookie, text ----------------> |     from then on: it is accepted, and can be read
//!     | <-- SYN,ACK of all -------------------- |
//!     | <-- text ------------------------------ |     before anybody knows that the client is there
//!     | --- ACK ------------------------------> |
//! ```
//!
//! Here are the cookies of a server, and what a connection remembers until it is open. What an answer means
//! is in `arrive/fast_open`; which connections may be opened so, and what clients know of servers, is for
//! the stack to say.

use std::fmt;
use std::hash::Hasher;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use siphasher::sip::SipHasher24;

use crate::event::{State, Why};
use crate::tcp::tcb::Tcb;
use crate::wire::tcp_options::{Cookie, FastOpen, Form};

/// Whether a client may open fast, where it is asked to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum FastConnect {
    /// Never: connections are opened as if nobody had asked.
    Off,
    /// With a cookie of the server; without one the SYN asks for it (as Linux).
    #[default]
    Cookie,
    /// The text goes at once and no cookie with it, for servers that are known to want none (as TCP_FASTOPEN_NO_COOKIE
    /// does in Linux).
    NoCookie,
}

/// The keys with which a server makes cookies, so that it need not remember them (RFC 7413 4.1.2).
#[derive(Clone, PartialEq, Eq)]
pub struct CookieKeys {
    current: [u8; 16],
    previous: Option<[u8; 16]>,
}

/// Whether a cookie is ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CookieCheck {
    /// It is, and it is made with the key in use.
    Current,
    /// It is; the client should get a new one.
    Previous,
    /// It is not.
    Foreign,
}

impl CookieKeys {
    /// One key of sixteen secret bytes.
    pub const fn new(key: [u8; 16]) -> Self {
        CookieKeys { current: key, previous: None }
    }

    /// The same with a key that was in use before, whose cookies are still good (RFC 7413 4.1.2: keys should change).
    pub const fn with_previous(key: [u8; 16], previous: [u8; 16]) -> Self {
        CookieKeys { current: key, previous: Some(previous) }
    }

    /// Makes cookies with `key` from now on. Those of the key before it stay good until the next change.
    pub fn change(&mut self, key: [u8; 16]) {
        self.previous = Some(std::mem::replace(&mut self.current, key));
    }

    /// The cookie that `server` gives to `client`: eight bytes of SipHash over both addresses, as in Linux,
    /// so that servers with one key can stand in for each other (RFC 7413 6.5).
    pub fn cookie(&self, client: IpAddr, server: IpAddr) -> Cookie {
        cookie(&self.current, client, server)
    }

    /// Whether `client` got `shown` from `server`.
    pub fn check(&self, shown: &Cookie, client: IpAddr, server: IpAddr) -> CookieCheck {
        if *shown == self.cookie(client, server) {
            return CookieCheck::Current;
        }
        match &self.previous {
            Some(key) if *shown == cookie(key, client, server) => CookieCheck::Previous,
            _ => CookieCheck::Foreign,
        }
    }
}

fn cookie(key: &[u8; 16], client: IpAddr, server: IpAddr) -> Cookie {
    let mut hasher = SipHasher24::new_with_key(key);
    for address in [client, server] {
        match address {
            IpAddr::V4(address) => hasher.write(&address.octets()),
            IpAddr::V6(address) => hasher.write(&address.octets()),
        }
    }
    Cookie::new(&hasher.finish().to_le_bytes()).unwrap_or_default()
}

/// They are secret.
impl fmt::Debug for CookieKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CookieKeys").finish_non_exhaustive()
    }
}

/// What became of the text of a SYN, ours or the peer's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum SynText {
    /// There was none.
    #[default]
    None,
    /// Ours is under way.
    Sent,
    /// The answer has acknowledged all of ours, or we have taken the peer's.
    Taken,
    /// The answer has not acknowledged all of it: the rest goes again.
    NotTaken,
}

/// What goes with the first SYN (or SYN with ACK) only. One that is not answered may have been dropped for
/// it, so later ones do without (RFC 7413 4.1.3.1, as Linux).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FirstSyn {
    /// A cookie, or the request for one.
    pub option: Option<Box<FastOpen>>,
    /// Most text that may go with it, in bytes.
    pub room: u32,
}

/// What the answer to a SYN says of fast open, for the next connection to that peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Learned {
    /// The peer's maximum segment size, in bytes, as sent.
    pub mss: u16,
    /// A new cookie.
    pub cookie: Option<Box<FastOpen>>,
    /// It was the SYN without text that was answered: the one with text has been lost.
    pub lost: bool,
    /// The SYN has asked for a cookie in this form, and the answer has none.
    pub ignored: Option<Form>,
}

/// What a connection remembers of opening fast, until it is open.
#[derive(Debug, Default)]
pub(crate) struct Opening {
    /// What the first SYN will have; `None` when it is sent.
    pub first: Option<FirstSyn>,
    /// The SYN waits for the first write.
    pub deferred: bool,
    /// We are the server: we have the peer's SYN, and may send before ours is acknowledged.
    pub passive: bool,
    /// The form of the option that our SYN had.
    pub asked: Option<Form>,
    /// Our SYN was sent more than once.
    pub again: bool,
    /// Why the next one goes out, if it is neither the first nor the timer's.
    pub why: Option<Why>,
    /// What the answer to it said.
    pub learned: Option<Learned>,
}

impl Opening {
    /// Our SYN was sent, or one with ACK.
    pub fn syn_sent(&mut self) {
        self.why = None;
        match self.first.take() {
            Some(first) => self.asked = first.option.map(|option| option.form),
            None => self.again = true,
        }
    }
}

impl Tcb {
    /// Its first SYN, which is not sent yet, will have `first`; it waits for the first write if `deferred`.
    pub fn open_fast(&mut self, first: FirstSyn, deferred: bool) {
        self.snd.syn_pending = !deferred;
        self.opening =
            Some(Box::new(Opening { first: Some(first), deferred, ..Opening::default() }));
    }

    /// Whether it opens fast, and is not open yet.
    pub fn is_opening_fast(&self) -> bool {
        let unacked = self.snd.syn_unacked() && self.state != State::Closed;
        self.opening.is_some() && unacked
    }

    /// It does not open fast any more; gives what it has learned of the peer.
    pub fn end_opening(&mut self) -> Option<Learned> {
        self.opening.take()?.learned
    }

    /// Whether text may go out, although our SYN is not acknowledged (RFC 7413 4.2.2).
    pub(crate) fn sends_early(&self) -> bool {
        self.opening.as_ref().is_some_and(|opening| opening.passive)
    }

    /// Whether the application may write, although our SYN is not acknowledged.
    pub fn takes_early(&self) -> bool {
        self.opening.as_ref().is_some_and(|opening| opening.passive || opening.deferred)
    }

    /// Most text that may go with the next SYN, in bytes.
    pub(crate) fn opening_room(&self) -> u32 {
        let first = self.opening.as_ref().and_then(|opening| opening.first.as_ref());
        first.map_or(0, |first| first.room)
    }

    /// The text that goes with the next SYN, in bytes.
    pub(crate) fn syn_text(&self) -> u32 {
        self.opening_room().min(self.snd.buffer.len() as u32)
    }

    /// What it says of fast open.
    pub(crate) fn syn_option(&self) -> Option<Box<FastOpen>> {
        self.opening.as_ref()?.first.as_ref()?.option.clone()
    }
}

#[cfg(test)]
mod tests;
