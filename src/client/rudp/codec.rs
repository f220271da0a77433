//! The packets, as text.
//!
//! ```text
//!   start|0|DATA|CRC      data|1|DATA|CRC      end|2|DATA|CRC        what the sender sends
//!   ack|2|CRC             sack|2;4,5|CRC                             what the receiver answers
//! ```
//!
//! Numbers are decimal. DATA is any bytes, `|` among them: the type and the number stand before the second
//! `|`, and the checksum behind the last one. The checksum is CRC-32 (that of gzip, and Python's
//! `binascii.crc32`) of everything up to and with the last `|`.

use bytes::Bytes;

/// The longest packet, in bytes: what fits an Ethernet frame with the headers of IPv4 and UDP.
pub const MAX_PACKET: usize = 1472;
/// The most data in a packet, in bytes: both numbers may have ten digits.
pub const MAX_DATA: usize = MAX_PACKET - "start||".len() - "|".len() - 2 * MAX_DIGITS;
/// Digits of the largest number, 4,294,967,295.
const MAX_DIGITS: usize = 10;
/// Most numbers in a selective answer: they fit, and no window is larger.
pub const MAX_BEYOND: usize = 64;

/// What carries a piece of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The first, with the number 0.
    Start,
    /// One in the middle.
    Data,
    /// The last.
    End,
}

impl Kind {
    /// The word it begins with.
    pub const fn word(self) -> &'static str {
        match self {
            Kind::Start => "start",
            Kind::Data => "data",
            Kind::End => "end",
        }
    }
}

/// A packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packet {
    /// A piece of the file.
    Piece {
        /// Where it stands in the file.
        kind: Kind,
        /// Its number, counted from 0.
        seq: u32,
        /// The piece.
        data: Bytes,
    },
    /// An answer.
    Answer(Answer),
}

/// What has arrived.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// The number of the packet expected next: all before it have arrived.
    pub next: u32,
    /// What has arrived beyond it, in a selective answer; `None` in one that is not.
    pub beyond: Option<Vec<u32>>,
}

/// Why a packet cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Longer than any packet.
    #[error("longer than {MAX_PACKET} bytes")]
    TooLong,
    /// Its checksum is another, or none.
    #[error("the checksum is wrong")]
    Checksum,
    /// It is whole, but nothing that this protocol has.
    #[error("neither start, data, end, ack nor sack with a number")]
    Form,
}

/// Reads a packet.
///
/// # Errors
/// Why it cannot be read.
pub fn parse(datagram: &Bytes) -> Result<Packet, Malformed> {
    if datagram.len() > MAX_PACKET {
        return Err(Malformed::TooLong);
    }
    let last = datagram.iter().rposition(|&byte| byte == b'|').ok_or(Malformed::Checksum)?;
    let (body, checksum) = (&datagram[..=last], number(&datagram[last + 1..]));
    if checksum != Some(crc32fast::hash(body)) {
        return Err(Malformed::Checksum);
    }
    let first = body.iter().position(|&byte| byte == b'|').unwrap_or(last);
    let kind = match &body[..first] {
        b"ack" | b"sack" if first < last => {
            let answer = answer(&body[first + 1..last], first == "sack".len());
            return answer.map(Packet::Answer).ok_or(Malformed::Form);
        }
        b"start" => Kind::Start,
        b"data" => Kind::Data,
        b"end" => Kind::End,
        _ => return Err(Malformed::Form),
    };
    let second = body[first + 1..].iter().position(|&byte| byte == b'|');
    let second = second.map(|at| first + 1 + at).filter(|&at| at < last);
    let second = second.ok_or(Malformed::Form)?;
    let seq = number(&body[first + 1..second]).ok_or(Malformed::Form)?;
    Ok(Packet::Piece { kind, seq, data: datagram.slice(second + 1..last) })
}

/// `3`, or `3;5,6` in a selective answer.
fn answer(text: &[u8], selective: bool) -> Option<Answer> {
    if !selective {
        return Some(Answer { next: number(text)?, beyond: None });
    }
    let mut halves = text.splitn(2, |&byte| byte == b';');
    let next = number(halves.next()?)?;
    let list = halves.next().filter(|list| !list.is_empty());
    let numbers = list.map(|list| list.split(|&byte| byte == b',').map(number));
    let beyond: Vec<u32> = numbers.into_iter().flatten().collect::<Option<_>>()?;
    Some(Answer { next, beyond: Some(beyond) })
}

/// A decimal number without a sign.
fn number(text: &[u8]) -> Option<u32> {
    let digits = (1..=MAX_DIGITS).contains(&text.len()) && text.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(text).ok().filter(|_| digits)?.parse().ok()
}

/// Writes a piece of the file, which has at most [`MAX_DATA`] bytes.
pub fn piece(kind: Kind, seq: u32, data: &[u8]) -> Bytes {
    let mut packet = Vec::with_capacity(MAX_PACKET);
    packet.extend_from_slice(format!("{}|{seq}|", kind.word()).as_bytes());
    packet.extend_from_slice(data);
    packet.push(b'|');
    seal(packet)
}

impl Answer {
    /// Writes it; of the numbers beyond, the first [`MAX_BEYOND`].
    pub fn packet(&self) -> Bytes {
        let mut text = format!("ack|{}", self.next);
        if let Some(beyond) = &self.beyond {
            let numbers = beyond.iter().take(MAX_BEYOND).map(u32::to_string);
            text = format!("sack|{};{}", self.next, numbers.collect::<Vec<_>>().join(","));
        }
        text.push('|');
        seal(text.into_bytes())
    }
}

/// Adds the checksum.
fn seal(mut packet: Vec<u8>) -> Bytes {
    let checksum = crc32fast::hash(&packet).to_string();
    packet.extend_from_slice(checksum.as_bytes());
    packet.into()
}

#[cfg(test)]
mod tests;
