//! What files tell of one connection: events as JSON, or packets; in order, and the same for both, so that pictures
//! and stories need not know where it came from.
//!
//! ```text
//!   events (lines of JSON) --\                       /-- figures (curves over time)
//!                             > survey, then Trace -<--- ladder  (two hosts, an arrow for each segment)
//!   capture (pcap, pcapng) --/                       \-- story   (words)
//! ```
//!
//! A file is read twice: to learn which connections there are, and for one of them. What is kept of it has a limit
//! ([`MOST_MOMENTS`]), and names are those of the file, known or not.

pub mod capture;
mod comment;
pub mod curves;
pub mod events;
pub mod figures;
mod holes;
pub mod ladder;
mod lifeline;
mod lines;
pub mod story;
mod survey;
pub mod wire;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::event::State;
use crate::time::{Duration, Instant};
use crate::wire::tcp::Flags;

use holes::Holes;
pub use lifeline::Numbers;
pub use survey::{Found, Survey};

/// Moments of a connection that are kept.
pub const MOST_MOMENTS: usize = 2_000_000;
/// Different names that are kept apart; a file of ours has far fewer.
const MOST_NAMES: usize = 4096;
/// Letters of a name that are kept.
const LONGEST_NAME: usize = 64;

/// A name of a file: a reason, a cause, a timer.
pub type Name = Arc<str>;

/// One of the two ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The one whose view it is.
    Local,
    /// The other one.
    Remote,
}

impl Side {
    /// This one first.
    pub const BOTH: [Side; 2] = [Side::Local, Side::Remote];

    /// The other one.
    pub const fn other(self) -> Side {
        match self {
            Side::Local => Side::Remote,
            Side::Remote => Side::Local,
        }
    }
}

/// A segment, or a burst under one header. Numbers count from the SYN of their side and do not wrap.
#[derive(Clone, Debug, PartialEq)]
pub struct Segment {
    /// Control bits.
    pub flags: Flags,
    /// Where it begins.
    pub seq: u64,
    /// What it acknowledges.
    pub ack: Option<u64>,
    /// Length of the text, in bytes.
    pub len: u32,
    /// Packets that it is cut into; at least one.
    pub packets: u32,
    /// Window, in bytes; as it stands there where its scale is not known ([`Trace::unscaled`]).
    pub window: u32,
    /// SACK blocks, each from where up to where, counted like `ack`.
    pub sack: Option<Box<[(u64, u64)]>>,
    /// The state of the local end after it.
    pub state: Option<State>,
    /// Why it was sent.
    pub why: Option<Name>,
    /// Which retransmission in a row.
    pub count: u32,
    /// Whether all its text was sent before.
    pub again: bool,
    /// What a SYN offers, where its options could be read.
    pub offers: Option<Box<Offers>>,
}

impl Segment {
    /// Where its text begins: a SYN takes the number before.
    pub(crate) fn text_begin(&self) -> u64 {
        self.seq.saturating_add(self.flags.contains(Flags::SYN).into())
    }
}

/// The options of a SYN.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offers {
    /// Maximum segment size, in bytes.
    pub mss: Option<u16>,
    /// Window scale.
    pub window_scale: Option<u8>,
    /// Selective acknowledgments.
    pub sack: bool,
    /// Timestamps.
    pub timestamps: bool,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// The local end has sent it.
    Sent(Segment),
    /// It came from the remote end.
    Received(Segment),
    /// It came, and was refused at least in part.
    Refused(Name, Option<Box<Segment>>),
    /// From one state to another, and what caused it.
    State(Name, Name, Name),
    /// Congestion window and slow-start threshold (`None`: infinite), in bytes, and what is being done.
    Window(u32, Option<u32>, Option<Name>),
    /// Found lost: from where, how many bytes, and how it was found.
    Lost(u64, u32, Name),
    /// The window is lowered, and why.
    Reduced(Name),
    /// That was taken back, and what has shown that it should be.
    Undone(Name),
    /// An ICMP error was believed: its report, and who sent it.
    IcmpError(Name, Name),
    /// The largest packet of the path, the text of a full segment, and what has shown it.
    PathMtu(u32, u32, Name),
    /// A round trip, the smoothed one and the retransmission time-out.
    Rtt(Option<Duration>, Option<Duration>, Option<Duration>),
    /// A timer went off.
    TimerFired(Name),
    /// What holds the sender back from now on.
    Limited(Name),
    /// So many events are missing here.
    Missing(u64),
}

