//! Which packets are captured: a few words in the manner of tcpdump's.
//!
//! ```text
//!   filter = term, { ("and" | "or"), term }      "and" binds more tightly, and may be left out
//!   term   = "not" term | "(" filter ")" | "tcp" | "udp" | "icmp" | "in" | "out" | "host" ADDRESS | "port" NUMBER
//!          | "conn" NUMBER | "refused" | "impaired" | "why" NAME
//! ```

use std::net::IpAddr;
use std::str::FromStr;

use crate::event::{PacketView, Why};
use crate::wire::{ip, ports};

/// Which packets are wanted; all by default.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filter(Option<Term>);

/// Why a filter cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    /// A word that means nothing.
    #[error(
        "'{0}' is no word of a filter: there are tcp, udp, icmp, in, out, host ADDRESS, port NUMBER, conn NUMBER, refused, impaired, why NAME, and, or, not, and parentheses"
    )]
    Unknown(String),
    /// A word after which another must stand.
    #[error("after '{0}' a filter needs {1}")]
    Missing(String, &'static str),
    /// A parenthesis that is not closed.
    #[error("a parenthesis of the filter is not closed")]
    Open,
    /// There is more than a filter.
    #[error("'{0}' does not fit where it stands in the filter")]
    Surplus(String),
    /// It is longer than anybody means it.
    #[error("a filter has at most {MOST} terms, a 'not' and a pair of parentheses being one")]
    TooLong,
}

#[derive(Clone, Debug, PartialEq)]
enum Term {
    And(Box<Term>, Box<Term>),
    Or(Box<Term>, Box<Term>),
    Not(Box<Term>),
    Protocol(u8),
    Outbound(bool),
    Host(IpAddr),
    Port(u16),
    Conn(u32),
    Refused,
    Impaired,
    Why(&'static str),
}

/// Most terms: each may lie within all others.
const MOST: u8 = 64;

impl FromStr for Filter {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Filter, FilterError> {
        let spaced = text.replace('(', " ( ").replace(')', " ) ");
        let mut words = Words { left: spaced.split_whitespace().collect(), terms: 0 };
        words.left.reverse();
        if words.left.is_empty() {
            return Ok(Filter(None));
        }
        let term = words.any()?;
        match words.left.pop() {
            Some(word) => Err(FilterError::Surplus(word.to_owned())),
            None => Ok(Filter(Some(term))),
        }
    }
}

/// What is left of a filter to read, the next word last.
struct Words<'a> {
    left: Vec<&'a str>,
    terms: u8,
}

impl<'a> Words<'a> {
    fn next_is(&mut self, word: &str) -> bool {
        let is = self.left.last() == Some(&word);
        if is {
            self.left.pop();
        }
        is
    }

    fn any(&mut self) -> Result<Term, FilterError> {
        let mut term = self.all()?;
        while self.next_is("or") {
            term = Term::Or(Box::new(term), Box::new(self.all()?));
        }
        Ok(term)
    }

    fn all(&mut self) -> Result<Term, FilterError> {
        let mut term = self.term()?;
        loop {
            let and = self.next_is("and");
            if !and && matches!(self.left.last(), None | Some(&("or" | ")"))) {
                return Ok(term);
            }
            term = Term::And(Box::new(term), Box::new(self.term()?));
        }
    }

    fn term(&mut self) -> Result<Term, FilterError> {
        self.terms += 1;
        if self.terms > MOST {
            return Err(FilterError::TooLong);
        }
        let Some(word) = self.left.pop() else {
            return Err(FilterError::Missing("and, or, not".to_owned(), "something more"));
        };
        Ok(match word {
            "not" => Term::Not(Box::new(self.term()?)),
            "(" => {
                let inner = self.any()?;
                if !self.next_is(")") {
                    return Err(FilterError::Open);
                }
                inner
            }
            "tcp" => Term::Protocol(ip::TCP),
            "udp" => Term::Protocol(ip::UDP),
            "icmp" => Term::Protocol(ip::ICMP),
            "in" => Term::Outbound(false),
            "out" => Term::Outbound(true),
            "host" => Term::Host(self.value(word, "an address")?),
            "port" => Term::Port(self.value(word, "a number up to 65535")?),
            "conn" => Term::Conn(self.number_of_connection(word)?),
            "refused" => Term::Refused,
            "impaired" => Term::Impaired,
            "why" => {
                let name = self.left.pop().unwrap_or_default().replace('-', "_");
                let all = Why::ALL.map(Why::name);
                let known = all.into_iter().find(|one| *one == name);
                Term::Why(known.ok_or_else(|| {
                    FilterError::Missing(
                        word.to_owned(),
                        "a reason of docs/events.md, such as rack",
                    )
                })?)
            }
            word => return Err(FilterError::Unknown(word.to_owned())),
        })
    }

