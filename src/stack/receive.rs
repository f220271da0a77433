//! A packet arrives: IP, and who in the stack it is for.

use std::net::IpAddr;
use std::ops::Range;

use bytes::{Buf, Bytes};

use crate::event::Refusal;
use crate::stack::Stack;
use crate::tcp::Endpoints;
use crate::wire::ip::{self, Datagram};
use crate::wire::{Packet, icmp};

impl Stack {
    /// Counts a packet that belongs to no connection.
    pub(super) fn refuse(&mut self, reason: Refusal, src: IpAddr, dst: IpAddr) {
        self.env.context().refuse_packet(reason, Some((src, dst)));
    }

    /// Counts a segment that no connection took.
    pub(super) fn refuse_segment(&mut self, reason: Refusal, ends: Endpoints) {
        self.refuse(reason, ends.remote.ip(), ends.local.ip());
    }

    /// Processes one packet, which these other stacks have seen that share the addresses.
    pub(super) fn receive_packet(&mut self, packet: Packet, seen: u64) {
        if seen == 0 {
            self.env.counters.packets_received += 1;
            self.env.counters.bytes_received += packet.bytes.len() as u64;
        }
        let datagram = match ip::parse(&packet.bytes) {
            Ok(datagram) => datagram,
            Err(malformed) => {
                return self.env.context().refuse_packet(malformed.into(), None);
            }
        };
        if let Err(refusal) = self.routes.check(datagram.src, datagram.dst) {
            return self.refuse(refusal, datagram.src, datagram.dst);
        }
        if datagram.fragment.is_some() {
            return self.refuse(Refusal::IpFragment, datagram.src, datagram.dst);
        }
        if self.config.shard.count > 1 && self.pass_on(&datagram, &packet, seen) {
            return;
        }
        match datagram.protocol {
            ip::TCP => {
                let transport = part(packet.bytes, datagram.payload.clone());
                self.receive_tcp(&datagram, transport, packet.checksum);
            }
            ip::UDP => self.receive_udp(&datagram, packet),
            ip::ICMP => self.receive_icmp(&datagram, packet.bytes),
            _ => self.receive_unknown(&datagram, &packet.bytes),
        }
    }

    fn receive_unknown(&mut self, datagram: &Datagram, packet: &Bytes) {
        self.refuse(Refusal::IpProtocol, datagram.src, datagram.dst);
        self.unreachable(datagram, packet, icmp::PROTOCOL_UNREACHABLE);
    }
}

/// The bytes `range` of `whole`, which nobody else holds: without a second reference, that would have to
/// be counted.
pub(super) fn part(mut whole: Bytes, range: Range<usize>) -> Bytes {
    whole.truncate(range.end);
    whole.advance(range.start);
    whole
}
