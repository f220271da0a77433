use super::*;

/// With the number that the table keeps with each, lest an old key be taken for a new one.
#[test]
fn a_half_open_connection_takes_64_bytes_at_most() {
    let size = size_of::<(HalfOpenEntry, u32)>();
    assert!(size <= 64, "{size} bytes");
}
