//! A calculator: a line of arithmetic to a number, and nothing else.
//!
//! ```text
//!   SUM      = PRODUCT *( ("+" | "-") PRODUCT )
//!   PRODUCT  = SIGNED *( ("*" | "/") SIGNED )
//!   SIGNED   = ("-" | "+") SIGNED | POWER
//!   POWER    = ATOM [ ("^" | "**") SIGNED ]                   to the right: 2^3^2 is 2^(3^2)
//!   ATOM     = NUMBER | "(" SUM ")" | "pi" | "e" | NAME "(" SUM *("," SUM) ")"
//! ```
//!
//! The crates there are would not do: `exmex` binds a sign closer than a power (-2^2 is 4 there), `evalexpr`
//! assigns variables and is under the AGPL, `fasteval` can print, and it and `meval` are no longer kept.

use std::f64::consts;

#[cfg(test)]
mod tests;

/// Longest expression, in bytes.
pub const LEN_MAX: usize = 1024;
/// So many signs, powers and parentheses may be in each other.
pub const DEPTH_MAX: usize = 64;
/// The functions, as errors list them.
const FUNCTIONS: &str = "sqrt, sin, cos, tan, ln, log, exp, abs, floor, ceil, round, min, max";

/// Why there is no result. The text is for the person who has asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CalcError {
    /// Longer than [`LEN_MAX`].
    #[error("the expression has {0} bytes, and at most {LEN_MAX} are read")]
    TooLong(usize),
    /// Deeper than [`DEPTH_MAX`].
    #[error(
        "the expression is too deep: at most {DEPTH_MAX} parentheses, powers and signs may be in each other"
    )]
    TooDeep,
    /// It ends where something must follow.
    #[error("the expression ends where {0} should be")]
    Ends(&'static str),
    /// Something that cannot stand where it does, counted from 1.
    #[error("'{found}' cannot stand at character {at}: {wanted} should be there")]
    Unexpected {
        /// What.
        found: char,
        /// Where.
        at: usize,
        /// What could stand there.
        wanted: &'static str,
    },
    /// Digits that are no number.
    #[error("'{0}' is not a number")]
    Number(String),
    /// No function and no constant.
    #[error("there is no '{0}': there are pi, e, {FUNCTIONS}")]
    Unknown(String),
    /// A function is given more or less than it takes.
    #[error("{0} takes one number, not {1}")]
    Arguments(&'static str, usize),
    /// Something divided by zero.
    #[error("division by zero")]
    DivisionByZero,
    /// No real number.
    #[error("{0} is not a real number")]
    Domain(&'static str),
    /// Beyond the largest number of 64 bits.
    #[error("the result is too large: numbers go up to 1.8e308")]
    TooLarge,
}

/// Evaluates one expression, in numbers of 64 bits (IEEE 754). Angles are in radians, `log` is that to the
/// base of 10.
///
/// # Errors
/// It is no arithmetic, or there is no result.
pub fn evaluate(text: &str) -> Result<f64, CalcError> {
    if text.len() > LEN_MAX {
        return Err(CalcError::TooLong(text.len()));
    }
    let mut parser = Parser { text, at: 0, depth: 0 };
    let value = parser.sum()?;
    match parser.peek() {
        None => Ok(value),
        Some(_) => Err(parser.unexpected("an operator, or the end")),
    }
}

/// A result as text: the shortest that is read as the same number again, as Python has it.
pub fn show(value: f64) -> String {
    let size = value.abs();
    match size == 0.0 || (1e-5..1e16).contains(&size) {
        // Without the sign of a zero.
        true => (value + 0.0).to_string(),
        false => format!("{value:e}"),
    }
}

/// An expression, and how far it has been read.
struct Parser<'a> {
    text: &'a str,
    /// In bytes, always between two characters.
    at: usize,
    depth: usize,
}

impl Parser<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    /// The next character that is no blank, and goes there.
    fn peek(&mut self) -> Option<char> {
        self.at = self.text.len() - self.rest().trim_start().len();
        self.rest().chars().next()
    }

    /// Goes past `sign` if it is next.
    fn take(&mut self, sign: &str) -> bool {
        let found = self.peek().is_some() && self.rest().starts_with(sign);
        if found {
            self.at += sign.len();
        }
        found
    }

    fn unexpected(&mut self, wanted: &'static str) -> CalcError {
        match self.peek() {
            None => CalcError::Ends(wanted),
            Some(found) => {
                let at = self.text[..self.at].chars().count() + 1;
                CalcError::Unexpected { found, at, wanted }
            }
        }
    }

    fn sum(&mut self) -> Result<f64, CalcError> {
        let mut value = self.product()?;
        loop {
            value = if self.take("+") {
                value + self.product()?
            } else if self.take("-") {
                value - self.product()?
            } else {
                return finite(value);
            };
        }
    }

    fn product(&mut self) -> Result<f64, CalcError> {
        let mut value = self.signed()?;
        loop {
            value = if self.take("*") {
                value * self.signed()?
            } else if self.take("/") {
                match self.signed()? {
                    0.0 => return Err(CalcError::DivisionByZero),
                    divisor => value / divisor,
                }
            } else {
                return finite(value);
            };
        }
    }

    /// Everything that is in something else comes through here, so this alone has to count.
    fn signed(&mut self) -> Result<f64, CalcError> {
        // What is outside of all is not in anything.
        if self.depth > DEPTH_MAX {
            return Err(CalcError::TooDeep);
        }
        self.depth += 1;
        let value = if self.take("-") {
            -self.signed()?
        } else if self.take("+") {
            self.signed()?
        } else {
            self.power()?
        };
        self.depth -= 1;
        Ok(value)
    }

    fn power(&mut self) -> Result<f64, CalcError> {
        let base = self.atom()?;
        if !(self.take("^") || self.take("**")) {
            return Ok(base);
        }
        let exponent = self.signed()?;
        if base == 0.0 && exponent < 0.0 {
            return Err(CalcError::DivisionByZero);
        }
        real(base.powf(exponent), "a broken power of a negative number")
    }

    fn atom(&mut self) -> Result<f64, CalcError> {
        const WANTED: &str = "a number, a name or a parenthesis";
        match self.peek() {
            Some('(') => {
                self.at += 1;
                let value = self.sum()?;
                self.close("an operator or ')'")?;
                Ok(value)
            }
            Some(first) if first.is_ascii_digit() || first == '.' => self.number(),
            Some(first) if first.is_ascii_alphabetic() => self.named(),
            _ => Err(self.unexpected(WANTED)),
        }
    }

    fn close(&mut self, wanted: &'static str) -> Result<(), CalcError> {
        if self.take(")") { Ok(()) } else { Err(self.unexpected(wanted)) }
    }

    /// The first `len` bytes of the rest, and goes past them.
    fn word(&mut self, len: usize) -> String {
        let word = self.rest()[..len].to_owned();
        self.at += len;
        word
    }

    fn number(&mut self) -> Result<f64, CalcError> {
        let rest = self.rest().as_bytes();
        let digits = |from: usize, dot: bool| {
            let is_part = |byte: &u8| byte.is_ascii_digit() || (dot && *byte == b'.');
            from + rest[from..].iter().take_while(|byte| is_part(byte)).count()
        };
        let mut end = digits(0, true);
        if rest.get(end).is_some_and(|byte| byte.eq_ignore_ascii_case(&b'e')) {
            let sign = usize::from(matches!(rest.get(end + 1), Some(b'+' | b'-')));
            if rest.get(end + 1 + sign).is_some_and(u8::is_ascii_digit) {
                end = digits(end + 1 + sign, false);
            }
        }
        let word = self.word(end);
        let value = word.parse().map_err(|_| CalcError::Number(word))?;
        finite(value)
    }

    /// A constant or a function.
    fn named(&mut self) -> Result<f64, CalcError> {
        let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
        let len = self.rest().bytes().take_while(is_part).count();
        let name = self.word(len);
        match name.as_str() {
            "pi" => return Ok(consts::PI),
            "e" => return Ok(consts::E),
            _ => {}
        }
        let function = function(&name).ok_or(CalcError::Unknown(name))?;
        if !self.take("(") {
            return Err(self.unexpected("'(' after a function"));
        }
        let mut values = vec![self.sum()?];
        while self.take(",") {
            values.push(self.sum()?);
        }
        self.close("an operator, ',' or ')'")?;
        apply(function, &values)
    }
}

