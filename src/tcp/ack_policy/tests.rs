use super::*;
use std::net::Ipv4Addr;

#[test]
fn every_second_full_segment_at_once_others_later() {
    let mss = Mss::of_mtu(1500, Ipv4Addr::LOCALHOST.into());
    let mut policy = AckPolicy::default();
    policy.text_arrived(1460, mss);
    assert_eq!(policy.due(), Due::Delayed);
    policy.text_arrived(1460, mss);
    assert_eq!(policy.due(), Due::Now(Why::AckNow));
    policy.sent();
    policy.text_arrived(1, mss);
    policy.text_arrived(1, mss);
    assert_eq!(policy.due(), Due::Delayed);
    policy.delay_over();
    assert_eq!(policy.due(), Due::Now(Why::AckDelayed));
    policy.sent();
    policy.delay_over();
    assert_eq!(policy.due(), Due::Nothing);
}

#[test]
fn a_coalesced_segment_counts_as_many() {
    let mss = Mss::of_mtu(1500, Ipv4Addr::LOCALHOST.into());
    let mut policy = AckPolicy::default();
    policy.text_arrived(64_000, mss);
    assert_eq!(policy.due(), Due::Now(Why::AckNow));
}
