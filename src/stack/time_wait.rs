//! A connection in TIME-WAIT: a small record (RFC 9293 3.10.7.4, RFC 1337, RFC 6191).

use bytes::Bytes;

use crate::event::{ConnId, Refusal};
use crate::tcp::{Endpoints, IpSettings, Numbering, PackedEnds, Tcb, WindowScale};
use crate::wire::SeqNum;
use crate::wire::tcp::{Flags, Segment};
use crate::wire::tcp_options::{Options, Timestamps};

/// What is remembered, so that old duplicates die and the peer's last FIN is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeWait {
    /// Its number in events.
    pub conn: ConnId,
    /// Both addresses.
    pub ends: PackedEnds,
    /// SND.NXT when it ended.
    pub snd_nxt: SeqNum,
    /// RCV.NXT when it ended.
    pub rcv_nxt: SeqNum,
    /// What the IP headers of its segments said.
    pub ip: IpSettings,
    /// The window field of the last acknowledgment.
    pub window: u16,
    /// The shift that field was made with.
    pub scale: WindowScale,
    /// Our initial sequence number.
    pub iss: SeqNum,
    /// The peer's.
    pub irs: SeqNum,
    /// TS.Recent and the offset of our clock, when timestamps were agreed on.
    pub timestamps: Option<(u32, u32)>,
}

/// What to do about a segment for a connection in TIME-WAIT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Nothing.
    Ignore(Refusal),
    /// Acknowledge; when it was the peer's FIN again, wait anew.
    Acknowledge {
        /// Whether the time starts again.
        restart: bool,
    },
    /// A new connection takes its place (RFC 6191 2, RFC 1122 4.2.2.13).
    Reuse,
}

impl TimeWait {
    /// The record of a connection that has just entered TIME-WAIT.
    pub(super) fn of(tcb: &Tcb) -> Self {
        TimeWait {
            conn: tcb.conn,
            ends: tcb.ends.into(),
            snd_nxt: tcb.snd.nxt,
            rcv_nxt: tcb.rcv.nxt,
            ip: tcb.config().ip,
            window: tcb.rcv.window_field(),
            scale: tcb.rcv.scale,
            iss: tcb.snd.iss,
            irs: tcb.rcv.irs,
            timestamps: tcb.timestamps.map(|state| (state.recent, tcb.timestamp_offset)),
        }
    }

    /// How the numbers are to be read of a segment sent for it.
    pub(super) fn numbering(&self) -> Numbering {
        Numbering { scale: self.scale, seq_base: self.iss, ack_base: self.irs }
    }

    /// Judges a segment.
    pub fn segment_arrives(&self, segment: &Segment) -> Action {
        if segment.rst() {
            return Action::Ignore(Refusal::TimeWaitReset);
        }
        if segment.syn() && segment.ack().is_none() && !segment.fin() && self.is_newer(segment) {
            return Action::Reuse;
        }
        if segment.seq_len() == 0 && segment.seq == self.rcv_nxt {
            return Action::Ignore(Refusal::TimeWaitSegment);
        }
        let restart = segment.fin() && segment.seq_end() == self.rcv_nxt;
        Action::Acknowledge { restart }
    }

    /// Whether a SYN cannot be an old duplicate.
    fn is_newer(&self, syn: &Segment) -> bool {
        match (self.timestamps, syn.options.timestamps) {
            (Some((recent, _)), Some(ts)) if ts.tsval != recent => {
                (ts.tsval.wrapping_sub(recent) as i32) > 0
            }
            _ => syn.seq.after(self.rcv_nxt),
        }
    }

    /// The acknowledgment of everything received, `millis` being our clock.
    pub fn acknowledgment(&self, millis: u64) -> Segment {
        let Endpoints { local, remote } = self.ends.get();
        let timestamps = self.timestamps.map(|(tsecr, offset)| Timestamps {
            tsval: (millis as u32).wrapping_add(offset),
            tsecr,
        });
        Segment {
            src_port: local.port(),
            dst_port: remote.port(),
            seq: self.snd_nxt,
            ack: self.rcv_nxt,
            flags: Flags::ACK,
            window: self.window,
            urgent: 0,
            options: Options { timestamps, ..Options::default() },
            ecn: 0,
            payload: Bytes::new(),
        }
    }
}

#[cfg(test)]
mod tests;
