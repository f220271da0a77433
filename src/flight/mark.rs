//! An event in 24 bytes: without what is the same for all of a connection, and what nobody looks at afterwards.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::event::{
    Cause, ConnId, Event, Limit, LostBy, MtuBy, Phase, Reduction, Refusal, SegmentView, State,
    TimerKind, UndoneBy, Why,
};
use crate::wire::SeqNum;
use crate::wire::icmp::Report;
use crate::wire::tcp::{Flags, Segment};
use crate::wire::tcp_options::{SackBlock, SackBlocks};

/// What is kept of an event. SACK blocks follow their segment, one each.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Mark {
    Sent { state: State, why: Why, segment: Short },
    Received { state: State, segment: Short },
    Refused(Refusal),
    RefusedSegment { reason: Refusal, segment: Short },
    Sack(SackBlock),
    State { from: State, to: State, cause: Cause },
    Window { cwnd: u32, ssthresh: Option<u32>, phase: Phase },
    Lost { start: u64, len: u32, by: LostBy },
    Reduced(Reduction),
    Undone(UndoneBy),
    Icmp { report: Report, by: IpAddr },
    PathMtu { mtu: u16, mss: u32, by: MtuBy },
    Rtt { rtt: Micros, srtt: Micros, rto: Micros },
    Timer(TimerKind),
    Limited(Limit),
    Read(u32),
    Wrote(u32),
}

/// A segment without its addresses.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Short {
    seq: SeqNum,
    ack: SeqNum,
    len: u32,
    window: u32,
    flags: Flags,
    ecn: u8,
    /// How many it is cut into, when it is sent.
    packets: u16,
}

/// A duration of up to 71 minutes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Micros(u32);

impl From<Duration> for Micros {
    #[inline]
    fn from(time: Duration) -> Micros {
        let seconds = time.as_secs().saturating_mul(1_000_000);
        let micros = seconds.saturating_add(time.subsec_micros().into());
        Micros(u32::try_from(micros).unwrap_or(u32::MAX))
    }
}

impl From<Micros> for Duration {
    fn from(Micros(time): Micros) -> Duration {
        Duration::from_micros(time.into())
    }
}

impl From<&SegmentView> for Short {
    fn from(view: &SegmentView) -> Short {
        let &SegmentView { seq, ack, len, window, flags, ecn, .. } = view;
        Short { seq, ack, len, window, flags, ecn, packets: 1 }
    }
}

/// What is kept of an event, and whose it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Kept {
    pub(super) conn: ConnId,
    pub(super) mark: Mark,
    /// SACK blocks are to follow.
    pub(super) has_sacks: bool,
}

impl Kept {
    /// Of [`Event::Sent`]: a segment with `len` octets of text, and its window in bytes.
    #[inline(always)]
    pub fn sent(
        (conn, state, why): (ConnId, State, Why),
        segment: &Segment,
        (len, window): (u32, u32),
        packets: u16,
    ) -> Kept {
        let has_sacks = !segment.options.sack.is_empty();
        let segment = Short { packets, ..Short::of(segment, len, window) };
        Kept { conn, mark: Mark::Sent { state, why, segment }, has_sacks }
    }

    /// Of [`Event::Received`]: a segment that had `len` octets of text, and its window in bytes.
    #[inline(always)]
    pub fn received(
        (conn, state): (ConnId, State),
        segment: &Segment,
        (len, window): (u32, u32),
    ) -> Kept {
        let has_sacks = !segment.options.sack.is_empty();
        let segment = Short::of(segment, len, window);
        Kept { conn, mark: Mark::Received { state, segment }, has_sacks }
    }

    /// Of [`Event::StateChanged`].
    #[inline(always)]
    pub fn state_changed(conn: ConnId, from: State, to: State, cause: Cause) -> Kept {
        Kept { conn, mark: Mark::State { from, to, cause }, has_sacks: false }
    }

    /// Of an event about a connection; of timers only that they went off, for they are set with nearly every segment.
    #[inline(always)]
    pub fn of(event: &Event) -> Option<Kept> {
        let mut has_sacks = false;
        let (conn, mark) = match *event {
            Event::Sent { conn, state, ref segment, why, packets } => {
                has_sacks = !segment.sack.is_empty();
                let segment = Short { packets, ..segment.into() };
                (conn?, Mark::Sent { state, why, segment })
            }
            Event::Received { conn, state, ref segment } => {
                has_sacks = !segment.sack.is_empty();
                (conn, Mark::Received { state, segment: segment.into() })
            }
            Event::Refused { conn, reason, segment: None, .. } => (conn?, Mark::Refused(reason)),
            Event::Refused { conn, reason, segment: Some(ref segment), .. } => {
                has_sacks = !segment.sack.is_empty();
                (conn?, Mark::RefusedSegment { reason, segment: segment.into() })
            }
            Event::StateChanged { conn, from, to, cause, .. } => {
                (conn, Mark::State { from, to, cause })
            }
            Event::CongestionWindow { conn, cwnd, ssthresh, phase } => {
                (conn, Mark::Window { cwnd, ssthresh, phase })
            }
            Event::Lost { conn, start, len, by } => (conn, Mark::Lost { start, len, by }),
            Event::Reduced { conn, why } => (conn, Mark::Reduced(why)),
            Event::Undone { conn, by } => (conn, Mark::Undone(by)),
            Event::IcmpError { conn, report, by } => (conn, Mark::Icmp { report, by }),
            Event::PathMtu { conn, mtu, mss, by } => (conn, Mark::PathMtu { mtu, mss, by }),
            Event::RttSample { conn, rtt, srtt, rto } => {
                (conn, Mark::Rtt { rtt: rtt.into(), srtt: srtt.into(), rto: rto.into() })
            }
            Event::TimerFired { conn, timer } => (conn, Mark::Timer(timer)),
            Event::Limited { conn, by } => (conn, Mark::Limited(by)),
            Event::AppRead { conn, len } => (conn, Mark::Read(len)),
            Event::AppWrote { conn, len } => (conn, Mark::Wrote(len)),
            Event::TimerArmed { .. } | Event::TimerCancelled { .. } | Event::Impaired { .. } => {
                return None;
            }
        };
        Some(Kept { conn, mark, has_sacks })
    }
}

