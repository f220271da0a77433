use super::table;

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
