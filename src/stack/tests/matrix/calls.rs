//! The calls of RFC 9293 3.10.1 to 3.10.6 in every state, as sockets offer them: CLOSE is two calls,
//! for one half and for both; a listener is not a connection and has no SEND, RECEIVE and ABORT.

use std::net::SocketAddr;

use super::super::world::Side::Server;
use super::super::world::{cx, ready};
use super::stage::{Answer, Edge, Place, Stage, answer, local, peer};
use crate::event::State;
use crate::stack::SocketError;
use crate::wire::tcp::{Flags, Segment};

/// The places where the application has a connection in its hands.
const HELD: [Place; 9] = [
    Place::SynSent,
    Place::SynReceivedActive,
    Place::Established,
    Place::FinWait1,
    Place::FinWait2,
    Place::CloseWait,
    Place::Closing,
    Place::LastAck,
    Place::TimeWait,
];

/// What a call sends, without its numbers.
fn flags(sent: &[Segment]) -> Vec<Flags> {
    sent.iter().map(|segment| segment.flags.without(Flags::PSH)).collect()
}

/// 3.10.1: "error: connection already exists" where one does; the four numbers of one that waits in
/// TIME-WAIT are taken as well. A socket that listens does not turn active; its port is taken.
#[test]
fn open_in_every_state() {
    for place in Place::ALL {
        let mut stage = Stage::at(place);
        let open = |stage: &mut Stage, from: SocketAddr| {
            stage.world.stack(Server).connect(Some(from), peer(), None).map(|_| ())
        };
        let taken = Err(SocketError::AddrInUse);
        let expected = if place == Place::Closed { Ok(()) } else { taken };
        assert_eq!(open(&mut stage, local()), expected, "{place:?}");
        assert_eq!(open(&mut stage, Server.addr(4321)), Ok(()), "another port, {place:?}");
        // And for who listens: the port of a connection is no obstacle, another listener is.
        let listens = stage.listener.is_some();
        let listen = stage.world.stack(Server).listen(local(), 1).map(|_| ());
        assert_eq!(listen, if listens { taken } else { Ok(()) }, "{place:?}");
    }
}

/// 3.10.2: queued before ESTABLISHED, sent there and in CLOSE-WAIT, "error: connection closing" in
/// all later states.
#[test]
fn send_in_every_state() {
    for place in HELD {
        let mut stage = Stage::at(place);
        let key = stage.key.unwrap();
        let expected = match place {
            Place::SynSent | Place::SynReceivedActive | Place::Established | Place::CloseWait => {
                Ok(10)
            }
            _ => Err(SocketError::BrokenPipe),
        };
        assert_eq!(stage.world.write(Server, key, &[1; 10]), Some(expected), "{place:?}");
    }
}

/// 3.10.3: queued while text may come, "error: connection closing" afterwards, which a socket tells
/// as the end of the stream.
#[test]
fn receive_in_every_state() {
    for place in HELD {
        let mut stage = Stage::at(place);
        let key = stage.key.unwrap();
        let read = stage.world.read(Server, key).map(|read| read.map(|chunk| chunk.len()));
        let expected = match place {
            Place::CloseWait | Place::Closing | Place::LastAck | Place::TimeWait => Some(Ok(0)),
            _ => None,
        };
        assert_eq!(read, expected, "{place:?}");
    }
}

/// 3.10.4: what CLOSE leads to. In the states after it the RFC has "error: connection closing";
/// sockets do nothing.
fn after_close(place: Place) -> (State, Vec<Flags>) {
    let fin = vec![Flags::FIN | Flags::ACK];
    match place {
        Place::SynSent => (State::Closed, Vec::new()),
        // The FIN waits until the handshake is over.
        Place::SynReceivedActive => (State::FinWait1, Vec::new()),
        Place::Established => (State::FinWait1, fin),
        Place::CloseWait => (State::LastAck, fin),
        _ => (place.state(), Vec::new()),
    }
}

#[test]
fn close_of_the_sending_half_in_every_state() {
    for place in HELD {
        let mut stage = Stage::at(place);
        let key = stage.key.unwrap();
        stage.world.stack(Server).shutdown_write(key).unwrap();
        let sent = stage.sends();
        assert_eq!((stage.state(), flags(&sent)), after_close(place), "{place:?}");
    }
}

#[test]
fn close_of_both_halves_in_every_state() {
    for place in HELD {
        let mut stage = Stage::at(place);
        let key = stage.key.unwrap();
        stage.world.close(Server, key);
        let sent = stage.sends();
        assert_eq!((stage.state(), flags(&sent)), after_close(place), "{place:?}");
        assert_eq!(stage.world.stack(Server).info(key), None, "the key is dead in {place:?}");
    }
}

/// 3.10.5: a reset where the peer may still wait for something, and none in TIME-WAIT. In CLOSING and
/// LAST-ACK the RFC has none either; but text that is outstanding there will never reach the peer,
/// which would wait for it.
#[test]
fn abort_in_every_state() {
    for place in HELD {
        let mut stage = Stage::at(place);
        let resets = !matches!(place, Place::SynSent | Place::TimeWait);
        abort(&mut stage, resets);
        // TIME-WAIT belongs to nobody's call: it protects who comes next (RFC 1337).
        let expected = if place == Place::TimeWait { State::TimeWait } else { State::Closed };
        assert_eq!(stage.state(), expected, "{place:?}");
    }
    for place in [Place::Closing, Place::LastAck] {
        let mut stage = Stage::at(place);
        let all_text = stage.segment(Flags::ACK, stage.rcv_nxt, Some(stage.nxt - 1), 0);
        stage.hear(&all_text);
        abort(&mut stage, false);
        assert_eq!(stage.state(), State::Closed, "{place:?}");
    }
}

fn abort(stage: &mut Stage, resets: bool) {
    stage.world.abort(Server, stage.key.unwrap());
    let answer = answer(stage.sends());
    let reset = matches!(answer, Answer::Reset { seq, .. } if seq == stage.nxt);
    assert_eq!(reset, resets, "{answer:?} in {:?}", stage.place);
    assert_eq!(answer == Answer::Nothing, !resets, "{answer:?} in {:?}", stage.place);
}

/// 3.10.6.
#[test]
fn status_in_every_state() {
    for place in HELD {
        let mut stage = Stage::at(place);
        let key = stage.key.unwrap();
        let info = stage.world.stack(Server).info(key).unwrap();
        assert_eq!((info.state, info.local, info.remote), (place.state(), local(), peer()));
        let connected = ready(stage.world.stack(Server).poll_connected(key, &mut cx()));
        let opening = matches!(place, Place::SynSent | Place::SynReceivedActive);
        assert_eq!(connected, (!opening).then_some(Ok(())), "{place:?}");
    }
}

/// The changes of state that calls bring about.
pub(super) fn edges() -> Vec<Edge> {
    let mut edges = Vec::new();
    for place in HELD {
        for call in 0..2 {
            let mut stage = Stage::at(place);
            let key = stage.key.unwrap();
            match call {
                0 => stage.world.close(Server, key),
                _ => stage.world.abort(Server, key),
            }
            stage.sends();
            edges.extend(stage.edges());
        }
    }
    edges
}
