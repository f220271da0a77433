use glasstcp::control::TcpStatus;

use super::super::tests::row;
use super::*;

#[test]
fn timers_count_down_only_where_nothing_sets_them_anew() {
    let told = |quiet_us, since_us| {
        let (since_sent_us, since_heard_us) = (quiet_us, 3 * quiet_us);
        let tcp = TcpStatus { since_sent_us, since_heard_us, ..TcpStatus::default() };
        timer(&row(1, "ESTAB", Some(tcp), 0.0), since_us).join(", ")
    };
    let first = "retransmission in 250ms, after 2 in a row, ";
    assert_eq!(told(100, 200_000), format!("{first}sent 100us ago, heard 300us ago"));
    let later = "retransmission in 50.0ms, after 2 in a row, ";
    assert_eq!(told(2_000_000, 200_000), format!("{later}sent 2.20s ago, heard 6.20s ago"));
}
