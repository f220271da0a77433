//! ICMPv4 (RFC 792): echo, and the errors a host sends and understands.

use std::fmt;
use std::io;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::checksum::Sum;
use super::{HeaderBuf, Malformed, SeqNum, ip};

/// Length of the header, in bytes.
pub const HEADER_LEN: usize = 8;
/// Offset of the checksum field.
pub const CHECKSUM_AT: usize = 2;

/// Type of an echo reply.
pub const ECHO_REPLY: u8 = 0;
/// Type of a destination unreachable.
pub const DESTINATION_UNREACHABLE: u8 = 3;
/// Type of a source quench, which is obsolete (RFC 6633).
pub const SOURCE_QUENCH: u8 = 4;
/// Type of an echo request.
pub const ECHO_REQUEST: u8 = 8;
/// Type of a time exceeded.
pub const TIME_EXCEEDED: u8 = 11;
/// Type of a parameter problem.
pub const PARAMETER_PROBLEM: u8 = 12;
/// Code of [`DESTINATION_UNREACHABLE`]: no route to that host.
pub const HOST_UNREACHABLE: u8 = 1;
/// Code of [`DESTINATION_UNREACHABLE`]: no such protocol here.
pub const PROTOCOL_UNREACHABLE: u8 = 2;
/// Code of [`DESTINATION_UNREACHABLE`]: nobody on that port.
pub const PORT_UNREACHABLE: u8 = 3;
/// Code of [`DESTINATION_UNREACHABLE`]: larger than the next link takes, and not to be fragmented.
pub const FRAGMENTATION_NEEDED: u8 = 4;

/// What an ICMP error reports (RFC 792, RFC 1122 3.2.2.1, RFC 1812 5.2.7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "report", rename_all = "snake_case")]
pub enum Report {
    /// No route to the network at the moment.
    NetworkUnreachable,
    /// No route to the host at the moment, or not the one asked for.
    HostUnreachable,
    /// The host does not speak that protocol.
    ProtocolUnreachable,
    /// Nobody on that port.
    PortUnreachable,
    /// Larger than the next link takes.
    FragmentationNeeded {
        /// What it takes, in bytes; 0 from a router that does not say (RFC 1191 4).
        mtu: u16,
    },
    /// There is no such network.
    NetworkUnknown,
    /// There is no such host.
    HostUnknown,
    /// One may not speak to that network.
    NetworkProhibited,
    /// One may not speak to that host.
    HostProhibited,
    /// A filter does not let it through.
    Prohibited,
    /// It was on its way for too long.
    TimeExceeded,
    /// Its header could not be understood.
    ParameterProblem,
}

impl Report {
    /// Whether sending again cannot help: what Linux calls fatal; RFC 1122 4.2.3.9 knew only the
    /// protocol and the port.
    pub const fn is_hard(self) -> bool {
        use Report::*;
        matches!(
            self,
            ProtocolUnreachable
                | PortUnreachable
                | NetworkUnknown
                | HostUnknown
                | NetworkProhibited
                | HostProhibited
                | Prohibited
        )
    }

    /// The error that a call fails with for it, as near as std has one to what Linux says.
    pub const fn error_kind(self) -> io::ErrorKind {
        use Report::*;
        match self {
            NetworkUnreachable | NetworkUnknown | NetworkProhibited => {
                io::ErrorKind::NetworkUnreachable
            }
            ProtocolUnreachable | PortUnreachable => io::ErrorKind::ConnectionRefused,
            FragmentationNeeded { .. } => io::ErrorKind::InvalidInput,
            // std knows no error for a parameter problem; for the time, Linux says the same.
            HostUnreachable | HostUnknown | HostProhibited | Prohibited | TimeExceeded
            | ParameterProblem => io::ErrorKind::HostUnreachable,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Report::NetworkUnreachable => "network unreachable",
            Report::HostUnreachable => "host unreachable",
            Report::ProtocolUnreachable => "protocol unreachable",
            Report::PortUnreachable => "port unreachable",
            Report::FragmentationNeeded { mtu } => {
                return write!(f, "fragmentation needed, MTU {mtu}");
            }
            Report::NetworkUnknown => "network unknown",
            Report::HostUnknown => "host unknown",
            Report::NetworkProhibited => "network prohibited",
            Report::HostProhibited => "host prohibited",
            Report::Prohibited => "prohibited",
            Report::TimeExceeded => "time to live exceeded",
            Report::ParameterProblem => "parameter problem",
        })
    }
}

