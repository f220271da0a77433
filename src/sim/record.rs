//! What an observer of one host keeps of a run.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::event::{Event, Observer, Reduction, Refusal, SegmentView, TimerKind, Why};
use crate::observe::trace::unwrapped;
use crate::time::{Duration, Instant};
use crate::wire::SeqNum;
use crate::wire::tcp::Flags;

/// What happened at a host. Cloning gives another handle to the same record.
#[derive(Clone, Debug, Default)]
pub struct Recorder {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    record: Record,
    /// Every round-trip time measured.
    rtts: Vec<Duration>,
}

/// What was counted, and, if it was asked for, when what happened.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// Segments with text handed over for sending, each burst cut counted once, and how much text that
    /// was, retransmissions included.
    pub text_bytes: u64,
    /// Those of it that were sent before.
    pub retransmitted_bytes: u64,
    /// Segments that were sent before.
    pub retransmissions: u64,
    /// Retransmission time-outs.
    pub timeouts: u64,
    /// Times that a loss which was found without a time-out has lowered the window: fast retransmissions.
    pub fast_retransmits: u64,
    /// Times that a reduction of the window was taken back.
    pub undone: u64,
    /// Reductions of the window for marks (ECN).
    pub ecn_reductions: u64,
    /// Segments that arrived although nothing in them was new.
    pub duplicates: u64,
    /// Of the round-trip times measured, what half of them do not exceed, and 99 of 100; there when the
    /// run is over.
    pub rtt_percentiles: Option<[Duration; 2]>,
    /// When what happened; empty unless it was asked for.
    pub series: Option<Series>,
}

/// When what happened at a host.
#[derive(Clone, Debug, Default)]
pub struct Series {
    /// Congestion window and slow-start threshold (`None`: infinite), in bytes.
    pub windows: Vec<(Instant, u32, Option<u32>)>,
    /// A round-trip time measured, the smoothed one and the retransmission time-out after it.
    pub rtts: Vec<(Instant, Duration, Duration, Duration)>,
    /// Text sent: the sequence number of its first byte, its length, and why. Here and below, numbers
    /// count from the SYN and do not wrap.
    pub sent: Vec<(Instant, u64, u32, Why)>,
    /// Acknowledgment numbers that arrived, with the window beyond them.
    pub acks: Vec<(Instant, u64, u32)>,
    /// SACK blocks that arrived: from where up to where.
    pub sacks: Vec<(Instant, u64, u64)>,
}

impl Recorder {
    /// Counts, and with `series` also keeps when what happened.
    pub fn new(series: bool) -> Recorder {
        let record = Record { series: series.then(Series::default), ..Record::default() };
        Recorder { state: Arc::new(Mutex::new(State { record, rtts: Vec::new() })) }
    }

    /// What there was, when the run is over. All round-trip times are only kept up to here: many runs
    /// would have too many of them.
    pub fn finish(self) -> Record {
        let State { mut record, mut rtts } = std::mem::take(&mut *self.lock());
        record.rtt_percentiles = percentiles(&mut rtts, [0.5, 0.99]);
        record
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Recorder {
    fn observe(&mut self, now: Instant, event: &Event) {
        let mut state = self.lock();
        if let Event::RttSample { rtt, .. } = event {
            state.rtts.push(*rtt);
        }
        state.record.note(now, event);
    }
}

impl Record {
    fn note(&mut self, now: Instant, event: &Event) {
        match event {
            Event::Sent { segment, why, .. } => self.sent(now, segment, *why),
            Event::Received { segment, .. } => {
                if let Some(series) = &mut self.series
                    && segment.flags.contains(Flags::ACK)
                {
                    series.acknowledged(now, segment);
                }
            }
            Event::Refused { reason: Refusal::SequenceOld, segment: Some(segment), .. } => {
                self.duplicates += u64::from(segment.len > 0);
            }
            Event::CongestionWindow { cwnd, ssthresh, .. } => {
                if let Some(series) = &mut self.series {
                    series.windows.push((now, *cwnd, *ssthresh));
                }
            }
            Event::RttSample { rtt, srtt, rto, .. } => {
                if let Some(series) = &mut self.series {
                    series.rtts.push((now, *rtt, *srtt, *rto));
                }
            }
            Event::TimerFired { timer: TimerKind::Retransmission, .. } => self.timeouts += 1,
            Event::Reduced { why: Reduction::Loss, .. } => self.fast_retransmits += 1,
            Event::Undone { .. } => self.undone += 1,
            Event::Reduced { why: Reduction::Ecn, .. } => self.ecn_reductions += 1,
            _ => {}
        }
    }

    fn sent(&mut self, now: Instant, segment: &SegmentView, why: Why) {
        let again = is_retransmission(why);
        self.retransmissions += u64::from(again);
        self.text_bytes += u64::from(segment.len);
        self.retransmitted_bytes += if again { u64::from(segment.len) } else { 0 };
        if let Some(series) = &mut self.series
            && segment.len > 0
        {
            let last = series.sent.last().map_or(0, |(_, seq, ..)| *seq);
            let seq = unwrapped(segment.seq - segment.seq_base, last);
            series.sent.push((now, seq, segment.len, why));
        }
    }
}

impl Series {
    fn acknowledged(&mut self, now: Instant, segment: &SegmentView) {
        let last = self.acks.last().map_or(0, |(_, ack, _)| *ack);
        let ack = unwrapped(segment.ack - segment.ack_base, last);
        self.acks.push((now, ack, segment.window));
        let number = |edge: SeqNum| unwrapped(edge - segment.ack_base, ack);
        let blocks = segment.sack.iter();
        self.sacks.extend(blocks.map(|block| (now, number(block.left), number(block.right))));
    }
}

/// The times that such `parts` of all do not exceed (0.5: the median); `None` without any.
fn percentiles<const N: usize>(times: &mut [Duration], parts: [f64; N]) -> Option<[Duration; N]> {
    let last = times.len().checked_sub(1)?;
    Some(parts.map(|part| *times.select_nth_unstable((last as f64 * part).round() as usize).1))
}

/// Whether what was sent for this reason was sent before.
pub fn is_retransmission(why: Why) -> bool {
    match why {
        Why::HandshakeRetransmission(_)
        | Why::FastRetransmit
        | Why::PartialAck
        | Why::Rto(_)
        | Why::RtoRecovery
        | Why::GoBackN
        | Why::Rack
        | Why::TailLossProbe
        | Why::PathMtu
        | Why::SynText => true,
        Why::Handshake
        | Why::HandshakeAnswer
        | Why::SynCookie
        | Why::NewData
        | Why::TailLossProbeNew
        | Why::PathMtuProbe
        | Why::Fin
        | Why::ZeroWindowProbe
        | Why::Keepalive
        | Why::AckNow
        | Why::AckQuick
        | Why::AckDelayed
        | Why::WindowUpdate
        | Why::Challenge
        | Why::Reset => false,
    }
}

#[cfg(test)]
mod tests;
