//! The receive sequence space and the window offered in it (RFC 9293 3.3.1, 3.8.6).
//!
//! ```text
//!      rcv.nxt                       adv (right edge, never goes back)
//!   -----|-----------------------------|-----------
//!   read |       window                | refused
//! ```

use arrayvec::ArrayVec;
use serde::{Deserialize, Serialize};

use crate::tcp::reassembly::{Range, Reassembly};
use crate::tcp::recv_buffer::RecvBuffer;
use crate::tcp::window_scale::WindowScale;
use crate::wire::SeqNum;
use crate::wire::tcp_options::{SackBlock, SackBlocks};

/// The receive half of a control block.
#[derive(Debug, Serialize, Deserialize)]
pub struct ReceiveSpace {
    /// RCV.NXT: next sequence number expected.
    pub nxt: SeqNum,
    /// IRS: the peer's initial sequence number.
    pub irs: SeqNum,
    /// The right edge of the largest window ever offered.
    pub adv: SeqNum,
    /// The last acknowledgment number sent (Last.ACK.sent, RFC 7323 4.3).
    pub last_ack_sent: SeqNum,
    /// The shift of windows we announce (RFC 7323 2.2).
    pub scale: WindowScale,
    /// In order, waiting for the application.
    #[serde(skip)]
    pub buffer: RecvBuffer,
    /// Offset in the stream of the byte at rcv.nxt.
    pub offset: u64,
    /// Sequence number of the peer's FIN, when it arrived before what precedes it.
    pub fin: Option<SeqNum>,
    /// The peer's FIN was received in order.
    pub finished: bool,
    /// A duplicate to report once (D-SACK, RFC 2883).
    #[serde(skip)]
    pub duplicate: Option<SackBlock>,
    /// Out of order; allocated when needed.
    #[serde(skip)]
    reassembly: Option<Box<Reassembly>>,
}

impl ReceiveSpace {
    /// After a SYN with sequence number `irs`.
    pub fn new(irs: SeqNum, scale: WindowScale) -> Self {
        ReceiveSpace {
            nxt: irs + 1,
            irs,
            adv: irs + 1,
            last_ack_sent: irs + 1,
            scale,
            buffer: RecvBuffer::default(),
            offset: 0,
            fin: None,
            finished: false,
            duplicate: None,
            reassembly: None,
        }
    }

    /// RCV.WND: what the peer may still send, in bytes.
    pub fn window(&self) -> u32 {
        self.adv.since(self.nxt)
    }

    /// The right edge that could be offered now: no further than the field of a segment can tell.
    fn candidate(&self, capacity: u32) -> SeqNum {
        let room = capacity.saturating_sub(self.buffer.len() as u32);
        self.nxt + room.min(self.scale.expand(u16::MAX))
    }

    /// Moves the right edge, unless that were a silly small step (RFC 9293 3.8.6.2.2 [MUST-39]),
    /// and never back ([SHLD-14]).
    pub fn open_window(&mut self, capacity: u32, mss: u32) {
        let candidate = self.candidate(capacity);
        if candidate.since(self.adv) >= mss.min(capacity / 2).max(1) {
            self.adv = candidate;
        }
    }

    /// Whether the window could now be opened so much that the peer should hear of it: at least
    /// twice what it knows of, and no silly step.
    pub fn should_update(&self, capacity: u32, mss: u32) -> bool {
        let step = self.candidate(capacity).since(self.adv);
        step >= mss.min(capacity / 2).max(1) && step >= self.window()
    }

    /// The window field of a segment.
    pub fn window_field(&self) -> u16 {
        self.scale.field(self.window())
    }

    /// The offset in the stream of `seq`, which lies at or after rcv.nxt.
    pub fn offset_of(&self, seq: SeqNum) -> u64 {
        self.offset + u64::from(seq.since(self.nxt))
    }

    fn seq_of(&self, offset: u64) -> SeqNum {
        self.nxt + (offset.wrapping_sub(self.offset)) as u32
    }

    /// Text of `len` bytes at rcv.nxt was put into the buffer.
    pub fn advance(&mut self, len: u32) {
        self.nxt += len;
        self.offset += u64::from(len);
        // A peer may fill a window of zero by one byte (a probe that found room).
        self.adv = self.adv.max(self.nxt);
    }

    /// The out-of-order queue.
    pub fn reassembly(&mut self) -> &mut Reassembly {
        self.reassembly.get_or_insert_default()
    }

    /// Whether anything waits out of order.
    pub fn has_gap(&self) -> bool {
        self.reassembly.is_some()
    }

    /// Moves what has become contiguous into the buffer.
    pub fn drain_reassembly(&mut self) {
        while let Some(chunk) = self.reassembly.as_mut().and_then(|queue| queue.pop(self.offset)) {
            self.advance(chunk.len() as u32);
            self.buffer.push(chunk);
        }
        if self.reassembly.as_ref().is_some_and(|queue| queue.is_empty()) {
            self.reassembly = None;
        }
    }

    /// What holding all that waits costs, in bytes.
    pub fn memory(&self) -> usize {
        self.buffer.memory() + self.reassembly.as_ref().map_or(0, |queue| queue.memory())
    }

    /// Nothing more will be taken in: what waits out of order is dropped.
    pub fn drop_reassembly(&mut self) {
        self.reassembly = None;
    }

    /// Remembers that the octets `range` of the stream arrived again (RFC 2883 4).
    pub fn note_duplicate(&mut self, range: Range) {
        let block = SackBlock { left: self.seq_of(range.start), right: self.seq_of(range.end) };
        self.duplicate = Some(block);
    }

    /// Whether there is anything to report.
    pub fn has_sack_blocks(&self) -> bool {
        self.duplicate.is_some() || self.reassembly.is_some()
    }

    /// The blocks to report: a duplicate first (RFC 2883 4), then the most recent (RFC 2018 4);
    /// at most `max`.
    pub fn sack_blocks(&self, max: usize) -> SackBlocks {
        if !self.has_sack_blocks() {
            return SackBlocks::new();
        }
        let ranges = self.reassembly.iter().flat_map(|queue| queue.recent_ranges()).take(4);
        let blocks = ranges.map(|range| SackBlock {
            left: self.seq_of(range.start),
            right: self.seq_of(range.end),
        });
        let all: ArrayVec<SackBlock, 5> = self.duplicate.into_iter().chain(blocks).collect();
        all.into_iter().take(max.min(4)).collect()
    }
}

#[cfg(test)]
mod tests;
