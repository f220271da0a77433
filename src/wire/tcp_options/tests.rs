use super::*;
use proptest::prelude::*;

const TIMESTAMPS: Timestamps = Timestamps { tsval: 0x0102_0304, tsecr: 0xfffe_fdfc };

fn blocks(n: usize) -> SackBlocks {
    // Across the wrap of sequence numbers.
    (0..n as u32)
        .map(|i| SeqNum::new(u32::MAX - 5_000) + i * 3_000)
        .map(|left| SackBlock { left, right: left + 1_000 })
        .collect()
}

/// Every combination of the options there are, with 0 to 4 SACK blocks.
fn every_combination() -> impl Iterator<Item = Options> {
    (0..16u8).flat_map(|bits| {
        (0..=4).map(move |n| Options {
            mss: (bits & 1 != 0).then_some(1460),
            window_scale: (bits & 2 != 0).then_some(14),
            sack_permitted: bits & 4 != 0,
            timestamps: (bits & 8 != 0).then_some(TIMESTAMPS),
            sack: blocks(n),
            ..Options::default()
        })
    })
}

fn emitted(options: &Options) -> ArrayVec<u8, 40> {
    let mut out = ArrayVec::new();
    options.emit(&mut out);
    out
}

/// What is left of 40 bytes for SACK blocks, each part padded to whole words.
fn block_room(options: &Options) -> usize {
    let mss = if options.mss.is_some() { 4 } else { 0 };
    let scale = if options.window_scale.is_some() { 4 } else { 0 };
    let times = match (options.timestamps, options.sack_permitted) {
        (Some(_), _) => 12,
        (None, true) => 4,
        (None, false) => 0,
    };
    (40 - mss - scale - times - 4) / 8
}

/// The order of Linux, in which the place of timestamps is empty where there are none.
#[test]
fn without_timestamps_the_others_keep_their_order() {
    let syn = Options {
        mss: Some(1460),
        window_scale: Some(8),
        sack_permitted: true,
        ..Options::default()
    };
    assert_eq!(emitted(&syn)[..], [2, 4, 5, 180, 1, 1, 4, 2, 1, 3, 3, 8]);
    let ack = Options { sack: blocks(1), ..Options::default() };
    assert_eq!(emitted(&ack)[..4], [1, 1, 5, 10]);
}

#[test]
fn every_combination_is_read_back_and_only_the_oldest_blocks_give_way() {
    for options in every_combination() {
        let area = emitted(&options);
        assert_eq!(area.len() % 4, 0, "{options:?}");
        assert_eq!(area.len(), options.len());
        let mut expected = options.clone();
        expected.sack.truncate(block_room(&options));
        assert_eq!(parse(&area), expected);
    }
}

#[test]
fn four_blocks_fit_alone_and_three_beside_timestamps_rfc_2018_3() {
    let alone = Options { sack: blocks(4), ..Options::default() };
    assert_eq!((alone.len(), parse(&emitted(&alone))), (36, alone));
    let beside = Options { timestamps: Some(TIMESTAMPS), sack: blocks(3), ..Options::default() };
    assert_eq!((beside.len(), parse(&emitted(&beside))), (40, beside));
}

#[test]
fn the_bytes_of_a_syn_are_those_of_linux() {
    let options = Options {
        mss: Some(1460),
        window_scale: Some(7),
        sack_permitted: true,
        timestamps: Some(TIMESTAMPS),
        ..Options::default()
    };
    let expected = [
        2, 4, 0x05, 0xb4, // MSS
        4, 2, 8, 10, 1, 2, 3, 4, 0xff, 0xfe, 0xfd, 0xfc, // SACK permitted, timestamps
        1, 3, 3, 7, // window scale
    ];
    assert_eq!(emitted(&options)[..], expected);
    let by_kind = Options { order: Order::ByKind, ..options.clone() };
    let expected = [
        2, 4, 0x05, 0xb4, // MSS
        1, 3, 3, 7, // window scale
        4, 2, 8, 10, 1, 2, 3, 4, 0xff, 0xfe, 0xfd, 0xfc, // SACK permitted, timestamps
    ];
    assert_eq!(emitted(&by_kind)[..], expected);
    assert_eq!(parse(&expected), options, "who reads them does not mind");
}

#[test]
fn without_timestamps_the_rest_keeps_its_order() {
    let options = Options {
        mss: Some(1460),
        window_scale: Some(7),
        sack_permitted: true,
        ..Options::default()
    };
    let expected = [2, 4, 0x05, 0xb4, 1, 1, 4, 2, 1, 3, 3, 7];
    assert_eq!(emitted(&options)[..], expected);
}

