use arrayvec::ArrayVec;
use bytes::Bytes;
use smallvec::SmallVec;

use super::*;
use crate::wire::ip;

/// The fields, in their order.
fn fields(header: [u8; LEN]) -> (u8, u8, [u16; 4]) {
    let word = |at: usize| u16::from_ne_bytes([header[at], header[at + 1]]);
    (header[0], header[1], [word(2), word(4), word(6), word(8)])
}

fn burst(protocol: u8, header_len: usize, payload_len: usize, segment_size: u16) -> Burst {
    Burst {
        header: ArrayVec::from_iter(std::iter::repeat_n(0, header_len)),
        ip_header_len: 20,
        protocol,
        payload: SmallVec::from_iter([Bytes::from(vec![0; payload_len])]),
        payload_len: payload_len as u32,
        segment_size,
    }
}

#[test]
fn a_burst_says_where_to_cut_and_where_the_checksum_is() {
    let of = |burst: &Burst| fields(emit(burst, Checksums::Partial));
    assert_eq!(of(&burst(ip::TCP, 52, 64_000, 1448)), (1, 1, [52, 1448, 20, 16]));
    assert_eq!(of(&burst(ip::TCP, 52, 1449, 1448)), (1, 1, [52, 1448, 20, 16]));
    let mut reduced = burst(ip::TCP, 52, 64_000, 1448);
    reduced.header[20 + 13] = 0x90;
    assert_eq!(of(&reduced), (1, 0x81, [52, 1448, 20, 16]), "only the first has CWR");
    // One segment is no burst.
    assert_eq!(of(&burst(ip::TCP, 52, 1448, 1448)), (1, 0, [52, 0, 20, 16]));
    assert_eq!(of(&burst(ip::TCP, 40, 0, 0)), (1, 0, [40, 0, 20, 16]));
    assert_eq!(of(&burst(ip::UDP, 28, 9, 0)), (1, 0, [28, 0, 20, 6]));
    // There is no pseudo-header to begin with.
    assert_eq!(of(&burst(ip::ICMP, 28, 9, 0)), (0, 0, [28, 0, 0, 0]));
    assert_eq!(of(&burst(99, 20, 9, 0)), (0, 0, [20, 0, 0, 0]));
}

#[test]
fn with_full_checksums_nothing_is_left_to_add() {
    let of = |burst: &Burst| fields(emit(burst, Checksums::Full));
    assert_eq!(of(&burst(ip::TCP, 52, 64_000, 1448)), (0, 1, [52, 1448, 0, 0]));
    assert_eq!(of(&burst(ip::UDP, 28, 9, 0)), (0, 0, [28, 0, 0, 0]));
    assert_eq!(fields(FINISHED), (0, 0, [0; 4]));
}

#[test]
fn what_the_kernel_says_is_believed() {
    let header = |flags, gso_type, gso_size: u16| {
        let [low, high] = gso_size.to_ne_bytes();
        [flags, gso_type, 40, 0, low, high, 20, 0, 16, 0]
    };
    assert_eq!(parse(header(0, 0, 0)), (Checksum::Unverified, 0));
    assert_eq!(parse(header(1, 0, 0)), (Checksum::Verified, 0));
    assert_eq!(parse(header(2, 0, 0)), (Checksum::Verified, 0));
    assert_eq!(parse(header(1, 1, 1460)), (Checksum::Verified, 1460));
    assert_eq!(parse(header(1, 4, 1440)), (Checksum::Verified, 1440));
    assert_eq!(parse(header(1, 0x81, 1460)), (Checksum::Verified, 1460));
    // Sizes mean nothing where nothing was put together.
    assert_eq!(parse(header(0, 0, 1460)), (Checksum::Unverified, 0));
    assert_eq!(parse(header(0, 3, 1460)), (Checksum::Unverified, 0));
}
