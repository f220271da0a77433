use super::*;

fn routes() -> Routes {
    let own = |ip: &str| Address { ip: ip.parse().unwrap(), prefix_len: 24 };
    Routes::new(vec![own("10.9.0.2"), own("10.8.0.2")])
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn only_packets_for_us_from_possible_hosts_pass() {
    for (src, dst, expected) in [
        ("10.9.0.1", "10.9.0.2", Ok(())),
        ("192.0.2.7", "10.8.0.2", Ok(())),
        ("10.9.0.1", "10.9.0.3", Err(Refusal::IpNotForUs)),
        ("10.9.0.1", "10.9.0.255", Err(Refusal::IpBroadcast)),
        ("10.9.0.1", "255.255.255.255", Err(Refusal::IpBroadcast)),
        ("10.9.0.1", "224.0.0.251", Err(Refusal::IpBroadcast)),
        ("10.9.0.2", "10.9.0.2", Err(Refusal::IpLand)),
        ("10.8.0.2", "10.9.0.2", Err(Refusal::IpLand)),
        ("0.0.0.0", "10.9.0.2", Err(Refusal::IpMartianSource)),
        ("127.0.0.1", "10.9.0.2", Err(Refusal::IpMartianSource)),
        ("240.0.0.1", "10.9.0.2", Err(Refusal::IpMartianSource)),
        ("255.255.255.255", "10.9.0.2", Err(Refusal::IpMartianSource)),
        ("224.0.0.1", "10.9.0.2", Err(Refusal::IpMartianSource)),
        ("10.9.0.255", "10.9.0.2", Err(Refusal::IpMartianSource)),
    ] {
        assert_eq!(routes().check(ip(src), ip(dst)), expected, "{src} to {dst}");
    }
}

#[test]
fn the_source_is_the_address_in_the_same_network() {
    assert_eq!(routes().source_for(ip("10.8.0.7")), Some(ip("10.8.0.2")));
    assert_eq!(routes().source_for(ip("192.0.2.1")), Some(ip("10.9.0.2")));
    for unreachable in
        ["10.9.0.2", "0.0.0.0", "127.0.0.1", "224.0.0.1", "10.9.0.255", "2001:db8::1"]
    {
        assert_eq!(routes().source_for(ip(unreachable)), None, "{unreachable}");
    }
}
