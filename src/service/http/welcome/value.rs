//! Values as text, without the machinery of `core::fmt`, which costs more than all of TCP does.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::event::ConnId;

#[cfg(test)]
mod tests;

/// Room for digits and what stands before them: a `u64` in groups takes 26.
const BEFORE: usize = 32;
/// Room for all that follows: an IPv6 address with its zone and port takes 58, or words, and blanks.
const AFTER: usize = 64;

/// A short text with blanks after it. It is written from its end, as digits come.
pub(super) struct Value {
    text: [u8; BEFORE + AFTER],
    begin: usize,
    end: usize,
}

impl Value {
    /// At most [`AFTER`] bytes of `word`.
    pub fn word(word: &str) -> Value {
        let word = &word.as_bytes()[..word.len().min(AFTER)];
        let mut text = [b' '; BEFORE + AFTER];
        text[BEFORE..BEFORE + word.len()].copy_from_slice(word);
        Value { text, begin: BEFORE, end: BEFORE + word.len() }
    }

    /// `1,048,576`
    pub fn count(number: u64) -> Value {
        let mut value = Value::word("");
        value.grouped(number);
        value
    }

    /// `14,600 bytes`
    pub fn bytes(number: impl Into<u64>) -> Value {
        let mut value = Value::word(" bytes");
        value.grouped(number.into());
        value
    }

    /// `0.043 ms`
    pub fn millis(duration: Duration) -> Value {
        let micros = u64::try_from((duration.as_nanos() + 500) / 1000).unwrap_or(u64::MAX);
        let mut value = Value::word(" ms");
        value.three_digits(micros % 1000);
        value.byte(b'.');
        value.digits(micros / 1000);
        value
    }

    /// `#7`
    pub fn conn(ConnId(number): ConnId) -> Value {
        let mut value = Value::word("");
        value.digits(number.into());
        value.byte(b'#');
        value
    }

    /// `10.9.0.2:80`
    pub fn endpoint(endpoint: SocketAddr) -> Value {
        match endpoint.ip() {
            IpAddr::V4(address) => {
                let mut value = Value::word("");
                value.digits(endpoint.port().into());
                value.byte(b':');
                let [first, rest @ ..] = address.octets();
                for octet in rest.into_iter().rev() {
                    value.digits(octet.into());
                    value.byte(b'.');
                }
                value.digits(first.into());
                value
            }
            IpAddr::V6(_) => Value::word(&endpoint.to_string()),
        }
    }

    /// The text.
    pub fn text(&self) -> &[u8] {
        &self.text[self.begin..self.end]
    }

    /// The text, and blanks up to `width`, which is at most [`BEFORE`].
    pub fn column(&self, width: usize) -> &[u8] {
        &self.text[self.begin..self.end.max(self.begin + width)]
    }

    // What is written stands before what was.

    fn byte(&mut self, byte: u8) {
        self.begin -= 1;
        self.text[self.begin] = byte;
    }

    fn digits(&mut self, mut number: u64) {
        while number > 9 {
            self.byte(last_digit(number));
            number /= 10;
        }
        self.byte(last_digit(number));
    }

    fn three_digits(&mut self, number: u64) {
        self.byte(last_digit(number));
        self.byte(last_digit(number / 10));
        self.byte(last_digit(number / 100));
    }

    fn grouped(&mut self, mut number: u64) {
        while number > 999 {
            self.three_digits(number % 1000);
            self.byte(b',');
            number /= 1000;
        }
        self.digits(number);
    }
}

fn last_digit(number: u64) -> u8 {
    b'0' + (number % 10) as u8
}
