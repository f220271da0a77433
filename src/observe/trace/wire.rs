//! What packets alone tell of a connection, from the view of one of its ends; and more where they have comments of ours.
//!
//! What is guessed has names that begin with `seems_`: a segment that comes again after others of the same acknowledgment
//! was probably a fast retransmission, one after a silence a time-out.

mod guess;

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::net::SocketAddr;

use crate::event::State;
use crate::time::Instant;
use crate::wire::tcp::Flags;

use super::capture::{self, Packet};
use super::comment::{self, Words};
use super::lifeline::Lifelines;
use super::survey::{Census, beyond};
use super::{Builder, Found, Names, Offers, Segment, Side, Span, Survey, Trace, What, unwrapped};
use guess::{Guess, Mark};

/// Within this time the same packet at the same interface is one that was seen twice.
const TWICE: u64 = 1_000_000;
/// Bytes of the option with which each segment has its time (RFC 7323 3.2, with what fills it up).
const TIMESTAMPS: u32 = 12;
/// A time-out that is so many times the last without a new round trip was doubled (RFC 6298 5.5).
const BACKED_OFF: f64 = 1.5;

/// A connection at an interface: its ends in order.
type Key = ((u32, u32), SocketAddr, SocketAddr);

/// Which connection a packet belongs to, the same each time the file is read.
struct Table {
    census: Census<Key>,
    seen: BTreeMap<Key, Seen>,
    /// Of each connection where it was seen, and how many packets of each end say why they were sent; first that of
    /// who has sent the first packet.
    known: Vec<((u32, u32), [u64; 2])>,
}

/// What tells a packet from the same one, seen again.
type Likeness = (SocketAddr, u16, u32, u32, u32, u8);

#[derive(Clone, Copy)]
struct Seen {
    /// Who has sent the first packet.
    first: SocketAddr,
    /// The sequence numbers of the SYNs, that of this end first.
    syns: [Option<u32>; 2],
    /// Whether anything but SYNs was seen.
    open: bool,
    last: (u64, Likeness),
}

impl Seen {
    /// Whether a SYN of that number begins another connection.
    fn is_other(&self, by_first: bool, seq: u32) -> bool {
        match self.syns[usize::from(!by_first)] {
            Some(syn) => syn != seq,
            None => self.open,
        }
    }
}

impl Table {
    fn new() -> Table {
        Table { census: Census::new(), seen: BTreeMap::new(), known: Vec::new() }
    }

    /// The connection of a packet, and whether who has sent its first packet has sent this one too. `None` for what was
    /// seen before, and for what there is no room for.
    fn take(&mut self, packet: &Packet<'_>) -> Option<(&mut Found, bool)> {
        let Packet { time_ns, from, to, id, flags, seq, ack, len, .. } = *packet;
        let key = (packet.interface, from.min(to), from.max(to));
        let syn = flags.contains(Flags::SYN);
        let likeness = (from, id, seq, ack, len, flags.bits());
        if let Some(seen) = self.seen.get_mut(&key) {
            let soon = time_ns.saturating_sub(seen.last.0) < TWICE;
            if id != 0 && soon && seen.last.1 == likeness {
                return None;
            }
            if syn && !flags.contains(Flags::ACK) && seen.is_other(seen.first == from, seq) {
                self.census.forget(&key);
                self.seen.remove(&key);
            }
        }
        let found = self.census.entry(key, |index| Found {
            number: index as u32 + 1,
            place: None,
            ends: Some([from, to]),
            text: [0, 0],
            moments: 0,
        })?;
        let last = (time_ns, likeness);
        let new = Seen { first: from, syns: [None; 2], open: false, last };
        let seen = self.seen.entry(key).or_insert(new);
        let by_first = seen.first == from;
        seen.last = last;
        seen.open |= !syn;
        if syn {
            seen.syns[usize::from(!by_first)] = Some(seq);
        }
        let index = found.number as usize - 1;
        if index == self.known.len() {
            self.known.push((packet.interface, [0, 0]));
        }
        if packet.comment.is_some_and(|comment| comment.contains("why=")) {
            self.known[index].1[usize::from(!by_first)] += 1;
        }
        Some((found, by_first))
    }
}

/// Which connections a capture tells of; the local end of each is the one whose reasons it knows, or else who sent
/// most text.
///
/// # Errors
/// When it cannot be read.
pub fn survey(input: impl Read + Send) -> io::Result<Survey> {
    let mut table = Table::new();
    let contents = capture::read(input, |packet| {
        let Some((found, by_first)) = table.take(&packet) else { return };
        found.moments += 1;
        let text = &mut found.text[usize::from(!by_first)];
        *text = text.saturating_add(packet.len.into());
    })?;
    let beyond = beyond(table.census.beyond, "packets");
    let name = |(interface, index): (u32, u32)| {
        let name = contents.interfaces.get(interface as usize).cloned().flatten();
        let name = name.map(|name| name.chars().filter(|c| !c.is_control()).collect::<String>());
        match (contents.interfaces.len() > 1, index) {
            (true, 0) => name.or(Some(format!("interface {interface}"))),
            (false, 0) => None,
            (_, index) => Some(format!("interface {index}")),
        }
    };
    let seen_from_local = |(found, (place, ours)): (Found, ((u32, u32), [u64; 2]))| {
        let found = Found { place: name(place), ..found };
        let by_second = match ours {
            [0, 0] => found.text[1] > found.text[0],
            [first, second] => second > first,
        };
        if by_second { found.turned() } else { found }
    };
    let found = table.census.finish().into_iter().zip(table.known);
    let found = found.map(seen_from_local).collect();
    let mut notes = contents.notes;
    notes.extend(beyond);
    Ok(Survey { found, read: contents.segments, notes })
}

