//! What a trace says of everything that rules ask for.

use std::collections::{BTreeMap, BTreeSet};

use super::measure::{Kind, Known, Measure, Pick, Series};
use super::{Place, Who};
use crate::observe::trace::{Class, Moment, Numbers, Segment, Side, Trace, What, is_tail_probe};
use crate::time::Instant;
use crate::wire::tcp::Flags;

/// States that are kept of a connection.
const MOST_STATES: usize = 1000;

/// Something that a rule wants to know.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Query {
    Measure(Measure),
    States,
    Opened,
    Closed,
}

/// What was seen of it.
#[derive(Clone, Debug, PartialEq)]
pub enum Seen {
    /// A value; at least that much where something is missing.
    Value {
        /// In the unit of the measure.
        value: f64,
        /// It may have been more, since not everything is in the file.
        at_least: bool,
    },
    /// The states one after the other, and whether some may be missing.
    States(Vec<String>, bool),
    /// Who did it.
    Who(Who),
    /// It cannot be known, and why.
    Unknown(String),
}

/// What was seen where.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    seen: Vec<(Place, Query, Seen, bool)>,
    /// Which connection each place is.
    titles: BTreeMap<Place, String>,
}

impl Findings {
    pub(super) fn look(&mut self, place: &Place, query: Query, trace: &Trace, connections: usize) {
        if self.find(place, query).is_some() {
            return;
        }
        self.titles.insert(place.clone(), trace.title());
        let seen = match query {
            Query::Measure(measure) => measured(trace, measure, connections),
            Query::States => states(trace),
            Query::Opened => opened(trace),
            Query::Closed => closed(trace),
        };
        let guessed = trace.from_wire
            && match query {
                // A comment says what held it back before its packet.
                Query::Measure(Measure { kind: Kind::LimitedBy(_), .. }) => true,
                Query::Measure(measure) => {
                    measure.known == Known::Guess && !is_commented(trace, measure.kind)
                }
                Query::States => true,
                Query::Opened | Query::Closed => false,
            };
        self.seen.push((place.clone(), query, seen, guessed));
    }

    /// Says of a place that it cannot be looked at, and why.
    pub fn absent(&mut self, place: &Place, why: &str) {
        self.titles.insert(place.clone(), why.to_owned());
    }

    /// What was seen, and whether it is a guess.
    pub(super) fn find(&self, place: &Place, query: Query) -> Option<(&Seen, bool)> {
        let found = self.seen.iter().find(|(at, what, ..)| at == place && *what == query);
        found.map(|(_, _, seen, guessed)| (seen, *guessed))
    }

    /// Which connection a place is, or why there is none.
    pub(super) fn title(&self, place: &Place) -> Option<&str> {
        self.titles.get(place).map(String::as_str)
    }

    /// The value of something, where it is known.
    pub(super) fn value(&self, place: &Place, measure: Measure) -> Option<f64> {
        match self.find(place, Query::Measure(measure))? {
            (Seen::Value { value, .. }, _) => Some(*value),
            _ => None,
        }
    }
}

/// Whether something is missing, and what.
pub(super) fn missing(trace: &Trace) -> Option<String> {
    gap(trace).or_else(|| trace.headless.then(|| "the handshake is not in the file".to_owned()))
}

/// The same but for its beginning, which a capture may be without.
fn gap(trace: &Trace) -> Option<String> {
    let lost = trace.moments.iter().map(|moment| match moment.what {
        What::Missing(count) => count,
        _ => 0,
    });
    let lost = lost.fold(0, u64::saturating_add);
    let notes = trace.notes.len() - usize::from(trace.headless);
    let unseen = Side::BOTH.iter().any(|side| trace.sums(*side).unseen > 0);
    if trace.gone > 0 {
        Some(format!("{} events before these were not kept", trace.gone))
    } else if lost > 0 {
        Some(format!("{lost} events are missing in the file"))
    } else if let Some(note) = trace.notes[..notes].first() {
        Some(format!("not all of the file was read: {note}"))
    } else if trace.not_kept > 0 {
        Some("the connection is longer than what is looked at".to_owned())
    } else if trace.from_wire && unseen {
        Some("the capture has missed packets that were acknowledged".to_owned())
    } else {
        None
    }
}

