//! What RFC 9293 3.10.7 says of a segment, with RFC 5961, RFC 1337 and RFC 6191, written down again
//! in the RFC's own order and from its text, not from the code. Where the stack does otherwise on
//! purpose, a comment says so, and why.

use std::collections::BTreeSet;

use super::stage::{Answer, Outcome, PEER_WINDOW, Place, Stage};
use crate::event::{Refusal, State};
use crate::stack::SocketError;
use crate::wire::SeqNum;
use crate::wire::tcp::{Flags, Segment};

/// What is known before a segment arrives.
struct Given {
    place: Place,
    iss: SeqNum,
    una: SeqNum,
    nxt: SeqNum,
    rcv_nxt: SeqNum,
    window: u32,
}

/// What must come of `segment`.
pub(super) fn expected(stage: &Stage, segment: &Segment) -> Outcome {
    let &Stage { place, iss, una, nxt, rcv_nxt, .. } = stage;
    let given = Given { place, iss, una, nxt, rcv_nxt, window: stage.window() };
    match place {
        Place::Closed => closed(segment),
        Place::Listen => listen(segment),
        Place::SynSent => given.syn_sent(segment),
        Place::SynReceived => given.syn_received(segment),
        Place::TimeWait => given.time_wait(segment),
        _ => given.synchronized(segment),
    }
}

fn stays(state: State) -> Outcome {
    Outcome {
        state,
        answer: Answer::Nothing,
        delayed: false,
        refusals: BTreeSet::new(),
        delivered: 0,
        error: None,
    }
}

impl Outcome {
    fn refused(mut self, reason: Refusal) -> Outcome {
        self.refusals.insert(reason.name());
        self
    }

    fn answered(self, answer: Answer) -> Outcome {
        Outcome { answer, ..self }
    }

    fn reset_by(self, ack: SeqNum) -> Outcome {
        self.answered(Answer::Reset { seq: ack, ack: None })
    }

    fn ended(self, error: Option<SocketError>) -> Outcome {
        Outcome { state: State::Closed, error, ..self }
    }
}

/// 3.10.7.1.
fn closed(segment: &Segment) -> Outcome {
    let stays = stays(State::Closed);
    if segment.rst() {
        return stays.refused(Refusal::TcpStrayReset);
    }
    let answer = match segment.ack() {
        None => Answer::Reset { seq: SeqNum::new(0), ack: Some(segment.seq_end()) },
        Some(ack) => Answer::Reset { seq: ack, ack: None },
    };
    stays.refused(Refusal::TcpPortClosed).answered(answer)
}

/// 3.10.7.2.
fn listen(segment: &Segment) -> Outcome {
    let stays = stays(State::Listen);
    if segment.rst() {
        return stays.refused(Refusal::TcpStrayReset);
    }
    if let Some(ack) = segment.ack() {
        return stays.refused(Refusal::TcpPortClosed).reset_by(ack);
    }
    if !segment.syn() {
        return stays.refused(Refusal::ListenNoSyn);
    }
    // The RFC would queue the FIN; Linux refuses what no honest peer sends, and so do we.
    if segment.fin() {
        return stays.refused(Refusal::ListenBadFlags);
    }
    any_syn_ack(Outcome { state: State::SynReceived, ..stays }, segment)
}

/// A SYN-ACK with a sequence number that only the stack can choose: zero stands for it.
fn any_syn_ack(outcome: Outcome, syn: &Segment) -> Outcome {
    outcome.answered(Answer::SynAck { seq: SeqNum::new(0), ack: syn.seq + 1 })
}

impl Given {
    /// <SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>.
    fn ack(&self) -> Answer {
        Answer::Ack { seq: self.nxt, ack: self.rcv_nxt }
    }

    /// 3.10.7.4, first: table 6, for a window that is open.
    fn is_acceptable(&self, segment: &Segment) -> bool {
        let inside = |seq: SeqNum| seq - self.rcv_nxt < self.window;
        match segment.seq_len() {
            // A segment without length at the right edge itself lies outside by the table. Linux
            // takes it, because peers that have filled the window acknowledge from there.
            0 => inside(segment.seq) || segment.seq == self.rcv_nxt + self.window,
            len => inside(segment.seq) || inside(segment.seq + (len - 1)),
        }
    }

