//! The lines of a script: when, and what.

use std::str::FromStr;

use super::icmp::IcmpError;
use super::segment::Shape;
use crate::device::impair::units::parse_time;
use crate::tcp::SendFlags;
use crate::time::{Duration, Instant};

/// A line.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Step {
    pub(super) when: When,
    pub(super) action: Action,
}

/// A time, or a range of times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct When {
    /// Counted from the step before, and not from the beginning.
    relative: bool,
    from: Duration,
    to: Duration,
}

impl When {
    /// The earliest and the latest time, the step before having been at `last`.
    pub(super) fn after(self, last: Instant) -> (Instant, Instant) {
        let origin = if self.relative { last } else { Instant::ZERO };
        (origin + self.from, origin + self.to)
    }
}

/// What a line says.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Action {
    /// A packet arrives at the stack.
    Inject(Shape),
    /// A router reports something to the stack.
    Report(IcmpError),
    /// The stack sends a packet.
    Expect(Shape),
    /// It sends none.
    Nothing,
    /// The application calls.
    Call(Call),
}

/// A call of the application, and what comes of it if the script says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) verb: Verb,
    pub(super) result: Option<String>,
}

/// What an application calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    /// Waits for connections on the stack's port.
    Listen,
    /// Opens a connection to the peer.
    Connect,
    /// Takes the connection that was opened.
    Accept,
    /// Writes so many bytes.
    Write(usize, SendFlags),
    /// Reads at most so many bytes.
    Read(usize),
    /// Reads the urgent octet by itself.
    ReadUrgent,
    /// Chooses how the network is to treat what is sent from now on (RFC 2474).
    Dscp(u8),
    /// Asks whether reading has come to the urgent octet.
    AtMark,
    /// Asks how many bytes can be read up to it.
    Unread,
    /// Asks for the state of the connection.
    State,
    /// Asks for the congestion window.
    Cwnd,
    /// Asks for the slow-start threshold.
    Ssthresh,
    /// Asks for what the network has reported and nothing has disproved.
    SoftError,
    /// Ends its half of the connection.
    Shutdown,
    /// Lets go.
    Close,
    /// Resets.
    Abort,
}

/// The calls there are, for messages.
const CALLS: &str = "listen, connect, accept, write N, write N urgent, write N more, read, read N, read urgent, shutdown, close, abort, dscp N, and to ask: at-mark, unread, state, cwnd, ssthresh, soft-error; each with '-> RESULT'";

impl FromStr for Step {
    type Err = String;

    fn from_str(text: &str) -> Result<Step, String> {
        let (time, rest) = first_word(text);
        let when = when(time)?;
        let (verb, what) = first_word(rest);
        let action = match verb {
            "inject" if first_word(what).0 == "icmp" => Action::Report(first_word(what).1.parse()?),
            "inject" => Action::Inject(what.parse().and_then(Shape::complete)?),
            "expect" if what == "nothing" => Action::Nothing,
            "expect" => Action::Expect(what.parse().and_then(Shape::without_raw)?),
            "call" => Action::Call(what.parse()?),
            _ => return Err(format!("'{verb}' is not inject, expect or call")),
        };
        if when.from != when.to && !matches!(action, Action::Expect(_)) {
            return Err("only a packet that is expected may have a range of times".to_owned());
        }
        Ok(Step { when, action })
    }
}

fn first_word(text: &str) -> (&str, &str) {
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    (word, rest.trim())
}

fn when(word: &str) -> Result<When, String> {
    let (from, to) = word.split_once("..").unwrap_or((word, word));
    let wrong = || {
        format!(
            "'{word}' is not a time such as +40ms, counted from the step before, @1.5s, counted from the beginning, or +190ms..+210ms"
        )
    };
    let relative = from.starts_with('+');
    let time = |word: &str| {
        let digits = word.strip_prefix(if relative { '+' } else { '@' });
        digits.and_then(|digits| parse_time(digits).ok()).ok_or_else(wrong)
    };
    let when = When { relative, from: time(from)?, to: time(to)? };
    if when.from <= when.to { Ok(when) } else { Err(wrong()) }
}

impl FromStr for Call {
    type Err = String;

    fn from_str(text: &str) -> Result<Call, String> {
        let (call, result) = match text.split_once("->") {
            Some((call, result)) => (call.trim(), Some(result.trim().to_owned())),
            None => (text, None),
        };
        let words: Vec<&str> = call.split_whitespace().collect();
        let amount = |word: &str| word.parse().ok().filter(|&bytes: &usize| bytes > 0);
        let write = |bytes: &str, flags| amount(bytes).map(|bytes| Verb::Write(bytes, flags));
        let usual = SendFlags::default();
        let verb = match words[..] {
            ["listen"] => Some(Verb::Listen),
            ["connect"] => Some(Verb::Connect),
            ["accept"] => Some(Verb::Accept),
            ["shutdown"] => Some(Verb::Shutdown),
            ["close"] => Some(Verb::Close),
            ["abort"] => Some(Verb::Abort),
            ["read"] => Some(Verb::Read(usize::MAX)),
            ["read", "urgent"] => Some(Verb::ReadUrgent),
            ["read", bytes] => amount(bytes).map(Verb::Read),
            ["write", bytes] => write(bytes, usual),
            ["write", bytes, "urgent"] => write(bytes, SendFlags { urgent: true, ..usual }),
            ["write", bytes, "more"] => write(bytes, SendFlags { more: true, ..usual }),
            ["dscp", codepoint] => codepoint.parse().ok().map(Verb::Dscp),
            ["at-mark"] => Some(Verb::AtMark),
            ["unread"] => Some(Verb::Unread),
            ["state"] => Some(Verb::State),
            ["cwnd"] => Some(Verb::Cwnd),
            ["ssthresh"] => Some(Verb::Ssthresh),
            ["soft-error"] => Some(Verb::SoftError),
            _ => None,
        };
        let verb = verb.ok_or_else(|| format!("there is no call '{call}'; there are {CALLS}"))?;
        Ok(Call { verb, result })
    }
}
