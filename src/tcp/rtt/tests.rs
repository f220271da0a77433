use super::*;

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[test]
fn the_first_sample_sets_srtt_and_half_of_it_as_variation() {
    let mut rtt = RttEstimator::default();
    assert_eq!(rtt.rto(), Rto::INITIAL);
    rtt.sample(ms(400));
    assert_eq!((rtt.srtt(), rtt.rttvar()), (Some(ms(400)), ms(200)));
    assert_eq!(rtt.rto().as_duration(), ms(1200));
}

#[test]
fn later_samples_are_smoothed() {
    let mut rtt = RttEstimator::default();
    rtt.sample(ms(800));
    rtt.sample(ms(0));
    // RTTVAR = 3/4 * 400 + 1/4 * 800, SRTT = 7/8 * 800 (RFC 6298 2.3: RTTVAR before SRTT).
    assert_eq!((rtt.srtt(), rtt.rttvar()), (Some(ms(700)), ms(500)));
}

#[test]
fn bounds_hold() {
    let mut rtt = RttEstimator::default();
    for _ in 0..100 {
        rtt.sample(Duration::from_micros(10));
    }
    assert_eq!(rtt.rto(), Rto::MIN);
    rtt.sample(Duration::from_secs(1000));
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
    rtt.sample(ms(100));
    rtt.syn_timed_out();
    assert_eq!(rtt.rto().as_duration(), ms(300));
}