/// Everything this end has sent.
fn sent(trace: &Trace) -> impl Iterator<Item = (Instant, &Segment)> {
    trace.moments.iter().filter_map(|moment| match &moment.what {
        What::Sent(segment) => Some((moment.at, segment)),
        _ => None,
    })
}

/// Everything the other end has sent.
fn received(trace: &Trace) -> impl Iterator<Item = (Instant, &Segment)> {
    trace.moments.iter().filter_map(|moment| match &moment.what {
        What::Received(segment) => Some((moment.at, segment)),
        _ => None,
    })
}

/// Packets of such segments.
fn packets<'a>(segments: impl Iterator<Item = (Instant, &'a Segment)>) -> f64 {
    segments.map(|(_, segment)| u64::from(segment.packets)).fold(0, u64::saturating_add) as f64
}

fn count(trace: &Trace, wanted: impl Fn(&What) -> bool) -> f64 {
    trace.moments.iter().filter(|moment| wanted(&moment.what)).count() as f64
}

fn why(segment: &Segment) -> &str {
    segment.why.as_deref().unwrap_or_default()
}

/// Whether it was sent again, text or not.
fn is_again(segment: &Segment) -> bool {
    let why = why(segment);
    let class = Class::of(why);
    let again = matches!(class, Class::Rack | Class::Duplicates | Class::Timeout | Class::Again);
    segment.again || again || is_tail_probe(why)
}

fn has(segment: &Segment, flags: Flags) -> bool {
    segment.flags.contains(flags)
}

/// The value of a measure.
fn measured(trace: &Trace, measure: Measure, connections: usize) -> Seen {
    let at_least = !measure.is_fixed() && missing(trace).is_some();
    if trace.from_wire && measure.known == Known::Inside && !is_commented(trace, measure.kind) {
        return Seen::Unknown("packets alone do not tell".to_owned());
    }
    match value(trace, measure.kind, connections) {
        Some(value) if at_least && !measure.grows() => {
            let missing = missing(trace).unwrap_or_default();
            Seen::Unknown(format!(
                "{} of what is there, but {missing}",
                super::words::value(value, measure.unit)
            ))
        }
        Some(value) => Seen::Value { value, at_least },
        None => Seen::Unknown("nothing of it is in the file".to_owned()),
    }
}

/// Whether packets have comments of ours that tell of it.
fn is_commented(trace: &Trace, kind: Kind) -> bool {
    let any = |wanted: fn(&What) -> bool| trace.moments.iter().any(|moment| wanted(&moment.what));
    match kind {
        Kind::Of(Series::Cwnd | Series::Ssthresh, _) => {
            any(|what| matches!(what, What::Window(..)))
        }
        Kind::Of(Series::Srtt, _) => any(|what| matches!(what, What::Rtt(_, Some(_), _))),
        Kind::Of(Series::RtoTimer, _) => any(|what| matches!(what, What::Rtt(.., Some(_)))),
        Kind::Sent(_) | Kind::RtoInARow | Kind::FastRetransmits | Kind::Rto => {
            any(|what| match what {
                What::Sent(segment) => matches!(why(segment), "handshake" | "new_data"),
                _ => false,
            })
        }
        Kind::LimitedBy(_) => any(|what| matches!(what, What::Limited(_))),
        _ => false,
    }
}