/// When what happened, counted from the first of the connection.
#[derive(Clone, Debug, PartialEq)]
pub struct Moment {
    /// When.
    pub at: Instant,
    /// What.
    pub what: What,
}

/// What one end has sent, all of it counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// Segments, as they go over the wire.
    pub segments: u64,
    /// The same, but each burst that was handed over under one header counted once.
    pub bursts: u64,
    /// Their text, in bytes.
    pub text: u64,
    /// The same, each byte once.
    pub unique: u64,
    /// Segments of which all text was sent before.
    pub again: u64,
    /// Text that was sent before, in bytes.
    pub text_again: u64,
    /// The most that the other end has acknowledged, counted from the SYN.
    pub acked: u64,
    /// Where what is in the file begins: the first number that was sent or acknowledged.
    pub begin: Option<u64>,
    /// Where what was sent ends.
    pub end: u64,
    /// Bytes that were acknowledged and are not in the file.
    pub unseen: u64,
}

/// What is known of one connection.
#[derive(Clone, Debug)]
pub struct Trace {
    /// Which one.
    pub found: Found,
    /// Whether it comes from packets alone, and not from events.
    pub from_wire: bool,
    /// What happened, in order.
    pub moments: Vec<Moment>,
    /// How much happened after those that are kept.
    pub not_kept: u64,
    /// When the last of what was asked for happened, kept or not.
    pub end: Instant,
    /// When the last of all happened.
    pub whole: Instant,
    /// What is to be said about the file.
    pub notes: Vec<String>,
    /// Events before these that a flight recorder has not kept.
    pub gone: u64,
    /// Of which end the windows stand there without their scale, which nobody knows: those of the local one first.
    pub unscaled: [bool; 2],
    /// Whether it is of packets, and the handshake is not among them; the last of the notes says so.
    pub headless: bool,
    sums: [Sums; 2],
}

impl What {
    /// How many events are missing here.
    fn missing(&self) -> u64 {
        if let What::Missing(count) = self { *count } else { 0 }
    }
}

impl Trace {
    /// How many events are missing in it.
    pub fn missing(&self) -> u64 {
        self.moments.iter().map(|moment| moment.what.missing()).fold(0, u64::saturating_add)
    }

    /// What `side` has sent.
    pub fn sums(&self, side: Side) -> Sums {
        self.sums[side as usize]
    }

    /// The end that has sent most text.
    pub fn sender(&self) -> Side {
        match self.sums(Side::Remote).text > self.sums(Side::Local).text {
            true => Side::Remote,
            false => Side::Local,
        }
    }

    /// Its number and addresses, as titles have it.
    pub fn title(&self) -> String {
        self.found.to_string()
    }

    /// What is to be said about its moments beside the notes of the file.
    pub fn remark(&self) -> Option<String> {
        (self.not_kept > 0).then(|| {
            let last = self.moments.last().map_or(0.0, |last| seconds(last.at));
            format!(
                "only the first {} moments are shown, up to {last:.3} s; --from and --to choose others",
                self.moments.len()
            )
        })
    }
}

/// Which part of a connection is wanted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Span {
    /// From here on, counted from its beginning.
    pub from: Duration,
    /// Up to here.
    pub to: Duration,
}

impl Default for Span {
    fn default() -> Span {
        Span { from: Duration::ZERO, to: Duration::MAX }
    }
}

