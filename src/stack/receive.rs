//! A packet arrives: IP, and who in the stack it is for.

use bytes::Bytes;

use crate::event::Refusal;
use crate::stack::Stack;
use crate::wire::ip::{self, Datagram};
use crate::wire::{Packet, icmp};

impl Stack {
    /// Counts a refusal of something that belongs to no connection.
    pub(super) fn refuse(&mut self, reason: Refusal) {
        self.env.context().refuse(None, reason, None);
    }

    pub(super) fn receive_packet(&mut self, packet: Packet) {
        self.env.counters.packets_received += 1;
        self.env.counters.bytes_received += packet.bytes.len() as u64;
        let datagram = match ip::parse(&packet.bytes) {
            Ok(datagram) => datagram,
            Err(malformed) => return self.refuse(malformed.into()),
        };
        if let Err(refusal) = self.routes.check(datagram.src, datagram.dst) {
            return self.refuse(refusal);
        }
        if datagram.fragment.is_some() {
            return self.refuse(Refusal::IpFragment);
        }
        let transport = packet.bytes.slice(datagram.payload.clone());
        match datagram.protocol {
            ip::TCP => self.receive_tcp(&datagram, &transport, packet.checksum),
            ip::UDP => self.receive_udp(&datagram, &packet, &transport),
            ip::ICMP => self.receive_icmp(&datagram, &transport),
            _ => self.receive_unknown(&datagram, &packet.bytes),
        }
    }

    fn receive_unknown(&mut self, datagram: &Datagram, packet: &Bytes) {
        self.refuse(Refusal::IpProtocol);
        self.unreachable(datagram, packet, icmp::PROTOCOL_UNREACHABLE);
    }
}
