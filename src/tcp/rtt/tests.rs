use super::*;

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[test]
fn the_first_sample_sets_srtt_and_half_of_it_as_variation() {
    let mut rtt = RttEstimator::default();
    assert_eq!(rtt.rto(), Rto::INITIAL);
    rtt.sample(Profile::Linux, Instant::ZERO, ms(400), 0, 0);
    assert_eq!((rtt.srtt(), rtt.rttvar()), (Some(ms(400)), ms(200)));
    assert_eq!(rtt.rto().as_duration(), ms(1200));
}

#[test]
fn later_samples_are_smoothed() {
    let mut rtt = RttEstimator::default();
    rtt.sample(Profile::Linux, Instant::ZERO, ms(800), 0, 0);
    rtt.sample(Profile::Linux, Instant::ZERO, ms(1600), 0, 0);
    // RTTVAR = 3/4 * 400 + 1/4 * 800, SRTT = 7/8 * 800 + 1/8 * 1600 (RFC 6298 2.3: RTTVAR before SRTT).
    assert_eq!((rtt.srtt(), rtt.rttvar()), (Some(ms(900)), ms(500)));
    assert_eq!(rtt.min(), ms(800));
}

/// As in Linux: the variation counts as 50 ms at least, so the time-out is 200 ms above the round trip.
#[test]
fn a_steady_path_keeps_a_margin() {
    let mut rtt = RttEstimator::default();
    for round in 0..100 {
        rtt.sample(Profile::Linux, Instant::ZERO, ms(30), round + 1, round);
    }
    assert_eq!((rtt.rttvar(), rtt.rto().as_duration()), (ms(50), ms(230)));
}

/// As in Linux: what varied most in a round trip counts, and a calm one lowers it by a quarter.
#[test]
fn the_variation_falls_once_a_round_trip() {
    let mut rtt = RttEstimator::default();
    rtt.sample(Profile::Linux, Instant::ZERO, ms(100), 0, 10);
    rtt.sample(Profile::Linux, Instant::ZERO, ms(500), 5, 10);
    let high = rtt.rttvar();
    assert_eq!(high, (ms(50) * 3 + ms(400)) / 4);
    for una in 6..=10 {
        rtt.sample(Profile::Linux, Instant::ZERO, ms(150), una, 10);
        assert_eq!(rtt.rttvar(), high, "the round trip goes on");
    }
    rtt.sample(Profile::Linux, Instant::ZERO, ms(150), 11, 20);
    let largest_of_round = high;
    assert_eq!(rtt.rttvar(), largest_of_round, "it was that large in the round trip that ends");
    rtt.sample(Profile::Linux, Instant::ZERO, ms(150), 21, 30);
    assert!(rtt.rttvar() < high && rtt.rttvar() >= high * 3 / 4);
}

/// As in Linux: a path that becomes faster is not made out to be unreliable.
#[test]
fn shorter_round_trips_count_little_as_variation() {
    let (mut faster, mut slower) = (RttEstimator::default(), RttEstimator::default());
    for (rtt, next) in [(&mut faster, ms(100)), (&mut slower, ms(1900))] {
        rtt.sample(Profile::Linux, Instant::ZERO, ms(1000), 0, 10);
        rtt.sample(Profile::Linux, Instant::ZERO, next, 0, 10);
    }
    assert_eq!(slower.rttvar(), (ms(500) * 3 + ms(900)) / 4);
    assert_eq!(faster.rttvar(), ms(500) + ms(400) / 32);
}

#[test]
fn bounds_hold() {
    let mut rtt = RttEstimator::default();
    for round in 0..100 {
        rtt.sample(Profile::Linux, Instant::ZERO, Duration::from_micros(10), round + 1, round);
    }
    assert_eq!(rtt.rto().as_duration(), Duration::from_micros(200_010));
    assert!(rtt.rto() > Rto::MIN);
    rtt.sample(Profile::Linux, Instant::ZERO, Duration::from_secs(1000), 0, 0);
    assert_eq!(rtt.rto(), Rto::MAX);
}

#[test]
fn backoff_doubles_up_to_the_maximum() {
    assert_eq!(Rto::INITIAL.backed_off(0), Rto::INITIAL);
    assert_eq!(Rto::INITIAL.backed_off(3).as_duration(), Duration::from_secs(8));
    assert_eq!(Rto::INITIAL.backed_off(7), Rto::MAX);
    assert_eq!(Rto::INITIAL.backed_off(255), Rto::MAX);
}

#[test]
fn a_lost_syn_makes_the_first_timeout_longer_until_a_sample() {
    let mut rtt = RttEstimator::default();
    rtt.syn_timed_out();
    assert_eq!(rtt.rto(), Rto::AFTER_SYN_TIMEOUT);
    rtt.sample(Profile::Linux, Instant::ZERO, ms(100), 0, 0);
    rtt.syn_timed_out();
    assert_eq!(rtt.rto().as_duration(), ms(300));
}

#[test]
fn the_shortest_round_trip_is_one_of_late_rfc_8985_6_2() {
    let mut rtt = RttEstimator::default();
    let at = |secs| Instant::ZERO + Duration::from_secs(secs);
    rtt.sample(Profile::Linux, at(0), ms(1), 0, 0);
    for secs in 1..20 {
        rtt.sample(Profile::Linux, at(secs), ms(100), 0, 0);
        assert_eq!(rtt.min(), ms(1), "{secs} s");
    }
    rtt.sample(Profile::Linux, at(20), ms(100), 0, 0);
    assert_eq!(rtt.min(), ms(100));
    rtt.sample(Profile::Linux, at(21), ms(40), 0, 0);
    assert_eq!(rtt.min(), ms(40));
    // After a long silence only what comes then counts.
    rtt.sample(Profile::Linux, at(1000), ms(70), 0, 0);
    assert_eq!(rtt.min(), ms(70));
}