fn value(trace: &Trace, kind: Kind, connections: usize) -> Option<f64> {
    let local = trace.sums(Side::Local);
    Some(match kind {
        Kind::Connections => connections as f64,
        Kind::SegmentsSent => packets(sent(trace)),
        Kind::SegmentsReceived => packets(received(trace)),
        Kind::DataSegments => packets(sent(trace).filter(|(_, segment)| segment.len > 0)),
        Kind::TextSent => local.unique as f64,
        Kind::TextReceived => acknowledged(trace, Side::Remote) as f64,
        Kind::TextAcknowledged => acknowledged(trace, Side::Local) as f64,
        Kind::Retransmissions => packets(sent(trace).filter(|(_, segment)| is_again(segment))),
        Kind::FastRetransmits => packets(sent(trace).filter(|(_, segment)| {
            matches!(why(segment), "fast_retransmit" | "rack" | "seems_fast")
        })),
        Kind::Rto => timeouts(trace),
        Kind::RtoInARow => {
            let counts =
                sent(trace).filter(|(_, segment)| Class::of(why(segment)) == Class::Timeout);
            counts.map(|(_, segment)| f64::from(segment.count)).fold(0.0, f64::max)
        }
        Kind::Losses => count(trace, |what| matches!(what, What::Lost(..))),
        Kind::Reductions => count(trace, |what| matches!(what, What::Reduced(_))),
        Kind::Undone => count(trace, |what| matches!(what, What::Undone(_))),
        Kind::DuplicateAcks => duplicates(trace),
        Kind::SackAcks => packets(received(trace).filter(|(_, segment)| segment.sack.is_some())),
        Kind::ZeroWindows => zero_windows(trace),
        Kind::ResetsSent => packets(sent(trace).filter(|(_, segment)| has(segment, Flags::RST))),
        Kind::ResetsReceived => {
            packets(received(trace).filter(|(_, segment)| has(segment, Flags::RST)))
        }
        Kind::RttSamples => count(trace, |what| matches!(what, What::Rtt(Some(_), ..))),
        Kind::RttAmbiguous => ambiguous(trace),
        Kind::Refused => count(trace, |what| matches!(what, What::Refused(..))),
        Kind::RefusedFor(name) => {
            count(trace, |what| matches!(what, What::Refused(reason, _) if **reason == *name))
        }
        Kind::Sent(name) => packets(sent(trace).filter(|(_, segment)| why(segment) == name)),
        Kind::LimitedBy(name) => limited(trace, name),
        Kind::HandshakeRtt => return handshake(trace),
        Kind::Duration => nanos(trace.whole),
        Kind::Goodput => {
            let time = nanos(trace.whole);
            return (time > 0.0)
                .then(|| acknowledged(trace, Side::Local) as f64 * 8.0 * 1e9 / time);
        }
        Kind::Of(series, pick) => return picked(values(trace, series), pick),
    })
}

fn nanos(at: Instant) -> f64 {
    at.as_nanos() as f64
}

/// Text of that end that was acknowledged: its SYN and FIN, which are acknowledged too, are none.
fn acknowledged(trace: &Trace, side: Side) -> u64 {
    let sums = trace.sums(side);
    let begin = sums.begin.unwrap_or(0).max(1);
    sums.acked.min(sums.end).saturating_sub(begin)
}

/// Times that the retransmission timer went off: of packets alone those that seem to be sent for it.
fn timeouts(trace: &Trace) -> f64 {
    match trace.from_wire {
        true => count(trace, |what| match what {
            What::Sent(segment) => {
                matches!(why(segment), "rto" | "seems_timeout" | "handshake_retransmission")
            }
            _ => false,
        }),
        false => count(
            trace,
            |what| matches!(what, What::TimerFired(timer) if &**timer == "retransmission"),
        ),
    }
}

/// Acknowledgments of the same byte while something is in flight, that bring no other window (RFC 5681 2) or say what has
/// arrived (RFC 6675 2).
fn duplicates(trace: &Trace) -> f64 {
    let (mut acked, mut end, mut found) = (0, 0, 0_u32);
    let mut window = None;
    for moment in &trace.moments {
        match &moment.what {
            What::Sent(segment) => end = end.max(segment.seq.saturating_add(segment.len.into())),
            What::Received(segment) => {
                let Some(ack) = segment.ack.filter(|ack| *ack >= acked) else { continue };
                let controls = [Flags::SYN, Flags::FIN, Flags::RST];
                let plain = segment.len == 0 && !controls.iter().any(|flag| has(segment, *flag));
                let same = window == Some(segment.window) || segment.sack.is_some();
                found += u32::from(plain && ack == acked && end > ack && same);
                acked = ack;
                if !has(segment, Flags::SYN) {
                    window = Some(segment.window);
                }
            }
            _ => {}
        }
    }
    found.into()
}

fn zero_windows(trace: &Trace) -> f64 {
    let (mut closed, mut found) = (false, 0_u32);
    let plain = |segment: &Segment| !has(segment, Flags::SYN) && !has(segment, Flags::RST);
    for (_, segment) in received(trace).filter(|(_, segment)| plain(segment)) {
        found += u32::from(segment.window == 0 && !closed);
        closed = segment.window == 0;
    }
    found.into()
}

