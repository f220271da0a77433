use super::{Sum, replaced};
use proptest::prelude::*;

/// The definition of RFC 1071, word by word.
fn naive(data: &[u8]) -> u16 {
    let mut sum = 0u32;
    for pair in data.chunks(2) {
        let word = u16::from_be_bytes([pair[0], *pair.get(1).unwrap_or(&0)]);
        sum += u32::from(word);
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

#[test]
fn example_of_rfc_1071_section_3() {
    let data = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
    assert_eq!(Sum::new().add_bytes(&data).finish(), !0xddf2);
}

#[test]
fn zero_is_written_as_all_ones_for_udp() {
    assert_eq!(Sum::new().add_bytes(&[0xff, 0xff]).finish(), 0);
    assert_eq!(Sum::new().add_bytes(&[0xff, 0xff]).finish_nonzero(), 0xffff);
}

proptest! {
    #[test]
    fn a_word_is_replaced(mut words: [u16; 6], at in 0..6usize, after: u16) {
        let sum = |words: [u16; 6]| words.iter().fold(Sum::new(), |sum, word| sum.add_u16(*word));
        let (before, checksum) = (words[at], sum(words).finish());
        words[at] = after;
        prop_assert!(sum(words).add_u16(replaced(checksum, before, after)).is_valid());
    }

    #[test]
    fn equals_the_naive_sum(data in proptest::collection::vec(any::<u8>(), 0..2000)) {
        prop_assert_eq!(Sum::new().add_bytes(&data).finish(), naive(&data));
    }

    #[test]
    fn parts_of_any_length_sum_as_one(
        data in proptest::collection::vec(any::<u8>(), 0..600),
        cuts in proptest::collection::vec(0usize..600, 0..6),
    ) {
        let mut cuts: Vec<usize> = cuts.into_iter().map(|c| c.min(data.len())).collect();
        cuts.sort_unstable();
        cuts.push(data.len());
        let mut start = 0;
        let mut parts = Vec::new();
        for cut in cuts {
            parts.push(&data[start..cut]);
            start = cut;
        }
        prop_assert_eq!(Sum::new().add_parts(parts).finish(), naive(&data));
    }
}
