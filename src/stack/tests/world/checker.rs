//! What must hold for everything that two honest stacks put on the wire.

use std::collections::HashMap;

use super::Side;
use crate::wire::SeqNum;
use crate::wire::tcp::{Flags, Segment};

/// One direction of a connection, as the wire shows it.
#[derive(Debug, Default)]
struct Flow {
    iss: SeqNum,
    /// The shift that the SYN offered.
    scale: Option<u8>,
    /// The highest acknowledgment sent, and the right edge of the window that came with it.
    offered: Option<(SeqNum, SeqNum)>,
    /// The bytes at their offsets from the initial sequence number, to see that a retransmission
    /// carries what the original did.
    text: Vec<u8>,
}

/// Follows every connection by its sender and ports.
#[derive(Debug, Default)]
pub(in crate::stack::tests) struct Checker {
    flows: HashMap<(Side, u16, u16), Flow>,
}

/// Retransmissions are compared this far into a stream.
const COMPARED: usize = 1 << 20;

impl Checker {
    pub(super) fn check(&mut self, from: Side, segment: &Segment) {
        let own = (from, segment.src_port, segment.dst_port);
        let peer = (from.other(), segment.dst_port, segment.src_port);
        if segment.syn() {
            self.opened(own, segment);
        }
        if segment.rst() {
            assert!(segment.payload.is_empty(), "a reset carries no text");
            return;
        }
        let scaled = self.flows.get(&peer).is_some_and(|flow| flow.scale.is_some());
        let edge = self.flows.get(&peer).and_then(|flow| flow.offered).map(|(_, edge)| edge);
        let Some(flow) = self.flows.get_mut(&own) else {
            return;
        };
        let scale = if scaled && !segment.syn() { flow.scale.unwrap_or(0) } else { 0 };
        flow.check_window(segment, scale);
        if let Some(edge) = edge
            && segment.seq_len() > 0
            && !segment.syn()
        {
            let end = segment.seq_end();
            assert!(
                end.at_or_before(edge),
                "{from:?} sends up to {end:?}, the window ends at {edge:?}"
            );
        }
        flow.check_text(segment);
    }

    fn opened(&mut self, own: (Side, u16, u16), syn: &Segment) {
        let known = self.flows.get(&own).is_some_and(|flow| flow.iss == syn.seq);
        if !known {
            let flow = Flow { iss: syn.seq, ..Flow::default() };
            self.flows.insert(own, flow);
        }
        if let Some(flow) = self.flows.get_mut(&own) {
            flow.scale = syn.options.window_scale;
        }
    }
}

impl Flow {
    /// Acknowledgments never go back, nor does the right edge but for the rounding of the scale.
    fn check_window(&mut self, segment: &Segment, scale: u8) {
        if !segment.flags.contains(Flags::ACK) {
            return;
        }
        let edge = segment.ack + (u32::from(segment.window) << scale);
        if let Some((ack, before)) = self.offered {
            assert!(segment.ack.at_or_after(ack), "the acknowledgment went back");
            let rounding = (1 << scale) - 1;
            // A SYN sent again cannot say how far the window has opened since.
            let kept = segment.syn() || (edge + rounding).at_or_after(before);
            assert!(kept, "the right window edge went back");
        }
        let before = self.offered.map_or(edge, |(_, before)| before);
        self.offered = Some((segment.ack, edge.max(before)));
    }

    /// The same sequence number always stands for the same byte.
    fn check_text(&mut self, segment: &Segment) {
        let first = segment.seq + u32::from(segment.syn());
        let at = (first - (self.iss + 1)) as usize;
        let text = &segment.payload[..];
        if text.is_empty() || at + text.len() > COMPARED {
            return;
        }
        assert!(at <= self.text.len(), "text beyond a gap was sent first");
        let known = text.len().min(self.text.len() - at);
        assert!(self.text[at..at + known] == text[..known], "a retransmission differs");
        self.text.extend_from_slice(&text[known..]);
    }
}
