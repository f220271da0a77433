use proptest::prelude::*;

use super::*;

fn ms(ms: f64) -> Duration {
    Duration::from_secs_f64(ms / 1e3)
}

#[test]
fn the_summary_has_the_form_of_ping_8() {
    let mut stats = Stats { transmitted: 5, ..Stats::default() };
    for rtt in [0.1, 0.2, 0.3, 0.4] {
        stats.received(ms(rtt));
    }
    assert_eq!(
        stats.summary("10.9.0.2", ms(4004.9)),
        "\n--- 10.9.0.2 ping statistics ---\n\
         5 packets transmitted, 4 received, 20% packet loss, time 4004ms\n\
         rtt min/avg/max/mdev = 0.100/0.250/0.400/0.112 ms\n\
         p50/p99 = 0.200/0.400 ms\n"
    );
    let stats = Stats {
        transmitted: 3,
        late: 1,
        duplicates: 2,
        corrupted: 3,
        errors: 1,
        ..Stats::default()
    };
    assert_eq!(
        stats.summary("h", Duration::ZERO),
        "\n--- h ping statistics ---\n3 packets transmitted, 0 received, +1 late, +2 duplicates, \
         +3 corrupted, +1 errors, 100% packet loss, time 0ms\n"
    );
    assert!(stats.any_answer());
    assert!(!Stats::default().any_answer());
    assert!(Stats::default().summary("h", Duration::ZERO).contains(" 0 received, 0% packet loss"));
}

#[test]
fn shares_and_times_have_as_many_digits_as_those_of_ping_8() {
    for (part, whole, expected) in [
        (0, 7, "0"),
        (1, 3, "33.3333"),
        (2, 3, "66.6667"),
        (1, 11, "9.09091"),
        (1, 1000, "0.1"),
        (1, 2, "50"),
        (7, 7, "100"),
    ] {
        assert_eq!(percent(part, whole), expected);
    }
    for (rtt, expected) in [
        (0.0456, "0.046 ms"),
        (0.9996, "1.000 ms"),
        (1.234, "1.23 ms"),
        (9.994, "9.99 ms"),
        (12.34, "12.3 ms"),
        (123.4, "123 ms"),
    ] {
        assert_eq!(time(ms(rtt)), expected);
    }
}

#[test]
fn only_the_last_round_trips_are_kept() {
    let mut rtt = Rtt::default();
    for _ in 0..KEPT {
        rtt.add(ms(1.0));
    }
    for _ in 0..KEPT {
        rtt.add(ms(3.0));
    }
    let figures = rtt.figures().unwrap();
    assert_eq!(rtt.last.len(), KEPT);
    assert_eq!((figures.min, figures.average, figures.median), (1_000_000, 2_000_000, 3_000_000));
}

/// The figures straight from their definitions, in floating point.
fn naive(samples: &[u64]) -> Figures {
    let count = samples.len() as f64;
    let mean = samples.iter().map(|&ns| ns as f64).sum::<f64>() / count;
    let variance = samples.iter().map(|&ns| (ns as f64 - mean).powi(2)).sum::<f64>() / count;
    let mut sorted = samples.to_vec();
    sorted.sort_unstable();
    // The first that has at least so many at or below it.
    let rank = |share: f64| {
        let at_or_below = |ns: u64| samples.iter().filter(|&&other| other <= ns).count() as f64;
        *sorted.iter().find(|&&ns| at_or_below(ns) >= share * count - 1e-9).unwrap()
    };
    Figures {
        min: sorted[0],
        average: mean as u64,
        max: sorted[sorted.len() - 1],
        deviation: variance.sqrt() as u64,
        median: rank(0.5),
        almost_all: rank(0.99),
    }
}

proptest! {
    #[test]
    fn figures_are_those_of_the_definitions(
        samples in proptest::collection::vec(0_u64..3_000_000_000, 1..250),
    ) {
        let mut rtt = Rtt::default();
        samples.iter().for_each(|&ns| rtt.add(Duration::from_nanos(ns)));
        let (figures, naive) = (rtt.figures().unwrap(), naive(&samples));
        prop_assert!(figures.average.abs_diff(naive.average) <= 1);
        prop_assert!(figures.deviation.abs_diff(naive.deviation) <= 1);
        let Figures { average, deviation, .. } = naive;
        prop_assert_eq!(Figures { average, deviation, ..figures }, naive);
    }
}
