//! The Internet checksum (RFC 1071), on `etherparse`'s word sums.

use std::net::IpAddr;

use etherparse::checksum::u64_16bit_word;
use multiversion::multiversion;

/// Words in a slice that is long enough for vectors.
const LONG: usize = 32;

/// A running one's-complement sum. Slices may have any length; only the last one may be odd unless
/// it is added through [`Sum::add_parts`], which carries the odd byte across.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sum(u64);

impl Sum {
    /// An empty sum.
    pub const fn new() -> Self {
        Sum(0)
    }

    /// Adds the bytes of `slice`, which starts at an even offset; an odd last byte is padded.
    #[must_use]
    pub fn add_bytes(self, slice: &[u8]) -> Self {
        Sum(add_slice(self.0, slice))
    }

    /// Adds one 16-bit word in host order.
    #[must_use]
    pub fn add_u16(self, word: u16) -> Self {
        Sum(u64_16bit_word::add_2bytes(self.0, word.to_be_bytes()))
    }

    /// Adds slices that follow each other directly, of any length each (RFC 1071 2: the sum of
    /// byte-swapped words is the byte-swapped sum).
    #[must_use]
    pub fn add_parts<'a>(self, parts: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut sum = self;
        let mut odd = false;
        for part in parts {
            let mut part_sum = fold(add_slice(0, part));
            if odd {
                part_sum = part_sum.swap_bytes();
            }
            sum = Sum(u64_16bit_word::add_2bytes(sum.0, part_sum.to_ne_bytes()));
            odd ^= part.len() % 2 == 1;
        }
        sum
    }

    /// The pseudo-header of TCP and UDP (RFC 9293 3.1, RFC 8200 8.1) over `len` transport bytes.
    pub fn pseudo_header(src: IpAddr, dst: IpAddr, protocol: u8, len: u32) -> Self {
        let sum = match (src, dst) {
            (IpAddr::V4(src), IpAddr::V4(dst)) => {
                Sum::new().add_bytes(&src.octets()).add_bytes(&dst.octets())
            }
            (IpAddr::V6(src), IpAddr::V6(dst)) => {
                Sum::new().add_bytes(&src.octets()).add_bytes(&dst.octets())
            }
            _ => Sum::new(),
        };
        sum.add_bytes(&len.to_be_bytes()).add_u16(protocol.into())
    }

    /// The checksum to write into a header, in host order.
    pub fn finish(self) -> u16 {
        u16::from_be(u64_16bit_word::ones_complement(self.0))
    }

    /// Like [`Sum::finish`], with 0 written as 0xffff, as UDP wants (RFC 768).
    pub fn finish_nonzero(self) -> u16 {
        match self.finish() {
            0 => 0xffff,
            sum => sum,
        }
    }

    /// Whether a sum over data that includes its checksum field is right.
    pub fn is_valid(self) -> bool {
        self.finish() == 0
    }
}

/// `etherparse`'s sum, by 32-bit words as far as there are any.
fn add_slice(start: u64, slice: &[u8]) -> u64 {
    let (words, rest) = slice.as_chunks::<4>();
    let sum = if words.len() < LONG { add_words(words) } else { add_many_words(words) };
    let sum = u64_16bit_word::add_8bytes(start, sum.to_ne_bytes());
    if rest.is_empty() { sum } else { u64_16bit_word::add_slice(sum, rest) }
}

/// The sum of these words, which does not overflow within 2^32 of them.
#[inline]
fn add_words(words: &[[u8; 4]]) -> u64 {
    words.iter().map(|word| u64::from(u32::from_ne_bytes(*word))).sum()
}

/// The same with vectors, as wide as the processor has them.
#[multiversion(targets("x86_64+avx2"))]
fn add_many_words(words: &[[u8; 4]]) -> u64 {
    add_words(words)
}

/// Folds to sixteen bits, in the byte order of memory.
fn fold(sum: u64) -> u16 {
    !u64_16bit_word::ones_complement(sum)
}

#[cfg(test)]
mod tests;
