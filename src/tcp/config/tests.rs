use super::*;

/// 1 + 2 + 4 + 8 + 16 + 32 + 64 s for a SYN, and 924.6 s for data, as in Linux.
#[test]
fn a_lower_time_out_is_repeated_for_the_same_time() {
    for (max, data, syn) in [(120, 15, 6), (60, 16, 6), (10, 93, 13), (4, 232, 32), (1, 255, 127)] {
        let mut config = Config::default();
        config.limit_rto(Duration::from_secs(max));
        let limits = (config.retransmission_limit, config.syn_retransmission_limit);
        assert_eq!((config.rto_max, limits), (Duration::from_secs(max), (data, syn)), "{max} s");
    }
    let mut config = Config::default();
    config.limit_rto(Duration::from_secs(1000));
    assert_eq!(config, Config::default());
    config.limit_rto(Duration::ZERO);
    assert_eq!(config.rto_max, Duration::from_millis(200));
    assert_eq!(config.syn_retransmission_limit, u8::MAX);
}
