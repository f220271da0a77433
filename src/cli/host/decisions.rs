//! What the link before a stack does to packets, for all who observe the stack.

use bytes::Bytes;
use glasstcp::device::impair::{Decision, Direction};
use glasstcp::event::{Event, PacketView};
use glasstcp::net::Watchers;
use glasstcp::runtime::{LinkWatch, Passage};
use glasstcp::time::Instant;
use glasstcp::wire::ip;

/// Tells the observers of a stack, and who logs.
pub struct Decisions {
    /// The observers.
    pub watchers: Watchers,
    /// Who logs, if somebody does.
    pub log: Option<Box<dyn LinkWatch + Send>>,
}

impl LinkWatch for Decisions {
    fn packet(&mut self, now: Instant, passage: Passage, packet: &Bytes) {
        if let Some(log) = &mut self.log {
            log.packet(now, passage, packet);
        }
    }

    fn decision(&mut self, direction: Direction, decision: &Decision) {
        let Decision { at, effect, packet } = decision;
        let (outbound, effect) = (direction == Direction::Out, effect.name());
        let (addresses, len) = (ip::addresses(packet), packet.len() as u32);
        self.watchers.tell(*at, &Event::Impaired { outbound, effect, addresses, len });
        self.watchers.show(*at, &PacketView::Impaired { outbound, packet, effect });
        if let Some(log) = &mut self.log {
            log.decision(direction, decision);
        }
    }
}
