use super::*;
use proptest::prelude::*;

const SIZE: u32 = 1460;
const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

/// Only delayed acknowledgments.
fn plain() -> Config {
    Config { quick_ack: false, ..Config::default() }
}

/// `len` bytes that arrive at `at` milliseconds.
fn text(at: u64, len: u32) -> Arrival {
    Arrival {
        now: Instant::from_millis(at),
        len,
        size: len,
        most: SIZE,
        guess: SIZE,
        pushed: false,
        window: 65_535,
        rto: 200 * MS,
    }
}

fn arrive(policy: &mut AckPolicy, config: &Config, arrival: Arrival) -> Due {
    policy.text_arrived(config, &arrival);
    policy.due()
}

#[test]
fn every_second_full_segment_at_once_others_later_rfc_9293_3_8_6_3_shld_18() {
    let (mut policy, config) = (AckPolicy::default(), plain());
    assert_eq!(arrive(&mut policy, &config, text(1, SIZE)), Due::Delayed);
    assert_eq!(arrive(&mut policy, &config, text(1, SIZE)), Due::Now(Why::AckNow));
    policy.sent(&config);
    assert_eq!(arrive(&mut policy, &config, text(1, 1)), Due::Delayed);
    assert_eq!(arrive(&mut policy, &config, text(1, 1)), Due::Delayed);
    policy.delay_over(&config, 200 * MS);
    assert_eq!(policy.due(), Due::Now(Why::AckDelayed));
    policy.sent(&config);
    policy.delay_over(&config, 200 * MS);
    assert_eq!(policy.due(), Due::Nothing);
}

#[test]
fn a_coalesced_segment_counts_as_many() {
    let (mut policy, config) = (AckPolicy::default(), plain());
    assert_eq!(arrive(&mut policy, &config, text(1, 64_000)), Due::Now(Why::AckNow));
    assert_eq!(policy.full_size(), SIZE);
}

#[test]
fn full_segments_of_a_narrow_path_count_as_full() {
    let (mut policy, config) = (AckPolicy::default(), plain());
    let narrow = |at| Arrival { guess: 36, most: 36, ..text(at, 36) };
    assert_eq!(arrive(&mut policy, &config, narrow(1)), Due::Delayed);
    assert_eq!(arrive(&mut policy, &config, narrow(1)), Due::Now(Why::AckNow));
}

/// A peer whose segments are smaller than ours could be: two of them are two full-sized ones.
#[test]
fn the_full_size_of_the_peer_is_found_out() {
    let (mut policy, config) = (AckPolicy::default(), plain());
    arrive(&mut policy, &config, text(1, SIZE));
    assert_eq!(policy.full_size(), SIZE);
    // Ends of writes say nothing.
    for len in [200, 200, 300] {
        arrive(&mut policy, &config, Arrival { pushed: true, ..text(1, len) });
        assert_eq!(policy.full_size(), SIZE);
    }
    // One alone neither, but two alike that are not pushed.
    arrive(&mut policy, &config, text(1, 500));
    arrive(&mut policy, &config, text(1, 400));
    assert_eq!(policy.full_size(), SIZE);
    // Options that come and go do not hide it.
    arrive(&mut policy, &config, Arrival { size: 400, ..text(1, 388) });
    assert_eq!(policy.full_size(), 400);
    policy.sent(&config);
    assert_eq!(arrive(&mut policy, &config, text(1, 400)), Due::Delayed);
    assert_eq!(arrive(&mut policy, &config, text(1, 400)), Due::Now(Why::AckNow));
    // And it grows with the first segment that is larger.
    arrive(&mut policy, &config, text(1, 900));
    assert_eq!(policy.full_size(), 900);
}

#[test]
fn the_number_of_quick_ones_depends_on_the_window() {
    for (window, quick) in [(65_535, 16), (10_000, 9), (2_000, 2), (1, 2), (u32::MAX, 16)] {
        let (mut policy, config) = (AckPolicy::default(), Config::default());
        arrive(&mut policy, &config, Arrival { window, ..text(1, 100) });
        assert_eq!(policy.quick_left(), quick, "{window}");
    }
}

