use super::*;

#[test]
fn they_come_back_as_they_were() {
    let cases = [
        ("10.9.0.2:80", "10.9.0.1:65535"),
        ("[fd00::2]:80", "[fd00::1]:40000"),
        ("[::ffff:10.9.0.2]:80", "10.9.0.1:1"),
    ];
    for (local, remote) in cases {
        let ends = Endpoints { local: local.parse().unwrap(), remote: remote.parse().unwrap() };
        let packed = PackedEnds::from(ends);
        assert_eq!(packed.get(), ends);
        assert_eq!(packed.clone(), packed);
    }
}

#[test]
fn they_take_16_bytes() {
    assert_eq!((size_of::<PackedEnds>(), align_of::<PackedEnds>()), (16, 4));
}
