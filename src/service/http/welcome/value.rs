//! Values as text, without the machinery of `core::fmt`, which costs more than all of TCP does.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::event::ConnId;

#[cfg(test)]
mod tests;

/// Room for digits and what stands before them: a `u64` in groups takes 26, and two zeros that are taken
/// back.
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
    /// Most bytes of a text, with the blanks after it.
    pub const MAX: usize = AFTER;

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
        let rounded = duration.saturating_add(Duration::from_nanos(500));
        let micros = rounded.as_secs().saturating_mul(1_000_000);
        let micros = micros.saturating_add(rounded.subsec_micros().into());
        let mut value = Value::word(" ms");
        value.group(micros % 1000);
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

    /// Adds the text to `page`, and blanks up to `width`. Both are [`Value::MAX`] bytes at most.
    pub fn append_to(&self, page: &mut Vec<u8>, width: usize) {
        let len = page.len() + width.max(self.end - self.begin);
        // A copy whose length is known is a few instructions, and what is too much is cut off.
        page.extend_from_slice(&self.text[self.begin..self.begin + Value::MAX]);
        page.truncate(len);
    }

    // What is written stands before what was.

    fn byte(&mut self, byte: u8) {
        self.begin -= 1;
        self.text[self.begin] = byte;
    }

    fn digits(&mut self, mut number: u64) {
        while number > 999 {
            self.group(number % 1000);
            number /= 1000;
        }
        self.first(number);
    }

    fn grouped(&mut self, mut number: u64) {
        while number > 999 {
            self.group(number % 1000);
            self.byte(b',');
            number /= 1000;
        }
        self.first(number);
    }

    /// Three digits.
    fn group(&mut self, number: u64) {
        self.begin -= 3;
        self.text[self.begin..self.begin + 3].copy_from_slice(&GROUPS[number as usize]);
    }

    /// The first group of a number, which has no zeros in front.
    fn first(&mut self, number: u64) {
        self.group(number);
        self.begin += usize::from(number < 100) + usize::from(number < 10);
    }
}

/// Three digits of each number under 1000.
static GROUPS: [[u8; 3]; 1000] = groups();

const fn groups() -> [[u8; 3]; 1000] {
    let mut groups = [[0; 3]; 1000];
    let mut number = 0;
    while number < 1000 {
        let digits = [number / 100, number / 10 % 10, number % 10];
        groups[number] = [b'0' + digits[0] as u8, b'0' + digits[1] as u8, b'0' + digits[2] as u8];
        number += 1;
    }
    groups
}
