//! Text for people: what others say, so that no terminal obeys it, and sums as people compare them.

use std::fmt::Write as _;

/// Bytes in hexadecimal, small letters, as `sha256sum` writes a sum.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// What others say, as a single line that does nothing to a terminal: `?` stands for control characters, for those that
/// turn the direction of writing and for those that break a line (Unicode 15.1: UAX 9 2, UAX 14).
pub fn harmless_line(text: &str) -> String {
    text.chars().map(harmless).collect()
}

/// The same for what may have several lines: their ends and tabs stay.
pub fn harmless_lines(text: &str) -> String {
    let text = text.replace("\r\n", "\n");
    text.chars().map(|c| if matches!(c, '\n' | '\t') { c } else { harmless(c) }).collect()
}

fn harmless(c: char) -> char {
    let turns = matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let breaks = matches!(c, '\u{2028}' | '\u{2029}');
    if c.is_control() || turns || breaks { '?' } else { c }
}

#[cfg(test)]
mod tests;
