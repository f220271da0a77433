//! TCP options (RFC 9293 3.1, RFC 7323, RFC 2018).

use arrayvec::ArrayVec;
use etherparse::{TcpOptionElement, TcpOptionsIterator, tcp_option};

use super::SeqNum;

/// The options of a segment that this stack understands. Unknown ones are skipped by their length;
/// from the first one whose length makes no sense on, the rest is ignored (RFC 9293 3.1 [MUST-7]).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Maximum segment size, in bytes, as sent; on SYNs only.
    pub mss: Option<u16>,
    /// Window scale shift, as sent; on SYNs only.
    pub window_scale: Option<u8>,
    /// SACK permitted; on SYNs only.
    pub sack_permitted: bool,
    /// TSval and TSecr.
    pub timestamps: Option<Timestamps>,
    /// SACK blocks, first the most recent.
    pub sack: SackBlocks,
}

/// A timestamps option (RFC 7323 3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timestamps {
    /// The sender's clock.
    pub tsval: u32,
    /// The echoed clock of the receiver; valid when ACK is set.
    pub tsecr: u32,
}

/// A range of sequence numbers that has arrived: from `left` up to but not including `right`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SackBlock {
    /// First sequence number of the block.
    pub left: SeqNum,
    /// The sequence number just after the block.
    pub right: SeqNum,
}

/// At most four blocks fit (three beside timestamps).
pub type SackBlocks = ArrayVec<SackBlock, 4>;

/// Reads the options area of a header; never fails.
pub fn parse(mut area: &[u8]) -> Options {
    let mut options = Options::default();
    while let Some(&kind) = area.first() {
        let len = match (kind, area.get(1)) {
            (tcp_option::KIND_END, _) => break,
            (tcp_option::KIND_NOOP, _) => 1,
            (_, Some(&len)) if len >= 2 && usize::from(len) <= area.len() => usize::from(len),
            _ => break,
        };
        let (option, rest) = area.split_at(len);
        if let Some(Ok(element)) = TcpOptionsIterator::from_slice(option).next() {
            take(&mut options, element);
        }
        area = rest;
    }
    options
}

fn take(options: &mut Options, element: TcpOptionElement) {
    match element {
        TcpOptionElement::Noop => {}
        TcpOptionElement::MaximumSegmentSize(mss) => options.mss = Some(mss),
        TcpOptionElement::WindowScale(shift) => options.window_scale = Some(shift),
        TcpOptionElement::SelectiveAcknowledgementPermitted => options.sack_permitted = true,
        TcpOptionElement::SelectiveAcknowledgement(first, rest) => {
            options.sack = std::iter::once(first)
                .chain(rest.into_iter().flatten())
                .map(|(left, right)| SackBlock {
                    left: SeqNum::new(left),
                    right: SeqNum::new(right),
                })
                .collect();
        }
        TcpOptionElement::Timestamp(tsval, tsecr) => {
            options.timestamps = Some(Timestamps { tsval, tsecr });
        }
    }
}

impl Options {
    /// Length on the wire, in bytes: a multiple of four, at most 40.
    pub fn len(&self) -> usize {
        let mut out = ArrayVec::<u8, 40>::new();
        self.emit(&mut out);
        out.len()
    }

    /// Whether nothing is set.
    pub fn is_empty(&self) -> bool {
        *self == Options::default()
    }

    /// Appends the options in Linux's order (MSS, SACK permitted, timestamps, window scale, SACK),
    /// padded with NOPs so that 32-bit values are aligned. SACK blocks that find no room are left
    /// out, the oldest first.
    pub fn emit<const N: usize>(&self, out: &mut ArrayVec<u8, N>) {
        let start = out.len();
        if let Some(mss) = self.mss {
            out.extend([
                tcp_option::KIND_MAXIMUM_SEGMENT_SIZE,
                tcp_option::LEN_MAXIMUM_SEGMENT_SIZE,
            ]);
            out.extend(mss.to_be_bytes());
        }
        let sack_permitted =
            [tcp_option::KIND_SELECTIVE_ACK_PERMITTED, tcp_option::LEN_SELECTIVE_ACK_PERMITTED];
        let nops = [tcp_option::KIND_NOOP; 2];
        if self.sack_permitted {
            out.extend(sack_permitted);
        }
        if let Some(Timestamps { tsval, tsecr }) = self.timestamps {
            if !self.sack_permitted {
                out.extend(nops);
            }
            out.extend([tcp_option::KIND_TIMESTAMP, tcp_option::LEN_TIMESTAMP]);
            out.extend(tsval.to_be_bytes());
            out.extend(tsecr.to_be_bytes());
        } else if self.sack_permitted {
            out.extend(nops);
        }
        if let Some(shift) = self.window_scale {
            out.extend([tcp_option::KIND_NOOP, tcp_option::KIND_WINDOW_SCALE]);
            out.extend([tcp_option::LEN_WINDOW_SCALE, shift]);
        }
        let room = (40 - (out.len() - start)).saturating_sub(4) / 8;
        let blocks = &self.sack[..self.sack.len().min(room)];
        if !blocks.is_empty() {
            out.extend(nops);
            out.extend([tcp_option::KIND_SELECTIVE_ACK, 2 + 8 * blocks.len() as u8]);
            for block in blocks {
                out.extend(block.left.value().to_be_bytes());
                out.extend(block.right.value().to_be_bytes());
            }
        }
    }
}

#[cfg(test)]
mod tests;
