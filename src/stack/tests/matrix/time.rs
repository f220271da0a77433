//! What time does in every state when the peer is silent (RFC 9293 3.10.8).

use super::super::world::Side::Server;
use super::stage::{Edge, Place, Stage};
use crate::event::{Cause, State};
use crate::stack::SocketError;
use crate::tcp::Keepalive;
use crate::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// Places where something is sent that the peer should acknowledge.
const UNACKNOWLEDGED: [Place; 7] = [
    Place::SynSent,
    Place::SynReceivedActive,
    Place::Established,
    Place::FinWait1,
    Place::CloseWait,
    Place::Closing,
    Place::LastAck,
];

/// How a silence of `time` ends: the state, how many segments were sent again, and what the
/// application is told.
fn silence(stage: &mut Stage, time: Duration) -> (State, usize, Option<SocketError>) {
    stage.world.pass(time);
    let again = stage.look().iter().filter(|segment| !segment.rst()).count();
    let error = stage.key.and_then(|key| stage.world.stack(Server).connection_error(key));
    (stage.state(), again, error)
}

/// The retransmission time-out, to its end (RFC 9293 3.8.3, RFC 6298 5): six times for a SYN, 15 times
/// for the rest, as Linux; then the connection is given up and the application told. TIME-WAIT ends
/// by itself, silence changes nothing where nothing is outstanding.
#[test]
fn silence_in_every_state() {
    let timed_out = Some(SocketError::TimedOut);
    for place in Place::ALL {
        let mut stage = Stage::at(place);
        let expected = match place {
            Place::SynSent | Place::SynReceivedActive => (State::Closed, 6, timed_out),
            Place::SynReceived => (State::Closed, 6, None),
            Place::TimeWait => (State::Closed, 0, None),
            Place::Closed | Place::Listen | Place::FinWait2 => (place.state(), 0, None),
            // The text and, where there is one, the FIN are sent together when repaired.
            _ => (State::Closed, 15, timed_out),
        };
        assert_eq!(silence(&mut stage, 7200 * SECOND), expected, "{place:?}");
    }
}

/// The user time-out (RFC 9293 3.10.8, RFC 5482 3): "aborted due to user timeout".
#[test]
fn the_user_timeout_in_every_state() {
    for place in UNACKNOWLEDGED {
        let mut stage = Stage::at(place);
        let key = stage.key.unwrap();
        stage.world.stack(Server).set_user_timeout(key, Some(5 * SECOND)).unwrap();
        let (state, _, error) = silence(&mut stage, 12 * SECOND);
        assert_eq!((state, error), (State::Closed, Some(SocketError::TimedOut)), "{place:?}");
        assert_eq!(stage.edges().last().unwrap().2, Cause::UserTimeout, "{place:?}");
    }
}

/// Keepalive (RFC 9293 3.8.4) finds a dead peer where nothing else would.
#[test]
fn keepalive_finds_a_dead_peer_where_nothing_is_outstanding() {
    let mut stage = Stage::at(Place::FinWait2);
    let keepalive = Keepalive { idle: 10 * SECOND, interval: SECOND, count: 3 };
    let key = stage.key.unwrap();
    stage.world.stack(Server).set_keepalive(key, Some(keepalive)).unwrap();
    let expected = (State::Closed, 3, Some(SocketError::TimedOut));
    assert_eq!(silence(&mut stage, 60 * SECOND), expected);
    assert_eq!(stage.edges().last().unwrap().2, Cause::KeepaliveLimit);
}

/// FIN-WAIT-2 has no time-out in the RFC; with nobody left to read it has one, as in Linux.
#[test]
fn nobody_waits_for_ever_in_fin_wait_2() {
    let mut stage = Stage::at(Place::FinWait2);
    let key = stage.key.unwrap();
    stage.world.close(Server, key);
    assert_eq!(silence(&mut stage, 59 * SECOND), (State::FinWait2, 0, None));
    assert_eq!(silence(&mut stage, 2 * SECOND), (State::Closed, 0, None));
}

/// The changes of state that time brings about.
pub(super) fn edges() -> Vec<Edge> {
    let mut edges = Vec::new();
    for place in Place::ALL {
        let mut stage = Stage::at(place);
        if let Some(key) = stage.key.filter(|_| place == Place::FinWait2) {
            stage.world.close(Server, key);
        }
        silence(&mut stage, 7200 * SECOND);
        edges.extend(stage.edges());
    }
    edges
}