/// Round trips that were measured when something that was sent twice was acknowledged, all of it or a part.
fn ambiguous(trace: &Trace) -> f64 {
    let (mut acked, mut found) = (0, 0_u32);
    // What was sent again, by where it ends and by where it begins; and when a round trip was measured: events tell that
    // before the acknowledgment.
    let (mut ends, mut begins) = (BTreeSet::new(), BTreeSet::new());
    let mut measured: Option<Instant> = None;
    for Moment { at, what } in &trace.moments {
        match what {
            What::Sent(segment) if is_again(segment) && segment.len > 0 => {
                let end = segment.seq.saturating_add(segment.len.into());
                ends.insert((end, segment.seq));
                begins.insert((segment.seq, end));
            }
            What::Rtt(Some(_), ..) => measured = Some(*at),
            What::Received(segment) => {
                let ack = segment.ack.unwrap_or(acked).max(acked);
                let of_such = ack > acked && begins.first().is_some_and(|(from, _)| *from < ack);
                let is_measured = measured.take() == Some(*at);
                found += u32::from(of_such && is_measured);
                while let Some((end, from)) = ends.pop_first() {
                    if end > ack {
                        ends.insert((end, from));
                        break;
                    }
                    begins.remove(&(from, end));
                }
                acked = ack;
            }
            _ => {}
        }
    }
    found.into()
}

/// How long that has held this end back.
fn limited(trace: &Trace, name: &str) -> f64 {
    let changes = trace.moments.iter().filter_map(|moment| match &moment.what {
        What::Limited(by) => Some((moment.at, by)),
        _ => None,
    });
    let changes: Vec<_> = changes.collect();
    let ends = changes.iter().skip(1).map(|(at, _)| *at).chain([trace.end]);
    let held = changes.iter().zip(ends).filter(|((_, by), _)| ***by == *name);
    held.map(|((from, _), to)| to.since(*from).as_nanos() as f64).sum()
}

/// From the SYN of this end to its acknowledgment; none when it was sent again (RFC 6298 3).
fn handshake(trace: &Trace) -> Option<f64> {
    let mut syns = sent(trace).filter(|(_, segment)| has(segment, Flags::SYN));
    let (begin, syn) = syns.next()?;
    if syns.next().is_some() {
        return None;
    }
    let answer = |segment: &Segment| segment.ack.is_some_and(|ack| ack > syn.seq);
    let mut answers = received(trace).filter(|(at, segment)| *at >= begin && answer(segment));
    answers.next().map(|(at, _)| at.since(begin).as_nanos() as f64)
}

/// All values of a series in their order.
fn values(trace: &Trace, series: Series) -> Vec<f64> {
    let moments = trace.moments.iter();
    match series {
        Series::Cwnd => moments
            .filter_map(|moment| match moment.what {
                What::Window(cwnd, ..) => Some(cwnd.into()),
                _ => None,
            })
            .collect(),
        Series::Ssthresh => moments
            .filter_map(|moment| match moment.what {
                What::Window(_, ssthresh, _) => ssthresh.map(f64::from),
                _ => None,
            })
            .collect(),
        Series::Rtt | Series::Srtt | Series::RtoTimer => moments
            .filter_map(|moment| match moment.what {
                What::Rtt(rtt, srtt, rto) => match series {
                    Series::Rtt => rtt,
                    Series::Srtt => srtt,
                    _ => rto,
                },
                _ => None,
            })
            .map(|time| time.as_nanos() as f64)
            .collect(),
        Series::Window => received(trace)
            .filter(|(_, segment)| !has(segment, Flags::SYN) && !has(segment, Flags::RST))
            .map(|(_, segment)| segment.window.into())
            .collect(),
        Series::Flight => flight(trace),
        Series::Silence => {
            let times: Vec<Instant> = sent(trace).map(|(at, _)| at).collect();
            times.windows(2).map(|pair| pair[1].since(pair[0]).as_nanos() as f64).collect()
        }
        Series::Segment => sent(trace)
            .filter(|(_, segment)| segment.len > 0)
            .map(|(_, segment)| segment.len.div_ceil(segment.packets.max(1)).into())
            .collect(),
    }
}

