use super::*;

/// One connection in its first slow start. Places are those of segments of one byte.
#[derive(Default)]
struct Path {
    hystart: HyStart,
    una: u64,
    nxt: u64,
}

impl Path {
    /// After the initial window of ten segments and a round trip of `rtt_ms`.
    fn open(rtt_ms: u64) -> Path {
        let mut path = Path { nxt: 10, ..Path::default() };
        assert_eq!(path.round(10, rtt_ms), Pace::Full);
        path
    }

    /// One segment is acknowledged after `rtt_ms`, and two are sent.
    fn ack(&mut self, rtt_ms: Option<u64>) -> Pace {
        self.una += 1;
        self.nxt += 2;
        let rtt = rtt_ms.map(Duration::from_millis);
        self.hystart.on_ack(&Ack { una: self.una, nxt: self.nxt, rtt, ..Ack::default() })
    }

    /// To the end of the round: `samples` acknowledgments with a sample of `rtt_ms`, then some without.
    /// Returns the pace at its end.
    fn round(&mut self, samples: u32, rtt_ms: u64) -> Pace {
        let end = self.hystart.window_end.unwrap_or(12);
        let mut left = samples;
        loop {
            let pace = self.ack((left > 0).then_some(rtt_ms));
            left = left.saturating_sub(1);
            if self.una >= end {
                return pace;
            }
        }
    }
}

#[test]
fn the_first_round_is_that_of_the_initial_window() {
    let mut path = Path { nxt: 10, ..Path::default() };
    path.ack(Some(50));
    assert_eq!((path.hystart.window_end, path.hystart.last), (Some(12), None));
    // The queue of its own burst is no growth: it is the shortest of the round that counts.
    for rtt in 51..=61 {
        assert_eq!(path.ack(Some(rtt)), Pace::Full);
    }
    assert_eq!(path.hystart.last, Some(Duration::from_millis(50)));
}

/// RttThresh: an eighth of the round trip, but 4 ms at least and 16 ms at most.
#[test]
fn how_much_growth_counts_rfc_9406_4_2() {
    for (last, least) in [(0, 4), (10, 14), (32, 36), (40, 45), (80, 90), (128, 144), (500, 516)] {
        let mut path = Path::open(last);
        assert_eq!(path.round(20, least - 1), Pace::Full, "{last} ms");
        let mut path = Path::open(last);
        assert_eq!(path.round(20, least), Pace::Conservative, "{last} ms");
    }
}

#[test]
fn fewer_than_eight_samples_say_nothing_rfc_9406_4_2() {
    let mut path = Path::open(40);
    assert_eq!(path.round(7, 200), Pace::Full);
    let mut path = Path::open(40);
    for _ in 0..7 {
        assert_eq!(path.ack(Some(200)), Pace::Full);
    }
    assert_eq!(path.ack(Some(200)), Pace::Conservative);
}

#[test]
fn a_round_without_samples_is_nothing_to_compare_with_rfc_9406_4_2() {
    let mut path = Path::open(40);
    path.round(0, 0);
    assert_eq!(path.round(20, 200), Pace::Full);
    assert_eq!(path.round(20, 230), Pace::Conservative);
}

#[test]
fn one_short_round_trip_shows_that_the_queue_is_empty() {
    let mut path = Path::open(40);
    path.ack(Some(41));
    assert_eq!(path.round(20, 200), Pace::Full);
}

/// The round in which it begins is one of the five.
#[test]
fn conservative_slow_start_lasts_five_rounds_rfc_9406_4_2() {
    let mut path = Path::open(40);
    for _ in 0..4 {
        assert_eq!(path.round(20, 60), Pace::Conservative);
    }
    for _ in 0..7 {
        assert_eq!(path.ack(Some(60)), Pace::Conservative);
    }
    assert_eq!(path.round(20, 60), Pace::Over);
    assert_eq!(path.ack(Some(60)), Pace::Over);
}

#[test]
fn a_shorter_round_trip_resumes_slow_start_rfc_9406_4_2() {
    let mut path = Path::open(40);
    assert_eq!(path.round(20, 60), Pace::Conservative);
    for _ in 0..7 {
        assert_eq!(path.ack(Some(59)), Pace::Conservative, "too few samples");
    }
    assert_eq!(path.ack(Some(59)), Pace::Full);
    // All begins anew: growth is seen again, and five rounds are counted from there.
    assert_eq!(path.round(20, 59), Pace::Full);
    for _ in 0..4 {
        assert_eq!(path.round(20, 80), Pace::Conservative);
    }
    assert_eq!(path.round(20, 80), Pace::Over);
}