impl Short {
    #[inline(always)]
    fn of(segment: &Segment, len: u32, window: u32) -> Short {
        let &Segment { seq, ack, flags, ecn, .. } = segment;
        Short { seq, ack, len, window, flags, ecn, packets: 1 }
    }

    /// Its sequence number.
    pub fn seq(self) -> SeqNum {
        self.seq
    }

    /// Whether it opens a connection.
    #[inline(always)]
    pub fn syn(self) -> bool {
        self.flags.contains(Flags::SYN)
    }

    /// Its acknowledgment number.
    pub fn ack(self) -> SeqNum {
        self.ack
    }

    /// Whether it has text.
    pub fn has_text(self) -> bool {
        self.len > 0
    }
}

impl Mark {
    /// The state of the connection after it, if it says that.
    pub fn state(self) -> Option<State> {
        match self {
            Mark::Sent { state, .. } | Mark::Received { state, .. } => Some(state),
            Mark::State { to, .. } => Some(to),
            _ => None,
        }
    }

    /// The event again; `None` for what belongs to the one before, and where a segment has come without its addresses.
    pub(super) fn event(
        self,
        conn: ConnId,
        ends: Option<(SocketAddr, SocketAddr)>,
        (iss, irs): (SeqNum, SeqNum),
    ) -> Option<Event> {
        let view = |segment: Short, seq_base, ack_base| {
            let (local, remote) = ends?;
            let Short { seq, ack, len, window, flags, ecn, .. } = segment;
            let sack = SackBlocks::new();
            Some(SegmentView {
                local,
                remote,
                seq,
                ack,
                len,
                window,
                flags,
                ecn,
                sack,
                seq_base,
                ack_base,
            })
        };
        Some(match self {
            Mark::Sent { state, why, segment } => {
                let (conn, packets) = (Some(conn), segment.packets);
                Event::Sent { conn, state, why, segment: view(segment, iss, irs)?, packets }
            }
            Mark::Received { state, segment } => {
                Event::Received { conn, state, segment: view(segment, irs, iss)? }
            }
            Mark::Refused(reason) => {
                Event::Refused { conn: Some(conn), reason, segment: None, addresses: None }
            }
            Mark::RefusedSegment { reason, segment } => {
                let segment = view(segment, irs, iss);
                Event::Refused { conn: Some(conn), reason, segment, addresses: None }
            }
            Mark::State { from, to, cause } => {
                let (local, remote) = ends?;
                Event::StateChanged { conn, local, remote, from, to, cause }
            }
            Mark::Window { cwnd, ssthresh, phase } => {
                Event::CongestionWindow { conn, cwnd, ssthresh, phase }
            }
            Mark::Lost { start, len, by } => Event::Lost { conn, start, len, by },
            Mark::Reduced(why) => Event::Reduced { conn, why },
            Mark::Undone(by) => Event::Undone { conn, by },
            Mark::Icmp { report, by } => Event::IcmpError { conn, report, by },
            Mark::PathMtu { mtu, mss, by } => Event::PathMtu { conn, mtu, mss, by },
            Mark::Rtt { rtt, srtt, rto } => {
                Event::RttSample { conn, rtt: rtt.into(), srtt: srtt.into(), rto: rto.into() }
            }
            Mark::Timer(timer) => Event::TimerFired { conn, timer },
            Mark::Limited(by) => Event::Limited { conn, by },
            Mark::Read(len) => Event::AppRead { conn, len },
            Mark::Wrote(len) => Event::AppWrote { conn, len },
            Mark::Sack(_) => return None,
        })
    }

    /// Gives an event the SACK block that was kept behind it.
    pub(super) fn add_to(self, event: &mut Event) {
        let segment = match event {
            Event::Sent { segment, .. } | Event::Received { segment, .. } => Some(segment),
            Event::Refused { segment, .. } => segment.as_mut(),
            _ => None,
        };
        if let (Mark::Sack(block), Some(segment)) = (self, segment) {
            // No segment had more than there is room for.
            let _ = segment.sack.try_push(block);
        }
    }
}