    /// The word after `word`.
    fn value<T: FromStr>(&mut self, word: &str, what: &'static str) -> Result<T, FilterError> {
        let value = self.left.pop().and_then(|value| value.parse().ok());
        value.ok_or_else(|| FilterError::Missing(word.to_owned(), what))
    }

    /// With or without the sign that it has elsewhere.
    fn number_of_connection(&mut self, word: &str) -> Result<u32, FilterError> {
        let value = self.left.pop().map(|value| value.strip_prefix('#').unwrap_or(value));
        let number = value.and_then(|value| value.parse().ok());
        number.ok_or_else(|| FilterError::Missing(word.to_owned(), "the number of a connection"))
    }
}

impl Filter {
    /// Whether a packet is wanted.
    pub fn lets_through(&self, view: &PacketView<'_>) -> bool {
        self.0.as_ref().is_none_or(|term| term.holds(view, &Head::of(view)))
    }
}

/// What is looked at of the headers.
struct Head {
    protocol: u8,
    ends: Option<(IpAddr, IpAddr)>,
    ports: Option<(u16, u16)>,
}

impl Head {
    fn of(view: &PacketView<'_>) -> Head {
        let bytes = match view {
            PacketView::Received { packet, .. } => &packet.bytes[..],
            PacketView::Sent { burst, .. } => &burst.header[..],
            PacketView::Impaired { packet, .. } => &packet[..],
        };
        let protocol = bytes.get(9).copied().unwrap_or(0);
        let header_len = bytes.first().map_or(0, |first| usize::from(first & 0x0f) * 4);
        let transport = bytes.get(header_len..).unwrap_or_default();
        let has_ports = matches!(protocol, ip::TCP | ip::UDP);
        let ports = if has_ports { ports(transport) } else { None };
        Head { protocol, ends: ip::addresses(bytes), ports }
    }
}

impl Term {
    fn holds(&self, view: &PacketView<'_>, head: &Head) -> bool {
        match self {
            Term::And(one, other) => one.holds(view, head) && other.holds(view, head),
            Term::Or(one, other) => one.holds(view, head) || other.holds(view, head),
            Term::Not(term) => !term.holds(view, head),
            Term::Protocol(protocol) => head.protocol == *protocol,
            Term::Outbound(out) => match view {
                PacketView::Received { .. } => !out,
                PacketView::Sent { .. } => *out,
                PacketView::Impaired { outbound, .. } => outbound == out,
            },
            Term::Host(host) => head.ends.is_some_and(|(from, to)| from == *host || to == *host),
            Term::Port(port) => head.ports.is_some_and(|(from, to)| from == *port || to == *port),
            Term::Conn(conn) => match view {
                PacketView::Received { conn: one, .. } => {
                    one.is_some_and(|(one, _)| one.0 == *conn)
                }
                PacketView::Sent { sent, .. } => {
                    sent.and_then(|(conn, ..)| conn).is_some_and(|one| one.0 == *conn)
                }
                PacketView::Impaired { .. } => false,
            },
            Term::Refused => matches!(view, PacketView::Received { refused: Some(_), .. }),
            Term::Impaired => matches!(view, PacketView::Impaired { .. }),
            Term::Why(why) => {
                matches!(view, PacketView::Sent { sent: Some((.., one)), .. } if one.name() == *why)
            }
        }
    }
}

#[cfg(test)]
mod tests;
