//! The send sequence space (RFC 9293 3.3.1).
//!
//! ```text
//!        snd.una            snd.nxt          snd.una + snd.wnd
//!   -------|------------------|------------------|-----------
//!   acked  |  in flight       |  may be sent     |  not yet
//! ```

use serde::{Deserialize, Serialize};

use crate::tcp::send_buffer::SendBuffer;
use crate::tcp::window_scale::WindowScale;
use crate::wire::SeqNum;

/// Longest burst, in bytes of text: what one IP packet with offload can carry.
pub const MAX_BURST: u32 = 65_535 - 100;

/// Most segments of a burst: what is found out about single ones costs no more than that.
pub const BURST_SEGMENTS: u32 = 64;

/// What becomes of text that does not fill a segment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Hold {
    /// What the settings say.
    #[default]
    Usual,
    /// It waits, for the last write said that more is to come (MSG_MORE), until something arrives.
    More,
    /// It goes, in spite of the settings.
    Push,
}

/// The send half of a control block.
#[derive(Debug, Serialize, Deserialize)]
pub struct SendSpace {
    /// SND.UNA: oldest unacknowledged sequence number.
    pub una: SeqNum,
    /// SND.NXT: next sequence number to be sent for the first time; never goes back.
    pub nxt: SeqNum,
    /// SND.WND: the peer's window, in bytes, scaled.
    pub wnd: u32,
    /// SND.WL1: sequence number of the segment that last updated the window.
    pub wl1: SeqNum,
    /// SND.WL2: acknowledgment number of that segment.
    pub wl2: SeqNum,
    /// ISS: our initial sequence number.
    pub iss: SeqNum,
    /// MAX.SND.WND: the largest window the peer ever offered (RFC 5961 5.2).
    pub max_wnd: u32,
    /// The shift of windows the peer announces (RFC 7323 2.2).
    pub scale: WindowScale,
    /// End of the last segment that was sent although it was not full-sized (Nagle, as refined by
    /// Minshall: only such a segment is waited for).
    pub small_end: SeqNum,
    /// Written and not yet acknowledged.
    pub buffer: SendBuffer,
    /// Sequence number of our FIN, once it was sent.
    pub fin: Option<SeqNum>,
    /// The application has closed its sending half.
    pub closed: bool,
    /// The SYN has to be sent (again).
    pub syn_pending: bool,
    /// What becomes of a small segment.
    pub hold: Hold,
    /// Offset in the stream, modulo 2^32, of the end of the last write: the segment that ends there has PSH
    /// (RFC 9293 3.9.1.2 [MUST-60]).
    pub pushed: u32,
}

impl SendSpace {
    /// Nothing sent yet.
    pub fn new(iss: SeqNum) -> Self {
        SendSpace {
            una: iss,
            nxt: iss,
            wnd: 0,
            wl1: SeqNum::default(),
            wl2: iss,
            iss,
            max_wnd: 0,
            scale: WindowScale::NONE,
            small_end: iss,
            buffer: SendBuffer::default(),
            fin: None,
            closed: false,
            syn_pending: true,
            hold: Hold::Usual,
            pushed: 0,
        }
    }

    /// Something was written, of which the end goes with PSH, unless there is `more` to come. A writer that
    /// always says so pushes each half of the largest window (as Linux).
    pub fn written(&mut self, more: bool) {
        self.hold = if more { Hold::More } else { Hold::Usual };
        let end = self.buffer.end() as u32;
        if !more || end.wrapping_sub(self.pushed) > self.max_wnd / 2 {
            self.pushed = end;
        }
    }

    /// Whether the last write ended at this offset in the stream.
    pub fn ends_write(&self, offset: u64) -> bool {
        offset as u32 == self.pushed
    }

    /// Whether our SYN is not acknowledged. Sequence numbers alone do not say so: after 4 GiB snd.una
    /// comes by ISS again.
    pub fn syn_unacked(&self) -> bool {
        self.una == self.iss && self.buffer.start() == 0
    }

    /// The sequence number that the first byte in the buffer has: snd.una once the SYN is
    /// acknowledged.
    fn buffer_seq(&self) -> SeqNum {
        if self.syn_unacked() { self.iss + 1 } else { self.una }
    }

    /// The offset in the stream of `seq`, which lies between snd.una and snd.nxt; that of SYN and
    /// FIN is that of the byte after them.
    pub fn offset_of(&self, seq: SeqNum) -> u64 {
        let offset = self.buffer.start() + u64::from(seq.since(self.buffer_seq()));
        offset.min(self.buffer.end())
    }

    /// How far `seq` lies from our SYN, which has place 0: like the sequence number, but it never wraps.
    /// What lies before snd.una by no more than has been acknowledged has a place as well.
    pub fn place_of(&self, seq: SeqNum) -> u64 {
        let una = match self.syn_unacked() {
            true => 0,
            false => self.buffer.start() + 1 + u64::from(self.fin_acked()),
        };
        match seq.before(self.una) {
            true => una.saturating_sub(u64::from(self.una.since(seq))),
            false => una + u64::from(seq.since(self.una)),
        }
    }

    /// The sequence number of a place.
    pub fn seq_at(&self, place: u64) -> SeqNum {
        self.iss + place as u32
    }

    /// Bytes written and never sent.
    pub fn unsent(&self) -> u32 {
        if self.fin.is_some() {
            return 0;
        }
        let sent = u64::from(self.nxt.since(self.buffer_seq()));
        (self.buffer.len() as u64 - sent) as u32
    }

    /// Whether our FIN still has to be sent for the first time.
    pub fn fin_unsent(&self) -> bool {
        self.closed && self.fin.is_none()
    }

    /// Whether our FIN was acknowledged.
    pub fn fin_acked(&self) -> bool {
        self.fin.is_some_and(|fin| self.una.after(fin))
    }

    /// Sequence numbers sent and not acknowledged.
    pub fn outstanding(&self) -> u32 {
        self.nxt - self.una
    }

    /// How many more sequence numbers the peer's window has room for; it begins after our SYN.
    pub fn window_left(&self) -> u32 {
        let syn = u32::from(self.syn_unacked());
        (self.una + self.wnd + syn).since(self.nxt)
    }

    /// Moves snd.una to `ack`, which lies after it and not after snd.nxt; gives the bytes of text
    /// that this acknowledges.
    pub fn acknowledge(&mut self, ack: SeqNum) -> u32 {
        let before = self.buffer.start();
        let offset = self.offset_of(ack);
        self.buffer.acknowledge(offset);
        self.una = ack;
        // It follows, so that it never falls half the sequence space behind.
        self.small_end = self.small_end.max(ack);
        (offset - before) as u32
    }
}