/// What was reported about something we sent, and by whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Notice {
    /// What.
    #[serde(flatten)]
    pub report: Report,
    /// The router or the host that says so.
    pub by: IpAddr,
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Notice { report, by } = self;
        match report {
            Report::TimeExceeded => write!(f, "{report} at {by}"),
            Report::NetworkProhibited | Report::HostProhibited | Report::Prohibited => {
                write!(f, "{report} by {by}")
            }
            _ => write!(f, "{report} ({by} says so)"),
        }
    }
}

/// The beginning of a packet, as an ICMP error quotes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quote {
    /// Who sent it.
    pub src: IpAddr,
    /// To whom.
    pub dst: IpAddr,
    /// The protocol of its payload.
    pub protocol: u8,
    /// Its total length field, in bytes, as far as it can be believed.
    pub total_len: u16,
    /// Source port, for the protocols that have ports.
    pub src_port: u16,
    /// Destination port, likewise.
    pub dst_port: u16,
    /// The four octets after the ports: the sequence number of TCP.
    pub seq: SeqNum,
    /// Length of its IP header, in bytes.
    pub header_len: usize,
}

/// A received ICMP message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The type.
    pub kind: u8,
    /// The code.
    pub code: u8,
    /// The four bytes after the checksum (identifier and sequence number of an echo).
    pub rest: [u8; 4],
    /// The bytes after the header, as a range of `transport`.
    pub payload: std::ops::Range<usize>,
}

impl Message {
    /// What it reports, when it is an error that is understood.
    pub fn report(&self) -> Option<Report> {
        let [_, _, mtu @ ..] = self.rest;
        Some(match (self.kind, self.code) {
            (DESTINATION_UNREACHABLE, 0 | 11) => Report::NetworkUnreachable,
            (DESTINATION_UNREACHABLE, HOST_UNREACHABLE | 5 | 12) => Report::HostUnreachable,
            (DESTINATION_UNREACHABLE, PROTOCOL_UNREACHABLE) => Report::ProtocolUnreachable,
            (DESTINATION_UNREACHABLE, PORT_UNREACHABLE) => Report::PortUnreachable,
            (DESTINATION_UNREACHABLE, FRAGMENTATION_NEEDED) => {
                Report::FragmentationNeeded { mtu: u16::from_be_bytes(mtu) }
            }
            (DESTINATION_UNREACHABLE, 6) => Report::NetworkUnknown,
            (DESTINATION_UNREACHABLE, 7 | 8) => Report::HostUnknown,
            (DESTINATION_UNREACHABLE, 9) => Report::NetworkProhibited,
            (DESTINATION_UNREACHABLE, 10) => Report::HostProhibited,
            (DESTINATION_UNREACHABLE, 13..=15) => Report::Prohibited,
            (TIME_EXCEEDED, _) => Report::TimeExceeded,
            (PARAMETER_PROBLEM, _) => Report::ParameterProblem,
            _ => return None,
        })
    }
}

/// Reads what an error quotes: an IP header and at least the eight octets after it (RFC 792). The
/// header's checksum is not verified, because the routers on the way have changed the header.
pub fn parse_quote(quoted: &[u8]) -> Result<Quote, Malformed> {
    let header = ip::header(quoted).map_err(|_| Malformed::IcmpQuoteHeader)?;
    let Some((transport, _)) = quoted[header.slice().len()..].split_first_chunk::<8>() else {
        return Err(Malformed::IcmpQuoteTruncated);
    };
    if header.fragments_offset().value() > 0 {
        return Err(Malformed::IcmpQuoteFragment);
    }
    let [s0, s1, d0, d1, seq @ ..] = *transport;
    Ok(Quote {
        src: header.source_addr().into(),
        dst: header.destination_addr().into(),
        protocol: header.protocol().0,
        total_len: header.total_len(),
        src_port: u16::from_be_bytes([s0, s1]),
        dst_port: u16::from_be_bytes([d0, d1]),
        seq: SeqNum::new(u32::from_be_bytes(seq)),
        header_len: header.slice().len(),
    })
}

/// Reads and verifies an ICMP message.
pub fn parse(transport: &[u8]) -> Result<Message, Malformed> {
    let Some((header, _)) = transport.split_first_chunk::<HEADER_LEN>() else {
        return Err(Malformed::IcmpTruncated);
    };
    if !Sum::new().add_bytes(transport).is_valid() {
        return Err(Malformed::IcmpChecksum);
    }
    let [kind, code, _, _, rest @ ..] = *header;
    Ok(Message { kind, code, rest, payload: HEADER_LEN..transport.len() })
}

/// Appends an ICMP header, checksum zero (see [`super::Burst`]).
pub fn emit(kind: u8, code: u8, rest: [u8; 4], out: &mut HeaderBuf) {
    out.extend([kind, code, 0, 0]);
    out.extend(rest);
}

#[cfg(test)]
mod tests;
