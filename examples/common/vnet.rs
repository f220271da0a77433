//! The header that stands before each packet of a TUN device with offload (virtio 1.3, 5.1.6), for segments of TCP over
//! IPv4 without options of IP.

/// Its length, in bytes.
pub const LEN: usize = 10;

/// The one before a packet whose TCP checksum is that of the pseudo-header alone, and whose headers are that long; the
/// kernel is to cut its text into pieces of `cut` bytes, unless that is 0.
pub fn header(headers_len: u16, cut: u16) -> [u8; LEN] {
    let mut header = [0; LEN];
    header[0] = 1;
    header[1] = u8::from(cut > 0);
    header[2..4].copy_from_slice(&headers_len.to_ne_bytes());
    header[4..6].copy_from_slice(&cut.to_ne_bytes());
    header[6..8].copy_from_slice(&20u16.to_ne_bytes());
    header[8..10].copy_from_slice(&16u16.to_ne_bytes());
    header
}
