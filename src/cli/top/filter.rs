//! Which connections are shown: words that must all fit.

use std::net::IpAddr;

use glasstcp::control::{Protocol, SocketFilter, SocketStatus, state_name};
use glasstcp::event::State;

/// Words of which each must fit: a port, an address or a state, or else a part of the ends, the state, the congestion
/// control or the number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    text: String,
    words: Vec<Word>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Word {
    Port(u16),
    Address(IpAddr),
    State(String),
    /// In small letters.
    Part(String),
}

impl Filter {
    /// Reads what was typed, of which everything means something.
    pub fn parse(text: &str) -> Filter {
        let text = text.trim();
        Filter { text: text.to_owned(), words: text.split_whitespace().map(word).collect() }
    }

    /// What was typed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// As much of it as a running glasstcp can look for itself, so that it need not tell of others.
    pub fn ask(&self) -> SocketFilter {
        let mut asked =
            SocketFilter { protocol: Some(Protocol::Tcp), states: states(), ..Default::default() };
        for word in &self.words {
            match word {
                Word::Port(port) => asked.port = Some(*port),
                Word::Address(address) => asked.address = Some(*address),
                Word::State(state) => asked.states = vec![state.clone()],
                Word::Part(_) => {}
            }
        }
        asked
    }

    /// Whether all words fit.
    pub fn includes(&self, socket: &SocketStatus) -> bool {
        let ends = || std::iter::once(socket.local).chain(socket.remote);
        self.words.iter().all(|word| match word {
            Word::Port(port) => ends().any(|end| end.port() == *port),
            Word::Address(address) => ends().any(|end| end.ip() == *address),
            Word::State(state) => socket.state.eq_ignore_ascii_case(state),
            Word::Part(part) => {
                let congestion = socket.tcp.as_ref().map(|tcp| tcp.congestion.to_lowercase());
                ends().any(|end| end.to_string().contains(part))
                    || socket.state.to_lowercase().contains(part)
                    || congestion.is_some_and(|name| name.contains(part))
                    || socket.conn.is_some_and(|conn| format!("#{conn}") == *part)
            }
        })
    }
}

/// The states of connections: all but that of a listener.
fn states() -> Vec<String> {
    let states = State::ALL.into_iter().filter(|&state| state != State::Listen);
    states.map(|state| state_name(state).to_owned()).collect()
}

fn word(word: &str) -> Word {
    if let Ok(port) = word.strip_prefix(':').unwrap_or(word).parse() {
        return Word::Port(port);
    }
    if let Ok(address) = word.parse() {
        return Word::Address(address);
    }
    match states().into_iter().find(|state| state.eq_ignore_ascii_case(word)) {
        Some(state) => Word::State(state),
        None => Word::Part(word.to_lowercase()),
    }
}

#[cfg(test)]
mod tests;
