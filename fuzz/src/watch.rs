//! What the wire shows of every connection, and what must hold for it.

use std::collections::BTreeMap;

use glasstcp::wire::SeqNum;
use glasstcp::wire::tcp::{Flags, Segment};
use glasstcp::wire::tcp_options::Timestamps;

use super::world::Side;

/// Who sends, from which port, to which.
pub type FlowId = (Side, u16, u16);

/// One direction of a connection, as its sender has shown it.
#[derive(Clone, Debug, Default)]
pub struct Flow {
    /// Its initial sequence number.
    pub iss: SeqNum,
    /// The number after the last it has sent.
    pub end: SeqNum,
    /// The last acknowledgment it has sent.
    pub ack: SeqNum,
    /// The right edge of the window it has offered.
    pub edge: SeqNum,
    /// The last timestamps it has sent.
    pub timestamps: Option<Timestamps>,
    /// The shift that its SYN offered.
    scale: Option<u8>,
    /// It has acknowledged something.
    open: bool,
}

/// The byte at an offset of a stream: the same for everybody, so that whatever is delivered can be
/// judged without knowing who has written it.
pub fn byte(flow: FlowId, offset: u64) -> u8 {
    let (side, from, to) = flow;
    let salt = (u64::from(from) << 16 | u64::from(to)) * 2 + side as u64;
    let mixed = (offset ^ salt << 33).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 56) as u8
}

/// The bytes of a stream from an offset on. Offsets wrap as sequence numbers do, for a segment that is
/// forged may begin before the stream.
pub fn text(flow: FlowId, offset: u64, len: usize) -> Vec<u8> {
    (offset..).take(len).map(|at| byte(flow, at & u64::from(u32::MAX))).collect()
}

/// Follows every connection by its sender and ports.
#[derive(Debug, Default)]
pub struct Watch {
    flows: BTreeMap<FlowId, Flow>,
    /// Somebody forges: an honest stack may be brought to contradict itself.
    pub lenient: bool,
}

impl Watch {
    /// What is known of one direction.
    pub fn flow(&self, id: FlowId) -> Flow {
        self.flows.get(&id).cloned().unwrap_or_default()
    }

    /// Looks at a segment that `from` sends.
    pub fn check(&mut self, from: Side, segment: &Segment) {
        let id = (from, segment.src_port, segment.dst_port);
        let peer = self.flows.get(&(from.other(), segment.dst_port, segment.src_port)).cloned();
        if segment.rst() {
            return assert!(segment.payload.is_empty(), "a reset carries no text");
        }
        let known = self.flows.get(&id).is_some_and(|flow| flow.iss == segment.seq);
        if segment.syn() && !known {
            let (iss, end) = (segment.seq, segment.seq + 1);
            self.flows.insert(id, Flow { iss, end, ..Flow::default() });
        }
        let Some(flow) = self.flows.get_mut(&id) else { return };
        if segment.syn() {
            flow.scale = segment.options.window_scale;
        }
        let scaled = peer.as_ref().is_some_and(|peer| peer.scale.is_some()) && !segment.syn();
        let scale = if scaled { flow.scale.unwrap_or(0) } else { 0 };
        if !self.lenient {
            flow.check(id, segment, scale, peer.as_ref());
        }
        flow.learn(segment, scale);
    }
}

impl Flow {
    /// Acknowledgments never go back, nor does the right edge but for the rounding of the scale;
    /// nothing is sent beyond the edge of the other; every byte is the right one.
    fn check(&self, id: FlowId, segment: &Segment, scale: u8, peer: Option<&Flow>) {
        if let Some(ack) = segment.ack().filter(|_| self.open) {
            let edge = ack + (u32::from(segment.window) << scale) + ((1 << scale) - 1);
            assert!(ack.at_or_after(self.ack), "the acknowledgment went back");
            // A SYN sent again cannot say how far the window has opened since.
            assert!(segment.syn() || edge.at_or_after(self.edge), "the window shrank");
        }
        if segment.syn() {
            return;
        }
        if let Some(peer) = peer.filter(|peer| peer.open && segment.seq_len() > 0) {
            assert!(segment.seq_end().at_or_before(peer.edge), "beyond the window of the peer");
        }
        assert!(segment.seq.at_or_before(self.end), "beyond what was sent first");
        let offset = segment.seq - (self.iss + 1);
        let expected = text(id, offset.into(), segment.payload.len());
        assert!(segment.payload.is_empty() || segment.payload == expected, "other bytes");
    }

    fn learn(&mut self, segment: &Segment, scale: u8) {
        self.end = self.end.max(segment.seq_end());
        self.timestamps = segment.options.timestamps;
        if segment.flags.contains(Flags::ACK) {
            let edge = segment.ack + (u32::from(segment.window) << scale);
            self.edge = if self.open { edge.max(self.edge) } else { edge };
            self.ack = segment.ack;
            self.open = true;
        }
    }
}