/// Puts a trace together.
struct Builder {
    trace: Trace,
    span: Span,
    origin: Option<Instant>,
    /// What held the sender back when the part that is wanted begins: that is told of before, and holds on.
    limited: Option<What>,
    /// Which text of each end was seen.
    seen: [Holes<()>; 2],
    /// Where the FIN of each end ends.
    fins: [Option<u64>; 2],
    most: usize,
}

impl Builder {
    fn new(found: Found, from_wire: bool, span: Span) -> Builder {
        let trace = Trace {
            found,
            from_wire,
            moments: Vec::new(),
            not_kept: 0,
            end: Instant::ZERO,
            whole: Instant::ZERO,
            notes: Vec::new(),
            gone: 0,
            unscaled: [false; 2],
            headless: false,
            sums: [Sums::default(); 2],
        };
        let (seen, fins) = ([Holes::default(), Holes::default()], [None; 2]);
        Builder { trace, span, origin: None, limited: None, seen, fins, most: MOST_MOMENTS }
    }

    /// Adds what happened at `at`, by the clock of the file.
    fn add(&mut self, at: Instant, mut what: What) {
        let origin = *self.origin.get_or_insert(at);
        let since = at.since(origin);
        let at = Instant::ZERO + since;
        self.trace.whole = self.trace.whole.max(at);
        match &mut what {
            What::Sent(segment) => self.count(Side::Local, segment),
            What::Received(segment) => self.count(Side::Remote, segment),
            _ => {}
        }
        if since < self.span.from {
            if let What::Limited(_) = what {
                self.limited = Some(what);
            }
            return;
        }
        if since > self.span.to {
            return;
        }
        if let Some(what) = self.limited.take() {
            self.trace.moments.push(Moment { at: Instant::ZERO + self.span.from, what });
        }
        self.trace.end = self.trace.end.max(at);
        match self.trace.moments.len() < self.most {
            true => self.trace.moments.push(Moment { at, what }),
            false => self.trace.not_kept += 1,
        }
    }

    fn finish(mut self, notes: Vec<String>) -> Trace {
        for side in Side::BOTH.map(|side| side as usize) {
            let sums = &mut self.trace.sums[side];
            // Its FIN is no text. One that was not seen cannot be told from a byte.
            let fin = self.fins[side].map_or(1, |fin| u64::from(sums.acked >= fin));
            let begin = sums.begin.unwrap_or(0).max(1);
            let behind = sums.acked.saturating_sub(sums.end.max(begin));
            sums.unseen = match behind {
                0 => self.seen[side].unseen(sums.acked),
                more => self.seen[side].unseen(sums.end) + more.saturating_sub(fin),
            };
        }
        Trace { notes, ..self.trace }
    }

    fn count(&mut self, side: Side, segment: &mut Segment) {
        let (seen, fin) = (&mut self.seen[side as usize], &mut self.fins[side as usize]);
        let sums = &mut self.trace.sums[side as usize];
        let packets = u64::from(segment.packets);
        sums.segments += packets;
        sums.bursts += 1;
        let len = u64::from(segment.len);
        let from = segment.text_begin();
        let end = from.saturating_add(len);
        if segment.flags.contains(Flags::SYN) {
            seen.begin(from);
        }
        if segment.flags.contains(Flags::FIN) {
            *fin = Some(end.saturating_add(1));
        }
        if segment.len > 0 {
            let brought = seen.put(from, end, ());
            let why = segment.why.as_deref().unwrap_or_default();
            let (again, text_again) = match Class::of(why) {
                // It was on its way for longer than others, and no more.
                _ if why == "seems_reordered" => (brought.fresh == 0, len - brought.fresh),
                Class::New => (end <= sums.end, brought.below),
                // A probe of a closed window has one old byte, and that is no text that is sent again.
                Class::Probe if !is_tail_probe(why) => (false, 0),
                _ => (true, if brought.below > 0 { brought.below } else { len }),
            };
            segment.again = again;
            sums.text += len;
            sums.unique += brought.fresh;
            sums.text_again += text_again;
            sums.begin.get_or_insert(from);
            sums.end = sums.end.max(end);
        }
        if segment.again {
            sums.again += packets;
        }
        if let Some(ack) = segment.ack {
            let sums = &mut self.trace.sums[side.other() as usize];
            sums.acked = sums.acked.max(ack);
            if sums.begin.is_none() {
                sums.begin = Some(ack);
                self.seen[side.other() as usize].begin(ack);
            }
        }
    }
}

