//! The states of both ends (RFC 9293 3.3.2) as far as what they send tells them: an end has received what it
//! acknowledges.

use crate::event::State;
use crate::wire::tcp::Flags;

use super::{Segment, Side};

/// Where the numbers of one end have come to, for telling its resets from those that nobody obeys.
#[derive(Clone, Copy, Debug, Default)]
pub struct Numbers {
    /// Where what it has sent ends.
    end: u64,
    /// What the other one has acknowledged of it.
    acked: Option<u64>,
}

impl Numbers {
    /// It has sent this.
    pub fn sent(&mut self, segment: &Segment) {
        let fin = u64::from(segment.flags.contains(Flags::FIN));
        let end = segment.seq.saturating_add(segment.len.into()).saturating_add(fin);
        if !segment.flags.contains(Flags::RST) {
            self.end = self.end.max(end);
        }
    }

    /// The other one has acknowledged so much.
    pub fn acknowledged(&mut self, ack: Option<u64>) {
        self.acked = self.acked.max(ack);
    }

    /// Whether a reset of that number is what the other one expects next, or will when all has arrived (RFC 5961 3.2).
    pub fn can_reset(&self, seq: u64) -> bool {
        self.acked.is_none_or(|acked| (acked..=acked.max(self.end)).contains(&seq))
    }
}

/// What is known of one end.
#[derive(Clone, Copy, Debug, Default)]
struct End {
    numbers: Numbers,
    state: Option<State>,
    /// Where its FIN ends, once it has sent one.
    fin: Option<u64>,
    /// Whether that was acknowledged after both FINs had crossed.
    acked: bool,
}

/// Both ends of a connection.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lifelines {
    ends: [End; 2],
}

impl Lifelines {
    /// Where `side` is, when anything is known of it.
    pub fn state(&self, side: Side) -> Option<State> {
        self.ends[side as usize].state
    }

    /// Takes note of a segment that `side` has sent; gives the ends whose state it has changed, each with the state before.
    pub fn sent(&mut self, side: Side, segment: &Segment) -> Vec<(Side, Option<State>)> {
        let before = self.ends;
        self.note(side, segment);
        let sides = [side, side.other()].into_iter();
        let changed = sides.filter(|side| {
            let index = *side as usize;
            before[index].state != self.ends[index].state
        });
        changed.map(|side| (side, before[side as usize].state)).collect()
    }

    fn note(&mut self, side: Side, segment: &Segment) {
        let (us, them) = (side as usize, side.other() as usize);
        let Segment { flags, .. } = segment;
        if flags.contains(Flags::RST) {
            if self.ends[us].numbers.can_reset(segment.seq) {
                self.ends[us].state = Some(State::Closed);
                self.ends[them].state = Some(State::Closed);
            }
            return;
        }
        self.ends[us].numbers.sent(segment);
        self.ends[them].numbers.acknowledged(segment.ack);
        if flags.contains(Flags::SYN) {
            let answer = flags.contains(Flags::ACK);
            let state = if answer { State::SynReceived } else { State::SynSent };
            let numbers = self.ends[us].numbers;
            self.ends[us] = End { state: Some(state), numbers, ..End::default() };
            if !answer && !matches!(self.ends[them].state, Some(State::SynSent)) {
                self.ends[them] = End { state: Some(State::Listen), ..End::default() };
            }
            return;
        }
        let Some(ack) = segment.ack else { return };
        // Who acknowledges has received: the SYN of the other one, and perhaps its FIN.
        let ends = &mut self.ends;
        if matches!(
            ends[us].state,
            None | Some(State::SynSent | State::SynReceived | State::Listen)
        ) {
            ends[us].state = Some(State::Established);
        }
        if ends[them].state.is_none() || (ends[them].state == Some(State::SynReceived) && ack > 0) {
            ends[them].state = Some(State::Established);
        }
        if ends[them].fin.is_some_and(|end| ack >= end) {
            ends[us].state = ends[us].state.map(after_their_fin);
            // When the FINs have crossed, the other one has ours by now, and what it sends next says so.
            let crossed = ends[us].state == Some(State::Closing);
            ends[them].state = match ends[them].state {
                Some(State::FinWait1) if crossed => Some(State::Closing),
                state => state.map(after_ack_of_fin),
            };
            ends[them].acked |= crossed;
            if ends[us].acked {
                ends[us].state = ends[us].state.map(after_ack_of_fin);
            }
        }
        if flags.contains(Flags::FIN) {
            let end = segment.seq.saturating_add(u64::from(segment.len)).saturating_add(1);
            ends[us].fin = Some(end);
            ends[us].state = ends[us].state.map(after_our_fin);
        }
    }
}

fn after_our_fin(state: State) -> State {
    match state {
        State::Established | State::SynReceived => State::FinWait1,
        State::CloseWait => State::LastAck,
        other => other,
    }
}

fn after_their_fin(state: State) -> State {
    match state {
        State::Established | State::SynReceived => State::CloseWait,
        State::FinWait1 => State::Closing,
        State::FinWait2 => State::TimeWait,
        other => other,
    }
}

fn after_ack_of_fin(state: State) -> State {
    match state {
        State::FinWait1 => State::FinWait2,
        State::Closing => State::TimeWait,
        State::LastAck => State::Closed,
        other => other,
    }
}

#[cfg(test)]
mod tests;
