use super::*;

#[test]
fn every_second_full_segment_at_once_others_later() {
    let size = 1460;
    let mut policy = AckPolicy::default();
    policy.text_arrived(1460, size);
    assert_eq!(policy.due(), Due::Delayed);
    policy.text_arrived(1460, size);
    assert_eq!(policy.due(), Due::Now(Why::AckNow));
    policy.sent();
    policy.text_arrived(1, size);
    policy.text_arrived(1, size);
    assert_eq!(policy.due(), Due::Delayed);
    policy.delay_over();
    assert_eq!(policy.due(), Due::Now(Why::AckDelayed));
    policy.sent();
    policy.delay_over();
    assert_eq!(policy.due(), Due::Nothing);
}

#[test]
fn a_coalesced_segment_counts_as_many() {
    let size = 1460;
    let mut policy = AckPolicy::default();
    policy.text_arrived(64_000, size);
    assert_eq!(policy.due(), Due::Now(Why::AckNow));
}

#[test]
fn full_segments_of_a_narrow_path_count_as_full() {
    let mut policy = AckPolicy::default();
    policy.text_arrived(36, 36);
    assert_eq!(policy.due(), Due::Delayed);
    policy.text_arrived(36, 36);
    assert_eq!(policy.due(), Due::Now(Why::AckNow));
}
