use super::{format, table};
use crate::stack::Counters;

#[test]
fn rows_from_elsewhere_stand_below_and_flush_with_the_counters() {
    let counters = Counters { packets_received: 1207, ..Counters::default() };
    let text = format(&counters, &[("connections", 3), ("device_dropped", 0)]);
    assert_eq!(text, "1207 packets_received\n   3 connections\n   0 device_dropped\n");
}

#[test]
fn values_stand_flush_right() {
    let rows = [("packets_received", 1207), ("packets_sent", 98), ("tcp_checksum", 1)];
    assert_eq!(
        table(&rows),
        "1207 packets_received\n\
         \x20 98 packets_sent\n\
         \x20  1 tcp_checksum\n"
    );
}

#[test]
fn the_widest_value_may_be_the_largest_there_is() {
    assert_eq!(table(&[("a", u64::MAX), ("b", 0)]), format!("{} a\n{:>20} b\n", u64::MAX, 0));
}

#[test]
fn without_rows_there_is_no_text() {
    assert_eq!(table(&[]), "");
}
