use super::*;
use proptest::prelude::*;

const CAPACITY: u32 = 1 << 20;

fn text(range: std::ops::Range<u64>) -> Bytes {
    range.map(|at| at as u8).collect::<Vec<u8>>().into()
}

fn ranges(queue: &Reassembly) -> Vec<(u64, u64)> {
    queue.recent_ranges().map(|r| (r.start, r.end)).collect()
}

#[test]
fn the_latest_range_is_reported_first_and_neighbours_merge() {
    let mut queue = Reassembly::default();
    for start in [10u64, 30, 50] {
        assert_eq!(queue.insert(start, &text(start..start + 5), CAPACITY), Ok(None));
    }
    assert_eq!(ranges(&queue), [(50, 55), (30, 35), (10, 15)]);
    assert_eq!(queue.insert(15, &text(15..30), CAPACITY), Ok(None));
    assert_eq!(ranges(&queue), [(10, 35), (50, 55)]);
}

#[test]
fn what_was_there_is_reported_as_duplicate() {
    let mut queue = Reassembly::default();
    queue.insert(10, &text(10..20), CAPACITY).unwrap();
    let seen = queue.insert(5, &text(5..25), CAPACITY).unwrap();
    assert_eq!(seen, Some(Range { start: 10, end: 20 }));
    assert_eq!(ranges(&queue), [(5, 25)]);
    let inside = queue.insert(8, &text(8..12), CAPACITY).unwrap();
    assert_eq!(inside, Some(Range { start: 8, end: 12 }), "no more than came again");
}

/// A segment that repeats what is there but for a byte must not stay in memory for the sake of that byte.
#[test]
fn a_small_piece_does_not_keep_its_segment_in_memory() {
    let mut queue = Reassembly::default();
    queue.insert(10, &text(10..1000), CAPACITY).unwrap();
    let segment = Bytes::from(vec![7; 1000]);
    queue.insert(11, &segment.slice(..990), CAPACITY).unwrap();
    assert!(segment.is_unique(), "the one byte that was new is a copy");
    assert_eq!(ranges(&queue), [(10, 1001)]);
}

#[test]
fn what_arrived_first_stays() {
    let mut queue = Reassembly::default();
    queue.insert(1, &Bytes::from_static(b"bb"), CAPACITY).unwrap();
    queue.insert(0, &Bytes::from_static(b"xxxx"), CAPACITY).unwrap();
    let mut out = Vec::new();
    while let Some(chunk) = queue.pop(out.len() as u64) {
        out.extend_from_slice(&chunk);
    }
    assert_eq!(out, b"xbbx");
    assert!(queue.is_empty() && queue.ranges.is_empty() && queue.recent.is_empty());
    assert_eq!(queue.charged, 0);
}

#[test]
fn a_gap_is_waited_for() {
    let mut queue = Reassembly::default();
    queue.insert(5, &text(5..8), CAPACITY).unwrap();
    assert_eq!(queue.pop(4), None);
    // The gap was filled in order, past the start of the chunk.
    assert_eq!(queue.pop(6), Some(text(6..8)));
}

#[test]
fn many_tiny_holes_hit_the_bound() {
    let mut queue = Reassembly::default();
    let refused = (0..100_000u64)
        .map(|n| queue.insert(n * 2, &text(0..1), 64_000))
        .filter(Result::is_err)
        .count();
    assert!(refused > 90_000);
    assert!(queue.charged <= charge_limit(64_000));
}

proptest! {
    /// Any split, overlap, duplicate and order delivers exactly the stream.
    #[test]
    fn delivers_exactly_the_stream(
        segments in proptest::collection::vec((0u64..200, 1u64..60), 0..60),
    ) {
        let mut queue = Reassembly::default();
        let mut have = [false; 300];
        let mut out: Vec<u8> = Vec::new();
        for (start, len) in segments {
            let next = out.len() as u64;
            if start + len <= next {
                continue;
            }
            let from = start.max(next);
            queue.insert(from, &text(from..start + len), CAPACITY).unwrap();
            have[from as usize..(start + len) as usize].fill(true);
            while let Some(chunk) = queue.pop(out.len() as u64) {
                out.extend_from_slice(&chunk);
            }
            let in_order = have.iter().take_while(|h| **h).count();
            prop_assert_eq!(out.len(), in_order);
            // Every reported block is held, maximal and beyond what is in order.
            for range in queue.recent_ranges() {
                prop_assert!(range.start > out.len() as u64);
                prop_assert!((range.start..range.end).all(|at| have[at as usize]));
                prop_assert!(!have[range.start as usize - 1] && !have[range.end as usize]);
            }
        }
        let expected: Vec<u8> = (0..out.len() as u64).map(|at| at as u8).collect();
        prop_assert_eq!(out, expected);
    }
}
