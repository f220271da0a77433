use proptest::prelude::*;

use super::*;

fn text(value: Value) -> String {
    String::from_utf8(value.text().to_vec()).unwrap()
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
    assert_eq!(Value::word("CLOSED").column(8), b"CLOSED  ");
    assert_eq!(Value::bytes(1000_u32).column(18), b"1,000 bytes       ");
    assert_eq!(Value::count(u64::MAX).column(BEFORE).len(), BEFORE);
    assert_eq!(Value::word("too long").column(3), b"too long");
    assert_eq!(Value::word(&"x".repeat(100)).column(18), [b'x'; AFTER]);
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
