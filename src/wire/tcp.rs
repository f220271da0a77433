//! TCP segments (RFC 9293 3.1).

use std::fmt;
use std::net::IpAddr;
use std::ops::{BitOr, BitOrAssign};

use bytes::{Buf, Bytes};
use etherparse::TcpSlice;
use etherparse::err::tcp::HeaderSliceError;

use super::checksum::Sum;
use super::tcp_options::{self, Options};
use super::{Checksum, HeaderBuf, Malformed, SeqNum, append, ip};

/// Length of a header without options, in bytes.
pub const HEADER_LEN: usize = 20;
/// Offset of the sequence number.
pub const SEQ_AT: usize = 4;
/// Offset of the byte with the control bits.
pub const FLAGS_AT: usize = 13;
/// Offset of the checksum field.
pub const CHECKSUM_AT: usize = 16;

/// The control bits of a segment.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Flags(u8);

impl Flags {
    /// No more data from the sender.
    pub const FIN: Flags = Flags(0x01);
    /// Synchronize sequence numbers.
    pub const SYN: Flags = Flags(0x02);
    /// Reset the connection.
    pub const RST: Flags = Flags(0x04);
    /// Push.
    pub const PSH: Flags = Flags(0x08);
    /// The acknowledgment number is valid.
    pub const ACK: Flags = Flags(0x10);
    /// The urgent pointer is valid.
    pub const URG: Flags = Flags(0x20);
    /// ECN echo (RFC 3168 6.1).
    pub const ECE: Flags = Flags(0x40);
    /// Congestion window reduced (RFC 3168 6.1).
    pub const CWR: Flags = Flags(0x80);

    /// The bits as they stand in a header.
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Flags from the bits of a header.
    pub const fn from_bits(bits: u8) -> Flags {
        Flags(bits)
    }

    /// Whether all of `other` is set.
    pub const fn contains(self, other: Flags) -> bool {
        self.0 & other.0 == other.0
    }

    /// These flags without those of `other`.
    #[must_use]
    pub const fn without(self, other: Flags) -> Flags {
        Flags(self.0 & !other.0)
    }
}

impl BitOr for Flags {
    type Output = Flags;
    fn bitor(self, rhs: Flags) -> Flags {
        Flags(self.0 | rhs.0)
    }
}

impl BitOrAssign for Flags {
    fn bitor_assign(&mut self, rhs: Flags) {
        self.0 |= rhs.0;
    }
}

/// `SYN,ACK` and so on; `none` without any.
impl fmt::Display for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NAMES: [&str; 8] = ["FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"];
        let mut comma = "";
        for (bit, name) in NAMES.iter().enumerate() {
            if self.0 & (1 << bit) != 0 {
                write!(f, "{comma}{name}")?;
                comma = ",";
            }
        }
        if comma.is_empty() { f.write_str("none") } else { Ok(()) }
    }
}

impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A segment, received or to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Source port.
    pub src_port: u16,
    /// Destination port.
    pub dst_port: u16,
    /// Sequence number of the first octet (of the SYN, when it is set).
    pub seq: SeqNum,
    /// Acknowledgment number; meaningful only with [`Flags::ACK`].
    pub ack: SeqNum,
    /// Control bits.
    pub flags: Flags,
    /// Window as it stands in the header, unscaled.
    pub window: u16,
    /// Urgent pointer; meaningful only with [`Flags::URG`].
    pub urgent: u16,
    /// The options understood.
    pub options: Options,
    /// The two ECN bits of the IP header that it comes, or goes, with (RFC 3168 5); 0 where nobody has
    /// looked at that.
    pub ecn: u8,
    /// The text.
    pub payload: Bytes,
}

impl Segment {
    /// SEG.LEN: the octets it occupies in sequence space, counting SYN and FIN (RFC 9293 3.3.1).
    pub fn seq_len(&self) -> u32 {
        self.payload.len() as u32 + u32::from(self.syn()) + u32::from(self.fin())
    }

    /// The sequence number just after the segment.
    pub fn seq_end(&self) -> SeqNum {
        self.seq + self.seq_len()
    }

    /// Whether SYN is set.
    pub fn syn(&self) -> bool {
        self.flags.contains(Flags::SYN)
    }

    /// Whether FIN is set.
    pub fn fin(&self) -> bool {
        self.flags.contains(Flags::FIN)
    }

    /// Whether RST is set.
    pub fn rst(&self) -> bool {
        self.flags.contains(Flags::RST)
    }

    /// The acknowledgment number, when ACK is set.
    pub fn ack(&self) -> Option<SeqNum> {
        self.flags.contains(Flags::ACK).then_some(self.ack)
    }
}

/// Reads and verifies a TCP segment; its payload is what is left of `transport`, not a copy. What the IP
/// header says of ECN is for the caller to add.
pub fn parse(
    mut transport: Bytes,
    src: IpAddr,
    dst: IpAddr,
    checksum: Checksum,
) -> Result<Segment, Malformed> {
    let tcp = TcpSlice::from_slice(&transport).map_err(|error| match error {
        HeaderSliceError::Len(_) if transport.len() < HEADER_LEN => Malformed::TcpTruncated,
        _ => Malformed::TcpDataOffset,
    })?;
    if checksum == Checksum::Unverified {
        let sum =
            Sum::pseudo_header(src, dst, ip::TCP, transport.len() as u32).add_bytes(&transport);
        if !sum.is_valid() {
            return Err(Malformed::TcpChecksum);
        }
    }
    if tcp.source_port() == 0 || tcp.destination_port() == 0 {
        return Err(Malformed::TcpPortZero);
    }
    let header_len = tcp.header_len();
    Ok(Segment {
        src_port: tcp.source_port(),
        dst_port: tcp.destination_port(),
        seq: SeqNum::new(tcp.sequence_number()),
        ack: SeqNum::new(tcp.acknowledgment_number()),
        flags: Flags(tcp.slice()[FLAGS_AT]),
        window: tcp.window_size(),
        urgent: tcp.urgent_pointer(),
        options: tcp_options::parse(tcp.options()),
        ecn: 0,
        payload: {
            transport.advance(header_len);
            transport
        },
    })
}

/// Appends the header of `segment`, checksum zero (see [`super::Burst`]).
pub fn emit(segment: &Segment, out: &mut HeaderBuf) {
    let [s0, s1] = segment.src_port.to_be_bytes();
    let [d0, d1] = segment.dst_port.to_be_bytes();
    let [q0, q1, q2, q3] = segment.seq.value().to_be_bytes();
    let [a0, a1, a2, a3] = segment.ack.value().to_be_bytes();
    let offset = (((HEADER_LEN + segment.options.len()) / 4) << 4) as u8;
    let flags = segment.flags.bits();
    let [w0, w1] = segment.window.to_be_bytes();
    let [u0, u1] = segment.urgent.to_be_bytes();
    append(
        out,
        &[s0, s1, d0, d1, q0, q1, q2, q3, a0, a1, a2, a3, offset, flags, w0, w1, 0, 0, u0, u1],
    );
    segment.options.emit(out);
}

#[cfg(test)]
mod tests;