/// A function by its name, with what it makes of values for which it has no result.
enum Function {
    /// Of one number.
    One(&'static str, fn(f64) -> f64, &'static str),
    /// Of one number or more.
    Many(fn(f64, f64) -> f64),
}

fn function(name: &str) -> Option<Function> {
    use Function::{Many, One};
    const NEVER: &str = "this";
    const LOG: &str = "a logarithm of a number that is not above 0";
    Some(match name {
        "sqrt" => One("sqrt", f64::sqrt, "the square root of a negative number"),
        "sin" => One("sin", f64::sin, NEVER),
        "cos" => One("cos", f64::cos, NEVER),
        "tan" => One("tan", f64::tan, NEVER),
        "ln" => One("ln", |x| if x > 0.0 { x.ln() } else { f64::NAN }, LOG),
        "log" => One("log", |x| if x > 0.0 { x.log10() } else { f64::NAN }, LOG),
        "exp" => One("exp", f64::exp, NEVER),
        "abs" => One("abs", f64::abs, NEVER),
        "floor" => One("floor", f64::floor, NEVER),
        "ceil" => One("ceil", f64::ceil, NEVER),
        "round" => One("round", f64::round, NEVER),
        "min" => Many(f64::min),
        "max" => Many(f64::max),
        _ => return None,
    })
}

fn apply(function: Function, values: &[f64]) -> Result<f64, CalcError> {
    match (function, values) {
        (Function::One(_, of, domain), &[value]) => real(of(value), domain),
        (Function::One(name, ..), values) => Err(CalcError::Arguments(name, values.len())),
        (Function::Many(of), values) => Ok(values[1..].iter().copied().fold(values[0], of)),
    }
}

/// `value`, unless it is none, which `what` describes.
fn real(value: f64, what: &'static str) -> Result<f64, CalcError> {
    if value.is_nan() { Err(CalcError::Domain(what)) } else { finite(value) }
}

fn finite(value: f64) -> Result<f64, CalcError> {
    if value.is_finite() { Ok(value) } else { Err(CalcError::TooLarge) }
}