/// Two segments that come every 30 ms share an acknowledgment: the delay grows to twice that.
#[test]
fn the_delay_follows_the_time_between_segments() {
    let (mut policy, config) = (AckPolicy::default(), plain());
    let mut at = 1000;
    for _ in 0..20 {
        arrive(&mut policy, &config, text(at, 10));
        policy.sent(&config);
        at += 30;
    }
    let delay = policy.delay(&config, None);
    assert!((55 * MS..=60 * MS).contains(&delay), "{delay:?}");
    for _ in 0..20 {
        arrive(&mut policy, &config, text(at, 10));
        policy.sent(&config);
        at += 1;
    }
    let delay = policy.delay(&config, None);
    assert!((40 * MS..41 * MS).contains(&delay), "{delay:?}");
}

#[test]
fn a_delay_in_vain_is_doubled_within_bounds() {
    let (mut policy, config) = (AckPolicy::default(), plain());
    for (nth, expected) in (1..).zip([40, 80, 160, 200, 200]) {
        arrive(&mut policy, &config, Arrival { rto: SECOND, ..text(nth * 500, 10) });
        assert_eq!(policy.delay(&config, None), expected * MS);
        // No longer than a round trip, unless that is shorter than the least.
        assert_eq!(policy.delay(&config, Some(100 * MS)), expected.min(100) * MS);
        assert_eq!(policy.delay(&config, Some(MS)), 40 * MS);
        policy.delay_over(&config, SECOND);
        policy.sent(&config);
    }
}

#[test]
fn an_answer_in_time_makes_the_conversation_interactive() {
    let (mut policy, config) = (AckPolicy::default(), Config::default());
    arrive(&mut policy, &config, text(100, 10));
    policy.text_sent(Instant::from_millis(140));
    policy.sent(&config);
    assert_eq!(arrive(&mut policy, &config, text(200, 10)), Due::Now(Why::AckQuick), "too late");
    policy.text_sent(Instant::from_millis(201));
    policy.sent(&config);
    assert_eq!(arrive(&mut policy, &config, text(210, 10)), Due::Delayed);
    // What is read is answered as a rule, unless more than one write has come.
    policy.drained(&config);
    assert_eq!(policy.due(), Due::Delayed);
    assert_eq!(arrive(&mut policy, &config, text(211, 11)), Due::Delayed);
    policy.drained(&config);
    assert_eq!(policy.due(), Due::Now(Why::AckQuick));
}

proptest! {
    /// Whatever arrives and whenever: more than a full segment is never left to the timer, and the
    /// timer never waits longer than the settings allow (RFC 9293 3.8.6.3 [MUST-40]).
    #[test]
    fn nothing_waits_too_long(
        steps in proptest::collection::vec(
            (0u64..3_000, 1u32..70_000, any::<bool>(), 0u8..6, 0u32..100_000), 1..80),
        quick_ack in any::<bool>(),
    ) {
        let (mut policy, config) = (AckPolicy::default(), Config { quick_ack, ..Config::default() });
        let (mut at, mut waiting) = (0, 0u32);
        for (gap, len, pushed, action, window) in steps {
            at += gap;
            let arrival = Arrival { pushed, window, ..text(at, len) };
            policy.text_arrived(&config, &arrival);
            waiting += len;
            prop_assert!(policy.due() != Due::Nothing);
            prop_assert!(policy.due() != Due::Delayed || waiting <= policy.full_size());
            prop_assert!(policy.full_size() > 0 && policy.full_size() <= SIZE);
            prop_assert!(policy.quick_left() <= MOST_QUICK);
            let delay = policy.delay(&config, None);
            prop_assert!(delay >= config.ack_delay / 2 && delay <= config.ack_delay_max);
            match action {
                0 => policy.drained(&config),
                1 => policy.delay_over(&config, arrival.rto),
                2 => policy.text_sent(arrival.now),
                3 => policy.enter_quick(&config, window),
                _ => {
                    policy.sent(&config);
                    waiting = 0;
                }
            }
        }
    }
}

/// RFC 5681 4.2: the sender counts them.
#[test]
fn what_is_due_for_a_gap_goes_apart_until_it_says_nothing_new() {
    let (mut policy, config) = (AckPolicy::default(), plain());
    policy.now(Why::AckNow);
    assert!(!policy.goes_apart(false), "not for a gap");
    policy.sent(&config);
    for nth in 1..=5 {
        policy.gap_seen();
        assert!(policy.goes_apart(false));
        assert_eq!(policy.goes_apart(true), nth <= 3, "{nth}");
        policy.sent(&config);
        assert!(!policy.goes_apart(false), "it is sent");
    }
    // The gap is filled.
    policy.gap_seen();
    arrive(&mut policy, &config, text(1, SIZE));
    assert!(policy.goes_apart(true));
}
