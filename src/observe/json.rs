//! Events as lines of JSON, for programs that plot, filter or compare runs.
//!
//! ```
//! use glasstcp::event::{ConnId, Event, TimerKind};
//! use glasstcp::observe::json;
//! use glasstcp::time::Instant;
//!
//! # fn main() -> std::io::Result<()> {
//! let event = Event::TimerFired { conn: ConnId(1), timer: TimerKind::DelayedAck };
//! let mut out = Vec::new();
//! json::write(&mut out, Instant::from_millis(40), Some("server"), &event)?;
//! let line = r#"{"time_ns":40000000,"host":"server","conn":1,"name":"timer_fired","data":{"timer":"delayed_ack"}}"#;
//! assert_eq!(out, format!("{line}\n").into_bytes());
//! # Ok(())
//! # }
//! ```
//!
//! `docs/events.md` lists every event with its fields. The same events at the same times are the same
//! bytes. Times are integers, in nanoseconds: exact, where a fraction of seconds would be rounded.

use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr};

use serde::Serialize;

use crate::event::{
    Cause, Event, Limit, LostBy, MtuBy, Phase, Reduction, SegmentView, TimerKind, UndoneBy, Why,
};
use crate::time::Instant;
use crate::wire::icmp::Report;
use crate::wire::ip;
use crate::wire::tcp::Flags;

/// Writes an event that happened `now` as one line, its line break included; in small pieces, so `out`
/// should have a buffer. `host` tells apart the stacks whose events go to one file.
pub fn write(
    out: &mut (impl Write + ?Sized),
    now: Instant,
    host: Option<&str>,
    event: &Event,
) -> io::Result<()> {
    let conn = event.conn().map(|conn| conn.0);
    let line = Line { time_ns: now.as_nanos(), host, conn, named: Named::from(event) };
    serde_json::to_writer(&mut *out, &line)?;
    out.write_all(b"\n")
}

/// The envelope. Here and below, what does not apply is left out.
#[derive(Serialize)]
struct Line<'a> {
    time_ns: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    conn: Option<u32>,
    #[serde(flatten)]
    named: Named,
}

/// The name of an event, which is that of its variant, and its data.
#[derive(Serialize)]
#[serde(tag = "name", content = "data", rename_all = "snake_case")]
enum Named {
    Sent {
        #[serde(skip_serializing_if = "Option::is_none")]
        state: Option<&'static str>,
        #[serde(flatten)]
        segment: Segment,
        #[serde(flatten)]
        why: Why,
        #[serde(skip_serializing_if = "is_one")]
        packets: u16,
    },
    Received {
        state: &'static str,
        #[serde(flatten)]
        segment: Segment,
    },
    Refused {
        reason: &'static str,
        #[serde(flatten)]
        segment: Option<Segment>,
        #[serde(flatten)]
        addresses: Option<Addresses>,
    },
    StateChanged {
        local: SocketAddr,
        remote: SocketAddr,
        from: &'static str,
        to: &'static str,
        cause: Cause,
    },
    CongestionWindow {
        cwnd: u32,
        #[serde(skip_serializing_if = "Option::is_none")]
        ssthresh: Option<u32>,
        phase: Phase,
    },
    Lost {
        start_relative: u64,
        len: u32,
        found_by: LostBy,
    },
    Reduced {
        reduced_for: Reduction,
    },
    Undone {
        shown_by: UndoneBy,
    },
    IcmpError {
        #[serde(flatten)]
        report: Report,
        reporter: IpAddr,
    },
    PathMtu {
        mtu: u16,
        mss: u32,
        known_by: MtuBy,
    },
    RttSample {
        rtt_ns: u128,
        srtt_ns: u128,
        rto_ns: u128,
    },
    TimerFired {
        timer: TimerKind,
    },
    TimerArmed {
        timer: TimerKind,
        due_ns: u64,
    },
    TimerCancelled {
        timer: TimerKind,
    },
    Limited {
        by: Limit,
    },
    AppRead {
        len: u32,
    },
    AppWrote {
        len: u32,
    },
    Impaired {
        direction: &'static str,
        effect: &'static str,
        len: u32,
        #[serde(flatten)]
        addresses: Option<Addresses>,
    },
}

/// Whether a segment is a packet by itself, which most are.
fn is_one(packets: &u16) -> bool {
    *packets == 1
}

