//! Bytes to values and back: IPv4, ICMPv4, UDP, TCP and its options, and the Internet checksum.
//!
//! Parsing never panics: whatever cannot be read is a [`Malformed`] with a name of its own.
//!
//! ```text
//!   Packet --ip::parse--> ip::Datagram --tcp::parse--> tcp::Segment
//!                                      --udp::parse--> udp::Datagram
//!                                      --icmp::parse--> icmp::Message
//! ```

pub mod checksum;
pub mod icmp;
pub mod ip;
mod packet;
pub mod seq;
pub mod tcp;
pub mod tcp_options;
pub mod udp;

pub(crate) use packet::append;
pub use packet::{
    Burst, Checksum, HeaderBuf, MAX_HEADER, Packet, RxBatch, TxBatch, ports, shrink_to_fit,
};
pub use seq::SeqNum;

/// Why bytes could not be read as a packet. Each is also a counter (see `event::Refusal`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Malformed {
    /// Shorter than an IP header.
    #[error("shorter than an IP header")]
    IpTruncated,
    /// The version nibble is neither 4 nor (later) 6.
    #[error("unknown IP version")]
    IpVersion,
    /// The header length field is below 20 bytes or beyond the packet.
    #[error("bad IP header length")]
    IpHeaderLength,
    /// The total length field is below the header length or beyond the packet.
    #[error("bad IP total length")]
    IpTotalLength,
    /// The IP header checksum is wrong.
    #[error("bad IP header checksum")]
    IpChecksum,
    /// Shorter than a TCP header.
    #[error("shorter than a TCP header")]
    TcpTruncated,
    /// The data offset is below 20 bytes or beyond the segment.
    #[error("bad TCP data offset")]
    TcpDataOffset,
    /// The TCP checksum is wrong.
    #[error("bad TCP checksum")]
    TcpChecksum,
    /// Source or destination port zero.
    #[error("TCP port zero")]
    TcpPortZero,
    /// Shorter than a UDP header.
    #[error("shorter than a UDP header")]
    UdpTruncated,
    /// The UDP length field is below 8 or beyond the packet.
    #[error("bad UDP length")]
    UdpLength,
    /// The UDP checksum is wrong.
    #[error("bad UDP checksum")]
    UdpChecksum,
    /// Shorter than an ICMP header.
    #[error("shorter than an ICMP header")]
    IcmpTruncated,
    /// The ICMP checksum is wrong.
    #[error("bad ICMP checksum")]
    IcmpChecksum,
    /// An ICMP error quotes something whose IP header cannot be read.
    #[error("an ICMP error quotes no readable IP header")]
    IcmpQuoteHeader,
    /// An ICMP error quotes less than eight octets after the IP header.
    #[error("an ICMP error quotes too little")]
    IcmpQuoteTruncated,
    /// An ICMP error quotes a later fragment, which has no ports.
    #[error("an ICMP error quotes a later fragment")]
    IcmpQuoteFragment,
}