/// Whether it is a probe with text that was sent before.
pub fn is_tail_probe(why: &str) -> bool {
    matches!(why, "tail_loss_probe" | "seems_tail_loss_probe")
}

/// What kind of reason a segment was sent for, as pictures tell them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// For the first time, or nothing that is repeated.
    New,
    /// Again, since later ones have arrived.
    Rack,
    /// Again, since there were duplicate acknowledgments.
    Duplicates,
    /// Again, since a timer went off.
    Timeout,
    /// A probe.
    Probe,
    /// Again for another reason.
    Again,
}

impl Class {
    /// The class of a reason by its name.
    pub fn of(why: &str) -> Class {
        match why {
            "rack" => Class::Rack,
            "fast_retransmit" | "partial_ack" | "go_back_n" | "seems_fast" => Class::Duplicates,
            "rto" | "rto_recovery" | "handshake_retransmission" | "seems_timeout" => Class::Timeout,
            why if is_tail_probe(why) => Class::Probe,
            "zero_window_probe" | "keepalive" | "path_mtu_probe" | "tail_loss_probe_new" => {
                Class::Probe
            }
            "path_mtu" | "syn_text" | "seems_again" => Class::Again,
            _ => Class::New,
        }
    }
}

/// Keeps each name once.
#[derive(Debug, Default)]
struct Names(BTreeMap<String, Name>);

impl Names {
    fn get(&mut self, name: &str) -> Name {
        if let Some(known) = self.0.get(name) {
            return Arc::clone(known);
        }
        let short: String = name.chars().filter(|c| !c.is_control()).take(LONGEST_NAME).collect();
        let kept = Name::from(short);
        if self.0.len() < MOST_NAMES {
            self.0.insert(name.to_owned(), Arc::clone(&kept));
        }
        kept
    }

    /// The same, where an empty one is none.
    fn some(&mut self, name: &str) -> Option<Name> {
        (!name.is_empty()).then(|| self.get(name))
    }
}

/// Of the numbers that are `relative` modulo 2^32, the one nearest to `near`.
pub fn unwrapped(relative: u32, near: u64) -> u64 {
    let step = relative.wrapping_sub(near as u32) as i32;
    near.saturating_add_signed(step.into())
}

/// The time of a moment, for an axis.
pub fn seconds(at: Instant) -> f64 {
    (at - Instant::ZERO).as_secs_f64()
}

/// A state by its name, also with hyphens and as ss(8) has it.
fn state(name: &str) -> Option<State> {
    State::ALL.into_iter().find(|state| {
        let known = state.name().bytes();
        known.eq(name.bytes().map(|byte| if byte == b'-' { b'_' } else { byte }))
    })
}

/// Control bits by their names, with commas between.
fn flags(names: &str) -> Flags {
    let bit = |name| match name {
        "FIN" => Flags::FIN,
        "SYN" => Flags::SYN,
        "RST" => Flags::RST,
        "PSH" => Flags::PSH,
        "ACK" => Flags::ACK,
        "URG" => Flags::URG,
        "ECE" => Flags::ECE,
        "CWR" => Flags::CWR,
        _ => Flags::default(),
    };
    names.split(',').map(bit).fold(Flags::default(), |all, one| all | one)
}

/// Ends of a connection, the local one first.
type Ends = [SocketAddr; 2];

#[cfg(test)]
mod tests;
