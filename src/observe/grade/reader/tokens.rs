//! The words and signs of a line of rules.

use super::Problem;

/// A word, a number with its unit, or a sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// As it is written, without quotation marks.
    pub text: String,
    /// Where it begins, counted in letters from 1.
    pub column: usize,
    width: usize,
    is_quoted: bool,
}

impl Token {
    /// The column behind it.
    pub fn end(&self) -> usize {
        self.column + self.width
    }

    /// Whether it is that word.
    pub fn is(&self, word: &str) -> bool {
        !self.is_quoted && self.text.eq_ignore_ascii_case(word)
    }

    /// Whether it can be a name.
    pub fn is_name(&self) -> bool {
        let is_quoted = self.is_quoted && !self.text.is_empty();
        is_quoted || self.text.starts_with(|c: char| c.is_alphanumeric() || c == '_')
    }

    /// The words in it, which hyphens join.
    pub fn parts(&self) -> Vec<String> {
        super::parts(&self.text).collect()
    }
}

/// Splits a line up to its comment.
pub fn tokens(line: &str) -> Result<Vec<Token>, Problem> {
    let letters: Vec<char> = line.chars().collect();
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(&letter) = letters.get(at) {
        if letter == '#' {
            break;
        }
        if letter.is_whitespace() {
            at += 1;
            continue;
        }
        let rest = &letters[at..];
        let (skipped, len, width) = match letter {
            '"' | '\'' => {
                let len = rest[1..].iter().position(|c| *c == letter);
                let len = len.ok_or_else(|| (at + 1, format!("the second {letter} is missing")))?;
                (1, len, len + 2)
            }
            ',' | ':' | '*' => (0, 1, 1),
            '.' if rest.starts_with(&['.', '.']) => (0, 2, 2),
            '=' | '<' | '>' | '!' => {
                let len = if rest.get(1) == Some(&'=') { 2 } else { 1 };
                (0, len, len)
            }
            _ if is_of_word(rest, 0) => {
                let len = (0..rest.len()).find(|at| !is_of_word(rest, *at)).unwrap_or(rest.len());
                (0, len, len)
            }
            other => {
                let other = if other.is_control() { ' ' } else { other };
                return Err((at + 1, format!("'{other}' is nothing that rules have")));
            }
        };
        let text = letters[at + skipped..at + skipped + len].iter().collect();
        found.push(Token { text, column: at + 1, width, is_quoted: skipped > 0 });
        at += width;
    }
    Ok(found)
}

/// Whether a letter belongs to a word or a number; two dots stand between two of them.
fn is_of_word(letters: &[char], at: usize) -> bool {
    match letters[at] {
        '.' => letters.get(at + 1) != Some(&'.'),
        '_' | '-' | '/' | '%' => true,
        letter => letter.is_alphanumeric(),
    }
}
