use glasstcp::control::Amount;

use super::*;

#[test]
fn both_directions_are_shown_with_what_was_counted() {
    let amount = |packets, bytes| Amount { packets, bytes };
    let quiet = LaneStatus {
        rules: String::new(),
        arrived: amount(2, 168),
        delivered: amount(2, 168),
        waiting: amount(0, 0),
        waited_mean_us: 0.0,
        waited_max_us: 0.0,
        effects: Default::default(),
    };
    let busy = LaneStatus {
        rules: "rate=10mbit loss=1%".to_owned(),
        arrived: amount(1000, 1_500_000),
        delivered: amount(981, 1_471_500),
        waiting: amount(7, 10_500),
        waited_mean_us: 1234.5,
        waited_max_us: 9000.0,
        effects: [("lost".to_owned(), 9), ("queue_full".to_owned(), 3)].into(),
    };
    assert_eq!(
        format(&LinkStatus { out: busy, back: quiet }),
        "out: rate=10mbit loss=1%\n  \
         1000 packets in (1500000 bytes), 981 out (1471500 bytes), 7 waiting\n  \
         waited 1.234 ms in the mean, 9.000 ms at most\n  \
         9 lost, 3 queue full\n\
         in: perfect\n  \
         2 packets in (168 bytes), 2 out (168 bytes), 0 waiting\n"
    );
}
