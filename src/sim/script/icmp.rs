//! ICMP errors as scripts write them: `icmp fragmentation-needed mtu=1200 seq=1..1461`.

use std::ops::Range;
use std::str::FromStr;

use super::segment::{once, range};
use crate::wire::icmp;

/// An error about a segment that the stack has sent, or is said to have sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct IcmpError {
    pub(super) kind: u8,
    pub(super) code: u8,
    /// What the next link takes, in bytes (RFC 1191 4).
    pub(super) mtu: u16,
    /// The sequence numbers of the text of the segment that it quotes.
    pub(super) seq: Range<u32>,
}

/// The errors by their names, with type and code (RFC 792, RFC 1122 3.2.2.1).
const NAMES: [(&str, u8, u8); 10] = [
    ("network-unreachable", icmp::DESTINATION_UNREACHABLE, 0),
    ("host-unreachable", icmp::DESTINATION_UNREACHABLE, icmp::HOST_UNREACHABLE),
    ("protocol-unreachable", icmp::DESTINATION_UNREACHABLE, icmp::PROTOCOL_UNREACHABLE),
    ("port-unreachable", icmp::DESTINATION_UNREACHABLE, icmp::PORT_UNREACHABLE),
    ("fragmentation-needed", icmp::DESTINATION_UNREACHABLE, icmp::FRAGMENTATION_NEEDED),
    ("source-route-failed", icmp::DESTINATION_UNREACHABLE, 5),
    ("prohibited", icmp::DESTINATION_UNREACHABLE, 13),
    ("source-quench", icmp::SOURCE_QUENCH, 0),
    ("time-exceeded", icmp::TIME_EXCEEDED, 0),
    ("parameter-problem", icmp::PARAMETER_PROBLEM, 0),
];

impl FromStr for IcmpError {
    type Err = String;

    fn from_str(text: &str) -> Result<IcmpError, String> {
        let mut words = text.split_whitespace();
        let name = words.next().unwrap_or_default();
        let Some(&(_, kind, code)) = NAMES.iter().find(|(known, ..)| *known == name) else {
            let names = NAMES.map(|(name, ..)| name).join(", ");
            return Err(format!("'{name}' is not an ICMP error; there are {names}"));
        };
        let (mut mtu, mut seq) = (None, None);
        for word in words {
            let read = match word.split_once('=') {
                Some(("mtu", value)) => once(&mut mtu, value.parse().ok()),
                Some(("seq", value)) => once(&mut seq, range(value)),
                _ => None,
            };
            read.ok_or_else(|| {
                format!("'{word}' does not belong here; allowed, each once: mtu=N, and seq=N or seq=N..M of the segment that is quoted")
            })?;
        }
        let seq = seq.ok_or("an ICMP error needs seq= of the segment that it quotes")?;
        Ok(IcmpError { kind, code, mtu: mtu.unwrap_or(0), seq })
    }
}
