//! Lines of a file that anybody may have written.

use std::io::{self, BufRead};

/// Bytes of a line that are kept; those of ours have some hundred.
const LONGEST: usize = 1 << 20;

/// What there was to read.
pub enum Read {
    /// The end of the file.
    End,
    /// A line, in the buffer, without its line break.
    Line,
    /// A line that is longer than any of ours; it was skipped.
    TooLong,
}

/// Reads the next line into `line`, but no more of it than a line may have.
pub fn next(input: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<Read> {
    line.clear();
    let (mut any, mut too_long) = (false, false);
    loop {
        let piece = match input.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            piece => piece?,
        };
        if piece.is_empty() {
            break;
        }
        any = true;
        let end = piece.iter().position(|byte| *byte == b'\n');
        let part = &piece[..end.unwrap_or(piece.len())];
        too_long |= line.len() + part.len() > LONGEST;
        if !too_long {
            line.extend_from_slice(part);
        }
        let used = end.map_or(piece.len(), |end| end + 1);
        input.consume(used);
        if end.is_some() {
            break;
        }
    }
    Ok(match (any, too_long) {
        (false, _) => Read::End,
        (true, true) => Read::TooLong,
        (true, false) => Read::Line,
    })
}