#[test]
fn thirty_two_bit_values_are_aligned_rfc_7323_appendix_a() {
    for options in every_combination() {
        let area = emitted(&options);
        let mut at = 0;
        while at < area.len() {
            match area[at] {
                tcp_option::KIND_NOOP => at += 1,
                kind => {
                    if matches!(kind, tcp_option::KIND_TIMESTAMP | tcp_option::KIND_SELECTIVE_ACK) {
                        assert_eq!((at + 2) % 4, 0, "{options:?}");
                    }
                    at += usize::from(area[at + 1]);
                }
            }
        }
        assert_eq!(at, area.len());
    }
}

#[test]
fn unknown_options_are_skipped_by_their_length_rfc_9293_3_1_must_6() {
    for kind in (0..=255u8).filter(|kind| !matches!(kind, 0..=5 | 8 | 34)) {
        for len in 2..=36u8 {
            let mut area = vec![kind, len];
            // What it contains looks like other options and must not be read as such.
            area.extend([2, 4, 0, 1].iter().cycle().take(usize::from(len) - 2));
            area.extend([2, 4, 5, 0xb4]);
            let expected = Options { mss: Some(1460), ..Options::default() };
            assert_eq!(parse(&area), expected, "kind {kind}, length {len}");
        }
    }
}

#[test]
fn no_length_that_makes_sense_ends_the_reading_rfc_9293_3_1_must_7() {
    let first = Options { mss: Some(1460), ..Options::default() };
    for kind in (2..=255u8).filter(|&kind| kind != 2) {
        for bad in [0, 1, 9, 255] {
            let mut area = vec![2, 4, 5, 0xb4, kind, bad];
            area.extend([2, 4, 0, 1, 1, 1]);
            assert!(usize::from(bad) < 2 || usize::from(bad) > area.len() - 4);
            assert_eq!(parse(&area), first, "kind {kind}, length {bad}");
        }
        let area = [2, 4, 5, 0xb4, 1, 1, 1, kind];
        assert_eq!(parse(&area), first, "kind {kind} without a length");
    }
}

#[test]
fn known_options_of_a_wrong_length_are_skipped_by_it() {
    for (kind, right) in [(2, 4), (3, 3), (4, 2), (8, 10)] {
        for len in (2..=12u8).filter(|&len| len != right) {
            let mut area = vec![kind, len];
            area.extend(vec![7; usize::from(len) - 2]);
            area.extend([5, 10, 0, 0, 0, 1, 0, 0, 0, 2]);
            let block = SackBlock { left: SeqNum::new(1), right: SeqNum::new(2) };
            let expected = Options { sack: [block].into_iter().collect(), ..Options::default() };
            assert_eq!(parse(&area), expected, "kind {kind}, length {len}");
        }
    }
    for len in (2..=35u8).filter(|len| (len - 2) % 8 != 0 || *len == 2) {
        let mut area = vec![5, len];
        area.extend(vec![7; usize::from(len) - 2]);
        area.extend([3, 3, 9]);
        let expected = Options { window_scale: Some(9), ..Options::default() };
        assert_eq!(parse(&area), expected, "SACK of length {len}");
    }
}

#[test]
fn end_of_options_ends_the_reading_rfc_9293_3_1() {
    assert_eq!(parse(&[0, 2, 4, 5, 0xb4]), Options::default());
    assert_eq!(
        parse(&[1, 1, 4, 2, 0, 3, 3, 7]),
        Options { sack_permitted: true, ..Options::default() }
    );
    assert!(parse(&[1; 40]).is_empty());
    assert!(parse(&[]).is_empty());
}

#[test]
fn an_area_cut_anywhere_loses_only_what_is_cut() {
    for options in every_combination() {
        let area = emitted(&options);
        for len in 0..area.len() {
            let read = parse(&area[..len]);
            assert!(read.mss.is_none() || read.mss == options.mss);
            assert!(read.window_scale.is_none() || read.window_scale == options.window_scale);
            assert!(read.timestamps.is_none() || read.timestamps == options.timestamps);
            assert!(!read.sack_permitted || options.sack_permitted);
            assert!(read.sack.is_empty(), "the SACK option is last and not whole");
        }
    }
}

proptest! {
    #[test]
    fn random_areas_never_panic_and_what_was_read_can_be_emitted(
        area in proptest::collection::vec(prop_oneof![any::<u8>(), 0u8..12], 0..=40),
    ) {
        let options = parse(&area);
        let again = emitted(&options);
        let mut expected = options.clone();
        expected.sack.truncate(block_room(&options));
        prop_assert_eq!(parse(&again), expected);
    }
}