    /// 3.10.7.3.
    fn syn_sent(&self, segment: &Segment) -> Outcome {
        let stays = stays(State::SynSent);
        let acceptable = |ack: SeqNum| ack.after(self.iss) && !ack.after(self.nxt);
        if let Some(ack) = segment.ack().filter(|&ack| !acceptable(ack)) {
            if segment.rst() {
                return stays.refused(Refusal::SynSentBadReset);
            }
            return stays.refused(Refusal::SynSentBadAck).reset_by(ack);
        }
        if segment.rst() {
            return match segment.ack() {
                Some(_) => stays.ended(Some(SocketError::Refused)),
                None => stays.refused(Refusal::SynSentBadReset),
            };
        }
        if !segment.syn() {
            return stays.refused(Refusal::SynSentNoSyn);
        }
        if segment.ack().is_none() {
            // The RFC queues a FIN on this SYN; we leave it to the peer to send it again.
            let open = Outcome { state: State::SynReceived, ..stays };
            return open.answered(Answer::SynAck { seq: self.iss, ack: segment.seq + 1 });
        }
        let state = if segment.fin() { State::CloseWait } else { State::Established };
        let open = Outcome { state, ..stays };
        open.answered(Answer::Ack { seq: self.nxt, ack: segment.seq_end() })
    }

    /// 3.10.7.4 in SYN-RECEIVED from LISTEN. Where the RFC returns to LISTEN, the record ends: the
    /// listener has never left LISTEN.
    fn syn_received(&self, segment: &Segment) -> Outcome {
        let stays = stays(State::SynReceived);
        if segment.rst() {
            return self.reset_arrives(stays, segment);
        }
        let challenged = |reason| stays.clone().refused(reason).answered(self.ack());
        if segment.syn() {
            // The same SYN again shows that the answer was lost.
            if segment.flags == Flags::SYN && segment.seq + 1 == self.rcv_nxt {
                let answer = Answer::SynAck { seq: self.iss, ack: self.rcv_nxt };
                return stays.answered(answer);
            }
            // The RFC gives the half-open connection up for any SYN in the window. Forgeries could
            // do that; so we challenge, as RFC 5961 4.2 does in the later states.
            return challenged(Refusal::SynReceivedUnacceptable);
        }
        // 3.5.2 group 2 resets whatever the sequence number, in every state before ESTABLISHED.
        if let Some(ack) = segment.ack().filter(|&ack| ack != self.nxt) {
            return stays.refused(Refusal::SynReceivedUnacceptable).reset_by(ack);
        }
        if !self.is_acceptable(segment) {
            return challenged(Refusal::SynReceivedUnacceptable);
        }
        if segment.ack().is_none() {
            return stays.refused(Refusal::AckMissing);
        }
        self.synchronized(segment)
    }

    /// Second: RFC 5961 3.2.
    fn reset_arrives(&self, stays: Outcome, segment: &Segment) -> Outcome {
        if segment.seq == self.rcv_nxt {
            return match self.place {
                Place::SynReceived => stays.ended(None),
                Place::SynReceivedActive => stays.ended(Some(SocketError::Refused)),
                // The RFC says nothing to the user in CLOSING and LAST-ACK. Here text is
                // outstanding that the peer will never have: whoever asks is told.
                _ => stays.ended(Some(SocketError::Reset)),
            };
        }
        if segment.seq - self.rcv_nxt < self.window {
            return stays.refused(Refusal::ResetChallenged).answered(self.ack());
        }
        stays.refused(Refusal::ResetOutsideWindow)
    }

