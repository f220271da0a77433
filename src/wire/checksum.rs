//! The Internet checksum (RFC 1071), on `etherparse`'s word sums.

use std::net::IpAddr;

use etherparse::checksum::u64_16bit_word;
use multiversion::multiversion;

/// Bytes in a slice that is long enough for vectors.
const LONG: usize = 128;

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
    #[inline]
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
            sum = if odd {
                let swapped = fold(add_slice(0, part)).swap_bytes();
                Sum(u64_16bit_word::add_2bytes(sum.0, swapped.to_ne_bytes()))
            } else {
                sum.add_bytes(part)
            };
            odd ^= part.len() % 2 == 1;
        }
        sum
    }

    /// The pseudo-header of TCP and UDP (RFC 9293 3.1, RFC 8200 8.1) over `len` transport bytes.
    pub fn pseudo_header(src: IpAddr, dst: IpAddr, protocol: u8, len: u32) -> Self {
        let word = |bytes: [u8; 4]| u64::from(u32::from_ne_bytes(bytes));
        let numbers = word(len.to_be_bytes()) + word(u32::from(protocol).to_be_bytes());
        match (src, dst) {
            (IpAddr::V4(src), IpAddr::V4(dst)) => {
                Sum(numbers + word(src.octets()) + word(dst.octets()))
            }
            (IpAddr::V6(src), IpAddr::V6(dst)) => {
                Sum(numbers).add_bytes(&src.octets()).add_bytes(&dst.octets())
            }
            _ => Sum(numbers),
        }
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

/// The checksum of a header in which one aligned word is another now (RFC 1624 3, equation 3).
pub fn replaced(checksum: u16, before: u16, after: u16) -> u16 {
    Sum::new().add_u16(!checksum).add_u16(!before).add_u16(after).finish()
}

/// `etherparse`'s sum, by 64-bit words as far as there are any.
#[inline]
fn add_slice(start: u64, slice: &[u8]) -> u64 {
    if slice.len() < LONG { add_short(start, slice) } else { add_long(start, slice) }
}

/// Header by header, so most sums are of a few words.
#[inline]
fn add_short(start: u64, slice: &[u8]) -> u64 {
    let (words, rest) = slice.as_chunks::<8>();
    let sum = words.iter().fold(start, |sum, &word| u64_16bit_word::add_8bytes(sum, word));
    if rest.is_empty() { sum } else { u64_16bit_word::add_slice(sum, rest) }
}

#[inline(never)]
fn add_long(start: u64, slice: &[u8]) -> u64 {
    let (words, rest) = slice.as_chunks::<8>();
    let sum = u64_16bit_word::add_8bytes(start, add_halves(words).to_ne_bytes());
    add_short(sum, rest)
}

/// The sum of the halves of these words, which does not overflow within 2^31 of them: without carries
/// it is taken with vectors, as wide as the processor has them. (A closure would be compiled without them.)
#[multiversion(targets("x86_64+avx2"))]
fn add_halves(words: &[[u8; 8]]) -> u64 {
    let (mut low, mut high) = (0u64, 0u64);
    for word in words {
        let word = u64::from_ne_bytes(*word);
        low = low.wrapping_add(word & u64::from(u32::MAX));
        high = high.wrapping_add(word >> 32);
    }
    low.wrapping_add(high)
}

/// Folds to sixteen bits, in the byte order of memory.
fn fold(sum: u64) -> u16 {
    !u64_16bit_word::ones_complement(sum)
}

#[cfg(test)]
mod tests;
