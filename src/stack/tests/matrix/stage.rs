//! A stack in any of the states, face to face with a peer whose every segment a test writes.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use bytes::Bytes;

use super::super::world::Side::Server;
use super::super::world::{PORT, World, craft};
use crate::event::{Cause, Event, Refusal, State};
use crate::stack::{ConnKey, ListenerKey, SocketError};
use crate::time::Duration;
use crate::wire::SeqNum;
use crate::wire::tcp::{Flags, Segment};

/// The peer's initial sequence number.
const PEER_ISS: SeqNum = SeqNum::new(5_000_000);
/// The window the peer offers, never scaled.
pub(super) const PEER_WINDOW: u32 = 1000;
/// The text that waits for its acknowledgment where there can be any.
const TEXT: usize = 100;

/// Where a connection is. SYN-RECEIVED is two places: a record of a listener, and a control block
/// whose application opened at the same time as the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Closed,
    Listen,
    SynSent,
    SynReceived,
    SynReceivedActive,
    Established,
    FinWait1,
    FinWait2,
    CloseWait,
    Closing,
    LastAck,
    TimeWait,
}

impl Place {
    pub(super) const ALL: [Place; 12] = [
        Place::Closed,
        Place::Listen,
        Place::SynSent,
        Place::SynReceived,
        Place::SynReceivedActive,
        Place::Established,
        Place::FinWait1,
        Place::FinWait2,
        Place::CloseWait,
        Place::Closing,
        Place::LastAck,
        Place::TimeWait,
    ];

    pub(super) fn state(self) -> State {
        match self {
            Place::Closed => State::Closed,
            Place::Listen => State::Listen,
            Place::SynSent => State::SynSent,
            Place::SynReceived | Place::SynReceivedActive => State::SynReceived,
            Place::Established => State::Established,
            Place::FinWait1 => State::FinWait1,
            Place::FinWait2 => State::FinWait2,
            Place::CloseWait => State::CloseWait,
            Place::Closing => State::Closing,
            Place::LastAck => State::LastAck,
            Place::TimeWait => State::TimeWait,
        }
    }
}

/// What the stack answers at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Nothing,
    Ack { seq: SeqNum, ack: SeqNum },
    SynAck { seq: SeqNum, ack: SeqNum },
    Reset { seq: SeqNum, ack: Option<SeqNum> },
    Other(Vec<Segment>),
}

/// All that an event brings about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) state: State,
    pub(super) answer: Answer,
    /// Whether an acknowledgment follows when its delay is over.
    pub(super) delayed: bool,
    pub(super) refusals: BTreeSet<&'static str>,
    /// How much text the application can read.
    pub(super) delivered: usize,
    pub(super) error: Option<SocketError>,
}

/// A change of state and its reason.
pub(super) type Edge = (State, State, Cause);

pub(super) struct Stage {
    pub(super) world: World,
    pub(super) place: Place,
    pub(super) listener: Option<ListenerKey>,
    pub(super) key: Option<ConnKey>,
    /// Our numbers, as RFC 9293 3.3.1 names them.
    pub(super) iss: SeqNum,
    pub(super) una: SeqNum,
    pub(super) nxt: SeqNum,
    pub(super) rcv_nxt: SeqNum,
    /// The right edge of the window we offered.
    rcv_adv: SeqNum,
    seen: usize,
}

pub(super) fn peer() -> SocketAddr {
    ([10, 0, 0, 77], 7000).into()
}

pub(super) fn local() -> SocketAddr {
    Server.addr(PORT)
}

impl Stage {
    /// A stack in this place.
    pub(super) fn at(place: Place) -> Stage {
        let mut world = World::with_tcp(|config| config.receive_buffer = 4000);
        world.checker = None;
        world.observe();
        let zero = SeqNum::default();
        let mut stage = Stage {
            world,
            place,
            listener: None,
            key: None,
            iss: zero,
            una: zero,
            nxt: zero,
            rcv_nxt: PEER_ISS + 1,
            rcv_adv: PEER_ISS + 1,
            seen: 0,
        };
        match place {
            Place::Closed => {}
            Place::SynSent | Place::SynReceivedActive => stage.open_actively(),
            _ => stage.open_passively(),
        }
        stage.look();
        stage
    }

    fn open_actively(&mut self) {
        let key = self.world.stack(Server).connect(Some(local()), peer(), None).unwrap();
        self.key = Some(key);
        self.sends();
        self.una = self.iss;
        if self.place == Place::SynReceivedActive {
            self.say(Flags::SYN, PEER_ISS, None, 0);
        }
    }

    fn open_passively(&mut self) {
        self.listener = Some(self.world.listen());
        if self.place == Place::Listen {
            return;
        }
        self.say(Flags::SYN, PEER_ISS, None, 0);
        self.una = self.iss;
        if self.place == Place::SynReceived {
            return;
        }
        self.acknowledge();
        self.key = self.world.accept(self.listener.unwrap());
        match self.place {
            Place::FinWait1 => {
                self.write();
                self.shutdown();
            }
            Place::FinWait2 | Place::TimeWait => {
                self.shutdown();
                self.acknowledge();
                if self.place == Place::TimeWait {
                    self.fin();
                }
            }
            Place::CloseWait => {
                self.fin();
                self.write();
            }
            Place::Closing => {
                self.write();
                self.shutdown();
                self.fin();
            }
            Place::LastAck => {
                self.fin();
                self.write();
                self.shutdown();
            }
            _ => self.write(),
        }
    }

