use super::*;
use std::net::Ipv4Addr;

#[test]
fn any_announcement_is_brought_within_bounds() {
    let own = Mss::of_mtu(1500, Ipv4Addr::LOCALHOST.into());
    assert_eq!(own.bytes(), 1460);
    for (option, expected) in [
        (None, 536),
        (Some(0), 48),
        (Some(1), 48),
        (Some(48), 48),
        (Some(1000), 1000),
        (Some(65_535), 1460),
    ] {
        assert_eq!(Mss::negotiated(option, own).bytes(), expected, "{option:?}");
    }
    let smallest = Mss::of_mtu(68, Ipv4Addr::LOCALHOST.into());
    assert_eq!(smallest.bytes(), 28, "a device with the least MTU can take no more");
    assert_eq!(Mss::negotiated(Some(1), smallest), smallest);
    let largest = Mss::of_mtu(u16::MAX, Ipv4Addr::LOCALHOST.into());
    assert_eq!(u32::from(largest.bytes()), MAX_BURST, "a full segment is one burst");
    assert_eq!(Mss::of_mtu(0, Ipv4Addr::LOCALHOST.into()), smallest);
}
