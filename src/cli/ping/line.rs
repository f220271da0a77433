//! What a request says, and whether an answer is that.
//!
//! ```text
//!   glasstcp ping 17 160342 abcdefghijklmnop      number, microseconds since the beginning, padding
//!   GLASSTCP PING 17 160342 ABCDEFGHIJKLMNOP      the answer of --serve ping; an echo is right too
//! ```

/// A request, with its end `\n`: `size` bytes, or a few more when the number and the time need them.
pub fn request(seq: u64, micros: u64, size: usize) -> Vec<u8> {
    let mut line = format!("glasstcp ping {seq} {micros}").into_bytes();
    if line.len() + 2 < size {
        line.push(b' ');
        let padding = (b'a'..=b'z').cycle().take(size - 1 - line.len());
        line.extend(padding);
    }
    line.push(b'\n');
    line
}

/// What an answer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judged {
    /// The number of the request.
    pub seq: u64,
    /// When it says that the request was sent.
    pub micros: u64,
    /// Whether it is the request, in upper case or as it was.
    pub whole: bool,
}

/// Reads the answer to a request of that size; `None` when it cannot be told to which.
pub fn judge(answer: &[u8], size: usize) -> Option<Judged> {
    // The numbers are in front of the padding.
    let head = String::from_utf8_lossy(&answer[..answer.len().min(100)]);
    let mut words = head.split_ascii_whitespace().skip(2);
    let seq = words.next()?.parse().ok()?;
    let micros = words.next()?.parse().ok()?;
    let sent = request(seq, micros, size);
    let whole = answer == sent || answer == sent.to_ascii_uppercase();
    Some(Judged { seq, micros, whole })
}

#[cfg(test)]
mod tests;
