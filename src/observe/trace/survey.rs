//! Which connections a file tells of.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;

use super::Ends;

/// Connections that are told apart; those that come after them are not looked at.
pub const MOST_CONNECTIONS: usize = 100_000;

/// A connection of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its number: that of its events, or which one it is in a capture, from 1 on.
    pub number: u32,
    /// The stack that has it, or the interface where it was seen, when the file names them.
    pub place: Option<String>,
    /// Its ends as far as they are known, the local one first.
    pub ends: Option<Ends>,
    /// Bytes of text that each of them has sent.
    pub text: [u64; 2],
    /// Events or packets.
    pub moments: u64,
}

impl Found {
    /// Bytes of text in both directions.
    pub fn all_text(&self) -> u64 {
        self.text[0].saturating_add(self.text[1])
    }

    /// Its ends the other way round.
    #[must_use]
    pub fn turned(mut self) -> Found {
        self.ends = self.ends.map(|[local, remote]| [remote, local]);
        self.text.reverse();
        self
    }
}

/// `#3 of sender, 10.9.0.2:80 with 10.9.0.1:40312`.
impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.number)?;
        if let Some(place) = &self.place {
            write!(f, " at {place}")?;
        }
        if let Some([local, remote]) = self.ends {
            write!(f, ", {local} with {remote}")?;
        }
        Ok(())
    }
}

/// All connections of a file, and what is to be said about it.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    /// Those that were found, in order of appearance.
    pub found: Vec<Found>,
    /// Lines or packets that were read.
    pub read: u64,
    /// Sentences about what could not be read.
    pub notes: Vec<String>,
}

impl Survey {
    /// The connection of that number, or the one with most text; with a place only of those there.
    pub fn choose(&self, number: Option<u32>, place: Option<&str>) -> Option<&Found> {
        let chosen = self.found.iter().filter(|found| {
            number.is_none_or(|number| found.number == number)
                && place.is_none_or(|place| found.place.as_deref() == Some(place))
        });
        // Of several with as much the first: max_by_key takes the last.
        chosen.rev().max_by_key(|found| (found.all_text(), found.text[0], found.moments))
    }
}

/// Counts while a file is read.
#[derive(Debug, Default)]
pub(super) struct Census<K> {
    known: BTreeMap<K, usize>,
    found: Vec<Found>,
    /// Things about connections for which there was no room.
    pub beyond: u64,
}

impl<K: Ord> Census<K> {
    pub fn new() -> Census<K> {
        Census { known: BTreeMap::new(), found: Vec::new(), beyond: 0 }
    }

    /// The connection of that key, which `make` makes when it is new, if there is room.
    pub fn entry(&mut self, key: K, make: impl FnOnce(usize) -> Found) -> Option<&mut Found> {
        let index = match self.known.get(&key) {
            Some(index) => *index,
            None if self.found.len() >= MOST_CONNECTIONS => {
                self.beyond += 1;
                return None;
            }
            None => {
                let index = self.found.len();
                self.found.push(make(index));
                self.known.insert(key, index);
                index
            }
        };
        self.found.get_mut(index)
    }

    /// Has the next connection of that key be another one.
    pub fn forget(&mut self, key: &K) {
        self.known.remove(key);
    }

    pub fn finish(self) -> Vec<Found> {
        self.found
    }
}

/// The note about what there was no room for.
pub(super) fn beyond(count: u64, what: &str) -> Option<String> {
    (count > 0).then(|| {
        format!("{count} {what} of connections after the first {MOST_CONNECTIONS} were left out")
    })
}

/// Both ends, when both are known.
pub(super) fn ends(local: &str, remote: &str) -> Option<Ends> {
    let end = |text: &str| text.parse::<SocketAddr>().ok();
    Some([end(local)?, end(remote)?])
}