/// What a capture tells of one connection, from the view of the first of its ends.
///
/// # Errors
/// When it cannot be read.
pub fn trace(
    input: impl Read + Send,
    found: &Found,
    span: Span,
    notes: Vec<String>,
) -> io::Result<Trace> {
    let local = found.ends.map(|[local, _]| local);
    let mut builder = Builder::new(found.clone(), true, span);
    let mut table = Table::new();
    let mut reader = Reader::default();
    capture::read(input, |packet| {
        if table.take(&packet).is_some_and(|(taken, _)| taken.number == found.number) {
            let side = if Some(packet.from) == local { Side::Local } else { Side::Remote };
            reader.packet(side, &packet, &mut builder);
        }
    })?;
    let mut notes = notes;
    builder.trace.headless = reader.notes().is_some();
    notes.extend(reader.notes());
    builder.trace.unscaled = Side::BOTH.map(|side| reader.is_unscaled(side));
    Ok(builder.finish(notes))
}

/// What is known of one direction.
#[derive(Default)]
struct Direction {
    /// The sequence number from which others are counted, once it is known.
    base: Option<u32>,
    /// What its SYN offers.
    syn: Option<Offers>,
    /// Whether it has sent anything else, but resets.
    talks: bool,
    /// The last sequence number, and what was acknowledged.
    last: u64,
    acked: u64,
}

/// Makes moments of packets.
#[derive(Default)]
struct Reader {
    names: Names,
    ways: [Direction; 2],
    lifelines: Lifelines,
    guess: Guess,
    said: Words,
}

impl Reader {
    fn packet(&mut self, side: Side, packet: &Packet<'_>, builder: &mut Builder) {
        let at = Instant::from_nanos(packet.time_ns);
        let words = packet.comment.map(comment::read).unwrap_or_default();
        self.say(at, &words, builder);
        let mut segment = self.segment(side, packet);
        segment.state = words.state;
        segment.why = words.why.as_deref().map(|why| self.names.get(why));
        segment.count = words.count.unwrap_or(0);
        if let Some(packets) = words.packets {
            segment.packets = packets.max(1);
        }
        let mark = Mark { at, id: packet.id, timestamps: packet.options.timestamps };
        match side {
            Side::Local => self.sent(mark, &mut segment, builder),
            Side::Remote => self.received(mark, &mut segment, builder),
        }
        let changes = self.lifelines.sent(side, &segment);
        if words.state.is_none() {
            segment.state = self.lifelines.state(Side::Local);
        }
        let what = match side {
            Side::Local => What::Sent(segment),
            Side::Remote => What::Received(segment),
        };
        builder.add(at, what);
        let ours = changes.into_iter().find(|(whose, _)| *whose == Side::Local);
        let after = self.lifelines.state(Side::Local);
        // That somebody listens is nothing that happens.
        if let (Some((_, before)), Some(after)) = (ours, after)
            && after != State::Listen
        {
            let before = before.unwrap_or(State::Closed);
            let [from, to] = [before, after].map(|state| self.names.get(state.name()));
            let cause = self.names.get("seems");
            builder.add(at, What::State(from, to, cause));
        }
    }