fn flight(trace: &Trace) -> Vec<f64> {
    let (mut end, mut acked) = (0_u64, None);
    let mut values = Vec::new();
    for moment in &trace.moments {
        match &moment.what {
            What::Sent(segment) => {
                end = end.max(segment.seq.saturating_add(segment.len.into()));
            }
            What::Received(segment) => acked = acked.max(segment.ack),
            _ => continue,
        }
        values.extend(acked.map(|acked| end.saturating_sub(acked) as f64));
    }
    values
}

/// One of several values; none of none.
fn picked(mut values: Vec<f64>, pick: Pick) -> Option<f64> {
    let last = values.len().checked_sub(1)?;
    let mut part = |share: f64| {
        let at = (last as f64 * share).round() as usize;
        *values.select_nth_unstable_by(at, f64::total_cmp).1
    };
    Some(match pick {
        Pick::Least => part(0.0),
        Pick::Median => part(0.5),
        Pick::Percentile99 => part(0.99),
        Pick::Most => part(1.0),
        Pick::First => values[0],
        Pick::Last => values[last],
        Pick::Mean => values.iter().sum::<f64>() / values.len() as f64,
    })
}

/// The states that this end goes through, the one it begins with first.
fn states(trace: &Trace) -> Seen {
    let mut changes = trace.moments.iter().filter_map(|moment| match &moment.what {
        What::State(from, to, _) => Some((from, to)),
        _ => None,
    });
    let mut states: Vec<String> = Vec::new();
    for (from, to) in changes.by_ref().take(MOST_STATES) {
        if states.last().is_none_or(|last| **last != **from) {
            states.push(from.to_string());
        }
        states.push(to.to_string());
    }
    match states.is_empty() {
        true => Seen::Unknown("nothing of its states is in the file".to_owned()),
        false => Seen::States(states, missing(trace).is_some() || changes.next().is_some()),
    }
}

/// Whose SYN came first.
fn opened(trace: &Trace) -> Seen {
    let mut first = [None; 2];
    for (index, moment) in trace.moments.iter().enumerate() {
        let (side, segment) = match &moment.what {
            What::Sent(segment) => (Side::Local, segment),
            What::Received(segment) => (Side::Remote, segment),
            _ => continue,
        };
        if has(segment, Flags::SYN) && !has(segment, Flags::ACK) {
            first[side as usize].get_or_insert(index);
        }
    }
    match first {
        [Some(_), Some(_)] => Seen::Who(Who::Both),
        [Some(_), None] => Seen::Who(Who::Us),
        [None, Some(_)] => Seen::Who(Who::Peer),
        [None, None] => Seen::Unknown("its first SYN is not in the file".to_owned()),
    }
}

/// Whose FIN came first: both, when neither had seen the other's. What is missing may have been an earlier one.
fn closed(trace: &Trace) -> Seen {
    let who = first_to_close(trace);
    match gap(trace) {
        None => Seen::Who(who),
        Some(missing) if who == Who::Nobody => Seen::Unknown(missing),
        Some(missing) => {
            Seen::Unknown(format!("by {} of what is there, but {missing}", who.name()))
        }
    }
}

fn first_to_close(trace: &Trace) -> Who {
    let mut first: Option<(Side, u64)> = None;
    let mut numbers = [Numbers::default(); 2];
    for moment in &trace.moments {
        let (side, segment) = match &moment.what {
            What::Sent(segment) => (Side::Local, segment),
            What::Received(segment) => (Side::Remote, segment),
            _ => continue,
        };
        // Events tell of a reset that nobody obeys as refused.
        let resets = !trace.from_wire || numbers[side as usize].can_reset(segment.seq);
        if has(segment, Flags::RST) && resets && first.is_none() {
            return Who::Reset;
        }
        numbers[side as usize].sent(segment);
        numbers[side.other() as usize].acknowledged(segment.ack);
        if !has(segment, Flags::FIN) {
            continue;
        }
        match first {
            None => {
                let end = segment.seq.saturating_add(segment.len.into()).saturating_add(1);
                first = Some((side, end));
            }
            Some((whose, end)) if whose != side => {
                return match segment.ack.is_some_and(|ack| ack >= end) {
                    false => Who::Both,
                    true => by(whose),
                };
            }
            Some(_) => {}
        }
    }
    first.map_or(Who::Nobody, |(whose, _)| by(whose))
}

fn by(side: Side) -> Who {
    match side {
        Side::Local => Who::Us,
        Side::Remote => Who::Peer,
    }
}
