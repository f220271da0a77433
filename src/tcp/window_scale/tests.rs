use super::*;

#[test]
fn scales_tell_the_whole_buffer() {
    for (capacity, shift) in
        [(1, 0), (65_535, 0), (65_536, 1), (1 << 20, 5), (1 << 29, 14), (1 << 30, 14)]
    {
        assert_eq!(WindowScale::for_buffer(capacity).shift(), shift, "{capacity}");
    }
}

#[test]
fn a_peer_cannot_announce_more_than_14() {
    assert_eq!(WindowScale::announced(255), WindowScale::MAX);
    assert_eq!(WindowScale::MAX.expand(u16::MAX), 65_535 << 14);
}

#[test]
fn fields_are_rounded_down() {
    let scale = WindowScale::announced(7);
    assert_eq!(scale.field(1000), 7);
    assert_eq!(scale.expand(scale.field(1000)), 896);
    assert_eq!(WindowScale::NONE.field(1 << 20), u16::MAX);
}
