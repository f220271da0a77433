use proptest::prelude::*;

use super::*;

fn text(value: Value) -> String {
    column(value, 0)
}

fn column(value: Value, width: usize) -> String {
    let mut page = b"| ".to_vec();
    value.append_to(&mut page, width);
    String::from_utf8(page).unwrap().strip_prefix("| ").unwrap().to_owned()
}

#[test]
fn numbers_are_grouped() {
    for (number, grouped) in [
        (0, "0"),
        (999, "999"),
        (1000, "1,000"),
        (10_203, "10,203"),
        (1_234_567, "1,234,567"),
        (u64::MAX, "18,446,744,073,709,551,615"),
    ] {
        assert_eq!(text(Value::count(number)), grouped);
        assert_eq!(text(Value::bytes(number)), format!("{grouped} bytes"));
    }
}

#[test]
fn times_are_rounded_to_microseconds() {
    for (nanos, millis) in
        [(0, "0.000 ms"), (499, "0.000 ms"), (500, "0.001 ms"), (43_000, "0.043 ms")]
    {
        assert_eq!(text(Value::millis(Duration::from_nanos(nanos))), millis);
    }
    assert_eq!(text(Value::millis(Duration::from_secs(120))), "120000.000 ms");
    assert_eq!(text(Value::millis(Duration::MAX)), "18446744073709551.615 ms");
}

#[test]
fn a_column_is_as_wide_as_it_is_told_or_as_it_must_be() {
    assert_eq!(column(Value::word("CLOSED"), 8), "CLOSED  ");
    assert_eq!(column(Value::bytes(1000_u32), 18), "1,000 bytes       ");
    let most = "18,446,744,073,709,551,615 bytes";
    assert_eq!(column(Value::bytes(u64::MAX), 0), most);
    assert_eq!(column(Value::bytes(u64::MAX), Value::MAX), format!("{most:64}"));
    assert_eq!(column(Value::word("too long"), 3), "too long");
    assert_eq!(column(Value::word(&"x".repeat(100)), 18), "x".repeat(Value::MAX));
}

proptest! {
    #[test]
    fn ends_are_written_as_std_writes_them(
        v4: [u8; 4],
        v6: [u16; 8],
        port: u16,
        zone: u32,
        conn: u32,
    ) {
        let zoned = std::net::SocketAddrV6::new(v6.into(), port, 0, zone);
        for endpoint in [(v4, port).into(), SocketAddr::from((v6, port)), zoned.into()] {
            prop_assert_eq!(text(Value::endpoint(endpoint)), endpoint.to_string());
        }
        prop_assert_eq!(text(Value::conn(ConnId(conn))), ConnId(conn).to_string());
    }
}