    /// 3.10.7.4, step by step.
    fn synchronized(&self, segment: &Segment) -> Outcome {
        let stays = stays(self.place.state());
        if segment.rst() {
            return self.reset_arrives(stays, segment);
        }
        // 3.5, figure 8: the SYN-ACK of a simultaneous open brings only its acknowledgment.
        let mut segment = segment.clone();
        let expected = self.place == Place::SynReceivedActive
            && segment.seq + 1 == self.rcv_nxt
            && segment.ack() == Some(self.nxt);
        if segment.syn() && expected {
            segment.seq += 1;
            segment.flags = segment.flags.without(Flags::SYN);
        }
        let challenged = |reason| stays.clone().refused(reason).answered(self.ack());
        // First, and RFC 5961 4.2 for a SYN wherever it stands.
        if segment.syn() {
            return challenged(Refusal::SynChallenged);
        }
        if !self.is_acceptable(&segment) {
            let old = segment.seq.before(self.rcv_nxt);
            let reason = if old { Refusal::SequenceOld } else { Refusal::SequenceBeyondWindow };
            return challenged(reason);
        }
        let (tailored, cut) = self.tailor(stays.clone(), &mut segment);
        // Fifth.
        let Some(ack) = segment.ack() else {
            return tailored.refused(Refusal::AckMissing);
        };
        let mut state = tailored.state;
        if state == State::SynReceived {
            if !ack.after(self.una) || ack.after(self.nxt) {
                return tailored.refused(Refusal::SynReceivedUnacceptable).reset_by(ack);
            }
            state = State::Established;
        }
        // RFC 5961 5.2.
        if ack.after(self.nxt) {
            return tailored.refused(Refusal::AckBeyondSent).answered(self.ack());
        }
        if ack.before(self.una - PEER_WINDOW) {
            return tailored.refused(Refusal::AckTooOld).answered(self.ack());
        }
        if ack == self.nxt {
            state = match state {
                State::FinWait1 => State::FinWait2,
                State::Closing => State::TimeWait,
                // The control block is deleted, nothing else is looked at.
                State::LastAck => return tailored.ended(None),
                other => other,
            };
        }
        self.text_and_fin(Outcome { state, ..tailored }, &segment, cut)
    }

    /// First, at its end: only what is new and inside the window is processed. Whether something
    /// was cut off.
    fn tailor(&self, outcome: Outcome, segment: &mut Segment) -> (Outcome, bool) {
        let mut cut = false;
        if segment.seq.before(self.rcv_nxt) {
            let old = (self.rcv_nxt - segment.seq) as usize;
            segment.payload = segment.payload.slice(old.min(segment.payload.len())..);
            segment.seq = self.rcv_nxt;
            cut = true;
        }
        let room = (self.rcv_nxt + self.window - segment.seq) as usize;
        if segment.payload.len() <= room {
            return (outcome, cut);
        }
        segment.payload.truncate(room);
        segment.flags = segment.flags.without(Flags::FIN);
        (outcome.refused(Refusal::TextBeyondWindow), true)
    }

    /// Seventh and eighth.
    fn text_and_fin(&self, mut outcome: Outcome, segment: &Segment, cut: bool) -> Outcome {
        let open = matches!(outcome.state, State::Established | State::FinWait1 | State::FinWait2);
        let len = segment.payload.len();
        if len > 0 && !open {
            // The text is ignored. It is acknowledged as what it is, nothing new.
            return outcome.refused(Refusal::TextAfterFin).answered(self.ack());
        }
        let in_order = segment.seq == self.rcv_nxt;
        let mut rcv_nxt = self.rcv_nxt;
        if len > 0 && in_order {
            outcome.delivered = len;
            rcv_nxt += len as u32;
        }
        if segment.fin() && in_order && open {
            rcv_nxt += 1;
            outcome.state = match outcome.state {
                State::Established => State::CloseWait,
                State::FinWait1 => State::Closing,
                _ => State::TimeWait,
            };
        }
        // RFC 5681 4.2: at once for a FIN, for a gap and for what was received before, or when the
        // window did not hold it all; else the acknowledgment may wait (3.8.6.3).
        let at_once = segment.fin() || (len > 0 && (!in_order || cut));
        outcome.delayed = len > 0 && !at_once;
        if at_once {
            outcome.answer = Answer::Ack { seq: self.nxt, ack: rcv_nxt };
        }
        outcome
    }

    fn time_wait(&self, segment: &Segment) -> Outcome {
        let stays = stays(State::TimeWait);
        if segment.rst() {
            // RFC 1337 3: a reset must not end TIME-WAIT, though RFC 9293 lets it.
            return stays.refused(Refusal::TimeWaitReset);
        }
        // RFC 1122 4.2.2.13, RFC 6191 2, and Linux's strict comparison: a SYN one beyond the FIN
        // could still be an old duplicate of text after it.
        let newer = segment.seq.after(self.rcv_nxt);
        if segment.flags == Flags::SYN && newer {
            return any_syn_ack(Outcome { state: State::SynReceived, ..stays }, segment);
        }
        // What acknowledges our FIN once more is no reason to talk.
        if segment.seq_len() == 0 && segment.seq == self.rcv_nxt {
            return stays.refused(Refusal::TimeWaitSegment);
        }
        stays.refused(Refusal::TimeWaitSegment).answered(self.ack())
    }
}
