//! IP headers: IPv4 (RFC 791) for now; callers see only [`IpAddr`].

use std::net::{IpAddr, Ipv4Addr};

use etherparse::err::ipv4::{HeaderError, HeaderSliceError};
use etherparse::{IpNumber, Ipv4Header, Ipv4HeaderSlice};

use super::checksum::Sum;
use super::{HeaderBuf, Malformed, append};

/// Protocol number of ICMPv4.
pub const ICMP: u8 = IpNumber::ICMP.0;
/// Protocol number of TCP.
pub const TCP: u8 = IpNumber::TCP.0;
/// Protocol number of UDP.
pub const UDP: u8 = IpNumber::UDP.0;

/// ECN codepoint: a router may mark the packet instead of dropping it (RFC 3168 5).
pub const ECT_0: u8 = 0b10;
/// ECN codepoint: a router has marked it, "congestion experienced" (RFC 3168 5).
pub const CE: u8 = 0b11;

/// What the two ECN bits say, by its name in RFC 3168 5 without the brackets; `None` when the transport
/// is not capable of ECN.
pub const fn ecn_name(bits: u8) -> Option<&'static str> {
    match bits & CE {
        0b01 => Some("ect1"),
        ECT_0 => Some("ect0"),
        CE => Some("ce"),
        _ => None,
    }
}

/// Length of an IPv4 header without options, in bytes.
pub const IPV4_HEADER_LEN: usize = Ipv4Header::MIN_LEN;

/// Time to live of what is sent, unless something else is asked for (RFC 1122 3.2.1.7; 64, as Linux).
pub const TTL: u8 = 64;

/// Offset of the IPv4 total length field.
pub const IPV4_TOTAL_LEN_AT: usize = 2;
/// Offset of the IPv4 identification field.
pub const IPV4_ID_AT: usize = 4;
/// Offset of the IPv4 header checksum field.
pub const IPV4_CHECKSUM_AT: usize = 10;

/// Where a fragment lies in its datagram (RFC 791 3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fragment {
    /// Offset of its first byte, in bytes.
    pub offset: u16,
    /// Whether more fragments follow.
    pub more: bool,
}

/// The values of a received IP header; the payload is `payload` within the packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Datagram {
    /// Source address.
    pub src: IpAddr,
    /// Destination address.
    pub dst: IpAddr,
    /// Protocol of the payload.
    pub protocol: u8,
    /// Time to live, or hop limit.
    pub ttl: u8,
    /// The Differentiated Services codepoint, six bits (RFC 2474 3).
    pub dscp: u8,
    /// The two ECN bits (RFC 3168 5).
    pub ecn: u8,
    /// The IPv4 identification field.
    pub identification: u16,
    /// Set when this is not a whole datagram.
    pub fragment: Option<Fragment>,
    /// Length of the header with its options, in bytes.
    pub header_len: usize,
    /// The bytes of the payload, as a range of the packet; link padding is left out.
    pub payload: std::ops::Range<usize>,
}

/// Finds the header at the front of `packet`; neither lengths beyond it nor its checksum are looked at.
pub(super) fn header(packet: &[u8]) -> Result<Ipv4HeaderSlice<'_>, Malformed> {
    Ipv4HeaderSlice::from_slice(packet).map_err(|error| match error {
        HeaderSliceError::Content(HeaderError::UnexpectedVersion { .. }) => Malformed::IpVersion,
        HeaderSliceError::Content(HeaderError::HeaderLengthSmallerThanHeader { .. }) => {
            Malformed::IpHeaderLength
        }
        HeaderSliceError::Len(_) if packet.len() < IPV4_HEADER_LEN => Malformed::IpTruncated,
        HeaderSliceError::Len(_) => Malformed::IpHeaderLength,
    })
}

/// Reads and verifies an IP header (RFC 1122 3.2.1).
pub fn parse(packet: &[u8]) -> Result<Datagram, Malformed> {
    let header = header(packet)?;
    let header_len = header.slice().len();
    let total_len = usize::from(header.total_len());
    if total_len < header_len || total_len > packet.len() {
        return Err(Malformed::IpTotalLength);
    }
    // The fixed part by itself: a sum of constant length takes but a few steps.
    let (fixed, options) = header.slice().split_at(IPV4_HEADER_LEN);
    if !Sum::new().add_bytes(fixed).add_bytes(options).is_valid() {
        return Err(Malformed::IpChecksum);
    }
    let fragment = header.is_fragmenting_payload().then(|| Fragment {
        offset: header.fragments_offset().value() * 8,
        more: header.more_fragments(),
    });
    Ok(Datagram {
        src: header.source_addr().into(),
        dst: header.destination_addr().into(),
        protocol: header.protocol().0,
        ttl: header.ttl(),
        dscp: header.dcp().value(),
        ecn: header.ecn().value(),
        identification: header.identification(),
        fragment,
        header_len,
        payload: header_len..total_len,
    })
}

/// Where a packet that we have made goes to; of a header only as much is read as is there.
pub fn destination(packet: &[u8]) -> Option<IpAddr> {
    address(packet, 16)
}

/// Source and destination of any packet, as far as its header is there; nothing is checked.
pub fn addresses(packet: &[u8]) -> Option<(IpAddr, IpAddr)> {
    Some((address(packet, 12)?, address(packet, 16)?))
}

fn address(packet: &[u8], at: usize) -> Option<IpAddr> {
    let octets = packet.get(at..at + 4)?.first_chunk::<4>()?;
    Some(Ipv4Addr::from(*octets).into())
}

/// What an outgoing IP header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repr {
    /// Source address.
    pub src: IpAddr,
    /// Destination address, of the same family.
    pub dst: IpAddr,
    /// Protocol of the payload.
    pub protocol: u8,
    /// Time to live, or hop limit.
    pub ttl: u8,
    /// The Differentiated Services codepoint, six bits (RFC 2474 3).
    pub dscp: u8,
    /// The two ECN bits (RFC 3168 5).
    pub ecn: u8,
    /// The IPv4 identification field (RFC 6864).
    pub identification: u16,
    /// Whether routers may not fragment it.
    pub dont_fragment: bool,
}

/// Appends an IP header for a payload of `payload_len` bytes to `out`. The IPv4 header checksum is
/// left zero for whoever cuts the burst; a length over 65,535 is written as that of the whole burst
/// modulo 2^16, which the cut replaces.
pub fn emit(repr: &Repr, payload_len: usize, out: &mut HeaderBuf) {
    let (src, dst) = match (repr.src, repr.dst) {
        (IpAddr::V4(src), IpAddr::V4(dst)) => (src, dst),
        _ => (Ipv4Addr::UNSPECIFIED, Ipv4Addr::UNSPECIFIED),
    };
    let header = Ipv4Header {
        total_len: (IPV4_HEADER_LEN + payload_len) as u16,
        identification: repr.identification,
        dont_fragment: repr.dont_fragment,
        time_to_live: repr.ttl,
        protocol: IpNumber(repr.protocol),
        source: src.octets(),
        destination: dst.octets(),
        dscp: etherparse::IpDscp::try_new(repr.dscp & 63).unwrap_or_default(),
        ecn: etherparse::IpEcn::try_new(repr.ecn & 3).unwrap_or_default(),
        ..Ipv4Header::default()
    };
    append(out, &header.to_bytes());
}

#[cfg(test)]
mod tests;