/// A segment with its numbers as on the wire and counted from the first of their side.
#[derive(Serialize)]
struct Segment {
    local: SocketAddr,
    remote: SocketAddr,
    flags: String,
    seq: u32,
    seq_relative: u32,
    #[serde(flatten)]
    ack: Option<Ack>,
    len: u32,
    window: u32,
    /// From where up to where, counted like `ack_relative`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    sack_relative: Vec<(u32, u32)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ecn: Option<&'static str>,
}

/// The acknowledgment number of a segment that has one.
#[derive(Serialize)]
struct Ack {
    ack: u32,
    ack_relative: u32,
}

/// Who sent a packet to whom.
#[derive(Serialize)]
struct Addresses {
    source: IpAddr,
    destination: IpAddr,
}

impl From<(IpAddr, IpAddr)> for Addresses {
    fn from((source, destination): (IpAddr, IpAddr)) -> Addresses {
        Addresses { source, destination }
    }
}

impl From<&Event> for Named {
    fn from(event: &Event) -> Named {
        match *event {
            Event::Sent { conn, state, ref segment, why, packets } => {
                // What is sent without a connection has no state.
                let state = conn.map(|_| state.name());
                Named::Sent { state, segment: segment.into(), why, packets }
            }
            Event::Received { conn: _, state, ref segment } => {
                Named::Received { state: state.name(), segment: segment.into() }
            }
            Event::Refused { conn: _, reason, ref segment, addresses } => Named::Refused {
                reason: reason.name(),
                segment: segment.as_ref().map(Segment::from),
                addresses: addresses.map(Addresses::from),
            },
            Event::StateChanged { conn: _, local, remote, from, to, cause } => {
                Named::StateChanged { local, remote, from: from.name(), to: to.name(), cause }
            }
            Event::CongestionWindow { conn: _, cwnd, ssthresh, phase } => {
                Named::CongestionWindow { cwnd, ssthresh, phase }
            }
            Event::Lost { conn: _, start, len, by } => {
                Named::Lost { start_relative: start, len, found_by: by }
            }
            Event::Reduced { conn: _, why } => Named::Reduced { reduced_for: why },
            Event::Undone { conn: _, by } => Named::Undone { shown_by: by },
            Event::IcmpError { conn: _, report, by } => Named::IcmpError { report, reporter: by },
            Event::PathMtu { conn: _, mtu, mss, by } => Named::PathMtu { mtu, mss, known_by: by },
            Event::RttSample { conn: _, rtt, srtt, rto } => Named::RttSample {
                rtt_ns: rtt.as_nanos(),
                srtt_ns: srtt.as_nanos(),
                rto_ns: rto.as_nanos(),
            },
            Event::TimerFired { conn: _, timer } => Named::TimerFired { timer },
            Event::TimerArmed { conn: _, timer, at } => {
                Named::TimerArmed { timer, due_ns: at.as_nanos() }
            }
            Event::TimerCancelled { conn: _, timer } => Named::TimerCancelled { timer },
            Event::Limited { conn: _, by } => Named::Limited { by },
            Event::AppRead { conn: _, len } => Named::AppRead { len },
            Event::AppWrote { conn: _, len } => Named::AppWrote { len },
            Event::Impaired { outbound, effect, addresses, len } => Named::Impaired {
                direction: if outbound { "out" } else { "in" },
                effect,
                len,
                addresses: addresses.map(Addresses::from),
            },
        }
    }
}

impl From<&SegmentView> for Segment {
    fn from(view: &SegmentView) -> Segment {
        let &SegmentView {
            local,
            remote,
            seq,
            ack,
            flags,
            len,
            window,
            ref sack,
            ecn,
            seq_base,
            ack_base,
        } = view;
        let ack = flags
            .contains(Flags::ACK)
            .then(|| Ack { ack: ack.value(), ack_relative: ack - ack_base });
        Segment {
            local,
            remote,
            flags: flags.to_string(),
            seq: seq.value(),
            seq_relative: seq - seq_base,
            ack,
            len,
            window,
            sack_relative: sack
                .iter()
                .map(|block| (block.left - ack_base, block.right - ack_base))
                .collect(),
            ecn: ip::ecn_name(ecn),
        }
    }
}

#[cfg(test)]
mod tests;
