//! What a client remembers of servers that open fast (RFC 7413 4.1.3.1): their cookies, how large their segments are,
//! and whether the path loses a SYN with text.

use std::collections::HashMap;
use std::net::IpAddr;

use crate::stack::demux::KeyedHash;
use crate::tcp::{FastConnect, FirstSyn, Learned, Mss};
use crate::time::{Duration, Instant};
use crate::wire::tcp_options::{Cookie, FastOpen, Form};

/// Servers remembered at most; beyond that the one that was used least recently goes.
const MOST: usize = 1024;

/// What the options of a SYN can take, in bytes: its text leaves room for all, whatever middleboxes add (as Linux).
const OPTIONS: u16 = 40;

/// So many SYNs with text in a row are lost on a path that loses them all, ...
const LOSSES: u8 = 2;
/// ... and for this long, twice as long for each loss, they go without (as Linux had it for each server).
const PAUSE: Duration = Duration::from_secs(60);
/// The pause doubles no further: about a day.
const MOST_DOUBLINGS: u8 = 10;

/// Our address and the server's: with another one of ours the cookie would be another.
type Pair = (IpAddr, IpAddr);

/// A server.
#[derive(Debug, Default)]
struct Entry {
    mss: Option<u16>,
    cookie: Option<Box<FastOpen>>,
    /// The forms of the request that it has not answered: first that of RFC 7413, then both. Then only the
    /// first is used again.
    ignored: Option<Form>,
    losses: u8,
    lost_at: Instant,
    /// When it was last used, counted in uses of any.
    used: u64,
}

impl Entry {
    fn is_paused(&self, now: Instant) -> bool {
        let pause = PAUSE * (1 << self.losses.min(MOST_DOUBLINGS));
        self.losses >= LOSSES && now.since(self.lost_at) < pause
    }

    /// How a cookie is asked for: where the form of RFC 7413 got no answer, once in that of the experiment
    /// (as Linux).
    fn request(&self) -> FastOpen {
        let form = match self.ignored {
            Some(Form::Standard) => Form::Experimental,
            Some(Form::Experimental) | None => Form::Standard,
        };
        FastOpen { cookie: Cookie::REQUEST, form }
    }
}

/// All of them.
#[derive(Debug)]
pub(super) struct Cookies {
    servers: HashMap<Pair, Entry, KeyedHash>,
    uses: u64,
}

impl Cookies {
    /// None.
    pub(super) fn new(hash: KeyedHash) -> Self {
        Cookies { servers: HashMap::with_hasher(hash), uses: 0 }
    }

    /// What the first SYN has for a server, of whom a segment can have `own` bytes. Without room for text
    /// the connection is opened as usual.
    pub(super) fn first_syn(
        &mut self,
        now: Instant,
        pair: Pair,
        own: Mss,
        how: FastConnect,
    ) -> FirstSyn {
        self.uses += 1;
        let unknown = &mut Entry::default();
        let entry = self.servers.get_mut(&pair).unwrap_or(unknown);
        entry.used = self.uses;
        if how == FastConnect::Off || entry.is_paused(now) {
            return FirstSyn::default();
        }
        let mss = entry.mss.map_or(own, |mss| Mss::negotiated(Some(mss), own));
        let room = mss.bytes().saturating_sub(OPTIONS).into();
        match (how, &entry.cookie) {
            (FastConnect::NoCookie, _) => FirstSyn { option: None, room },
            (_, Some(cookie)) => FirstSyn { option: Some(cookie.clone()), room },
            (_, None) => FirstSyn { option: Some(Box::new(entry.request())), room: 0 },
        }
    }

    /// A server has answered.
    pub(super) fn learn(&mut self, now: Instant, pair: Pair, learned: Learned) {
        if !self.servers.contains_key(&pair) && self.servers.len() >= MOST {
            let oldest = self.servers.iter().min_by_key(|(_, entry)| entry.used);
            if let Some(oldest) = oldest.map(|(pair, _)| *pair) {
                self.servers.remove(&oldest);
            }
        }
        self.uses += 1;
        let entry = self.servers.entry(pair).or_default();
        entry.used = self.uses;
        entry.mss = Some(learned.mss);
        if learned.cookie.is_some() {
            entry.cookie = learned.cookie;
        } else if entry.cookie.is_none() && entry.ignored != Some(Form::Experimental) {
            entry.ignored = learned.ignored.or(entry.ignored);
        }
        if learned.lost {
            entry.losses = entry.losses.saturating_add(1);
            entry.lost_at = now;
        } else {
            entry.losses = 0;
        }
    }

    /// Forgets all.
    pub(super) fn clear(&mut self) {
        self.servers.clear();
    }
}

#[cfg(test)]
mod tests;