    /// The segment with numbers that count from the SYN of their side.
    fn segment(&mut self, side: Side, packet: &Packet<'_>) -> Segment {
        let Packet { flags, ref options, .. } = *packet;
        let (us, them) = (side as usize, side.other() as usize);
        let syn = flags.contains(Flags::SYN);
        let has_ack = flags.contains(Flags::ACK);
        // Without a SYN they count from one before the first that is seen.
        let first = packet.seq.wrapping_sub(u32::from(!syn));
        let base = match self.ways[us].base {
            Some(base) => base,
            // A reset without ACK of whom nothing was heard has a number of its own.
            None => *self.ways[us].base.insert(first),
        };
        let ack_base = match self.ways[them].base {
            None if has_ack => *self.ways[them].base.insert(packet.ack.wrapping_sub(1)),
            base => base.unwrap_or_default(),
        };
        let seq = unwrapped(packet.seq.wrapping_sub(base), self.ways[us].last);
        self.ways[us].last = seq;
        let near = self.ways[them].acked;
        let number = |edge: u32| unwrapped(edge.wrapping_sub(ack_base), near);
        let ack = has_ack.then(|| number(packet.ack));
        let blocks = options.sack.iter();
        let sack: Box<[(u64, u64)]> =
            blocks.map(|block| (number(block.left.value()), number(block.right.value()))).collect();
        let offers = syn.then(|| Offers {
            mss: options.mss,
            window_scale: options.window_scale,
            sack: options.sack_permitted,
            timestamps: options.timestamps.is_some(),
        });
        match syn {
            true => self.ways[us].syn.clone_from(&offers),
            false => self.ways[us].talks |= !flags.contains(Flags::RST),
        }
        let scales = [us, them].map(|way| self.ways[way].syn.as_ref()?.window_scale);
        let scale = match scales {
            [Some(scale), Some(_)] if !syn => scale.min(14),
            _ => 0,
        };
        // What offload hands over whole goes over the wire in segments that the other end has asked for.
        let most = self.ways[them].syn.as_ref().and_then(|offers| offers.mss).unwrap_or(0);
        let stamp = if options.timestamps.is_some() { TIMESTAMPS } else { 0 };
        let packets = match u32::from(most).saturating_sub(stamp) {
            0 => 1,
            most => packet.len.div_ceil(most).max(1),
        };
        Segment {
            flags,
            seq,
            ack,
            len: packet.len,
            packets,
            window: u32::from(packet.window) << scale,
            sack: (!sack.is_empty()).then_some(sack),
            state: None,
            why: None,
            count: 0,
            again: false,
            offers: offers.map(Box::new),
        }
    }

    /// Something that the local end has sent: why that may be, where no comment tells.
    fn sent(&mut self, mark: Mark, segment: &mut Segment, builder: &mut Builder) {
        let Some(said) = self.guess.sent(mark, segment) else { return };
        if segment.why.is_some() {
            return;
        }
        let why = self.names.get(said.why);
        if said.lost > 0 {
            builder.add(mark.at, What::Lost(segment.seq, said.lost, why.clone()));
        }
        segment.why = Some(why);
    }

    /// Something that came from the remote end.
    fn received(&mut self, mark: Mark, segment: &mut Segment, builder: &mut Builder) {
        let (rtt, why) = self.guess.received(mark, segment);
        if let Some(rtt) = rtt {
            builder.add(mark.at, What::Rtt(Some(rtt), None, None));
        }
        segment.why = why.map(|why| self.names.get(why));
        // What came is acknowledged up to here, for numbers to be counted near it.
        let end = segment.seq.saturating_add(segment.len.into());
        let [local, remote] = &mut self.ways;
        remote.acked = remote.acked.max(end);
        local.acked = local.acked.max(segment.ack.unwrap_or(0));
    }

    /// What the comment says that those before it did not.
    fn say(&mut self, at: Instant, words: &Words, builder: &mut Builder) {
        let said = &mut self.said;
        // Before it is open the window is that of nothing yet.
        let opens = matches!(words.state, Some(State::SynSent | State::SynReceived));
        if let Some(cwnd) = words.cwnd.filter(|_| !opens)
            && (said.cwnd, said.ssthresh) != (words.cwnd, words.ssthresh)
        {
            (said.cwnd, said.ssthresh) = (words.cwnd, words.ssthresh);
            builder.add(at, What::Window(cwnd, words.ssthresh.flatten(), None));
        }
        // A time-out that was only doubled is that of no new round trip.
        let doubled = said.srtt == words.srtt
            && said.rto.zip(words.rto).is_some_and(|(before, now)| {
                now.as_secs_f64() >= before.as_secs_f64() * BACKED_OFF
            });
        if words.srtt.is_some() && !doubled && (said.srtt, said.rto) != (words.srtt, words.rto) {
            (said.srtt, said.rto) = (words.srtt, words.rto);
            builder.add(at, What::Rtt(None, words.srtt, words.rto));
        }
        if let Some(limit) = &words.limited_by
            && said.limited_by != words.limited_by
        {
            said.limited_by.clone_from(&words.limited_by);
            let name = self.names.get(limit);
            builder.add(at, What::Limited(name));
        }
    }

    /// Whether nobody knows by how much the windows of that end are scaled: they may be, and a SYN is missing.
    fn is_unscaled(&self, side: Side) -> bool {
        let [ours, theirs] = &self.ways;
        match (&ours.syn, &theirs.syn) {
            (Some(_), Some(_)) => false,
            (Some(offers), None) | (None, Some(offers)) => offers.window_scale.is_some(),
            (None, None) => self.ways[side as usize].base.is_some(),
        }
    }

    fn notes(&self) -> Option<String> {
        let [ours, theirs] = &self.ways;
        let talk = ours.talks || theirs.talks;
        (talk && (ours.syn.is_none() || theirs.syn.is_none())).then(|| {
            let windows = match self.is_unscaled(Side::Local) || self.is_unscaled(Side::Remote) {
                true => ", and how large windows are is not known: their scale is said there",
                false => "",
            };
            format!("the handshake is not in the file: numbers count from the first that is seen{windows}")
        })
    }
}

#[cfg(test)]
mod tests;
