use super::*;

fn cidr(address: [u8; 4], prefix_len: u8) -> Cidr {
    Cidr { address: address.into(), prefix_len }
}

#[test]
fn network_and_broadcast_are_the_ends() {
    let net = cidr([10, 9, 0, 77], 26);
    assert_eq!(net.network(), Ipv4Addr::new(10, 9, 0, 64));
    assert_eq!(net.broadcast(), Ipv4Addr::new(10, 9, 0, 127));
    assert!(net.contains(Ipv4Addr::new(10, 9, 0, 65)));
    assert!(!net.contains(Ipv4Addr::new(10, 9, 0, 128)));
    assert_eq!(cidr([1, 2, 3, 4], 0).broadcast(), Ipv4Addr::BROADCAST);
    assert_eq!(cidr([1, 2, 3, 4], 32).network(), Ipv4Addr::new(1, 2, 3, 4));
}

#[test]
fn networks_overlap_when_one_is_inside_the_other() {
    let table = [
        ([10, 9, 0, 1], 24, [10, 9, 0, 200], 24, true),
        ([10, 9, 0, 1], 24, [10, 9, 1, 1], 24, false),
        ([10, 9, 0, 1], 24, [10, 0, 0, 1], 8, true),
        ([10, 9, 0, 1], 16, [10, 9, 7, 1], 32, true),
        ([10, 9, 0, 1], 25, [10, 9, 0, 129], 25, false),
        ([10, 9, 0, 129], 25, [10, 9, 0, 1], 24, true),
        ([127, 0, 0, 1], 8, [127, 5, 0, 1], 24, true),
    ];
    for (a, a_len, b, b_len, expected) in table {
        let (a, b) = (cidr(a, a_len), cidr(b, b_len));
        assert_eq!(a.overlaps(b), expected, "{a} {b}");
        assert_eq!(b.overlaps(a), expected, "{b} {a}");
    }
}
