//! TCP options (RFC 9293 3.1, RFC 7323, RFC 2018, RFC 7413).

mod fast_open;

use arrayvec::ArrayVec;
use etherparse::{TcpOptionElement, TcpOptionsIterator, tcp_option};

use super::{SeqNum, append};

pub use fast_open::{Cookie, FastOpen, Form};

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
    /// TCP Fast Open; on SYNs only. It stands elsewhere, because every segment has room for it and hardly any has it.
    pub fast_open: Option<Box<FastOpen>>,
    /// How those that are sent are ordered.
    pub order: Order,
}

/// The order of the options of a SYN.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// MSS, SACK permitted, timestamps, window scale, fast open.
    #[default]
    Linux,
    /// MSS, window scale, SACK permitted, timestamps, fast open: by their numbers.
    ByKind,
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
    const NOP: u8 = tcp_option::KIND_NOOP;
    // The layout of nearly every segment after the handshake (RFC 7323 appendix A).
    if let &[NOP, NOP, tcp_option::KIND_TIMESTAMP, tcp_option::LEN_TIMESTAMP, ref values @ ..] =
        area
        && let Ok([v0, v1, v2, v3, e0, e1, e2, e3]) = <[u8; 8]>::try_from(values)
    {
        let tsval = u32::from_be_bytes([v0, v1, v2, v3]);
        let tsecr = u32::from_be_bytes([e0, e1, e2, e3]);
        return Options { timestamps: Some(Timestamps { tsval, tsecr }), ..Options::default() };
    }
    let mut options = Options::default();
    while let Some(&kind) = area.first() {
        let len = match (kind, area.get(1)) {
            (tcp_option::KIND_END, _) => break,
            (tcp_option::KIND_NOOP, _) => 1,
            (_, Some(&len)) if len >= 2 && usize::from(len) <= area.len() => usize::from(len),
            _ => break,
        };
        let (option, rest) = area.split_at(len);
        match TcpOptionsIterator::from_slice(option).next() {
            Some(Ok(element)) => take(&mut options, element),
            _ => {
                let fast_open = FastOpen::parse(option).map(Box::new);
                options.fast_open = fast_open.or(options.fast_open);
            }
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
        match self.blocks_sent() {
            0 => self.len_without_sack(),
            blocks => self.len_without_sack() + 4 + 8 * blocks,
        }
    }

    fn len_without_sack(&self) -> usize {
        let mss = if self.mss.is_some() { 4 } else { 0 };
        let scale = if self.window_scale.is_some() { 4 } else { 0 };
        let rest = match (self.timestamps, self.sack_permitted) {
            (Some(_), _) => 12,
            (None, true) => 4,
            (None, false) => 0,
        };
        let fast_open = self.fast_open.as_ref().map_or(0, |option| option.len());
        mss + scale + rest + fast_open
    }

    /// How many SACK blocks find room.
    fn blocks_sent(&self) -> usize {
        let room = (40 - self.len_without_sack()).saturating_sub(4) / 8;
        self.sack.len().min(room)
    }

    /// Whether nothing is set.
    pub fn is_empty(&self) -> bool {
        *self == Options::default()
    }

    /// Appends the options in their order, SACK blocks after those of a SYN,
    /// padded with NOPs so that 32-bit values are aligned. SACK blocks that find no room are left
    /// out, the oldest first.
    pub fn emit<const N: usize>(&self, out: &mut ArrayVec<u8, N>) {
        let start = out.len();
        if let Some(mss) = self.mss {
            let [m0, m1] = mss.to_be_bytes();
            let kind = tcp_option::KIND_MAXIMUM_SEGMENT_SIZE;
            append(out, &[kind, tcp_option::LEN_MAXIMUM_SEGMENT_SIZE, m0, m1]);
        }
        if self.order == Order::ByKind {
            self.emit_scale(out);
        }
        let nops = [tcp_option::KIND_NOOP; 2];
        let sack_permitted =
            [tcp_option::KIND_SELECTIVE_ACK_PERMITTED, tcp_option::LEN_SELECTIVE_ACK_PERMITTED];
        if let Some(Timestamps { tsval, tsecr }) = self.timestamps {
            let [p0, p1] = if self.sack_permitted { sack_permitted } else { nops };
            let (kind, len) = (tcp_option::KIND_TIMESTAMP, tcp_option::LEN_TIMESTAMP);
            let [v0, v1, v2, v3] = tsval.to_be_bytes();
            let [e0, e1, e2, e3] = tsecr.to_be_bytes();
            append(out, &[p0, p1, kind, len, v0, v1, v2, v3, e0, e1, e2, e3]);
        } else if self.sack_permitted {
            append(out, &nops);
            append(out, &sack_permitted);
        }
        if self.order == Order::Linux {
            self.emit_scale(out);
        }
        let blocks = &self.sack[..self.blocks_sent()];
        if !blocks.is_empty() {
            append(out, &nops);
            append(out, &[tcp_option::KIND_SELECTIVE_ACK, 2 + 8 * blocks.len() as u8]);
            for block in blocks {
                append(out, &block.left.value().to_be_bytes());
                append(out, &block.right.value().to_be_bytes());
            }
        }
        if let Some(option) = &self.fast_open {
            option.emit(out);
        }
        debug_assert_eq!(out.len() - start, self.len(), "the length says how much is written");
    }

    fn emit_scale<const N: usize>(&self, out: &mut ArrayVec<u8, N>) {
        if let Some(shift) = self.window_scale {
            let kind = tcp_option::KIND_WINDOW_SCALE;
            append(out, &[tcp_option::KIND_NOOP, kind, tcp_option::LEN_WINDOW_SCALE, shift]);
        }
    }
}

#[cfg(test)]
mod tests;
