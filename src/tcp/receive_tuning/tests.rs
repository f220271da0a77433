use super::*;
use proptest::prelude::*;

const MS: Duration = Duration::from_millis(1);
const RTT: Duration = Duration::from_millis(100);
const BOUNDS: Bounds = Bounds { initial: 65_535, max: 32 << 20, mss: 1460 };

fn ms(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

fn tuning() -> ReceiveTuning {
    let mut tuning = ReceiveTuning::new(BOUNDS, ms(0));
    tuning.echo_arrived(1, RTT);
    tuning
}

/// Each acknowledgment lets a sender in slow start send twice what it acknowledges: by the end of a round the
/// window has room for twice what arrived in it.
#[test]
fn the_window_stays_ahead_of_slow_start() {
    let mut tuning = tuning();
    let (mut read, mut flight) = (0, 14_600);
    for round in 1.. {
        // What was sent in this round is read, bit by bit.
        for part in 1..=10 {
            read += flight / 10;
            tuning.adapt(ms(round * 100 + part), read, BOUNDS, Memory::Plenty);
            let (window, needed) = (u64::from(tuning.capacity()), flight + flight * part / 10);
            assert!(window >= needed || window == 32 << 20, "round {round}: {needed} in {window}");
        }
        if flight > 16 << 20 {
            return assert_eq!(tuning.capacity(), 32 << 20);
        }
        flight *= 2;
    }
}

#[test]
fn an_application_that_reads_slowly_gets_no_more() {
    let mut tuning = tuning();
    // 10 KB each round trip.
    for round in 1..1000 {
        tuning.adapt(ms(round * 100), round * 10_000, BOUNDS, Memory::Plenty);
    }
    assert_eq!(tuning.capacity(), BOUNDS.initial);
    assert_eq!(tuning.space(), 14_600);
}

/// Half a megabyte that is read at once each ten seconds is 5 KB a round trip.
#[test]
fn an_application_that_rests_is_not_fast() {
    let mut tuning = tuning();
    for round in 1..100 {
        tuning.adapt(ms(round * 10_000), round * 500_000, BOUNDS, Memory::Plenty);
    }
    assert_eq!(tuning.capacity(), BOUNDS.initial);
}

#[test]
fn a_steady_reader_gets_twice_what_it_reads_and_a_cushion() {
    let mut tuning = tuning();
    for round in 1..100 {
        tuning.adapt(ms(round * 100), round * 1_000_000, BOUNDS, Memory::Plenty);
    }
    let (least, most) = (2_000_000, 3 * (2_000_000 + 16 * 1460));
    assert!((least..=most).contains(&tuning.capacity()), "{}", tuning.capacity());
}

#[test]
fn a_fixed_buffer_stays() {
    let fixed = Bounds { initial: 50_000, max: 50_000, mss: 1460 };
    let mut tuning = ReceiveTuning::new(fixed, ms(0));
    tuning.echo_arrived(1, MS);
    for round in 1..100 {
        tuning.adapt(ms(round), round * 1_000_000, fixed, Memory::Plenty);
        assert_eq!(tuning.capacity(), 50_000);
    }
}

#[test]
fn scarce_memory_takes_back_what_was_given() {
    let mut tuning = tuning();
    let grow = |tuning: &mut ReceiveTuning, memory| {
        let at = tuning.since + RTT;
        let read = tuning.read + 2 * tuning.space;
        tuning.adapt(at, read, BOUNDS, memory);
        tuning.capacity()
    };
    assert!(grow(&mut tuning, Memory::Plenty) > BOUNDS.initial);
    assert_eq!(grow(&mut tuning, Memory::Scarce), BOUNDS.initial);
    assert_eq!(grow(&mut tuning, Memory::Exhausted), 4 * 1460);
    tuning.adapt(tuning.since, tuning.read, BOUNDS, Memory::Plenty);
    assert_eq!(tuning.capacity(), BOUNDS.initial, "it begins anew");
    assert!(grow(&mut tuning, Memory::Plenty) > BOUNDS.initial);
}

#[test]
fn one_echo_is_one_sample_and_a_silence_is_forgotten() {
    let mut tuning = ReceiveTuning::new(BOUNDS, ms(0));
    assert_eq!(tuning.rtt(), None);
    // The peer had nothing to say for a minute.
    tuning.echo_arrived(7, 60_000 * MS);
    tuning.echo_arrived(7, 60_001 * MS);
    assert_eq!(tuning.rtt(), Some(60_000 * MS));
    tuning.echo_arrived(8, 80 * MS);
    assert_eq!(tuning.rtt(), Some(80 * MS));
    tuning.echo_arrived(9, 88 * MS);
    assert_eq!(tuning.rtt(), Some(81 * MS));
    tuning.echo_arrived(10, Duration::ZERO);
    assert_eq!(tuning.rtt(), Some(MS), "as short as the clock can tell");
}

#[test]
fn without_timestamps_the_shortest_time_of_a_window_counts() {
    let mut tuning = ReceiveTuning::new(BOUNDS, ms(0));
    tuning.text_arrived(ms(1000), 100, 1000);
    tuning.text_arrived(ms(1100), 1000, 1000);
    assert_eq!(tuning.rtt(), None, "not a whole window yet");
    tuning.text_arrived(ms(1200), 1100, 1000);
    assert_eq!(tuning.rtt(), Some(200 * MS));
    tuning.text_arrived(ms(1900), 2100, 1000);
    assert_eq!(tuning.rtt(), Some(200 * MS));
    tuning.text_arrived(ms(1950), 3100, 1000);
    assert_eq!(tuning.rtt(), Some(50 * MS));
}

proptest! {
    /// Whatever is read and whenever, the capacity stays within its bounds, and shrinks only when memory
    /// is scarce.
    #[test]
    fn the_capacity_stays_within_its_bounds(
        initial in 1u32..100_000,
        max in 1u32..(1 << 30),
        steps in proptest::collection::vec(
            (0u64..10_000_000_000, 0u64..(1 << 32), any::<u32>(), 0u8..8), 1..60),
    ) {
        let bounds = Bounds { initial, max, mss: 1460 };
        let mut tuning = ReceiveTuning::new(bounds, Instant::ZERO);
        let (mut now, mut read) = (Instant::ZERO, 0);
        for (gap, more, echo, kind) in steps {
            now += Duration::from_nanos(gap);
            read += more;
            let memory = [Memory::Plenty, Memory::Scarce, Memory::Exhausted][usize::from(kind % 8 / 3)];
            match kind % 2 {
                0 => tuning.echo_arrived(echo, Duration::from_millis(u64::from(echo % 70_000))),
                _ => tuning.text_arrived(now, read, echo),
            }
            let before = tuning.capacity();
            tuning.adapt(now, read, bounds, memory);
            prop_assert!(tuning.capacity() >= 1 && tuning.capacity() <= max);
            match memory {
                Memory::Plenty => {
                    prop_assert!(tuning.capacity() >= before.max(initial.min(max)));
                }
                Memory::Scarce | Memory::Exhausted => {
                    prop_assert!(tuning.capacity() <= initial.min(max));
                }
            }
        }
    }
}
