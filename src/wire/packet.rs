//! What passes between the stack and a device: whole packets in, bursts out.

use std::collections::VecDeque;

use arrayvec::ArrayVec;
use bytes::Bytes;
use smallvec::SmallVec;

/// The longest header a burst can carry: IPv4 (60) and TCP (60), each with all options.
pub const MAX_HEADER: usize = 120;

/// A network and transport header in place, without an allocation.
pub type HeaderBuf = ArrayVec<u8, MAX_HEADER>;

/// Appends `bytes` in one piece.
///
/// # Panics
/// When there is no room: a header has room for whatever may be in it.
pub(crate) fn append<const N: usize>(out: &mut ArrayVec<u8, N>, bytes: &[u8]) {
    let appended = out.try_extend_from_slice(bytes);
    assert!(appended.is_ok(), "a header longer than a header may be");
}

/// Whether the device has already vouched for the transport checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checksum {
    /// Must be verified.
    Unverified,
    /// The device says it is valid, or that the packet never left the host.
    Verified,
}

/// One IP packet as received from a device.
#[derive(Clone, Debug)]
pub struct Packet {
    /// The packet from its IP header on. A device hands over either a buffer that the packet fills
    /// at least by a quarter, or a copy, so that small payloads never pin large buffers.
    pub bytes: Bytes,
    /// Whether the transport checksum still has to be verified.
    pub checksum: Checksum,
    /// Text of each of the segments that the device has put together, in bytes; 0 when it is one packet.
    pub segment_size: u16,
}

impl Packet {
    /// A packet whose checksums must be verified.
    pub fn new(bytes: Bytes) -> Self {
        Packet { bytes, checksum: Checksum::Unverified, segment_size: 0 }
    }
}

/// Copies `part` when it is less than half of the `whole` bytes it was cut from, which it would keep in
/// memory for as long as itself. Whoever counts the bytes it holds must cut with this.
pub fn shrink_to_fit(part: &mut Bytes, whole: usize) {
    if part.len() < whole / 2 {
        *part = Bytes::copy_from_slice(part);
    }
}

/// The ports of source and destination at the beginning of a TCP or UDP header; `None` if it has not even those.
pub fn ports(transport: &[u8]) -> Option<(u16, u16)> {
    let [s0, s1, d0, d1] = *transport.first_chunk()?;
    Some((u16::from_be_bytes([s0, s1]), u16::from_be_bytes([d0, d1])))
}

/// Packets received in one batch, oldest first.
pub type RxBatch = VecDeque<Packet>;

/// One packet to send, or a TCP super-segment of up to 64 KiB of payload under one header.
///
/// `header` is complete but for what depends on the cut: for a burst that fits one packet
/// (`segment_size == 0`) the IP total length is final; every length, the IP identification of later
/// packets, the FIN and PSH flags of all but the last and CWR of all but the first, and both
/// checksums are filled in by `device::gso` or by the kernel. The checksum fields are zero.
#[derive(Clone, Debug)]
pub struct Burst {
    /// IP header followed by the transport header, checksum fields zero.
    pub header: HeaderBuf,
    /// Length of the IP header within `header`, in bytes.
    pub ip_header_len: u8,
    /// The IP protocol number of the transport header.
    pub protocol: u8,
    /// The payload, in order, gathered when it is sent.
    pub payload: SmallVec<[Bytes; 2]>,
    /// Sum of the lengths of `payload`, in bytes.
    pub payload_len: u32,
    /// Payload bytes of each packet the burst is cut into (the MSS in use); 0 when it is one packet.
    pub segment_size: u16,
}

/// Bursts to send, oldest first. A device removes from the front what it has taken.
pub type TxBatch = VecDeque<Burst>;