    fn write(&mut self) {
        self.world.write_all(Server, self.key.unwrap(), &[7; TEXT]);
        self.sends();
    }

    fn shutdown(&mut self) {
        self.world.shutdown(Server, self.key.unwrap());
        self.sends();
    }

    /// The peer acknowledges all that was sent.
    fn acknowledge(&mut self) {
        self.una = self.nxt;
        self.say(Flags::ACK, self.rcv_nxt, Some(self.nxt), 0);
    }

    fn fin(&mut self) {
        self.say(Flags::FIN | Flags::ACK, self.rcv_nxt, Some(self.una), 0);
        self.rcv_nxt += 1;
    }

    /// A segment of the peer.
    pub(super) fn segment(
        &self,
        flags: Flags,
        seq: SeqNum,
        ack: Option<SeqNum>,
        len: usize,
    ) -> Segment {
        let flags = if ack.is_some() { flags | Flags::ACK } else { flags };
        let segment = craft::segment(peer(), local(), seq, ack.unwrap_or_default(), flags);
        Segment { payload: Bytes::from(vec![9; len]), ..segment }
    }

    fn say(&mut self, flags: Flags, seq: SeqNum, ack: Option<SeqNum>, len: usize) {
        let segment = self.segment(flags, seq, ack, len);
        self.hear(&segment);
    }

    /// Lets a segment of the peer arrive; gives what is sent at once.
    pub(super) fn hear(&mut self, segment: &Segment) -> Vec<Segment> {
        self.world.inject(Server, craft::tcp(peer(), local(), segment));
        self.sends()
    }

    /// What the stack sends now.
    pub(super) fn sends(&mut self) -> Vec<Segment> {
        self.world.turn();
        self.look()
    }

    /// What the stack has sent since the last look.
    pub(super) fn look(&mut self) -> Vec<Segment> {
        let trace = &self.world.trace[self.seen..];
        let sent: Vec<Segment> = trace.iter().map(|(.., segment)| segment.clone()).collect();
        self.seen = self.world.trace.len();
        for segment in sent.iter().filter(|segment| !segment.rst()) {
            if segment.syn() {
                self.iss = segment.seq;
                self.nxt = segment.seq;
            }
            self.nxt = self.nxt.max(segment.seq_end());
            if segment.ack().is_some() {
                self.rcv_adv = segment.ack + u32::from(segment.window);
            }
        }
        sent
    }

    /// RCV.WND.
    pub(super) fn window(&self) -> u32 {
        self.rcv_adv - self.rcv_nxt
    }

    /// The changes of state so far.
    pub(super) fn edges(&self) -> Vec<Edge> {
        let edge = |(_, side, event)| match event {
            Event::StateChanged { from, to, cause, .. } if side == Server => {
                Some((from, to, cause))
            }
            _ => None,
        };
        self.world.events().into_iter().filter_map(edge).collect()
    }

    /// The state of the connection, or of what is left of it.
    pub(super) fn state(&self) -> State {
        self.edges().last().map_or(self.place.state(), |&(_, to, _)| to)
    }

    fn refusals(&mut self) -> Vec<(Refusal, u64)> {
        self.world.stack(Server).counters().refusals.nonzero().collect()
    }

    /// What comes of a segment.
    pub(super) fn outcome(&mut self, segment: &Segment) -> Outcome {
        let before = self.refusals();
        let sent = self.hear(segment);
        self.world.pass(Duration::from_millis(50));
        let later = self.look();
        let mut refusals = self.refusals();
        refusals.retain(|counted| !before.contains(counted));
        if let Some(listener) = self.listener.filter(|_| self.key.is_none()) {
            self.key = self.world.accept(listener);
        }
        Outcome {
            state: self.state(),
            answer: answer(sent),
            delayed: matches!(answer(later), Answer::Ack { .. }),
            refusals: refusals.iter().map(|(reason, _)| reason.name()).collect(),
            delivered: self.read().iter().sum(),
            error: self.key.and_then(|key| self.world.stack(Server).connection_error(key)),
        }
    }

    fn read(&mut self) -> Vec<usize> {
        let Some(key) = self.key else { return Vec::new() };
        let chunks = std::iter::from_fn(|| self.world.read(Server, key)?.ok());
        chunks.map(|chunk| chunk.len()).take_while(|&len| len > 0).collect()
    }
}

/// What one segment in answer is; several are none of the answers that TCP knows.
pub(super) fn answer(sent: Vec<Segment>) -> Answer {
    let [segment] = sent.as_slice() else {
        return if sent.is_empty() { Answer::Nothing } else { Answer::Other(sent) };
    };
    let Segment { seq, ack, .. } = *segment;
    match segment.flags.without(Flags::PSH) {
        flags if flags == Flags::ACK && segment.payload.is_empty() => Answer::Ack { seq, ack },
        flags if flags == Flags::SYN | Flags::ACK => Answer::SynAck { seq, ack },
        _ if segment.rst() => Answer::Reset { seq, ack: segment.ack() },
        _ => Answer::Other(sent),
    }
}
